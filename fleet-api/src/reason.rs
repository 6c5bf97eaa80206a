//! Why something waits, was refused, failed or drifted. One closed enum, from which conditions, `skiff explain`,
//! metric labels and the web page are all made.

use crate::key::ObjectKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of thing a [`Note`] tells of; decides how it is shown and whether a condition becomes false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Information,
    /// Something waits for something else; it goes on by itself.
    Waiting,
    /// A difference between the cluster and what it should be.
    Drift,
    /// Waits for a person's approval.
    Held,
    /// Was refused for safety's sake.
    Refused,
    /// Was tried and failed.
    Failed,
}

macro_rules! reasons {
    ($( $(#[doc = $doc:literal])+ $name:ident: $severity:ident, $remedy:literal; )+) => {
        /// Every reason that Skiff gives. The names are stable: they stand in statuses and metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Reason { $( $(#[doc = $doc])+ $name, )+ }

        impl Reason {
            /// All reasons, in the order of their declaration.
            pub const ALL: &[Self] = &[ $( Self::$name, )+ ];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => stringify!($name), )+ }
            }

            /// What kind of thing it is.
            pub const fn severity(self) -> Severity {
                match self { $( Self::$name => Severity::$severity, )+ }
            }

            /// What a person can do about it, in general; a [`Note`] may know better.
            pub const fn remedy(self) -> &'static str {
                match self { $( Self::$name => $remedy, )+ }
            }
        }
    };
}

reasons! {
    // git
    /// The repository cannot be reached for now.
    RepositoryUnreachable: Failed, "check the address and the network between the hub and the repository; what runs is kept";
    /// The repository does not exist there (any more).
    RepositoryNotFound: Failed, "check spec.repo; to withdraw what came from it, delete the GitRepo";
    /// User, password, token or key were not accepted.
    AuthenticationFailed: Failed, "check the secret that spec.clientSecretName names";
    /// The secret that is named does not exist or lacks a key.
    SecretMissing: Failed, "create the secret in the namespace of the GitRepo";
    /// The ssh host key is not known, or not the one that is known.
    HostKeyRefused: Failed, "compare the fingerprint with the provider's page, then add the key to known_hosts of the secret";
    /// The TLS certificate was not accepted.
    CertificateRefused: Failed, "set spec.caBundle to the CA of the git server";
    /// The branch, tag or commit is not there.
    ReferenceNotFound: Failed, "check spec.branch and spec.revision; what runs is kept";
    /// The repository, or an address in it, is one that the hub may not use.
    AddressRefused: Refused, "use https:// or ssh://, or allow it with the hub's flag";
    /// A cap on bytes, files, objects or time was met.
    CapExceeded: Failed, "make the input smaller, or raise the cap that the message names";
    /// The branch was rewritten: the new commit does not descend from the old one.
    ForcePushed: Information, "nothing, if the rewrite was meant";
    // bundles
    /// An entry of `spec.paths` (or the repository) yields no bundle; what was there stays.
    NoBundleFound: Failed, "correct spec.paths; to withdraw a bundle, remove its directory or its entry";
    /// A file cannot be read as what it should be.
    InvalidFile: Failed, "correct the file at the line and column that are named, and push";
    /// `fleet.yaml` cannot be read, or says something that is not allowed.
    InvalidFleetYaml: Failed, "correct fleet.yaml at the line and column that are named, and push";
    /// A key that nothing reads.
    UnknownField: Information, "correct the spelling, or remove the key";
    /// Something that has no effect, or not the one that its author is likely to have meant.
    LikelyMistake: Information, "nothing, if it is meant so; otherwise correct the file that is named";
    /// Two bundles have one name.
    DuplicateBundleName: Refused, "set `name` in one of the two fleet.yaml files";
    /// A submodule inside a bundle.
    SubmoduleUnsupported: Refused, "copy the files into the repository, or point a GitRepo at the submodule's own repository";
    /// A Git LFS pointer inside a bundle.
    LfsPointerUnsupported: Refused, "commit the file itself instead of the LFS pointer, or name it in .fleetignore";
    /// A path leaves the repository or the bundle.
    PathRefused: Refused, "use a path inside the repository";
    /// The bundle needs something that this version cannot do.
    NotSupported: Failed, "see docs/fleet-compatibility.md for what is supported";
    /// Rendering failed for a cluster.
    RenderFailed: Failed, "correct the file that is named, and push; the last good state is kept";
    /// Rendering gave no object at all, where there were some before.
    EmptyRender: Refused, "to withdraw the bundle, remove its directory";
    /// A Secret or ConfigMap that `downstreamResources` names does not exist at the hub.
    DownstreamResourceMissing: Failed, "create it in the namespace of the Bundle at the hub, or correct downstreamResources; what runs is kept";
    /// `downstreamResources` names what may not be sent to clusters.
    DownstreamResourceRefused: Refused, "put a copy of it under another name, if clusters are to have it; what runs is kept";
    // targets
    /// No target of the GitRepo matches the cluster.
    NotTargeted: Information, "label the cluster, or change spec.targets";
    /// A customization says `doNotDeploy`.
    DoNotDeploy: Information, "remove doNotDeploy from the customization that matches";
    /// A selector cannot be evaluated.
    InvalidSelector: Failed, "correct the selector";
    /// A label would match if it were granted; the agent only claims it.
    ClaimedLabel: Information, "grant it with `skiff label cluster`, or select on claims.skiff.dev/";
    /// Nothing in the fleet matches the targets.
    NoTargets: Information, "label a cluster, or change spec.targets";
    // waiting
    /// `dependsOn` is not satisfied yet.
    WaitingForDependency: Waiting, "look at the bundle that is named";
    /// `dependsOn` names a bundle that the cluster does not get.
    DependencyMissing: Waiting, "correct dependsOn, or target the other bundle at this cluster, too";
    /// The Bundle, the GitRepo or the Cluster is paused.
    Paused: Waiting, "set spec.paused to false";
    /// Held back by the rollout.
    WaitingForRollout: Waiting, "nothing: its turn comes";
    /// The cluster has not applied it yet.
    WaitingForCluster: Waiting, "nothing: the agent fetches it at its next poll";
    /// The cluster has not been heard of for longer than its deadline.
    Offline: Waiting, "look at the agent and its network; it catches up when it returns";
    /// The kind is not served yet: its CustomResourceDefinition is missing or not established.
    WaitingForKind: Waiting, "install the CRD; it is tried again when the API server serves the kind";
    /// The namespace is being deleted.
    NamespaceTerminating: Waiting, "look at what keeps the namespace in Terminating";
    /// A Secret or ConfigMap that `helm.valuesFrom` names is not there, or lacks the key.
    WaitingForValues: Waiting, "create the Secret or ConfigMap that is named in the cluster, with that key, or correct helm.valuesFrom; it is looked at again by itself";
    /// An object is not healthy yet.
    NotReady: Waiting, "look at the object with kubectl describe";
    /// A deletion waits for a finalizer.
    WaitingForFinalizer: Waiting, "look at the controller that owns the finalizer";
    /// A hook of the chart runs; what comes after it waits.
    HookRunning: Waiting, "nothing: the bundle goes on when the hook has ended";
    /// The API server of the cluster cannot be reached.
    ApiServerUnreachable: Waiting, "look at the cluster's API server; the agent goes on trying";
    /// A webhook of the cluster, which the API server has to ask about the object, did not answer it.
    WebhookUnreachable: Waiting, "look at the webhook that is named, and at the Service and Pods behind it; the object is not to blame, and is tried again";
    // applying
    /// The object exists and somebody else owns it.
    OwnedByOther: Refused, "set takeOwnership: true in helm options of fleet.yaml, or remove the object";
    /// Another live bundle claims the same object.
    ClaimedByOtherBundle: Refused, "take the object out of one of the two bundles";
    /// The API server refused the object.
    ObjectRefused: Failed, "correct the object in the file that is named, and push";
    /// A hook of the chart has failed: the bundle stays as it was before it.
    HookFailed: Failed, "look at the Job or Pod of the hook, correct it, and push; raising forceSyncGeneration runs it again";
    /// A field that cannot be changed was changed.
    ImmutableField: Failed, "give the object a new name, or delete it by hand so that it is made again";
    /// The agent may not do this in the cluster.
    Forbidden: Failed, "give the agent (or the service account of the bundle) the right that is named";
    /// A cluster-scoped object in a bundle that has `namespace` set.
    ClusterScopedInNamespace: Failed, "use defaultNamespace instead of namespace";
    /// A newer state overruled somebody else's change.
    Overruled: Information, "nothing; put the change into git if it should stay";
    /// A field is left to the controller that owns it.
    LeftToController: Information, "nothing";
    // drift
    /// A field that we set was changed by somebody else.
    FieldModified: Drift, "set correctDrift, or put the change into git";
    /// An object of ours is gone.
    ObjectMissing: Drift, "set correctDrift, or change the object in git";
    /// A key, label or annotation was added by hand.
    KeyAdded: Drift, "remove it, or put it into git";
    /// Drift was repaired.
    DriftCorrected: Information, "nothing; put the change into git if it should stay";
    // deletion (DESIGN §8)
    /// R8: too many deletions, or a kind that is always held.
    DeletionHeld: Held, "look at the list, then `skiff approve`";
    /// R3: a new epoch has begun; nothing is deleted until an admin has approved.
    EpochHeld: Held, "when the hub has read all its repositories, `skiff approve` the cluster or the GitRepo";
    /// R9: the Desired has expired; it is enforced, and nothing is deleted.
    DesiredExpired: Waiting, "look at the connection to the hub";
    /// R1: the document is for another cluster.
    WrongCluster: Refused, "enroll this cluster under an identity of its own";
    /// R2: the document is older than one already seen.
    Rollback: Refused, "nothing, if the hub was restored: it begins a new epoch";
    /// R4: content does not have the digest that was asked for.
    DigestMismatch: Refused, "look at the disk of the hub and at proxies in between";
    /// The signature is not one of the pinned key.
    SignatureRefused: Refused, "enroll again if the hub was rebuilt with a new key";
    /// R6: the object has another UID than the recorded one: it is not ours.
    UidChanged: Refused, "nothing; the object is no longer looked after";
    /// R6: objects in the ledger that no document speaks of; they are kept.
    Unaccounted: Refused, "nothing is deleted; `skiff explain cluster` lists them";
    /// R7: released without being deleted: keepResources, resource-policy, a CRD, a hand-over.
    Released: Information, "nothing";
    /// R10: a field is unknown where safety depends on it.
    UnknownSafetyField: Refused, "update the agent";
    /// R12: another agent with this identity started later.
    Fenced: Refused, "stop one of the two agents";
    // hub and agent
    /// The identity was revoked, or the cluster deleted at the hub.
    Revoked: Refused, "enroll again with a new token";
    /// The hub is another than the one that was pinned.
    HubIdentityChanged: Refused, "if the hub was rebuilt on purpose, enroll again";
    /// The hub cannot be reached.
    HubUnreachable: Waiting, "look at the network; the last state is kept and repaired meanwhile";
    /// The agent's disk takes no content.
    DiskFailing: Waiting, "make room on the agent's disk, or make it writable; content is kept in memory meanwhile";
    /// The hub's disk takes no content.
    HubDiskFailing: Failed, "make room on the hub's disk, or make it writable; what runs is kept, and it is tried again";
    /// Hub and agent do not speak a common version.
    ProtocolTooOld: Refused, "update the older of the two";
    /// Something is wrong in Skiff itself.
    Internal: Failed, "report it, with this message";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing to tell a person: the reason, in words, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// The reason.
    pub reason: Reason,
    /// The whole sentence: what was tried, on what, why it failed. No secret ever stands in it.
    pub message: String,
    /// The object that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectKey>,
    /// The file that it is about, from the root of the repository: `web/more.yaml:4:8`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// What to do, where this is more than [`Reason::remedy`] says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Note {
    /// A note with a message.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), object: None, file: String::new(), remedy: String::new() }
    }

    /// About this object.
    #[must_use]
    pub fn about(mut self, object: ObjectKey) -> Self {
        self.object = Some(object);
        self
    }

    /// About this file.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = file.into();
        self
    }

    /// With a remedy of its own.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        if self.remedy.is_empty() { self.reason.remedy() } else { &self.remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_and_a_remedy() {
        let mut names: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Reason::ALL.len());
        assert!(Reason::ALL.iter().all(|reason| !reason.remedy().is_empty()));
    }
}
