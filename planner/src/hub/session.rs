//! What agents say: syncs, and silence.

use super::Machine;
use super::event::{Sync, SyncOutcome};
use fleet_api::names::Ref;
use fleet_api::wire::{Timestamp, Version};

impl Machine {
    /// Takes in what an agent says. `None` where there is no such identity (any more).
    pub fn sync(&mut self, sync: &Sync, now: Timestamp) -> Option<SyncOutcome> {
        let lifetime = self.options.desired_lifetime;
        let cluster = self.snapshot.clusters.get_mut(&sync.cluster)?;
        let memory = cluster.memory.as_mut()?;
        let old_facts = memory.report.facts.clone();
        let old_version = memory.report.version;
        let outcome = memory.sync(sync, self.options.rules);
        if outcome.fenced {
            return Some(outcome);
        }
        let name = &sync.cluster;
        let expiring = memory
            .desired
            .as_ref()
            .is_some_and(|desired| now.duration_since(desired.issued) > lifetime.checked_div(2).unwrap_or(lifetime));
        if outcome.new_epoch || expiring || memory.desired.is_none() {
            self.dirty.desired.insert(name.clone());
        }
        let reported = sync.report.as_ref().filter(|delta| delta.sequence == outcome.acknowledged);
        if let Some(delta) = reported.filter(|_| outcome.durable) {
            if memory.report.facts != old_facts {
                self.dirty.clusters.insert(name.clone());
            }
            let touched: Vec<Ref> = if delta.full || memory.report.version != old_version {
                cluster.bundles.iter().cloned().collect()
            } else {
                delta.deployments.keys().chain(&delta.removed).cloned().collect()
            };
            self.dirty.plan.extend(touched.into_iter().map(|bundle| (bundle, name.clone())));
            // Tombstones and approvals may have done their work.
            self.dirty.desired.insert(name.clone());
            self.dirty.report.insert(name.clone());
            self.dirty.cluster_status.insert(name.clone());
        }
        if outcome.durable {
            self.dirty.memory.insert(name.clone());
        }
        if sync.report.as_ref().is_some_and(|delta| delta.facts.is_some()) {
            self.snapshot.share_api_versions(name);
        }
        self.seen(name, now);
        Some(outcome)
    }

    /// A Desired of a cluster was given to its agent. To be called before the next but one is decided.
    pub fn served(&mut self, cluster: &Ref, version: Version) {
        if let Some(memory) = self.memory_mut(cluster) {
            memory.unserved.remove(&version);
        }
    }

    fn seen(&mut self, name: &Ref, now: Timestamp) {
        let Some(cluster) = self.snapshot.clusters.get_mut(name) else { return };
        let period = self.options.offline_after.checked_div(4).unwrap_or(self.options.offline_after);
        let stale = cluster.last_seen.is_none_or(|last| now.duration_since(last) > period);
        if stale || cluster.offline {
            // One deadline for a cluster; it is looked at again when it comes.
            if let Some(last) = cluster.last_seen {
                self.deadlines.remove(&(last + self.options.offline_after, name.clone()));
            }
            self.deadlines.insert((now + self.options.offline_after, name.clone()));
            self.dirty.cluster_status.insert(name.clone());
            cluster.last_seen = Some(now);
        }
        if cluster.offline {
            cluster.offline = false;
            self.dirty.plan.extend(cluster.bundles.iter().map(|bundle| (bundle.clone(), name.clone())));
        }
    }

    /// The agent of a cluster waits for news: it is there, and says nothing.
    pub fn waits(&mut self, name: &Ref, now: Timestamp) {
        self.seen(name, now);
    }

    /// Restores when a cluster was heard of last.
    pub fn restore_seen(&mut self, name: &Ref, at: Timestamp) {
        if let Some(cluster) = self.snapshot.clusters.get_mut(name) {
            cluster.last_seen = Some(at);
            self.deadlines.insert((at + self.options.offline_after, name.clone()));
        }
    }
}
