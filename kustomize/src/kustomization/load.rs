//! Finding, reading and checking a kustomization file.

use std::collections::BTreeMap;

use k8s_yaml::Options;

use super::fields::{HelmChart, HelmChartArgs, HelmGlobals, Kustomization};
use crate::Error;
use crate::decode::{self, Decode, Rules};
use crate::loader::Loader;

/// The names that a kustomization may have, the usual one first; of several in one directory none is taken.
/// Go: `konfig.RecognizedKustomizationFileNames`.
pub const KUSTOMIZATION_FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A kustomization and its place.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub kustomization: Kustomization,
    /// The name of the file in its directory.
    pub file: &'static str,
    /// The lines of its fields, by their names in small letters.
    pub lines: BTreeMap<String, u32>,
}

/// Reads the kustomization of a directory.
///
/// # Errors
/// There is none, or more than one; it is malformed, empty, or of another kind or version.
pub(crate) fn load(loader: &Loader<'_>, warnings: &mut Vec<String>) -> Result<Loaded, Error> {
    let mut found = KUSTOMIZATION_FILES.into_iter().filter(|name| loader.is_readable(name));
    let Some(file) = found.next() else {
        let message = "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory";
        return Err(Error::new(format!("{message} '{}'", loader.shown_root())));
    };
    if found.next().is_some() {
        return Err(Error::new(format!("found multiple kustomization files under: {}", loader.shown_root())));
    }
    let place = |error: Error| error.in_file(loader.shown(file));
    let text = loader.load_text(file)?;
    let invalid = |error: Error| place(error).context("invalid Kustomization");
    let document = decode::first_document(&text, &Options::sigs()).map_err(invalid)?;
    let read = document.as_ref().map(|node| Kustomization::decode_or_default(node, Rules::KUSTOMIZATION));
    let mut kustomization = read.transpose().map_err(invalid)?.unwrap_or_default();
    let entries = document.as_ref().and_then(|node| node.as_mapping()).into_iter().flat_map(|mapping| mapping.iter());
    let lines: BTreeMap<String, u32> =
        entries.map(|entry| (entry.key.text.to_lowercase(), entry.key.position.line)).collect();
    warn_of_deprecated(&kustomization, warnings);
    fix(&mut kustomization);
    check(&kustomization).map_err(|error| {
        let line = lines.get(&error.field().to_lowercase()).copied().unwrap_or(1);
        place(error.at_line(line))
    })?;
    Ok(Loaded { kustomization, file, lines })
}

fn warn_of_deprecated(file: &Kustomization, warnings: &mut Vec<String>) {
    let fields = [
        (file.bases.is_some(), "bases", "resources", ""),
        (file.common_labels.is_some(), "commonLabels", "labels", ""),
        (file.image_tags.is_some(), "imageTags", "images", ""),
        (file.patches_json6902.is_some(), "patchesJson6902", "patches", ""),
        (file.patches_strategic_merge.is_some(), "patchesStrategicMerge", "patches", ""),
        (file.vars.is_some(), "vars", "replacements", "[EXPERIMENTAL] "),
    ];
    for (_, old, new, experimental) in fields.into_iter().filter(|(used, ..)| *used) {
        warnings.push(format!(
            "# Warning: '{old}' is deprecated. Please use '{new}' instead. {experimental}Run 'kustomize edit fix' to \
             update your Kustomization automatically."
        ));
    }
}

/// Moves what older fields hold to newer ones. Go: `FixKustomization`.
fn fix(file: &mut Kustomization) {
    if file.kind.is_empty() {
        "Kustomization".clone_into(&mut file.kind);
    }
    if file.api_version.is_empty() {
        required_version(&file.kind).clone_into(&mut file.api_version);
    }
    append(&mut file.resources, file.bases.take());
    append(&mut file.images, file.image_tags.take());
    let charts = file.helm_chart_inflation_generator.take().unwrap_or_default();
    let globals = globals_of(&charts);
    if file.helm_globals.is_none() && globals != HelmGlobals::default() {
        file.helm_globals = Some(globals);
    }
    append(&mut file.helm_charts, Some(charts.into_iter().map(chart_of).collect()));
}

/// Go's `append`: of two lists that are not there comes none.
fn append<T>(list: &mut Option<Vec<T>>, more: Option<Vec<T>>) {
    let more = more.unwrap_or_default();
    if !more.is_empty() {
        list.get_or_insert_default().extend(more);
    }
}

fn globals_of(charts: &[HelmChartArgs]) -> HelmGlobals {
    let last = |value: fn(&HelmChartArgs) -> &String| {
        charts.iter().rev().map(value).find(|text| !text.is_empty()).cloned().unwrap_or_default()
    };
    HelmGlobals { chart_home: last(|chart| &chart.chart_home), config_home: last(|chart| &chart.helm_home) }
}

/// Go: `makeHelmChartFromHca`.
fn chart_of(old: HelmChartArgs) -> HelmChart {
    HelmChart {
        name: old.chart_name,
        version: old.chart_version,
        repo: old.chart_repo_url,
        values_file: old.values,
        values_inline: old.values_local,
        values_merge: old.values_merge,
        release_name: old.release_name,
        ..HelmChart::default()
    }
}

fn required_version(kind: &str) -> &'static str {
    if kind == "Component" { "kustomize.config.k8s.io/v1alpha1" } else { "kustomize.config.k8s.io/v1beta1" }
}

/// Go: `CheckEmpty`, `EnforceFields`.
fn check(file: &Kustomization) -> Result<(), Error> {
    let empty =
        Kustomization { kind: file.kind.clone(), api_version: file.api_version.clone(), ..Kustomization::default() };
    if *file == empty {
        return Err(Error::new("the kustomization is empty"));
    }
    if !matches!(file.kind.as_str(), "Kustomization" | "Component") {
        return Err(Error::new("must be Kustomization or Component").in_field("kind"));
    }
    let required = required_version(&file.kind);
    if file.api_version != required {
        return Err(Error::new(format!("for a {} must be {required}", file.kind)).in_field("apiVersion"));
    }
    Ok(())
}
