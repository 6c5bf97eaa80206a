//! Packages on disk by their digest, and which digest a name was found to have.
//!
//! A version, once fetched, is not asked for again: the same commit gives the same bundle, also while the repository is
//! away. Everything here can be thrown away.

use super::{Error, Package};
use fleet_api::Digest;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much is kept; the oldest goes first.
const MAX_BYTES: u64 = 1 << 30;

/// A folder of packages.
#[derive(Debug, Clone)]
pub struct PackageCache {
    folder: PathBuf,
}

impl PackageCache {
    /// In a folder that exists and that nobody else reads.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// What was found under a name. `name` holds all that the answer depends on, who asks included.
    pub(super) fn get(&self, name: &Digest) -> Option<Package> {
        let digest: Digest = std::fs::read_to_string(self.pin(name)).ok()?.trim().parse().ok()?;
        self.read(digest)
    }

    fn read(&self, digest: Digest) -> Option<Package> {
        let bytes = std::fs::read(self.package(&digest)).ok()?;
        (Digest::of(&bytes) == digest).then(|| Package { bytes: Arc::from(bytes), digest })
    }

    /// Keeps a package under names.
    pub(super) fn put(&self, names: &[Digest], package: &Package) -> Result<(), Error> {
        if self.read(package.digest).is_none() {
            self.trim(package.bytes.len() as u64);
            write(&self.package(&package.digest), &package.bytes)?;
        }
        names.iter().try_for_each(|name| write(&self.pin(name), package.digest.to_string().as_bytes()))
    }

    fn package(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}.tgz", digest.hex()))
    }

    fn pin(&self, name: &Digest) -> PathBuf {
        self.folder.join(format!("{}.name", name.hex()))
    }

    /// Makes room: the packages that were written first go. A name without its package is fetched again.
    fn trim(&self, more: u64) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        let mut files: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let metadata = entry.metadata().ok()?;
                Some((metadata.modified().ok()?, entry.path(), metadata.len()))
            })
            .collect();
        let mut total = more + files.iter().map(|(_, _, size)| size).sum::<u64>();
        files.sort();
        for (_, path, size) in files {
            if total <= MAX_BYTES {
                return;
            }
            if std::fs::remove_file(path).is_ok() {
                total -= size;
            }
        }
    }
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let unique = format!("{}-{}.new", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let new = path.with_extension(unique);
    let written = std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, path));
    written.map_err(|error| Error::Disk(format!("{}: {error}", path.display())))
}
