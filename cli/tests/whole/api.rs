//! What is between the agent and its API server: a place where answers are replaced, and where the agent can be made to
//! die before or after a call.

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use kube::client::Body;
use skiff_sim::{ApiServer, ResponseBody};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tower::BoxError;

/// What becomes of a request.
pub(crate) enum Fate {
    /// It goes to the server.
    Pass,
    /// The server never hears of it, and this is the answer.
    Answer(u16, &'static str, Vec<u8>),
    /// The process dies before the server hears of it.
    DieBefore,
    /// The server does it, and the process dies before it hears of that.
    DieAfter,
}

/// Decides; sees method and path with query.
pub(crate) type Tamper = Arc<dyn Fn(&str, &str) -> Fate + Send + Sync>;

/// The API server, with something in between. Clones are one.
#[derive(Clone)]
pub(crate) struct Between {
    server: ApiServer,
    tamper: Arc<Mutex<Option<Tamper>>>,
    hits: Arc<AtomicUsize>,
    died: Arc<tokio::sync::Notify>,
}

impl Between {
    pub(crate) fn new(server: ApiServer) -> Self {
        Self { server, tamper: Arc::default(), hits: Arc::default(), died: Arc::default() }
    }

    pub(crate) fn client(&self) -> kube::Client {
        kube::Client::new(self.clone(), "default")
    }

    /// From here on; [`Between::hits`] begins anew.
    pub(crate) fn set(&self, tamper: Tamper) {
        self.hits.store(0, Ordering::SeqCst);
        *self.tamper.lock().unwrap() = Some(tamper);
    }

    pub(crate) fn clear(&self) {
        *self.tamper.lock().unwrap() = None;
    }

    /// How many requests had another fate than to pass.
    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// Waits until a request was to be the process's last one.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }

    fn fate(&self, request: &Request<Body>) -> Fate {
        let Some(tamper) = self.tamper.lock().unwrap().clone() else { return Fate::Pass };
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let fate = tamper(request.method().as_str(), path);
        if !matches!(fate, Fate::Pass) {
            self.hits.fetch_add(1, Ordering::SeqCst);
        }
        fate
    }
}

fn answer(code: u16, content_type: &str, body: Vec<u8>) -> Response<ResponseBody> {
    let body = Full::new(Bytes::from(body)).map_err(|never| match never {}).boxed_unsync();
    Response::builder().status(code).header("content-type", content_type).body(body).unwrap()
}

impl tower::Service<Request<Body>> for Between {
    type Response = Response<ResponseBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let fate = self.fate(&request);
        let (mut server, died) = (self.server.clone(), self.died.clone());
        Box::pin(async move {
            match fate {
                Fate::Pass => tower::Service::call(&mut server, request).await,
                Fate::Answer(code, content_type, body) => Ok(answer(code, content_type, body)),
                Fate::DieBefore => {
                    died.notify_one();
                    std::future::pending().await
                }
                Fate::DieAfter => {
                    drop(tower::Service::call(&mut server, request).await);
                    died.notify_one();
                    std::future::pending().await
                }
            }
        })
    }
}
