//! Single texts: YAML, JSON, names.

use serde_json::Value;
use std::str::FromStr;

/// Reading never fails but with a place inside of the text, and the short way to read gives what the parser gives.
pub(crate) fn yaml(data: &[u8]) {
    for options in [k8s_yaml::Options::sigs(), k8s_yaml::Options::kyaml()] {
        if let Ok(text) = std::str::from_utf8(data) {
            // As text, since what is not a number is not even equal to itself.
            let shown = |read| format!("{read:?}");
            let (short, full) = (k8s_yaml::parse(text, &options), k8s_yaml::parse_in_full(text, &options));
            assert_eq!(shown(short), shown(full), "{text}");
        }
        match k8s_yaml::from_bytes(data, &options) {
            Ok(documents) => drop(std::hint::black_box(documents)),
            Err(error) => {
                let lines = data.split(|byte| *byte == b'\n' || *byte == b'\r').count() + 1;
                let text = error.to_string();
                assert!(!text.is_empty());
                if let Some(position) = error.position() {
                    assert!(position.line as usize <= lines, "{text}: the text has {lines} lines");
                }
            }
        }
    }
}

/// What is written is read again as the same value.
pub(crate) fn yaml_emit(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    let text = k8s_yaml::to_string(&value);
    let again: Value = k8s_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    // Numbers of more than 64 bits are floats to YAML.
    if !has_floats(&value) {
        assert_eq!(again, value, "{text}");
    }
}

fn has_floats(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_floats),
        Value::Object(fields) => fields.values().any(has_floats),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// What is accepted is written back as it was.
pub(crate) fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(name) = fleet_api::names::ObjectName::from_str(text) {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(name) = fleet_api::names::Namespace::from_str(text) {
        assert_eq!(name.to_string(), text);
    }
    if let Ok(reference) = fleet_api::names::Ref::from_str(text) {
        assert_eq!(reference.to_string(), text);
    }
    if let Ok(digest) = fleet_api::Digest::from_str(text) {
        assert_eq!(digest.to_string(), text);
    }
    std::hint::black_box(fleet_api::duration::parse(text));
}

/// `KIND\nORIGINAL\0PATCH`, both JSON: a patch may be refused, and merging is deterministic.
pub(crate) fn strategic(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((kind, documents)) = text.split_once('\n') else { return };
    let Some((original, patch)) = documents.split_once('\0') else { return };
    let (Ok(Value::Object(original)), Ok(Value::Object(patch))) =
        (serde_json::from_str(original), serde_json::from_str(patch))
    else {
        return;
    };
    let merge = || skiff_render::strategic::merge(original.clone(), patch.clone(), kind);
    if let Ok(merged) = merge() {
        assert_eq!(merge().ok(), Some(merged));
    }
}
