//! The hub's own keys: one for TLS, one that signs Desireds. Made at the first start, kept sealed in the store.

use crate::store::{Resources, Store, StoreError, Table, Write};
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use zeroize::Zeroizing;

const TABLE: Table = Table { name: "identity", sealed: true };
/// A name in the hub's certificate that is always there, for clients that insist on one (`tls-server-name`).
pub const SERVER_NAME: &str = "skiff-hub";

/// The keys of a hub. Cloning is cheap.
#[derive(Clone)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    tls_key: Arc<Zeroizing<Vec<u8>>>,
    hub_key: Digest,
    signing: Arc<Ed25519KeyPair>,
    chance: Arc<hmac::Key>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.hub_key)
    }
}

impl Identity {
    /// The keys in the store; made there at the first start.
    ///
    /// # Errors
    /// Where they cannot be made, stored or read.
    pub async fn open(store: &Store, resources: &Resources) -> Result<Self, StoreError> {
        let records = store.records(TABLE).await?;
        let find = |wanted: &str| records.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.clone());
        if let (Some(key), Some(certificate), Some(signing)) = (find("tls"), find("certificate"), find("signing")) {
            let chance = match find("chance") {
                Some(chance) => chance,
                None => make_chance(resources).await?,
            };
            return Self::of(key, certificate, &signing, &chance);
        }
        let (key, certificate) = make_certificate().map_err(|error| StoreError::Key(error.to_string()))?;
        let signing = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| StoreError::Key("no signing key could be made".into()))?;
        let record = |key: &str, value: &[u8]| Write::Record { table: TABLE, key: key.into(), value: value.to_vec() };
        let writes =
            vec![record("tls", &key), record("certificate", &certificate), record("signing", signing.as_ref())];
        resources.commit(writes).await.map_err(|error| StoreError::Commit(error.to_string()))?;
        let chance = make_chance(resources).await?;
        Self::of(key, certificate, signing.as_ref(), &chance)
    }

    fn of(key: Vec<u8>, certificate: Vec<u8>, signing: &[u8], chance: &[u8]) -> Result<Self, StoreError> {
        let signing = Ed25519KeyPair::from_pkcs8(signing)
            .map_err(|error| StoreError::Key(format!("the signing key cannot be read: {error}")))?;
        let certificate = CertificateDer::from(certificate);
        let hub_key =
            key_of(&certificate).ok_or_else(|| StoreError::Key("the hub's own certificate cannot be read".into()))?;
        Ok(Self {
            certificate,
            tls_key: Arc::new(Zeroizing::new(key)),
            hub_key,
            signing: Arc::new(signing),
            chance: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, chance)),
        })
    }

    /// What the templates of a Bundle draw from in one cluster (DESIGN §5): the same each time, and nothing that anybody
    /// without this hub's store can compute.
    pub(crate) fn seed(&self, cluster_uid: &str, bundle: &Ref) -> [u8; 32] {
        let tag = hmac::sign(&self.chance, format!("{cluster_uid}\0{bundle}").as_bytes());
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// The certificate (DER).
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The private key of TLS.
    pub(crate) fn tls_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.tls_key.to_vec()))
    }

    /// SHA-256 of the public key of TLS (DER SubjectPublicKeyInfo); what agents and command lines pin.
    pub fn hub_key(&self) -> Digest {
        self.hub_key
    }

    /// The public key that signs Desireds, raw.
    pub fn signing_key(&self) -> &[u8] {
        self.signing.public_key().as_ref()
    }

    /// Signs the bytes of a Desired.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.signing.sign(bytes).as_ref().to_vec()
    }
}

/// Makes the secret that seeds are derived from, and stores it. Hubs that are older than it get it at their next start.
async fn make_chance(resources: &Resources) -> Result<Vec<u8>, StoreError> {
    let mut chance = vec![0; 32];
    let no_entropy = |_| StoreError::Key("the system gives no random bytes".into());
    SystemRandom::new().fill(&mut chance).map_err(no_entropy)?;
    let write = Write::Record { table: TABLE, key: "chance".into(), value: chance.clone() };
    resources.commit(vec![write]).await.map_err(|error| StoreError::Commit(error.to_string()))?;
    Ok(chance)
}

/// SHA-256 of a certificate's public key (DER SubjectPublicKeyInfo), which is who its owner is.
pub fn key_of(certificate: &[u8]) -> Option<Digest> {
    use x509_parser::prelude::FromDer as _;
    let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(certificate).ok()?;
    Some(Digest::of(parsed.public_key().raw))
}

fn make_certificate() -> Result<(Vec<u8>, Vec<u8>), rcgen::Error> {
    let key = rcgen::KeyPair::generate()?;
    let names = [SERVER_NAME, "localhost", "127.0.0.1", "::1"].map(String::from).to_vec();
    let mut params = rcgen::CertificateParams::new(names)?;
    params.distinguished_name.push(rcgen::DnType::CommonName, SERVER_NAME);
    let certificate = params.self_signed(&key)?;
    Ok((key.serialize_der(), certificate.der().to_vec()))
}
