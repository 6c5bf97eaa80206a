//! Numbers as Go prints them.

use serde_json::Number;

/// `value` as Go's `strconv.FormatFloat(value, 'g', -1, 64)` prints it: the shortest digits that read back, with an
/// exponent below 1e-4 and from 1e6 on (`1e+06`: a sign and at least two digits).
#[must_use]
pub fn format_float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    general(&format!("{value:e}"))
}

/// As [`format_float`], of the nearest 32-bit number: what `sigs.k8s.io/yaml` makes of a float key, and of a float that
/// is read into a string.
pub(crate) fn format_float32(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "rounding to 32 bits is what Go does here")]
    let narrow = value as f32;
    if narrow.is_nan() {
        return ".nan".to_owned();
    }
    if narrow.is_infinite() {
        return if narrow > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    general(&format!("{narrow:e}"))
}

/// Go's `g` form of the shortest digits, given as Rust's `1.5e-7`.
fn general(scientific: &str) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    // strconv: "if precision was the shortest possible, use precision 6 for this decision".
    if !(-4..6).contains(&exponent) {
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{mantissa}e{exponent_sign}{:02}", exponent.abs());
    }
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    format!("{sign}{}", positional(&digits, exponent))
}

/// `digits` (the first before the point) times ten to `exponent`, without an exponent.
fn positional(digits: &str, exponent: i32) -> String {
    match usize::try_from(exponent) {
        Err(_) => {
            let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
            format!("0.{}{digits}", "0".repeat(zeros))
        }
        Ok(point) if digits.len() <= point + 1 => format!("{digits}{}", "0".repeat(point + 1 - digits.len())),
        Ok(point) => format!("{}.{}", &digits[..=point], &digits[point + 1..]),
    }
}

/// The integer that Go's JSON prints for a float without fraction: `1e3` becomes `1000`, an integer to later readers.
/// Beyond 2^53 it has the shortest digits that read back, filled with zeros, and not the float's exact value.
pub(crate) fn whole(value: f64) -> Option<Number> {
    let negative_zero = value == 0.0 && value.is_sign_negative();
    if value.fract() != 0.0 || negative_zero || value.abs() >= 1e20 {
        return None;
    }
    if value.abs() <= 9_007_199_254_740_992.0 {
        #[expect(clippy::cast_possible_truncation, reason = "up to 2^53 every whole float is an exact integer")]
        return Some((value as i64).into());
    }
    let digits = value.to_string();
    let signed = digits.parse::<i64>().map(Number::from);
    signed.or_else(|_| digits.parse::<u64>().map(Number::from)).ok()
}
