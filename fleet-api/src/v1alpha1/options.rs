//! `BundleDeploymentOptions`: how a Bundle is rendered and applied (reference §1.1, §2.5).

use super::LabelSelector;
use crate::key::ObjectKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
pub(crate) fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// The options of a Bundle; also of one target customization, which is laid over them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleDeploymentOptions {
    /// Namespace of namespaced objects that name none, and of the release. `default` where neither this nor
    /// `namespace` is set.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub default_namespace: String,
    /// Every namespaced object is moved here; a cluster-scoped object is then an error. Wins over `defaultNamespace`.
    #[serde(rename = "namespace", skip_serializing_if = "String::is_empty")]
    pub target_namespace: String,
    /// Options of kustomize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<KustomizeOptions>,
    /// Options of Helm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<HelmOptions>,
    /// The service account, in the agent's namespace, as which the agent acts for this deployment.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account: String,
    /// Make the release namespace if it is missing; true where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_namespace: Option<bool>,
    /// Raising it applies unchanged content again. That of the GitRepo counts.
    #[serde(skip_serializing_if = "is_zero")]
    pub force_sync_generation: i64,
    /// Options of raw YAML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yaml: Option<YamlOptions>,
    /// What is not drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<DiffOptions>,
    /// Release the objects instead of deleting them when the Bundle goes.
    #[serde(skip_serializing_if = "is_false")]
    pub keep_resources: bool,
    /// Delete the release namespace when the Bundle goes, where the agent made it and no other Bundle is in it; after an
    /// approval, as for every namespace.
    #[serde(skip_serializing_if = "is_false")]
    pub delete_namespace: bool,
    /// Delete CustomResourceDefinitions when they leave the Bundle; they are released otherwise.
    #[serde(rename = "deleteCRDResources", skip_serializing_if = "is_false")]
    pub delete_crd_resources: bool,
    /// Labels of the release namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_labels: Option<BTreeMap<String, String>>,
    /// Annotations of the release namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_annotations: Option<BTreeMap<String, String>>,
    /// Repair of drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct_drift: Option<CorrectDrift>,
    /// What is left out of health.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<IgnoreOptions>,
    /// Internal to Fleet: objects taken over from a renamed bundle. Kept; a hand-over needs no list here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overwrites: Vec<OverwrittenResource>,
    /// Secrets and ConfigMaps to copy from the hub before deploying.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downstream_resources: Vec<DownstreamResource>,
    /// Internal to Fleet: the restriction of the GitRepo's namespace, for the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_target_namespace_selector: Option<LabelSelector>,
    /// Skiff's own: where templates `${ … }` work. `values`: in those of Helm alone, as in Fleet; `all`: in every file of the
    /// Bundle, in `namespace`, `defaultNamespace` and `helm.releaseName`, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templating: Option<Templating>,
}

/// Where templates `${ … }` are executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Templating {
    /// In the values of Helm, as in Fleet.
    Values,
    /// In every file of the Bundle, in its namespaces and in its release name, too.
    All,
}

/// Options of kustomize.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KustomizeOptions {
    /// The directory with `kustomization.yaml`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dir: String,
}

/// Options of raw YAML bundles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct YamlOptions {
    /// Directories below `overlays/`, laid over the bundle in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overlays: Vec<String>,
}

/// Options of Helm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HelmOptions {
    /// A directory of the bundle, the name of a chart in `repo`, or a URL.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub chart: String,
    /// A Helm repository, or `oci://…`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub repo: String,
    /// The release's name; at most 53 characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release_name: String,
    /// A version or a range.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Seconds that an operation may take; also waits for readiness where it is greater than 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout_seconds: i64,
    /// Values, templated for each cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Map<String, Value>>,
    /// Values given as templates: rendered, read as YAML, then set under their key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_values: Option<BTreeMap<String, String>>,
    /// Values read in the cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values_from: Vec<ValuesFrom>,
    /// Replace objects whose immutable fields changed.
    #[serde(skip_serializing_if = "is_false")]
    pub force: bool,
    /// Adopt objects that exist and are not ours.
    #[serde(skip_serializing_if = "is_false")]
    pub take_ownership: bool,
    /// Helm's limit of its history.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_history: i64,
    /// Values files of the bundle, merged over `values` in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values_files: Vec<String>,
    /// Wait for Jobs, too.
    #[serde(skip_serializing_if = "is_false")]
    pub wait_for_jobs: bool,
    /// Roll back what failed.
    #[serde(skip_serializing_if = "is_false")]
    pub atomic: bool,
    /// Do not template the values.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_pre_process: bool,
    /// Kept; Skiff's renderer resolves no name in any case.
    #[serde(rename = "disableDNS", skip_serializing_if = "is_false")]
    pub disable_dns: bool,
    /// Do not check the values against `values.schema.json`.
    #[serde(skip_serializing_if = "is_false")]
    pub skip_schema_validation: bool,
    /// Do not fetch the chart's dependencies.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_dependency_update: bool,
}

/// Values read in the cluster, when it renders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ValuesFrom {
    /// From a ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<KeySelector>,
    /// From a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<KeySelector>,
}

/// A key of a ConfigMap or Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KeySelector {
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its namespace; that of the release where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The key; `values.yaml` where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
}

/// What is not drift.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DiffOptions {
    /// Fields and objects to leave out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compare_patches: Vec<ComparePatch>,
}

/// Fields of some objects that are not looked at when drift is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ComparePatch {
    /// `apiVersion` of the objects.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Their kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Their namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Their name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// JSON patch operations that take fields away before comparing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<CompareOperation>,
    /// JSON pointers of fields to leave out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub json_pointers: Vec<String>,
}

impl ComparePatch {
    /// Whether it is about an object; what the patch leaves empty is any.
    #[must_use]
    pub fn is_about(&self, api_version: &str, key: &ObjectKey) -> bool {
        let same = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        same(&self.api_version, api_version)
            && same(&self.kind, &key.kind)
            && same(&self.namespace, &key.namespace)
            && same(&self.name, &key.name)
    }
}

/// One operation of a [`ComparePatch`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CompareOperation {
    /// `remove`, `replace`, `add`, or Fleet's `ignore`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub op: String,
    /// A JSON pointer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The value, as JSON text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// Repair of drift.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CorrectDrift {
    /// Repair what was changed by others.
    #[serde(skip_serializing_if = "is_false")]
    pub enabled: bool,
    /// Kept; server-side apply is forced for repair in any case.
    #[serde(skip_serializing_if = "is_false")]
    pub force: bool,
    /// Kept; there is no history of failures.
    #[serde(skip_serializing_if = "is_false")]
    pub keep_fail_history: bool,
}

/// What is left out of health.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct IgnoreOptions {
    /// A status condition that matches all pairs of one map is dropped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<BTreeMap<String, String>>,
}

/// An object taken over from a renamed bundle (internal to Fleet).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OverwrittenResource {
    /// Its kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// A Secret or ConfigMap of the hub to copy into the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DownstreamResource {
    /// `Secret` or `ConfigMap`, in any case.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its name in the namespace of the Bundle.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl DownstreamResource {
    /// `Secret` or `ConfigMap`, which are all that is copied.
    #[must_use]
    pub fn known_kind(&self) -> Option<&'static str> {
        ["Secret", "ConfigMap"].into_iter().find(|kind| self.kind.eq_ignore_ascii_case(kind))
    }
}
