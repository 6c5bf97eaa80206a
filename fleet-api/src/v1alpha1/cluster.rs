//! Cluster and ClusterGroup (reference §1.5, §1.6).

use super::options::is_false;
use super::{ClusterGroupStatus, ClusterStatus, LabelSelector};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A cluster that an agent looks after.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "fleet.cattle.io",
    version = "v1alpha1",
    kind = "Cluster",
    namespaced,
    status = "ClusterStatus",
    derive = "Default",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterSpec {
    /// Stage, and do not deploy.
    #[serde(skip_serializing_if = "is_false")]
    pub paused: bool,
    /// Values for templates: `${ .ClusterValues.… }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_values: Option<Map<String, Value>>,
    /// Fleet's identity of a cluster; kept, Skiff's is the key of the agent.
    #[serde(rename = "clientID", skip_serializing_if = "String::is_empty")]
    pub client_id: String,
    /// Kept; the hub never dials a cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_config_secret: String,
    /// Kept.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub agent_namespace: String,
}

/// Clusters that are called by one name.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "fleet.cattle.io",
    version = "v1alpha1",
    kind = "ClusterGroup",
    namespaced,
    status = "ClusterGroupStatus",
    derive = "Default",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterGroupSpec {
    /// The clusters of the same namespace with these labels; `{}` is all of them, none is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}
