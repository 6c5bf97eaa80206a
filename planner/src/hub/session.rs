//! What agents say: who they are, syncs, and silence.

use super::event::{Sync, SyncOutcome};
use super::rules::{Rule, Rules};
use super::{Enrollment, Machine};
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::reason::{Note, Reason};
use fleet_api::wire::{HeldDeletions, SyncRequest, Timestamp, Version};
use std::collections::BTreeSet;

/// R1, from the hub's side: who an agent says it is must be who its key says (`cluster`, `enrollment`).
///
/// # Errors
/// The note to refuse it with.
pub fn check_identity(rules: Rules, cluster: &Ref, enrollment: &Enrollment, request: &SyncRequest) -> Result<(), Note> {
    if !rules.on(Rule::R1Identity) {
        return Ok(());
    }
    let wrong = |message: String| Err(Note::new(Reason::WrongCluster, message));
    if request.cluster != enrollment.uid {
        return wrong(format!("this key is that of {}, not of {}", enrollment.uid, request.cluster));
    }
    if request.kube_system_uid != enrollment.kube_system_uid {
        return wrong(format!(
            "cluster {cluster} was enrolled with another kube-system namespace: this is a copy, or a cluster made anew; \
             enroll it under an identity of its own"
        ));
    }
    Ok(())
}

impl Machine {
    /// The rules that hold.
    pub const fn rules(&self) -> Rules {
        self.options.rules
    }

    /// Whether `cluster` may be enrolled with this key, for the cluster whose `kube-system` has this UID. A token never
    /// gets an identity that another key has, unless it was made for that very cluster (`names_it`).
    ///
    /// # Errors
    /// Why not, and what to do, for a person.
    pub fn check_enrollment(
        &self,
        cluster: &Ref,
        names_it: bool,
        key: &Digest,
        kube_system_uid: &str,
    ) -> Result<(), String> {
        if kube_system_uid.is_empty() {
            return Err("the UID of namespace kube-system is missing".to_owned());
        }
        if !self.options.rules.on(Rule::R1Name) {
            return Ok(());
        }
        for (name, memory) in self.memories() {
            let same_cluster = memory.enrollment.kube_system_uid == kube_system_uid;
            let renewed = name == cluster && same_cluster && names_it;
            if memory.enrollment.key == *key && name != cluster {
                return Err(format!("this key is that of cluster {name} already"));
            }
            if name == cluster && !renewed {
                return Err(format!(
                    "cluster {name} is enrolled already; `skiff delete cluster {}` revokes it and leaves its workloads \
                     alone, or a token for exactly this name renews the key of the same cluster",
                    name.name
                ));
            }
            if name != cluster && same_cluster {
                return Err(format!(
                    "this cluster is enrolled as {name} already (its kube-system namespace has the same UID); delete \
                     that Cluster first"
                ));
            }
        }
        Ok(())
    }

    /// Takes in what an agent says. `None` where there is no such identity (any more).
    pub fn sync(&mut self, sync: &Sync, now: Timestamp) -> Option<SyncOutcome> {
        let lifetime = self.options.desired_lifetime;
        let cluster = self.snapshot.clusters.get_mut(&sync.cluster)?;
        let memory = cluster.memory.as_mut()?;
        let old_facts = memory.report.facts.clone();
        let old_version = memory.report.version;
        let old_held = memory.report.held.clone();
        let old_protocol = memory.protocol;
        let outcome = memory.sync(sync, self.options.rules);
        if outcome.fenced {
            return Some(outcome);
        }
        if memory.protocol != old_protocol {
            self.dirty.clusters.insert(sync.cluster.clone());
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
            if memory.report.held != old_held {
                let now_held = memory.report.held.clone();
                self.held_changed(name, [old_held, now_held]);
            }
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

    /// The GitRepos of what is, or was, held tell of it; some of the Bundles may be gone.
    fn held_changed(&mut self, cluster: &Ref, lists: [Option<HeldDeletions>; 2]) {
        let Some(memory) = self.memory(cluster) else { return };
        let bundles: BTreeSet<Ref> =
            lists.into_iter().flatten().flat_map(|held| held.objects).map(|object| object.bundle).collect();
        let touched: Vec<Ref> = bundles.iter().filter_map(|bundle| self.origin(bundle, memory)).collect();
        self.dirty.gitrepo_status.extend(touched);
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
