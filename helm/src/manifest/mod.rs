//! What comes out of a chart: objects in the order in which they are installed, and hooks. Helm: `pkg/release/v1/util`.

mod head;
mod hook;
mod order;
mod split;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use head::{Head, HeadMetadata};
pub use hook::{ANNOTATION as HOOK, DeletePolicy, Event, Hook, events_of};
pub use order::{INSTALL_ORDER, UNINSTALL_ORDER};
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
pub fn sorted(files: BTreeMap<String, String>) -> Result<Sorted, Error> {
    let mut sorted = Sorted::default();
    for (path, text) in files {
        if path.rsplit('/').next().is_some_and(|base| base.starts_with('_')) {
            continue;
        }
        match split(&text)[..] {
            // Most files hold one object: their text is its.
            [document] if text.ends_with(document) => {
                let before = text.len() - document.len();
                sort(path, without_start(text, before), &mut sorted)?;
            }
            ref documents => {
                for document in documents {
                    sort(path.clone(), (*document).to_owned(), &mut sorted)?;
                }
            }
        }
    }
    sorted.manifests.sort_by_cached_key(|manifest| order::sort_key(&manifest.head.kind, INSTALL_ORDER));
    sorted.hooks.sort_by_cached_key(|hook| order::sort_key(&hook.head.kind, INSTALL_ORDER));
    Ok(sorted)
}

/// The text without its first bytes, in no more memory than it needs.
fn without_start(mut text: String, bytes: usize) -> String {
    text.drain(..bytes);
    text.shrink_to_fit();
    text
}

fn sort(path: String, content: String, sorted: &mut Sorted) -> Result<(), Error> {
    let head = match Head::read(&content) {
        Ok(head) => head,
        Err(error) => return Err(Error { path, reason: error.to_string() }),
    };
    match events_of(&head) {
        None => sorted.manifests.push(Manifest { path, content, head }),
        Some(Some(events)) => sorted.hooks.push(Hook::new(path, content, events, head)),
        Some(None) => {
            let events = head.annotation(HOOK).unwrap_or_default();
            sorted.warnings.push(format!("skipping unknown hooks {events:?} of {path}"));
        }
    }
    Ok(())
}
