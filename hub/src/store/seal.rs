//! Encryption at rest: ChaCha20-Poly1305 under one key.
//!
//! It protects a copied database, disk or backup from one who does not have the key. With the key generated beside
//! the database it protects only copies of the database alone; keep the key elsewhere (`--key-file`) for more. It does
//! not protect from one who reads the memory of the hub.

use super::StoreError;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use rusqlite::{Connection, OptionalExtension as _};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The name of the generated key in the data directory.
pub const KEY_FILE: &str = "secrets.key";
/// First byte of everything sealed: the way it was sealed.
const FORM: u8 = 1;
const CHECK: &[u8] = b"skiff";

/// The 32 bytes that secrets at rest are encrypted with.
pub struct Key(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key(…)")
    }
}

impl Key {
    /// Reads a key file: 32 bytes, or the same as 64 hex digits or in base64.
    ///
    /// # Errors
    /// Where the file cannot be read or is none of these.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let bytes = Zeroizing::new(std::fs::read(path).map_err(StoreError::io(path))?);
        Self::parse(&bytes).ok_or_else(|| {
            let hint = "32 bytes are expected, or the same in hex or base64; `openssl rand -base64 32` makes one";
            StoreError::Key(format!("{} is not a key: {hint}", path.display()))
        })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        use base64::Engine as _;
        let exact = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).ok().map(|key| Self(Zeroizing::new(key)));
        if let Some(key) = exact(bytes) {
            return Some(key);
        }
        let text = std::str::from_utf8(bytes).ok()?.trim();
        let decoded = match text.len() {
            64 => hex::decode(text).ok()?,
            _ => base64::engine::general_purpose::STANDARD.decode(text).ok()?,
        };
        exact(&Zeroizing::new(decoded))
    }

    /// The key in the data directory; generated there (mode 0600) where there is none.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub fn in_directory(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(KEY_FILE);
        if path.exists() {
            return Self::read(&path);
        }
        crate::private::create_dir(dir).map_err(StoreError::io(dir))?;
        let key = Self::random()?;
        let text = Zeroizing::new(hex::encode(key.0.as_slice()) + "\n");
        if publish(&path, |file| file.write_all(text.as_bytes()))? { Ok(key) } else { Self::read(&path) }
    }

    /// A new one.
    ///
    /// # Errors
    /// Where the operating system gives no random bytes.
    pub fn random() -> Result<Self, StoreError> {
        let mut key = Zeroizing::new([0; 32]);
        random(key.as_mut_slice())?;
        Ok(Self(key))
    }
}

/// Writes a file that nobody else may read, and gives it its name when all of it is on the disk: a hub that dies or
/// finds no room in between would else have a key that is none, and never start again. False where the name is taken.
fn publish(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<bool, StoreError> {
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| write(&mut file).and_then(|()| file.sync_all()));
    let linked = written.and_then(|()| match std::fs::hard_link(&draft, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    });
    // What is left of a draft is of no use to anybody; the error that matters is the one before.
    let _left = std::fs::remove_file(&draft);
    let linked = linked.map_err(StoreError::io(path))?;
    super::sync(path.parent().unwrap_or_else(|| Path::new(".")))?;
    Ok(linked)
}

/// Fills `bytes` with random ones.
pub(crate) fn random(bytes: &mut [u8]) -> Result<(), StoreError> {
    SystemRandom::new().fill(bytes).map_err(|_| StoreError::Key("the system gives no random bytes".into()))
}

/// Encrypts and decrypts under the store's key. Cloning it is cheap.
#[derive(Clone)]
pub struct Sealer {
    key: Arc<LessSafeKey>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer(…)")
    }
}

impl Sealer {
    /// Under `key`.
    ///
    /// # Errors
    /// None that can happen with 32 bytes.
    pub fn new(key: &Key) -> Result<Self, StoreError> {
        let unbound = UnboundKey::new(&CHACHA20_POLY1305, key.0.as_slice())
            .map_err(|_| StoreError::Key("the key was not accepted".into()))?;
        Ok(Self { key: Arc::new(LessSafeKey::new(unbound)) })
    }

    /// Encrypts `plain`. The same `context` (what it is, where it belongs) must be given to open it, so that a sealed
    /// value cannot be moved to another place.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plain.len() + 16);
        sealed.push(FORM);
        sealed.extend_from_slice(&nonce);
        let mut body = plain.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context.as_bytes()), &mut body)
            .map_err(|_| StoreError::Key("a value could not be encrypted".into()))?;
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Decrypts what [`Sealer::seal`] made.
    ///
    /// # Errors
    /// Where the key or the context is another one, or the bytes were changed.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let refused = || {
            StoreError::Key(format!("{context} cannot be decrypted: its bytes were changed, or the key is another one"))
        };
        let (&form, rest) = sealed.split_first().ok_or_else(refused)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        if form != FORM {
            return Err(refused());
        }
        let mut body = Zeroizing::new(body.to_vec());
        let length =
            self.key.open_in_place(nonce, Aad::from(context.as_bytes()), &mut body).map_err(|_| refused())?.len();
        body.truncate(length);
        Ok(body)
    }

    /// Refuses a key that is not the one that the database was first opened with.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), StoreError> {
        let stored: Option<Vec<u8>> =
            connection.query_row("SELECT value FROM meta WHERE key = 'keyCheck'", [], |row| row.get(0)).optional()?;
        let Some(stored) = stored else {
            let sealed = self.seal("keyCheck", CHECK)?;
            connection.execute("INSERT INTO meta VALUES ('keyCheck', ?1)", [sealed])?;
            return Ok(());
        };
        self.open("keyCheck", &stored).map(drop).map_err(|_| {
            let remedy = "start the hub with the key that it was first started with (--key-file)";
            StoreError::Key(format!("the secrets in the database were encrypted with another key: {remedy}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_name_only_when_all_of_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        let full = |file: &mut File| {
            file.write_all(b"half a k")?;
            Err(io::ErrorKind::StorageFull.into())
        };
        assert!(publish(&path, full).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
        let key = Key::in_directory(dir.path()).unwrap();
        assert_eq!(Key::in_directory(dir.path()).unwrap().0, key.0);
        assert!(!publish(&path, |file| file.write_all(b"another")).unwrap(), "the key that is there stays");
        assert_eq!(Key::read(&path).unwrap().0, key.0);
    }
}
