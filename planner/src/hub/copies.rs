//! What a Bundle takes along from the hub to its clusters (`downstreamResources`): Secrets and ConfigMaps of its own
//! namespace, by name and version. What is in them, only the shell knows. Called when a Bundle is placed.
//!
//! Invariant: what cannot be copied is part of the render's input, too, so that its error goes when it can.

use super::event::{Copyable, GitRepoResource};
use super::snapshot::Snapshot;
use fleet_api::names::Ref;
use fleet_api::v1alpha1::{BundleDeploymentOptions, BundleSpec, DownstreamResource};
use serde::Serialize;

/// The Secret that a GitRepo uses where it names none and this one exists (Fleet's).
const DEFAULT_CREDENTIAL: &str = "gitcredential";

/// A Secret or a ConfigMap that goes along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// `Secret` or `ConfigMap`; as it is written where it is neither.
    pub kind: String,
    /// Its name, in the namespace of the Bundle.
    pub name: String,
    /// Which version of it, or why none.
    pub state: CopyState,
}

/// Whether something can be copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CopyState {
    /// This version of it goes along.
    Version(String),
    /// There is none of that name.
    Missing,
    /// It is how the hub reads this GitRepo: what is in a repository may not have it sent away.
    Credential(Ref),
    /// Neither a Secret nor a ConfigMap.
    UnknownKind,
}

/// What a Bundle with these options takes along.
pub(super) fn of(snapshot: &Snapshot, bundle: &Ref, options: &BundleDeploymentOptions) -> Vec<Copied> {
    let mut all: Vec<Copied> = Vec::new();
    for resource in &options.downstream_resources {
        let kind = resource.known_kind();
        let copied = Copied {
            kind: kind.unwrap_or(&resource.kind).to_owned(),
            name: resource.name.clone(),
            state: kind.map_or(CopyState::UnknownKind, |kind| state(snapshot, bundle, kind, &resource.name)),
        };
        if !all.contains(&copied) {
            all.push(copied);
        }
    }
    all
}

fn state(snapshot: &Snapshot, bundle: &Ref, kind: &str, name: &str) -> CopyState {
    // What is no name is the name of nothing.
    let Ok(name) = Ref::new(bundle.namespace.as_str(), name) else { return CopyState::Missing };
    let mut gitrepos = snapshot.gitrepos.iter().filter(|(gitrepo, _)| gitrepo.namespace == bundle.namespace);
    let reads = gitrepos.find(|(_, state)| kind == "Secret" && credential(&state.resource) == name.name.as_str());
    if let Some((gitrepo, _)) = reads {
        return CopyState::Credential(gitrepo.clone());
    }
    let version = snapshot.copyables.get(&Copyable { kind: kind.to_owned(), name });
    version.cloned().map_or(CopyState::Missing, CopyState::Version)
}

/// The name of the Secret that a GitRepo is read with.
fn credential(gitrepo: &GitRepoResource) -> &str {
    let named = gitrepo.spec.client_secret_name.as_str();
    if named.is_empty() { DEFAULT_CREDENTIAL } else { named }
}

/// That Secret; what takes it along is to be looked at again when this changes.
pub(super) fn credential_of(gitrepo: &Ref, resource: &GitRepoResource) -> Option<Copyable> {
    let name = Ref::new(gitrepo.namespace.as_str(), credential(resource)).ok()?;
    Some(Copyable { kind: "Secret".to_owned(), name })
}

/// Whether a Bundle takes something along to any cluster.
pub(super) fn takes(spec: &BundleSpec, bundle: &Ref, what: &Copyable) -> bool {
    let is = |resource: &DownstreamResource| {
        resource.known_kind() == Some(what.kind.as_str()) && resource.name == what.name.name.as_str()
    };
    bundle.namespace == what.name.namespace
        && spec.all_options().flat_map(|options| &options.downstream_resources).any(is)
}
