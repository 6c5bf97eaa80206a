//! Durations as Go writes them: `15s`, `1h30m`, `1.5h`.

use std::time::Duration;

/// Reads a duration by the rules of Go's `time.ParseDuration` (`ns`, `us`, `µs`, `ms`, `s`, `m`, `h`); `None` where it
/// is none, is negative or does not fit.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number_ends = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_ends);
        let unit_ends = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_ends);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let unit = nanoseconds(unit)?;
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(Duration::from_nanos(whole.checked_mul(unit)?))?;
        total = total.checked_add(Duration::from_nanos(share(fraction, unit)?))?;
        rest = tail;
    }
    Some(total)
}

fn nanoseconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// The part of `unit` that the digits after the point are.
fn share(fraction: &str, unit: u64) -> Option<u64> {
    let digits = fraction.get(..fraction.len().min(15))?;
    let (mut value, mut scale) = (0_u128, 1_u128);
    for digit in digits.bytes() {
        value = value * 10 + u128::from(digit.checked_sub(b'0')?);
        scale *= 10;
    }
    u64::try_from(value * u128::from(unit) / scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, milliseconds) in [
            ("0", 0),
            ("15s", 15_000),
            ("+5s", 5_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("1m1.25s", 61_250),
            ("300ms", 300),
            ("1000000ns", 1),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for bad in ["", "15", "s", "1d", "-1s", "1s ", "1.2.3s", ".s", "99999999999h", "1é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
