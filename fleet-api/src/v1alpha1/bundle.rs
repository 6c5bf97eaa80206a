//! Bundle, targets and rollout strategy (reference §1.1, §1.3).

use super::options::is_false;
use super::{BundleDeploymentOptions, BundleStatus, LabelSelector};
use crate::state::DeploymentState;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A directory of a repository: its files, how to deploy them, and where.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "fleet.cattle.io",
    version = "v1alpha1",
    kind = "Bundle",
    namespaced,
    status = "BundleStatus",
    derive = "Default",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleSpec {
    /// How to deploy, where no customization says otherwise.
    #[serde(flatten)]
    pub options: BundleDeploymentOptions,
    /// Stage, and do not deploy.
    #[serde(skip_serializing_if = "is_false")]
    pub paused: bool,
    /// In which order clusters get a new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout_strategy: Option<RolloutStrategy>,
    /// The files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<BundleResource>,
    /// Customizations first, then the GitRepo's targets (one for each of `targetRestrictions`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<BundleTarget>,
    /// `FirstMatch` (the default) or `AllMatches`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_customization_mode: String,
    /// The clusters that the Bundle may go to at all. Internal to Fleet: made from the GitRepo's targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target_restrictions: Vec<TargetSelector>,
    /// Bundles that must be in an accepted state in the same cluster first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<BundleReference>,
    /// Internal to Fleet.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub contents_id: String,
    /// Internal to Fleet.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub values_hash: String,
    /// Internal to Fleet: set on Bundles made from a HelmOp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm_op_options: Option<Value>,
}

impl BundleSpec {
    /// Its options, and those of each of its targets and customizations, in their order.
    pub fn all_options(&self) -> impl Iterator<Item = &BundleDeploymentOptions> {
        std::iter::once(&self.options).chain(self.targets.iter().map(|target| &target.options))
    }
}

/// One file of a Bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleResource {
    /// Path below the directory of the bundle.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The content; left out where only the names are listed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// How the content is encoded: empty for UTF-8 text, `base64+gz` for anything else.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub encoding: String,
}

/// Which clusters: all criteria that are set must hold; none set matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetSelector {
    /// A name for messages.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The Cluster of this name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster_name: String,
    /// Clusters with these labels; `{}` is all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_selector: Option<LabelSelector>,
    /// Clusters of this ClusterGroup.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster_group: String,
    /// Clusters of the ClusterGroups with these labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_group_selector: Option<LabelSelector>,
}

/// A target of a Bundle, or a customization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleTarget {
    /// What is laid over the Bundle's options.
    #[serde(flatten)]
    pub options: BundleDeploymentOptions,
    /// Which clusters.
    #[serde(flatten)]
    pub selector: TargetSelector,
    /// Clusters that match do not get the Bundle.
    #[serde(skip_serializing_if = "is_false")]
    pub do_not_deploy: bool,
}

/// A dependency on other Bundles of the same cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleReference {
    /// The Bundle of this name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The Bundles with these labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
    /// The states that will do; `Ready` alone where it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepted_states: Vec<DeploymentState>,
}

/// A number, or a share such as `25%`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum IntOrString {
    /// A number.
    Int(i64),
    /// `25%`, or a number as text.
    Text(String),
}

/// In which order clusters get a new version (reference §1.1.5). Validated and kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStrategy {
    /// How many clusters may be unavailable during an update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// How many partitions may be unavailable before later ones stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable_partitions: Option<IntOrString>,
    /// The size of automatic partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_partition_size: Option<IntOrString>,
    /// Partition automatically from so many targets on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_partition_threshold: Option<i64>,
    /// How many clusters may get the Bundle for the first time at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_new: Option<i64>,
    /// Partitions, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<Partition>,
}

/// A set of clusters that is updated together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Partition {
    /// Which clusters.
    #[serde(flatten)]
    pub selector: TargetSelector,
    /// How many of them may be unavailable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
}

/// A Deployment as people list it (`skiff get deployments`): one Bundle in one cluster. Read-only; made from the
/// hub's snapshot, never stored.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "fleet.cattle.io",
    version = "v1alpha1",
    kind = "BundleDeployment",
    namespaced,
    status = "super::BundleDeploymentStatus",
    derive = "Default",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleDeploymentSpec {
    /// The Bundle, `namespace/name`.
    pub bundle: String,
    /// The Cluster, `namespace/name`.
    pub cluster: String,
    /// Digest of the Deployment that the cluster should have.
    #[serde(rename = "deploymentID")]
    pub deployment_id: String,
    /// Digest of the Deployment that waits for its turn, where it is another one.
    #[serde(rename = "stagedDeploymentID", skip_serializing_if = "String::is_empty")]
    pub staged_deployment_id: String,
    /// The resolved options.
    pub options: BundleDeploymentOptions,
    /// Nothing is promoted.
    #[serde(skip_serializing_if = "is_false")]
    pub paused: bool,
    /// What it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<BundleReference>,
}

/// Maps Bundles of one namespace to clusters of others (reference §1.10; its fields are top-level).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleNamespaceMapping {
    /// Name and namespace.
    #[schemars(skip)]
    pub metadata: super::ObjectMeta,
    /// Which Bundles of this namespace; none matches nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_selector: Option<LabelSelector>,
    /// Which other namespaces, by their labels; none matches nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
}

/// Labels in the order of their keys.
pub type Labels = BTreeMap<String, String>;
