//! The hooks of deleting. They run in a removal that was positively asked for (a tombstone) and that deletes something:
//! never for an absence, a hand-over, or a release with `keepResources`. Helm: `pkg/action/uninstall.go`.

use super::super::plan::{BundlePlan, Scope};
use super::super::report;
use super::super::snapshot::Snapshot;
use super::record::{HookLedger, Stage};
use super::runner::Runner;
use fleet_api::names::Ref;
use fleet_api::wire::{Deployment, Timestamp};
use fleet_api::{Note, Reason};
use jiff::SignedDuration;

/// When a hook of deleting that has failed is run again: nobody can change it any more.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// Goes through the hooks of deleting of a Bundle that leaves.
pub(in crate::agent) fn departing(
    snapshot: &Snapshot,
    bundle: &Ref,
    now: Timestamp,
    plan: &mut BundlePlan,
    words: &mut report::Builder,
) {
    let Some(ledger) = snapshot.ledger.bundle(bundle) else { return };
    let Some(record) = ledger.hooks.as_ref().filter(|record| record.deletes && record.stage != Stage::Gone) else {
        return;
    };
    plan.holds_deletions = !matches!(record.stage, Stage::Deleting | Stage::AfterDelete);
    plan.keeps_ledger = record.stage.is_removal();
    let Some(deployment) = ledger.deployment.and_then(|begun| snapshot.docs.get(&begun)) else {
        return missing(snapshot, bundle, plan, words);
    };
    if record.stage.is_removal() || is_going(snapshot, bundle, deployment) {
        plan.keeps_ledger = true;
        fetch(snapshot, deployment, plan);
        let scope = Scope { snapshot, bundle, deployment, now };
        advance(&scope, record, ledger.objects().is_empty(), plan, words);
    }
}

fn advance(scope: &Scope<'_>, record: &HookLedger, is_empty: bool, plan: &mut BundlePlan, words: &mut report::Builder) {
    let next = match record.stage {
        Stage::Before | Stage::Objects | Stage::After | Stage::Settled => Some(Stage::BeforeDelete),
        Stage::BeforeDelete | Stage::AfterDelete => {
            if let Some(failure) = &record.failure {
                let again = failure.at.saturating_add(AGAIN).unwrap_or(failure.at);
                if again <= scope.now {
                    return enter(record, record.stage, plan);
                }
                plan.wake(Some(again));
            }
            let is_through = Runner::new(scope, record, plan, words).is_some_and(|mut runner| runner.advance());
            let next = if record.stage == Stage::BeforeDelete { Stage::Deleting } else { Stage::Gone };
            is_through.then_some(next)
        }
        Stage::Deleting => is_empty.then_some(Stage::AfterDelete),
        Stage::Gone => None,
    };
    if let Some(next) = next {
        enter(record, next, plan);
    }
}

fn enter(record: &HookLedger, stage: Stage, plan: &mut BundlePlan) {
    let mut next = record.clone();
    next.enter(stage);
    plan.hooks = Some(next);
}

/// Whether something is really deleted: a deletion was let through (R8), or the Bundle is nothing but hooks.
fn is_going(snapshot: &Snapshot, bundle: &Ref, deployment: &Deployment) -> bool {
    let ledger = snapshot.ledger.bundle(bundle);
    ledger.is_some_and(|ledger| ledger.objects().values().any(|entry| entry.doomed))
        || deployment.objects.iter().all(|object| object.hook.is_some())
}

/// The Deployment is not read: it is in the cache, or the hub gives it.
fn missing(snapshot: &Snapshot, bundle: &Ref, plan: &mut BundlePlan, words: &mut report::Builder) {
    let ledger = snapshot.ledger.bundle(bundle);
    let Some(begun) = ledger.and_then(|ledger| ledger.deployment) else {
        plan.holds_deletions = false;
        return;
    };
    if let Some(note) = snapshot.unread.get(&begun) {
        plan.keeps_ledger = true;
        return words.note(note.clone());
    }
    plan.wants.push(super::super::Want::deployment(begun, None));
    let is_refused = snapshot.fetching.refused.contains(&begun);
    plan.keeps_ledger |= !is_refused;
    let message = if is_refused {
        format!(
            "bundle {bundle} has hooks that run before it is deleted; neither this disk nor the hub has them any more, \
             and nothing is deleted without them"
        )
    } else {
        format!("fetching the hooks that run before bundle {bundle} is deleted")
    };
    let reason = if is_refused { Reason::HookFailed } else { Reason::WaitingForCluster };
    let remedy = "remove it with keepResources, and delete its objects by hand; or put it back, and remove it then";
    words.note(Note::new(reason, message).with_remedy(remedy));
}

/// Asks for the contents of the hooks that are not in the cache.
fn fetch(snapshot: &Snapshot, deployment: &Deployment, plan: &mut BundlePlan) {
    let hooks = deployment.objects.iter().filter(|object| object.hook.is_some());
    let lacking = hooks.filter(|object| !snapshot.blobs.contains(&object.digest));
    plan.wants.extend(lacking.map(|object| super::super::Want {
        digest: object.digest,
        size: object.size,
        base: None,
        is_deployment: false,
        is_secret: object.key.kind == "Secret",
    }));
}
