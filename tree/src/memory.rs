//! A tree in memory: what the bundler fills from git, and what tests write by hand.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::{Entry, Error, Files, Mode, normalise};

/// Files in memory, sorted by path. Cloning shares the contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryTree {
    files: BTreeMap<String, (Mode, Arc<[u8]>)>,
}

impl MemoryTree {
    /// A tree without files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree of regular files.
    ///
    /// # Errors
    /// As [`MemoryTree::insert`].
    pub fn from_files<P, B>(files: impl IntoIterator<Item = (P, B)>) -> Result<Self, Error>
    where
        P: AsRef<str>,
        B: AsRef<[u8]>,
    {
        let mut tree = Self::new();
        for (path, bytes) in files {
            tree.insert(path.as_ref(), Mode::Regular, bytes.as_ref())?;
        }
        Ok(tree)
    }

    /// Stores a file, in place of what was at `path`.
    ///
    /// # Errors
    /// A path that [`normalise`] refuses or that names the root; [`Error::IsDirectory`] where files are below `path`;
    /// [`Error::NotADirectory`] where a part of `path` is a file.
    pub fn insert(&mut self, path: &str, mode: Mode, bytes: impl Into<Arc<[u8]>>) -> Result<(), Error> {
        let clean = normalise(path)?;
        if clean.is_empty() || self.is_dir(&clean) {
            return Err(Error::IsDirectory { path: path.to_owned() });
        }
        let mut dir = crate::parent(&clean);
        while !dir.is_empty() {
            if self.files.contains_key(dir) {
                return Err(Error::NotADirectory { path: path.to_owned(), file: dir.to_owned() });
            }
            dir = crate::parent(dir);
        }
        self.files.insert(clean, (mode, bytes.into()));
        Ok(())
    }

    /// Takes the file at `path` out; gives its bytes if there was one.
    pub fn remove(&mut self, path: &str) -> Option<Arc<[u8]>> {
        self.files.remove(path).map(|(_, bytes)| bytes)
    }

    /// The stored bytes at `path`, shared.
    #[must_use]
    pub fn shared(&self, path: &str) -> Option<Arc<[u8]>> {
        self.files.get(path).map(|(_, bytes)| Arc::clone(bytes))
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn below<'a>(&'a self, dir: &str) -> impl Iterator<Item = (&'a String, &'a (Mode, Arc<[u8]>))> {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        self.files
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .take_while(move |(path, _)| path.starts_with(&prefix))
    }
}

impl Files for MemoryTree {
    fn entry(&self, path: &str) -> Option<Entry> {
        self.files.get(path).map(|(mode, bytes)| Entry { path: path.to_owned(), mode: *mode, size: bytes.len() as u64 })
    }

    fn stored(&self, path: &str) -> Result<Cow<'_, [u8]>, Error> {
        match self.files.get(path) {
            Some((_, bytes)) => Ok(Cow::Borrowed(bytes)),
            None if self.is_dir(path) => Err(Error::IsDirectory { path: path.to_owned() }),
            None => Err(Error::NotFound { path: path.to_owned() }),
        }
    }

    fn list_under(&self, dir: &str) -> Vec<Entry> {
        self.below(dir)
            .map(|(path, (mode, bytes))| Entry { path: path.clone(), mode: *mode, size: bytes.len() as u64 })
            .collect()
    }

    fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || self.below(path).next().is_some()
    }
}
