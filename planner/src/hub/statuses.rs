//! What is said of GitRepos, Bundles, Clusters and ClusterGroups. Gathered for a moment, so that many reports make one
//! status, and made from counters, so that each costs what changed.

use super::event::Labels;
use super::snapshot::{BundleState, ClusterState, RenderResult};
use super::{Machine, STATUS_PERIOD, is_of};
use crate::selector;
use crate::status::{
    StateCounts, add_counts, display_state, message, non_ready, ready_message, resource_counts, set_condition,
};
use fleet_api::names::Ref;
use fleet_api::reason::{Note, Reason, Severity};
use fleet_api::state::DeploymentState;
use fleet_api::v1alpha1::{
    AgentStatus, BundleStatus, ClusterGroupStatus, ClusterStatus, Condition, GitRepoStatus, NonReadyResource,
    ResourceCounts,
};
use fleet_api::wire::{LIST_CAP, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What has a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A GitRepo.
    GitRepo,
    /// A Bundle.
    Bundle,
    /// A Cluster.
    Cluster,
    /// A ClusterGroup.
    ClusterGroup,
}

/// A status to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// Of a GitRepo.
    GitRepo(Ref, GitRepoStatus),
    /// Of a Bundle.
    Bundle(Ref, BundleStatus),
    /// Of a Cluster.
    Cluster(Ref, ClusterStatus),
    /// Of a ClusterGroup.
    ClusterGroup(Ref, ClusterGroupStatus),
}

/// How many notes a status has at most.
const NOTES: usize = 50;

impl Machine {
    pub(super) fn has_dirty_statuses(&self) -> bool {
        let dirty = &self.dirty;
        !(dirty.bundle_status.is_empty()
            && dirty.cluster_status.is_empty()
            && dirty.gitrepo_status.is_empty()
            && dirty.group_status.is_empty())
    }

    pub(super) fn statuses(&mut self, now: Timestamp, actions: &mut Vec<super::Action>) {
        if !self.has_dirty_statuses() || self.status_after.is_some_and(|after| now < after) {
            return;
        }
        self.status_after = Some(now + STATUS_PERIOD);
        let clusters = std::mem::take(&mut self.dirty.cluster_status);
        let bundles = std::mem::take(&mut self.dirty.bundle_status);
        let of: Vec<Ref> = bundles.iter().filter_map(|name| self.gitrepo_name(name)).collect();
        self.dirty.gitrepo_status.extend(of);
        self.touch_groups(&clusters);
        let mut made = Vec::new();
        made.extend(clusters.iter().filter_map(|name| self.cluster_status(name, now)));
        made.extend(bundles.iter().filter_map(|name| self.bundle_status(name, now)));
        let gitrepos = std::mem::take(&mut self.dirty.gitrepo_status);
        made.extend(gitrepos.iter().filter_map(|name| self.gitrepo_status(name, now)));
        let groups = std::mem::take(&mut self.dirty.group_status);
        made.extend(groups.iter().filter_map(|name| self.group_status(name, now)));
        actions.extend(made.into_iter().map(|status| super::Action::Status(Box::new(status))));
    }

    fn gitrepo_name(&self, bundle: &Ref) -> Option<Ref> {
        let name = self.snapshot.bundles.get(bundle)?.record.gitrepo.clone()?;
        Some(Ref { namespace: bundle.namespace.clone(), name })
    }

    fn touch_groups(&mut self, clusters: &BTreeSet<Ref>) {
        for (name, group) in &self.snapshot.groups {
            let touched = clusters.iter().any(|cluster| {
                cluster.namespace == name.namespace
                    && self.snapshot.clusters.get(cluster).is_some_and(|state| holds(group.selector.as_ref(), state))
            });
            if touched {
                self.dirty.group_status.insert(name.clone());
            }
        }
    }

    fn ready(&mut self, kind: Kind, name: &Ref, ready: (bool, &str, &str), now: Timestamp) -> Vec<Condition> {
        let (holds, reason, message) = ready;
        let conditions = self.conditions.entry((kind, name.clone())).or_default();
        set_condition(conditions, "Ready", Some(holds), reason, message, &now.to_string());
        conditions.clone()
    }

    fn cluster_status(&mut self, name: &Ref, now: Timestamp) -> Option<Status> {
        let cluster = self.snapshot.clusters.get(name)?;
        cluster.resource.as_ref()?;
        let mut tally = Tally::default();
        let mut gitrepos: BTreeMap<Ref, bool> = BTreeMap::new();
        for bundle_name in &cluster.bundles {
            let Some(bundle) = self.snapshot.bundles.get(bundle_name) else { continue };
            let state = tally.add(bundle_name.name.to_string(), bundle, cluster, (bundle_name, name));
            if let Some(gitrepo) = self.gitrepo_name(bundle_name) {
                *gitrepos.entry(gitrepo).or_insert(true) &= state == DeploymentState::Ready;
            }
        }
        let notes = self.cluster_notes(name, cluster);
        let mut status = ClusterStatus {
            uid: cluster.memory.as_ref().map(|memory| memory.enrollment.uid.to_string()).unwrap_or_default(),
            conditions: Vec::new(),
            summary: tally.counts.summary(tally.non_ready),
            display: display_state(&tally.counts),
            resource_counts: tally.resources,
            ready_git_repos: count(gitrepos.values().filter(|ready| **ready)),
            desired_ready_git_repos: count(gitrepos.values()),
            agent: agent_status(cluster),
            claimed_labels: cluster.claims().clone(),
            held_deletions: held(cluster),
            notes,
        };
        status.display.ready_bundles = tally.counts.ratio();
        let (online, text) = if cluster.memory.is_none() {
            status.display.state = "WaitCheckIn".to_owned();
            (false, "no agent has enrolled yet".to_owned())
        } else if cluster.offline || cluster.last_seen.is_none() {
            if cluster.offline {
                status.display.state = DeploymentState::Offline.to_string();
            }
            (false, format!("not heard of since {}", status.agent.last_seen))
        } else {
            (true, String::new())
        };
        let text_ready = ready_message("Bundle", &status.summary);
        let ready = online && text_ready.is_empty();
        let reason = ready_reason(online, &status.notes);
        let told = if online { text_ready } else { text.clone() };
        let told = with_held(told, status.held_deletions);
        status.display.message.clone_from(&told);
        self.ready(Kind::Cluster, name, (ready, if ready { "" } else { reason }, &told), now);
        let conditions = self.conditions.entry((Kind::Cluster, name.clone())).or_default();
        let offline = if online { "" } else { Reason::Offline.as_str() };
        set_condition(conditions, "Online", Some(online), offline, &text, &now.to_string());
        set_condition(conditions, "Processed", Some(true), "", "", &now.to_string());
        status.conditions.clone_from(conditions);
        Some(Status::Cluster(name.clone(), status))
    }

    /// Everything that concerns the cluster and is not about one Bundle alone, and the hub's notes of its Bundles.
    fn cluster_notes(&self, name: &Ref, cluster: &ClusterState) -> Vec<Note> {
        let mut notes = Vec::new();
        if let Some(memory) = &cluster.memory {
            notes.extend(memory.report.notes.iter().cloned());
            notes.extend(memory.report.held.iter().map(|held| held.note.clone()));
            if memory.hold.is_some() && !notes.iter().any(|note| note.reason == Reason::EpochHeld) {
                let message = format!(
                    "epoch {} has begun, because the agent had a Desired that this hub did not issue; nothing is deleted \
                     until all repositories were read and an admin has approved",
                    memory.version.epoch
                );
                notes.push(Note::new(Reason::EpochHeld, message));
            }
            // What is not, or no longer, a Bundle of this cluster has no Deployment that would tell of it.
            let elsewhere = memory.report.deployments.iter().filter(|(bundle, _)| !cluster.bundles.contains(*bundle));
            notes.extend(elsewhere.flat_map(|(_, report)| report.notes.iter().cloned()).take(LIST_CAP));
            for told in memory.desired.iter().flat_map(|desired| &desired.deployments) {
                if super::desired::is_unexplained(&self.snapshot, &told.bundle) {
                    let message = format!(
                        "bundle {} is gone, and nothing says that it was deleted; it stays in the cluster as it is until a \
                         Bundle of this name is made (and deleted)",
                        told.bundle
                    );
                    notes.push(Note::new(Reason::Internal, message));
                }
            }
        }
        for bundle in &cluster.bundles {
            let state = self.snapshot.bundles.get(bundle);
            let placement = state.and_then(|state| state.placements.get(name));
            notes.extend(placement.iter().flat_map(|placement| placement.notes.iter().cloned()));
            let report = cluster.memory.as_ref().and_then(|memory| memory.report.deployments.get(bundle));
            notes.extend(report.iter().flat_map(|report| report.notes.iter().cloned()));
        }
        notes.extend(cluster.near_misses.values().cloned());
        notes.truncate(NOTES);
        notes
    }

    fn bundle_status(&mut self, name: &Ref, now: Timestamp) -> Option<Status> {
        let bundle = self.snapshot.bundles.get(name)?;
        let non_ready_list = bundle.non_ready.iter().take(LIST_CAP).filter_map(|cluster_name| {
            let cluster = self.snapshot.clusters.get(cluster_name)?;
            Some(entry(cluster_name.to_string(), bundle, cluster, (name, cluster_name)))
        });
        let summary = bundle.counts.summary(non_ready_list);
        let mut notes: Vec<Note> = bundle.invalid.iter().cloned().collect();
        if bundle.placements.is_empty() && bundle.invalid.is_none() {
            let targets: Vec<String> =
                bundle.record.spec.targets.iter().map(|target| target.selector.name.clone()).collect();
            let message = format!("no cluster matches Bundle {name} (targets: {})", targets.join(", "));
            notes.push(Note::new(Reason::NoTargets, message));
        }
        notes.extend(self.probe_notes(bundle).iter().cloned());
        let mut told: BTreeSet<&Note> = BTreeSet::new();
        let of_clusters = bundle.non_ready.iter().filter_map(|cluster| bundle.placements.get(cluster));
        told.extend(of_clusters.take(10 * LIST_CAP).flat_map(|placement| &placement.notes));
        notes.extend(told.into_iter().take(NOTES).cloned());
        notes.extend(self.warnings(bundle).into_iter().take(NOTES));
        let mut status = BundleStatus {
            observed_generation: 0,
            bundle_id: bundle.record.id.to_string(),
            conditions: Vec::new(),
            display: display_state(&bundle.counts),
            resource_counts: bundle.resources.clone(),
            unavailable: bundle.counts.total() - bundle.counts.of(DeploymentState::Ready),
            max_unavailable: bundle.counts.total(),
            summary,
            notes,
        };
        status.display.ready_clusters = bundle.counts.ratio();
        let text = match &bundle.invalid {
            Some(note) => note.message.clone(),
            None => ready_message("Cluster", &status.summary),
        };
        status.display.message.clone_from(&text);
        status.display.error = bundle.invalid.is_some() || status.summary.err_applied > 0;
        let reason = ready_reason(true, &status.notes);
        status.conditions =
            self.ready(Kind::Bundle, name, (text.is_empty(), if text.is_empty() { "" } else { reason }, &text), now);
        Some(Status::Bundle(name.clone(), status))
    }

    /// What is wrong with a Bundle that goes to no cluster.
    fn probe_notes(&self, bundle: &BundleState) -> &[Note] {
        let render = bundle.probe.and_then(|key| self.snapshot.renders.get(&key));
        match render.map(|render| &render.result) {
            Some(RenderResult::Failed(notes)) => notes,
            _ => &[],
        }
    }

    /// What its renders warned of, each once.
    fn warnings(&self, bundle: &BundleState) -> BTreeSet<Note> {
        let inputs = bundle.warned.iter().chain(&bundle.probe);
        let renders = inputs.filter_map(|input| self.snapshot.renders.get(input)).filter(|render| render.is_wanted());
        renders.take(10 * LIST_CAP).flat_map(|render| render.warnings.iter().cloned()).collect()
    }

    fn gitrepo_status(&mut self, name: &Ref, now: Timestamp) -> Option<Status> {
        let gitrepo = self.snapshot.gitrepos.get(name)?;
        let mine: Vec<(&Ref, &BundleState)> =
            self.snapshot.bundles.iter().filter(|(bundle, state)| is_of(state, bundle, name)).collect();
        let mut counts = StateCounts::default();
        let mut resources = ResourceCounts::default();
        let mut lists: Vec<NonReadyResource> = Vec::new();
        for (bundle_name, bundle) in &mine {
            counts.extend(&bundle.counts);
            resources = add_counts(&resources, &bundle.resources);
            let more = LIST_CAP.saturating_sub(lists.len());
            lists.extend(bundle.non_ready.iter().take(more).filter_map(|cluster_name| {
                let cluster = self.snapshot.clusters.get(cluster_name)?;
                Some(entry(
                    format!("{}@{cluster_name}", bundle_name.name),
                    bundle,
                    cluster,
                    (bundle_name, cluster_name),
                ))
            }));
        }
        let ready_of = |(_, bundle): &(&Ref, &BundleState)| bundle.counts.of(DeploymentState::Ready);
        let mut notes: Vec<Note> = gitrepo.poll_notes.iter().chain(&gitrepo.read_notes).cloned().collect();
        notes.extend(mine.iter().filter_map(|(_, bundle)| bundle.invalid.clone()));
        notes.extend(mine.iter().flat_map(|(_, bundle)| self.probe_notes(bundle).iter().cloned()));
        let mut told: BTreeSet<Note> = BTreeSet::new();
        for (_, bundle) in &mine {
            let placements =
                bundle.non_ready.iter().take(LIST_CAP).filter_map(|cluster| bundle.placements.get(cluster));
            told.extend(placements.flat_map(|placement| placement.notes.iter().cloned()));
        }
        notes.extend(told);
        // Last: a warning takes no error's place.
        notes.extend(mine.iter().flat_map(|(_, bundle)| self.warnings(bundle)));
        notes.truncate(NOTES);
        let current = gitrepo.read && gitrepo.read_generation >= gitrepo.resource.generation;
        let failed = gitrepo.poll_notes.iter().any(|note| note.reason.severity() == Severity::Failed);
        let summary = counts.summary(lists);
        let mut status = GitRepoStatus {
            observed_generation: gitrepo.resource.generation,
            update_generation: gitrepo.resource.spec.force_sync_generation,
            commit: gitrepo.commit.clone(),
            polling_commit: gitrepo.commit.clone(),
            git_job_status: if failed {
                "Failed"
            } else if current {
                "Current"
            } else {
                "InProgress"
            }
            .to_owned(),
            ready_clusters: mine.iter().map(ready_of).min().unwrap_or_default(),
            desired_ready_clusters: clusters_of(&mine),
            display: display_state(&counts),
            resource_counts: resources,
            summary,
            notes,
            ..GitRepoStatus::default()
        };
        status.display.ready_bundle_deployments = counts.ratio();
        self.gitrepo_conditions(name, &mut status, current, now);
        Some(Status::GitRepo(name.clone(), status))
    }

    fn gitrepo_conditions(&mut self, name: &Ref, status: &mut GitRepoStatus, current: bool, now: Timestamp) {
        let Some(gitrepo) = self.snapshot.gitrepos.get(name) else { return };
        let worst = |notes: &[Note]| {
            let bad = notes.iter().filter(|note| note.reason.severity() >= Severity::Held);
            bad.max_by_key(|note| note.reason.severity()).map(|note| (note.reason.as_str(), with_file(note)))
        };
        let poll = worst(&gitrepo.poll_notes);
        let read = worst(&gitrepo.read_notes);
        let text = ready_message("Bundle", &status.summary);
        let (ready, reason, text) = match poll.clone().or_else(|| read.clone()) {
            Some((reason, message)) => (false, reason, message),
            None if !current => (false, "", "the repository has not been read yet".to_owned()),
            // Every cluster may be fine, or there may be none: what is refused or failed is told all the same.
            None => match worst(&status.notes).filter(|_| text.is_empty()) {
                Some((reason, message)) => (false, reason, message),
                None => (text.is_empty(), if text.is_empty() { "" } else { ready_reason(true, &status.notes) }, text),
            },
        };
        let held = self.held(&super::Subject::GitRepo(name.clone()));
        let text = with_held(text, count(held.iter().flat_map(|(_, held)| &held.objects)));
        if poll.is_some() || read.is_some() {
            status.display.error = true;
        }
        if !current && status.display.state.is_empty() {
            status.display.state = "GitUpdating".to_owned();
        }
        status.display.message.clone_from(&text);
        let at = now.to_string();
        let conditions = self.conditions.entry((Kind::GitRepo, name.clone())).or_default();
        set_condition(conditions, "Ready", Some(ready), reason, &text, &at);
        let (poll_reason, poll_text) = poll.clone().unwrap_or(("", String::new()));
        let polled = if current || poll.is_some() { Some(poll.is_none()) } else { None };
        set_condition(conditions, "GitPolling", polled, poll_reason, &poll_text, &at);
        let (read_reason, read_text) = read.clone().unwrap_or(("", String::new()));
        set_condition(conditions, "Accepted", Some(read.is_none()), read_reason, &read_text, &at);
        let (stall_reason, stall_text) = poll.or(read).unwrap_or(("", String::new()));
        set_condition(conditions, "Stalled", Some(!stall_reason.is_empty()), stall_reason, &stall_text, &at);
        set_condition(conditions, "Reconciling", Some(!current), "", "", &at);
        status.conditions.clone_from(conditions);
    }

    fn group_status(&mut self, name: &Ref, now: Timestamp) -> Option<Status> {
        let group = self.snapshot.groups.get(name)?;
        let members = self.snapshot.clusters.iter().filter(|(cluster, state)| {
            cluster.namespace == name.namespace && state.resource.is_some() && holds(group.selector.as_ref(), state)
        });
        let mut total = StateCounts::default();
        let mut resources = ResourceCounts::default();
        let (mut number, mut not_ready) = (0, Vec::new());
        for (cluster_name, cluster) in members {
            number += 1;
            let mut tally = Tally::default();
            for bundle_name in &cluster.bundles {
                let Some(bundle) = self.snapshot.bundles.get(bundle_name) else { continue };
                tally.add(String::new(), bundle, cluster, (bundle_name, cluster_name));
            }
            total.extend(&tally.counts);
            resources = add_counts(&resources, &tally.resources);
            if tally.counts.worst().is_some() || cluster.offline || cluster.memory.is_none() {
                not_ready.push(cluster_name.name.to_string());
            }
        }
        let mut status = ClusterGroupStatus {
            cluster_count: number,
            non_ready_cluster_count: count(not_ready.iter()),
            non_ready_clusters: not_ready.iter().take(LIST_CAP).cloned().collect(),
            summary: total.summary([]),
            display: display_state(&total),
            resource_counts: resources,
            ..ClusterGroupStatus::default()
        };
        status.display.ready_bundle_deployments = total.ratio();
        status.display.ready_clusters = format!("{}/{number}", number - status.non_ready_cluster_count);
        let text = ready_message("Cluster", &status.summary);
        status.conditions = self.ready(Kind::ClusterGroup, name, (not_ready.is_empty(), "", &text), now);
        Some(Status::ClusterGroup(name.clone(), status))
    }
}

/// How many clusters any of the Bundles is for. Most Bundles of a GitRepo are for the same ones.
fn clusters_of(bundles: &[(&Ref, &BundleState)]) -> u32 {
    let Some((_, largest)) = bundles.iter().max_by_key(|(_, bundle)| bundle.placements.len()) else { return 0 };
    let differs = |bundle: &&BundleState| !bundle.placements.keys().eq(largest.placements.keys());
    let others = bundles.iter().map(|(_, bundle)| *bundle).filter(differs);
    let more: BTreeSet<&Ref> = others
        .flat_map(|bundle| bundle.placements.keys())
        .filter(|name| !largest.placements.contains_key(*name))
        .collect();
    count(largest.placements.keys()) + count(more.iter())
}

fn holds(selector: Option<&fleet_api::v1alpha1::LabelSelector>, cluster: &ClusterState) -> bool {
    let labels: &Labels = &cluster.view.labels;
    selector.is_some_and(|selector| selector::validate(selector).is_ok() && selector::matches(selector, labels))
}

#[derive(Default)]
struct Tally {
    counts: StateCounts,
    resources: ResourceCounts,
    non_ready: Vec<NonReadyResource>,
}

impl Tally {
    fn add(
        &mut self,
        label: String,
        bundle: &BundleState,
        cluster: &ClusterState,
        (bundle_name, cluster_name): (&Ref, &Ref),
    ) -> DeploymentState {
        let placement = bundle.placements.get(cluster_name);
        let state = placement.map_or(DeploymentState::Pending, super::snapshot::Placement::state);
        self.counts.add(state);
        let report = cluster.memory.as_ref().and_then(|memory| memory.report.deployments.get(bundle_name));
        self.resources = add_counts(&self.resources, &resource_counts(report));
        if state != DeploymentState::Ready && self.non_ready.len() < LIST_CAP {
            self.non_ready.push(entry(label, bundle, cluster, (bundle_name, cluster_name)));
        }
        state
    }
}

/// One Deployment that is not ready, with what the hub knows before what the agent says.
pub(super) fn entry(
    label: String,
    bundle: &BundleState,
    cluster: &ClusterState,
    (bundle_name, cluster_name): (&Ref, &Ref),
) -> NonReadyResource {
    let placement = bundle.placements.get(cluster_name);
    let state = placement.map_or(DeploymentState::Pending, super::snapshot::Placement::state);
    let report = cluster.memory.as_ref().and_then(|memory| memory.report.deployments.get(bundle_name));
    let mut entry = non_ready(label, state, report);
    if let Some(note) = placement.and_then(|placement| placement.notes.first()) {
        entry.message = with_file(note);
    }
    if state == DeploymentState::Offline && entry.message.is_empty() {
        entry.message = message(report);
    }
    entry
}

fn with_file(note: &Note) -> String {
    if note.file.is_empty() || note.message.contains(&note.file) {
        note.message.clone()
    } else {
        format!("{}: {}", note.file, note.message)
    }
}

fn agent_status(cluster: &ClusterState) -> AgentStatus {
    let Some(memory) = &cluster.memory else { return AgentStatus::default() };
    AgentStatus {
        last_seen: cluster.last_seen.map(|at| super::whole_seconds(at).to_string()).unwrap_or_default(),
        namespace: fleet_api::labels::AGENT_NAMESPACE.to_owned(),
        version: memory.report.facts.agent_version.clone(),
        kubernetes_version: memory.report.facts.kubernetes_version.clone(),
        desired: memory.report.version.to_string(),
    }
}

fn held(cluster: &ClusterState) -> u32 {
    let held = cluster.memory.as_ref().and_then(|memory| memory.report.held.as_ref());
    held.map_or(0, |held| count(held.objects.iter()))
}

/// What waits for a person is seen where all is ready otherwise.
fn with_held(text: String, deletions: u32) -> String {
    let waits = match deletions {
        0 => return text,
        1 => "1 deletion waits for approval (`skiff explain` lists it)".to_owned(),
        more => format!("{more} deletions wait for approval (`skiff explain` lists them)"),
    };
    if text.is_empty() { waits } else { format!("{waits}; {text}") }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

/// The most pressing reason among notes; `NotReady` where none says more.
fn ready_reason(online: bool, notes: &[Note]) -> &'static str {
    if !online {
        return Reason::Offline.as_str();
    }
    let worst = notes.iter().filter(|note| note.reason.severity() > Severity::Information);
    worst.max_by_key(|note| note.reason.severity()).map_or(Reason::NotReady.as_str(), |note| note.reason.as_str())
}
