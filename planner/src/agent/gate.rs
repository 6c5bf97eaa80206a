//! The gate that all deletions of a cluster pass (R3, R8, R9): what goes, and what is held until it is approved.
//!
//! Invariant: what is held is held as a whole; an approval counts for the very list that was shown.

use super::accept::deletion_stop;
use super::ledger::Entry;
use super::prune::Due;
use super::rules::Rule;
use super::snapshot::Snapshot;
use fleet_api::names::Ref;
use fleet_api::wire::{DeletionLimit, HeldDeletions, HeldObject, Timestamp};
use fleet_api::{Digest, Note, ObjectKey, Reason};
use std::collections::BTreeSet;

/// What passes the gate, and what is held.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    pub allowed: Vec<Due>,
    /// How many of them pass without an approval and were not counted yet.
    pub spent: u32,
    pub held: Option<HeldDeletions>,
    /// All that is left from before the cluster was enrolled anew is approved to go, or was applied again.
    pub lifts_anew: bool,
}

/// R3, R8, R9: all deletions of the cluster together. `undecided`: the limits of those that may be due too.
pub(super) fn gate(snapshot: &Snapshot, dues: Vec<Due>, undecided: &[DeletionLimit], now: Timestamp) -> Gate {
    let Some(accepted) = &snapshot.desired else { return Gate::default() };
    if dues.is_empty() {
        return Gate::default();
    }
    match deletion_stop(snapshot.rules, &accepted.desired, now) {
        Some(Reason::EpochHeld) => {
            let message = "a new epoch has begun: nothing is deleted until the hub has read all its repositories and an admin has approved";
            return Gate { held: hold(&dues, Note::new(Reason::EpochHeld, message)), ..Gate::default() };
        }
        Some(_) => return Gate::default(),
        None => {}
    }
    let (mut allowed, fresh): (Vec<Due>, Vec<Due>) = dues.into_iter().partition(|due| due.doomed);
    let approvals = accepted.desired.approvals.iter().map(|approval| approval.list).collect();
    if snapshot.ledger.anew && snapshot.rules.on(Rule::R3Epoch) {
        let (approved, held) = approve(&approvals, fresh);
        let lifts_anew = !approved.is_empty() && held.is_empty() && is_all_known(snapshot, &approved);
        allowed.extend(approved);
        let message = format!(
            "this cluster was enrolled anew: {} objects from before would be deleted, and wait for an approval",
            held.len()
        );
        return Gate { allowed, spent: 0, held: hold(&held, Note::new(Reason::EpochHeld, message)), lifts_anew };
    }
    let over = over_limit(snapshot, &fresh, undecided);
    let is_held = |due: &Due| over.is_some() || (snapshot.rules.on(Rule::R8Kinds) && is_protected(&due.target.key));
    let (held, passing): (Vec<Due>, Vec<Due>) = fresh.into_iter().partition(is_held);
    let (approved, held) = approve(&approvals, held);
    let spent = u32::try_from(passing.len()).unwrap_or(u32::MAX);
    allowed.extend(passing);
    allowed.extend(approved);
    Gate { allowed, spent, held: hold(&held, why(over.as_ref(), &held)), lifts_anew: false }
}

/// R3: whether what is left from before the cluster was enrolled anew was applied again since, or is approved to go. What
/// a document tells only later, or what is still being looked at, nobody was shown: its wait goes on.
fn is_all_known(snapshot: &Snapshot, approved: &[Due]) -> bool {
    let approved: BTreeSet<(&Ref, &ObjectKey)> = approved.iter().map(|due| (&due.bundle, &due.target.key)).collect();
    let is_known = |bundle, (key, entry): (&ObjectKey, &Entry)| {
        entry.content.is_some() || entry.doomed || entry.made || approved.contains(&(bundle, key))
    };
    snapshot.ledger.bundles().iter().all(|(bundle, of)| of.objects().iter().all(|entry| is_known(bundle, entry)))
}

/// Whether a kind is always held.
fn is_protected(key: &ObjectKey) -> bool {
    matches!(
        (key.group.as_str(), key.kind.as_str()),
        ("", "Namespace" | "PersistentVolume" | "PersistentVolumeClaim")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
    )
}

/// A limit that is exceeded.
struct Over {
    limit: DeletionLimit,
    /// How many deletions exceed it, with those that this generation has had.
    count: u64,
}

/// The smallest of the limits, where all deletions of the cluster together exceed it. What is not known yet counts: a new
/// process knows one kind before another, and lets go no part of what is held as a whole.
fn over_limit(snapshot: &Snapshot, fresh: &[Due], undecided: &[DeletionLimit]) -> Option<Over> {
    if !snapshot.rules.on(Rule::R8Limit) {
        return None;
    }
    let spent = &snapshot.ledger.spent;
    let version = snapshot.desired.as_ref().map(|accepted| accepted.desired.version);
    let spent = if version == Some(spent.version) { u64::from(spent.count) } else { 0 };
    let size = snapshot.ledger.len() as u64 + spent;
    let allows = |limit: &DeletionLimit| u64::from(limit.objects).max(size * u64::from(limit.percent) / 100);
    let limits = fresh.iter().map(|due| due.limit.unwrap_or_default());
    let limit = limits.chain(undecided.iter().copied()).min_by_key(allows)?;
    let count = (fresh.len() + undecided.len()) as u64 + spent;
    (count > allows(&limit)).then_some(Over { limit, count })
}

/// R8: an approval names the digest of the whole list, or of the part of it that one Bundle has.
fn approve(approvals: &BTreeSet<Digest>, held: Vec<Due>) -> (Vec<Due>, Vec<Due>) {
    let is_approved = |dues: &[&Due]| list_digest(dues).is_some_and(|digest| approvals.contains(&digest));
    if approvals.is_empty() || held.is_empty() {
        return (Vec::new(), held);
    }
    if is_approved(&held.iter().collect::<Vec<_>>()) {
        return (held, Vec::new());
    }
    let bundles: BTreeSet<Ref> = held
        .iter()
        .map(|due| &due.bundle)
        .filter(|bundle| is_approved(&held.iter().filter(|due| due.bundle == **bundle).collect::<Vec<_>>()))
        .cloned()
        .collect();
    let (approved, rest): (Vec<Due>, Vec<Due>) = held.into_iter().partition(|due| bundles.contains(&due.bundle));
    if !approved.is_empty() && is_approved(&rest.iter().collect::<Vec<_>>()) {
        return (approved.into_iter().chain(rest).collect(), Vec::new());
    }
    (approved, rest)
}

fn list(dues: &[&Due]) -> Vec<HeldObject> {
    let mut objects: Vec<HeldObject> = dues.iter().map(|due| due.held()).collect();
    objects.sort();
    objects
}

fn list_digest(dues: &[&Due]) -> Option<Digest> {
    Digest::of_json(&list(dues)).ok()
}

fn hold(dues: &[Due], note: Note) -> Option<HeldDeletions> {
    if dues.is_empty() {
        return None;
    }
    let objects = list(&dues.iter().collect::<Vec<_>>());
    Some(HeldDeletions { digest: Digest::of_json(&objects).ok()?, objects, note })
}

fn why(over: Option<&Over>, held: &[Due]) -> Note {
    let message = match over {
        Some(Over { limit: DeletionLimit { objects: 0, percent: 0 }, count }) => {
            format!("{count} objects would be deleted; the hub says that here every deletion needs an approval")
        }
        Some(Over { limit: DeletionLimit { objects, percent }, count }) => format!(
            "{count} objects would be deleted; more than {objects} and more than {percent} % of the cluster's need an approval"
        ),
        None => {
            let mut kinds: Vec<&str> = held.iter().map(|due| due.target.key.kind.as_str()).collect();
            kinds.sort_unstable();
            kinds.dedup();
            format!(
                "{} objects would be deleted; a {} is never deleted without an approval",
                held.len(),
                kinds.join(" or ")
            )
        }
    };
    Note::new(Reason::DeletionHeld, message)
}
