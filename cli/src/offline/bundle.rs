//! `skiff bundle`: the Bundles of a directory, as the hub would make them.

use super::repository::{Repository, all_or_nothing};
use crate::args::BundleArgs;
use crate::error::CliError;
use crate::output::{Format, Output};
use serde_json::{Value, json};

/// Runs `skiff bundle`.
///
/// # Errors
/// What is wrong with the input, by file, line and column. The bundles that can be read are written all the same.
pub fn run(args: &BundleArgs, output: &mut Output) -> Result<(), CliError> {
    let repository = Repository::open(&args.repository)?;
    let mut errors = repository.report(output);
    let mut bundles = Vec::new();
    for found in &repository.discovery.bundles {
        match skiff_bundler::discover::with_contents(&*repository.files, found) {
            Ok(bundle) => bundles.push(serde_json::to_value(bundle).map_err(std::io::Error::from)?),
            Err(error) => errors.push(format!("{}: bundle {}: {error}", repository.title(), found.name())),
        }
    }
    write(args, &bundles, output)?;
    all_or_nothing(errors)
}

fn write(args: &BundleArgs, bundles: &[Value], output: &mut Output) -> Result<(), CliError> {
    match args.output {
        Format::Yaml if bundles.is_empty() => Ok(()),
        Format::Yaml => output.raw(&k8s_yaml::documents_to_string(bundles)),
        Format::Json => output.json(&json!({"apiVersion": "v1", "kind": "List", "items": bundles})),
        Format::Table | Format::Wide => {
            let row = |bundle: &Value| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let files = bundle["spec"]["resources"].as_array().map_or(0, Vec::len);
                vec![text(&bundle["metadata"]["namespace"]), text(&bundle["metadata"]["name"]), files.to_string()]
            };
            output.table(&["NAMESPACE", "NAME", "FILES"], &bundles.iter().map(row).collect::<Vec<_>>())
        }
    }
}
