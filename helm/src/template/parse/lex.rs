//! From text to tokens. Go: `text/template/parse/lex.go`.

use memchr::memmem::find;

use super::token::{Item, Kind};
use crate::template::print::{is_letter_or_digit, is_print, quote};

const LEFT_COMMENT: &[u8] = b"/*";
const RIGHT_COMMENT: &[u8] = b"*/";
/// A trim marker and the space beside it.
const MARKER: usize = 2;

/// What actions stand between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiters {
    /// Before an action: `{{`.
    pub left: &'static str,
    /// Behind an action: `}}`.
    pub right: &'static str,
}

impl Default for Delimiters {
    fn default() -> Self {
        Self { left: "{{", right: "}}" }
    }
}

/// The state of the scanner.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    input: &'a [u8],
    delimiters: Delimiters,
    position: usize,
    /// Where the token being scanned begins.
    start: usize,
    parens: usize,
    line: usize,
    start_line: usize,
    in_action: bool,
    /// `break` and `continue` are keywords, as long as there are no functions of those names.
    pub(super) break_is_keyword: bool,
    pub(super) continue_is_keyword: bool,
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_space_byte(b: u8) -> bool {
    is_space(char::from(b))
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || is_letter_or_digit(c)
}

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|b| **b == b'\n').count()
}

fn left_trim_marker(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space_byte(*space))
}

fn right_trim_marker(text: &[u8]) -> bool {
    matches!(text, [space, b'-', ..] if is_space_byte(*space))
}

/// `%#U`.
fn show_char(c: Option<char>) -> String {
    match c {
        None => "U+FFFFFFFFFFFFFFFF".to_owned(),
        Some(c) if is_print(c) => format!("U+{:04X} '{c}'", u32::from(c)),
        Some(c) => format!("U+{:04X}", u32::from(c)),
    }
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a [u8], delimiters: Delimiters) -> Self {
        Self {
            input,
            delimiters,
            position: 0,
            start: 0,
            parens: 0,
            line: 1,
            start_line: 1,
            in_action: false,
            break_is_keyword: true,
            continue_is_keyword: true,
        }
    }

    /// The next token; after an error or the end only the end.
    pub(super) fn next_item(&mut self) -> Item<'a> {
        if self.in_action { self.inside_action() } else { self.text() }
    }

    fn rest(&self) -> &'a [u8] {
        &self.input[self.position..]
    }

    /// The next character; a byte that is part of none is U+FFFD.
    fn peek(&self) -> Option<char> {
        let rest = self.rest();
        match rest.first()? {
            b if b.is_ascii() => Some(char::from(*b)),
            _ => {
                let start = &rest[..rest.len().min(4)];
                let valid = start.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
                Some(valid.unwrap_or(char::REPLACEMENT_CHARACTER))
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        let broken = c == char::REPLACEMENT_CHARACTER && !self.rest().starts_with("\u{fffd}".as_bytes());
        self.position += if broken { 1 } else { c.len_utf8() };
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let found = self.peek().is_some_and(|c| valid.contains(c));
        if found {
            self.next();
        }
        found
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn item(&mut self, kind: Kind) -> Item<'a> {
        let item = Item {
            kind,
            position: self.start,
            text: &self.input[self.start..self.position],
            message: String::new(),
            line: self.start_line,
        };
        self.start = self.position;
        self.start_line = self.line;
        item
    }

    /// Skips what was passed without [`Lexer::next`].
    fn ignore(&mut self) {
        self.line += lines(&self.input[self.start..self.position]);
        self.start = self.position;
        self.start_line = self.line;
    }

    fn error(&mut self, message: impl Into<String>) -> Item<'a> {
        let item =
            Item { kind: Kind::Error, position: self.start, text: b"", message: message.into(), line: self.start_line };
        self.input = b"";
        self.start = 0;
        self.position = 0;
        item
    }

    /// Text up to the next action. Go: `lexText`.
    fn text(&mut self) -> Item<'a> {
        loop {
            let Some(length) = find(self.rest(), self.delimiters.left.as_bytes()) else {
                self.position = self.input.len();
                if self.position > self.start {
                    self.line += lines(&self.input[self.start..self.position]);
                    return self.item(Kind::Text);
                }
                return self.item(Kind::Eof);
            };
            if length > 0 {
                self.position += length;
                let delimiter_end = self.position + self.delimiters.left.len();
                let text = &self.input[self.start..self.position];
                let trim = if left_trim_marker(&self.input[delimiter_end..]) {
                    text.iter().rev().take_while(|b| is_space_byte(**b)).count()
                } else {
                    0
                };
                self.position -= trim;
                self.line += lines(&self.input[self.start..self.position]);
                let item = self.item(Kind::Text);
                self.position += trim;
                self.ignore();
                if !item.text.is_empty() {
                    return item;
                }
            }
            if let Some(item) = self.left_delimiter() {
                return item;
            }
        }
    }

    /// The start of an action; nothing for a whole comment. Go: `lexLeftDelim`.
    fn left_delimiter(&mut self) -> Option<Item<'a>> {
        self.position += self.delimiters.left.len();
        let after_marker = if left_trim_marker(self.rest()) { MARKER } else { 0 };
        if self.input[self.position + after_marker..].starts_with(LEFT_COMMENT) {
            self.position += after_marker;
            self.ignore();
            return self.comment();
        }
        let item = self.item(Kind::LeftDelim);
        self.in_action = true;
        self.position += after_marker;
        self.ignore();
        self.parens = 0;
        Some(item)
    }

    /// Go: `lexComment`.
    fn comment(&mut self) -> Option<Item<'a>> {
        self.position += LEFT_COMMENT.len();
        let Some(length) = find(self.rest(), RIGHT_COMMENT) else {
            return Some(self.error("unclosed comment"));
        };
        self.position += length + RIGHT_COMMENT.len();
        let Some(trim) = self.at_right_delimiter() else {
            return Some(self.error("comment ends before closing delimiter"));
        };
        self.position += if trim { MARKER } else { 0 } + self.delimiters.right.len();
        if trim {
            self.position += self.rest().iter().take_while(|b| is_space_byte(**b)).count();
        }
        self.ignore();
        None
    }

    /// Whether the action ends here, and whether the space after it is trimmed.
    fn at_right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if right_trim_marker(rest) && rest[MARKER..].starts_with(self.delimiters.right.as_bytes()) {
            return Some(true);
        }
        rest.starts_with(self.delimiters.right.as_bytes()).then_some(false)
    }

    fn right_delimiter(&mut self, trim: bool) -> Item<'a> {
        if trim {
            self.position += MARKER;
            self.ignore();
        }
        self.position += self.delimiters.right.len();
        let item = self.item(Kind::RightDelim);
        if trim {
            self.position += self.rest().iter().take_while(|b| is_space_byte(**b)).count();
            self.ignore();
        }
        self.in_action = false;
        item
    }

    /// Go: `lexInsideAction`.
    fn inside_action(&mut self) -> Item<'a> {
        if let Some(trim) = self.at_right_delimiter() {
            if self.parens == 0 {
                return self.right_delimiter(trim);
            }
            return self.error("unclosed left paren");
        }
        let Some(c) = self.peek() else { return self.error("unclosed action") };
        match c {
            _ if is_space(c) => return self.space(),
            '.' if !self.rest().get(1).is_some_and(u8::is_ascii_digit) => {
                self.next();
                return if self.rest().is_empty() { self.number_from(1) } else { self.name(Kind::Field) };
            }
            '.' | '+' | '-' | '0'..='9' => return self.number_from(0),
            _ if is_alphanumeric(c) => return self.identifier(),
            _ => {}
        }
        self.next();
        match c {
            '=' => self.item(Kind::Assign),
            ':' if self.next() == Some('=') => self.item(Kind::Declare),
            ':' => self.error("expected :="),
            '|' => self.item(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => self.raw(),
            '$' => self.name(Kind::Variable),
            '(' => {
                self.parens += 1;
                self.item(Kind::LeftParen)
            }
            ')' if self.parens == 0 => self.error("unexpected right paren"),
            ')' => {
                self.parens -= 1;
                self.item(Kind::RightParen)
            }
            _ if c.is_ascii() && is_print(c) => self.item(Kind::Char),
            _ => self.error(format!("unrecognized character in action: {}", show_char(Some(c)))),
        }
    }

    /// Go: `lexSpace`. The last space may belong to a trim marker.
    fn space(&mut self) -> Item<'a> {
        let mut count = 0;
        while self.peek().is_some_and(is_space) {
            self.next();
            count += 1;
        }
        let before = &self.input[self.position - 1..];
        if right_trim_marker(before) && before[MARKER..].starts_with(self.delimiters.right.as_bytes()) {
            self.position -= 1;
            if self.input[self.position] == b'\n' {
                self.line -= 1;
            }
            if count == 1 {
                return self.right_delimiter(true);
            }
        }
        self.item(Kind::Space)
    }

    /// Go: `lexIdentifier`.
    fn identifier(&mut self) -> Item<'a> {
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        if !self.at_terminator() {
            return self.error(format!("bad character {}", show_char(self.peek())));
        }
        let kind = match &self.input[self.start..self.position] {
            b"block" => Kind::Block,
            b"break" if self.break_is_keyword => Kind::Break,
            b"continue" if self.continue_is_keyword => Kind::Continue,
            b"define" => Kind::Define,
            b"else" => Kind::Else,
            b"end" => Kind::End,
            b"if" => Kind::If,
            b"range" => Kind::Range,
            b"nil" => Kind::Nil,
            b"template" => Kind::Template,
            b"with" => Kind::With,
            b"true" | b"false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.item(kind)
    }

    /// A field or variable after its `.` or `$`. Go: `lexFieldOrVariable`.
    fn name(&mut self, kind: Kind) -> Item<'a> {
        if self.at_terminator() {
            return self.item(if kind == Kind::Variable { Kind::Variable } else { Kind::Dot });
        }
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        if !self.at_terminator() {
            return self.error(format!("bad character {}", show_char(self.peek())));
        }
        self.item(kind)
    }

    /// Whether an identifier may end here.
    fn at_terminator(&self) -> bool {
        self.peek().is_none_or(|c| is_space(c) || matches!(c, '.' | ',' | '|' | ':' | ')' | '('))
            || self.rest().starts_with(self.delimiters.right.as_bytes())
    }

    /// A string or character constant after its opening quote.
    fn quoted(&mut self, close: char, kind: Kind, unterminated: &str) -> Item<'a> {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.next(), None | Some('\n')) => {}
                None | Some('\\' | '\n') => return self.error(unterminated),
                Some(c) if c == close => return self.item(kind),
                Some(_) => {}
            }
        }
    }

    fn raw(&mut self) -> Item<'a> {
        loop {
            match self.next() {
                None => return self.error("unterminated raw quoted string"),
                Some('`') => return self.item(Kind::RawString),
                Some(_) => {}
            }
        }
    }

    /// A number, of which `back` characters have been taken already. Go: `lexNumber`.
    fn number_from(&mut self, back: usize) -> Item<'a> {
        self.position -= back;
        let bad = |lexer: &mut Self| {
            let text = quote(&lexer.input[lexer.start..lexer.position]);
            lexer.error(format!("bad number syntax: {text}"))
        };
        if !self.scan_number() {
            return bad(self);
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || self.input[self.position - 1] != b'i' {
                return bad(self);
            }
            return self.item(Kind::Complex);
        }
        self.item(Kind::Number)
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        let mut exponent = "eE";
        if self.accept("0") {
            (digits, exponent) = if self.accept("xX") {
                ("0123456789abcdefABCDEF_", "pP")
            } else if self.accept("oO") {
                ("01234567_", "")
            } else if self.accept("bB") {
                ("01_", "")
            } else {
                (digits, exponent)
            };
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if self.accept(exponent) {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }
}
