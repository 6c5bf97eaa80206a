//! Reading a node.

use super::node::{Field, Kind, Node, Style, Tag, Value};

impl Node {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.value {
            Value::Scalar(_) => Kind::Scalar,
            Value::Sequence(_) => Kind::Sequence,
            Value::Mapping(_) => Kind::Mapping,
        }
    }

    /// The text of a scalar as it stands (`0x10` stays that); empty for lists and mappings. Go: `Node.Value`.
    #[must_use]
    pub fn text(&self) -> &str {
        if let Value::Scalar(text) = &self.value { text } else { "" }
    }

    /// Whether it carries the tag of null. Go: `IsTaggedNull`, and `IsMissingOrNull` of what is not missing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.tag == Tag::Null
    }

    /// Whether it is a scalar that is a string, or has no tag. Go: `IsYNodeString`.
    #[must_use]
    pub fn is_string(&self) -> bool {
        self.kind() == Kind::Scalar && matches!(self.tag, Tag::Str | Tag::None)
    }

    /// Whether it is a mapping.
    #[must_use]
    pub fn is_mapping(&self) -> bool {
        self.kind() == Kind::Mapping
    }

    /// How much there is of it: the bytes of its texts, and some for each value.
    #[must_use]
    pub fn size(&self) -> usize {
        const VALUE: usize = 64;
        VALUE
            + match &self.value {
                Value::Scalar(text) => text.len(),
                Value::Sequence(items) => items.iter().map(Node::size).sum(),
                Value::Mapping(fields) => fields.iter().map(|field| field.key.text.len() + field.value.size()).sum(),
            }
    }

    /// Whether it is a list.
    #[must_use]
    pub fn is_sequence(&self) -> bool {
        self.kind() == Kind::Sequence
    }

    /// Whether it is null, an empty mapping or an empty list. An empty string is not. Go: `IsYNodeNilOrEmpty`.
    #[must_use]
    pub fn is_nil_or_empty(&self) -> bool {
        match &self.value {
            Value::Scalar(_) => self.is_null(),
            Value::Sequence(items) => items.is_empty() || self.is_null(),
            Value::Mapping(fields) => fields.is_empty() || self.is_null(),
        }
    }

    /// The fields of a mapping, none for anything else.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        if let Value::Mapping(fields) = &self.value { fields } else { &[] }
    }

    /// The fields of a mapping to change, if it is one.
    pub fn fields_mut(&mut self) -> Option<&mut Vec<Field>> {
        if let Value::Mapping(fields) = &mut self.value { Some(fields) } else { None }
    }

    /// The elements of a list, none for anything else.
    #[must_use]
    pub fn elements(&self) -> &[Node] {
        if let Value::Sequence(items) = &self.value { items } else { &[] }
    }

    /// The elements of a list to change, if it is one.
    pub fn elements_mut(&mut self) -> Option<&mut Vec<Node>> {
        if let Value::Sequence(items) = &mut self.value { Some(&mut **items) } else { None }
    }

    /// The value of the field `name`, if this is a mapping that has it (null included).
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Node> {
        self.fields().iter().find(|field| &*field.key.text == name).map(|field| &field.value)
    }

    /// As [`Node::field`], to change.
    pub fn field_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.fields_mut()?.iter_mut().find(|field| &*field.key.text == name).map(|field| &mut field.value)
    }

    /// The value below `names`, step by step as [`Node::field`], without any rule of paths.
    #[must_use]
    pub fn at(&self, names: &[&str]) -> Option<&Node> {
        names.iter().try_fold(self, |node, name| node.field(name))
    }

    /// The text of the scalar below `names`; empty if there is none, or null.
    #[must_use]
    pub fn text_at(&self, names: &[&str]) -> &str {
        self.at(names).filter(|node| !node.is_null()).map_or("", Node::text)
    }

    /// Whether the style makes it a string whatever its text is.
    #[must_use]
    pub fn is_quoted(&self) -> bool {
        self.style.is_quoted()
    }

    /// The style without the bit that the tag was written.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.style == Style::PLAIN
    }
}
