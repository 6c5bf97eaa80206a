//! The documents that survive a process: what is written, one at a time, and what its answer means (`agent/src/state.rs`).

use super::{Job, Process, PutAnswer};
use crate::agent::Call;
use crate::world::{Ev, World};
use fleet_api::Digest;
use fleet_api::wire::Timestamp;
use skiff_planner::agent::{Event, encode_desired};
use skiff_wire::document::{Answer, Writing};

impl Process {
    pub(super) fn save_desired(&mut self, digest: Digest, world: &mut World) {
        let Some((_, bytes)) = self.pending.as_ref().filter(|(pending, _)| *pending == digest) else { return };
        let mark = self.machine.pending().map(|(version, _)| version).unwrap_or_default().max(self.machine.mark());
        let kube_system = &world.sites[self.site].kube_system;
        let bytes = encode_desired(&self.uid, kube_system, mark, digest, bytes);
        self.jobs.push_back(Job { ledger: false, bytes, event: Event::DesiredSaved { digest } });
        self.next_job(world);
    }

    /// One write of a document at a time.
    pub(super) fn next_job(&mut self, world: &mut World) {
        if self.busy {
            return;
        }
        let Some(job) = self.jobs.front() else { return };
        self.busy = true;
        let document = &self.documents[usize::from(job.ledger)];
        let call = if document.is_uncertain() {
            Call::Head
        } else {
            match document.begin_write(&job.bytes) {
                Ok(writing) => {
                    world.oracle.document_tried(self.site, self.pid, &writing.head);
                    Call::Put(writing)
                }
                Err(_) => return,
            }
        };
        world.call(self.site, self.pid, call);
    }

    /// The document whose write is under way.
    pub(crate) fn job(&self) -> Option<&Job> {
        self.jobs.front()
    }

    pub(super) fn put_done(&mut self, writing: &Writing, answer: &PutAnswer, at: Timestamp, world: &mut World) -> bool {
        self.busy = false;
        let Some(job) = self.jobs.front() else { return true };
        let document = &mut self.documents[usize::from(job.ledger)];
        let meaning = match answer {
            PutAnswer::Taken(head) => Answer::Taken(head),
            PutAnswer::Conflict => Answer::Conflict,
            PutAnswer::Refused => Answer::Refused,
            PutAnswer::Unknown => Answer::Unknown,
        };
        if document.written(writing, meaning).is_err() {
            return false;
        }
        if !matches!(answer, PutAnswer::Taken(_)) {
            return self.job_failed(at, world);
        }
        let Some(job) = self.jobs.pop_front() else { return true };
        if let Event::DesiredSaved { digest } = &job.event {
            if let Some((_, bytes)) = self.pending.take_if(|(pending, _)| pending == digest) {
                self.desired = bytes;
            }
            self.collect_garbage = true;
        }
        self.machine.observe(job.event);
        self.next_job(world);
        true
    }

    pub(super) fn job_failed(&mut self, at: Timestamp, world: &mut World) -> bool {
        let is_ledger = self.jobs.front().is_some_and(|job| job.ledger);
        if is_ledger {
            self.jobs.pop_front();
            self.machine.observe(Event::JournalFailed { message: "no".into(), at });
            self.next_job(world);
        } else {
            // Nothing goes on without it: it is the high-water mark.
            self.busy = true;
            world.push(world.now + 2000, Ev::RetryJobs(self.pid));
        }
        true
    }
}
