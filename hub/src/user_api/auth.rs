//! The admin's credential: made at the first start, kept hashed, compared in constant time; `admin.yaml`, which holds
//! it for the command line; and the kubeconfig made of it.

use super::status::ApiError;
use crate::store::{Store, StoreError};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use fleet_api::Digest;
use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How many wrong credentials are answered at once, and how many a second after that.
const BURST: f64 = 20.0;
const PER_SECOND: f64 = 5.0;

/// The name of the file in the data directory.
pub const ADMIN_FILE: &str = "admin.yaml";

/// `admin.yaml`: how to reach a hub, and as whom. Also the form of the command line's `config.yaml`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdminFile {
    /// `https://host:port`.
    pub hub: String,
    /// SHA-256 of the hub's TLS public key (DER SubjectPublicKeyInfo).
    pub hub_key: Digest,
    /// The bearer token.
    pub token: String,
}

impl std::fmt::Debug for AdminFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AdminFile {{ hub: {:?}, hub_key: {:?}, token: … }}", self.hub, self.hub_key)
    }
}

impl AdminFile {
    /// As it is written.
    pub fn to_yaml(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            "# How to reach this hub, and the credential of its admin: keep it secret.\nhub: {}\nhubKey: {}\ntoken: {}\n",
            quoted(&self.hub),
            quoted(&self.hub_key.to_string()),
            quoted(&self.token),
        )
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is wrong, without the text itself.
    pub fn parse(text: &str) -> Result<Self, String> {
        k8s_yaml::from_str(text).map_err(|error| error.to_string())
    }

    /// A kubeconfig for this hub. `certificate` is the hub's certificate (DER): kubectl trusts it and nothing else.
    /// `server_name` is the name in the certificate, where the address is not in it.
    pub fn kubeconfig(&self, certificate: &[u8], server_name: Option<&str>) -> String {
        let base64 = base64::engine::general_purpose::STANDARD;
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            wrapped(&base64.encode(certificate))
        );
        let mut cluster = json!({"server": self.hub, "certificate-authority-data": base64.encode(pem)});
        if let Some(name) = server_name {
            cluster["tls-server-name"] = name.into();
        }
        let context = json!({
            "cluster": "skiff", "user": "skiff-admin", "namespace": fleet_api::labels::DEFAULT_NAMESPACE,
        });
        k8s_yaml::to_string(&json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "skiff", "cluster": cluster}],
            "users": [{"name": "skiff-admin", "user": {"token": self.token}}],
            "contexts": [{"name": "skiff", "context": context}],
            "current-context": "skiff",
        }))
    }

    /// Writes it so that only the user of this process can read it; whole or not at all.
    fn write(&self, path: &Path) -> Result<(), StoreError> {
        let temporary = path.with_extension("yaml.new");
        let mut options = std::fs::File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options
            .open(&temporary)
            .and_then(|mut file| file.write_all(self.to_yaml().as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&temporary, path));
        written.map_err(StoreError::io(path))
    }
}

fn wrapped(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() + text.len() / 64 + 1);
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines
}

/// Knows the admin's credential when it sees it.
pub struct Admin {
    hash: Digest,
    wrong: Mutex<Bucket>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Admin")
    }
}

/// Where the hash is kept.
const META_KEY: &str = "adminTokenHash";

impl Admin {
    /// Knows `token`.
    pub fn new(token: &str) -> Self {
        Self::of_hash(Digest::of(token.as_bytes()))
    }

    fn of_hash(hash: Digest) -> Self {
        Self { hash, wrong: Mutex::new(Bucket { left: BURST, at: Instant::now() }) }
    }

    /// The admin of a hub. At the first start a credential is made and written to `dir/admin.yaml`; later that file
    /// may be moved away, for only the hash is needed. Where it is still there, its address is kept up to date.
    ///
    /// # Errors
    /// Where the file or the store cannot be read or written.
    pub async fn open(store: &Store, dir: &Path, hub: &str, hub_key: Digest) -> Result<Self, StoreError> {
        let path = dir.join(ADMIN_FILE);
        let file = match std::fs::read_to_string(&path) {
            Ok(text) => Some(AdminFile::parse(&text).map_err(|why| unreadable(&path, &why))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io(&path)(error)),
        };
        let hash = match (stored_hash(store).await?, file) {
            (Some(hash), None) => hash,
            (Some(hash), Some(file)) => {
                let wanted = AdminFile { hub: hub.to_owned(), hub_key, token: file.token.clone() };
                if Digest::of(file.token.as_bytes()) == hash && file != wanted {
                    wanted.write(&path)?;
                }
                hash
            }
            (None, file) => {
                let token = match file {
                    Some(file) => file.token,
                    None => new_token()?,
                };
                // The file first: a crash in between finds it again, and stores its hash then.
                AdminFile { hub: hub.to_owned(), hub_key, token: token.clone() }.write(&path)?;
                let hash = Digest::of(token.as_bytes());
                store_hash(store, hash).await?;
                hash
            }
        };
        Ok(Self::of_hash(hash))
    }

    /// Whether a request carries the credential.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = given.and_then(|text| text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")));
        // Digests of equal length are compared; how far they agree says nothing of the token.
        if let Some(token) = token
            && equal(Digest::of(token.trim().as_bytes()).as_bytes(), self.hash.as_bytes())
        {
            return Ok(());
        }
        if self.wrong.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now()) {
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized"));
        }
        Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "too many wrong credentials; try again later",
        ))
    }
}

fn unreadable(path: &Path, why: &str) -> StoreError {
    StoreError::Key(format!("{}: {why}", path.display()))
}

fn equal(a: &[u8; 32], b: &[u8; 32]) -> bool {
    std::hint::black_box(a.iter().zip(b).fold(0, |different, (a, b)| different | (a ^ b))) == 0
}

fn new_token() -> Result<String, StoreError> {
    let mut bytes = [0; 32];
    crate::store::seal::random(&mut bytes)?;
    Ok(format!("skiffadmin1.{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)))
}

async fn stored_hash(store: &Store) -> Result<Option<Digest>, StoreError> {
    let sql = "SELECT value FROM meta WHERE key = ?1";
    let bytes: Option<Vec<u8>> =
        store.read(move |db| Ok::<_, StoreError>(db.query_row(sql, [META_KEY], |row| row.get(0)).optional()?)).await?;
    let Some(bytes) = bytes else { return Ok(None) };
    let exact = <[u8; 32]>::try_from(bytes.as_slice());
    exact.map(|bytes| Some(Digest::from_bytes(bytes))).map_err(|_| StoreError::Corrupt(META_KEY.into()))
}

async fn store_hash(store: &Store, hash: Digest) -> Result<(), StoreError> {
    let bytes = hash.as_bytes().to_vec();
    store
        .write(move |tx| {
            tx.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", (META_KEY, bytes))?;
            Ok(())
        })
        .await
}

/// A bucket of attempts that fills up over time.
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * PER_SECOND;
        self.left = (self.left + gained).min(BURST);
        self.at = now;
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Key;

    fn with(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn the_right_token_passes_and_wrong_ones_are_slowed_down() {
        let admin = Admin::new("right");
        assert!(admin.check(&with("Bearer right")).is_ok());
        let answers: Vec<_> =
            (0..30).map(|_| admin.check(&with("Bearer wrong")).unwrap_err().status()["code"].clone()).collect();
        assert_eq!(answers[0], 401);
        assert_eq!(answers[29], 429);
        assert!(admin.check(&HeaderMap::new()).is_err());
        assert!(admin.check(&with("Bearer right")).is_ok(), "who has the token is never slowed down");
    }

    #[tokio::test]
    async fn the_credential_is_made_once_and_only_its_hash_is_needed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &Key::random().unwrap()).unwrap();
        let key = Digest::of(b"key");
        let first = Admin::open(&store, dir.path(), "https://a:1", key).await.unwrap();
        let path = dir.path().join(ADMIN_FILE);
        let file = AdminFile::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!((file.hub.as_str(), file.hub_key), ("https://a:1", key));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let headers = with(&format!("Bearer {}", file.token));
        assert!(first.check(&headers).is_ok());
        let second = Admin::open(&store, dir.path(), "https://b:2", key).await.unwrap();
        assert!(second.check(&headers).is_ok());
        assert!(std::fs::read_to_string(&path).unwrap().contains("https://b:2"), "the address is kept up to date");
        std::fs::remove_file(&path).unwrap();
        assert!(Admin::open(&store, dir.path(), "https://b:2", key).await.unwrap().check(&headers).is_ok());
        assert!(!path.exists());
    }
}
