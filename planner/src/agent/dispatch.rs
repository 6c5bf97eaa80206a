//! What of the plans is done now: reads at once, writes when what they need is on disk, deletions in the order of kinds,
//! and what the shell is asked for beside that. Called by [`Machine::decide`], after the plans.
//!
//! Invariant: nothing is written whose intent is not in the ledger on disk (R7, R8).

use super::snapshot::Snapshot;
use super::{Action, Decision, GroupKind, INTENT_DELAY, JOURNAL_DELAY, Machine, Rule, Want, plan, prune};
use fleet_api::Digest;
use fleet_api::names::Ref;
use fleet_api::wire::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

impl Machine {
    pub(super) fn take_actions(&mut self, decision: &mut Decision) {
        let journal_first = self.snapshot.rules.on(Rule::R7Journal);
        for (bundle, plan) in &mut self.plans {
            let needed = self.journal.intents.get(bundle).copied().unwrap_or_default();
            let is_journaled = !journal_first || self.journal.persisted >= needed;
            if is_journaled && self.journal.persisted >= needed {
                self.journal.intents.remove(bundle);
            }
            for action in std::mem::take(&mut plan.actions) {
                if takes_rendering(&mut self.snapshot, &action) {
                    decision.actions.push(action);
                    continue;
                }
                let (key, is_read) = match &action {
                    Action::Read { target } => (target.key.clone(), true),
                    Action::Apply(apply) => (apply.target.key.clone(), false),
                    Action::RemoveKeys(remove) => (remove.target.key.clone(), false),
                    Action::EnsureNamespace(ensure) => (plan::ensure_key(&ensure.bundle, &ensure.namespace), false),
                    Action::SaveDesired { .. }
                    | Action::Journal { .. }
                    | Action::Fetch { .. }
                    | Action::ReadValues(_)
                    | Action::Render { .. }
                    | Action::Discover { .. } => continue,
                    // Of a hook; the others pass the gate.
                    Action::Delete(delete) => (delete.target.key.clone(), false),
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
    pub(super) fn take_deletions(&mut self, allowed: Vec<prune::Due>, now: Timestamp, decision: &mut Decision) {
        let rules = self.snapshot.rules;
        let is_counted = self.journal.persisted >= self.journal.dooms;
        if !is_counted && rules.on(Rule::R7Journal) && rules.on(Rule::R8Counted) {
            return;
        }
        let place = |due: &prune::Due| {
            let (rank, kind) = crate::order::place(&due.target.key.kind);
            (rank, kind.to_owned())
        };
        let waits = |due: &prune::Due| self.plans.get(&due.bundle).is_some_and(|plan| plan.holds_deletions);
        let allowed: Vec<prune::Due> = allowed.into_iter().filter(|due| !waits(due)).collect();
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

    pub(super) fn fetch(&mut self, now: Timestamp, decision: &mut Decision) {
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
        for plan in self.plans.values_mut() {
            plan.reading |= plan.wants.iter().any(|want| wants.contains_key(&want.digest));
        }
        decision.actions.push(Action::Fetch { wants: wants.into_values().collect() });
    }

    pub(super) fn discover(&mut self, now: Timestamp, decision: &mut Decision) {
        if self.discovery.in_flight {
            return;
        }
        let mut kinds = self.unknown_kinds_of_ledger();
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

    fn unknown_kinds_of_ledger(&mut self) -> BTreeSet<GroupKind> {
        if self.discovery.all_known_at == Some(self.journal.revision) {
            return BTreeSet::new();
        }
        let known = &self.snapshot;
        let keys = known.ledger.bundles().values().flat_map(|bundle| bundle.objects().keys());
        let unknown: BTreeSet<GroupKind> = keys.filter(|key| known.kind(key).is_none()).map(GroupKind::of).collect();
        self.discovery.all_known_at = unknown.is_empty().then_some(self.journal.revision);
        unknown
    }

    pub(super) fn write_journal(&mut self, now: Timestamp, decision: &mut Decision) {
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
}

/// Takes down that values are read, or rendered; true where the action is one of these.
fn takes_rendering(snapshot: &mut Snapshot, action: &Action) -> bool {
    match action {
        Action::ReadValues(read) => snapshot.renderings.entry(read.deployment).or_default().reading = true,
        Action::Render { deployment, .. } => snapshot.renderings.entry(*deployment).or_default().rendering = true,
        _ => return false,
    }
    true
}
