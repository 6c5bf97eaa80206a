//! Raw YAML: the manifests of a bundle that needs no engine (reference §2.8).
//!
//! Better than Fleet on purpose: a document without a kind is left out with a warning, and the other documents of its
//! file stay.

use crate::error::RenderError;
use crate::overlay::{self, Layered, Layers};
use crate::{Input, RenderedObject, style};
use fleet_api::reason::{Note, Reason};
use k8s_yaml::Node;
use serde_json::{Map, Value};

/// Directory whose manifests Helm would render as templates.
const TEMPLATES: &str = "templates/";

/// The objects of a bundle of raw YAML.
#[derive(Default)]
pub(crate) struct Raw {
    /// Those that stand in files, in the order of the files.
    pub(crate) objects: Vec<RenderedObject>,
    /// The files of `templates/` that are templates, by path: Fleet makes a chart of them.
    pub(crate) templates: Vec<(String, Vec<u8>)>,
}

/// The objects in the order of the files.
pub(crate) fn read(input: &Input<'_>, notes: &mut Vec<Note>) -> Result<Raw, RenderError> {
    let layers = overlay::apply(input)?;
    let Raw { mut objects, mut templates } = Raw::default();
    for (path, layered) in layers.iter().filter(|(path, _)| is_manifest(path, &layers)) {
        let mut reader = Reader { place: input.place(path), objects: &mut objects, notes };
        match layered {
            Layered::Stored(stored) => {
                reader.place = input.place(stored);
                if path.starts_with(TEMPLATES) && input.text(stored)?.contains("{{") {
                    templates.push((path.clone(), input.bytes(stored)?.into_owned()));
                    continue;
                }
                for document in input.parse(stored)? {
                    reader.node(&document.node)?;
                }
            }
            Layered::Patched(documents) => {
                for (value, line) in documents {
                    reader.value(value.clone(), *line)?;
                }
            }
        }
    }
    Ok(Raw { objects, templates })
}

fn is_manifest(path: &str, layers: &Layers) -> bool {
    let name = file_tree::file_name(path);
    // Helm takes no objects from these.
    let is_partial = path.starts_with(TEMPLATES) && name.starts_with('_');
    [".yaml", ".yml", ".json"].iter().any(|extension| name.ends_with(extension))
        && !matches!(path, "fleet.yaml" | "fleet.yml")
        && !is_partial
        && crate::outside::path_of(path).is_none()
        && !style::in_nested(path, |other| layers.contains_key(other))
}

/// Collects the objects of one file.
struct Reader<'a> {
    place: String,
    objects: &'a mut Vec<RenderedObject>,
    notes: &'a mut Vec<Note>,
}

impl Reader<'_> {
    fn node(&mut self, node: &Node) -> Result<(), RenderError> {
        for duplicate in node.duplicates() {
            let message = format!("`{}` was given before at {}; the last one counts", duplicate.key, duplicate.first);
            self.warn(&duplicate.position.to_string(), &message);
        }
        match items(node) {
            Some(items) => items.iter().try_for_each(|item| self.node_value(item)),
            None => self.node_value(node),
        }
    }

    fn node_value(&mut self, node: &Node) -> Result<(), RenderError> {
        let value = node.to_json().map_err(|error| RenderError::yaml(&self.place, &error))?;
        self.value(value, node.position.line)
    }

    fn value(&mut self, mut value: Value, line: u32) -> Result<(), RenderError> {
        if value.is_null() {
            return Ok(());
        }
        let place = format!("{}:{line}", self.place);
        let Value::Object(object) = &mut value else {
            return Err(RenderError::file(
                place,
                "an object is expected: a mapping with apiVersion, kind and metadata",
            ));
        };
        if text(object, "kind").ends_with("List")
            && let Some(Value::Array(items)) = object.get_mut("items")
        {
            return std::mem::take(items).into_iter().try_for_each(|item| self.value(item, line));
        }
        for key in ["kind", "apiVersion"] {
            if text(object, key).is_empty() {
                self.warn(&line.to_string(), &format!("a document without {key} is no object, and is left out"));
                return Ok(());
            }
        }
        self.objects.push(RenderedObject { value, source: place });
        Ok(())
    }

    fn warn(&mut self, at: &str, message: &str) {
        let place = format!("{}:{at}", self.place);
        self.notes.push(Note::new(Reason::LikelyMistake, format!("{place}: {message}")).in_file(place));
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a List, whose own places are better than that of the List.
fn items(node: &Node) -> Option<&[Node]> {
    let kind = node.get("kind")?.as_str()?;
    if kind.ends_with("List") { node.get("items")?.as_list() } else { None }
}
