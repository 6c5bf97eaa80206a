//! What a build takes.

use std::time::{Duration, Instant};

/// As much may a refused input take: in code that is not optimised some times as long.
pub(crate) const PATIENCE: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1_000 } else { 100 });
/// As much memory may it take, in KiB, the program included.
pub(crate) const MEMORY_KIB: u64 = 64 * 1_024;

/// What `work` gives, and the time that this thread computed for it; the time of the wall where the system tells no other.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let (start, computed) = (Instant::now(), computed());
    let result = work();
    let spent = computed.zip(self::computed()).map(|(before, after)| after.saturating_sub(before));
    (result, spent.unwrap_or_else(|| start.elapsed()))
}

/// How long this thread has computed.
fn computed() -> Option<Duration> {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(status.split_whitespace().next()?.parse().ok()?))
}

/// The most that this process has taken so far, in KiB; so no input before took more.
pub(crate) fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What `work` gives, which must take no more than is allowed. The machine may be busy with something else once.
pub(crate) fn within_limits<T>(work: impl Fn() -> T, what: impl Fn() -> String) -> T {
    let (result, mut fastest) = timed(&work);
    for _ in 0..4 {
        if fastest <= PATIENCE {
            break;
        }
        fastest = fastest.min(timed(&work).1);
    }
    assert!(fastest <= PATIENCE, "{fastest:?} for {}", what());
    if let Some(peak) = peak_kib() {
        assert!(peak <= MEMORY_KIB, "{peak} KiB for {}", what());
    }
    result
}
