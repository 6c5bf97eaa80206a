//! JSON as Go's `encoding/json` writes it: keys sorted, `<`, `>` and `&` escaped.

use serde_json::{Number, Value};

/// One line, no spaces. Go: `json.Marshal`.
pub(crate) fn to_string(value: &Value) -> String {
    let mut out = String::new();
    write(value, None, &mut out);
    out
}

/// Two spaces for each level. Go: `json.MarshalIndent(value, "", "  ")`.
pub(crate) fn to_string_indented(value: &Value) -> String {
    let mut out = String::new();
    write(value, Some(0), &mut out);
    out
}

/// All numbers as the floats that Go reads into `interface{}`.
pub(crate) fn with_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().and_then(Number::from_f64).map_or(Value::Null, Value::Number),
        Value::Array(items) => items.into_iter().map(with_floats).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, with_floats(value))).collect(),
        other => other,
    }
}

fn write(value: &Value, level: Option<usize>, out: &mut String) {
    let inner = level.map(|level| level + 1);
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::String(text) => write_string(text, out),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(fields) if fields.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                out.push(if at == 0 { '[' } else { ',' });
                new_line(inner, out);
                write(item, inner, out);
            }
            new_line(level, out);
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            for (at, (name, value)) in sorted.into_iter().enumerate() {
                out.push(if at == 0 { '{' } else { ',' });
                new_line(inner, out);
                write_string(name, out);
                out.push_str(if level.is_some() { ": " } else { ":" });
                write(value, inner, out);
            }
            new_line(level, out);
            out.push('}');
        }
    }
}

fn new_line(level: Option<usize>, out: &mut String) {
    if let Some(level) = level {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    }
}

/// Go: `encodeState.string` with HTML escaped.
fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Go: `floatEncoder`: an exponent below 1e-6 and from 1e21 on.
fn number_text(number: &Number) -> String {
    let Some(value) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_is_that_of_go() {
        for (value, expected) in [
            (json!({"b": 1, "a": [true, null], "c": {}, "d": []}), r#"{"a":[true,null],"b":1,"c":{},"d":[]}"#),
            (
                json!("<a&b>\u{1}\u{2028}\"\\é😀\n\u{7f}"),
                "\"\\u003ca\\u0026b\\u003e\\u0001\\u2028\\\"\\\\é😀\\n\u{7f}\"",
            ),
            (
                json!([1.0, 1.5, 1e20, 1e21, 1e-6, 1.5e-7, -0.0, 100]),
                "[1,1.5,100000000000000000000,1e+21,0.000001,1.5e-7,-0,100]",
            ),
        ] {
            assert_eq!(to_string(&value), expected);
        }
        assert_eq!(
            to_string_indented(&json!({"a": [1, {}], "b": "x"})),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"x\"\n}"
        );
    }
}
