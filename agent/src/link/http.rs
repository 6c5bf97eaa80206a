//! The hub over HTTPS. The hub's public key is compared with the pinned one; dates and names in certificates do not matter
//! (DESIGN §9). `HTTPS_PROXY` is honoured, except for a hub on this machine.
//!
//! Invariant: no answer is read further than its cap.

use super::{Hub, LinkError};
use crate::identity::Identity;
use bytes::{Bytes, BytesMut};
use fleet_api::Digest;
use fleet_api::wire::{BlobsRequest, EnrollRequest, EnrollResponse, Problem, SyncRequest, SyncResponse};
use futures::future::BoxFuture;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_secs(60);
const SYNC_LIMIT: usize = 64 << 20;
const BLOBS_LIMIT: usize = 64 << 20;

/// The hub at its address.
#[derive(Debug)]
pub struct HttpHub {
    client: reqwest::Client,
    address: String,
}

impl HttpHub {
    /// A hub whose key and address `identity` names; `address` overrides the address alone.
    ///
    /// # Errors
    /// Where the address or the identity's key cannot be used.
    pub fn new(identity: &Identity, address: Option<&str>) -> Result<Self, LinkError> {
        let bad = |error: &dyn std::fmt::Display| LinkError::Unreachable(error.to_string());
        let address = address.unwrap_or(&identity.hub).trim_end_matches('/').to_owned();
        if !address.starts_with("https://") {
            return Err(LinkError::Unreachable(format!("`{address}` is not an https:// address")));
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(Pinned { key: identity.hub_key, provider: provider.clone() });
        let certificate = vec![CertificateDer::from(identity.certificate.clone())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| bad(&error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_auth_cert(certificate, key)
            .map_err(|error| bad(&error))?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut client = reqwest::Client::builder();
        if is_loopback(&address) {
            client = client.no_proxy();
        }
        let client = client
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT)
            // A connection that is kept costs nothing; a handshake costs kilobytes.
            .pool_idle_timeout(None)
            .pool_max_idle_per_host(1)
            .tcp_keepalive(None)
            .http2_initial_stream_window_size(256 << 10)
            .http2_initial_connection_window_size(256 << 10)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| bad(&error))?;
        Ok(Self { client, address })
    }

    async fn post<Q: Serialize>(
        &self,
        path: &str,
        request: &Q,
        timeout: Duration,
        limit: usize,
    ) -> Result<Bytes, LinkError> {
        let body = serde_json::to_vec(request).map_err(|error| LinkError::Unreachable(error.to_string()))?;
        let work = async {
            let response = self
                .client
                .post(format!("{}{path}", self.address))
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(body)
                .send()
                .await
                .map_err(|error| self.unreachable(&error))?;
            let status = response.status().as_u16();
            let body = self.collect(response, limit).await?;
            if (200..300).contains(&status) { Ok(body) } else { Err(refusal(status, &body)) }
        };
        tokio::time::timeout(timeout, work)
            .await
            .map_err(|_| LinkError::Unreachable(format!("{} did not answer in time", self.address)))?
    }

    async fn collect(&self, mut response: reqwest::Response, limit: usize) -> Result<Bytes, LinkError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > limit {
                return Err(LinkError::Unreachable(format!("an answer of more than {limit} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn unreachable(&self, error: &reqwest::Error) -> LinkError {
        let mut causes = Vec::new();
        let mut source: Option<&dyn std::error::Error> = Some(error);
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        if causes.iter().any(|cause| cause.contains("ApplicationVerificationFailure")) {
            return LinkError::AnotherHub { address: self.address.clone() };
        }
        LinkError::Unreachable(
            causes.pop().map_or_else(|| error.to_string(), |last| format!("{}: {last}", self.address)),
        )
    }
}

/// A proxy is for the way out of this machine.
fn is_loopback(address: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(address) else { return false };
    let Some(host) = url.host_str() else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn refusal(status: u16, body: &[u8]) -> LinkError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(Problem { reason, message }) => LinkError::Refused { status, reason, message },
        // A captive portal, or a proxy.
        Err(_) => LinkError::Unreachable(format!("something else answered in the hub's place (HTTP {status})")),
    }
}

fn parse<R: DeserializeOwned>(body: &[u8]) -> Result<R, LinkError> {
    fleet_api::wire::from_json(body)
        .map_err(|error| LinkError::Unreachable(format!("the answer cannot be read: {error}")))
}

impl Hub for HttpHub {
    fn enroll(&self, request: EnrollRequest) -> BoxFuture<'_, Result<EnrollResponse, LinkError>> {
        Box::pin(async move { parse(&self.post("/v1/enroll", &request, ANSWER, 1 << 20).await?) })
    }

    fn sync(&self, request: SyncRequest) -> BoxFuture<'_, Result<SyncResponse, LinkError>> {
        Box::pin(async move {
            let timeout = ANSWER + Duration::from_secs(request.wait.into());
            parse(&self.post("/v1/sync", &request, timeout, SYNC_LIMIT).await?)
        })
    }

    fn blobs(&self, request: BlobsRequest) -> BoxFuture<'_, Result<Bytes, LinkError>> {
        Box::pin(async move { self.post("/v1/blobs", &request, ANSWER * 5, BLOBS_LIMIT).await })
    }
}

/// Accepts the one key that the token named.
#[derive(Debug)]
struct Pinned {
    key: Digest,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        if Digest::of(&key) == self.key {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_on_this_machine_is_reached_without_a_proxy() {
        for address in ["https://127.0.0.1:8443", "https://[::1]:8443", "https://localhost"] {
            assert!(is_loopback(address), "{address}");
        }
        for address in ["https://hub.example:8443", "https://10.0.0.1", "https://127.0.0.1.example", "nothing"] {
            assert!(!is_loopback(address), "{address}");
        }
    }
}
