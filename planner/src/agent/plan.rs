//! The plan of one Bundle: which of its Deployments counts, what is to be done for it now, what it would delete, and
//! what is said of it. A pure function of the snapshot, called by [`Machine::decide`](super::Machine::decide) for the
//! Bundles that something happened to.

use super::action::{Action, EnsureNamespace, Want};
use super::claims::Claim;
use super::diff::{Judgement, Subject, judge};
use super::hooks::{self, HookLedger};
use super::prune::{self, Due};
use super::rules::Rule;
use super::snapshot::{GroupKind, Resolved, Snapshot, resolve};
use super::{Machine, report, sources};
use crate::order;
use fleet_api::names::Ref;
use fleet_api::wire::{
    DeletionLimit, Dependency, Deployment, DeploymentObject, DeploymentReport, DesiredDeployment, Timestamp,
};
use fleet_api::{DeploymentState, Digest, Note, ObjectKey, Reason};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What a Bundle needs, does and says.
#[derive(Clone, Debug, Default)]
pub(super) struct BundlePlan {
    /// What can be done at once.
    pub actions: Vec<Action>,
    /// What has to be in the ledger, on disk, before the applies are done.
    pub intents: Vec<Intent>,
    /// The Deployment that is begun now, and the service account of it.
    pub begin: Option<(Digest, String)>,
    /// How far the hooks are now; it has to be in the ledger, on disk, before what follows from it.
    pub hooks: Option<HookLedger>,
    /// What of the newest Deployment is applied before it is begun, for its hooks; the older one leaves it alone.
    pub ahead: BTreeSet<ObjectKey>,
    /// Hooks come before the deletions.
    pub holds_deletions: bool,
    /// Hooks come after the last object is gone.
    pub keeps_ledger: bool,
    /// Entries that leave the ledger: confirmed 404, changed UID, release.
    pub drops: Vec<ObjectKey>,
    /// Deletions that are due.
    pub dues: Vec<Due>,
    /// The limits of deletions that may be due too, of what is not known yet.
    pub undecided: Vec<DeletionLimit>,
    pub wants: Vec<Want>,
    /// Kinds that nobody has asked for yet.
    pub unknown_kinds: BTreeSet<GroupKind>,
    /// Kinds that the API server does not serve.
    pub missing_kinds: BTreeSet<GroupKind>,
    pub wake_at: Option<Timestamp>,
    /// Reads or fetches are needed or under way.
    pub reading: bool,
    /// The picture is not complete yet: a report would say less than is known in a moment.
    pub loading: bool,
    pub report: Option<DeploymentReport>,
}

/// See [`BundlePlan::intents`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Intent {
    pub key: ObjectKey,
    pub api_version: String,
    /// The Bundle that it is taken over from.
    pub from: Option<Ref>,
    /// The UID that it has, where it is handed over.
    pub uid: Option<Box<str>>,
}

impl BundlePlan {
    pub(super) fn wake(&mut self, at: Option<Timestamp>) {
        self.wake_at = [self.wake_at, at].into_iter().flatten().min();
    }

    /// Whether it says the same as another plan, in all but its actions: they are taken out of it when they are done.
    pub(super) fn is_as_good_as(&self, other: &Self) -> bool {
        let Self { actions: _, intents, begin, hooks, holds_deletions, keeps_ledger, drops, dues, wants, .. } = self;
        let Self { undecided, unknown_kinds, missing_kinds, wake_at, reading, loading, report, .. } = self;
        (intents, begin, hooks, holds_deletions, keeps_ledger)
            == (&other.intents, &other.begin, &other.hooks, &other.holds_deletions, &other.keeps_ledger)
            && (drops, dues, wants, unknown_kinds) == (&other.drops, &other.dues, &other.wants, &other.unknown_kinds)
            && (missing_kinds, wake_at, reading) == (&other.missing_kinds, &other.wake_at, &other.reading)
            && (loading, report, undecided) == (&other.loading, &other.report, &other.undecided)
    }

    /// What dependents look at; `None` where nothing is said of the Deployment.
    pub(super) fn state(&self) -> Option<(Digest, DeploymentState)> {
        let report = self.report.as_ref()?;
        Some((report.deployment?, report::state(report)))
    }
}

/// What an object is judged in.
pub(super) struct Scope<'a> {
    pub snapshot: &'a Snapshot,
    pub bundle: &'a Ref,
    pub deployment: &'a Deployment,
    pub now: Timestamp,
}

impl Scope<'_> {
    /// Whether `diff.comparePatches` leaves a field out of drift.
    pub(super) fn ignores(&self, subject: &Subject<'_>, pointer: &str) -> bool {
        let covers = |path: &str| {
            pointer
                .strip_prefix(path.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let patches = &self.deployment.options.compare_patches;
        let (object, key) = (subject.object, subject.key);
        patches.iter().filter(|patch| patch.is_about(&object.api_version, key)).any(|patch| {
            patch.json_pointers.iter().any(|path| covers(path))
                || patch.operations.iter().any(|operation| match operation.op.as_str() {
                    // Fleet's `ignore` without a path leaves the whole object out.
                    "ignore" => operation.path.is_empty() || covers(&operation.path),
                    _ => !operation.path.is_empty() && covers(&operation.path),
                })
        })
    }
}

/// The plan of `bundle`; `others` are the plans that its dependencies are looked up in.
pub(super) fn plan(
    snapshot: &Snapshot,
    others: &BTreeMap<Ref, BundlePlan>,
    bundle: &Ref,
    now: Timestamp,
) -> BundlePlan {
    let mut plan = BundlePlan::default();
    let Some(accepted) = &snapshot.desired else { return plan };
    if let Some(desired) = accepted.deployment(bundle) {
        live(snapshot, others, desired, now, &mut plan);
    } else if snapshot.ledger.bundles().contains_key(bundle) {
        prune::departing(snapshot, bundle, accepted.tombstone(bundle), now, &mut plan);
    }
    plan
}

/// The Bundle is in the Desired.
fn live(
    snapshot: &Snapshot,
    others: &BTreeMap<Ref, BundlePlan>,
    desired: &DesiredDeployment,
    now: Timestamp,
    plan: &mut BundlePlan,
) {
    let ledger = snapshot.ledger.bundle(&desired.bundle);
    let begun = ledger.and_then(|ledger| ledger.deployment);
    let document = snapshot.docs.get(&desired.deployment);
    let target = sources::effective(snapshot, desired);
    let newest = target.and_then(|target| snapshot.docs.get(&target));
    let mut words = report::Builder::new(Some(desired.deployment));
    let missing = want(snapshot, desired, begun, newest, plan);
    let sources = document.and_then(|document| Some((desired, document, document.sources.as_ref()?)));
    let is_known = sources.is_none_or(|sources| sources::advance(snapshot, sources, now, plan, &mut words));
    plan.reading = plan.wants.iter().any(|want| snapshot.fetching.in_flight.contains(&want.digest));
    let mut current = target.is_some() && begun == target;
    let unread = [begun, Some(desired.deployment)].into_iter().flatten().filter_map(|of| snapshot.unread.get(&of));
    words.notes.extend(unread.cloned());
    let is_unread = snapshot.unread.contains_key(&desired.deployment);
    if !current {
        let older = begun.and_then(|begun| snapshot.docs.get(&begun));
        plan.ahead = hooks::ahead(snapshot, &desired.bundle, newest, older);
    }
    if !current && !is_unread {
        if newest.is_none() || missing > 0 {
            if sources.is_none() {
                fetching(snapshot, desired, missing, plan, &mut words);
            }
        } else if let Some(note) = unsatisfied(snapshot, others, &desired.depends_on) {
            words.waiting = true;
            words.notes.push(note);
        } else if let Some((newest, target)) = newest.zip(target).filter(|(newest, _)| {
            let scope = Scope { snapshot, bundle: &desired.bundle, deployment: newest, now };
            hooks::before(&scope, plan, &mut words)
        }) {
            plan.begin = Some((target, newest.options.service_account.clone()));
            current = true;
        }
    } else if newest.is_none() && !is_unread {
        plan.loading = true;
    }
    let counts = if current { newest } else { begun.and_then(|begun| snapshot.docs.get(&begun)) };
    let mut applied = false;
    if let Some(deployment) = counts {
        let scope = Scope { snapshot, bundle: &desired.bundle, deployment, now };
        let ahead = if current { BTreeSet::new() } else { plan.ahead.clone() };
        let counts = |object: &DeploymentObject| object.hook.is_none() && !ahead.contains(&object.key);
        let whole = apply(&scope, counts, plan, &mut words);
        let complete = whole && hooks::after(&scope, words.is_ready(), plan, &mut words);
        applied = whole && current && is_known;
        words.applied = complete && current && is_known;
    }
    let lists = counts.filter(|_| applied || !snapshot.rules.on(Rule::R6Complete));
    if let Some(deployment) = lists {
        prune::left_behind(snapshot, desired, deployment, now, plan, &mut words);
    } else if let Some(deployment) = counts.filter(|_| current) {
        prune::may_leave(snapshot, desired, deployment, now, plan);
    }
    plan.report = Some(words.finish(snapshot, &desired.bundle));
}

/// Asks for what is not in the cache; returns how much of the newest Deployment is missing.
fn want(
    snapshot: &Snapshot,
    desired: &DesiredDeployment,
    begun: Option<Digest>,
    newest: Option<&Deployment>,
    plan: &mut BundlePlan,
) -> usize {
    let is_read = |digest: &Digest| snapshot.docs.contains_key(digest) || snapshot.unread.contains_key(digest);
    let older = begun.filter(|begun| *begun != desired.deployment);
    // Until the newest is begun, the older one is looked after; it comes from the cache or not at all.
    let not_read = older.filter(|older| !is_read(older) && snapshot.blobs.contains(older));
    plan.wants.extend(not_read.map(|older| Want::deployment(older, None)));
    // The hub is not told of digests of what was rendered here: they are digests of secrets.
    let was_public = older.and_then(|older| snapshot.docs.get(&older)).is_some_and(|old| old.rendered_from.is_none());
    if !is_read(&desired.deployment) {
        let base = older.filter(|_| was_public);
        plan.wants.push(Want::deployment(desired.deployment, base));
    }
    let Some(newest) = newest else { return 0 };
    let lacking = newest.objects.iter().filter(|object| !snapshot.blobs.contains(&object.digest));
    if newest.rendered_from.is_some() {
        return lacking.count();
    }
    let ledger = snapshot.ledger.bundle(&desired.bundle);
    let mut missing = 0;
    for object in lacking {
        let old = ledger.and_then(|ledger| {
            let same = |key: &ObjectKey| {
                key.name == object.key.name && key.kind == object.key.kind && key.group == object.key.group
            };
            ledger.objects().iter().find(|(key, _)| same(key)).and_then(|(_, entry)| entry.content)
        });
        missing += 1;
        plan.wants.push(Want {
            digest: object.digest,
            size: object.size,
            base: old.filter(|old| was_public && snapshot.blobs.contains(old)),
            is_deployment: false,
            is_secret: object.key.kind == "Secret",
        });
    }
    missing
}

fn fetching(
    snapshot: &Snapshot,
    desired: &DesiredDeployment,
    missing: usize,
    plan: &mut BundlePlan,
    words: &mut report::Builder,
) {
    let refused = plan.wants.iter().find(|want| snapshot.fetching.refused.contains(&want.digest));
    if let Some(want) = refused {
        let message = format!("the hub does not give {}, which deployment {} needs", want.digest, desired.deployment);
        words.notes.push(Note::new(Reason::DigestMismatch, message));
    } else {
        let what = if missing == 0 { "the list of objects".to_owned() } else { format!("{missing} objects") };
        words.notes.push(Note::new(Reason::WaitingForCluster, format!("fetching {what} from the hub")));
    }
    words.notes.extend(snapshot.fetching.problem.clone());
}

/// The first dependency that is not satisfied.
fn unsatisfied(snapshot: &Snapshot, others: &BTreeMap<Ref, BundlePlan>, dependencies: &[Dependency]) -> Option<Note> {
    dependencies.iter().find_map(|dependency| {
        if dependency.bundles.is_empty() {
            let message = format!("waits for {}, which this cluster does not get", dependency.description);
            return Some(Note::new(Reason::DependencyMissing, message));
        }
        dependency.bundles.iter().find_map(|other| {
            let wanted = snapshot.desired.as_ref().and_then(|accepted| accepted.deployment(other));
            let Some(wanted) = wanted else {
                let message = format!("waits for {}: this cluster does not get bundle {other}", dependency.description);
                return Some(Note::new(Reason::DependencyMissing, message));
            };
            let state = others.get(other).and_then(BundlePlan::state);
            let satisfied = state.is_some_and(|(deployment, state)| {
                deployment == wanted.deployment && dependency.accepted_states.contains(&state)
            });
            (!satisfied).then(|| {
                let is = state.map_or_else(|| "not known yet".to_owned(), |(_, state)| state.to_string());
                let message = format!("waits for {}: bundle {other} is {is}", dependency.description);
                Note::new(Reason::WaitingForDependency, message)
            })
        })
    })
}

/// Judges the objects of a Deployment for which `counts` holds; true where all of them are applied.
pub(super) fn apply(
    scope: &Scope<'_>,
    counts: impl Fn(&DeploymentObject) -> bool,
    plan: &mut BundlePlan,
    words: &mut report::Builder,
) -> bool {
    let objects = scope.deployment.objects.iter().filter(|object| counts(object));
    let resolved: Vec<(&DeploymentObject, Resolved)> =
        objects.map(|object| (object, resolve(scope.snapshot, scope.deployment, object))).collect();
    let mut todo: Vec<(&ObjectKey, Judgement)> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut all_applied = true;
    let ensure = ensure_namespace(scope, plan, words);
    for (object, resolved) in &resolved {
        if let Some(why) = unusable(&object.key.name) {
            all_applied = false;
            let (kind, name) = (&object.key.kind, &object.key.name);
            let message = format!("a {kind} cannot be applied under the name {name:?}: {why}");
            words.note(Note::new(Reason::ObjectRefused, message).about(object.key.clone()).in_file(&*object.source));
            continue;
        }
        let key = match resolved {
            Resolved::Key(key) => key,
            Resolved::Unknown => {
                plan.unknown_kinds.insert(GroupKind::of(&object.key));
                all_applied = false;
                // Its other objects do not wait for an aggregated API that is down.
                if let Some(why) = scope.snapshot.unreadable.get(&object.key.group) {
                    let (group, kind) = (&object.key.group, &object.key.kind);
                    let message = format!("the API server cannot be asked for {kind} in the group {group:?}: {why}");
                    words.note(
                        Note::new(Reason::WaitingForKind, message).about(object.key.clone()).in_file(&*object.source),
                    );
                } else {
                    plan.reading = true;
                    plan.loading = true;
                }
                continue;
            }
            Resolved::NotServed => {
                plan.missing_kinds.insert(GroupKind::of(&object.key));
                all_applied = false;
                let message = format!("the API server does not serve {} {} yet", object.api_version, object.key.kind);
                words.note(
                    Note::new(Reason::WaitingForKind, message).about(object.key.clone()).in_file(&*object.source),
                );
                continue;
            }
            Resolved::ClusterScoped(key) => {
                all_applied = false;
                let message = format!(
                    "{key} is not in any namespace, and `namespace` in fleet.yaml puts all of the bundle into {}",
                    scope.deployment.release_namespace
                );
                words.note(
                    Note::new(Reason::ClusterScopedInNamespace, message).about(key.clone()).in_file(&*object.source),
                );
                continue;
            }
        };
        if !seen.insert(key) {
            all_applied = false;
            let message = format!("{key} is in the bundle twice; the first one counts");
            words.note(Note::new(Reason::ObjectRefused, message).about(key.clone()).in_file(&*object.source));
            continue;
        }
        let plural = scope.snapshot.kind(key).flatten().map_or("", |info| &info.plural);
        let judgement = judge(scope, &Subject { object, key, plural });
        all_applied &= judgement.applied;
        words.object(&judgement);
        todo.push((key, judgement));
    }
    schedule(plan, todo, ensure);
    all_applied && ensure != Step::Pending
}

/// Why no object can have the name: it would be another path at the API server than that of an object (Kubernetes:
/// apimachinery/pkg/api/validation/path/name.go). Every other name is the API server's to judge.
pub(super) fn unusable(name: &str) -> Option<&'static str> {
    match name {
        "" => {
            Some("metadata.name is missing, or is no text (generateName gives another name each time, and is not used)")
        }
        "." | ".." => Some("it may not be '.' or '..'"),
        _ if name.contains(['/', '%']) => Some("it may not contain '/' or '%'"),
        _ => None,
    }
}

/// Whether something that comes first is still to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Done,
    Pending,
}

/// Reads at once; then intents; then the namespace; then what is first in the order of kinds.
fn schedule(plan: &mut BundlePlan, todo: Vec<(&ObjectKey, Judgement)>, ensure: Step) {
    let reading = todo.iter().any(|(_, judgement)| judgement.reading);
    let place = |key: &ObjectKey| {
        let (rank, kind) = order::place(&key.kind);
        (rank, kind.to_owned())
    };
    let first = todo.iter().filter(|(_, judgement)| judgement.pending).map(|(key, _)| place(key)).min();
    plan.reading |= reading;
    let mut applies = Vec::new();
    for (key, judgement) in todo {
        plan.wake(judgement.wake_at);
        plan.loading |= judgement.loading;
        if judgement.forget && judgement.intent.is_none() {
            plan.drops.push(key.clone());
        }
        match (judgement.action, judgement.intent) {
            (Some(action @ Action::Read { .. }), _) => plan.actions.push(action),
            (Some(Action::Apply(apply)), Some(claim)) => plan.intents.push(Intent {
                key: key.clone(),
                api_version: apply.target.api_version,
                uid: judgement.handed_over,
                from: match claim {
                    Claim::TakeOver(from) => Some(from),
                    Claim::Mine | Claim::Refused(_) => None,
                },
            }),
            (Some(action), _) if Some(place(key)) == first => applies.push(action),
            (Some(_) | None, _) => {}
        }
    }
    if reading {
        // One journal for the whole pass: intents are told when all is read.
        plan.intents.clear();
    } else if plan.intents.is_empty() && plan.begin.is_none() && ensure == Step::Done {
        plan.actions.append(&mut applies);
    }
    if reading || !plan.intents.is_empty() || plan.begin.is_some() {
        let is_read =
            |action: &Action| matches!(action, Action::Read { .. } | Action::ReadValues(_) | Action::Render { .. });
        plan.actions.retain(is_read);
    }
}

/// Where attempts to make sure of a namespace are remembered: no object can have this key.
pub(super) fn ensure_key(bundle: &Ref, namespace: &str) -> ObjectKey {
    ObjectKey::new("skiff.dev", "EnsureNamespace", namespace, &bundle.to_string())
}

pub(super) fn ensure_namespace(scope: &Scope<'_>, plan: &mut BundlePlan, words: &mut report::Builder) -> Step {
    let deployment = scope.deployment;
    let namespace = &deployment.release_namespace;
    let has_it = |key: &ObjectKey| key.group.is_empty() && key.kind == "Namespace" && key.name == *namespace;
    let sets = !deployment.namespace_labels.is_empty() || !deployment.namespace_annotations.is_empty();
    if (!deployment.create_namespace && !sets)
        || namespace.is_empty()
        || deployment.objects.is_empty()
        || deployment.objects.iter().any(|object| has_it(&object.key))
    {
        return Step::Done;
    }
    let (labels, annotations) = (&deployment.namespace_labels, &deployment.namespace_annotations);
    let deletes = deployment.options.delete_namespace;
    let mut what = json!([namespace, deployment.create_namespace, labels, annotations]);
    if let Some(what) = what.as_array_mut().filter(|_| deletes) {
        what.push(json!("delete"));
    }
    let Ok(token) = Digest::of_json(&what) else { return Step::Done };
    let ledger = scope.snapshot.ledger.bundle(scope.bundle);
    if ledger.and_then(|ledger| ledger.namespace) == Some(token) {
        return Step::Done;
    }
    let key = ensure_key(scope.bundle, namespace);
    if let Some(attempt) = scope.snapshot.attempts.get(&key) {
        words.note(Note::new(attempt.reason, attempt.message.as_str()));
        let retry = attempt.tries.retry_failure();
        if retry > scope.now {
            plan.wake(Some(retry));
            // The objects may be allowed what this was not.
            return Step::Done;
        }
    }
    if !scope.snapshot.in_flight.contains(&key) && plan.begin.is_none() {
        plan.actions.push(Action::EnsureNamespace(Box::new(EnsureNamespace {
            bundle: scope.bundle.clone(),
            namespace: namespace.clone(),
            create: deployment.create_namespace,
            delete: deletes,
            // Labels of a namespace that decide its security are never set (C20).
            labels: labels
                .iter()
                .filter(|(name, _)| !name.starts_with("pod-security.kubernetes.io/"))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            annotations: annotations.clone(),
            token,
        })));
    }
    Step::Pending
}

impl Machine {
    /// Which Bundles there are something to say of.
    pub(super) fn all_bundles(&self) -> BTreeSet<Ref> {
        let desired = self.snapshot.desired.iter().flat_map(|accepted| &accepted.desired.deployments);
        desired
            .map(|deployment| deployment.bundle.clone())
            .chain(self.snapshot.ledger.bundles().keys().cloned())
            .collect()
    }
}
