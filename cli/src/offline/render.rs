//! `skiff render`: the objects that one cluster would get, rendered with the code of the hub.

use super::clusters::Universe;
use super::deploy::{ApiServer, Outcome, one};
use super::repository::{Repository, all_or_nothing, told};
use crate::args::RenderArgs;
use crate::error::CliError;
use crate::output::Output;
use serde_json::Value;
use skiff_render::Rendered;
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
    let server = ApiServer {
        kubernetes_version: args.kube_version.clone().unwrap_or_default(),
        api_versions: args.api_versions.clone(),
    };
    let mut errors = repository.report(output);
    let mut stream = Vec::new();
    for found in &repository.discovery.bundles {
        let title =
            format!("cluster {}: bundle {}", cluster.metadata.name.as_deref().unwrap_or_default(), found.name());
        match one(&universe, &*repository.files, &cluster, &server, found) {
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
