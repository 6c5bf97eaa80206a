//! The user API: the paths of the Kubernetes API for Fleet's resources, so that the command line, the page and an
//! ordinary kubectl work against a hub; and Skiff's own verbs under `/v1/admin/`.
//!
//! | module | what it holds |
//! |---|---|
//! | [`auth`] | the admin's credential, `admin.yaml`, the kubeconfig |
//! | [`target`], [`query`] | what a request is about, and how the answer is wished |
//! | [`discovery`], [`openapi`] | what there is, for kubectl |
//! | [`read`], [`watching`], [`table`] | get, list, watch; as objects or as tables |
//! | [`write`], [`patch`], [`apply`] | create, replace, patch, server-side apply, delete |
//! | [`validate`], [`schema`] | what is refused, and why |
//! | [`actions`], [`admin`] | tokens, approvals, sync |
//! | [`explain`] | why something is not as it should be, with all below it |
//! | [`page`] | the web page |
//!
//! Mounted by the hub beside the agent API. Nothing of a request is read before its bearer token is known to be the
//! admin's, except on `GET /`, which is a constant.

pub mod actions;
mod admin;
mod apply;
pub mod auth;
mod discovery;
pub mod explain;
mod fields;
mod openapi;
mod page;
mod patch;
mod query;
mod read;
mod schema;
mod status;
mod table;
mod target;
mod validate;
mod watching;
mod write;

pub use actions::Actions;
pub use auth::{Admin, AdminFile};

use crate::store::{Kind, Resources};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

use status::ApiError;
use target::Target;

/// The web page.
pub(crate) const PAGE: &str = "/";
/// What is before Skiff's own verbs.
pub(crate) const VERBS: &str = "/v1/admin/";

/// The paths that tell what there is.
pub(crate) fn discovery_paths() -> impl Iterator<Item = &'static str> {
    discovery::PATHS.into_iter().chain(openapi::PATHS)
}

/// The paths of a kind: of all its objects (in a namespace, where it has one), and of one.
pub(crate) fn collection_and_object(kind: Kind) -> (String, String) {
    openapi::collection_and_object(kind)
}

/// Skiff's own verbs, by method and what follows [`VERBS`].
pub(crate) fn admin_verbs() -> impl Iterator<Item = (Method, &'static str)> {
    admin::VERBS.into_iter()
}

/// How large the body of a request may be.
const BODY_LIMIT: usize = 16 << 20;
/// How long it may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Everything that the handlers need.
#[derive(Clone)]
pub struct UserApi {
    resources: Resources,
    actions: Arc<dyn Actions>,
    admin: Arc<Admin>,
    listings: Arc<watching::Listings>,
}

impl std::fmt::Debug for UserApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UserApi")
    }
}

/// The router. It answers every path that nothing else does, with 404 where there is nothing.
pub fn router(resources: Resources, actions: Arc<dyn Actions>, admin: Admin) -> Router {
    let api = UserApi { resources, actions, admin: Arc::new(admin), listings: Arc::default() };
    Router::new().route(PAGE, axum::routing::get(page::page)).fallback(serve).with_state(api)
}

async fn serve(State(api): State<UserApi>, request: Request) -> Response {
    if let Err(refusal) = api.admin.check(request.headers()) {
        return refusal.into_response();
    }
    match dispatch(&api, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn dispatch(api: &UserApi, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_end_matches('/').to_owned();
    if let Some(rest) = path.strip_prefix(VERBS) {
        let body = read_body(body).await?;
        return admin::serve(api, &parts.method, rest, &body).await;
    }
    if parts.method == Method::GET
        && let Some(response) = discovery::serve(&path, &parts.headers).or_else(|| openapi::serve(&path))
    {
        return Ok(response);
    }
    let target = Target::parse(&path).ok_or_else(ApiError::no_such_path)?;
    let query = query::Query::parse(parts.uri.query().unwrap_or_default())?;
    match (&parts.method, target.name.is_some()) {
        (&Method::GET, _) => read::serve(api, &target, &query, &parts.headers).await,
        (&Method::POST | &Method::PUT | &Method::PATCH | &Method::DELETE, _) => {
            let body = read_body(body).await?;
            write::serve(api, &target, &query, &parts, &body).await
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    let read = axum::body::to_bytes(body, BODY_LIMIT);
    match tokio::time::timeout(BODY_TIME, read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(ApiError::too_large(BODY_LIMIT)),
        Err(_) => Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "Timeout", "the body did not arrive in time")),
    }
}

/// A JSON answer.
fn json<T: serde::Serialize>(code: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            (code, [(axum::http::header::CONTENT_TYPE, "application/json")], bytes).into_response()
        }
        Err(error) => ApiError::internal(&error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests;
