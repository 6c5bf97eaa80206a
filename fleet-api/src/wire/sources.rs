//! What a [`Deployment`](super::Deployment) is made from where its cluster has to render it: a part of the input
//! (`helm.valuesFrom`) must not leave the cluster.

use crate::digest::Digest;
use crate::v1alpha1::BundleDeploymentOptions;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// Everything that a render needs beside what is read in the cluster. It holds a seed, so whoever has it knows what the
/// chart makes up: it is kept as a Secret is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sources {
    /// The files of the bundle, packed; a blob.
    pub tree: Digest,
    /// The bundle's directory, from the root of the repository, for messages.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub directory: String,
    /// The options, with the customizations and labels of the cluster, and its templates executed.
    pub options: BundleDeploymentOptions,
    /// What functions of chance are derived from: 32 bytes in hex.
    pub seed: String,
    /// What templates take for the present, in seconds since 1970.
    pub time: i64,
    /// What templates in the files see; none where the files are no templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<TemplateData>,
    /// Fields that this build does not know (R10).
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// What the hub knows of the cluster, for templates in the files of its bundle (`templating: all`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateData {
    /// Namespace of the Cluster at the hub.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// `spec.templateValues` of the Cluster.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("tree", &self.tree).field("directory", &self.directory).finish_non_exhaustive()
    }
}
