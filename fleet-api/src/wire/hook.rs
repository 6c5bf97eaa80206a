//! What makes an object of a [`Deployment`](super::Deployment) a hook of its release (Helm: `pkg/release/v1/hook.go`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// An object that is made at certain moments of its release, and is no part of what is looked after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hook {
    /// The moments; never empty.
    pub events: BTreeSet<HookEvent>,
    /// Among the hooks of one moment lower weights run first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub weight: i64,
    /// When it is deleted; never empty, as there is a default.
    pub delete: BTreeSet<HookDeletion>,
}

impl Hook {
    /// Whether it runs when its release goes.
    pub fn is_of_deleting(&self) -> bool {
        self.events.contains(&HookEvent::PreDelete) || self.events.contains(&HookEvent::PostDelete)
    }
}

/// A moment at which a hook runs. Those of tests and of going back are not here: nothing of the kind is ever done by
/// itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookEvent {
    /// Before the first objects of a release.
    PreInstall,
    /// After them.
    PostInstall,
    /// Before what has changed is applied.
    PreUpgrade,
    /// After that.
    PostUpgrade,
    /// Before the objects of a release are deleted.
    PreDelete,
    /// After that.
    PostDelete,
}

impl HookEvent {
    /// The name in the annotation `helm.sh/hook`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreDelete => "pre-delete",
            Self::PostDelete => "post-delete",
        }
    }
}

impl fmt::Display for HookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// When a hook is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookDeletion {
    /// Before it is made again.
    BeforeHookCreation,
    /// When all hooks of its moment have succeeded, or a later one has failed.
    HookSucceeded,
    /// When it has failed.
    HookFailed,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}
