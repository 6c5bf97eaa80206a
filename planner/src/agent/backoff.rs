//! When something that failed is tried again: a pure function of how often it failed. Called by the plans.
//!
//! Invariant: the first repairs of drift are immediate; whoever fights us back is met ever more slowly.

use fleet_api::wire::Timestamp;
use jiff::SignedDuration;

const FAILURE_MS: [i64; 9] = [500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000];
const REPAIR_MS: [i64; 10] = [0, 0, 0, 0, 0, 1_000, 2_000, 5_000, 60_000, 300_000];
const DISCOVERY_MS: [i64; 9] = [0, 150, 300, 1_000, 2_000, 5_000, 15_000, 60_000, 300_000];
/// After this time without a repair an object counts as quiet again.
const QUIET: SignedDuration = SignedDuration::from_secs(600);

/// How often something happened without success, and when it last did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tries {
    /// How often.
    pub(super) count: u32,
    /// When last.
    pub(super) last: Timestamp,
}

impl Tries {
    /// One more, at `now`.
    pub(super) fn again(previous: Option<Self>, now: Timestamp) -> Self {
        Self { count: previous.map_or(0, |tries| tries.count).saturating_add(1), last: now }
    }

    /// One more repair, at `now`; an object that was quiet for long starts over.
    pub(super) fn repair(previous: Option<Self>, now: Timestamp) -> Self {
        Self::again(previous.filter(|tries| now.duration_since(tries.last) < QUIET), now)
    }

    /// When a failed action is tried again.
    pub(super) fn retry_failure(&self) -> Timestamp {
        self.after(&FAILURE_MS, self.count.saturating_sub(1))
    }

    /// When drift is repaired again.
    pub(super) fn retry_repair(&self) -> Timestamp {
        self.after(&REPAIR_MS, self.count)
    }

    /// When the API server is asked again for a kind that it did not serve.
    pub(super) fn retry_discovery(&self) -> Timestamp {
        self.after(&DISCOVERY_MS, self.count)
    }

    fn after(&self, steps: &[i64], count: u32) -> Timestamp {
        let index = usize::try_from(count).unwrap_or(usize::MAX).min(steps.len() - 1);
        self.last.saturating_add(SignedDuration::from_millis(steps[index])).unwrap_or(self.last)
    }
}
