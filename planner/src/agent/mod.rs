//! The agent of one cluster: a machine that is told what happened ([`Machine::observe`]) and says what is to be done
//! ([`Machine::decide`]). The shell in `agent/` and the simulator drive it.
//!
//! Invariants: events wake, state decides; every fact that is relied on after a crash is in what is persisted (ledger,
//! high-water mark, last Desired) or read again from the cluster; deciding step by step equals deciding from nothing.
//!
//! | module | what it holds |
//! |---|---|
//! | [`Event`], [`Action`] | what goes in and out |
//! | `snapshot`, `ledger` | what is known; what is owned |
//! | `accept` | which Desired is believed (R1, R2, R3, R9) |
//! | `clock` | a clock that was set back |
//! | `claims` | whose an object is; hand-over |
//! | `diff` | one object: DESIGN §7's table |
//! | `plan` | one Bundle |
//! | `sources` | Deployments that are rendered in the cluster |
//! | `bookkeeping` | what a plan puts into the ledger |
//! | `dispatch` | what is done now, and what waits for the disk |
//! | `prune` | what is deleted (R6, R10) |
//! | `gate` | what of it goes, and what waits for an approval (R3, R8, R9) |
//! | `hooks` | the hooks of a release |
//! | `fields`, `prepare` | managedFields; what is sent |
//! | `courier` | what is said to the hub, and when |
//! | `persist` | what survives a restart |
//! | `rules` | the rules by name, with the switches of test builds |

mod accept;
mod action;
mod backoff;
mod bookkeeping;
mod claims;
mod clock;
mod courier;
mod diff;
mod dispatch;
mod event;
mod fields;
mod gate;
mod hooks;
mod ledger;
mod look;
mod observe;
mod persist;
mod plan;
mod pointer;
mod prepare;
mod prune;
mod report;
mod rules;
mod snapshot;
mod sources;

#[cfg(test)]
mod tests;

pub use accept::has_digest;
pub use action::{Action, Apply, Cause, Delete, EnsureNamespace, ReadValues, RemoveKeys, Target, ValueRef, Want};
pub use courier::Courier;
pub use event::{Applied, Event, Failed, Made, Source};
pub use fields::{Expected, owned_digest, summarise};
pub use hooks::{Ended, HookLedger, revision};
pub use ledger::{BundleLedger, Entry, Ledger, Spent};
pub use persist::{
    BrokenDocument, DESIRED_DOCUMENT, LEDGER_DOCUMENT, Restored, encode_desired, encode_ledger, restore,
};
pub(crate) use pointer::from_dotted;
pub use prepare::{keeps, prepare};
pub use rules::{Rule, Rules};
pub use snapshot::{GroupKind, KindInfo, LIVE_LIST_CAP, Live, Strayed, Unhealthy};

use backoff::Tries;
use fleet_api::labels::AGENT_NAMESPACE;
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::{DeletionLimit, Deployment, Desired, HeldDeletions, Report, Timestamp, Version};
use fleet_api::{Digest, ObjectKey};
use jiff::SignedDuration;
use plan::BundlePlan;
use snapshot::{Accepted, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// How the names of the agent's own objects begin (deploy/agent.yaml).
const AGENT: &str = "skiff-agent";

/// What a start finds in the agent's Secrets.
#[derive(Clone, Debug, Default)]
pub struct Persisted {
    /// The high-water mark (R2).
    pub mark: Version,
    /// The last Desired, with the digest of its bytes.
    pub desired: Option<(Desired, Digest)>,
    /// The ledger.
    pub ledger: Ledger,
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// What the shell performs, all of it at the same time if it likes.
    pub actions: Vec<Action>,
    /// What is to be told to the hub, where it is not what the last decision said. `facts` are the shell's to fill in.
    pub report: Option<Report>,
    /// When to decide again, if nothing happens before.
    pub wake_at: Option<Timestamp>,
    /// Whether the picture is complete: before that a report would say less than is known in a moment.
    pub settled: bool,
}

/// The machine.
#[derive(Debug)]
pub struct Machine {
    snapshot: Snapshot,
    plans: BTreeMap<Ref, BundlePlan>,
    dirty: BTreeSet<Ref>,
    all_dirty: bool,
    claims_stale: bool,
    saving: bool,
    journal: Journal,
    discovery: Discovery,
    last_report: Option<Report>,
    /// A plan says something else than in the last report.
    reports_changed: bool,
}

/// How far the ledger on disk is behind.
#[derive(Debug, Default)]
struct Journal {
    /// Of the ledger in memory.
    revision: u64,
    /// Of the ledger on disk.
    persisted: u64,
    in_flight: bool,
    tries: Option<Tries>,
    problem: Option<String>,
    /// What has to be on disk before a Bundle's applies.
    intents: BTreeMap<Ref, u64>,
    /// What has to be on disk before a deletion.
    dooms: u64,
    dirty_since: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Discovery {
    in_flight: bool,
    /// The ledger's revision at which all of its kinds were known.
    all_known_at: Option<u64>,
    /// The API server could not be asked.
    failed: bool,
    tries: Option<Tries>,
}

/// How long changes of the ledger are collected before they are written, at most.
const JOURNAL_DELAY: SignedDuration = SignedDuration::from_secs(5);
/// How long an intent waits for the reads of other Bundles, at most, so that one write serves all.
const INTENT_DELAY: SignedDuration = SignedDuration::from_secs(1);

impl Machine {
    /// A machine that starts with what is persisted.
    pub fn new(rules: Rules, cluster: ClusterUid, persisted: Persisted) -> Self {
        let mark = if rules.on(Rule::R2Mark) { persisted.mark.max(persisted.ledger.seen) } else { persisted.mark };
        let mut snapshot = Snapshot::new(rules, cluster, persisted.ledger);
        snapshot.mark = mark;
        let newest = persisted.desired.filter(|(desired, _)| desired.version >= mark || !rules.on(Rule::R2Mark));
        snapshot.desired = newest.map(|(desired, digest)| Accepted { desired, digest });
        Self {
            snapshot,
            plans: BTreeMap::new(),
            dirty: BTreeSet::new(),
            all_dirty: true,
            claims_stale: true,
            saving: false,
            journal: Journal::default(),
            discovery: Discovery::default(),
            last_report: None,
            reports_changed: true,
        }
    }

    /// The ledger as it is now, for [`Action::Journal`].
    pub const fn ledger(&self) -> &Ledger {
        &self.snapshot.ledger
    }

    /// Rises with every change of the ledger.
    pub const fn ledger_revision(&self) -> u64 {
        self.journal.revision
    }

    /// Rises where [`Machine::watched`] may have changed.
    pub fn watch_revision(&self) -> u64 {
        let kinds = self.snapshot.kinds.values().filter(|info| info.is_some()).count() as u64;
        self.journal.revision.wrapping_mul(1 << 16).wrapping_add(kinds)
    }

    /// The high-water mark, and the digest of the Desired that counts.
    pub fn have(&self) -> Option<(Version, Digest)> {
        self.snapshot.desired.as_ref().map(|accepted| (accepted.desired.version, accepted.digest))
    }

    /// The highest version that was ever accepted.
    pub const fn mark(&self) -> Version {
        self.snapshot.mark
    }

    /// The version and digest of the Desired that [`Action::SaveDesired`] speaks of.
    pub fn pending(&self) -> Option<(Version, Digest)> {
        self.snapshot.pending.as_ref().map(|accepted| (accepted.desired.version, accepted.digest))
    }

    /// The options and the content of an object of ours, for the summary of what a watch shows: the Bundle, the
    /// recorded digest of the fields that we own, the digest of the content.
    pub fn recorded(&self, key: &ObjectKey) -> Option<(&Ref, &Entry)> {
        self.snapshot.ledger.find(key)
    }

    /// The Deployment that is in force for a Bundle, where it is loaded.
    pub fn in_force(&self, bundle: &Ref) -> Option<&Deployment> {
        let begun = self.snapshot.ledger.bundle(bundle)?.deployment?;
        self.snapshot.docs.get(&begun)
    }

    /// The kinds to watch: those of the ledger that the API server serves, with version and resource.
    pub fn watched(&self) -> BTreeMap<GroupKind, (String, String)> {
        let mut kinds = BTreeMap::new();
        let bundles = self.snapshot.ledger.bundles().values();
        for key in bundles.flat_map(|of| of.objects().keys().chain(of.hooks.iter().flat_map(HookLedger::watched))) {
            let kind = GroupKind::of(key);
            if kinds.contains_key(&kind) {
                continue;
            }
            if let Some(Some(info)) = self.snapshot.kinds.get(&kind) {
                let version = info.versions.first().cloned().unwrap_or_default();
                kinds.insert(kind, (version, info.plural.clone()));
            }
        }
        kinds
    }

    /// What the cache has to keep.
    pub fn needed_blobs(&self) -> BTreeSet<Digest> {
        let mut needed = BTreeSet::new();
        let snapshot = &self.snapshot;
        let accepted = [&snapshot.desired, &snapshot.pending].into_iter().flatten();
        for desired in accepted.flat_map(|accepted| &accepted.desired.deployments) {
            needed.insert(desired.deployment);
            needed.extend(sources::effective(snapshot, desired));
            let document = snapshot.docs.get(&desired.deployment);
            needed.extend(document.and_then(|document| document.sources.as_ref()).map(|sources| sources.tree));
        }
        for bundle in snapshot.ledger.bundles().values() {
            needed.extend(bundle.deployment);
            needed.extend(bundle.objects().values().filter_map(|entry| entry.content));
        }
        let objects: Vec<Digest> = needed
            .iter()
            .filter_map(|digest| snapshot.docs.get(digest))
            .flat_map(|deployment| deployment.objects.iter().map(|object| object.digest))
            .collect();
        needed.extend(objects);
        needed
    }

    /// What is to be done at `now`.
    pub fn decide(&mut self, now: Timestamp) -> Decision {
        let mut decision = Decision::default();
        self.begin_again_what_is_in_the_future(now);
        if self.snapshot.fenced && self.snapshot.rules.on(Rule::R12Fenced) {
            decision.report = self.news(None, now);
            return decision;
        }
        if self.snapshot.pending.is_some() && !self.saving {
            self.saving = true;
            let digest = self.snapshot.pending.as_ref().map(|accepted| accepted.digest);
            decision.actions.extend(digest.map(|digest| Action::SaveDesired { digest }));
        }
        self.replan(now);
        let dues = self.plans.values().flat_map(|plan| plan.dues.iter().cloned()).collect();
        let undecided: Vec<DeletionLimit> = self.plans.values().flat_map(|plan| &plan.undecided).copied().collect();
        let gate = gate::gate(&self.snapshot, dues, &undecided, now);
        self.doom(&gate);
        self.take_actions(&mut decision);
        self.take_deletions(gate.allowed, now, &mut decision);
        self.fetch(now, &mut decision);
        self.discover(now, &mut decision);
        self.write_journal(now, &mut decision);
        self.wake(now, &mut decision);
        decision.settled = self.is_settled();
        let is_over = self.snapshot.in_flight.is_empty() && self.plans.values().all(|plan| plan.actions.is_empty());
        if decision.settled && decision.actions.is_empty() && is_over {
            // What failed there is tried again only after a read.
            self.all_dirty |= !self.snapshot.fresh_namespaces.is_empty();
            self.snapshot.fresh_namespaces.clear();
        }
        decision.report = self.news(gate.held, now);
        decision
    }

    /// Plans every Bundle that something happened to, and those that depend on what came out.
    fn replan(&mut self, now: Timestamp) {
        if std::mem::take(&mut self.claims_stale) {
            self.snapshot.claims = claims::all(&self.snapshot);
            self.all_dirty = true;
        }
        if std::mem::take(&mut self.all_dirty) {
            self.dirty = self.all_bundles();
            self.dirty.extend(self.plans.keys().cloned());
        }
        let due = |plan: &BundlePlan| plan.wake_at.is_some_and(|at| at <= now);
        self.dirty.extend(self.plans.iter().filter(|(_, plan)| due(plan)).map(|(bundle, _)| bundle.clone()));
        // Each round either begins a Deployment, adds intents or drops entries; all of them are finite. The cap is for
        // the case that this sentence is wrong.
        let mut rounds = 256 + 32 * self.plans.len().max(self.dirty.len());
        let mut later = BTreeSet::new();
        while let Some(bundle) = self.dirty.pop_first() {
            if rounds == 0 {
                later.insert(bundle);
                continue;
            }
            rounds -= 1;
            let plan = plan::plan(&self.snapshot, &self.plans, &bundle, now);
            let before = self.plans.get(&bundle);
            let changed = before.and_then(BundlePlan::state) != plan.state();
            self.reports_changed |= before.and_then(|before| before.report.as_ref()) != plan.report.as_ref();
            let again = self.record(&bundle, &plan);
            if plan.report.is_none() && !self.is_known(&bundle) {
                self.plans.remove(&bundle);
            } else {
                self.plans.insert(bundle.clone(), plan);
            }
            if changed {
                self.wake_dependents(&bundle);
            }
            if again {
                self.dirty.insert(bundle);
            }
        }
        self.dirty = later;
    }

    /// The Bundles whose plan would be another one if it were made now, although nothing marked them. There are none, or
    /// an event does not mark whom it concerns; for those who test that.
    pub fn stale(&self, now: Timestamp) -> Vec<&Ref> {
        let is_marked = |bundle: &Ref| self.all_dirty || self.claims_stale || self.dirty.contains(bundle);
        let is_due = |plan: &BundlePlan| plan.wake_at.is_some_and(|at| at <= now);
        let unmarked = self.plans.iter().filter(|(bundle, plan)| !is_marked(bundle) && !is_due(plan));
        unmarked
            .filter(|(bundle, plan)| !plan.is_as_good_as(&plan::plan(&self.snapshot, &self.plans, bundle, now)))
            .map(|(bundle, _)| bundle)
            .collect()
    }

    fn is_known(&self, bundle: &Ref) -> bool {
        let is_desired = self.snapshot.desired.as_ref().is_some_and(|accepted| accepted.deployment(bundle).is_some());
        is_desired || self.snapshot.ledger.bundles().contains_key(bundle)
    }

    fn wake_dependents(&mut self, bundle: &Ref) {
        let Some(accepted) = &self.snapshot.desired else { return };
        let waiting = accepted
            .desired
            .deployments
            .iter()
            .filter(|deployment| {
                let begun = self.snapshot.ledger.bundle(&deployment.bundle).and_then(|ledger| ledger.deployment);
                (begun.is_none() || begun != sources::effective(&self.snapshot, deployment))
                    && deployment.depends_on.iter().any(|dependency| dependency.bundles.contains(bundle))
            })
            .map(|deployment| deployment.bundle.clone());
        self.dirty.extend(waiting);
    }

    fn wake(&self, now: Timestamp, decision: &mut Decision) {
        let plans = self.plans.values().filter_map(|plan| plan.wake_at);
        let expires = self.snapshot.desired.as_ref().map(|accepted| accepted.desired.expires).filter(|at| *at > now);
        let dirty = (!self.dirty.is_empty()).then_some(now);
        decision.wake_at = plans.chain(expires).chain(decision.wake_at).chain(dirty).min();
    }

    fn is_settled(&self) -> bool {
        !self.discovery.in_flight
            && self.snapshot.pending.is_none()
            && self.snapshot.fetching.in_flight.is_empty()
            && self.plans.values().all(|plan| !plan.loading && !plan.reading)
    }

    /// The report, where it is not the last one.
    fn news(&mut self, held: Option<HeldDeletions>, now: Timestamp) -> Option<Report> {
        let notes = self.cluster_notes(now);
        let version = self.snapshot.desired.as_ref().map(|accepted| accepted.desired.version).unwrap_or_default();
        let is_as_before = |last: &Report| last.version == version && last.held == held && last.notes == notes;
        if !self.reports_changed && self.last_report.as_ref().is_some_and(is_as_before) {
            return None;
        }
        self.reports_changed = false;
        let report = self.compose(version, held, notes);
        if self.last_report.as_ref() == Some(&report) {
            return None;
        }
        self.last_report = Some(report.clone());
        Some(report)
    }
}

/// Where failures to make sure of a release namespace are told to the machine.
pub fn ensure_key(bundle: &Ref, namespace: &str) -> ObjectKey {
    plan::ensure_key(bundle, namespace)
}

/// Whether an object is the agent's own: no bundle may have it, and it is never deleted (D13 of the reliability notes).
/// Its DaemonSet is not among them: whoever brings that by a bundle may change it so.
pub fn is_own(key: &ObjectKey) -> bool {
    match (key.group.as_str(), key.kind.as_str()) {
        ("", "Namespace") => key.name == AGENT_NAMESPACE,
        ("", "Secret" | "ServiceAccount") | ("coordination.k8s.io", "Lease") => {
            key.namespace == AGENT_NAMESPACE && key.name.starts_with(AGENT)
        }
        // Without its rights it could neither go on nor put them right.
        ("rbac.authorization.k8s.io", "ClusterRole" | "ClusterRoleBinding") => key.name == AGENT,
        _ => false,
    }
}
