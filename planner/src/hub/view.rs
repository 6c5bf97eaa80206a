//! What people look at: what is held, which Deployments there are, and why.

use super::Machine;
use super::event::BundleRecord;
use super::memory::Memory;
use super::rules::Rule;
use super::snapshot::{BundleState, ClusterState};
use crate::status::{display_state, modified_status, non_ready_status, resource_counts, set_condition};
use fleet_api::digest::Digest;
use fleet_api::names::{Namespace, Ref};
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::{BundleDeployment, BundleDeploymentSpec, BundleDeploymentStatus, GitRepoSpec, ObjectMeta};
use fleet_api::wire::{DeploymentReport, HeldDeletions, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What an admin looks at, or approves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One cluster.
    Cluster(Ref),
    /// A Bundle, in all its clusters; it may be gone.
    Bundle(Ref),
    /// All Bundles of a GitRepo, in all their clusters; it may be gone.
    GitRepo(Ref),
}

impl Machine {
    /// What is remembered of a cluster.
    pub fn memory(&self, cluster: &Ref) -> Option<&Memory> {
        self.snapshot.clusters.get(cluster)?.memory.as_ref()
    }

    /// The enrolled clusters.
    pub fn memories(&self) -> impl Iterator<Item = (&Ref, &Memory)> {
        self.snapshot.clusters.iter().filter_map(|(name, cluster)| Some((name, cluster.memory.as_ref()?)))
    }

    /// Whether there is such a Cluster.
    pub fn has_cluster(&self, cluster: &Ref) -> bool {
        self.snapshot.clusters.get(cluster).is_some_and(|cluster| cluster.resource.is_some())
    }

    /// A Bundle as it is now.
    pub fn bundle(&self, name: &Ref) -> Option<&BundleRecord> {
        self.snapshot.bundles.get(name).map(|state| &state.record)
    }

    /// All Bundles.
    pub fn bundles(&self) -> impl Iterator<Item = (&Ref, &BundleRecord)> {
        self.snapshot.bundles.iter().map(|(name, state)| (name, &state.record))
    }

    /// The spec of a GitRepo.
    pub fn gitrepo_spec(&self, name: &Ref) -> Option<&GitRepoSpec> {
        self.snapshot.gitrepos.get(name).map(|state| &state.resource.spec)
    }

    /// Every Deployment that something refers to: documents, placements, renders.
    pub fn live_deployments(&self) -> BTreeSet<Digest> {
        let mut live = BTreeSet::new();
        for cluster in self.snapshot.clusters.values() {
            let desired = cluster.memory.as_ref().and_then(|memory| memory.desired.as_ref());
            live.extend(desired.iter().flat_map(|desired| desired.named()));
        }
        for render in self.snapshot.renders.values() {
            if let super::snapshot::RenderResult::Done(deployment) = render.result {
                live.insert(deployment);
            }
        }
        live
    }

    /// What is held, ordered by cluster. Of a Bundle or GitRepo: its objects alone, with the digest of these.
    pub fn held(&self, subject: &Subject) -> Vec<(Ref, HeldDeletions)> {
        let mut lists = Vec::new();
        for (name, cluster) in &self.snapshot.clusters {
            let Some(memory) = cluster.memory.as_ref() else { continue };
            let Some(held) = memory.report.held.as_ref() else { continue };
            let concerns = |bundle: &Ref| match subject {
                Subject::Cluster(cluster) => cluster == name,
                Subject::Bundle(subject) => subject == bundle,
                Subject::GitRepo(gitrepo) => self.is_from(bundle, gitrepo, memory),
            };
            lists.extend(part(held, concerns).map(|part| (name.clone(), part)));
        }
        lists
    }

    /// What the agent is told where the list `shown` (one of [`held`](Self::held)) is approved: of a cluster, or where
    /// nothing else is held there, the whole list; else one list for each bundle of it, so that nothing else is
    /// approved by it. None where that is not what is held now.
    pub fn approvals(&self, subject: &Subject, cluster: &Ref, shown: &Digest) -> Option<Vec<Digest>> {
        let lists = self.held(subject);
        let is_shown = |list: &HeldDeletions| list.digest == *shown || !self.options.rules.on(Rule::R8Shown);
        let (_, list) = lists.iter().find(|(name, list)| name == cluster && is_shown(list))?;
        let whole = self.memory(cluster)?.report.held.as_ref()?;
        if whole.digest == list.digest {
            return Some(vec![whole.digest]);
        }
        let bundles: BTreeSet<&Ref> = list.objects.iter().map(|object| &object.bundle).collect();
        Some(bundles.into_iter().filter_map(|one| Some(part(list, |bundle| bundle == one)?.digest)).collect())
    }

    /// Whether a Bundle comes or came from a GitRepo.
    fn is_from(&self, bundle: &Ref, gitrepo: &Ref, memory: &Memory) -> bool {
        self.origin(bundle, memory).as_ref() == Some(gitrepo)
    }

    /// The GitRepo that a Bundle of a cluster comes or came from.
    pub(super) fn origin(&self, bundle: &Ref, memory: &Memory) -> Option<Ref> {
        match (self.snapshot.bundles.get(bundle), self.snapshot.withdrawn.get(bundle)) {
            (Some(state), _) => {
                let name = state.record.gitrepo.clone()?;
                Some(Ref { namespace: bundle.namespace.clone(), name })
            }
            (None, Some(withdrawal)) => withdrawal.gitrepo.clone(),
            // Withdrawn before this hub started.
            (None, None) => memory.tombstones.get(bundle).and_then(|grave| grave.gitrepo.clone()),
        }
    }

    /// Every Deployment whose cluster is in `namespace` (of all where none is named), as people list them.
    pub fn deployments(&self, namespace: Option<&Namespace>, now: Timestamp) -> Vec<BundleDeployment> {
        let mut list = Vec::new();
        for (cluster_name, cluster) in &self.snapshot.clusters {
            if namespace.is_some_and(|namespace| cluster_name.namespace != *namespace) {
                continue;
            }
            for bundle_name in &cluster.bundles {
                let Some(bundle) = self.snapshot.bundles.get(bundle_name) else { continue };
                list.push(deployment((bundle_name, bundle), (cluster_name, cluster), now));
            }
        }
        list
    }
}

/// The part of a list that is of some bundles; none where it has nothing of them. The whole keeps its digest.
fn part(held: &HeldDeletions, concerns: impl Fn(&Ref) -> bool) -> Option<HeldDeletions> {
    let mut objects: Vec<_> = held.objects.iter().filter(|object| concerns(&object.bundle)).cloned().collect();
    if objects.is_empty() {
        return None;
    }
    if objects.len() == held.objects.len() {
        return Some(held.clone());
    }
    // As the agent orders what it makes the digest of.
    objects.sort();
    Some(HeldDeletions { digest: Digest::of_json(&objects).ok()?, objects, note: held.note.clone() })
}

fn deployment(
    (bundle_name, bundle): (&Ref, &BundleState),
    (cluster_name, cluster): (&Ref, &ClusterState),
    now: Timestamp,
) -> BundleDeployment {
    let placement = bundle.placements.get(cluster_name);
    let report = cluster.memory.as_ref().and_then(|memory| memory.report.deployments.get(bundle_name));
    let text = |digest: Option<Digest>| digest.map(|digest| digest.to_string()).unwrap_or_default();
    let spec = BundleDeploymentSpec {
        bundle: bundle_name.to_string(),
        cluster: cluster_name.to_string(),
        deployment_id: text(placement.and_then(|placement| placement.allowed)),
        staged_deployment_id: text(placement.and_then(|placement| placement.staged)),
        options: placement.map(|placement| (*placement.options).clone()).unwrap_or_default(),
        paused: bundle.record.spec.paused,
        depends_on: bundle.record.spec.depends_on.clone(),
    };
    let mut counts = crate::status::StateCounts::default();
    counts.add(placement.map_or(fleet_api::state::DeploymentState::Pending, super::snapshot::Placement::state));
    let mut notes: Vec<Note> = placement.map(|placement| placement.notes.clone()).unwrap_or_default();
    notes.extend(report.iter().flat_map(|report| report.notes.iter().cloned()));
    let entry = super::statuses::entry(String::new(), bundle, cluster, (bundle_name, cluster_name));
    let mut status = BundleDeploymentStatus {
        applied_deployment_id: text(report.filter(|report| report.applied).and_then(|report| report.deployment)),
        ready: report.is_some_and(|report| report.ready),
        non_modified: report.is_some_and(|report| report.unmodified),
        display: display_state(&counts),
        non_ready_status: report.map(non_ready_status).unwrap_or_default(),
        modified_status: report.map(modified_status).unwrap_or_default(),
        resource_counts: resource_counts(report),
        conditions: Vec::new(),
        notes,
    };
    let ready = counts.worst().is_none();
    if status.display.state.is_empty() {
        status.display.state = "Ready".to_owned();
    }
    status.display.message.clone_from(&entry.message);
    let reason = status.notes.first().map_or("", |note| note.reason.as_str());
    set_condition(&mut status.conditions, "Ready", Some(ready), reason, &entry.message, &now.to_string());
    let is_allowed = |report: &&DeploymentReport| {
        report.deployment.is_some() && report.deployment == placement.and_then(|placement| placement.allowed)
    };
    let deployed = report.filter(is_allowed).is_some_and(|report| report.applied);
    set_condition(&mut status.conditions, "Deployed", Some(deployed), "", "", &now.to_string());
    let (monitored, why) = if cluster.offline { (false, Reason::Offline.as_str()) } else { (report.is_some(), "") };
    set_condition(&mut status.conditions, "Monitored", Some(monitored), why, "", &now.to_string());
    let labels = BTreeMap::from([
        ("fleet.cattle.io/bundle-name".to_owned(), bundle_name.name.to_string()),
        ("fleet.cattle.io/bundle-namespace".to_owned(), bundle_name.namespace.to_string()),
        ("fleet.cattle.io/cluster".to_owned(), cluster_name.name.to_string()),
    ]);
    BundleDeployment {
        metadata: ObjectMeta {
            name: Some(format!("{}.{}", bundle_name.name, cluster_name.name)),
            namespace: Some(cluster_name.namespace.to_string()),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec,
        status: Some(status),
    }
}
