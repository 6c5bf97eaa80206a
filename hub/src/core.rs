//! The handle by which the APIs ask the deciding task for something.
//!
//! What users write goes straight into the [`store`](crate::store); the deciding task hears of it through the store's
//! stream of changes. Here stands only what is no resource.

use crate::machine::Message;
use crate::repositories::{Nudge, Polled};
use crate::slots::Slots;
use fleet_api::digest::Digest;
use fleet_api::names::{Namespace, ObjectName, Ref};
use fleet_api::v1alpha1::BundleDeployment;
use fleet_api::wire::{HeldDeletions, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

pub use skiff_planner::hub::Subject;

/// What is held in one cluster, as an admin is shown it before approving.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HeldInCluster {
    /// The cluster.
    pub cluster: Ref,
    /// The list; an approval names its digest.
    pub held: HeldDeletions,
}

/// What a new enrollment token allows.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Where the Cluster is made.
    pub namespace: Namespace,
    /// The only name that it may have; the agent chooses where there is none.
    pub name: Option<ObjectName>,
    /// Labels that the Cluster is granted.
    pub labels: BTreeMap<String, String>,
    /// How long it can be used.
    pub lifetime: Duration,
}

/// Why the core did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoreError {
    /// There is no such object.
    #[error("{0} does not exist")]
    NotFound(String),
    /// It would not be right to do it.
    #[error("{0}")]
    Refused(String),
    /// It was tried, and came to nothing.
    #[error("{0}")]
    Failed(String),
    /// The hub is stopping, or its disk fails.
    #[error("the hub cannot do that now: {0}")]
    Unavailable(String),
}

/// The handle; cheap to clone.
#[derive(Clone, Debug)]
pub struct Core {
    machine: mpsc::UnboundedSender<Message>,
    repositories: mpsc::UnboundedSender<Nudge>,
    slots: Arc<Slots>,
}

impl Core {
    pub(crate) fn new(
        machine: mpsc::UnboundedSender<Message>,
        repositories: mpsc::UnboundedSender<Nudge>,
        slots: Arc<Slots>,
    ) -> Self {
        Self { machine, repositories, slots }
    }

    /// When the agent of a cluster was heard of last, since this hub started. Newer than what its status says, which is
    /// written every few minutes alone.
    pub fn last_seen(&self, cluster: &Ref) -> Option<Timestamp> {
        self.slots.of_cluster(cluster)?.last_seen()
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, CoreError> {
        let stopping = || CoreError::Unavailable("it is stopping".into());
        let (reply, answer) = oneshot::channel();
        self.machine.send(message(reply)).map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }

    /// Polls the repository of a GitRepo now; returns when it was looked at (and read, where it changed).
    ///
    /// # Errors
    /// Where there is no such GitRepo, the repository could not be looked at, or the hub is stopping.
    pub async fn sync_now(&self, gitrepo: &Ref) -> Result<(), CoreError> {
        let stopping = || CoreError::Unavailable("it is stopping".into());
        let (reply, answer) = oneshot::channel();
        self.repositories.send(Nudge::Now(gitrepo.clone(), reply)).map_err(|_| stopping())?;
        match answer.await.map_err(|_| stopping())? {
            Polled::Done => Ok(()),
            Polled::Failed(note) => Err(CoreError::Failed(format!(
                "gitrepo {gitrepo} could not be polled: {}: {}",
                note.reason, note.message
            ))),
            Polled::Unknown => Err(CoreError::NotFound(format!("gitrepo {gitrepo}"))),
        }
    }

    /// Makes an enrollment token: `skiff1.…`.
    ///
    /// # Errors
    /// Where it cannot be stored.
    pub async fn create_token(&self, request: TokenRequest) -> Result<String, CoreError> {
        self.ask(|reply| Message::CreateToken(request, reply)).await?
    }

    /// What is held there, ordered by cluster.
    ///
    /// # Errors
    /// Where the hub is stopping.
    pub async fn held(&self, subject: &Subject) -> Result<Vec<HeldInCluster>, CoreError> {
        let lists = self.ask(|reply| Message::Held(subject.clone(), reply)).await?;
        Ok(lists.into_iter().map(|(cluster, held)| HeldInCluster { cluster, held }).collect())
    }

    /// Approves the lists that were shown: `(cluster, digest of the list)`. A list that has changed meanwhile is not
    /// approved, and stands in the error.
    ///
    /// # Errors
    /// Where a list has changed, or there is nothing of that name.
    pub async fn approve(&self, subject: &Subject, lists: &[(Ref, Digest)], by: &str) -> Result<(), CoreError> {
        let (subject, lists, by) = (subject.clone(), lists.to_vec(), by.to_owned());
        self.ask(|reply| Message::Approve { subject, lists, by, reply }).await?
    }

    /// Every Deployment (one Bundle in one cluster) whose cluster is in `namespace`; of all where none is named. Made
    /// from the snapshot; name is `<bundle>.<cluster>`.
    pub async fn deployments(&self, namespace: Option<&Namespace>) -> Vec<BundleDeployment> {
        self.ask(|reply| Message::Deployments(namespace.cloned(), reply)).await.unwrap_or_default()
    }
}
