//! Commands over a directory on disk, without a hub.

pub mod bundle;
pub(crate) mod clusters;
pub mod helm;
pub mod kustomize;
pub mod render;
pub(crate) mod repository;
