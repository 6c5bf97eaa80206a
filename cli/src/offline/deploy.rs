//! What one bundle of a repository is in one cluster, by the code of the hub.

use super::clusters::{Universe, view};
use file_tree::Files;
use fleet_api::labels::DEFAULT_NAMESPACE;
use fleet_api::v1alpha1::Cluster;
use skiff_bundler::discover::{FoundBundle, bundle_tree, invalid_rollout};
use skiff_planner::target::{self, Resolution};
use skiff_render::{ClusterFacts, RenderInput, Rendered, render};

/// What a bundle is in a cluster.
pub(crate) enum Outcome {
    /// These objects, in the order in which they are applied.
    Rendered(Box<Rendered>),
    /// Nothing, and why.
    Nothing(String),
}

/// What the hub would know of the cluster's API server.
#[derive(Clone, Debug, Default)]
pub(crate) struct ApiServer {
    /// `v1.36.3`; empty where it is not known.
    pub(crate) kubernetes_version: String,
    /// `group/version` and `group/version/Kind`.
    pub(crate) api_versions: Vec<String>,
}

/// Resolves and renders one bundle.
///
/// # Errors
/// What is wrong with it, by file, line and column.
pub(crate) fn one(
    universe: &Universe,
    files: &dyn Files,
    cluster: &Cluster,
    server: &ApiServer,
    found: &FoundBundle,
) -> Result<Outcome, String> {
    let spec = &found.bundle.spec;
    let view = view(cluster);
    if let Some(why) = out_of_reach(universe, found, &view.namespace) {
        return Ok(Outcome::Nothing(why));
    }
    target::validate(spec).map_err(|error| error.to_string())?;
    let resolved = match target::resolve(spec, &view, &target::groups_of(&view, &universe.groups)) {
        Resolution::Deploy(resolved) => resolved,
        Resolution::Skip(note) => return Ok(Outcome::Nothing(note.message)),
    };
    if let Some(message) = invalid_rollout(spec) {
        return Err(message);
    }
    if spec.paused || cluster.spec.paused {
        return Ok(Outcome::Nothing("paused: it is staged, and nothing is deployed".to_owned()));
    }
    let tree = bundle_tree(files, found).map_err(|error| error.to_string())?;
    let input = RenderInput {
        files: &tree,
        prefix: &found.dir,
        bundle: found.name(),
        options: &resolved.options,
        cluster: &facts(server, cluster),
        // Not secret, so that a render can be compared with another one.
        chance: Some(skiff_render::Chance { seed: crate::offline::helm::DUMMY_SEED, time: 0 }),
    };
    let mut rendered = render(&input).map_err(|error| error.to_string())?;
    skiff_planner::order::sort_for_apply(&mut rendered.objects, |object| {
        object.value["kind"].as_str().unwrap_or_default()
    });
    Ok(Outcome::Rendered(Box::new(rendered)))
}

/// Why the clusters of a namespace are out of a bundle's reach, if they are.
pub(crate) fn out_of_reach(universe: &Universe, found: &FoundBundle, place: &str) -> Option<String> {
    let metadata = &found.bundle.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    let labels = metadata.labels.clone().unwrap_or_default();
    let reaches = target::reaches((namespace, &labels), place, &universe.mappings, &universe.namespaces);
    (!reaches).then(|| {
        format!("the cluster is in the namespace {place}, the bundle in {namespace}, and no BundleNamespaceMapping joins them")
    })
}

fn facts(server: &ApiServer, cluster: &Cluster) -> ClusterFacts {
    let metadata = &cluster.metadata;
    ClusterFacts {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
        labels: metadata.labels.clone().unwrap_or_default(),
        annotations: metadata.annotations.clone().unwrap_or_default(),
        template_values: cluster.spec.template_values.clone().unwrap_or_default(),
        kubernetes_version: server.kubernetes_version.clone(),
        api_versions: server.api_versions.clone(),
    }
}
