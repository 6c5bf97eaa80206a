//! What a PATCH makes of an object.

use super::status::ApiError;
use axum::http::StatusCode;
use serde_json::Value;

/// The ways to write a patch, by content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// RFC 6902.
    Json,
    /// RFC 7386; a strategic merge patch is treated as one, for nothing here is merged by key.
    Merge,
    /// Server-side apply.
    Apply,
}

impl Style {
    pub(super) fn of(content_type: &str) -> Result<Self, ApiError> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(Self::Json),
            "application/merge-patch+json" | "application/strategic-merge-patch+json" => Ok(Self::Merge),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            other => {
                let message = format!("the body of the request was in an unknown format - `{other}`");
                Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message))
            }
        }
    }
}

/// The object after an RFC 6902 patch.
pub(super) fn json(current: &Value, patch: &Value) -> Result<Value, ApiError> {
    let patch: json_patch::Patch = serde::Deserialize::deserialize(patch)
        .map_err(|error| ApiError::bad_request(format!("error decoding patch: {error}")))?;
    let mut object = current.clone();
    json_patch::patch(&mut object, &patch)
        .map_err(|error| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", error.to_string()))?;
    Ok(object)
}

/// The object after an RFC 7386 patch. Directives of strategic merge patches (`$retainKeys` …) say nothing here.
pub(super) fn merge(current: &Value, patch: &Value) -> Value {
    let mut object = current.clone();
    json_patch::merge(&mut object, &without_directives(patch));
    object
}

fn without_directives(patch: &Value) -> Value {
    match patch {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| !key.starts_with('$'));
            Value::Object(kept.map(|(key, value)| (key.clone(), without_directives(value))).collect())
        }
        other => other.clone(),
    }
}
