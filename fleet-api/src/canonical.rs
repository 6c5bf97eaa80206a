//! Canonical JSON: the bytes that digests and signatures are taken of.
//!
//! RFC 8785 (JCS), with one difference: integers are written in full, so that int64 and uint64 keep every digit
//! (JCS writes them as an IEEE double and would merge neighbours above 2^53).

use serde::Serialize;
use serde_json::Value;

/// The canonical bytes of a JSON value: keys sorted by UTF-16 code units, no white space.
pub fn to_vec(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_value(value, &mut out);
    out
}

/// The canonical bytes of anything that serialises to JSON.
///
/// # Errors
/// Where `value` itself refuses to be serialised (a map with keys that are no strings).
pub fn of<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    Ok(to_vec(&serde_json::to_value(value)?))
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(item, out);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
            out.push(b'{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write_value(item, out);
            }
            out.push(b'}');
        }
    }
}

/// ECMAScript's `Number::toString` for doubles, as RFC 8785 asks; integers in full.
fn write_number(number: &serde_json::Number, out: &mut Vec<u8>) {
    if number.is_i64() || number.is_u64() {
        out.extend_from_slice(number.to_string().as_bytes());
        return;
    }
    let double = number.as_f64().unwrap_or(0.0);
    if double == 0.0 {
        out.push(b'0');
        return;
    }
    let magnitude = double.abs();
    if (1e-6..1e21).contains(&magnitude) {
        // Rust prints the shortest digits that read back, as ECMAScript does, and never an exponent here.
        out.extend_from_slice(format!("{double}").as_bytes());
        return;
    }
    let text = format!("{double:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => {
            out.extend_from_slice(format!("{mantissa}e+{exponent}").as_bytes());
        }
        _ => out.extend_from_slice(text.as_bytes()),
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            control if u32::from(control) < 0x20 => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(control)).as_bytes());
            }
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn follows_rfc_8785_and_keeps_integers() {
        let table = [
            (json!({"b": 1, "a": [true, null, "x"]}), r#"{"a":[true,null,"x"],"b":1}"#),
            (json!(9_007_199_254_740_993_i64), "9007199254740993"),
            (json!(u64::MAX), "18446744073709551615"),
            (json!(1e21), "1e+21"),
            (json!(1e-7), "1e-7"),
            (json!(0.1), "0.1"),
            (json!(-0.0), "0"),
            (json!(333_333_333.333_333_3), "333333333.3333333"),
            (json!("\u{1}\n\u{7f}é"), "\"\\u0001\\n\u{7f}é\""),
            // The order is that of UTF-16: U+1F600 (surrogates D83D …) comes before U+FB33.
            (json!({"\u{fb33}": 1, "\u{1f600}": 2}), "{\"\u{1f600}\":2,\"\u{fb33}\":1}"),
        ];
        for (value, expected) in table {
            assert_eq!(String::from_utf8(to_vec(&value)).unwrap(), expected);
        }
    }
}
