//! `/openapi/v3`, as far as kubectl needs it before it sends anything: which kinds take `fieldValidation`.
//!
//! No schemas: `kubectl explain` finds nothing here.

use crate::resources::Resource;
use crate::respond::Reply;
use crate::state::State;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Answers a path below `/openapi/v3`; `None` where there is nothing.
pub(crate) fn handle(state: &State, parts: &[&str]) -> Option<Reply> {
    match parts {
        [] => Some(index(state)),
        ["api", version] => document(state, "", version),
        ["apis", group, version] => document(state, group, version),
        _ => None,
    }
}

fn base(r: &Resource) -> String {
    if r.key.group.is_empty() { format!("api/{}", r.version) } else { format!("apis/{}/{}", r.key.group, r.version) }
}

fn index(state: &State) -> Reply {
    let mut paths = Map::new();
    for r in state.resources() {
        let base = base(r);
        let url = format!("/openapi/v3/{base}?hash={}", state.store.version());
        paths.entry(base).or_insert_with(|| json!({"serverRelativeURL": url}));
    }
    Reply::json(200, json!({"paths": paths}))
}

fn document(state: &State, group: &str, version: &str) -> Option<Reply> {
    let found: Vec<&Arc<Resource>> =
        state.resources().filter(|r| r.key.group == group && r.version == version).collect();
    if found.is_empty() {
        return None;
    }
    let paths: Map<String, Value> = found.into_iter().map(|r| path(r)).collect();
    let info = json!({"title": "Kubernetes", "version": crate::discovery::GIT_VERSION});
    Some(Reply::json(200, json!({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}})))
}

fn path(r: &Resource) -> (String, Value) {
    let namespace = if r.namespaced { "/namespaces/{namespace}" } else { "" };
    let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string"}});
    let parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map(parameter);
    let gvk = json!({"group": r.key.group, "version": r.version, "kind": r.kind});
    let patch = json!({
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": gvk,
        "parameters": parameters,
        "responses": {},
    });
    (format!("/{}{namespace}/{}/{{name}}", base(r), r.key.plural), json!({"patch": patch}))
}
