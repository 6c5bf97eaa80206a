//! Errors as Kubernetes' `Status`.

use crate::store::{Kind, Outcome, ResourceError, StoreError};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Why a request was not done.
#[derive(Debug)]
pub(super) struct ApiError {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

impl ApiError {
    pub(super) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
    }

    pub(super) fn not_found(kind: Kind, name: &str) -> Self {
        ResourceError::NotFound { kind, name: name.to_owned() }.into()
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("the body cannot be read, or is larger than {} MiB", limit >> 20);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    }

    pub(super) fn gone(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message)
    }

    pub(super) fn internal(message: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
    }

    /// `causes` are `(field, message)`.
    pub(super) fn invalid(kind: Kind, name: &str, causes: &[(String, String)]) -> Self {
        let texts: Vec<_> = causes.iter().map(|(field, message)| format!("{field}: {message}")).collect();
        let list = if let [one] = texts.as_slice() { one.clone() } else { format!("[{}]", texts.join(", ")) };
        let message = format!("{} \"{name}\" is invalid: {list}", qualified_kind(kind));
        let cause = |(field, message): &(String, String)| json!({"reason": "FieldValueInvalid", "message": message, "field": field});
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        let causes: Vec<_> = causes.iter().map(cause).collect();
        error.details = Some(json!({"name": name, "group": kind.group(), "kind": kind.as_str(), "causes": causes}));
        error
    }

    /// `causes` are `(field, message)`: who owns what the apply would change.
    pub(super) fn apply_conflict(causes: &[(String, String)]) -> Self {
        let texts: Vec<_> = causes.iter().map(|(field, message)| format!("{message}: {field}")).collect();
        let plural = if causes.len() == 1 { "conflict" } else { "conflicts" };
        let message = format!("Apply failed with {} {plural}: {}", causes.len(), texts.join(", "));
        let cause = |(field, message): &(String, String)| json!({"reason": "FieldManagerConflict", "message": message, "field": field});
        let mut error = Self::new(StatusCode::CONFLICT, "Conflict", message);
        error.details = Some(json!({"causes": causes.iter().map(cause).collect::<Vec<_>>()}));
        error
    }

    /// The `Status` object.
    pub(super) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": plain(&self.message), "reason": self.reason, "code": self.code.as_u16(),
        });
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }
}

/// A message quotes what was sent, and is shown on terminals.
fn plain(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '\n' => out.push(c),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
        out
    })
}

fn qualified_kind(kind: Kind) -> String {
    match kind.group() {
        "" => kind.as_str().to_owned(),
        group => format!("{}.{group}", kind.as_str()),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = super::json(self.code, &self.status());
        if self.code == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert("retry-after", HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<ResourceError> for ApiError {
    fn from(error: ResourceError) -> Self {
        let message = error.to_string();
        let (code, reason) = match &error {
            ResourceError::NotFound { .. } => (StatusCode::NOT_FOUND, "NotFound"),
            ResourceError::AlreadyExists { .. } => (StatusCode::CONFLICT, "AlreadyExists"),
            ResourceError::Conflict { .. } => (StatusCode::CONFLICT, "Conflict"),
            ResourceError::Invalid { kind, name, field, message } => {
                return Self::invalid(*kind, name, &[(field.clone(), message.clone())]);
            }
            // Not 503: clients ask again by themselves for minutes, and a person has to make room.
            ResourceError::Store(StoreError::Disk(_)) => (StatusCode::INSUFFICIENT_STORAGE, "InsufficientStorage"),
            ResourceError::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        };
        let details = match error {
            ResourceError::NotFound { kind, name }
            | ResourceError::AlreadyExists { kind, name }
            | ResourceError::Conflict { kind, name, .. } => {
                Some(json!({"name": name, "group": kind.group(), "kind": kind.plural()}))
            }
            ResourceError::Invalid { .. } | ResourceError::Store(_) => None,
        };
        Self { code, reason, message, details }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        ResourceError::from(error).into()
    }
}

/// How the transaction of a request can end without being stored.
#[derive(Debug)]
pub(super) enum Unstored {
    /// It was refused.
    Refused(ApiError),
    /// It was asked what would come of it.
    DryRun(Box<Outcome>),
}

impl From<ApiError> for Unstored {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<ResourceError> for Unstored {
    fn from(error: ResourceError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<StoreError> for Unstored {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}
