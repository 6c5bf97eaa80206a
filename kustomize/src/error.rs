//! What went wrong, and where.

use std::fmt;

/// Why a build failed: what was tried, on which file, line and field, and why it did not work.
///
/// Its display reads from the outside in: `accumulating resources: apps/deployment.yaml:7: spec.replicas: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Inner {
    /// What was being done, the outermost first.
    contexts: Vec<String>,
    file: Option<String>,
    line: u32,
    /// The path of fields, outermost first.
    field: String,
    message: String,
}

impl Error {
    /// An error without place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { inner: Box::new(Inner { message: message.into(), ..Inner::default() }) }
    }

    /// What was being done when it happened; called again, the later call stands outside.
    #[must_use]
    pub fn context(mut self, doing: impl Into<String>) -> Self {
        self.inner.contexts.insert(0, doing.into());
        self
    }

    /// The file, unless one is known already.
    #[must_use]
    pub fn in_file(mut self, path: impl Into<String>) -> Self {
        self.inner.file.get_or_insert_with(|| path.into());
        self
    }

    /// The line from 1, unless one is known already; 0 is no line.
    #[must_use]
    pub fn at_line(mut self, line: u32) -> Self {
        if self.inner.line == 0 {
            self.inner.line = line;
        }
        self
    }

    /// Counts the line that is known from the begin of a text of which that many lines were left out.
    #[must_use]
    pub(crate) fn after_lines(mut self, lines: u32) -> Self {
        if self.inner.line != 0 {
            self.inner.line = self.inner.line.saturating_add(lines);
        }
        self
    }

    /// The place of the text in which it happened, unless a file is known already: a line that is known counts within that
    /// text, as in an inline patch, and gives way.
    #[must_use]
    pub fn within(mut self, path: impl Into<String>, line: u32) -> Self {
        if self.inner.file.is_none() {
            self.inner.file = Some(path.into());
            self.inner.line = line;
        }
        self
    }

    /// The field, unless one is known already.
    #[must_use]
    pub fn about_field(mut self, name: &str) -> Self {
        if self.inner.field.is_empty() {
            name.clone_into(&mut self.inner.field);
        }
        self
    }

    /// Puts a field in front of the path of fields.
    #[must_use]
    pub fn in_field(mut self, name: &str) -> Self {
        self.inner.field = match &self.inner.field {
            field if field.is_empty() => name.to_owned(),
            field => format!("{name}.{field}"),
        };
        self
    }

    /// The file it is about.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.inner.file.as_deref()
    }

    /// The line in that file, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        (self.inner.line != 0).then_some(self.inner.line)
    }

    /// The path of the field it is about (`spec.replicas`); empty if unknown.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.inner.field
    }

    /// The problem alone, without place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { contexts, file, line, field, message } = &*self.inner;
        for context in contexts {
            write!(f, "{context}: ")?;
        }
        match (file, line) {
            (Some(file), 0) => write!(f, "{file}: ")?,
            (Some(file), line) => write!(f, "{file}:{line}: ")?,
            (None, 0) => {}
            (None, line) => write!(f, "line {line}: ")?,
        }
        if !field.is_empty() {
            write!(f, "{field}: ")?;
        }
        f.write_str(message)
    }
}

impl std::error::Error for Error {}
