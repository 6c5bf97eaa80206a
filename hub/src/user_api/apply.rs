//! Server-side apply, and who owns which field.
//!
//! The rules are those of `structured-merge-diff`, over the paths of [`fields`]: an apply sets what it names; what its
//! manager named before and names no more is taken away unless somebody else owns it; a field of another manager with
//! another value is a conflict, or changes its owner where the apply is forced. Any other write makes its manager the
//! owner of what it changed. What the hub itself writes (status, finalizers) has no owner here.

use super::fields::{self, Fields, Path};
use super::status::ApiError;
use crate::store::Kind;
use serde_json::{Map, Value, json};

/// Who writes.
#[derive(Clone, Debug)]
pub(super) struct Manager<'a> {
    /// The field manager.
    pub(super) name: &'a str,
    /// Now, RFC 3339.
    pub(super) now: &'a str,
    /// What is written.
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    manager: String,
    apply: bool,
    api_version: String,
    time: String,
    fields: Fields,
}

fn read(object: Option<&Value>) -> Vec<Entry> {
    let list = object.and_then(|object| object["metadata"]["managedFields"].as_array());
    list.into_iter().flatten().filter_map(read_entry).collect()
}

fn read_entry(entry: &Value) -> Option<Entry> {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    Some(Entry {
        manager: entry["manager"].as_str()?.to_owned(),
        apply: text("operation") == "Apply",
        api_version: text("apiVersion"),
        time: text("time"),
        fields: fields::from_json(entry.get("fieldsV1")?),
    })
}

fn write(object: &mut Value, entries: &[Entry]) {
    let list: Vec<_> = entries
        .iter()
        .filter(|entry| !entry.fields.is_empty())
        .map(|entry| {
            json!({
                "manager": entry.manager,
                "operation": if entry.apply { "Apply" } else { "Update" },
                "apiVersion": entry.api_version,
                "time": entry.time,
                "fieldsType": "FieldsV1",
                "fieldsV1": fields::to_json(&entry.fields),
            })
        })
        .collect();
    if let Some(metadata) = metadata_of(object) {
        metadata.remove("managedFields");
        if !list.is_empty() {
            metadata.insert("managedFields".into(), Value::Array(list));
        }
    }
}

fn metadata_of(object: &mut Value) -> Option<&mut Map<String, Value>> {
    let map = object.as_object_mut()?;
    map.entry("metadata").or_insert_with(|| json!({})).as_object_mut()
}

/// Sets the fields of one manager; the time changes only where the fields do.
fn own(entries: &mut Vec<Entry>, manager: &Manager<'_>, apply: bool, owned: Fields) {
    let found = entries.iter_mut().find(|entry| entry.manager == manager.name && entry.apply == apply);
    match found {
        Some(entry) if entry.fields == owned => {}
        Some(entry) => {
            entry.fields = owned;
            manager.now.clone_into(&mut entry.time);
        }
        None => entries.push(Entry {
            manager: manager.name.to_owned(),
            apply,
            api_version: manager.kind.api_version().to_owned(),
            time: manager.now.to_owned(),
            fields: owned,
        }),
    }
}

/// Notes on `new` who owns what after an ordinary write over `current`. Where `new` brings other `managedFields` than
/// `current` has, those are taken first: it is how kubectl moves fields from one manager to another.
pub(super) fn track(current: Option<&Value>, new: &mut Value, manager: &Manager<'_>) {
    let before = read(current);
    let mut entries = match new["metadata"].get("managedFields") {
        Some(Value::Array(list)) if !list.is_empty() => {
            let given: Option<Vec<_>> = list.iter().map(read_entry).collect();
            given.unwrap_or(before)
        }
        _ => before,
    };
    let (old, now) = (current.map(fields::of).unwrap_or_default(), fields::of(new));
    let value = |path: &Path| current.and_then(|current| fields::get(current, path));
    let changed: Fields = now.iter().filter(|path| value(path) != fields::get(new, path)).cloned().collect();
    let gone: Fields = old.difference(&now).cloned().collect();
    for entry in &mut entries {
        let ours = entry.manager == manager.name && !entry.apply;
        entry.fields.retain(|path| !gone.contains(path) && (ours || !changed.contains(path)));
    }
    if !changed.is_empty() {
        let ours = entries.iter().find(|entry| entry.manager == manager.name && !entry.apply);
        let mut owned = ours.map(|entry| entry.fields.clone()).unwrap_or_default();
        owned.extend(changed);
        own(&mut entries, manager, false, owned);
    }
    write(new, &entries);
}

/// The object after `manager` applied `applied` over `current`.
pub(super) fn apply(
    current: Option<&Value>,
    applied: &Value,
    manager: &Manager<'_>,
    force: bool,
) -> Result<Value, ApiError> {
    let mut entries = read(current);
    let wanted = fields::of(applied);
    let mut object = current.cloned().unwrap_or_else(|| json!({}));

    let conflicts = conflicts(&entries, &object, applied, &wanted, manager);
    if !conflicts.is_empty() && !force {
        let told: Vec<_> = conflicts.iter().map(|(path, owner)| (fields::display(path), owner.clone())).collect();
        return Err(ApiError::apply_conflict(&told));
    }
    for entry in &mut entries {
        let ours = entry.manager == manager.name && entry.apply;
        entry.fields.retain(|path| ours || !conflicts.iter().any(|(taken, _)| fields::overlap(taken, path)));
    }
    let mine = entries.iter().find(|entry| entry.manager == manager.name && entry.apply);
    let before = mine.map(|entry| entry.fields.clone()).unwrap_or_default();
    for path in before.difference(&wanted) {
        let ours = |entry: &&Entry| entry.manager == manager.name && entry.apply;
        let shared = entries.iter().filter(|entry| !ours(entry)).any(|entry| entry.fields.contains(path));
        // An empty map that is named says nothing of what is in it.
        let names = |named: &Path| named.len() >= path.len() || !is_empty_map(applied, named);
        let still_named = wanted.iter().any(|named| fields::overlap(named, path) && names(named));
        if !shared && !still_named {
            take_away(&mut object, path, applied);
        }
    }
    merge(&mut object, applied);
    own(&mut entries, manager, true, wanted);
    write(&mut object, &entries);
    Ok(object)
}

/// Fields that others own with another value, and whose they are.
fn conflicts(
    entries: &[Entry],
    object: &Value,
    applied: &Value,
    wanted: &Fields,
    manager: &Manager<'_>,
) -> Vec<(Path, String)> {
    let mut conflicts = Vec::new();
    for entry in entries.iter().filter(|entry| !(entry.manager == manager.name && entry.apply)) {
        for path in wanted {
            let overlaps = entry.fields.iter().any(|owned| fields::overlap(owned, path));
            let both_maps = is_empty_map(applied, path) && fields::get(object, path).is_some_and(Value::is_object);
            if overlaps && !both_maps && fields::get(object, path) != fields::get(applied, path) {
                let verb = if entry.apply { "" } else { " using " };
                let version = if entry.apply { "" } else { entry.api_version.as_str() };
                conflicts.push((path.clone(), format!("conflict with \"{}\"{verb}{version}", entry.manager)));
            }
        }
    }
    conflicts
}

fn is_empty_map(object: &Value, path: &[String]) -> bool {
    fields::get(object, path).and_then(Value::as_object).is_some_and(Map::is_empty)
}

/// Removes a field, and the maps above it that become empty and that nobody names: an empty selector would match
/// everything.
fn take_away(object: &mut Value, path: &[String], applied: &Value) {
    fields::remove(object, path);
    let mut parent = &path[..path.len().saturating_sub(1)];
    while parent.len() > 1 {
        if !is_empty_map(object, parent) || fields::get(applied, parent).is_some() {
            break;
        }
        fields::remove(object, parent);
        parent = &parent[..parent.len() - 1];
    }
}

fn merge(object: &mut Value, applied: &Value) {
    let (Value::Object(object), Value::Object(applied)) = (object, applied) else { return };
    for (key, value) in applied {
        match (key.as_str(), object.get_mut(key)) {
            ("managedFields" | "status", _) => {}
            ("finalizers", Some(Value::Array(known))) => {
                let more = value.as_array().into_iter().flatten().filter(|item| !known.contains(item)).cloned();
                let more: Vec<_> = more.collect();
                known.extend(more);
            }
            (_, Some(known @ Value::Object(_))) if value.is_object() => merge(known, value),
            _ => {
                object.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(name: &str) -> Manager<'_> {
        Manager { name, now: "2026-01-01T00:00:00Z", kind: Kind::ClusterGroup }
    }

    fn group(spec: &Value) -> Value {
        json!({"metadata": {"name": "g"}, "spec": spec})
    }

    #[test]
    fn what_is_named_no_more_goes_with_the_maps_that_it_leaves_empty() {
        let first = group(&json!({"selector": {"matchLabels": {"env": "prod"}}}));
        let object = apply(None, &first, &manager("a"), false).unwrap();
        let object = apply(Some(&object), &group(&json!({})), &manager("a"), false).unwrap();
        assert!(object["spec"].get("selector").is_none(), "an empty selector would match everything: {object}");
    }

    #[test]
    fn another_managers_field_is_a_conflict_until_it_is_forced() {
        let one = group(&json!({"selector": {"matchLabels": {"env": "prod"}}}));
        let other = group(&json!({"selector": {"matchLabels": {"env": "dev"}}}));
        let mut object = one.clone();
        track(None, &mut object, &manager("ui"));
        let error = apply(Some(&object), &other, &manager("a"), false).unwrap_err();
        assert_eq!(
            error.status()["message"],
            "Apply failed with 1 conflict: conflict with \"ui\" using fleet.cattle.io/v1alpha1: .spec.selector.matchLabels.env"
        );
        let same = apply(Some(&object), &one, &manager("a"), false).unwrap();
        assert_eq!(read(Some(&same)).len(), 2, "one value, two owners");
        let forced = apply(Some(&object), &other, &manager("a"), true).unwrap();
        assert_eq!(forced["spec"]["selector"]["matchLabels"]["env"], "dev");
        assert_eq!(read(Some(&forced)).len(), 1);
    }

    #[test]
    fn a_field_that_somebody_else_owns_as_well_stays() {
        let one = group(&json!({"selector": {"matchLabels": {"env": "prod"}}}));
        let object = apply(None, &one, &manager("a"), false).unwrap();
        let object = apply(Some(&object), &one, &manager("b"), false).unwrap();
        let object = apply(Some(&object), &group(&json!({})), &manager("a"), false).unwrap();
        assert_eq!(object["spec"]["selector"]["matchLabels"]["env"], "prod");
    }

    #[test]
    fn the_same_apply_again_changes_nothing() {
        let given = group(&json!({"selector": {"matchLabels": {"env": "prod"}}}));
        let object = apply(None, &given, &manager("a"), false).unwrap();
        let later = Manager { now: "2027-01-01T00:00:00Z", ..manager("a") };
        assert_eq!(apply(Some(&object), &given, &later, false).unwrap(), object);
    }

    #[test]
    fn an_ordinary_write_owns_what_it_changes() {
        let mut object = group(&json!({"selector": {"matchLabels": {"env": "prod"}}}));
        track(None, &mut object, &manager("a"));
        let before = object.clone();
        object["metadata"]["labels"] = json!({"x": "y"});
        track(Some(&before), &mut object, &manager("kubectl-label"));
        let owners: Vec<_> = read(Some(&object)).into_iter().map(|entry| (entry.manager, entry.fields.len())).collect();
        assert_eq!(owners, [("a".to_owned(), 1), ("kubectl-label".to_owned(), 1)]);
        let before = object.clone();
        object["metadata"] = json!({"name": "g"});
        track(Some(&before), &mut object, &manager("b"));
        assert_eq!(read(Some(&object)).len(), 1, "who owns nothing any more is not listed");
    }
}
