//! Credentials, redirects and certificates of git over http.

use std::sync::Arc;

use super::super::Credentials;
use super::super::testserver::{HttpServer, Options, service};
use super::*;

fn basic(password: &str) -> Access {
    let username = "ada".to_owned();
    Access::new(Credentials::Basic { username, password: password.to_owned().into() })
}

fn protected() -> Options {
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
async fn a_redirect_to_another_host_is_followed_without_credentials() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", b"a")]);
    let target = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    let base = format!("http://{}", target.address());
    let options = Options { redirect_to: Some(base), ..protected() };
    let server = HttpServer::start(&fixture.served(), options).await.unwrap();
    pull(&fixture.cache(), &remote(&server.url("app")), &basic("right"), &branch("main")).await.unwrap();
    assert!(server.requests().iter().all(|request| request.authorization.is_some()));
    let arrived = target.requests();
    assert!(!arrived.is_empty() && arrived.iter().all(|request| request.authorization.is_none()), "{arrived:?}");
}

#[tokio::test]
async fn redirects_to_metadata_services_and_in_circles_are_refused() {
    let fixture = Fixture::new();
    let server = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    let remote = remote(&server.url("app"));
    for (target, expected) in [
        ("http://169.254.169.254/latest", "http://"),
        ("https://169.254.169.254/latest", "169.254.169.254"),
        ("https://[fd00:ec2::254]/latest", "fd00:ec2::254"),
        ("file:///etc", "file"),
        (&format!("http://{}", server.address()), "more than 5 redirects"),
    ] {
        server.set_options(Options { redirect_to: Some(target.to_owned()), ..Options::default() });
        let error = pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap_err();
        assert!(matches!(error, Error::Redirect { .. } | Error::RefusedAddress { .. }), "{target}: {error}");
        assert!(error.to_string().contains(expected), "{target}: {error}");
    }
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
struct TlsListener(tokio::net::TcpListener, tokio_rustls::TlsAcceptor);

impl axum::serve::Listener for TlsListener {
    type Io = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (socket, address) = self.0.accept().await.unwrap();
            // A client that refuses the certificate ends the handshake.
            if let Ok(stream) = self.1.accept(socket).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

#[tokio::test]
async fn certificates_are_checked_against_the_bundle_unless_told_otherwise() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", b"a")]);
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let listener = TlsListener(listener, tokio_rustls::TlsAcceptor::from(Arc::new(config)));
    let router = service(&fixture.served());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    let remote = remote(&format!("https://localhost:{port}/app"));
    let bundle = Access { ca_bundle: Some(made.cert.pem().into_bytes()), ..Access::default() };
    let insecure = Access { insecure_skip_tls_verify: true, ..Access::default() };
    let garbage = Access { ca_bundle: Some(b"no PEM".to_vec()), ..Access::default() };
    let unknown = pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap_err();
    assert!(matches!(unknown, Error::Unreachable { .. }) && unknown.to_string().contains("ertificate"), "{unknown}");
    pull(&fixture.cache(), &remote, &bundle, &branch("main")).await.unwrap();
    pull(&fixture.cache(), &remote, &insecure, &branch("main")).await.unwrap();
    let error = pull(&fixture.cache(), &remote, &garbage, &branch("main")).await.unwrap_err();
    assert!(error.to_string().contains("caBundle"), "{error}");
    serving.abort();
}
