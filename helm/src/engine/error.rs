//! Errors as Helm words them. Helm: `pkg/engine/engine.go`, `cleanupParseError`, `reformatExecErrorMsg`.

use std::fmt;

use crate::template::{ExecError, ParseError};

/// The texts between which `required` and `fail` put their messages, so that they can be found in the text of an error.
const START: &str = "HELM_ERR_START";
const END: &str = "HELM_ERR_END";

/// A message that is to be all that is said about an error, besides its place. For `required` and `fail`.
pub fn warning(message: &str) -> String {
    format!("{START}{message}{END}")
}

/// Why a chart could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    file: String,
    text: String,
}

impl Error {
    /// The file that could not be parsed or rendered.
    pub fn file(&self) -> &str {
        &self.file
    }

    pub(super) fn parse(file: &str, error: &ParseError) -> Self {
        let text = error.to_string();
        let mut tokens = text.split(": ");
        let (location, message) = (tokens.nth(1), text.rsplit(": ").next());
        let text = match (location, message) {
            (Some(location), Some(message)) => format!("parse error at ({location}): {message}"),
            _ => format!("parse error in ({file}): {text}"),
        };
        Self { file: file.to_owned(), text }
    }

    pub(super) fn execute(file: &str, error: &ExecError) -> Self {
        Self { file: file.to_owned(), text: reformatted(file, error) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}

/// Helm: `reformatExecErrorMsg`.
fn reformatted(file: &str, error: &ExecError) -> String {
    let text = error.to_string();
    if !error.is_located() {
        return text;
    }
    let mut tokens = text.splitn(3, ": ").skip(1);
    let (Some(location), Some(message)) = (tokens.next(), tokens.next()) else {
        return format!("execution error in ({file}): {text}");
    };
    if let Some(warning) = between(message) {
        return format!("execution error at ({location}): {warning}");
    }
    let mut traces: Vec<Trace<'_>> = Vec::new();
    for cause in std::iter::once(text.as_str()).chain(error.causes()) {
        let Some(trace) = Trace::of(cause) else { return error.to_string() };
        if traces.last() != Some(&trace) {
            traces.push(trace);
        }
    }
    let all: String = traces.iter().map(Trace::to_string).collect();
    all.trim().to_owned()
}

/// The message of [`warning`] in a text: from the first start to the last end.
fn between(text: &str) -> Option<&str> {
    let (_, after) = text.split_once(START)?;
    after.rsplit_once(END).map(|(message, _)| message)
}

/// One error of the chain, taken apart. Helm: `TraceableError`.
#[derive(Debug, PartialEq, Eq, Default)]
struct Trace<'a> {
    location: &'a str,
    executing: String,
    message: &'a str,
}

impl<'a> Trace<'a> {
    /// Helm: `parseTemplateExecErrorString`.
    fn of(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("template: ")?;
        if rest.starts_with("no template ") {
            return Some(Self { message: text, ..Self::default() });
        }
        Self::executing(rest).or_else(|| Self::simple(rest))
    }

    /// `name: executing "function" at <place>: message`.
    fn executing(rest: &'a str) -> Option<Self> {
        let (location, after) = rest.split_once(": executing ")?;
        let after = after.strip_prefix('"')?;
        let (function, after) = after.split_once('"')?;
        let (place, message) = after.strip_prefix(" at <")?.split_once(">: ")?;
        let executing = format!("executing \"{function}\" at <{place}>:");
        Some(Self { location, executing, message: before_next(message) })
    }

    /// `name: message`.
    fn simple(rest: &'a str) -> Option<Self> {
        let (location, message) = rest.rsplit_once(": ")?;
        Some(Self { location, executing: String::new(), message: before_next(message) })
    }
}

/// What is before the next error of the chain.
fn before_next(message: &str) -> &str {
    message.split_once(" template:").map_or(message, |(before, _)| before)
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.location.is_empty() {
            write!(f, "{}\n  ", self.location)?;
        }
        if !self.executing.is_empty() {
            write!(f, "{}\n    ", self.executing)?;
        }
        if !self.message.is_empty() {
            writeln!(f, "{}", self.message)?;
        }
        Ok(())
    }
}
