//! What a [`Decision`](super::Decision) asks of the shell. Every action is small and idempotent: a crash between any two
//! of them, or in the middle of one, is repaired by deciding again from what is persisted and what the cluster says.

use super::rules::{Rule, Rules};
use super::snapshot::GroupKind;
use fleet_api::names::Ref;
use fleet_api::{Digest, ObjectKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One thing to do. The order of a decision's list does not matter: what must wait is not in it yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Persist the accepted Desired, with its version as the new high-water mark (R2); then observe
    /// [`Event::DesiredSaved`](super::Event::DesiredSaved).
    SaveDesired {
        /// Digest of its bytes.
        digest: Digest,
    },
    /// Persist the ledger as it is now; then observe [`Event::Journaled`](super::Event::Journaled).
    Journal {
        /// At least this revision.
        revision: u64,
    },
    /// Get blobs into the cache.
    Fetch {
        /// Which.
        wants: Vec<Want>,
    },
    /// Ask the API server how these kinds are served.
    Discover {
        /// Which.
        kinds: Vec<GroupKind>,
    },
    /// Read the object (metadata and what health needs) with a quorum read.
    Read {
        /// Which.
        target: Target,
    },
    /// Read the values of a Deployment with sources, and keep them; then observe
    /// [`Event::Values`](super::Event::Values) with a digest of them.
    ReadValues(Box<ReadValues>),
    /// Render a Deployment with sources, with the values that were read; its objects go into the cache. Then observe
    /// [`Event::Rendered`](super::Event::Rendered).
    Render {
        /// Which Deployment.
        deployment: Digest,
        /// With which values.
        values: Digest,
    },
    /// Make the release namespace if it is missing, and set its labels and annotations.
    EnsureNamespace(Box<EnsureNamespace>),
    /// Server-side apply.
    Apply(Box<Apply>),
    /// Take away keys that a person added, with preconditions on UID and resourceVersion.
    RemoveKeys(Box<RemoveKeys>),
    /// Delete with background propagation and a precondition on the UID.
    Delete(Box<Delete>),
}

/// See [`Action::ReadValues`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadValues {
    /// Of which Deployment.
    pub deployment: Digest,
    /// What, in the order in which one is laid over the other.
    pub refs: Vec<ValueRef>,
    /// The service account to act as; empty for the agent's own.
    pub service_account: String,
}

/// One text of values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueRef {
    /// A ConfigMap or a Secret.
    pub object: ObjectKey,
    /// The key in its data.
    pub key: String,
    /// The content that the hub sends along for that object, a blob: then it is read from there, and not from the cluster.
    pub copy: Option<Digest>,
}

/// A blob that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Want {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes; 0 where it is not known (a Deployment).
    pub size: u64,
    /// What we have of the same thing, as a dictionary.
    pub base: Option<Digest>,
    /// Whether it is a [`Deployment`](fleet_api::wire::Deployment), to be observed, and not the content of an object.
    pub is_deployment: bool,
    /// Whether it holds a Secret, to be encrypted on disk.
    pub is_secret: bool,
}

impl Want {
    /// A Deployment whose size is not known.
    pub(super) const fn deployment(digest: Digest, base: Option<Digest>) -> Self {
        Self { digest, size: 0, base, is_deployment: true, is_secret: false }
    }

    /// The same, of something else than a Deployment.
    pub(super) fn content(self) -> Self {
        Self { is_deployment: false, ..self }
    }
}

/// Where an object is served.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The object.
    pub key: ObjectKey,
    /// At which version.
    pub api_version: String,
    /// The resource in the path: `deployments`.
    pub plural: String,
    /// The service account to act as; empty for the agent's own.
    pub service_account: String,
}

/// See [`Action::EnsureNamespace`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EnsureNamespace {
    /// For which Bundle.
    pub bundle: Ref,
    /// The namespace.
    pub namespace: String,
    /// Make it where it is missing.
    pub create: bool,
    /// Tell of its UID, where it is ours alone: it is to be deleted with the Bundle.
    pub delete: bool,
    /// Labels to set; others stay.
    pub labels: BTreeMap<String, String>,
    /// Annotations to set; others stay.
    pub annotations: BTreeMap<String, String>,
    /// What [`BundleLedger::namespace`](super::BundleLedger::namespace) is when it is done.
    pub token: Digest,
}

/// See [`Action::Apply`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Apply {
    /// For which Bundle: the value of the annotation.
    pub bundle: Ref,
    /// Where.
    pub target: Target,
    /// The content, a blob.
    pub content: Digest,
    /// Whether conflicts are overruled.
    pub force: bool,
    /// JSON pointers of fields that are left to a controller.
    pub leave_out: Vec<String>,
    /// Why, for the report.
    pub cause: Cause,
    /// `forceSyncGeneration`, recorded in the ledger.
    pub sync: i64,
    /// Its content may hold values that were read in the cluster: nothing of it is told.
    pub private: bool,
}

/// Why something is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It is not there.
    Create,
    /// Its content changed.
    Change,
    /// It comes from another Bundle, or from somebody else by `takeOwnership`.
    TakeOver,
    /// It drifted.
    Repair,
    /// It is a hook that is run: it becomes no entry of the ledger.
    Hook,
}

/// See [`Action::RemoveKeys`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemoveKeys {
    /// Where.
    pub target: Target,
    /// The UID that it must have.
    pub uid: String,
    /// The resourceVersion that it must have.
    pub resource_version: String,
    /// JSON pointers of the keys: `/data/extra`.
    pub pointers: Vec<String>,
}

impl Delete {
    /// The `DeleteOptions` of the request: in the background, and only what was decided on (R6).
    pub fn options(&self, rules: Rules) -> Value {
        let mut preconditions = json!({});
        if rules.on(Rule::R6Precondition) {
            preconditions["uid"] = json!(self.uid);
        }
        if let Some(version) = &self.resource_version {
            preconditions["resourceVersion"] = json!(version);
        }
        json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": preconditions,
        })
    }
}

/// See [`Action::Delete`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delete {
    /// From which Bundle.
    pub bundle: Ref,
    /// Where.
    pub target: Target,
    /// The UID that it must have (R6).
    pub uid: String,
    /// The resourceVersion that it must have, where the decision rests on what was read.
    pub resource_version: Option<String>,
}
