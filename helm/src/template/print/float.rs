//! Texts of floats. Go: `strconv.FormatFloat`.

use std::fmt::Write as _;

/// A float64 as `strconv.FormatFloat(value, verb, precision, 64)` writes it, with verbs `e`, `E`, `f`, `g`, `G`, `x`, `X` and
/// `b`. No precision means the shortest text that reads back as the same number.
pub fn format_float(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    match verb {
        'f' => match precision {
            Some(precision) => format!("{value:.precision$}"),
            None => format!("{value}"),
        },
        'e' | 'E' => scientific(value, verb, precision),
        'x' | 'X' => hexadecimal(value, verb, precision),
        'b' => binary(value),
        _ => general(value, verb, precision),
    }
}

/// `%e` with Go's exponent of at least two digits.
fn scientific(value: f64, verb: char, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{value:.precision$e}"),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}{verb}{sign}{digits:0>2}")
}

/// `%g`: `%e` for exponents below -4 or not below the precision, else `%f`; without trailing zeros.
fn general(value: f64, verb: char, precision: Option<usize>) -> String {
    let exponent_verb = if verb == 'G' { 'E' } else { 'e' };
    let precision = precision.map(|p| p.max(1));
    let text = scientific(value, 'e', precision.map(|p| p - 1));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = if digits.len() > 1 { digits.trim_end_matches('0') } else { &digits };
    let digits = if digits.is_empty() { "0" } else { digits };
    // The precision for the decision; the digits that are there count when the number is an integer of no more.
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let mut limit = precision.map_or(6, |p| i32::try_from(p).unwrap_or(i32::MAX));
    if precision.is_some() && limit > count && count > exponent {
        limit = count;
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if exponent < -4 || exponent >= limit {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}{exponent_verb}{exponent_sign}{:02}", exponent.abs());
    }
    format!("{sign}{}", plain(digits, exponent))
}

/// Digits with the point after the first one, moved by an exponent.
fn plain(digits: &str, exponent: i32) -> String {
    match usize::try_from(exponent) {
        Ok(exponent) if exponent + 1 >= digits.len() => format!("{digits}{}", "0".repeat(exponent + 1 - digits.len())),
        Ok(exponent) => format!("{}.{}", &digits[..=exponent], &digits[exponent + 1..]),
        Err(_) => format!("0.{}{digits}", "0".repeat(usize::try_from(-1 - exponent).unwrap_or(0))),
    }
}

/// The mantissa and the exponent of two, with 52 bits after the point.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match i32::try_from((bits >> 52) & 0x7ff).unwrap_or(0) {
        0 => (fraction, -1022),
        exponent => (fraction | 1 << 52, exponent - 1023),
    }
}

/// `%b`: an integer times a power of two.
fn binary(value: f64) -> String {
    let (mantissa, exponent) = parts(value);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{mantissa}p{:+}", exponent - 52)
}

/// `%x`: hexadecimal digits and a power of two. Go: `strconv/ftoa.go`, `fmtX`.
fn hexadecimal(value: f64, verb: char, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = parts(value);
    if mantissa == 0 {
        exponent = 0;
    }
    // One bit before the point, 60 after it.
    mantissa <<= 60 - 52;
    while mantissa != 0 && mantissa & (1 << 60) == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(precision) = precision.filter(|p| *p < 15) {
        let shift = precision * 4;
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut digits = String::new();
    let mut rest = mantissa << 4;
    while digits.len() < precision.unwrap_or(15) && (precision.is_some() || rest != 0) {
        let _written = write!(digits, "{:x}", rest >> 60);
        rest <<= 4;
    }
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    let text = format!("{sign}0x{}{point}{digits}p{exponent_sign}{:02}", (mantissa >> 60) & 1, exponent.abs());
    if verb == 'X' { text.to_uppercase() } else { text }
}

/// The `#` flag: always a point, and trailing zeros up to the precision. `number` begins with its sign. Go: `fmt/format.go`,
/// `fmtFloat`.
pub(super) fn with_point(number: &str, verb: char, precision: Option<usize>) -> String {
    let mut digits = match verb {
        'v' | 'g' | 'G' | 'x' => i64::try_from(precision.unwrap_or(6)).unwrap_or(i64::MAX),
        _ => 0,
    };
    let is_tail = |c: char| matches!(c, 'p' | 'P') || matches!(c, 'e' | 'E') && !matches!(verb, 'x' | 'X');
    let split = number.char_indices().skip(1).find(|(_, c)| is_tail(*c)).map_or(number.len(), |(at, _)| at);
    let (head, tail) = number.split_at(split);
    let mut nonzero = false;
    for c in head.chars().skip(1).filter(|c| *c != '.') {
        nonzero |= c != '0';
        if nonzero {
            digits -= 1;
        }
    }
    let mut text = head.to_owned();
    if !head.contains('.') {
        if head.len() == 2 && head.ends_with('0') {
            digits -= 1;
        }
        text.push('.');
    }
    text.extend(std::iter::repeat_n('0', usize::try_from(digits).unwrap_or(0)));
    text.push_str(tail);
    text
}
