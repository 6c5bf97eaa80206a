//! What changes objects: one module per transformer of kustomize.
//!
//! kustomize: api/internal/builtins, api/filters.

mod affix;
mod image;
mod label;
mod name_reference;
mod namespace;
mod patch;
mod replicas;
mod sort;
mod value_add;
mod vars;

pub(crate) use affix::Affix;
pub(crate) use image::ImageTag;
pub(crate) use label::{Labels, annotate_all};
pub(crate) use name_reference::fix_references;
pub(crate) use namespace::{Namespace, Subjects};
pub(crate) use patch::{JsonPatches, MergePatches, PatchTransformer};
pub(crate) use replicas::Replicas;
pub(crate) use sort::sort;
pub(crate) use value_add::{Target as ValueTarget, ValueAdd};
pub(crate) use vars::{VarSet, resolve as resolve_vars};

use crate::Error;
use crate::hash;
use crate::replacement::Replacements;
use crate::resmap::ResMap;

/// A configured transformer.
#[derive(Debug)]
pub(crate) enum Transformer {
    MergePatches(MergePatches),
    Patch(PatchTransformer),
    JsonPatches(JsonPatches),
    Namespace(Namespace),
    Affix(Affix),
    Labels(Labels),
    Replicas(Replicas),
    Image(ImageTag),
    Replacements(Replacements),
    ValueAdd(ValueAdd),
    Hash,
}

/// What a transformer has to say.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// What has no effect, because no object is its target.
    pub(crate) idle: Vec<String>,
    /// What is lost.
    pub(crate) warnings: Vec<String>,
}

impl Transformer {
    /// Changes the objects. What has no effect, because no object is its target, is told in words.
    ///
    /// # Errors
    /// What is asked for does not fit an object.
    pub(crate) fn transform(&self, map: &mut ResMap, told: &mut Told) -> Result<(), Error> {
        match self {
            Self::MergePatches(transformer) => transformer.transform(map),
            Self::Patch(transformer) => transformer.transform(map, &mut told.idle),
            Self::JsonPatches(transformer) => transformer.transform(map, &mut told.idle),
            Self::Namespace(transformer) => transformer.transform(map),
            Self::Affix(transformer) => transformer.transform(map),
            Self::Labels(transformer) => transformer.transform(map),
            Self::Replicas(transformer) => transformer.transform(map),
            Self::Image(transformer) => transformer.transform(map),
            Self::Replacements(transformer) => transformer.transform(map, told),
            Self::ValueAdd(transformer) => transformer.transform(map),
            Self::Hash => add_hashes(map),
        }
    }
}

/// Puts the hash of its content behind the name of what was generated.
///
/// kustomize: api/internal/builtins/HashTransformer.go.
///
/// # Errors
/// The content cannot be written as JSON.
pub(crate) fn add_hashes(map: &mut ResMap) -> Result<(), Error> {
    for resource in map.resources_mut().iter_mut().filter(|resource| resource.needs_hash()) {
        let hash = hash::of(&resource.node)?;
        resource.store_previous_id()?;
        resource.set_name(&format!("{}-{hash}", resource.name()))?;
    }
    Ok(())
}
