//! Where an object came from, and what changed it: the annotations of `buildMetadata`.
//!
//! kustomize: api/resource/origin.go.

use file_tree::clean;

use super::Resource;
use super::annotations::{ORIGIN, TRANSFORMATIONS};
use crate::Error;
use crate::yaml::{Node, parse_one};

/// A file, or the configuration of a generator or transformer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The file of the object, seen from the directory that is built.
    pub path: String,
    /// The file with the configuration that made it.
    pub configured_in: String,
    /// That configuration: API version, kind, name, namespace.
    pub configured_by: [String; 4],
}

const CONFIGURED_BY: [&str; 4] = ["apiVersion", "kind", "name", "namespace"];

impl Origin {
    /// The origin of `path`, seen from this one.
    pub(crate) fn join(&self, path: &str) -> Self {
        Self { path: clean(&format!("{}/{path}", self.path)), ..self.clone() }
    }

    /// The origin of what a built-in field of the kustomization file `file` makes.
    pub(crate) fn builtin(&self, file: &str, kind: &str) -> Self {
        Self {
            path: String::new(),
            configured_in: clean(&format!("{}/{file}", self.path)),
            configured_by: ["builtin".to_owned(), kind.to_owned(), String::new(), String::new()],
        }
    }

    fn to_node(&self) -> Node {
        let mut node = Node::mapping();
        let mut by = Node::mapping();
        for (name, value) in CONFIGURED_BY.iter().zip(&self.configured_by) {
            set_if_given(&mut by, name, value);
        }
        set_if_given(&mut node, "path", &self.path);
        set_if_given(&mut node, "configuredIn", &self.configured_in);
        if !by.fields().is_empty() {
            node.set_field("configuredBy", by);
        }
        node
    }

    fn from_node(node: &Node) -> Self {
        let text = |names: &[&str]| node.text_at(names).to_owned();
        Self {
            path: text(&["path"]),
            configured_in: text(&["configuredIn"]),
            configured_by: CONFIGURED_BY.map(|name| text(&["configuredBy", name])),
        }
    }
}

fn set_if_given(node: &mut Node, name: &str, value: &str) {
    if !value.is_empty() {
        node.set_field(name, Node::string(value));
    }
}

fn to_text(node: &Node) -> Result<String, Error> {
    Ok(k8s_yaml::to_string_ordered(&node.to_json()?))
}

impl Resource {
    pub(crate) fn origin(&self) -> Result<Option<Origin>, Error> {
        let Some(text) = self.annotation(ORIGIN) else { return Ok(None) };
        let node = parse_one(text).map_err(|error| error.context(format!("annotation {ORIGIN}")))?;
        Ok(Some(node.as_ref().map(Origin::from_node).unwrap_or_default()))
    }

    pub(crate) fn set_origin(&mut self, origin: Option<&Origin>) -> Result<(), Error> {
        let mut annotations = self.annotations();
        match origin {
            Some(origin) => annotations.insert(ORIGIN.to_owned(), to_text(&origin.to_node())?),
            None => annotations.remove(ORIGIN),
        };
        self.set_annotations(&annotations)
    }

    /// The text of the annotation for an object that was read.
    pub(crate) fn origin_text(origin: &Origin) -> Result<String, Error> {
        to_text(&origin.to_node())
    }

    pub(crate) fn add_transformation(&mut self, origin: &Origin) -> Result<(), Error> {
        let mut annotations = self.annotations();
        let before = annotations.get(TRANSFORMATIONS).map(|text| parse_one(text)).transpose();
        let before = before.map_err(|error| error.context(format!("annotation {TRANSFORMATIONS}")))?.flatten();
        let mut list = Node::sequence();
        for known in before.iter().flat_map(|node| node.elements()) {
            list.push(Origin::from_node(known).to_node());
        }
        list.push(origin.to_node());
        annotations.insert(TRANSFORMATIONS.to_owned(), to_text(&list)?);
        self.set_annotations(&annotations)
    }

    /// Whose configuration this object is: the origin of what it makes. Go: `OriginFromCustomPlugin`.
    pub(crate) fn origin_of_plugin(&self) -> Result<Option<Origin>, Error> {
        let text = |text: std::sync::Arc<str>| text.to_string();
        Ok(self.origin()?.map(|origin| Origin {
            path: String::new(),
            configured_in: origin.path,
            configured_by: [text(self.api_version()), text(self.kind()), text(self.name()), text(self.namespace())],
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_does() {
        for (path, expected) in [("/a", "a"), ("a/../../b", "../b"), ("a/./b/", "a/b"), ("../../x/..", "../..")] {
            assert_eq!(clean(path), expected);
        }
    }
}
