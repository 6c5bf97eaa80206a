//! Bundles with a `kustomization.yaml`, and the output of a chart that goes through one (reference §2.8).
//!
//! The engine is `kustomize/`; the objects come in the order of the input, as Fleet has it. Better than Fleet on purpose: a
//! kustomization at the root of the bundle may name files in sub directories.

use crate::error::RenderError;
use crate::inflate::TreeCharts;
use crate::outside::Repository;
use crate::style::KUSTOMIZATION;
use crate::{Input, RenderedObject, joined};
use file_tree::{Entry, Files, Mode};
use fleet_api::{Note, Reason};
use kustomize_rs::Options;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What Fleet calls the output of a chart inside of a kustomization.
const MANIFESTS: &str = "fleet-manifests.yaml";

/// The objects that the kustomization in `dir` makes, and what is odd about it; `chart` is the output of the bundle's chart, if it has one.
pub(crate) fn objects(
    input: &Input<'_>,
    dir: &str,
    chart: Option<&str>,
) -> Result<(Vec<RenderedObject>, Vec<Note>), RenderError> {
    let place = input.place(&joined(dir, KUSTOMIZATION));
    let repository = Repository { files: input.files, dir: input.prefix };
    let added = chart.map_or_else(|| Ok(BTreeMap::new()), |manifests| over_chart(input, dir, manifests))?;
    let files = Layer { files: &repository, added };
    let charts = TreeCharts::new(input.chance);
    let options = Options {
        charts: Some(&charts),
        helm_kube_version: &input.cluster.kubernetes_version,
        helm_api_versions: &input.cluster.api_versions,
        ..Options::default()
    };
    let whole = input.place(dir);
    let built = kustomize_rs::build(&files, whole.trim_end_matches('/'), &options);
    let built = built.map_err(|error| {
        let (file, rest) = located(&error);
        charts.needed_chance().unwrap_or_else(|| RenderError::file(file.unwrap_or_else(|| place.clone()), rest))
    })?;
    let object = |value: Value| RenderedObject { value, source: place.clone() };
    let warning = |text: String| Note::new(Reason::LikelyMistake, format!("{place}: {text}")).in_file(place.clone());
    let silent = |note: &kustomize_rs::Note| {
        Note::new(Reason::LikelyMistake, note.to_string()).in_file(format!("{}:{}", note.file, note.line))
    };
    let notes = built.warnings.into_iter().map(warning).chain(built.notes.iter().map(silent)).collect();
    Ok((built.objects.into_iter().map(object).collect(), notes))
}

/// The file and line of an error, from the root of the repository, and what it says.
fn located(error: &kustomize_rs::Error) -> (Option<String>, String) {
    let file = error.file().map(|file| match error.line() {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    });
    (file, error.to_string())
}

/// Files over those of the repository.
struct Layer<'a> {
    files: &'a dyn Files,
    added: BTreeMap<String, Vec<u8>>,
}

/// The output of a chart as a file, and the kustomization that names it first, unless it names it already.
fn over_chart(input: &Input<'_>, dir: &str, manifests: &str) -> Result<BTreeMap<String, Vec<u8>>, RenderError> {
    let path = joined(dir, KUSTOMIZATION);
    let documents = input.parse(&path)?;
    let json = documents.first().map(|document| document.node.to_json()).transpose();
    let mut file = match json.map_err(|error| RenderError::yaml(&input.place(&path), &error))? {
        Some(Value::Object(file)) => file,
        None | Some(Value::Null) => serde_json::Map::new(),
        Some(_) => return Err(RenderError::file(input.place(&path), "a kustomization is a mapping")),
    };
    let resources = file.entry("resources").or_insert(Value::Null);
    if resources.is_null() {
        *resources = Value::Array(Vec::new());
    }
    if let Value::Array(resources) = resources
        && !resources.iter().any(|resource| resource == MANIFESTS)
    {
        resources.insert(0, Value::from(MANIFESTS));
    }
    let text = k8s_yaml::to_string(&Value::Object(file));
    Ok(BTreeMap::from([
        (input.place(&path), text.into_bytes()),
        (input.place(&joined(dir, MANIFESTS)), manifests.as_bytes().to_vec()),
    ]))
}

impl Files for Layer<'_> {
    fn entry(&self, path: &str) -> Option<Entry> {
        match self.added.get(path) {
            Some(bytes) => Some(Entry { path: path.to_owned(), mode: Mode::Regular, size: bytes.len() as u64 }),
            None => self.files.entry(path),
        }
    }

    fn stored(&self, path: &str) -> Result<Cow<'_, [u8]>, file_tree::Error> {
        match self.added.get(path) {
            Some(bytes) => Ok(Cow::Borrowed(bytes)),
            None => self.files.stored(path),
        }
    }

    fn list_under(&self, dir: &str) -> Vec<Entry> {
        let mut entries = self.files.list_under(dir);
        for path in self.added.keys().filter(|path| file_tree::is_below(dir, path)) {
            entries.retain(|entry| entry.path != *path);
            entries.extend(self.entry(path));
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    }

    fn is_dir(&self, path: &str) -> bool {
        self.files.is_dir(path)
    }
}
