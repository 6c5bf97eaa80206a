//! What Fleet checks of charts while it reads a repository: each `Chart.yaml`, and the `file://` dependencies in it.

use super::{files, glob};
use file_tree::Files;
use fleet_api::reason::{Note, Reason};
use k8s_yaml::Node;
use std::collections::BTreeSet;

/// Checks the charts in the directories of `charts` (below `dir`; empty for `dir` itself).
pub(super) fn check(files: &dyn Files, dir: &str, charts: impl Iterator<Item = String>) -> Result<(), Note> {
    for chart in charts {
        check_one(files, glob::join(dir, &chart).trim_end_matches('/'))?;
    }
    Ok(())
}

fn check_one(files: &dyn Files, dir: &str) -> Result<(), Note> {
    let path = glob::join(dir, "Chart.yaml");
    let bytes = files.read(&path).map_err(|error| files::unreadable(&path, &error))?;
    let documents = k8s_yaml::from_bytes(&bytes, &k8s_yaml::Options::sigs()).map_err(|error| {
        let place = error.position().map_or_else(|| path.clone(), |position| format!("{path}:{position}"));
        Note::new(Reason::InvalidFile, error.in_file(&path)).in_file(place)
    })?;
    let node = documents.first().map(|document| &document.node);
    let invalid = |message: String| Err(Note::new(Reason::InvalidFile, format!("{path}: {message}")).in_file(&path));
    for required in ["name", "version"] {
        if node.and_then(|node| node.get(required)).and_then(Node::as_str).is_none_or(str::is_empty) {
            return invalid(format!("{required} is required"));
        }
    }
    for (repository, target) in node.map(|node| local_dependencies(dir, node)).unwrap_or_default() {
        if !target.is_some_and(|target| files.is_dir(&target)) {
            return invalid(format!("the dependency {repository} is no directory of the repository"));
        }
    }
    Ok(())
}

/// The dependencies of the chart in `dir` that are named by `file://`, and the directories that they mean; none where that
/// is outside of the repository.
fn local_dependencies<'n>(dir: &str, chart: &'n Node) -> Vec<(&'n str, Option<String>)> {
    let dependencies = chart.get("dependencies").and_then(Node::as_list).unwrap_or_default();
    let repositories = dependencies.iter().filter_map(|dependency| dependency.get("repository").and_then(Node::as_str));
    let target = |repository: &'n str| {
        let relative = repository.strip_prefix("file://")?;
        Some((repository, file_tree::clean_join(dir, relative).ok()))
    };
    repositories.filter_map(target).collect()
}

/// The files outside of the bundle's directory `dir` that belong to the charts in the directories `starts`: those of the
/// charts that are named by `file://`, and of those that these name.
pub(super) fn outside(files: &dyn Files, dir: &str, starts: BTreeSet<String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut seen = starts.clone();
    let mut rest: Vec<String> = starts.into_iter().collect();
    while let Some(chart) = rest.pop() {
        let Ok(bytes) = files.read(&glob::join(&chart, "Chart.yaml")) else { continue };
        let Ok(documents) = k8s_yaml::from_bytes(&bytes, &k8s_yaml::Options::sigs()) else { continue };
        let Some(node) = documents.first().map(|document| &document.node) else { continue };
        for target in local_dependencies(&chart, node).into_iter().filter_map(|(_, target)| target) {
            if !file_tree::is_below(dir, &target) {
                found.extend(files.list_under(&target).into_iter().map(|entry| entry.path));
            }
            if seen.insert(target.clone()) {
                rest.push(target);
            }
        }
    }
    found.retain(|path| !file_tree::is_below(dir, path));
    found
}
