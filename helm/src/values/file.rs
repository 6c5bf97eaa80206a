//! Values files. Helm: `pkg/chart/v2/loader/load.go`, `LoadValues`.

use serde_json::{Map, Number, Value};

/// Why a text is no values file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Something else than a comment behind a `---`.
    #[error("error reading yaml document: invalid Yaml document separator: {0}")]
    Separator(String),
    /// A document that is no YAML.
    #[error("cannot unmarshal yaml document: {0}")]
    Yaml(String),
    /// A document that is no mapping.
    #[error("cannot unmarshal yaml document: expected a mapping, found {0}")]
    NoMapping(&'static str),
}

pub(super) fn read(text: &str) -> Result<Map<String, Value>, Error> {
    let mut values = Map::new();
    for document in documents(text)? {
        super::merge(&mut values, mapping(document)?);
    }
    Ok(values)
}

/// The documents between lines that begin with `---`. Kubernetes: `apimachinery/pkg/util/yaml`, `YAMLReader.Read`.
fn documents(text: &str) -> Result<Vec<&str>, Error> {
    let mut documents = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(Error::Separator(rest.to_owned()));
            }
            // A separator behind nothing is part of the document that it begins.
            if start < at {
                documents.push(&text[start..at]);
                start = at + line.len();
            }
        }
        at += line.len();
    }
    documents.extend((start < at).then(|| &text[start..at]));
    Ok(documents)
}

fn mapping(document: &str) -> Result<Map<String, Value>, Error> {
    let documents = k8s_yaml::parse(document, &k8s_yaml::Options::sigs()).map_err(|e| Error::Yaml(e.to_string()))?;
    let Some(first) = documents.first() else { return Ok(Map::new()) };
    match first.node.to_json().map_err(|error| Error::Yaml(error.to_string()))? {
        Value::Object(map) => Ok(map.into_iter().map(|(key, value)| (key, floats(value))).collect()),
        Value::Null => Ok(Map::new()),
        _ => Err(Error::NoMapping(first.node.kind_name())),
    }
}

/// The value with every number as a float, as Go's `encoding/json` reads them.
pub(crate) fn floats(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            number.as_f64().and_then(Number::from_f64).map_or(Value::Number(number), Value::Number)
        }
        Value::Array(items) => items.into_iter().map(floats).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, floats(value))).collect(),
        other => other,
    }
}
