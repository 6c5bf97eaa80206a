//! What the user API asks of the hub's core, where it is no change of an object.

use crate::core::{Core, CoreError, HeldInCluster, Subject, TokenRequest};
use fleet_api::Digest;
use fleet_api::names::{Namespace, Ref};
use fleet_api::v1alpha1::BundleDeployment;
use fleet_api::wire::Timestamp;
use futures::future::BoxFuture;

/// The verbs. [`Core`] has them; tests have their own.
pub trait Actions: Send + Sync {
    /// See [`Core::sync_now`].
    fn sync_now<'a>(&'a self, gitrepo: &'a Ref) -> BoxFuture<'a, Result<(), CoreError>>;
    /// See [`Core::create_token`].
    fn create_token(&self, request: TokenRequest) -> BoxFuture<'_, Result<String, CoreError>>;
    /// See [`Core::held`].
    fn held<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Vec<HeldInCluster>, CoreError>>;
    /// See [`Core::approve`].
    fn approve<'a>(
        &'a self,
        subject: &'a Subject,
        lists: &'a [(Ref, Digest)],
        by: &'a str,
    ) -> BoxFuture<'a, Result<(), CoreError>>;
    /// See [`Core::last_seen`].
    fn last_seen(&self, cluster: &Ref) -> Option<Timestamp>;
    /// See [`Core::deployments`].
    fn deployments<'a>(&'a self, namespace: Option<&'a Namespace>) -> BoxFuture<'a, Vec<BundleDeployment>>;
}

impl Actions for Core {
    fn sync_now<'a>(&'a self, gitrepo: &'a Ref) -> BoxFuture<'a, Result<(), CoreError>> {
        Box::pin(self.sync_now(gitrepo))
    }

    fn create_token(&self, request: TokenRequest) -> BoxFuture<'_, Result<String, CoreError>> {
        Box::pin(self.create_token(request))
    }

    fn held<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Vec<HeldInCluster>, CoreError>> {
        Box::pin(self.held(subject))
    }

    fn approve<'a>(
        &'a self,
        subject: &'a Subject,
        lists: &'a [(Ref, Digest)],
        by: &'a str,
    ) -> BoxFuture<'a, Result<(), CoreError>> {
        Box::pin(self.approve(subject, lists, by))
    }

    fn last_seen(&self, cluster: &Ref) -> Option<Timestamp> {
        self.last_seen(cluster)
    }

    fn deployments<'a>(&'a self, namespace: Option<&'a Namespace>) -> BoxFuture<'a, Vec<BundleDeployment>> {
        Box::pin(self.deployments(namespace))
    }
}
