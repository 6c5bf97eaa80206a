//! JSON. Sprig: `defaults.go`; Helm: `pkg/engine/funcs.go`; Go: `encoding/json` in [`read`] and [`write`].

pub(super) mod read;
pub(super) mod write;

use super::args::{self, Outcome};
use super::signatures::{DICT, LIST};
use crate::template::{Function, Signature};
use crate::value::{List, Map, Str, Type, Value};
use write::Style;

use Type::{Any, String as Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::deep("toJson", Signature::new(&[Any], Text), |a| lenient(a, Style::COMPACT)),
    Function::deep("toPrettyJson", Signature::new(&[Any], Text), |a| lenient(a, Style::PRETTY)),
    Function::deep("mustToJson", Signature::new(&[Any], Text), |a| strict(a, Style::COMPACT)),
    Function::deep("mustToPrettyJson", Signature::new(&[Any], Text), |a| strict(a, Style::PRETTY)),
    Function::deep("toRawJson", Signature::new(&[Any], Text), |a| strict(a, Style::RAW)),
    Function::deep("mustToRawJson", Signature::new(&[Any], Text), |a| strict(a, Style::RAW)),
    Function::deep("mustFromJson", Signature::new(&[Text], Any), must_from_json),
    Function::deep("fromJson", Signature::new(&[Text], DICT), |a| {
        let (value, error) = read::read(args::string(a, 0)?.as_bytes());
        Ok(into_map(value, error.map(|e| e.to_string()), ""))
    }),
    Function::deep("fromJsonArray", Signature::new(&[Text], LIST), |a| {
        let (value, error) = read::read(args::string(a, 0)?.as_bytes());
        Ok(into_list(value, error.map(|e| e.to_string()), ""))
    }),
];

fn lenient(args: &[Value], style: Style) -> Outcome {
    Ok(Value::String(write::write(args::any(args, 0), style).map_or_else(|_| Str::from(""), Str::from)))
}

fn strict(args: &[Value], style: Style) -> Outcome {
    Ok(Value::from(write::write(args::any(args, 0), style)?))
}

fn must_from_json(args: &[Value]) -> Outcome {
    match read::read(args::string(args, 0)?.as_bytes()) {
        (value, None) => Ok(value),
        (_, Some(error)) => Err(error.to_string().into()),
    }
}

/// What Helm makes of a text read into a map: an error stands under `Error`, beside what was read; null is the nil
/// map. `prefix` stands before the error of a value that is no map.
pub(super) fn into_map(value: Value, error: Option<String>, prefix: &str) -> Value {
    let error = error.or_else(|| mismatch(&value, matches!(value, Value::Map(_) | Value::Nil), DICT, prefix));
    let map = match value {
        Value::Map(map) => map,
        Value::Nil if error.is_none() => return Value::Map(Map::nil(DICT)),
        _ => Map::new(),
    };
    if let Some(error) = error {
        map.insert("Error", Value::from(error));
    }
    Value::Map(map)
}

/// What Helm makes of a text read into a list: an error is its only element; null is the nil list.
pub(super) fn into_list(value: Value, error: Option<String>, prefix: &str) -> Value {
    let error = error.or_else(|| mismatch(&value, matches!(value, Value::List(_) | Value::Nil), LIST, prefix));
    match (value, error) {
        (_, Some(error)) => Value::list(vec![Value::from(error)]),
        (Value::List(list), None) => Value::List(list),
        _ => Value::List(List::nil(LIST)),
    }
}

/// Go: `UnmarshalTypeError`.
fn mismatch(value: &Value, fits: bool, wanted: Type, prefix: &str) -> Option<String> {
    let found = match value {
        _ if fits => return None,
        Value::Bool(_) => "bool",
        Value::String(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
        _ => "number",
    };
    Some(format!("{prefix}json: cannot unmarshal {found} into Go value of type {wanted}"))
}
