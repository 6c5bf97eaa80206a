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
                assert!(error.file().is_some() && error.line().is_some(), "{error}\n{text}");
                let whole = ["not YAML", "is empty", "expected a mapping", "unknown field"]
                    .iter()
                    .any(|what| error.to_string().contains(what));
                assert!(!error.field().is_empty() || whole, "{error}\n{text}");
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
        (&[("kustomization.yaml", "kind: Toy\nnamePrefix: a\n")], "kustomization.yaml:1: kind: must be Kustomization"),
        (&[resources, ("a.yaml", "kind: A\nmetadata: {}\n")], "a.yaml:1: metadata.name: missing metadata.name"),
        (&[resources, ("a.yaml", "a: [\n")], "a.yaml:"),
        (&[resources, ("a.yaml", "kind: A\nmetadata: {name: a}\nspec: {a: 1, a: 2}\n")], "a.yaml:3: spec"),
        (&[resources], "a.yaml"),
        (&[("x", "")], "unable to find one of 'kustomization.yaml'"),
    ] {
        let error = refused(tree);
        assert!(error.contains(expected), "{error}");
    }
}

/// What each field of a kustomization asks for, wrongly.
#[test]
fn errors_of_what_a_kustomization_asks_for_name_its_line_and_field() {
    let head = "resources:\n- deployment.yaml\n- map.yaml\n";
    for (text, expected) in [
        ("resources: [missing.yaml]\n", "kustomization.yaml:1: resources: "),
        ("namePrefix: a\nresources: [https://example.com/x]\n", "kustomization.yaml:2: resources: "),
        ("namePrefix: a\ncomponents: [missing]\n", "kustomization.yaml:2: components: "),
        ("namePrefix: a\nconfigurations: [missing]\n", "kustomization.yaml:2: configurations: "),
        ("namePrefix: a\ncrds: [missing]\n", "kustomization.yaml:2: crds: "),
        ("namePrefix: a\nopenapi: {path: missing}\n", "kustomization.yaml:2: openapi: "),
        ("HEADconfigMapGenerator: [{name: g, literals: [a]}]\n", "kustomization.yaml:4: configMapGenerator: "),
        ("HEADsecretGenerator: [{name: g, files: [missing]}]\n", "kustomization.yaml:4: secretGenerator: "),
        ("HEADconfigMapGenerator: [{name: map, behavior: create}]\n", "kustomization.yaml:4: configMapGenerator: "),
        ("HEADhelmCharts: [{name: c}]\n", "kustomization.yaml:4: helmCharts: "),
        ("HEADgenerators: [missing]\n", "kustomization.yaml:4: generators: "),
        ("HEADtransformers: [missing]\n", "kustomization.yaml:4: transformers: "),
        ("HEADtransformers: [\"{apiVersion: v1, kind: X, metadata: {name: x}}\"]\n", "kustomization.yaml:4: "),
        ("HEADvalidators: [missing]\n", "kustomization.yaml:4: validators: "),
        ("HEADpatchesStrategicMerge: [missing]\n", "kustomization.yaml:4: patchesStrategicMerge: "),
        ("HEADpatches: [{path: missing}]\n", "kustomization.yaml:4: patches: "),
        ("HEADpatches: [{patch: \"a: [\"}]\n", "kustomization.yaml:4: patches: "),
        (
            "HEADpatches: [{patch: \"{kind: X, apiVersion: v1, metadata: {name: x}}\"}]\n",
            "kustomization.yaml:4: patches: ",
        ),
        (
            "HEADpatches: [{target: {name: web}, patch: \"- {op: remove, path: /nope}\"}]\n",
            "kustomization.yaml:4: patches: ",
        ),
        (
            "HEADpatchesJson6902: [{target: {name: web}, patch: \"- {op: remove, path: /nope}\"}]\n",
            "kustomization.yaml:4: patchesJson6902: ",
        ),
        (
            "HEADpatches: [{patch: \"{kind: ConfigMap, apiVersion: v1, metadata: {name: map}, data: {$patch: x}}\"}]\n",
            "kustomization.yaml:4: data.$patch: ",
        ),
        ("HEADpatches: [{path: patch.yaml}]\n", "patch.yaml:2: "),
        ("HEADimages: [{name: \"(\"}]\n", "kustomization.yaml:4: images: "),
        ("HEADreplicas: [{name: none, count: 1}]\n", "kustomization.yaml:4: replicas: "),
        ("HEADreplacements: [{}]\n", "kustomization.yaml:4: replacements[0]: "),
        (
            "HEADreplacements: [{sourceValue: x, targets: [{select: {name: web}, fieldPaths: [a.b]}]}]\n",
            "deployment.yaml:1: ",
        ),
        ("HEADvars: [{name: V, objref: {kind: None, name: nn}}]\n", "kustomization.yaml:4: vars: "),
        ("HEADsortOptions: {order: none}\n", "kustomization.yaml:4: sortOptions.order: "),
        ("HEADlabels: [{pairs: {a: b}, fields: [{path: data/a, create: true}]}]\n", "map.yaml:"),
    ] {
        let text = text.replace("HEAD", head);
        let patch = "# a patch\n{kind: ConfigMap, apiVersion: v1, metadata: {name: map}, data: {$patch: x}}\n";
        let tree = [
            ("kustomization.yaml", text.as_str()),
            ("deployment.yaml", DEPLOYMENT),
            ("map.yaml", MAP),
            ("patch.yaml", patch),
        ];
        let error = built("", &tree, &Options::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{text}{error}");
        assert!(error.file().is_some() && error.line().is_some() && !error.field().is_empty(), "{text}{error}");
    }
}
