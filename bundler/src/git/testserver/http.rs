//! Smart HTTP on loopback.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use base64::Engine;

use super::{Options, upload_pack};

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET /repo.git/info/refs`
    pub line: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// Bytes of the answer's body.
    pub answered: usize,
}

/// A git server over http.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    options: Mutex<Options>,
    requests: Mutex<Vec<Request>>,
}

impl HttpServer {
    /// Serves the repositories below `root` on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If there is no port.
    pub async fn start(root: &Path, options: Options) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (router, shared) = router(root, options);
        let task = tokio::spawn(async move {
            // It ends when it is aborted.
            let _ended = axum::serve(listener, router).await;
        });
        Ok(Self { address, shared, task })
    }

    /// The URL of the repository in the folder `name` below the root.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes its behaviour from the next request on.
    pub fn set_options(&self, options: Options) {
        *self.shared.options.lock().unwrap_or_else(PoisonError::into_inner) = options;
    }

    /// What arrived so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn router(root: &Path, options: Options) -> (Router, Arc<Shared>) {
    let shared = Arc::new(Shared { root: root.to_owned(), options: Mutex::new(options), requests: Mutex::default() });
    (Router::new().fallback(handle).with_state(Arc::clone(&shared)), shared)
}

/// The same server for a listener of the caller's own (TLS).
#[cfg(test)]
pub(crate) fn service(root: &Path) -> Router {
    router(root, Options::default()).0
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let options = shared.options.lock().unwrap_or_else(PoisonError::into_inner).clone();
    tokio::time::sleep(options.delay).await;
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let version_2 = !options.only_version_0 && headers.get("git-protocol").is_some_and(|value| value == "version=2");
    let (line, given) = (format!("{method} {}", uri.path()), authorization.clone());
    let root = shared.root.clone();
    let answer =
        tokio::task::spawn_blocking(move || respond(&root, &uri, &body, authorization.as_deref(), version_2, &options))
            .await
            .unwrap_or_else(|_| Answer::text(StatusCode::INTERNAL_SERVER_ERROR, "the handler failed"));
    shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(Request {
        line,
        authorization: given,
        answered: answer.body.len(),
    });
    answer.into_response()
}

struct Answer {
    status: StatusCode,
    header: (header::HeaderName, String),
    body: Vec<u8>,
}

impl Answer {
    fn text(status: StatusCode, text: &str) -> Self {
        let header = (header::CONTENT_TYPE, "text/plain".to_owned());
        Self { status, header, body: text.as_bytes().to_vec() }
    }

    fn git(kind: &str, body: Vec<u8>) -> Self {
        let header = (header::CONTENT_TYPE, format!("application/x-git-upload-pack-{kind}"));
        Self { status: StatusCode::OK, header, body }
    }

    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        if let Ok(value) = self.header.1.parse() {
            response.headers_mut().insert(self.header.0, value);
        }
        response
    }
}

fn respond(
    root: &Path,
    uri: &Uri,
    body: &[u8],
    authorization: Option<&str>,
    version_2: bool,
    options: &Options,
) -> Answer {
    let greets = uri.path().strip_suffix("/info/refs");
    if let (Some(base), Some(path)) = (&options.redirect_to, greets) {
        let header = (header::LOCATION, format!("{base}{path}/info/refs?service=git-upload-pack"));
        return Answer { status: StatusCode::FOUND, header, body: Vec::new() };
    }
    if let Some((user, password)) = &options.basic_auth {
        let wanted = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        if authorization != Some(&format!("Basic {wanted}")) {
            return Answer::text(StatusCode::UNAUTHORIZED, "bad credentials");
        }
    }
    let path = greets.or_else(|| uri.path().strip_suffix("/git-upload-pack"));
    let Some(folder) = path.and_then(|path| super::find(root, path)) else {
        return Answer::text(StatusCode::NOT_FOUND, "no such repository");
    };
    if greets.is_some() {
        let mut out = Vec::new();
        if !version_2 {
            crate::git::pktline::put(&mut out, "# service=git-upload-pack\n");
            crate::git::pktline::put_flush(&mut out);
        }
        return match upload_pack::greeting(&folder, version_2, options) {
            Ok(greeting) => {
                out.extend(greeting);
                Answer::git("advertisement", out)
            }
            Err(error) => Answer::text(StatusCode::INTERNAL_SERVER_ERROR, error.message()),
        };
    }
    match upload_pack::lines(body) {
        Some(lines) => Answer::git("result", upload_pack::answer(&folder, &lines, version_2, options)),
        None => Answer::text(StatusCode::BAD_REQUEST, "the request is cut off"),
    }
}
