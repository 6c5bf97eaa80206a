//! go-yaml v2's order of keys (`keyList.Less`): numbers inside by value, letters after everything else.

use std::cmp::Ordering;

/// Sorts entries by key. The order is not in every case a total one, on which the library's sort may panic.
pub(super) fn by_key<V: Copy>(entries: &mut Vec<(&String, V)>) {
    if entries.windows(2).all(|pair| !less(pair[1].0, pair[0].0)) {
        return;
    }
    let sorted = merge_sort(entries);
    *entries = sorted;
}

fn merge_sort<'a, V: Copy>(entries: &[(&'a String, V)]) -> Vec<(&'a String, V)> {
    if entries.len() < 2 {
        return entries.to_vec();
    }
    let (left, right) = entries.split_at(entries.len() / 2);
    let (left, right) = (merge_sort(left), merge_sort(right));
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    let mut merged = Vec::with_capacity(entries.len());
    loop {
        let from_right = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => less(b.0, a.0),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        match if from_right { right.next() } else { left.next() } {
            Some(entry) => merged.push(entry),
            None => return merged,
        }
    }
}

/// Whether `a` stands before `b`.
fn less(a: &str, b: &str) -> bool {
    compare(a, b) == Ordering::Less
}

fn compare(a: &str, b: &str) -> Ordering {
    let common = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    if common == a.len() || common == b.len() {
        return a.len().cmp(&b.len());
    }
    let letters = |at: u8| at.is_ascii_alphabetic();
    if let (Some(x), Some(y)) = (a.as_bytes().get(common), b.as_bytes().get(common))
        && letters(*x)
        && letters(*y)
    {
        return x.cmp(y);
    }
    let start = (0..=common).rev().find(|at| a.is_char_boundary(*at) && b.is_char_boundary(*at)).unwrap_or(0);
    let (rest_a, rest_b) = (&a[start..], &b[start..]);
    let (Some(x), Some(y)) = (rest_a.chars().next(), rest_b.chars().next()) else { return Ordering::Equal };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // Zeros inside a longer number are digits like others: 100 is not 1 followed by 00.
    let inside_number = (x == '0' || y == '0') && {
        let digits_before = a[..start].bytes().rev().take_while(u8::is_ascii_digit);
        digits_before.filter(|digit| *digit != b'0').count() > 0
    };
    let seed = i64::from(inside_number);
    let (value_a, length_a) = leading_number(rest_a, seed);
    let (value_b, length_b) = leading_number(rest_b, seed);
    value_a.cmp(&value_b).then(length_a.cmp(&length_b)).then(x.cmp(&y))
}

fn leading_number(text: &str, seed: i64) -> (i64, usize) {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold((seed, 0), |(value, length), digit| {
        (value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')), length + 1)
    })
}
