//! The patches that are not apply: RFC 7386, RFC 6902 and Kubernetes' strategic merge.

use crate::schema::{ListType, Type};
use crate::status::Failure;
use serde_json::{Map, Value};

/// RFC 7386.
pub(crate) fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return };
    for (k, v) in changes {
        if v.is_null() {
            map.shift_remove(k);
        } else {
            merge_patch(map.entry(k.clone()).or_insert(Value::Null), v);
        }
    }
}

/// RFC 6902, with the refusals of the API server.
pub(crate) fn json_patch(old: &Value, patch: &Value) -> Result<Value, Failure> {
    let patch: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|e| Failure::bad_request(format!("error decoding patch: {e}")))?;
    let mut out = old.clone();
    json_patch::patch(&mut out, &patch).map_err(|_| {
        let mut failure =
            Failure::new(422, "Invalid", "the server rejected our request due to an error in our request");
        failure.details = Some(serde_json::json!({}));
        failure
    })?;
    Ok(out)
}

/// Strategic merge patch, with the directives that clients send.
pub(crate) fn strategic(ty: &Type, old: &Value, patch: &Value) -> Result<Value, String> {
    let Value::Object(changes) = patch else { return Err("the patch is not an object".into()) };
    let mut out = old.clone();
    merge_map(ty, &mut out, changes)?;
    Ok(out)
}

fn child(ty: &Type, key: &str) -> Type {
    match ty {
        Type::Map(m) => m.elem.clone(),
        _ => ty.as_struct().and_then(|s| s.fields.get(key)).map_or(Type::AnyAtomic, |f| f.ty.clone()),
    }
}

fn merge_map(ty: &Type, target: &mut Value, patch: &Map<String, Value>) -> Result<(), String> {
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let mut new = patch.clone();
            new.shift_remove("$patch");
            *target = Value::Object(new);
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(format!("unknown patch type: {other}")),
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return Ok(()) };
    if let Some(Value::Array(keys)) = patch.get("$retainKeys") {
        map.retain(|k, _| keys.iter().any(|x| x == k));
    }
    for (key, value) in patch.iter().filter(|(k, _)| !k.starts_with('$')) {
        merge_key(&child(ty, key), map, key, value, patch)?;
    }
    for (directive, value) in patch.iter().filter(|(k, _)| k.starts_with("$deleteFromPrimitiveList/")) {
        let field = directive.split_once('/').map_or("", |(_, f)| f);
        if let (Some(Value::Array(list)), Value::Array(gone)) = (map.get_mut(field), value) {
            list.retain(|v| !gone.contains(v));
        }
    }
    Ok(())
}

fn merge_key(
    ty: &Type,
    map: &mut Map<String, Value>,
    key: &str,
    value: &Value,
    patch: &Map<String, Value>,
) -> Result<(), String> {
    match value {
        Value::Null => {
            map.shift_remove(key);
        }
        Value::Object(changes) => {
            let target = map.entry(key.to_owned()).or_insert(Value::Null);
            merge_map(ty, target, changes)?;
        }
        Value::Array(items) => {
            let order = patch.get(&format!("$setElementOrder/{key}")).and_then(Value::as_array);
            let target = map.entry(key.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
            match ty {
                Type::List(list) if list.patch_key.is_some() => merge_list(list, target, items, order)?,
                _ => *target = value.clone(),
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            map.insert(key.to_owned(), value.clone());
        }
    }
    Ok(())
}

fn merge_list(list: &ListType, target: &mut Value, items: &[Value], order: Option<&Vec<Value>>) -> Result<(), String> {
    let key = list.patch_key.as_deref().unwrap_or("");
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Some(old) = target.as_array_mut() else { return Ok(()) };
    if items.iter().any(|i| i.get("$patch").and_then(Value::as_str) == Some("replace")) {
        *old = items.iter().filter(|i| i.get("$patch").is_none()).cloned().collect();
        return Ok(());
    }
    let before = old.clone();
    for item in items {
        if key.is_empty() {
            if !old.contains(item) {
                old.push(item.clone());
            }
            continue;
        }
        let Some(id) = item.get(key) else {
            return Err(format!("map: {item} does not contain declared merge key: {key}"));
        };
        let at = old.iter().position(|o| o.get(key) == Some(id));
        if item.get("$patch").and_then(Value::as_str) == Some("delete") {
            old.retain(|o| o.get(key) != Some(id));
            continue;
        }
        let (Value::Object(changes), Some(found)) = (item, at.and_then(|i| old.get_mut(i))) else {
            old.push(item.clone());
            continue;
        };
        merge_map(&list.elem, found, changes)?;
    }
    let patched: Vec<Value> = match order {
        Some(order) => order.clone(),
        None => items.iter().filter(|i| i.get("$patch").is_none()).cloned().collect(),
    };
    normalize_order(old, &before, key, &patched);
    Ok(())
}

/// Items of the patch come in its order, before what only the server has unless that stood in front of them
/// (`strategicpatch.normalizeElementOrder`).
fn normalize_order(items: &mut Vec<Value>, before: &[Value], key: &str, order: &[Value]) {
    let id = |v: &Value| if key.is_empty() { Some(v.clone()) } else { v.get(key).cloned() };
    let rank = |item: &Value, list: &[Value]| list.iter().position(|o| id(o) == id(item));
    let (mut left, right): (Vec<Value>, Vec<Value>) = items.drain(..).partition(|i| rank(i, order).is_some());
    left.sort_by_key(|i| rank(i, order));
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    loop {
        let take_left = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) => match (rank(l, before), rank(r, before)) {
                (Some(a), Some(b)) => a < b,
                _ => true,
            },
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return,
        };
        items.extend(if take_left { left.next() } else { right.next() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn strategic_merge_follows_the_merge_keys() {
        let ty = Type::Named("apps.v1.Deployment", false);
        let old = json!({"spec": {"template": {"spec": {
            "containers": [{"name": "a", "image": "a:1", "args": ["x"]}, {"name": "b", "image": "b:1"}],
            "tolerations": [{"key": "t"}],
        }}}});
        let cases = [
            (
                json!({"containers": [{"name": "b", "image": "b:2"}]}),
                json!([{"name": "a", "image": "a:1", "args": ["x"]}, {"name": "b", "image": "b:2"}]),
            ),
            (json!({"containers": [{"name": "a", "$patch": "delete"}]}), json!([{"name": "b", "image": "b:1"}])),
            (
                json!({"containers": [{"name": "c", "image": "c:1"}], "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}, {"name": "b"}]}),
                json!([{"name": "c", "image": "c:1"}, {"name": "a", "image": "a:1", "args": ["x"]}, {"name": "b", "image": "b:1"}]),
            ),
            (
                json!({"containers": [{"name": "a", "args": ["y", "z"]}]}),
                json!([{"name": "a", "image": "a:1", "args": ["y", "z"]}, {"name": "b", "image": "b:1"}]),
            ),
        ];
        for (patch, want) in cases {
            let patch = json!({"spec": {"template": {"spec": patch}}});
            let new = strategic(&ty, &old, &patch).expect("merges");
            assert_eq!(new["spec"]["template"]["spec"]["containers"], want, "{patch}");
        }
        let bad = json!({"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}});
        assert!(strategic(&ty, &old, &bad).is_err());
    }
}
