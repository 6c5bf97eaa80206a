//! What an API server answers where it does not do what it was asked for: `metav1.Status`, or nothing.

use serde_json::Value;
use skiff_planner::agent::Target;

/// Why a request failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// The API server answered with a `Status`.
    #[error("{message} ({code} {reason})")]
    Status {
        /// The HTTP status.
        code: u16,
        /// `reason` of the Status.
        reason: String,
        /// `message` of the Status.
        message: String,
        /// `details.causes`: reason, message, field.
        causes: Vec<[String; 3]>,
        /// `details.kind`.
        kind: String,
        /// `details.name`.
        name: String,
    },
    /// No answer.
    #[error("the API server cannot be reached: {0}")]
    Transport(String),
}

impl ApiError {
    /// The HTTP status, where there is one.
    pub const fn code(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            Self::Transport(_) => None,
        }
    }

    /// Whether it says that this very object is not there. A 404 of a path that is not served says nothing of it.
    pub fn is_gone(&self, target: &Target) -> bool {
        let Self::Status { code: 404, kind, name, .. } = self else { return false };
        *name == target.key.name && (kind.is_empty() || *kind == target.plural || *kind == target.key.kind)
    }

    /// From the answer to a request: the HTTP status and the body, a `Status` or not.
    pub fn of(code: u16, body: &[u8]) -> Self {
        let status: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let causes = status["details"]["causes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let message = match text(&status["message"]) {
            empty if empty.is_empty() => String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned(),
            message => message,
        };
        Self::Status {
            code,
            reason: text(&status["reason"]),
            message,
            causes: causes.iter().map(|c| [text(&c["reason"]), text(&c["message"]), text(&c["field"])]).collect(),
            kind: text(&status["details"]["kind"]),
            name: text(&status["details"]["name"]),
        }
    }
}
