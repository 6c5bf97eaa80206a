use serde_json::json;

use crate::chart::{Chart, File};
use crate::functions::Seed;
use crate::{Options, Release, Values, render};

/// The error of a chart with this schema and these values.
#[expect(clippy::unwrap_in_result, reason = "charts and values of a test are well formed")]
fn fault(schema: &str, values: &serde_json::Value) -> Option<String> {
    let files = vec![
        File::new("Chart.yaml", *b"apiVersion: v2\nname: demo\nversion: 0.1.0\n"),
        File::new("values.schema.json", schema.as_bytes()),
    ];
    let chart = Chart::from_files(files).unwrap();
    let values = Values::from_json(values.as_object().unwrap().clone());
    let options = Options::new(Seed::new([0; 32]), 0);
    let error = render(&chart, &Release::new("r", "ns"), &values, &options).err()?.to_string();
    let text = error.split_once("demo:\n").map_or(error.as_str(), |(_, text)| text);
    Some(text.trim_end().to_owned())
}

#[test]
fn values_must_fit_the_schema() {
    let cases: &[(&str, serde_json::Value, Option<&str>)] = &[
        (r#"{"properties": {"a": {"type": "integer"}}}"#, json!({"a": 1}), None),
        (
            r#"{"properties": {"a": {"type": "integer"}}}"#,
            json!({"a": 1.5}),
            Some("- at '/a': got number, want integer"),
        ),
        (
            r#"{"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"a": {"type": "integer"}}}"#,
            json!({"a": 1.0}),
            None,
        ),
        (r#"{"required": ["b"]}"#, json!({}), Some("- at '': missing property 'b'")),
        (r#"{"additionalProperties": false}"#, json!({"z": 1}), Some("- at '': additional properties 'z' not allowed")),
        ("false", json!({}), Some("- at '': false schema")),
        (
            r#"{"properties": {"a": {"pattern": "^x"}}}"#,
            json!({"a": "secret"}),
            Some("- at '/a': does not match pattern '^x'"),
        ),
        (
            r##"{"$defs": {"n": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}"##,
            json!({"a": "x"}),
            None,
        ),
        (r#"{"$ref": "urn:example:x"}"#, json!({"a": 1}), None),
    ];
    for (schema, values, expected) in cases {
        assert_eq!(fault(schema, values).as_deref(), *expected, "{schema}");
    }
}

#[test]
fn what_is_no_schema_says_so() {
    for schema in
        ["{bad", r#"{"$ref": "https://example.com/schema.json"}"#, r#"{"properties": {"a": {"pattern": "("}}}"#]
    {
        let fault = fault(schema, &json!({"a": "x"})).unwrap();
        assert!(fault.starts_with("values.schema.json: "), "{fault}");
    }
}
