//! Quoted strings and the classes of characters. Go: `strconv/quote.go`, `unicode`.

use std::fmt::Write as _;

use unicode_general_category::{GeneralCategory, get_general_category};

/// Whether Go prints the character as it is (`strconv.IsPrint`): letters, marks, numbers, punctuation, symbols, and the ASCII
/// space.
pub fn is_print(c: char) -> bool {
    use GeneralCategory as G;
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    !matches!(
        get_general_category(c),
        G::Control
            | G::Format
            | G::Surrogate
            | G::PrivateUse
            | G::Unassigned
            | G::SpaceSeparator
            | G::LineSeparator
            | G::ParagraphSeparator
    )
}

/// Whether the character is a letter or a decimal digit, of which names in templates are made (`unicode.IsLetter`,
/// `unicode.IsDigit`).
pub fn is_letter_or_digit(c: char) -> bool {
    use GeneralCategory as G;
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    matches!(
        get_general_category(c),
        G::UppercaseLetter
            | G::LowercaseLetter
            | G::TitlecaseLetter
            | G::ModifierLetter
            | G::OtherLetter
            | G::DecimalNumber
    )
}

/// `strconv.Quote`.
pub fn quote(bytes: &[u8]) -> String {
    quoted(bytes, false)
}

/// `strconv.QuoteToASCII`.
pub fn quote_ascii(bytes: &[u8]) -> String {
    quoted(bytes, true)
}

/// `strconv.QuoteRune`, or `QuoteRuneToASCII`.
pub(super) fn quote_char(c: char, ascii: bool) -> String {
    let mut out = "'".to_owned();
    escape(&mut out, c, '\'', ascii);
    out.push('\'');
    out
}

fn quoted(bytes: &[u8], ascii: bool) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            escape(&mut out, c, '"', ascii);
        }
        for byte in chunk.invalid() {
            let _written = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

fn escape(out: &mut String, c: char, quote: char, ascii: bool) {
    match c {
        '\\' => out.push_str("\\\\"),
        _ if c == quote => out.extend(['\\', c]),
        _ if is_print(c) && (c.is_ascii() || !ascii) => out.push(c),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        _ => {
            let code = u32::from(c);
            let _written = match code {
                0..0x20 | 0x7f => write!(out, "\\x{code:02x}"),
                0x20..0x1_0000 => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}
