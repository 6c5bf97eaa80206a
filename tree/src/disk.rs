//! A whole file system, seen as a tree, looked up file by file. For the command line alone.
//!
//! Where [`crate::DirTree`] lists a directory once, this one asks the file system at every call, so that a program can
//! follow `../base` to wherever it leads without reading what lies beside.

#![expect(clippy::disallowed_methods, reason = "a module of the crate that reads the file system")]

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Entry, Error, Files, Mode, parent};

/// The files below a directory of the file system, usually `/`.
///
/// Absolute links lead to where they say if that lies below the directory.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// The files below `root`, an absolute path.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn place(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }

    /// What the link at `path` holds, as seen from where it stands.
    fn link(&self, path: &str, place: &Path) -> Result<Vec<u8>, Error> {
        let target = fs::read_link(place).map_err(|error| io_error(place, error))?;
        let target = match target.strip_prefix(&self.root) {
            Ok(inside) if target.is_absolute() => {
                let up = parent(path).split('/').filter(|part| !part.is_empty()).count();
                format!("{}{}", "../".repeat(up), inside.to_string_lossy())
            }
            _ => target.to_string_lossy().into_owned(),
        };
        Ok(if target.is_empty() { b".".to_vec() } else { target.into_bytes() })
    }

    fn walk(&self, dir: &str, entries: &mut Vec<Entry>) {
        let Ok(found) = fs::read_dir(self.place(dir)) else { return };
        let mut names: Vec<String> = found.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        for name in names {
            let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            match self.entry(&path) {
                Some(entry) => entries.push(entry),
                None => self.walk(&path, entries),
            }
        }
    }
}

impl Files for Disk {
    fn entry(&self, path: &str) -> Option<Entry> {
        let place = self.place(path);
        let meta = fs::symlink_metadata(&place).ok()?;
        let (mode, size) = if meta.is_symlink() {
            (Mode::Symlink, self.link(path, &place).ok()?.len() as u64)
        } else if meta.is_file() {
            (Mode::Regular, meta.len())
        } else {
            return None;
        };
        Some(Entry { path: path.to_owned(), mode, size })
    }

    fn stored(&self, path: &str) -> Result<Cow<'_, [u8]>, Error> {
        let place = self.place(path);
        let meta = fs::symlink_metadata(&place).map_err(|_| Error::NotFound { path: path.to_owned() })?;
        if meta.is_symlink() {
            return self.link(path, &place).map(Cow::Owned);
        }
        if meta.is_dir() {
            return Err(Error::IsDirectory { path: path.to_owned() });
        }
        fs::read(&place).map(Cow::Owned).map_err(|error| io_error(&place, error))
    }

    fn list_under(&self, dir: &str) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.walk(dir, &mut entries);
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        entries
    }

    fn is_dir(&self, path: &str) -> bool {
        fs::symlink_metadata(self.place(path)).is_ok_and(|meta| meta.is_dir())
    }
}

fn io_error(path: &Path, source: std::io::Error) -> Error {
    Error::Io { path: path.display().to_string(), source }
}
