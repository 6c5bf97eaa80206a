//! What a plan puts into the ledger, and what that wakes. Called by [`Machine::decide`] for each plan that was made.
//!
//! Invariant: nothing is done here to the cluster; what is recorded is on disk before what follows from it.

use super::gate::Gate;
use super::hooks::{HookLedger, Stage, Step};
use super::plan::{BundlePlan, Intent};
use super::prune::Due;
use super::snapshot::Live;
use super::{Entry, Machine, Rule, Spent};
use fleet_api::names::Ref;
use fleet_api::wire::{Deployment, Timestamp};
use fleet_api::{Digest, ObjectKey};
use jiff::SignedDuration;

impl Machine {
    /// Puts into the ledger what a plan says of it; true where the plan is to be made again.
    pub(super) fn record(&mut self, bundle: &Ref, plan: &BundlePlan) -> bool {
        let mut again = self.record_drops(bundle, &plan.drops);
        if let Some((deployment, service_account)) = &plan.begin {
            self.look_again_where_others_are_ignored(bundle, *deployment);
            let of = self.snapshot.ledger.begin(bundle);
            of.deployment = Some(*deployment);
            service_account.clone_into(&mut of.service_account);
            again = true;
        }
        for intent in &plan.intents {
            again |= self.record_intent(bundle, intent);
        }
        if let Some(next) = &plan.hooks {
            self.record_hooks(bundle, next);
            again = true;
        }
        again |= self.settle(bundle, plan);
        if again {
            self.journal.revision += 1;
        }
        if !plan.intents.is_empty() || plan.hooks.is_some() {
            self.journal.intents.insert(bundle.clone(), self.journal.revision);
        }
        again
    }

    /// Health is judged when an object is seen, with the conditions that its Deployment leaves out (`ignore.conditions`):
    /// where the next one leaves out others, its objects are read again.
    fn look_again_where_others_are_ignored(&mut self, bundle: &Ref, next: Digest) {
        let ignored = |deployment: Option<&Deployment>| {
            deployment.map(|deployment| deployment.options.ignore_conditions.clone()).unwrap_or_default()
        };
        if ignored(self.in_force(bundle)) == ignored(self.snapshot.docs.get(&next)) {
            return;
        }
        let Some(ledger) = self.snapshot.ledger.bundle(bundle) else { return };
        let keys: Vec<ObjectKey> = ledger.objects().keys().cloned().collect();
        keys.iter().for_each(|key| drop(self.snapshot.live.remove(key)));
    }

    fn record_drops(&mut self, bundle: &Ref, drops: &[ObjectKey]) -> bool {
        let mut again = false;
        for key in drops {
            if self.snapshot.ledger.take(bundle, key).is_some() {
                again = true;
                // Whoever else claims it may have it now.
                self.wake_claimants(key, bundle);
                self.wake_namespace(&key.namespace);
            }
            self.snapshot.told.remove(key);
            self.snapshot.attempts.remove(key);
            if !self.snapshot.claims.contains_key(key) {
                self.snapshot.live.remove(key);
                self.snapshot.repairs.remove(key);
            }
        }
        again
    }

    fn record_intent(&mut self, bundle: &Ref, intent: &Intent) -> bool {
        let ledger = &mut self.snapshot.ledger;
        let taken = intent.from.as_ref().and_then(|from| ledger.take(from, &intent.key));
        if taken.is_some() {
            self.dirty.extend(intent.from.clone());
        }
        let entry = Entry { api_version: intent.api_version.as_str().into(), ..taken.unwrap_or_default() };
        // What is taken over is applied again whatever its content: the annotation changes.
        let uid = intent.uid.clone().or(entry.uid);
        let entry = Entry { uid, content: None, fields: None, doomed: false, ..entry };
        if ledger.entry(bundle, &intent.key).is_some_and(|old| *old == entry) {
            return false;
        }
        ledger.put(bundle, intent.key.clone(), entry);
        self.wake_claimants(&intent.key, bundle);
        true
    }

    /// Its namespace may wait for the last object in it.
    fn wake_namespace(&mut self, namespace: &str) {
        let namespace = ObjectKey::new("", "Namespace", "", namespace);
        self.dirty.extend(self.snapshot.ledger.owner(&namespace).cloned());
    }

    fn wake_claimants(&mut self, key: &ObjectKey, but: &Ref) {
        let claimants = self.snapshot.claims.get(key).into_iter().flatten();
        self.dirty.extend(claimants.filter(|of| *of != but).cloned());
    }

    /// What was known of an object counts no longer when a hook of its name begins: it is read again.
    fn record_hooks(&mut self, bundle: &Ref, next: &HookLedger) {
        let of = self.snapshot.ledger.begin(bundle);
        let before = of.hooks.replace(next.clone()).and_then(|before| before.run);
        if let Some(run) = next.run.as_ref().filter(|run| run.step == Step::Clear && before.as_ref() != Some(run)) {
            self.snapshot.live.remove(&run.key);
            self.snapshot.attempts.remove(&run.key);
        }
    }

    /// A hook was applied: from now on its end is waited for.
    pub(super) fn hook_applied(&mut self, bundle: &Ref, key: &ObjectKey, live: Live, at: Timestamp) {
        let of = self.snapshot.ledger.bundle_mut(bundle);
        if let Some(hooks) = of.and_then(|of| of.hooks.as_mut()) {
            hooks.leaves(key, &live.uid);
            if let Some(run) = hooks.run.as_mut().filter(|run| run.key == *key) {
                run.step = Step::Wait;
                let timeout = SignedDuration::from_secs(hooks.timeout.into());
                hooks.deadline = Some(at.saturating_add(timeout).unwrap_or(at));
            }
            self.journal.revision += 1;
        }
        self.snapshot.live.insert(key.clone(), Some(Box::new(live)));
        self.dirty.insert(bundle.clone());
    }

    /// Takes back what no longer holds, and forgets a Bundle of which nothing is left.
    fn settle(&mut self, bundle: &Ref, plan: &BundlePlan) -> bool {
        let accepted = self.snapshot.desired.as_ref();
        let is_live = accepted.is_some_and(|accepted| accepted.deployment(bundle).is_some());
        let is_withdrawn = accepted.is_some_and(|accepted| accepted.tombstone(bundle).is_some());
        let has_desired = accepted.is_some();
        // What was approved was the deletion of then: what is wanted again is not deleted later without being asked for.
        let is_spoken_of = is_live || is_withdrawn || !self.snapshot.rules.on(Rule::R6Complete);
        let Some(of) = self.snapshot.ledger.bundle_mut(bundle) else { return false };
        let mut again = false;
        for (key, entry) in of.entries_mut() {
            let is_due = is_spoken_of && !self.snapshot.claims.contains_key(key);
            if entry.doomed && has_desired && !is_due {
                entry.doomed = false;
                again = true;
            }
        }
        if let Some(hooks) = of.hooks.as_mut().filter(|hooks| is_live && hooks.stage.is_removal()) {
            // The removal is called off: whatever is there, it begins as a new revision.
            hooks.enter(Stage::Settled);
            hooks.revision = None;
            of.deployment = None;
            again = true;
        }
        let is_kept = plan.keeps_ledger && of.hooks.as_ref().is_some_and(|hooks| hooks.stage != Stage::Gone);
        if !is_live && of.objects().is_empty() && !is_kept {
            self.snapshot.ledger.forget_empty(bundle);
            again = true;
        }
        again
    }

    /// Records which deletions were let through, before they are done.
    pub(super) fn doom(&mut self, gate: &Gate) {
        if gate.lifts_anew || (self.snapshot.ledger.anew && self.snapshot.ledger.is_empty()) {
            self.snapshot.ledger.anew = false;
            self.journal.revision += 1;
        }
        let fresh: Vec<&Due> = gate.allowed.iter().filter(|due| !due.doomed).collect();
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
            if let Some(entry) = ledger.entry_mut(&due.bundle, &due.target.key) {
                entry.doomed = true;
                entry.uid = Some(due.uid.clone());
            }
            self.dirty.insert(due.bundle.clone());
        }
        self.journal.revision += 1;
        self.journal.dooms = self.journal.revision;
    }
}
