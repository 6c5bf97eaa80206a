//! Secrets: what is kept in the clear (which keys there are) and what is sealed (the values).
//!
//! Called by [`resources`](super::resources) alone. The invariant: no value of a Secret is in the object that is
//! listed, watched or written in the clear; nor in annotations that `kubectl apply` puts a copy of it into.

use super::StoreError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The annotation in which `kubectl apply` keeps a copy of everything.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The values by key.
pub(super) type Values = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// Takes the values out of a Secret as it was given: what remains has its keys with empty values. An empty value
/// where `old` has one keeps the old: it is what a client that read the Secret gives back.
///
/// # Errors
/// The path and the reason, where `data` or `stringData` is not what it should be.
pub(super) fn split(given: &mut Value, old: &Values) -> Result<Values, (String, String)> {
    let mut values = Values::new();
    let wrong = |field: String, why: &str| (field, why.to_owned());
    for (key, value) in entries(given, "data")? {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                return Err(wrong(format!("data.{key}"), "a base64 text is expected"));
            }
        };
        let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let bytes = STANDARD.decode(&packed).map_err(|_| wrong(format!("data.{key}"), "the value is not base64"))?;
        let kept = old.get(&key).filter(|_| bytes.is_empty());
        values.insert(key, kept.cloned().unwrap_or_else(|| Zeroizing::new(bytes)));
    }
    for (key, value) in entries(given, "stringData")? {
        let Value::String(text) = value else {
            return Err(wrong(format!("stringData.{key}"), "a text is expected"));
        };
        values.insert(key, Zeroizing::new(text.into_bytes()));
    }
    redact(given, values.keys());
    Ok(values)
}

fn entries(given: &mut Value, field: &str) -> Result<Map<String, Value>, (String, String)> {
    match given.as_object_mut().and_then(|map| map.remove(field)) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => Err((field.to_owned(), "a map is expected".to_owned())),
    }
}

fn redact<'a>(given: &mut Value, keys: impl Iterator<Item = &'a String>) {
    let data: Map<String, Value> = keys.map(|key| (key.clone(), "".into())).collect();
    let Some(map) = given.as_object_mut() else { return };
    if !data.is_empty() {
        map.insert("data".into(), Value::Object(data));
    }
    map.entry("type").or_insert_with(|| "Opaque".into());
    let annotations = map.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
}

/// The bytes that are sealed.
pub(super) fn encode(values: &Values) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let texts: BTreeMap<_, _> =
        values.iter().map(|(key, bytes)| (key, Zeroizing::new(STANDARD.encode(bytes)))).collect();
    let plain: BTreeMap<_, _> = texts.iter().map(|(key, text)| (key, text.as_str())).collect();
    Ok(Zeroizing::new(serde_json::to_vec(&plain)?))
}

/// The values of [`encode`].
pub(super) fn decode(bytes: &[u8]) -> Result<Values, StoreError> {
    let texts: BTreeMap<String, Zeroizing<String>> = serde_json::from_slice::<BTreeMap<String, String>>(bytes)?
        .into_iter()
        .map(|(key, text)| (key, Zeroizing::new(text)))
        .collect();
    let decoded = texts.into_iter().map(|(key, text)| {
        let bytes = STANDARD.decode(text.as_bytes()).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok((key, Zeroizing::new(bytes)))
    });
    decoded.collect()
}
