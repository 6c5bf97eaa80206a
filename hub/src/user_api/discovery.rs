//! What there is: `/version`, `/api`, `/apis`, and the resources of each group, plain and aggregated.

use crate::store::Kind;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use fleet_api::v1alpha1::{API_VERSION, GROUP, VERSION};
use serde_json::{Value, json};

/// The media types of aggregated discovery; the newer first.
const AGGREGATED: [(&str, &str); 2] = [
    ("v=v2;", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
    ("v=v2beta1;", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"),
];

/// The version of Kubernetes whose API is spoken here.
const KUBERNETES: (&str, &str) = ("1", "36");

/// The paths that are answered here.
pub(super) const PATHS: [&str; 6] = [API, APIS, CORE, FLEET, FLEET_VERSION, "/version"];
const API: &str = "/api";
const APIS: &str = "/apis";
const CORE: &str = "/api/v1";
const FLEET: &str = "/apis/fleet.cattle.io";
const FLEET_VERSION: &str = "/apis/fleet.cattle.io/v1alpha1";

/// The answer, where `path` is one of discovery's.
pub(super) fn serve(path: &str, headers: &HeaderMap) -> Option<Response> {
    let plain = match path {
        API | APIS => return Some(groups(path, headers)),
        CORE => resource_list("", "v1"),
        FLEET => fleet_group(),
        FLEET_VERSION => resource_list(GROUP, API_VERSION),
        "/version" => version(),
        _ => return None,
    };
    Some(super::json(StatusCode::OK, &plain))
}

fn version() -> Value {
    let (major, minor) = KUBERNETES;
    let git_version = format!("v{major}.{minor}.0+skiff-{}", env!("CARGO_PKG_VERSION"));
    let platform = format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH);
    json!({
        "major": major, "minor": minor, "gitVersion": git_version, "gitCommit": "", "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "", "platform": platform,
    })
}

fn groups(path: &str, headers: &HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wanted = |choice: &str| {
        let choice: String = choice.split_whitespace().collect::<String>() + ";";
        if !choice.contains("as=APIGroupDiscoveryList;") {
            return None;
        }
        AGGREGATED.iter().find(|(version, _)| choice.contains(version)).map(|(_, media)| *media)
    };
    let core = path == "/api";
    if let Some(media) = accept.split(',').find_map(wanted) {
        let list = aggregated(if core { "" } else { GROUP }, media.contains("v=v2;"));
        return (StatusCode::OK, [(CONTENT_TYPE, media)], list.to_string()).into_response();
    }
    let plain = if core {
        json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
    } else {
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [fleet_group()]})
    };
    super::json(StatusCode::OK, &plain)
}

fn fleet_group() -> Value {
    let version = json!({"groupVersion": API_VERSION, "version": VERSION});
    json!({"kind": "APIGroup", "apiVersion": "v1", "name": GROUP, "versions": [version], "preferredVersion": version})
}

fn kinds(group: &str) -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(move |kind| kind.group() == group)
}

fn verbs(kind: Kind) -> Value {
    if kind.read_only() {
        json!(["get", "list", "watch"])
    } else {
        json!(["create", "delete", "get", "list", "patch", "update", "watch"])
    }
}

fn categories(kind: Kind) -> Value {
    if kind.group().is_empty() { json!([]) } else { json!(["fleet"]) }
}

fn resource_list(group: &str, version: &str) -> Value {
    let mut resources = Vec::new();
    for kind in kinds(group) {
        resources.push(json!({
            "name": kind.plural(), "singularName": kind.singular(), "namespaced": kind.namespaced(),
            "kind": kind.as_str(), "verbs": verbs(kind), "shortNames": kind.short_names(), "categories": categories(kind),
        }));
        if kind.has_status() {
            resources.push(json!({
                "name": format!("{}/status", kind.plural()), "singularName": "", "namespaced": kind.namespaced(),
                "kind": kind.as_str(), "verbs": ["get"],
            }));
        }
    }
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources})
}

fn aggregated(group: &str, v2: bool) -> Value {
    let resource = |kind: Kind| {
        let response = json!({"group": kind.group(), "version": kind.version(), "kind": kind.as_str()});
        let mut resource = json!({
            "resource": kind.plural(), "responseKind": response, "singularResource": kind.singular(),
            "scope": if kind.namespaced() { "Namespaced" } else { "Cluster" },
            "verbs": verbs(kind), "shortNames": kind.short_names(), "categories": categories(kind),
        });
        if kind.has_status() {
            resource["subresources"] = json!([{"subresource": "status", "responseKind": response, "verbs": ["get"]}]);
        }
        resource
    };
    let version = if group.is_empty() { "v1" } else { VERSION };
    let resources: Vec<_> = kinds(group).map(resource).collect();
    let name = if group.is_empty() { json!({}) } else { json!({"name": group}) };
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": if v2 { "apidiscovery.k8s.io/v2" } else { "apidiscovery.k8s.io/v2beta1" },
        "metadata": {},
        "items": [{
            "metadata": name,
            "versions": [{"version": version, "resources": resources, "freshness": "Current"}],
        }],
    })
}
