//! Sets of fields, as `managedFields` write them (FieldsV1).
//!
//! A field is the path of a leaf. Lists are leaves (one owner each), except `metadata.finalizers`, which is a set.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The path of a field: `["f:spec", "f:repo"]`.
pub(super) type Path = Vec<String>;
/// Fields.
pub(super) type Fields = BTreeSet<Path>;

/// Metadata that has owners.
const OWNED_METADATA: [&str; 4] = ["labels", "annotations", "finalizers", "ownerReferences"];

/// The leaves of an object that have owners: not its identity, not what the server writes.
pub(super) fn of(object: &Value) -> Fields {
    let mut fields = Fields::new();
    for (key, value) in object.as_object().into_iter().flatten() {
        match key.as_str() {
            "apiVersion" | "kind" | "status" => {}
            "metadata" => {
                for key in OWNED_METADATA {
                    if let Some(value) = value.get(key) {
                        add_metadata(key, value, &mut fields);
                    }
                }
            }
            _ => add(value, &mut vec![format!("f:{key}")], &mut fields),
        }
    }
    fields
}

fn add_metadata(key: &str, value: &Value, fields: &mut Fields) {
    let mut path = vec!["f:metadata".to_owned(), format!("f:{key}")];
    match value {
        Value::Array(items) if key == "finalizers" => {
            for item in items {
                let mut path = path.clone();
                path.push(format!("v:{item}"));
                fields.insert(path);
            }
        }
        Value::Object(map) if map.is_empty() => {}
        Value::Null => {}
        value => add(value, &mut path, fields),
    }
}

fn add(value: &Value, path: &mut Path, fields: &mut Fields) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                path.push(format!("f:{key}"));
                add(value, path, fields);
                path.pop();
            }
        }
        _ => {
            fields.insert(path.clone());
        }
    }
}

/// The value of a field.
pub(super) fn get<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, segment| match segment.split_once(':') {
        Some(("f", key)) => value.get(key),
        Some(("v", item)) => {
            let item: Value = serde_json::from_str(item).ok()?;
            value.as_array()?.iter().find(|known| **known == item)
        }
        _ => None,
    })
}

/// Takes a field away.
pub(super) fn remove(object: &mut Value, path: &[String]) {
    let Some((last, parents)) = path.split_last() else { return };
    let parent = parents.iter().try_fold(object, |value, segment| value.get_mut(segment.strip_prefix("f:")?));
    match (parent, last.split_once(':')) {
        (Some(Value::Object(map)), Some(("f", key))) => {
            map.remove(key);
        }
        (Some(Value::Array(items)), Some(("v", item))) => {
            let item: Value = serde_json::from_str(item).unwrap_or_default();
            items.retain(|known| *known != item);
        }
        _ => {}
    }
}

/// As FieldsV1.
pub(super) fn to_json(fields: &Fields) -> Value {
    let mut root = Map::new();
    for path in fields {
        let mut map = &mut root;
        for segment in path {
            let next = map.entry(segment.clone()).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(next) = next else { break };
            map = next;
        }
    }
    Value::Object(root)
}

/// From FieldsV1.
pub(super) fn from_json(value: &Value) -> Fields {
    let mut fields = Fields::new();
    collect(value, &mut Vec::new(), &mut fields);
    fields
}

fn collect(value: &Value, path: &mut Path, fields: &mut Fields) {
    let children = value.as_object().into_iter().flatten().filter(|(key, _)| *key != ".");
    let mut leaf = true;
    for (key, child) in children {
        leaf = false;
        path.push(key.clone());
        collect(child, path, fields);
        path.pop();
    }
    if leaf && !path.is_empty() {
        fields.insert(path.clone());
    }
}

/// For people: `.spec.repo`.
pub(super) fn display(path: &[String]) -> String {
    path.iter().fold(String::new(), |text, segment| match segment.split_once(':') {
        Some(("f", key)) if key.contains('.') => format!("{text}.{key:?}").replace(".\"", "[\"") + "]",
        Some(("f", key)) => format!("{text}.{key}"),
        Some(("v", item)) => format!("{text}[={item}]"),
        _ => text,
    })
}

/// Whether one path is the other, or leads to it.
pub(super) fn overlap(a: &[String], b: &[String]) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_survive_the_way_through_json() {
        let object = json!({"apiVersion": "v", "kind": "K", "status": {"a": 1},
            "metadata": {"name": "n", "uid": "u", "labels": {"a.b/c": "d"}, "finalizers": ["x/y"], "annotations": {}},
            "spec": {"repo": "r", "paths": ["a"], "selector": {}}});
        let fields = of(&object);
        let shown: Vec<_> = fields.iter().map(|path| display(path)).collect();
        assert_eq!(
            shown,
            [
                ".metadata.finalizers[=\"x/y\"]",
                ".metadata.labels[\"a.b/c\"]",
                ".spec.paths",
                ".spec.repo",
                ".spec.selector"
            ]
        );
        assert_eq!(from_json(&to_json(&fields)), fields);
        for path in &fields {
            assert!(get(&object, path).is_some(), "{path:?}");
            let mut without = object.clone();
            remove(&mut without, path);
            assert!(get(&without, path).is_none(), "{path:?}");
        }
    }
}
