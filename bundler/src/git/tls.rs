//! The TLS of git over https: rustls with ring, the machine's roots, and what the GitRepo adds.
//!
//! The machine's own roots are used (so that a company's CA installed there counts, and `SSL_CERT_FILE` is honoured);
//! only where the machine has none at all, as in a container from scratch, do Mozilla's, compiled in, take their place.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::credentials::Access;
use super::error::Error;

/// The TLS client configuration for one GitRepo.
pub(super) fn config(remote: &str, access: &Access) -> Result<ClientConfig, Error> {
    let invalid = |reason: String| Error::InvalidCertificates { remote: remote.to_owned(), reason };
    let bundle = access.ca_bundle.as_deref().map(|pem| ("spec.caBundle", pem));
    client_config(bundle, access.insecure_skip_tls_verify).map_err(invalid)
}

/// A client that trusts the machine's roots and the PEM of `bundle`, which errors call by the name beside it; any
/// certificate with `any_certificate`.
///
/// # Errors
/// What is wrong with the PEM.
pub(crate) fn client_config(bundle: Option<(&str, &[u8])>, any_certificate: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = if any_certificate {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider))).with_no_client_auth()
    } else {
        let mut roots = system_roots().clone();
        if let Some((name, pem)) = bundle {
            add_bundle(&mut roots, name, pem)?;
        }
        builder.with_root_certificates(roots).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn add_bundle(roots: &mut RootCertStore, name: &str, pem: &[u8]) -> Result<(), String> {
    let mut added = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("{name} is not PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("{name}: {error}"))?;
        added += 1;
    }
    if added == 0 { Err(format!("{name} holds no certificate")) } else { Ok(()) }
}

/// Read once for the life of the process: parsing 150 certificates at each poll would cost more than the poll.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        roots
    })
}

/// `insecureSkipTLSVerify`: the handshake is still checked, the certificate is not.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
