//! Keys and scalars of TOML. Go: BurntSushi/toml, `lex.go`, `parse.go`.

use super::super::{cast, gofmt, gostr, time};
use crate::value::{Str, Value};

type Failure = String;

/// A text and how far it has been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

/// What may follow a number, date or word.
fn ends_scalar(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}' | b'#')
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Reads something once more from an earlier place, and returns to this one.
    pub(super) fn again<T>(&self, from: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        read(&mut Self { at: from, ..*self })
    }

    /// The line, from 1; the end of the text belongs to the line before.
    pub(super) fn line(&self) -> usize {
        let read = &self.text[..self.at.min(self.text.len())];
        let lines = read.iter().filter(|b| **b == b'\n').count();
        let at_end = self.at >= self.text.len() && read.last() == Some(&b'\n');
        lines + 1 - usize::from(at_end && lines > 0)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn bump(&mut self) {
        self.at += 1;
    }

    pub(super) fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// The next character as `%q` prints it; the end as a NUL.
    pub(super) fn found(&self) -> String {
        match self.text.get(self.at..).map(gostr::decode) {
            Some((c, size)) if size > 0 => {
                let quoted = gofmt::quote(c.to_string().as_bytes());
                let inner = &quoted[1..quoted.len() - 1];
                let inner = if c == '"' {
                    "\""
                } else if c == '\'' {
                    "\\'"
                } else {
                    inner
                };
                format!("'{inner}'")
            }
            _ => r"'\x00'".to_owned(),
        }
    }

    pub(super) fn found_or_end(&self) -> String {
        if self.at < self.text.len() { self.found() } else { "end of file".to_owned() }
    }

    pub(super) fn at_line_end(&self) -> bool {
        self.text[self.at..].starts_with(b"\n") || self.text[self.at..].starts_with(b"\r\n")
    }

    pub(super) fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// White space, line ends and comments.
    pub(super) fn skip_blank(&mut self) -> Result<(), Failure> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n') => self.at += 1,
                Some(b'\r') if self.at_line_end() => self.at += 1,
                Some(b'#') => {
                    while self.peek().is_some_and(|b| b != b'\n') {
                        self.check_control()?;
                        self.at += 1;
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// No control characters but tabs and line ends.
    fn check_control(&self) -> Result<(), Failure> {
        match self.peek() {
            Some(b @ (0..9 | 11..32 | 127)) if b != b'\r' || !self.at_line_end() => {
                Err(format!("TOML files cannot contain control characters: '0x{b:02x}'"))
            }
            _ => Ok(()),
        }
    }

    /// A key of one or more parts, and the `=` behind it.
    pub(super) fn key(&mut self) -> Result<Vec<Str>, Failure> {
        let mut path = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                Some(b'=') if path.is_empty() => return Err("unexpected '=': key name appears blank".to_owned()),
                Some(b'.') if path.is_empty() => return Err("unexpected '.': keys cannot start with a '.'".to_owned()),
                Some(b'=') => return Err("unexpected '='".to_owned()),
                Some(b'.') => return Err("unexpected '.'".to_owned()),
                _ => path.push(self.key_part()?),
            }
            self.skip_space();
            match self.peek() {
                Some(b'.') => self.at += 1,
                Some(b'=') => {
                    self.at += 1;
                    return Ok(path);
                }
                None => return Err("unexpected EOF; expected key separator '='".to_owned()),
                Some(_) => return Err(format!("expected '.' or '=', but got {} instead", self.found())),
            }
        }
    }

    /// One part of a key: bare or quoted.
    pub(super) fn key_part(&mut self) -> Result<Str, Failure> {
        match self.peek() {
            Some(b'"') => Ok(Str::from_bytes(self.basic()?)),
            Some(b'\'') => Ok(Str::from_bytes(self.raw()?)),
            _ => {
                let bare =
                    self.text[self.at..].iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
                let length = bare.count();
                let part = self.text[self.at..self.at + length].to_vec();
                self.at += length;
                Ok(Str::from_bytes(part))
            }
        }
    }

    /// A value that is neither array nor inline table.
    pub(super) fn scalar(&mut self) -> Result<Value, Failure> {
        let rest = &self.text[self.at..];
        match self.peek() {
            None | Some(b'\n') => Err("unexpected EOF; expected value".to_owned()),
            Some(b'"') if rest.starts_with(b"\"\"\"") => {
                self.multiline(b'"').map(|b| Value::String(Str::from_bytes(b)))
            }
            Some(b'\'') if rest.starts_with(b"'''") => self.multiline(b'\'').map(|b| Value::String(Str::from_bytes(b))),
            Some(b'"') => self.basic().map(|b| Value::String(Str::from_bytes(b))),
            Some(b'\'') => self.raw().map(|b| Value::String(Str::from_bytes(b))),
            Some(b'.') => Err("floats must start with a digit, not '.'".to_owned()),
            Some(b) if b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-') => self.word(),
            Some(_) => Err(format!("expected value but found {} instead", self.found())),
        }
    }

    fn word(&mut self) -> Result<Value, Failure> {
        let rest = &self.text[self.at..];
        let mut length = rest.iter().take_while(|b| !ends_scalar(**b)).count();
        // A space may stand between date and time.
        if length == 10
            && rest.get(4) == Some(&b'-')
            && rest.get(10) == Some(&b' ')
            && rest.get(11).is_some_and(u8::is_ascii_digit)
        {
            length += 1 + rest[11..].iter().take_while(|b| !ends_scalar(**b)).count();
        }
        let text = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.at += length;
        match text.as_str() {
            "true" => return Ok(Value::Bool(true)),
            "false" => return Ok(Value::Bool(false)),
            "inf" | "+inf" => return Ok(Value::Float(f64::INFINITY)),
            "-inf" => return Ok(Value::Float(f64::NEG_INFINITY)),
            "nan" | "+nan" | "-nan" => return Ok(Value::Float(f64::NAN)),
            _ => {}
        }
        let bytes = text.as_bytes();
        let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits > 0 && matches!(bytes.get(digits), Some(b'-' | b':')) && !bytes[..digits].is_empty() {
            return time::from_toml(&text).ok_or_else(|| format!("invalid datetime: {}", gofmt::quote(bytes)));
        }
        if !matches!(bytes.first(), Some(b'0'..=b'9' | b'+' | b'-')) {
            return Err(format!("expected value but found {} instead", gofmt::quote(bytes)));
        }
        number(&text)
    }

    /// `'…'` on one line.
    fn raw(&mut self) -> Result<Vec<u8>, Failure> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.peek() {
                None => return Err("unexpected EOF; expected \"'\"".to_owned()),
                Some(b'\n') => return Err("strings cannot contain newlines".to_owned()),
                Some(b'\'') => break,
                Some(_) => {
                    self.check_control()?;
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(self.text[start..self.at - 1].to_vec())
    }

    /// `"…"` on one line.
    fn basic(&mut self) -> Result<Vec<u8>, Failure> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                None => return Err("unexpected EOF; expected '\"'".to_owned()),
                Some(b'\n') => return Err("strings cannot contain newlines".to_owned()),
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut out)?,
                Some(b) => {
                    self.check_control()?;
                    out.push(b);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(out)
    }

    /// `"""…"""` and `'''…'''`; up to two quotes may stand before the end.
    fn multiline(&mut self, quote: u8) -> Result<Vec<u8>, Failure> {
        self.at += 3;
        if self.at_line_end() {
            self.at += if self.peek() == Some(b'\r') { 2 } else { 1 };
        }
        let mut out = Vec::new();
        loop {
            match self.peek() {
                None => {
                    let quotes = if quote == b'"' { "'\"\"\"'" } else { "\"'''\"" };
                    return Err(format!("unexpected EOF; expected {quotes}"));
                }
                Some(b) if b == quote => {
                    let run = self.text[self.at..].iter().take_while(|b| **b == quote).count();
                    if run >= 3 {
                        let inside = (run - 3).min(2);
                        out.extend(std::iter::repeat_n(quote, inside));
                        self.at += 3 + inside;
                        return Ok(out);
                    }
                    out.extend(std::iter::repeat_n(quote, run));
                    self.at += run;
                }
                Some(b'\\') if quote == b'"' => {
                    if !self.skip_escaped_line() {
                        self.escape(&mut out)?;
                    }
                }
                Some(b) => {
                    self.check_control()?;
                    out.push(b);
                    self.at += 1;
                }
            }
        }
    }

    /// A backslash at the end of a line takes all white space behind it away.
    fn skip_escaped_line(&mut self) -> bool {
        let blank = self.text[self.at + 1..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
        let line_end = self.text[self.at + 1..self.at + 1 + blank].contains(&b'\n');
        if line_end {
            self.at += 1 + blank;
        }
        line_end
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.at += 1;
        let c = gostr::decode(&self.text[self.at..]).0;
        let (kind, count, words) = match self.peek() {
            Some(b'x') => ('x', 2, "two"),
            Some(b'u') => ('u', 4, "four"),
            Some(b'U') => ('U', 8, "eight"),
            other => {
                out.push(match other {
                    Some(b'b') => 8,
                    Some(b't') => 9,
                    Some(b'n') => 10,
                    Some(b'f') => 12,
                    Some(b'r') => 13,
                    Some(b'e') => 27,
                    Some(quote @ (b'"' | b'\\')) => quote,
                    _ => return Err(format!("invalid escape in string '\\{c}'")),
                });
                self.at += 1;
                return Ok(());
            }
        };
        self.at += 1;
        let digits = self.text.get(self.at..self.at + count).unwrap_or_else(|| &self.text[self.at..]);
        let good = digits.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        if good < count {
            let read = &self.text[self.at - 2..(self.at + good + 1).min(self.text.len())];
            return Err(format!(
                "expected {words} hexadecimal digits after '\\{kind}', but got {} instead",
                gofmt::quote(read)
            ));
        }
        let digits = String::from_utf8_lossy(digits).into_owned();
        self.at += count;
        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
        let c = code.ok_or_else(|| format!("Escaped character '\\u{digits}' is not valid UTF-8."))?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }
}

/// Every underscore between digits. Go: `numUnderscoresOK`.
fn underscores_are_right(text: &str) -> bool {
    let mut accept = false;
    for c in text.chars() {
        if c == '_' && !accept {
            return false;
        }
        accept = c.is_ascii_hexdigit();
    }
    accept
}

/// Go: `numHasLeadingZero`.
fn has_leading_zero(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']);
    match unsigned {
        Some(digits) => digits.len() > 1 && digits.starts_with('0'),
        None => text.len() > 1 && text.starts_with('0') && !text[1..].starts_with(['b', 'o', 'x']),
    }
}

fn number(text: &str) -> Result<Value, Failure> {
    let quoted = gofmt::quote(text.as_bytes());
    let prefixed = ["0x", "0o", "0b"].iter().any(|prefix| text.starts_with(prefix));
    if !prefixed && text.contains(['.', 'e', 'E']) {
        let parts: Vec<&str> = text.split(['.', 'e', 'E']).filter(|part| !part.is_empty()).collect();
        if !parts.iter().all(|part| underscores_are_right(part)) {
            return Err(format!("Invalid float {quoted}: underscores must be surrounded by digits"));
        }
        if parts.first().is_some_and(|part| has_leading_zero(part)) {
            return Err(format!("Invalid float {quoted}: cannot have leading zeroes"));
        }
        let mut after_points = text.split('.').skip(1);
        if after_points.any(|part| !part.starts_with(|c: char| c.is_ascii_digit())) {
            return Err(format!("Invalid float {quoted}: '.' must be followed by one or more digits"));
        }
        let plain = text.replace('_', "");
        return match plain.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            Ok(_) => Err(format!("{text} is out of range for float64")),
            Err(_) => Err(format!("Invalid float value: {quoted}")),
        };
    }
    if !underscores_are_right(text) {
        return Err(format!("Invalid integer {quoted}: underscores must be surrounded by digits"));
    }
    if has_leading_zero(text) {
        return Err(format!("Invalid integer {quoted}: cannot have leading zeroes"));
    }
    match cast::parse_int(text, 0) {
        Some(number) => Ok(Value::int64(number)),
        None if text.trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_hexdigit() || b == b'_') || prefixed => {
            Err(format!("{text} is out of range for int64"))
        }
        None => Err(format!("expected value but found {quoted} instead")),
    }
}
