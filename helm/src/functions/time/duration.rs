//! Durations: nanoseconds in an `int64`. Go: `time/time.go`, `time/format.go`; Helm: `pkg/engine/funcs.go`.

use super::parse::quote;

pub(super) const SECOND: i64 = 1_000_000_000;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// `1h30m0.5s`. Go: `time.ParseDuration`.
pub(super) fn parse(text: &[u8]) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (value, after) = next_value(rest, text)?;
        rest = after;
        total = total.checked_add(value).filter(|t| *t <= 1 << 63).ok_or_else(invalid)?;
    }
    if negative {
        return Ok(0i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| invalid())
}

/// One number and its unit as nanoseconds, and the text behind them.
fn next_value<'a>(text: &'a [u8], whole: &[u8]) -> Result<(u64, &'a [u8]), String> {
    let invalid = || format!("time: invalid duration {}", quote(whole));
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut value: u64 = 0;
    for digit in &text[..digits] {
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(u64::from(digit - b'0')))
            .filter(|v| *v <= 1 << 63)
            .ok_or_else(invalid)?;
    }
    let mut rest = &text[digits..];
    let (mut fraction, mut scale, mut fraction_digits) = (0u64, 1f64, 0);
    if rest.first() == Some(&b'.') {
        fraction_digits = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        (fraction, scale) = leading_fraction(&rest[1..=fraction_digits]);
        rest = &rest[fraction_digits + 1..];
    }
    if digits == 0 && fraction_digits == 0 {
        return Err(invalid());
    }
    let length = rest.iter().take_while(|b| **b != b'.' && !b.is_ascii_digit()).count();
    if length == 0 {
        return Err(format!("time: missing unit in duration {}", quote(whole)));
    }
    let (unit, rest) = rest.split_at(length);
    let known = UNITS.iter().find(|(name, _)| name.as_bytes() == unit);
    let Some((_, size)) = known else {
        return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(whole)));
    };
    if value > (1 << 63) / size {
        return Err(invalid());
    }
    value *= size;
    if fraction > 0 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "Go computes the fraction in floats too"
        )]
        let nanoseconds = (fraction as f64 * (*size as f64 / scale)) as u64;
        value = value.checked_add(nanoseconds).filter(|v| *v <= 1 << 63).ok_or_else(invalid)?;
    }
    Ok((value, rest))
}

/// Digits as a number and the power of ten to divide it by; digits beyond 64 bits are dropped. Go: `leadingFraction`.
fn leading_fraction(digits: &[u8]) -> (u64, f64) {
    let (mut value, mut scale) = (0u64, 1f64);
    for digit in digits {
        if value > ((1 << 63) - 1) / 10 {
            break;
        }
        let next = value * 10 + u64::from(digit - b'0');
        if next > 1 << 63 {
            break;
        }
        value = next;
        scale *= 10.0;
    }
    (value, scale)
}

/// `1h30m0.5s`, `1.5ms`, `0s`. Go: `Duration.String`.
pub(super) fn to_string(duration: i64) -> String {
    let amount = duration.unsigned_abs();
    let sign = if duration < 0 { "-" } else { "" };
    let text = match amount {
        0 => "0s".to_owned(),
        1..1_000 => format!("{amount}ns"),
        1_000..1_000_000 => format!("{}µs", with_fraction(amount, 3)),
        1_000_000..1_000_000_000 => format!("{}ms", with_fraction(amount, 6)),
        _ => {
            let (minutes, rest) = (amount / 60_000_000_000, amount % 60_000_000_000);
            let seconds = format!("{}s", with_fraction(rest, 9));
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    };
    format!("{sign}{text}")
}

fn with_fraction(amount: u64, digits: u32) -> String {
    let unit = 10u64.pow(digits);
    let width = usize::try_from(digits).unwrap_or(0);
    let text = format!("{}.{:0width$}", amount / unit, amount % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// To the nearest multiple, half away from zero. Go: `Duration.Round`.
pub(super) fn round(duration: i64, to: i64) -> i64 {
    if to <= 0 {
        return duration;
    }
    let rest = (duration % to).abs();
    let down = if duration < 0 { duration + rest } else { duration - rest };
    if i128::from(rest) * 2 < i128::from(to) {
        return down;
    }
    if duration < 0 { down.checked_sub(to).unwrap_or(i64::MIN) } else { down.checked_add(to).unwrap_or(i64::MAX) }
}

/// Toward zero to a multiple. Go: `Duration.Truncate`.
pub(super) fn truncate(duration: i64, to: i64) -> i64 {
    if to <= 0 { duration } else { duration - duration % to }
}

/// A duration in units of that many nanoseconds, computed as Go does: whole units and the rest apart.
#[expect(clippy::cast_precision_loss, reason = "as in Go")]
pub(super) fn in_units(duration: i64, unit: i64) -> f64 {
    (duration / unit) as f64 + (duration % unit) as f64 / unit as f64
}
