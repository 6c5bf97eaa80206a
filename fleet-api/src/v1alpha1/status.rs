//! The statuses (reference §1.2–1.6, §2.11).

use super::options::is_false;
use crate::reason::Note;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A condition in the form that Fleet's users know: `status` is `True`, `False` or `Unknown`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// `Ready`, `GitPolling`, `Accepted`, …
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A [`Reason`](crate::Reason), or empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The sentence for a person.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When `status` changed last, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_transition_time: String,
    /// When it was written last, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_update_time: String,
}

/// How many Deployments are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Summary {
    /// Of so many Deployments.
    pub desired_ready: u32,
    /// State `Ready`.
    pub ready: u32,
    /// State `NotReady`.
    #[serde(skip_serializing_if = "zero")]
    pub not_ready: u32,
    /// State `WaitApplied`.
    #[serde(skip_serializing_if = "zero")]
    pub wait_applied: u32,
    /// State `ErrApplied`.
    #[serde(skip_serializing_if = "zero")]
    pub err_applied: u32,
    /// State `OutOfSync`.
    #[serde(skip_serializing_if = "zero")]
    pub out_of_sync: u32,
    /// State `Modified`.
    #[serde(skip_serializing_if = "zero")]
    pub modified: u32,
    /// State `Pending`.
    #[serde(skip_serializing_if = "zero")]
    pub pending: u32,
    /// State `Offline`.
    #[serde(skip_serializing_if = "zero")]
    pub offline: u32,
    /// State `WaitingForDependency`.
    #[serde(skip_serializing_if = "zero")]
    pub waiting_for_dependency: u32,
    /// Those that are not ready; at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub non_ready_resources: Vec<NonReadyResource>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn zero(value: &u32) -> bool {
    *value == 0
}

/// A Deployment that is not ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NonReadyResource {
    /// `namespace/name` of the Cluster in a Bundle's summary, name of the Bundle in a Cluster's.
    pub name: String,
    /// The state.
    pub bundle_state: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Objects that were changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modified_status: Vec<ModifiedStatus>,
    /// Objects that are not healthy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub non_ready_status: Vec<NonReadyStatus>,
}

/// An object that is not as it was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ModifiedStatus {
    /// Its kind.
    pub kind: String,
    /// Its `apiVersion`.
    pub api_version: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// It is gone.
    #[serde(rename = "missing", skip_serializing_if = "is_false")]
    pub missing: bool,
    /// It exists and is not ours.
    #[serde(rename = "exist", skip_serializing_if = "is_false")]
    pub exist: bool,
    /// The fields that differ, without their values.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub patch: String,
    /// The same as `diff.comparePatches` takes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_pointers: Vec<String>,
}

/// An object that is not healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NonReadyStatus {
    /// Its kind.
    pub kind: String,
    /// Its `apiVersion`, or group.
    pub api_version: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `in-progress`, `failed`, …
    pub state: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Counts of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceCounts {
    /// All that should be there.
    pub desired_ready: u32,
    /// Healthy.
    pub ready: u32,
    /// Not healthy.
    pub not_ready: u32,
    /// Not applied yet.
    pub wait_applied: u32,
    /// Changed.
    pub modified: u32,
    /// In the ledger and no longer wanted.
    pub orphaned: u32,
    /// Gone.
    pub missing: u32,
    /// Not known.
    pub unknown: u32,
}

/// What tables show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Display {
    /// `ready/desired` of Deployments.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ready_bundle_deployments: String,
    /// `ready/desired` of clusters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ready_clusters: String,
    /// `ready/desired` of Bundles.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ready_bundles: String,
    /// The highest-ranked state; empty where all is Ready.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Whether the message tells of an error.
    #[serde(skip_serializing_if = "is_false")]
    pub error: bool,
}

/// Status of a GitRepo.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GitRepoStatus {
    /// `metadata.generation` that this is about.
    pub observed_generation: i64,
    /// `spec.forceSyncGeneration` that was done.
    pub update_generation: i64,
    /// The commit that the Bundles were read at.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub commit: String,
    /// The commit that the last poll saw.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub polling_commit: String,
    /// When it was polled last, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_polling_triggered: String,
    /// `Current`, `InProgress` or `Failed`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub git_job_status: String,
    /// The smallest number of ready clusters over the Bundles.
    pub ready_clusters: u32,
    /// The clusters that any Bundle is for.
    pub desired_ready_clusters: u32,
    /// States of all Deployments.
    pub summary: Summary,
    /// For tables.
    pub display: Display,
    /// Counts of objects.
    pub resource_counts: ResourceCounts,
    /// `Ready`, `GitPolling`, `Reconciling`, `Stalled`, `Accepted`.
    pub conditions: Vec<Condition>,
    /// Everything that is to be told: errors of files, entries that yield nothing, force-pushes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// Status of a Bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleStatus {
    /// `metadata.generation` that this is about.
    pub observed_generation: i64,
    /// Digest of Tree, options and targets.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bundle_id: String,
    /// `Ready`, …
    pub conditions: Vec<Condition>,
    /// States of its Deployments.
    pub summary: Summary,
    /// For tables.
    pub display: Display,
    /// Counts of objects.
    pub resource_counts: ResourceCounts,
    /// Deployments that are not up to date or not ready.
    pub unavailable: u32,
    /// How many may be.
    pub max_unavailable: u32,
    /// What is to be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// Status of a BundleDeployment as it is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleDeploymentStatus {
    /// The Deployment that the agent has applied.
    #[serde(rename = "appliedDeploymentID", skip_serializing_if = "String::is_empty")]
    pub applied_deployment_id: String,
    /// Every object is healthy.
    pub ready: bool,
    /// Nothing was changed by others.
    pub non_modified: bool,
    /// For tables.
    pub display: Display,
    /// Objects that are not healthy; at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub non_ready_status: Vec<NonReadyStatus>,
    /// Objects that were changed; at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub modified_status: Vec<ModifiedStatus>,
    /// Counts of objects.
    pub resource_counts: ResourceCounts,
    /// `Ready`, `Deployed`, `Monitored`.
    pub conditions: Vec<Condition>,
    /// What is to be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// Status of a Cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterStatus {
    /// The cluster's UID, as documents name it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// `Ready`, `Processed`, `Online`.
    pub conditions: Vec<Condition>,
    /// States of its Deployments.
    pub summary: Summary,
    /// For tables.
    pub display: Display,
    /// Counts of objects.
    pub resource_counts: ResourceCounts,
    /// GitRepos of which everything here is ready.
    pub ready_git_repos: u32,
    /// GitRepos that reach this cluster.
    pub desired_ready_git_repos: u32,
    /// What the agent said last of itself.
    pub agent: AgentStatus,
    /// Labels that the agent claims.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub claimed_labels: BTreeMap<String, String>,
    /// How many deletions wait for approval.
    #[serde(skip_serializing_if = "zero")]
    pub held_deletions: u32,
    /// What is to be told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// What an agent says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentStatus {
    /// When it was heard of last, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_seen: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// The version of Kubernetes there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kubernetes_version: String,
    /// The newest Desired that it has accepted, `epoch.generation`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub desired: String,
}

/// Status of a ClusterGroup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterGroupStatus {
    /// How many clusters it has.
    pub cluster_count: u32,
    /// How many of them are not ready.
    pub non_ready_cluster_count: u32,
    /// Their names; at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub non_ready_clusters: Vec<String>,
    /// `Ready`.
    pub conditions: Vec<Condition>,
    /// The sum over its clusters.
    pub summary: Summary,
    /// For tables.
    pub display: Display,
    /// Counts of objects.
    pub resource_counts: ResourceCounts,
}
