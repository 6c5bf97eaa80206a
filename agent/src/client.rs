//! The client of the API server: the HTTP of the link to the hub, on the way that [`Access`] names. Called by the program; tests
//! bring clients of their own.
//!
//! kube's own client can start programs for credentials and has a YAML parser with it, a tenth of this program's size.
//!
//! Invariant: a request goes to the path that it names, as it is written.

use crate::access::{Access, Credential, Material};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::{Request, Response};
use kube::client::Body;
use kube::client::retry::RetryPolicy;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tower::ServiceBuilder;
use tower::retry::RetryLayer;

const CONNECT: Duration = Duration::from_secs(30);
/// How old may be what was read of a file: tokens and authorities are renewed under a running agent.
const FRESH: Duration = Duration::from_secs(60);

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A client.
///
/// # Errors
/// What cannot be read or used of what `access` names.
pub fn connect(access: Access) -> Result<kube::Client, String> {
    let way = Arc::new(Way::new(access)?);
    let service = ServiceBuilder::new()
        // A server that is busy says when to come again.
        .layer(RetryLayer::new(RetryPolicy::server_retry()))
        .service_fn(move |request| {
            let way = way.clone();
            async move { way.send(request).await }
        });
    Ok(kube::Client::new(service, "default"))
}

struct Way {
    access: Access,
    /// The path of the server.
    root: String,
    headers: HeaderMap,
    current: Mutex<Current>,
}

/// What was read of files, and the client that was made with it.
struct Current {
    client: reqwest::Client,
    authority: Option<Vec<u8>>,
    authorization: Option<HeaderValue>,
    read_at: Instant,
}

impl Way {
    fn new(access: Access) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        // By this name its requests are found in an audit log.
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("skiff-agent/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in &access.impersonate {
            let name: HeaderName = name.parse().map_err(|_| format!("`{name}` is no name of a header"))?;
            let value = HeaderValue::from_str(value).map_err(|_| format!("the value of {name} is none of a header"))?;
            headers.append(name, value);
        }
        let server = reqwest::Url::parse(&access.server).map_err(|error| format!("{}: {error}", access.server))?;
        if access.server_name.is_some() {
            let port = server.port().map(|port| format!(":{port}")).unwrap_or_default();
            let host = format!("{}{port}", server.host_str().unwrap_or_default());
            headers.insert(HOST, HeaderValue::from_str(&host).map_err(|error| error.to_string())?);
        }
        let authority = access.authority.as_ref().map(Material::read).transpose()?;
        let client = client(&access, authority.as_deref())?;
        let authorization = authorization(&access.credential)?;
        let current = Mutex::new(Current { client, authority, authorization, read_at: Instant::now() });
        let root = server.path().trim_end_matches('/').to_owned();
        Ok(Self { access, root, headers, current })
    }

    /// The client of now, and what stands in `Authorization`. What cannot be read again stays as it is.
    fn current(&self) -> (reqwest::Client, Option<HeaderValue>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.read_at.elapsed() >= FRESH {
            current.read_at = Instant::now();
            if let Err(why) = self.renew(&mut current) {
                tracing::warn!("what the API server is reached with cannot be read again; the old is used: {why}");
            }
        }
        (current.client.clone(), current.authorization.clone())
    }

    fn renew(&self, current: &mut Current) -> Result<(), String> {
        current.authorization = authorization(&self.access.credential)?;
        let authority = self.access.authority.as_ref().map(Material::read).transpose()?;
        if authority != current.authority {
            current.client = client(&self.access, authority.as_deref())?;
            current.authority = authority;
        }
        Ok(())
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<reqwest::Body>, Cause> {
        let (client, authorization) = self.current();
        let (mut parts, body) = request.into_parts();
        let body: Bytes = body.collect_bytes().await?;
        let url = self.url(parts.uri.path_and_query().map_or("/", |path| path.as_str()))?;
        let impersonates = parts.headers.contains_key("impersonate-user");
        for (name, value) in &self.headers {
            if !(impersonates && name.as_str().starts_with("impersonate-")) {
                parts.headers.append(name, value.clone());
            }
        }
        if let Some(value) = authorization {
            parts.headers.insert(AUTHORIZATION, value);
        }
        let request = client.request(parts.method, url).headers(parts.headers).body(body);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        Ok(response.into())
    }

    /// Names in a path were escaped, so that none leaves its place. A URL gives some of them a meaning again.
    fn url(&self, path_and_query: &str) -> Result<reqwest::Url, Cause> {
        let mut url = reqwest::Url::parse(&format!("{}{path_and_query}", self.access.server))?;
        let path = path_and_query.split('?').next().unwrap_or_default();
        if url.path().strip_prefix(self.root.as_str()) != Some(path) {
            return Err(format!("the path {path} cannot be asked for").into());
        }
        if let Some(name) = &self.access.server_name {
            url.set_host(Some(name))?;
        }
        Ok(url)
    }

    /// The last cause says what happened.
    fn unreachable(&self, error: &reqwest::Error) -> Cause {
        let mut last: &dyn std::error::Error = error;
        while let Some(cause) = last.source() {
            last = cause;
        }
        format!("{}: {last}", self.access.server).into()
    }
}

fn authorization(credential: &Credential) -> Result<Option<HeaderValue>, String> {
    let text = match credential {
        Credential::None => return Ok(None),
        Credential::Token(token) => {
            let token = String::from_utf8(token.read()?).map_err(|_| "the token is no text".to_owned())?;
            format!("Bearer {}", token.trim())
        }
        Credential::Basic(name, password) => {
            use base64::Engine as _;
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}")))
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| "the token cannot stand in a header".to_owned())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn client(access: &Access, authority: Option<&[u8]>) -> Result<reqwest::Client, String> {
    let bad = |error: reqwest::Error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        format!("{}: {}", access.server, cause.unwrap_or_else(|| error.to_string()))
    };
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .connect_timeout(CONNECT)
        .tcp_keepalive(None)
        .redirect(reqwest::redirect::Policy::none())
        .tls_danger_accept_invalid_certs(access.insecure);
    // HTTPS_PROXY is for the hub.
    builder = match &access.proxy {
        Some(proxy) => builder.proxy(reqwest::Proxy::all(proxy).map_err(bad)?),
        None => builder.no_proxy(),
    };
    if let Some(authority) = authority {
        let certificates = reqwest::Certificate::from_pem_bundle(authority).map_err(bad)?;
        if certificates.is_empty() {
            return Err(format!("{}: the certificate authority has no certificate", access.server));
        }
        builder = builder.tls_certs_only(certificates);
    }
    if let Some((certificate, key)) = &access.certificate {
        let pem = [key.read()?, b"\n".to_vec(), certificate.read()?].concat();
        builder = builder.identity(reqwest::Identity::from_pem(&pem).map_err(bad)?);
    }
    if access.server_name.is_some() {
        let url = reqwest::Url::parse(&access.server).map_err(|error| format!("{}: {error}", access.server))?;
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        builder = builder.dns_resolver(At(host.into()));
    }
    builder.build().map_err(bad)
}

/// Every name is at this host: the one that the server is to be called by need not lead to it.
struct At(Arc<str>);

impl reqwest::dns::Resolve for At {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((&*host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use rcgen::{CertificateParams, KeyPair};
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// A server with a certificate of its own making for `kubernetes`, which answers with the request that it got. Its port,
    /// and the PEM of the certificate.
    async fn server() -> (u16, String) {
        drop(rustls::crypto::ring::default_provider().install_default());
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["kubernetes".into()]).unwrap().self_signed(&key).unwrap();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], private).unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    request.push(byte);
                }
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", request.len());
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(&request).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        });
        (port, certificate.pem())
    }

    fn access(port: u16, authority: Material) -> Access {
        Access {
            server: format!("https://127.0.0.1:{port}/k8s"),
            authority: Some(authority),
            server_name: Some("kubernetes".into()),
            ..Access::default()
        }
    }

    async fn asked(way: &Way, path: &str) -> Result<String, String> {
        let request = Request::get(path).header("accept", "x/y").body(Body::empty()).unwrap();
        let response = way.send(request).await.map_err(|error| error.to_string())?;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Ok(String::from_utf8(body.to_vec()).unwrap().to_ascii_lowercase())
    }

    #[tokio::test]
    async fn a_request_says_who_asks_and_goes_where_it_names() {
        let (port, pem) = server().await;
        let mut access = access(port, Material::Bytes(pem.into_bytes()));
        access.credential = Credential::Token(Material::Bytes(b"t0ken\n".to_vec()));
        access.impersonate = vec![("impersonate-user".into(), "jane".into())];
        let way = Way::new(access).unwrap();
        let request = asked(&way, "/api/v1/pods?watch=1").await.unwrap();
        let lines: Vec<&str> = request.lines().collect();
        assert_eq!(lines[0], "get /k8s/api/v1/pods?watch=1 http/1.1");
        let host = format!("host: 127.0.0.1:{port}");
        for line in ["authorization: bearer t0ken", "impersonate-user: jane", "accept: x/y", host.as_str()] {
            assert!(lines.contains(&line), "{line} in {request}");
        }
        assert!(request.contains("user-agent: skiff-agent/"), "{request}");
        // As a URL these would lead to the parent.
        for path in ["/api/v1/pods/%2E%2E", "/api/v1/pods/..", "/api/v1/pods/%2e"] {
            assert!(asked(&way, path).await.unwrap_err().contains("cannot be asked for"), "{path}");
        }
    }

    #[tokio::test]
    async fn a_server_is_known_by_its_authority_and_its_name() {
        let (port, pem) = server().await;
        let (_, other) = server().await;
        let pem = Material::Bytes(pem.into_bytes());
        let trusts = |access: Access| async move { asked(&Way::new(access).unwrap(), "/").await };
        assert!(trusts(access(port, pem.clone())).await.is_ok());
        let error = trusts(access(port, Material::Bytes(other.into_bytes()))).await.unwrap_err();
        assert!(error.contains("certificate"), "{error}");
        let error = trusts(Access { server_name: None, ..access(port, pem) }).await.unwrap_err();
        assert!(error.contains("certificate"), "{error}");
        let nothing = Access { authority: None, insecure: true, ..access(port, Material::Bytes(Vec::new())) };
        assert!(trusts(nothing).await.is_ok());
        assert!(Way::new(access(port, Material::Bytes(Vec::new()))).err().unwrap().contains("no certificate"));
    }

    #[tokio::test]
    async fn tokens_and_authorities_are_read_again() {
        let (old, new) = (server().await, server().await);
        let directory = tempfile::tempdir().unwrap();
        let (token, authority) = (directory.path().join("token"), directory.path().join("ca.crt"));
        std::fs::write(&token, "one").unwrap();
        std::fs::write(&authority, &old.1).unwrap();
        let mut access = access(new.0, Material::File(authority.clone()));
        access.credential = Credential::Token(Material::File(token.clone()));
        let way = Way::new(access).unwrap();
        std::fs::write(&token, "two").unwrap();
        std::fs::write(&authority, &new.1).unwrap();
        assert!(asked(&way, "/").await.is_err());
        let age = || way.current.lock().unwrap().read_at = Instant::now().checked_sub(FRESH).unwrap();
        age();
        assert!(asked(&way, "/").await.unwrap().contains("bearer two"));
        // What is gone meanwhile is used as it was.
        std::fs::remove_file(&token).unwrap();
        std::fs::remove_file(&authority).unwrap();
        age();
        assert!(asked(&way, "/").await.unwrap().contains("bearer two"));
    }
}
