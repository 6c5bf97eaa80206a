//! Types with flattened fields, read by way of their schema.

use std::collections::BTreeMap;

use k8s_yaml::{Options, conform, from_node_with_schema, parse};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct Outer {
    name: String,
    #[serde(flatten)]
    options: Opts,
    targets: Vec<Target>,
    override_targets: Option<Vec<Target>>,
    anything: Vec<Value>,
}

#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct Opts {
    default_namespace: String,
    labels: Option<BTreeMap<String, String>>,
    helm: Option<Helm>,
    limit: Option<IntOrString>,
    keep: bool,
}

#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct Helm {
    version: String,
    values: Option<Map<String, Value>>,
    values_files: Vec<String>,
    mode: Mode,
    timeout: i64,
}

#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct Target {
    #[serde(flatten)]
    options: Opts,
    cluster: String,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(untagged)]
enum IntOrString {
    Int(i64),
    Text(String),
}

#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
enum Mode {
    #[default]
    First,
    Second,
}

fn read(text: &str) -> Result<Outer, String> {
    let schema = schemars::schema_for!(Outer).to_value();
    let documents = parse(text, &Options::sigs()).map_err(|error| error.to_string())?;
    from_node_with_schema(&documents[0].node, &schema).map_err(|error| error.to_string())
}

#[test]
fn flattened_fields_are_filled_as_go_fills_them() {
    let text = "name: 1.5\ndefaultnamespace: 12\nlabels: {a: yes, b: 1, c: null}\nkeep:\nlimit: 3\nhelm:\n  version: 1.10\n  \
                values: {a: null, b: 1.50, on: off}\n  valuesFiles:\n  mode: Second\n  timeout: 1e1\n\
                targets:\n- cluster: 7\n  helm: {version: 2, valuesFiles: [1, null]}\n- null\noverrideTargets: null\n\
                anything: [1, null, {a: null}]\n";
    let labels = [("a", "true"), ("b", "1"), ("c", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let values = json!({"a": null, "b": 1.5, "true": false});
    let want = Outer {
        name: "1.5".to_owned(),
        options: Opts {
            default_namespace: "12".to_owned(),
            labels: Some(labels.into()),
            helm: Some(Helm {
                version: "1.1".to_owned(),
                values: values.as_object().cloned(),
                mode: Mode::Second,
                timeout: 10,
                ..Helm::default()
            }),
            limit: Some(IntOrString::Int(3)),
            keep: false,
        },
        targets: vec![
            Target {
                cluster: "7".to_owned(),
                options: Opts {
                    helm: Some(Helm {
                        version: "2".to_owned(),
                        values_files: vec!["1".to_owned(), String::new()],
                        ..Helm::default()
                    }),
                    ..Opts::default()
                },
            },
            Target::default(),
        ],
        override_targets: None,
        anything: vec![json!(1), Value::Null, json!({"a": null})],
    };
    assert_eq!(read(text), Ok(want));
    assert_eq!(read("---\n"), Ok(Outer::default()));
}

#[test]
fn a_misfit_behind_a_flattened_field_names_field_and_place() {
    let cases = [
        ("helm:\n  timeout: soon\n", "helm.timeout: expected an integer, found a string at 2:12"),
        ("targets:\n- helm:\n  - x\n", "targets[0].helm: expected a mapping, found a list at 3:3"),
        ("targets:\n- labels: {\"a/b\": [x]}\n", "targets[0].labels[\"a/b\"]: expected a string, found a list at 2:19"),
        ("keep: 1", "keep: expected a boolean, found an integer at 1:7"),
        ("helm: {values: 3}", "helm.values: expected a mapping, found an integer at 1:16"),
        (
            "targets:\n- helm: {mode: Third}\n",
            "targets[0].helm.mode: unknown value `Third`, expected one of `First`, `Second` at 2:16",
        ),
        ("[]", "expected a mapping, found a list at 1:1"),
    ];
    for (text, want) in cases {
        assert_eq!(read(text).unwrap_err(), want, "{text:?}");
    }
}

#[test]
fn a_schema_that_leads_to_itself_or_nowhere_changes_nothing() {
    let node = parse("a: {b: 1}", &Options::sigs()).unwrap().remove(0).node;
    for schema in [
        json!(true),
        json!({"$ref": "#"}),
        json!({"$ref": "#/nothing"}),
        json!({"anyOf": [{"$ref": "#"}]}),
        json!({"allOf": [{"$ref": "#"}, {}]}),
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    ] {
        assert_eq!(conform(&node, &schema).unwrap(), node, "{schema}");
    }
}
