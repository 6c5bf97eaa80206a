//! How an object lies in the file: JSON, and sealed where it may hold anything.
//!
//! Called by [`resources`](super::resources) and [`turn`](super::turn) alone. Invariant: the files of a Bundle that a
//! user made (Secrets among them, as often as not) are not in the clear on disk.

use super::kind::Kind;
use super::{Sealer, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The only key of what is sealed. No object has it: each has `apiVersion`, `kind` and `metadata`.
const SEALED: &str = "sealed";

/// The text of the column.
pub(super) fn write(sealer: &Sealer, kind: Kind, value: &Value) -> Result<String, StoreError> {
    let text = value.to_string();
    if !holds_files(kind, value) {
        return Ok(text);
    }
    let metadata = &value["metadata"];
    let sealed = sealer.seal(&context(kind, &metadata["namespace"], &metadata["name"]), text.as_bytes())?;
    Ok(json!({ SEALED: STANDARD.encode(sealed) }).to_string())
}

/// The object of [`write`].
pub(super) fn read(sealer: &Sealer, kind: Kind, namespace: &str, name: &str, text: &str) -> Result<Value, StoreError> {
    let value: Value = serde_json::from_str(text)?;
    let Some(sealed) = value.get(SEALED).and_then(Value::as_str) else { return Ok(value) };
    let sealed = STANDARD.decode(sealed).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let plain = sealer.open(&context(kind, &namespace.into(), &name.into()), &sealed)?;
    Ok(serde_json::from_slice(&plain)?)
}

fn holds_files(kind: Kind, value: &Value) -> bool {
    let files = value["spec"]["resources"].as_array();
    kind == Kind::Bundle && files.is_some_and(|files| files.iter().any(|file| file.get("content").is_some()))
}

fn context(kind: Kind, namespace: &Value, name: &Value) -> String {
    let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("object {kind} {}/{}", part(namespace), part(name))
}
