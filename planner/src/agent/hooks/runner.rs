//! One stage of hooks, step by step. Helm: `pkg/action/hooks.go`, `execHook`.
//!
//! Invariant: at most one change of the record or one action comes from one look; what an action needs in the ledger is
//! there, on disk, before it.

use super::super::accept::deletion_stop;
use super::super::action::{Action, Apply, Cause, Delete, Target};
use super::super::claims::{Claim, claim, claimed_by_other};
use super::super::plan::{BundlePlan, Scope, unusable};
use super::super::report;
use super::super::rules::Rule;
use super::super::snapshot::{Attempt, GroupKind, Live, Resolved, resolve};
use super::record::{Failure, HookLedger, Run, Step, is_waited_for};
use super::sequence;
use fleet_api::wire::{DeploymentObject, Hook, HookDeletion, HookEvent, Timestamp};
use fleet_api::{Note, ObjectKey, Reason};
use jiff::SignedDuration;

/// How often the API server may refuse a hook before that counts as its end: what makes it refuse (a namespace or a
/// webhook that is on its way) may pass.
const REFUSALS: u32 = 4;

/// A stage that is gone through.
pub(super) struct Runner<'a, 'p> {
    scope: &'a Scope<'a>,
    record: &'a HookLedger,
    event: HookEvent,
    plan: &'p mut BundlePlan,
    words: &'p mut report::Builder,
}

/// A hook and what it is called in the cluster.
struct Place<'a> {
    hook: &'a DeploymentObject,
    target: Target,
}

impl Place<'_> {
    fn key(&self) -> &ObjectKey {
        &self.target.key
    }

    /// Helm never deletes a definition: all of its objects would go with it.
    fn is_deleted(&self, when: HookDeletion) -> bool {
        is_deleted(self.hook, when)
    }
}

fn is_deleted(hook: &DeploymentObject, when: HookDeletion) -> bool {
    let says = |hook: &Hook| hook.delete.contains(&when);
    hook.hook.as_ref().is_some_and(says) && hook.key.kind != "CustomResourceDefinition"
}

/// Whose an object is that has the name of a hook.
enum Owner {
    /// A hook of this Bundle made it, and the ledger says so.
    Recorded,
    /// Our marks say so, or the ledger has it as a plain object: it has to be recorded before it is deleted.
    Ours,
    /// Somebody else.
    Foreign(String),
    /// Another Bundle may have it; its Deployment is not read yet.
    Unknown,
}

impl<'a, 'p> Runner<'a, 'p> {
    /// `None` where no hook runs in the stage of `record`.
    pub(super) fn new(
        scope: &'a Scope<'a>,
        record: &'a HookLedger,
        plan: &'p mut BundlePlan,
        words: &'p mut report::Builder,
    ) -> Option<Self> {
        Some(Self { scope, record, event: record.event()?, plan, words })
    }

    /// Does what is next; true where all hooks of the stage are through, and what they leave is as it should be.
    pub(super) fn advance(&mut self) -> bool {
        let hooks = sequence(self.scope.deployment, self.event);
        let done = hooks.get(..self.record.done).unwrap_or(&hooks);
        if let Some(failure) = &self.record.failure {
            let note = Note::new(Reason::HookFailed, failure.message.as_str());
            self.words.note(note.about(failure.key.clone()).in_file(failure.source.as_str()));
            let failed = hooks.get(self.record.done).filter(|hook| is_deleted(hook, HookDeletion::HookFailed));
            let due =
                failed.into_iter().chain(done.iter().filter(|hook| is_deleted(hook, HookDeletion::HookSucceeded)));
            self.tidy(due.copied().collect());
            return false;
        }
        let Some(hook) = hooks.get(self.record.done) else {
            // Helm: in the opposite order.
            let due = hooks.iter().rev().filter(|hook| is_deleted(hook, HookDeletion::HookSucceeded));
            return self.tidy(due.copied().collect());
        };
        let Some(place) = self.place(hook) else { return false };
        let is_late = self.record.deadline.is_some_and(|deadline| deadline <= self.scope.now);
        match self.record.run.as_ref().filter(|run| run.key == *place.key()).map(|run| run.step) {
            None => self.enter(&place, Step::Clear),
            Some(Step::Wait) => self.wait(&place, hooks.len(), is_late),
            Some(Step::Clear | Step::Create) if is_late => {
                let seconds = self.record.timeout;
                self.fail(
                    hook,
                    place.key(),
                    &format!("could not be made within {seconds} seconds{}", self.trouble(place.key())),
                );
            }
            Some(Step::Clear) => self.clear(&place),
            Some(Step::Create) => self.create(&place),
        }
        false
    }

    fn now(&self) -> Timestamp {
        self.scope.now
    }

    fn deadline(&self) -> Timestamp {
        self.now().saturating_add(SignedDuration::from_secs(self.record.timeout.into())).unwrap_or(self.scope.now)
    }

    fn save(&mut self, edit: impl FnOnce(&mut HookLedger)) {
        let mut next = self.record.clone();
        edit(&mut next);
        self.plan.hooks = Some(next);
    }

    fn enter(&mut self, place: &Place<'_>, step: Step) {
        let (key, deadline) = (place.key().clone(), self.deadline());
        self.save(|record| (record.run, record.deadline) = (Some(Run { key, step }), Some(deadline)));
    }

    fn fail(&mut self, hook: &DeploymentObject, key: &ObjectKey, why: &str) {
        let consequence = match self.event {
            HookEvent::PreInstall | HookEvent::PreUpgrade => "; nothing of the new state is applied",
            HookEvent::PreDelete => "; nothing is deleted",
            HookEvent::PostInstall | HookEvent::PostUpgrade | HookEvent::PostDelete => "",
        };
        let message = format!("the {} hook {key} {why}{consequence}", self.event);
        let (at, deadline) = (self.now(), self.deadline());
        let failure = Failure { key: key.clone(), source: hook.source.clone(), message, at };
        self.save(|record| (record.run, record.deadline, record.failure) = (None, Some(deadline), Some(failure)));
    }

    /// Where the hook goes; `None` where that is not known, or cannot be.
    fn place(&mut self, hook: &'a DeploymentObject) -> Option<Place<'a>> {
        let snapshot = self.scope.snapshot;
        if let Some(why) = unusable(&hook.key.name) {
            self.fail(hook, &hook.key, &format!("cannot be made: {why}"));
            return None;
        }
        match resolve(snapshot, self.scope.deployment, hook) {
            Resolved::Key(key) => {
                let plural = snapshot.kind(&key).flatten().map(|info| info.plural.clone()).unwrap_or_default();
                let service_account = self.scope.deployment.options.service_account.clone();
                let target = Target { key, api_version: hook.api_version.clone(), plural, service_account };
                return Some(Place { hook, target });
            }
            Resolved::Unknown => {
                self.plan.unknown_kinds.insert(GroupKind::of(&hook.key));
                self.plan.reading = true;
                self.plan.loading = true;
            }
            Resolved::NotServed => {
                self.plan.missing_kinds.insert(GroupKind::of(&hook.key));
                let message = format!("the API server does not serve {} {}", hook.api_version, hook.key.kind);
                match self.record.deadline {
                    None => {
                        let deadline = self.deadline();
                        self.save(|record| record.deadline = Some(deadline));
                    }
                    Some(deadline) if deadline <= self.now() => {
                        self.fail(hook, &hook.key, &format!("cannot be made: {message}"));
                    }
                    Some(deadline) => self.plan.wake(Some(deadline)),
                }
                let note = Note::new(Reason::WaitingForKind, format!("{message} yet"));
                self.words.note(note.about(hook.key.clone()).in_file(hook.source.as_str()));
            }
            Resolved::ClusterScoped(key) => {
                let namespace = &self.scope.deployment.release_namespace;
                let why = format!(
                    "cannot be made: it is not in any namespace, and `namespace` in fleet.yaml puts all of the bundle into {namespace}"
                );
                self.fail(hook, &key, &why);
            }
        }
        None
    }

    /// What the cluster has under the name; `None` where it is being read, or something is under way.
    fn look(&mut self, place: &Place<'_>) -> Option<Option<&'a Live>> {
        let snapshot = self.scope.snapshot;
        self.plan.wake(self.record.deadline);
        if snapshot.in_flight.contains(place.key()) {
            return None;
        }
        if let Some(live) = snapshot.live.get(place.key()) {
            return Some(live.as_deref());
        }
        let attempt = snapshot.attempts.get(place.key()).filter(|attempt| attempt.content.is_none());
        match attempt.map(|attempt| attempt.tries.retry_failure()).filter(|retry| *retry > self.scope.now) {
            Some(retry) => self.plan.wake(Some(retry)),
            None => {
                self.plan.reading = true;
                self.plan.actions.push(Action::Read { target: place.target.clone() });
            }
        }
        None
    }

    fn clear(&mut self, place: &Place<'a>) {
        let Some(live) = self.look(place) else { return };
        let Some(live) = live else { return self.enter(place, Step::Create) };
        if let Some(finalizers) = &live.deleting {
            return self.going(place, finalizers);
        }
        match self.owner(place.key(), live) {
            Owner::Recorded | Owner::Ours if !place.is_deleted(HookDeletion::BeforeHookCreation) => {
                self.enter(place, Step::Create);
            }
            Owner::Recorded => self.delete(place, &live.uid),
            Owner::Ours => {
                let (key, uid) = (place.key().clone(), live.uid.clone());
                if self.scope.snapshot.ledger.entry(self.scope.bundle, &key).is_some() {
                    self.plan.drops.push(key.clone());
                }
                self.save(|record| record.leaves(&key, &uid));
            }
            Owner::Unknown => {}
            Owner::Foreign(_) if self.scope.deployment.options.take_ownership => self.enter(place, Step::Create),
            Owner::Foreign(whose) => self.fail_foreign(place, &whose),
        }
    }

    fn owner(&self, key: &ObjectKey, live: &Live) -> Owner {
        let (snapshot, bundle) = (self.scope.snapshot, self.scope.bundle);
        if self.record.left(key) == Some(&*live.uid) {
            return Owner::Recorded;
        }
        if let Claim::Refused(owner) | Claim::TakeOver(owner) = claim(snapshot, bundle, key) {
            return Owner::Foreign(format!("bundle {owner}"));
        }
        let is_entry = snapshot.ledger.entry(bundle, key).is_some_and(|entry| entry.uid.as_ref() == Some(&live.uid));
        // A hook that an earlier life of this Bundle has left, or a Bundle that is no longer here: no live one claims it.
        let is_left_behind = live.is_hook && live.owner.as_deref() == Some(snapshot.cluster.as_str());
        if is_entry || live.is_marked(&snapshot.cluster, bundle) {
            return Owner::Ours;
        }
        if is_left_behind {
            return if claimed_by_other(snapshot, bundle, key) { Owner::Unknown } else { Owner::Ours };
        }
        Owner::Foreign(match &live.deployment {
            Some(deployment) if live.owner.is_some() => format!("bundle {deployment}"),
            _ => live.other_manager.as_deref().unwrap_or("somebody else").to_owned(),
        })
    }

    fn create(&mut self, place: &Place<'a>) {
        let Some(live) = self.look(place) else { return };
        let (snapshot, content) = (self.scope.snapshot, place.hook.digest);
        if let Some(finalizers) = live.and_then(|live| live.deleting.as_ref()) {
            return self.going(place, finalizers);
        }
        let takes = self.scope.deployment.options.take_ownership;
        if let Some(Owner::Foreign(whose)) = live.map(|live| self.owner(place.key(), live)).filter(|_| !takes) {
            return self.fail_foreign(place, &whose);
        }
        if let Some(attempt) = snapshot.attempts.get(place.key()).filter(|attempt| attempt.content == Some(content)) {
            let is_final = attempt.reason == Reason::ImmutableField
                || (attempt.reason == Reason::ObjectRefused && attempt.tries.count >= REFUSALS);
            if is_final {
                return self.fail(place.hook, place.key(), &format!("cannot be made: {}", attempt.message));
            }
            if self.pauses(place, attempt) {
                return;
            }
        }
        if !snapshot.blobs.contains(&content) {
            return self.tell(place, Reason::WaitingForCluster, format!("fetching the hook {}", place.key()));
        }
        self.plan.actions.push(Action::Apply(Box::new(Apply {
            bundle: self.scope.bundle.clone(),
            target: place.target.clone(),
            content,
            force: live.is_some(),
            leave_out: Vec::new(),
            cause: Cause::Hook,
            sync: self.scope.deployment.options.force_sync_generation,
            private: self.scope.deployment.rendered_from.is_some(),
        })));
    }

    fn wait(&mut self, place: &Place<'a>, count: usize, is_late: bool) {
        if !is_waited_for(place.hook) {
            return self.succeed();
        }
        let Some(live) = self.look(place) else { return };
        let made = self.record.left(place.key());
        let Some(live) = live.filter(|live| made == Some(&*live.uid)) else {
            return self.fail(place.hook, place.key(), "was deleted before its end was seen");
        };
        match &live.ended {
            Some(ended) if ended.succeeded => self.succeed(),
            Some(ended) => self.fail(place.hook, place.key(), &format!("failed: {}", ended.message)),
            None if is_late => {
                let why = format!("did not end within {} seconds", self.record.timeout);
                self.fail(place.hook, place.key(), &why);
            }
            None => {
                let (event, number) = (self.event, self.record.done + 1);
                let message = format!("the {event} hook {} ({number} of {count}) runs", place.key());
                self.tell(place, Reason::HookRunning, message);
            }
        }
    }

    fn succeed(&mut self) {
        self.save(|record| {
            record.done += 1;
            (record.run, record.deadline) = (None, None);
        });
    }

    /// Deletes what the policies say, one after the other; true where nothing of it is left.
    fn tidy(&mut self, due: Vec<&'a DeploymentObject>) -> bool {
        for hook in due {
            let Resolved::Key(key) = resolve(self.scope.snapshot, self.scope.deployment, hook) else { continue };
            let Some(uid) = self.record.left(&key) else { continue };
            let Some(deadline) = self.record.deadline else {
                let deadline = self.deadline();
                self.save(|record| record.deadline = Some(deadline));
                return false;
            };
            if deadline <= self.now() {
                if self.record.failure.is_none() {
                    let why =
                        format!("could not be deleted within {} seconds{}", self.record.timeout, self.trouble(&key));
                    self.fail(hook, &key, &why);
                }
                return false;
            }
            let Some(place) = self.place(hook) else { return false };
            let Some(live) = self.look(&place) else { return false };
            match live.filter(|live| *live.uid == *uid) {
                None => self.save(|record| record.left.retain(|left| left.key != key)),
                Some(live) => match &live.deleting {
                    Some(finalizers) => self.going(&place, finalizers),
                    None => self.delete(&place, uid),
                },
            }
            return false;
        }
        true
    }

    fn delete(&mut self, place: &Place<'_>, uid: &str) {
        let snapshot = self.scope.snapshot;
        let stop =
            snapshot.desired.as_ref().and_then(|accepted| deletion_stop(snapshot.rules, &accepted.desired, self.now()));
        let is_anew = snapshot.ledger.anew && snapshot.rules.on(Rule::R3Epoch);
        if let Some(reason) = stop.or_else(|| is_anew.then_some(Reason::EpochHeld)) {
            return self.tell(place, reason, format!("the hook {} waits: it would be deleted now", place.key()));
        }
        let attempt = snapshot.attempts.get(place.key()).filter(|attempt| attempt.content.is_none());
        if attempt.is_some_and(|attempt| self.pauses(place, attempt)) {
            return;
        }
        self.plan.actions.push(Action::Delete(Box::new(Delete {
            bundle: self.scope.bundle.clone(),
            target: place.target.clone(),
            uid: uid.to_owned(),
            resource_version: None,
        })));
    }

    /// Tells of what failed last; true where it is not to be tried again yet.
    fn pauses(&mut self, place: &Place<'_>, attempt: &Attempt) -> bool {
        self.tell(place, attempt.reason, attempt.message.clone());
        let retry = attempt.tries.retry_failure();
        let is_early = retry > self.now();
        if is_early {
            self.plan.wake(Some(retry));
        }
        is_early
    }

    /// The name is somebody else's.
    fn fail_foreign(&mut self, place: &Place<'a>, whose: &str) {
        self.fail(place.hook, place.key(), &format!("cannot be made: it exists and belongs to {whose}"));
    }

    fn going(&mut self, place: &Place<'_>, finalizers: &[Box<str>]) {
        let by = if finalizers.is_empty() { "the API server".to_owned() } else { finalizers.join(", ") };
        self.tell(
            place,
            Reason::WaitingForFinalizer,
            format!("the hook {} is being deleted and waits for {by}", place.key()),
        );
    }

    fn tell(&mut self, place: &Place<'_>, reason: Reason, message: String) {
        self.words.note(Note::new(reason, message).about(place.key().clone()).in_file(place.hook.source.as_str()));
    }

    /// What has gone wrong with an object last, for a message.
    fn trouble(&self, key: &ObjectKey) -> String {
        let attempt = self.scope.snapshot.attempts.get(key);
        attempt.map(|attempt| format!(": {}", attempt.message)).unwrap_or_default()
    }
}
