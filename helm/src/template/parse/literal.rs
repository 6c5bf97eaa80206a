//! Strings and numbers as Go writes them. Go: `strconv.Unquote`, `strconv.ParseInt`, `strconv.ParseFloat`, and `newNumber` of
//! `text/template/parse/node.go`.

use std::borrow::Cow;

use memchr::{memchr, memchr3};

use super::node::Number;
use crate::template::print::quote;

/// `strconv.Unquote` of a `"…"` or a `` `…` ``; the text of the error is Go's.
pub(super) fn unquote(quoted: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let invalid = || "invalid syntax".to_owned();
    let [open, inside @ .., close] = quoted else { return Err(invalid()) };
    if open != close {
        return Err(invalid());
    }
    if *open == b'`' {
        if memchr(b'\r', inside).is_none() {
            return Ok(Cow::Borrowed(inside));
        }
        return Ok(inside.iter().copied().filter(|b| *b != b'\r').collect());
    }
    if memchr3(b'\\', b'\n', *open, inside).is_none() {
        return Ok(Cow::Borrowed(inside));
    }
    let mut rest = inside;
    let mut out = Vec::with_capacity(inside.len());
    while !rest.is_empty() {
        let (piece, after) = unquote_char(rest, *open).ok_or_else(invalid)?;
        rest = after;
        match piece {
            Piece::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Piece::Byte(b) => out.push(b),
        }
    }
    Ok(Cow::Owned(out))
}

/// What an escape stands for.
#[derive(Clone, Copy)]
enum Piece {
    Char(char),
    /// `\x` and octal escapes give bytes.
    Byte(u8),
}

/// The first character or escape, and what comes after it. Go: `strconv.UnquoteChar`.
fn unquote_char(text: &[u8], quote: u8) -> Option<(Piece, &[u8])> {
    let (first, rest) = text.split_first()?;
    match *first {
        b if b == quote => None,
        b'\\' => escape(rest, quote),
        b'\n' => None,
        b if b < 0x80 => Some((Piece::Byte(b), rest)),
        b => match text.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()) {
            Some(c) => Some((Piece::Char(c), &text[c.len_utf8()..])),
            None => Some((Piece::Byte(b), rest)),
        },
    }
}

fn escape(text: &[u8], quote: u8) -> Option<(Piece, &[u8])> {
    let (letter, rest) = text.split_first()?;
    let byte = |b: u8| Some((Piece::Byte(b), rest));
    match *letter {
        b'a' => byte(7),
        b'b' => byte(8),
        b'f' => byte(12),
        b'n' => byte(b'\n'),
        b'r' => byte(b'\r'),
        b't' => byte(b'\t'),
        b'v' => byte(11),
        b'\\' => byte(b'\\'),
        b @ (b'\'' | b'"') => (b == quote).then_some((Piece::Byte(b), rest)),
        b'x' => {
            let (code, rest) = digits(rest, 2, 16)?;
            Some((Piece::Byte(u8::try_from(code).ok()?), rest))
        }
        b'u' => coded(rest, 4),
        b'U' => coded(rest, 8),
        b'0'..=b'7' => {
            let (code, rest) = digits(text, 3, 8)?;
            Some((Piece::Byte(u8::try_from(code).ok()?), rest))
        }
        _ => None,
    }
}

fn coded(text: &[u8], count: usize) -> Option<(Piece, &[u8])> {
    let (code, rest) = digits(text, count, 16)?;
    Some((Piece::Char(char::from_u32(code)?), rest))
}

/// Exactly this many digits.
fn digits(text: &[u8], count: usize, base: u32) -> Option<(u32, &[u8])> {
    let (head, rest) = text.split_at_checked(count)?;
    let text = std::str::from_utf8(head).ok().filter(|text| text.bytes().all(|b| char::from(b).is_digit(base)))?;
    Some((u32::from_str_radix(text, base).ok()?, rest))
}

/// A number constant as it stands in the source. The text of the error is Go's.
pub(super) fn number(text: &str) -> Result<Number, String> {
    if let Some(number) = plain_number(text) {
        return Ok(number);
    }
    if let Some(f) = text.strip_suffix('i').and_then(parse_float) {
        return Ok(simplified((0.0, f)));
    }
    let uint = parse_uint(text);
    let int = parse_int(text);
    let mut number = Number { int, uint, float: None, complex: None };
    if int == Some(0) {
        // Also for -0.
        number.uint = Some(uint.unwrap_or(0));
    }
    #[expect(clippy::cast_precision_loss, reason = "Go's conversion to float64 rounds too")]
    match (int, uint) {
        (Some(n), _) => number.float = Some(n as f64),
        (None, Some(n)) => number.float = Some(n as f64),
        (None, None) => {
            let Some(f) = parse_float(text) else {
                return Err(format!("illegal number syntax: {}", quote(text.as_bytes())));
            };
            if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                return Err(format!("integer overflow: {}", quote(text.as_bytes())));
            }
            number.float = Some(f);
            number.int = exact_int(f);
            number.uint = exact_uint(f);
        }
    }
    Ok(number)
}

/// A number of a few digits, as most are.
fn plain_number(text: &str) -> Option<Number> {
    let plain = matches!(text.as_bytes(), [b'0'] | [b'1'..=b'9', ..]);
    if !plain || text.len() > 9 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u32 = text.parse().ok()?;
    Some(Number { int: Some(n.into()), uint: Some(n.into()), float: Some(n.into()), complex: None })
}

/// A character constant with its quotes.
pub(super) fn character(text: &[u8]) -> Result<Number, String> {
    let (piece, rest) = text.get(1..).and_then(|inside| unquote_char(inside, b'\'')).ok_or("invalid syntax")?;
    if rest != b"'" {
        return Err(format!("malformed character constant: {}", String::from_utf8_lossy(text)));
    }
    let code = match piece {
        Piece::Char(c) => u32::from(c),
        Piece::Byte(b) if b < 0x80 || text.get(1) == Some(&b'\\') => u32::from(b),
        Piece::Byte(_) => u32::from(char::REPLACEMENT_CHARACTER),
    };
    Ok(Number { int: Some(i64::from(code)), uint: Some(u64::from(code)), float: Some(f64::from(code)), complex: None })
}

/// A complex constant such as `1+2i`. The text of the error is Go's.
pub(super) fn complex(text: &str) -> Result<Number, String> {
    let bad = || "syntax error scanning complex number".to_owned();
    let is_split =
        |(at, c): &(usize, char)| matches!(c, '+' | '-') && *at > 0 && !text[..*at].ends_with(['e', 'E', 'p', 'P']);
    let (at, _) = text.char_indices().find(is_split).ok_or_else(bad)?;
    let re = parse_float(&text[..at]).ok_or_else(bad)?;
    let im = text[at..].strip_suffix('i').and_then(parse_float).ok_or_else(bad)?;
    Ok(simplified((re, im)))
}

/// A complex number and, where it is real, what else it is. Go: `simplifyComplex`.
fn simplified(complex: (f64, f64)) -> Number {
    let float = (complex.1 == 0.0).then_some(complex.0);
    Number { int: float.and_then(exact_int), uint: float.and_then(exact_uint), float, complex: Some(complex) }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
fn exact_int(f: f64) -> Option<i64> {
    (f.trunc() == f && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&f)).then_some(f as i64)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
fn exact_uint(f: f64) -> Option<u64> {
    (f.trunc() == f && (0.0..18_446_744_073_709_551_616.0).contains(&f)).then_some(f as u64)
}

/// `strconv.ParseUint(text, 0, 64)`.
pub(crate) fn parse_uint(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (base, body) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    if body.starts_with(['+', '-']) || !underscores_separate(&lower) {
        return None;
    }
    u64::from_str_radix(&body.replace('_', ""), base).ok()
}

/// `strconv.ParseInt(text, 0, 64)`.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(magnitude) => 0_i64.checked_sub_unsigned(parse_uint(magnitude)?),
        None => i64::try_from(parse_uint(text.strip_prefix('+').unwrap_or(text))?).ok(),
    }
}

/// `strconv.ParseFloat(text, 64)` of what the lexer lets through; out of range is `None`.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !underscores_separate(unsigned) {
        return None;
    }
    let plain = unsigned.replace('_', "");
    let magnitude = match plain.strip_prefix("0x") {
        Some(hex) => parse_hex(hex)?,
        None => plain.parse::<f64>().ok()?,
    };
    magnitude.is_finite().then_some(if lower.starts_with('-') { -magnitude } else { magnitude })
}

/// The digits of a hexadecimal float, whose exponent is not optional.
fn parse_hex(hex: &str) -> Option<f64> {
    let (mantissa, exponent) = hex.split_once('p')?;
    let mut exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0_u64;
    for (i, digit) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u64::from(digit.to_digit(16)?);
        if value < 1 << 59 {
            value = value << 4 | digit;
            exponent = exponent.saturating_sub(if i >= whole.len() { 4 } else { 0 });
        } else {
            // Beyond the precision: only whether there is something counts, for rounding.
            value |= u64::from(digit != 0);
            exponent = exponent.saturating_add(if i >= whole.len() { 0 } else { 4 });
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "this is where the rounding happens")]
    let mut result = value as f64;
    // Powers of two in steps that are exact, so that only the last one can overflow or round.
    let mut left = exponent.clamp(-3000, 3000);
    while left != 0 && result != 0.0 && result.is_finite() {
        let step = left.clamp(-1000, 1000);
        result *= 2_f64.powi(step);
        left -= step;
    }
    Some(result)
}

/// Whether underscores stand only between digits, or between a base and a digit. Go: `underscoreOK`.
fn underscores_separate(text: &str) -> bool {
    let bytes = text.as_bytes();
    let based = matches!(bytes, [b'0', b'x' | b'o' | b'b', ..]);
    let hex = matches!(bytes, [b'0', b'x', ..]);
    let mut last = if based { b'0' } else { b'^' };
    for byte in &bytes[if based { 2 } else { 0 }..] {
        last = match byte {
            _ if byte.is_ascii_digit() || hex && byte.is_ascii_hexdigit() => b'0',
            b'_' if last == b'0' => b'_',
            b'_' => return false,
            _ if last == b'_' => return false,
            _ => b'!',
        };
    }
    last != b'_'
}
