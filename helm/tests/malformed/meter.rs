//! What a case takes: time of the processor, not of the clock, and the most heap that it holds at once.

use peak_alloc::PeakAlloc;

pub(crate) struct Meter {
    memory: &'static PeakAlloc,
    bytes: usize,
    nanoseconds: u64,
}

impl Meter {
    pub(crate) fn start(memory: &'static PeakAlloc) -> Self {
        memory.reset_peak_usage();
        Self { memory, bytes: memory.current_usage(), nanoseconds: nanoseconds() }
    }

    /// Seconds of the processor and bytes.
    #[expect(clippy::cast_precision_loss, reason = "a test's bound")]
    pub(crate) fn stop(self) -> (f64, usize) {
        let spent = nanoseconds().saturating_sub(self.nanoseconds) as f64 / 1e9;
        (spent, self.memory.peak_usage().saturating_sub(self.bytes))
    }
}

/// What this thread has had of a processor; 0 where the system does not tell.
fn nanoseconds() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or_default()
}
