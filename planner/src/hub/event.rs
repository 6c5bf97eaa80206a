//! What the machine is told: resources, what was read, what was rendered, what agents say.

use fleet_api::digest::Digest;
use fleet_api::names::{ClusterUid, ObjectName, Ref};
use fleet_api::reason::Note;
use fleet_api::v1alpha1::{BundleNamespaceMapping, BundleSpec, ClusterSpec, GitRepoSpec, LabelSelector};
use fleet_api::wire::{Approval, Deployment, Hook, ReportDelta};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Labels or annotations.
pub type Labels = BTreeMap<String, String>;

/// Which facts of a cluster a render of a Bundle looks at. What is not named here is no part of its input, so clusters
/// that differ in it alone share one render.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "a set of independent facts")]
pub struct Uses {
    /// Name and namespace of the Cluster.
    pub name: bool,
    /// Its labels.
    pub labels: bool,
    /// Its annotations.
    pub annotations: bool,
    /// `spec.templateValues`.
    pub template_values: bool,
    /// The version of its API server.
    pub kubernetes_version: bool,
    /// What its API server serves.
    pub api_versions: bool,
    /// Chance or the present (`randAlphaNum`, `genCA`, `now` …): then each cluster has a render of its own. Only a render
    /// shows it, so it is learnt ([`Event::NeedsChance`]) and not read.
    pub chance: bool,
}

/// A Bundle as it was read: everything that placing and rendering it depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleRecord {
    /// Digest of tree, options and targets (DESIGN §1): an unchanged directory keeps it over commits.
    pub id: Digest,
    /// Digest of the manifest of its files, a blob.
    pub tree: Digest,
    /// Options and targets; without the files.
    pub spec: BundleSpec,
    /// Labels of the Bundle.
    #[serde(default)]
    pub labels: Labels,
    /// Annotations of the Bundle.
    #[serde(default)]
    pub annotations: Labels,
    /// The GitRepo of the same namespace that it comes from; none where a user made it.
    #[serde(default)]
    pub gitrepo: Option<ObjectName>,
    /// The commit that changed it last, as far as this hub has seen.
    #[serde(default)]
    pub commit: String,
    /// The entry of `spec.paths` (or `spec.bundles`) that it was found by.
    #[serde(default)]
    pub entry: String,
    /// Its directory, from the root of the repository.
    #[serde(default)]
    pub directory: String,
    /// What rendering it looks at.
    #[serde(default)]
    pub uses: Uses,
    /// It was changed by a commit that is older than the one before ([`RepositoryRead::rewound`]).
    #[serde(default)]
    pub rewound: bool,
}

impl BundleRecord {
    /// Whether both are the same but for the commit, and for what was learnt by rendering. A Bundle keeps the commit that
    /// changed it last, so that a commit costs what it changed.
    pub fn is_same(&self, other: &Self) -> bool {
        let Self { id, tree, spec, labels, annotations, gitrepo, commit: _, entry, directory, uses, rewound } = self;
        let uses = &Uses { chance: other.uses.chance, ..*uses };
        (id, tree, labels, annotations, gitrepo, entry, directory, uses, rewound)
            == (
                &other.id,
                &other.tree,
                &other.labels,
                &other.annotations,
                &other.gitrepo,
                &other.entry,
                &other.directory,
                &other.uses,
                &other.rewound,
            )
            && *spec == other.spec
    }
}

/// A GitRepo, as decisions see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GitRepoResource {
    /// Its spec.
    pub spec: GitRepoSpec,
    /// `metadata.generation`.
    pub generation: i64,
    /// It is being deleted.
    pub deleting: bool,
}

/// A Cluster, as decisions see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterResource {
    /// Its spec.
    pub spec: ClusterSpec,
    /// The labels that an admin granted.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: Labels,
    /// `metadata.generation`.
    pub generation: i64,
}

/// A ClusterGroup, as decisions see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupResource {
    /// Its labels.
    pub labels: Labels,
    /// Which clusters.
    pub selector: Option<LabelSelector>,
    /// `metadata.generation`.
    pub generation: i64,
}

/// What one complete read of a repository at a commit found.
#[derive(Clone, Debug, PartialEq)]
pub struct RepositoryRead {
    /// Whose.
    pub gitrepo: Ref,
    /// `metadata.generation` of the GitRepo that the read was made for.
    pub generation: i64,
    /// The commit.
    pub commit: String,
    /// The entries that were looked at (`spec.paths` or `spec.bundles` of that generation; `.` for the root), and
    /// whether each yielded a bundle, or a failure of one.
    pub entries: BTreeMap<String, bool>,
    /// What was found, in the order of discovery.
    pub found: Vec<FoundBundle>,
    /// What could not be read. Whatever it may have been, the last good state of it stays (R13).
    pub failed: Vec<FailedEntry>,
    /// Directories of this GitRepo's present Bundles that exist at the commit.
    pub present: BTreeSet<String>,
    /// The commit is one that the commit before is built on: the branch went back, or a mirror lags behind. What it does
    /// not have was perhaps never taken away, so every deletion that follows waits for an approval.
    pub rewound: bool,
    /// What else is to be told.
    pub notes: Vec<Note>,
}

/// A Bundle in a [`RepositoryRead`].
#[derive(Clone, Debug, PartialEq)]
pub struct FoundBundle {
    /// Its name.
    pub name: ObjectName,
    /// What it is.
    pub record: BundleRecord,
}

/// Something in a [`RepositoryRead`] that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedEntry {
    /// The entry of `spec.paths` that led there.
    pub entry: String,
    /// The directory, where the failure is of one directory; else all of the entry failed.
    pub directory: Option<String>,
    /// The name that the Bundle would have had, where it is known.
    pub bundle: Option<ObjectName>,
    /// Why.
    pub notes: Vec<Note>,
}

/// What decisions need to know of a [`Deployment`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct DeploymentFacts {
    /// How many objects were rendered for it; what it copies from the hub does not count.
    pub objects: u32,
    /// Whether its objects are released when it goes.
    pub keep_resources: bool,
    /// Whether its CRDs are deleted when it goes.
    pub delete_crd_resources: bool,
    /// Whether it has hooks that run when it goes.
    #[serde(default)]
    pub has_delete_hooks: bool,
    /// Whether it has sources in place of objects: only an agent of [`SOURCES_PROTOCOL`](fleet_api::wire::SOURCES_PROTOCOL)
    /// can use it.
    #[serde(default)]
    pub rendered_in_cluster: bool,
    /// The protocol that it is written in; 0 in what was stored before it was asked for.
    #[serde(default)]
    pub protocol: u32,
}

impl DeploymentFacts {
    /// Those of a Deployment.
    pub fn of(deployment: &Deployment) -> Self {
        let rendered = deployment.objects.iter().filter(|object| !object.is_copy());
        let mut hooks = deployment.objects.iter().filter_map(|object| object.hook.as_ref());
        Self {
            objects: u32::try_from(rendered.count()).unwrap_or(u32::MAX),
            keep_resources: deployment.options.keep_resources,
            delete_crd_resources: deployment.options.delete_crd_resources,
            has_delete_hooks: hooks.any(Hook::is_of_deleting),
            rendered_in_cluster: deployment.sources.is_some(),
            protocol: deployment.protocol,
        }
    }
}

/// A Secret or a ConfigMap of the hub that a Bundle may send to its clusters (`downstreamResources`): which one, and never
/// what is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Copyable {
    /// `Secret` or `ConfigMap`.
    pub kind: String,
    /// Where it is, at the hub.
    pub name: Ref,
}

/// Who a cluster is, fixed at enrollment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrollment {
    /// The UID that documents name.
    pub uid: ClusterUid,
    /// SHA-256 of the agent's public key.
    pub key: Digest,
    /// UID of its namespace `kube-system`.
    pub kube_system_uid: String,
}

/// One thing that happened. Observing it changes the snapshot and marks what has to be decided anew, nothing else.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A GitRepo is, or is gone (deleted by a user).
    GitRepo(Ref, Option<GitRepoResource>),
    /// A Bundle that no repository read made: loaded from the store, or written or deleted by a user.
    Bundle(Ref, Option<Box<BundleRecord>>),
    /// A Cluster is, or was deleted by a user: its identity is revoked, its workloads are left alone.
    Cluster(Ref, Option<Box<ClusterResource>>),
    /// A ClusterGroup.
    ClusterGroup(Ref, Option<GroupResource>),
    /// A BundleNamespaceMapping.
    Mapping(Ref, Option<Box<BundleNamespaceMapping>>),
    /// A Secret or a ConfigMap is, in this version, or is gone.
    Copyable(Copyable, Option<String>),
    /// Labels of a namespace.
    Namespace(String, Option<Labels>),
    /// What was remembered of a cluster, loaded from the store.
    Memory(Ref, Box<super::Memory>),
    /// A Deployment that the store has.
    Deployment(Digest, DeploymentFacts),
    /// The result of an earlier render, loaded from the store.
    RenderKnown {
        /// [`RenderInput::key`](super::RenderInput::key).
        input: Digest,
        /// The Deployment.
        deployment: Digest,
        /// What the render warned of.
        warnings: Vec<Note>,
    },
    /// A repository was read.
    Read(Box<RepositoryRead>),
    /// A repository could not be polled or read at all: everything stays.
    ReadFailed(Ref, Vec<Note>),
    /// A render ended.
    Rendered {
        /// [`RenderInput::key`](super::RenderInput::key).
        input: Digest,
        /// The Deployment, or why there is none.
        result: Result<(Digest, DeploymentFacts), Vec<Note>>,
        /// What the render warned of: nothing that changes what is deployed.
        warnings: Vec<Note>,
    },
    /// What a render gave could not be stored. It is tried again; nothing changes meanwhile but what is told.
    NotStored {
        /// [`RenderInput::key`](super::RenderInput::key).
        input: Digest,
        /// Why.
        note: Note,
    },
    /// A render found that templates ask for chance or the present, and was given neither.
    NeedsChance {
        /// [`RenderInput::key`](super::RenderInput::key).
        input: Digest,
    },
    /// An agent got an identity.
    Enrolled(Ref, Enrollment),
    /// An admin approved a list that is held in a cluster.
    Approved(Ref, Approval),
}

/// What an agent says in one sync.
#[derive(Clone, Debug, PartialEq)]
pub struct Sync {
    /// Who, by its key.
    pub cluster: Ref,
    /// The start counter that it was granted.
    pub start: Option<u64>,
    /// Its process.
    pub instance: String,
    /// The newest protocol that it speaks.
    pub protocol: u32,
    /// What it has.
    pub have: Option<fleet_api::wire::Have>,
    /// What changed there.
    pub report: Option<ReportDelta>,
}

/// What is answered to a [`Sync`], beside the Desired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent parts of an answer")]
pub struct SyncOutcome {
    /// The start counter of the process.
    pub start: u64,
    /// A younger process has the identity (R12).
    pub fenced: bool,
    /// The newest report that is stored (R11).
    pub acknowledged: u64,
    /// A full report is needed.
    pub resend: bool,
    /// Whether the answer must wait until what was remembered is on disk.
    pub durable: bool,
    /// Whether a new epoch began (R3).
    pub new_epoch: bool,
}
