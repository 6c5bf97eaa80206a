//! The way to the hub: three requests behind a trait, so that tests and the demo need no sockets. [`http`] is the real one.

pub mod http;

use bytes::Bytes;
use fleet_api::wire::{BlobsRequest, EnrollRequest, EnrollResponse, SyncRequest, SyncResponse};
use futures::future::BoxFuture;

/// Why the hub did not do what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LinkError {
    /// No answer, or none that makes sense.
    #[error("the hub cannot be reached: {0}")]
    Unreachable(String),
    /// The hub is another than the one that was pinned.
    #[error("the hub at {address} has another key than the one that was pinned at enrollment")]
    AnotherHub {
        /// Where.
        address: String,
    },
    /// The hub said no.
    #[error("the hub refuses: {message} ({status} {reason})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// [`Problem::reason`](fleet_api::wire::Problem::reason).
        reason: String,
        /// [`Problem::message`](fleet_api::wire::Problem::message).
        message: String,
    },
}

/// The hub, as an agent sees it.
pub trait Hub: Send + Sync {
    /// `POST /v1/enroll`.
    fn enroll(&self, request: EnrollRequest) -> BoxFuture<'_, Result<EnrollResponse, LinkError>>;
    /// `POST /v1/sync`.
    fn sync(&self, request: SyncRequest) -> BoxFuture<'_, Result<SyncResponse, LinkError>>;
    /// `POST /v1/blobs`: the whole body, as [`BlobsHead`](fleet_api::wire::BlobsHead) describes it.
    fn blobs(&self, request: BlobsRequest) -> BoxFuture<'_, Result<Bytes, LinkError>>;
}
