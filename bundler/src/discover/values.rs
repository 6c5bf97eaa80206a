//! `helm.valuesFiles`: merged over `helm.values` when the bundle is made (reference §2.4), and the options of the
//! chart that targets take over from the bundle.

use super::files::unreadable;
use super::fleet_yaml::yaml_error;
use file_tree::Files;
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::{BundleSpec, HelmOptions};
use k8s_yaml::Content;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Merges all values files of the bundle at `dir`. Gives notes for files above it, if there are any: then the bundle
/// depends on more than its directory.
pub(super) fn merge_all(files: &dyn Files, dir: &str, spec: &mut BundleSpec) -> Result<Vec<Note>, Note> {
    let mut notes = Vec::new();
    hand_down_chart(spec);
    if let Some(helm) = &mut spec.options.helm {
        // Fleet does so only where the bundle names its chart.
        if !helm.chart.is_empty() || !helm.repo.is_empty() {
            merge_files(files, dir, helm, &mut notes)?;
        } else if !helm.values_files.is_empty() {
            let message = "helm.valuesFiles is not read, because helm.chart names no chart";
            let remedy = "name the chart: `helm.chart: .` is the bundle's own directory";
            notes.push(Note::new(Reason::LikelyMistake, message).in_file(dir).with_remedy(remedy));
        }
    }
    for target in &mut spec.targets {
        if let Some(helm) = &mut target.options.helm {
            merge_files(files, dir, helm, &mut notes)?;
        }
    }
    Ok(notes)
}

/// The paths, below the bundle's directory, that are no resources because their content is in the values. As in Fleet
/// the entry as it is written, and the file of its name beside `fleet.yaml`.
pub(super) fn paths(spec: &BundleSpec) -> BTreeSet<String> {
    let targets = spec.targets.iter().filter_map(|target| target.options.helm.as_ref());
    let entries = spec.options.helm.iter().chain(targets).flat_map(|helm| &helm.values_files);
    entries.flat_map(|entry| [entry.clone(), file_tree::file_name(entry).to_owned()]).collect()
}

/// A target that has Helm options gets the chart of the bundle where it names none.
fn hand_down_chart(spec: &mut BundleSpec) {
    let Some(root) = spec.options.helm.clone() else { return };
    for helm in spec.targets.iter_mut().filter_map(|target| target.options.helm.as_mut()) {
        for (own, from) in
            [(&mut helm.repo, &root.repo), (&mut helm.chart, &root.chart), (&mut helm.version, &root.version)]
        {
            if own.is_empty() {
                own.clone_from(from);
            }
        }
    }
}

fn merge_files(files: &dyn Files, dir: &str, helm: &mut HelmOptions, notes: &mut Vec<Note>) -> Result<(), Note> {
    for entry in &helm.values_files {
        let path = file_tree::clean_join(dir, entry)
            .map_err(|error| Note::new(Reason::PathRefused, format!("helm.valuesFiles: {error}")))?;
        if !file_tree::is_below(dir, &path) {
            let message = format!("helm.valuesFiles: `{entry}` is {path}, above the bundle's directory");
            notes.push(
                Note::new(Reason::LikelyMistake, message)
                    .in_file(&path)
                    .with_remedy("nothing, if several bundles are meant to share the file"),
            );
        }
        let bytes = files.read(&path).map_err(|error| {
            let note = unreadable(&path, &error);
            Note { message: format!("helm.valuesFiles: {}", note.message), ..note }
        })?;
        let over = read_values(&path, &bytes)?;
        merge(helm.values.get_or_insert_default(), over);
    }
    Ok(())
}

fn read_values(path: &str, bytes: &[u8]) -> Result<Map<String, Value>, Note> {
    let documents =
        k8s_yaml::from_bytes(bytes, &k8s_yaml::Options::sigs()).map_err(|error| values_error(path, &error))?;
    let Some(first) = documents.into_iter().next() else { return Ok(Map::new()) };
    match (&first.node.content, first.node.to_json().map_err(|error| values_error(path, &error))?) {
        (Content::Null, _) => Ok(Map::new()),
        (_, Value::Object(map)) => Ok(map),
        _ => {
            let place = format!("{path}:{}", first.node.position);
            let message = format!("{place}: values must be a mapping, found {}", first.node.kind_name());
            Err(Note::new(Reason::InvalidFile, message).in_file(place))
        }
    }
}

fn values_error(path: &str, error: &k8s_yaml::Error) -> Note {
    Note { reason: Reason::InvalidFile, ..yaml_error(path, error) }
}

/// Maps merge, anything else replaces; null replaces, and stays for Helm to see.
fn merge(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}
