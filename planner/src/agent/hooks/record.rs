//! How far the hooks of a Bundle are: a part of the ledger, so that an agent which starts again goes on where it was.
//!
//! Invariant: a step is recorded, on disk, before anything of it is done to the cluster.

use fleet_api::wire::{DeploymentObject, HookEvent, Timestamp};
use fleet_api::{Digest, ObjectKey};
use serde::{Deserialize, Serialize};

/// How far a release is, as far as hooks go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HookLedger {
    /// What the release consists of, by content: see [`revision`](super::revision).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<Digest>,
    /// Where it is.
    pub stage: Stage,
    /// Whether this revision changes a release that was there.
    #[serde(skip_serializing_if = "is_false")]
    pub upgrade: bool,
    /// Whether the objects of some revision were applied, all of them.
    #[serde(skip_serializing_if = "is_false")]
    pub installed: bool,
    /// Whether the revision has hooks of deleting.
    #[serde(skip_serializing_if = "is_false")]
    pub deletes: bool,
    /// How long one hook may take, in seconds.
    pub timeout: u32,
    /// How many hooks of the stage are through.
    pub done: usize,
    /// The hook that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// When what is under way has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What has failed; the stage goes no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What hooks of this Bundle have made and nobody has deleted yet, ordered by key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Left>,
}

/// The stages of a release, in their order; those of a removal after those of a rollout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// The hooks before the objects; until they are through the older release stays in force.
    Before,
    /// The objects are applied.
    Objects,
    /// The hooks after the objects.
    After,
    /// There is nothing to do.
    #[default]
    Settled,
    /// The hooks before a removal.
    BeforeDelete,
    /// The objects are deleted.
    Deleting,
    /// The hooks after a removal.
    AfterDelete,
    /// The release is gone.
    Gone,
}

impl Stage {
    /// Whether the release is being removed.
    pub const fn is_removal(self) -> bool {
        matches!(self, Self::BeforeDelete | Self::Deleting | Self::AfterDelete | Self::Gone)
    }

    /// Whether hooks run in it.
    pub const fn runs_hooks(self) -> bool {
        matches!(self, Self::Before | Self::After | Self::BeforeDelete | Self::AfterDelete)
    }
}

/// One hook that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// What it is called in the cluster.
    pub key: ObjectKey,
    /// Where it is.
    pub step: Step,
}

/// The steps of one hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// What is there from the last time is looked at, and deleted where the policy says so.
    Clear,
    /// It is made.
    Create,
    /// It runs.
    Wait,
}

/// Why a stage goes no further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The hook.
    pub key: ObjectKey,
    /// Its file.
    pub source: String,
    /// The hook, the event, and the reason, in words.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// An object that a hook has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// Which.
    pub key: ObjectKey,
    /// Its UID: only this object is ever deleted for the hook.
    pub uid: Box<str>,
}

impl HookLedger {
    /// The UID of what a hook has made under `key`.
    pub fn left(&self, key: &ObjectKey) -> Option<&str> {
        self.left.iter().find(|left| left.key == *key).map(|left| &*left.uid)
    }

    /// Records what a hook has made.
    pub fn leaves(&mut self, key: &ObjectKey, uid: &str) {
        let entry = Left { key: key.clone(), uid: uid.into() };
        match self.left.binary_search_by(|left| left.key.cmp(key)) {
            Ok(place) => self.left[place] = entry,
            Err(place) => self.left.insert(place, entry),
        }
    }

    /// Whether an object is the hook that is under way, or was made by one.
    pub fn concerns(&self, key: &ObjectKey) -> bool {
        self.run.as_ref().is_some_and(|run| run.key == *key) || self.left(key).is_some()
    }

    /// The next stage, from its beginning.
    pub(in crate::agent) fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        (self.done, self.run, self.deadline, self.failure) = (0, None, None, None);
    }

    /// The kinds whose objects have to be watched now.
    pub(in crate::agent) fn watched(&self) -> impl Iterator<Item = &ObjectKey> {
        let left = self.left.iter().map(|left| &left.key).filter(|_| self.stage.runs_hooks());
        self.run.iter().map(|run| &run.key).chain(left)
    }

    /// The event whose hooks run in this stage.
    pub(super) const fn event(&self) -> Option<HookEvent> {
        Some(match (self.stage, self.upgrade) {
            (Stage::Before, false) => HookEvent::PreInstall,
            (Stage::Before, true) => HookEvent::PreUpgrade,
            (Stage::After, false) => HookEvent::PostInstall,
            (Stage::After, true) => HookEvent::PostUpgrade,
            (Stage::BeforeDelete, _) => HookEvent::PreDelete,
            (Stage::AfterDelete, _) => HookEvent::PostDelete,
            (Stage::Objects | Stage::Settled | Stage::Deleting | Stage::Gone, _) => return None,
        })
    }
}

/// Whether the end of a hook of this kind is waited for; of others it is enough that they were applied (Helm:
/// `pkg/kube/statuswait.go`, `WatchUntilReady`).
pub(super) fn is_waited_for(object: &DeploymentObject) -> bool {
    matches!((object.key.group.as_str(), object.key.kind.as_str()), ("batch", "Job") | ("", "Pod"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
