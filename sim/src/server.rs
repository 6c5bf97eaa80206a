//! The server as its users hold it: a tower service, and a handle to look into it and to make things go wrong.

use crate::controllers::{self, Controllers};
use crate::direct::{create_as, target_of, write_as};
use crate::discovery;
use crate::faults::{Fault, FaultRule, refusal};
use crate::log::{Counters, LoggedRequest};
use crate::request::{Call, Target, Verb, parse_query};
use crate::respond::{Body as ReplyBody, Reply};
use crate::settle;
use crate::state::State;
use crate::status::Failure;
use crate::verbs::{self, delete};
use crate::watch::Watcher;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use jiff::Timestamp;
use serde_json::Value;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch::{Receiver, Sender};
use tower::BoxError;

/// The body of an answer; a watch streams.
pub type ResponseBody = UnsyncBoxBody<Bytes, BoxError>;

/// Where the server's time comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How a server behaves.
#[derive(Clone)]
pub struct Options {
    /// UIDs and generated names are derived from it: equal seeds and equal requests give equal objects.
    pub seed: u64,
    /// The time in `creationTimestamp` and managedFields.
    pub clock: Clock,
    /// How many changes are remembered for watches; older versions are answered with 410.
    pub window: usize,
    /// How long a new CRD takes to be established. Zero: before the next request.
    pub crd_delay: Duration,
    /// Whether deleted namespaces are emptied, as kube-controller-manager does.
    pub namespace_controller: bool,
    /// Whether dependents of deleted owners are collected, as kube-controller-manager does.
    pub garbage_collector: bool,
    /// Emulated workload controllers and kubelet; [`ApiServer::tick`] moves them.
    pub controllers: Option<Controllers>,
    /// Whether [`ApiServer::requests`] keeps bodies.
    pub log_bodies: bool,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("seed", &self.seed).field("window", &self.window).finish_non_exhaustive()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            clock: Arc::new(Timestamp::now),
            window: 10_000,
            crd_delay: Duration::ZERO,
            namespace_controller: true,
            garbage_collector: true,
            controllers: None,
            log_bodies: false,
        }
    }
}

/// An object, whatever its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// API group; empty for core.
    pub group: String,
    /// The plural.
    pub resource: String,
    /// Empty for cluster scope.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// A key from its parts: `ObjectKey::new("apps", "deployments", "default", "web")`.
    #[must_use]
    pub fn new(group: &str, resource: &str, namespace: &str, name: &str) -> Self {
        Self { group: group.into(), resource: resource.into(), namespace: namespace.into(), name: name.into() }
    }
}

/// A direct edit that the server refused, as it would have refused the request.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message} ({code} {reason})")]
pub struct Refused {
    /// The HTTP status.
    pub code: u16,
    /// The reason of the `Status`.
    pub reason: String,
    /// The message.
    pub message: String,
}

impl From<Failure> for Refused {
    fn from(f: Failure) -> Self {
        Self { code: f.code, reason: f.reason, message: f.message }
    }
}

struct Inner {
    state: Mutex<State>,
    version: Sender<u64>,
    broken: Sender<u64>,
}

/// An in-memory Kubernetes API server. Clones share one state.
#[derive(Clone)]
pub struct ApiServer {
    inner: Arc<Inner>,
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer").field("version", &*self.inner.version.borrow()).finish_non_exhaustive()
    }
}

impl Default for ApiServer {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

/// What is left to do once the lock is released.
struct Outcome {
    response: Result<Response<ResponseBody>, BoxError>,
    establish: Vec<String>,
}

impl ApiServer {
    /// A server with the four namespaces of a new cluster and nothing else.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let state = State::new(options);
        let version = Sender::new(state.store.version());
        Self { inner: Arc::new(Inner { state: Mutex::new(state), version, broken: Sender::new(0) }) }
    }

    /// A client of this server, in the namespace `default`.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.clone(), "default")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read<T>(&self, f: impl FnOnce(&State) -> T) -> T {
        f(&self.lock())
    }

    pub(crate) fn signals(&self) -> (Receiver<u64>, Receiver<u64>) {
        (self.inner.version.subscribe(), self.inner.broken.subscribe())
    }

    /// Changes the state, lets what follows from it follow, and wakes the watches.
    fn change<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let out = f(&mut state);
        let later = settle::settle(&mut state);
        let version = state.store.version();
        drop(state);
        self.inner.version.send_if_modified(|v| std::mem::replace(v, version) != version);
        self.establish_later(later);
        out
    }

    fn establish_later(&self, names: Vec<String>) {
        if names.is_empty() {
            return;
        }
        let (server, delay) = (self.clone(), self.lock().options.crd_delay);
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            server.change(|state| names.iter().for_each(|n| settle::establish(state, n)));
        });
    }

    /// Makes requests go wrong; returns the number by which [`ApiServer::remove_fault`] knows the rule.
    pub fn inject(&self, rule: FaultRule) -> u64 {
        self.lock().faults.add(rule)
    }

    /// Takes a rule out.
    pub fn remove_fault(&self, id: u64) {
        self.lock().faults.remove(id);
    }

    /// Takes all rules out.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Breaks every watch that is open, as a restarted server or a cut network does.
    pub fn break_watches(&self) {
        self.inner.broken.send_modify(|n| *n += 1);
    }

    /// Forgets the history: watches from before now are answered with 410.
    pub fn compact(&self) {
        self.lock().store.trim(0);
    }

    /// The newest version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.lock().store.version()
    }

    /// Everything stored, sorted by resource, namespace and name.
    #[must_use]
    pub fn objects(&self) -> Vec<(ObjectKey, Value)> {
        let state = self.lock();
        let all = state.store.all();
        all.map(|(r, id, v)| (ObjectKey::new(&r.group, &r.plural, &id.0, &id.1), (**v).clone())).collect()
    }

    /// One object as it is stored.
    #[must_use]
    pub fn object(&self, key: &ObjectKey) -> Option<Value> {
        let state = self.lock();
        let resource = crate::resources::ResourceKey { group: key.group.clone(), plural: key.resource.clone() };
        state.store.get(&resource, &(key.namespace.clone(), key.name.clone())).map(|v| (**v).clone())
    }

    /// The requests since the start or the last reset (the newest 20,000).
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.lock().log.requests.iter().cloned().collect()
    }

    /// Counts of requests since the start or the last reset.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.lock().log.counters
    }

    /// Empties the request log and its counters.
    pub fn reset_log(&self) {
        self.lock().log = crate::log::Log::default();
    }

    /// Changes an object as another client would with a PUT, under that manager's name.
    pub fn edit_as(&self, manager: &str, key: &ObjectKey, edit: impl FnOnce(&mut Value)) -> Result<Value, Refused> {
        self.change(|state| write_as(state, manager, key, "", edit)).map_err(Refused::from)
    }

    /// Changes an object's status, as a controller does.
    pub fn edit_status_as(
        &self,
        manager: &str,
        key: &ObjectKey,
        edit: impl FnOnce(&mut Value),
    ) -> Result<Value, Refused> {
        self.change(|state| write_as(state, manager, key, "status", edit)).map_err(Refused::from)
    }

    /// Creates an object as another client would with a POST. It needs `apiVersion`, `kind` and `metadata`.
    pub fn create_as(&self, manager: &str, object: Value) -> Result<Value, Refused> {
        self.change(|state| create_as(state, manager, object)).map_err(Refused::from)
    }

    /// Deletes an object as another client would. An object with finalizers stays, marked.
    pub fn delete(&self, key: &ObjectKey) -> Result<(), Refused> {
        let deleted = self.change(|state| {
            let target = target_of(state, key, Verb::Delete, "")?;
            delete::delete(state, &target.resource, &key.namespace, &key.name, &delete::DeleteOptions::default())
        });
        deleted.map(|_| ()).map_err(Refused::from)
    }

    /// Moves the emulated controllers by one step; nothing without [`Options::controllers`].
    pub fn tick(&self) {
        self.change(controllers::tick);
    }

    /// Moves the emulated controllers every `interval` until the server's last clone is gone.
    pub fn run_controllers(&self, interval: Duration) -> tokio::task::JoinHandle<()> {
        let weak = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                let Some(inner) = weak.upgrade() else { return };
                Self { inner }.tick();
            }
        })
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, call: Call) -> Result<Response<ResponseBody>, BoxError> {
        let (target, fault) = {
            let mut state = self.lock();
            let target = call.target(&state);
            let fault = state.faults.take(target.as_ref());
            (target, fault)
        };
        let broken = || -> BoxError {
            Box::new(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "connection reset by peer"))
        };
        let reply = match &fault {
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(*time).await;
                None
            }
            Some(Fault::ConnectionError) => {
                self.record(&call, target.as_ref(), 0, 0);
                return Err(broken());
            }
            Some(Fault::Status { code, retry_after, message }) => {
                Some(refusal(*code, *retry_after, message, target.as_ref()))
            }
            Some(Fault::Admission { webhook, message }) => Some(admission(webhook, message)),
            Some(Fault::LostAnswer) | None => None,
        };
        let outcome = self.process(&call, reply);
        self.establish_later(outcome.establish);
        if matches!(fault, Some(Fault::LostAnswer)) {
            return Err(broken());
        }
        outcome.response
    }

    fn process(&self, call: &Call, refused: Option<Failure>) -> Outcome {
        let mut state = self.lock();
        // Looked up again: the request may have waited.
        let target = call.target(&state);
        let before = state.store.version();
        let reply = match refused {
            Some(failure) => failure.into(),
            None => dispatch(&mut state, call, target.as_ref()),
        };
        let changes = state.store.version() - before;
        let code = reply.code;
        let response = self.respond(&state, reply);
        let entry = logged(&state, call, target.as_ref(), code);
        state.log.add(entry, changes);
        let establish = settle::settle(&mut state);
        let version = state.store.version();
        drop(state);
        self.inner.version.send_if_modified(|v| std::mem::replace(v, version) != version);
        Outcome { response, establish }
    }

    fn record(&self, call: &Call, target: Option<&Target>, code: u16, changes: u64) {
        let mut state = self.lock();
        let entry = logged(&state, call, target, code);
        state.log.add(entry, changes);
    }

    fn respond(&self, state: &State, reply: Reply) -> Result<Response<ResponseBody>, BoxError> {
        let mut builder = Response::builder().status(reply.code).header(header::CONTENT_TYPE, reply.content_type);
        for warning in &reply.warnings {
            builder = builder.header(header::WARNING, format!("299 - {warning:?}"));
        }
        if let Some(seconds) = reply.retry_after {
            builder = builder.header(header::RETRY_AFTER, seconds);
        }
        let full = |bytes: Vec<u8>| Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync();
        let body: ResponseBody = match reply.body {
            ReplyBody::Json(value) => full(serde_json::to_vec(&value)?),
            ReplyBody::Text(text) => full(text.into_bytes()),
            ReplyBody::Watch(spec) => {
                let watcher = Watcher::new(self, state, *spec);
                let stream = futures::stream::unfold(watcher, |mut w| async move {
                    let next = w.next().await?;
                    Some((next.map(http_body::Frame::data).map_err(BoxError::from), w))
                });
                BodyExt::boxed_unsync(StreamBody::new(stream))
            }
        };
        Ok(builder.body(body)?)
    }
}

fn admission(webhook: &str, message: &str) -> Failure {
    if webhook.is_empty() {
        return Failure::bad_request(message);
    }
    Failure::new(403, "Forbidden", format!("admission webhook {webhook:?} denied the request: {message}"))
}

fn dispatch(state: &mut State, call: &Call, target: Option<&Target>) -> Reply {
    if call.method == http::Method::GET
        && let Some(reply) = discovery::handle(state, call)
    {
        return reply;
    }
    match target {
        Some(target) => verbs::handle(state, call, target).unwrap_or_else(Reply::from),
        None if discovery::has_group_version(state, call) => {
            let mut failure = Failure::new(404, "NotFound", "the server could not find the requested resource");
            failure.details = Some(serde_json::json!({}));
            failure.into()
        }
        None => Reply::text(404, "404 page not found\n"),
    }
}

fn logged(state: &State, call: &Call, target: Option<&Target>, code: u16) -> LoggedRequest {
    let text = |f: fn(&Target) -> &str| target.map(f).unwrap_or("").to_owned();
    LoggedRequest {
        verb: target.map_or(Verb::Other, |t| t.verb),
        method: call.method.to_string(),
        path: call.path.clone(),
        query: call.query.clone(),
        user_agent: call.user_agent.clone(),
        user: call.user.clone(),
        group: text(|t| &t.resource.key.group),
        resource: text(|t| &t.resource.key.plural),
        namespace: text(|t| &t.namespace),
        name: text(|t| &t.name),
        subresource: text(|t| &t.subresource),
        content_type: call.content_type.clone(),
        code,
        body: state.options.log_bodies.then(|| call.json().ok()).flatten(),
    }
}

impl Call {
    pub(crate) fn new(method: http::Method, uri: &http::Uri, headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
        Self {
            method,
            path: uri.path().to_owned(),
            query: parse_query(uri.query().unwrap_or("")),
            accept: text("accept"),
            content_type: text("content-type"),
            user_agent: text("user-agent"),
            user: Some(text("impersonate-user")).filter(|u| !u.is_empty()),
            body,
        }
    }
}

impl<B> tower::Service<Request<B>> for ApiServer
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(Into::into)?.to_bytes();
            server.answer(Call::new(parts.method, &parts.uri, &parts.headers, body)).await
        })
    }
}
