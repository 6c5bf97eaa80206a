//! YAML as `toYamlPretty` writes it: go-yaml v3 straight over Go's values, with indented lists and long lines.

use k8s_yaml::v3::{Yaml, to_string};

use super::super::encoding::encode_base64;
use super::super::time;
use crate::stack::deeper;
use crate::template::print::format_float;
use crate::value::{Str, Type, Value};

/// The deepest nesting; only what holds itself is deeper, where Go's stack ends.
const MAX_DEPTH: usize = 1_000;

/// The text of a value, or why it has none.
pub(super) fn write(value: &Value) -> Result<String, String> {
    let mut text = to_string(&converted(value, 0)?);
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

/// Go: go-yaml v3, `encode.go`, `marshal`.
fn converted(value: &Value, depth: usize) -> Result<Yaml, String> {
    if depth > MAX_DEPTH {
        return Err(format!("yaml: values nested deeper than {MAX_DEPTH} levels"));
    }
    if let Some(yaml) = time::yaml(value) {
        return Ok(yaml);
    }
    Ok(match value {
        Value::Nil => Yaml::Plain("null".to_owned()),
        Value::Bool(b) => Yaml::Plain(b.to_string()),
        Value::Int(_, n) => Yaml::Plain(n.to_string()),
        Value::Uint(_, n) => Yaml::Plain(n.to_string()),
        Value::Float(f) => Yaml::Plain(match format_float(*f, 'g', None).as_str() {
            "+Inf" => ".inf".to_owned(),
            "-Inf" => "-.inf".to_owned(),
            "NaN" => ".nan".to_owned(),
            text => text.to_owned(),
        }),
        Value::Complex(..) => return Err("cannot marshal type: complex128".to_owned()),
        Value::String(text) => string(text),
        Value::List(list) => {
            let items = list.to_vec();
            Yaml::List(items.iter().map(|item| deeper(|| converted(item, depth + 1))).collect::<Result<_, _>>()?)
        }
        Value::Map(map) => {
            let mut entries = Vec::new();
            for (key, value) in map.to_vec() {
                entries.push((key.to_text().into_owned(), deeper(|| converted(&value, depth + 1))?));
            }
            Yaml::Mapping(entries)
        }
        Value::Object(object) => {
            // A named type is what is behind its name, a struct a mapping of its fields in lower case.
            let fields = object.to_json();
            match (object.underlying(), fields) {
                (Some(under), _) => converted(&under, depth + 1)?,
                (None, Value::Map(map)) if matches!(object.type_of(), Type::Struct(_)) => {
                    let lower = map.to_vec().into_iter().map(|(key, value)| (key.to_text().to_lowercase(), value));
                    converted(&Value::map(lower), depth + 1)?
                }
                (None, other) => converted(&other, depth + 1)?,
            }
        }
    })
}

/// What is not UTF-8 is written as base64.
fn string(text: &Str) -> Yaml {
    match text.as_str() {
        Some(text) => Yaml::Text(text.to_owned()),
        None => Yaml::Tagged("!!binary", encode_base64(text.as_bytes())),
    }
}
