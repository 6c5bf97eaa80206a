//! A clock that was set back. Called by every decision, before anything is planned.
//!
//! Invariant: no pause is longer than it was meant, however far the clock was ahead when it began.

use super::Machine;
use super::backoff::Tries;
use fleet_api::wire::Timestamp;

impl Machine {
    /// What happened later than `now` happened when the clock was ahead: its pause begins now. Without this an agent whose
    /// clock was ten years ahead when something failed would try again in ten years.
    pub(super) fn begin_again_what_is_in_the_future(&mut self, now: Timestamp) {
        let snapshot = &mut self.snapshot;
        let attempts = snapshot.attempts.values_mut().map(|attempt| &mut attempt.tries);
        let others = [&mut snapshot.fetching.tries, &mut self.journal.tries, &mut self.discovery.tries];
        let all = attempts.chain(snapshot.repairs.values_mut()).chain(others.into_iter().flatten());
        for Tries { last, .. } in all.filter(|tries| tries.last > now) {
            *last = now;
            // The plans say when they are to be made again, by the old clock.
            self.all_dirty = true;
        }
        for looked in snapshot.renderings.values_mut().filter_map(|rendering| rendering.looked.as_mut()) {
            if *looked > now {
                *looked = now;
                self.all_dirty = true;
            }
        }
        self.journal.dirty_since = self.journal.dirty_since.map(|since| since.min(now));
    }
}
