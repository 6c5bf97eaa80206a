//! A tree, the options of one cluster and facts about it become ordered objects.
//!
//! [`render`] is pure: same input, same output. The hub calls it once for each distinct input, the agent where the
//! input must not leave the cluster, the command line for `skiff render`.

mod copies;
#[cfg(test)]
mod cve_replay;
mod deployment;
mod error;
mod helm;
mod hooks;
mod inflate;
mod kinds;
mod kustomize;
mod namespace;
pub mod outside;
mod overlay;
pub mod packed;
mod raw;
mod sources;
pub mod strategic;
pub mod style;
mod templating;
mod values;

pub use copies::add_copies;
pub use deployment::{key_in_cluster, to_deployment};
pub use error::RenderError;
pub use helm_rs::Values;
pub use inflate::TreeCharts;
pub use sources::{InCluster, from_sources, is_rendered_in_cluster, to_sources};
pub use templating::holds_template;

use helm::Templated;

use file_tree::Files;
use fleet_api::labels::RESOURCE_POLICY_ANNOTATION;
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::BundleDeploymentOptions;
use k8s_yaml::Document;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a bundle may know of the cluster that it is rendered for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterFacts {
    /// Namespace of the Cluster at the hub.
    pub namespace: String,
    /// Name of the Cluster.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// `spec.templateValues` of the Cluster.
    pub template_values: Map<String, Value>,
    /// `v1.36.3`; empty where it is not known.
    pub kubernetes_version: String,
    /// `group/version` and `group/version/Kind` of what the cluster serves.
    pub api_versions: Vec<String>,
}

/// What is rendered.
#[derive(Clone, Copy)]
pub struct RenderInput<'a> {
    /// The files of the bundle, by their path below its directory.
    pub files: &'a dyn Files,
    /// The bundle's directory, for messages; empty for the root of the repository.
    pub prefix: &'a str,
    /// The bundle's name.
    pub bundle: &'a str,
    /// The options, with the customizations of the cluster.
    pub options: &'a BundleDeploymentOptions,
    /// The cluster.
    pub cluster: &'a ClusterFacts,
    /// What random functions draw from; without it they are an error.
    pub chance: Option<Chance>,
}

/// What is random and what is present in templates, so that the same input gives the same bytes (DESIGN §5).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Chance {
    /// Derived from a secret, the cluster and the bundle: who knows it knows what templates make up.
    pub seed: [u8; 32],
    /// When the input was rendered first, in seconds since 1970.
    pub time: i64,
}

impl std::fmt::Debug for Chance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chance").field("time", &self.time).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RenderInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RenderInput").field("bundle", &self.bundle).finish_non_exhaustive()
    }
}

pub(crate) use RenderInput as Input;

impl RenderInput<'_> {
    /// A file's path from the root of the repository.
    fn place(&self, path: &str) -> String {
        if self.prefix.is_empty() { path.to_owned() } else { format!("{}/{path}", self.prefix) }
    }

    fn bytes(&self, path: &str) -> Result<Cow<'_, [u8]>, RenderError> {
        self.files.read(path).map_err(|error| RenderError::file(self.place(path), error.to_string()))
    }

    fn text(&self, path: &str) -> Result<Cow<'_, str>, RenderError> {
        Ok(match self.bytes(path)? {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        })
    }

    fn parse(&self, path: &str) -> Result<Vec<Document>, RenderError> {
        k8s_yaml::from_bytes(&self.bytes(path)?, &k8s_yaml::Options::sigs())
            .map_err(|error| RenderError::yaml(&self.place(path), &error))
    }
}

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedObject {
    /// The object.
    pub value: Value,
    /// Where it comes from, from the root of the repository: `web/more.yaml:4`.
    pub source: String,
}

/// What a bundle is in one cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The objects in the order of the files. Who applies them sorts by kind.
    pub objects: Vec<RenderedObject>,
    /// The options, with labels of the cluster filled in.
    pub options: BundleDeploymentOptions,
    /// Where namespaced objects without a namespace go.
    pub release_namespace: String,
    /// What the bundle's author should know.
    pub notes: Vec<Note>,
}

/// Renders a bundle for a cluster.
///
/// # Errors
/// The first thing that is wrong, by file, line and column.
pub fn render(input: &RenderInput<'_>) -> Result<Rendered, RenderError> {
    build(input, resolve(input)?, None)
}

/// The options of a bundle with the labels of the cluster filled in and their templates executed.
///
/// # Errors
/// A namespace or a release name that is none, and a template that is malformed, fails, or makes no YAML.
pub fn resolve(input: &RenderInput<'_>) -> Result<BundleDeploymentOptions, RenderError> {
    let mut options = input.options.clone();
    templating::names(input, &mut options)?;
    namespace::of_release(&options)?;
    values::preprocess(&mut options, input.cluster, input.chance, &input.place("fleet.yaml"))?;
    Ok(options)
}

/// What comes after [`resolve`]; `values_from` are the values that were read in the cluster, where it is rendered there.
pub(crate) fn build(
    input: &RenderInput<'_>,
    options: BundleDeploymentOptions,
    values_from: Option<&[Values]>,
) -> Result<Rendered, RenderError> {
    if !templating::is_all(&options) {
        return from_files(input, options, values_from);
    }
    let files = templating::Executed::new(input);
    let made = from_files(&RenderInput { files: &files, ..*input }, options, values_from);
    files.into_error().map_or(made, Err)
}

/// What the files make with these options.
fn from_files(
    input: &RenderInput<'_>,
    options: BundleDeploymentOptions,
    values_from: Option<&[Values]>,
) -> Result<Rendered, RenderError> {
    let release_namespace = namespace::of_release(&options)?;
    let exists = |path: &str| input.files.exists(path);
    let style = style::detect(&options, exists);
    if let (None, Some(helm)) = (&style.chart, options.helm.as_ref().filter(|helm| !helm.repo.is_empty())) {
        let message = format!("the chart `{}` of {} was not fetched for these options", helm.chart, helm.repo);
        return Err(RenderError::file(input.place("fleet.yaml"), message));
    }
    let mut notes = Vec::new();
    let templated = |notes| Templated { input, options: &options, namespace: &release_namespace, values_from, notes };
    let mut objects = match (&style.kustomization, &style.chart) {
        (None, None) => {
            notes.extend(style::likely_mistakes(&options, exists).map(|(path, message)| {
                let place = input.place(&path);
                Note::new(Reason::LikelyMistake, format!("{place}: {message}")).in_file(place)
            }));
            let raw::Raw { mut objects, templates } = raw::read(input, &mut notes)?;
            if !templates.is_empty() {
                objects.extend(templated(&mut notes).templates(templates)?);
            }
            objects
        }
        (None, Some(chart)) => templated(&mut notes).chart(chart)?,
        (Some(dir), chart) => {
            let made = chart.as_ref().map(|chart| templated(&mut notes).chart(chart)).transpose()?;
            let made = made.map(|objects| {
                let values: Vec<Value> = objects.into_iter().map(|object| object.value).collect();
                k8s_yaml::documents_to_string(&values)
            });
            let (objects, odd) = kustomize::objects(input, dir, made.as_deref())?;
            notes.extend(odd);
            objects
        }
    };
    hooks::leave_out(&mut objects, &mut notes);
    if !options.delete_crd_resources {
        objects.iter_mut().for_each(keep_definition);
    }
    if !options.target_namespace.is_empty() {
        namespace::force(&mut objects, &release_namespace)?;
    }
    Ok(Rendered { objects, options, release_namespace, notes })
}

/// A CustomResourceDefinition says on itself that it stays when its bundle goes, as Fleet has it.
fn keep_definition(object: &mut RenderedObject) {
    if object.value["kind"] != "CustomResourceDefinition" {
        return;
    }
    let metadata = object.value.as_object_mut().and_then(|object| object.get_mut("metadata"));
    let Some(metadata) = metadata.and_then(Value::as_object_mut) else { return };
    let annotations = metadata.entry("annotations").or_insert(Value::Null);
    if annotations.is_null() {
        *annotations = Value::Object(Map::new());
    }
    if let Value::Object(annotations) = annotations {
        annotations.insert(RESOURCE_POLICY_ANNOTATION.to_owned(), Value::from("keep"));
    }
}

fn joined(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}
