//! Charts that a bundle names and does not hold (reference §2.3).

use super::TreeEntry;
use crate::charts::{Charts, Wanted};
use file_tree::Mode;
use fleet_api::Digest;
use fleet_api::reason::Note;
use fleet_api::v1alpha1::{Bundle, HelmOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The charts to fetch for the bundle in `dir`, by the paths at which its tree holds them.
pub(super) fn of<'b>(bundle: &'b Bundle, dir: &'b str, paths: &BTreeSet<&str>) -> BTreeMap<String, Wanted<'b>> {
    let targets = bundle.spec.targets.iter().map(|target| &target.options);
    let all = std::iter::once(&bundle.spec.options).chain(targets);
    let helm = all.filter_map(|options| options.helm.as_ref());
    helm.filter(|helm| is_remote(helm, paths))
        .map(|helm| {
            let wanted = Wanted { repo: &helm.repo, chart: &helm.chart, version: &helm.version, dir };
            (skiff_render::style::fetched_package(helm), wanted)
        })
        .collect()
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
    wanted: BTreeMap<String, Wanted<'_>>,
) -> Result<BTreeMap<String, Arc<[u8]>>, Note> {
    let fetch = |(path, wanted): (String, Wanted<'_>)| match charts.package(wanted) {
        Ok(package) => Ok((path, package.bytes)),
        Err(error) => Err(error.note(wanted)),
    };
    wanted.into_iter().map(fetch).collect()
}

/// A file that was fetched.
pub(super) fn entry(path: &str, bytes: &[u8]) -> TreeEntry {
    TreeEntry { path: path.to_owned(), mode: Mode::Regular, digest: Digest::of(bytes), size: bytes.len() as u64 }
}
