//! `skiff kustomize build`: a drop-in for `kustomize build` and `kubectl kustomize`.

use crate::args::{KustomizeArgs, KustomizeBuildArgs, KustomizeCommand};
use crate::error::CliError;
use crate::output::Output;
use file_tree::Disk;
use kustomize_rs::{Options, Order};
use skiff_render::{Chance, TreeCharts};
use std::path::Path;

/// The version of kustomize whose output is reproduced.
const VERSION: &str = "v5.8.1";

/// Runs `skiff kustomize`.
///
/// # Errors
/// What is wrong with the input, by file, line and field.
pub fn run(args: &KustomizeArgs, output: &mut Output) -> Result<(), CliError> {
    let KustomizeCommand::Build(args) = &args.command;
    build(args, output)
}

fn build(args: &KustomizeBuildArgs, output: &mut Output) -> Result<(), CliError> {
    let dir = std::fs::canonicalize(&args.dir)
        .map_err(|error| CliError::Failed(format!("cannot read {}: {error}", args.dir.display())))?;
    let inside = dir.strip_prefix("/").ok().and_then(Path::to_str);
    let inside = inside.ok_or_else(|| CliError::Failed(format!("{}: the path is not UTF-8", dir.display())))?;
    // Not secret, so that a build can be compared with another one.
    let charts = TreeCharts::new(Some(Chance { seed: super::helm::DUMMY_SEED, time: 0 }));
    let options = Options {
        order: if args.reorder.as_deref() == Some("none") { Order::Input } else { Order::Legacy },
        load_from_anywhere: args.load_restrictor == "LoadRestrictionsNone",
        tree_path: Some("/"),
        charts: args.enable_helm.then_some(&charts),
        managed_by_label: args.enable_managedby_label,
        helm_kube_version: &args.helm_kube_version,
        helm_api_versions: &args.helm_api_versions,
        version: VERSION,
    };
    if args.reorder.is_some() {
        output
            .note("Flag --reorder has been deprecated, use the new 'sortOptions' field in kustomization.yaml instead.");
    }
    let failed = |error: kustomize_rs::Error| CliError::Failed(error.to_string());
    let files = Disk::new("/");
    if let Some(place) = args.output.as_ref().filter(|place| place.is_dir()) {
        let built = kustomize_rs::build(&files, inside, &options).map_err(failed)?;
        built.warnings.iter().for_each(|warning| output.note(warning));
        return built.to_files().iter().try_for_each(|(name, text)| write(&place.join(name), text));
    }
    let (texts, warnings) = kustomize_rs::build_texts(&files, inside, &options).map_err(failed)?;
    warnings.iter().for_each(|warning| output.note(warning));
    match &args.output {
        None => texts.iter().try_for_each(|text| output.raw(text)),
        Some(file) => write(file, &texts.concat()),
    }
}

fn write(file: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(file, text).map_err(|error| CliError::Failed(format!("cannot write {}: {error}", file.display())))
}
