//! What several steps look at. Every function looks once; the steps wait around it.

use crate::demo::cluster::Cluster;
use crate::demo::report::Failure;
use crate::demo::wait::until;
use crate::demo::world::World;
use fleet_api::labels::DEPLOYMENT_ANNOTATION;
use fleet_api::v1alpha1::{Condition, GitRepoStatus, Summary};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The first characters of a commit.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// `5 clusters`, `1 cluster`.
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Fails with `why` unless it holds.
pub(super) fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::new(why())) }
}

/// Waits until the hub says that all of the GitRepo, in so many bundles, is in every cluster at this commit.
pub(super) async fn settled(world: &World, commit: &str, bundles: usize) -> Result<(), Failure> {
    let wanted = bundles * world.clusters.len();
    let real = world.clusters.iter().any(Cluster::is_real);
    until(&format!("gitrepo shops to be Ready at {}", short(commit)), async || {
        let status = world.operator.gitrepo().await?.status.unwrap_or_default();
        at_commit(&status, commit)?;
        deployed(&status.summary, wanted, real)?;
        let told = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        let ready = told.is_some_and(|condition| condition.status == "True");
        ensure(ready || real, || told.map_or_else(|| "it has no condition Ready".to_owned(), sentence))
    })
    .await
}

fn sentence(condition: &Condition) -> String {
    format!("{} is {}: {} {}", condition.type_, condition.status, condition.reason, condition.message)
}

fn at_commit(status: &GitRepoStatus, commit: &str) -> Result<(), Failure> {
    let notes = || status.notes.iter().map(|note| note.message.as_str()).collect::<Vec<_>>().join("; ");
    ensure(status.commit == commit, || format!("it is at {:?}; {}", short(&status.commit), notes()))
}

/// Whether so many Deployments are Ready. In a real cluster nobody may start the pods or bind the claims of the
/// example: there it is enough that they were applied.
fn deployed(summary: &Summary, wanted: usize, real: bool) -> Result<(), Failure> {
    let done = summary.ready + if real { summary.not_ready } else { 0 };
    let all = usize::try_from(summary.desired_ready) == Ok(wanted) && usize::try_from(done) == Ok(wanted);
    ensure(all, || {
        let first = summary.non_ready_resources.first();
        let first = first.map(|entry| format!("; {} is {}: {}", entry.name, entry.bundle_state, entry.message));
        let (ready, of) = (summary.ready, summary.desired_ready);
        format!("{ready} of {of} Deployments are Ready, {wanted} are expected{}", first.unwrap_or_default())
    })
}

/// A value of a ConfigMap.
pub(super) fn value<'a>(object: &'a ConfigMap, key: &str) -> Option<&'a str> {
    object.data.as_ref()?.get(key).map(String::as_str)
}

/// The image of the first container.
pub(super) fn image(object: &Deployment) -> Option<&str> {
    object.spec.as_ref()?.template.spec.as_ref()?.containers.first()?.image.as_deref()
}

/// How much memory the first container asks for.
pub(super) fn memory(object: &Deployment) -> Option<&str> {
    let containers = &object.spec.as_ref()?.template.spec.as_ref()?.containers;
    let requests = containers.first()?.resources.as_ref()?.requests.as_ref()?;
    requests.get("memory").map(|quantity| quantity.0.as_str())
}

/// The UID.
pub(super) fn uid(meta: &ObjectMeta) -> String {
    meta.uid.clone().unwrap_or_default()
}

/// The version.
pub(super) fn version(meta: &ObjectMeta) -> String {
    meta.resource_version.clone().unwrap_or_default()
}

/// The Bundle that the object belongs to, `namespace/name`.
pub(super) fn owner(meta: &ObjectMeta) -> Option<&str> {
    meta.annotations.as_ref()?.get(DEPLOYMENT_ANNOTATION).map(String::as_str)
}
