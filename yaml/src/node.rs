//! A document as it was read: values with their places. Everything downstream (JSON, types) is made from this.

use std::sync::Arc;

use crate::mapping::{Duplicate, Mapping};
use crate::number::whole;
use crate::{Position, locate};

/// One document of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its root.
    pub node: Node,
    /// Where it begins: the place of its root, or of its `---` if it is empty.
    pub position: Position,
    /// Whether nothing stands in it but comments and white space; its root is then [`Content::Null`].
    pub empty: bool,
}

/// A value and its place. Cloning is cheap: lists, mappings and strings are shared.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub content: Content,
    /// Where it begins. What an alias stands for has, at its root, the place of the alias.
    pub position: Position,
}

/// A value, aliases expanded and merges done.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// `null`, `~`, or nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// A float. Without fraction it becomes an integer in JSON (`1e3` is `1000`); infinity and not-a-number have no
    /// JSON form.
    Float(f64),
    /// A string.
    String(Arc<str>),
    /// A list.
    List(Arc<[Node]>),
    /// A mapping.
    Mapping(Arc<Mapping>),
}

impl Node {
    /// The kind of the value in words, for messages: `a mapping`, `a list`, `a string` …
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.content {
            Content::Null => "null",
            Content::Bool(_) => "a boolean",
            Content::Int(_) | Content::Uint(_) => "an integer",
            Content::Float(_) => "a number",
            Content::String(_) => "a string",
            Content::List(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }

    /// Whether the value is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Content::String(text) = &self.content { Some(text) } else { None }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        if let Content::Bool(value) = self.content { Some(value) } else { None }
    }

    /// The integer, if it is one that fits. A float without fraction counts, as everywhere after Go's JSON.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self.content {
            Content::Int(value) => Some(value),
            Content::Float(value) => whole(value)?.as_i64(),
            _ => None,
        }
    }

    /// The list, if it is one.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Node]> {
        if let Content::List(items) = &self.content { Some(items) } else { None }
    }

    /// The mapping, if it is one.
    #[must_use]
    pub fn as_mapping(&self) -> Option<&Mapping> {
        if let Content::Mapping(mapping) = &self.content { Some(mapping) } else { None }
    }

    /// The value at `key`, if this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_mapping()?.get(key)
    }

    /// The value at a path as errors print it: `spec.targets[0].name`, `metadata.labels["app.kubernetes.io/name"]`.
    #[must_use]
    pub fn lookup(&self, path: &str) -> Option<&Node> {
        locate::lookup(self, path)
    }

    /// The keys that were given more than once, here and below, in the order of the text. Empty in strict reading.
    #[must_use]
    pub fn duplicates(&self) -> Vec<&Duplicate> {
        let mut found = Vec::new();
        self.collect_duplicates(&mut found);
        found.sort_by_key(|duplicate| duplicate.position);
        found.dedup();
        found
    }

    fn collect_duplicates<'a>(&'a self, found: &mut Vec<&'a Duplicate>) {
        match &self.content {
            Content::List(items) => items.iter().for_each(|item| item.collect_duplicates(found)),
            Content::Mapping(mapping) => {
                found.extend(mapping.duplicates());
                mapping.iter().for_each(|entry| entry.value.collect_duplicates(found));
            }
            _ => {}
        }
    }
}
