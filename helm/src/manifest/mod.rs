//! What comes out of a chart: objects in the order in which they are installed, and hooks. Helm: `pkg/release/v1/util`.

mod hook;
mod order;
mod split;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use hook::{ANNOTATION as HOOK, DeletePolicy, Event, Hook, events_of};
pub use order::{INSTALL_ORDER, UNINSTALL_ORDER, compare_kinds};
pub use split::split;

/// The annotation that says that an object stays when its release goes.
pub const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// One object of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The template that made it, with the names of its charts.
    pub path: String,
    /// Its text.
    pub content: String,
    /// What is known of it.
    pub head: Head,
}

/// What Helm reads of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Head {
    /// Its `apiVersion`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its metadata.
    pub metadata: Option<HeadMetadata>,
}

/// What Helm reads of the metadata of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct HeadMetadata {
    /// Its name.
    pub name: String,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Head {
    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata.as_ref().and_then(|metadata| metadata.annotations.get(name)).map(String::as_str)
    }

    /// Whether the object stays when its release goes. Helm: `pkg/action/resource_policy.go`.
    pub fn is_kept(&self) -> bool {
        self.annotation(RESOURCE_POLICY).is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
    }
}

/// Objects and hooks, each in the order of their kinds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sorted {
    /// The objects.
    pub manifests: Vec<Manifest>,
    /// The hooks.
    pub hooks: Vec<Hook>,
    /// Hooks that were left out.
    pub warnings: Vec<String>,
}

/// A document that is no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("YAML parse error on {path}: {reason}")]
pub struct Error {
    /// The template that made it.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Splits the outputs of templates, by their paths, into objects and hooks. Helm: `SortManifests`.
///
/// # Errors
/// The first document that is no mapping, or whose head is malformed.
pub fn sorted(files: &BTreeMap<String, String>) -> Result<Sorted, Error> {
    let mut sorted = Sorted::default();
    for (path, text) in files {
        if path.rsplit('/').next().is_some_and(|base| base.starts_with('_')) {
            continue;
        }
        for document in split(text) {
            sort(path, document, &mut sorted)?;
        }
    }
    sorted.manifests.sort_by(|a, b| compare_kinds(&a.head.kind, &b.head.kind, INSTALL_ORDER));
    sorted.hooks.sort_by(|a, b| compare_kinds(&a.head.kind, &b.head.kind, INSTALL_ORDER));
    Ok(sorted)
}

fn sort(path: &str, document: &str, sorted: &mut Sorted) -> Result<(), Error> {
    let failed = |error: k8s_yaml::Error| Error { path: path.to_owned(), reason: error.to_string() };
    let head: Head = k8s_yaml::from_str(document).map_err(failed)?;
    let Some(events) = events_of(&head) else {
        sorted.manifests.push(Manifest { path: path.to_owned(), content: document.to_owned(), head });
        return Ok(());
    };
    match events {
        Some(events) => sorted.hooks.push(Hook::new(path, document, events, head)),
        None => {
            let events = head.annotation(HOOK).unwrap_or_default();
            sorted.warnings.push(format!("skipping unknown hooks {events:?} of {path}"));
        }
    }
    Ok(())
}
