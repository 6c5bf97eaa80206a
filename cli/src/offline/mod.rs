//! Commands over a directory on disk, without a hub.

pub mod bundle;
pub(crate) mod clusters;
mod deploy;
pub mod diff;
pub mod helm;
pub mod kustomize;
pub mod lint;
mod placement;
pub mod render;
pub(crate) mod repository;
mod samples;
pub mod target;
