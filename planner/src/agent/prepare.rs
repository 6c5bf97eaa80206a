//! What is sent to the API server for one object: the content with our marks, and without what is not ours to say.
//! Called by the shell right before an apply, and to compare a live object with its content.

use fleet_api::ObjectKey;
use fleet_api::labels::{DEPLOYMENT_ANNOTATION, OWNER_LABEL, RESOURCE_POLICY_ANNOTATION};
use fleet_api::names::{ClusterUid, Ref};
use serde_json::{Map, Value, json};

/// The content of an object as it is applied: in its namespace, with label and annotation, without `status`, without
/// what the API server sets, `stringData` as `data` (an apply would forget who owns it), and without `leave_out` (JSON
/// pointers).
pub fn prepare(mut content: Value, key: &ObjectKey, cluster: &ClusterUid, bundle: &Ref, leave_out: &[String]) -> Value {
    if key.group.is_empty() && key.kind == "Secret" {
        fold_string_data(&mut content);
    }
    if let Some(object) = content.as_object_mut() {
        object.remove("status");
        let metadata = object.entry("metadata").or_insert_with(|| json!({}));
        if let Some(metadata) = metadata.as_object_mut() {
            mark(metadata, key, cluster, bundle);
        }
    }
    for pointer in leave_out {
        remove(&mut content, pointer);
    }
    content
}

/// Whether a content says `helm.sh/resource-policy: keep`.
pub fn keeps(content: &Value) -> bool {
    content["metadata"]["annotations"][RESOURCE_POLICY_ANNOTATION].as_str().is_some_and(super::fields::says_keep)
}

fn mark(metadata: &mut Map<String, Value>, key: &ObjectKey, cluster: &ClusterUid, bundle: &Ref) {
    for set_by_server in
        ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp"]
    {
        metadata.remove(set_by_server);
    }
    if key.namespace.is_empty() {
        metadata.remove("namespace");
    } else {
        metadata.insert("namespace".into(), Value::from(key.namespace.as_str()));
    }
    set(metadata, "labels", OWNER_LABEL, cluster.as_str());
    set(metadata, "annotations", DEPLOYMENT_ANNOTATION, &bundle.to_string());
}

fn set(metadata: &mut Map<String, Value>, map: &str, key: &str, value: &str) {
    let entry = metadata.entry(map).or_insert_with(|| json!({}));
    if entry.is_null() {
        *entry = json!({});
    }
    if let Some(entry) = entry.as_object_mut() {
        entry.insert(key.into(), Value::from(value));
    }
}

fn fold_string_data(content: &mut Value) {
    let Some(object) = content.as_object_mut() else { return };
    let Some(Value::Object(plain)) = object.remove("stringData") else { return };
    let data = object.entry("data").or_insert_with(|| json!({}));
    if data.is_null() {
        *data = json!({});
    }
    let Some(data) = data.as_object_mut() else { return };
    for (name, value) in plain {
        let encoded = value.as_str().map(base64);
        data.insert(name, encoded.map_or(value, Value::from));
    }
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(text.len().div_ceil(3) * 4);
    for chunk in text.as_bytes().chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (group >> (18 - 6 * place)) & 63;
            let padding = place > chunk.len();
            out.push(if padding { '=' } else { char::from(ALPHABET[index as usize]) });
        }
    }
    out
}

/// Takes away what a JSON pointer names, if it is there; a map that becomes empty goes with it.
fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let last = super::pointer::unescape(last);
    if let Some(Value::Object(map)) = value.pointer_mut(parent) {
        map.remove(&last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_gets_its_marks_and_loses_what_is_not_its_to_say() {
        let content = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "uid": "x", "labels": null, "annotations": {"helm.sh/resource-policy": " Keep"}},
            "data": {"a": "MQ=="}, "stringData": {"a": "hello", "b": "hi", "c": "h"}, "status": {}});
        assert!(keeps(&content));
        let key = ObjectKey::new("", "Secret", "shop", "s");
        let bundle = Ref::new("fleet-default", "b").unwrap();
        let sent = prepare(content, &key, &"u-1".parse().unwrap(), &bundle, &["/data/c".into(), "/no/such".into()]);
        assert_eq!(
            sent,
            json!({"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "s", "namespace": "shop", "labels": {"skiff.dev/owner": "u-1"},
                    "annotations": {"helm.sh/resource-policy": " Keep", "skiff.dev/deployment": "fleet-default/b"}},
                "data": {"a": "aGVsbG8=", "b": "aGk="}})
        );
    }
}
