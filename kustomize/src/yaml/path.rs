//! Walking a path: kyaml's `PathGetter`.

use super::node::{Kind, Node, Style, Value};
use crate::Error;

/// One step of a path.
enum Step<'a> {
    /// The element at an index.
    Index(usize),
    /// `-`: the last element.
    Last,
    /// `[name=value]`, or `[=value]` with an empty name.
    Element(&'a str, &'a str),
    /// A field.
    Field(&'a str),
}

fn step(part: &str) -> Result<Step<'_>, Error> {
    if let Ok(index) = part.parse::<i64>() {
        return usize::try_from(index)
            .map(Step::Index)
            .map_err(|_| Error::new(format!("array index {index} cannot be negative")));
    }
    match part {
        "-" => Ok(Step::Last),
        "*" => Err(Error::new("wildcard is not supported in PathGetter")),
        _ if is_list_index(part) => {
            let (name, value) = split_index(part)?;
            Ok(Step::Element(name, value))
        }
        _ => Ok(Step::Field(part)),
    }
}

/// Whether a part of a path has the form `[…]`. Go: `IsListIndex`.
#[must_use]
pub fn is_list_index(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

/// Whether a part of a path is an index of a list. Go: `IsIdxNumber`.
#[must_use]
pub fn is_index_number(part: &str) -> bool {
    part.parse::<i64>().is_ok_and(|index| index >= 0)
}

/// `name` and `value` of `[name=value]`.
///
/// # Errors
/// There is no `=`.
pub fn split_index(part: &str) -> Result<(&str, &str), Error> {
    let inner = part.strip_suffix(']').unwrap_or(part);
    let inner = inner.strip_prefix('[').unwrap_or(inner);
    inner
        .split_once('=')
        .ok_or_else(|| Error::new("list path element must contain fieldName=fieldValue for element to match"))
}

/// What must be made where the path goes on with `next`. Go: `getPathPartKind`.
#[must_use]
pub fn kind_before(next: &str, leaf: Kind) -> Kind {
    if is_list_index(next) || is_index_number(next) {
        Kind::Sequence
    } else if next.is_empty() {
        leaf
    } else {
        Kind::Mapping
    }
}

fn wrong_kind(expected: Kind, node: &Node) -> Error {
    Error::new(format!("wrong node kind: expected {} but got {}", expected.name(), node.kind().name()))
        .at_line(node.line)
}

impl Node {
    /// An error unless it is of the kind, or null. Go: `ErrorIfInvalid`.
    ///
    /// # Errors
    /// It is of another kind.
    pub fn expect_kind(&self, kind: Kind) -> Result<(), Error> {
        if self.is_null() || self.kind() == kind { Ok(()) } else { Err(wrong_kind(kind, self)) }
    }

    /// The value at a path of fields (`spec`), list elements (`[name=nginx]`, `[=text]`), indices (`0`) and `-` for the
    /// last element. Blank parts are skipped. `None` where something is missing, or where the path goes on below a null.
    ///
    /// # Errors
    /// A field of something that is no mapping, an element of something that is no list, a negative index, a wildcard.
    pub fn lookup<S: AsRef<str>>(&self, path: &[S]) -> Result<Option<&Node>, Error> {
        let mut node = self;
        for part in path.iter().map(|part| part.as_ref().trim()).filter(|part| !part.is_empty()) {
            match node.child_place(&step(part)?)? {
                Some(place) => node = node.child(place).unwrap_or(node),
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// As [`Node::lookup`], to change.
    ///
    /// # Errors
    /// As [`Node::lookup`].
    pub fn lookup_mut<S: AsRef<str>>(&mut self, path: &[S]) -> Result<Option<&mut Node>, Error> {
        let mut node = self;
        for part in path.iter().map(|part| part.as_ref().trim()).filter(|part| !part.is_empty()) {
            let Some(place) = node.child_place(&step(part)?)? else { return Ok(None) };
            let Some(next) = node.child_mut(place) else { return Ok(None) };
            node = next;
        }
        Ok(Some(node))
    }

    /// As [`Node::lookup_mut`], making what is missing: the last part of the kind `leaf`, the others as the path needs
    /// them. Elements are made for `[name=value]`, not for indices; then the answer is `None`. Go: `LookupCreate`.
    ///
    /// # Errors
    /// As [`Node::lookup`].
    pub fn lookup_create<S: AsRef<str>>(&mut self, leaf: Kind, path: &[S]) -> Result<Option<&mut Node>, Error> {
        let parts: Vec<&str> = path.iter().map(|part| part.as_ref().trim()).filter(|part| !part.is_empty()).collect();
        let mut node = self;
        for (at, part) in parts.iter().enumerate() {
            let step = step(part)?;
            let place = match node.child_place(&step)? {
                Some(place) => place,
                None => match node.make_child(&step, kind_before(parts.get(at + 1).unwrap_or(&""), leaf)) {
                    Some(place) => place,
                    None => return Ok(None),
                },
            };
            let Some(next) = node.child_mut(place) else { return Ok(None) };
            node = next;
        }
        Ok(Some(node))
    }

    /// Where the child is that a step leads to.
    fn child_place(&self, step: &Step<'_>) -> Result<Option<usize>, Error> {
        match step {
            Step::Field(name) => {
                if self.is_null() {
                    return Ok(None);
                }
                self.expect_kind(Kind::Mapping)?;
                Ok(self.fields().iter().position(|field| &*field.key.text == *name))
            }
            Step::Index(index) => {
                self.expect_kind(Kind::Sequence)?;
                Ok((*index < self.elements().len()).then_some(*index))
            }
            Step::Last => {
                self.expect_kind(Kind::Sequence)?;
                match self.elements().len().checked_sub(1) {
                    Some(last) => Ok(Some(last)),
                    None => Err(Error::new("the path names the last element of an empty list").at_line(self.line)),
                }
            }
            Step::Element(name, value) => {
                self.expect_kind(Kind::Sequence)?;
                Ok(self.elements().iter().position(|element| element.is_element(name, value)))
            }
        }
    }

    /// Whether it is what `[name=value]` means; with an empty name the text itself is compared. Go: `ElementMatcher`.
    #[must_use]
    pub fn is_element(&self, name: &str, value: &str) -> bool {
        if name.is_empty() {
            return self.text() == value;
        }
        self.is_mapping() && self.field(name).is_some_and(|field| field.text() == value)
    }

    fn child(&self, place: usize) -> Option<&Node> {
        match &self.value {
            Value::Mapping(fields) => fields.get(place).map(|field| &field.value),
            Value::Sequence(items) => items.get(place),
            Value::Scalar(_) => None,
        }
    }

    fn child_mut(&mut self, place: usize) -> Option<&mut Node> {
        match &mut self.value {
            Value::Mapping(fields) => fields.get_mut(place).map(|field| &mut field.value),
            Value::Sequence(items) => items.get_mut(place),
            Value::Scalar(_) => None,
        }
    }

    fn make_child(&mut self, step: &Step<'_>, kind: Kind) -> Option<usize> {
        match step {
            Step::Field(name) => {
                if !self.is_mapping() {
                    return None;
                }
                self.set_field(name, Self::of_kind(kind));
                self.fields().len().checked_sub(1)
            }
            Step::Element(name, value) => {
                let mut element = Self::scalar(*value);
                if !name.is_empty() {
                    let mut mapping = Self::mapping();
                    mapping.push_field(super::Key::new(name), element);
                    element = mapping;
                }
                element.style = Style::PLAIN;
                self.push(element);
                self.elements().len().checked_sub(1)
            }
            Step::Index(_) | Step::Last => None,
        }
    }
}
