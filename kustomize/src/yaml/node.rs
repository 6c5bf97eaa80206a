//! What a node is.

use std::sync::Arc;

use super::shared::Membership;

/// The core tags that the engine knows, in the short form of go-yaml.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tag {
    /// None: a scalar made by the engine, which means what its text means.
    #[default]
    None,
    /// `!!str`
    Str,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!bool`
    Bool,
    /// `!!null`
    Null,
    /// `!!timestamp`
    Timestamp,
    /// `!!binary`
    Binary,
    /// `!!map`
    Map,
    /// `!!seq`
    Seq,
    /// `!!merge`
    Merge,
    /// Any other (`!Ref`): nothing that is printed depends on it.
    Other,
}

/// How a node was written, and how it is to be written: go-yaml's style bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style(u8);

impl Style {
    /// Nothing special: a plain scalar, a block collection.
    pub const PLAIN: Self = Self(0);
    /// The tag was given in the text.
    pub const TAGGED: Self = Self(1);
    /// `"…"`
    pub const DOUBLE_QUOTED: Self = Self(2);
    /// `'…'`
    pub const SINGLE_QUOTED: Self = Self(4);
    /// `|`
    pub const LITERAL: Self = Self(8);
    /// `>`
    pub const FOLDED: Self = Self(16);
    /// `[…]`, `{…}`
    pub const FLOW: Self = Self(32);

    /// Whether any of the bits of `other` is set.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a scalar in this style is a string whatever its text is.
    #[must_use]
    pub fn is_quoted(self) -> bool {
        self.has(Self(2 | 4 | 8 | 16))
    }
}

/// The key of a field: a scalar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// The text.
    pub text: Arc<str>,
    /// Its tag; [`Tag::None`] for keys that the engine adds.
    pub tag: Tag,
    /// Its style.
    pub style: Style,
    /// The line in its file, from 1; 0 for what the engine made.
    pub line: u32,
}

impl Key {
    /// A key that the engine adds.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// One field of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub key: Key,
    /// Its value.
    pub value: Node,
}

/// The three kinds of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text with a tag.
    Scalar,
    /// A list.
    Sequence,
    /// Fields in the order of the text.
    Mapping,
}

impl Kind {
    /// The name that kustomize's messages use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "ScalarNode",
            Self::Sequence => "SequenceNode",
            Self::Mapping => "MappingNode",
        }
    }
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// The text of a scalar, unescaped.
    Scalar(Arc<str>),
    /// The elements of a list. In place they would make each value eight bytes larger, and most values are no lists.
    #[expect(clippy::box_collection, reason = "a thin pointer is what it is for")]
    Sequence(Box<Vec<Node>>),
    /// The fields of a mapping. Their names are unique in what was read.
    Mapping(Vec<Field>),
}

/// A value in a tree that the engine changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it holds.
    pub value: Value,
    /// Its tag.
    pub tag: Tag,
    /// Its style.
    pub style: Style,
    /// The line in its file, from 1; 0 for what the engine made.
    pub line: u32,
    /// The places that are one with this one in kustomize. Writes go through the methods of a node, which record them.
    pub shared: Membership,
}

impl Node {
    fn made(value: Value, tag: Tag, style: Style) -> Self {
        Self { value, tag, style, line: 0, shared: Membership::default() }
    }

    /// A scalar without tag: it means what its text means (`NewScalarRNode`; the empty text is null).
    #[must_use]
    pub fn scalar(text: impl Into<Arc<str>>) -> Self {
        Self::made(Value::Scalar(text.into()), Tag::None, Style::PLAIN)
    }

    /// A string, whatever its text looks like (`NewStringRNode`).
    #[must_use]
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let style = if text.contains('\n') { Style::LITERAL } else { Style::PLAIN };
        Self::made(Value::Scalar(text), Tag::Str, style)
    }

    /// `null`.
    #[must_use]
    pub fn null() -> Self {
        Self::made(Value::Scalar("null".into()), Tag::Null, Style::PLAIN)
    }

    /// An empty mapping.
    #[must_use]
    pub fn mapping() -> Self {
        Self::made(Value::Mapping(Vec::new()), Tag::None, Style::PLAIN)
    }

    /// An empty list.
    #[must_use]
    pub fn sequence() -> Self {
        Self::made(Value::Sequence(Box::default()), Tag::None, Style::PLAIN)
    }

    /// An empty node of a kind; of a scalar one without text or tag.
    #[must_use]
    pub fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::Scalar => Self::scalar(""),
            Kind::Sequence => Self::sequence(),
            Kind::Mapping => Self::mapping(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A build holds little else, and its peak is theirs.
    #[test]
    fn values_are_small() {
        assert!(size_of::<Node>() <= 40 && size_of::<Field>() <= 64, "{}", size_of::<Node>());
    }
}
