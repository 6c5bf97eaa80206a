//! The handle by which the APIs ask the deciding task for something.
//!
//! What users write goes straight into the [`store`](crate::store); the deciding task hears of it through the store's
//! stream of changes. Here stands only what is no resource.

use fleet_api::digest::Digest;
use fleet_api::names::{Namespace, ObjectName, Ref};
use fleet_api::v1alpha1::BundleDeployment;
use fleet_api::wire::HeldDeletions;
use std::collections::BTreeMap;
use std::time::Duration;

/// What an admin approves deletions of (R8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One cluster.
    Cluster(Ref),
    /// A Bundle, in all its clusters.
    Bundle(Ref),
    /// All Bundles of a GitRepo, in all their clusters.
    GitRepo(Ref),
}

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
    /// The hub is stopping, or its disk fails.
    #[error("the hub cannot do that now: {0}")]
    Unavailable(String),
}

/// The handle; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Core {}

impl Core {
    /// Polls the repository of a GitRepo now.
    ///
    /// # Errors
    /// Where there is no such GitRepo, or the hub is stopping.
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn sync_now(&self, gitrepo: &Ref) -> Result<(), CoreError> {
        Err(CoreError::NotFound(format!("gitrepo {gitrepo}")))
    }

    /// Makes an enrollment token: `skiff1.…`.
    ///
    /// # Errors
    /// Where it cannot be stored.
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn create_token(&self, _request: TokenRequest) -> Result<String, CoreError> {
        Err(CoreError::Unavailable("not built yet".into()))
    }

    /// What is held there, ordered by cluster.
    ///
    /// # Errors
    /// Where there is no such object.
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn held(&self, _subject: &Subject) -> Result<Vec<HeldInCluster>, CoreError> {
        Ok(Vec::new())
    }

    /// Approves the lists that were shown: `(cluster, digest of the list)`. A list that has changed meanwhile is not
    /// approved, and stands in the error.
    ///
    /// # Errors
    /// Where a list has changed, or there is nothing of that name.
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn approve(&self, _subject: &Subject, _lists: &[(Ref, Digest)], _by: &str) -> Result<(), CoreError> {
        Err(CoreError::Unavailable("not built yet".into()))
    }

    /// Every Deployment (one Bundle in one cluster) whose cluster is in `namespace`; of all where none is named. Made
    /// from the snapshot; name is `<bundle>.<cluster>`.
    #[expect(clippy::unused_async, reason = "not built yet")]
    pub async fn deployments(&self, _namespace: Option<&Namespace>) -> Vec<BundleDeployment> {
        Vec::new()
    }
}
