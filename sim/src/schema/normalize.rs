//! What decoding into a Go struct and encoding it again does to a built-in object, and the zero object of a type.
//!
//! Unknown fields go (and are returned, for strict field validation), empty fields that Go omits go, and structs that
//! are not behind a pointer appear as `{}`. Without this no answer of the real server would compare equal.

use super::{Field, ListKind, Scalar, StructType, Type};
use serde_json::{Map, Value};

/// A value of the wrong JSON type for its field.
#[derive(Debug)]
pub(crate) struct WrongType {
    /// The Go struct that has the field.
    pub(crate) owner: String,
    pub(crate) path: String,
    pub(crate) got: &'static str,
    pub(crate) want: &'static str,
}

/// Brings a built-in object into the form the API server answers with. Returns the paths of unknown fields.
pub(crate) fn round_trip(ty: &Type, value: &mut Value) -> Result<Vec<String>, WrongType> {
    let mut unknown = Vec::new();
    normalize(ty, value, &mut String::new(), &mut unknown)?;
    Ok(unknown)
}

fn json_kind(v: &Value) -> &'static str {
    match v {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wrong(path: &str, value: &Value, want: &'static str) -> WrongType {
    WrongType { owner: String::new(), path: path.to_owned(), got: json_kind(value), want }
}

fn normalize(ty: &Type, value: &mut Value, path: &mut String, unknown: &mut Vec<String>) -> Result<(), WrongType> {
    match ty {
        Type::AnyAtomic | Type::Deduced => Ok(()),
        Type::Scalar(s) => scalar(*s, value, path),
        Type::List(list) => {
            if value.is_null() {
                return Ok(());
            }
            let Value::Array(items) = value else { return Err(wrong(path, value, "slice")) };
            for (i, item) in items.iter_mut().enumerate() {
                let len = path.len();
                path.push_str(&format!("[{i}]"));
                if item.is_null() {
                    *item = zero(&list.elem);
                }
                let end = path.len();
                normalize(&list.elem, item, path, unknown).map_err(|e| without_part(e, len, end))?;
                path.truncate(len);
            }
            Ok(())
        }
        Type::Map(map) => {
            if value.is_null() {
                return Ok(());
            }
            let Value::Object(entries) = value else { return Err(wrong(path, value, "map")) };
            for (k, v) in entries.iter_mut() {
                let len = path.len();
                path.push('.');
                path.push_str(k);
                if v.is_null() {
                    *v = zero(&map.elem);
                }
                let end = path.len();
                normalize(&map.elem, v, path, unknown).map_err(|e| without_part(e, len, end))?;
                path.truncate(len);
            }
            Ok(())
        }
        Type::Struct(_) | Type::Named(..) => match ty.as_struct() {
            Some(s) => strukt(s, value, path, unknown).map_err(|mut e| {
                if let (Type::Named(name, _), true) = (ty, e.owner.is_empty()) {
                    name.rsplit('.').next().unwrap_or("").clone_into(&mut e.owner);
                }
                e
            }),
            None => Ok(()),
        },
    }
}

/// Go's decoder names fields, but neither list indices nor map keys.
fn without_part(mut e: WrongType, start: usize, end: usize) -> WrongType {
    if e.path.get(start..end).is_some() {
        e.path.replace_range(start..end, "");
    }
    e
}

fn scalar(s: Scalar, value: &mut Value, path: &str) -> Result<(), WrongType> {
    let ok = match (s, &*value) {
        (_, Value::Null) => true,
        (Scalar::Str, Value::String(_)) | (Scalar::Bool, Value::Bool(_)) | (Scalar::Num, Value::Number(_)) => true,
        (Scalar::Int, Value::Number(n)) => n.is_i64() || n.is_u64() || n.as_f64().is_some_and(|f| f.fract() == 0.0),
        (Scalar::IntOrString, Value::Number(_) | Value::String(_)) => true,
        (Scalar::Quantity, Value::String(_)) => true,
        (Scalar::Time | Scalar::MicroTime, Value::String(_)) => true,
        (Scalar::Quantity, Value::Number(n)) => {
            *value = Value::String(n.to_string());
            return Ok(());
        }
        _ => false,
    };
    if ok { Ok(()) } else { Err(wrong(path, value, go_name(s))) }
}

fn go_name(s: Scalar) -> &'static str {
    match s {
        Scalar::Str => "string",
        Scalar::Int => "int32",
        Scalar::Num => "float64",
        Scalar::Bool => "bool",
        Scalar::IntOrString => "int or string",
        Scalar::Quantity => "quantity",
        Scalar::Time | Scalar::MicroTime => "time",
    }
}

fn strukt(s: &StructType, value: &mut Value, path: &mut String, unknown: &mut Vec<String>) -> Result<(), WrongType> {
    let Value::Object(map) = value else { return Err(wrong(path, value, "struct")) };
    if s.extra.is_none() {
        let strange: Vec<String> = map.keys().filter(|k| !s.fields.contains_key(*k)).cloned().collect();
        for key in strange {
            map.shift_remove(&key);
            unknown.push(format!("{path}.{key}").trim_start_matches('.').to_owned());
        }
    }
    for (name, field) in &s.fields {
        let len = path.len();
        path.push('.');
        path.push_str(name);
        normalize_field(field, name, map, path, unknown)?;
        path.truncate(len);
    }
    Ok(())
}

fn normalize_field(
    field: &Field,
    name: &str,
    map: &mut Map<String, Value>,
    path: &mut String,
    unknown: &mut Vec<String>,
) -> Result<(), WrongType> {
    let Some(go) = field.go else { return Ok(()) };
    if let Some(v) = map.get_mut(name).filter(|v| !v.is_null()) {
        normalize(&field.ty, v, path, unknown)?;
    }
    let keep = match map.get(name) {
        None | Some(Value::Null) => false,
        Some(v) => go.pointer || !go_empty(&field.ty, v, go.omitempty, go.omitzero),
    };
    if keep {
        return Ok(());
    }
    match absent(field) {
        Some(v) => map.insert(name.to_owned(), v),
        None => map.shift_remove(name),
    };
    Ok(())
}

/// Whether Go's encoder would treat this as empty under the tag's options.
fn go_empty(ty: &Type, v: &Value, omitempty: bool, omitzero: bool) -> bool {
    let zero_scalar = match v {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
    };
    let is_struct = ty.as_struct().is_some();
    match v {
        // A value of unknown shape is raw JSON in Go: written as it stands.
        _ if matches!(ty, Type::AnyAtomic | Type::Deduced) => false,
        Value::String(_) if matches!(ty, Type::Scalar(Scalar::Quantity | Scalar::IntOrString)) => false,
        Value::Number(_) if matches!(ty, Type::Scalar(Scalar::IntOrString)) => false,
        Value::Object(_) if is_struct => omitzero && zero_scalar,
        _ => omitempty && zero_scalar,
    }
}

/// What Go writes for a field that was not given.
fn absent(field: &Field) -> Option<Value> {
    let go = field.go?;
    if go.pointer {
        return (!go.omitempty).then_some(Value::Null);
    }
    match &field.ty {
        Type::Struct(_) | Type::Named(..) if !go.omitzero => Some(zero(&field.ty)),
        Type::Scalar(Scalar::Time | Scalar::MicroTime) if !go.omitzero => Some(Value::Null),
        Type::Scalar(Scalar::IntOrString) if !go.omitzero => Some(Value::from(0)),
        _ if go.omitempty || go.omitzero => None,
        ty => Some(zero(ty)),
    }
}

/// The zero value of a type as Go writes it: what a new built-in object looks like to server-side apply.
pub(crate) fn zero(ty: &Type) -> Value {
    match ty {
        Type::Scalar(Scalar::Str) => Value::from(""),
        Type::Scalar(Scalar::Int | Scalar::Num | Scalar::IntOrString) => Value::from(0),
        Type::Scalar(Scalar::Bool) => Value::from(false),
        Type::Scalar(Scalar::Quantity) => Value::from("0"),
        Type::Scalar(Scalar::Time | Scalar::MicroTime) | Type::AnyAtomic | Type::Deduced => Value::Null,
        Type::List(_) | Type::Map(_) => Value::Null,
        Type::Struct(_) | Type::Named(..) => {
            let mut map = Map::new();
            for (name, field) in ty.as_struct().into_iter().flat_map(|s| &s.fields) {
                if let Some(v) = absent(field) {
                    map.insert(name.clone(), v);
                }
            }
            Value::Object(map)
        }
    }
}

/// What storing a built-in object makes of it: protobuf does not tell an empty list or map from none.
pub(crate) fn stored_form(ty: &Type, value: &mut Value) {
    match (ty, value) {
        (Type::List(list), Value::Array(items)) => items.iter_mut().for_each(|i| stored_form(&list.elem, i)),
        (Type::Map(map), Value::Object(entries)) => entries.values_mut().for_each(|v| stored_form(&map.elem, v)),
        (Type::Struct(_) | Type::Named(..), Value::Object(map)) => {
            for (name, field) in ty.as_struct().into_iter().flat_map(|s| &s.fields) {
                let Some(v) = map.get_mut(name) else { continue };
                let empty = match (&field.ty, &*v) {
                    (Type::List(_), Value::Array(a)) => a.is_empty(),
                    (Type::Map(_), Value::Object(o)) => o.is_empty(),
                    _ => false,
                };
                if empty && field.go.is_some_and(|g| !g.pointer) {
                    *v = Value::Null;
                } else {
                    stored_form(&field.ty, v);
                }
            }
        }
        _ => {}
    }
}

/// Drops what a custom resource's schema does not have. Returns the paths of what was dropped.
pub(crate) fn prune(ty: &Type, value: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    prune_at(ty, value, "", &mut unknown);
    unknown
}

fn prune_at(ty: &Type, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    match (ty, value) {
        (Type::List(list), Value::Array(items)) => {
            for (i, item) in items.iter_mut().enumerate() {
                prune_at(&list.elem, item, &format!("{path}[{i}]"), unknown);
            }
        }
        (Type::Map(map), Value::Object(entries)) => {
            for (k, v) in entries.iter_mut() {
                prune_at(&map.elem, v, &format!("{path}.{k}"), unknown);
            }
        }
        (Type::Struct(s), Value::Object(map)) => {
            if s.extra.is_none() {
                let strange: Vec<String> = map.keys().filter(|k| !s.fields.contains_key(*k)).cloned().collect();
                for key in strange {
                    map.shift_remove(&key);
                    unknown.push(format!("{path}.{key}").trim_start_matches('.').to_owned());
                }
            }
            for (k, v) in map.iter_mut() {
                match (s.fields.get(k), &s.extra) {
                    (Some(f), _) => prune_at(&f.ty, v, &format!("{path}.{k}"), unknown),
                    (None, Some(extra)) => prune_at(extra, v, &format!("{path}.{k}"), unknown),
                    (None, None) => {}
                }
            }
        }
        _ => {}
    }
}

/// Fills in the defaults of a CRD's schema.
pub(crate) fn fill_defaults(ty: &Type, value: &mut Value) {
    match (ty, value) {
        (Type::List(list), Value::Array(items)) => items.iter_mut().for_each(|i| fill_defaults(&list.elem, i)),
        (Type::Map(map), Value::Object(entries)) => entries.values_mut().for_each(|v| fill_defaults(&map.elem, v)),
        (Type::Struct(s), Value::Object(map)) => {
            // A null where none is allowed is as good as nothing (`PruneNonNullableNullsWithoutDefaults`).
            map.retain(|k, v| !v.is_null() || s.fields.get(k).is_none_or(|f| f.nullable));
            for (name, field) in &s.fields {
                if let Some(default) = &field.default
                    && map.get(name).is_none_or(Value::is_null)
                {
                    map.insert(name.clone(), default.clone());
                }
                if let Some(v) = map.get_mut(name) {
                    fill_defaults(&field.ty, v);
                }
            }
        }
        _ => {}
    }
}

/// Problems of a value against the types of its schema, as `(path, message)`.
pub(crate) fn type_errors(ty: &Type, value: &Value, path: &str, out: &mut Vec<(String, TypeError)>) {
    match (ty, value) {
        (Type::AnyAtomic | Type::Deduced | Type::Named(..), _) => {}
        (Type::Scalar(s), v) => {
            let (ok, want) = match s {
                Scalar::Str | Scalar::Time | Scalar::MicroTime => (v.is_string(), "string"),
                Scalar::Int => (v.is_i64() || v.is_u64(), "integer"),
                Scalar::Num => (v.is_number(), "number"),
                Scalar::Bool => (v.is_boolean(), "boolean"),
                Scalar::IntOrString | Scalar::Quantity => (v.is_string() || v.is_number(), "integer or string"),
            };
            if !ok {
                out.push((path.to_owned(), TypeError::Wrong { want, got: openapi_kind(v) }));
            }
        }
        (Type::List(list), Value::Array(items)) => {
            for (i, item) in items.iter().enumerate() {
                type_errors(&list.elem, item, &format!("{path}[{i}]"), out);
            }
            duplicates(&list.kind, items, path, out);
        }
        (Type::Map(map), Value::Object(entries)) => {
            entries.iter().for_each(|(k, v)| type_errors(&map.elem, v, &format!("{path}.{k}"), out));
        }
        (Type::Struct(s), Value::Object(map)) => struct_errors(s, map, path, out),
        (Type::List(_), v) => {
            out.push((path.to_owned(), TypeError::Wrong { want: "array", got: openapi_kind(v) }));
        }
        (Type::Map(_) | Type::Struct(_), v) => {
            out.push((path.to_owned(), TypeError::Wrong { want: "object", got: openapi_kind(v) }));
        }
    }
}

/// What is wrong with a field of a custom resource.
#[derive(Debug)]
pub(crate) enum TypeError {
    Wrong { want: &'static str, got: &'static str },
    Required,
    Duplicate(Value),
}

fn struct_errors(s: &StructType, map: &Map<String, Value>, path: &str, out: &mut Vec<(String, TypeError)>) {
    for (name, field) in &s.fields {
        let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match map.get(name) {
            None if field.required => out.push((at, TypeError::Required)),
            None => {}
            Some(Value::Null) if field.nullable => {}
            Some(v) => type_errors(&field.ty, v, &at, out),
        }
    }
    if let Some(extra) = &s.extra {
        for (k, v) in map.iter().filter(|(k, _)| !s.fields.contains_key(*k)) {
            type_errors(extra, v, &format!("{path}.{k}"), out);
        }
    }
}

fn duplicates(kind: &ListKind, items: &[Value], path: &str, out: &mut Vec<(String, TypeError)>) {
    let key_of = |item: &Value| match kind {
        ListKind::Atomic => None,
        ListKind::Set => Some(item.clone()),
        ListKind::Map(keys) => {
            let entries = keys.iter().filter_map(|k| item.get(k).map(|v| (k.clone(), v.clone())));
            Some(Value::Object(entries.collect()))
        }
    };
    let mut seen = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let Some(key) = key_of(item) else { return };
        if seen.contains(&key) {
            out.push((format!("{path}[{i}]"), TypeError::Duplicate(key)));
        } else {
            seen.push(key);
        }
    }
}

fn openapi_kind(v: &Value) -> &'static str {
    match v {
        Value::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Value::Bool(_) => "boolean",
        other => json_kind(other),
    }
}

/// What keeps a configuration from being applied, in the words of structured-merge-diff (`typed/validate.go`).
pub(crate) fn apply_errors(ty: &Type, value: &Value, path: &str, out: &mut Vec<String>) {
    let go = |v: &Value| match v {
        Value::String(s) => s.clone(),
        other => other.to_string(),
    };
    match (ty, value) {
        (_, Value::Null) | (Type::AnyAtomic | Type::Deduced, _) => {}
        (Type::Scalar(s), v) => {
            let bad = match s {
                Scalar::Str if !v.is_string() => {
                    format!("expected string, got &value.valueUnstructured{{Value:{}}}", go(v))
                }
                Scalar::Int | Scalar::Num if !v.is_number() => {
                    format!("expected numeric (int or float), got {}", go_type(v))
                }
                Scalar::Bool if !v.is_boolean() => format!("expected boolean, got &{{{}}}", go(v)),
                _ if v.is_object() || v.is_array() => format!("expected any scalar, got &{{{}}}", go(v)),
                _ => return,
            };
            out.push(format!("{path}: {bad}"));
        }
        (Type::List(list), Value::Array(items)) => apply_list_errors(list, items, path, out),
        (Type::Map(map), Value::Object(entries)) => {
            entries.iter().for_each(|(k, v)| apply_errors(&map.elem, v, &format!("{path}.{k}"), out));
        }
        (Type::Struct(_) | Type::Named(..), Value::Object(map)) => {
            let Some(s) = ty.as_struct() else { return };
            for (k, v) in map {
                match (s.fields.get(k), &s.extra) {
                    (Some(f), _) => apply_errors(&f.ty, v, &format!("{path}.{k}"), out),
                    (None, Some(extra)) => apply_errors(extra, v, &format!("{path}.{k}"), out),
                    (None, None) => out.push(format!("{path}.{k}: field not declared in schema")),
                }
            }
        }
        (Type::List(_), v) => out.push(format!("{path}: expected list, got &{{{}}}", go(v))),
        (_, v) => out.push(format!("{path}: expected map, got &{{{}}}", go(v))),
    }
}

fn go_type(v: &Value) -> &'static str {
    match v {
        Value::Bool(_) => "bool",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        Value::Null => "<nil>",
        Value::Number(_) => "int64",
    }
}

fn apply_list_errors(list: &super::ListType, items: &[Value], path: &str, out: &mut Vec<String>) {
    let mut seen = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let at = match (&list.kind, crate::apply::fieldset::element_of(list, item)) {
            (ListKind::Atomic, _) => format!("{path}[{i}]"),
            (_, Ok(e)) if seen.contains(&e) => {
                out.push(format!("{path}: duplicate entries for key {e}"));
                continue;
            }
            (_, Ok(e)) => {
                let at = format!("{path}{e}");
                seen.push(e);
                at
            }
            (_, Err(why)) => {
                out.push(format!("{path}: element {i}: {why}"));
                continue;
            }
        };
        apply_errors(&list.elem, item, &at, out);
    }
}
