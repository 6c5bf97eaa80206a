//! What is wrong with a text, and where. Messages name kinds and places, never the values: those may be secret.

use std::fmt;

use crate::de::Hint;
use crate::locate::{self, Segment};

/// A place in the text, counted from 1; columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The class of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not UTF-8.
    Encoding,
    /// The text is not YAML.
    Syntax,
    /// One of [`crate::Limits`] was reached.
    Limit,
    /// A mapping holds a key twice, and the options refuse that.
    DuplicateKey,
    /// A mapping key that Go cannot convert: null, a list, a mapping.
    Key,
    /// A tag and its value do not fit, such as `!!int abc`.
    Tag,
    /// What `<<` names is no mapping.
    Merge,
    /// The value has no JSON form: infinity, not-a-number.
    NotJson,
    /// The document does not fit the type it is read into.
    Type,
}

/// What is wrong with a text. Its display gives field, problem and place:
/// `spec.targets[0].clusterSelector: expected a mapping, found a list at 4:8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    message: String,
    position: Option<Position>,
    path: String,
    /// What was found, where a flattened field hid its place.
    hint: Option<Hint>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>, position: Option<Position>) -> Self {
        Self { inner: Box::new(Inner { kind, message: message.into(), position, path: String::new(), hint: None }) }
    }

    pub(crate) fn at(kind: ErrorKind, message: impl Into<String>, position: Position) -> Self {
        Self::new(kind, message, Some(position))
    }

    pub(crate) fn with_path(mut self, path: String) -> Self {
        self.inner.path = path;
        self
    }

    /// The error of a child, seen from its parent.
    pub(crate) fn inside(self, segment: Segment<'_>) -> Self {
        let path = locate::prepend(segment, self.path());
        self.with_path(path)
    }

    pub(crate) fn with_position(mut self, position: Position) -> Self {
        self.inner.position = Some(position);
        self
    }

    pub(crate) fn with_hint(mut self, hint: Option<Hint>) -> Self {
        self.inner.hint = hint;
        self
    }

    pub(crate) fn hint(&self) -> Option<&Hint> {
        self.inner.hint.as_ref()
    }

    /// The class of the problem.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The problem alone, without field and place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// Where it is, as far as known.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.inner.position
    }

    /// The field, such as `spec.targets[0].clusterSelector`; empty where the problem is none of a field.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.inner.path
    }

    /// The whole error for a reader who knows the file: `fleet.yaml:4:8: spec.targets: expected a list, found null`.
    #[must_use]
    pub fn in_file(&self, file: &str) -> String {
        let place = self.position().map(|position| format!(":{position}")).unwrap_or_default();
        let field = if self.path().is_empty() { String::new() } else { format!("{}: ", self.path()) };
        format!("{file}{place}: {field}{}", self.message())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path().is_empty() {
            write!(f, "{}: ", self.path())?;
        }
        f.write_str(self.message())?;
        match self.position() {
            Some(position) => write!(f, " at {position}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
