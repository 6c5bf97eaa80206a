//! Credentials, redirects and certificates of git over http.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::Credentials;
use super::super::testserver::{HttpServer, Options, service};
use super::*;

pub(super) fn basic(password: &str) -> Access {
    let username = "ada".to_owned();
    Access::new(Credentials::Basic { username, password: password.to_owned().into() })
}

pub(super) fn protected() -> Options {
    Options { basic_auth: Some(("ada".to_owned(), "right".to_owned())), ..Options::default() }
}

#[tokio::test]
async fn the_right_password_gets_in_and_the_wrong_one_is_told_without_its_text() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", b"a")]);
    let server = HttpServer::start(&fixture.served(), protected()).await.unwrap();
    let remote = remote(&server.url("app"));
    pull(&fixture.cache(), &remote, &basic("right"), &branch("main")).await.unwrap();
    for access in [basic("wrong-secret"), Access::default()] {
        let error = pull(&fixture.cache(), &remote, &access, &branch("main")).await.unwrap_err();
        assert!(matches!(error, Error::AuthenticationFailed { .. }), "{error}");
        assert!(!error.to_string().contains("wrong-secret"), "{error}");
    }
}

#[tokio::test]
async fn a_pinned_commit_that_is_here_is_not_given_to_who_may_not_read_it() {
    let fixture = Fixture::new();
    let one = fixture.commit("main", None, &[("a", b"a")]);
    let server = HttpServer::start(&fixture.served(), protected()).await.unwrap();
    let remote = remote(&server.url("app"));
    let pinned = Reference::Commit(one);
    pull(&fixture.cache(), &remote, &basic("right"), &pinned).await.unwrap();
    let error = pull(&fixture.cache(), &remote, &basic("wrong"), &pinned).await.unwrap_err();
    assert!(matches!(error, Error::AuthenticationFailed { .. }), "{error}");
}

#[tokio::test]
async fn user_info_of_the_url_is_used_and_never_shown() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", b"a")]);
    let server = HttpServer::start(&fixture.served(), protected()).await.unwrap();
    let remote = remote(&server.url("app").replace("http://", "http://ada:right@"));
    pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap();
    assert!(!format!("{remote} {remote:?}").contains("right"));
}

#[tokio::test]
async fn a_poll_that_finds_nothing_new_asks_twice_and_receives_little() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", &noise(10_000, 1))]);
    let server = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    let remote = remote(&server.url("app"));
    pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap();
    let before = server.requests().len();
    pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap();
    let poll = &server.requests()[before..];
    assert_eq!(poll.len(), 2, "{poll:?}");
    assert!(poll.iter().map(|request| request.answered).sum::<usize>() < 400, "{poll:?}");
}

/// TLS in front of the router.
struct TlsListener {
    listener: tokio::net::TcpListener,
    acceptor: tokio_rustls::TlsAcceptor,
    handshakes: Arc<AtomicUsize>,
}

impl axum::serve::Listener for TlsListener {
    type Io = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (socket, address) = self.listener.accept().await.unwrap();
            // A client that refuses the certificate ends the handshake.
            if let Ok(stream) = self.acceptor.accept(socket).await {
                self.handshakes.fetch_add(1, Ordering::SeqCst);
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// The repositories of a fixture over TLS, with a certificate for `name` that nobody has signed: the port, the
/// certificate, and how many handshakes came about.
pub(super) async fn serve_tls(fixture: &Fixture, name: &str) -> (u16, String, Arc<AtomicUsize>) {
    over_tls(service(&fixture.served()), name).await
}

/// As [`serve_tls`], whatever the router serves.
pub(crate) async fn over_tls(router: axum::Router, name: &str) -> (u16, String, Arc<AtomicUsize>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let handshakes = Arc::new(AtomicUsize::new(0));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TlsListener { listener, acceptor, handshakes: handshakes.clone() };
    // It ends with the runtime of the test.
    tokio::spawn(async move { axum::serve(listener, router).await });
    (port, made.cert.pem(), handshakes)
}

#[tokio::test]
async fn certificates_are_checked_against_the_bundle_unless_told_otherwise() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", b"a")]);
    let (port, pem, _) = serve_tls(&fixture, "localhost").await;
    let remote = remote(&format!("https://localhost:{port}/app"));
    let bundle = Access { ca_bundle: Some(pem.into_bytes()), ..Access::default() };
    let insecure = Access { insecure_skip_tls_verify: true, ..Access::default() };
    let garbage = Access { ca_bundle: Some(b"no PEM".to_vec()), ..Access::default() };
    let unknown = pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap_err();
    assert!(matches!(unknown, Error::Unreachable { .. }) && unknown.to_string().contains("ertificate"), "{unknown}");
    pull(&fixture.cache(), &remote, &bundle, &branch("main")).await.unwrap();
    pull(&fixture.cache(), &remote, &insecure, &branch("main")).await.unwrap();
    let error = pull(&fixture.cache(), &remote, &garbage, &branch("main")).await.unwrap_err();
    assert!(error.to_string().contains("caBundle"), "{error}");
}
