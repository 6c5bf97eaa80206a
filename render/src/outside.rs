//! Files of the repository that lie beside or above a bundle: what its kustomizations read there.
//!
//! The tree of a bundle has paths below its directory alone. What a kustomization reads elsewhere (`../../base`) is kept in
//! that tree below [`OUTSIDE`], by its path in the repository. A hidden directory never holds resources, so nothing of the
//! bundle can be meant.

use file_tree::{Entry, Files};
use std::borrow::Cow;

/// The directory of a bundle's tree for files that lie outside of the bundle's directory.
pub const OUTSIDE: &str = ".outside";

/// Where a file of the repository, which lies outside of the bundle's directory, is kept in the bundle's tree.
#[must_use]
pub fn kept_at(path: &str) -> String {
    crate::joined(OUTSIDE, path)
}

/// The path in the repository of a file that is kept in a bundle's tree as one from outside; none for the bundle's own.
#[must_use]
pub fn path_of(kept: &str) -> Option<&str> {
    kept.strip_prefix(OUTSIDE)?.strip_prefix('/')
}

/// The tree of a bundle, seen from the root of the repository.
pub(crate) struct Repository<'a> {
    pub(crate) files: &'a dyn Files,
    /// The bundle's directory.
    pub(crate) dir: &'a str,
}

impl Repository<'_> {
    fn kept(&self, path: &str) -> String {
        match below(self.dir, path) {
            Some(inside) => inside.to_owned(),
            None => kept_at(path),
        }
    }

    fn seen(&self, mut entry: Entry) -> Entry {
        entry.path = match path_of(&entry.path) {
            Some(path) => path.to_owned(),
            None => crate::joined(self.dir, &entry.path),
        };
        entry
    }
}

/// The rest of a path in or below a directory.
fn below<'p>(dir: &str, path: &'p str) -> Option<&'p str> {
    match path.strip_prefix(dir)? {
        "" => Some(""),
        rest if dir.is_empty() => Some(rest),
        rest => rest.strip_prefix('/'),
    }
}

impl Files for Repository<'_> {
    fn entry(&self, path: &str) -> Option<Entry> {
        self.files.entry(&self.kept(path)).map(|entry| self.seen(entry))
    }

    fn stored(&self, path: &str) -> Result<Cow<'_, [u8]>, file_tree::Error> {
        self.files.stored(&self.kept(path))
    }

    fn list_under(&self, dir: &str) -> Vec<Entry> {
        // A directory above the bundle's holds all of it, and of the others those below that directory.
        let entries = match below(dir, self.dir) {
            Some(_) => self.files.list_under(""),
            None => self.files.list_under(&self.kept(dir)),
        };
        let seen = entries.into_iter().map(|entry| self.seen(entry));
        let mut entries: Vec<Entry> = seen.filter(|entry| below(dir, &entry.path).is_some()).collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    }

    fn is_dir(&self, path: &str) -> bool {
        below(path, self.dir).is_some() || self.files.is_dir(&self.kept(path))
    }
}
