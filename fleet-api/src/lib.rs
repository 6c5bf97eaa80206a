//! The types of Skiff, shared by every other crate. No I/O, no clock, no randomness.
//!
//! | module | what it holds |
//! |---|---|
//! | [`v1alpha1`] | the resources of `fleet.cattle.io/v1alpha1` and `fleet.yaml` |
//! | [`names`] | names with the Kubernetes rule inside, and Fleet's naming functions |
//! | [`digest`], [`canonical`] | SHA-256 digests and the canonical JSON that they are taken of |
//! | [`duration`] | durations as Go writes them |
//! | [`key`] | the identity of an object in a cluster |
//! | [`reason`] | why something waits, was refused, failed or drifted: one closed enum |
//! | [`state`] | the states of a Deployment and their ranking |
//! | [`wire`] | the documents that hub and agent exchange |

pub mod canonical;
#[cfg(test)]
mod cve_replay;
pub mod digest;
pub mod duration;
pub mod key;
pub mod labels;
pub mod names;
pub mod reason;
pub mod state;
pub mod v1alpha1;
pub mod wire;

pub use digest::Digest;
pub use key::{KeyParts, ObjectKey};
pub use reason::{Note, Reason};
pub use state::DeploymentState;
