//! The schemas of the kinds: for `kubectl explain`, and to find unknown fields and wrong types before anything is stored.
//!
//! They are those of the CRDs, made from the types of `fleet-api`.

use crate::store::Kind;
use fleet_api::v1alpha1::{Bundle, BundleDeployment, Cluster, ClusterGroup, GitRepo};
use kube::CustomResourceExt as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The schema of a whole object.
pub(super) fn of(kind: Kind) -> &'static Value {
    static SCHEMAS: OnceLock<BTreeMap<Kind, Value>> = OnceLock::new();
    static NONE: Value = Value::Null;
    let schemas = SCHEMAS.get_or_init(|| Kind::ALL.into_iter().map(|kind| (kind, make(kind))).collect());
    schemas.get(&kind).unwrap_or(&NONE)
}

fn make(kind: Kind) -> Value {
    let properties = match kind {
        Kind::GitRepo => of_crd(&GitRepo::crd()),
        Kind::Bundle => of_crd(&Bundle::crd()),
        Kind::Cluster => of_crd(&Cluster::crd()),
        Kind::ClusterGroup => of_crd(&ClusterGroup::crd()),
        Kind::BundleDeployment => of_crd(&BundleDeployment::crd()),
        Kind::BundleNamespaceMapping => {
            let selector = of_crd(&ClusterGroup::crd())["spec"]["properties"]["selector"].clone();
            json!({"bundleSelector": selector, "namespaceSelector": selector})
        }
        Kind::Secret => json!({
            "type": {"type": "string", "description": "`Opaque`, `kubernetes.io/basic-auth`, `kubernetes.io/ssh-auth` …"},
            "immutable": {"type": "boolean"},
            "data": {"type": "object", "additionalProperties": {"type": "string"},
                "description": "Values in base64. They are kept encrypted and never given back: what is read has empty values."},
            "stringData": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Values as text; only written."},
        }),
        Kind::ConfigMap => json!({
            "immutable": {"type": "boolean"},
            "data": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Values as text."},
            "binaryData": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Values in base64."},
        }),
        Kind::Namespace => json!({
            "spec": {"type": "object", "properties": {"finalizers": {"type": "array", "items": {"type": "string"}}}},
            "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
        }),
    };
    let mut all = json!({
        "apiVersion": {"type": "string", "description": "The version of the schema of this object."},
        "kind": {"type": "string", "description": "The kind of this object."},
        "metadata": {"type": "object", "description": "Name, labels, annotations …"},
    });
    if let (Some(all), Value::Object(properties)) = (all.as_object_mut(), properties) {
        all.extend(properties);
    }
    json!({"type": "object", "description": describe(kind), "properties": all})
}

fn describe(kind: Kind) -> &'static str {
    match kind {
        Kind::GitRepo => "A git repository, and the clusters that it is for.",
        Kind::Bundle => "A directory of a repository: its files, how to deploy them, and where.",
        Kind::Cluster => "A cluster that an agent looks after.",
        Kind::ClusterGroup => "Clusters that are called by one name.",
        Kind::BundleNamespaceMapping => "Maps Bundles of one namespace to clusters of others.",
        Kind::BundleDeployment => "One Bundle in one cluster. Read-only.",
        Kind::Secret => {
            "Credentials, and what Bundles send to their clusters (`downstreamResources`). Their values are kept \
            encrypted and never given back."
        }
        Kind::ConfigMap => {
            "Settings that are no secret. Bundles may send them to their clusters (`downstreamResources`)."
        }
        Kind::Namespace => "A namespace at the hub.",
    }
}

fn of_crd(crd: &impl serde::Serialize) -> Value {
    let crd = serde_json::to_value(crd).unwrap_or_default();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    json!({"spec": schema["spec"], "status": schema["status"]})
}

/// A field that nothing reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnknownField {
    /// `spec.brunch`.
    pub(super) path: String,
    /// The field that may have been meant: `branch`.
    pub(super) near: Option<String>,
}

impl UnknownField {
    /// `key` at `path`, where the fields of `schema` could be.
    fn new<'a>(path: String, key: &str, known: impl Iterator<Item = &'a str>) -> Self {
        Self { path, near: skiff_bundler::spelling::nearest(key, known).map(str::to_owned) }
    }

    /// Of the metadata.
    pub(super) fn of_metadata(key: &str, known: &[&str]) -> Self {
        Self::new(format!("metadata.{key}"), key, known.iter().copied())
    }

    /// `; did you mean …?`, where something is near.
    pub(super) fn hint(&self) -> String {
        self.near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
    }
}

/// What was found in an object; `(path, message)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Fields that nothing reads; they were taken out.
    pub(super) unknown: Vec<UnknownField>,
    /// Values of a wrong type.
    pub(super) invalid: Vec<(String, String)>,
}

/// Takes out of `value` what `schema` does not know and what is null, and says what is wrong. `status` is left alone.
pub(super) fn prune(schema: &Value, value: &mut Value) -> Findings {
    let mut findings = Findings::default();
    let (Some(map), Some(properties)) = (value.as_object_mut(), schema["properties"].as_object()) else {
        return findings;
    };
    map.retain(|key, value| match properties.get(key) {
        _ if matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status") => true,
        Some(_) if value.is_null() => false,
        Some(schema) => {
            walk(schema, value, key, &mut findings);
            true
        }
        None => {
            findings.unknown.push(UnknownField::new(key.clone(), key, properties.keys().map(String::as_str)));
            false
        }
    });
    findings
}

fn walk(schema: &Value, value: &mut Value, path: &str, findings: &mut Findings) {
    let Some(wanted) = schema["type"].as_str() else { return };
    let fits = match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    };
    if !fits {
        let message = format!("Invalid value: \"{}\": must be of type {wanted}", type_of(value));
        findings.invalid.push((path.to_owned(), message));
        return;
    }
    match value {
        Value::Object(map) => walk_map(schema, map, path, findings),
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(&schema["items"], item, &format!("{path}[{index}]"), findings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            check_scalar(schema, value, path, findings);
        }
    }
}

fn walk_map(schema: &Value, map: &mut serde_json::Map<String, Value>, path: &str, findings: &mut Findings) {
    let open = schema["x-kubernetes-preserve-unknown-fields"] == true || schema["additionalProperties"] == true;
    let others = schema.get("additionalProperties").filter(|schema| schema.is_object());
    let no_properties = schema.get("properties").is_none() && others.is_none();
    map.retain(|key, value| {
        let path = format!("{path}.{key}");
        match schema["properties"].get(key).or(others) {
            Some(_) if value.is_null() => false,
            Some(schema) => {
                walk(schema, value, &path, findings);
                true
            }
            None if open || no_properties => true,
            None => {
                let known = schema["properties"].as_object().into_iter().flat_map(|known| known.keys());
                findings.unknown.push(UnknownField::new(path, key, known.map(String::as_str)));
                false
            }
        }
    });
}

fn check_scalar(schema: &Value, value: &Value, path: &str, findings: &mut Findings) {
    if let Some(known) = schema["enum"].as_array()
        && !known.contains(value)
    {
        let names: Vec<_> = known.iter().filter_map(Value::as_str).map(|name| format!("\"{name}\"")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", names.join(", "));
        findings.invalid.push((path.to_owned(), message));
    }
    let number = value.as_f64();
    let limit = |key: &str| schema[key].as_f64();
    if let (Some(number), Some(minimum)) = (number, limit("minimum"))
        && number < minimum
    {
        findings.invalid.push((path.to_owned(), format!("Invalid value: {value}: must be at least {minimum}")));
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
