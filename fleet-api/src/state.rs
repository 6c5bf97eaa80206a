//! The states of a Deployment, with Fleet's ranking and two of our own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The state of one Bundle in one cluster. The order is the ranking: the greatest of several is shown
/// (`reference/fleet.md` §2.11: ErrApplied 7 > WaitApplied 6 > Modified 5 > OutOfSync 4 > Pending 3 > NotReady 2 > Ready 1).
///
/// `WaitingForDependency` and `Offline` are Skiff's: waiting is no error, and a silent cluster is not Ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeploymentState {
    /// Applied, unmodified, healthy.
    Ready,
    /// Applied; some object is not healthy yet, or not any more.
    NotReady,
    /// Matched, and nothing has been issued to the cluster yet.
    Pending,
    /// A newer Deployment is staged and held back (paused, or its turn in the rollout has not come).
    OutOfSync,
    /// Applied; somebody else changed an object.
    Modified,
    /// The cluster has not been heard of for longer than its deadline; what it said last may be out of date.
    Offline,
    /// `dependsOn` is not satisfied yet.
    WaitingForDependency,
    /// Issued; the cluster has not applied it yet.
    WaitApplied,
    /// Applying failed; what was there before is kept.
    ErrApplied,
}

impl DeploymentState {
    /// All states, from the least to the most pressing.
    pub const ALL: [Self; 9] = [
        Self::Ready,
        Self::NotReady,
        Self::Pending,
        Self::OutOfSync,
        Self::Modified,
        Self::Offline,
        Self::WaitingForDependency,
        Self::WaitApplied,
        Self::ErrApplied,
    ];

    /// The name that statuses carry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::NotReady => "NotReady",
            Self::Pending => "Pending",
            Self::OutOfSync => "OutOfSync",
            Self::Modified => "Modified",
            Self::Offline => "Offline",
            Self::WaitingForDependency => "WaitingForDependency",
            Self::WaitApplied => "WaitApplied",
            Self::ErrApplied => "ErrApplied",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for DeploymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
