//! Create, replace, patch, apply, delete.

use super::apply::Manager;
use super::patch::Style;
use super::query::Query;
use super::status::{ApiError, Unstored};
use super::target::Target;
use super::validate::Unknown;
use super::{UserApi, apply, patch, validate};
use crate::store::resources::now;
use crate::store::{Change, EventType, Kind, Outcome, Precondition, ResourceError};
use axum::http::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use fleet_api::labels::REPO_NAME_LABEL;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// How many characters one warning has at most, and all of an answer.
/// kube-apiserver: `truncateItemRunes` and `truncateAtTotalRunes` in pkg/endpoints/filters/warning.go.
const WARNING_LENGTH: (usize, usize) = (256, 4 * 1024);
/// How many an answer has at most: many clients take no more than 100 headers, and to them it would be no answer.
const WARNINGS: usize = 32;

/// Answers a request that changes something.
pub(super) async fn serve(
    api: &UserApi,
    target: &Target,
    query: &Query,
    parts: &Parts,
    body: &[u8],
) -> Result<Response, ApiError> {
    if target.kind.read_only() || target.status {
        return Err(ApiError::method_not_allowed());
    }
    let request = Request {
        api,
        kind: target.kind,
        namespace: target.namespace().to_owned(),
        query,
        manager: manager(query, &parts.headers),
        unknown: Unknown::parse(query.field_validation.as_deref())?,
        warnings: Arc::default(),
    };
    if target.kind.namespaced() && target.namespace.is_none() {
        return Err(ApiError::method_not_allowed());
    }
    let media = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json");
    match (&parts.method, &target.name) {
        (&Method::POST, None) => request.create(read(media, body)?).await,
        (&Method::PUT, Some(name)) => request.replace(name, read(media, body)?).await,
        (&Method::PATCH, Some(name)) => request.patch(name, media, body).await,
        (&Method::DELETE, Some(name)) => request.delete(name, body).await,
        // Deleting a collection is not offered: what is deleted is named.
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// The field manager: as the request names it, else the client's program.
fn manager(query: &Query, headers: &HeaderMap) -> String {
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let program = agent.split(['/', ' ']).next().filter(|name| !name.is_empty()).unwrap_or("unknown");
    query.field_manager.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| program.to_owned())
}

/// One document of JSON or YAML.
fn read(media: &str, body: &[u8]) -> Result<Value, ApiError> {
    let wrong = |why: String| ApiError::bad_request(format!("the object cannot be read: {why}"));
    let value: Value = if media.contains("json") {
        serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?
    } else if media.contains("yaml") {
        // JSON is read as such: a body of YAML is mostly that.
        if let Ok(value) = serde_json::from_slice(body) {
            value
        } else {
            let documents =
                k8s_yaml::from_bytes(body, &k8s_yaml::Options::strict()).map_err(|error| wrong(error.to_string()))?;
            let [document] = documents.as_slice() else {
                return Err(wrong("exactly one document is expected".into()));
            };
            document.node.to_json().map_err(|error| wrong(error.to_string()))?
        }
    } else {
        let message = format!("the body of the request was in an unknown format - `{media}`: JSON or YAML is expected");
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message));
    };
    if value.is_object() || media.contains("json-patch") {
        Ok(value)
    } else {
        Err(wrong("an object is expected".into()))
    }
}

/// The GitRepo that a Bundle comes from.
fn gitrepo_of(bundle: &Value) -> Option<&str> {
    bundle["metadata"]["labels"][REPO_NAME_LABEL].as_str()
}

struct Request<'a> {
    api: &'a UserApi,
    kind: Kind,
    namespace: String,
    query: &'a Query,
    manager: String,
    unknown: Unknown,
    warnings: Arc<Mutex<Vec<String>>>,
}

/// What turns an object that a request gives into one that is stored. Owned, for it goes to the writer's thread.
struct Preparation {
    kind: Kind,
    namespace: String,
    name: String,
    manager: String,
    unknown: Unknown,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Preparation {
    /// Checks identity and content, and folds `stringData` into `data`.
    fn check(&self, object: &mut Value) -> Result<(), ApiError> {
        let expected = [("apiVersion", self.kind.api_version().to_owned()), ("kind", self.kind.as_str().to_owned())];
        for (key, wanted) in expected {
            if let Some(given) = object[key].as_str().filter(|given| *given != wanted) {
                return Err(ApiError::bad_request(format!(
                    "{key} of the object is `{given}`, and of the path `{wanted}`"
                )));
            }
        }
        for (key, wanted) in [("name", &self.name), ("namespace", &self.namespace)] {
            let given = object["metadata"][key].as_str().filter(|given| !given.is_empty() && given != wanted);
            if let Some(given) = given {
                let message =
                    format!("the {key} of the object ({given}) does not match the {key} of the URL ({wanted})");
                return Err(ApiError::bad_request(message));
            }
        }
        if self.kind == Kind::Secret {
            fold_string_data(object);
        }
        let warnings = validate::check(self.kind, &self.name, object, self.unknown)?;
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(warnings);
        Ok(())
    }

    /// The version and UID that an object names must be those that are there.
    fn same_version(&self, current: &Value, object: &Value) -> Result<(), ApiError> {
        for key in ["resourceVersion", "uid"] {
            let (given, there) = (object["metadata"][key].as_str(), current["metadata"][key].as_str());
            if given.is_some_and(|given| !given.is_empty() && Some(given) != there) {
                let message = match key {
                    "uid" => "the object was deleted and made anew".to_owned(),
                    _ => "the object has been modified; please apply your changes to the latest version and try again"
                        .into(),
                };
                let (kind, name) = (self.kind, self.name.clone());
                return Err(ResourceError::Conflict { kind, name, message }.into());
            }
        }
        Ok(())
    }

    fn track(&self, current: Option<&Value>, object: &mut Value) {
        apply::track(current, object, &Manager { name: &self.manager, now: &now(), kind: self.kind });
    }
}

/// `stringData` is only another way to write `data`.
fn fold_string_data(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    let Some(Value::Object(texts)) = map.remove("stringData") else { return };
    let data = map.entry("data").or_insert_with(|| json!({}));
    if data.is_null() {
        *data = json!({});
    }
    for (key, value) in texts {
        let value = match value {
            Value::String(text) => Value::String(base64::engine::general_purpose::STANDARD.encode(text)),
            other => other,
        };
        if let Some(data) = data.as_object_mut() {
            data.insert(key, value);
        }
    }
}

impl Request<'_> {
    fn preparation(&self, name: &str) -> Preparation {
        Preparation {
            kind: self.kind,
            namespace: self.namespace.clone(),
            name: name.to_owned(),
            manager: self.manager.clone(),
            unknown: self.unknown,
            warnings: self.warnings.clone(),
        }
    }

    async fn create(&self, mut object: Value) -> Result<Response, ApiError> {
        let name = self.name_of_new(&mut object)?;
        let preparation = self.preparation(&name);
        preparation.check(&mut object)?;
        if object["metadata"]["resourceVersion"].as_str().is_some_and(|version| !version.is_empty()) {
            return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
        }
        let decide = move |current: Option<&Value>| {
            if current.is_some() {
                let (kind, name) = (preparation.kind, preparation.name.clone());
                return Err(ResourceError::AlreadyExists { kind, name }.into());
            }
            preparation.track(None, &mut object);
            Ok(Change::Spec(object))
        };
        let outcome = self.store(&name, Precondition::default(), decide).await?;
        Ok(self.answer(StatusCode::CREATED, &outcome))
    }

    fn name_of_new(&self, object: &mut Value) -> Result<String, ApiError> {
        if let Some(name) = object["metadata"]["name"].as_str().filter(|name| !name.is_empty()) {
            return Ok(name.to_owned());
        }
        let Some(prefix) = object["metadata"]["generateName"].as_str() else {
            let cause = ("metadata.name".to_owned(), "Required value: name or generateName is required".to_owned());
            return Err(ApiError::invalid(self.kind, "", &[cause]));
        };
        let mut bytes = [0; 5];
        crate::store::seal::random(&mut bytes)?;
        // As Kubernetes: no vowels, no digits that look like letters.
        const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        let suffix: String = bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect();
        let name = format!("{prefix}{suffix}");
        object["metadata"]["name"] = name.clone().into();
        Ok(name)
    }

    async fn replace(&self, name: &str, mut object: Value) -> Result<Response, ApiError> {
        let preparation = self.preparation(name);
        preparation.check(&mut object)?;
        let decide = move |current: Option<&Value>| {
            let Some(current) = current else {
                return Err(ApiError::not_found(preparation.kind, &preparation.name).into());
            };
            preparation.same_version(current, &object)?;
            // What a file does not speak of, the hub still needs: it holds the object until its end is done.
            if object["metadata"].get("finalizers").is_none()
                && let Some(finalizers) = current["metadata"].get("finalizers")
            {
                object["metadata"]["finalizers"] = finalizers.clone();
            }
            preparation.track(Some(current), &mut object);
            Ok(Change::Spec(object))
        };
        let outcome = self.store(name, Precondition::default(), decide).await?;
        Ok(self.answer(StatusCode::OK, &outcome))
    }

    async fn patch(&self, name: &str, media: &str, body: &[u8]) -> Result<Response, ApiError> {
        let style = Style::of(media)?;
        let given = read(media, body)?;
        if style == Style::Apply {
            return self.apply(name, given).await;
        }
        let preparation = self.preparation(name);
        let decide = move |current: Option<&Value>| {
            let Some(current) = current else {
                return Err(ApiError::not_found(preparation.kind, &preparation.name).into());
            };
            let mut object = match style {
                Style::Json => patch::json(current, &given)?,
                Style::Merge | Style::Apply => patch::merge(current, &given),
            };
            preparation.same_version(current, &object)?;
            preparation.check(&mut object)?;
            preparation.track(Some(current), &mut object);
            Ok(Change::Spec(object))
        };
        let outcome = self.store(name, Precondition::default(), decide).await?;
        Ok(self.answer(StatusCode::OK, &outcome))
    }

    async fn apply(&self, name: &str, mut applied: Value) -> Result<Response, ApiError> {
        if self.query.field_manager.as_deref().is_none_or(str::is_empty) {
            return Err(ApiError::bad_request("fieldManager: Required value: is required for apply patch"));
        }
        let preparation = self.preparation(name);
        preparation.check(&mut applied)?;
        let force = self.query.force();
        let decide = move |current: Option<&Value>| {
            if let Some(current) = current {
                preparation.same_version(current, &applied)?;
            }
            let manager = Manager { name: &preparation.manager, now: &now(), kind: preparation.kind };
            let mut object = apply::apply(current, &applied, &manager, force)?;
            validate::check(preparation.kind, &preparation.name, &mut object, Unknown::Ignore)?;
            Ok(Change::Spec(object))
        };
        let outcome = self.store(name, Precondition::default(), decide).await?;
        let code = if outcome.event == Some(EventType::Added) { StatusCode::CREATED } else { StatusCode::OK };
        Ok(self.answer(code, &outcome))
    }

    async fn delete(&self, name: &str, body: &[u8]) -> Result<Response, ApiError> {
        let options: Value = if body.is_empty() { json!({}) } else { read("application/json", body)? };
        let wanted = |key: &str| options["preconditions"][key].as_str().map(str::to_owned);
        let precondition = Precondition { uid: wanted("uid"), resource_version: wanted("resourceVersion") };
        let keep = self.query.keep_resources();
        if keep && self.kind != Kind::GitRepo {
            return Err(ApiError::bad_request("keepResources is only for GitRepos"));
        }
        let dry_run = options["dryRun"].as_array().is_some_and(|list| list.iter().any(|item| item == "All"));
        let (kind, namespace, resources) = (self.kind, self.namespace.clone(), self.api.resources.clone());
        let made_by = move |current: &Value| {
            let gitrepo = gitrepo_of(current).filter(|_| kind == Kind::Bundle)?;
            resources.object(Kind::GitRepo, &namespace, gitrepo).map(|gitrepo| gitrepo.name().to_owned())
        };
        let decide = move |current: Option<&Value>| match current {
            Some(current) if let Some(gitrepo) = made_by(current) => {
                let message = format!(
                    "the Bundle comes from GitRepo {gitrepo}, which would make it again: delete the GitRepo, or the \
                     directory in its repository"
                );
                Err(ApiError::new(StatusCode::CONFLICT, "Conflict", message).into())
            }
            Some(current) if keep => {
                let mut object = current.clone();
                object["spec"]["keepResources"] = true.into();
                Ok(Change::SpecThenDelete(object))
            }
            _ => Ok(Change::Delete),
        };
        let outcome = self.store_unless(dry_run, name, precondition, decide).await?;
        if outcome.event != Some(EventType::Deleted) {
            return Ok(self.answer(StatusCode::OK, &outcome));
        }
        let details = json!({
            "name": name, "group": self.kind.group(), "kind": self.kind.plural(), "uid": outcome.object.uid(),
        });
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
        });
        Ok(super::json(StatusCode::OK, &status))
    }

    async fn store<F>(&self, name: &str, precondition: Precondition, decide: F) -> Result<Outcome, ApiError>
    where
        F: FnOnce(Option<&Value>) -> Result<Change, Unstored> + Send + 'static,
    {
        self.store_unless(self.query.dry_run(), name, precondition, decide).await
    }

    /// Stores the change; for a dry run everything is done and then undone.
    async fn store_unless<F>(
        &self,
        dry_run: bool,
        name: &str,
        precondition: Precondition,
        decide: F,
    ) -> Result<Outcome, ApiError>
    where
        F: FnOnce(Option<&Value>) -> Result<Change, Unstored> + Send + 'static,
    {
        if !self.namespace.is_empty() && !fleet_api::names::is_dns_label(&self.namespace) {
            let message = format!("Invalid value: {:?}: this is not the name of a namespace", self.namespace);
            return Err(ApiError::invalid(self.kind, name, &[("metadata.namespace".into(), message)]));
        }
        let resources = self.api.resources.clone();
        let (kind, namespace, name) = (self.kind, self.namespace.clone(), name.to_owned());
        let dry_run = dry_run || self.query.dry_run();
        let stored = self.api.resources.store().write(move |tx| {
            let outcome = resources.change_in::<Unstored, _>(tx, kind, &namespace, &name, &precondition, decide)?;
            if dry_run { Err(Unstored::DryRun(Box::new(outcome))) } else { Ok(outcome) }
        });
        match stored.await {
            Ok(outcome) => Ok(outcome),
            Err(Unstored::DryRun(outcome)) => Ok(*outcome),
            Err(Unstored::Refused(error)) => Err(error),
        }
    }

    fn answer(&self, code: StatusCode, outcome: &Outcome) -> Response {
        let mut response = super::json(code, outcome.object.value());
        let warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left = WARNING_LENGTH.1;
        for warning in warnings.iter().take(WARNINGS) {
            let clean: String = warning.chars().filter(|c| !c.is_control()).take(WARNING_LENGTH.0).collect();
            let Some(rest) = left.checked_sub(clean.chars().count()) else { break };
            left = rest;
            let text = format!("299 - \"{}\"", clean.replace('\\', "\\\\").replace('"', "\\\""));
            if let Ok(value) = HeaderValue::from_str(&text) {
                response.headers_mut().append("warning", value);
            }
        }
        response
    }
}
