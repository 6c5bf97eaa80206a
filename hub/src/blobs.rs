//! Content by digest, in a directory beside the database.
//!
//! Invariants: a blob is on disk (file, rename, directory synced) before [`Blobs::put_all`] returns, and so before any
//! row that names it; every blob is hashed again when it is read from disk, so what is given out is what was asked for.

use crate::crash::{self, Point};
use crate::store::{Sealer, StoreError};
use bytes::Bytes;
use fleet_api::digest::Digest;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How many bytes of recently used blobs are kept in memory.
const CACHE: usize = 16 << 20;
/// A blob that nothing refers to is kept for so long.
pub const GRACE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why a blob cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It is not there.
    #[error("blob {0} is not there")]
    Missing(Digest),
    /// What is on disk is not what it should be.
    #[error("blob {0} is damaged on disk; restore it from a backup, or read the repository again")]
    Damaged(Digest),
    /// The disk.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be encrypted or decrypted.
    #[error(transparent)]
    Seal(#[from] StoreError),
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> BlobError + '_ {
    move |source| BlobError::Io { path: path.to_owned(), source }
}

/// A blob to be stored.
#[derive(Clone, Debug)]
pub struct NewBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Bytes,
    /// Whether it holds secrets and is encrypted at rest.
    pub secret: bool,
}

impl NewBlob {
    /// Of these bytes.
    pub fn new(bytes: impl Into<Bytes>, secret: bool) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::of(&bytes), bytes, secret }
    }
}

/// The blobs. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Blobs {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    sealer: Sealer,
    known: Mutex<BTreeSet<Digest>>,
    cache: Mutex<Cache>,
    writes: AtomicU64,
}

#[derive(Debug, Default)]
struct Cache {
    bytes: usize,
    blobs: BTreeMap<Digest, Bytes>,
    order: VecDeque<Digest>,
}

impl Blobs {
    /// The blobs below `dir`.
    ///
    /// # Errors
    /// Where the directory cannot be made or read.
    pub fn open(dir: &Path, sealer: Sealer) -> Result<Self, BlobError> {
        crate::private::create_dir(dir).map_err(io(dir))?;
        let mut known = BTreeSet::new();
        for shard in read_dir(dir)? {
            if shard.is_dir() {
                known.extend(read_dir(&shard)?.iter().filter_map(|path| digest_of(path)));
            }
        }
        let inner = Inner {
            dir: dir.to_owned(),
            sealer,
            known: Mutex::new(known),
            cache: Mutex::new(Cache::default()),
            writes: AtomicU64::new(0),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether it is there.
    pub fn has(&self, digest: &Digest) -> bool {
        lock(&self.inner.known).contains(digest)
    }

    /// Stores blobs; those that are there already cost nothing. Blocks on the disk.
    ///
    /// # Errors
    /// Where one cannot be written; then those before it may be there.
    pub fn put_all(&self, blobs: &[NewBlob]) -> Result<(), BlobError> {
        let mut dirs = BTreeSet::new();
        let mut stored = Vec::new();
        for blob in blobs {
            if self.keep(&blob.digest) {
                continue;
            }
            let path = self.path(&blob.digest, blob.secret);
            let Some(dir) = path.parent() else { continue };
            crash::pass(&path, Point::BeforeBlob).map_err(io(&path))?;
            if !dir.is_dir() {
                std::fs::create_dir_all(dir).map_err(io(dir))?;
                dirs.insert(self.inner.dir.clone());
            }
            self.write(&path, blob)?;
            dirs.insert(dir.to_owned());
            stored.push(blob.digest);
        }
        for dir in &dirs {
            File::open(dir).and_then(|file| file.sync_all()).map_err(io(dir))?;
        }
        if !stored.is_empty() {
            crash::pass(&self.inner.dir, Point::AfterBlobs).map_err(io(&self.inner.dir))?;
        }
        lock(&self.inner.known).extend(stored);
        Ok(())
    }

    /// Whether it is there; then it is as young as a new one, so that it is not removed before something refers to it.
    fn keep(&self, digest: &Digest) -> bool {
        // What is removed, is removed under this lock.
        let mut known = lock(&self.inner.known);
        if !known.contains(digest) {
            return false;
        }
        let now = SystemTime::now();
        let touched = [false, true].into_iter().any(|secret| {
            let file = File::options().append(true).open(self.path(digest, secret));
            file.and_then(|file| file.set_modified(now)).is_ok()
        });
        if !touched {
            known.remove(digest);
        }
        touched
    }

    fn write(&self, path: &Path, blob: &NewBlob) -> Result<(), BlobError> {
        let sealed;
        let bytes: &[u8] = if blob.secret {
            sealed = self.inner.sealer.seal(&context(&blob.digest), &blob.bytes)?;
            &sealed
        } else {
            &blob.bytes
        };
        // Two threads may store the same blob at once; neither takes the other's file away.
        let temporary = path.with_extension(format!("{}.new", self.inner.writes.fetch_add(1, Ordering::Relaxed)));
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary).map_err(io(&temporary))?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io(&temporary));
        let stored = written.and_then(|()| std::fs::rename(&temporary, path).map_err(io(path)));
        if stored.is_err() {
            // A part of it would take the room that the next try needs.
            drop(std::fs::remove_file(&temporary));
        }
        stored
    }

    /// Reads a blob. Blocks on the disk where it was not read lately.
    ///
    /// # Errors
    /// Where it is not there, or not what it should be.
    pub fn get(&self, digest: &Digest) -> Result<Bytes, BlobError> {
        if let Some(bytes) = lock(&self.inner.cache).blobs.get(digest) {
            return Ok(bytes.clone());
        }
        let plain = self.path(digest, false);
        let bytes = match std::fs::read(&plain) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.read_sealed(digest)?,
            Err(error) => return Err(io(&plain)(error)),
        };
        if Digest::of(&bytes) != *digest {
            return Err(BlobError::Damaged(*digest));
        }
        let bytes = Bytes::from(bytes);
        self.remember(*digest, &bytes);
        Ok(bytes)
    }

    fn read_sealed(&self, digest: &Digest) -> Result<Vec<u8>, BlobError> {
        let path = self.path(digest, true);
        match std::fs::read(&path) {
            Ok(sealed) => Ok(self.inner.sealer.open(&context(digest), &sealed)?.to_vec()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(BlobError::Missing(*digest)),
            Err(error) => Err(io(&path)(error)),
        }
    }

    fn remember(&self, digest: Digest, bytes: &Bytes) {
        if bytes.len() > CACHE / 8 {
            return;
        }
        let mut cache = lock(&self.inner.cache);
        if cache.blobs.insert(digest, bytes.clone()).is_none() {
            cache.bytes += bytes.len();
            cache.order.push_back(digest);
        }
        while cache.bytes > CACHE {
            let Some(oldest) = cache.order.pop_front() else { break };
            if let Some(gone) = cache.blobs.remove(&oldest) {
                cache.bytes -= gone.len();
            }
        }
    }

    /// Removes what is not in `live` and older than [`GRACE`]. Blocks on the disk. Gives the number removed.
    ///
    /// # Errors
    /// Where the directory cannot be read.
    pub fn collect(&self, live: &BTreeSet<Digest>, now: SystemTime) -> Result<usize, BlobError> {
        let mut removed = 0;
        for shard in read_dir(&self.inner.dir)?.into_iter().filter(|path| path.is_dir()) {
            for path in read_dir(&shard)? {
                if digest_of(&path).is_some_and(|digest| live.contains(&digest)) {
                    continue;
                }
                let mut known = lock(&self.inner.known);
                // One that another task has just renamed or removed is no concern of this one.
                let Ok(changed) = std::fs::metadata(&path).and_then(|meta| meta.modified()) else { continue };
                if now.duration_since(changed).is_ok_and(|age| age > GRACE) {
                    if let Some(digest) = digest_of(&path) {
                        known.remove(&digest);
                    }
                    std::fs::remove_file(&path).map_err(io(&path))?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    fn path(&self, digest: &Digest, secret: bool) -> PathBuf {
        let hex = digest.hex();
        let name = if secret { format!("{hex}.sealed") } else { hex.clone() };
        self.inner.dir.join(&hex[..2]).join(name)
    }
}

fn context(digest: &Digest) -> String {
    format!("blob {digest}")
}

fn digest_of(path: &Path) -> Option<Digest> {
    let name = path.file_name()?.to_str()?;
    format!("sha256:{}", name.strip_suffix(".sealed").unwrap_or(name)).parse().ok()
}

fn read_dir(dir: &Path) -> Result<Vec<PathBuf>, BlobError> {
    let entries = std::fs::read_dir(dir).map_err(io(dir))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(io(dir))).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies the blobs of a data directory to another one, for a backup.
///
/// # Errors
/// Where one cannot be copied.
pub fn backup(from: &Path, to: &Path) -> Result<(), BlobError> {
    if !from.is_dir() {
        return Ok(());
    }
    for shard in read_dir(from)?.into_iter().filter(|path| path.is_dir()) {
        let Some(name) = shard.file_name() else { continue };
        let target = to.join(name);
        std::fs::create_dir_all(&target).map_err(io(&target))?;
        for path in read_dir(&shard)?.into_iter().filter(|path| digest_of(path).is_some()) {
            let Some(name) = path.file_name() else { continue };
            let copy = target.join(name);
            crash::pass(&copy, Point::BeforeCopiedFile).map_err(io(&copy))?;
            // A blob never changes, so a hard link is a copy; where that cannot be, the bytes are copied.
            if std::fs::hard_link(&path, &copy).is_err() {
                std::fs::copy(&path, &copy).map_err(io(&copy))?;
            }
        }
        File::open(&target).and_then(|file| file.sync_all()).map_err(io(&target))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Key;

    fn blobs(dir: &Path) -> Blobs {
        Blobs::open(dir, Sealer::new(&Key::random().unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn gives_back_what_was_put_and_finds_it_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let sealer = Sealer::new(&Key::random().unwrap()).unwrap();
        let plain = NewBlob::new("plain", false);
        let secret = NewBlob::new("secret", true);
        Blobs::open(dir.path(), sealer.clone()).unwrap().put_all(&[plain.clone(), secret.clone()]).unwrap();
        let again = Blobs::open(dir.path(), sealer).unwrap();
        assert_eq!(again.get(&plain.digest).unwrap(), "plain");
        assert_eq!(again.get(&secret.digest).unwrap(), "secret");
        assert!(matches!(again.get(&Digest::of(b"other")), Err(BlobError::Missing(_))));
        for shard in read_dir(dir.path()).unwrap() {
            for path in read_dir(&shard).unwrap() {
                let bytes = std::fs::read(path).unwrap();
                assert!(!bytes.windows(6).any(|window| window == b"secret"));
            }
        }
    }

    #[test]
    fn a_damaged_blob_is_not_given_out() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        let blob = NewBlob::new("content", false);
        blobs.put_all(std::slice::from_ref(&blob)).unwrap();
        std::fs::write(blobs.path(&blob.digest, false), "c0ntent").unwrap();
        assert!(matches!(blobs.get(&blob.digest), Err(BlobError::Damaged(_))));
    }

    #[test]
    fn only_old_unreferenced_blobs_are_collected() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        let (live, dead) = (NewBlob::new("live", false), NewBlob::new("dead", false));
        blobs.put_all(&[live.clone(), dead.clone()]).unwrap();
        let keep = BTreeSet::from([live.digest]);
        assert_eq!(blobs.collect(&keep, SystemTime::now()).unwrap(), 0);
        let later = SystemTime::now() + GRACE + Duration::from_secs(60);
        assert_eq!(blobs.collect(&keep, later).unwrap(), 1);
        assert!(blobs.has(&live.digest) && !blobs.has(&dead.digest));
    }

    #[test]
    fn an_old_blob_that_is_put_again_is_not_collected_before_something_refers_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = blobs(dir.path());
        let all = [NewBlob::new("plain", false), NewBlob::new("secret", true)];
        blobs.put_all(&all).unwrap();
        for blob in &all {
            let file = File::options().append(true).open(blobs.path(&blob.digest, blob.secret)).unwrap();
            file.set_modified(SystemTime::now() - GRACE * 2).unwrap();
        }
        blobs.put_all(&all).unwrap();
        assert_eq!(blobs.collect(&BTreeSet::new(), SystemTime::now()).unwrap(), 0);
        // What somebody else removed is written again.
        std::fs::remove_file(blobs.path(&all[0].digest, false)).unwrap();
        blobs.put_all(&all).unwrap();
        assert_eq!(blobs.get(&all[0].digest).unwrap(), "plain");
    }
}
