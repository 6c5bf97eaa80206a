//! A web server in this process, on loopback, for tests: it hands out what was put there, and tells what it was asked.
//!
//! It stops when it is dropped, and is no server for real use.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is at a path.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// HTTP status; 200 where it is 0.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The value of `Authorization` without which the answer is 401.
    pub authorization: Option<String>,
    /// Headers of the 401.
    pub challenge: Option<String>,
}

impl Page {
    /// A page with this body.
    pub fn of(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// A redirect.
    pub fn redirect(to: &str) -> Self {
        Self { status: 302, headers: vec![("location".into(), to.into())], ..Self::default() }
    }

    /// Only for this user.
    #[must_use]
    pub fn behind(mut self, user: &str, password: &str) -> Self {
        self.authorization = Some(basic(user, password));
        self
    }
}

/// The header that a user and a password make.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// A request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET /index.yaml`, with the query.
    pub line: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    pages: Mutex<BTreeMap<String, Page>>,
    requests: Mutex<Vec<Request>>,
}

/// The server.
#[derive(Debug)]
pub struct WebServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl WebServer {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If there is no port.
    pub async fn start() -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, shared) = (listener.local_addr()?, Arc::<Shared>::default());
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            // It ends when it is aborted.
            let _ended = axum::serve(listener, router).await;
        });
        Ok(Self { address, shared, task })
    }

    /// The same pages for a listener of the caller's own (TLS).
    #[cfg(test)]
    pub(crate) fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(Arc::clone(&self.shared))
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Puts a page at a path (with its query).
    pub fn put(&self, path: &str, page: Page) {
        lock(&self.shared.pages).insert(path.to_owned(), page);
    }

    /// Lets a page be seen by this `Authorization` alone, with this challenge for others.
    pub fn guard(&self, path: &str, authorization: &str, challenge: Option<&str>) {
        let mut pages = lock(&self.shared.pages);
        let page = pages.entry(path.to_owned()).or_default();
        page.authorization = Some(authorization.to_owned());
        page.challenge = challenge.map(str::to_owned);
    }

    /// Takes all pages away.
    pub fn clear(&self) {
        lock(&self.shared.pages).clear();
    }

    /// What arrived so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Puts a chart into the repository at `/`: its package and an index that lists all that were put so.
    pub fn put_chart(&self, name: &str, version: &str, files: &[(&str, &str)]) {
        let bytes = package(name, version, files);
        let mut index = lock(&self.shared.pages).get("/index.yaml").map_or_else(
            || "apiVersion: v1\nentries:\n".into(),
            |page| String::from_utf8_lossy(&page.body).into_owned(),
        );
        let digest = fleet_api::Digest::of(&bytes).hex();
        let entry = format!("  - {{version: {version:?}, digest: {digest}, urls: [{name}-{version}.tgz]}}\n");
        let heading = format!("  {name}:\n");
        match index.find(&heading) {
            Some(at) => index.insert_str(at + heading.len(), &entry),
            None => index.push_str(&format!("{heading}{entry}")),
        }
        self.put("/index.yaml", Page::of(index));
        self.put(&format!("/{name}-{version}.tgz"), Page::of(bytes));
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn handle(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let page = lock(&shared.pages).get(&path).cloned();
    lock(&shared.requests).push(Request { line: format!("{method} {path}"), authorization: authorization.clone() });
    let mut response = Response::new(Body::empty());
    match page {
        None => *response.status_mut() = StatusCode::NOT_FOUND,
        Some(page) if page.authorization.is_some() && page.authorization != authorization => {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            if let Some(challenge) = page.challenge.and_then(|challenge| challenge.parse().ok()) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
        }
        Some(page) => {
            *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::OK);
            for (name, value) in page.headers {
                if let (Ok(name), Ok(value)) = (name.parse::<header::HeaderName>(), value.parse()) {
                    response.headers_mut().insert(name, value);
                }
            }
            *response.body_mut() = Body::from(page.body);
        }
    }
    response
}

/// A packaged chart: a Chart.yaml of this name and version, and these files.
pub fn package(name: &str, version: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let chart = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let own = if files.iter().any(|(path, _)| *path == "Chart.yaml") { None } else { Some(("Chart.yaml", &*chart)) };
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (path, content) in own.into_iter().chain(files.iter().copied()) {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // It fails for no path of a test.
        let _kept = archive.append_data(&mut header, format!("{name}/{path}"), content.as_bytes());
    }
    archive.into_inner().and_then(GzEncoder::finish).unwrap_or_default()
}
