//! Every route of a hub and who may use it, in one table.
//!
//! The routers are made from the same lists. A test asks every route as everybody who could come, and
//! `docs/ACCESS.md` is written from this table: a route that is added without a decision about it fails there.

use crate::store::Kind;
use crate::{agent_api, run, user_api};
use axum::http::Method;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody who reaches the hub: it tells nothing of any object.
    Anybody,
    /// Who holds an unused enrollment token.
    Token,
    /// An agent, for its own cluster: it reads what is reachable from its own Desired, and writes its own report.
    Agent,
    /// The admin.
    Admin,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with names in braces: `/apis/…/namespaces/{namespace}/gitrepos/{name}`.
    pub path: String,
    /// Who may use it.
    pub access: Access,
}

/// All of them.
pub fn all() -> Vec<Route> {
    let route = |method: Method, path: &str, access| Route { method, path: path.to_owned(), access };
    let mut routes = vec![route(Method::GET, user_api::PAGE, Access::Anybody)];
    routes.extend(run::PROBES.map(|path| route(Method::GET, path, Access::Anybody)));
    routes.extend(agent_api::ROUTES.map(|(path, access)| route(Method::POST, path, access)));
    routes.extend(user_api::discovery_paths().map(|path| route(Method::GET, path, Access::Admin)));
    let verb = |(method, path): (Method, &str)| route(method, &format!("{}{path}", user_api::VERBS), Access::Admin);
    routes.extend(user_api::admin_verbs().map(verb));
    routes.extend(Kind::ALL.into_iter().flat_map(of_kind));
    routes
}

fn of_kind(kind: Kind) -> Vec<Route> {
    let base = if kind.group().is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", kind.api_version()) };
    let (collection, object) = user_api::collection_and_object(kind);
    let mut list = vec![(Method::GET, collection.clone()), (Method::GET, object.clone())];
    if kind.namespaced() {
        list.push((Method::GET, format!("{base}/{}", kind.plural())));
    }
    if kind.has_status() {
        list.push((Method::GET, format!("{object}/status")));
    }
    if !kind.read_only() {
        list.push((Method::POST, collection));
        list.extend([Method::PUT, Method::PATCH, Method::DELETE].map(|method| (method, object.clone())));
    }
    list.into_iter().map(|(method, path)| Route { method, path, access: Access::Admin }).collect()
}
