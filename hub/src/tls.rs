//! Who is at the other end: TLS with certificates of both sides' own making, and one identity per connection.
//!
//! Any self-signed client certificate is accepted at the handshake, and its owner has proved to hold the key; what the
//! key may do is decided by the handlers, which find a [`Peer`] in every request. Dates and names mean nothing.

use crate::identity::{Identity, key_of};
use crate::turns::Turns;
use axum::Router;
use fleet_api::digest::Digest;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many handshakes go on at once.
const HANDSHAKES: usize = 256;
/// How many of them are of one address, and how many connections of one address wait for theirs.
const OF_ADDRESS: (usize, usize) = (64, 8192);
/// How many connections of those that the hub does not know one address may have. A site behind one address can enroll
/// that many agents at once.
const UNKNOWN: usize = 2048;
/// How long a connection may be idle: of an agent, and of somebody unknown.
const IDLE: (Duration, Duration) = (Duration::from_secs(7200), Duration::from_secs(60));
/// How many connections there are at most.
const CONNECTIONS: u32 = 32_768;

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// From where.
    pub address: SocketAddr,
    /// SHA-256 of the public key of its certificate, where it has one.
    pub key: Option<Digest>,
}

/// Accepts every client certificate whose owner proves to hold its key.
#[derive(Debug)]
struct AnySelfSigned {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnySelfSigned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        match key_of(end_entity) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The TLS settings of the hub; the one place where they are made.
///
/// # Errors
/// Where the hub's own key does not fit.
pub fn server_config(identity: &Identity) -> Result<rustls::ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(AnySelfSigned { provider: Arc::clone(&provider) });
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![identity.certificate().clone()], identity.tls_key())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(config)
}

/// Tells whether a key is that of an enrolled agent.
pub type Known = Arc<dyn Fn(&Digest) -> bool + Send + Sync>;

/// Accepts connections until `stop` turns true, then lets running requests end for a moment.
pub async fn serve(
    listener: TcpListener,
    config: rustls::ServerConfig,
    router: Router,
    known: Known,
    mut stop: watch::Receiver<bool>,
) {
    let shared = Shared {
        handshakes: Arc::new(Semaphore::new(HANDSHAKES)),
        by_address: Arc::new((Turns::new(OF_ADDRESS.0), Turns::new(OF_ADDRESS.1))),
        unknown: Arc::default(),
        known,
        router,
    };
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let connections = Arc::new(Semaphore::new(CONNECTIONS as usize));
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors: those that are open go on.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(connection) = Arc::clone(&connections).try_acquire_owned() else { continue };
        let (acceptor, shared, stop) = (acceptor.clone(), shared.clone(), stop.clone());
        tokio::spawn(async move {
            let _connection = connection;
            if let Err(error) = connection_of(stream, address, acceptor, shared, stop).await {
                tracing::debug!(%address, %error, "a connection ended");
            }
        });
    }
    drop(listener);
    // What the connections hold on to (the store, and the lock on its directory) is let go before this returns. The
    // semaphore is never closed.
    let _all = connections.acquire_many(CONNECTIONS).await;
}

#[derive(Clone)]
struct Shared {
    handshakes: Arc<Semaphore>,
    by_address: Arc<(Turns<IpAddr>, Turns<IpAddr>)>,
    unknown: Arc<Unknown>,
    known: Known,
    router: Router,
}

async fn connection_of(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: TlsAcceptor,
    shared: Shared,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let (shaking, waiting) = &*shared.by_address;
    let place = waiting.try_take(address.ip()).ok_or("too many new connections of this address")?;
    let turn = shaking.take(address.ip()).await;
    let permit = shared.handshakes.acquire_owned().await?;
    let tls = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    drop((permit, turn, place));
    let key = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first()).and_then(|cert| key_of(cert));
    let peer = Peer { address, key };
    let is_known = key.is_some_and(|key| (shared.known)(&key));
    let _place = match is_known {
        true => None,
        false => Some(shared.unknown.enter(address.ip()).ok_or("too many connections of this address")?),
    };
    let router = shared.router;
    let asked = Arc::new(AtomicBool::new(is_known));
    let has_asked = Arc::clone(&asked);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        has_asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(if is_known { IDLE.0 } else { IDLE.1 })
        .max_buf_size(16 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(64)
        // No pings: on a metered link they would cost more than the polls.
        .max_header_list_size(16 << 10);
    let connection = builder.serve_connection(TokioIo::new(tls), service);
    tokio::pin!(connection);
    // HTTP/2 has no such deadline of its own.
    let silent = async {
        tokio::time::sleep(IDLE.1).await;
        if asked.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        done = connection.as_mut() => return done,
        () = silent => return Err("nothing was asked for in time".into()),
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    match tokio::time::timeout(Duration::from_secs(2), connection).await {
        Ok(done) => done,
        Err(_) => Ok(()),
    }
}

/// Counts the connections of those that the hub does not know, by address.
#[derive(Debug, Default)]
struct Unknown {
    open: Mutex<HashMap<IpAddr, usize>>,
}

struct Place {
    of: Arc<Unknown>,
    address: IpAddr,
}

impl Unknown {
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let number = open.entry(address).or_default();
        if *number >= UNKNOWN {
            return None;
        }
        *number += 1;
        drop(open);
        Some(Place { of: Arc::clone(self), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.of.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = open.get_mut(&self.address) {
            *number -= 1;
            if *number == 0 {
                open.remove(&self.address);
            }
        }
    }
}
