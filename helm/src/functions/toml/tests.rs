use super::super::json::write::{Style, write};
use super::read::read;
use crate::value::Value;

/// What a text reads as, as JSON, or the error.
fn json(text: &str) -> String {
    match read(text.as_bytes()) {
        Ok(map) => write(&Value::Map(map), Style::RAW).unwrap_or_else(|error| error),
        Err(error) => error,
    }
}

#[test]
fn documents_read_as_in_go() {
    for (text, expected) in [
        ("", "{}"),
        ("a.b.c = 1\n\"d.e\" = 2", r#"{"a":{"b":{"c":1}},"d.e":2}"#),
        (
            "[d]\ne = true\n[[f]]\ng = 1\n[[f]]\ng = 2 # c\n[f.h]\ni = 'x'",
            r#"{"d":{"e":true},"f":[{"g":1},{"g":2,"h":{"i":"x"}}]}"#,
        ),
        ("a = [1, # one\n 2,\n]\nb = {c = 1, d.e = [{}]}", r#"{"a":[1,2],"b":{"c":1,"d":{"e":[{}]}}}"#),
        (
            "a = 0xff\nb = 0o17\nc = 0b11\nd = 1_000\ne = -0\nf = 1.5e3",
            r#"{"a":255,"b":15,"c":3,"d":1000,"e":0,"f":1500}"#,
        ),
        (
            "a = '''\nx\ny'''\nb = \"\"\"\nl1\\\n  l2\"\"\"\nc = 'raw\\n'\nd = \"\\u00e9\\t\"",
            r#"{"a":"x\ny","b":"l1l2","c":"raw\\n","d":"é\t"}"#,
        ),
        (
            "a = 2024-01-02\nb = 2024-01-02 03:04:05Z\nc = 03:04",
            r#"{"a":"2024-01-02T00:00:00Z","b":"2024-01-02T03:04:05Z","c":"0000-01-01T03:04:00Z"}"#,
        ),
        ("a.b = 1\na = 2", r#"{"a":{"b":1}}"#),
        ("a = {\nb=1,\n}", r#"{"a":{"b":1}}"#),
    ] {
        assert_eq!(json(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_toml_is_refused_in_gos_words() {
    for (text, expected) in [
        ("a = ", "line 1 (last key \"a\"): unexpected EOF; expected value"),
        ("x = 1\n\na = ", "line 3 (last key \"a\"): unexpected EOF; expected value"),
        ("a", "line 1: unexpected EOF; expected key separator '='"),
        ("= 1", "line 1: unexpected '=': key name appears blank"),
        ("a b = 1", "line 1: expected '.' or '=', but got 'b' instead"),
        ("a = 1 b", "line 1: expected a top-level item to end with a newline, comment, or EOF, but got 'b' instead"),
        ("a = \"x", "line 1 (last key \"a\"): unexpected EOF; expected '\"'"),
        ("a = \"x\ny\"", "line 1 (last key \"a\"): strings cannot contain newlines"),
        ("a = \"\\q\"", "line 1 (last key \"a\"): invalid escape in string '\\q'"),
        ("[a", "line 1: expected '.' or ']' to end table name, but got '\\x00' instead"),
        ("[]", "line 1: unexpected end of table name (table names cannot be empty)"),
        ("a = [1, 2", "line 1 (last key \"a\"): expected a comma (',') or array terminator (']'), but got end of file"),
        ("a = [1 2]", "line 1 (last key \"a\"): expected a comma (',') or array terminator (']'), but got '2'"),
        (
            "a = {b = 1 c = 2}",
            "line 1 (last key \"a.b\"): expected a comma or an inline table terminator '}', but got 'c' instead",
        ),
        ("a = tru", "line 1 (last key \"a\"): expected value but found \"tru\" instead"),
        ("a = @", "line 1 (last key \"a\"): expected value but found '@' instead"),
        ("a = 01", "line 1 (last key \"a\"): Invalid integer \"01\": cannot have leading zeroes"),
        ("a = 1__0", "line 1 (last key \"a\"): Invalid integer \"1__0\": underscores must be surrounded by digits"),
        ("a = 1.", "line 1 (last key \"a\"): Invalid float \"1.\": '.' must be followed by one or more digits"),
        ("a = 99999999999999999999", "line 1 (last key \"a\"): 99999999999999999999 is out of range for int64"),
        ("a = 2024-13-01", "line 1 (last key \"a\"): invalid datetime: \"2024-13-01\""),
        ("a = 1\na = 2", "line 2 (last key \"a\"): Key 'a' has already been defined."),
        ("[a]\n[a]", "line 2: Key 'a' has already been defined."),
        ("[[a]]\n[a]\n", "line 2: Key 'a' has already been defined."),
    ] {
        assert_eq!(json(text), format!("toml: {expected}"), "{text}");
    }
}

#[test]
fn what_was_read_is_written_as_in_go() -> Result<(), String> {
    let text = "a = 2024-01-02\nc = 03:04:05\nd = 1.0\n\n[b]\n  l = [1, \"x\\n\"]\n\n[[t]]\n  u = true\n";
    let map = read(text.as_bytes())?;
    assert_eq!(String::from_utf8_lossy(&super::write::write(&Value::Map(map))?), text);
    Ok(())
}
