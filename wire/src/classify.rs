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
    explain_as(verb, key, key.kind == "Secret", error)
}

/// The same for an object that holds values which must not be told, whatever its kind.
pub fn explain_private(verb: &str, key: &ObjectKey, error: &ApiError) -> Trouble {
    explain_as(verb, key, true, error)
}

fn explain_as(verb: &str, key: &ObjectKey, is_secret: bool, error: &ApiError) -> Trouble {
    let webhook = Webhook::that_failed(error);
    let (reason, stale) = if webhook.is_some() { (Reason::WebhookUnreachable, false) } else { reason_of(verb, error) };
    let namespace_missing = is_namespace_missing(error);
    let message = match error {
        ApiError::Transport(why) => format!("cannot {verb} {key}: {why}"),
        ApiError::Status { .. } if let Some(webhook) = webhook => {
            format!("cannot {verb} {key}: {}", webhook.sentence(is_secret))
        }
        ApiError::Status { code, reason: status, message, causes, .. } => {
            let fields: Vec<&str> =
                causes.iter().map(|cause| cause[2].as_str()).filter(|field| !field.is_empty()).collect();
            let right = missing_right(message, key).filter(|_| is_secret && reason == Reason::Forbidden);
            if let Some(right) = right {
                format!("cannot {verb} {key}: {right}")
            } else if is_secret {
                let at = if fields.is_empty() { String::new() } else { format!(" at {}", fields.join(", ")) };
                format!("cannot {verb} {key}: {status} ({code}){at}")
            } else {
                format!("cannot {verb} {key}: {}", explanation(reason, message, &fields, causes))
            }
        }
    };
    Trouble { reason, message: shorten(message), namespace_missing, stale }
}

/// The sentence of RBAC, word by word: what is in it is who, a verb, a resource and the object's own namespace, so it can
/// be told of a Secret, too. Anything that is not this very sentence may quote what it likes, and is not told.
///
/// k8s.io/apiserver: `forbiddenMessage` in pkg/endpoints/handlers/responsewriters/errors.go.
fn missing_right(message: &str, key: &ObjectKey) -> Option<String> {
    let (start, rest) = message.split_once(" is forbidden: User \"")?;
    let (who, rest) = rest.split_once("\" cannot ")?;
    let (verb, rest) = rest.split_once(" resource \"")?;
    let (resource, rest) = rest.split_once("\" in API group \"")?;
    let (group, rest) = rest.split_once('"')?;
    let place = match rest {
        "" => " in the cluster".to_owned(),
        rest if rest == format!(" in the namespace \"{}\"", key.namespace) => {
            format!(" in namespace {}", key.namespace)
        }
        _ => return None,
    };
    let is_plain = |text: &str, more: &str| {
        text.len() <= 253 && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(c))
    };
    let is_whole = start == format!("{resource} \"{}\"", key.name) && group == key.group;
    let is_rbac = is_whole && is_plain(who, ":.-@") && is_plain(verb, "") && is_plain(resource, "./");
    is_rbac.then(|| format!("{who} may not {verb} {resource}{place}"))
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

/// A webhook that the API server could not ask, or whose answer it could not read.
struct Webhook<'a> {
    /// What is asked of it.
    purpose: &'static str,
    /// Its name; of a webhook that converts, the version that was asked for.
    name: &'a str,
    /// What became of the call.
    why: &'a str,
}

impl<'a> Webhook<'a> {
    /// Kubernetes has no reason for it but `InternalError`; what a webhook itself refuses is another sentence, with the
    /// status that the webhook chose.
    ///
    /// k8s.io/apiserver: `ErrCallingWebhook` in pkg/util/webhook/error.go, made a 500 by
    /// pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go. k8s.io/apiextensions-apiserver:
    /// pkg/apiserver/conversion/webhook_converter.go, where only a failed request tells of its `Post`.
    fn that_failed(error: &'a ApiError) -> Option<Self> {
        let ApiError::Status { code: 500, message, .. } = error else { return None };
        if let Some(rest) = message.strip_prefix("Internal error occurred: failed calling webhook \"") {
            let (name, why) = rest.split_once('"')?;
            return Some(Self { purpose: "admission", name, why: why.trim_start_matches([':', ';', ' ']) });
        }
        let (_, rest) = message.split_once("conversion webhook for ")?;
        let (name, why) = rest.split_once(" failed: ").filter(|(_, why)| why.starts_with("Post "))?;
        Some(Self { purpose: "conversion", name, why })
    }

    fn sentence(&self, is_secret: bool) -> String {
        let Self { purpose, name, why } = self;
        let why = if is_secret || why.is_empty() { String::new() } else { format!(" ({why})") };
        format!(
            "the {purpose} webhook {name:?} did not answer the API server{why}; the object is not to blame, and is tried again"
        )
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
    fn the_right_that_is_missing_is_named_also_of_a_secret_and_nothing_else_is() {
        let key = ObjectKey::new("", "Secret", "shop", "key");
        let rbac = |name: &str, who: &str, more: &str| {
            let message = format!(
                "secrets \"{name}\" is forbidden: User \"{who}\" cannot patch resource \"secrets\" in API group \"\" in the namespace \"shop\"{more}"
            );
            explain("apply", &key, &status(403, "secrets", &message, &[])).message
        };
        let account = "system:serviceaccount:skiff-system:tenant";
        assert_eq!(
            rbac("key", account, ""),
            "cannot apply secret shop/key: system:serviceaccount:skiff-system:tenant may not patch secrets in namespace shop"
        );
        let hidden = "cannot apply secret shop/key: Invalid (403)";
        for (name, who, more) in
            [("key", account, ": hunter2"), ("hunter2", account, ""), ("key", "hunter2 and more", "")]
        {
            assert_eq!(rbac(name, who, more), hidden, "{name} {who} {more}");
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
    fn a_webhook_that_is_down_is_named_and_the_object_is_not_blamed() {
        let refused = "dial tcp 127.0.0.1:9: connect: connection refused";
        let cases = [
            (
                500,
                format!(
                    "Internal error occurred: failed calling webhook \"down.example.com\": failed to call webhook: Post \"https://x\": {refused}"
                ),
                Some(
                    "the admission webhook \"down.example.com\" did not answer the API server (failed to call webhook: Post",
                ),
            ),
            (
                500,
                "Internal error occurred: failed calling webhook \"a.b\"; no further details available".to_owned(),
                Some("the admission webhook \"a.b\" did not answer the API server (no further"),
            ),
            (
                500,
                format!("conversion webhook for example.com/v1, Kind=Oven failed: Post \"https://x\": {refused}"),
                Some("the conversion webhook \"example.com/v1, Kind=Oven\" did not answer the API server (Post"),
            ),
            // These have answered.
            (500, "conversion webhook for example.com/v1, Kind=Oven failed: no such unit".to_owned(), None),
            (403, "admission webhook \"a.b\" denied the request: failed calling webhook \"c.d\": no".to_owned(), None),
            (500, "admission webhook \"a.b\" denied the request: failed calling webhook \"c.d\": no".to_owned(), None),
            (500, "Internal error occurred: etcd is gone".to_owned(), None),
        ];
        for kind in ["ConfigMap", "Secret"] {
            let key = ObjectKey::new("", kind, "shop", "a");
            for (code, message, told) in &cases {
                let trouble = explain("apply", &key, &status(*code, "", message, &[]));
                let Some(told) = told else {
                    assert_eq!(trouble.reason, Reason::ObjectRefused, "{message}");
                    continue;
                };
                assert_eq!(trouble.reason, Reason::WebhookUnreachable, "{message}");
                let told = if kind == "Secret" { told.split(" (").next().unwrap() } else { told };
                assert!(trouble.message.contains(told), "{}", trouble.message);
                assert!(trouble.message.ends_with("not to blame, and is tried again"), "{}", trouble.message);
                assert_eq!(trouble.message.contains("Post"), kind != "Secret" && message.contains("Post"));
            }
        }
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
