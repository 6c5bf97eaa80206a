//! What the deciding task is told and asked.

use super::enroll::{EnrollError, Enrolling};
use crate::core::{CoreError, TokenRequest};
use crate::rendering::RenderFailure;
use crate::store::Event as StoreEvent;
use fleet_api::Note;
use fleet_api::digest::Digest;
use fleet_api::names::{Namespace, Ref};
use fleet_api::v1alpha1::BundleDeployment;
use fleet_api::wire::{Deployment, EnrollResponse, HeldDeletions, Version};
use skiff_planner::hub::{RepositoryRead, Subject, Sync, SyncOutcome};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Lists that are held, by cluster.
pub(crate) type HeldAnswer = Vec<(Ref, HeldDeletions)>;

/// What a render gave; it is on disk.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) digest: Digest,
    pub(crate) deployment: Deployment,
    /// What it warned of.
    pub(crate) warnings: Vec<Note>,
}

/// One message.
#[derive(Debug)]
pub(crate) enum Message {
    /// An object changed.
    Store(Arc<StoreEvent>),
    /// An agent says something, in its one place; see [`Slot::telling`](crate::slots::Slot::telling).
    Sync(Box<Sync>, oneshot::Sender<Option<SyncOutcome>>, OwnedSemaphorePermit),
    /// The poll of an agent is held open: it is there.
    Waits(Ref),
    /// A document was given to an agent.
    Served(Ref, Version),
    /// An agent asks for an identity, in one of the places of those who do.
    Enroll(Box<Enrolling>, oneshot::Sender<Result<EnrollResponse, EnrollError>>, OwnedSemaphorePermit),
    /// An admin asks for a token.
    CreateToken(TokenRequest, oneshot::Sender<Result<String, CoreError>>),
    /// An admin asks what is held.
    Held(Subject, oneshot::Sender<HeldAnswer>),
    /// An admin approves lists.
    Approve { subject: Subject, lists: Vec<(Ref, Digest)>, by: String, reply: oneshot::Sender<Result<(), CoreError>> },
    /// Somebody lists Deployments.
    Deployments(Option<Namespace>, oneshot::Sender<Vec<BundleDeployment>>),
    /// A repository was read; its blobs are on disk. Answered when what follows is on disk, too.
    Read(Box<RepositoryRead>, oneshot::Sender<()>),
    /// A repository could not be read.
    ReadFailed(Ref, Vec<Note>),
    /// A Bundle that a user made has to be taken in again.
    UserBundle(Ref),
    /// A render ended; its blobs are on disk.
    Rendered { input: Digest, result: Result<Stored, RenderFailure> },
    /// What a render gave is not on disk, and is tried again.
    NotStored { input: Digest, note: Note },
    /// The directories of a GitRepo's Bundles.
    Directories(Ref, oneshot::Sender<BTreeSet<String>>),
    /// Remove blobs that nothing refers to.
    Collect,
}
