//! What the hub does: what it takes in, remembers, and tells (R1, R2, R11, R12).

use super::Oracle;
use crate::hub::Running;
use fleet_api::names::Ref;
use fleet_api::wire::Have;
use skiff_planner::hub::{Enrollment, Memory, Sync, SyncOutcome};

impl Oracle {
    pub(crate) fn hub_loaded(&mut self, now: u64, running: &Running) {
        for (cluster, memory) in running.machine.memories() {
            let Some(truth) = self.hubs.get_mut(cluster) else { continue };
            let stored = (memory.report_start, memory.sequence);
            // What was taken in and not committed was lost with the process, and nobody was told that it is there.
            truth.stored = Some(stored);
            if memory.start < truth.told_start {
                let message = format!("{cluster}: start {} was told, and {} is stored", truth.told_start, memory.start);
                return self.fail(now, "R12", message);
            }
            truth.start = memory.start;
            if let Some(acknowledged) = truth.acknowledged.filter(|acknowledged| stored < *acknowledged) {
                let message = format!("{cluster}: report {acknowledged:?} was acknowledged, and {stored:?} is stored");
                return self.fail(now, "R11", message);
            }
        }
    }

    pub(crate) fn synced(&mut self, now: u64, sync: &Sync, outcome: &SyncOutcome, memory: Option<&Memory>) {
        let truth = self.hubs.entry(sync.cluster.clone()).or_default();
        let is_unknown = sync.have.is_some_and(|have| truth.unknown.contains(&(have.version, have.digest)));
        if outcome.new_epoch && !is_unknown {
            let message = format!("{}: the hub does not know {:?}, which it gave out", sync.cluster, sync.have);
            return self.fail(now, "R2", message);
        }
        if sync.start.is_some_and(|start| start < truth.start) && !outcome.fenced {
            return self.fail(now, "R12", format!("{}: an older process was not fenced", sync.cluster));
        }
        if !outcome.fenced {
            truth.start = truth.start.max(outcome.start);
        }
        let Some(memory) = memory else { return };
        if outcome.new_epoch {
            truth.epoch = memory.version.epoch;
        }
        let is_news = |have: &Have| have.version >= memory.version && !memory.history.contains(have);
        if let Some(have) = sync.have.filter(|have| !outcome.fenced && is_news(have)) {
            let message = format!("{}: the hub does not know {}, and begins no new epoch", sync.cluster, have.version);
            return self.fail(now, "R3", message);
        }
        let stored = (memory.report_start, memory.sequence);
        if let Some(before) = truth.stored.filter(|before| before.0 == stored.0 && before.1 > stored.1) {
            return self.fail(
                now,
                "R11",
                format!("{}: the report went back from {before:?} to {stored:?}", sync.cluster),
            );
        }
        truth.stored = Some(stored);
    }

    pub(crate) fn acknowledged(&mut self, cluster: &Ref, outcome: &SyncOutcome) {
        if outcome.fenced {
            return;
        }
        let truth = self.hubs.entry(cluster.clone()).or_default();
        truth.told_start = truth.told_start.max(outcome.start);
        if outcome.acknowledged == 0 {
            return;
        }
        let acknowledged = (outcome.start, outcome.acknowledged);
        truth.acknowledged = truth.acknowledged.max(Some(acknowledged));
    }

    /// A document was given to an agent.
    pub(crate) fn served(&mut self, now: u64, cluster: &Ref, have: Have) {
        let truth = self.hubs.entry(cluster.clone()).or_default();
        truth.served.entry(have.version).or_insert(now);
        truth.given.insert((have.version, have.digest));
    }

    /// A cluster gets an identity.
    pub(crate) fn enrolled(&mut self, now: u64, name: &Ref, known: Option<&Enrollment>, kube_system: &str) {
        if known.is_some_and(|known| known.kube_system_uid != kube_system) {
            return self.fail(now, "R1", format!("{name} was given to another cluster, and nobody deleted it"));
        }
        self.hubs.remove(name);
        self.statements_begun(name);
    }
}
