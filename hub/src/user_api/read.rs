//! Get and list.

use super::query::{self, Form, Query};
use super::status::ApiError;
use super::table::{self, Include};
use super::target::Target;
use super::{UserApi, watching};
use crate::store::{Kind, Object};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fleet_api::names::{Namespace, Ref};
use fleet_api::wire::Timestamp;
use serde_json::{Value, json};

/// Answers a GET.
pub(super) async fn serve(
    api: &UserApi,
    target: &Target,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let form = query::form(headers);
    if query.watch() {
        return watching::serve(api, target, query, form).await;
    }
    match &target.name {
        Some(name) => get(api, target, name, query, form).await,
        None => list(api, target, query, form).await,
    }
}

async fn get(api: &UserApi, target: &Target, name: &str, query: &Query, form: Form) -> Result<Response, ApiError> {
    let object = find(api, target.kind, target.namespace(), name).await;
    let object = object.ok_or_else(|| ApiError::not_found(target.kind, name))?;
    let value = current(api, &object);
    let answer = match form {
        Form::Object => value,
        Form::Metadata => table::partial(&value),
        Form::Table => {
            let metadata = json!({"resourceVersion": object.version().to_string()});
            table::of(target.kind, &[&value], &metadata, Include::parse(query.include_object.as_deref()))
        }
    };
    Ok(super::json(StatusCode::OK, &answer))
}

/// One object, stored or made.
pub(super) async fn find(api: &UserApi, kind: Kind, namespace: &str, name: &str) -> Option<Object> {
    if kind != Kind::BundleDeployment {
        return api.resources.object(kind, namespace, name);
    }
    let (objects, _) = objects(api, kind, Some(namespace)).await;
    objects.into_iter().find(|object| object.name() == name)
}

/// All objects of a kind, and the version of the list.
pub(super) async fn objects(api: &UserApi, kind: Kind, namespace: Option<&str>) -> (Vec<Object>, u64) {
    if kind != Kind::BundleDeployment {
        return api.resources.objects(kind, namespace);
    }
    let parsed = namespace.map(str::parse::<Namespace>).transpose();
    let Ok(parsed) = parsed else { return (Vec::new(), 0) };
    let deployments = api.actions.deployments(parsed.as_ref()).await;
    let mut objects: Vec<_> = deployments.iter().filter_map(watching::as_object).collect();
    objects.sort_by(|a, b| (a.namespace(), a.name()).cmp(&(b.namespace(), b.name())));
    let version = api.listings.record(namespace, &objects);
    (objects, version)
}

/// The object as it is given out; the same for all but Namespaces, which have a phase.
pub(super) fn shown(kind: Kind, value: &Value) -> Value {
    let mut value = value.clone();
    if kind == Kind::Namespace {
        value["status"] = json!({"phase": "Active"});
    }
    value
}

/// The object as it is given out now. When a cluster was heard of is newer than what is written of it: a write per poll
/// would wear the disk, and wake all that watch.
fn current(api: &UserApi, object: &Object) -> Value {
    let mut value = shown(object.kind(), object.value());
    if object.kind() == Kind::Cluster
        && let Ok(name) = Ref::new(object.namespace(), object.name())
        && let Some(seen) = api.actions.last_seen(&name)
        && let Some(stored) = value.pointer_mut("/status/agent/lastSeen")
        && stored.as_str().and_then(|text| text.parse::<Timestamp>().ok()).is_none_or(|stored| stored < seen)
    {
        *stored = seen.to_string().into();
    }
    value
}

async fn list(api: &UserApi, target: &Target, query: &Query, form: Form) -> Result<Response, ApiError> {
    let selection = query.selection()?;
    let kind = target.kind;
    let (objects, version) = objects(api, kind, target.namespace.as_deref()).await;
    let after = query.continue_from.as_deref().filter(|token| !token.is_empty());
    let after = after.map(|token| query::read_continue(kind, token)).transpose()?;
    let is_after = |object: &&Object| {
        after.as_ref().is_none_or(|(namespace, name)| (object.namespace(), object.name()) > (namespace, name))
    };
    let mut chosen: Vec<_> =
        objects.iter().filter(is_after).filter(|object| selection.matches(object.value())).collect();
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if let Some(limit) = query.limit.filter(|&limit| limit > 0 && limit < chosen.len()) {
        metadata["remainingItemCount"] = (chosen.len() - limit).into();
        chosen.truncate(limit);
        if let Some(last) = chosen.last() {
            metadata["continue"] = query::continue_after(kind, last.namespace(), last.name()).into();
        }
    }
    let values: Vec<_> = chosen.iter().map(|object| current(api, object)).collect();
    let answer = match form {
        Form::Object => json!({
            "kind": format!("{kind}List"), "apiVersion": kind.api_version(), "metadata": metadata, "items": values,
        }),
        Form::Metadata => json!({
            "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            "items": values.iter().map(table::partial).collect::<Vec<_>>(),
        }),
        Form::Table => {
            let include = Include::parse(query.include_object.as_deref());
            table::of(kind, &values.iter().collect::<Vec<_>>(), &metadata, include)
        }
    };
    Ok(super::json(StatusCode::OK, &answer))
}
