//! Blobs by digest: a file each below the state directory, or in memory where there is none.
//!
//! Invariant: names on disk are hex digests and nothing else; every blob is hashed again when it is read (R4); what holds a
//! Secret is encrypted with a key that lives in the cluster, so that the disk alone gives nothing away.

use fleet_api::Digest;
use ring::aead::{self, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The cache.
pub struct Cache {
    place: Place,
    key: LessSafeKey,
}

enum Place {
    Directory(PathBuf),
    Memory(Mutex<BTreeMap<Digest, Box<[u8]>>>),
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cache")
    }
}

/// Suffix of an encrypted blob.
const SEALED: &str = "sealed";
/// A blob is no larger (the cap of an object, with room).
const BLOB_LIMIT: usize = 64 << 20;

impl Cache {
    /// Below `directory`, or in memory. `key` is 32 bytes from the identity Secret.
    ///
    /// # Errors
    /// Where the directory cannot be made.
    pub fn open(directory: Option<&Path>, key: &[u8; 32]) -> io::Result<Self> {
        let place = match directory {
            Some(directory) => {
                let blobs = directory.join("blobs");
                fs::create_dir_all(&blobs)?;
                Place::Directory(blobs)
            }
            None => Place::Memory(Mutex::default()),
        };
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| io::Error::other("the cache key is broken"))?;
        Ok(Self { place, key: LessSafeKey::new(key) })
    }

    /// What is there; whether it is whole shows when it is read.
    pub fn list(&self) -> Vec<Digest> {
        match &self.place {
            Place::Memory(blobs) => lock(blobs).keys().copied().collect(),
            Place::Directory(directory) => {
                let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
                entries.flatten().filter_map(|entry| digest_of(&entry.path())).collect()
            }
        }
    }

    /// The bytes, if they are there and have their digest; what is broken is removed.
    pub fn read(&self, digest: Digest) -> Option<Vec<u8>> {
        let bytes = match &self.place {
            Place::Memory(blobs) => {
                let packed = lock(blobs).get(&digest)?.to_vec();
                zstd::bulk::decompress(&packed, BLOB_LIMIT).ok()
            }
            Place::Directory(directory) => match fs::read(directory.join(digest.hex())) {
                Ok(bytes) => Some(bytes),
                Err(_) => fs::read(sealed_path(directory, digest)).ok().and_then(|bytes| self.unseal(digest, bytes)),
            },
        };
        let bytes = bytes.filter(|bytes| Digest::of(bytes) == digest);
        if bytes.is_none() {
            self.remove(digest);
        }
        bytes
    }

    /// Stores bytes whose digest was verified.
    ///
    /// # Errors
    /// Where the disk does not take them; what is there stays whole.
    pub fn write(&self, digest: Digest, bytes: &[u8], is_secret: bool) -> io::Result<()> {
        match &self.place {
            Place::Memory(blobs) => {
                let packed = zstd::bulk::compress(bytes, 3)?;
                lock(blobs).insert(digest, packed.into_boxed_slice());
                Ok(())
            }
            Place::Directory(directory) if is_secret => {
                write_whole(&sealed_path(directory, digest), &self.seal(digest, bytes)?)
            }
            Place::Directory(directory) => write_whole(&directory.join(digest.hex()), bytes),
        }
    }

    /// Removes what is not needed any more.
    pub fn keep_only(&self, needed: &BTreeSet<Digest>) {
        for digest in self.list() {
            if !needed.contains(&digest) {
                self.remove(digest);
            }
        }
    }

    fn remove(&self, digest: Digest) {
        match &self.place {
            Place::Memory(blobs) => drop(lock(blobs).remove(&digest)),
            Place::Directory(directory) => {
                for path in [directory.join(digest.hex()), sealed_path(directory, digest)] {
                    match fs::remove_file(&path) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            tracing::warn!(%error, "a blob of the cache cannot be removed");
                        }
                        Ok(()) | Err(_) => {}
                    }
                }
            }
        }
    }

    fn seal(&self, digest: Digest, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| io::Error::other("no randomness"))?;
        let mut sealed = bytes.to_vec();
        let aad = aead::Aad::from(*digest.as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| io::Error::other("cannot encrypt a blob"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn unseal(&self, digest: Digest, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = bytes.get(..NONCE_LEN)?.try_into().ok()?;
        let aad = aead::Aad::from(*digest.as_bytes());
        let plain = self.key.open_in_place(Nonce::assume_unique_for_key(nonce), aad, &mut bytes[NONCE_LEN..]).ok()?;
        Some(plain.to_vec())
    }
}

fn lock(blobs: &Mutex<BTreeMap<Digest, Box<[u8]>>>) -> std::sync::MutexGuard<'_, BTreeMap<Digest, Box<[u8]>>> {
    blobs.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sealed_path(directory: &Path, digest: Digest) -> PathBuf {
    directory.join(format!("{}.{SEALED}", digest.hex()))
}

fn digest_of(path: &Path) -> Option<Digest> {
    let plain_or_sealed = path.extension().is_none_or(|extension| extension == SEALED);
    let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| plain_or_sealed)?;
    format!("sha256:{stem}").parse().ok()
}

/// File, fsync, rename: a name never stands for half a blob.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("partial");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_read_back_and_a_broken_one_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        for place in [None, Some(directory.path())] {
            let cache = Cache::open(place, &[7; 32]).unwrap();
            let digest = Digest::of(b"hello");
            cache.write(digest, b"hello", false).unwrap();
            assert_eq!(cache.read(digest).as_deref(), Some(b"hello".as_slice()));
            assert_eq!(cache.list(), [digest]);
            if place.is_some() {
                fs::write(directory.path().join("blobs").join(digest.hex()), b"hellp").unwrap();
                assert_eq!(cache.read(digest), None);
                assert_eq!(cache.list(), []);
            }
            cache.keep_only(&BTreeSet::new());
            assert_eq!(cache.list(), []);
        }
    }

    #[test]
    fn a_secret_does_not_stand_on_the_disk_in_clear() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(directory.path()), &[7; 32]).unwrap();
        let digest = Digest::of(b"hunter2");
        cache.write(digest, b"hunter2", true).unwrap();
        for entry in fs::read_dir(directory.path().join("blobs")).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
        }
        assert_eq!(cache.list(), [digest]);
        assert_eq!(cache.read(digest).as_deref(), Some(b"hunter2".as_slice()));
        let other = Cache::open(Some(directory.path()), &[8; 32]).unwrap();
        assert_eq!(other.read(digest), None);
    }
}
