//! Dependencies that lie beside a chart in its tree. Helm: `pkg/downloader/manager.go`, `tarFromLocalDir`.

use super::archive::Budget;
use super::{Chart, Error, directory, load};
use file_tree::Files;
use std::collections::BTreeMap;

const SCHEME: &str = "file://";

/// The chart in the directory `path`, with the dependencies that it names by `file://` and does not have yet. Of one that
/// is named several times, under other aliases, there is one chart: so it is below `charts/`, too.
pub(super) fn complete(mut chart: Chart, files: &dyn Files, path: &str, budget: &mut Budget) -> Result<Chart, Error> {
    // By the names that their packages would have: so they come in the order of `charts/`.
    let mut found = BTreeMap::new();
    for dependency in chart.metadata.dependencies.iter().flatten() {
        let Some(relative) = dependency.repository.strip_prefix(SCHEME) else { continue };
        if chart.dependencies.iter().any(|known| known.name() == dependency.name) {
            continue;
        }
        let Ok(target) = file_tree::clean_join(path, relative) else { continue };
        if !files.is_dir(&target) {
            continue;
        }
        let local = budget.deeper(|budget| {
            let content = directory::read(files, &target, budget)?;
            complete(load::load(content, budget)?, files, &target, budget)
        });
        let wrap = |error| match error {
            error @ Error::TooLarge { .. } => error,
            error => Error::Subchart {
                name: dependency.repository.clone(),
                parent: chart.metadata.name.clone(),
                error: Box::new(error),
            },
        };
        let local = local.map_err(wrap)?;
        if local.name() == dependency.name {
            found.insert(format!("{}-{}.tgz", local.name(), local.metadata.version), local);
        }
    }
    chart.dependencies.extend(found.into_values());
    Ok(chart)
}
