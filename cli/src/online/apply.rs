//! `skiff apply`: creates or replaces what a file holds: spec, labels and annotations. What the server owns is ignored.

use super::client::{Client, Failure};
use super::names::{Named, collection};
use crate::error::CliError;
use crate::output::Output;
use k8s_yaml::Node;
use reqwest::Method;
use serde_json::Value;
use skiff_hub::store::Kind;
use std::io::Read as _;

/// An object of a file, and where it stands there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Given {
    pub(super) named: Named,
    pub(super) object: Value,
    pub(super) place: Place,
}

/// Where an object stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    file: String,
    node: Node,
}

impl Place {
    /// `file:line:column` of a field such as `spec.targets[0].clusterSelector`; of what is nearest above it, where it is
    /// not there.
    fn of(&self, field: &str) -> String {
        let mut at = &self.node;
        let mut position = at.position;
        for part in field.split(['.', '[']) {
            let next = match part.strip_suffix(']') {
                Some(index) => index.parse().ok().and_then(|index: usize| at.as_list()?.get(index)).map(|n| (n, None)),
                None => at
                    .as_mapping()
                    .and_then(|mapping| mapping.iter().find(|entry| *entry.key.text == *part))
                    .map(|entry| (&entry.value, Some(entry.key.position))),
            };
            let Some((node, key)) = next else { break };
            position = key.unwrap_or(node.position);
            at = node;
        }
        format!("{}:{position}", self.file)
    }

    /// Of a warning that names a field in quotes, the place of that; the object's own otherwise.
    fn of_warning(&self, warning: &str) -> String {
        let field = warning.strip_prefix("unknown field \"").and_then(|rest| rest.split('"').next());
        let field = field.or_else(|| warning.split_once(": ").map(|(field, _)| field));
        self.of(field.unwrap_or_default())
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.node.position)
    }
}

/// Reads all files; one that cannot be read means that nothing is sent.
pub(super) fn read(files: &[String], namespace: &str) -> Result<Vec<Given>, CliError> {
    let mut objects = Vec::new();
    for file in files {
        let failed = |error: std::io::Error| CliError::Failed(format!("{file}: {error}"));
        if file == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map_err(failed)?;
            objects.extend(parse("stdin", &bytes, namespace)?);
        } else {
            let bytes = std::fs::read(file).map_err(failed)?;
            objects.extend(parse(file, &bytes, namespace)?);
        }
    }
    if objects.is_empty() {
        return Err(CliError::Failed("there is no object in what was given".into()));
    }
    Ok(objects)
}

/// The objects of a stream of documents; the items of a `List` are objects, too.
pub(super) fn parse(file: &str, bytes: &[u8], namespace: &str) -> Result<Vec<Given>, CliError> {
    let wrong = |error: &k8s_yaml::Error| CliError::Failed(error.in_file(file));
    let documents = k8s_yaml::from_bytes(bytes, &k8s_yaml::Options::strict()).map_err(|error| wrong(&error))?;
    let mut objects = Vec::new();
    for document in documents.iter().filter(|document| !document.empty) {
        let root = &document.node;
        let is_list = root.get("kind").and_then(Node::as_str).is_some_and(|kind| kind.ends_with("List"));
        let items = root.get("items").and_then(Node::as_list).filter(|_| is_list);
        for node in items.unwrap_or_else(|| std::slice::from_ref(root)) {
            let value = node.to_json().map_err(|error| wrong(&error))?;
            objects.push(object(Place { file: file.to_owned(), node: node.clone() }, value, namespace)?);
        }
    }
    Ok(objects)
}

fn object(place: Place, mut value: Value, namespace: &str) -> Result<Given, CliError> {
    let wrong = |field: &str, why: String| CliError::Failed(format!("{}: {why}", place.of(field)));
    let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
    let (Some(api_version), Some(kind)) = (text(&value, "apiVersion"), text(&value, "kind")) else {
        return Err(wrong("kind", "an object with apiVersion and kind is expected".into()));
    };
    let known = Kind::of(&api_version, &kind).filter(|kind| !kind.read_only()).ok_or_else(|| {
        let kinds: Vec<_> = Kind::ALL.iter().filter(|kind| !kind.read_only()).map(|kind| kind.as_str()).collect();
        wrong("kind", format!("{kind} of {api_version} is nothing for the hub; there are {}", kinds.join(", ")))
    })?;
    let name = text(&value["metadata"], "name").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| wrong("metadata.name", "metadata.name is missing".into()))?;
    let own = text(&value["metadata"], "namespace").filter(|namespace| !namespace.is_empty());
    let namespace = own.unwrap_or_else(|| namespace.to_owned());
    let named = Named::new(known, &namespace, &name).map_err(|error| wrong("metadata.name", error.to_string()))?;
    if let Some(map) = value.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = value["metadata"].as_object_mut() {
        for key in ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"] {
            metadata.remove(key);
        }
        if known.namespaced() {
            metadata.insert("namespace".into(), namespace.into());
        }
    }
    Ok(Given { named, object: value, place })
}

/// Sends all of them; one that is refused does not hold up the others.
pub(super) async fn run(hub: &Client, objects: &[Given], output: &mut Output) -> Result<(), CliError> {
    let mut failures = Vec::new();
    for given in objects {
        match send(hub, given).await {
            Ok((done, warnings)) => {
                for warning in warnings {
                    output.note(&format!("warning: {}: {warning}", given.place.of_warning(&warning)));
                }
                output.line(&format!("{} {done}", given.named))?;
            }
            Err(failure) if failure.code.is_none() => return Err(failure.into()),
            Err(failure) => failures.extend(told(given, &failure)),
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(CliError::Many(failures)) }
}

/// Each field that was refused with its place.
fn told(given: &Given, failure: &Failure) -> Vec<String> {
    if failure.causes.is_empty() {
        return vec![format!("{}: {}", given.place, failure.message)];
    }
    let causes = failure.causes.iter();
    causes.map(|(field, why)| format!("{}: {}: {field}: {why}", given.place.of(field), given.named)).collect()
}

async fn send(hub: &Client, given: &Given) -> Result<(&'static str, Vec<String>), Failure> {
    let path = given.named.path();
    let before = super::read(hub, &path).await?;
    let json = "application/json";
    if let Some(before) = before {
        let (after, warnings) = hub.exchange(Method::PUT, &path, json, Some(&given.object), json).await?;
        let same = super::metadata(&before, "resourceVersion") == super::metadata(&after, "resourceVersion");
        return Ok((if same { "unchanged" } else { "changed" }, warnings));
    }
    let path = collection(given.named.kind, Some(&given.named.namespace));
    let (_, warnings) = hub.exchange(Method::POST, &path, json, Some(&given.object), json).await?;
    Ok(("created", warnings))
}
