//! What the hub remembers of a cluster, and what a sync means (R1–R3, R11, R12).
//!
//! The invariant: everything here is on disk before the agent is told of it.

use super::event::{Enrollment, Sync, SyncOutcome};
use super::intake;
use super::rules::{Rule, Rules};
use fleet_api::names::Ref;
use fleet_api::wire::{Approval, Desired, Have, Report, ReportDelta, Timestamp, Tombstone, Version};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How many approvals a cluster may have at once; that of a GitRepo has one for each of its bundles.
const APPROVALS: usize = 1024;
/// How many documents that an agent may have are remembered.
const HISTORY: usize = 256;

/// What the hub remembers of one enrolled cluster; a record in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Who it is.
    pub enrollment: Enrollment,
    /// The version of the newest Desired.
    pub version: Version,
    /// The newest Desired, parsed. Its bytes are kept by the shell.
    #[serde(skip)]
    pub desired: Option<Desired>,
    /// Documents that the agent may have, oldest first; the newest is the last.
    pub history: Vec<Have>,
    /// Those of them that were not given to the agent for certain; loaded ones are taken as given.
    #[serde(skip)]
    pub unserved: BTreeSet<Version>,
    /// When each tombstone was first issued.
    pub tombstones: BTreeMap<Ref, Grave>,
    /// When each Bundle whose templates ask for it was rendered for the cluster first: what they take for the present, so
    /// that it does not change with every commit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub first_renders: BTreeMap<Ref, Timestamp>,
    /// What admins approved.
    pub approvals: Vec<GrantedApproval>,
    /// The epoch in which nothing may be deleted yet (R3).
    pub hold: Option<EpochHold>,
    /// The start counter of the process that may write (R12).
    pub start: u64,
    /// That process.
    pub instance: String,
    /// The newest protocol that it speaks; 0 where it was never heard of.
    #[serde(default)]
    pub protocol: u32,
    /// The start whose reports `sequence` counts.
    pub report_start: u64,
    /// The newest report (R11).
    pub sequence: u64,
    /// The report; a record of its own in the store.
    #[serde(skip)]
    pub report: Report,
}

/// A tombstone, and since when the agent is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grave {
    /// What the agent is told.
    pub tombstone: Tombstone,
    /// The first version that carries it.
    pub since: Version,
    /// The GitRepo that the bundle came from.
    #[serde(default)]
    pub gitrepo: Option<Ref>,
}

/// An approval, and since when the agent is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedApproval {
    /// What the agent is told.
    pub approval: Approval,
    /// The first version that carries it.
    pub since: Version,
}

/// R3: deletions wait in this epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochHold {
    /// An admin has approved.
    pub approved: bool,
}

impl Memory {
    /// Of a cluster that has just been enrolled.
    pub fn new(enrollment: Enrollment) -> Self {
        Self {
            enrollment,
            version: Version { epoch: 1, generation: 0 },
            desired: None,
            history: Vec::new(),
            unserved: BTreeSet::new(),
            tombstones: BTreeMap::new(),
            first_renders: BTreeMap::new(),
            approvals: Vec::new(),
            hold: None,
            start: 0,
            instance: String::new(),
            protocol: 0,
            report_start: 0,
            sequence: 0,
            report: Report::default(),
        }
    }

    /// What the agent should have now.
    pub fn newest(&self) -> Option<Have> {
        self.history.last().copied()
    }

    /// A new Desired was made.
    pub(super) fn issued(&mut self, desired: Desired, have: Have) {
        // What nobody was given need not be accounted for. The newest may be on its way just now.
        let newest = self.newest();
        let unserved = &self.unserved;
        self.history.retain(|old| Some(*old) == newest || !unserved.contains(&old.version));
        self.unserved.retain(|version| newest.is_some_and(|newest| newest.version == *version));
        self.unserved.insert(have.version);
        self.version = have.version;
        self.desired = Some(desired);
        self.history.push(have);
        if self.history.len() > HISTORY {
            self.history.remove(0);
        }
    }

    /// Takes in a sync: the parts that concern identity, counters and versions.
    pub(super) fn sync(&mut self, sync: &Sync, rules: Rules) -> SyncOutcome {
        let mut outcome = SyncOutcome::default();
        if self.is_fenced(sync, &mut outcome) && rules.on(Rule::R12Start) {
            return SyncOutcome { start: self.start, fenced: true, acknowledged: self.sequence, ..outcome };
        }
        outcome.start = self.start;
        if self.protocol != sync.protocol {
            self.protocol = sync.protocol;
            outcome.durable = true;
        }
        self.account_for(sync.have, rules, &mut outcome);
        match &sync.report {
            Some(delta) => self.take_report(delta, rules, &mut outcome),
            None => {
                outcome.resend = self.report_start != self.start || outcome.new_epoch;
                outcome.acknowledged = if outcome.resend { 0 } else { self.sequence };
            }
        }
        outcome
    }

    /// R12: the process with the greatest start counter has the identity.
    fn is_fenced(&mut self, sync: &Sync, outcome: &mut SyncOutcome) -> bool {
        match sync.start {
            Some(start) if start < self.start => return true,
            Some(start) if start == self.start => return sync.instance != self.instance,
            // This hub was restored: it granted the counter and forgot.
            Some(start) => self.begin(start, sync),
            None if sync.instance == self.instance && self.start > 0 => return false,
            None => self.begin(self.start.saturating_add(1), sync),
        }
        outcome.durable = true;
        false
    }

    fn begin(&mut self, start: u64, sync: &Sync) {
        self.start = start;
        self.instance.clone_from(&sync.instance);
    }

    /// R3: a document that this hub did not issue begins a new epoch.
    fn account_for(&mut self, have: Option<Have>, rules: Rules, outcome: &mut SyncOutcome) {
        let Some(have) = have else { return };
        if let Some(at) = self.history.iter().position(|known| *known == have) {
            // What is older than what the agent has, it will never have again (R2).
            self.history.drain(..at);
            self.unserved.remove(&have.version);
            return;
        }
        if !rules.on(Rule::R3Epoch) {
            return;
        }
        if self.history.first().is_some_and(|oldest| have.version < oldest.version) {
            // A request that was overtaken by a later one of the same agent: it is told of the newest all the same.
            return;
        }
        let epoch = self.version.epoch.max(have.version.epoch).saturating_add(1);
        self.version = Version { epoch, generation: 0 };
        self.hold = rules.on(Rule::R3Hold).then_some(EpochHold { approved: false });
        self.desired = None;
        // Until the agent has what is issued now, it goes on saying the same.
        self.history = vec![have];
        self.approvals.clear();
        self.unserved.clear();
        outcome.new_epoch = true;
        outcome.durable = true;
    }

    /// R11: a report's counter rises strictly; an acknowledged state never goes back.
    fn take_report(&mut self, delta: &ReportDelta, rules: Rules, outcome: &mut SyncOutcome) {
        let same_start = self.report_start == self.start;
        if same_start && delta.sequence <= self.sequence && rules.on(Rule::R11Report) {
            outcome.acknowledged = self.sequence;
            return;
        }
        let builds_on_ours = same_start && self.sequence > 0 && delta.sequence == self.sequence.saturating_add(1);
        if !delta.full && !builds_on_ours {
            outcome.acknowledged = if same_start { self.sequence } else { 0 };
            outcome.resend = true;
            return;
        }
        // A report that is too large is not acknowledged.
        let Some(delta) = intake::take(&self.report, delta) else {
            outcome.acknowledged = if same_start { self.sequence } else { 0 };
            return;
        };
        let sequence = delta.sequence;
        self.report.apply(delta);
        self.report_start = self.start;
        self.sequence = sequence;
        outcome.acknowledged = sequence;
        outcome.durable = true;
        self.bury_finished(rules);
    }

    /// Tombstones of which the agent has nothing left, and approvals that have done their work.
    fn bury_finished(&mut self, rules: Rules) {
        let report = &self.report;
        if !rules.on(Rule::R6Tombstone) {
            self.tombstones.clear();
        }
        self.tombstones.retain(|bundle, grave| grave.since > report.version || report.deployments.contains_key(bundle));
        self.approvals.retain(|granted| granted.since > report.version || report.held.is_some());
    }

    /// An admin approved. The hold of an epoch (R3) is of the cluster: only who has seen all that is held ends it.
    pub(super) fn approve(&mut self, approval: Approval) {
        let is_whole = self.report.held.as_ref().is_some_and(|held| held.digest == approval.list);
        if is_whole && let Some(hold) = &mut self.hold {
            hold.approved = true;
        }
        self.approvals.retain(|granted| granted.approval.list != approval.list);
        let since = Version { generation: self.version.generation.saturating_add(1), ..self.version };
        self.approvals.push(GrantedApproval { approval, since });
        if self.approvals.len() > APPROVALS {
            self.approvals.remove(0);
        }
    }
}
