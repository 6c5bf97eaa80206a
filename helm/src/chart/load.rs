//! A chart from its files. Helm: `pkg/chart/v2/loader/load.go`, `LoadFiles`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::archive::{self, Budget};
use super::{Chart, Error, File, Lock, Metadata};
use crate::values;

/// What a chart is before its name is known.
#[derive(Default)]
struct Parts {
    metadata: Option<Metadata>,
    lock: Option<Lock>,
    templates: Vec<File>,
    values: Map<String, Value>,
    schema: Option<std::sync::Arc<[u8]>>,
    files: Vec<File>,
    /// By the first part of the path below `charts/`.
    charts: BTreeMap<String, Vec<File>>,
    warnings: Vec<String>,
}

/// Refuses charts of other versions before anything else is read. Helm: `pkg/chart/loader/load.go`.
pub(super) fn check_api_version(files: &[File]) -> Result<(), Error> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Base {
        #[serde(rename = "apiVersion")]
        api_version: String,
    }
    let Some(file) = files.iter().find(|file| file.name == "Chart.yaml") else {
        return Err(Error::MissingChartYaml);
    };
    let base: Base = k8s_yaml::from_str(&text(file)?).map_err(|error| Error::malformed("Chart.yaml", &error))?;
    match base.api_version.as_str() {
        "" | "v1" | "v2" => Ok(()),
        "v3" => Err(Error::InvalidVersion),
        _ => Err(Error::UnsupportedVersion),
    }
}

pub(super) fn load(files: Vec<File>, budget: &mut Budget) -> Result<Chart, Error> {
    let mut parts = Parts::default();
    for file in files.iter().filter(|file| file.name == "Chart.yaml") {
        parts.metadata = Some(Metadata::decode(&text(file)?).map_err(|error| Error::malformed("Chart.yaml", &error))?);
    }
    for file in files {
        parts.add(file)?;
    }
    let metadata = parts.metadata.take().ok_or(Error::MissingChartYaml)?.validated()?;
    let mut dependencies = Vec::new();
    for (name, files) in std::mem::take(&mut parts.charts) {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let subchart = budget.deeper(|budget| subchart(&metadata.name, &name, files, budget));
        let wrap = |error| match error {
            error @ Error::TooLarge { .. } => error,
            error => Error::Subchart { name: name.clone(), parent: metadata.name.clone(), error: Box::new(error) },
        };
        dependencies.push(subchart.map_err(wrap)?);
    }
    let Parts { lock, templates, values, schema, files, warnings, .. } = parts;
    Ok(Chart { metadata, lock, templates, values, schema, files, dependencies, warnings })
}

impl Parts {
    fn is_v1(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.api_version == "v1")
    }

    fn add(&mut self, file: File) -> Result<(), Error> {
        match file.name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => self.lock = Some(lock(&file)?),
            "values.yaml" => {
                let values = text(&file).and_then(|text| {
                    values::Values::from_yaml(&text).map_err(|error| Error::malformed("values.yaml", &error))
                })?;
                self.values = values.into_map();
            }
            "values.schema.json" => self.schema = Some(file.data),
            // The file of dependencies of charts before v2.
            "requirements.yaml" => {
                let more = Metadata::decode_dependencies(&text(&file)?);
                let more = more.map_err(|error| Error::malformed("requirements.yaml", &error))?;
                self.legacy(file, "Warning: Dependencies are handled in Chart.yaml since apiVersion \"v2\". We recommend migrating dependencies to Chart.yaml.");
                if let (Some(metadata), Some(more)) = (&mut self.metadata, more) {
                    metadata.dependencies = Some(more);
                }
            }
            "requirements.lock" => {
                self.lock = Some(lock(&file)?);
                self.legacy(file, "Warning: Dependency locking is handled in Chart.lock since apiVersion \"v2\". We recommend migrating to Chart.lock.");
            }
            name if name.starts_with("templates/") => self.templates.push(file),
            name => match name.strip_prefix("charts/") {
                Some(inner) if !name.ends_with(".prov") => {
                    let first = inner.split('/').next().unwrap_or(inner).to_owned();
                    let file = File::new(inner, file.data);
                    self.charts.entry(first).or_default().push(file);
                }
                _ => self.files.push(file),
            },
        }
        Ok(())
    }

    /// A file of the time before v2: charts of v1 see it among their files, others are told.
    fn legacy(&mut self, file: File, warning: &str) {
        if self.is_v1() {
            self.files.push(file);
        } else {
            self.warnings.push(warning.to_owned());
        }
    }
}

fn subchart(parent: &str, name: &str, files: Vec<File>, budget: &mut Budget) -> Result<Chart, Error> {
    if !name.ends_with(".tgz") {
        let below = |file: File| file.name.split_once('/').map(|(_, rest)| File::new(rest, file.data.clone()));
        return load(files.into_iter().filter_map(below).collect(), budget);
    }
    match files.first() {
        Some(file) if file.name == name => {
            let files = archive::read(&file.data, budget)?;
            load(files, budget)
        }
        other => {
            let found = other.map_or("nothing", |file| &file.name);
            Err(Error::Archive(format!("error unpacking subchart tar in {parent}: expected {name}, got {found}")))
        }
    }
}

fn text(file: &File) -> Result<String, Error> {
    let not_utf8 = |error: std::str::Utf8Error| {
        Error::malformed(&file.name, &format!("invalid UTF-8 at byte {}", error.valid_up_to()))
    };
    std::str::from_utf8(&file.data).map(str::to_owned).map_err(not_utf8)
}

fn lock(file: &File) -> Result<Lock, Error> {
    k8s_yaml::from_str(&text(file)?).map_err(|error| Error::malformed(&file.name, &error))
}
