//! Charts: what their files say, before any values. Helm: `pkg/chart/v2`, `pkg/chart/loader`.
//!
//! A chart is loaded once ([`Chart::load`], [`Chart::from_archive`]) and rendered with any number of values.

mod archive;
mod directory;
mod error;
mod ignore;
mod load;
mod local;
mod metadata;
mod pattern;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use file_tree::Files;
use serde_json::{Map, Value};

pub use archive::MAX_SIZE;
pub use error::Error;
pub use ignore::Rules;
pub use metadata::{Dependency, ImportValue, Lock, Maintainer, Metadata};
pub use pattern::Pattern;

use archive::Budget;

/// One file of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path in the chart: `templates/a.yaml`.
    pub name: String,
    /// Its bytes, without a byte order mark.
    pub data: Arc<[u8]>,
}

impl File {
    /// A file of these bytes.
    pub fn new(name: impl Into<String>, data: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.into(), data: data.into() }
    }
}

/// A chart with its subcharts, as loaded: nothing is switched off and no name is changed by an alias.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Chart.yaml (and requirements.yaml).
    pub metadata: Metadata,
    /// Chart.lock, if there is one.
    pub lock: Option<Lock>,
    /// What is below `templates/`, in the order of the files.
    pub templates: Vec<File>,
    /// values.yaml. All numbers are floats, as in Helm.
    pub values: Map<String, Value>,
    /// values.schema.json.
    pub schema: Option<Arc<[u8]>>,
    /// All other files: what `.Files` gives, and `crds/`.
    pub files: Vec<File>,
    /// What is below `charts/`, in the order of the names there.
    pub dependencies: Vec<Self>,
    /// What the author of the chart should know.
    pub warnings: Vec<String>,
}

/// A file with definitions of custom resources. Helm: `chart.CRD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crd {
    /// The path with the names of its charts: `top/charts/sub/crds/x.yaml`.
    pub path: String,
    /// The text of the file as it is.
    pub data: Arc<[u8]>,
}

impl Chart {
    /// Loads the chart at `path` of a tree: a directory, or a packaged chart (`.tgz`). Helm: `pkg/chart/loader`, `Load`.
    ///
    /// A directory's `.helmignore` counts; symbolic links are followed inside the tree.
    ///
    /// # Errors
    /// What is missing or malformed, by its file.
    pub fn load(files: &dyn Files, path: &str) -> Result<Self, Error> {
        let mut budget = Budget::default();
        if files.is_dir(path) || matches!(file_tree::resolve(files, path), Ok(target) if files.is_dir(&target)) {
            return Self::from_files_within(directory::read(files, path, &mut budget)?, &mut budget);
        }
        let bytes = files.read(path).map_err(|error| Error::file(path, &error))?;
        Self::from_package(path, &bytes)
    }

    /// As [`Chart::load`], with the dependencies that a Chart.yaml names by `file://` and that are not below `charts/`: what
    /// `helm dependency update` would pack there. Their own are taken, too. A directory that is not in the tree is left out, as
    /// a dependency that is missing is.
    ///
    /// # Errors
    /// As [`Chart::load`].
    pub fn load_with_local(files: &dyn Files, path: &str) -> Result<Self, Error> {
        let chart = Self::load(files, path)?;
        local::complete(chart, files, path, &mut Budget::default())
    }

    /// As [`Chart::from_archive`], with a hint in the error if the file at `path` seems to be something else.
    ///
    /// # Errors
    /// As [`Chart::from_archive`].
    pub fn from_package(path: &str, bytes: &[u8]) -> Result<Self, Error> {
        archive::ensure(path, bytes)?;
        Self::from_archive(bytes)
    }

    /// Loads a packaged chart.
    ///
    /// # Errors
    /// What is missing or malformed, and what is larger than [`MAX_SIZE`] when unpacked.
    pub fn from_archive(bytes: &[u8]) -> Result<Self, Error> {
        let mut budget = Budget::default();
        let files = archive::read(bytes, &mut budget)?;
        Self::from_files_within(files, &mut budget)
    }

    /// Makes a chart of its files.
    ///
    /// # Errors
    /// What is missing or malformed, by its file.
    pub fn from_files(files: Vec<File>) -> Result<Self, Error> {
        Self::from_files_within(files, &mut Budget::default())
    }

    fn from_files_within(files: Vec<File>, budget: &mut Budget) -> Result<Self, Error> {
        load::check_api_version(&files)?;
        load::load(files, budget)
    }

    /// The name in Chart.yaml.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether the chart only brings definitions for others.
    pub fn is_library(&self) -> bool {
        self.metadata.kind.eq_ignore_ascii_case("library")
    }

    /// Whether `helm template` and `helm install` take the chart: it is no library, and each dependency that Chart.yaml names
    /// is below `charts/`. Helm: `pkg/cmd/install.go`, `checkIfInstallable`; `pkg/action/install.go`, `CheckDependencies`.
    ///
    /// # Errors
    /// Why not.
    pub fn check_installable(&self) -> Result<(), Error> {
        let kind = &self.metadata.kind;
        if !matches!(kind.as_str(), "" | "application") {
            return Err(Error::NotInstallable { kind: kind.clone() });
        }
        let there = |name: &str| self.dependencies.iter().any(|chart| chart.name() == name);
        let asked = self.metadata.dependencies.iter().flatten();
        let missing: Vec<String> = asked.map(|d| d.name.clone()).filter(|name| !there(name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Error::MissingDependencies { names: missing }) }
    }
}

/// Whether a file of `crds/` is read: by its extension. Helm: `chart.go`, `hasManifestExtension`.
pub(crate) fn is_crd(name: &str) -> bool {
    let extension = name.rsplit('/').next().and_then(|base| base.rsplit_once('.')).map(|(_, extension)| extension);
    name.starts_with("crds/")
        && extension.is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e.eq_ignore_ascii_case(known)))
}
