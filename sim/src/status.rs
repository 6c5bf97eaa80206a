//! Refusals as the API server words them: `metav1.Status` (`apimachinery/pkg/api/errors`, `util/validation/field`).

use serde_json::{Map, Value, json};

/// A request that was not done, and why.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) details: Option<Value>,
    /// Seconds, for the `Retry-After` header.
    pub(crate) retry_after: Option<u64>,
}

/// A group and a plural, as messages name them: `deployments.apps`, `pods`.
#[derive(Clone, Debug)]
pub(crate) struct GroupName<'a> {
    pub(crate) group: &'a str,
    pub(crate) name: &'a str,
}

impl std::fmt::Display for GroupName<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.group.is_empty() { f.write_str(self.name) } else { write!(f, "{}.{}", self.name, self.group) }
    }
}

/// One invalid field.
#[derive(Clone, Debug)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    reason: &'static str,
    body: String,
}

/// A value as Go prints it inside a field error.
fn shown(value: &Value) -> String {
    match value {
        Value::String(s) => format!("{s:?}"),
        Value::Null => "null".into(),
        other => other.to_string(),
    }
}

impl FieldError {
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self {
            field: field.into(),
            reason: "FieldValueInvalid",
            body: format!("Invalid value: {}: {detail}", shown(value)),
        }
    }

    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Self {
        let body = if detail.is_empty() { "Required value".into() } else { format!("Required value: {detail}") };
        Self { field: field.into(), reason: "FieldValueRequired", body }
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self { field: field.into(), reason: "FieldValueForbidden", body: format!("Forbidden: {detail}") }
    }

    pub(crate) fn not_found(field: impl Into<String>, value: &Value) -> Self {
        Self { field: field.into(), reason: "FieldValueNotFound", body: format!("Not found: {}", shown(value)) }
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self { field: field.into(), reason: "FieldValueDuplicate", body: format!("Duplicate value: {}", shown(value)) }
    }

    pub(crate) fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let list: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        let body = format!("Unsupported value: {}: supported values: {}", shown(value), list.join(", "));
        Self { field: field.into(), reason: "FieldValueNotSupported", body }
    }

    pub(crate) fn type_invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self {
            field: field.into(),
            reason: "FieldValueTypeInvalid",
            body: format!("Invalid value: {}: {detail}", shown(value)),
        }
    }

    pub(crate) fn too_long(field: impl Into<String>, max: usize) -> Self {
        let body = format!("Too long: may not be more than {max} bytes");
        Self { field: field.into(), reason: "FieldValueTooLong", body }
    }

    /// Whether it says that something is missing.
    pub(crate) fn is_required(&self) -> bool {
        self.reason == "FieldValueRequired"
    }

    fn text(&self) -> String {
        format!("{}: {}", self.field, self.body)
    }
}

impl Failure {
    pub(crate) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: None, retry_after: None }
    }

    fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        self.details = Some(details(group, kind, name));
        self
    }

    pub(crate) fn not_found(r: &GroupName<'_>, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{r} {name:?} not found")).about(r.group, r.name, name)
    }

    pub(crate) fn already_exists(r: &GroupName<'_>, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{r} {name:?} already exists")).about(r.group, r.name, name)
    }

    pub(crate) fn conflict(r: &GroupName<'_>, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {r} {name:?}: {why}");
        Self::new(409, "Conflict", message).about(r.group, r.name, name)
    }

    pub(crate) fn forbidden(r: &GroupName<'_>, name: &str, why: &str) -> Self {
        let what = if name.is_empty() { r.to_string() } else { format!("{r} {name:?}") };
        Self::new(403, "Forbidden", format!("{what} is forbidden: {why}")).about(r.group, r.name, name)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn internal(message: impl std::fmt::Display) -> Self {
        let mut out = Self::new(500, "InternalError", format!("Internal error occurred: {message}"));
        out.details = Some(json!({"causes": [{"message": message.to_string()}]}));
        out
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
            .about("", "", "")
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// The server does not model what was asked; never mistaken for an answer of a real one.
    pub(crate) fn not_modelled(what: &str) -> Self {
        Self::new(501, "NotModelled", format!("the in-memory API server does not model {what}"))
    }

    /// 422 with one cause per field. `kind` is a kind, not a plural.
    pub(crate) fn invalid(kind: &GroupName<'_>, name: &str, errors: &[FieldError]) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for e in errors {
            let text = e.text();
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let list = if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) };
        let mut out = Self::new(422, "Invalid", format!("{kind} {name:?} is invalid: {list}"));
        let causes = errors.iter().map(|e| json!({"reason": e.reason, "message": e.body, "field": e.field}));
        let mut d = details(kind.group, kind.name, name);
        if let Some(map) = d.as_object_mut() {
            map.insert("causes".into(), Value::Array(causes.collect()));
        }
        out.details = Some(d);
        out
    }

    /// The body.
    pub(crate) fn to_value(&self) -> Value {
        let mut out = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        });
        if let Some(map) = out.as_object_mut() {
            if !self.reason.is_empty() {
                map.insert("reason".into(), self.reason.clone().into());
            }
            let mut details = self.details.clone();
            if let Some(seconds) = self.retry_after {
                let d = details.get_or_insert_with(|| Value::Object(Map::new()));
                if let Some(d) = d.as_object_mut() {
                    d.insert("retryAfterSeconds".into(), seconds.into());
                }
            }
            if let Some(details) = details {
                map.insert("details".into(), details);
            }
            map.insert("code".into(), self.code.into());
        }
        out
    }
}

fn details(group: &str, kind: &str, name: &str) -> Value {
    let mut d = Map::new();
    for (k, v) in [("name", name), ("group", group), ("kind", kind)] {
        if !v.is_empty() {
            d.insert(k.into(), v.into());
        }
    }
    Value::Object(d)
}
