//! Figures and their spread. Used by every benchmark.

use serde_json::{Value, json};

/// Median and range of `values`, in `unit`; how many there were.
pub(crate) fn spread(values: &[f64], unit: &str) -> Value {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.first(), sorted.last()) {
        (Some(min), Some(max)) => json!({
            "median": rounded(median(&sorted)),
            "min": rounded(*min),
            "max": rounded(*max),
            "runs": sorted.len(),
            "unit": unit,
        }),
        _ => Value::Null,
    }
}

/// One value, in `unit`.
pub(crate) fn one(value: f64, unit: &str) -> Value {
    json!({"value": rounded(value), "unit": unit})
}

/// A count of bytes or the like, in `unit`.
#[expect(clippy::cast_precision_loss, reason = "figures of this program stay far below 2^53")]
pub(crate) fn count(value: u64, unit: &str) -> Value {
    one(value as f64, unit)
}

/// `total` divided by `number`.
#[expect(clippy::cast_precision_loss, reason = "figures of this program stay far below 2^53")]
pub(crate) fn per(total: u64, number: u64) -> f64 {
    total as f64 / number.max(1) as f64
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// Four digits behind the point are more than any of this is worth.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let told = spread(&[4.0, 1.0, 3.0, 2.0], "s");
        assert_eq!((&told["median"], &told["min"], &told["max"]), (&json!(2.5), &json!(1.0), &json!(4.0)));
        assert_eq!(spread(&[3.0, 1.0, 2.0], "s")["median"], json!(2.0));
        assert_eq!(spread(&[], "s"), Value::Null);
    }
}
