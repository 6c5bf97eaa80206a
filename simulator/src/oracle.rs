//! What must never happen, looked at after every event: each rule of docs/ARCHITECTURE.md, Deletion, as code. The oracle
//! sees what was done to the clusters, what was told, and what users meant; it shares no decision with hub and agent.

use crate::agent::Process;
use crate::hub::Running;
use crate::world::Site;
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::{Have, HeldDeletions, Version};
use fleet_api::{Digest, ObjectKey};
use serde_json::Value;
use skiff_planner::agent::{Action, Apply, Delete, LEDGER_DOCUMENT, Ledger, Rules};
use skiff_planner::hub::{Enrollment, Memory, Sync, SyncOutcome};
use skiff_wire::document::Document;
use std::collections::{BTreeMap, BTreeSet};

/// What happened and must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule: `R6`, `liveness`, …
    pub rule: &'static str,
    /// What happened.
    pub message: String,
    /// When (ms).
    pub at: u64,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {} ms: {}", self.rule, self.at, self.message)
    }
}

/// An agent may be this late (ms) behind what users meant when it makes an object.
const LAG: u64 = 180_000;
/// The hub may see for so long (ms) not what users did: a repository that cannot be reached, a hub that is down.
const UNSEEN: u64 = 300_000;
/// An agent may not know for so long (ms) that somebody has replaced an object.
const BLIND: u64 = 120_000;

#[derive(Debug, Default)]
struct SiteTruth {
    wanted: BTreeSet<ObjectKey>,
    /// When a key was last not meant.
    unwanted_at: BTreeMap<ObjectKey, u64>,
    /// UIDs that the agent made, and when.
    made: BTreeMap<String, u64>,
    /// UIDs that others made, and when.
    foreign: BTreeMap<String, u64>,
    /// The highest version that an agent worked with: which one did, and since when.
    highest: Option<(ClusterUid, Version, u32, u64)>,
    /// What is on disk of the ledger.
    ledger: Ledger,
    /// What stands in the ledger that each process has written, or has begun with.
    journaled: BTreeMap<u32, BTreeSet<ObjectKey>>,
    anew_at: Option<u64>,
    /// What an admin was shown, by its digest.
    shown: BTreeMap<Digest, BTreeSet<(ObjectKey, String)>>,
    /// What of it the hub took as approved.
    approved: BTreeSet<(ObjectKey, String)>,
    approved_epochs: BTreeSet<u64>,
    /// Bundles of which a document in force said that what they leave is kept.
    released: BTreeSet<Ref>,
    /// When the document was given out on whose word the deletion of a UID began.
    said_at: BTreeMap<String, u64>,
    /// In which generation a deletion was let through.
    doomed_in: BTreeMap<String, Version>,
    deleted_in: BTreeMap<Version, BTreeSet<String>>,
    spent: (Version, u32),
}

#[derive(Debug, Default)]
struct HubTruth {
    acknowledged: Option<(u64, u64)>,
    /// When each document was first given out.
    served: BTreeMap<Version, u64>,
    stored: Option<(u64, u64)>,
    start: u64,
    /// The epoch that the hub began last.
    epoch: u64,
    /// The agent may have a document that the hub does not know.
    may_not_know: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) violation: Option<Violation>,
    pub(crate) deletions: u64,
    pub(crate) applies: u64,
    sites: Vec<SiteTruth>,
    hubs: BTreeMap<Ref, HubTruth>,
    contents: BTreeSet<(ObjectKey, Digest)>,
    deleted_repos: BTreeSet<String>,
    was_restored: bool,
    /// Repositories that the hub has not read since its store is an older one.
    unread: BTreeSet<String>,
}

impl Oracle {
    pub(crate) fn new(sites: usize) -> Self {
        Self {
            violation: None,
            deletions: 0,
            applies: 0,
            sites: (0..sites).map(|_| SiteTruth::default()).collect(),
            hubs: BTreeMap::new(),
            contents: BTreeSet::new(),
            deleted_repos: BTreeSet::new(),
            was_restored: false,
            unread: BTreeSet::new(),
        }
    }

    pub(crate) fn fail(&mut self, at: u64, rule: &'static str, message: String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { rule, message, at });
        }
    }

    // ------------------------------------------------------------------------------------------ what users mean

    pub(crate) fn meant(&mut self, now: u64, site: usize, wanted: BTreeSet<ObjectKey>) {
        let truth = &mut self.sites[site];
        for key in truth.wanted.difference(&wanted) {
            truth.unwanted_at.insert(key.clone(), now);
        }
        for key in wanted.difference(&truth.wanted) {
            if truth.unwanted_at.contains_key(key) {
                truth.unwanted_at.insert(key.clone(), now);
            }
        }
        truth.wanted = wanted;
    }

    pub(crate) fn is_meant(&self, site: usize, key: &ObjectKey) -> bool {
        self.sites[site].wanted.contains(key)
    }

    pub(crate) fn repo_deleted(&mut self, name: &str, deleted: bool) {
        if deleted {
            self.deleted_repos.insert(name.to_owned());
        } else {
            self.deleted_repos.remove(name);
        }
    }

    pub(crate) fn was_deleted(&self, name: &str) -> bool {
        self.deleted_repos.contains(name)
    }

    /// An admin was shown a list, and will agree to it.
    pub(crate) fn shown(&mut self, site: usize, held: &HeldDeletions) {
        let list = held.objects.iter().map(|object| (object.key.clone(), object.uid.clone())).collect();
        self.sites[site].shown.insert(held.digest, list);
    }

    /// The hub took the approval of a list, as one of all that is held in the cluster or of a part (R8, R3).
    pub(crate) fn approved(&mut self, site: usize, shown: &Digest, epoch: u64, is_whole: bool) {
        let truth = &mut self.sites[site];
        truth.approved.extend(truth.shown.get(shown).into_iter().flatten().cloned());
        if is_whole {
            truth.approved_epochs.insert(epoch);
        }
    }

    /// The hub has read a repository, or it was given a place in the store.
    pub(crate) fn read(&mut self, repo: &str) {
        self.unread.remove(repo);
    }

    pub(crate) fn foreign(&mut self, site: usize, now: u64, uid: &str) {
        self.sites[site].foreign.insert(uid.to_owned(), now);
    }

    pub(crate) fn rendered(&mut self, key: &ObjectKey, digest: Digest) {
        self.contents.insert((key.clone(), digest));
    }

    pub(crate) fn anew(&mut self, site: usize, now: u64) {
        self.sites[site].anew_at = Some(now);
    }

    /// The site is another cluster from now on.
    pub(crate) fn reinstalled(&mut self, site: usize) {
        let wanted = std::mem::take(&mut self.sites[site].wanted);
        self.sites[site] = SiteTruth { wanted, ..SiteTruth::default() };
    }

    pub(crate) fn add_site(&mut self) {
        self.sites.push(SiteTruth::default());
    }

    /// The hub goes on with an older store, in which there are these repositories.
    pub(crate) fn restored(&mut self, repos: BTreeSet<String>) {
        self.was_restored = true;
        self.unread = repos;
        for truth in self.hubs.values_mut() {
            let served = std::mem::take(&mut truth.served);
            *truth = HubTruth { may_not_know: true, served, ..HubTruth::default() };
        }
    }

    /// A document that the hub does not know of was given to the agent of a cluster.
    pub(crate) fn lied_to(&mut self, cluster: &Ref) {
        self.hubs.entry(cluster.clone()).or_default().may_not_know = true;
    }

    // ------------------------------------------------------------------------------------------ what agents do

    pub(crate) fn decided(&mut self, now: u64, process: &Process, site: &Site) {
        let index = process.site;
        if let Some(desired) = &process.in_force {
            if desired.identity.uid != process.uid {
                return self.fail(now, "R1", format!("{} works with the desired state of another cluster", site.name));
            }
            // Of two agents the one that began before the other had it may be behind, until it is fenced.
            let highest = self.sites[index].highest.clone();
            let counts = |pid: u32, at: u64| pid == process.pid || process.started >= at;
            if let Some((uid, version, pid, at)) = highest
                && uid == process.uid
                && version > desired.version
                && counts(pid, at)
            {
                let message = format!("{} works with {}, and had {version} already", site.name, desired.version);
                return self.fail(now, "R2", message);
            }
            let highest = &mut self.sites[index].highest;
            if highest.as_ref().is_none_or(|known| known.0 != process.uid || known.1 < desired.version) {
                *highest = Some((process.uid.clone(), desired.version, process.pid, now));
            }
        }
        self.know_releases(process);
        let spent = process.machine.ledger().spent;
        let truth = &mut self.sites[index];
        if truth.spent != (spent.version, spent.count) {
            truth.spent = (spent.version, spent.count);
            for bundle in process.machine.ledger().bundles.values() {
                for entry in bundle.objects.values().filter(|entry| entry.doomed) {
                    if let Some(uid) = &entry.uid {
                        truth.doomed_in.entry(uid.to_string()).or_insert(spent.version);
                    }
                }
            }
        }
    }

    /// What a document in force releases: what a keeping Bundle leaves, with a tombstone or without.
    fn know_releases(&mut self, process: &Process) {
        let Some(desired) = &process.in_force else { return };
        let released = &mut self.sites[process.site].released;
        for tombstone in desired.tombstones.iter().filter(|tombstone| tombstone.keep_resources) {
            if !released.contains(&tombstone.bundle) {
                released.insert(tombstone.bundle.clone());
            }
        }
        for bundle in desired.deployments.iter().map(|deployment| &deployment.bundle) {
            let keeps = process.machine.in_force(bundle).is_some_and(|deployment| deployment.options.keep_resources);
            if keeps && !released.contains(bundle) {
                released.insert(bundle.clone());
            }
        }
    }

    pub(crate) fn started(&mut self, now: u64, process: &Process, site: &Site, action: &Action) {
        let is_write =
            matches!(action, Action::Apply(_) | Action::Delete(_) | Action::RemoveKeys(_) | Action::EnsureNamespace(_));
        if is_write && process.fenced {
            return self.fail(now, "R12", format!("{} writes although it is fenced: {action:?}", site.name));
        }
        if let Action::Apply(apply) = action {
            let key = &apply.target.key;
            let journaled = self.sites[process.site].journaled.get(&process.pid);
            if !journaled.is_some_and(|journaled| journaled.contains(key)) {
                self.fail(now, "R7", format!("{} applies {key}, which is not in its ledger on disk", site.name));
            }
            return;
        }
        let Action::Delete(delete) = action else { return };
        let Some(desired) = process.in_force.clone() else {
            return self.fail(now, "R6", format!("{} deletes without a desired state", site.name));
        };
        let key = &delete.target.key;
        if crate::world::wall(now, site.clock) >= desired.expires {
            return self.fail(now, "R9", format!("{} deletes {key} on the word of an expired document", site.name));
        }
        if !desired.deletions_allowed {
            return self.fail(now, "R3", format!("{} deletes {key} where nothing may be deleted", site.name));
        }
        let truth = &self.sites[process.site];
        let is_approved = truth.approved.contains(&(key.clone(), delete.uid.clone()))
            || truth.approved_epochs.contains(&desired.version.epoch);
        // The document may be older than the restore: then it is of an epoch in which all were read.
        let is_of_now = self.hubs.get(&site.name).is_some_and(|hub| hub.epoch == desired.version.epoch);
        if is_of_now && desired.version.epoch > 1 && !self.unread.is_empty() {
            let message = format!("{} deletes {key}, and the hub has not read {:?} again", site.name, self.unread);
            return self.fail(now, "R3", message);
        }
        if desired.version.epoch > 1 && !is_approved {
            let message = format!("{} deletes {key} in epoch {} without an approval", site.name, desired.version.epoch);
            return self.fail(now, "R3", message);
        }
        let said_at = self.hubs.get(&site.name).and_then(|hub| hub.served.get(&desired.version)).copied();
        self.sites[process.site].said_at.entry(delete.uid.clone()).or_insert(said_at.unwrap_or_default());
        match process.says(&delete.bundle) {
            None => {
                self.fail(now, "R6", format!("{} deletes {key}, and nothing speaks of {}", site.name, delete.bundle))
            }
            Some(said) if !said.unknown.is_empty() => {
                self.fail(now, "R10", format!("{} deletes {key} in spite of a field that it does not know", site.name));
            }
            Some(said) if said.is_tombstone && said.keeps => {
                self.fail(now, "R7", format!("{} deletes {key}, which is to be released", site.name));
            }
            Some(_) => {}
        }
        let Some(desired) = process.in_force.as_deref() else { return };
        let is_due = desired.tombstones.iter().any(|tombstone| tombstone.bundle == delete.bundle);
        let newest = desired.deployments.iter().find(|deployment| deployment.bundle == delete.bundle);
        let begun = process.machine.ledger().bundles.get(&delete.bundle).and_then(|of| of.deployment);
        if !is_due && newest.is_some_and(|newest| begun != Some(newest.deployment)) {
            self.fail(now, "R6", format!("{} deletes {key} before the newer Deployment was begun", site.name));
        }
    }

    /// The API server took a deletion of what had `uid`.
    pub(crate) fn deleted(&mut self, now: u64, site: usize, delete: &Delete, uid: &str, _still: bool) {
        self.deletions += 1;
        let key = &delete.target.key;
        let truth = &mut self.sites[site];
        if uid != delete.uid || !truth.made.contains_key(uid) {
            return self.fail(now, "R6", format!("c{site}: {key} ({uid}) was deleted, which the agent did not make"));
        }
        let is_approved = truth.approved.contains(&(key.clone(), uid.to_owned()));
        let made = truth.made.get(uid).copied().unwrap_or_default();
        // Who is cut off works with the newest document that it has; what that document says was true when it was made, or
        // as long before as the hub may not have seen what its users did.
        let said_at = truth.said_at.get(uid).copied().unwrap_or_default();
        let was_unwanted = truth.unwanted_at.get(key).is_some_and(|at| *at + LAG >= made && *at + UNSEEN >= said_at);
        let is_unwanted = !truth.wanted.contains(key);
        if !is_approved && !is_unwanted && !was_unwanted {
            return self.fail(now, "R6", format!("c{site}: {key} was deleted, and nobody asked for it"));
        }
        if is_approved {
            return;
        }
        if truth.anew_at.is_some_and(|at| made < at) {
            let message = format!("c{site}: {key} is from before the cluster was enrolled anew, and nobody approved");
            return self.fail(now, "R3", message);
        }
        if matches!(
            key.kind.as_str(),
            "Namespace" | "PersistentVolume" | "PersistentVolumeClaim" | "CustomResourceDefinition"
        ) {
            return self.fail(now, "R8", format!("c{site}: {key} was deleted without an approval"));
        }
        let version = truth.doomed_in.get(uid).copied().unwrap_or_default();
        let of = truth.deleted_in.entry(version).or_default();
        of.insert(uid.to_owned());
        let count = of.len();
        if count > 10 {
            self.fail(
                now,
                "R8",
                format!("c{site}: {count} deletions in {version} without an approval, {key} the last"),
            );
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all that is known of an apply")]
    pub(crate) fn applied(
        &mut self,
        now: u64,
        site: usize,
        process: Option<&Process>,
        at: &Site,
        apply: &Apply,
        content: &Value,
        before: Option<&str>,
    ) {
        self.applies += 1;
        let key = &apply.target.key;
        if at.is_copy {
            return self.fail(now, "R1", format!("c{site} is a copy of another cluster, and {key} was applied there"));
        }
        let digest = Digest::of(&serde_json::to_vec(content).unwrap_or_default());
        if !self.contents.contains(&(key.clone(), digest)) {
            return self.fail(now, "R4", format!("c{site}: {key} was applied with content that was never rendered"));
        }
        let truth = &mut self.sites[site];
        let uid = at.api.uid(key).unwrap_or_default().to_owned();
        match before {
            Some(before) if !truth.made.contains_key(before) => {
                let since = truth.foreign.get(before).copied().unwrap_or(now);
                let adopts = process.is_some_and(|process| {
                    process.machine.in_force(&apply.bundle).is_some_and(|deployment| deployment.options.take_ownership)
                });
                if since + BLIND < now && !adopts {
                    return self.fail(now, "R6", format!("c{site}: {key}, which somebody else made, was written over"));
                }
                // It was replaced a moment ago.
                truth.made.insert(uid, now);
            }
            Some(_) => {}
            None => drop(truth.made.insert(uid, now)),
        }
    }

    /// A process begins with this ledger.
    pub(crate) fn begun(&mut self, site: usize, pid: u32, ledger: &Ledger) {
        let keys = ledger.bundles.values().flat_map(|of| of.objects.keys().cloned()).collect();
        self.sites[site].journaled.insert(pid, keys);
    }

    /// A document of the process `pid` is on disk.
    pub(crate) fn document_written(&mut self, now: u64, pid: u32, index: usize, site: &Site, name: &str, head: &Value) {
        if name != LEDGER_DOCUMENT {
            return;
        }
        let mut document = Document::new(LEDGER_DOCUMENT, Rules::all());
        document.begin_read(head);
        let ledger = document.assemble(head, &[]).ok().and_then(|bytes| serde_json::from_slice::<Ledger>(&bytes).ok());
        let Some(ledger) = ledger else {
            return self.fail(now, "R7", format!("{}: the ledger on disk cannot be read", site.name));
        };
        let old = std::mem::take(&mut self.sites[index].ledger);
        for (bundle, key, entry) in
            old.bundles.iter().flat_map(|(b, of)| of.objects.iter().map(move |(k, e)| (b, k, e)))
        {
            if ledger.owner(key).is_some() {
                continue;
            }
            // A definition stays where nobody asked for its deletion (`deleteCRDResources`, which no Bundle here sets).
            let is_released = key.kind == "CustomResourceDefinition" || self.sites[index].released.contains(bundle);
            let live = site.api.uid(key);
            let is_alive = match entry.uid.as_deref() {
                Some(uid) => live == Some(uid),
                // An intent: what came of it is ours, whether its answer was heard or not.
                None => live.is_some_and(|live| self.sites[index].made.contains_key(live)),
            };
            if is_alive && !is_released {
                return self.fail(now, "R7", format!("{}: {key} left the ledger, and is there", site.name));
            }
        }
        self.begun(index, pid, &ledger);
        self.sites[index].ledger = ledger;
    }

    // ------------------------------------------------------------------------------------------ what the hub does

    pub(crate) fn hub_loaded(&mut self, now: u64, running: &Running) {
        for (cluster, memory) in running.machine.memories() {
            let Some(truth) = self.hubs.get_mut(cluster) else { continue };
            let stored = (memory.report_start, memory.sequence);
            // What was taken in and not committed was lost with the process, and nobody was told that it is there.
            truth.stored = Some(stored);
            if let Some(acknowledged) = truth.acknowledged.filter(|acknowledged| stored < *acknowledged) {
                let message = format!("{cluster}: report {acknowledged:?} was acknowledged, and {stored:?} is stored");
                return self.fail(now, "R11", message);
            }
        }
    }

    pub(crate) fn synced(&mut self, now: u64, sync: &Sync, outcome: &SyncOutcome, memory: Option<&Memory>) {
        let truth = self.hubs.entry(sync.cluster.clone()).or_default();
        if outcome.new_epoch && !std::mem::take(&mut truth.may_not_know) {
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
        if outcome.fenced || outcome.acknowledged == 0 {
            return;
        }
        let truth = self.hubs.entry(cluster.clone()).or_default();
        let acknowledged = (outcome.start, outcome.acknowledged);
        truth.acknowledged = truth.acknowledged.max(Some(acknowledged));
    }

    /// A document was given to an agent.
    pub(crate) fn served(&mut self, now: u64, cluster: &Ref, have: Have) {
        let served = &mut self.hubs.entry(cluster.clone()).or_default().served;
        served.entry(have.version).or_insert(now);
    }

    /// A cluster gets an identity.
    pub(crate) fn enrolled(&mut self, now: u64, name: &Ref, known: Option<&Enrollment>, kube_system: &str) {
        if known.is_some_and(|known| known.kube_system_uid != kube_system) {
            return self.fail(now, "R1", format!("{name} was given to another cluster, and nobody deleted it"));
        }
        self.hubs.remove(name);
    }

    /// Whether the hub may have lost what it told a site: it was restored, or the cluster was enrolled anew.
    pub(crate) fn may_have_forgotten(&self, site: usize) -> bool {
        self.was_restored || self.sites[site].anew_at.is_some()
    }

    /// The ledger on disk of a site.
    pub(crate) fn ledger(&self, site: usize) -> &Ledger {
        &self.sites[site].ledger
    }
}
