//! Dependencies of a bundle's charts that have to be fetched. Helm: `pkg/downloader/manager.go`; Fleet does a
//! `helm dependency update` for each chart that lacks one (`internal/bundlereader/loaddirectory.go`).

use super::glob;
use crate::charts::{Charts, Package, Wanted};
use file_tree::Files;
use fleet_api::reason::{Note, Reason};
use helm_rs::Chart;
use helm_rs::chart::{Dependency, Lock};
use helm_rs::semver::{Constraint, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is fetched for, and found.
pub(super) struct Dependencies<'a> {
    pub(super) files: &'a dyn Files,
    /// The bundle's directory.
    pub(super) dir: &'a str,
    pub(super) charts: &'a dyn Charts,
    /// By the paths at which the bundle's tree holds them.
    pub(super) found: BTreeMap<String, Arc<[u8]>>,
    /// What the author should know.
    pub(super) notes: Vec<Note>,
}

impl Dependencies<'_> {
    /// Fetches what the charts in the directories `used`, and the charts below their `charts/`, lack. `paths` are the
    /// files of the bundle.
    ///
    /// # Errors
    /// What cannot be had.
    pub(super) fn fetch(&mut self, used: &BTreeSet<&str>, paths: &BTreeSet<&str>) -> Result<(), Note> {
        for path in paths.iter().filter(|path| file_tree::file_name(path) == "Chart.yaml") {
            let chart = file_tree::parent(path);
            let is_used = |used: &&str| chart == *used || chart.starts_with(glob::join(used, "charts/").as_str());
            if used.iter().any(is_used) {
                self.of(chart)?;
            }
        }
        Ok(())
    }

    /// Those of the chart in a directory of the bundle.
    fn of(&mut self, chart: &str) -> Result<(), Note> {
        let place = glob::join(self.dir, &glob::join(chart, "Chart.yaml"));
        // What is wrong with a chart is told by who renders it.
        let Ok(loaded) = Chart::load(self.files, file_tree::parent(&place)) else { return Ok(()) };
        for dependency in loaded.metadata.dependencies.iter().flatten() {
            let repository = dependency.repository.as_str();
            let is_here = loaded.dependencies.iter().any(|known| known.name() == dependency.name);
            if is_here || repository.is_empty() || repository.starts_with("file://") {
                continue;
            }
            let (version, fits) = locked(loaded.lock.as_ref(), dependency);
            if !fits {
                let message = format!(
                    "{place}: Chart.lock has no version of `{}` that Chart.yaml allows; the newest that it allows is taken",
                    dependency.name
                );
                let remedy = "`helm dependency update` writes Chart.lock anew";
                self.notes.push(Note::new(Reason::LikelyMistake, message).in_file(&place).with_remedy(remedy));
            }
            let package = self.package(&place, dependency, version)?;
            let named = Chart::from_archive(&package.bytes)
                .map(|chart| format!("{}-{}.tgz", chart.name(), chart.metadata.version))
                .map_err(|error| Note::new(Reason::InvalidFile, format!("{place}: {}: {error}", dependency.name)))?;
            self.found.insert(glob::join(chart, &format!("charts/{named}")), package.bytes);
        }
        Ok(())
    }

    fn package(&self, place: &str, dependency: &Dependency, version: &str) -> Result<Package, Note> {
        let repository = dependency.repository.as_str();
        if repository.starts_with('@') || repository.starts_with("alias:") {
            let message = format!(
                "{place}: the repository `{repository}` of the dependency `{}` is a name on somebody's machine",
                dependency.name
            );
            let remedy = "write the URL of the repository, or put the chart below charts/";
            return Err(Note::new(Reason::InvalidFile, message).in_file(place).with_remedy(remedy));
        }
        // The name of a chart in a registry is part of its address.
        let in_registry = repository.starts_with("oci://");
        let address = format!("{}/{}", repository.trim_end_matches('/'), dependency.name);
        let (repo, chart) = if in_registry { ("", address.as_str()) } else { (repository, dependency.name.as_str()) };
        let wanted = Wanted { repo, chart, version, dir: self.dir };
        self.charts.package(wanted).map_err(|error| {
            let note = error.note(wanted);
            Note { message: format!("{place}: dependency: {}", note.message), ..note }.in_file(place)
        })
    }
}

/// The version that Chart.lock settles, else the range of Chart.yaml; and whether there is no contradiction.
fn locked<'a>(lock: Option<&'a Lock>, dependency: &'a Dependency) -> (&'a str, bool) {
    let Some(lock) = lock else { return (&dependency.version, true) };
    let same = |locked: &&Dependency| {
        locked.name == dependency.name
            && locked.repository == dependency.repository
            && allows(&dependency.version, &locked.version)
    };
    match lock.dependencies.iter().flatten().find(same) {
        Some(locked) => (&locked.version, true),
        None => (&dependency.version, false),
    }
}

fn allows(range: &str, version: &str) -> bool {
    if range == version || range.is_empty() {
        return true;
    }
    let version = Version::parse(version);
    version.is_ok_and(|version| range.parse::<Constraint>().is_ok_and(|range| range.check(&version)))
}
