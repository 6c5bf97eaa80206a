//! From and to JSON.

use serde_json::Number;

use super::{List, Map, Type, Value};
use crate::stack::deeper;

impl Value {
    /// What `encoding/json` decodes into an `interface{}`: every number is a float64. That is also how Helm reads its values
    /// files (through YAML to JSON).
    pub fn from_json(json: &serde_json::Value) -> Self {
        convert(json, &|n| Self::Float(n.as_f64().unwrap_or(f64::NAN)))
    }

    /// As [`Value::from_json`], but a number that is an integer in `json` becomes an `int64`: for values that mix both, such as
    /// those of files (floats: [`Number::from_f64`]) with those of `--set` (integers).
    pub fn from_json_exact(json: &serde_json::Value) -> Self {
        convert(json, &|n| match (n.as_i64(), n.as_u64()) {
            (Some(n), _) => Self::int64(n),
            (None, Some(n)) => Self::Uint(super::UintKind::Uint64, n),
            (None, None) => Self::Float(n.as_f64().unwrap_or(f64::NAN)),
        })
    }

    /// The JSON of a value; `None` where JSON has none: not a finite number, a string that is not UTF-8, a complex number, or a
    /// value nested deeper than 10,000 levels (which a map that holds itself is).
    ///
    /// Floats stay floats (`1.0`); whoever writes them decides how they look.
    pub fn to_json(&self) -> Option<serde_json::Value> {
        to_json(self, 0)
    }
}

fn convert(json: &serde_json::Value, number: &dyn Fn(&Number) -> Value) -> Value {
    deeper(|| convert_here(json, number))
}

fn convert_here(json: &serde_json::Value, number: &dyn Fn(&Number) -> Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => number(n),
        serde_json::Value::String(s) => Value::from(s.as_str()),
        serde_json::Value::Array(items) => Value::list(items.iter().map(|item| convert(item, number)).collect()),
        serde_json::Value::Object(entries) => {
            Value::map(entries.iter().map(|(key, value)| (key.as_str(), convert(value, number))))
        }
    }
}

/// The deepest nesting that is still written out, which is that of Go's `encoding/json`.
pub(crate) const MAX_DEPTH: usize = 10_000;

fn to_json(value: &Value, depth: usize) -> Option<serde_json::Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    deeper(|| plain_to_json(value, depth))
}

fn plain_to_json(value: &Value, depth: usize) -> Option<serde_json::Value> {
    Some(match value {
        Value::Nil => serde_json::Value::Null,
        Value::Bool(b) => (*b).into(),
        Value::Int(_, n) => (*n).into(),
        Value::Uint(_, n) => (*n).into(),
        Value::Float(f) => serde_json::Value::Number(Number::from_f64(*f)?),
        Value::Complex(..) => return None,
        Value::String(s) => s.as_str()?.into(),
        Value::List(list) => list_to_json(list, depth)?,
        Value::Map(map) => map_to_json(map, depth)?,
        Value::Object(object) => to_json(&object.to_json(), depth + 1)?,
    })
}

fn list_to_json(list: &List, depth: usize) -> Option<serde_json::Value> {
    if list.is_nil() {
        return Some(serde_json::Value::Null);
    }
    if list.type_of().underlying() == Type::BYTES {
        return None;
    }
    list.with(|items| items.iter().map(|item| to_json(item, depth + 1)).collect::<Option<Vec<_>>>()).map(Into::into)
}

fn map_to_json(map: &Map, depth: usize) -> Option<serde_json::Value> {
    if map.is_nil() {
        return Some(serde_json::Value::Null);
    }
    let entry = |(key, value): (&super::Str, &Value)| Some((key.as_str()?.to_owned(), to_json(value, depth + 1)?));
    map.with(|entries| entries.iter().map(entry).collect::<Option<serde_json::Map<_, _>>>()).map(Into::into)
}
