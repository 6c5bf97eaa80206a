//! The state that decisions are made from.

use super::event::{BundleRecord, ClusterResource, Copyable, DeploymentFacts, GitRepoResource, GroupResource, Labels};
use super::index::Index;
use super::is_of;
use super::memory::Memory;
use crate::status::StateCounts;
use crate::target::{ClusterView, GroupView};
use fleet_api::digest::Digest;
use fleet_api::labels::CLAIMS_PREFIX;
use fleet_api::names::{ObjectName, Ref};
use fleet_api::reason::Note;
use fleet_api::state::DeploymentState;
use fleet_api::v1alpha1::{BundleDeploymentOptions, BundleNamespaceMapping, ResourceCounts};
use fleet_api::wire::{ApiVersions, DeletionLimit, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that the machine knows.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) gitrepos: BTreeMap<Ref, GitRepoState>,
    pub(super) bundles: BTreeMap<Ref, BundleState>,
    pub(super) clusters: BTreeMap<Ref, ClusterState>,
    /// Of the Bundles and clusters that were placed.
    pub(super) index: Index,
    pub(super) groups: BTreeMap<Ref, GroupResource>,
    pub(super) mappings: BTreeMap<Ref, BundleNamespaceMapping>,
    pub(super) namespaces: BTreeMap<String, Labels>,
    pub(super) renders: BTreeMap<Digest, Render>,
    pub(super) deployments: BTreeMap<Digest, DeploymentFacts>,
    /// Bundles that ended, and what clusters are told of it.
    pub(super) withdrawn: BTreeMap<Ref, Withdrawal>,
    /// The Secrets and ConfigMaps that there are, each with its version.
    pub(super) copyables: BTreeMap<Copyable, String>,
    /// What the API servers of the clusters serve. Thousands of clusters have the same few lists.
    served: BTreeMap<Digest, ApiVersions>,
}

/// From how many lists on those that no cluster has any more are let go.
const LISTS: usize = 64;

impl Snapshot {
    /// Lets the cluster hold the list that others hold already.
    pub(super) fn share_api_versions(&mut self, cluster: &Ref) {
        let Some(memory) = self.clusters.get_mut(cluster).and_then(|cluster| cluster.memory.as_mut()) else { return };
        let own = &mut memory.report.facts.api_versions;
        let shared = self.served.entry(own.digest()).or_insert_with(|| own.clone());
        own.clone_from(shared);
        if self.served.len() > LISTS {
            self.served.retain(|_, list| !list.is_alone());
        }
    }
}

/// A GitRepo and what is known of its repository.
#[derive(Debug, Default)]
pub(super) struct GitRepoState {
    pub(super) resource: GitRepoResource,
    /// The commit that its Bundles were read at.
    pub(super) commit: String,
    /// The generation that the read was made for.
    pub(super) read_generation: i64,
    /// Whether it was read since this hub started (R3).
    pub(super) read: bool,
    /// What the last read had to say.
    pub(super) read_notes: Vec<Note>,
    /// Whether the last read did not find, or could not take, all that `spec.paths` names.
    pub(super) incomplete: bool,
    /// Why the last poll failed, where it did.
    pub(super) poll_notes: Vec<Note>,
}

/// A Bundle and where it goes.
#[derive(Debug)]
pub(super) struct BundleState {
    pub(super) record: BundleRecord,
    /// Why its targets cannot be evaluated: it stays where it is.
    pub(super) invalid: Option<Note>,
    /// The clusters that it goes to.
    pub(super) placements: BTreeMap<Ref, Placement>,
    /// The render that is tried while it goes to no cluster.
    pub(super) probe: Option<Digest>,
    /// The distinct options among its placements.
    pub(super) variants: Vec<Variant>,
    /// How many placements are in which state.
    pub(super) counts: StateCounts,
    /// How many objects are.
    pub(super) resources: ResourceCounts,
    /// The placements that are not ready.
    pub(super) non_ready: BTreeSet<Ref>,
    /// The renders of its placements that warned of something; some may be forgotten meanwhile.
    pub(super) warned: BTreeSet<Digest>,
}

/// Options that some clusters share.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    pub(super) options: Arc<BundleDeploymentOptions>,
    pub(super) digest: Digest,
    /// The key of the render, where it looks at nothing of the cluster.
    pub(super) key: Option<Digest>,
}

/// A Bundle in one cluster.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub(super) options: Arc<BundleDeploymentOptions>,
    /// The render that it should have.
    pub(super) input: Digest,
    /// The Deployment that the cluster is allowed; the last good one where the wanted one cannot be had.
    pub(super) allowed: Option<Digest>,
    /// The Deployment that waits for its turn.
    pub(super) staged: Option<Digest>,
    /// Why it waits, was refused or failed on the hub's side.
    pub(super) notes: Vec<Note>,
    /// Whether the render that it should have is done, and is taken.
    pub(super) is_rendered: bool,
    /// The state and the objects that the Bundle's counters contain for it.
    pub(super) counted: Option<(DeploymentState, ResourceCounts)>,
}

impl Placement {
    /// Hub and agent together.
    pub(super) fn state(&self) -> DeploymentState {
        self.counted.as_ref().map_or(DeploymentState::Pending, |(state, _)| *state)
    }
}

/// Takes `b` from `a`.
pub(super) fn subtract(a: &mut ResourceCounts, b: &ResourceCounts) {
    let less = |x: &mut u32, y: u32| *x = x.saturating_sub(y);
    less(&mut a.desired_ready, b.desired_ready);
    less(&mut a.ready, b.ready);
    less(&mut a.not_ready, b.not_ready);
    less(&mut a.wait_applied, b.wait_applied);
    less(&mut a.modified, b.modified);
    less(&mut a.orphaned, b.orphaned);
    less(&mut a.missing, b.missing);
    less(&mut a.unknown, b.unknown);
}

/// A render, by its input.
#[derive(Clone, Debug)]
pub(super) struct Render {
    pub(super) bundle: Ref,
    /// The clusters whose placement has this input.
    pub(super) wanted_by: BTreeSet<Ref>,
    /// It is tried for a Bundle that goes to no cluster yet, so that its errors are seen.
    pub(super) probe: bool,
    pub(super) result: RenderResult,
    /// What it warned of.
    pub(super) warnings: Vec<Note>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RenderResult {
    /// Loaded or asked for; not here yet.
    Pending,
    Done(Digest),
    Failed(Vec<Note>),
}

impl Render {
    /// Asked for by nobody yet.
    pub(super) fn new(bundle: &Ref) -> Self {
        Self {
            bundle: bundle.clone(),
            wanted_by: BTreeSet::new(),
            probe: false,
            result: RenderResult::Pending,
            warnings: Vec::new(),
        }
    }

    /// Whether its Deployment is there.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.result, RenderResult::Done(_))
    }

    /// Whether anybody wants it.
    pub(super) fn is_wanted(&self) -> bool {
        self.probe || !self.wanted_by.is_empty()
    }
}

/// Why a Bundle ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Withdrawal {
    pub(super) cause: String,
    pub(super) keep_resources: bool,
    pub(super) gitrepo: Option<Ref>,
    /// The entry of `spec.paths` that it came from.
    pub(super) entry: String,
    /// How much of what it leaves may go without an approval, where that is not the agent's default; nothing where the
    /// branch went back to before it.
    pub(super) deletion_limit: Option<DeletionLimit>,
    /// Its place is there again, and cannot be read: whether it has ended is not known any more (R13).
    pub(super) is_back: bool,
}

/// A Cluster and what goes there.
#[derive(Debug, Default)]
pub(super) struct ClusterState {
    pub(super) resource: Option<ClusterResource>,
    pub(super) memory: Option<Memory>,
    pub(super) view: ClusterView,
    /// The Bundles that go there.
    pub(super) bundles: BTreeSet<Ref>,
    /// Targets that a claimed label would match, were it granted.
    pub(super) near_misses: BTreeMap<Ref, Note>,
    pub(super) last_seen: Option<Timestamp>,
    pub(super) offline: bool,
}

impl ClusterState {
    /// The labels that selectors see: granted ones, and claims under their prefix.
    pub(super) fn refresh_view(&mut self, name: &Ref) -> bool {
        let mut labels = self.resource.as_ref().map(|resource| resource.labels.clone()).unwrap_or_default();
        labels.retain(|key, _| !key.starts_with(CLAIMS_PREFIX));
        for (key, value) in self.claims() {
            labels.insert(format!("{CLAIMS_PREFIX}{}", key.replace('/', "_")), value.clone());
        }
        let view = ClusterView { namespace: name.namespace.to_string(), name: name.name.to_string(), labels };
        let changed = view != self.view;
        self.view = view;
        changed
    }

    /// What its agent claims.
    pub(super) fn claims(&self) -> &Labels {
        static NONE: Labels = Labels::new();
        self.memory.as_ref().map_or(&NONE, |memory| &memory.report.facts.claimed_labels)
    }
}

impl Snapshot {
    /// The clusters whose documents speak of a GitRepo: of what it has there, or of what it had.
    pub(super) fn told_of(&self, gitrepo: &Ref) -> Vec<Ref> {
        let has = |bundle: &Ref| self.bundles.get(bundle).is_some_and(|state| is_of(state, bundle, gitrepo));
        let had = |memory: &Memory| memory.tombstones.values().any(|grave| grave.gitrepo.as_ref() == Some(gitrepo));
        let told = self
            .clusters
            .iter()
            .filter(|(_, cluster)| cluster.memory.as_ref().is_some_and(had) || cluster.bundles.iter().any(has));
        told.map(|(name, _)| name.clone()).collect()
    }

    /// The clusters whose agents have something of a Bundle, as far as they have told.
    pub(super) fn holders<'a>(&'a self, bundle: &'a Ref) -> impl Iterator<Item = (&'a Ref, &'a ClusterState)> {
        let has = |memory: &Memory| memory.report.deployments.contains_key(bundle);
        self.clusters.iter().filter(move |(_, cluster)| cluster.memory.as_ref().is_some_and(has))
    }

    /// The groups of a namespace.
    pub(super) fn group_views(&self) -> Vec<GroupView> {
        self.groups
            .iter()
            .map(|(name, group)| GroupView {
                namespace: name.namespace.to_string(),
                name: name.name.to_string(),
                labels: group.labels.clone(),
                selector: group.selector.clone(),
            })
            .collect()
    }

    /// The GitRepo that a Bundle comes from.
    pub(super) fn gitrepo_of(&self, bundle: &Ref, gitrepo: Option<&ObjectName>) -> Option<&GitRepoState> {
        let name = Ref { namespace: bundle.namespace.clone(), name: gitrepo?.clone() };
        self.gitrepos.get(&name)
    }
}
