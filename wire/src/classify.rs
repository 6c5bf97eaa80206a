//! What an answer of the API server means for an object, in words for people. Called where actions are
//! performed, by the agent's shell and by the simulator.
//!
//! Invariant: of an error about a Secret nothing is told but the reason and the names of fields: API servers quote values.

use crate::status::ApiError;
use fleet_api::{ObjectKey, Reason};

/// What went wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The reason.
    pub reason: Reason,
    /// The sentence.
    pub message: String,
    /// The namespace does not exist.
    pub namespace_missing: bool,
    /// What we know of the object is old.
    pub stale: bool,
}

/// Explains why `verb` (`apply`, `delete`, `read`) failed for `key`.
pub fn explain(verb: &str, key: &ObjectKey, error: &ApiError) -> Trouble {
    let (reason, stale) = reason_of(verb, error);
    let namespace_missing = is_namespace_missing(error);
    let message = match error {
        ApiError::Transport(why) => format!("cannot {verb} {key}: {why}"),
        ApiError::Status { code, reason: status, message, causes, .. } => {
            let fields: Vec<&str> =
                causes.iter().map(|cause| cause[2].as_str()).filter(|field| !field.is_empty()).collect();
            if key.kind == "Secret" {
                let at = if fields.is_empty() { String::new() } else { format!(" at {}", fields.join(", ")) };
                format!("cannot {verb} {key}: {status} ({code}){at}")
            } else {
                format!("cannot {verb} {key}: {}", explanation(reason, message, &fields, causes))
            }
        }
    };
    Trouble { reason, message: shorten(message), namespace_missing, stale }
}

fn explanation(reason: Reason, message: &str, fields: &[&str], causes: &[[String; 3]]) -> String {
    match reason {
        Reason::ImmutableField if !fields.is_empty() => {
            format!("{} cannot be changed once it is set", fields.join(", "))
        }
        Reason::OwnedByOther => {
            let owners: Vec<&str> = causes.iter().map(|cause| cause[1].as_str()).collect();
            format!("{} at {}", owners.join("; "), fields.join(", "))
        }
        _ => message.to_owned(),
    }
}

fn is_namespace_missing(error: &ApiError) -> bool {
    matches!(error, ApiError::Status { code: 404, kind, .. } if kind == "namespaces")
}

fn reason_of(verb: &str, error: &ApiError) -> (Reason, bool) {
    let ApiError::Status { code, reason, message, causes, kind, name } = error else {
        return (Reason::ApiServerUnreachable, false);
    };
    let has_cause = |name: &str| causes.iter().any(|cause| cause[0] == name);
    match code {
        409 if has_cause("FieldManagerConflict") => (Reason::OwnedByOther, true),
        409 if message.contains("UID in precondition") => (Reason::UidChanged, true),
        409 => (Reason::ObjectRefused, true),
        404 if kind == "namespaces" => (Reason::ObjectRefused, false),
        // Not the object, but its path: the kind is asked for again.
        404 if name.is_empty() || verb == "apply" => (Reason::WaitingForKind, verb != "apply"),
        404 => (Reason::ObjectRefused, true),
        403 if has_cause("NamespaceTerminating") || message.contains("because it is being terminated") => {
            (Reason::NamespaceTerminating, false)
        }
        401 => (Reason::Forbidden, false),
        403 if message.contains(" cannot ") && message.contains("is forbidden: User ") => (Reason::Forbidden, false),
        422 if is_immutable(message, causes) => (Reason::ImmutableField, false),
        429 | 502 | 503 | 504 => (Reason::ApiServerUnreachable, false),
        500 if reason == "ServerTimeout" || reason == "Timeout" => (Reason::ApiServerUnreachable, false),
        _ => (Reason::ObjectRefused, false),
    }
}

/// Kubernetes has no reason for it: the sentences of its validation, of StatefulSet, Job and Service, and of CEL rules.
fn is_immutable(message: &str, causes: &[[String; 3]]) -> bool {
    let says = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("immutable")
            || text.contains("may not change once set")
            || text.contains("may not be changed")
            || text.contains("cannot be changed")
            || text.contains("updates to statefulset spec for fields other than")
            || text.contains("pod updates may not change fields")
    };
    if causes.is_empty() { says(message) } else { causes.iter().any(|cause| says(&cause[1])) }
}

/// Webhooks may answer with pages.
fn shorten(mut text: String) -> String {
    const LIMIT: usize = 600;
    if text.len() > LIMIT {
        text.truncate(text.floor_char_boundary(LIMIT));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, kind: &str, message: &str, causes: &[[&str; 3]]) -> ApiError {
        ApiError::Status {
            code,
            reason: "Invalid".into(),
            message: message.into(),
            causes: causes.iter().map(|cause| cause.map(str::to_owned)).collect(),
            kind: kind.into(),
            name: String::new(),
        }
    }

    #[test]
    fn answers_become_reasons() {
        let conflict = [["FieldManagerConflict", "conflict with \"kubectl\" using v1", ".data.a"]];
        let immutable = [["FieldValueInvalid", "Invalid value: 1: field is immutable", "spec.selector"]];
        let cases = [
            (status(409, "", "", &conflict), Reason::OwnedByOther, true),
            (status(409, "", "the object has been modified", &[]), Reason::ObjectRefused, true),
            (status(404, "namespaces", "namespaces \"x\" not found", &[]), Reason::ObjectRefused, false),
            (status(404, "", "the server could not find the requested resource", &[]), Reason::WaitingForKind, false),
            (status(422, "", "", &immutable), Reason::ImmutableField, false),
            (status(422, "", "bad", &[["FieldValueInvalid", "must be 1", "spec.a"]]), Reason::ObjectRefused, false),
            (status(403, "", "x is forbidden: User \"u\" cannot patch resource", &[]), Reason::Forbidden, false),
            (status(403, "", "x is forbidden: violates PodSecurity", &[]), Reason::ObjectRefused, false),
            (status(403, "", "", &[["NamespaceTerminating", "", ""]]), Reason::NamespaceTerminating, false),
            (status(429, "", "", &[]), Reason::ApiServerUnreachable, false),
            (ApiError::Transport("x".into()), Reason::ApiServerUnreachable, false),
        ];
        let key = ObjectKey::new("", "ConfigMap", "shop", "a");
        for (error, reason, stale) in cases {
            let trouble = explain("apply", &key, &error);
            assert_eq!((trouble.reason, trouble.stale), (reason, stale), "{error}");
        }
        let trouble = explain("apply", &key, &status(422, "", "", &immutable));
        assert!(trouble.message.contains("spec.selector"), "{}", trouble.message);
    }

    #[test]
    fn nothing_of_a_secret_is_told() {
        let key = ObjectKey::new("", "Secret", "shop", "a");
        let error = status(422, "", "data: Invalid value: \"hunter2\"", &[["x", "hunter2", "data[a]"]]);
        let trouble = explain("apply", &key, &error);
        assert!(!trouble.message.contains("hunter2"), "{}", trouble.message);
        assert!(trouble.message.contains("data[a]"));
    }
}
