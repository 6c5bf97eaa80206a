//! Errors of executing a template.

use std::fmt;
use std::rc::Rc;

/// Why an execution stopped. The text is Go's: `template: file:line:column: executing "name" at <expression>: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecError {
    text: Rc<str>,
    causes: Vec<Rc<str>>,
    located: bool,
}

impl ExecError {
    /// An error of a template at a place (Go's `template.ExecError`).
    pub(crate) fn located(text: String) -> Self {
        Self { text: text.into(), causes: Vec::new(), located: true }
    }

    /// An error of a function at a place; what caused it is part of the text.
    pub(crate) fn caused(text: String, cause: &FunctionError) -> Self {
        let causes = std::iter::once(cause.message.clone()).chain(cause.causes.iter().cloned()).collect();
        Self { text: text.into(), causes, located: true }
    }

    /// An error before anything was executed.
    pub(crate) fn plain(text: String) -> Self {
        Self { text: text.into(), causes: Vec::new(), located: false }
    }

    /// The texts of the errors that this one wraps, outermost first (Go's chain of `errors.Unwrap`).
    pub fn causes(&self) -> impl Iterator<Item = &str> {
        self.causes.iter().map(|cause| &**cause)
    }

    /// Whether there is a place in the text (whether it is Go's `template.ExecError`).
    pub fn is_located(&self) -> bool {
        self.located
    }
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ExecError {}

/// Why a function failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    message: Rc<str>,
    causes: Vec<Rc<str>>,
}

impl FunctionError {
    /// The text of the error, without the place, which the executor adds.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// An error that wraps another, whose text is part of the message (Go's `%w`).
    #[must_use]
    pub fn wrapping(message: String, cause: &ExecError) -> Self {
        let causes = std::iter::once(cause.text.clone()).chain(cause.causes.iter().cloned()).collect();
        Self { message: message.into(), causes }
    }
}

impl From<ExecError> for FunctionError {
    fn from(error: ExecError) -> Self {
        Self { message: error.text, causes: error.causes }
    }
}

impl From<String> for FunctionError {
    fn from(message: String) -> Self {
        Self { message: message.into(), causes: Vec::new() }
    }
}

impl From<&str> for FunctionError {
    fn from(message: &str) -> Self {
        Self { message: message.into(), causes: Vec::new() }
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FunctionError {}
