//! Skiff's own verbs, under `/v1/admin/`:
//!
//! | request | what it does |
//! |---|---|
//! | `POST token` `{namespace?, name?, labels?, ttl?}` | makes an enrollment token: `{token}` |
//! | `GET held/KIND/NAMESPACE/NAME` | what R8 holds there: `{clusters: [{cluster, held}]}` |
//! | `POST approve/KIND/NAMESPACE/NAME` `{lists: [{cluster, digest}]}` | approves the lists that were shown |
//! | `POST sync/gitrepo/NAMESPACE/NAME` | polls now |
//! | `GET explain/KIND/NAMESPACE/NAME` | see [`explain`](super::explain) |

use super::status::ApiError;
use super::{UserApi, explain, validate};
use crate::core::{CoreError, Subject, TokenRequest};
use crate::store::Kind;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use fleet_api::Digest;
use fleet_api::names::Ref;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// Who approved, for the record: there is one admin.
const ADMIN: &str = "admin";

impl From<CoreError> for ApiError {
    fn from(error: CoreError) -> Self {
        let message = error.to_string();
        match error {
            CoreError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "NotFound", message),
            CoreError::Refused(_) => Self::new(StatusCode::CONFLICT, "Conflict", message),
            // Not for something that the hub itself did wrong: the other end of the poll.
            CoreError::Failed(_) => Self::new(StatusCode::BAD_GATEWAY, "PollFailed", message),
            CoreError::Unavailable(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message),
        }
    }
}

/// All of them, as the table above has them.
pub(super) const VERBS: [(Method, &str); 5] = [
    (Method::POST, "token"),
    (Method::GET, "held/{kind}/{namespace}/{name}"),
    (Method::POST, "approve/{kind}/{namespace}/{name}"),
    (Method::POST, "sync/{kind}/{namespace}/{name}"),
    (Method::GET, "explain/{kind}/{namespace}/{name}"),
];

/// Answers a request; `path` is what follows `/v1/admin/`.
pub(super) async fn serve(api: &UserApi, method: &Method, path: &str, body: &[u8]) -> Result<Response, ApiError> {
    let segments: Vec<_> = path.split('/').collect();
    let answer = match (method, segments.as_slice()) {
        (&Method::POST, ["token"]) => {
            let token = api.actions.create_token(token_request(body)?).await?;
            json!({"token": token})
        }
        (&Method::GET, ["held", kind, namespace, name]) => {
            let subject = subject(kind, namespace, name)?;
            exists(api, &subject)?;
            json!({"clusters": api.actions.held(&subject).await?})
        }
        (&Method::POST, ["approve", kind, namespace, name]) => {
            let lists: Approval = parse(body)?;
            let lists: Vec<_> = lists.lists.into_iter().map(|list| (list.cluster, list.digest)).collect();
            api.actions.approve(&subject(kind, namespace, name)?, &lists, ADMIN).await?;
            json!({"approved": lists.len()})
        }
        (&Method::POST, ["sync", kind, namespace, name]) => {
            if Kind::parse(kind) != Some(Kind::GitRepo) {
                return Err(ApiError::bad_request("only a gitrepo can be synced"));
            }
            api.actions.sync_now(&reference(namespace, name)?).await?;
            json!({})
        }
        (&Method::GET, ["explain", kind, namespace, name]) => {
            let kind = Kind::parse(kind).ok_or_else(|| ApiError::bad_request(format!("`{kind}` is no kind")))?;
            json!(explain::serve(api, kind, namespace, name).await?)
        }
        _ => return Err(ApiError::no_such_path()),
    };
    Ok(super::json(StatusCode::OK, &answer))
}

fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad_request(error.to_string()))
}

fn reference(namespace: &str, name: &str) -> Result<Ref, ApiError> {
    Ref::new(namespace, name).map_err(|error| ApiError::bad_request(error.to_string()))
}

fn subject(kind: &str, namespace: &str, name: &str) -> Result<Subject, ApiError> {
    let reference = reference(namespace, name)?;
    match Kind::parse(kind) {
        Some(Kind::Cluster) => Ok(Subject::Cluster(reference)),
        Some(Kind::Bundle) => Ok(Subject::Bundle(reference)),
        Some(Kind::GitRepo) => Ok(Subject::GitRepo(reference)),
        _ => Err(ApiError::bad_request("deletions are held for a cluster, a bundle or a gitrepo")),
    }
}

/// A Cluster must be there; a GitRepo or Bundle may be gone while what it withdrew is still held.
fn exists(api: &UserApi, subject: &Subject) -> Result<(), ApiError> {
    let Subject::Cluster(cluster) = subject else { return Ok(()) };
    let (namespace, name) = (cluster.namespace.as_str(), cluster.name.as_str());
    let found = api.resources.object(Kind::Cluster, namespace, name);
    found.map(drop).ok_or_else(|| ApiError::not_found(Kind::Cluster, name))
}

#[derive(Deserialize)]
struct Approval {
    lists: Vec<ApprovedList>,
}

#[derive(Deserialize)]
struct ApprovedList {
    cluster: Ref,
    digest: Digest,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TokenBody {
    namespace: Option<String>,
    name: Option<String>,
    labels: BTreeMap<String, String>,
    ttl: Option<String>,
}

fn token_request(body: &[u8]) -> Result<TokenRequest, ApiError> {
    let body: TokenBody = if body.is_empty() { TokenBody::default() } else { parse(body)? };
    let wrong = |error: &dyn std::fmt::Display| ApiError::bad_request(error.to_string());
    let namespace = body.namespace.as_deref().unwrap_or(fleet_api::labels::DEFAULT_NAMESPACE);
    for (key, value) in &body.labels {
        if !validate::is_label(key, value) {
            return Err(ApiError::bad_request(format!("`{key}={value}` is not a label")));
        }
    }
    let ttl = body.ttl.as_deref().unwrap_or("1h");
    let lifetime = fleet_api::duration::parse(ttl).filter(|lifetime| !lifetime.is_zero());
    Ok(TokenRequest {
        namespace: namespace.parse().map_err(|error| wrong(&error))?,
        name: body.name.as_deref().map(str::parse).transpose().map_err(|error| wrong(&error))?,
        labels: body.labels,
        lifetime: lifetime.ok_or_else(|| {
            ApiError::bad_request(format!("ttl: `{ttl}`: a duration is expected, such as `15m` or `1h`"))
        })?,
    })
}
