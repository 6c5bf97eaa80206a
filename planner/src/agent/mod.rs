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
//! | `claims` | whose an object is; hand-over |
//! | `diff` | one object: DESIGN §7's table |
//! | `plan` | one Bundle |
//! | `prune` | what is deleted (R6, R8, R10) |
//! | `fields`, `prepare` | managedFields; what is sent |
//! | `courier` | what is said to the hub, and when |
//! | `persist` | what survives a restart |
//! | `rules` | the rules by name, with the switches of test builds |

mod accept;
mod action;
mod backoff;
mod claims;
mod courier;
mod diff;
mod event;
mod fields;
mod ledger;
mod look;
mod observe;
mod persist;
mod plan;
mod prepare;
mod prune;
mod report;
mod rules;
mod snapshot;

#[cfg(test)]
mod tests;

pub use accept::has_digest;
pub use action::{Action, Apply, Cause, Delete, EnsureNamespace, RemoveKeys, Target, Want};
pub use courier::Courier;
pub use event::{Applied, Event, Failed, Source};
pub use fields::{Expected, owned_digest, summarise};
pub use ledger::{BundleLedger, Entry, Ledger, Spent};
pub use persist::{
    BrokenDocument, DESIRED_DOCUMENT, LEDGER_DOCUMENT, Restored, encode_desired, encode_ledger, restore,
};
pub use prepare::{keeps, prepare};
pub use rules::{Rule, Rules};
pub use snapshot::{GroupKind, KindInfo, LIVE_LIST_CAP, Live, Strayed, Unhealthy};

use backoff::Tries;
use fleet_api::labels::AGENT_NAMESPACE;
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::{Deployment, Desired, HeldDeletions, Report, Timestamp, Version};
use fleet_api::{Digest, Note, ObjectKey, Reason};
use jiff::SignedDuration;
use plan::BundlePlan;
use snapshot::{Accepted, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

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
        let begun = self.snapshot.ledger.bundles.get(bundle)?.deployment?;
        self.snapshot.docs.get(&begun)
    }

    /// The kinds to watch: those of the ledger that the API server serves, with version and resource.
    pub fn watched(&self) -> BTreeMap<GroupKind, (String, String)> {
        let mut kinds = BTreeMap::new();
        for key in self.snapshot.ledger.bundles.values().flat_map(|bundle| bundle.objects.keys()) {
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
        needed.extend(accepted.flat_map(|a| &a.desired.deployments).map(|deployment| deployment.deployment));
        for bundle in snapshot.ledger.bundles.values() {
            needed.extend(bundle.deployment);
            needed.extend(bundle.objects.values().filter_map(|entry| entry.content));
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
        if self.snapshot.fenced && self.snapshot.rules.on(Rule::R12Fenced) {
            decision.report = self.changed(self.compose(None, now));
            return decision;
        }
        if self.snapshot.pending.is_some() && !self.saving {
            self.saving = true;
            let digest = self.snapshot.pending.as_ref().map(|accepted| accepted.digest);
            decision.actions.extend(digest.map(|digest| Action::SaveDesired { digest }));
        }
        self.replan(now);
        let dues = self.plans.values().flat_map(|plan| plan.dues.iter().cloned()).collect();
        let gate = prune::gate(&self.snapshot, dues, now);
        self.doom(&gate);
        self.take_actions(&mut decision);
        self.take_deletions(gate.allowed, now, &mut decision);
        self.fetch(now, &mut decision);
        self.discover(now, &mut decision);
        self.write_journal(now, &mut decision);
        self.wake(now, &mut decision);
        decision.settled = self.is_settled();
        if decision.settled && decision.actions.is_empty() && self.snapshot.in_flight.is_empty() {
            self.snapshot.fresh_namespaces.clear();
        }
        decision.report = self.changed(self.compose(gate.held, now));
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
            let changed = self.plans.get(&bundle).and_then(BundlePlan::state) != plan.state();
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

    fn is_known(&self, bundle: &Ref) -> bool {
        let is_desired = self.snapshot.desired.as_ref().is_some_and(|accepted| accepted.deployment(bundle).is_some());
        is_desired || self.snapshot.ledger.bundles.contains_key(bundle)
    }

    fn wake_dependents(&mut self, bundle: &Ref) {
        let Some(accepted) = &self.snapshot.desired else { return };
        let waiting = accepted
            .desired
            .deployments
            .iter()
            .filter(|deployment| {
                let begun = self.snapshot.ledger.bundles.get(&deployment.bundle).and_then(|ledger| ledger.deployment);
                begun != Some(deployment.deployment)
                    && deployment.depends_on.iter().any(|dependency| dependency.bundles.contains(bundle))
            })
            .map(|deployment| deployment.bundle.clone());
        self.dirty.extend(waiting);
    }

    /// Puts into the ledger what a plan says of it; true where the plan is to be made again.
    fn record(&mut self, bundle: &Ref, plan: &BundlePlan) -> bool {
        let mut again = false;
        let ledger = &mut self.snapshot.ledger;
        for key in &plan.drops {
            let removed = ledger.bundles.get_mut(bundle).and_then(|of| of.objects.remove(key)).is_some();
            if removed {
                again = true;
                // Whoever else claims it may have it now.
                let claimants = self.snapshot.claims.get(key).into_iter().flatten();
                self.dirty.extend(claimants.filter(|of| *of != bundle).cloned());
            }
            self.snapshot.told.remove(key);
            self.snapshot.attempts.remove(key);
            if !self.snapshot.claims.contains_key(key) {
                self.snapshot.live.remove(key);
                self.snapshot.repairs.remove(key);
            }
        }
        if let Some((deployment, service_account)) = &plan.begin {
            let of = ledger.bundles.entry(bundle.clone()).or_default();
            of.deployment = Some(*deployment);
            service_account.clone_into(&mut of.service_account);
            again = true;
        }
        for intent in &plan.intents {
            let taken = intent.from.as_ref().and_then(|from| ledger.bundles.get_mut(from)?.objects.remove(&intent.key));
            if taken.is_some() {
                self.dirty.extend(intent.from.clone());
            }
            let entry = Entry { api_version: intent.api_version.as_str().into(), ..taken.unwrap_or_default() };
            // What is taken over is applied again whatever its content: the annotation changes.
            let uid = intent.uid.clone().or(entry.uid);
            let entry = Entry { uid, content: None, fields: None, doomed: false, ..entry };
            let of = ledger.bundles.entry(bundle.clone()).or_default();
            if of.objects.get(&intent.key).is_none_or(|old| *old != entry) {
                of.objects.insert(intent.key.clone(), entry);
                again = true;
                let claimants = self.snapshot.claims.get(&intent.key).into_iter().flatten();
                self.dirty.extend(claimants.filter(|of| *of != bundle).cloned());
            }
        }
        let accepted = self.snapshot.desired.as_ref();
        let is_live = accepted.is_some_and(|accepted| accepted.deployment(bundle).is_some());
        let is_withdrawn = accepted.is_some_and(|accepted| accepted.tombstone(bundle).is_some());
        for (key, entry) in ledger.bundles.get_mut(bundle).into_iter().flat_map(|of| &mut of.objects) {
            // What was approved was the deletion of then: what is wanted again is not deleted later without being asked for.
            let is_spoken_of = is_live || is_withdrawn || !self.snapshot.rules.on(Rule::R6Complete);
            let is_due = is_spoken_of && !self.snapshot.claims.contains_key(key);
            if entry.doomed && accepted.is_some() && !is_due {
                entry.doomed = false;
                again = true;
            }
        }
        if !is_live && ledger.bundles.get(bundle).is_some_and(|of| of.objects.is_empty()) {
            ledger.bundles.remove(bundle);
            again = true;
        }
        if again {
            self.journal.revision += 1;
        }
        if !plan.intents.is_empty() {
            self.journal.intents.insert(bundle.clone(), self.journal.revision);
        }
        again
    }

    /// Records which deletions were let through, before they are done.
    fn doom(&mut self, gate: &prune::Gate) {
        if gate.lifts_anew || (self.snapshot.ledger.anew && self.snapshot.ledger.is_empty()) {
            self.snapshot.ledger.anew = false;
            self.journal.revision += 1;
        }
        let fresh: Vec<&prune::Due> = gate.allowed.iter().filter(|due| !due.doomed).collect();
        if fresh.is_empty() {
            return;
        }
        let version = self.snapshot.desired.as_ref().map(|accepted| accepted.desired.version).unwrap_or_default();
        let ledger = &mut self.snapshot.ledger;
        if ledger.spent.version != version {
            ledger.spent = Spent { version, count: 0 };
        }
        ledger.spent.count = ledger.spent.count.saturating_add(gate.spent);
        for due in fresh {
            let of = ledger.bundles.get_mut(&due.bundle);
            if let Some(entry) = of.and_then(|of| of.objects.get_mut(&due.target.key)) {
                entry.doomed = true;
                entry.uid = Some(due.uid.clone());
            }
            self.dirty.insert(due.bundle.clone());
        }
        self.journal.revision += 1;
        self.journal.dooms = self.journal.revision;
    }

    fn take_actions(&mut self, decision: &mut Decision) {
        let journal_first = self.snapshot.rules.on(Rule::R7Journal);
        for (bundle, plan) in &mut self.plans {
            let needed = self.journal.intents.get(bundle).copied().unwrap_or_default();
            let is_journaled = !journal_first || self.journal.persisted >= needed;
            if is_journaled && self.journal.persisted >= needed {
                self.journal.intents.remove(bundle);
            }
            for action in std::mem::take(&mut plan.actions) {
                let (key, is_read) = match &action {
                    Action::Read { target } => (target.key.clone(), true),
                    Action::Apply(apply) => (apply.target.key.clone(), false),
                    Action::RemoveKeys(remove) => (remove.target.key.clone(), false),
                    Action::EnsureNamespace(ensure) => (plan::ensure_key(&ensure.bundle, &ensure.namespace), false),
                    Action::SaveDesired { .. }
                    | Action::Journal { .. }
                    | Action::Fetch { .. }
                    | Action::Discover { .. }
                    | Action::Delete(_) => continue,
                };
                if self.snapshot.in_flight.contains(&key) {
                    continue;
                }
                if is_read || is_journaled {
                    if !is_read {
                        let known = self.snapshot.live.get(&key).cloned().flatten();
                        self.snapshot.written_over.insert(key.clone(), known);
                    }
                    self.snapshot.in_flight.insert(key);
                    decision.actions.push(action);
                } else {
                    plan.actions.push(action);
                }
            }
        }
    }

    /// The last in the order of kinds goes first, Bundle by Bundle.
    fn take_deletions(&mut self, allowed: Vec<prune::Due>, now: Timestamp, decision: &mut Decision) {
        let rules = self.snapshot.rules;
        let is_counted = self.journal.persisted >= self.journal.dooms;
        if !is_counted && rules.on(Rule::R7Journal) && rules.on(Rule::R8Counted) {
            return;
        }
        let place = |due: &prune::Due| {
            let (rank, kind) = crate::order::place(&due.target.key.kind);
            (rank, kind.to_owned())
        };
        let mut last: BTreeMap<Ref, (usize, String)> = BTreeMap::new();
        for due in allowed.iter().filter(|due| due.not_before.is_none()) {
            let highest = last.entry(due.bundle.clone()).or_insert_with(|| place(due));
            if place(due) > *highest {
                *highest = place(due);
            }
        }
        for due in allowed {
            // What failed holds up nothing else.
            let is_next = match due.not_before {
                Some(retry) if retry > now => {
                    decision.wake_at = [decision.wake_at, Some(retry)].into_iter().flatten().min();
                    false
                }
                Some(_) => true,
                None => last.get(&due.bundle).is_some_and(|highest| *highest == place(&due)),
            };
            if is_next && self.snapshot.in_flight.insert(due.target.key.clone()) {
                decision.actions.push(due.action());
            }
        }
    }

    fn fetch(&mut self, now: Timestamp, decision: &mut Decision) {
        let fetching = &mut self.snapshot.fetching;
        let retry = fetching.tries.map(|tries| tries.retry_failure());
        let wanted = self.plans.values().flat_map(|plan| &plan.wants);
        let mut wants: BTreeMap<Digest, Want> = BTreeMap::new();
        for want in wanted.filter(|want| !fetching.refused.contains(&want.digest)) {
            wants.entry(want.digest).or_insert_with(|| want.clone());
        }
        wants.retain(|digest, _| !fetching.in_flight.contains(digest));
        if wants.is_empty() {
            return;
        }
        if let Some(retry) = retry.filter(|retry| *retry > now) {
            decision.wake_at = [decision.wake_at, Some(retry)].into_iter().flatten().min();
            return;
        }
        fetching.in_flight.extend(wants.keys());
        decision.actions.push(Action::Fetch { wants: wants.into_values().collect() });
    }

    fn discover(&mut self, now: Timestamp, decision: &mut Decision) {
        if self.discovery.in_flight {
            return;
        }
        let known = &self.snapshot.kinds;
        let ledger_kinds = self.snapshot.ledger.bundles.values().flat_map(|bundle| bundle.objects.keys());
        let mut kinds: BTreeSet<GroupKind> =
            ledger_kinds.map(GroupKind::of).filter(|kind| !known.contains_key(kind)).collect();
        kinds.extend(self.plans.values().flat_map(|plan| plan.unknown_kinds.iter().cloned()));
        let missing: BTreeSet<GroupKind> =
            self.plans.values().flat_map(|plan| plan.missing_kinds.iter().cloned()).collect();
        let retry = self.discovery.tries.map(|tries| tries.retry_discovery()).filter(|retry| *retry > now);
        if retry.is_some() && (self.discovery.failed || kinds.is_empty()) {
            if !kinds.is_empty() || !missing.is_empty() {
                decision.wake_at = [decision.wake_at, retry].into_iter().flatten().min();
            }
            return;
        }
        kinds.extend(missing);
        if !kinds.is_empty() {
            self.discovery.in_flight = true;
            decision.actions.push(Action::Discover { kinds: kinds.into_iter().collect() });
        }
    }

    fn write_journal(&mut self, now: Timestamp, decision: &mut Decision) {
        let journal = &mut self.journal;
        if journal.revision == journal.persisted {
            journal.dirty_since = None;
            return;
        }
        let since = *journal.dirty_since.get_or_insert(now);
        if journal.in_flight {
            return;
        }
        if let Some(retry) = journal.tries.map(|tries| tries.retry_failure()).filter(|retry| *retry > now) {
            decision.wake_at = [decision.wake_at, Some(retry)].into_iter().flatten().min();
            return;
        }
        let reading = self.plans.values().any(|plan| plan.reading);
        let intent =
            journal.intents.values().any(|needed| *needed > journal.persisted) || journal.dooms > journal.persisted;
        let busy = !self.snapshot.in_flight.is_empty()
            || self.plans.values().any(|plan| !plan.actions.is_empty())
            || decision.actions.iter().any(|action| !matches!(action, Action::SaveDesired { .. }));
        let (waits, delay) = if intent { (reading, INTENT_DELAY) } else { (busy || reading, JOURNAL_DELAY) };
        let at = since.saturating_add(delay).unwrap_or(since);
        if waits && at > now {
            decision.wake_at = [decision.wake_at, Some(at)].into_iter().flatten().min();
            return;
        }
        journal.in_flight = true;
        self.snapshot.ledger.seen = self.snapshot.mark;
        decision.actions.push(Action::Journal { revision: journal.revision });
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

    fn compose(&self, held: Option<HeldDeletions>, now: Timestamp) -> Report {
        let mut report = Report::default();
        let Some(accepted) = &self.snapshot.desired else {
            report.notes.extend(self.cluster_notes(now));
            return report;
        };
        report.version = accepted.desired.version;
        for (bundle, plan) in &self.plans {
            report.deployments.extend(plan.report.clone().map(|said| (bundle.clone(), said)));
        }
        if let Some(held) = &held {
            let bundles: BTreeSet<&Ref> = held.objects.iter().map(|object| &object.bundle).collect();
            for bundle in bundles {
                if let Some(said) = report.deployments.get_mut(bundle) {
                    said.notes.insert(0, held.note.clone());
                    said.notes.truncate(fleet_api::wire::LIST_CAP);
                }
            }
        }
        report.held = held;
        report.notes.extend(self.cluster_notes(now));
        report
    }

    fn cluster_notes(&self, now: Timestamp) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.snapshot.fenced {
            let message = "another agent with this identity started later; this one has stopped writing";
            notes.push(Note::new(Reason::Fenced, message));
        }
        notes.extend(self.snapshot.rejected.clone());
        if let Some(accepted) = self.snapshot.desired.as_ref().filter(|a| accept::is_expired(&a.desired, now)) {
            let message = format!(
                "desired state {} has expired at {}: it is enforced, and nothing is deleted",
                accepted.desired.version, accepted.desired.expires
            );
            notes.push(Note::new(Reason::DesiredExpired, message));
        }
        if let Some(problem) = &self.journal.problem {
            notes.push(Note::new(Reason::ApiServerUnreachable, format!("the ledger cannot be written: {problem}")));
        }
        notes
    }

    fn changed(&mut self, report: Report) -> Option<Report> {
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
pub fn is_own(key: &ObjectKey) -> bool {
    match (key.group.as_str(), key.kind.as_str()) {
        ("", "Namespace") => key.name == AGENT_NAMESPACE,
        ("", "Secret") | ("coordination.k8s.io", "Lease") => {
            key.namespace == AGENT_NAMESPACE && key.name.starts_with("skiff-agent")
        }
        _ => false,
    }
}
