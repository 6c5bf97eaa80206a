//! Lists and mappings between brackets as libyaml, on which Go's library rests, finds them: a reader of YAML 1.1, where the
//! parser reads YAML 1.2.
//!
//! There a colon before a comma or a closing bracket belongs to the text before it (`[--prefix=a:, b]`), a question mark
//! ends a text and begins a key, a lone `-` is a text, and a comment needs no space before it.
//!
//! Where the parser stops at what it does not know before it tells of the bracket, its error stands.
//!
//! Go: scannerc.go (`yaml_parser_fetch_next_token`, `yaml_parser_scan_plain_scalar`).

use std::borrow::Cow;

use granit_parser::{Event, Parser, StructureStyle};

use crate::compose::parser_options;
use crate::{Error, ErrorKind, Limits, Position};

/// As often the parser is asked where brackets open.
const MAX_PASSES: usize = 16;

/// The text with everything between brackets written so that the parser finds what libyaml finds. Lines stay where they are.
///
/// # Errors
/// Something between brackets that libyaml refuses and the parser would not.
pub fn with_libyaml_brackets(text: &str) -> Result<Cow<'_, str>, Error> {
    let mut text = Cow::Borrowed(text);
    if !may_differ(&text) {
        return Ok(text);
    }
    let mut read_to = 0;
    for _ in 0..MAX_PASSES {
        let Some((rewritten, end)) = one_pass(&text, read_to)? else { break };
        text = Cow::Owned(rewritten);
        read_to = end;
    }
    Ok(text)
}

/// Whether there is anything for which libyaml has rules of its own; nearly never.
fn may_differ(text: &str) -> bool {
    if !text.contains(['[', '{']) {
        return false;
    }
    let special = |pair: &[u8]| {
        matches!(
            pair,
            [b':', b',' | b']' | b'}' | b':']
                | [b'-', b',' | b']' | b'}']
                | [b'[' | b'{' | b']' | b'}' | b',', b'#']
                | [b'[' | b'{', b':']
                | [b'"' | b'\'', b'#']
        )
    };
    text.as_bytes().windows(2).any(special)
        || [", :", "[ :", "{ :"].iter().any(|spaced| text.contains(spaced))
        || may_hold_question_mark(text)
}

/// Whether a question mark may stand between brackets and outside of quotes: one of the same line, or of several.
fn may_hold_question_mark(text: &str) -> bool {
    let Some(first) = text.find('?') else { return false };
    let mut spans_lines = text.starts_with(['[', '{']);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.find('?').filter(|_| at + line.len() > first).is_some_and(|mark| {
            let before = &line[..mark];
            before.matches('"').count() % 2 == 0 && (spans_lines || before.contains(['[', '{']))
        });
        if bare {
            return true;
        }
        spans_lines |= line.trim_end().ends_with(['[', '{', ',']);
        at += line.len();
    }
    false
}

/// Rewrites all that opens behind `from`, as far as the parser comes; the text and how far it is settled. `None` where
/// nothing was to do.
fn one_pass(text: &str, from: usize) -> Result<Option<(String, usize)>, Error> {
    let options = parser_options(Limits::default().depth);
    let mut out = String::new();
    let (mut copied, mut seen, mut changed) = (0, from, false);
    for next in Parser::new_from_str_with_options(text, options) {
        // An error may be due to what has been rewritten; otherwise it comes again.
        let Ok((event, span)) = next else { break };
        let (Event::SequenceStart(StructureStyle::Flow, ..) | Event::MappingStart(StructureStyle::Flow, ..)) = event
        else {
            continue;
        };
        let Some(start) = span.start.byte_offset().filter(|start| *start >= seen) else { continue };
        let Some(start) = text.get(start..).and_then(|rest| rest.find(['[', '{'])).map(|at| start + at) else {
            continue;
        };
        let mut region = Region { text, at: start, out: String::new(), last: Last::Nothing };
        region.rewrite()?;
        seen = region.at.max(start + 1);
        if text.get(start..seen) != Some(region.out.as_str()) {
            out.push_str(text.get(copied..start).unwrap_or_default());
            out.push_str(&region.out);
            copied = seen;
            changed = true;
        }
    }
    if !changed {
        return Ok(None);
    }
    let settled = out.len();
    out.push_str(text.get(copied..).unwrap_or_default());
    Ok(Some((out, settled)))
}

/// What stands before a place between brackets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// An opening bracket, or a comma.
    Nothing,
    /// A text, or a collection.
    Content,
    /// The question mark of a key.
    Key,
    /// The colon of a value.
    Value,
}

struct Region<'t> {
    text: &'t str,
    at: usize,
    out: String,
    last: Last,
}

impl Region<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Takes over the text up to a place.
    fn take_to(&mut self, end: usize) {
        self.out.push_str(self.text.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    /// From an opening bracket to the one that closes it, or to the end of the text.
    fn rewrite(&mut self) -> Result<(), Error> {
        let mut depth = 0_usize;
        while let Some(byte) = self.byte(self.at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.take_to(self.at + 1),
                b'#' => self.comment(),
                b'[' | b'{' => {
                    depth += 1;
                    self.last = Last::Nothing;
                    self.take_to(self.at + 1);
                }
                b']' | b'}' => {
                    depth = depth.saturating_sub(1);
                    self.last = Last::Content;
                    self.take_to(self.at + 1);
                    if depth == 0 {
                        if self.byte(self.at) == Some(b'#') {
                            self.out.push(' ');
                        }
                        return Ok(());
                    }
                }
                b',' => {
                    self.last = Last::Nothing;
                    self.take_to(self.at + 1);
                }
                b'"' | b'\'' => self.quoted(byte),
                b'?' => self.indicator(Last::Key),
                b':' if matches!(self.last, Last::Nothing | Last::Value) => {
                    return Err(self.refuse("a value between brackets has no key"));
                }
                b':' => self.indicator(Last::Value),
                b'&' | b'*' | b'!' => self.word(byte),
                b'-' if matches!(self.byte(self.at + 1), Some(b' ' | b'\t')) => self.take_to(self.at + 1),
                b'|' | b'>' | b'%' | b'@' | b'`' => self.take_to(self.at + 1),
                _ => self.plain()?,
            }
        }
        Ok(())
    }

    fn comment(&mut self) {
        if !self.out.ends_with([' ', '\t', '\n']) {
            self.out.push(' ');
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.take_to(self.at + rest.find('\n').unwrap_or(rest.len()));
    }

    fn quoted(&mut self, quote: u8) {
        let mut end = self.at + 1;
        while let Some(byte) = self.byte(end) {
            end += 1;
            if byte == b'\\' && quote == b'"' {
                end += 1;
            } else if byte == quote {
                if quote == b'\'' && self.byte(end) == Some(quote) {
                    end += 1;
                } else {
                    break;
                }
            }
        }
        self.last = Last::Content;
        self.take_to(end.min(self.text.len()));
    }

    /// A `?` or `:`, with the space that the parser wants after it.
    fn indicator(&mut self, as_last: Last) {
        self.last = as_last;
        self.take_to(self.at + 1);
        if !matches!(self.byte(self.at), Some(b' ' | b'\t' | b'\n' | b'\r') | None) {
            self.out.push(' ');
        }
    }

    /// An anchor, an alias or a tag.
    fn word(&mut self, first: u8) {
        if first == b'*' {
            self.last = Last::Content;
        }
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let length = rest.find(|c: char| c.is_ascii_whitespace() || ",[]{}".contains(c)).unwrap_or(rest.len());
        self.take_to(self.at + 1 + length);
    }

    /// A text without quotes: it gets some where the parser would read something else.
    fn plain(&mut self) -> Result<(), Error> {
        let start = self.at;
        let (mut at, mut end) = (start, start);
        'text: loop {
            if self.byte(at) == Some(b'#') {
                break;
            }
            while let Some(byte) = self.byte(at) {
                let after = self.byte(at + 1);
                match byte {
                    b' ' | b'\t' | b'\n' | b'\r' => break,
                    b':' if matches!(after, Some(b' ' | b'\t' | b'\n' | b'\r') | None) => break 'text,
                    b',' | b'[' | b']' | b'{' | b'}' => break 'text,
                    b'?' => {
                        self.at = at;
                        return Err(self.refuse("a text between brackets holds a question mark (quote it)"));
                    }
                    _ => at += 1,
                }
                end = at;
            }
            let blanks = self.text.get(at..).unwrap_or_default();
            let content = blanks.trim_start_matches([' ', '\t', '\n', '\r']);
            if content.is_empty() {
                break;
            }
            at += blanks.len() - content.len();
        }
        self.last = Last::Content;
        let plain = self.text.get(start..end).unwrap_or_default();
        if plain.ends_with(':') || plain == "-" {
            self.out.push('\'');
            self.out.push_str(&plain.replace('\'', "''"));
            self.out.push('\'');
            self.at = end;
        } else {
            self.take_to(end);
        }
        Ok(())
    }

    fn refuse(&self, message: &str) -> Error {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let count = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let position = Position {
            line: count(before.matches('\n').count() + 1),
            column: count(before.get(line_start..).unwrap_or_default().chars().count() + 1),
        };
        Error::at(ErrorKind::Syntax, message, position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_written_as_libyaml_reads_them() {
        for (text, expected) in [
            ("[a:, b]", Ok("['a:', b]")),
            ("k: [--x=y:, it's:]", Ok("k: ['--x=y:', 'it''s:']")),
            ("{a: b:, c: d}", Ok("{a: 'b:', c: d}")),
            ("{a:}", Ok("{'a:'}")),
            ("[?a]", Ok("[? a]")),
            ("k: [-]", Ok("k: ['-']")),
            ("k: [[a]#c\n, b#c, d] # e\n", Ok("k: [[a] #c\n, b#c, d] # e\n")),
            ("k: [a, [#c\n b]]", Ok("k: [a, [ #c\n b]]")),
            ("[a :]", Ok("['a :']")),
            ("{\"a:\":\"b:,\",'c:,':[d:]}", Ok("{\"a:\": \"b:,\",'c:,': ['d:']}")),
            ("a: {b: c:}\nd: {e: f:}\ng: [h:]\n", Ok("a: {b: 'c:'}\nd: {e: 'f:'}\ng: ['h:']\n")),
            ("[http://a?b]", Err((1, 10))),
            ("x: y\nz: {a?: b}", Err((2, 6))),
            ("[::]", Err((1, 2))),
            ("{: x}", Err((1, 2))),
            // Not between brackets, and nothing to do.
            (
                "a: x?[y:]\n'b:,[': \"[c:]\"\nd: |\n  [e:]\n#[f:]\n",
                Ok("a: x?[y:]\n'b:,[': \"[c:]\"\nd: |\n  [e:]\n#[f:]\n"),
            ),
            ("[a: b, \"c?\": d, e-, -f, --]", Ok("[a: b, \"c?\": d, e-, -f, --]")),
        ] {
            let read = with_libyaml_brackets(text);
            let read = read.as_ref().map(|text| &**text).map_err(|error| {
                let Position { line, column } = error.position().unwrap_or_default();
                (line, column)
            });
            assert_eq!(read, expected, "{text}");
        }
    }
}
