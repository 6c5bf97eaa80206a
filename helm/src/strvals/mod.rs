//! The grammar of `--set` and its relatives. Helm: `pkg/strvals`.
//!
//! `a.b=1` sets a key in a table, `l[2]=x` one of a list, `l={a,b}` a whole list; a backslash takes the meaning from the
//! character behind it. Several settings are separated by commas.

mod parser;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use parser::{Mode, Parser};

/// The largest index of a list.
pub const MAX_INDEX: usize = 65536;

/// How many tables a key may lead through.
pub const MAX_NESTING: usize = 30;

/// Why an argument cannot be understood or does not fit the values, in Helm's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Error {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// `--set`: integers, `true`, `false` and `null` are what they look like, everything else is a string.
///
/// # Errors
/// What the grammar does not allow, or what does not fit the values.
pub fn set(argument: &str, values: &mut Map<String, Value>) -> Result<(), Error> {
    Parser::new(argument, Mode::Typed).parse(values)
}

/// `--set-string`: every value is a string.
///
/// # Errors
/// As [`set`].
pub fn set_string(argument: &str, values: &mut Map<String, Value>) -> Result<(), Error> {
    Parser::new(argument, Mode::Strings).parse(values)
}

/// `--set-json`: every value is JSON.
///
/// # Errors
/// As [`set`], and what is no JSON.
pub fn set_json(argument: &str, values: &mut Map<String, Value>) -> Result<(), Error> {
    Parser::new(argument, Mode::Json).parse(values)
}

/// `--set-file`: every value is the path of a file whose text `read` gives.
///
/// # Errors
/// As [`set`], and what `read` says.
pub fn set_file(
    argument: &str,
    values: &mut Map<String, Value>,
    read: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<(), Error> {
    Parser::new(argument, Mode::File(read)).parse(values)
}

/// `--set-literal`: one key, whose value is the rest of the argument as it stands.
///
/// # Errors
/// As [`set`].
pub fn set_literal(argument: &str, values: &mut Map<String, Value>) -> Result<(), Error> {
    Parser::new(argument, Mode::Literal).parse(values)
}
