//! `/version`, `/api`, `/apis` and what is below them, plain and aggregated, and the health endpoints.

use crate::request::Call;
use crate::resources::Resource;
use crate::respond::Reply;
use crate::schema::builtin::BuiltinSubresource;
use crate::state::State;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The version of Kubernetes that is modelled.
pub(crate) const GIT_VERSION: &str = "v1.36.3";

/// Answers what is not a resource; `None` where there is no such path.
pub(crate) fn handle(state: &State, call: &Call) -> Option<Reply> {
    let segments = call.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let aggregated = call.accept.contains("as=APIGroupDiscoveryList") && call.accept.contains("v=v2");
    match parts.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => Some(Reply::text(200, "ok")),
        ["openapi", "v3", rest @ ..] => crate::openapi_v3::handle(state, rest),
        ["version"] => Some(Reply::json(200, version())),
        ["api"] if aggregated => Some(discovery_list(state, true)),
        ["apis"] if aggregated => Some(discovery_list(state, false)),
        ["api"] => Some(Reply::json(
            200,
            json!({
                "kind": "APIVersions",
                "versions": ["v1"],
                "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}],
            }),
        )),
        ["apis"] => {
            let groups: Vec<Value> = groups(state).iter().filter(|g| !g.is_empty()).map(|g| group(state, g)).collect();
            Some(Reply::json(200, json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})))
        }
        ["apis", name] if groups(state).iter().any(|g| g == name) => {
            let mut out = group(state, name);
            let mut whole = json!({"kind": "APIGroup", "apiVersion": "v1"});
            if let (Some(to), Some(from)) = (whole.as_object_mut(), out.as_object_mut()) {
                to.append(from);
            }
            Some(Reply::json(200, whole))
        }
        ["api", "v1"] => Some(resource_list(state, "", "v1")),
        ["apis", group, version] if versions(state, group).iter().any(|v| v == version) => {
            Some(resource_list(state, group, version))
        }
        _ => None,
    }
}

/// Whether the path lies in a group version that is served.
pub(crate) fn has_group_version(state: &State, call: &Call) -> bool {
    let segments = call.segments();
    Call::group_version(&segments).is_some_and(|(g, v, _)| versions(state, g).iter().any(|known| known == v))
}

fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "skiff-sim",
        "platform": "linux/amd64",
    })
}

fn groups(state: &State) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for r in state.resources() {
        if !out.contains(&r.key.group) {
            out.push(r.key.group.clone());
        }
    }
    out
}

/// The versions of a group, the preferred one first.
fn versions(state: &State, group: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for r in state.resources().filter(|r| r.key.group == group) {
        if !out.contains(&r.version) {
            out.push(r.version.clone());
        }
    }
    out.sort_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| a.cmp(b)));
    out
}

/// `v2` over `v1` over `v1beta1` over `v1alpha1` over anything else (`util/version`).
fn rank(version: &str) -> (u8, u32, u32) {
    let Some(rest) = version.strip_prefix('v') else { return (0, 0, 0) };
    let digits = rest.chars().take_while(char::is_ascii_digit).count();
    let (major, rest) = rest.split_at(digits);
    let Ok(major) = major.parse() else { return (0, 0, 0) };
    let minor = |s: &str| s.parse().unwrap_or(0);
    match (rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
        _ if rest.is_empty() => (3, major, 0),
        (Some(n), _) => (2, major, minor(n)),
        (_, Some(n)) => (1, major, minor(n)),
        _ => (0, 0, 0),
    }
}

fn group(state: &State, name: &str) -> Value {
    let versions: Vec<Value> =
        versions(state, name).iter().map(|v| json!({"groupVersion": format!("{name}/{v}"), "version": v})).collect();
    let preferred = versions.first().cloned().unwrap_or(Value::Null);
    json!({"name": name, "versions": versions, "preferredVersion": preferred})
}

fn of_version<'a>(state: &'a State, group: &'a str, version: &'a str) -> impl Iterator<Item = &'a Arc<Resource>> {
    state.resources().filter(move |r| r.key.group == group && r.version == version)
}

fn put(map: &mut Value, key: &str, list: &[String]) {
    if !list.is_empty() {
        map[key] = json!(list);
    }
}

fn resource_list(state: &State, group: &str, version: &str) -> Reply {
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut resources = Vec::new();
    for r in of_version(state, group, version) {
        let mut entry = json!({
            "name": r.key.plural, "singularName": r.singular, "namespaced": r.namespaced, "kind": r.kind, "verbs": r.verbs,
        });
        put(&mut entry, "shortNames", &r.short_names);
        put(&mut entry, "categories", &r.categories);
        if !r.storage_hash.is_empty() {
            entry["storageVersionHash"] = r.storage_hash.clone().into();
        }
        resources.push(entry);
        for sub in subresources(r) {
            let mut entry = json!({
                "name": format!("{}/{}", r.key.plural, sub.name),
                "singularName": "", "namespaced": r.namespaced, "kind": sub.kind, "verbs": sub.verbs,
            });
            if sub.group != r.key.group || sub.version != r.version {
                entry["group"] = sub.group.into();
                entry["version"] = sub.version.into();
            }
            resources.push(entry);
        }
    }
    let mut out =
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources});
    if group.is_empty()
        && let Some(map) = out.as_object_mut()
    {
        map.shift_remove("apiVersion");
    }
    Reply::json(200, out)
}

struct Sub {
    name: String,
    kind: String,
    group: String,
    version: String,
    verbs: Vec<String>,
}

fn subresources(r: &Resource) -> Vec<Sub> {
    let of = |s: &BuiltinSubresource| Sub {
        name: s.name.into(),
        kind: s.kind.into(),
        group: s.group.into(),
        version: s.version.into(),
        verbs: s.verbs.iter().map(|v| (*v).to_owned()).collect(),
    };
    if let Some(b) = r.builtin {
        return b.subresources.iter().map(of).collect();
    }
    let verbs = || ["get", "patch", "update"].map(str::to_owned).to_vec();
    let mut out = Vec::new();
    if r.status {
        let (group, version) = (r.key.group.clone(), r.version.clone());
        out.push(Sub { name: "status".into(), kind: r.kind.clone(), group, version, verbs: verbs() });
    }
    if r.scale.is_some() {
        let (group, version) = ("autoscaling".into(), "v1".into());
        out.push(Sub { name: "scale".into(), kind: "Scale".into(), group, version, verbs: verbs() });
    }
    out
}

fn discovery_list(state: &State, core: bool) -> Reply {
    let items: Vec<Value> = groups(state)
        .iter()
        .filter(|g| g.is_empty() == core)
        .map(|g| {
            let versions: Vec<Value> = versions(state, g)
                .iter()
                .map(|v| {
                    let resources: Vec<Value> = of_version(state, g, v).map(|r| discovered(r)).collect();
                    json!({"version": v, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let mut meta = Map::new();
            if !g.is_empty() {
                meta.insert("name".into(), g.clone().into());
            }
            json!({"metadata": meta, "versions": versions})
        })
        .collect();
    let mut reply = Reply::json(
        200,
        json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}),
    );
    reply.content_type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    reply
}

/// Built-in resources leave out a group and version that are those of the list.
fn response_kind(r: &Resource, group: &str, version: &str, kind: &str) -> Value {
    let own = !r.custom && group == r.key.group && version == r.version;
    let (group, version) = if own { ("", "") } else { (group, version) };
    json!({"group": group, "version": version, "kind": kind})
}

fn discovered(r: &Resource) -> Value {
    let mut out = json!({
        "resource": r.key.plural,
        "responseKind": response_kind(r, &r.key.group, &r.version, &r.kind),
        "scope": if r.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": r.singular,
        "verbs": r.verbs,
    });
    put(&mut out, "shortNames", &r.short_names);
    put(&mut out, "categories", &r.categories);
    let subs: Vec<Value> = subresources(r)
        .into_iter()
        .map(|s| {
            json!({
                "subresource": s.name,
                "responseKind": response_kind(r, &s.group, &s.version, &s.kind),
                "verbs": s.verbs,
            })
        })
        .collect();
    if !subs.is_empty() {
        out["subresources"] = Value::Array(subs);
    }
    out
}
