//! Reading and writing an object's metadata, as kyaml's `RNode` does (kyaml/yaml/rnode.go, kfns.go).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Resource;
use crate::Error;
use crate::yaml::{Key, Kind, Node, Style, Value};

/// Keys and values, sorted.
pub(crate) type StringMap = BTreeMap<String, String>;

impl Resource {
    fn top(&self, name: &str) -> Arc<str> {
        self.node.field(name).map(shared_text).unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> Arc<str> {
        self.top("kind")
    }

    pub(crate) fn api_version(&self) -> Arc<str> {
        self.top("apiVersion")
    }

    fn metadata(&self) -> Option<&Node> {
        self.node.field("metadata").filter(|node| !self.node.is_null() && !node.is_nil_or_empty())
    }

    fn meta_text(&self, name: &str) -> Arc<str> {
        let field = self.metadata().and_then(|metadata| metadata.field(name));
        field.filter(|node| !node.is_nil_or_empty()).map(shared_text).unwrap_or_default()
    }

    pub(crate) fn name(&self) -> Arc<str> {
        self.meta_text("name")
    }

    pub(crate) fn namespace(&self) -> Arc<str> {
        self.meta_text("namespace")
    }

    fn meta_map(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.metadata().and_then(|metadata| metadata.field(name)).map_or(&[][..], Node::fields);
        fields.iter().map(|field| (&*field.key.text, field.value.text()))
    }

    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.meta_map("annotations").find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// As [`Resource::annotation`], to keep.
    pub(crate) fn shared_annotation(&self, name: &str) -> Option<Arc<str>> {
        let fields = self.metadata()?.field("annotations")?.fields();
        fields.iter().find(|field| &*field.key.text == name).map(|field| shared_text(&field.value))
    }

    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.meta_map("labels").find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(crate) fn annotations(&self) -> StringMap {
        self.meta_map("annotations").map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    pub(crate) fn labels(&self) -> StringMap {
        self.meta_map("labels").map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// Sets a field of the object or its metadata to a text that means what it looks like (`NewScalarRNode`).
    fn set_scalar_at(&mut self, parents: &[&str], name: &str, text: &str) -> Result<(), Error> {
        if let Some(node) = self.node.lookup_create(Kind::Mapping, parents)? {
            node.set_field(name, Node::scalar(text));
        }
        Ok(())
    }

    pub(crate) fn set_kind(&mut self, kind: &str) -> Result<(), Error> {
        self.set_scalar_at(&[], "kind", kind)
    }

    pub(crate) fn set_api_version(&mut self, api_version: &str) -> Result<(), Error> {
        self.set_scalar_at(&[], "apiVersion", api_version)
    }

    pub(crate) fn set_name(&mut self, name: &str) -> Result<(), Error> {
        self.set_scalar_at(&["metadata"], "name", name)
    }

    /// Sets the namespace; none drops the field.
    pub(crate) fn set_namespace(&mut self, namespace: &str) -> Result<(), Error> {
        if !namespace.is_empty() {
            return self.set_scalar_at(&["metadata"], "namespace", namespace);
        }
        if let Some(metadata) = self.node.lookup_mut(&["metadata"])? {
            metadata.expect_kind(Kind::Mapping)?;
            metadata.clear("namespace");
        }
        Ok(())
    }

    pub(crate) fn set_annotations(&mut self, annotations: &StringMap) -> Result<(), Error> {
        self.set_meta_map("annotations", annotations)
    }

    pub(crate) fn set_labels(&mut self, labels: &StringMap) -> Result<(), Error> {
        self.set_meta_map("labels", labels)
    }

    /// Writes a map of the metadata anew: all values become strings; an empty one leaves no field. Go: `setMapInMetadata`.
    fn set_meta_map(&mut self, field: &str, map: &StringMap) -> Result<(), Error> {
        let Some(metadata) = self.node.lookup_create(Kind::Mapping, &["metadata"])? else { return Ok(()) };
        metadata.expect_kind(Kind::Mapping)?;
        metadata.clear(field);
        if map.is_empty() {
            return Ok(());
        }
        let mut node = Node::mapping();
        for (key, value) in map {
            node.set_field(key, Node::string(value.as_str()));
        }
        metadata.set_field(field, node);
        Ok(())
    }

    /// Sets one annotation. Go: `AnnotationSetter`.
    pub(crate) fn set_annotation(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let (name, value) = (self.scopes().share(name), self.scopes().share(value));
        set_annotation(&mut self.node, name, value)
    }
}

/// Sets one annotation of an object. Go: `AnnotationSetter`.
pub(crate) fn set_annotation(node: &mut Node, name: Arc<str>, value: Arc<str>) -> Result<(), Error> {
    if let Some(metadata) = node.lookup_mut(&["metadata"])? {
        metadata.expect_kind(Kind::Mapping)?;
        clear_if_empty(metadata, "annotations");
    }
    clear_if_empty(node, "metadata");
    if let Some(annotations) = node.lookup_create(Kind::Mapping, &["metadata", "annotations"])? {
        annotations.expect_kind(Kind::Mapping)?;
        let mut text = Node::string(value);
        text.style = Style::SINGLE_QUOTED;
        match annotations.field_mut(&name) {
            Some(old) => old.replace_keeping_style(text),
            None => annotations.push_field(Key { text: name, ..Key::default() }, text),
        }
    }
    Ok(())
}

fn clear_if_empty(node: &mut Node, name: &str) {
    let empty = |value: &Node| value.fields().is_empty() && value.elements().is_empty();
    if node.field(name).is_some_and(empty) {
        node.clear(name);
    }
}

fn shared_text(node: &Node) -> Arc<str> {
    if let Value::Scalar(text) = &node.value { Arc::clone(text) } else { Arc::default() }
}
