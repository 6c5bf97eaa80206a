//! Reads `metadata.managedFields` (structured-merge-diff's `fieldsV1`): what we own, what we lost and to whom, what
//! others added. Called by the shell for every object that it sees, so that nothing but the summary is kept.
//!
//! Source of the format: `structured-merge-diff/fieldpath`: `f:` a field, `k:` an item by its keys, `v:` an item by its
//! value, `i:` an item by its index, `.` the thing itself; an empty object is a leaf.

use super::pointer::escape;
use super::snapshot::{LIVE_LIST_CAP, Live, Strayed};
use fleet_api::labels::{
    DEPLOYMENT_ANNOTATION, FIELD_MANAGER, HOOK_ANNOTATION, OWNER_LABEL, RESOURCE_POLICY_ANNOTATION,
};
use fleet_api::{Digest, canonical};
use serde_json::{Map, Value};

/// What is needed beside the object to tell what was lost: only where the fields that we own are not the recorded ones.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The content as it was sent ([`prepare`](super::prepare)).
    pub content: &'a Value,
}

/// Digest of the fields that we own by apply, for comparison with the ledger's.
pub fn owned_digest(object: &Value) -> Option<Digest> {
    let ours = entries(object).find(|entry| is_ours(entry))?;
    Some(Digest::of(&canonical::to_vec(ours.get("fieldsV1")?)))
}

/// The summary of an object that is kept. Health is the caller's to fill in.
pub fn summarise(object: &Value, expected: Option<Expected<'_>>) -> Live {
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().map(Box::from);
    let others: Vec<&Value> = entries(object).filter(|entry| !is_ours(entry) && !is_status(entry)).collect();
    let ours = entries(object).find(|entry| is_ours(entry)).and_then(|entry| entry.get("fieldsV1"));
    let content = expected.map(|expected| expected.content);
    Live {
        uid: text(&metadata["uid"]).unwrap_or_default(),
        resource_version: text(&metadata["resourceVersion"]).unwrap_or_default(),
        owner: text(&metadata["labels"][OWNER_LABEL]),
        deployment: text(&metadata["annotations"][DEPLOYMENT_ANNOTATION]),
        other_manager: others.iter().map(|entry| manager(entry)).find(|name| *name != FIELD_MANAGER).map(Box::from),
        only_ours: entries(object).next().is_some() && others.iter().all(|entry| manager(entry) == FIELD_MANAGER),
        fields: ours.map(|fields| Digest::of(&canonical::to_vec(fields))),
        lost: content.map(|content| lost(content, ours, &others, object)).unwrap_or_default(),
        added: added(object, ours, content, &others),
        replicas_owner: replicas_owner(object, &others),
        keep: metadata["annotations"][RESOURCE_POLICY_ANNOTATION].as_str().is_some_and(says_keep),
        deleting: metadata["deletionTimestamp"].is_string().then(|| {
            let finalizers = metadata["finalizers"].as_array().map(Vec::as_slice).unwrap_or_default();
            finalizers.iter().filter_map(text).collect()
        }),
        unhealthy: None,
        is_hook: metadata["annotations"][HOOK_ANNOTATION].is_string(),
        ended: None,
    }
}

/// Whether a value of `helm.sh/resource-policy` keeps the object (Helm: `keep`, trimmed, whatever its case).
pub(super) fn says_keep(value: &str) -> bool {
    value.trim().eq_ignore_ascii_case("keep")
}

fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["managedFields"].as_array().into_iter().flatten()
}

fn is_ours(entry: &Value) -> bool {
    entry["manager"] == FIELD_MANAGER
        && entry["operation"] == "Apply"
        && entry.get("subresource").and_then(Value::as_str).unwrap_or_default().is_empty()
}

fn is_status(entry: &Value) -> bool {
    entry["subresource"] == "status"
}

fn manager(entry: &Value) -> &str {
    entry["manager"].as_str().unwrap_or_default()
}

/// The controller (no person, not us) that owns `spec.replicas`, of a kind that has a scale.
fn replicas_owner(object: &Value, others: &[&Value]) -> Option<Box<str>> {
    let scalable = matches!(object["kind"].as_str(), Some("Deployment" | "StatefulSet" | "ReplicaSet"));
    let owner = others.iter().find(|entry| {
        let name = manager(entry);
        let by_scale = scalable || entry["subresource"] == "scale";
        by_scale
            && name != FIELD_MANAGER
            && !name.starts_with("kubectl")
            && entry["fieldsV1"]["f:spec"].get("f:replicas").is_some()
    })?;
    Some(manager(owner).into())
}

/// Keys of data, labels and annotations that others own and we do not set.
fn added(object: &Value, ours: Option<&Value>, content: Option<&Value>, others: &[&Value]) -> Vec<Strayed> {
    let holds_data = object["apiVersion"] == "v1" && matches!(object["kind"].as_str(), Some("ConfigMap" | "Secret"));
    let mut found: Vec<Strayed> = Vec::new();
    let places: [(&[&str], bool); 4] = [
        (&["metadata", "labels"], true),
        (&["metadata", "annotations"], true),
        (&["data"], holds_data),
        (&["binaryData"], holds_data),
    ];
    for (path, applies) in places {
        if !applies {
            continue;
        }
        for entry in others.iter().filter(|entry| manager(entry) != FIELD_MANAGER) {
            let Some(keys) = fields_at(&entry["fieldsV1"], path).and_then(Value::as_object) else { continue };
            for name in keys.keys().filter_map(|key| key.strip_prefix("f:")) {
                let we_own = ours.and_then(|ours| fields_at(ours, path)).is_some_and(|map| has_field(map, name));
                let we_set = content.is_some_and(|content| value_at(content, path).get(name).is_some());
                let is_there = value_at(object, path).get(name).is_some();
                if !we_own && !we_set && is_there && !is_housekeeping(name, manager(entry)) {
                    let pointer = format!("/{}/{}", path.join("/"), escape(name));
                    found.push(Strayed { pointer: pointer.into(), manager: manager(entry).into() });
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found.truncate(LIVE_LIST_CAP);
    found
}

/// Keys that clients and controllers keep for themselves.
fn is_housekeeping(key: &str, manager: &str) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    if manager.starts_with("kubectl") {
        return domain == "kubectl.kubernetes.io";
    }
    ["kubernetes.io", "k8s.io"].iter().any(|own| domain == *own || domain.ends_with(&format!(".{own}")))
}

fn fields_at<'a>(fields: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(fields, |fields, name| fields.get(format!("f:{name}")))
}

fn has_field(fields: &Value, name: &str) -> bool {
    fields.get(format!("f:{name}")).is_some()
}

fn value_at<'a>(object: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(object, |value, name| value.get(*name).unwrap_or(&Value::Null))
}

/// The fields of `content` that `ours` lacks and whose value is another one.
fn lost(content: &Value, ours: Option<&Value>, others: &[&Value], object: &Value) -> Vec<Strayed> {
    let mut walk = Walk { pointer: String::new(), found: Vec::new() };
    let empty = Value::Object(Map::new());
    let sources: Vec<Owned<'_>> =
        others.iter().map(|entry| Owned { manager: manager(entry), fields: &entry["fieldsV1"] }).collect();
    let top = content.as_object().into_iter().flatten();
    for (name, value) in top.filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind" | "status")) {
        walk.field(name, value, ours.unwrap_or(&empty), &sources, Some(object));
    }
    let mut found = walk.found;
    // Identity is no field of ours.
    found.retain(|stray| !matches!(&*stray.pointer, "/metadata/name" | "/metadata/namespace"));
    if let Some(latest) = latest_manager(others) {
        for stray in found.iter_mut().filter(|stray| stray.manager.is_empty()) {
            stray.manager = latest.into();
        }
    }
    found.truncate(LIVE_LIST_CAP);
    found
}

/// Who wrote last: the one to name for a field that was taken away, and that nobody owns.
fn latest_manager<'a>(others: &[&'a Value]) -> Option<&'a str> {
    others.iter().max_by_key(|entry| entry["time"].as_str().unwrap_or_default()).map(|entry| manager(entry))
}

#[derive(Clone, Copy)]
struct Owned<'a> {
    manager: &'a str,
    fields: &'a Value,
}

struct Walk {
    pointer: String,
    found: Vec<Strayed>,
}

impl Walk {
    fn field(&mut self, name: &str, value: &Value, ours: &Value, others: &[Owned<'_>], live: Option<&Value>) {
        if value.is_null() {
            return;
        }
        let key = format!("f:{name}");
        let child = |owned: &Owned<'_>| owned.fields.get(&key).map(|_| ());
        let below: Vec<Owned<'_>> = others
            .iter()
            .filter(|owned| child(owned).is_some())
            .map(|owned| Owned { manager: owned.manager, fields: &owned.fields[&key] })
            .collect();
        let live = live.and_then(|live| live.get(name));
        self.enter(&escape(name), |walk| walk.node(value, ours.get(&key), &below, live));
    }

    fn node(&mut self, value: &Value, ours: Option<&Value>, others: &[Owned<'_>], live: Option<&Value>) {
        // An empty set in the tree is a leaf: the whole value below is owned.
        if ours.and_then(Value::as_object).is_some_and(Map::is_empty) {
            return;
        }
        match value {
            Value::Object(map) if !map.is_empty() => {
                let empty = Value::Object(Map::new());
                for (name, value) in map {
                    self.field(name, value, ours.unwrap_or(&empty), others, live);
                }
            }
            Value::Array(items) if !items.is_empty() && is_keyed(ours, others) => {
                for (index, item) in items.iter().enumerate() {
                    let below: Vec<Owned<'_>> = others
                        .iter()
                        .filter_map(|owned| {
                            item_of(owned.fields, item).map(|fields| Owned { manager: owned.manager, fields })
                        })
                        .collect();
                    let live = live.and_then(|live| live_item(live, item, ours, others));
                    let ours = ours.and_then(|ours| item_of(ours, item));
                    self.enter(&index.to_string(), |walk| walk.node(item, ours, &below, live));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                let set = ours.is_some_and(|ours| ours.get(".").is_some());
                if !set && live != Some(value) {
                    let manager = others.first().map_or("", |owned| owned.manager);
                    self.found.push(Strayed { pointer: self.pointer.as_str().into(), manager: manager.into() });
                }
            }
        }
    }

    fn enter(&mut self, step: &str, inside: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(step);
        inside(self);
        self.pointer.truncate(length);
    }
}

/// Whether a list is owned item by item.
fn is_keyed(ours: Option<&Value>, others: &[Owned<'_>]) -> bool {
    let keyed = |fields: &Value| {
        fields.as_object().is_some_and(|map| map.keys().any(|key| key.starts_with("k:") || key.starts_with("v:")))
    };
    ours.is_some_and(keyed) || others.iter().any(|owned| keyed(owned.fields))
}

/// The node of a list's item in a set of fields.
fn item_of<'a>(fields: &'a Value, item: &Value) -> Option<&'a Value> {
    fields.as_object()?.iter().find_map(|(key, node)| {
        let matches = if let Some(text) = key.strip_prefix("k:") {
            serde_json::from_str::<Map<String, Value>>(text).is_ok_and(|keys| has_keys(item, &keys))
        } else {
            key.strip_prefix("v:").is_some_and(|text| serde_json::from_str::<Value>(text).is_ok_and(|v| v == *item))
        };
        matches.then_some(node)
    })
}

/// Whether an item has these keys; one that it leaves out (a default) matches.
fn has_keys(item: &Value, keys: &Map<String, Value>) -> bool {
    let Some(item) = item.as_object() else { return false };
    keys.iter().any(|(name, _)| item.contains_key(name))
        && keys.iter().all(|(name, value)| item.get(name).is_none_or(|own| own == value))
}

/// The item of the live list that has the keys of ours.
fn live_item<'a>(live: &'a Value, item: &Value, ours: Option<&Value>, others: &[Owned<'_>]) -> Option<&'a Value> {
    let trees = ours.into_iter().chain(others.iter().map(|owned| owned.fields));
    let keys = trees.filter_map(Value::as_object).flat_map(Map::keys).find_map(|key| {
        let keys = serde_json::from_str::<Map<String, Value>>(key.strip_prefix("k:")?).ok()?;
        has_keys(item, &keys).then_some(keys)
    });
    let items = live.as_array()?;
    match keys {
        Some(keys) => items.iter().find(|candidate| has_keys(candidate, &keys)),
        None => items.iter().find(|candidate| *candidate == item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(managed: &Value, spec: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
               "metadata": {"name": "web", "uid": "u", "resourceVersion": "7", "managedFields": managed}, "spec": spec})
    }

    fn lost_of(content_spec: &Value, managed: &Value, live_spec: &Value) -> Vec<(String, String)> {
        let content =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": content_spec});
        let live = summarise(&object(managed, live_spec), Some(Expected { content: &content }));
        live.lost.iter().map(|stray| (stray.pointer.to_string(), stray.manager.to_string())).collect()
    }

    #[expect(clippy::needless_pass_by_value, reason = "called with literals")]
    fn apply(fields: Value) -> Value {
        json!({"manager": "skiff-agent", "operation": "Apply", "fieldsV1": fields})
    }

    #[expect(clippy::needless_pass_by_value, reason = "called with literals")]
    fn update(manager: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": "Update", "time": "2026-01-01T00:00:00Z", "fieldsV1": fields})
    }

    #[test]
    fn a_changed_field_is_lost_to_who_changed_it() {
        let container =
            |ours: Value| json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"c\"}": ours}}}}});
        let spec = |image: &str| json!({"template": {"spec": {"containers": [{"name": "c", "image": image}]}}});
        let ours = container(json!({".": {}, "f:name": {}}));
        let theirs = container(json!({"f:image": {}}));
        let managed = json!([apply(ours), update("kubectl-edit", theirs)]);
        let pointer = "/spec/template/spec/containers/0/image".to_owned();
        assert_eq!(lost_of(&spec("a"), &managed, &spec("b")), [(pointer, "kubectl-edit".to_owned())]);
        assert_eq!(lost_of(&spec("a"), &managed, &spec("a")), [], "the value is the same again");
    }

    #[test]
    fn a_removed_field_is_lost_to_who_wrote_last_and_a_leaf_covers_all_below() {
        let managed = json!([
            apply(json!({"f:spec": {"f:selector": {}}})),
            update("kubectl", json!({"f:spec": {"f:paused": {}}}))
        ]);
        let content = json!({"selector": {"matchLabels": {"a": "b"}}, "minReadySeconds": 3});
        let live = json!({"selector": {"matchLabels": {"a": "b"}}, "paused": true});
        assert_eq!(lost_of(&content, &managed, &live), [("/spec/minReadySeconds".to_owned(), "kubectl".to_owned())]);
    }

    #[test]
    fn a_defaulted_key_of_a_list_item_is_no_drift() {
        let node = json!({"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}});
        let managed = json!([apply(json!({"f:spec": {"f:ports": node}}))]);
        let live = json!({"ports": [{"containerPort": 80, "protocol": "TCP"}]});
        assert_eq!(lost_of(&json!({"ports": [{"containerPort": 80}]}), &managed, &live), []);
    }

    #[test]
    fn added_keys_are_told_with_their_manager_and_housekeeping_is_not() {
        let managed = json!([
            apply(json!({"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:app": {}}}})),
            update("kubectl-edit", json!({"f:data": {"f:b/c": {}}})),
            update(
                "kube-controller-manager",
                json!({"f:metadata": {"f:annotations": {"f:deployment.kubernetes.io/revision": {}}}})
            ),
            update(
                "kubectl-client-side-apply",
                json!({"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/last-applied-configuration": {}}}})
            ),
        ]);
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1", "b/c": "2"},
            "metadata": {"name": "m", "labels": {"app": "x"}, "managedFields": managed, "annotations": {
                "deployment.kubernetes.io/revision": "1", "kubectl.kubernetes.io/last-applied-configuration": "{}"}}});
        let live = summarise(&object, None);
        assert_eq!(live.added, [Strayed { pointer: "/data/b~1c".into(), manager: "kubectl-edit".into() }]);
        assert!(live.added[0].by_person());
    }

    #[test]
    fn replicas_belong_to_a_controller_and_never_to_a_person() {
        let scale = |name: &str| json!({"manager": name, "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}});
        for (name, owner) in [("kube-controller-manager", Some("kube-controller-manager")), ("kubectl", None)] {
            let live = summarise(&object(&json!([apply(json!({})), scale(name)]), &json!({"replicas": 3})), None);
            assert_eq!(live.replicas_owner.as_deref(), owner, "{name}");
        }
    }

    #[test]
    fn hostile_managed_fields_do_no_harm() {
        for odd in [
            json!(null),
            json!([null, 1, {}]),
            json!([{"manager": 1, "fieldsV1": [1]}]),
            json!({"a": 1}),
            json!([apply(json!({"f:spec": {"k:nonsense": {}, "v:": 1}}))]),
        ] {
            let content = json!({"spec": {"a": [1, {"b": null}], "c": {}}});
            drop(summarise(&object(&odd, &json!([])), Some(Expected { content: &content })));
        }
    }
}
