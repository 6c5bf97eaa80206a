//! What a Bundle takes along from the hub (`downstreamResources`): the Secrets and ConfigMaps themselves, read when it is
//! rendered. Called by [`rendering`](crate::rendering).
//!
//! Invariant: what is in them goes into blobs (of Secrets sealed ones) and nowhere else: no note, no log.

use crate::rendering::RenderFailure;
use crate::store::{Kind, Resources};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::reason::{Note, Reason};
use serde_json::{Map, Value, json};
use skiff_planner::hub::{Copied, CopyState, RenderInput};

/// Labels that say whose an object is at the hub: in a cluster they would be a lie, and some tools delete by them.
const OF_TOOLS: [&str; 6] = [
    "app.kubernetes.io/managed-by",
    "argocd.argoproj.io/",
    "helm.toolkit.fluxcd.io/",
    "kustomize.toolkit.fluxcd.io/",
    "objectset.rio.cattle.io/",
    "skiff.dev/",
];

/// The manifests of the copies, without a namespace: of Secrets what is in the store now, which may be newer than what the
/// input names; then another input is on its way.
pub(crate) async fn read(resources: &Resources, input: &RenderInput) -> Result<Vec<Value>, RenderFailure> {
    let mut all = Vec::new();
    let mut wrong = Vec::new();
    for copied in &input.copies {
        match one(resources, input, copied).await {
            Ok(value) => all.push(value),
            Err(note) => wrong.push(note.in_file(input.directory.clone())),
        }
    }
    if wrong.is_empty() { Ok(all) } else { Err(RenderFailure::Wrong(wrong)) }
}

async fn one(resources: &Resources, input: &RenderInput, copied: &Copied) -> Result<Value, Note> {
    let namespace = input.bundle.namespace.as_str();
    let Copied { kind, name, state } = copied;
    let named = format!("{kind} {namespace}/{name}, which downstreamResources of Bundle {} names,", input.bundle);
    let missing = || Note::new(Reason::DownstreamResourceMissing, format!("{named} does not exist at the hub"));
    match state {
        CopyState::Version(_) => {}
        CopyState::Missing => return Err(missing()),
        CopyState::Credential(gitrepo) => {
            let message = format!("{named} is what the hub reads GitRepo {gitrepo} with: it is not sent to clusters");
            return Err(Note::new(Reason::DownstreamResourceRefused, message));
        }
        CopyState::UnknownKind => {
            let message = format!("{named} is of a kind that is not copied: `Secret` and `ConfigMap` are");
            return Err(Note::new(Reason::InvalidFleetYaml, message));
        }
    }
    let of = if kind == "Secret" { Kind::Secret } else { Kind::ConfigMap };
    let object = resources.object(of, namespace, name).ok_or_else(missing)?;
    let mut copy = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    let labels = labels(&object.value()["metadata"]["labels"]);
    if !labels.is_empty() {
        copy["metadata"]["labels"] = Value::Object(labels);
    }
    if of == Kind::ConfigMap {
        for field in ["data", "binaryData"] {
            let values = object.value()[field].clone();
            if values.as_object().is_some_and(|values| !values.is_empty()) {
                copy[field] = values;
            }
        }
        return Ok(copy);
    }
    let unread = |error| Note::new(Reason::Internal, format!("{named} cannot be read: {error}"));
    let secret = resources.secret(namespace, name).await.map_err(unread)?.ok_or_else(missing)?;
    copy["type"] = secret.secret_type.clone().into();
    let data = secret.data.iter().map(|(key, value)| (key.clone(), Value::from(STANDARD.encode(value.as_slice()))));
    copy["data"] = data.collect::<Map<_, _>>().into();
    Ok(copy)
}

fn labels(of_hub: &Value) -> Map<String, Value> {
    let labels = of_hub.as_object().into_iter().flatten();
    let is_kept = |key: &str| !OF_TOOLS.iter().any(|tool| key.starts_with(tool));
    labels.filter(|(key, _)| is_kept(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}
