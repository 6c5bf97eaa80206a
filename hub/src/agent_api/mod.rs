//! The agent API: `POST /v1/enroll`, `/v1/sync`, `/v1/blobs` (DESIGN §6, §9).
//!
//! Authorised like the Kubernetes node authoriser: who calls is who holds the key of the connection's certificate; it
//! reads what is reachable from its own Desired, and writes its own report. Before somebody is known, bodies are small,
//! have a deadline, and wrong attempts of one address are counted.

mod blobs;
mod enroll;
mod limits;
mod sync;

use crate::blobs::Blobs;
use crate::machine::Message;
use crate::routes::Access;
use crate::slots::{Slot, Slots};
use crate::tls::Peer;
use crate::turns::Turns;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use fleet_api::reason::Reason;
use fleet_api::wire::{OLDEST_PROTOCOL, PROTOCOL, Problem};
use limits::Attempts;
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
pub use sync::LONGEST_WAIT;
use tokio::sync::{Semaphore, mpsc};

/// The routes, and who may use each.
pub(crate) const ROUTES: [(&str, Access); 3] =
    [("/v1/enroll", Access::Token), ("/v1/sync", Access::Agent), ("/v1/blobs", Access::Agent)];

/// How large an enrollment may be.
const ENROLL_LIMIT: usize = 64 << 10;
/// How large a report may be, from an agent that is known.
const SYNC_LIMIT: usize = 2 << 20;
/// How large a list of wanted blobs may be.
const BLOBS_LIMIT: usize = 4 << 20;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How many bodies are read and parsed at once: memory stays bounded whatever is sent.
const BODIES: usize = 256;
/// How many bodies of those that are not known yet are read at once, of all and of one address: they take no place of
/// those that are known.
const ENROLLING: (usize, usize) = (64, 16);

/// What the handlers need.
#[derive(Clone, Debug)]
pub(crate) struct AgentApi {
    slots: Arc<Slots>,
    blobs: Blobs,
    machine: mpsc::UnboundedSender<Message>,
    attempts: Arc<Attempts>,
    bodies: Arc<Semaphore>,
    enrolling: Arc<(Semaphore, Turns<IpAddr>)>,
    /// Places among what the deciding task has yet to take in.
    asking: Arc<Semaphore>,
    packs: Arc<blobs::Packs>,
}

impl AgentApi {
    pub(crate) fn new(slots: Arc<Slots>, blobs: Blobs, machine: mpsc::UnboundedSender<Message>) -> Self {
        let bodies = Arc::new(Semaphore::new(BODIES));
        let enrolling = Arc::new((Semaphore::new(ENROLLING.0), Turns::new(ENROLLING.1)));
        let (attempts, packs, asking) = (Arc::default(), Arc::default(), Arc::new(Semaphore::new(ENROLLING.0)));
        Self { slots, blobs, machine, attempts, bodies, enrolling, asking, packs }
    }

    /// The routes.
    pub(crate) fn router(self) -> Router {
        let [(enroll, _), (sync, _), (blobs, _)] = ROUTES;
        Router::new()
            .route(enroll, post(enroll_handler))
            .route(sync, post(sync_handler))
            .route(blobs, post(blobs_handler))
            .with_state(self)
    }

    /// Who calls; somebody unknown is told nothing, and slowed down.
    fn caller(&self, peer: &Peer) -> Result<Arc<Slot>, Refusal> {
        if let Some(slot) = peer.key.and_then(|key| self.slots.of_key(&key)) {
            return Ok(slot);
        }
        self.attempts.check(peer.address.ip())?;
        self.attempts.failed(peer.address.ip());
        Err(Refusal::revoked("this key has no identity here: it was revoked, or never enrolled"))
    }

    async fn body<T: DeserializeOwned>(&self, body: Body, limit: usize) -> Result<T, Refusal> {
        let _permit = self.bodies.acquire().await;
        Self::read(body, limit).await
    }

    /// A body of somebody unknown. One that does not arrive is a wrong attempt.
    async fn body_of_unknown<T: DeserializeOwned>(&self, address: IpAddr, body: Body) -> Result<T, Refusal> {
        let (all, by_address) = &*self.enrolling;
        let _turn = by_address.take(address).await;
        let _permit = all.acquire().await;
        self.attempts.check(address)?;
        let read = Self::read(body, ENROLL_LIMIT).await;
        if read.is_err() {
            self.attempts.failed(address);
        }
        read
    }

    async fn read<T: DeserializeOwned>(body: Body, limit: usize) -> Result<T, Refusal> {
        let read = tokio::time::timeout(BODY_TIME, axum::body::to_bytes(body, limit)).await;
        let bytes = match read {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => {
                let message = format!("the body is larger than {limit} bytes, or did not arrive whole");
                return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Reason::CapExceeded, message));
            }
            Err(_) => return Err(Refusal::plain(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
        };
        fleet_api::wire::from_json(&bytes)
            .map_err(|error| Refusal::plain(StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}")))
    }
}

async fn enroll_handler(State(api): State<AgentApi>, Extension(peer): Extension<Peer>, body: Body) -> Response {
    answer(enroll::enroll(&api, peer, body).await.map(|response| Json(response).into_response()))
}

async fn sync_handler(State(api): State<AgentApi>, Extension(peer): Extension<Peer>, body: Body) -> Response {
    answer(sync::sync(&api, peer, body).await.map(|response| Json(response).into_response()))
}

async fn blobs_handler(State(api): State<AgentApi>, Extension(peer): Extension<Peer>, body: Body) -> Response {
    let done = blobs::blobs(&api, peer, body).await;
    answer(done.map(|bytes| ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response()))
}

fn answer(result: Result<Response, Refusal>) -> Response {
    result.unwrap_or_else(IntoResponse::into_response)
}

/// The protocol that both speak.
fn common_protocol(theirs: u32) -> Result<u32, Refusal> {
    if theirs < OLDEST_PROTOCOL {
        let message = format!(
            "the agent speaks protocol {theirs}, this hub {OLDEST_PROTOCOL} to {PROTOCOL}: update the agent first"
        );
        return Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, Reason::ProtocolTooOld, message));
    }
    Ok(theirs.min(PROTOCOL))
}

/// Why a request was not answered; its body is a [`Problem`].
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    reason: String,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, reason: Reason, message: impl Into<String>) -> Self {
        Self { status, reason: reason.to_string(), message: message.into() }
    }

    fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error").replace(' ', "");
        Self { status, reason, message: message.into() }
    }

    fn revoked(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Reason::Revoked, message)
    }

    fn stopping() -> Self {
        Self::plain(StatusCode::SERVICE_UNAVAILABLE, "the hub is stopping, or its disk fails; try again")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(Problem { reason: self.reason, message: self.message })).into_response()
    }
}
