//! Judges one object of a Deployment: what the cluster has, what it should have, and what is to be done (DESIGN §7's
//! table). Called by the plan of a Bundle, for each of its objects.
//!
//! Invariant: nothing is applied over an object that was not read, or made by this very pass.

use super::action::{Action, Apply, Cause, RemoveKeys, Target};
use super::claims::{Claim, claim};
use super::ledger::Entry;
use super::plan::Scope;
use super::pointer::dotted;
use super::rules::Rule;
use super::snapshot::{Live, Strayed};
use fleet_api::names::Ref;
use fleet_api::wire::{DeploymentObject, ModifiedObject, NotReadyObject, Timestamp};
use fleet_api::{Note, ObjectKey, Reason};

/// What is said of one object.
#[derive(Clone, Debug, Default)]
pub(super) struct Judgement {
    /// What is to be done now.
    pub action: Option<Action>,
    /// Something is under way or to be done: what comes later in the order waits.
    pub pending: bool,
    /// A read is needed or under way: the whole Bundle waits with its applies.
    pub reading: bool,
    /// It is as the Deployment says, as far as applying goes.
    pub applied: bool,
    /// Nothing is known of it yet.
    pub loading: bool,
    /// It has to be in the ledger before the action; it comes from this Bundle.
    pub intent: Option<Claim>,
    /// The UID of what is handed over. Recorded with the intent, as until the apply the object carries the mark of the
    /// Bundle that it comes from.
    pub handed_over: Option<Box<str>>,
    /// The recorded UID is not the object's: the entry goes.
    pub forget: bool,
    pub notes: Vec<Note>,
    pub modified: Option<ModifiedObject>,
    pub not_ready: Option<NotReadyObject>,
    pub wake_at: Option<Timestamp>,
}

/// One object of a plan.
pub(super) struct Subject<'a> {
    pub object: &'a DeploymentObject,
    pub key: &'a ObjectKey,
    pub plural: &'a str,
}

impl Subject<'_> {
    fn note(&self, reason: Reason, message: impl Into<String>) -> Note {
        Note::new(reason, message).about(self.key.clone()).in_file(self.object.source.as_str())
    }

    fn target(&self, scope: &Scope<'_>) -> Target {
        Target {
            key: self.key.clone(),
            api_version: self.object.api_version.clone(),
            plural: self.plural.to_owned(),
            service_account: scope.deployment.options.service_account.clone(),
        }
    }
}

pub(super) fn judge(scope: &Scope<'_>, subject: &Subject<'_>) -> Judgement {
    let snapshot = scope.snapshot;
    if super::is_own(subject.key) {
        let message = format!("{} belongs to the agent itself and cannot come from a bundle", subject.key);
        return refused(subject.note(Reason::ObjectRefused, message));
    }
    let claim = claim(snapshot, scope.bundle, subject.key);
    let entry = match &claim {
        Claim::Refused(owner) => {
            let message = format!("{} is not applied: bundle {owner} has it, too, and had it first", subject.key);
            return refused(subject.note(Reason::ClaimedByOtherBundle, message));
        }
        Claim::Mine => snapshot.ledger.entry(scope.bundle, subject.key),
        Claim::TakeOver(from) => snapshot.ledger.entry(from, subject.key),
    };
    let mut judgement = Judgement::default();
    let failing = snapshot
        .attempts
        .get(subject.key)
        .filter(|attempt| attempt.content.is_none_or(|content| content == subject.object.digest));
    if let Some(note) = snapshot.told.get(subject.key) {
        judgement.notes.push(note.clone().in_file(subject.object.source.as_str()));
    }
    let live = snapshot.live.get(subject.key);
    let case = Case { scope, subject, claim, entry };
    match live {
        Some(Some(live)) => case.present(live, &mut judgement),
        Some(None) => case.absent(&mut judgement),
        None => case.unknown(&mut judgement),
    }
    let failing = failing.filter(|_| !is_moot(&judgement, live.is_some()));
    if let Some(attempt) = failing {
        judgement.notes.insert(0, subject.note(attempt.reason, attempt.message.as_str()));
    }
    judgement.applied &= failing.is_none_or(|attempt| attempt.content.is_none());
    hold_back(scope, subject, failing.map(|attempt| attempt.tries.retry_failure()), &mut judgement);
    judgement
}

/// Whether what failed does not matter any more: the object was seen, and nothing is to be done to it, now or later. So
/// it is where a write was done and its answer was lost; nothing would try it again, and its failure would be told for good.
const fn is_moot(judgement: &Judgement, is_known: bool) -> bool {
    is_known && judgement.applied && judgement.action.is_none() && judgement.wake_at.is_none()
}

/// Nothing is done twice at the same time, and nothing that failed before its time.
fn hold_back(scope: &Scope<'_>, subject: &Subject<'_>, retry: Option<Timestamp>, judgement: &mut Judgement) {
    if scope.snapshot.in_flight.contains(subject.key) {
        judgement.reading &= matches!(judgement.action, Some(Action::Read { .. }));
        judgement.action = None;
        judgement.pending = true;
        // The answer says whose it is then.
        judgement.forget = false;
    } else if let Some(retry) = retry.filter(|retry| *retry > scope.now && judgement.action.is_some()) {
        judgement.action = None;
        judgement.pending = false;
        judgement.reading = false;
        judgement.wake_at = Some(retry);
    }
}

fn refused(note: Note) -> Judgement {
    Judgement { notes: vec![note], ..Judgement::default() }
}

struct Case<'a> {
    scope: &'a Scope<'a>,
    subject: &'a Subject<'a>,
    claim: Claim,
    entry: Option<&'a Entry>,
}

impl Case<'_> {
    /// Whether what was last applied is what the Deployment says.
    fn is_current(&self) -> bool {
        self.claim == Claim::Mine
            && self.entry.is_some_and(|entry| {
                entry.uid.is_some()
                    && entry.content == Some(self.subject.object.digest)
                    && entry.sync >= self.scope.deployment.options.force_sync_generation
            })
    }

    fn corrects(&self) -> bool {
        self.scope.deployment.options.correct_drift.as_ref().is_some_and(|drift| drift.enabled)
    }

    fn unknown(&self, judgement: &mut Judgement) {
        let snapshot = self.scope.snapshot;
        judgement.applied = self.is_current();
        if self.entry.is_some_and(|entry| entry.uid.is_some()) && !snapshot.is_listed(self.subject.key) {
            // The watch is about to say.
            judgement.loading = true;
            judgement.reading = !judgement.applied;
            return;
        }
        let is_first = self.entry.is_none_or(|entry| entry.uid.is_none());
        let is_new = snapshot.fresh_namespaces.contains(&self.subject.key.namespace);
        if is_first && (is_new || !snapshot.rules.on(Rule::R6Read)) {
            return self.absent(judgement);
        }
        judgement.loading = true;
        judgement.reading = true;
        judgement.action = Some(Action::Read { target: self.subject.target(self.scope) });
    }

    fn absent(&self, judgement: &mut Judgement) {
        if !self.is_current() {
            return self.apply(judgement, Cause::Create, false, None);
        }
        judgement.applied = true;
        judgement.modified = Some(ModifiedObject {
            key: self.subject.key.clone(),
            api_version: self.subject.object.api_version.clone(),
            missing: true,
            foreign: false,
            fields: Vec::new(),
            managers: Vec::new(),
        });
        judgement.notes.push(self.subject.note(Reason::ObjectMissing, format!("{} was deleted", self.subject.key)));
        judgement.not_ready = Some(not_ready(self.subject.key, "missing", "it was deleted"));
        if self.corrects() && self.may_repair(judgement) {
            self.apply(judgement, Cause::Repair, false, None);
        }
    }

    fn present(&self, live: &Live, judgement: &mut Judgement) {
        if let Some(finalizers) = &live.deleting {
            let message = format!("{} is being deleted and waits for {}", self.subject.key, names(finalizers));
            judgement.notes.push(self.subject.note(Reason::WaitingForFinalizer, message));
            judgement.not_ready = Some(not_ready(self.subject.key, "terminating", "it is being deleted"));
            judgement.applied = self.is_current();
            if !live.is_watched(&self.scope.snapshot.cluster) {
                self.look_again(judgement);
            }
            return;
        }
        let recorded = self.entry.and_then(|entry| entry.uid.as_deref());
        let is_recorded = recorded == Some(&*live.uid);
        judgement.forget = recorded.is_some() && !is_recorded;
        let cluster = &self.scope.snapshot.cluster;
        let maker = match &self.claim {
            Claim::TakeOver(from) => from,
            Claim::Mine | Claim::Refused(_) => self.scope.bundle,
        };
        // R7: what came of an intent, under this identity or one before it.
        let is_intended = self.entry.is_some_and(|entry| entry.uid.is_none());
        let marked = live.is_marked(cluster, self.scope.bundle)
            || live.is_marked(cluster, maker)
            || (is_intended && self.scope.snapshot.ledger.is_marked(live, maker))
            || self.was_released(live);
        if !is_recorded && !marked && !live.is_ours_alone() {
            return self.foreign(live, judgement);
        }
        if !is_recorded || !self.is_current() {
            let is_handed_over = matches!(self.claim, Claim::TakeOver(_));
            let cause = if is_handed_over { Cause::TakeOver } else { Cause::Change };
            judgement.handed_over = is_handed_over.then(|| live.uid.clone());
            return self.apply(judgement, cause, true, Some(live));
        }
        judgement.applied = true;
        self.drift(live, judgement);
        if let Some(unhealthy) = &live.unhealthy {
            judgement.not_ready = Some(not_ready(self.subject.key, &unhealthy.state, &unhealthy.message));
        }
    }

    /// A Bundle of this cluster made it and let go of it (`keepResources`), and has it no longer: who claims it now, as a
    /// renamed directory does whose render took longer than that, takes it up again.
    fn was_released(&self, live: &Live) -> bool {
        let snapshot = self.scope.snapshot;
        let Some(maker) = live.deployment.as_deref().and_then(|text| text.parse::<Ref>().ok()) else { return false };
        let is_live = snapshot.desired.as_ref().is_some_and(|accepted| accepted.deployment(&maker).is_some());
        self.claim == Claim::Mine && live.is_marked(&snapshot.cluster, &maker) && !is_live
    }

    /// It exists and is not ours.
    fn foreign(&self, live: &Live, judgement: &mut Judgement) {
        if self.scope.deployment.options.take_ownership || !self.scope.snapshot.rules.on(Rule::R6Foreign) {
            return self.apply(judgement, Cause::TakeOver, true, Some(live));
        }
        let manager = live.other_manager.as_deref().unwrap_or("somebody else");
        let again = if judgement.forget { "was deleted and made again by" } else { "exists and belongs to" };
        let owner = match &live.deployment {
            Some(deployment) if live.owner.is_some() => format!("bundle {deployment} of another owner ({manager})"),
            _ => manager.to_owned(),
        };
        let message = format!("{} {again} {owner}; it is left as it is", self.subject.key);
        judgement.notes.push(self.subject.note(Reason::OwnedByOther, message));
        judgement.modified = Some(ModifiedObject {
            key: self.subject.key.clone(),
            api_version: self.subject.object.api_version.clone(),
            missing: false,
            foreign: true,
            fields: Vec::new(),
            managers: live.other_manager.iter().map(ToString::to_string).collect(),
        });
        self.look_again(judgement);
    }

    /// No watch tells of what does not carry our label: it is looked at now and then.
    fn look_again(&self, judgement: &mut Judgement) {
        let retry = self.scope.snapshot.repairs.get(self.subject.key).map(super::backoff::Tries::retry_failure);
        match retry {
            Some(retry) if retry <= self.scope.now => {
                judgement.action = Some(Action::Read { target: self.subject.target(self.scope) });
            }
            Some(retry) => judgement.wake_at = Some(retry),
            // A watch told of it while it still counted as ours.
            None if !judgement.forget => {
                judgement.action = Some(Action::Read { target: self.subject.target(self.scope) });
            }
            None => {}
        }
    }

    /// It is ours, and its content is what we applied: has anybody changed it?
    fn drift(&self, live: &Live, judgement: &mut Judgement) {
        let left = left_to_controller(live);
        let counts = |stray: &&Strayed| !self.scope.ignores(self.subject, &stray.pointer);
        let lost: Vec<&Strayed> =
            live.lost.iter().filter(counts).filter(|stray| !left.iter().any(|own| **own == *stray.pointer)).collect();
        // What an injector adds is told, and is neither taken away nor a reason to call the bundle modified.
        let (added, injected): (Vec<&Strayed>, Vec<&Strayed>) =
            live.added.iter().filter(counts).partition(|stray| stray.by_person());
        if !injected.is_empty() {
            judgement.notes.push(self.subject.note(Reason::KeyAdded, told(self.subject.key, "added", &injected)));
        }
        if lost.is_empty() && added.is_empty() {
            return;
        }
        if !lost.is_empty() {
            judgement.notes.push(self.subject.note(Reason::FieldModified, told(self.subject.key, "changed", &lost)));
        }
        if !added.is_empty() {
            judgement.notes.push(self.subject.note(Reason::KeyAdded, told(self.subject.key, "added", &added)));
        }
        judgement.modified = Some(ModifiedObject {
            key: self.subject.key.clone(),
            api_version: self.subject.object.api_version.clone(),
            missing: false,
            foreign: false,
            fields: lost.iter().chain(&added).map(|stray| dotted(&stray.pointer)).collect(),
            managers: managers(lost.iter().chain(&added).copied()),
        });
        if !self.corrects() || !self.may_repair(judgement) {
            return;
        }
        if lost.is_empty() {
            judgement.pending = true;
            judgement.action = Some(Action::RemoveKeys(Box::new(RemoveKeys {
                target: self.subject.target(self.scope),
                uid: live.uid.to_string(),
                resource_version: live.resource_version.to_string(),
                pointers: added.iter().map(|stray| stray.pointer.to_string()).collect(),
            })));
        } else {
            self.apply(judgement, Cause::Repair, true, Some(live));
        }
    }

    /// Somebody who fights back is met ever more slowly.
    fn may_repair(&self, judgement: &mut Judgement) -> bool {
        let retry = self.scope.snapshot.repairs.get(self.subject.key).map(super::backoff::Tries::retry_repair);
        judgement.wake_at = retry.filter(|retry| *retry > self.scope.now);
        judgement.wake_at.is_none()
    }

    fn apply(&self, judgement: &mut Judgement, cause: Cause, force: bool, live: Option<&Live>) {
        let snapshot = self.scope.snapshot;
        if !snapshot.blobs.contains(&self.subject.object.digest) {
            // Being fetched again; the plan asks for it.
            return;
        }
        judgement.pending = true;
        let known = self.claim == Claim::Mine && self.entry.is_some() && !judgement.forget;
        judgement.intent = (!known).then(|| self.claim.clone());
        let leave_out = live.map(left_to_controller).unwrap_or_default();
        judgement.action = Some(Action::Apply(Box::new(Apply {
            bundle: self.scope.bundle.clone(),
            target: self.subject.target(self.scope),
            content: self.subject.object.digest,
            force,
            leave_out: leave_out.into_iter().map(str::to_owned).collect(),
            cause,
            sync: self.scope.deployment.options.force_sync_generation,
            private: self.scope.deployment.rendered_from.is_some(),
        })));
    }
}

const REPLICAS: &str = "/spec/replicas";

fn left_to_controller(live: &Live) -> Vec<&'static str> {
    if live.replicas_owner.is_some() { vec![REPLICAS] } else { Vec::new() }
}

fn not_ready(key: &ObjectKey, state: &str, message: &str) -> NotReadyObject {
    NotReadyObject { key: key.clone(), state: state.to_owned(), message: message.to_owned() }
}

fn names(finalizers: &[Box<str>]) -> String {
    if finalizers.is_empty() { "the API server".to_owned() } else { format!("finalizer {}", finalizers.join(", ")) }
}

fn told(key: &ObjectKey, verb: &str, strays: &[&Strayed]) -> String {
    let fields: Vec<String> = strays.iter().map(|stray| dotted(&stray.pointer)).collect();
    let managers = managers(strays.iter().copied());
    let by = if managers.is_empty() { "somebody".to_owned() } else { managers.join(", ") };
    format!("{by} {verb} {} of {key}", fields.join(", "))
}

fn managers<'a>(strays: impl Iterator<Item = &'a Strayed>) -> Vec<String> {
    let mut names: Vec<String> =
        strays.filter(|stray| !stray.manager.is_empty()).map(|stray| stray.manager.to_string()).collect();
    names.sort();
    names.dedup();
    names
}
