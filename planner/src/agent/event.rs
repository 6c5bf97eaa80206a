//! What the shell tells the machine. Events wake; state decides: losing one, or seeing one twice, changes nothing in the
//! end.

use super::snapshot::{GroupKind, KindInfo, Live};
use fleet_api::names::Ref;
use fleet_api::wire::{Deployment, Desired, Timestamp};
use fleet_api::{Digest, Note, ObjectKey, Reason};
use std::collections::BTreeSet;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A Desired came whose signature and digest were verified on its bytes (R4).
    Desired {
        /// The document.
        desired: Box<Desired>,
        /// Digest of its bytes.
        digest: Digest,
    },
    /// The Desired is persisted, and the high-water mark with it.
    DesiredSaved {
        /// Which.
        digest: Digest,
    },
    /// The ledger is persisted.
    Journaled {
        /// At this revision.
        revision: u64,
    },
    /// The ledger could not be persisted.
    JournalFailed {
        /// Why.
        message: String,
        /// When.
        at: Timestamp,
    },
    /// A Deployment was read from the cache, and its digest verified.
    Deployment {
        /// Its digest.
        digest: Digest,
        /// The document.
        deployment: Box<Deployment>,
    },
    /// A Deployment that was verified is none that this agent can parse.
    Unreadable {
        /// Its digest.
        digest: Digest,
        /// Why.
        why: String,
    },
    /// Values of a Deployment with sources were read and are kept.
    Values {
        /// Of which Deployment.
        deployment: Digest,
        /// A digest of them, and of what else of the cluster a render looks at; or why they could not be read.
        result: Result<Digest, Note>,
        /// When.
        at: Timestamp,
    },
    /// A Deployment with sources was rendered.
    Rendered {
        /// Which.
        deployment: Digest,
        /// With which values; `None` where it could not be tried: then it begins with the values again.
        values: Option<Digest>,
        /// The Deployment that came of it, whose objects are in the cache; or why there is none.
        result: Result<Box<Made>, Note>,
        /// When.
        at: Timestamp,
    },
    /// Blobs are in the cache, verified.
    BlobsPresent {
        /// Which.
        digests: Vec<Digest>,
    },
    /// A blob is not in the cache after all, or broken there.
    BlobLost {
        /// Which.
        digest: Digest,
    },
    /// A fetch has ended.
    Fetched {
        /// What was asked for and is not there now, for whatever reason.
        missing: Vec<Digest>,
        /// What the hub will not give.
        refused: Vec<Digest>,
        /// What went wrong.
        problem: Option<Note>,
        /// When.
        at: Timestamp,
    },
    /// How kinds are served; `None` for one that the API server, completely asked, does not serve.
    Kinds {
        /// Each.
        kinds: Vec<(GroupKind, Option<KindInfo>)>,
        /// When.
        at: Timestamp,
    },
    /// The API server could not be asked for these groups (an aggregated API that is down).
    DiscoveryFailed {
        /// Each, and why.
        groups: Vec<(String, String)>,
        /// When.
        at: Timestamp,
    },
    /// The watch of a kind has seen its whole list.
    Listed {
        /// The kind.
        kind: GroupKind,
        /// What was in it.
        seen: BTreeSet<ObjectKey>,
    },
    /// The watch of a kind has ended; until it is [`Event::Listed`] again, silence says nothing.
    Unwatched {
        /// The kind.
        kind: GroupKind,
    },
    /// An object was seen.
    Object {
        /// Which.
        key: ObjectKey,
        /// What it is like; `None` only for a 404 of a quorum read.
        live: Option<Box<Live>>,
        /// Where from.
        source: Source,
        /// When.
        at: Timestamp,
    },
    /// A watch says DELETED: to be read again.
    Suspect {
        /// Which.
        key: ObjectKey,
    },
    /// A release namespace is there.
    NamespaceEnsured {
        /// For which Bundle.
        bundle: Ref,
        /// Which.
        namespace: String,
        /// [`EnsureNamespace::token`](super::EnsureNamespace::token).
        token: Digest,
        /// Whether it was made just now.
        created: bool,
        /// Its UID, where that was asked for ([`EnsureNamespace::delete`](super::EnsureNamespace::delete)) and nobody else has
        /// written to it.
        ours: Option<Box<str>>,
    },
    /// An object was applied.
    Applied(Box<Applied>),
    /// An action on an object failed.
    Failed(Box<Failed>),
    /// The API server took the deletion, or the removal of keys; the object is to be read again.
    Touched {
        /// Which.
        key: ObjectKey,
        /// Whether drift was repaired by it.
        repaired: bool,
        /// When.
        at: Timestamp,
    },
    /// R12: whether a younger agent has this identity.
    Fenced(bool),
}

/// Where a [`Live`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A list or watch: may be older than what we know.
    Watch,
    /// A quorum read, sent after what we know.
    Read,
}

/// What an agent made of sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Digest of its bytes, which are in the cache.
    pub digest: Digest,
    /// It, with [`Deployment::rendered_from`].
    pub deployment: Deployment,
}

/// See [`Event::Applied`].
#[derive(Clone, Debug)]
pub struct Applied {
    /// For which Bundle.
    pub bundle: Ref,
    /// Which object.
    pub key: ObjectKey,
    /// At which version.
    pub api_version: String,
    /// The content.
    pub content: Digest,
    /// What the answer shows.
    pub live: Live,
    /// Why it was applied.
    pub cause: super::Cause,
    /// `forceSyncGeneration`.
    pub sync: i64,
    /// Whether the content says `helm.sh/resource-policy: keep`.
    pub keep: bool,
    /// Fields that were left to a controller.
    pub left_out: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// See [`Event::Failed`].
#[derive(Clone, Debug)]
pub struct Failed {
    /// For which Bundle, where it matters.
    pub bundle: Option<Ref>,
    /// Which object.
    pub key: ObjectKey,
    /// The content, where it was an apply: a new content is tried at once.
    pub content: Option<Digest>,
    /// The reason.
    pub reason: Reason,
    /// In words, scrubbed.
    pub message: String,
    /// The namespace is missing.
    pub namespace_missing: bool,
    /// A precondition did not hold, or there was a conflict: what we know is old.
    pub stale: bool,
    /// When.
    pub at: Timestamp,
}
