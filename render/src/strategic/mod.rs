//! Strategic merge patch, as the API server and `kubectl patch --local` do it.
//!
//! Source: `k8s.io/apimachinery/pkg/util/strategicpatch` (`StrategicMergeMapPatchUsingLookupPatchMeta`). The tables of
//! merge keys stand in `schema.rs`; a list of mappings without one is replaced.

mod schema;

use schema::{Field, Fields, NOTHING};
use serde_json::{Map, Value};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";
const SET_ORDER: &str = "$setElementOrder/";

/// Why a patch cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// An item of a list that is merged by key has no such key.
    #[error("{field}: an item has no `{key}`, by which the list is merged")]
    NoMergeKey {
        /// The list.
        field: String,
        /// The key.
        key: &'static str,
    },
    /// A `$patch` that is none of `merge`, `replace`, `delete`.
    #[error("{field}: `$patch: {found}` is not known; `replace` or `delete` is expected")]
    Directive {
        /// Where it stands.
        field: String,
        /// What it says.
        found: String,
    },
    /// `$retainKeys`, `$setElementOrder` or `$deleteFromPrimitiveList` that is no list, or does not fit the patch.
    #[error("{field}: {message}")]
    Malformed {
        /// Where it stands.
        field: String,
        /// What is wrong.
        message: &'static str,
    },
}

/// `original` with `patch` merged into it; `kind` is the kind of `original`, one of Kubernetes' own.
///
/// # Errors
/// What is wrong with `patch`, by field.
pub fn merge(
    original: Map<String, Value>,
    patch: Map<String, Value>,
    kind: &str,
) -> Result<Map<String, Value>, PatchError> {
    merge_map(original, patch, schema::of_kind(kind), "")
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn merge_map(
    mut original: Map<String, Value>,
    mut patch: Map<String, Value>,
    fields: &'static Fields,
    path: &str,
) -> Result<Map<String, Value>, PatchError> {
    if let Some(directive) = patch.shift_remove(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => Ok(patch),
            Some("delete") => Ok(Map::new()),
            // `merge` is what happens anyway.
            Some("merge") => merge_map(original, patch, fields, path),
            _ => Err(PatchError::Directive { field: path.to_owned(), found: directive.to_string() }),
        };
    }
    retain_keys(&mut original, &mut patch, path)?;
    ordered_lists(&mut original, &mut patch, fields, path)?;
    for (key, value) in patch {
        if let Some(field) = key.strip_prefix(DELETE_FROM_LIST) {
            delete_from_list(&mut original, field, &value, path)?;
            continue;
        }
        if value.is_null() {
            original.shift_remove(&key);
            continue;
        }
        let at = below(path, &key);
        let merged = match (original.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let inner = match fields.get(&key) {
                    Some(Field::Map(inner)) => inner,
                    _ => &NOTHING,
                };
                Value::Object(merge_map(std::mem::take(old), new, inner, &at)?)
            }
            (Some(Value::Array(old)), Value::Array(new)) => {
                Value::Array(merge_list(std::mem::take(old), new, fields.get(&key), &at)?)
            }
            (_, value) => without_directives(value),
        };
        original.insert(key, merged);
    }
    Ok(original)
}

/// `$retainKeys`: of the original only these keys stay.
fn retain_keys(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    path: &str,
) -> Result<(), PatchError> {
    let Some(keys) = patch.shift_remove(RETAIN_KEYS) else { return Ok(()) };
    let malformed = |message| PatchError::Malformed { field: below(path, RETAIN_KEYS), message };
    let keys = keys.as_array().ok_or_else(|| malformed("a list is expected"))?;
    if patch.keys().any(|key| !key.starts_with('$') && !keys.iter().any(|kept| kept == key.as_str())) {
        return Err(malformed("every key of the patch must be in it"));
    }
    original.retain(|key, _| keys.iter().any(|kept| kept == key.as_str()));
    Ok(())
}

/// `$setElementOrder/x`: merges the list `x` and brings it into the order that is given.
fn ordered_lists(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    fields: &'static Fields,
    path: &str,
) -> Result<(), PatchError> {
    let directives: Vec<String> = patch.keys().filter(|key| key.starts_with(SET_ORDER)).cloned().collect();
    for directive in directives {
        let name = directive[SET_ORDER.len()..].to_owned();
        let at = below(path, &name);
        let Some(Value::Array(order)) = patch.shift_remove(&directive) else {
            return Err(PatchError::Malformed { field: below(path, &directive), message: "a list is expected" });
        };
        let old = original.get(&name).and_then(Value::as_array).cloned();
        let new = match patch.shift_remove(&name) {
            Some(Value::Array(new)) => Some(new),
            Some(other) => {
                // Null, or another type: the list is not merged.
                patch.insert(name, other);
                continue;
            }
            None => None,
        };
        let key = merge_key(fields.get(&name));
        let merged = match (&old, new) {
            (Some(old), Some(new)) => merge_list(old.clone(), new, fields.get(&name), &at)?,
            (None, Some(new)) => new.into_iter().filter(|item| !has_directive(item)).map(without_directives).collect(),
            (Some(old), None) => old.clone(),
            (None, None) => continue,
        };
        original.insert(name, Value::Array(in_order(merged, &order, &old.unwrap_or_default(), key)));
    }
    Ok(())
}

fn merge_key(field: Option<Field>) -> Option<&'static str> {
    match field {
        Some(Field::MergeBy(key, _)) => Some(key),
        Some(Field::Map(_) | Field::MergeScalars) | None => None,
    }
}

fn delete_from_list(
    original: &mut Map<String, Value>,
    field: &str,
    gone: &Value,
    path: &str,
) -> Result<(), PatchError> {
    let malformed = || PatchError::Malformed { field: below(path, field), message: "a list of scalars is expected" };
    let gone = gone.as_array().ok_or_else(malformed)?;
    if let Some(Value::Array(items)) = original.get_mut(field) {
        items.retain(|item| !gone.contains(item));
    }
    Ok(())
}

fn merge_list(
    original: Vec<Value>,
    patch: Vec<Value>,
    field: Option<Field>,
    path: &str,
) -> Result<Vec<Value>, PatchError> {
    match field {
        Some(Field::MergeScalars) => {
            let mut merged = original.clone();
            merged.extend(patch.iter().cloned());
            Ok(in_order(without_repeats(merged), &patch, &original, None))
        }
        Some(Field::MergeBy(key, fields)) => merge_by_key(original, patch, key, fields, path),
        Some(Field::Map(_)) | None => Ok(patch.into_iter().map(without_directives).collect()),
    }
}

fn merge_by_key(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &'static str,
    fields: &'static Fields,
    path: &str,
) -> Result<Vec<Value>, PatchError> {
    let no_key = || PatchError::NoMergeKey { field: path.to_owned(), key };
    let mut plain = Vec::new();
    let mut replace = false;
    for item in patch {
        match item.get(DIRECTIVE).and_then(Value::as_str) {
            Some("delete") => {
                let gone = item.get(key).ok_or_else(no_key)?;
                original.retain(|known| known.get(key) != Some(gone));
            }
            Some("replace") => replace = true,
            Some(other) => return Err(PatchError::Directive { field: path.to_owned(), found: other.to_owned() }),
            None => plain.push(item),
        }
    }
    if replace {
        return Ok(plain);
    }
    let server_order = original.clone();
    let mut merged = original;
    for item in &plain {
        let (Value::Object(new), Some(value)) = (item, item.get(key)) else { return Err(no_key()) };
        match merged.iter_mut().find(|known| known.get(key) == Some(value)) {
            Some(Value::Object(known)) => {
                *known = merge_map(std::mem::take(known), new.clone(), fields, path)?;
            }
            _ => merged.push(without_directives(item.clone())),
        }
    }
    Ok(in_order(merged, &plain, &server_order, Some(key)))
}

/// Items that are in `order` in that order, the others where the original order has them, as far as both go together.
fn in_order(items: Vec<Value>, order: &[Value], original: &[Value], key: Option<&str>) -> Vec<Value> {
    let place = |list: &[Value], item: &Value| {
        list.iter().position(|known| match key {
            Some(key) => known.get(key).is_some() && known.get(key) == item.get(key),
            None => known == item,
        })
    };
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    others.sort_by_key(|item| place(original, item).unwrap_or(usize::MAX));
    let mut merged = Vec::with_capacity(named.len() + others.len());
    let mut others = others.into_iter().peekable();
    for item in named {
        let here = place(original, &item);
        let comes_first = |other: &Value| matches!((place(original, other), here), (Some(a), Some(b)) if a < b);
        while others.peek().is_some_and(comes_first) {
            merged.extend(others.next());
        }
        merged.push(item);
    }
    merged.extend(others);
    merged
}

fn without_repeats(items: Vec<Value>) -> Vec<Value> {
    items.into_iter().fold(Vec::new(), |mut kept, item| {
        if !kept.contains(&item) {
            kept.push(item);
        }
        kept
    })
}

fn has_directive(item: &Value) -> bool {
    item.get(DIRECTIVE).is_some()
}

/// What a patch brings where there was nothing: nulls and directives go.
fn without_directives(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(key, value)| !value.is_null() && !is_directive(key))
                .map(|(key, value)| (key, without_directives(value)))
                .collect(),
        ),
        Value::Array(items) => {
            Value::Array(items.into_iter().filter(|item| !has_directive(item)).map(without_directives).collect())
        }
        other => other,
    }
}

fn is_directive(key: &str) -> bool {
    key == DIRECTIVE || key == RETAIN_KEYS || key.starts_with(DELETE_FROM_LIST) || key.starts_with(SET_ORDER)
}
