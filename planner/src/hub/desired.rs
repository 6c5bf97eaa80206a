//! The Desired of one cluster, from its placements and from what it was told last.
//!
//! The invariant: what the cluster was told to have is either still in the new document, or a tombstone in it says
//! positively that it is meant no longer.

use super::is_of;
use super::memory::{Grave, Memory};
use super::repository::short;
use super::rules::{Rule, Rules};
use super::snapshot::{BundleState, ClusterState, Snapshot};
use crate::selector;
use fleet_api::names::Ref;
use fleet_api::state::DeploymentState;
use fleet_api::v1alpha1::BundleReference;
use fleet_api::wire::{
    Approval, ClusterIdentity, DeletionLimit, Dependency, Desired, DesiredDeployment, PLAIN_PROTOCOL, Timestamp,
    Tombstone, Version,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a Desired says, without its place in the history.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Body {
    pub(super) deployments: Vec<DesiredDeployment>,
    pub(super) tombstones: Vec<Tombstone>,
    pub(super) deletions_allowed: bool,
    pub(super) approvals: Vec<Approval>,
}

impl Body {
    /// Whether a document says the same.
    pub(super) fn is_in(&self, desired: &Desired) -> bool {
        self.deployments == desired.deployments
            && self.tombstones == desired.tombstones
            && self.deletions_allowed == desired.deletions_allowed
            && self.approvals == desired.approvals
    }

    /// The document.
    pub(super) fn issue(
        self,
        cluster: &Ref,
        memory: &Memory,
        version: Version,
        (issued, expires): (Timestamp, Timestamp),
    ) -> Desired {
        Desired {
            protocol: PLAIN_PROTOCOL,
            identity: ClusterIdentity { cluster: cluster.clone(), uid: memory.enrollment.uid.clone() },
            version,
            issued,
            expires,
            deployments: self.deployments,
            tombstones: self.tombstones,
            deletions_allowed: self.deletions_allowed,
            approvals: self.approvals,
        }
    }
}

/// What the cluster should be told now, and its tombstones.
pub(super) fn build(
    snapshot: &Snapshot,
    rules: Rules,
    (name, cluster, memory): (&Ref, &ClusterState, &Memory),
) -> (Body, BTreeMap<Ref, Grave>) {
    let mut deployments: BTreeMap<Ref, DesiredDeployment> = BTreeMap::new();
    for bundle_name in &cluster.bundles {
        let Some(bundle) = snapshot.bundles.get(bundle_name) else { continue };
        let Some(allowed) = bundle.placements.get(name).and_then(|placement| placement.allowed) else { continue };
        let entry = DesiredDeployment {
            bundle: bundle_name.clone(),
            deployment: allowed,
            rendered_in_cluster: snapshot.deployments.get(&allowed).is_some_and(|facts| facts.rendered_in_cluster),
            depends_on: dependencies(snapshot, bundle_name, bundle, cluster),
            deletion_limit: deletion_limit(snapshot, bundle_name, bundle),
            unknown: BTreeMap::new(),
        };
        deployments.insert(bundle_name.clone(), entry);
    }
    if rules.on(Rule::R13Failed) {
        keep_what_is_not_known(snapshot, memory, cluster, &mut deployments);
    }
    if cluster.offline && !rules.on(Rule::R14Silence) {
        deployments.clear();
    }
    let graves = graves(snapshot, rules, memory, &deployments, cluster);
    let mut tombstones: Vec<Tombstone> = graves.values().map(|grave| grave.tombstone.clone()).collect();
    if rules.on(Rule::R13Moved) {
        let mut waits = Waits { snapshot, memory, name, cluster, standings: BTreeMap::new() };
        for entry in deployments.values_mut() {
            entry.deletion_limit = waits.limit(&entry.bundle, gitrepo(snapshot, &entry.bundle), entry.deletion_limit);
        }
        for tombstone in &mut tombstones {
            let gitrepo = graves.get(&tombstone.bundle).and_then(|grave| grave.gitrepo.clone());
            tombstone.deletion_limit = waits.limit(&tombstone.bundle, gitrepo, tombstone.deletion_limit);
            // It is meant again, and only does not go out yet.
            if cluster.bundles.contains(&tombstone.bundle) {
                tombstone.deletion_limit = Some(EVERYTHING_WAITS);
            }
        }
    }
    let body = Body {
        deployments: deployments.into_values().collect(),
        tombstones,
        deletions_allowed: memory.hold.is_none(),
        approvals: memory.approvals.iter().map(|granted| granted.approval.clone()).collect(),
    };
    (body, graves)
}

/// What is known of a GitRepo, for one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// All of its newest commit was read and rendered.
    Settled,
    /// Something of it was not.
    Unsettled,
    /// It was not read since this hub started.
    NotRead,
}

/// Every deletion waits for an approval.
pub(super) const EVERYTHING_WAITS: DeletionLimit = DeletionLimit { objects: 0, percent: 0 };

/// R13 for what moves: a commit that renames a directory, or moves a file to another bundle, takes an object from one
/// place and gives it to another. While the other cannot be read or rendered nobody claims the object, and it must not be
/// deleted for that: every deletion that follows from the repository waits until all of it is known, or for an approval.
struct Waits<'a> {
    snapshot: &'a Snapshot,
    memory: &'a Memory,
    name: &'a Ref,
    cluster: &'a ClusterState,
    standings: BTreeMap<Ref, Standing>,
}

impl Waits<'_> {
    fn limit(&mut self, bundle: &Ref, gitrepo: Option<Ref>, limit: Option<DeletionLimit>) -> Option<DeletionLimit> {
        let Some(gitrepo) = gitrepo else { return limit };
        let standing = match self.standings.get(&gitrepo) {
            Some(standing) => *standing,
            None => standing(self.snapshot, self.name, self.cluster, &gitrepo),
        };
        self.standings.insert(gitrepo, standing);
        match standing {
            Standing::Settled => limit,
            Standing::Unsettled => Some(EVERYTHING_WAITS),
            Standing::NotRead => self.told(bundle).unwrap_or(limit),
        }
    }

    /// What the newest document says.
    fn told(&self, bundle: &Ref) -> Option<Option<DeletionLimit>> {
        let desired = self.memory.desired.as_ref()?;
        let live = desired.deployments.iter().find(|entry| entry.bundle == *bundle).map(|entry| entry.deletion_limit);
        let ended =
            || desired.tombstones.iter().find(|entry| entry.bundle == *bundle).map(|entry| entry.deletion_limit);
        live.or_else(ended)
    }
}

fn standing(snapshot: &Snapshot, name: &Ref, cluster: &ClusterState, gitrepo: &Ref) -> Standing {
    // A GitRepo that was deleted ends what it had: that was asked for.
    let Some(state) = snapshot.gitrepos.get(gitrepo).filter(|state| !state.resource.deleting) else {
        return Standing::Settled;
    };
    let is_rendered = |bundle: &Ref| {
        let Some(state) = snapshot.bundles.get(bundle).filter(|state| is_of(state, bundle, gitrepo)) else {
            return true;
        };
        state.placements.get(name).is_none_or(|placement| placement.is_rendered)
    };
    if state.incomplete || !cluster.bundles.iter().all(is_rendered) {
        Standing::Unsettled
    } else if state.read {
        Standing::Settled
    } else {
        Standing::NotRead
    }
}

/// Whether all of a GitRepo was read, and rendered for every cluster: no deletion waits for it.
pub(super) fn is_settled(snapshot: &Snapshot, gitrepo: &Ref) -> bool {
    snapshot.clusters.iter().all(|(name, cluster)| standing(snapshot, name, cluster, gitrepo) == Standing::Settled)
}

/// Bundles whose targets cannot be evaluated stay in the document as they were, and so do those whose absence nobody
/// can explain.
fn keep_what_is_not_known(
    snapshot: &Snapshot,
    memory: &Memory,
    cluster: &ClusterState,
    deployments: &mut BTreeMap<Ref, DesiredDeployment>,
) {
    for old in memory.desired.iter().flat_map(|desired| &desired.deployments) {
        let unknown = snapshot.bundles.get(&old.bundle).is_some_and(|bundle| bundle.invalid.is_some());
        // A placement without a Deployment is one whose render is not there yet.
        let pending = cluster.bundles.contains(&old.bundle);
        if unknown || pending || is_unexplained(snapshot, &old.bundle) {
            deployments.entry(old.bundle.clone()).or_insert_with(|| old.clone());
        }
    }
}

/// Whether there is no such Bundle, and nothing that ended it: an absence is no withdrawal.
pub(super) fn is_unexplained(snapshot: &Snapshot, bundle: &Ref) -> bool {
    !snapshot.bundles.contains_key(bundle) && snapshot.withdrawn.get(bundle).is_none_or(|ended| ended.is_back)
}

/// The tombstones: those that still have work to do, and those of what is meant no longer.
fn graves(
    snapshot: &Snapshot,
    rules: Rules,
    memory: &Memory,
    live: &BTreeMap<Ref, DesiredDeployment>,
    cluster: &ClusterState,
) -> BTreeMap<Ref, Grave> {
    let mut graves = memory.tombstones.clone();
    let since = Version { generation: memory.version.generation.saturating_add(1), ..memory.version };
    for old in memory.desired.iter().flat_map(|desired| &desired.deployments) {
        if !live.contains_key(&old.bundle) {
            graves.entry(old.bundle.clone()).or_insert_with(|| Grave {
                tombstone: tombstone(snapshot, old, cluster),
                since,
                gitrepo: gitrepo(snapshot, &old.bundle),
            });
        }
    }
    // What the agent still holds and no earlier document of ours speaks of (a new epoch): a tombstone only where it is
    // known positively that it is meant no longer.
    for bundle in memory.report.deployments.keys() {
        if live.contains_key(bundle) || cluster.bundles.contains(bundle) || graves.contains_key(bundle) {
            continue;
        }
        let known = match (snapshot.bundles.get(bundle), snapshot.withdrawn.get(bundle)) {
            (Some(state), _) if state.invalid.is_none() => {
                Some((untargeted(state, cluster), state.record.spec.options.keep_resources))
            }
            (None, Some(ended)) if !ended.is_back => Some((ended.cause.clone(), ended.keep_resources)),
            _ => None,
        };
        if let Some((cause, keep_resources)) = known {
            let tombstone = Tombstone {
                deletion_limit: limit_of_ended(snapshot, bundle),
                ..bare_tombstone(bundle.clone(), cause, keep_resources)
            };
            graves.insert(bundle.clone(), Grave { tombstone, since, gitrepo: gitrepo(snapshot, bundle) });
        }
    }
    graves.retain(|bundle, _| !live.contains_key(bundle));
    if rules.on(Rule::R13Moved) {
        wait_for_what_is_new_and_empty(snapshot, memory, live, &mut graves);
    }
    graves
}

/// R13 for what moves to a place that renders to nothing and never had anything: the place says nothing of what it was
/// meant to have, so what left another one goes only once an admin has approved. A place that stays empty on purpose
/// holds up nothing that leaves later.
fn wait_for_what_is_new_and_empty(
    snapshot: &Snapshot,
    memory: &Memory,
    live: &BTreeMap<Ref, DesiredDeployment>,
    graves: &mut BTreeMap<Ref, Grave>,
) {
    let is_empty = |entry: &&DesiredDeployment| {
        snapshot.deployments.get(&entry.deployment).is_some_and(|facts| facts.objects == 0)
    };
    let is_new = |entry: &&DesiredDeployment| {
        let mut told = memory.desired.iter().flat_map(|desired| &desired.deployments);
        !told.any(|old| old.bundle == entry.bundle)
    };
    let gitrepos: BTreeSet<Ref> =
        live.values().filter(is_new).filter(is_empty).filter_map(|entry| gitrepo(snapshot, &entry.bundle)).collect();
    for grave in graves.values_mut().filter(|grave| grave.gitrepo.as_ref().is_some_and(|of| gitrepos.contains(of))) {
        grave.tombstone.deletion_limit = Some(EVERYTHING_WAITS);
    }
}

/// The GitRepo that a Bundle comes or came from.
fn gitrepo(snapshot: &Snapshot, bundle: &Ref) -> Option<Ref> {
    match snapshot.bundles.get(bundle) {
        Some(state) => {
            let name = state.record.gitrepo.clone()?;
            Some(Ref { namespace: bundle.namespace.clone(), name })
        }
        None => snapshot.withdrawn.get(bundle)?.gitrepo.clone(),
    }
}

fn tombstone(snapshot: &Snapshot, old: &DesiredDeployment, cluster: &ClusterState) -> Tombstone {
    let facts = snapshot.deployments.get(&old.deployment).copied().unwrap_or_default();
    let withdrawal = snapshot.withdrawn.get(&old.bundle);
    let cause = match (withdrawal, snapshot.bundles.get(&old.bundle)) {
        (Some(withdrawal), None) => withdrawal.cause.clone(),
        (_, Some(bundle)) => untargeted(bundle, cluster),
        (None, None) => "the Bundle was deleted".to_owned(),
    };
    Tombstone {
        deployment: facts.has_delete_hooks.then_some(old.deployment),
        delete_crd_resources: facts.delete_crd_resources,
        deletion_limit: limit_of_ended(snapshot, &old.bundle),
        ..bare_tombstone(
            old.bundle.clone(),
            cause,
            facts.keep_resources || withdrawal.is_some_and(|withdrawal| withdrawal.keep_resources),
        )
    }
}

fn untargeted(bundle: &BundleState, cluster: &ClusterState) -> String {
    let at = if bundle.record.commit.is_empty() {
        String::new()
    } else {
        format!(" at commit {}", short(&bundle.record.commit))
    };
    let ClusterState { view, .. } = cluster;
    format!("cluster {}/{} is no longer targeted{at}", view.namespace, view.name)
}

fn bare_tombstone(bundle: Ref, cause: String, keep_resources: bool) -> Tombstone {
    Tombstone {
        bundle,
        cause,
        keep_resources,
        deployment: None,
        delete_crd_resources: false,
        deletion_limit: None,
        unknown: BTreeMap::new(),
    }
}

fn deletion_limit(snapshot: &Snapshot, name: &Ref, bundle: &BundleState) -> Option<DeletionLimit> {
    if bundle.record.rewound { Some(EVERYTHING_WAITS) } else { limit_of_gitrepo(snapshot, name, bundle) }
}

/// The limit for what a Bundle leaves in a cluster where it is meant no longer. What the cluster was told last is no
/// source for it: that may have been a wait (see [`Waits`]), which would then never end.
fn limit_of_ended(snapshot: &Snapshot, name: &Ref) -> Option<DeletionLimit> {
    match snapshot.bundles.get(name) {
        Some(bundle) => deletion_limit(snapshot, name, bundle),
        None => snapshot.withdrawn.get(name)?.deletion_limit,
    }
}

/// What `spec.deletionLimit` of a Bundle's GitRepo says.
pub(super) fn limit_of_gitrepo(snapshot: &Snapshot, name: &Ref, bundle: &BundleState) -> Option<DeletionLimit> {
    let gitrepo = snapshot.gitrepo_of(name, bundle.record.gitrepo.as_ref())?;
    let limit = gitrepo.resource.spec.deletion_limit?;
    Some(DeletionLimit { objects: limit.objects, percent: limit.percent })
}

/// `dependsOn`, resolved for one cluster.
fn dependencies(snapshot: &Snapshot, name: &Ref, bundle: &BundleState, cluster: &ClusterState) -> Vec<Dependency> {
    bundle.record.spec.depends_on.iter().map(|reference| dependency(snapshot, name, reference, cluster)).collect()
}

fn dependency(snapshot: &Snapshot, name: &Ref, reference: &BundleReference, cluster: &ClusterState) -> Dependency {
    let here = cluster.bundles.iter().filter(|other| other.namespace == name.namespace && *other != name);
    let mut bundles = BTreeSet::new();
    let mut words = Vec::new();
    if !reference.name.is_empty() {
        words.push(format!("bundle \"{}\"", reference.name));
        bundles.extend(here.clone().filter(|other| other.name.as_str() == reference.name).cloned());
    }
    if let Some(selector) = &reference.selector {
        words.push(format!("bundles with labels {}", describe(selector)));
        let valid = selector::validate(selector).is_ok();
        let has = |other: &&Ref| {
            valid
                && snapshot.bundles.get(*other).is_some_and(|bundle| selector::matches(selector, &bundle.record.labels))
        };
        bundles.extend(here.filter(has).cloned());
    }
    let accepted = &reference.accepted_states;
    Dependency {
        description: words.join(" and "),
        bundles: bundles.into_iter().collect(),
        accepted_states: if accepted.is_empty() { vec![DeploymentState::Ready] } else { accepted.clone() },
    }
}

fn describe(selector: &fleet_api::v1alpha1::LabelSelector) -> String {
    let labels = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let expressions = selector
        .match_expressions
        .iter()
        .map(|requirement| format!("{} {} ({})", requirement.key, requirement.operator, requirement.values.join(", ")));
    labels.chain(expressions).collect::<Vec<_>>().join(", ")
}
