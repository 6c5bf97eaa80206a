//! Charts that a bundle names and does not hold (reference §2.3).

use super::TreeEntry;
use super::validate::{self, Origin};
use crate::charts::{Charts, Wanted};
use file_tree::Mode;
use fleet_api::Digest;
use fleet_api::reason::Note;
use fleet_api::v1alpha1::{Bundle, HelmOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A chart to fetch.
pub(super) struct Asked<'b> {
    wanted: Wanted<'b>,
    /// The field that names it, if the file has it.
    at: Option<String>,
}

/// The charts to fetch for the bundle in `dir`, by the paths at which its tree holds them.
pub(super) fn of<'b>(
    origin: &Origin<'_>,
    bundle: &'b Bundle,
    dir: &'b str,
    paths: &BTreeSet<&str>,
) -> BTreeMap<String, Asked<'b>> {
    let mut asked = BTreeMap::new();
    for (field, options) in validate::all_options(&bundle.spec) {
        let Some(helm) = options.helm.as_ref().filter(|helm| is_remote(helm, paths)) else { continue };
        let wanted = Wanted { repo: &helm.repo, chart: &helm.chart, version: &helm.version, dir };
        let names = ["helm.chart", "helm.repo", "helm"];
        let at = names.iter().find_map(|name| origin.place(&format!("{field}{name}")));
        // What several targets ask for is told of where it stands first.
        asked.entry(skiff_render::style::fetched_package(helm)).or_insert(Asked { wanted, at });
    }
    asked
}

fn is_remote(helm: &HelmOptions, paths: &BTreeSet<&str>) -> bool {
    if !helm.repo.is_empty() {
        return true;
    }
    let in_directory = |path: &str| {
        let prefix = format!("{path}/");
        path.is_empty() || paths.contains(path) || paths.iter().any(|known| known.starts_with(&prefix))
    };
    !helm.chart.is_empty() && !file_tree::normalise(&helm.chart).is_ok_and(|path| in_directory(&path))
}

/// Their packages, by the same paths.
pub(super) fn fetch(
    charts: &dyn Charts,
    wanted: BTreeMap<String, Asked<'_>>,
) -> Result<BTreeMap<String, Arc<[u8]>>, Note> {
    let fetch = |(path, Asked { wanted, at }): (String, Asked<'_>)| match charts.package(wanted) {
        Ok(package) => Ok((path, package.bytes)),
        Err(error) => {
            let note = error.note(wanted);
            Err(match at {
                Some(at) => Note { message: format!("{at}: {}", note.message), ..note }.in_file(at),
                None => note,
            })
        }
    };
    wanted.into_iter().map(fetch).collect()
}

/// A file that was fetched.
pub(super) fn entry(path: &str, bytes: &[u8]) -> TreeEntry {
    TreeEntry { path: path.to_owned(), mode: Mode::Regular, digest: Digest::of(bytes), size: bytes.len() as u64 }
}
