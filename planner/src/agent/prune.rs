//! What is deleted, and what is not (R3, R6, R7, R9, R10), of one Bundle. Called by the plans; what is due has the gate
//! before it.
//!
//! Invariant: "absent" is not "deleted": every deletion rests on a tombstone or on a complete, newer, applied
//! Deployment, on a ledger entry, and on the UID that was read.

use super::accept::deletion_stop;
use super::action::{Action, Delete, Target};
use super::backoff::Tries;
use super::claims::{claimed_by_other, not_understood};
use super::hooks;
use super::ledger::Entry;
use super::plan::BundlePlan;
use super::report;
use super::rules::Rule;
use super::snapshot::{Contents, GroupKind, Live, Snapshot};
use super::sources::{newest, not_rendered};
use fleet_api::names::Ref;
use fleet_api::wire::{DeletionLimit, Deployment, DesiredDeployment, HeldObject, Timestamp, Tombstone};
use fleet_api::{Note, ObjectKey, Reason};

/// A deletion that is due, before the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub bundle: Ref,
    pub target: Target,
    pub uid: Box<str>,
    pub resource_version: Option<Box<str>>,
    pub limit: Option<DeletionLimit>,
    /// It was let through before.
    pub doomed: bool,
    /// It failed before, and is tried again then.
    pub not_before: Option<Timestamp>,
}

impl Due {
    pub(super) fn held(&self) -> HeldObject {
        HeldObject { bundle: self.bundle.clone(), key: self.target.key.clone(), uid: self.uid.to_string() }
    }

    pub(super) fn action(&self) -> Action {
        Action::Delete(Box::new(Delete {
            bundle: self.bundle.clone(),
            target: self.target.clone(),
            uid: self.uid.to_string(),
            resource_version: self.resource_version.as_deref().map(str::to_owned),
        }))
    }
}

/// How the objects of one Bundle go.
struct Way<'a> {
    bundle: &'a Ref,
    keep_all: bool,
    delete_crds: bool,
    limit: Option<DeletionLimit>,
    /// R10.
    unknown: Vec<&'a str>,
    now: Timestamp,
}

/// A Bundle that is in the ledger and not among the Deployments.
pub(super) fn departing(
    snapshot: &Snapshot,
    bundle: &Ref,
    tombstone: Option<&Tombstone>,
    now: Timestamp,
    plan: &mut BundlePlan,
) {
    let mut words = report::Builder::new(None);
    let Some(ledger) = snapshot.ledger.bundle(bundle) else { return };
    let way = match tombstone {
        Some(tombstone) => Way {
            bundle,
            keep_all: tombstone.keep_resources,
            delete_crds: tombstone.delete_crd_resources,
            limit: tombstone.deletion_limit,
            unknown: tombstone.unknown.keys().map(String::as_str).collect(),
            now,
        },
        None if !snapshot.rules.on(Rule::R6Complete) => {
            Way { bundle, keep_all: false, delete_crds: false, limit: None, unknown: Vec::new(), now }
        }
        None => {
            let message = format!(
                "{} objects of bundle {bundle} are in the ledger, and the desired state does not speak of it; they are kept",
                ledger.objects().len()
            );
            words.notes.push(Note::new(Reason::Unaccounted, message));
            plan.report = Some(words.finish(snapshot, bundle));
            return;
        }
    };
    if tombstone.is_some() && !way.keep_all && way.unknown.is_empty() && !is_stopped(snapshot, now) {
        hooks::departing(snapshot, bundle, now, plan, &mut words);
    }
    for (key, entry) in ledger.objects() {
        candidate(snapshot, &way, key, entry, plan, &mut words);
    }
    let is_something_left = plan.keeps_ledger || !ledger.objects().is_empty();
    plan.report = is_something_left.then(|| words.finish(snapshot, bundle));
}

/// What a newer Deployment of a live Bundle no longer has.
pub(super) fn left_behind(
    snapshot: &Snapshot,
    desired: &DesiredDeployment,
    deployment: &Deployment,
    now: Timestamp,
    plan: &mut BundlePlan,
    words: &mut report::Builder,
) {
    let Some(ledger) = snapshot.ledger.bundle(&desired.bundle) else { return };
    let way = Way {
        bundle: &desired.bundle,
        keep_all: false,
        delete_crds: deployment.options.delete_crd_resources,
        limit: desired.deletion_limit,
        unknown: desired.unknown.keys().map(String::as_str).collect(),
        now,
    };
    let contents = Contents::of(snapshot, deployment);
    for (key, entry) in ledger.objects().iter().filter(|(key, _)| !contents.may_have(key)) {
        match entry.made && key.name == deployment.release_namespace {
            true if deployment.options.delete_namespace => {}
            true => plan.drops.push(key.clone()),
            false => candidate(snapshot, &way, key, entry, plan, words),
        }
    }
}

/// The same, while not all of the Deployment is applied, or that is not known yet: nothing of it goes, and what would be
/// deleted counts.
pub(super) fn may_leave(
    snapshot: &Snapshot,
    desired: &DesiredDeployment,
    deployment: &Deployment,
    now: Timestamp,
    plan: &mut BundlePlan,
) {
    let (mut due, mut words) = (BundlePlan::default(), report::Builder::new(None));
    left_behind(snapshot, desired, deployment, now, &mut due, &mut words);
    let fresh = due.dues.iter().filter(|due| !due.doomed).map(|due| due.limit.unwrap_or_default());
    plan.undecided.extend(fresh.chain(due.undecided));
}

/// What becomes of a release namespace that was made for a Bundle (`deleteNamespace`).
enum Fate<'a> {
    /// It may go: nothing else of ours is in it, or is to be.
    Goes,
    /// It stays for good.
    Stays,
    /// It is not known yet because of this Bundle.
    Waits(&'a Ref),
}

fn fate<'a>(snapshot: &'a Snapshot, bundle: &Ref, namespace: &str) -> Fate<'a> {
    let is_kept = |(key, entry): (&ObjectKey, &Entry)| {
        let is_marked = || matches!(snapshot.live.get(key), Some(Some(live)) if live.keep);
        key.namespace == namespace && (entry.keep || is_marked())
    };
    let own = snapshot.ledger.bundle(bundle).into_iter().flat_map(|ledger| ledger.objects());
    if own.into_iter().any(is_kept) {
        return Fate::Stays;
    }
    let desired = snapshot.desired.iter().flat_map(|accepted| &accepted.desired.deployments);
    let mut waits = None;
    for desired in desired.filter(|desired| desired.bundle != *bundle) {
        let Some(deployment) = newest(snapshot, desired) else {
            waits = Some(&desired.bundle);
            continue;
        };
        if deployment.release_namespace == namespace
            || deployment.objects.iter().any(|object| object.key.namespace == namespace)
        {
            return Fate::Stays;
        }
    }
    let mut others = snapshot.ledger.bundles().iter().filter(|(other, _)| *other != bundle);
    let leaving = others.find(|(_, ledger)| ledger.objects().keys().any(|key| key.namespace == namespace));
    leaving.map(|(other, _)| other).or(waits).map_or(Fate::Goes, Fate::Waits)
}

/// One entry that its Bundle no longer has.
fn candidate(
    snapshot: &Snapshot,
    way: &Way<'_>,
    key: &ObjectKey,
    entry: &Entry,
    plan: &mut BundlePlan,
    words: &mut report::Builder,
) {
    if super::is_own(key) {
        return plan.drops.push(key.clone());
    }
    if snapshot.rules.on(Rule::R6Claim) && claimed_by_other(snapshot, way.bundle, key) {
        // Handed over: the claimant's plan takes the entry, as soon as it can.
        if let Some(other) = not_understood(snapshot, way.bundle) {
            let message = format!(
                "the objects that bundle {} leaves are kept: this agent does not understand bundle {other}, which may have them now",
                way.bundle
            );
            words.note(Note::new(Reason::UnknownSafetyField, message));
        } else if let Some(other) = not_rendered(snapshot, way.bundle) {
            let message = format!(
                "the objects that bundle {} leaves are kept: bundle {other}, which may have them now, cannot be rendered yet",
                way.bundle
            );
            words.note(Note::new(Reason::WaitingForValues, message));
        }
        return;
    }
    if snapshot.rules.on(Rule::R10Unknown) && !way.unknown.is_empty() {
        let message =
            format!("{key} is kept: the desired state says {}, which this agent does not know", way.unknown.join(", "));
        return words.note(Note::new(Reason::UnknownSafetyField, message).about(key.clone()));
    }
    match if entry.made { fate(snapshot, way.bundle, &key.name) } else { Fate::Goes } {
        Fate::Goes => {}
        Fate::Stays => return plan.drops.push(key.clone()),
        Fate::Waits(other) => {
            let message = format!("namespace {} goes (deleteNamespace) when bundle {other} has left it", key.name);
            return words.note(Note::new(Reason::WaitingForDependency, message).about(key.clone()));
        }
    }
    let is_crd = key.kind == "CustomResourceDefinition" && key.group == "apiextensions.k8s.io";
    if way.keep_all || entry.keep || (is_crd && !way.delete_crds) {
        return plan.drops.push(key.clone());
    }
    match snapshot.live.get(key) {
        Some(None) => gone(snapshot, key, plan),
        Some(Some(live)) => present(snapshot, way, key, entry, live, plan, words),
        None => unknown(snapshot, way, key, entry, plan, words),
    }
}

/// It is not there, or not ours: so it was read. What is under way since may change that, and its answer says so (R7).
fn gone(snapshot: &Snapshot, key: &ObjectKey, plan: &mut BundlePlan) {
    if !snapshot.in_flight.contains(key) {
        plan.drops.push(key.clone());
    }
}

/// Nothing is known of it: the watch is about to say, or it is read.
fn unknown(
    snapshot: &Snapshot,
    way: &Way<'_>,
    key: &ObjectKey,
    entry: &Entry,
    plan: &mut BundlePlan,
    words: &mut report::Builder,
) {
    match snapshot.kind(key) {
        Some(None) if is_always_served(&key.group) => {
            let message = format!(
                "{key} is kept: the API server says that it serves no {}, which every API server does",
                key.kind
            );
            return words.note(Note::new(Reason::WaitingForKind, message).about(key.clone()));
        }
        // The API server was asked completely: without its definition there is no object of a kind.
        Some(None) => return gone(snapshot, key, plan),
        None => {
            plan.unknown_kinds.insert(GroupKind::of(key));
        }
        Some(Some(_)) if !snapshot.is_listed(key) => plan.loading = true,
        Some(Some(_)) => {
            read(snapshot, way, key, entry, snapshot.attempts.get(key).map(|attempt| &attempt.tries), plan);
        }
    }
    if !entry.doomed {
        plan.undecided.push(way.limit.unwrap_or_default());
    }
}

/// Reads an object, or does so later where `tries` say so.
fn read(
    snapshot: &Snapshot,
    way: &Way<'_>,
    key: &ObjectKey,
    entry: &Entry,
    tries: Option<&Tries>,
    plan: &mut BundlePlan,
) {
    let retry = tries.map(Tries::retry_failure);
    if retry.is_some_and(|retry| retry > way.now) {
        return plan.wake(retry);
    }
    let target = target_of(snapshot, way.bundle, key, &entry.api_version);
    if let Some(target) = target.filter(|_| !snapshot.in_flight.contains(key)) {
        plan.actions.push(Action::Read { target });
    }
}

/// Whether a group is part of Kubernetes itself: a list of kinds that lacks one of it is no word about its objects, but
/// an API server that starts, or somebody who answers in its place.
fn is_always_served(group: &str) -> bool {
    !group.contains('.')
        || matches!(
            group.strip_suffix(".k8s.io"),
            Some(
                "admissionregistration"
                    | "apiextensions"
                    | "apiregistration"
                    | "certificates"
                    | "coordination"
                    | "discovery"
                    | "events"
                    | "networking"
                    | "node"
                    | "rbac.authorization"
                    | "scheduling"
                    | "storage"
            )
        )
}

fn present(
    snapshot: &Snapshot,
    way: &Way<'_>,
    key: &ObjectKey,
    entry: &Entry,
    live: &Live,
    plan: &mut BundlePlan,
    words: &mut report::Builder,
) {
    // R7: after a crash the UID is read from the live object that carries our annotation.
    let marked = live.is_marked(&snapshot.cluster, way.bundle) || snapshot.ledger.is_marked(live, way.bundle);
    let same = entry.uid.as_deref().map_or(marked, |uid| *uid == *live.uid);
    if (snapshot.rules.on(Rule::R6Uid) && !same) || live.keep {
        return gone(snapshot, key, plan);
    }
    if let Some(finalizers) = &live.deleting {
        let by = if finalizers.is_empty() { "the API server".to_owned() } else { finalizers.join(", ") };
        let message = format!("{key} is being deleted and waits for finalizer {by}");
        if !live.is_watched(&snapshot.cluster) {
            // Somebody took our label off, and no watch tells when it is gone.
            read(snapshot, way, key, entry, snapshot.repairs.get(key), plan);
        }
        return words.note(Note::new(Reason::WaitingForFinalizer, message).about(key.clone()));
    }
    if let Some(attempt) = snapshot.attempts.get(key) {
        words.note(Note::new(attempt.reason, attempt.message.as_str()).about(key.clone()));
    }
    let Some(target) = target_of(snapshot, way.bundle, key, &entry.api_version) else { return };
    plan.dues.push(Due {
        bundle: way.bundle.clone(),
        target,
        uid: live.uid.clone(),
        resource_version: entry.uid.is_none().then(|| live.resource_version.clone()),
        limit: way.limit,
        doomed: entry.doomed,
        not_before: snapshot.attempts.get(key).map(|attempt| attempt.tries.retry_failure()),
    });
}

/// Whether nothing may be deleted now (R3, R9).
fn is_stopped(snapshot: &Snapshot, now: Timestamp) -> bool {
    snapshot.desired.as_ref().is_some_and(|accepted| deletion_stop(snapshot.rules, &accepted.desired, now).is_some())
}

/// Where `key` is served, for reads and deletions of what the ledger has.
pub(super) fn target_of(snapshot: &Snapshot, bundle: &Ref, key: &ObjectKey, api_version: &str) -> Option<Target> {
    let info = snapshot.kind(key).flatten()?;
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let served = info.versions.iter().find(|served| *served == version).or_else(|| info.versions.first())?;
    let api_version = if key.group.is_empty() { served.clone() } else { format!("{}/{served}", key.group) };
    let ledger = snapshot.ledger.bundle(bundle);
    let service_account = ledger.map(|ledger| ledger.service_account.clone()).unwrap_or_default();
    Some(Target { key: key.clone(), api_version, plural: info.plural.clone(), service_account })
}
