//! Conversions between kinds: spf13/cast (`caste.go`), as Sprig uses it: what cannot be converted is 0. And values as text.

use crate::value::{Str, Type, Value};

/// `cast.ToInt64`, and `cast.ToInt` on 64 bits.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(_, n) => *n,
        #[expect(clippy::cast_possible_wrap, reason = "Go's conversion wraps around")]
        Value::Uint(_, n) => *n as i64,
        Value::Float(f) => float_to_int(*f),
        Value::Bool(b) => i64::from(*b),
        Value::String(text) => text.as_str().and_then(|s| parse_int(trim_zero_decimal(s), 0)).unwrap_or(0),
        Value::Object(_) => counted(value).unwrap_or(0),
        Value::Nil | Value::Complex(..) | Value::List(_) | Value::Map(_) => 0,
    }
}

/// `cast.ToFloat64`.
#[expect(clippy::cast_precision_loss, reason = "Go's conversion rounds as well")]
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(_, n) => *n as f64,
        Value::Uint(_, n) => *n as f64,
        Value::Float(f) => *f,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::String(text) => text.as_str().and_then(parse_float).unwrap_or(0.0),
        Value::Object(_) => counted(value).unwrap_or(0) as f64,
        Value::Nil | Value::Complex(..) | Value::List(_) | Value::Map(_) => 0.0,
    }
}

/// The named integers that cast knows: months and weekdays. A `time.Duration` is not among them.
fn counted(value: &Value) -> Option<i64> {
    match (value.type_of()?, value.underlying()) {
        (Type::Named("time.Month" | "time.Weekday", _), Value::Int(_, n)) => Some(n),
        _ => None,
    }
}

/// Go's conversion on amd64: what does not fit becomes the smallest integer.
pub(super) fn float_to_int(f: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be in range; the fraction is to go")]
    if (-LIMIT..LIMIT).contains(&f) { f as i64 } else { i64::MIN }
}

/// `1.00` is `1`, `1.50` stays. Go: cast, `trimZeroDecimal`.
fn trim_zero_decimal(text: &str) -> &str {
    match text.trim_end_matches('0').strip_suffix('.') {
        Some(whole) if text.ends_with('0') => whole,
        _ => text,
    }
}

/// Whether underscores stand only between digits, or a base prefix and a digit. Go: `strconv.underscoreOK`.
fn underscores_are_right(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text).to_ascii_lowercase();
    let (mut last, digits, hex) = match digits.strip_prefix("0x") {
        Some(rest) => ('0', rest.to_owned(), true),
        None => match digits.strip_prefix("0b").or_else(|| digits.strip_prefix("0o")) {
            Some(rest) => ('0', rest.to_owned(), false),
            None => ('^', digits, false),
        },
    };
    for c in digits.chars() {
        if c.is_ascii_digit() || hex && c.is_ascii_hexdigit() {
            last = '0';
        } else if c == '_' {
            if last != '0' {
                return false;
            }
            last = '_';
        } else {
            if last == '_' {
                return false;
            }
            last = '!';
        }
    }
    last != '_'
}

/// `strconv.ParseInt(text, base, 64)`; base 0 takes it from the prefix and allows underscores.
pub(super) fn parse_int(text: &str, base: u32) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, base) = if base == 0 {
        if digits.contains('_') && !underscores_are_right(text) {
            return None;
        }
        let (digits, base) = prefixed(digits);
        (digits.replace('_', ""), base)
    } else {
        (digits.to_owned(), base)
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i128::from(u64::from_str_radix(&digits, base).ok()?);
    i64::try_from(if negative { -number } else { number }).ok()
}

fn prefixed(digits: &str) -> (&str, u32) {
    let lower = digits.as_bytes().get(..2).map(<[u8]>::to_ascii_lowercase);
    match lower.as_deref() {
        Some(b"0x") if digits.len() > 2 => (&digits[2..], 16),
        Some(b"0b") if digits.len() > 2 => (&digits[2..], 2),
        Some(b"0o") if digits.len() > 2 => (&digits[2..], 8),
        Some(two) if two[0] == b'0' => (&digits[1..], 8),
        _ => (digits, 10),
    }
}

/// `strconv.ParseFloat(text, 64)`; a number out of range is an error there, and `None` here.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.starts_with(['i', 'I', 'n', 'N']) {
        // Rust and Go agree on the words, but Go has no signed nan.
        let nan = unsigned.eq_ignore_ascii_case("nan");
        return if nan && unsigned.len() < text.len() { None } else { text.parse().ok() };
    }
    if text.contains('_') && !underscores_are_right(text) {
        return None;
    }
    let text = text.replace('_', "");
    let hex = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let parsed = match hex.strip_prefix("0x").or_else(|| hex.strip_prefix("0X")) {
        Some(digits) => parse_hex_float(digits).map(|f| if text.starts_with('-') { -f } else { f }),
        None => text.parse().ok(),
    };
    parsed.filter(|f: &f64| f.is_finite())
}

/// The part of a hexadecimal float after `0x`; the exponent is required. Up to 60 bits of mantissa, which floats never fill.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse::<i64>().ok()?.clamp(-5_000, 5_000).try_into().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    let used = significant.len().min(15);
    let sticky = significant[used..].bytes().any(|b| b != b'0');
    let bits = u64::from_str_radix(if used == 0 { "0" } else { &significant[..used] }, 16).ok()? | u64::from(sticky);
    let dropped = i32::try_from(significant.len() - used).ok()?;
    let scale = exponent - 4 * i32::try_from(fraction.len()).ok()? + 4 * dropped;
    #[expect(clippy::cast_precision_loss, reason = "rounding the mantissa to a float is the point")]
    Some(ldexp(bits as f64, scale))
}

/// `f` times two to `exponent`, in steps that do not overflow on the way.
pub(super) fn ldexp(mut f: f64, mut exponent: i32) -> f64 {
    while exponent > 1_000 {
        f *= 2f64.powi(1_000);
        exponent -= 1_000;
    }
    while exponent < -1_000 {
        f *= 2f64.powi(-1_000);
        exponent += 1_000;
    }
    f * 2f64.powi(exponent)
}

/// A value as Sprig's functions on strings see it: strings and bytes as they are, the text of what has one, else `%v`.
/// Sprig: `strval`.
pub(super) fn to_text(value: &Value) -> Str {
    match value {
        Value::String(text) => text.clone(),
        Value::List(list) if list.type_of() == Type::BYTES => Str::from_bytes(list.to_bytes().unwrap_or_default()),
        other => Str::from_bytes(display(other)),
    }
}

/// A value as `%v` prints it.
pub(super) fn display(value: &Value) -> Vec<u8> {
    super::gofmt::display(value)
}
