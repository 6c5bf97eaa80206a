//! Blobs by digest: a file each below the state directory, or in memory where there is none, or where the disk takes no
//! more: then the agent goes on, and says so.
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
    directory: Option<PathBuf>,
    memory: Mutex<BTreeMap<Digest, Box<[u8]>>>,
    /// Why the disk does not take content.
    trouble: Mutex<Option<String>>,
    key: LessSafeKey,
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
    /// Where the key is none.
    pub fn open(directory: Option<&Path>, key: &[u8; 32]) -> io::Result<Self> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| io::Error::other("the cache key is broken"))?;
        let directory = directory.map(|directory| directory.join("blobs"));
        let cache = Self { directory, memory: Mutex::default(), trouble: Mutex::default(), key: LessSafeKey::new(key) };
        if let Some(directory) = &cache.directory
            && let Err(error) = fs::create_dir_all(directory)
        {
            cache.failed(directory, &error);
        }
        Ok(cache)
    }

    /// Why the disk does not take content, where it does not.
    pub fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }

    fn failed(&self, path: &Path, error: &io::Error) {
        tracing::warn!(path = %path.display(), %error, "the disk takes no content; it is kept in memory");
        let why = format!("{}: {error}", self.directory.as_deref().unwrap_or(path).display());
        *lock(&self.trouble) = Some(why);
    }

    /// What is there; whether it is whole shows when it is read.
    pub fn list(&self) -> Vec<Digest> {
        let mut digests: BTreeSet<Digest> = lock(&self.memory).keys().copied().collect();
        if let Some(entries) = self.directory.as_ref().and_then(|directory| fs::read_dir(directory).ok()) {
            digests.extend(entries.flatten().filter_map(|entry| digest_of(&entry.path())));
        }
        digests.into_iter().collect()
    }

    /// The bytes, if they are there and have their digest; what is broken is removed.
    pub fn read(&self, digest: Digest) -> Option<Vec<u8>> {
        let packed = lock(&self.memory).get(&digest).map(|packed| packed.to_vec());
        let bytes = match (packed, &self.directory) {
            (Some(packed), _) => zstd::bulk::decompress(&packed, BLOB_LIMIT).ok(),
            (None, Some(directory)) => match fs::read(directory.join(digest.hex())) {
                Ok(bytes) => Some(bytes),
                Err(_) => fs::read(sealed_path(directory, digest)).ok().and_then(|bytes| self.unseal(digest, bytes)),
            },
            (None, None) => return None,
        };
        let bytes = bytes.filter(|bytes| Digest::of(bytes) == digest);
        if bytes.is_none() {
            self.remove(digest);
        }
        bytes
    }

    /// Stores bytes whose digest was verified: in memory where the disk does not take them; what is there stays whole.
    ///
    /// # Errors
    /// Where they cannot be encrypted or compressed.
    pub fn write(&self, digest: Digest, bytes: &[u8], is_secret: bool) -> io::Result<()> {
        if let Some(directory) = &self.directory {
            let written = if is_secret {
                let path = sealed_path(directory, digest);
                write_whole(&path, &self.seal(digest, bytes)?).map_err(|error| (path, error))
            } else {
                let path = directory.join(digest.hex());
                write_whole(&path, bytes).map_err(|error| (path, error))
            };
            match written {
                Ok(()) => {
                    *lock(&self.trouble) = None;
                    return Ok(());
                }
                Err((path, error)) => self.failed(&path, &error),
            }
        }
        let packed = zstd::bulk::compress(bytes, 3)?;
        lock(&self.memory).insert(digest, packed.into_boxed_slice());
        Ok(())
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
        lock(&self.memory).remove(&digest);
        let Some(directory) = &self.directory else { return };
        for path in [directory.join(digest.hex()), sealed_path(directory, digest)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, "a blob of the cache cannot be removed");
                }
                Ok(()) | Err(_) => {}
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

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
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
    let written = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_data()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Half of it would take the room that is missing.
        let _gone = fs::remove_file(&temporary);
    }
    written
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
    fn what_the_disk_does_not_take_is_kept_in_memory_and_said() {
        let directory = tempfile::tempdir().unwrap();
        // A file where the directory should be: also root cannot write below it.
        fs::write(directory.path().join("blobs"), b"").unwrap();
        let cache = Cache::open(Some(directory.path()), &[7; 32]).unwrap();
        assert!(cache.trouble().is_some());
        let digest = Digest::of(b"hello");
        for is_secret in [false, true] {
            cache.write(digest, b"hello", is_secret).unwrap();
            assert_eq!(cache.read(digest).as_deref(), Some(b"hello".as_slice()));
            assert_eq!(cache.list(), [digest]);
        }
        fs::remove_file(directory.path().join("blobs")).unwrap();
        fs::create_dir(directory.path().join("blobs")).unwrap();
        cache.write(Digest::of(b"more"), b"more", false).unwrap();
        assert_eq!(cache.trouble(), None);
        assert_eq!(cache.list().len(), 2);
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
