//! What is said of a Bundle: [`DeploymentReport`]. Called by the plans.

use super::diff::Judgement;
use super::snapshot::Snapshot;
use super::{Machine, accept};
use fleet_api::names::Ref;
use fleet_api::reason::Severity;
use fleet_api::wire::{
    DeploymentReport, HeldDeletions, LIST_CAP, ModifiedObject, NotReadyObject, Report, Timestamp, Version,
};
use fleet_api::{DeploymentState, Digest, Note, Reason};
use std::collections::BTreeSet;

/// Collects what is said.
#[derive(Debug)]
pub(super) struct Builder {
    deployment: Option<Digest>,
    pub applied: bool,
    pub waiting: bool,
    pub notes: Vec<Note>,
    judged: u32,
    ready: u32,
    not_ready: Vec<NotReadyObject>,
    modified: Vec<ModifiedObject>,
}

impl Builder {
    pub(super) const fn new(deployment: Option<Digest>) -> Self {
        Self {
            deployment,
            applied: false,
            waiting: false,
            notes: Vec::new(),
            judged: 0,
            ready: 0,
            not_ready: Vec::new(),
            modified: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    pub(super) fn object(&mut self, judgement: &Judgement) {
        self.judged += 1;
        if judgement.applied && !judgement.loading && judgement.not_ready.is_none() {
            self.ready += 1;
        }
        self.not_ready.extend(judgement.not_ready.clone());
        self.modified.extend(judgement.modified.clone());
        self.notes.extend(judgement.notes.iter().cloned());
    }

    /// Whether all that was judged is ready.
    pub(super) const fn is_ready(&self) -> bool {
        self.ready == self.judged
    }

    pub(super) fn finish(mut self, snapshot: &Snapshot, bundle: &Ref) -> DeploymentReport {
        let objects = snapshot
            .ledger
            .bundle(bundle)
            .map_or(0, |ledger| ledger.objects().values().filter(|entry| entry.uid.is_some() && !entry.made).count());
        // What is pressing first, so that a cut list does not hide it.
        self.notes.sort_by(|a, b| b.reason.severity().cmp(&a.reason.severity()).then_with(|| a.cmp(b)));
        self.notes.dedup();
        let incomplete =
            self.notes.len() > LIST_CAP || self.modified.len() > LIST_CAP || self.not_ready.len() > LIST_CAP;
        let unmodified = self.applied && self.modified.is_empty();
        self.notes.truncate(LIST_CAP);
        self.modified.truncate(LIST_CAP);
        self.not_ready.truncate(LIST_CAP);
        DeploymentReport {
            deployment: self.deployment,
            applied: self.applied,
            ready: self.applied && self.ready == self.judged,
            unmodified,
            waiting: self.waiting,
            objects: u32::try_from(objects).unwrap_or(u32::MAX),
            ready_objects: self.ready,
            not_ready: self.not_ready,
            modified: self.modified,
            notes: self.notes,
            incomplete,
        }
    }
}

/// The state that a report amounts to, for those that depend on it.
pub(super) fn state(report: &DeploymentReport) -> DeploymentState {
    let failed = |note: &Note| matches!(note.reason.severity(), Severity::Failed | Severity::Refused);
    if report.waiting {
        DeploymentState::WaitingForDependency
    } else if !report.applied {
        if report.notes.iter().any(failed) { DeploymentState::ErrApplied } else { DeploymentState::WaitApplied }
    } else if !report.ready {
        DeploymentState::NotReady
    } else if !report.unmodified {
        DeploymentState::Modified
    } else {
        DeploymentState::Ready
    }
}

impl Machine {
    pub(super) fn compose(&self, version: Version, held: Option<HeldDeletions>, notes: Vec<Note>) -> Report {
        let mut report = Report { version, notes, ..Report::default() };
        if self.snapshot.desired.is_none() {
            return report;
        }
        for (bundle, plan) in &self.plans {
            report.deployments.extend(plan.report.clone().map(|said| (bundle.clone(), said)));
        }
        if let Some(held) = &held {
            let bundles: BTreeSet<&Ref> = held.objects.iter().map(|object| &object.bundle).collect();
            for bundle in bundles {
                if let Some(said) = report.deployments.get_mut(bundle) {
                    said.notes.insert(0, held.note.clone());
                    said.notes.truncate(fleet_api::wire::LIST_CAP);
                }
            }
        }
        report.held = held;
        report
    }

    pub(super) fn cluster_notes(&self, now: Timestamp) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.snapshot.fenced {
            let message = "another agent with this identity started later; this one has stopped writing";
            notes.push(Note::new(Reason::Fenced, message));
        }
        notes.extend(self.snapshot.rejected.clone());
        if let Some(accepted) = self.snapshot.desired.as_ref().filter(|a| accept::is_expired(&a.desired, now)) {
            let message = format!(
                "desired state {} has expired at {}: it is enforced, and nothing is deleted",
                accepted.desired.version, accepted.desired.expires
            );
            notes.push(Note::new(Reason::DesiredExpired, message));
        }
        if let Some(problem) = &self.journal.problem {
            notes.push(Note::new(Reason::ApiServerUnreachable, format!("the ledger cannot be written: {problem}")));
        }
        notes
    }
}
