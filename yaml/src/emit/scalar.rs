//! Scalars: which style a string gets (`yaml_emitter_analyze_scalar`, `select_scalar_style`), and how each is written.

use super::{Emitter, INDENT};
use crate::scalar::needs_quotes;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// The style that go-yaml's encoder asks for (`stringv`).
pub(super) fn wanted_style(text: &str) -> Style {
    if text.contains('\n') {
        Style::Literal
    } else if needs_quotes(text) {
        Style::DoubleQuoted
    } else {
        Style::Plain
    }
}

/// As [`wanted_style`], of a key. Go writes a bare `<<`, which reads back as a merge.
pub(super) fn wanted_key_style(key: &str) -> Style {
    if key == "<<" { Style::DoubleQuoted } else { wanted_style(key) }
}

/// Whether the key can stand before a colon on one line.
pub(super) fn is_simple_key(key: &str) -> bool {
    key.len() <= 128 && !key.contains(is_break)
}

/// The style that the text can have; with `raw_separators` U+2028 and U+2029 are line ends like others.
/// Tabs that are `quoted_tabs` force double quotes, but are allowed in blocks.
pub(super) fn style(text: &str, wanted: Style, simple_key: bool, raw_separators: bool, quoted_tabs: bool) -> Style {
    if wanted == Style::Plain && is_word(text) {
        return Style::Plain;
    }
    let mut allowed = analyse(text, raw_separators, quoted_tabs);
    if quoted_tabs && text.contains('\t') {
        (allowed.plain, allowed.single_quoted) = (false, false);
    }
    let wanted = if simple_key && allowed.multiline { Style::DoubleQuoted } else { wanted };
    match wanted {
        Style::Plain if allowed.plain => Style::Plain,
        Style::Plain | Style::SingleQuoted if allowed.single_quoted => Style::SingleQuoted,
        Style::Literal if allowed.block && !simple_key => Style::Literal,
        _ => Style::DoubleQuoted,
    }
}

/// A word that can stand plain anywhere, as most texts are.
fn is_word(text: &str) -> bool {
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/' | b'_');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.as_bytes().iter().all(in_word)
}

struct Allowed {
    multiline: bool,
    plain: bool,
    single_quoted: bool,
    block: bool,
}

fn analyse(text: &str, raw_separators: bool, tabs_are_fine: bool) -> Allowed {
    if text.is_empty() {
        return Allowed { multiline: false, plain: true, single_quoted: true, block: false };
    }
    let mut indicators = text.starts_with("---") || text.starts_with("...");
    let (mut breaks, mut special) = (false, false);
    let (mut break_space, mut space_break) = (false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    let mut preceded_by_whitespace = true;
    let mut chars = text.chars().peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        let followed_by_whitespace = chars.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
        indicators |= match c {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' if first => {
                true
            }
            '?' | '-' if first => followed_by_whitespace,
            ':' => followed_by_whitespace,
            '#' => preceded_by_whitespace,
            _ => false,
        };
        special |= !(is_printable(c) || tabs_are_fine && c == '\t') || (!raw_separators && is_separator(c));
        let (space, line_break) = (c == ' ', is_break(c));
        break_space |= space && previous_break;
        space_break |= line_break && previous_space;
        breaks |= line_break;
        (previous_space, previous_break) = (space, line_break);
        preceded_by_whitespace = space || line_break || matches!(c, '\t' | '\0');
        first = false;
    }
    let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
    let at_edges = edge(text.chars().next()) || edge(text.chars().next_back());
    let unwritable = space_break || special;
    Allowed {
        multiline: breaks,
        plain: !(at_edges || break_space || unwritable || breaks || indicators),
        single_quoted: !(break_space || unwritable),
        block: !(text.ends_with(' ') || unwritable),
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// What libyaml prints as it is: nothing beyond the basic plane.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}') && c != '\u{feff}'
}

impl Emitter {
    pub(super) fn plain(&mut self, text: &str, allow_breaks: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        self.folded_words(text, allow_breaks, |_| false);
        self.whitespace = false;
        self.indention = false;
    }

    pub(super) fn single_quoted(&mut self, text: &str, allow_breaks: bool) {
        self.indicator("'", true, false, false);
        if text.contains(is_break) {
            self.single_quoted_lines(text);
        } else {
            self.folded_words(text, allow_breaks, |c| c == '\'');
        }
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// One line of text, broken at a lone space beyond the width; `doubled` characters are written twice.
    fn folded_words(&mut self, text: &str, allow_breaks: bool, doubled: fn(char) -> bool) {
        let fits = !allow_breaks || self.column + text.len() <= self.width || !text.contains(' ');
        if fits && !text.contains(doubled) {
            self.out.push_str(text);
            self.column += text.chars().count();
            self.indention &= !text.contains(|c| c != ' ');
            return;
        }
        let last = text.len().saturating_sub(1);
        let mut previous_space = false;
        for (at, c) in text.char_indices() {
            if c == ' ' {
                let lone = !previous_space && at > 0 && at < last && text.as_bytes()[at + 1] != b' ';
                if allow_breaks && lone && self.column > self.width {
                    self.write_indent();
                } else {
                    self.put(c);
                }
                previous_space = true;
            } else {
                if doubled(c) {
                    self.put(c);
                }
                self.put(c);
                self.indention = false;
                previous_space = false;
            }
        }
    }

    /// Line ends inside single quotes: the first of several is written twice, so that folding gives it back.
    fn single_quoted_lines(&mut self, text: &str) {
        let mut breaks = false;
        for c in text.chars() {
            if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break();
                }
                self.put_line_end(c);
                self.indention = true;
                breaks = true;
                continue;
            }
            if breaks {
                self.write_indent();
            }
            if c == '\'' {
                self.put(c);
            }
            self.put(c);
            self.indention = false;
            breaks = false;
        }
    }

    pub(super) fn double_quoted(&mut self, text: &str, allow_breaks: bool) {
        // libyaml looks for a byte-order mark at the text's begin, whatever the character: then all are escaped.
        let escape_all = text.starts_with('\u{feff}');
        let last = text.len().saturating_sub(1);
        let mut previous_space = false;
        self.indicator("\"", true, false, false);
        for (at, c) in text.char_indices() {
            if escape_all || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escaped(c);
                previous_space = false;
            } else if c == ' ' {
                if allow_breaks && !previous_space && self.column > self.width && at > 0 && at < last {
                    self.write_indent();
                    if text.as_bytes()[at + 1] == b' ' {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                previous_space = true;
            } else {
                self.put(c);
                previous_space = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escaped(&mut self, c: char) {
        self.put('\\');
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' | '\\' => c,
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let code = u32::from(c);
                let hex = match code {
                    0..=0xff => format!("x{code:02X}"),
                    0x100..=0xffff => format!("u{code:04X}"),
                    _ => format!("U{code:08X}"),
                };
                self.out.push_str(&hex);
                self.column += hex.len();
                return;
            }
        };
        self.put(short);
    }

    pub(super) fn literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        if text.starts_with([' ', '\n']) {
            self.indicator(&INDENT.to_string(), false, false, false);
        }
        if !text.ends_with('\n') {
            self.indicator("-", false, false, false);
        } else if text == "\n" || text.ends_with("\n\n") {
            self.indicator("+", false, false, false);
        }
        self.put_break();
        self.indention = true;
        self.whitespace = true;
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(is_break).unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            if !line.is_empty() {
                self.write_indent();
                self.out.push_str(line);
                self.column += line.chars().count();
                self.indention = false;
            }
            let mut after = after.chars();
            if let Some(line_end) = after.next() {
                self.put_line_end(line_end);
                self.indention = true;
            }
            rest = after.as_str();
        }
    }

    fn put_line_end(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
    }
}
