//! What a scalar means: go-yaml's `resolve`, v2 for [`Mode::Sigs`] and v3 for [`Mode::Kyaml`].

use std::borrow::Cow;
use std::num::IntErrorKind;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::options::Mode;
use crate::timestamp;

/// The value of a scalar.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// Nothing, `~`, `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Above `i64::MAX`.
    Uint(u64),
    /// A float, infinities and not-a-number included.
    Float(f64),
    /// Anything else.
    Text(Cow<'a, str>),
    /// A date or time; as the text says it for [`Mode::Sigs`], in RFC 3339 for [`Mode::Kyaml`].
    Timestamp(Cow<'a, str>),
    /// A plain `<<`.
    Merge,
}

impl Scalar<'_> {
    fn tag(&self) -> Tag {
        match self {
            Self::Null => Tag::Null,
            Self::Bool(_) => Tag::Bool,
            Self::Int(_) | Self::Uint(_) => Tag::Int,
            Self::Float(_) => Tag::Float,
            Self::Text(_) | Self::Merge => Tag::Str,
            Self::Timestamp(_) => Tag::Timestamp,
        }
    }
}

/// The tags that have a meaning for scalars. Any other makes the scalar a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// None given: a plain scalar is resolved by its text.
    None,
    Str,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    Binary,
    Merge,
    /// `!` or one that nobody here knows.
    Other,
}

impl Tag {
    /// The tag named by the part after `tag:yaml.org,2002:`.
    pub(crate) fn from_core(suffix: &str) -> Self {
        match suffix {
            "str" => Self::Str,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "float" => Self::Float,
            "null" => Self::Null,
            "timestamp" => Self::Timestamp,
            "binary" => Self::Binary,
            "merge" => Self::Merge,
            _ => Self::Other,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None | Self::Str | Self::Other => "!!str",
            Self::Bool => "!!bool",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::Null => "!!null",
            Self::Timestamp => "!!timestamp",
            Self::Binary => "!!binary",
            Self::Merge => "!!merge",
        }
    }
}

/// The value of a scalar that carries `tag`, or no tag and stands unquoted.
///
/// Errors are messages without place; they leave the text out, which may be secret.
pub(crate) fn resolve(mode: Mode, tag: Tag, text: Cow<'_, str>) -> Result<Scalar<'_>, String> {
    match tag {
        Tag::Str | Tag::Other => Ok(Scalar::Text(text)),
        Tag::Merge if text == "<<" => Ok(Scalar::Merge),
        Tag::Merge => Ok(Scalar::Text(text)),
        Tag::Binary => decode_binary(&text).map(|text| Scalar::Text(Cow::Owned(text))),
        Tag::None => Ok(resolve_plain(mode, tag, text)),
        Tag::Bool | Tag::Int | Tag::Float | Tag::Null | Tag::Timestamp => {
            let scalar = resolve_plain(mode, tag, text);
            match (tag, scalar) {
                #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
                (Tag::Float, Scalar::Int(value)) => Ok(Scalar::Float(value as f64)),
                (_, Scalar::Uint(_)) if tag == Tag::Float => Err(misfit(Tag::Int, tag)),
                (_, scalar) if scalar.tag() == tag => Ok(scalar),
                (_, scalar) => Err(misfit(scalar.tag(), tag)),
            }
        }
    }
}

fn misfit(found: Tag, wanted: Tag) -> String {
    format!("cannot decode a {} as a {}", found.name(), wanted.name())
}

/// The meaning of an unquoted text without a tag. For engines that keep scalars as they were written (`kustomize/`).
#[must_use]
pub fn resolve_untagged(mode: Mode, text: &str) -> Scalar<'_> {
    resolve_plain(mode, Tag::None, Cow::Borrowed(text))
}

/// The meaning of an unquoted text that carries the core tag `tag` (`int` for `!!int` …), as go-yaml's decoder takes it.
///
/// # Errors
/// The text is no value of that tag. The message leaves the text out, which may be secret.
pub fn resolve_tagged<'a>(mode: Mode, tag: &str, text: &'a str) -> Result<Scalar<'a>, String> {
    resolve(mode, Tag::from_core(tag), Cow::Borrowed(text))
}

/// The meaning of an unquoted text.
fn resolve_plain(mode: Mode, tag: Tag, text: Cow<'_, str>) -> Scalar<'_> {
    let Some(first) = text.as_bytes().first() else { return Scalar::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            named(mode, &text).unwrap_or(Scalar::Text(text))
        }
        b'.' => match named(mode, &text).or_else(|| point_float(&text).map(Scalar::Float)) {
            Some(scalar) => scalar,
            None => Scalar::Text(text),
        },
        b'+' | b'-' | b'0'..=b'9' => number_or_time(mode, tag, text),
        b'<' if text == "<<" => Scalar::Merge,
        _ => Scalar::Text(text),
    }
}

/// The words of go-yaml's table.
fn named(mode: Mode, text: &str) -> Option<Scalar<'static>> {
    Some(match text {
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if mode == Mode::Sigs => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if mode == Mode::Sigs => Scalar::Bool(false),
        _ => return None,
    })
}

/// What begins with a sign or a digit.
fn number_or_time(mode: Mode, tag: Tag, text: Cow<'_, str>) -> Scalar<'_> {
    if let Some(scalar) = named(mode, &text) {
        return scalar;
    }
    if matches!(tag, Tag::None | Tag::Timestamp)
        && let Some(time) = timestamp::parse(&text)
    {
        return match mode {
            Mode::Sigs => Scalar::Timestamp(text),
            Mode::Kyaml => Scalar::Timestamp(Cow::Owned(time.to_rfc3339())),
        };
    }
    let plain = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(&*text) };
    match integer(&plain).or_else(|| styled_float(&plain).map(Scalar::Float)) {
        Some(scalar) => scalar,
        None => Scalar::Text(text),
    }
}

/// Go's `ParseInt(text, 0, 64)`, then `ParseUint`: a prefix or a leading zero gives the base.
fn integer(text: &str) -> Option<Scalar<'static>> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    match u64::from_str_radix(digits, base) {
        Ok(value) if negative => 0_i64.checked_sub_unsigned(value).map(Scalar::Int),
        Ok(value) => match i64::try_from(value) {
            Ok(value) => Some(Scalar::Int(value)),
            // ParseUint takes no sign.
            Err(_) if signed => None,
            Err(_) => Some(Scalar::Uint(value)),
        },
        Err(error) => {
            debug_assert!(!matches!(error.kind(), IntErrorKind::NegOverflow), "the sign was taken off");
            None
        }
    }
}

/// go-yaml's `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, if it is no overflow.
fn styled_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(unsigned);
    let mut rest = &unsigned[whole..];
    if let Some(after_point) = rest.strip_prefix('.') {
        let fraction = digits(after_point);
        if whole == 0 && fraction == 0 {
            return None;
        }
        rest = &after_point[fraction..];
    } else if whole == 0 {
        return None;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if exponent.is_empty() || digits(exponent) != exponent.len() {
            return None;
        }
    } else if !rest.is_empty() {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Go's `ParseFloat` of a text that begins with a point. It takes `_` between digits.
fn point_float(text: &str) -> Option<f64> {
    if !text.contains('_') {
        return styled_float(text);
    }
    let bytes = text.as_bytes();
    let between_digits =
        |at: usize| at > 0 && bytes[at - 1].is_ascii_digit() && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
    let placed = (0..bytes.len()).filter(|at| bytes[*at] == b'_').all(between_digits);
    if placed { styled_float(&text.replace('_', "")) } else { None }
}

/// Go's `base64.StdEncoding`: padding required, line ends ignored, trailing bits not judged.
const GO_BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

fn decode_binary(text: &str) -> Result<String, String> {
    let packed: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = GO_BASE64.decode(packed).map_err(|_| "the !!binary value is not valid base64".to_owned())?;
    Ok(lossy(&bytes))
}

/// Go's `encoding/json` puts U+FFFD in place of each byte that is not UTF-8.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// Whether `text`, written unquoted, would be read as something else than a string by [`Mode::Sigs`].
#[must_use]
pub fn needs_quotes(text: &str) -> bool {
    let scalar = resolve_plain(Mode::Sigs, Tag::None, Cow::Borrowed(text));
    !matches!(scalar, Scalar::Text(_) | Scalar::Merge) || is_base60(text)
}

/// go-yaml's `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`: quoted for the sake of YAML 1.1 readers.
pub(crate) fn is_base60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let digits_or_lines = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let Some(first) = parts.next() else { return false };
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !digits_or_lines(first) {
        return false;
    }
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else { return false };
    let sixty = |part: &str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    middle.iter().all(|part| sixty(part)) && sixty(last) && digits_or_lines(fraction)
}
