//! `metadata.managedFields`: reading it, writing it, and the identity of a manager.

use super::fieldset::FieldSet;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Who owns: one entry of managedFields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ManagerKey {
    pub(crate) name: String,
    /// `Apply` or `Update`.
    pub(crate) applied: bool,
    /// Only for updates: an applier is the same one at every version.
    pub(crate) api_version: String,
    pub(crate) subresource: String,
}

impl ManagerKey {
    pub(crate) fn new(name: &str, applied: bool, api_version: &str, subresource: &str) -> Self {
        Self {
            name: name.to_owned(),
            applied,
            api_version: if applied { String::new() } else { api_version.to_owned() },
            subresource: subresource.to_owned(),
        }
    }

    /// As conflicts name it (`managedfields/internal/conflict.go`).
    pub(crate) fn describe(&self) -> String {
        let mut out = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            out.push_str(&format!(" with subresource {:?}", self.subresource));
        }
        if !self.applied {
            out.push_str(&format!(" using {}", self.api_version));
        }
        out
    }
}

/// What one manager owns.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) set: FieldSet,
    pub(crate) api_version: String,
    /// RFC 3339, seconds.
    pub(crate) time: Option<String>,
}

/// All entries of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Managers(pub(crate) BTreeMap<ManagerKey, Owned>);

impl Managers {
    /// Reads the entries of an object's metadata.
    pub(crate) fn of(object: &Value) -> Self {
        let mut out = Self::default();
        let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        for entry in entries.into_iter().flatten() {
            let text = |k: &str| entry.get(k).and_then(Value::as_str).unwrap_or("");
            let key =
                ManagerKey::new(text("manager"), text("operation") == "Apply", text("apiVersion"), text("subresource"));
            let set = entry.get("fieldsV1").map(FieldSet::decode).unwrap_or_default();
            let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
            out.0.insert(key, Owned { set, api_version: text("apiVersion").to_owned(), time });
        }
        out
    }

    /// The entries in the order the API server writes them.
    pub(crate) fn encode(&self) -> Option<Value> {
        let mut entries: Vec<(&ManagerKey, &Owned)> = self.0.iter().collect();
        entries.sort_by(|(a, x), (b, y)| {
            (!a.applied, &x.time, &a.name, &x.api_version, &a.subresource).cmp(&(
                !b.applied,
                &y.time,
                &b.name,
                &y.api_version,
                &b.subresource,
            ))
        });
        let list: Vec<Value> = entries.into_iter().map(|(k, o)| entry(k, o)).collect();
        (!list.is_empty()).then_some(Value::Array(list))
    }
}

fn entry(key: &ManagerKey, owned: &Owned) -> Value {
    let mut out = json!({
        "manager": key.name,
        "operation": if key.applied { "Apply" } else { "Update" },
        "apiVersion": owned.api_version,
    });
    if let Some(map) = out.as_object_mut() {
        if key.name.is_empty() {
            map.shift_remove("manager");
        }
        if let Some(time) = &owned.time {
            map.insert("time".into(), Value::from(time.clone()));
        }
        map.insert("fieldsType".into(), "FieldsV1".into());
        map.insert("fieldsV1".into(), owned.set.encode());
        if !key.subresource.is_empty() {
            map.insert("subresource".into(), Value::from(key.subresource.clone()));
        }
    }
    out
}

/// Whether two objects differ in anything but the times of their managers.
pub(crate) fn same_but_for_times(a: &Value, b: &Value) -> bool {
    let strip = |v: &Value| {
        let mut v = v.clone();
        if let Some(list) = v.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut) {
            for entry in list.iter_mut().filter_map(Value::as_object_mut) {
                entry.shift_remove("time");
            }
            list.sort_by_key(Value::to_string);
        }
        v
    };
    strip(a) == strip(b)
}
