use serde_json::json;

use super::Values;

fn read(text: &str) -> Result<serde_json::Value, String> {
    Values::from_yaml(text).map(|values| values.into_map().into()).map_err(|error| error.to_string())
}

#[test]
fn files_are_mappings_with_floats() {
    let cases = [
        ("", json!({})),
        ("# nothing", json!({})),
        (
            "a: 1\nb: 0x10\nc: 1e3\nd: '1'\ne: [1, {f: 2}]\n",
            json!({
                "a": 1.0, "b": 16.0, "c": 1000.0, "d": "1", "e": [1.0, {"f": 2.0}]
            }),
        ),
        ("---\na: {b: 1, c: 1}\n---\na: {b: 2}\n", json!({"a": {"b": 2.0, "c": 1.0}})),
        ("---\n---\n# x\n--- # y\na: x", json!({"a": "x"})),
        ("a: 1\na: 2", json!({"a": 2.0})),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), Ok(expected), "{text:?}");
    }
}

#[test]
fn other_files_are_errors() {
    let cases = [
        ("- a", "cannot unmarshal yaml document: expected a mapping, found a list"),
        ("a: 1\n--- b\n", "error reading yaml document: invalid Yaml document separator: b"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), Err(expected.to_owned()));
    }
    assert!(read("a: [").unwrap_err().starts_with("cannot unmarshal yaml document: "));
}

#[test]
fn what_comes_later_wins() {
    let mut values = Values::from_yaml("a: {b: 1, c: 1}\nl: [1, 2]\nm: 1").unwrap();
    values.merge(Values::from_yaml("a: {b: null}\nl: [3]\nm: {x: 1}").unwrap());
    values.set("a.c=7").unwrap();
    let expected = json!({"a": {"b": null, "c": 7}, "l": [3.0], "m": {"x": 1.0}});
    assert_eq!(serde_json::Value::Object(values.into_map()), expected);
}
