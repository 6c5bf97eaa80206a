//! Words: case, initials, wrapping. goutils: `wordutils.go`; xstrings: `convert.go`.

use super::args::{self, Outcome};
use super::gostr::{
    self, is_letter, is_lower, is_number, is_punctuation, is_title, is_upper, to_lower, to_title, to_upper,
};
use super::signatures::INT;
use crate::template::{Call, Function, Signature};
use crate::value::{Str, Type, Value};

use Type::String as Text;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::pure("upper", Signature::new(&[Text], Text), |a| mapped(a, to_upper)),
    Function::pure("lower", Signature::new(&[Text], Text), |a| mapped(a, to_lower)),
    Function::pure("title", Signature::new(&[Text], Text), title),
    Function::pure("untitle", Signature::new(&[Text], Text), untitle),
    Function::pure("swapcase", Signature::new(&[Text], Text), swapcase),
    Function::pure("nospace", Signature::new(&[Text], Text), nospace),
    Function::pure("initials", Signature::new(&[Text], Text), initials),
    Function::pure("snakecase", Signature::new(&[Text], Text), |a| separated(a, '_')),
    Function::pure("kebabcase", Signature::new(&[Text], Text), |a| separated(a, '-')),
    Function::pure("camelcase", Signature::new(&[Text], Text), camelcase),
    Function::call("wrap", Signature::new(&[INT, Text], Text), wrap),
    Function::call("wrapWith", Signature::new(&[INT, Text, Text], Text), wrap_with),
];

fn mapped(args: &[Value], map: fn(char) -> char) -> Outcome {
    Ok(Value::from(args::string(args, 0)?.to_text().chars().map(map).collect::<String>()))
}

/// Go: `strings.Title`, whose notion of a separator is its own.
fn title(args: &[Value]) -> Outcome {
    let separates = |c: char| {
        if c.is_ascii() { !c.is_ascii_alphanumeric() && c != '_' } else { !is_letter(c) && c.is_whitespace() }
    };
    let mut previous = ' ';
    let text = args::string(args, 0)?.to_text();
    let title = text.chars().map(|c| if separates(std::mem::replace(&mut previous, c)) { to_title(c) } else { c });
    Ok(Value::from(title.collect::<String>()))
}

/// goutils: `Uncapitalize`.
fn untitle(args: &[Value]) -> Outcome {
    let mut next = true;
    let change = |c: char| {
        if c.is_whitespace() {
            next = true;
            return c;
        }
        if std::mem::take(&mut next) { to_lower(c) } else { c }
    };
    Ok(Value::from(args::string(args, 0)?.to_text().chars().map(change).collect::<String>()))
}

/// goutils: `SwapCase`.
fn swapcase(args: &[Value]) -> Outcome {
    let mut at_start = true;
    let change = |c: char| {
        if is_upper(c) || is_title(c) {
            at_start = false;
            to_lower(c)
        } else if is_lower(c) {
            if std::mem::take(&mut at_start) { to_title(c) } else { to_upper(c) }
        } else {
            at_start = c.is_whitespace();
            c
        }
    };
    Ok(Value::from(args::string(args, 0)?.to_text().chars().map(change).collect::<String>()))
}

/// goutils takes every byte for a character, so beyond ASCII the text is garbled as soon as something is removed.
fn nospace(args: &[Value]) -> Outcome {
    let text = args::string(args, 0)?;
    let kept: Vec<char> = text.as_bytes().iter().map(|b| char::from(*b)).filter(|c| !c.is_whitespace()).collect();
    if kept.len() == text.len() {
        return Ok(Value::String(text.clone()));
    }
    Ok(Value::from(kept.into_iter().collect::<String>()))
}

/// goutils: `Initials`, byte by byte too.
fn initials(args: &[Value]) -> Outcome {
    let mut gap = true;
    let mut out = String::new();
    for c in args::string(args, 0)?.as_bytes().iter().map(|b| char::from(*b)) {
        if c.is_whitespace() {
            gap = true;
        } else if std::mem::take(&mut gap) {
            out.push(c);
        }
    }
    Ok(Value::from(out))
}

fn wrap(call: &mut dyn Call, args: &[Value]) -> Outcome {
    wrapped(call, args::string(args, 1)?, args::int(args, 0)?, b"", false)
}

fn wrap_with(call: &mut dyn Call, args: &[Value]) -> Outcome {
    wrapped(call, args::string(args, 2)?, args::int(args, 0)?, args::string(args, 1)?.as_bytes(), true)
}

/// goutils: `WrapCustom`.
fn wrapped(call: &mut dyn Call, text: &Str, width: i64, newline: &[u8], cut_long: bool) -> Outcome {
    let newline = if newline.is_empty() { b"\n" } else { newline };
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    let text = text.as_bytes();
    call.reserve((text.len() / width + 1).saturating_mul(newline.len()).saturating_add(text.len()))?;
    let mut out = Vec::new();
    let mut rest = text;
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        let space = rest[..=width].iter().rposition(|b| *b == b' ');
        let (line, skip) = match space {
            Some(at) => (at, 1),
            None if cut_long => (width, 0),
            None => match rest[width..].iter().position(|b| *b == b' ') {
                Some(at) => (width + at, 1),
                None => break,
            },
        };
        out.extend_from_slice(&rest[..line]);
        out.extend_from_slice(newline);
        rest = &rest[line + skip..];
    }
    out.extend_from_slice(rest);
    Ok(Value::String(Str::from_bytes(out)))
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

/// xstrings: `ToPascalCase`.
fn camelcase(args: &[Value]) -> Outcome {
    let text = args::string(args, 0)?.to_text();
    let mut out = String::new();
    let mut chars = text.chars();
    let mut current = None;
    let mut first_upper = false;
    for c in chars.by_ref() {
        current = Some(c);
        if !is_connector(c) {
            first_upper = is_upper(c);
            current = Some(to_upper(c));
            break;
        }
        out.push(c);
    }
    let Some(mut current) = current else { return Ok(Value::from("")) };
    if chars.as_str().is_empty() {
        out.push(current);
        return Ok(Value::from(out));
    }
    for c in chars {
        let previous = std::mem::replace(&mut current, c);
        if is_connector(current) && is_connector(previous) {
            out.push(previous);
            continue;
        }
        if is_connector(previous) {
            first_upper = is_upper(current);
            current = to_upper(current);
            continue;
        }
        if first_upper {
            if is_upper(current) {
                current = to_lower(current);
            } else {
                first_upper = false;
            }
        }
        out.push(previous);
    }
    out.push(current);
    Ok(Value::from(out))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Invalid,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

/// Letters of scripts that are written in words. xstrings: `isAlphabet` in `count.go`.
fn is_alphabet(c: char) -> bool {
    is_letter(c) && !matches!(c, '\u{4E00}'..='\u{9FCC}' | '\u{3400}'..='\u{4D85}' | '\u{20000}'..='\u{2B81D}')
}

/// The next character that is one, with what was skipped counted to it; `previous` if there is none.
fn next_valid(bytes: &[u8], previous: char) -> (char, usize) {
    let mut size = 0;
    while size < bytes.len() {
        let (c, len) = gostr::decode(&bytes[size..]);
        size += len;
        if c != char::REPLACEMENT_CHARACTER {
            return (c, size);
        }
    }
    (previous, size)
}

/// How many bytes from the start hold characters that belong together, the first one (`c`, of `size` bytes) included.
fn run(bytes: &[u8], c: char, size: usize, belongs: impl Fn(char) -> bool) -> usize {
    let (mut c, mut offset) = (c, size);
    while offset < bytes.len() {
        let (next, size) = next_valid(&bytes[offset..], c);
        if !belongs(next) {
            break;
        }
        (c, offset) = (next, offset + size);
    }
    offset
}

/// xstrings: `nextWord`.
fn next_word(bytes: &[u8]) -> (Word, &[u8], &[u8]) {
    if bytes.is_empty() {
        return (Word::Invalid, bytes, bytes);
    }
    let (c, size) = next_valid(bytes, char::REPLACEMENT_CHARACTER);
    let small = |c: char| is_alphabet(c) && !is_upper(c);
    let (word, end) = match c {
        char::REPLACEMENT_CHARACTER => (Word::Invalid, size),
        c if is_connector(c) => (Word::Connector, run(bytes, c, size, is_connector)),
        c if is_punctuation(c) => (Word::Punctuation, run(bytes, c, size, is_punctuation)),
        c if is_upper(c) => (Word::Upper, upper_run(bytes, c, size)),
        c if is_alphabet(c) => (Word::Alphabet, run(bytes, c, size, small)),
        c if is_number(c) => (Word::Number, run(bytes, c, size, is_number)),
        c => {
            let other = |c: char| !(is_connector(c) || is_alphabet(c) || is_number(c) || is_punctuation(c));
            (Word::Other, run(bytes, c, size, other))
        }
    };
    (word, &bytes[..end], &bytes[end..])
}

/// Capitals, of which the last belongs to the next word if small letters follow: `HTTPStatus` is `HTTP` and `Status`.
fn upper_run(bytes: &[u8], c: char, size: usize) -> usize {
    if size == bytes.len() {
        return size;
    }
    let (second, second_size) = next_valid(&bytes[size..], c);
    if !is_upper(second) {
        return run(bytes, c, size, |c| is_alphabet(c) && !is_upper(c));
    }
    let (mut c, mut offset, mut last) = (second, size + second_size, second_size);
    while offset < bytes.len() {
        let (next, size) = next_valid(&bytes[offset..], c);
        c = next;
        if !is_upper(next) {
            break;
        }
        (offset, last) = (offset + size, size);
    }
    if offset < bytes.len() && is_alphabet(c) { offset - last } else { offset }
}

/// Writes a word: capitals in lower case, connectors as the connector.
fn put(out: &mut Vec<u8>, word: Word, bytes: &[u8], connector: char) {
    if word != Word::Upper && word != Word::Connector {
        out.extend_from_slice(bytes);
        return;
    }
    for (c, _) in gostr::runes(bytes) {
        let c = if is_connector(c) {
            connector
        } else if is_upper(c) {
            to_lower(c)
        } else {
            c
        };
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// xstrings: `camelCaseToLowerCase`.
struct Splitter<'a> {
    out: Vec<u8>,
    connector: char,
    kind: Word,
    word: &'a [u8],
    rest: &'a [u8],
}

impl Splitter<'_> {
    fn next(&mut self) {
        (self.kind, self.word, self.rest) = next_word(self.rest);
    }

    fn put(&mut self, kind: Word, word: &[u8]) {
        put(&mut self.out, kind, word, self.connector);
    }

    fn connect(&mut self) {
        self.out.push(self.connector as u8);
    }

    fn put_alphanumerics(&mut self) {
        while matches!(self.kind, Word::Alphabet | Word::Number) {
            self.put(self.kind, self.word);
            self.next();
        }
        if !matches!(self.kind, Word::Invalid | Word::Punctuation | Word::Connector) {
            self.connect();
        }
    }

    /// What comes between a word of letters and what follows it.
    fn after_letters(&mut self) {
        if self.kind != Word::Number {
            if !matches!(self.kind, Word::Connector | Word::Punctuation) {
                self.connect();
            }
            return;
        }
        if self.rest.is_empty() {
            return;
        }
        let number = self.word;
        self.next();
        if self.kind == Word::Alphabet {
            self.connect();
            self.put(Word::Number, number);
            self.put_alphanumerics();
            return;
        }
        self.put(Word::Number, number);
        if !matches!(self.kind, Word::Connector | Word::Punctuation) {
            self.connect();
        }
    }
}

fn separated(args: &[Value], connector: char) -> Outcome {
    let text = args::string(args, 0)?;
    if text.is_empty() {
        return Ok(Value::from(""));
    }
    let (kind, word, rest) = next_word(text.as_bytes());
    let mut words = Splitter { out: Vec::new(), connector, kind, word, rest };
    while !words.rest.is_empty() {
        if words.kind != Word::Connector {
            words.put(words.kind, words.word);
        }
        let (previous, last) = (words.kind, words.word);
        words.next();
        match previous {
            Word::Number => words.put_alphanumerics(),
            Word::Connector => words.put(previous, last),
            Word::Punctuation => {}
            _ => words.after_letters(),
        }
    }
    words.put(words.kind, words.word);
    Ok(Value::String(Str::from_bytes(words.out)))
}
