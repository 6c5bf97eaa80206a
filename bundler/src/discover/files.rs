//! Which files of a bundle's directory are its resources (reference §2.3).

use super::ignore::{self, Rules};
use super::{Source, TreeEntry, glob};
use file_tree::{Files, Mode};
use fleet_api::Digest;
use fleet_api::reason::{Note, Reason};
use std::collections::BTreeSet;

/// A resource.
pub(super) struct Selected {
    /// Path, digest, size.
    pub(super) entry: TreeEntry,
    /// Whether it is UTF-8.
    pub(super) is_text: bool,
}

/// The resources of the directory `dir`, sorted by path. `excluded` are paths below it that are read otherwise.
pub(super) fn select(source: &dyn Source, dir: &str, excluded: &BTreeSet<String>) -> Result<Vec<Selected>, Note> {
    let files = source.files();
    let listed = files.list_under(dir);
    let skip = if dir.is_empty() { 0 } else { dir.len() + 1 };
    let rules = rules(files, dir, listed.iter().filter_map(|entry| entry.path.get(skip..)))?;
    let kept = |path: &str| !is_hidden(path) && !is_ignored(&rules, path);
    for problem in source.problems(dir) {
        if problem.path.get(skip..).is_none_or(kept) {
            return Err(problem.note);
        }
    }
    let mut selected = Vec::with_capacity(listed.len());
    for entry in &listed {
        let Some(path) = entry.path.get(skip..) else { continue };
        if excluded.contains(path) || !kept(path) {
            continue;
        }
        let content = content(files, dir, &entry.path, entry.mode)?;
        refuse_pointer(&entry.path, &content)?;
        let entry = TreeEntry {
            path: path.to_owned(),
            mode: if entry.mode == Mode::Executable { Mode::Executable } else { Mode::Regular },
            digest: Digest::of(&content),
            size: content.len() as u64,
        };
        selected.push(Selected { entry, is_text: std::str::from_utf8(&content).is_ok() });
    }
    Ok(selected)
}

/// All `.fleetignore` files at `dir` and below, hidden and ignored directories left out.
fn rules<'a>(files: &dyn Files, dir: &str, paths: impl Iterator<Item = &'a str>) -> Result<Rules, Note> {
    let mut rules = Rules::default();
    // Sorted by path, `a/.fleetignore` comes after `.fleetignore`: outer rules are known when inner ones are read.
    let mut places: Vec<&str> = paths.filter(|path| file_tree::file_name(path) == ignore::FILE_NAME).collect();
    places.sort_by_key(|path| path.matches('/').count());
    for path in places {
        let here = file_tree::parent(path);
        if is_hidden(here) || is_ignored_directory(&rules, here) {
            continue;
        }
        let whole = glob::join(dir, path);
        let bytes = files.read(&whole).map_err(|error| unreadable(&whole, &error))?;
        rules.add(here, &String::from_utf8_lossy(&bytes)).map_err(|(line, error)| {
            Note::new(Reason::InvalidFile, format!("{whole}:{line}: {error}")).in_file(format!("{whole}:{line}"))
        })?;
    }
    Ok(rules)
}

fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

/// Whether the file, or a directory above it, is left out.
fn is_ignored(rules: &Rules, path: &str) -> bool {
    let dir = file_tree::parent(path);
    rules.ignores(dir, file_tree::file_name(path), false) || is_ignored_directory(rules, dir)
}

fn is_ignored_directory(rules: &Rules, dir: &str) -> bool {
    let mut at = dir;
    while !at.is_empty() {
        let above = file_tree::parent(at);
        if rules.ignores(above, file_tree::file_name(at), true) {
            return true;
        }
        at = above;
    }
    false
}

/// The bytes of a file; a symbolic link is followed as long as it stays in the bundle's directory.
fn content<'a>(files: &'a dyn Files, dir: &str, path: &str, mode: Mode) -> Result<std::borrow::Cow<'a, [u8]>, Note> {
    if mode != Mode::Symlink {
        return files.stored(path).map_err(|error| unreadable(path, &error));
    }
    let target = file_tree::resolve(files, path).map_err(|error| refused(path, &error.to_string()))?;
    if !file_tree::is_below(dir, &target) {
        return Err(refused(
            path,
            &format!("{path}: the symbolic link leads to {target}, out of the bundle's directory"),
        ));
    }
    if files.is_dir(&target) {
        return Err(refused(
            path,
            &format!("{path}: is a symbolic link to the directory {target}; only links to files can be followed"),
        ));
    }
    files.stored(&target).map_err(|error| unreadable(path, &error))
}

fn refused(path: &str, message: &str) -> Note {
    Note::new(Reason::PathRefused, message).in_file(path)
}

/// A Git LFS pointer stands for a file that is not in the repository.
pub(super) fn refuse_pointer(path: &str, content: &[u8]) -> Result<(), Note> {
    if crate::git::lfs_pointer(content).is_none() {
        return Ok(());
    }
    let message = format!("{path}: is a Git LFS pointer, not the file itself");
    Err(Note::new(Reason::LfsPointerUnsupported, message).in_file(path))
}

/// A file that could not be read.
pub(super) fn unreadable(path: &str, error: &file_tree::Error) -> Note {
    Note::new(Reason::InvalidFile, error.to_string()).in_file(path)
}
