//! The state of a Deployment, and what the states of many add up to (reference §2.11, `summary/summary.go`).

use fleet_api::key::group_of;
use fleet_api::reason::{Note, Severity};
use fleet_api::state::DeploymentState;
use fleet_api::v1alpha1::{
    Condition, Display, ModifiedStatus, NonReadyResource, NonReadyStatus, ResourceCounts, Summary,
};
use fleet_api::wire::{DeploymentReport, LIST_CAP};
use fleet_api::{Digest, ObjectKey};
use std::fmt::Write as _;

/// What the hub knows of one Bundle in one cluster.
#[derive(Clone, Copy, Debug)]
pub struct DeploymentView<'a> {
    /// The Deployment that the cluster was told to have; none while nothing has been issued.
    pub issued: Option<Digest>,
    /// The Deployment that it would have if nothing were held back.
    pub wanted: Option<Digest>,
    /// What the agent said last.
    pub report: Option<&'a DeploymentReport>,
    /// The cluster has not been heard of for longer than its deadline.
    pub offline: bool,
    /// Something at the hub keeps it from being made for this cluster (a render that fails).
    pub failed: bool,
}

/// The state of one Deployment.
///
/// Fleet's order: not applied (with an error or without) before not ready, before held back, before modified. Before all
/// of them comes `Offline`: what the cluster said last may no longer be so.
pub fn state(view: &DeploymentView<'_>) -> DeploymentState {
    if view.failed {
        return DeploymentState::ErrApplied;
    }
    let Some(issued) = view.issued else { return DeploymentState::Pending };
    if view.offline {
        return DeploymentState::Offline;
    }
    let Some(report) = view.report else { return DeploymentState::WaitApplied };
    if has_errors(report) {
        return DeploymentState::ErrApplied;
    }
    if report.waiting {
        return DeploymentState::WaitingForDependency;
    }
    if report.deployment != Some(issued) || !report.applied {
        return DeploymentState::WaitApplied;
    }
    if !report.ready {
        return DeploymentState::NotReady;
    }
    if view.wanted.is_some_and(|wanted| wanted != issued) {
        return DeploymentState::OutOfSync;
    }
    if report.unmodified { DeploymentState::Ready } else { DeploymentState::Modified }
}

fn has_errors(report: &DeploymentReport) -> bool {
    report.notes.iter().any(|note| matches!(note.reason.severity(), Severity::Failed | Severity::Refused))
}

/// The sentence for one Deployment that is not ready: its first error, else its first wait, else nothing.
pub fn message(report: Option<&DeploymentReport>) -> String {
    let Some(report) = report else { return String::new() };
    let by_severity = |severities: &[Severity]| {
        report.notes.iter().find(|note| severities.contains(&note.reason.severity())).map(with_file)
    };
    by_severity(&[Severity::Failed, Severity::Refused])
        .or_else(|| by_severity(&[Severity::Held, Severity::Waiting]))
        .unwrap_or_default()
}

fn with_file(note: &Note) -> String {
    if note.file.is_empty() { note.message.clone() } else { format!("{}: {}", note.file, note.message) }
}

/// How many Deployments are in which state. Counts go up and down by one, so that a report costs what it changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateCounts([u32; DeploymentState::ALL.len()]);

impl StateCounts {
    /// One more in `state`.
    pub fn add(&mut self, state: DeploymentState) {
        self.0[state as usize] += 1;
    }

    /// One less in `state`.
    pub fn remove(&mut self, state: DeploymentState) {
        self.0[state as usize] = self.0[state as usize].saturating_sub(1);
    }

    /// Everything of `other`, too.
    pub fn extend(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// How many are in `state`.
    pub fn of(&self, state: DeploymentState) -> u32 {
        self.0[state as usize]
    }

    /// How many there are.
    pub fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// The highest-ranked state that any is in; none where all are Ready.
    pub fn worst(&self) -> Option<DeploymentState> {
        DeploymentState::ALL.into_iter().rev().find(|state| *state != DeploymentState::Ready && self.of(*state) > 0)
    }

    /// As statuses carry it; of `non_ready` the first ten are taken.
    pub fn summary(&self, non_ready: impl IntoIterator<Item = NonReadyResource>) -> Summary {
        Summary {
            desired_ready: self.total(),
            ready: self.of(DeploymentState::Ready),
            not_ready: self.of(DeploymentState::NotReady),
            wait_applied: self.of(DeploymentState::WaitApplied),
            err_applied: self.of(DeploymentState::ErrApplied),
            out_of_sync: self.of(DeploymentState::OutOfSync),
            modified: self.of(DeploymentState::Modified),
            pending: self.of(DeploymentState::Pending),
            offline: self.of(DeploymentState::Offline),
            waiting_for_dependency: self.of(DeploymentState::WaitingForDependency),
            non_ready_resources: non_ready.into_iter().take(LIST_CAP).collect(),
        }
    }

    /// `ready/desired`.
    pub fn ratio(&self) -> String {
        format!("{}/{}", self.of(DeploymentState::Ready), self.total())
    }
}

/// One Deployment that is not ready, as a summary lists it. `name` is `namespace/cluster` in a Bundle's summary, the
/// Bundle's name in a Cluster's.
pub fn non_ready(name: String, state: DeploymentState, report: Option<&DeploymentReport>) -> NonReadyResource {
    NonReadyResource {
        name,
        bundle_state: state.to_string(),
        message: message(report),
        modified_status: report.map(modified_status).unwrap_or_default(),
        non_ready_status: report.map(non_ready_status).unwrap_or_default(),
    }
}

/// The objects of a report that drifted, as statuses list them.
pub fn modified_status(report: &DeploymentReport) -> Vec<ModifiedStatus> {
    let entry = |object: &fleet_api::wire::ModifiedObject| ModifiedStatus {
        kind: object.key.kind.clone(),
        api_version: object.api_version.clone(),
        namespace: object.key.namespace.clone(),
        name: object.key.name.clone(),
        missing: object.missing,
        exist: object.foreign,
        patch: changes(&object.fields, &object.managers),
        json_pointers: object.fields.iter().filter_map(|field| crate::agent::from_dotted(field)).collect(),
    };
    report.modified.iter().map(entry).collect()
}

fn changes(fields: &[String], managers: &[String]) -> String {
    match (fields.is_empty(), managers.is_empty()) {
        (true, _) => String::new(),
        (false, true) => fields.join(", "),
        (false, false) => format!("{} by {}", fields.join(", "), managers.join(", ")),
    }
}

/// The objects of a report that are not healthy, as statuses list them.
pub fn non_ready_status(report: &DeploymentReport) -> Vec<NonReadyStatus> {
    let entry = |object: &fleet_api::wire::NotReadyObject| NonReadyStatus {
        kind: object.key.kind.clone(),
        api_version: object.key.group.clone(),
        namespace: object.key.namespace.clone(),
        name: object.key.name.clone(),
        state: object.state.clone(),
        message: object.message.clone(),
    };
    report.not_ready.iter().map(entry).collect()
}

/// Counts of the objects of one Deployment.
pub fn resource_counts(report: Option<&DeploymentReport>) -> ResourceCounts {
    let Some(report) = report else { return ResourceCounts::default() };
    let missing = count(report.modified.iter().filter(|object| object.missing));
    let modified = count(report.modified.iter()).saturating_sub(missing);
    let ready = report.ready_objects.min(report.objects);
    ResourceCounts {
        desired_ready: report.objects,
        ready,
        not_ready: report.objects.saturating_sub(ready).saturating_sub(missing),
        modified,
        missing,
        ..ResourceCounts::default()
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

/// The sum of two.
pub fn add_counts(a: &ResourceCounts, b: &ResourceCounts) -> ResourceCounts {
    ResourceCounts {
        desired_ready: a.desired_ready + b.desired_ready,
        ready: a.ready + b.ready,
        not_ready: a.not_ready + b.not_ready,
        wait_applied: a.wait_applied + b.wait_applied,
        modified: a.modified + b.modified,
        orphaned: a.orphaned + b.orphaned,
        missing: a.missing + b.missing,
        unknown: a.unknown + b.unknown,
    }
}

/// The message of a Ready condition: `NotReady(2) [Cluster fleet-default/shop-1: …]; deployment.apps web/web [in-progress] …`,
/// empty where all is Ready. `kind` says what `non_ready_resources` names: `Bundle` or `Cluster`.
pub fn ready_message(kind: &str, summary: &Summary) -> String {
    let states = [
        ("ErrApplied", summary.err_applied),
        ("WaitApplied", summary.wait_applied),
        ("WaitingForDependency", summary.waiting_for_dependency),
        ("Offline", summary.offline),
        ("Modified", summary.modified),
        ("OutOfSync", summary.out_of_sync),
        ("Pending", summary.pending),
        ("NotReady", summary.not_ready),
    ];
    let mut parts: Vec<String> = Vec::new();
    for (state, number) in states.into_iter().filter(|(_, number)| *number > 0) {
        let mut names: Vec<String> = summary
            .non_ready_resources
            .iter()
            .filter(|resource| resource.bundle_state == state)
            .map(|resource| match resource.message.as_str() {
                "" => format!("{kind} {}", resource.name),
                message => format!("{kind} {}: {message}", resource.name),
            })
            .collect();
        names.sort();
        let names = if names.is_empty() { String::new() } else { format!(" [{}]", names.join("; ")) };
        parts.push(format!("{state}({number}){names}"));
    }
    for resource in &summary.non_ready_resources {
        parts.extend(resource.modified_status.iter().map(modified_line));
        parts.extend(resource.non_ready_status.iter().map(non_ready_line));
    }
    parts.join("; ")
}

fn modified_line(object: &ModifiedStatus) -> String {
    let mut line =
        ObjectKey::new(group_of(&object.api_version), &object.kind, &object.namespace, &object.name).to_string();
    let what = match (object.missing, object.exist) {
        (true, _) => "missing".to_owned(),
        (_, true) => "is not owned by us".to_owned(),
        _ => format!("modified {}", object.patch),
    };
    let _ignored = write!(line, " {}", what.trim_end());
    line
}

fn non_ready_line(object: &NonReadyStatus) -> String {
    let key = ObjectKey::new(&object.api_version, &object.kind, &object.namespace, &object.name);
    format!("{key} [{}] {}", object.state, object.message).trim_end().to_owned()
}

/// Sets a condition, keeping `lastTransitionTime` where `status` did not change, and everything where nothing did: a
/// status that says the same is not written again. `now` is RFC 3339.
pub fn set_condition(
    conditions: &mut Vec<Condition>,
    kind: &str,
    holds: Option<bool>,
    reason: &str,
    message: &str,
    now: &str,
) {
    let status = match holds {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let mut new = Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: now.to_owned(),
        last_update_time: now.to_owned(),
    };
    let Some(old) = conditions.iter_mut().find(|condition| condition.type_ == kind) else {
        conditions.push(new);
        return;
    };
    if old.status == new.status {
        new.last_transition_time.clone_from(&old.last_transition_time);
        if old.reason == new.reason && old.message == new.message {
            return;
        }
    }
    *old = new;
}

/// What tables show of a Bundle, Cluster or ClusterGroup.
pub fn display_state(counts: &StateCounts) -> Display {
    let state = counts.worst().map(|state| state.to_string()).unwrap_or_default();
    Display { state, ..Display::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_api::reason::Reason;

    fn report(deployment: Digest) -> DeploymentReport {
        DeploymentReport {
            deployment: Some(deployment),
            applied: true,
            ready: true,
            unmodified: true,
            waiting: false,
            objects: 3,
            ready_objects: 3,
            not_ready: Vec::new(),
            modified: Vec::new(),
            notes: Vec::new(),
            incomplete: false,
        }
    }

    #[test]
    fn the_state_follows_fleets_order() {
        let (new, old) = (Digest::of(b"new"), Digest::of(b"old"));
        let change = |change: fn(&mut DeploymentReport)| {
            let mut report = report(Digest::of(b"new"));
            change(&mut report);
            report
        };
        let all_wrong = change(|report| {
            report.ready = false;
            report.unmodified = false;
        });
        let refused = change(|report| report.notes.push(Note::new(Reason::ObjectRefused, "no")));
        let informed = change(|report| report.notes.push(Note::new(Reason::Overruled, "kubectl-edit")));
        let waiting = change(|report| {
            report.applied = false;
            report.waiting = true;
        });
        let modified = change(|report| report.unmodified = false);
        let table = [
            (Some(new), Some(new), Some(report(new)), false, DeploymentState::Ready),
            (None, Some(new), None, false, DeploymentState::Pending),
            (Some(new), Some(new), None, false, DeploymentState::WaitApplied),
            (Some(new), Some(new), Some(report(old)), false, DeploymentState::WaitApplied),
            (Some(new), Some(new), Some(report(new)), true, DeploymentState::Offline),
            (Some(new), Some(new), Some(refused), false, DeploymentState::ErrApplied),
            (Some(new), Some(new), Some(informed), false, DeploymentState::Ready),
            (Some(new), Some(new), Some(waiting), false, DeploymentState::WaitingForDependency),
            (Some(new), Some(new), Some(all_wrong), false, DeploymentState::NotReady),
            (Some(new), Some(old), Some(modified.clone()), false, DeploymentState::OutOfSync),
            (Some(new), Some(new), Some(modified), false, DeploymentState::Modified),
        ];
        for (issued, wanted, report, offline, expected) in table {
            let view = DeploymentView { issued, wanted, report: report.as_ref(), offline, failed: false };
            assert_eq!(state(&view), expected, "{view:?}");
        }
    }

    #[test]
    fn counts_go_up_and_down_and_name_the_worst() {
        let mut counts = StateCounts::default();
        assert_eq!(counts.worst(), None);
        for state in [DeploymentState::Ready, DeploymentState::NotReady, DeploymentState::Modified] {
            counts.add(state);
        }
        assert_eq!((counts.ratio().as_str(), counts.worst()), ("1/3", Some(DeploymentState::Modified)));
        counts.remove(DeploymentState::Modified);
        counts.remove(DeploymentState::NotReady);
        assert_eq!((counts.ratio().as_str(), counts.worst()), ("1/1", None));
    }

    #[test]
    fn the_message_names_states_clusters_and_objects() {
        let mut broken = report(Digest::of(b"x"));
        broken.ready = false;
        broken.not_ready.push(fleet_api::wire::NotReadyObject {
            key: ObjectKey::new("apps", "Deployment", "shop", "web"),
            state: "in-progress".into(),
            message: "ready replicas: 0 of 1".into(),
        });
        let mut counts = StateCounts::default();
        counts.add(DeploymentState::NotReady);
        let summary = counts.summary([non_ready("fleet-default/a".into(), DeploymentState::NotReady, Some(&broken))]);
        assert_eq!(
            ready_message("Cluster", &summary),
            "NotReady(1) [Cluster fleet-default/a]; deployment.apps shop/web [in-progress] ready replicas: 0 of 1"
        );
        assert_eq!(ready_message("Cluster", &StateCounts::default().summary([])), "");
    }

    #[test]
    fn a_condition_keeps_its_times_while_it_says_the_same() {
        let mut conditions = Vec::new();
        set_condition(&mut conditions, "Ready", Some(false), "", "a", "1");
        set_condition(&mut conditions, "Ready", Some(false), "", "a", "2");
        assert_eq!((conditions[0].last_transition_time.as_str(), conditions[0].last_update_time.as_str()), ("1", "1"));
        set_condition(&mut conditions, "Ready", Some(false), "", "b", "3");
        assert_eq!((conditions[0].last_transition_time.as_str(), conditions[0].last_update_time.as_str()), ("1", "3"));
        set_condition(&mut conditions, "Ready", Some(true), "", "", "4");
        assert_eq!(conditions[0].last_transition_time, "4");
        assert_eq!(conditions.len(), 1);
    }
}
