//! Every mistake is an error that says where, none is a panic, and each is told soon and in little memory: the peak of this
//! process bounds that of each input.

#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "helpers of the tests unwrap")]
#![expect(clippy::disallowed_methods, reason = "the test measures, and reads goldens")]

mod common {
    pub(crate) mod measure;
}
#[expect(dead_code, reason = "the differential test uses more of it")]
mod differential {
    pub(crate) mod chance;
    pub(crate) mod golden;
    pub(crate) mod mutation;
    pub(crate) mod objects;
    pub(crate) mod overlay;
    pub(crate) mod tree;
}

use std::path::Path;

use common::measure::within_limits;
use differential::chance::Chance;
use differential::golden::{self, Expected, Golden};
use differential::mutation::mutated;
use differential::tree::{self, Tree};
use file_tree::{MemoryTree, Mode};
use kustomize_rs::{Error, Options, build_yaml};
use serde_json::{Value, json};

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n      - name: app\n        image: nginx:1\n";
const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\ndata:\n  a: b\n";

/// What the directory `dir` of a tree gives, within the time and the memory that a refused input may take.
fn built<'t>(dir: &str, tree: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<String, Error> {
    let mut files = MemoryTree::new();
    let mut text = String::new();
    for (path, content) in tree {
        files.insert(path, Mode::Regular, content.as_bytes()).unwrap();
        text.push_str(&format!("=== {path}\n{content}\n"));
    }
    within_limits(|| build_yaml(&files, dir, &Options::default()).map(|(text, _)| text), || text.clone())
}

fn built_top(tree: &Tree) -> Result<String, Error> {
    built("top", tree.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}

fn shown(tree: Tree) -> String {
    golden::write(&Golden { tree, expected: Expected::Error(String::new()) })
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

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
    assert_eq!(built("", files).map(|text| text.split("---\n").count()), Ok(4));
    let (mut tried, mut errors) = (0, 0);
    for at in 0..files.len() {
        for mutated in mutations(&json_of(files[at].1)) {
            let text = k8s_yaml::to_string(&mutated);
            let mut tree = files;
            tree[at].1 = &text;
            tried += 1;
            if let Err(error) = built("", tree) {
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
            "kustomization.yaml:2: resource: unknown field \"resource\"",
        ),
        (&[("kustomization.yaml", "images:\n- name: 1\n")], "kustomization.yaml:2: images.[0].name: expected a string"),
        (&[("kustomization.yaml", "namespace: n\n")], "kustomization.yaml:1: namespace: expected a string (quote it)"),
        (&[("kustomization.yaml", "kind: Toy\nnamePrefix: a\n")], "kustomization.yaml:1: kind: must be Kustomization"),
        (&[resources, ("a.yaml", "kind: A\nmetadata: {}\n")], "a.yaml:1: metadata.name: missing metadata.name"),
        (&[resources, ("a.yaml", "a: [\n")], "a.yaml:"),
        (&[resources, ("a.yaml", "kind: A\nmetadata: {name: a}\nspec: {a: 1, a: 2}\n")], "a.yaml:3: spec"),
        (
            &[resources, ("a.yaml", "kind: A\nmetadata: {name: a}\nspec: {b: {<<: c}}\n")],
            "a.yaml:3: spec.b.<<: map merge",
        ),
        (&[resources, ("a.yaml", "kind: A\nmetadata: {name: a}\nspec: {b: {[c]: d}}\n")], "a.yaml:3: spec.b.?: a key"),
        (
            &[(
                "kustomization.yaml",
                "namePrefix: a\nconfigMapGenerator:\n- {name: g, options: {annotations: {false: x}}}\n",
            )],
            "kustomization.yaml:2: metadata.annotations: the key false is not a string",
        ),
        (&[resources], "a.yaml"),
        (&[("x", "")], "unable to find one of 'kustomization.yaml'"),
    ] {
        let error = built("", tree.iter().copied()).unwrap_err().to_string();
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
        let error = built("", tree).unwrap_err();
        assert!(error.to_string().contains(expected), "{text}{error}");
        assert!(error.file().is_some() && error.line().is_some() && !error.field().is_empty(), "{text}{error}");
    }
}

/// The tree with one value of a mapping made null, by the number of that value; `None` beyond the last.
fn with_null(tree: &Tree, number: usize) -> Option<Tree> {
    let places = tree.iter().filter(|(path, _)| path.ends_with(".yaml")).flat_map(|(path, text)| {
        let lines = text.lines().enumerate();
        lines.filter_map(move |(at, line)| Some((path, text, at, line.rsplit_once(": ")?.0)))
    });
    let (path, text, at, key) = { places }.nth(number)?;
    let line =
        |(number, line): (usize, &str)| if number == at { format!("{key}: null\n") } else { format!("{line}\n") };
    let mut tree = tree.clone();
    tree.insert(path.clone(), text.lines().enumerate().map(line).collect());
    Some(tree)
}

/// Every thirteenth value of every golden; every one with `SKIFF_NULL_STEP=1`.
#[test]
fn null_anywhere_in_a_fixture_is_told_of_with_its_place() {
    let step = number("SKIFF_NULL_STEP", 13);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/kustomize/differential");
    let mut paths: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let (mut tried, mut refused, mut wrong) = (0, 0, Vec::new());
    for (first, path) in paths.iter().enumerate() {
        let fixture = golden::read(&std::fs::read_to_string(path).unwrap()).tree;
        for tree in (first % step..).step_by(step).map_while(|number| with_null(&fixture, number)) {
            tried += 1;
            let Err(error) = built_top(&tree) else { continue };
            refused += 1;
            let whole = ["not YAML", "not JSON", "is empty"].iter().any(|what| error.to_string().contains(what));
            let what = !error.field().is_empty() || whole;
            if error.file().is_none() || error.line().is_none() || !what {
                wrong.push(format!("{}: {error}\n{}", path.display(), shown(tree)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} errors without place:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried > 400 && refused > 100, "{refused} of {tried}");
}

/// What `fuzz/` does at length.
#[test]
fn a_malformed_tree_is_an_error_and_never_a_panic() {
    let mut refused = 0;
    for seed in 0..u64::try_from(number("SKIFF_MUTATIONS", 200)).unwrap() {
        let tree = mutated(&tree::of_seed(seed % 50), &mut Chance::new(seed));
        match std::panic::catch_unwind(|| built_top(&tree)) {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                refused += 1;
                assert!(error.file().is_some() && error.line().is_some(), "{error}\n{}", shown(tree));
            }
            Err(_) => panic!("seed {seed}:\n{}", shown(tree)),
        }
    }
    assert!(refused > 40, "only {refused} trees were refused");
}
