//! What Fleet checks of charts while it reads a repository: each `Chart.yaml`, and the `file://` dependencies in it.

use super::{files, glob};
use file_tree::Files;
use fleet_api::reason::{Note, Reason};
use k8s_yaml::Node;

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
    let dependencies = node.and_then(|node| node.get("dependencies")).and_then(Node::as_list).unwrap_or_default();
    for dependency in dependencies {
        let repository = dependency.get("repository").and_then(Node::as_str).unwrap_or_default();
        let Some(relative) = repository.strip_prefix("file://") else { continue };
        let found = file_tree::clean_join(dir, relative).is_ok_and(|target| files.is_dir(&target));
        if !found {
            return invalid(format!("the dependency {repository} is no directory of the repository"));
        }
    }
    Ok(())
}
