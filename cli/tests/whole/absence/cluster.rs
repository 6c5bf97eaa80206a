//! What the API server says: of the kinds that it serves, and of the objects that are there.

use super::Way;
use crate::api::Fate;
use crate::world::World;
use serde_json::{Value, json};
use std::sync::Arc;

const HTML: &str = "<!doctype html><title>Bad gateway</title>";

pub(super) async fn healed(_: Way, world: &mut World) {
    world.between.clear();
    world.server.break_watches();
    world.restart_agent().await;
}

fn answer(code: u16, body: &Value) -> Fate {
    Fate::Answer(code, "application/json", body.to_string().into())
}

fn status(code: u16, reason: &str) -> Fate {
    answer(code, &json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}))
}

fn not_found() -> Fate {
    Fate::Answer(404, "text/plain", b"404 page not found\n".to_vec())
}

/// Discovery. Meanwhile one of the bundles is withdrawn; what cannot be known is neither deleted nor forgotten.
pub(super) async fn kinds(way: Way, world: &mut World) {
    world.kill_agent().await;
    world.between.set(Arc::new(move |_, path| {
        let path = path.split('?').next().unwrap_or_default();
        if !matches!(path, "/api" | "/api/v1" | "/apis" | "/apis/apps" | "/apis/apps/v1") {
            return Fate::Pass;
        }
        let list = |resources: Value| json!({"kind": "APIResourceList", "apiVersion": "v1", "resources": resources});
        match (way, path) {
            (Way::Absent, _) => not_found(),
            (Way::Empty, "/apis") => answer(200, &json!({"kind": "APIGroupList", "groups": []})),
            (Way::Empty, "/apis/apps") => answer(200, &json!({"kind": "APIGroup", "name": "apps", "versions": []})),
            (Way::Empty, _) => answer(200, &list(json!([]))),
            (Way::Partial, "/api/v1" | "/apis/apps/v1") => {
                answer(200, &list(json!([{"name": "pods", "kind": "Pod", "namespaced": true}])))
            }
            // An older server: other versions, which it does not serve any more.
            (Way::Stale, "/apis/apps") => {
                let version = json!({"groupVersion": "apps/v1beta1", "version": "v1beta1"});
                answer(
                    200,
                    &json!({"kind": "APIGroup", "name": "apps", "versions": [version], "preferredVersion": version}),
                )
            }
            (Way::Stale, "/api/v1") => {
                answer(200, &list(json!([{"name": "maps", "kind": "ConfigMap", "namespaced": true}])))
            }
            (Way::Partial | Way::Stale, _) => Fate::Pass,
            (Way::Unreadable, _) => Fate::Answer(200, "text/html", HTML.into()),
            (Way::Forbidden, _) => status(403, "Forbidden"),
        }
    }));
    world.put_gitrepo(&json!({"paths": ["apps/shop"]})).await;
    world.look().await;
    world.start_agent();
    world.until("the agent has asked for kinds", |world| world.between.hits() > 0).await;
}

fn is_of_objects(path: &str) -> bool {
    let is_a_kind = ["/configmaps", "/secrets", "/deployments"].iter().any(|plural| path.contains(plural));
    is_a_kind && !path.contains("/skiff-system/")
}

/// Reads, lists and watches.
pub(super) async fn objects(way: Way, world: &mut World) {
    world.kill_agent().await;
    world.between.set(Arc::new(move |method, path| {
        if method != "GET" || !is_of_objects(path) {
            return Fate::Pass;
        }
        let is_list = path.split('?').next().is_some_and(|path| {
            ["/configmaps", "/secrets", "/deployments"].iter().any(|plural| path.ends_with(plural))
        });
        match way {
            Way::Absent => not_found(),
            Way::Empty if is_list => watched(path, &[]),
            // As an older replica: what was there is said to be gone.
            Way::Stale if is_list => watched(path, &["a", "b", "o", "s", "web"]),
            Way::Empty | Way::Stale => Fate::Pass,
            Way::Partial if is_list => Fate::Answer(200, "application/json", b"{\"type\":\"BOOKMA".to_vec()),
            Way::Partial => Fate::Answer(200, "application/json", b"{\"kind\":\"Config".to_vec()),
            Way::Unreadable => Fate::Answer(200, "text/html", HTML.into()),
            Way::Forbidden => status(403, "Forbidden"),
        }
    }));
    world.start_agent();
    world.until("the agent has looked", |world| world.between.hits() > 2).await;
}

/// A watch, or a list, that has nothing, and says that some are deleted.
fn watched(path: &str, deleted: &[&str]) -> Fate {
    if !path.contains("watch=true") {
        return answer(200, &json!({"kind": "List", "metadata": {"resourceVersion": "9"}, "items": []}));
    }
    let end = json!({"type": "BOOKMARK", "object": {"metadata":
        {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}}}});
    let gone = deleted.iter().map(|name| {
        json!({"type": "DELETED", "object": {"metadata": {"name": name, "namespace": "shop", "resourceVersion": "9"}}})
    });
    let lines: Vec<String> = std::iter::once(end).chain(gone).map(|event| format!("{event}\n")).collect();
    Fate::Answer(200, "application/json", lines.concat().into())
}
