//! A tree of files that engines read: in memory, or over a directory.
//!
//! The engines (`kustomize/`, `helm/`, `render/`) see files through [`Files`] alone, so they cannot reach anything
//! that the tree does not hold. The invariant of the crate: every path is relative, separated by `/`, normalised, and
//! stays inside the tree, also through symbolic links.

mod directory;
mod disk;
mod error;
mod memory;
mod path;
mod resolve;
mod subtree;

pub use directory::DirTree;
pub use disk::Disk;
pub use error::Error;
pub use memory::MemoryTree;
pub use path::{clean, clean_join, file_name, is_below, normalise, parent};
pub use resolve::{MAX_LINKS, resolve};
pub use subtree::Subtree;

use std::borrow::Cow;
use std::sync::Arc;

/// What git stores a file as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// A file (git `100644`).
    Regular,
    /// A file with the executable bit (git `100755`).
    Executable,
    /// A symbolic link (git `120000`); its stored bytes are its target.
    Symlink,
}

/// One file of a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The normalised path, relative to the tree's root.
    pub path: String,
    /// What kind of file it is.
    pub mode: Mode,
    /// The size of the stored content in bytes; for a symbolic link the length of its target.
    pub size: u64,
}

/// One name in a directory, as [`Files::list_dir`] gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The last component of the path.
    pub name: String,
    /// `None` for a directory.
    pub mode: Option<Mode>,
}

impl DirEntry {
    /// Whether the name is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.mode.is_none()
    }
}

/// A set of files that an engine may read. Object-safe: engines take `&dyn Files`.
///
/// Paths given to the methods are normalised ones ([`normalise`], [`clean_join`]); the empty path is the root. Empty
/// directories do not exist, as in git.
pub trait Files {
    /// The file stored at `path`, links not followed; `None` for a directory or nothing.
    fn entry(&self, path: &str) -> Option<Entry>;

    /// The stored bytes of the file at `path`; of a symbolic link, its target.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::IsDirectory`], and whatever stands behind the tree.
    fn stored(&self, path: &str) -> Result<Cow<'_, [u8]>, Error>;

    /// Every file below the directory `dir` (all of the tree for `""`), sorted by path. Links are listed, not followed.
    fn list_under(&self, dir: &str) -> Vec<Entry>;

    /// Whether `path` is a directory, links not followed. The root always is one.
    fn is_dir(&self, path: &str) -> bool;

    /// The content of the file at `path`, following symbolic links as long as they stay in the tree.
    ///
    /// # Errors
    /// As [`resolve`] and [`Files::stored`].
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, Error> {
        match self.entry(path) {
            Some(entry) if entry.mode != Mode::Symlink => self.stored(path),
            _ => {
                let target = resolve(self, path)?;
                if self.is_dir(&target) {
                    return Err(Error::IsDirectory { path: path.to_owned() });
                }
                self.stored(&target)
            }
        }
    }

    /// The content of the file at `path` as text, as [`Files::read`].
    ///
    /// # Errors
    /// As [`Files::read`], and [`Error::NotUtf8`].
    fn read_text(&self, path: &str) -> Result<Cow<'_, str>, Error> {
        let not_utf8 = |at: usize| Error::NotUtf8 { path: path.to_owned(), offset: at };
        match self.read(path)? {
            Cow::Borrowed(bytes) => {
                std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|e| not_utf8(e.valid_up_to()))
            }
            Cow::Owned(bytes) => {
                String::from_utf8(bytes).map(Cow::Owned).map_err(|e| not_utf8(e.utf8_error().valid_up_to()))
            }
        }
    }

    /// Every file of the tree, sorted by path.
    fn list(&self) -> Vec<Entry> {
        self.list_under("")
    }

    /// Whether `path` is a file, a link or a directory. Links are not followed.
    fn exists(&self, path: &str) -> bool {
        self.entry(path).is_some() || self.is_dir(path)
    }

    /// The names directly in the directory `dir`, sorted; empty where there is no such directory.
    fn list_dir(&self, dir: &str) -> Vec<DirEntry> {
        let skip = if dir.is_empty() { 0 } else { dir.len() + 1 };
        let mut names: Vec<DirEntry> = Vec::new();
        for entry in self.list_under(dir) {
            let Some(rest) = entry.path.get(skip..) else { continue };
            let found = match rest.split_once('/') {
                Some((name, _)) => DirEntry { name: name.to_owned(), mode: None },
                None => DirEntry { name: rest.to_owned(), mode: Some(entry.mode) },
            };
            if names.last() != Some(&found) {
                names.push(found);
            }
        }
        // `a.yaml` sorts before `a/b` and after `a-b/c`: by name the order can differ from that by path.
        names.sort();
        names.dedup();
        names
    }
}

macro_rules! delegate {
    ($($pointer:ty),*) => {$(
        impl<T: Files + ?Sized> Files for $pointer {
            fn entry(&self, path: &str) -> Option<Entry> {
                (**self).entry(path)
            }
            fn stored(&self, path: &str) -> Result<Cow<'_, [u8]>, Error> {
                (**self).stored(path)
            }
            fn list_under(&self, dir: &str) -> Vec<Entry> {
                (**self).list_under(dir)
            }
            fn is_dir(&self, path: &str) -> bool {
                (**self).is_dir(path)
            }
            fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, Error> {
                (**self).read(path)
            }
        }
    )*};
}
delegate!(&T, Box<T>, Arc<T>);
