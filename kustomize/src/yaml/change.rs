//! Changing a node.

use std::sync::Arc;

use super::node::{Field, Key, Node, Style, Tag, Value};
use super::quoting::reads_as_non_string;

impl Node {
    /// Sets the field `name` as kyaml's `FieldSetter` does (kustomize: kyaml/yaml/fns.go):
    /// a null value removes the field; a value that replaces another takes over its style; a string that YAML 1.1 would
    /// read as something else becomes a quoted one. The node must be a mapping; otherwise nothing happens.
    pub fn set_field(&mut self, name: &str, mut value: Node) {
        if value.is_null() {
            self.clear(name);
            return;
        }
        value.quote_if_ambiguous();
        match self.field_mut(name) {
            Some(old) => old.replace_keeping_style(value),
            None => self.push_field(Key::new(name), value),
        }
    }

    /// Gives a scalar another value, keeping its style (`FieldSetter` without a name). Null sets nothing.
    pub fn set_scalar(&mut self, mut value: Node) {
        value.quote_if_ambiguous();
        if !value.is_null() {
            self.replace_keeping_style(value);
        }
    }

    /// Quotes a plain string that YAML 1.1 reads as a number, a boolean, a list … The node keeps what it means for kustomize.
    pub fn quote_if_ambiguous(&mut self) {
        if self.is_string() && self.style == Style::PLAIN && reads_as_non_string(self.text()) {
            self.style = Style::DOUBLE_QUOTED;
        }
    }

    /// Puts `value` in this place: the style stays that of the place. Go: `SetYNode`, as `FieldSetter` calls it.
    pub fn replace_keeping_style(&mut self, value: Node) {
        let style = self.style;
        self.replace(value);
        self.style = style;
    }

    /// Puts `value` in this place. Go: `SetYNode`. Where the place is one with others ([`Node::shared`]), it stays so.
    pub fn replace(&mut self, value: Node) {
        let shared = std::mem::take(&mut self.shared);
        *self = value;
        self.shared = shared;
        self.shared.touch();
    }

    /// Adds a field at the end, without looking for one of that name. Nothing happens where this is no mapping.
    pub fn push_field(&mut self, key: Key, value: Node) {
        if let Some(fields) = self.fields_mut() {
            // What grows by itself has room for four: more than is ever needed in most of the mappings that a build holds.
            if fields.len() == fields.capacity() && (1..4).contains(&fields.len()) {
                fields.reserve_exact(1);
            }
            fields.push(Field { key, value });
        }
    }

    /// Replaces the value of the field `name` as it is, or adds it at the end (`MapEntrySetter`).
    pub fn put(&mut self, name: &str, value: Node) {
        match self.field_mut(name) {
            Some(old) => *old = value,
            None => self.push_field(Key::new(name), value),
        }
    }

    /// Removes the field `name` and returns its value.
    pub fn clear(&mut self, name: &str) -> Option<Node> {
        let fields = self.fields_mut()?;
        let at = fields.iter().position(|field| &*field.key.text == name)?;
        Some(fields.remove(at).value)
    }

    /// Adds an element at the end of a list. Nothing happens where this is no list.
    pub fn push(&mut self, element: Node) {
        if let Some(elements) = self.elements_mut() {
            elements.push(element);
        }
    }

    /// Makes the text of a scalar another one; tag and style stay. Go: assigning `Node.Value`.
    pub fn set_text(&mut self, text: impl Into<Arc<str>>) {
        self.value = Value::Scalar(text.into());
        self.shared.touch();
    }

    /// Makes it a string: tag `!!str`, literal if it has several lines. Go: `Node.SetString`.
    pub fn set_string(&mut self, text: impl Into<Arc<str>>) {
        let text = text.into();
        if text.contains('\n') {
            self.style = Style::LITERAL;
        }
        self.tag = Tag::Str;
        self.value = Value::Scalar(text);
        self.shared.touch();
    }
}
