//! What the server serves: built-in resources and those of established CRDs.

use crate::apply::fieldset::FieldSet;
use crate::schema::builtin::{self, BuiltinResource};
use crate::schema::{Type, openapi};
use crate::status::GroupName;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::{Arc, LazyLock};

/// The storage of a resource; versions share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ResourceKey {
    pub(crate) group: String,
    pub(crate) plural: String,
}

/// Where a custom resource keeps its replicas.
#[derive(Clone, Debug)]
pub(crate) struct ScalePaths {
    pub(crate) spec: String,
    pub(crate) status: String,
    pub(crate) selector: Option<String>,
}

/// One resource at one version.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) key: ResourceKey,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) singular: String,
    pub(crate) list_kind: String,
    pub(crate) namespaced: bool,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) verbs: Vec<String>,
    pub(crate) ty: Type,
    pub(crate) custom: bool,
    pub(crate) status: bool,
    pub(crate) scale: Option<ScalePaths>,
    /// Pointers into custom objects are validated and pruned only where the CRD gives a schema.
    pub(crate) storage_hash: String,
    pub(crate) builtin: Option<&'static BuiltinResource>,
    pub(crate) storage: bool,
    /// Whether a custom resource drops what its schema does not have.
    pub(crate) prunes: bool,
}

impl Resource {
    pub(crate) fn api_version(&self) -> String {
        if self.key.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.key.group, self.version) }
    }

    /// As `deployments.apps`.
    pub(crate) fn named(&self) -> GroupName<'_> {
        GroupName { group: &self.key.group, name: &self.key.plural }
    }

    /// As `Deployment.apps`.
    pub(crate) fn kind_named(&self) -> GroupName<'_> {
        GroupName { group: &self.key.group, name: &self.kind }
    }

    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.key.group == group && self.key.plural == plural
    }

    /// Whether the spec's generation is counted (the strategies of the kinds; always for custom ones).
    pub(crate) fn counts_generation(&self) -> bool {
        const KINDS: &[&str] = &[
            "Deployment",
            "ReplicaSet",
            "StatefulSet",
            "DaemonSet",
            "ReplicationController",
            "Job",
            "CronJob",
            "Pod",
            "Ingress",
            "IngressClass",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "CustomResourceDefinition",
            "ValidatingWebhookConfiguration",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "FlowSchema",
            "PriorityLevelConfiguration",
            "EndpointSlice",
            "PodTemplate",
            "PriorityClass",
        ];
        self.custom || KINDS.contains(&self.kind.as_str())
    }

    /// Whether a PUT to a name that does not exist creates it (`AllowCreateOnUpdate`).
    pub(crate) fn creates_on_update(&self) -> bool {
        const KINDS: &[&str] = &[
            "Service",
            "Endpoints",
            "Event",
            "Lease",
            "Role",
            "RoleBinding",
            "ClusterRole",
            "ClusterRoleBinding",
            "LimitRange",
        ];
        !self.custom && KINDS.contains(&self.kind.as_str())
    }

    /// Whether an update may leave out the resourceVersion (`AllowUnconditionalUpdate`).
    pub(crate) fn unconditional_update(&self) -> bool {
        const NOT: &[&str] = &[
            "CustomResourceDefinition",
            "APIService",
            "Lease",
            "PodDisruptionBudget",
            "ValidatingWebhookConfiguration",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "FlowSchema",
            "PriorityLevelConfiguration",
            "RuntimeClass",
            "VolumeAttachment",
            "CSINode",
            "CSIDriver",
        ];
        !self.custom && !NOT.contains(&self.kind.as_str())
    }

    /// The fields that a write to the resource itself (or to `/status`) may not change.
    pub(crate) fn reset_fields(&self, subresource: &str) -> FieldSet {
        match subresource {
            "status" if self.custom => FieldSet::of_fields(&[&["metadata"], &["spec"]]),
            "status" if matches!(self.kind.as_str(), "Deployment") => {
                FieldSet::of_fields(&[&["spec"], &["metadata", "labels"]])
            }
            "status" if matches!(self.kind.as_str(), "CustomResourceDefinition") => {
                FieldSet::of_fields(&[&["metadata"], &["spec"]])
            }
            "status" if matches!(self.kind.as_str(), "Pod") => {
                FieldSet::of_fields(&[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]])
            }
            "status" => FieldSet::of_fields(&[&["spec"]]),
            _ if self.status => FieldSet::of_fields(&[&["status"]]),
            _ => FieldSet::default(),
        }
    }
}

static BUILTINS: LazyLock<Vec<Arc<Resource>>> =
    LazyLock::new(|| builtin::builtin().resources.iter().map(|b| Arc::new(of_builtin(b))).collect());

/// Every built-in resource, in the order of the discovery documents.
pub(crate) fn builtins() -> &'static [Arc<Resource>] {
    &BUILTINS
}

fn of_builtin(b: &'static BuiltinResource) -> Resource {
    let own = |v: &[&str]| v.iter().map(|s| (*s).to_owned()).collect();
    let scale = b.subresources.iter().any(|s| s.name == "scale").then(|| ScalePaths {
        spec: ".spec.replicas".into(),
        status: ".status.replicas".into(),
        selector: None,
    });
    Resource {
        key: ResourceKey { group: b.group.into(), plural: b.plural.into() },
        version: b.version.into(),
        kind: b.kind.into(),
        singular: b.singular.into(),
        list_kind: format!("{}List", b.kind),
        namespaced: b.namespaced,
        short_names: own(&b.short_names),
        categories: own(&b.categories),
        verbs: own(&b.verbs),
        ty: b.ty.map_or(Type::AnyAtomic, |name| Type::Named(name, false)),
        custom: false,
        status: b.subresources.iter().any(|s| s.name == "status"),
        scale,
        storage_hash: b.storage_hash.into(),
        builtin: Some(b),
        storage: true,
        prunes: true,
    }
}

/// As `endpoints/discovery/storageversionhash.go`.
fn storage_hash(group: &str, version: &str, kind: &str) -> String {
    let hash = Sha256::digest(format!("{group}/{version}/{kind}"));
    crate::base64::encode(hash.get(..8).unwrap_or(&hash))
}

/// The served versions of a CRD.
pub(crate) fn of_crd(crd: &Value) -> Vec<Arc<Resource>> {
    let text = |path: &str| crd.pointer(path).and_then(Value::as_str).unwrap_or("").to_owned();
    let list = |path: &str| -> Vec<String> {
        let items = crd.pointer(path).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let kind = text("/spec/names/kind");
    let versions = crd.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
    let served = versions.filter(|v| v.get("served").and_then(Value::as_bool).unwrap_or(false));
    let or = |s: String, other: String| if s.is_empty() { other } else { s };
    let verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
    served
        .map(|v| {
            let schema = v.pointer("/schema/openAPIV3Schema").cloned().unwrap_or(Value::Null);
            let scale = v.pointer("/subresources/scale").map(|s| ScalePaths {
                spec: s.get("specReplicasPath").and_then(Value::as_str).unwrap_or("").to_owned(),
                status: s.get("statusReplicasPath").and_then(Value::as_str).unwrap_or("").to_owned(),
                selector: s.get("labelSelectorPath").and_then(Value::as_str).map(str::to_owned),
            });
            Arc::new(Resource {
                key: ResourceKey { group: text("/spec/group"), plural: text("/spec/names/plural") },
                version: v.get("name").and_then(Value::as_str).unwrap_or("").to_owned(),
                singular: or(text("/spec/names/singular"), kind.to_lowercase()),
                list_kind: or(text("/spec/names/listKind"), format!("{kind}List")),
                kind: kind.clone(),
                namespaced: text("/spec/scope") == "Namespaced",
                short_names: list("/spec/names/shortNames"),
                categories: list("/spec/names/categories"),
                verbs: verbs.iter().map(|s| (*s).to_owned()).collect(),
                ty: openapi::custom_type(&schema),
                custom: true,
                status: v.pointer("/subresources/status").is_some(),
                scale,
                storage_hash: storage_hash(
                    &text("/spec/group"),
                    v.get("name").and_then(Value::as_str).unwrap_or(""),
                    &kind,
                ),
                builtin: None,
                storage: v.get("storage").and_then(Value::as_bool).unwrap_or(false),
                prunes: crd.pointer("/spec/preserveUnknownFields").and_then(Value::as_bool) != Some(true),
            })
        })
        .collect()
}
