//! `skiff render`: the objects that one cluster would get, rendered with the code of the hub.

use super::clusters::{Universe, view};
use super::repository::{Repository, all_or_nothing, told};
use crate::args::RenderArgs;
use crate::error::CliError;
use crate::output::Output;
use fleet_api::labels::DEFAULT_NAMESPACE;
use fleet_api::v1alpha1::Cluster;
use serde_json::Value;
use skiff_bundler::discover::{FoundBundle, bundle_tree, invalid_rollout};
use skiff_planner::target::{self, ClusterView, Resolution};
use skiff_render::{ClusterFacts, RenderInput, Rendered, render};
use std::fs;
use std::path::Path;

/// Runs `skiff render`.
///
/// # Errors
/// What is wrong with the input, by file, line and column. What can be rendered is written all the same.
pub fn run(args: &RenderArgs, output: &mut Output) -> Result<(), CliError> {
    let universe = Universe::read(args.clusters.as_deref())?;
    let repository = Repository::open(&args.repository)?;
    let cluster = universe.choose(args, &repository.gitrepo)?;
    let mut errors = repository.report(output);
    let mut stream = Vec::new();
    for found in &repository.discovery.bundles {
        let title =
            format!("cluster {}: bundle {}", cluster.metadata.name.as_deref().unwrap_or_default(), found.name());
        match one(args, &universe, &repository, &cluster, found) {
            Err(message) => errors.push(format!("{title}: {message}")),
            Ok(Outcome::Nothing(why)) => output.note(&format!("{title}: nothing: {why}")),
            Ok(Outcome::Rendered(rendered)) => {
                for note in &rendered.notes {
                    output.note(&format!("warning: {title}: {}", told(note)));
                }
                match &args.output_by_bundle {
                    Some(dir) => write_files(dir, found.name(), &rendered)?,
                    None => stream.extend(rendered.objects.into_iter().map(|object| object.value)),
                }
            }
        }
    }
    if !stream.is_empty() {
        output.raw(&k8s_yaml::documents_to_string(&stream))?;
    }
    all_or_nothing(errors)
}

enum Outcome {
    Rendered(Box<Rendered>),
    Nothing(String),
}

/// Resolves and renders one bundle.
fn one(
    args: &RenderArgs,
    universe: &Universe,
    repository: &Repository,
    cluster: &Cluster,
    found: &FoundBundle,
) -> Result<Outcome, String> {
    let spec = &found.bundle.spec;
    let view = view(cluster);
    if let Some(why) = out_of_reach(universe, found, &view) {
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
    let tree = bundle_tree(&repository.files, found).map_err(|error| error.to_string())?;
    let input = RenderInput {
        files: &tree,
        prefix: &found.dir,
        bundle: found.name(),
        options: &resolved.options,
        cluster: &facts(args, cluster),
        // Not secret, so that a render can be compared with another one.
        chance: Some(skiff_render::Chance { seed: crate::offline::helm::DUMMY_SEED, time: 0 }),
    };
    let mut rendered = render(&input).map_err(|error| error.to_string())?;
    skiff_planner::order::sort_for_apply(&mut rendered.objects, |object| {
        object.value["kind"].as_str().unwrap_or_default()
    });
    Ok(Outcome::Rendered(Box::new(rendered)))
}

fn out_of_reach(universe: &Universe, found: &FoundBundle, view: &ClusterView) -> Option<String> {
    let metadata = &found.bundle.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    let labels = metadata.labels.clone().unwrap_or_default();
    let reaches = target::reaches((namespace, &labels), &view.namespace, &universe.mappings, &universe.namespaces);
    (!reaches).then(|| {
        let place = &view.namespace;
        format!("the cluster is in the namespace {place}, the bundle in {namespace}, and no BundleNamespaceMapping joins them")
    })
}

fn facts(args: &RenderArgs, cluster: &Cluster) -> ClusterFacts {
    let metadata = &cluster.metadata;
    ClusterFacts {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
        labels: metadata.labels.clone().unwrap_or_default(),
        annotations: metadata.annotations.clone().unwrap_or_default(),
        template_values: cluster.spec.template_values.clone().unwrap_or_default(),
        kubernetes_version: args.kube_version.clone().unwrap_or_default(),
        api_versions: args.api_versions.clone(),
    }
}

/// `DIR/<bundle>.yaml` and `DIR/<bundle>.options.yaml`.
fn write_files(dir: &Path, bundle: &str, rendered: &Rendered) -> Result<(), CliError> {
    let values: Vec<Value> = rendered.objects.iter().map(|object| object.value.clone()).collect();
    let options = serde_json::to_value(&rendered.options).map_err(std::io::Error::from)?;
    let objects = if values.is_empty() { String::new() } else { k8s_yaml::documents_to_string(&values) };
    fs::create_dir_all(dir)
        .and_then(|()| fs::write(dir.join(format!("{bundle}.yaml")), objects))
        .and_then(|()| fs::write(dir.join(format!("{bundle}.options.yaml")), k8s_yaml::to_string(&options)))
        .map_err(|error| CliError::Failed(format!("{}: {error}", dir.display())))
}
