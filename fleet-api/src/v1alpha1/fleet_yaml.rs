//! `fleet.yaml` (reference §1.1).

use super::{BundleSpec, BundleTarget, TargetSelector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The options file of a bundle. All fields are optional; an empty or absent file is `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FleetYaml {
    /// The Bundle's name, as it stands; derived from the path where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Labels of the Bundle; `dependsOn.selector` looks at them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the Bundle.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Everything of a Bundle's spec.
    #[serde(flatten)]
    pub spec: BundleSpec,
    /// Options for some of the clusters; they never widen where the Bundle goes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target_customizations: Vec<BundleTarget>,
    /// Targets in place of the GitRepo's, where the key is there, even with an empty list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_targets: Option<Vec<TargetSelector>>,
    /// Image scanning; switched off, as by default in Fleet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_scans: Vec<Value>,
}
