//! What the API server does to an object's metadata, as pure functions over JSON.
//!
//! Called by [`resources`](super::resources) alone. The rules are Kubernetes' (`apiserver/pkg/registry/rest`): the
//! server owns uid, creationTimestamp, generation, resourceVersion and deletionTimestamp; status is written apart;
//! generation counts changes of anything but metadata and status.

use super::kind::Kind;
use serde_json::{Map, Value, json};

/// Metadata that only the server writes.
const SERVER_OWNED: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "resourceVersion",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];

/// The object as it is stored at first.
pub(super) fn created(kind: Kind, namespace: &str, name: &str, given: Value, uid: &str, now: &str) -> Value {
    let mut value = in_order(kind, given);
    if kind.has_status() {
        value.remove("status");
    }
    let mut metadata = Map::new();
    metadata.insert("name".into(), name.into());
    if kind.namespaced() {
        metadata.insert("namespace".into(), namespace.into());
    }
    metadata.insert("uid".into(), uid.into());
    metadata.insert("creationTimestamp".into(), now.into());
    metadata.insert("generation".into(), 1.into());
    take_users_metadata(&mut metadata, value.get("metadata"));
    value.insert("metadata".into(), Value::Object(metadata));
    Value::Object(value)
}

/// The object after an update: `given` without what the server owns, over `current`.
pub(super) fn updated(kind: Kind, current: &Value, given: Value) -> Value {
    let mut value = in_order(kind, given);
    if kind.has_status() {
        value.remove("status");
        if let Some(status) = current.get("status") {
            value.insert("status".into(), status.clone());
        }
    }
    let mut metadata = server_owned(current);
    take_users_metadata(&mut metadata, value.get("metadata"));
    value.insert("metadata".into(), Value::Object(metadata));
    let mut value = Value::Object(value);
    if body(current) != body(&value) {
        raise_generation(&mut value);
    }
    value
}

/// The object with another status, and nothing else changed.
pub(super) fn with_status(kind: Kind, current: &Value, status: Value) -> Value {
    let mut value = in_order(kind, current.clone());
    value.remove("status");
    value.insert("status".into(), status);
    Value::Object(value)
}

/// The object marked as being deleted; it goes when its last finalizer goes.
pub(super) fn terminating(current: &Value, now: &str) -> Value {
    let mut value = current.clone();
    value["metadata"]["deletionTimestamp"] = now.into();
    value["metadata"]["deletionGracePeriodSeconds"] = 0.into();
    raise_generation(&mut value);
    value
}

/// Whether the object is being deleted and nothing holds it any more.
pub(super) fn is_finished(value: &Value) -> bool {
    value["metadata"].get("deletionTimestamp").is_some() && !has_finalizers(value)
}

/// Whether a finalizer holds the object.
pub(super) fn has_finalizers(value: &Value) -> bool {
    value["metadata"]["finalizers"].as_array().is_some_and(|list| !list.is_empty())
}

/// The object with a finalizer, or without it.
pub(super) fn with_finalizer(value: &Value, finalizer: &str, present: bool) -> Value {
    let mut value = value.clone();
    let list = value["metadata"]["finalizers"].as_array().into_iter().flatten();
    let mut list: Vec<_> = list.filter(|known| known.as_str() != Some(finalizer)).cloned().collect();
    if present {
        list.push(finalizer.into());
    }
    value["metadata"]["finalizers"] = Value::Array(list);
    value
}

/// Whether both are the same but for the version.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    without_version(a) == without_version(b)
}

fn without_version(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
    }
    value
}

/// Sets the version.
pub(super) fn set_version(value: &mut Value, version: u64) {
    value["metadata"]["resourceVersion"] = version.to_string().into();
}

fn raise_generation(value: &mut Value) {
    let generation = value["metadata"]["generation"].as_i64().unwrap_or(0);
    value["metadata"]["generation"] = json!(generation.saturating_add(1));
}

/// Everything but metadata and status.
fn body(value: &Value) -> Vec<(&String, &Value)> {
    let map = value.as_object().into_iter().flatten();
    let mut body: Vec<_> = map.filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status")).collect();
    body.sort_by_key(|(key, _)| *key);
    body
}

fn server_owned(value: &Value) -> Map<String, Value> {
    let metadata = &value["metadata"];
    let owned = |key: &&str| metadata.get(*key).map(|value| ((*key).to_owned(), value.clone()));
    SERVER_OWNED.iter().filter_map(owned).collect()
}

/// Takes labels, annotations, finalizers … from `given`; empty ones are left out.
fn take_users_metadata(metadata: &mut Map<String, Value>, given: Option<&Value>) {
    for (key, value) in given.and_then(Value::as_object).into_iter().flatten() {
        let empty = match value {
            Value::Null => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        };
        if !empty && !SERVER_OWNED.contains(&key.as_str()) {
            metadata.insert(key.clone(), value.clone());
        }
    }
}

/// `apiVersion`, `kind`, `metadata` first, `status` last.
fn in_order(kind: Kind, given: Value) -> Map<String, Value> {
    let mut ordered = Map::new();
    ordered.insert("apiVersion".into(), kind.api_version().into());
    ordered.insert("kind".into(), kind.as_str().into());
    ordered.insert("metadata".into(), Value::Null);
    let Value::Object(mut given) = given else { return ordered };
    let status = given.remove("status");
    for (key, value) in given {
        if !matches!(key.as_str(), "apiVersion" | "kind") {
            ordered.insert(key, value);
        }
    }
    if kind.has_status() {
        // The types ask for it, and every field in it can be left out.
        ordered.entry("spec").or_insert_with(|| json!({}));
    }
    if let Some(status) = status {
        ordered.insert("status".into(), status);
    }
    ordered
}
