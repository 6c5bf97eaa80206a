//! What must never happen, looked at after every event: each rule of docs/ARCHITECTURE.md, Deletion, as code. The oracle
//! sees what was done to the clusters, what was told, and what users meant; it shares no decision with hub and agent.

mod agents;
mod hub;
mod tombstones;

use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::{Have, HeldDeletions, Version};
use fleet_api::{Digest, ObjectKey};
use skiff_planner::agent::{Ledger, Spent};
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
/// So many requests to the hub in one minute are too many, for the processes of one cluster.
const MANY: u32 = 300;
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
    /// What of that is marked as let through for deletion.
    doomed: BTreeMap<u32, BTreeSet<ObjectKey>>,
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
    /// The same, of each process, from when it decided it; and what it had counted then.
    decided_in: BTreeMap<u32, (Spent, BTreeMap<String, Version>)>,
    deleted_in: BTreeMap<Version, BTreeSet<String>>,
    /// The minute, and how many requests to the hub there were in it.
    requests: (u64, u32),
    /// What each document holds, and the contents of it that each process has read or tried to write.
    documents: BTreeMap<String, String>,
    known_documents: BTreeMap<(u32, String), BTreeSet<String>>,
}

#[derive(Debug, Default)]
struct HubTruth {
    acknowledged: Option<(u64, u64)>,
    /// When each document was first given out.
    served: BTreeMap<Version, u64>,
    stored: Option<(u64, u64)>,
    /// The greatest start counter that the hub has granted, and the greatest that it has told of.
    start: u64,
    told_start: u64,
    /// The epoch that the hub began last.
    epoch: u64,
    /// Documents that agents may have and this hub does not know: those that it gave out before it went on with an
    /// older store, and lies.
    unknown: BTreeSet<(Version, Digest)>,
    /// Documents that this hub gave out.
    given: BTreeSet<(Version, Digest)>,
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
    statements: tombstones::Statements,
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
            statements: tombstones::Statements::default(),
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
        // What was there before states nothing of a repository that has ended, or begins anew.
        self.statements_ended(name);
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

    /// An agent asks the hub: a conversation that goes in circles is a fault, whatever it says.
    pub(crate) fn asked(&mut self, now: u64, site: usize) {
        let (minute, count) = self.sites[site].requests;
        let count = if minute == now / 60_000 { count + 1 } else { 1 };
        self.sites[site].requests = (now / 60_000, count);
        if count > MANY {
            self.fail(now, "quiet", format!("c{site} asked the hub {count} times in one minute"));
        }
    }

    pub(crate) fn rendered(&mut self, key: &ObjectKey, digest: Digest) {
        self.contents.insert((key.clone(), digest));
    }

    /// The ledger on disk was begun anew, as this one.
    pub(crate) fn anew(&mut self, site: usize, now: u64, ledger: &Ledger) {
        self.sites[site].anew_at = Some(now);
        self.sites[site].ledger = ledger.clone();
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
        self.statements_restored();
        for truth in self.hubs.values_mut() {
            let HubTruth { served, mut unknown, given, .. } = std::mem::take(truth);
            unknown.extend(given);
            *truth = HubTruth { served, unknown, ..HubTruth::default() };
        }
    }

    /// A document that the hub does not know of was given to the agent of a cluster.
    pub(crate) fn lied_to(&mut self, cluster: &Ref, lie: Have) {
        self.hubs.entry(cluster.clone()).or_default().unknown.insert((lie.version, lie.digest));
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
