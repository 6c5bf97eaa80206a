//! `yaml.overlays`: directories below `overlays/` laid over the files of a raw YAML bundle (reference §2.8).
//!
//! Better than Fleet on purpose: overlays apply in the order listed and the files of one in lexical order, and a patch
//! on a file of several documents keeps them all.

use crate::error::RenderError;
use crate::{Input, kinds, strategic};
use fleet_api::key::group_of;
use k8s_yaml::Node;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where overlays lie.
const DIRECTORY: &str = "overlays/";
/// What tells a patch from a file.
const PATCH: &str = "_patch.";

/// A file of the bundle when the overlays have been laid over it.
#[derive(Debug)]
pub(crate) enum Layered {
    /// The bytes of this file of the tree.
    Stored(String),
    /// Patched: its documents, and the line of each in the file that it was.
    Patched(Vec<(Value, u32)>),
}

/// The files by the name that they have in the end.
pub(crate) type Layers = BTreeMap<String, Layered>;

/// The files of the bundle with its overlays.
pub(crate) fn apply(input: &Input<'_>) -> Result<Layers, RenderError> {
    let all: Vec<String> = input.files.list().into_iter().map(|entry| entry.path).collect();
    let mut layers: Layers = all
        .iter()
        .filter(|path| !path.starts_with(DIRECTORY))
        .map(|path| (path.clone(), Layered::Stored(path.clone())))
        .collect();
    for overlay in input.options.yaml.iter().flat_map(|yaml| &yaml.overlays) {
        let Ok(dir) = file_tree::clean_join("overlays", overlay) else { continue };
        let prefix = format!("{dir}/");
        for path in all.iter().filter(|path| prefix.starts_with(DIRECTORY) && path.starts_with(&prefix)) {
            lay(input, &mut layers, path, &path[prefix.len()..])?;
        }
    }
    Ok(layers)
}

/// Lays the file `path`, which is called `name` in its overlay.
fn lay(input: &Input<'_>, layers: &mut Layers, path: &str, name: &str) -> Result<(), RenderError> {
    let (dir, base) = (file_tree::parent(name), file_tree::file_name(name));
    if !base.contains(PATCH) {
        layers.insert(name.to_owned(), Layered::Stored(path.to_owned()));
        return Ok(());
    }
    let base = base.replacen(PATCH, ".", 1);
    let target = if dir.is_empty() { base } else { format!("{dir}/{base}") };
    let place = input.place(path);
    let Some(layered) = layers.get(&target) else {
        let message =
            format!("there is no {} to patch; the name, with its extension, must be the same", input.place(&target));
        return Err(RenderError::file(place, message));
    };
    let documents = match layered {
        Layered::Patched(documents) => documents.clone(),
        Layered::Stored(stored) => documents(input, stored)?,
    };
    let patch = documents_of_patch(input, path)?;
    let patched = match patch {
        Some(patch) => patch_documents(documents, patch).map_err(|message| {
            RenderError::file(&place, format!("cannot patch {}: {message}", input.place(&target)))
        })?,
        None => documents,
    };
    layers.insert(target, Layered::Patched(patched));
    Ok(())
}

fn documents(input: &Input<'_>, path: &str) -> Result<Vec<(Value, u32)>, RenderError> {
    let value = |node: &Node| node.to_json().map_err(|error| RenderError::yaml(&input.place(path), &error));
    let documents = input.parse(path)?;
    documents
        .iter()
        .filter(|document| !document.node.is_null())
        .map(|document| Ok((value(&document.node)?, document.node.position.line)))
        .collect()
}

/// The first document of a patch that is not empty.
fn documents_of_patch(input: &Input<'_>, path: &str) -> Result<Option<Value>, RenderError> {
    Ok(documents(input, path)?.into_iter().next().map(|(value, _)| value))
}

/// Patches the document that the patch names, or the first.
fn patch_documents(mut documents: Vec<(Value, u32)>, patch: Value) -> Result<Vec<(Value, u32)>, String> {
    let name = |value: &Value| (value["kind"].clone(), value["metadata"]["name"].clone());
    let wanted = name(&patch);
    let fits = |document: &Value| {
        let (kind, name) = name(document);
        (wanted.0.is_null() || wanted.0 == kind) && (wanted.1.is_null() || wanted.1 == name)
    };
    let at = documents.iter().position(|(document, _)| fits(document)).unwrap_or(0);
    let Some((base, _)) = documents.get_mut(at) else { return Err("the file is empty".to_owned()) };
    *base = patch_one(std::mem::take(base), patch)?;
    Ok(documents)
}

fn patch_one(mut base: Value, patch: Value) -> Result<Value, String> {
    if patch.is_array() {
        let operations: json_patch::Patch =
            serde_json::from_value(patch).map_err(|error| format!("not a JSON patch (RFC 6902): {error}"))?;
        json_patch::patch(&mut base, &operations).map_err(|error| error.to_string())?;
        return Ok(base);
    }
    let kind = base["kind"].as_str().unwrap_or_default().to_owned();
    let group = group_of(base["apiVersion"].as_str().unwrap_or_default()).to_owned();
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) if kinds::is_merged_strategically(&group, &kind) => {
            strategic::merge(base, patch, &kind).map(Value::Object).map_err(|error| error.to_string())
        }
        (mut base, patch @ Value::Object(_)) => {
            json_patch::merge(&mut base, &patch);
            Ok(base)
        }
        _ => Err("a patch is a mapping, or a list of JSON patch operations".to_owned()),
    }
}
