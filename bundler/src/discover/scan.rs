//! Where the bundles of a repository are (reference §2.1): `spec.paths` with its globs and nested `fleet.yaml` files,
//! or the list in `spec.bundles`.

use super::{Failure, glob};
use file_tree::Files;
use fleet_api::names::bundle_name;
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::GitRepo;
use std::collections::BTreeSet;

/// A directory that is to become a bundle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The directory; empty for the root.
    pub(super) dir: String,
    /// The options file below `dir` that `spec.bundles` names; empty for `fleet.yaml`.
    pub(super) options: String,
    /// The bundle's name, where the options give none.
    pub(super) name: String,
}

/// The places of one entry of `spec.paths` or `spec.bundles`.
pub(super) struct Scanned {
    /// The entry, for messages.
    pub(super) entry: String,
    /// What it gives, or why nothing.
    pub(super) places: Result<Vec<Place>, Box<Failure>>,
}

/// All entries of the GitRepo, in order.
pub(super) fn scan(files: &dyn Files, gitrepo: &GitRepo) -> Vec<Scanned> {
    let name = gitrepo.metadata.name.as_deref().unwrap_or_default();
    if !gitrepo.spec.bundles.is_empty() {
        let entries = gitrepo.spec.bundles.iter();
        return entries.map(|entry| driven(files, name, &entry.base, &entry.options)).collect();
    }
    let root = [".".to_owned()];
    let paths = if gitrepo.spec.paths.is_empty() { &root[..] } else { &gitrepo.spec.paths[..] };
    paths.iter().map(|entry| Scanned { entry: entry.clone(), places: entry_places(files, name, entry) }).collect()
}

fn entry_places(files: &dyn Files, gitrepo: &str, entry: &str) -> Result<Vec<Place>, Box<Failure>> {
    let roots = glob::directories(files, entry.trim_start_matches('/')).map_err(|error| {
        let note = Note::new(Reason::PathRefused, format!("spec.paths: `{entry}`: {error}"));
        Box::new(failure(entry, note.with_remedy("correct the entry of spec.paths")))
    })?;
    let place = |dir: &str| Place { dir: dir.to_owned(), options: String::new(), name: bundle_name(gitrepo, dir) };
    Ok(roots.iter().flat_map(|root| walk(files, root)).map(|dir| place(&dir)).collect())
}

/// The directories at `root` and below that are bundles, in the order of a walk.
fn walk(files: &dyn Files, root: &str) -> Vec<String> {
    let skip = if root.is_empty() { 0 } else { root.len() + 1 };
    let listed = files.list_under(root);
    let paths: Vec<&str> = listed
        .iter()
        .filter_map(|entry| entry.path.get(skip..))
        .filter(|path| !path.split('/').any(|part| part == ".git"))
        .collect();
    let with_options: BTreeSet<&str> = paths.iter().filter_map(|path| options_directory(path)).collect();
    let is_nested = |path: &str| {
        let mut dir = file_tree::parent(path);
        while !dir.is_empty() {
            if with_options.contains(dir) {
                return true;
            }
            dir = file_tree::parent(dir);
        }
        false
    };
    let is_yaml = |path: &&&str| path.ends_with(".yaml") || path.ends_with(".yml");
    let mut bundles = Vec::new();
    if with_options.contains("") || paths.iter().filter(is_yaml).any(|path| !is_nested(path)) {
        bundles.push(root.to_owned());
    }
    bundles.extend(with_options.iter().filter(|dir| !dir.is_empty()).map(|dir| glob::join(root, dir)));
    bundles
}

/// The directory that has its options at `path`, which may also be a file in a directory called `fleet.yaml`.
fn options_directory(path: &str) -> Option<&str> {
    let mut at = path;
    loop {
        if matches!(file_tree::file_name(at), "fleet.yaml" | "fleet.yml") {
            return Some(file_tree::parent(at));
        }
        at = file_tree::parent(at);
        if at.is_empty() {
            return None;
        }
    }
}

/// One entry of `spec.bundles`: no globs, no looking further. The bundle that it means is known also where it fails.
fn driven(files: &dyn Files, gitrepo: &str, base: &str, options: &str) -> Scanned {
    let entry = if options.is_empty() { base.to_owned() } else { format!("{base}, options {options}") };
    let refused = |message: String| {
        let note = Note::new(Reason::PathRefused, format!("spec.bundles: {message}"));
        Box::new(failure(&entry, note.with_remedy("correct spec.bundles")))
    };
    let places = driven_place(gitrepo, base, options).map_err(|error| refused(error.to_string())).and_then(|place| {
        if files.is_dir(&place.dir) {
            return Ok(vec![place]);
        }
        let message = format!("spec.bundles: there is no directory `{base}`");
        let note = Note::new(Reason::NoBundleFound, message).with_remedy("correct spec.bundles");
        Err(Box::new(Failure { dir: Some(place.dir), bundle: Some(place.name), ..failure(&entry, note) }))
    });
    Scanned { entry, places }
}

fn driven_place(gitrepo: &str, base: &str, options: &str) -> Result<Place, file_tree::Error> {
    let dir = file_tree::normalise(base.trim_start_matches('/'))?;
    let path = file_tree::clean_join(&dir, options)?;
    let stem = match path.rsplit_once('.') {
        Some((stem, extension)) if !options.is_empty() && !extension.contains('/') => stem,
        _ => &path,
    };
    Ok(Place { name: bundle_name(gitrepo, stem), dir, options: options.to_owned() })
}

/// The failure of an entry.
pub(super) fn failure(entry: &str, note: Note) -> Failure {
    Failure { entry: entry.to_owned(), dir: None, bundle: None, note }
}
