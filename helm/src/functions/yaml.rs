//! YAML. Helm: `pkg/engine/funcs.go`; Go: `sigs.k8s.io/yaml`.

mod error;
mod pretty;

use k8s_yaml::Options;

use super::args;
use super::json::{self, write};
use super::signatures::{DICT, LIST};
use crate::template::{Function, Signature};
use crate::value::{Map, Str, Type, Value};

use Type::{Any, String as Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::pure("toYaml", Signature::new(&[Any], Text), |a| Ok(to_yaml(args::any(a, 0)).unwrap_or_default().into())),
    Function::pure("mustToYaml", Signature::new(&[Any], Text), |a| {
        Ok(to_yaml(args::any(a, 0)).map_err(|why| format!("error marshaling into JSON: {why}"))?.into())
    }),
    Function::pure("toYamlPretty", Signature::new(&[Any], Text), |a| {
        Ok(pretty::write(args::any(a, 0)).unwrap_or_default().into())
    }),
    Function::pure("fromYaml", Signature::new(&[Text], DICT), |a| {
        let (value, error) = from_yaml(args::string(a, 0)?);
        let value = if value.is_nil() { Value::Map(Map::new()) } else { value };
        Ok(json::into_map(value, error, DECODING))
    }),
    Function::pure("fromYamlArray", Signature::new(&[Text], LIST), |a| {
        let (value, error) = from_yaml(args::string(a, 0)?);
        let value = if value.is_nil() { Value::list(Vec::new()) } else { value };
        Ok(json::into_list(value, error, DECODING))
    }),
];

/// What stands before the errors of the second step, from JSON to Go.
const DECODING: &str = "error unmarshaling JSON: while decoding JSON: ";

/// As `sigs.k8s.io/yaml` does: to JSON, and from that to YAML. The newline at the end goes.
fn to_yaml(value: &Value) -> Result<String, String> {
    let json = write::to_json(value)?;
    let mut text = k8s_yaml::to_string_exact(&json);
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

/// From YAML to JSON, and from that to values; and the first error.
fn from_yaml(text: &Str) -> (Value, Option<String>) {
    let documents = k8s_yaml::from_bytes(text.as_bytes(), &Options::sigs());
    let node = match documents {
        Ok(documents) => documents.into_iter().next().map(|document| document.node),
        Err(why) => {
            return (
                Value::Nil,
                Some(format!("error converting YAML to JSON: {}", error::in_go(&why, text.as_bytes()))),
            );
        }
    };
    let Some(node) = node else { return (Value::Nil, None) };
    match node.to_json() {
        Ok(json) => (Value::from_json(&json), None),
        Err(_) => {
            let number = error::not_json(&node).unwrap_or(f64::NAN);
            let why = write::float(number).err().unwrap_or_default();
            (Value::Nil, Some(format!("error converting YAML to JSON: {why}")))
        }
    }
}
