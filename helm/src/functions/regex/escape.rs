//! Characters, escapes and classes of Go's regular expressions. Go: `regexp/syntax/parse.go`.

use super::syntax::{Flags, error};

/// What is left of an expression.
pub(super) struct Scanner<'a> {
    pub(super) rest: &'a str,
}

/// A character for the `regex` crate; a surrogate, which no text holds, as what never matches.
pub(super) fn literal(code: u32) -> String {
    match char::from_u32(code) {
        Some(c) if c.is_ascii_alphanumeric() => c.to_string(),
        Some(_) => format!("\\x{{{code:x}}}"),
        None => r"[^\x00-\x{10FFFF}]".to_owned(),
    }
}

/// `{2}`, `{2,}`, `{2,5}`: the least, the most (-1 for no end) and what follows; anything else is no repetition. Numbers that
/// are too large for Go are too large here. Go: `parseRepeat`.
pub(super) fn counts(text: &str) -> Option<(i64, i64, &str)> {
    let (least, rest) = count(text.strip_prefix('{')?)?;
    let (most, rest) = match rest.strip_prefix(',') {
        None => (least, rest),
        Some(rest) if rest.starts_with('}') => (-1, rest),
        Some(rest) => count(rest)?,
    };
    Some((least, most, rest.strip_prefix('}')?))
}

fn count(text: &str) -> Option<(i64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 1 && text.starts_with('0') {
        return None;
    }
    Some((text[..digits].parse().unwrap_or(i64::MAX), &text[digits..]))
}

const POSIX: [(&str, &str); 14] = [
    ("alnum", "0-9A-Za-z"),
    ("alpha", "A-Za-z"),
    ("ascii", r"\x00-\x7F"),
    ("blank", r"\t\x20"),
    ("cntrl", r"\x00-\x1F\x7F"),
    ("digit", "0-9"),
    ("graph", r"\x21-\x7E"),
    ("lower", "a-z"),
    ("print", r"\x20-\x7E"),
    ("punct", r"\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E"),
    ("space", r"\t-\r\x20"),
    ("upper", "A-Z"),
    ("word", "0-9A-Za-z_"),
    ("xdigit", "0-9A-Fa-f"),
];

impl<'a> Scanner<'a> {
    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// A class in brackets. Go: `parseClass`.
    pub(super) fn class(&mut self, flags: Flags) -> Result<String, String> {
        let whole = self.rest;
        self.bump();
        let mut out = "[".to_owned();
        if self.rest.starts_with('^') {
            self.bump();
            out.push('^');
        }
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if let Some(class) = self.named_class()? {
                out.push_str(&class);
            } else if matches!(self.rest.as_bytes(), [b'\\', b'p' | b'P' | b'd' | b'D' | b's' | b'S' | b'w' | b'W', ..])
            {
                out.push_str(&self.class_escape()?);
            } else {
                out.push_str(&self.range(whole)?);
            }
        }
        self.bump();
        out.push(']');
        Ok(if flags.fold { format!("(?i:{out})") } else { out })
    }

    fn range(&mut self, whole: &str) -> Result<String, String> {
        let start = self.rest;
        let low = self.class_char(whole)?;
        let mut high = low;
        if self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
            self.bump();
            high = self.class_char(whole)?;
            if high < low {
                return Err(error("invalid character class range", &start[..start.len() - self.rest.len()]));
            }
        }
        // Rust's characters leave out the surrogates.
        let low = if (0xD800..0xE000).contains(&low) { 0xE000 } else { low };
        let high = if (0xD800..0xE000).contains(&high) { 0xD7FF } else { high };
        Ok(if low > high { String::new() } else { format!(r"\x{{{low:x}}}-\x{{{high:x}}}") })
    }

    fn class_char(&mut self, whole: &str) -> Result<u32, String> {
        match self.peek() {
            None => Err(error("missing closing ]", whole)),
            Some('\\') => self.escape(),
            Some(_) => Ok(self.bump().map_or(0, u32::from)),
        }
    }

    /// `[:alpha:]` and `[:^alpha:]`. Go: `parseNamedClass`.
    fn named_class(&mut self) -> Result<Option<String>, String> {
        let Some(end) = self.rest.strip_prefix("[:").and_then(|text| text.find(":]")) else { return Ok(None) };
        let (name, rest) = self.rest.split_at(end + 4);
        let inner = &name[2..name.len() - 2];
        let (not, inner) = inner.strip_prefix('^').map_or(("", inner), |inner| ("^", inner));
        let Some((_, ranges)) = POSIX.iter().find(|(known, _)| *known == inner) else {
            return Err(error("invalid character class range", name));
        };
        self.rest = rest;
        Ok(Some(format!("[{not}{ranges}]")))
    }

    /// `\d`, `\pL`, `\p{Greek}` as a class to be put in brackets. Go: `parsePerlClassEscape`, `parseUnicodeClass`.
    pub(super) fn class_escape(&mut self) -> Result<String, String> {
        let text = self.rest;
        let perl = match text.as_bytes().get(1) {
            Some(b'd') => "[0-9]",
            Some(b'D') => "[^0-9]",
            Some(b's') => r"[\t\n\x0C\r\x20]",
            Some(b'S') => r"[^\t\n\x0C\r\x20]",
            Some(b'w') => "[0-9A-Za-z_]",
            Some(b'W') => "[^0-9A-Za-z_]",
            _ => return self.unicode_class(),
        };
        self.rest = &text[2..];
        Ok(perl.to_owned())
    }

    fn unicode_class(&mut self) -> Result<String, String> {
        let text = self.rest;
        let range = |what: &str| Err(error("invalid character class range", what));
        let (name, length) = match text[2..].chars().next() {
            None => return range(text),
            Some('{') => match text.find('}') {
                None => return range(text),
                Some(end) => (&text[3..end], end + 1),
            },
            Some(c) => (&text[2..2 + c.len_utf8()], 2 + c.len_utf8()),
        };
        let whole = &text[..length];
        let (not, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let upper = text.as_bytes()[1] == b'P';
        let class = format!(r"\{}{{{name}}}", if upper == not { 'p' } else { 'P' });
        // The crate knows more than categories and scripts, in forms that Go has not.
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' '));
        if name.is_empty() || !plain || regex::Regex::new(&class).is_err() {
            return range(whole);
        }
        self.rest = &text[length..];
        Ok(class)
    }

    /// An escaped character. Go: `parseEscape`.
    pub(super) fn escape(&mut self) -> Result<u32, String> {
        let text = self.rest;
        self.bump();
        let Some(c) = self.bump() else {
            return Err(error("trailing backslash at end of expression", ""));
        };
        let found = match c {
            '1'..='7' if !self.rest.starts_with(|c: char| ('0'..='7').contains(&c)) => None,
            '0'..='7' => Some(self.octal(c)),
            'x' => self.hexadecimal(),
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        found.ok_or_else(|| error("invalid escape sequence", &text[..text.len() - self.rest.len()]))
    }

    fn octal(&mut self, first: char) -> u32 {
        let mut code = first.to_digit(8).unwrap_or(0);
        for _ in 1..3 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
            code = code * 8 + digit;
            self.bump();
        }
        code
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        let first = self.bump()?;
        if first != '{' {
            let second = self.bump()?;
            return Some(first.to_digit(16)? * 16 + second.to_digit(16)?);
        }
        let mut code: Option<u32> = None;
        loop {
            let c = self.bump()?;
            if c == '}' {
                return code;
            }
            let next = code.unwrap_or(0) * 16 + c.to_digit(16)?;
            if next > 0x0010_FFFF {
                return None;
            }
            code = Some(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::syntax::translate;

    #[test]
    fn what_go_refuses_is_refused_in_its_words() {
        for (expression, expected) in [
            ("a**", "invalid nested repetition operator: `**`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("(a{100}){100}", "invalid repeat count: `{100}`"),
            ("(", "missing closing ): `(`"),
            (")", "unexpected ): `)`"),
            ("[a", "missing closing ]: `[a`"),
            ("[b-a]", "invalid character class range: `b-a`"),
            (r"\8", r"invalid escape sequence: `\8`"),
            (r"\1", r"invalid escape sequence: `\1`"),
            (r"\C", r"invalid escape sequence: `\C`"),
            (r"\Z", r"invalid escape sequence: `\Z`"),
            (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?P<n", "invalid named capture: `(?P<n`"),
            ("(?P<>a)", "invalid named capture: `(?P<>`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            ("\\", "trailing backslash at end of expression: ``"),
        ] {
            assert_eq!(translate(expression).err(), Some(format!("error parsing regexp: {expected}")), "{expression}");
        }
    }

    #[test]
    fn what_go_accepts_compiles() {
        for expression in [
            "",
            "^*",
            "a(?i)*",
            "x{,5}",
            "x{a}",
            "[]a]",
            "[^]a]",
            "[a-]",
            r"[\d-z]",
            r"\Qa.b\E+",
            r"\pN\p{^Greek}",
            "(?U)a+?",
            "(?i-s:a.)",
            "(?P<1>a)|b",
            "(|a)*",
            r"[\x{10FFFF}]",
            r"\x{d800}",
            r"a{0}{2}|b",
            "[[:^space:][:word:]]",
            r"\B\b\A\z",
            "(?m)^a$",
        ] {
            let translated = translate(expression).map(|t| regex::Regex::new(&t.pattern));
            assert!(matches!(translated, Ok(Ok(_))) || expression == r"a{0}{2}|b", "{expression}: {translated:?}");
        }
    }
}
