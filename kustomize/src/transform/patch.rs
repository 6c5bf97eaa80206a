//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.
//!
//! kustomize: api/internal/builtins/{PatchTransformer,PatchStrategicMergeTransformer,PatchJson6902Transformer}.go.

use crate::Error;
use crate::factory::resources_from_text;
use crate::kustomization::PatchOptions;
use crate::loader::Loader;
use crate::patch_json::JsonPatch;
use crate::resmap::ResMap;
use crate::resource::{Place, Resource, Scopes, is_internal, place};
use crate::selector::Selector;

/// Strategic merge patches that each name their object (`patchesStrategicMerge`).
#[derive(Debug)]
pub(crate) struct MergePatches(pub Vec<Resource>);

impl MergePatches {
    /// Reads the patches: each entry is a patch itself, or the name of a file.
    ///
    /// # Errors
    /// An entry is neither; there is no patch in any.
    pub(crate) fn read(
        entries: &[String],
        loader: &Loader<'_>,
        scopes: &Scopes,
        written: &Place,
    ) -> Result<Self, Error> {
        let mut patches = Vec::new();
        for entry in entries {
            match resources_from_text(entry, scopes) {
                Ok(mut inline) => {
                    place(&mut inline, written);
                    patches.extend(inline);
                }
                Err(_) => {
                    let text = loader.load_text(entry)?;
                    let read = resources_from_text(&text, scopes);
                    let mut read = read.map_err(|error| error.in_file(loader.shown(entry)).at_line(1))?;
                    place(&mut read, &Place::file(loader.shown(entry)));
                    patches.extend(read);
                }
            }
        }
        if patches.is_empty() {
            return Err(Error::new(format!("patch appears to be empty; files={entries:?}")));
        }
        Ok(Self(patches))
    }

    pub(crate) fn transform(&self, map: &mut ResMap) -> Result<(), Error> {
        for patch in &self.0 {
            let target = map.position_of(&patch.original_id())?;
            map.apply_merge_patch(&[target], patch)?;
        }
        Ok(())
    }
}

#[derive(Debug)]
enum Patches {
    Merge(Vec<Resource>),
    Json(JsonPatch),
}

/// An entry of `patches`.
#[derive(Debug)]
pub(crate) struct PatchTransformer {
    patches: Patches,
    target: Option<Selector>,
    source: String,
    /// The file of the patch, or the field that holds it.
    place: Place,
}

impl PatchTransformer {
    /// Reads the patch of an entry.
    ///
    /// # Errors
    /// There is no patch, or two; it is neither a strategic merge patch nor a JSON patch, or both.
    pub(crate) fn read(
        entry: crate::kustomization::Patch,
        loader: &Loader<'_>,
        scopes: &Scopes,
        written: &Place,
    ) -> Result<Self, Error> {
        let inline = entry.patch.trim();
        let (text, source) = match (inline.is_empty(), entry.path.is_empty()) {
            (true, true) => return Err(Error::new("must specify one of patch and path").in_field("patches")),
            (false, false) => {
                return Err(Error::new("patch and path can't be set at the same time").in_field("patches"));
            }
            (false, true) => (inline.into(), format!("[patch: {inline:?}]")),
            (true, false) => {
                let doing = format!("failed to get the patch file from path({})", entry.path);
                let text = loader.load_text(&entry.path).map_err(|error| error.context(doing))?;
                (text, format!("[path: {:?}]", entry.path))
            }
        };
        let place_of_text =
            if entry.path.is_empty() { written.clone() } else { Place::file(loader.shown(&entry.path)) };
        let merge = resources_from_text(&text, scopes);
        let json =
            if text.is_empty() { Err(Error::new("empty json patch operations")) } else { JsonPatch::parse(&text) };
        let patches = match (merge, json) {
            (Ok(merge), Ok(json)) if !merge.is_empty() && !json.is_empty() => {
                return Err(Error::new(format!("illegally qualifies as both an SM and JSON patch: {source}")));
            }
            (Ok(mut patches), _) => {
                allow(&mut patches, entry.options.as_ref())?;
                place(&mut patches, &place_of_text);
                Patches::Merge(patches)
            }
            (Err(_), Ok(patch)) => Patches::Json(patch),
            (Err(merge), Err(json)) => {
                let why = if text.trim_start().starts_with(['[', '-']) { json } else { merge };
                return Err(place_of_text
                    .of(why.about_field("patches"))
                    .context(format!("unable to parse SM or JSON patch from {source}")));
            }
        };
        Ok(Self { patches, target: entry.target.map(Selector::from), source, place: place_of_text })
    }

    pub(crate) fn transform(&self, map: &mut ResMap, idle: &mut Vec<String>) -> Result<(), Error> {
        match &self.patches {
            Patches::Merge(patches) => self.merge(patches, map, idle),
            Patches::Json(patch) => self.apply_json(patch, map, idle),
        }
    }

    fn merge(&self, patches: &[Resource], map: &mut ResMap, idle: &mut Vec<String>) -> Result<(), Error> {
        let (Some(target), Some(first)) = (&self.target, patches.first()) else {
            return patches.iter().try_for_each(|patch| merge_one(patch, map));
        };
        if patches.len() > 1 {
            let message = "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set \
                           `patches.target` field";
            return Err(Error::new(format!("{message}: {}", self.source)));
        }
        let selected =
            map.select(target).map_err(|error| error.context("unable to find patch target in `resources`"))?;
        tell_idle(&selected, target, idle);
        map.apply_merge_patch(&selected, first)
    }

    fn apply_json(&self, patch: &JsonPatch, map: &mut ResMap, idle: &mut Vec<String>) -> Result<(), Error> {
        let Some(target) = &self.target else {
            return Err(Error::new(format!("must specify a target for JSON patch {}", self.source)));
        };
        let selected = map.select(target)?;
        tell_idle(&selected, target, idle);
        for at in selected {
            map.change(at, |resource| {
                resource.store_previous_id()?;
                apply_json(patch, resource).map_err(|error| self.place.of(error.about_field("patches")))
            })?;
        }
        Ok(())
    }
}

fn tell_idle(selected: &[usize], target: &Selector, idle: &mut Vec<String>) {
    if selected.is_empty() {
        idle.push(format!("no object is the target of a patch ({target}), which changes nothing"));
    }
}

fn allow(patches: &mut [Resource], options: Option<&PatchOptions>) -> Result<(), Error> {
    let Some(options) = options else { return Ok(()) };
    for patch in patches {
        if options.allow_name_change {
            patch.allow_name_change()?;
        }
        if options.allow_kind_change {
            patch.allow_kind_change()?;
        }
    }
    Ok(())
}

/// Applies a patch to the object that it names.
fn merge_one(patch: &Resource, map: &mut ResMap) -> Result<(), Error> {
    let id = patch.original_id();
    let target = map.position_of(&id);
    let target =
        target.map_err(|error| error.context(format!("no resource matches strategic merge patch \"{id}\"")))?;
    map.change(target, |resource| resource.apply_merge_patch(&mut patch.clone()))
}

/// Applies a JSON patch; the build's own notes stay as they were.
fn apply_json(patch: &JsonPatch, resource: &mut Resource) -> Result<(), Error> {
    let notes: Vec<_> = resource.annotations().into_iter().filter(|(name, _)| is_internal(name)).collect();
    let id = resource.current_id();
    resource.node = patch.apply(&resource.node).map_err(|error| error.context(format!("patching {id}")))?;
    let mut annotations = resource.annotations();
    annotations.extend(notes);
    resource.set_annotations(&annotations)
}

/// A JSON patch for the objects of one name (`patchesJson6902`).
#[derive(Debug)]
pub(crate) struct JsonPatches {
    patch: JsonPatch,
    target: Selector,
}

impl JsonPatches {
    /// Reads the patch of an entry.
    ///
    /// # Errors
    /// There is no target name, no patch, or two.
    pub(crate) fn read(target: Option<Selector>, path: &str, inline: &str, loader: &Loader<'_>) -> Result<Self, Error> {
        let refuse = |message: &str| Err(Error::new(message).in_field("patchesJson6902"));
        let Some(target) = target.filter(|target| !target.name.is_empty()) else {
            return refuse("must specify the target name");
        };
        let text = match (path.is_empty(), inline.is_empty()) {
            (true, true) => return refuse("empty file path and empty jsonOp"),
            (false, false) => return refuse("must specify a file path or jsonOp, not both"),
            (true, false) => inline.into(),
            (false, true) => loader.load_text(path)?,
        };
        let place = |error: Error| if path.is_empty() { error } else { error.in_file(loader.shown(path)) };
        let patch = JsonPatch::parse(&text).map_err(place)?;
        if patch.is_empty() {
            return Err(place(Error::new("patch appears to be empty")));
        }
        Ok(Self { patch, target })
    }

    pub(crate) fn transform(&self, map: &mut ResMap, idle: &mut Vec<String>) -> Result<(), Error> {
        let selected = map.select(&self.target)?;
        tell_idle(&selected, &self.target, idle);
        for at in selected {
            map.change(at, |resource| apply_json(&self.patch, resource))?;
        }
        Ok(())
    }
}
