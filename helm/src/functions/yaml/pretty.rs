//! YAML as `toYamlPretty` writes it: go-yaml v3 over Go's values.

use super::super::json::write;
use crate::value::Value;

pub(super) fn write(value: &Value) -> Result<String, String> {
    let json = write::to_json(value)?;
    let mut text = k8s_yaml::to_string(&json);
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}
