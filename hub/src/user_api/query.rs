//! The parameters of a request, and selectors.

use super::status::ApiError;
use crate::store::Kind;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use serde::Deserialize;
use serde_json::Value;

/// The parameters; what is not known is ignored, as Kubernetes does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Query {
    watch: Option<String>,
    pub(super) resource_version: Option<String>,
    label_selector: Option<String>,
    field_selector: Option<String>,
    pub(super) limit: Option<usize>,
    #[serde(rename = "continue")]
    pub(super) continue_from: Option<String>,
    pub(super) timeout_seconds: Option<u64>,
    allow_watch_bookmarks: Option<String>,
    send_initial_events: Option<String>,
    pub(super) field_manager: Option<String>,
    force: Option<String>,
    dry_run: Option<String>,
    pub(super) field_validation: Option<String>,
    pub(super) include_object: Option<String>,
    /// Skiff's: of a GitRepo that is deleted, release the objects instead of deleting them.
    keep_resources: Option<String>,
}

fn is_true(value: Option<&String>) -> bool {
    value.is_some_and(|text| matches!(text.as_str(), "" | "1" | "true" | "True"))
}

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let uri = format!("/?{text}").parse().map_err(|_| ApiError::bad_request("the query cannot be read"))?;
        let query = axum::extract::Query::<Self>::try_from_uri(&uri);
        query.map(|query| query.0).map_err(|error| ApiError::bad_request(error.body_text()))
    }

    pub(super) fn watch(&self) -> bool {
        is_true(self.watch.as_ref())
    }

    pub(super) fn bookmarks(&self) -> bool {
        is_true(self.allow_watch_bookmarks.as_ref())
    }

    pub(super) fn initial_events(&self) -> bool {
        is_true(self.send_initial_events.as_ref())
    }

    pub(super) fn force(&self) -> bool {
        is_true(self.force.as_ref())
    }

    pub(super) fn dry_run(&self) -> bool {
        self.dry_run.as_deref() == Some("All")
    }

    pub(super) fn keep_resources(&self) -> bool {
        is_true(self.keep_resources.as_ref())
    }

    pub(super) fn selection(&self) -> Result<Selection, ApiError> {
        let labels = labels(self.label_selector.as_deref().unwrap_or_default());
        let labels = labels.map_err(|why| ApiError::bad_request(format!("unable to parse requirement: {why}")))?;
        Ok(Selection { labels, fields: fields(self.field_selector.as_deref().unwrap_or_default())? })
    }
}

/// Which objects are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
}

impl Selection {
    pub(super) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let label_holds = |requirement: &Requirement| {
            let value = labels.get(&requirement.key).and_then(Value::as_str);
            match &requirement.operator {
                Operator::Exists => value.is_some(),
                Operator::Absent => value.is_none(),
                Operator::In(values) => value.is_some_and(|value| values.iter().any(|known| known == value)),
                Operator::NotIn(values) => value.is_none_or(|value| values.iter().all(|known| known != value)),
            }
        };
        let field_holds = |(path, equal, wanted): &(String, bool, String)| {
            let found = path.split('.').try_fold(object, |value, key| value.get(key));
            (found.and_then(Value::as_str).unwrap_or_default() == wanted) == *equal
        };
        self.labels.iter().all(label_holds) && self.fields.iter().all(field_holds)
    }
}

/// `a=b,c!=d,e in (f,g),h,!i`
fn labels(text: &str) -> Result<Vec<Requirement>, String> {
    let mut requirements = Vec::new();
    for part in split_outside_parentheses(text) {
        requirements.push(requirement(part.trim())?);
    }
    Ok(requirements)
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (index, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() || !parts.is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let one = |value: &str| vec![value.trim().to_owned()];
    let (key, operator) = if let Some(key) = text.strip_prefix('!') {
        (key.trim(), Operator::Absent)
    } else if let Some((key, value)) = text.split_once("!=") {
        (key.trim(), Operator::NotIn(one(value)))
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (key.trim(), Operator::In(one(value)))
    } else if let Some((key, rest)) = text.split_once(char::is_whitespace) {
        let rest = rest.trim();
        let list = |word: &str| {
            let inner = rest.strip_prefix(word)?.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(inner.split(',').map(|value| value.trim().to_owned()).collect())
        };
        let operator = list("notin").map(Operator::NotIn).or_else(|| list("in").map(Operator::In));
        (key, operator.ok_or_else(|| format!("`{text}`: in (…) or notin (…) is expected"))?)
    } else {
        (text, Operator::Exists)
    };
    if !super::validate::is_label_key(key) {
        return Err(format!("`{key}` is not a valid label key"));
    }
    Ok(Requirement { key: key.to_owned(), operator })
}

fn fields(text: &str) -> Result<Vec<(String, bool, String)>, ApiError> {
    let wrong = |part: &str| ApiError::bad_request(format!("invalid field selector: `{part}`: path=value is expected"));
    let parse = |part: &str| {
        let (path, equal, value) = if let Some((path, value)) = part.split_once("!=") {
            (path, false, value)
        } else {
            let (path, value) = part.split_once("==").or_else(|| part.split_once('=')).ok_or_else(|| wrong(part))?;
            (path, true, value)
        };
        Ok((path.trim().to_owned(), equal, value.trim().to_owned()))
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(parse).collect()
}

/// In which form the answer is wished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As the object or list.
    Object,
    /// As a table.
    Table,
    /// As metadata alone.
    Metadata,
}

/// The first form that `Accept` names and that exists.
pub(super) fn form(headers: &HeaderMap) -> Form {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    for choice in accept.split(',') {
        let mut parts = choice.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        if !matches!(media, "application/json" | "*/*" | "application/*") {
            continue;
        }
        let parameters: Vec<_> = parts.collect();
        let shape = parameters.iter().find_map(|parameter| parameter.strip_prefix("as="));
        let current = parameters.contains(&"v=v1");
        match shape {
            None => return Form::Object,
            Some("Table") if current => return Form::Table,
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") if current => return Form::Metadata,
            Some(_) => {}
        }
    }
    Form::Object
}

/// What remains to be listed, as the `continue` of a list: after which object.
pub(super) fn continue_after(kind: Kind, namespace: &str, name: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("{}\n{namespace}\n{name}", kind.plural()))
}

/// The reading of [`continue_after`]: `(namespace, name)`.
pub(super) fn read_continue(kind: Kind, token: &str) -> Result<(String, String), ApiError> {
    use base64::Engine as _;
    let wrong = || ApiError::bad_request("continue key is not valid");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    match text.split('\n').collect::<Vec<_>>().as_slice() {
        [plural, namespace, name] if *plural == kind.plural() => Ok(((*namespace).into(), (*name).into())),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn label_selectors_are_those_of_kubernetes() {
        let object = json!({"metadata": {"name": "a", "labels": {"env": "prod", "x.io/tier": "web"}}});
        for (text, expected) in [
            ("", true),
            ("env=prod", true),
            ("env==prod,x.io/tier=web", true),
            ("env!=prod", false),
            ("other!=prod", true),
            ("env", true),
            ("!env", false),
            ("!other", true),
            ("env in (dev, prod)", true),
            ("env notin (dev,prod),x.io/tier", false),
            ("other notin (a)", true),
        ] {
            let selection = Selection { labels: labels(text).unwrap(), fields: Vec::new() };
            assert_eq!(selection.matches(&object), expected, "{text}");
        }
        for bad in ["env in prod", "a b", "=x", "a,,b"] {
            assert!(labels(bad).is_err(), "{bad}");
        }
        let fields = fields("metadata.name=a,metadata.name!=b").unwrap();
        assert!(Selection { labels: Vec::new(), fields }.matches(&object));
    }

    #[test]
    fn the_form_is_the_first_that_exists() {
        for (accept, expected) in [
            ("application/json", Form::Object),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Form::Table,
            ),
            ("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", Form::Metadata),
            ("application/vnd.kubernetes.protobuf,application/json", Form::Object),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(form(&headers), expected, "{accept}");
        }
    }
}
