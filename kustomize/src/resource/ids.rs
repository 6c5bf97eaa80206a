//! What an object is and was called.

use std::sync::Arc;

use super::Resource;
use super::annotations::{
    ALLOW_KIND_CHANGE, ALLOW_NAME_CHANGE, BEHAVIOR, NEEDS_HASH, PREVIOUS_KINDS, PREVIOUS_NAMES, PREVIOUS_NAMESPACES,
};
use crate::Error;
use crate::generator::Behavior;
use crate::id::{Gvk, ResId};

impl Resource {
    pub(crate) fn gvk(&self) -> Gvk {
        let (api_version, kind) = (self.api_version(), self.kind());
        let cluster_scoped = self.scopes().is_cluster_scoped(&api_version, &kind);
        Gvk { api_version, kind, cluster_scoped }
    }

    /// What it is called now.
    pub(crate) fn current_id(&self) -> ResId {
        ResId { gvk: self.gvk(), name: self.name(), namespace: self.namespace() }
    }

    /// What it was called, the oldest first. Go: `PrevIds`.
    pub(crate) fn previous_ids(&self) -> Vec<ResId> {
        let [names, namespaces, kinds] =
            [PREVIOUS_NAMES, PREVIOUS_NAMESPACES, PREVIOUS_KINDS].map(|name| self.shared_annotation(name));
        ids_of_lists(&self.api_version(), names.as_ref(), namespaces.as_ref(), kinds.as_ref())
    }

    /// The names that it has or had.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let previous = self.annotation(PREVIOUS_NAMES).into_iter().flat_map(|names| names.split(','));
        previous.map(Arc::from).chain([self.name()]).collect()
    }

    /// What it was called in its file.
    pub(crate) fn original_id(&self) -> ResId {
        self.previous_ids().into_iter().next().unwrap_or_else(|| self.current_id())
    }

    /// All names, the current one last.
    pub(crate) fn all_ids(&self) -> Vec<ResId> {
        let mut ids = self.previous_ids();
        ids.push(self.current_id());
        ids
    }

    /// Notes what it is called now, before that changes.
    pub(crate) fn store_previous_id(&mut self) -> Result<(), Error> {
        let id = self.current_id();
        self.append_csv(PREVIOUS_NAMES, &id.name)?;
        self.append_csv(PREVIOUS_NAMESPACES, id.effective_namespace())?;
        self.append_csv(PREVIOUS_KINDS, &id.gvk.kind)
    }

    /// Adds to a list in an annotation; nothing is not added.
    pub(crate) fn append_csv(&mut self, name: &str, value: &str) -> Result<(), Error> {
        if value.is_empty() {
            return Ok(());
        }
        let list = match self.annotation(name) {
            Some(list) => format!("{list},{value}"),
            None => value.to_owned(),
        };
        self.set_annotation(name, &list)
    }

    fn is_enabled(&self, name: &str) -> bool {
        self.annotation(name) == Some("enabled")
    }

    fn enable(&mut self, name: &str) -> Result<(), Error> {
        self.note(name, "enabled")
    }

    /// Sets an annotation, and writes all of them anew.
    fn note(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let mut annotations = self.annotations();
        annotations.insert(name.to_owned(), value.to_owned());
        self.set_annotations(&annotations)
    }

    pub(crate) fn allow_name_change(&mut self) -> Result<(), Error> {
        self.enable(ALLOW_NAME_CHANGE)
    }

    pub(crate) fn allow_kind_change(&mut self) -> Result<(), Error> {
        self.enable(ALLOW_KIND_CHANGE)
    }

    pub(crate) fn name_change_allowed(&self) -> bool {
        self.is_enabled(ALLOW_NAME_CHANGE)
    }

    pub(crate) fn kind_change_allowed(&self) -> bool {
        self.is_enabled(ALLOW_KIND_CHANGE)
    }

    pub(crate) fn needs_hash(&self) -> bool {
        self.is_enabled(NEEDS_HASH)
    }

    pub(crate) fn enable_hash(&mut self) -> Result<(), Error> {
        self.enable(NEEDS_HASH)
    }

    pub(crate) fn behavior(&self) -> Behavior {
        Behavior::from_text(self.annotation(BEHAVIOR).unwrap_or(""))
    }

    pub(crate) fn set_behavior(&mut self, behavior: Behavior) -> Result<(), Error> {
        self.note(BEHAVIOR, behavior_name(behavior))
    }
}

/// The ids of the past from the lists in which they are noted.
pub(crate) fn ids_of_lists(
    api_version: &Arc<str>,
    names: Option<&Arc<str>>,
    namespaces: Option<&Arc<str>>,
    kinds: Option<&Arc<str>>,
) -> Vec<ResId> {
    let Some(names) = names else { return Vec::new() };
    let nothing = Arc::default();
    let (namespaces, kinds) = (namespaces.unwrap_or(&nothing), kinds.unwrap_or(&nothing));
    // Lists of different lengths come from a patch of these annotations; kustomize stops dead there.
    let mut ids = Vec::with_capacity(names.split(',').count());
    ids.extend(parts(names).zip(parts(namespaces)).zip(parts(kinds)).map(|((name, namespace), kind)| {
        let gvk = Gvk { api_version: Arc::clone(api_version), kind, cluster_scoped: false };
        ResId { gvk, name, namespace }
    }));
    ids
}

/// The parts of a list in an annotation; one that is all of it is not copied.
pub(crate) fn parts(list: &Arc<str>) -> impl Iterator<Item = Arc<str>> {
    list.split(',').map(|part| if part.len() == list.len() { Arc::clone(list) } else { part.into() })
}

/// The word for it in a kustomization.
pub(crate) fn behavior_name(behavior: Behavior) -> &'static str {
    match behavior {
        Behavior::Create => "create",
        Behavior::Replace => "replace",
        Behavior::Merge => "merge",
    }
}
