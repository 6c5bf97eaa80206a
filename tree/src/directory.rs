//! A directory of the file system, seen as a tree. For the command line alone: the hub reads git's objects.
//!
//! The directory is walked once, when it is opened; links are listed as links and followed as text inside the tree
//! only, so nothing outside is read.

#![expect(clippy::disallowed_methods, reason = "the one module of the crate that reads the file system")]

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Entry, Error, Files, MemoryTree, Mode};

/// How many files a directory may hold.
const MAX_FILES: usize = 200_000;

/// The files of a directory. `.git` is left out, as git leaves it out of its trees.
#[derive(Debug)]
pub struct DirTree {
    root: PathBuf,
    /// The names alone, and the targets of links; a file's bytes are read when they are asked for.
    names: MemoryTree,
    sizes: std::collections::BTreeMap<String, u64>,
}

impl DirTree {
    /// Lists the files of the directory `root`.
    ///
    /// # Errors
    /// [`Error::Io`] where the file system refuses, [`Error::BadPath`] for a name that is not UTF-8,
    /// [`Error::TooManyFiles`] over 200,000 files.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let mut tree = Self { root: root.into(), names: MemoryTree::new(), sizes: std::collections::BTreeMap::new() };
        let mut pending = vec![String::new()];
        while let Some(dir) = pending.pop() {
            tree.add_directory(&dir, &mut pending)?;
        }
        Ok(tree)
    }

    fn add_directory(&mut self, dir: &str, pending: &mut Vec<String>) -> Result<(), Error> {
        let place = self.place(dir);
        for found in fs::read_dir(&place).map_err(|e| io_error(&place, e))? {
            let found = found.map_err(|e| io_error(&place, e))?;
            let name = found.file_name().into_string().map_err(|name| Error::BadPath {
                path: place.join(name).display().to_string(),
                reason: "the name is not UTF-8",
            })?;
            if name == ".git" {
                continue;
            }
            let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            let meta = found.metadata().map_err(|e| io_error(&found.path(), e))?;
            if meta.is_dir() {
                pending.push(path);
            } else if meta.is_symlink() {
                let target = fs::read_link(found.path()).map_err(|e| io_error(&found.path(), e))?;
                let target = target.to_string_lossy().into_owned().into_bytes();
                self.sizes.insert(path.clone(), target.len() as u64);
                self.names.insert(&path, Mode::Symlink, target)?;
            } else if meta.is_file() {
                self.sizes.insert(path.clone(), meta.len());
                self.names.insert(&path, file_mode(&meta), Vec::new())?;
            }
            if self.names.len() > MAX_FILES {
                return Err(Error::TooManyFiles { path: self.root.display().to_string(), limit: MAX_FILES });
            }
        }
        Ok(())
    }

    fn place(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }

    fn sized(&self, mut entry: Entry) -> Entry {
        entry.size = self.sizes.get(&entry.path).copied().unwrap_or(entry.size);
        entry
    }
}

impl Files for DirTree {
    fn entry(&self, path: &str) -> Option<Entry> {
        self.names.entry(path).map(|entry| self.sized(entry))
    }

    fn stored(&self, path: &str) -> Result<Cow<'_, [u8]>, Error> {
        let known = self.names.stored(path)?;
        if self.names.entry(path).is_some_and(|entry| entry.mode == Mode::Symlink) {
            return Ok(known);
        }
        // Somebody may have put a link in the file's place since it was listed.
        let place = self.place(path);
        let meta = fs::symlink_metadata(&place).map_err(|e| io_error(&place, e))?;
        if !meta.is_file() {
            return Err(Error::NotFound { path: path.to_owned() });
        }
        fs::read(&place).map(Cow::Owned).map_err(|e| io_error(&place, e))
    }

    fn list_under(&self, dir: &str) -> Vec<Entry> {
        self.names.list_under(dir).into_iter().map(|entry| self.sized(entry)).collect()
    }

    fn is_dir(&self, path: &str) -> bool {
        self.names.is_dir(path)
    }
}

fn io_error(path: &Path, source: std::io::Error) -> Error {
    Error::Io { path: path.display().to_string(), source }
}

#[cfg(unix)]
fn file_mode(meta: &fs::Metadata) -> Mode {
    use std::os::unix::fs::PermissionsExt as _;
    if meta.permissions().mode() & 0o100 == 0 { Mode::Regular } else { Mode::Executable }
}

#[cfg(not(unix))]
fn file_mode(_: &fs::Metadata) -> Mode {
    Mode::Regular
}
