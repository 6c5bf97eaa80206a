//! Hooks of a release, as Helm runs them: which one is due, and what is to be done for it. Called by the plan of a
//! Bundle. Source: Helm `pkg/action/{install,upgrade,uninstall,hooks}.go`.
//!
//! Until the hooks before an upgrade are through, the Deployment that was in force stays in force and is looked after:
//! a hook that fails touches nothing that runs. Progress is in the ledger ([`HookLedger`]), so each hook runs once for
//! each revision, whatever restarts in between.
//!
//! Invariant: a hook's delete policy deletes only an object whose UID the ledger has as made by a hook of this Bundle.
//!
//! | module | what it holds |
//! |---|---|
//! | `record` | how far the hooks of a Bundle are |
//! | `runner` | the steps of one hook, and what is deleted after them |
//! | `removal` | the hooks of deleting |
//! | `ended` | whether a Job or Pod has come to its end |

mod ended;
mod record;
mod removal;
mod runner;

pub use ended::Ended;
pub use record::HookLedger;

pub(super) use ended::ended;
pub(super) use record::{Stage, Step};
pub(super) use removal::departing;

use super::plan::{self, BundlePlan, Scope, apply, ensure_namespace};
use super::report;
use super::snapshot::Snapshot;
use fleet_api::names::Ref;
use fleet_api::wire::{Deployment, DeploymentObject, HookEvent};
use fleet_api::{Digest, Note, ObjectKey, Reason};
use runner::Runner;
use std::collections::BTreeSet;

/// How long a hook may take where `helm.timeoutSeconds` does not say, in seconds: that of Helm's command line.
pub(super) const DEFAULT_TIMEOUT: u32 = 300;

/// What a release consists of, whatever the options for looking after it and the lines that its objects stand in: while
/// it is the same, no hook runs again. Raising `forceSyncGeneration` makes another one of it.
pub fn revision(deployment: &Deployment) -> Option<Digest> {
    let objects: BTreeSet<(&ObjectKey, &Digest)> =
        deployment.objects.iter().map(|object| (&object.key, &object.digest)).collect();
    let place = (&deployment.release_namespace, deployment.force_namespace);
    Digest::of_json(&(objects, place, deployment.options.force_sync_generation)).ok()
}

/// The hooks of an event in their order: by weight, then by name (Helm: `pkg/action/hooks.go`, `hookByWeight`), then in
/// the order of installing.
pub(super) fn sequence(deployment: &Deployment, event: HookEvent) -> Vec<&DeploymentObject> {
    let hooks = deployment.objects.iter().filter_map(|object| Some((object.hook.as_ref()?, object)));
    let mut hooks: Vec<_> = hooks.filter(|(hook, _)| hook.events.contains(&event)).collect();
    hooks.sort_by_key(|(hook, object)| (hook.weight, object.key.name.as_str(), crate::order::place(&object.key.kind)));
    hooks.into_iter().map(|(_, object)| object).collect()
}

/// Whether the newest Deployment may begin: it is the release that is there, or the hooks before it are through.
pub(super) fn before(scope: &Scope<'_>, plan: &mut BundlePlan, words: &mut report::Builder) -> bool {
    let ledger = scope.snapshot.ledger.bundle(scope.bundle);
    let record = ledger.and_then(|ledger| ledger.hooks.as_ref());
    if record.is_none() && scope.deployment.objects.iter().all(|object| object.hook.is_none()) {
        return true;
    }
    let revision = revision(scope.deployment);
    match record {
        Some(record) if record.revision == revision && record.stage == Stage::Before => {}
        Some(record) if record.revision == revision && !record.stage.is_removal() => return true,
        _ => {
            let is_cut_off = record.is_some_and(|record| is_running(scope, record, plan, words));
            if !is_cut_off {
                plan.hooks = Some(start(scope, record, revision));
            }
            return false;
        }
    }
    let Some(record) = record else { return false };
    if !prepared(scope, record, plan, words) && record.failure.is_none() {
        return false;
    }
    let is_through = Runner::new(scope, record, plan, words).is_some_and(|mut runner| runner.advance());
    if is_through {
        let mut next = record.clone();
        next.enter(Stage::Objects);
        plan.hooks = Some(next);
    }
    is_through
}

/// What the older release leaves alone because the hooks before an upgrade have begun: copies of the hub are new by then,
/// and stay so while another revision waits. Where that one cannot be read yet, any copy may be one of its.
pub(super) fn ahead(
    snapshot: &Snapshot,
    bundle: &Ref,
    newest: Option<&Deployment>,
    older: Option<&Deployment>,
) -> BTreeSet<ObjectKey> {
    let record = snapshot.ledger.bundle(bundle).and_then(|ledger| ledger.hooks.as_ref());
    let began = record.is_some_and(|record| record.stage == Stage::Before && record.upgrade);
    let objects = newest.or(older).filter(|_| began).into_iter().flat_map(|deployment| &deployment.objects);
    objects.filter(|object| object.is_copy()).map(|object| object.key.clone()).collect()
}

/// The record of a new revision.
fn start(scope: &Scope<'_>, record: Option<&HookLedger>, revision: Option<Digest>) -> HookLedger {
    let ledger = scope.snapshot.ledger.bundle(scope.bundle);
    let has_objects = ledger.is_some_and(|ledger| ledger.objects().values().any(|entry| entry.uid.is_some()));
    let began = ledger.is_some_and(|ledger| ledger.deployment.is_some());
    let installed = match record {
        // A removal that was called off in the middle.
        Some(record) if record.stage.is_removal() || record.revision.is_none() => record.installed && has_objects,
        Some(record) => record.installed,
        None => began && has_objects,
    };
    let has = |event| !sequence(scope.deployment, event).is_empty();
    let seconds = scope.deployment.options.timeout_seconds;
    let mut next = HookLedger {
        revision,
        upgrade: installed,
        installed,
        deletes: has(HookEvent::PreDelete) || has(HookEvent::PostDelete),
        timeout: if seconds == 0 { DEFAULT_TIMEOUT } else { seconds },
        left: record.map(|record| record.left.clone()).unwrap_or_default(),
        ..HookLedger::default()
    };
    next.enter(Stage::Before);
    next
}

/// Whether a hook of an older revision still runs: it is not cut off by a newer one.
fn is_running(scope: &Scope<'_>, record: &HookLedger, plan: &mut BundlePlan, words: &mut report::Builder) -> bool {
    let Some(run) = record.run.as_ref().filter(|run| run.step == Step::Wait) else { return false };
    let Some(deadline) = record.deadline.filter(|deadline| *deadline > scope.now) else { return false };
    let is_there = match scope.snapshot.live.get(&run.key) {
        Some(Some(live)) => live.ended.is_none() && record.left(&run.key) == Some(&*live.uid),
        Some(None) => false,
        None => true,
    };
    if is_there {
        plan.wake(Some(deadline));
        let message = format!("the hook {} of an older revision runs; the newer one waits for its end", run.key);
        words.note(Note::new(Reason::HookRunning, message).about(run.key.clone()));
    }
    is_there
}

/// What has to be there before the hooks before the objects: copies from the hub, which a hook may need (Fleet: they are
/// made before Helm begins); at a first install the release namespace, too, and namespaces and definitions of the bundle
/// itself (Helm applies `crds/` before them). When a hook has failed they are still looked after: the older release leaves
/// them alone.
fn prepared(scope: &Scope<'_>, record: &HookLedger, plan: &mut BundlePlan, words: &mut report::Builder) -> bool {
    let is_defining = |kind: &str| matches!(kind, "Namespace" | "CustomResourceDefinition");
    let comes_first = |object: &DeploymentObject| {
        object.is_copy() || (!record.upgrade && object.hook.is_none() && is_defining(&object.key.kind))
    };
    if record.event().is_none_or(|event| sequence(scope.deployment, event).is_empty()) {
        return true;
    }
    let first = scope.deployment.objects.iter().filter(|object| comes_first(object));
    plan.ahead.extend(first.map(|object| object.key.clone()));
    if !plan.ahead.is_empty() {
        return apply(scope, comes_first, plan, words);
    }
    record.upgrade || ensure_namespace(scope, plan, words) == plan::Step::Done
}

/// Whether the release is complete: all objects of the Deployment in force are applied (`ready`: and healthy), and the
/// hooks after them are through.
pub(super) fn after(scope: &Scope<'_>, ready: bool, plan: &mut BundlePlan, words: &mut report::Builder) -> bool {
    let ledger = scope.snapshot.ledger.bundle(scope.bundle);
    let Some(record) = ledger.and_then(|ledger| ledger.hooks.as_ref()) else { return true };
    // What this very plan begins is applied in the next one.
    if plan.hooks.is_some() {
        return false;
    }
    let mut next = record.clone();
    match record.stage {
        Stage::Objects => {
            next.installed = true;
            next.enter(Stage::After);
            let has_hooks = next.event().is_some_and(|event| !sequence(scope.deployment, event).is_empty());
            if has_hooks && scope.deployment.options.timeout_seconds > 0 && !ready {
                return false;
            }
            if !has_hooks {
                next.enter(Stage::Settled);
            }
            plan.hooks = Some(next);
            !has_hooks
        }
        Stage::After => {
            let is_through = Runner::new(scope, record, plan, words).is_some_and(|mut runner| runner.advance());
            if is_through {
                next.enter(Stage::Settled);
                plan.hooks = Some(next);
            }
            is_through
        }
        _ => true,
    }
}
