//! A directory of a tree, seen as a tree of its own.

use std::borrow::Cow;

use crate::{Entry, Error, Files, clean_join};

/// The files below one directory of another tree, with paths relative to that directory.
///
/// Its own paths cannot leave the directory. A symbolic link inside may lead to other files of the whole tree, as it
/// would on disk; it cannot leave that.
#[derive(Clone, Copy)]
pub struct Subtree<'a> {
    files: &'a dyn Files,
    root: &'a str,
}

impl std::fmt::Debug for Subtree<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subtree").field("root", &self.root).finish_non_exhaustive()
    }
}

impl<'a> Subtree<'a> {
    /// The directory `root` (a normalised path; `""` for all) of `files`.
    #[must_use]
    pub fn new(files: &'a dyn Files, root: &'a str) -> Self {
        Self { files, root }
    }

    /// Where the directory lies in the whole tree.
    #[must_use]
    pub fn root(&self) -> &'a str {
        self.root
    }

    /// The path in the whole tree of the file that is `path` here.
    ///
    /// # Errors
    /// As [`clean_join`]; [`Error::Outside`] where `path` leaves the directory.
    pub fn whole_path(&self, path: &str) -> Result<String, Error> {
        let inside = crate::normalise(path)?;
        clean_join(self.root, &inside)
    }

    fn own_path(&self, mut entry: Entry) -> Entry {
        if !self.root.is_empty() {
            entry.path.drain(..=self.root.len());
        }
        entry
    }
}

impl Files for Subtree<'_> {
    fn entry(&self, path: &str) -> Option<Entry> {
        self.files.entry(&self.whole_path(path).ok()?).map(|entry| self.own_path(entry))
    }

    fn stored(&self, path: &str) -> Result<Cow<'_, [u8]>, Error> {
        self.files.stored(&self.whole_path(path)?)
    }

    fn list_under(&self, dir: &str) -> Vec<Entry> {
        let Ok(whole) = self.whole_path(dir) else { return Vec::new() };
        self.files.list_under(&whole).into_iter().map(|entry| self.own_path(entry)).collect()
    }

    fn is_dir(&self, path: &str) -> bool {
        self.whole_path(path).is_ok_and(|whole| self.files.is_dir(&whole))
    }

    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, Error> {
        self.files.read(&self.whole_path(path)?)
    }
}
