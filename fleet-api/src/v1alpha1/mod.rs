//! The resources of `fleet.cattle.io/v1alpha1`, and `fleet.yaml`.
//!
//! Source of the schema: `pkg/apis/fleet.cattle.io/v1alpha1` of rancher/fleet (August 2026), reference §1. Fields that
//! Skiff does not act on yet are kept, so that a manifest comes back as it was given.

mod bundle;
mod cluster;
pub mod documentation;
mod fleet_yaml;
mod git_repo;
mod options;
mod selector;
mod status;

pub use bundle::*;
pub use cluster::*;
pub use fleet_yaml::*;
pub use git_repo::*;
pub use options::*;
pub use selector::*;
pub use status::*;

/// The API group.
pub const GROUP: &str = "fleet.cattle.io";
/// The version.
pub const VERSION: &str = "v1alpha1";
/// `apiVersion` of all of them.
pub const API_VERSION: &str = "fleet.cattle.io/v1alpha1";

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
