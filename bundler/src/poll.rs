//! When a repository is looked at again. Pure: the hub's poll loop hands in its own chance and keeps the clock.

use std::time::Duration;

/// How often a GitRepo without `spec.pollingInterval` is polled, as Fleet does (`gitrepo_types.go`).
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(15);

/// No repository waits longer than this for its next try, unless its own interval is longer.
const MAX_BACKOFF: Duration = Duration::from_secs(600);

/// The time until the next poll: `interval`, doubled for each of the last `failures` in a row up to ten minutes, and
/// moved by up to a tenth either way by `seed` (anything that differs between repositories and polls), so that
/// repositories that start together do not stay together.
pub fn next_poll(interval: Duration, failures: u32, seed: u64) -> Duration {
    let doubled = interval.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX));
    let base = doubled.min(MAX_BACKOFF.max(interval));
    // 0 … 2000 stands for −10 % … +10 %, in steps of a hundredth of a percent.
    let step = u32::try_from(mix(seed) % 2001).unwrap_or(1000);
    base.checked_mul(9_000 + step).map_or(base, |scaled| scaled / 10_000)
}

/// The finaliser of splitmix64: neighbouring seeds give unrelated numbers.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_stay_within_a_tenth_of_the_interval_and_spread_over_it() {
        let waits: Vec<Duration> = (0..1000).map(|seed| next_poll(DEFAULT_INTERVAL, 0, seed)).collect();
        let (low, high) = (Duration::from_millis(13_500), Duration::from_millis(16_500));
        assert!(waits.iter().all(|wait| (low..=high).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(13_700)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(16_300)));
    }

    #[test]
    fn failures_double_the_wait_up_to_ten_minutes() {
        for (failures, seconds) in [(1, 30), (2, 60), (5, 480), (6, 600), (40, 600)] {
            let wait = next_poll(DEFAULT_INTERVAL, failures, 7).as_secs_f64();
            assert!((0.9..=1.1).contains(&(wait / f64::from(seconds))), "{failures} failures: {wait} s");
        }
    }

    #[test]
    fn a_long_interval_is_not_shortened_by_failures() {
        let hour = Duration::from_secs(3600);
        assert!(next_poll(hour, 3, 1) >= hour * 9 / 10);
        assert_eq!(next_poll(Duration::MAX, 3, 1), Duration::MAX);
    }
}
