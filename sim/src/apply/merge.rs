//! Laying an applied configuration over the live object, and taking fields out again (`typed/merge.go`, `remove.go`).

use super::fieldset::{Element, FieldSet, element_of};
use crate::schema::{ListType, MapShape, Shape, Type};
use serde_json::{Map, Value};

/// `config` over `live`.
pub(crate) fn merge(ty: &Type, live: &Value, config: &Value) -> Value {
    merge_opt(ty, Some(live), Some(config)).unwrap_or(Value::Null)
}

fn merge_opt(ty: &Type, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let known = config.filter(|v| !v.is_null()).or(live);
    let keep = || config.or(live).cloned();
    if let (Type::Deduced, Some(a), Some(b)) = (ty, live, config)
        && a.is_object() != b.is_object()
    {
        return keep();
    }
    match ty.shape(known) {
        Shape::Leaf | Shape::AtomicList | Shape::AtomicMap => keep(),
        Shape::List(list) => {
            if empty(live) && empty(config) {
                return keep();
            }
            merge_list(list, live, config)
        }
        Shape::Map(shape) => {
            if empty(live) && empty(config) {
                return keep();
            }
            merge_map(shape, live, config)
        }
    }
}

fn empty(v: Option<&Value>) -> bool {
    match v {
        None | Some(Value::Null) => true,
        Some(Value::Array(a)) => a.is_empty(),
        Some(Value::Object(o)) => o.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => false,
    }
}

fn merge_map(shape: MapShape<'_>, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let (live, config) = (live.and_then(Value::as_object), config.and_then(Value::as_object));
    let mut out = Map::new();
    let keys = live.into_iter().flat_map(|m| m.keys());
    let more = config.into_iter().flat_map(|m| m.keys()).filter(|k| !live.is_some_and(|m| m.contains_key(*k)));
    for key in keys.chain(more) {
        let merged = merge_opt(&shape.child(key), live.and_then(|m| m.get(key)), config.and_then(|m| m.get(key)));
        if let Some(v) = merged {
            out.insert(key.clone(), v);
        }
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

fn index<'a>(list: &ListType, value: Option<&'a Value>) -> Vec<(Element, &'a Value)> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| element_of(list, item).ok().map(|e| (e, item))).collect()
}

/// The value of an element, unless it is there more than once: such items are not merged.
fn single<'a>(items: &[(Element, &'a Value)], e: &Element) -> Option<&'a Value> {
    let mut found = items.iter().filter(|(other, _)| other == e).map(|(_, v)| *v);
    found.next().filter(|_| found.next().is_none())
}

fn has(items: &[(Element, &Value)], e: &Element) -> bool {
    items.iter().any(|(other, _)| other == e)
}

/// Keeps the configuration's order for what it lists, and what it does not list where it stood.
fn merge_list(list: &ListType, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let (lhs, rhs) = (index(list, live), index(list, config));
    let shared: Vec<&Element> = rhs.iter().map(|(e, _)| e).filter(|e| has(&lhs, e)).collect();
    let mut next = shared.iter();
    let mut next_shared = next.next();
    let mut merged: Vec<&Element> = Vec::new();
    let mut out = Vec::new();
    let (mut l, mut r) = (0, 0);
    while l < lhs.len() || r < rhs.len() {
        if l < lhs.len() && r < rhs.len() {
            let e = &lhs[l].0;
            if *e == rhs[r].0 {
                merged.push(e);
                out.extend(merge_opt(&list.elem, single(&lhs, e), Some(rhs[r].1)));
                (l, r) = (l + 1, r + 1);
                next_shared = next.next();
                continue;
            }
            if has(&rhs, e) && next_shared.is_some_and(|n| *n != e) {
                l += 1;
                continue;
            }
        }
        if l < lhs.len() {
            let e = &lhs[l].0;
            if !has(&rhs, e) {
                out.extend(merge_opt(&list.elem, Some(lhs[l].1), None));
                l += 1;
                continue;
            }
            if merged.contains(&e) {
                l += 1;
            }
        }
        if r < rhs.len() {
            let e = &rhs[r].0;
            merged.push(e);
            out.extend(merge_opt(&list.elem, single(&lhs, e), Some(rhs[r].1)));
            r += 1;
            if next_shared.is_some_and(|n| *n == e) {
                next_shared = next.next();
            }
        }
    }
    (!out.is_empty()).then_some(Value::Array(out))
}

/// The value without the items of `remove`; `None` where nothing is left of a list or map.
pub(crate) fn remove(ty: &Type, value: &Value, gone: &FieldSet) -> Value {
    match (ty.shape(Some(value)), value) {
        (Shape::List(list), Value::Array(items)) => {
            let mut out = Vec::new();
            for item in items {
                let Ok(e) = element_of(list, item) else {
                    out.push(item.clone());
                    continue;
                };
                if gone.members.contains(&e) {
                    continue;
                }
                match gone.children.get(&e).filter(|c| !c.is_empty()) {
                    Some(child) => out.push(remove(&list.elem, item, child)),
                    None => out.push(item.clone()),
                }
            }
            if out.is_empty() { Value::Null } else { Value::Array(out) }
        }
        (Shape::Map(shape), Value::Object(map)) => {
            let mut out = Map::new();
            for (k, v) in map {
                let e = Element::Field(k.clone());
                if gone.members.contains(&e) {
                    continue;
                }
                match gone.children.get(&e).filter(|c| !c.is_empty()) {
                    Some(child) => out.insert(k.clone(), remove(&shape.child(k), v, child)),
                    None => out.insert(k.clone(), v.clone()),
                };
            }
            if out.is_empty() { Value::Null } else { Value::Object(out) }
        }
        (Shape::Leaf, v) => v.clone(),
        _ => Value::Null,
    }
}
