//! Deployments that are rendered in the cluster, because `helm.valuesFrom` names values that must not leave it: what the hub
//! sends ([`to_sources`]), and what the agent makes of it ([`from_sources`]).
//!
//! Invariant: nothing of the values stands in a message. An error whose words are not the same with other values in the place
//! of these is told without its words.

use crate::{Chance, ClusterFacts, RenderError, RenderInput, Rendered, Values, build, resolve, to_deployment};
use file_tree::Files;
use fleet_api::Digest;
use fleet_api::names::Ref;
use fleet_api::reason::{Note, Reason};
use fleet_api::wire::{Deployment, SOURCES_PROTOCOL, Sources, TEMPLATING_PROTOCOL, TemplateData};
use serde_json::{Map, Value};

/// Whether a bundle has values that are read in its cluster.
#[must_use]
pub fn is_rendered_in_cluster(input: &RenderInput<'_>) -> bool {
    input.options.helm.as_ref().is_some_and(|helm| !helm.values_from.is_empty())
}

/// The document from which the agent of the cluster renders; `tree` is the blob with the files of the bundle.
///
/// # Errors
/// As [`resolve`]; and where there is no seed, since only the render could tell that it needs none.
pub fn to_sources(input: &RenderInput<'_>, bundle: &Ref, tree: Digest) -> Result<Deployment, RenderError> {
    let Some(Chance { seed, time }) = input.chance else {
        let place = input.place("fleet.yaml");
        return Err(RenderError::NeedsChance { feature: "values that are read in the cluster", place });
    };
    let mut options = resolve(input)?;
    let release_namespace = crate::namespace::of_release(&options)?;
    if let Some(helm) = &mut options.helm {
        helm.template_values = None;
    }
    let is_templated = crate::templating::is_all(&options);
    let empty = Rendered { objects: Vec::new(), options, release_namespace, notes: Vec::new() };
    let (document, _) = to_deployment(&empty, bundle);
    let sources = Sources {
        tree,
        directory: input.prefix.to_owned(),
        options: empty.options,
        seed: hex::encode(seed),
        time,
        cluster: is_templated.then(|| template_data(input.cluster)),
        unknown: std::collections::BTreeMap::new(),
    };
    let protocol = if is_templated { TEMPLATING_PROTOCOL } else { SOURCES_PROTOCOL };
    Ok(Deployment { protocol, sources: Some(sources), ..document })
}

/// What templates see and no more: another annotation of the hub is no change for the cluster, and none of its business.
fn template_data(cluster: &ClusterFacts) -> TemplateData {
    let seen = |all, are_labels| {
        let visible = crate::templating::visible(all, are_labels).into_iter();
        visible.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    TemplateData {
        namespace: cluster.namespace.clone(),
        name: cluster.name.clone(),
        labels: seen(&cluster.labels, true),
        annotations: seen(&cluster.annotations, false),
        values: cluster.template_values.clone(),
    }
}

/// The cluster as its agent sees it, with what the hub says of it.
fn facts(seen: &ClusterFacts, told: Option<&TemplateData>) -> ClusterFacts {
    let Some(TemplateData { namespace, name, labels, annotations, values }) = told.cloned() else {
        return seen.clone();
    };
    ClusterFacts { namespace, name, labels, annotations, template_values: values, ..seen.clone() }
}

/// The canonical JSON of objects, by digest.
type Objects = Vec<(Digest, Vec<u8>)>;

/// What an agent has at hand.
#[derive(Clone, Copy)]
pub struct InCluster<'a> {
    /// The files of the bundle.
    pub files: &'a dyn Files,
    /// What its API server is; names and labels come with the sources.
    pub cluster: &'a ClusterFacts,
    /// The values, each laid over the one before.
    pub values: &'a [Values],
}

impl std::fmt::Debug for InCluster<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InCluster")
    }
}

/// Renders a document with sources, whose digest is `from`: the Deployment, and what was rendered for it by digest. Copies
/// that the document takes along from the hub are in the Deployment, too.
///
/// # Errors
/// A note in which nothing of the values stands.
pub fn from_sources(document: &Deployment, from: Digest, with: InCluster<'_>) -> Result<(Deployment, Objects), Note> {
    let broken = |what: &str| Note::new(Reason::Internal, format!("bundle {}: {what}", document.bundle));
    let sources = document.sources.as_ref().ok_or_else(|| broken("the deployment has no sources"))?;
    let seed = seed(&sources.seed).ok_or_else(|| broken("the seed of its sources is none"))?;
    let cluster = facts(with.cluster, sources.cluster.as_ref());
    let input = RenderInput {
        files: with.files,
        prefix: &sources.directory,
        bundle: document.bundle.name.as_str(),
        options: &sources.options,
        cluster: &cluster,
        chance: Some(Chance { seed, time: sources.time }),
    };
    let attempt = |values: &[Values]| build(&input, sources.options.clone(), Some(values));
    let rendered = attempt(with.values).map_err(|error| {
        let others: Vec<Values> = with.values.iter().map(others).collect();
        without_values(&error, attempt(&others).as_ref().err())
    })?;
    let (mut deployment, blobs) = to_deployment(&rendered, &document.bundle);
    crate::copies::join(&mut deployment, document.objects.clone())?;
    Ok((Deployment { rendered_from: Some(from), ..deployment }, blobs))
}

/// The note of an error, in full where it reads the same with other values: then it does not depend on them.
fn without_values(error: &RenderError, with_others: Option<&RenderError>) -> Note {
    let note = error.note();
    if with_others == Some(error) {
        return note;
    }
    let words =
        "it does not render with the values of this cluster (helm.valuesFrom), and what the error says depends on them";
    let (place, file) = match error {
        // What comes behind the name of the file may be of the values: an object's name, a line of it.
        RenderError::File { place, .. } | RenderError::ClusterScoped { place, .. } => {
            (format!("{place}: "), &*note.file)
        }
        RenderError::NeedsChance { .. } | RenderError::NotSupported { .. } | RenderError::Namespace { .. } => {
            (String::new(), "")
        }
    };
    let remedy = "run `skiff helm template` with these values where they may be seen; what runs is kept";
    Note::new(note.reason, format!("{place}{words}")).in_file(file).with_remedy(remedy)
}

/// Values of the same shape that say something else.
fn others(values: &Values) -> Values {
    Values::from_json(values.as_map().iter().map(|(key, value)| (key.clone(), other(value))).collect())
}

fn other(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let other = if text == "another text" { "a third text" } else { "another text" };
            Value::from(other)
        }
        Value::Number(number) if number.as_f64() == Some(7411.0) => Value::from(7412),
        Value::Number(_) => Value::from(7411),
        Value::Array(items) => items.iter().map(other).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), other(value))).collect::<Map<_, _>>().into(),
        Value::Bool(_) | Value::Null => value.clone(),
    }
}

fn seed(text: &str) -> Option<[u8; 32]> {
    let mut seed = [0; 32];
    hex::decode_to_slice(text, &mut seed).ok()?;
    Some(seed)
}
