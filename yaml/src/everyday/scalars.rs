//! Scalars in each style, over as many lines as they take.

use std::borrow::Cow;

use granit_parser::ScalarStyle;
use memchr::{memchr, memchr3_iter};

use super::{Line, Lines, Stop};
use crate::Position;

/// The parser looks no farther than 1,024 characters for the colon after a key.
const LONGEST_KEY: usize = 1_000;

/// A key that stands at the begin of a text.
pub(super) struct Key<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) style: ScalarStyle,
    /// Where its colon is.
    pub(super) colon: usize,
}

/// The key that a text begins with, if it does.
pub(super) fn key(text: &str) -> Result<Option<Key<'_>>, Stop> {
    let bytes = text.as_bytes();
    let (colon, style) = match bytes.first() {
        Some(b'"' | b'\'') => match closing(text, 0) {
            None => return Ok(None),
            Some(close) if bytes.get(close + 1) == Some(&b':') => (close + 1, quotes(bytes[0])),
            Some(close) if text[close + 1..].trim_start_matches(' ').starts_with(':') => return Err(Stop::NotEveryday),
            Some(_) => return Ok(None),
        },
        _ if !may_begin_plain(bytes) => return Ok(None),
        _ => match plain_end(text)? {
            End::Colon(colon) => (colon, ScalarStyle::Plain),
            End::Comment(_) | End::Line => return Ok(None),
        },
    };
    let is_value_apart = matches!(bytes.get(colon + 1), None | Some(b' '));
    if !is_value_apart || colon > LONGEST_KEY || bytes[..colon].ends_with(b" ") {
        return Err(Stop::NotEveryday);
    }
    let text = if style == ScalarStyle::Plain {
        Cow::Borrowed(&text[..colon])
    } else {
        unescaped(&text[1..colon - 1], style)?
    };
    Ok(Some(Key { text, style, colon }))
}

pub(super) fn quotes(quote: u8) -> ScalarStyle {
    if quote == b'"' { ScalarStyle::DoubleQuoted } else { ScalarStyle::SingleQuoted }
}

/// Where the quote at `at` is closed on the same line.
pub(super) fn closing(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    closing_after(text, at + 1, bytes[at])
}

fn closing_after(text: &str, from: usize, quote: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        if *byte == quote {
            if quote == b'"' || bytes.get(at + 1) != Some(&quote) {
                return Some(at);
            }
            at += 1;
        } else if *byte == b'\\' && quote == b'"' {
            at += 1;
        }
        at += 1;
    }
    None
}

/// What stands between quotes, of one line.
pub(super) fn unescaped(raw: &str, style: ScalarStyle) -> Result<Cow<'_, str>, Stop> {
    if style == ScalarStyle::SingleQuoted {
        return Ok(if memchr(b'\'', raw.as_bytes()).is_some() {
            Cow::Owned(raw.replace("''", "'"))
        } else {
            Cow::Borrowed(raw)
        });
    }
    let Some(first) = memchr(b'\\', raw.as_bytes()) else { return Ok(Cow::Borrowed(raw)) };
    let mut text = String::with_capacity(raw.len());
    text.push_str(&raw[..first]);
    let mut rest = raw[first..].chars();
    while let Some(c) = rest.next() {
        text.push(match c {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(c @ ('"' | '\\')) => c,
                _ => return Err(Stop::NotEveryday),
            },
            c => c,
        });
    }
    Ok(Cow::Owned(text))
}

/// Whether an unquoted scalar may begin so.
fn may_begin_plain(bytes: &[u8]) -> bool {
    match bytes {
        [] => false,
        [b'-', next, ..] => *next != b' ',
        [first, ..] => !matches!(
            first,
            b'-' | b'?'
                | b':'
                | b','
                | b'['
                | b']'
                | b'{'
                | b'}'
                | b'#'
                | b'&'
                | b'*'
                | b'!'
                | b'|'
                | b'>'
                | b'\''
                | b'"'
                | b'%'
                | b'@'
                | b'`'
                | b'\t'
        ),
    }
}

enum End {
    /// At the colon of a key.
    Colon(usize),
    /// At the space before a comment.
    Comment(usize),
    /// With the line.
    Line,
}

/// Where an unquoted text of one line ends.
fn plain_end(text: &str) -> Result<End, Stop> {
    let bytes = text.as_bytes();
    for at in memchr3_iter(b':', b'#', b'\t', bytes) {
        match bytes[at] {
            b':' if matches!(bytes.get(at + 1), None | Some(b' ')) => return Ok(End::Colon(at)),
            b'#' if at > 0 && bytes[at - 1] == b' ' => return Ok(End::Comment(at - 1)),
            b'\t' => return Err(Stop::NotEveryday),
            _ => {}
        }
    }
    Ok(End::Line)
}

/// One line of an unquoted text, and whether another may follow.
fn plain_line(text: &str) -> Result<(&str, bool), Stop> {
    match plain_end(text)? {
        End::Colon(_) => Err(Stop::NotEveryday),
        End::Comment(end) => Ok((text[..end].trim_end_matches(' '), false)),
        End::Line => Ok((text.trim_end_matches(' '), true)),
    }
}

/// An unquoted text; lines that stand further in than `parent` continue it.
pub(super) fn plain<'t>(lines: &mut Lines<'t>, line: Line<'t>, at: usize, parent: usize) -> Result<Cow<'t, str>, Stop> {
    if !may_begin_plain(&line.text.as_bytes()[at..]) {
        return Err(Stop::NotEveryday);
    }
    let (first, mut goes_on) = plain_line(line.from(at))?;
    let mut text = Cow::Borrowed(first);
    let mut ahead = *lines;
    let mut breaks = 0;
    while goes_on && let Some(next) = ahead.next() {
        breaks += 1;
        let indent = next.indent();
        if indent == next.text.len() {
            continue;
        }
        let content = next.from(indent);
        if indent <= parent || content.starts_with('#') {
            break;
        }
        if content.starts_with("- ") || content.starts_with("? ") {
            return Err(Stop::NotEveryday);
        }
        let (more, another) = plain_line(content)?;
        fold(text.to_mut(), breaks);
        text.to_mut().push_str(more);
        (breaks, goes_on) = (0, another);
        *lines = ahead;
    }
    Ok(text)
}

/// A line end becomes a space, several lose one.
fn fold(text: &mut String, breaks: usize) {
    if breaks == 1 {
        text.push(' ');
    } else {
        text.extend(std::iter::repeat_n('\n', breaks - 1));
    }
}

/// A text in quotes.
pub(super) fn quoted<'t>(
    lines: &mut Lines<'t>,
    line: Line<'t>,
    at: usize,
    parent: usize,
) -> Result<(Cow<'t, str>, ScalarStyle), Stop> {
    let quote = line.text.as_bytes()[at];
    let style = quotes(quote);
    if let Some(close) = closing(line.text, at) {
        line.must_be_over(close + 1)?;
        return Ok((unescaped(&line.text[at + 1..close], style)?, style));
    }
    let mut text = unescaped(before_break(line.from(at + 1))?, style)?.into_owned();
    let mut breaks = 0;
    for next in lines {
        breaks += 1;
        let indent = next.indent();
        if indent == next.text.len() {
            continue;
        }
        if indent <= parent || next.from(indent).starts_with('\t') {
            return Err(Stop::NotEveryday);
        }
        fold(&mut text, breaks);
        breaks = 0;
        if let Some(close) = closing_after(next.text, indent, quote) {
            next.must_be_over(close + 1)?;
            text.push_str(&unescaped(&next.text[indent..close], style)?);
            return Ok((Cow::Owned(text), style));
        }
        text.push_str(&unescaped(before_break(next.from(indent))?, style)?);
    }
    Err(Stop::NotEveryday)
}

/// What counts of a line whose quotes are closed on a later one.
fn before_break(text: &str) -> Result<&str, Stop> {
    let text = text.trim_end_matches(' ');
    if text.ends_with(['\t', '\\']) { Err(Stop::NotEveryday) } else { Ok(text) }
}

/// A text behind `|` or `>`.
pub(super) struct Block {
    pub(super) text: String,
    pub(super) style: ScalarStyle,
    pub(super) place: Position,
}

/// Room for most texts behind `|` or `>`, in bytes.
const BLOCK: usize = 256;

/// A text behind `|` or `>`, further in than `parent`. Go: scannerc.go (`yaml_parser_scan_block_scalar`).
pub(super) fn block<'t>(lines: &mut Lines<'t>, line: Line<'t>, at: usize, parent: usize) -> Result<Block, Stop> {
    let folded = line.text.as_bytes()[at] == b'>';
    let chomp = line.text.as_bytes().get(at + 1).copied().filter(|byte| matches!(byte, b'-' | b'+'));
    line.must_be_over(at + 1 + usize::from(chomp.is_some()))?;
    let (mut breaks, indent, place) = block_begin(lines, parent)?;
    let mut text = String::with_capacity(BLOCK);
    let mut broken = false;
    let mut blank_before = false;
    let mut ahead = *lines;
    while let Some(next) = ahead.next() {
        let spaces = next.indent();
        if spaces == next.text.len() && spaces <= indent {
            if !next.ended && spaces > 0 {
                return Err(Stop::NotEveryday);
            }
            breaks += 1;
            *lines = ahead;
            continue;
        }
        if spaces < indent {
            break;
        }
        let content = next.from(indent);
        let blank = content.starts_with([' ', '\t']);
        if broken && folded && !blank_before && !blank {
            if breaks == 0 {
                text.push(' ');
            }
        } else if broken {
            text.push('\n');
        }
        text.extend(std::iter::repeat_n('\n', breaks));
        text.push_str(content);
        (breaks, broken, blank_before) = (0, next.ended, blank);
        *lines = ahead;
    }
    if broken && chomp != Some(b'-') {
        text.push('\n');
    }
    if chomp == Some(b'+') {
        text.extend(std::iter::repeat_n('\n', breaks));
    }
    let style = if folded { ScalarStyle::Folded } else { ScalarStyle::Literal };
    Ok(Block { text, style, place })
}

/// Reads the empty lines before a block: how many, how far in the first line of text stands, and its place.
fn block_begin(lines: &mut Lines<'_>, parent: usize) -> Result<(usize, usize, Position), Stop> {
    let mut ahead = *lines;
    let (mut breaks, mut longest) = (0, 0);
    while let Some(next) = ahead.next() {
        let spaces = next.indent();
        if spaces == next.text.len() {
            breaks += 1;
            longest = longest.max(spaces);
            *lines = ahead;
        } else if spaces <= parent || spaces < longest || next.from(spaces).starts_with('\t') {
            break;
        } else {
            return Ok((breaks, spaces, next.place(spaces)));
        }
    }
    // An empty one, or one that is not right.
    Err(Stop::NotEveryday)
}
