//! The documents that hub and agent exchange (DESIGN §4, §6).
//!
//! All of them are JSON. Unknown fields are ignored, so that neighbouring versions work together; where safety depends
//! on a field (what may be deleted), [`DesiredDeployment::unknown`] and [`Tombstone::unknown`] catch what an older
//! agent does not know, and it refuses the deletion; a [`Deployment`] with a field that it does not know
//! ([`Deployment::unknown_fields`]), or in a newer protocol, it does not use at all (R10).

pub mod api_versions;
pub mod desired;
pub mod hook;
mod place;
pub mod report;
pub mod sources;
pub mod sync;

pub use api_versions::ApiVersions;
pub use desired::*;
pub use hook::{Hook, HookDeletion, HookEvent};
pub use report::*;
pub use sources::{Sources, TemplateData};
pub use sync::*;

use serde::de::DeserializeOwned;

/// Reads a document of the wire.
///
/// # Errors
/// What is wrong, with the path of the field where there is one: serde says the column alone.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| {
        let path = place_of(bytes, &error);
        if path.is_empty() { error.to_string() } else { format!("{path}: {error}") }
    })
}

/// The path of the field that an error of reading this text is about: `report.notes[2].message`; empty for all of it.
pub fn place_of(text: &[u8], error: &serde_json::Error) -> String {
    place::path_at(text, error.line(), error.column())
}

/// The version of the protocol that this build speaks: what an agent says in its requests.
pub const PROTOCOL: u32 = 4;
/// The version in which documents are written that every agent reads; those that ask for more say so.
pub const PLAIN_PROTOCOL: u32 = 1;
/// From this version on an agent renders what comes as [`Sources`].
pub const SOURCES_PROTOCOL: u32 = 2;
/// From this version on an agent takes along what a Deployment with [`Sources`] copies from the hub.
pub const COPIES_PROTOCOL: u32 = 3;
/// From this version on an agent executes the templates in the files of [`Sources`] (`templating: all`).
pub const TEMPLATING_PROTOCOL: u32 = 4;
/// The oldest version that this build still speaks.
pub const OLDEST_PROTOCOL: u32 = 1;

/// A moment, RFC 3339 in UTC with seconds: `2026-11-25T13:37:00Z`.
pub type Timestamp = jiff::Timestamp;
