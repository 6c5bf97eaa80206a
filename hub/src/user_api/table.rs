//! Lists as tables, for kubectl, the command line and the page. The columns are those of Fleet's CRDs.

use crate::store::Kind;
use serde_json::{Value, json};

/// A column.
struct Column {
    name: &'static str,
    description: &'static str,
    /// 0 is always shown, 1 with `-o wide`.
    priority: u8,
    cell: fn(&Value) -> String,
}

/// What is put with each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Include {
    /// The metadata.
    Metadata,
    /// The object.
    Object,
    /// Nothing.
    Nothing,
}

impl Include {
    pub(super) fn parse(text: Option<&str>) -> Self {
        match text {
            Some("Object") => Self::Object,
            Some("None") => Self::Nothing,
            _ => Self::Metadata,
        }
    }
}

/// The table of some objects.
pub(super) fn of(kind: Kind, objects: &[&Value], metadata: &Value, include: Include) -> Value {
    let columns = columns(kind);
    let definition = |column: &Column| {
        let format = if column.name == "Name" { "name" } else { "" };
        json!({
            "name": column.name, "type": "string", "format": format,
            "description": column.description, "priority": column.priority,
        })
    };
    let row = |object: &&Value| {
        let cells: Vec<_> = columns.iter().map(|column| (column.cell)(object)).collect();
        let mut row = json!({"cells": cells});
        match include {
            Include::Metadata => row["object"] = partial(object),
            Include::Object => row["object"] = (*object).clone(),
            Include::Nothing => {}
        }
        row
    };
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": columns.iter().map(definition).collect::<Vec<_>>(),
        "rows": objects.iter().map(row).collect::<Vec<_>>(),
    })
}

/// The metadata of an object alone.
pub(super) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

const fn column(name: &'static str, description: &'static str, cell: fn(&Value) -> String) -> Column {
    Column { name, description, priority: 0, cell }
}

const fn wide(name: &'static str, description: &'static str, cell: fn(&Value) -> String) -> Column {
    Column { name, description, priority: 1, cell }
}

fn text(object: &Value, path: &str) -> String {
    match object.pointer(path) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The address of a repository without the password, or the token, that it may hold: tables are shown to whoever looks on.
fn shown_address(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (place, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match place.rsplit_once('@') {
        // Of ssh it is no secret who one is.
        Some((user, host)) if user.contains(':') || !scheme.contains("ssh") => format!("{scheme}://…@{host}{path}"),
        _ => url.to_owned(),
    }
}

fn short(object: &Value, path: &str) -> String {
    let text = text(object, path);
    text.strip_prefix("sha256:").unwrap_or(&text).chars().take(12).collect()
}

/// The message of a condition; its state in a word where there is none.
fn condition(object: &Value, name: &str) -> String {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let Some(found) = conditions.into_iter().flatten().find(|condition| condition["type"] == name) else {
        return String::new();
    };
    match (found["message"].as_str().unwrap_or_default(), found["status"].as_str()) {
        ("", Some("True")) => name.to_owned(),
        ("", Some(status)) => {
            let reason = found["reason"].as_str().filter(|reason| !reason.is_empty());
            reason.map_or_else(|| format!("{name}={status}"), str::to_owned)
        }
        (message, _) => message.to_owned(),
    }
}

fn columns(kind: Kind) -> Vec<Column> {
    let name = column("Name", "The name.", |object| text(object, "/metadata/name"));
    let status = || column("Status", "How it is, in words.", |object| condition(object, "Ready"));
    let ready = |name, path: fn(&Value) -> String| column(name, "Ready, of how many.", path);
    let mut columns = vec![name];
    match kind {
        Kind::GitRepo => columns.extend([
            column("Repo", "The repository.", |object| shown_address(&text(object, "/spec/repo"))),
            column("Commit", "The commit that was read last.", |object| text(object, "/status/commit")),
            ready("BundleDeployments-Ready", |object| text(object, "/status/display/readyBundleDeployments")),
            status(),
            wide("Branch", "The branch or revision.", |object| {
                let revision = text(object, "/spec/revision");
                if revision.is_empty() { text(object, "/spec/branch") } else { revision }
            }),
        ]),
        Kind::Bundle => columns.extend([
            ready("BundleDeployments-Ready", |object| text(object, "/status/display/readyClusters")),
            status(),
            wide("Bundle-ID", "The digest of the bundle.", |object| short(object, "/status/bundleId")),
            wide("Commit", "The commit.", |object| text(object, "/metadata/labels/fleet.cattle.io~1commit")),
        ]),
        Kind::Cluster => columns.extend([
            ready("Bundles-Ready", |object| text(object, "/status/display/readyBundles")),
            column("Last-Seen", "When the agent was heard of last.", |object| text(object, "/status/agent/lastSeen")),
            status(),
            wide("Kubernetes", "Its version.", |object| text(object, "/status/agent/kubernetesVersion")),
            wide("Agent", "The agent's version.", |object| text(object, "/status/agent/version")),
        ]),
        Kind::ClusterGroup => columns.extend([
            ready("Clusters-Ready", |object| text(object, "/status/display/readyClusters")),
            ready("Bundles-Ready", |object| text(object, "/status/display/readyBundleDeployments")),
            status(),
        ]),
        Kind::BundleDeployment => columns.extend([
            column("Deployed", "Whether it is applied.", |object| condition(object, "Deployed")),
            column("Monitored", "Whether it is looked after.", |object| condition(object, "Monitored")),
            status(),
            wide("Cluster", "The cluster.", |object| text(object, "/spec/cluster")),
            wide("Deployment-ID", "The digest of the deployment.", |object| short(object, "/spec/deploymentID")),
        ]),
        Kind::Secret => columns.extend([
            column("Type", "The type.", |object| text(object, "/type")),
            column("Data", "How many values.", |object| {
                object["data"].as_object().map_or(0, serde_json::Map::len).to_string()
            }),
        ]),
        Kind::ConfigMap => columns.push(column("Data", "How many values.", |object| {
            let count = |field: &str| object[field].as_object().map_or(0, serde_json::Map::len);
            (count("data") + count("binaryData")).to_string()
        })),
        Kind::Namespace => columns.push(column("Status", "Its phase.", |object| text(object, "/status/phase"))),
        Kind::BundleNamespaceMapping => {}
    }
    // It is made when it is asked for, and has no age.
    if kind == Kind::BundleDeployment {
        return columns;
    }
    let age = |object: &Value| age(&text(object, "/metadata/creationTimestamp"));
    columns.push(match kind {
        Kind::Secret | Kind::ConfigMap | Kind::Namespace | Kind::BundleNamespaceMapping => {
            column("Age", "Since when it exists.", age)
        }
        _ => wide("Age", "Since when it exists.", age),
    });
    columns
}

/// As kubectl writes ages, roughly: `45s`, `12m`, `5h`, `3d`.
fn age(created: &str) -> String {
    let Ok(created) = created.parse::<jiff::Timestamp>() else { return String::new() };
    let seconds = jiff::Timestamp::now().as_second().saturating_sub(created.as_second()).max(0);
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}m", seconds / 60),
        7200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::shown_address;

    #[test]
    fn addresses_are_shown_without_their_secrets() {
        for (url, shown) in [
            ("https://git.example/a", "https://git.example/a"),
            ("https://ada:secret@git.example/a@b", "https://…@git.example/a@b"),
            ("https://token@git.example:8443/a", "https://…@git.example:8443/a"),
            ("ssh://git@git.example/a", "ssh://git@git.example/a"),
            ("ssh://git:secret@git.example", "ssh://…@git.example"),
            ("git@git.example:a", "git@git.example:a"),
            ("", ""),
        ] {
            assert_eq!(shown_address(url), shown);
        }
    }
}
