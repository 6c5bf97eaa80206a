//! What the hub says to one cluster: [`Desired`], and the [`Deployment`]s that it names.

use crate::digest::Digest;
use crate::key::ObjectKey;
use crate::names::{ClusterUid, Ref};
use crate::state::DeploymentState;
use crate::v1alpha1::{ComparePatch, CorrectDrift};
use crate::wire::{Hook, Sources, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// A point in the history of one cluster's Desired. Never goes back (R2); a hub that lost its memory begins a new epoch (R3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Rises when a hub cannot account for what an agent has already seen.
    pub epoch: u64,
    /// Rises with every new Desired of the cluster.
    pub generation: u64,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.generation)
    }
}

/// Which cluster a document is for. The UID decides (R1); the name is for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterIdentity {
    /// Namespace and name of the Cluster at the hub.
    pub cluster: Ref,
    /// Given by the hub at enrollment; compared whole.
    pub uid: ClusterUid,
}

/// Everything that one cluster should have: signed by the hub, complete, and never merged with another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Desired {
    /// The protocol that it was written in.
    pub protocol: u32,
    /// The cluster.
    pub identity: ClusterIdentity,
    /// Its place in the history.
    pub version: Version,
    /// When the hub made it.
    pub issued: Timestamp,
    /// From then on it is stale: enforced, reported, and nothing is deleted on its word (R9).
    pub expires: Timestamp,
    /// What the cluster should have, ordered by bundle.
    pub deployments: Vec<DesiredDeployment>,
    /// What it should no longer have, ordered by bundle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tombstones: Vec<Tombstone>,
    /// R3: false in a new epoch until the repositories were read again and an admin has approved.
    pub deletions_allowed: bool,
    /// Lists of deletions that an admin has approved (R8).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
}

impl Desired {
    /// The Deployments that the cluster needs for it: what it should have, and what hooks of deleting are read from.
    pub fn named(&self) -> impl Iterator<Item = Digest> {
        let live = self.deployments.iter().map(|entry| entry.deployment);
        live.chain(self.tombstones.iter().filter_map(|tombstone| tombstone.deployment))
    }
}

/// One Bundle in a [`Desired`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredDeployment {
    /// The Bundle.
    pub bundle: Ref,
    /// Digest of the [`Deployment`], a blob.
    pub deployment: Digest,
    /// It is one with [`Sources`]. An agent from before them does not know this field, and deletes nothing (R10).
    #[serde(default, skip_serializing_if = "is_false")]
    pub rendered_in_cluster: bool,
    /// The Bundles of this cluster that must be in one of the states before this one is applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
    /// Limits for deletions other than R8's, from the GitRepo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_limit: Option<DeletionLimit>,
    /// Fields that this build does not know (R10).
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// A dependency, resolved by the hub for one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// What it says in `dependsOn`, for messages: `bundle "db"`, `bundles with labels tier=db`.
    pub description: String,
    /// The Bundles that it means in this cluster; empty means that there is none, and that it waits.
    pub bundles: Vec<Ref>,
    /// The states that will do; never empty.
    pub accepted_states: Vec<DeploymentState>,
}

/// A positive statement that a Bundle is no longer meant for the cluster. It stays in the Desired until the agent has
/// reported that its ledger holds nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tombstone {
    /// The Bundle.
    pub bundle: Ref,
    /// Why, for people: `removed from git at 3f2c…`, `the cluster is no longer targeted`, `GitRepo shop was deleted`.
    pub cause: String,
    /// Release the objects instead of deleting them.
    #[serde(default)]
    pub keep_resources: bool,
    /// The Deployment that is removed, where it has hooks of deleting: they run before its objects go, and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Digest>,
    /// Delete CustomResourceDefinitions, too (they are released otherwise).
    #[serde(default, rename = "deleteCRDResources")]
    pub delete_crd_resources: bool,
    /// Limits for deletions other than R8's, from the GitRepo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_limit: Option<DeletionLimit>,
    /// Fields that this build does not know (R10).
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// How many objects may go at once without being asked (R8): the greater of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletionLimit {
    /// An absolute number.
    pub objects: u32,
    /// A share of the cluster's ledger, in percent.
    pub percent: u32,
}

impl Default for DeletionLimit {
    /// R8: max(10, 5 %).
    fn default() -> Self {
        Self { objects: 10, percent: 5 }
    }
}

/// An admin has seen a list of deletions and agreed to it (R8).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The digest of the list that was shown: [`HeldDeletions::digest`](crate::wire::HeldDeletions).
    pub list: Digest,
    /// Who, for the record.
    pub by: String,
}

/// One Bundle resolved for one cluster, content-addressed: two clusters with equal inputs share it, so nothing in it
/// names a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The protocol that it was written in.
    pub protocol: u32,
    /// The Bundle.
    pub bundle: Ref,
    /// Where namespaced objects without a namespace go.
    pub release_namespace: String,
    /// Whether every namespaced object goes to the release namespace, whatever it says; a cluster-scoped object is then
    /// an error (Fleet's `namespace`).
    #[serde(default)]
    pub force_namespace: bool,
    /// Make the release namespace if it is missing. It is then not owned, and never deleted by us.
    pub create_namespace: bool,
    /// Labels of the release namespace. Only these keys are touched, `pod-security.kubernetes.io/*` never.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub namespace_labels: BTreeMap<String, String>,
    /// Annotations of the release namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub namespace_annotations: BTreeMap<String, String>,
    /// How to apply.
    pub options: ApplyOptions,
    /// The objects, in the order of the render; the plan orders them by kind.
    pub objects: Vec<DeploymentObject>,
    /// What the agent makes the objects from; then `objects` has none but copies of the hub's (`downstreamResources`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Sources>,
    /// The Deployment with [`Sources`] that an agent made this one from. Such a document never leaves its cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendered_from: Option<Digest>,
    /// Fields that this build does not know (R10).
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

impl Deployment {
    /// The fields that this build does not know, each by its path: `sources`, `options.prune`, `objects[3].wave`. What
    /// they say may change what all the others mean, so nothing may be done on the word of the rest (R10).
    pub fn unknown_fields(&self) -> Vec<String> {
        let own = self.unknown.keys().cloned();
        let options = self.options.unknown.keys().map(|field| format!("options.{field}"));
        let objects = self.objects.iter().enumerate();
        let of_objects =
            objects.flat_map(|(at, object)| object.unknown.keys().map(move |field| format!("objects[{at}].{field}")));
        let of_sources = self.sources.iter().flat_map(|sources| sources.unknown.keys());
        let of_sources = of_sources.map(|field| format!("sources.{field}"));
        own.chain(options).chain(of_objects).chain(of_sources).collect()
    }
}

/// How a Deployment is applied and looked after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplyOptions {
    /// Adopt objects that exist and are not ours.
    #[serde(skip_serializing_if = "is_false")]
    pub take_ownership: bool,
    /// Release instead of delete, when the Deployment goes.
    #[serde(skip_serializing_if = "is_false")]
    pub keep_resources: bool,
    /// Delete the release namespace when the Deployment goes, where the agent made it and nothing else of ours is in it.
    #[serde(skip_serializing_if = "is_false")]
    pub delete_namespace: bool,
    /// Delete CRDs when they leave the Deployment.
    #[serde(rename = "deleteCRDResources", skip_serializing_if = "is_false")]
    pub delete_crd_resources: bool,
    /// Repair drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct_drift: Option<CorrectDrift>,
    /// The service account (in the agent's namespace) to act as; empty for the agent's own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account: String,
    /// What to leave out when looking for drift.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compare_patches: Vec<ComparePatch>,
    /// Conditions to leave out when looking at health: a condition that matches all pairs of one map is dropped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_conditions: Vec<BTreeMap<String, String>>,
    /// Raising it applies everything again.
    #[serde(skip_serializing_if = "is_zero")]
    pub force_sync_generation: i64,
    /// How long one hook may take, in seconds (Fleet's `helm.timeoutSeconds`); 0 for the default. Where it is set, hooks
    /// that come after the objects wait until these are ready, too.
    #[serde(skip_serializing_if = "is_zero_seconds")]
    pub timeout_seconds: u32,
    /// Fields that this build does not know (R10).
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero_seconds(value: &u32) -> bool {
    *value == 0
}

/// How [`DeploymentObject::source`] begins where the object was copied from the hub (`downstreamResources`), and not
/// rendered. What follows names the original: `Secret fleet-default/registry`.
pub const COPY_SOURCE: &str = "downstreamResources: ";

impl DeploymentObject {
    /// Whether it was copied from the hub.
    pub fn is_copy(&self) -> bool {
        self.source.starts_with(COPY_SOURCE)
    }
}

/// One object of a [`Deployment`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentObject {
    /// `apiVersion`, as in the manifest.
    pub api_version: String,
    /// What it is called in the manifest; the namespace may be missing there.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// Digest of its canonical JSON, a blob.
    pub digest: Digest,
    /// Size of that blob in bytes.
    pub size: u64,
    /// The file that it comes from, with line, from the root of the repository: `web/deploy.yaml:12`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Where it is a hook: it runs at its moments, and is not applied with the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<Hook>,
    /// Fields that this build does not know (R10).
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}
