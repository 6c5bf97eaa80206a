//! Every mistake is an error that says where, and none is a panic.

use kustomize_rs::Options;
use serde_json::{Value, json};

use crate::{DEPLOYMENT, MAP, built, refused};

const KUSTOMIZATION: &str = r#"
namePrefix: p-
nameSuffix: -s
namespace: ns
labels: [{pairs: {a: b}, includeSelectors: true, fields: [{path: spec/x, create: true, kind: Deployment}]}]
commonAnnotations: {c: d}
commonLabels: {e: f}
patches:
- {target: {kind: Deployment, name: web, labelSelector: "a=b"}, patch: "[{\"op\": \"add\", \"path\": \"/spec/x\", \"value\": {}}]"}
- {patch: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 2}}", options: {allowNameChange: true}}
patchesStrategicMerge: [patch.yaml]
patchesJson6902: [{target: {version: v1, kind: ConfigMap, name: map}, patch: "- {op: add, path: /data/x, value: yy}"}]
images: [{name: nginx, newName: other, newTag: "2"}]
replicas: [{name: web, count: 3}]
replacements: [{source: {kind: ConfigMap, name: map, fieldPath: data.a}, targets: [{select: {kind: Deployment}, fieldPaths: [metadata.annotations.c], options: {create: true}}]}]
vars: [{name: V, objref: {apiVersion: v1, kind: ConfigMap, name: map}, fieldref: {fieldPath: data.a}}]
configMapGenerator: [{name: g, literals: [a=b], files: [k=map.yaml], options: {labels: {x: yy}}}]
secretGenerator: [{name: s, type: t, literals: [a=b]}]
generatorOptions: {disableNameSuffixHash: false, labels: {g: h}}
sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Secret], orderLast: [ConfigMap]}}
buildMetadata: [originAnnotations]
resources: [deployment.yaml, map.yaml]
configurations: [config.yaml]
transformers: ["{apiVersion: builtin, kind: LabelTransformer, metadata: {name: t}, labels: {t: u}, fieldSpecs: [{path: metadata/labels, create: true}]}"]
"#;
const CONFIG: &str = "namePrefix:\n- path: metadata/name\n  kind: Toy\nnameReference:\n- kind: ConfigMap\n  fieldSpecs:\n  - path: spec/map\n    kind: Toy\n";
const PATCH: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n      - name: app\n        args: [x]\n";

/// The value with each of its parts in turn replaced by what does not belong there.
fn mutations(value: &Value) -> Vec<Value> {
    let mut found = vec![Value::Null, json!([]), json!("text"), json!({"x": [null]})];
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                for mutated in mutations(inner) {
                    let mut copy = map.clone();
                    copy.insert(key.clone(), mutated);
                    found.push(Value::Object(copy));
                }
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                for mutated in mutations(inner) {
                    let mut copy = items.clone();
                    copy[at] = mutated;
                    found.push(Value::Array(copy));
                }
            }
        }
        _ => {}
    }
    found
}

fn json_of(text: &str) -> Value {
    k8s_yaml::parse(text, &k8s_yaml::Options::sigs()).unwrap()[0].node.to_json().unwrap()
}

#[test]
fn wrong_values_anywhere_are_errors_and_never_a_panic() {
    let files = [
        ("kustomization.yaml", KUSTOMIZATION),
        ("deployment.yaml", DEPLOYMENT),
        ("map.yaml", MAP),
        ("config.yaml", CONFIG),
        ("patch.yaml", PATCH),
    ];
    assert_eq!(built("", &files, &Options::default()).map(|output| output.objects.len()), Ok(4));
    let (mut tried, mut errors) = (0, 0);
    for at in 0..files.len() {
        for mutated in mutations(&json_of(files[at].1)) {
            let text = k8s_yaml::to_string(&mutated);
            let mut tree = files;
            tree[at].1 = &text;
            tried += 1;
            if let Err(error) = built("", &tree, &Options::default()) {
                errors += 1;
                assert!(!error.to_string().is_empty(), "{text}");
            }
        }
    }
    assert!(tried > 500 && errors > 300, "{errors} errors of {tried}");
}

#[test]
fn errors_name_file_line_and_field() {
    let resources = ("kustomization.yaml", "resources:\n- a.yaml\n");
    for (tree, expected) in [
        (
            &[("kustomization.yaml", "namePrefix: a\nresource: []\n")][..],
            "kustomization.yaml:2: unknown field \"resource\"",
        ),
        (&[("kustomization.yaml", "images:\n- name: 1\n")], "kustomization.yaml:2: images.[0].name: expected a string"),
        (&[("kustomization.yaml", "namespace: n\n")], "kustomization.yaml:1: namespace: expected a string (quote it)"),
        (&[("kustomization.yaml", "kind: Toy\nnamePrefix: a\n")], "kustomization.yaml: kind: must be Kustomization"),
        (&[resources, ("a.yaml", "kind: A\nmetadata: {}\n")], "a.yaml:1: metadata.name: missing metadata.name"),
        (&[resources, ("a.yaml", "a: [\n")], "a.yaml:"),
        (&[resources, ("a.yaml", "kind: A\nmetadata: {name: a}\nspec: {a: 1, a: 2}\n")], "line 3: spec"),
        (&[resources], "a.yaml"),
        (&[("x", "")], "unable to find one of 'kustomization.yaml'"),
    ] {
        let error = refused(tree);
        assert!(error.contains(expected), "{error}");
    }
}
