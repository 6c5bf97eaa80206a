//! JSON as Go reads it, with its errors. Go: `encoding/json/scanner.go`, `decode.go`.

use std::fmt;

use crate::stack::deeper;
use crate::value::{Map, Str, Value};

/// The deepest nesting. Go: `maxNestingDepth`.
const MAX_DEPTH: usize = 10_000;

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Error {
    /// It ends too early.
    End,
    /// A character that cannot stand where it does.
    Character(u8, String),
    /// A number beyond a float64. The rest of the text counts nevertheless, with nil in the number's place.
    Number(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("unexpected end of JSON input"),
            Self::Character(c, context) => write!(f, "invalid character {} {context}", quoted(*c)),
            Self::Number(text) => write!(f, "json: cannot unmarshal number {text} into Go value of type float64"),
        }
    }
}

/// Go: `quoteChar`.
fn quoted(c: u8) -> String {
    match c {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        c => {
            let text = super::super::gofmt::quote(char::from(c).to_string().as_bytes());
            format!("'{}'", &text[1..text.len() - 1])
        }
    }
}

/// The value, every number a float64, and the first error. After an error of syntax the value is nil.
pub(in super::super) fn read(text: &[u8]) -> (Value, Option<Error>) {
    let mut reader = Reader { text, at: 0, depth: 0, number_error: None };
    match reader.document() {
        Ok(value) => (value, reader.number_error),
        Err(error) => (Value::Nil, Some(error)),
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    number_error: Option<Error>,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Value, Error> {
        let value = self.value()?;
        match self.after_space() {
            None => Ok(value),
            Some(c) => Err(unexpected(c, "after top-level value")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn after_space(&mut self) -> Option<u8> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.peek()
    }

    fn value(&mut self) -> Result<Value, Error> {
        match self.after_space().ok_or(Error::End)? {
            b'{' => self.nested(b'{', Self::object),
            b'[' => self.nested(b'[', Self::array),
            b'"' => Ok(Value::String(self.string()?)),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Nil),
            b'-' | b'0'..=b'9' => self.number(),
            c => Err(unexpected(c, "looking for beginning of value")),
        }
    }

    fn nested(&mut self, bracket: u8, read: fn(&mut Self) -> Result<Value, Error>) -> Result<Value, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(unexpected(bracket, "exceeded max depth"));
        }
        self.at += 1;
        let value = deeper(|| read(self))?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, Error> {
        let map = Map::new();
        if self.after_space() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(map));
        }
        loop {
            match self.after_space().ok_or(Error::End)? {
                b'"' => {}
                c => return Err(unexpected(c, "looking for beginning of object key string")),
            }
            let key = self.string()?;
            match self.after_space().ok_or(Error::End)? {
                b':' => self.at += 1,
                c => return Err(unexpected(c, "after object key")),
            }
            let value = self.value()?;
            map.insert(key, value);
            match self.after_space().ok_or(Error::End)? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(Value::Map(map));
                }
                c => return Err(unexpected(c, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self) -> Result<Value, Error> {
        let mut items = Vec::new();
        if self.after_space() == Some(b']') {
            self.at += 1;
            return Ok(Value::list(items));
        }
        loop {
            items.push(self.value()?);
            match self.after_space().ok_or(Error::End)? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(Value::list(items));
                }
                c => return Err(unexpected(c, "after array element")),
            }
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Error> {
        for expected in word.bytes() {
            let c = self.peek().ok_or(Error::End)?;
            if c != expected {
                return Err(unexpected(c, &format!("in literal {word} (expecting {})", quoted(expected))));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn digits(&mut self, context: &str) -> Result<(), Error> {
        match self.peek().ok_or(Error::End)? {
            b'0'..=b'9' => {}
            c => return Err(unexpected(c, context)),
        }
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, Error> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = String::from_utf8_lossy(&self.text[start..self.at]);
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => {
                self.number_error.get_or_insert_with(|| Error::Number(text.into_owned()));
                Ok(Value::Nil)
            }
        }
    }

    fn string(&mut self) -> Result<Str, Error> {
        self.at += 1;
        let mut out: Vec<u8> = Vec::new();
        loop {
            let c = self.peek().ok_or(Error::End)?;
            self.at += 1;
            match c {
                b'"' => break,
                b'\\' => self.escape(&mut out)?,
                0..b' ' => return Err(unexpected(c, "in string literal")),
                c => out.push(c),
            }
        }
        // Go puts U+FFFD for each byte that is not UTF-8.
        Ok(Str::from(Str::from_bytes(out).to_text().into_owned()))
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let c = self.peek().ok_or(Error::End)?;
        self.at += 1;
        out.push(match c {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'\\' | b'/' | b'"' => c,
            b'u' => {
                let c = self.unicode()?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            c => return Err(unexpected(c, "in string escape code")),
        });
        Ok(())
    }

    fn hex(&mut self) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            let c = self.peek().ok_or(Error::End)?;
            let digit = char::from(c).to_digit(16);
            code = code * 16 + digit.ok_or_else(|| unexpected(c, "in \\u hexadecimal character escape"))?;
            self.at += 1;
        }
        Ok(code)
    }

    /// A character, perhaps of two escapes; half a pair is U+FFFD.
    fn unicode(&mut self) -> Result<char, Error> {
        let first = self.hex()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let back = self.at;
        if (0xD800..0xDC00).contains(&first) && self.text[self.at..].starts_with(b"\\u") {
            self.at += 2;
            let second = self.hex()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }
}

fn unexpected(c: u8, context: &str) -> Error {
    Error::Character(c, context.to_owned())
}
