//! From text to tokens. Go: `text/template/parse/lex.go`.

use memchr::memchr;
use memchr::memmem::find;

use super::list::Span;
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
    in_action: bool,
    /// What the last token complains about, if it is an error.
    pub(super) message: String,
    /// `break` and `continue` are keywords, as long as there are no functions of those names.
    pub(super) break_is_keyword: bool,
    pub(super) continue_is_keyword: bool,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || is_letter_or_digit(c)
}

fn left_trim_marker(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space(*space))
}

fn right_trim_marker(text: &[u8]) -> bool {
    matches!(text, [space, b'-', ..] if is_space(*space))
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
            in_action: false,
            message: String::new(),
            break_is_keyword: true,
            continue_is_keyword: true,
        }
    }

    /// The next token; after an error or the end only the end.
    pub(super) fn next_item(&mut self) -> Item {
        if self.in_action { self.inside_action() } else { self.text() }
    }

    fn rest(&self) -> &'a [u8] {
        &self.input[self.position..]
    }

    fn byte(&self) -> Option<u8> {
        self.input.get(self.position).copied()
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

    fn skip(&mut self, c: char) {
        let broken = c == char::REPLACEMENT_CHARACTER && !self.rest().starts_with("\u{fffd}".as_bytes());
        self.position += if broken { 1 } else { c.len_utf8() };
    }

    /// Skips letters, digits and underscores.
    fn skip_word(&mut self) {
        loop {
            let rest = self.rest();
            let ascii = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
            self.position += ascii;
            match rest.get(ascii) {
                Some(b) if !b.is_ascii() => match self.peek() {
                    Some(c) if is_alphanumeric(c) => self.skip(c),
                    _ => return,
                },
                _ => return,
            }
        }
    }

    fn skip_spaces(&mut self) {
        self.position += self.rest().iter().take_while(|b| is_space(**b)).count();
    }

    fn accept(&mut self, valid: impl Fn(u8) -> bool) -> bool {
        let found = self.byte().is_some_and(valid);
        self.position += usize::from(found);
        found
    }

    fn item(&mut self, kind: Kind) -> Item {
        let item = Item { kind, span: Span::new(self.start, self.position) };
        self.start = self.position;
        item
    }

    /// Forgets what was passed.
    fn ignore(&mut self) {
        self.start = self.position;
    }

    fn error(&mut self, message: impl Into<String>) -> Item {
        self.message = message.into();
        let item = Item { kind: Kind::Error, span: Span::new(self.start, self.start) };
        self.input = &self.input[..self.start];
        self.position = self.start;
        self.in_action = false;
        item
    }

    /// How far the next action is.
    fn left_delimiter_at(&self) -> Option<usize> {
        let rest = self.rest();
        let left = self.delimiters.left.as_bytes();
        let Some(first) = left.first() else { return Some(0) };
        let mut at = 0;
        loop {
            at += memchr(*first, &rest[at..])?;
            if rest[at..].starts_with(left) {
                return Some(at);
            }
            at += 1;
        }
    }

    /// Text up to the next action. Go: `lexText`.
    fn text(&mut self) -> Item {
        loop {
            let Some(length) = self.left_delimiter_at() else {
                self.position = self.input.len();
                return self.item(if self.position > self.start { Kind::Text } else { Kind::Eof });
            };
            if length > 0 {
                self.position += length;
                let delimiter_end = self.position + self.delimiters.left.len();
                let text = &self.input[self.start..self.position];
                let trim = if left_trim_marker(&self.input[delimiter_end..]) {
                    text.iter().rev().take_while(|b| is_space(**b)).count()
                } else {
                    0
                };
                self.position -= trim;
                let is_empty = self.position == self.start;
                let item = self.item(Kind::Text);
                self.position += trim;
                self.ignore();
                if !is_empty {
                    return item;
                }
            }
            if let Some(item) = self.left_delimiter() {
                return item;
            }
        }
    }

    /// The start of an action; nothing for a whole comment. Go: `lexLeftDelim`.
    fn left_delimiter(&mut self) -> Option<Item> {
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
    fn comment(&mut self) -> Option<Item> {
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
            self.skip_spaces();
        }
        self.ignore();
        None
    }

    /// Whether the action ends here, and whether the space after it is trimmed.
    fn at_right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if right_trim_marker(rest) && self.is_right_delimiter(&rest[MARKER..]) {
            return Some(true);
        }
        self.is_right_delimiter(rest).then_some(false)
    }

    fn is_right_delimiter(&self, rest: &[u8]) -> bool {
        let right = self.delimiters.right.as_bytes();
        // Most that is asked about differs in its first byte.
        (right.is_empty() || rest.first() == right.first()) && rest.starts_with(right)
    }

    fn right_delimiter(&mut self, trim: bool) -> Item {
        if trim {
            self.position += MARKER;
            self.ignore();
        }
        self.position += self.delimiters.right.len();
        let item = self.item(Kind::RightDelim);
        if trim {
            self.skip_spaces();
            self.ignore();
        }
        self.in_action = false;
        item
    }

    /// Go: `lexInsideAction`.
    fn inside_action(&mut self) -> Item {
        if let Some(trim) = self.at_right_delimiter() {
            if self.parens == 0 {
                return self.right_delimiter(trim);
            }
            return self.error("unclosed left paren");
        }
        let Some(byte) = self.byte() else { return self.error("unclosed action") };
        match byte {
            _ if is_space(byte) => return self.space(),
            b'.' if !self.rest().get(1).is_some_and(u8::is_ascii_digit) => {
                self.position += 1;
                return if self.rest().is_empty() { self.number_from(1) } else { self.name(Kind::Field) };
            }
            b'.' | b'+' | b'-' | b'0'..=b'9' => return self.number_from(0),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => return self.identifier(),
            _ if byte.is_ascii() => {}
            _ if self.peek().is_some_and(is_alphanumeric) => return self.identifier(),
            _ => {
                let c = self.peek();
                return self.error(format!("unrecognized character in action: {}", show_char(c)));
            }
        }
        self.position += 1;
        match byte {
            b'=' => self.item(Kind::Assign),
            b':' if self.accept(|b| b == b'=') => self.item(Kind::Declare),
            b':' => self.error("expected :="),
            b'|' => self.item(Kind::Pipe),
            b'"' => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            b'\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            b'`' => self.raw(),
            b'$' => self.name(Kind::Variable),
            b'(' => {
                self.parens += 1;
                self.item(Kind::LeftParen)
            }
            b')' if self.parens == 0 => self.error("unexpected right paren"),
            b')' => {
                self.parens -= 1;
                self.item(Kind::RightParen)
            }
            b' '..=b'~' => self.item(Kind::Char),
            _ => self.error(format!("unrecognized character in action: {}", show_char(Some(char::from(byte))))),
        }
    }

    /// Go: `lexSpace`. The last space may belong to a trim marker.
    fn space(&mut self) -> Item {
        self.skip_spaces();
        let before = &self.input[self.position - 1..];
        if right_trim_marker(before) && self.is_right_delimiter(&before[MARKER..]) {
            self.position -= 1;
            if self.position == self.start {
                return self.right_delimiter(true);
            }
        }
        self.item(Kind::Space)
    }

    /// Go: `lexIdentifier`.
    fn identifier(&mut self) -> Item {
        self.skip_word();
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
    fn name(&mut self, kind: Kind) -> Item {
        if self.at_terminator() {
            return self.item(if kind == Kind::Variable { Kind::Variable } else { Kind::Dot });
        }
        self.skip_word();
        if !self.at_terminator() {
            return self.error(format!("bad character {}", show_char(self.peek())));
        }
        self.item(kind)
    }

    /// Whether an identifier may end here.
    fn at_terminator(&self) -> bool {
        let Some(byte) = self.byte() else { return true };
        is_space(byte)
            || matches!(byte, b'.' | b',' | b'|' | b':' | b')' | b'(')
            || self.is_right_delimiter(self.rest())
    }

    /// A string or character constant after its opening quote.
    fn quoted(&mut self, close: u8, kind: Kind, unterminated: &str) -> Item {
        loop {
            let byte = self.byte();
            self.position += 1;
            match byte {
                // Of a longer character the other bytes are none of these.
                Some(b'\\') if !matches!(self.byte(), None | Some(b'\n')) => self.position += 1,
                None | Some(b'\\' | b'\n') => return self.error(unterminated),
                Some(byte) if byte == close => return self.item(kind),
                Some(_) => {}
            }
        }
    }

    fn raw(&mut self) -> Item {
        match memchr(b'`', self.rest()) {
            None => self.error("unterminated raw quoted string"),
            Some(length) => {
                self.position += length + 1;
                self.item(Kind::RawString)
            }
        }
    }

    /// A number, of which `back` characters have been taken already. Go: `lexNumber`.
    fn number_from(&mut self, back: usize) -> Item {
        self.position -= back;
        let bad = |lexer: &mut Self| {
            let text = quote(&lexer.input[lexer.start..lexer.position]);
            lexer.error(format!("bad number syntax: {text}"))
        };
        if !self.scan_number() {
            return bad(self);
        }
        if matches!(self.byte(), Some(b'+' | b'-')) {
            if !self.scan_number() || self.input[self.position - 1] != b'i' {
                return bad(self);
            }
            return self.item(Kind::Complex);
        }
        self.item(Kind::Number)
    }

    fn scan_number(&mut self) -> bool {
        let sign = |b| matches!(b, b'+' | b'-');
        let decimal = |b: u8| b.is_ascii_digit() || b == b'_';
        let mut digits: fn(u8) -> bool = decimal;
        let mut exponent: fn(u8) -> bool = |b| matches!(b, b'e' | b'E');
        self.accept(sign);
        if self.accept(|b| b == b'0') {
            if self.accept(|b| matches!(b, b'x' | b'X')) {
                (digits, exponent) = (|b: u8| b.is_ascii_hexdigit() || b == b'_', |b| matches!(b, b'p' | b'P'));
            } else if self.accept(|b| matches!(b, b'o' | b'O')) {
                (digits, exponent) = (|b| matches!(b, b'0'..=b'7' | b'_'), |_| false);
            } else if self.accept(|b| matches!(b, b'b' | b'B')) {
                (digits, exponent) = (|b| matches!(b, b'0' | b'1' | b'_'), |_| false);
            }
        }
        while self.accept(digits) {}
        if self.accept(|b| b == b'.') {
            while self.accept(digits) {}
        }
        if self.accept(exponent) {
            self.accept(sign);
            while self.accept(decimal) {}
        }
        self.accept(|b| b == b'i');
        match self.peek() {
            Some(c) if is_alphanumeric(c) => {
                self.skip(c);
                false
            }
            _ => true,
        }
    }
}
