//! Who the agent is: a key of its own making, what the hub said at enrollment, and the keys that it pinned. Kept in one
//! Secret of the cluster, so that any instance is the same agent.
//!
//! Invariant: the key never leaves the cluster; it is on record before it is enrolled, so that a lost answer can be asked
//! for again.

use crate::api::{Api, ApiError};
use crate::state::{fields, secret, secrets_path};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fleet_api::Digest;
use fleet_api::wire::{ClusterIdentity, EnrollmentToken};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;
use std::collections::BTreeMap;

const NAME: &str = "skiff-agent-identity";

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The API server.
    #[error("secret skiff-system/{NAME}: {0}")]
    Api(#[from] ApiError),
    /// The Secret is not what was written.
    #[error("secret skiff-system/{NAME} is damaged at `{0}`; delete it and enroll again")]
    Damaged(&'static str),
    /// A key could not be made.
    #[error("cannot make a key: {0}")]
    Key(String),
    /// The token is none.
    #[error("this is not an enrollment token: {0}; `skiff token create` prints one")]
    Token(&'static str),
    /// There is neither an identity nor a token.
    #[error("this cluster is not enrolled; give a token with --token-file (`skiff token create` prints one)")]
    NotEnrolled,
}

/// The agent's key, and where its hub is.
#[derive(Clone)]
pub struct Identity {
    /// PKCS #8, DER.
    pub key: Vec<u8>,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// 32 bytes, for the cache.
    pub cache_key: [u8; 32],
    /// The hub's address, from the token.
    pub hub: String,
    /// The hub's TLS key.
    pub hub_key: Digest,
    /// Digest of the key that signs Desireds.
    pub signing_key_digest: Digest,
    /// What the hub said; none before enrollment.
    pub enrolled: Option<Enrolled>,
    /// Digest of the token's secret that was used.
    pub token: Digest,
    resource_version: Option<String>,
}

/// What the hub said at enrollment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Who the cluster is.
    pub cluster: ClusterIdentity,
    /// The raw ed25519 key.
    pub signing_key: Vec<u8>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("hub", &self.hub).field("enrolled", &self.enrolled).finish_non_exhaustive()
    }
}

/// Reads a token, `skiff1.<base64url of its JSON>`.
///
/// # Errors
/// Where it is none.
pub fn parse_token(text: &str) -> Result<EnrollmentToken, IdentityError> {
    let body = text.trim().strip_prefix("skiff1.").ok_or(IdentityError::Token("it does not begin with `skiff1.`"))?;
    let json = URL_SAFE_NO_PAD
        .decode(body.trim_end_matches('='))
        .map_err(|_| IdentityError::Token("what follows `skiff1.` is not base64url"))?;
    serde_json::from_slice(&json).map_err(|_| IdentityError::Token("its content is not that of a token"))
}

impl Identity {
    /// A new key for this token.
    ///
    /// # Errors
    /// Where no key can be made.
    pub fn generate(token: &EnrollmentToken) -> Result<Self, IdentityError> {
        let failed = |error: rcgen::Error| IdentityError::Key(error.to_string());
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let mut params = rcgen::CertificateParams::new(vec!["skiff-agent".to_owned()]).map_err(failed)?;
        params.distinguished_name.push(rcgen::DnType::CommonName, "skiff-agent");
        // Dates do not matter: keys are compared.
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(9999, 12, 31);
        let certificate = params.self_signed(&key).map_err(failed)?;
        let mut cache_key = [0; 32];
        SystemRandom::new().fill(&mut cache_key).map_err(|_| IdentityError::Key("no randomness".into()))?;
        Ok(Self {
            key: key.serialize_der(),
            certificate: certificate.der().to_vec(),
            cache_key,
            hub: token.hub.clone(),
            hub_key: token.hub_key,
            signing_key_digest: token.signing_key,
            enrolled: None,
            token: Digest::of(token.secret.as_bytes()),
            resource_version: None,
        })
    }

    /// Whether it was enrolled with this token.
    pub fn is_of(&self, token: &EnrollmentToken) -> bool {
        self.token == Digest::of(token.secret.as_bytes()) && self.hub_key == token.hub_key
    }

    /// SHA-256 of the public key (DER SubjectPublicKeyInfo), by which the hub knows this agent.
    pub fn public_key(&self) -> Option<Digest> {
        let certificate = rustls::pki_types::CertificateDer::from(self.certificate.as_slice());
        let parsed = rustls::server::ParsedCertificate::try_from(&certificate).ok()?;
        Some(Digest::of(&parsed.subject_public_key_info()))
    }

    /// The same key, for another token.
    #[must_use]
    pub fn for_token(mut self, token: &EnrollmentToken) -> Self {
        self.hub.clone_from(&token.hub);
        self.hub_key = token.hub_key;
        self.signing_key_digest = token.signing_key;
        self.token = Digest::of(token.secret.as_bytes());
        self.enrolled = None;
        self
    }

    /// Reads it; `None` where there is none yet.
    ///
    /// # Errors
    /// Where the API server does not give it, or it is damaged.
    pub async fn read(api: &Api) -> Result<Option<Self>, IdentityError> {
        let Some(secret) = api.find(&format!("{}/{NAME}", secrets_path())).await? else { return Ok(None) };
        let mut identity = Self::from_fields(fields(&secret))?;
        identity.resource_version = secret["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        Ok(Some(identity))
    }

    fn from_fields(mut data: BTreeMap<String, Vec<u8>>) -> Result<Self, IdentityError> {
        let mut take = |name: &'static str| data.remove(name).ok_or(IdentityError::Damaged(name));
        let text =
            |name: &'static str, bytes: Vec<u8>| String::from_utf8(bytes).map_err(|_| IdentityError::Damaged(name));
        let digest = |name: &'static str, bytes: Vec<u8>| -> Result<Digest, IdentityError> {
            text(name, bytes)?.parse().map_err(|_| IdentityError::Damaged(name))
        };
        let (key, certificate) = (take("key")?, take("certificate")?);
        let cache_key = take("cacheKey")?.try_into().map_err(|_| IdentityError::Damaged("cacheKey"))?;
        let hub = text("hub", take("hub")?)?;
        let hub_key = digest("hubKey", take("hubKey")?)?;
        let signing_key_digest = digest("signingKeyDigest", take("signingKeyDigest")?)?;
        let token = digest("token", take("token")?)?;
        let enrolled = match (take("cluster"), take("signingKey")) {
            (Ok(cluster), Ok(signing_key)) => {
                let cluster = serde_json::from_slice(&cluster).map_err(|_| IdentityError::Damaged("cluster"))?;
                Some(Enrolled { cluster, signing_key })
            }
            _ => None,
        };
        let resource_version = None;
        Ok(Self { key, certificate, cache_key, hub, hub_key, signing_key_digest, enrolled, token, resource_version })
    }

    /// Writes it.
    ///
    /// # Errors
    /// Where the API server does not take it.
    pub async fn write(&mut self, api: &Api) -> Result<(), IdentityError> {
        let mut object = secret(NAME);
        let encode = |bytes: &[u8]| STANDARD.encode(bytes);
        let mut data = json!({
            "key": encode(&self.key),
            "certificate": encode(&self.certificate),
            "cacheKey": encode(&self.cache_key),
            "hub": encode(self.hub.as_bytes()),
            "hubKey": encode(self.hub_key.to_string().as_bytes()),
            "signingKeyDigest": encode(self.signing_key_digest.to_string().as_bytes()),
            "token": encode(self.token.to_string().as_bytes()),
        });
        if let Some(enrolled) = &self.enrolled {
            data["cluster"] = json!(encode(json!(enrolled.cluster).to_string().as_bytes()));
            data["signingKey"] = json!(encode(&enrolled.signing_key));
        }
        object["data"] = data;
        let answer = match &self.resource_version {
            Some(version) => {
                object["metadata"]["resourceVersion"] = json!(version);
                api.replace(&format!("{}/{NAME}", secrets_path()), &object).await?
            }
            None => api.create(&secrets_path(), &object, "").await?,
        };
        self.resource_version = answer["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> EnrollmentToken {
        EnrollmentToken {
            hub: "https://hub:8443".into(),
            hub_key: Digest::of(b"h"),
            signing_key: Digest::of(b"s"),
            secret: "x".into(),
        }
    }

    #[test]
    fn a_token_is_read_and_nonsense_is_explained() {
        let text = format!("skiff1.{}\n", URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token()).unwrap()));
        assert_eq!(parse_token(&text).unwrap(), token());
        for wrong in ["", "skiff1.", "skiff1.%%", "skiff2.e30", "skiff1.e30"] {
            assert!(parse_token(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_made_and_never_shown() {
        let identity = Identity::generate(&token()).unwrap();
        let shown = format!("{identity:?}");
        assert!(!shown.contains("key"), "{shown}");
        assert!(!identity.key.is_empty() && !identity.certificate.is_empty());
    }
}
