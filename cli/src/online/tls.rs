//! TLS to a hub: its public key (SPKI) is compared with the one that is known, and nothing else of its certificate. Dates
//! and names do not matter, so that neither a clock nor a new address strands anybody (DESIGN §9).

use fleet_api::Digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::{Arc, OnceLock};

/// Accepts the server whose key has the digest that is known, and remembers its certificate.
#[derive(Debug)]
pub struct PinnedKey {
    key: Digest,
    provider: Arc<CryptoProvider>,
    seen: OnceLock<Vec<u8>>,
}

impl PinnedKey {
    /// Accepts `key`.
    pub fn new(key: Digest) -> Arc<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Arc::new(Self { key, provider, seen: OnceLock::new() })
    }

    /// The certificate (DER) of the server, once there was a connection.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.seen.get().map(Vec::as_slice)
    }

    /// TLS with this check.
    ///
    /// # Errors
    /// None that can happen with ring.
    pub fn config(self: &Arc<Self>) -> Result<ClientConfig, Error> {
        let builder =
            ClientConfig::builder_with_provider(self.provider.clone()).with_safe_default_protocol_versions()?;
        Ok(builder.dangerous().with_custom_certificate_verifier(self.clone()).with_no_client_auth())
    }
}

/// Whether `name` stands in `certificate`.
pub fn names_server(certificate: &[u8], name: &str) -> bool {
    let der = CertificateDer::from(certificate);
    let (Ok(parsed), Ok(name)) = (ParsedCertificate::try_from(&der), ServerName::try_from(name)) else { return false };
    rustls::client::verify_server_name(&parsed, &name).is_ok()
}

impl ServerCertVerifier for PinnedKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        if Digest::of(&parsed.subject_public_key_info()) != self.key {
            return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
        }
        self.seen.get_or_init(|| end_entity.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
