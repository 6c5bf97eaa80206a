//! What a build says nothing of, although its author is likely to want to know.

use std::fmt;

/// Something in a kustomization that has no effect. kustomize passes over it in silence, and so does the command line; it is
/// for programs that look for mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The file that asks for it, as messages show it.
    pub file: String,
    /// The line in it, from 1: that of the field.
    pub line: u32,
    /// The field (`patches`).
    pub field: &'static str,
    /// What has no effect, and why.
    pub message: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, field, message } = self;
        write!(f, "{file}:{line}: {field}: {message}")
    }
}
