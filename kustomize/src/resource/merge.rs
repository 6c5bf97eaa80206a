//! Taking over what another object of the same name has.

use super::Resource;
use super::annotations::{BUILD_ANNOTATIONS, NEEDS_HASH};
use super::metadata::StringMap;
use crate::Error;
use crate::merge;
use crate::yaml::Node;

/// `own` over `below`.
fn over(below: StringMap, own: StringMap) -> StringMap {
    let mut merged = below;
    merged.extend(own);
    merged
}

impl Resource {
    /// Takes the metadata of `other` over, own labels and annotations winning; the build's notes are those of `other`.
    /// Go: `CopyMergeMetaDataFieldsFrom`.
    pub(crate) fn take_metadata(&mut self, other: &Self) -> Result<(), Error> {
        self.set_labels(&over(other.labels(), self.labels()))?;
        let own = self.annotations();
        let hashed = own.contains_key(NEEDS_HASH);
        let notes = other.annotations();
        let mut merged = over(notes.clone(), own);
        for name in BUILD_ANNOTATIONS {
            match notes.get(name) {
                Some(value) => merged.insert(name.to_owned(), value.clone()),
                None => merged.remove(name),
            };
        }
        if !hashed {
            merged.remove(NEEDS_HASH);
        }
        self.set_annotations(&merged)?;
        self.set_name(&other.name())?;
        self.set_namespace(&other.namespace())?;
        self.vars.clone_from(&other.vars);
        Ok(())
    }

    /// Applies a strategic merge patch. Kind and name stay, unless the patch may change them; the namespace always does.
    ///
    /// `$patch: replace` for the object as a whole changes nothing: kustomize drops what comes of it, and keeps the object.
    /// Go: `Resource.ApplySmPatch`, `Resource.ApplyFilter`.
    pub(crate) fn apply_merge_patch(&mut self, patch: &mut Self) -> Result<(), Error> {
        let (name, namespace, kind) = (self.name(), self.namespace(), self.kind());
        if patch.name_change_allowed() || patch.kind_change_allowed() {
            self.store_previous_id()?;
        }
        let kept = (patch.node.text_at(&["$patch"]) == "replace").then(|| self.node.clone());
        let object = std::mem::replace(&mut self.node, Node::null());
        let merged = self.scopes().with(|schemas| {
            schemas.load()?;
            merge::merge(&mut patch.node, object, schemas)
        });
        // Lines are those of the patch or of the object: the patch is what does not fit.
        let merged = merged.map_err(|error| match &patch.place {
            Some(place) => error.within(&*place.file, place.line),
            None => error,
        })?;
        self.node = kept.or(merged).unwrap_or_else(Node::null);
        self.settle();
        if self.is_gone() {
            return Ok(());
        }
        if !patch.kind_change_allowed() {
            self.set_kind(&kind)?;
        }
        if !patch.name_change_allowed() {
            self.set_name(&name)?;
        }
        self.set_namespace(&namespace)
    }
}
