//! The only place that prints: data on stdout, everything else on stderr. Control characters from clusters and
//! repositories are escaped, so that nobody's object name can drive the reader's terminal.

use crate::error::CliError;
use clap::ValueEnum;
use serde::Serialize;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

/// How lists and objects are written (`-o`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns, for people.
    #[default]
    Table,
    /// More columns.
    Wide,
    /// JSON; several objects are a `List`.
    Json,
    /// YAML; several objects are several documents.
    Yaml,
}

/// Where a command writes. Tests give their own writers.
pub struct Output {
    data: Box<dyn Write>,
    notes: Box<dyn Write>,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

impl Output {
    /// stdout and stderr.
    #[must_use]
    pub fn stdio() -> Self {
        Self::new(Box::new(BufWriter::new(io::stdout())), Box::new(io::stderr()))
    }

    /// Data to `data`, the rest to `notes`.
    #[must_use]
    pub fn new(data: Box<dyn Write>, notes: Box<dyn Write>) -> Self {
        Self { data, notes }
    }

    /// Text on stdout as it is, for data that has an encoding of its own (YAML, JSON, a token).
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn raw(&mut self, text: &str) -> Result<(), CliError> {
        Ok(self.data.write_all(text.as_bytes())?)
    }

    /// A line on stdout, control characters escaped.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn line(&mut self, text: &str) -> Result<(), CliError> {
        Ok(writeln!(self.data, "{}", escape(text))?)
    }

    /// A value as JSON on stdout, indented. What drives a terminal stands in it as JSON can write it, too: `\u009b`.
    ///
    /// # Errors
    /// [`CliError::Output`], also where the value cannot be serialised.
    pub fn json<T: Serialize>(&mut self, value: &T) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        Ok(writeln!(self.data, "{}", escape_json(&text))?)
    }

    /// A value as YAML on stdout.
    ///
    /// # Errors
    /// [`CliError::Output`], also where the value cannot be serialised.
    pub fn yaml<T: Serialize>(&mut self, value: &T) -> Result<(), CliError> {
        self.raw(&k8s_yaml::to_string(&serde_json::to_value(value).map_err(io::Error::from)?))
    }

    /// A table on stdout: the header, then the rows. Nothing but the header where there are no rows.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn table(&mut self, header: &[&str], rows: &[Vec<String>]) -> Result<(), CliError> {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(header.iter().copied());
        for row in rows {
            table.add_row(row.iter().map(|cell| escape(cell)));
        }
        for line in table.lines() {
            writeln!(self.data, "{}", line.trim_end().strip_prefix(' ').unwrap_or(&line))?;
        }
        Ok(())
    }

    /// A line for people on stderr: progress, warnings, hints. A stderr that is gone is no failure.
    pub fn note(&mut self, text: &str) {
        for line in text.lines() {
            let _gone = writeln!(self.notes, "{}", escape(line));
        }
    }

    /// A failure, on stderr.
    pub fn error(&mut self, error: &CliError) {
        self.note(&format!("error: {error}"));
    }

    /// Writes what is still held back.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn finish(&mut self) -> Result<(), CliError> {
        Ok(self.data.flush()?)
    }
}

/// What clap has to say (help, version, wrong use), where it belongs, with the exit status.
pub fn usage(error: &clap::Error) -> ExitCode {
    let _gone = error.print();
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

/// The first `most` of several names, and how many there are besides: `a, b and 3 more`.
#[must_use]
pub fn some_of<N: AsRef<str>>(names: impl ExactSizeIterator<Item = N>, most: usize) -> String {
    let more = names.len().saturating_sub(most);
    let mut text = String::new();
    for name in names.take(most) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name.as_ref());
    }
    if more > 0 { format!("{text} and {more} more") } else { text }
}

/// `text` with control characters as `\u{…}`, tabs excepted; also the ones that turn the direction of text around.
#[must_use]
pub fn escape(text: &str) -> String {
    if !text.chars().any(drives_terminals) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut out, c| {
        if drives_terminals(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
        out
    })
}

fn drives_terminals(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same JSON: outside of its texts there is no such character but the ends of lines.
fn escape_json(text: &str) -> String {
    let harmful = |c: char| c != '\n' && drives_terminals(c);
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if harmful(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(escape("plain é\ttext"), "plain é\ttext");
        assert_eq!(escape("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(escape("a\u{202e}b\r"), "a\\u{202e}b\\u{d}");
    }
}
