//! What is read, and how problems are told, at the crate's public entry.

#![expect(clippy::unwrap_used, reason = "helpers of the tests unwrap")]

use std::collections::BTreeMap;

use k8s_yaml::{ErrorKind, Limits, Node, Options, from_bytes, from_node, from_str, parse};
use serde::Deserialize;
use serde_json::{Value, json};

fn root(text: &str) -> Node {
    parse(text, &Options::sigs()).unwrap().remove(0).node
}

fn json_of(text: &str) -> Value {
    root(text).to_json().unwrap()
}

#[test]
fn a_stream_gives_its_documents_with_places_and_tells_empty_ones() {
    let text = "# comment\n---\n---\na: 1\n---\n# only a comment\n---\nnull\n...\n---\n\"\"\n";
    let documents = parse(text, &Options::sigs()).unwrap();
    let seen: Vec<_> = documents.iter().map(|d| (d.position.line, d.empty, d.node.kind_name())).collect();
    assert_eq!(
        seen,
        [(2, true, "null"), (4, false, "a mapping"), (5, true, "null"), (8, false, "null"), (11, false, "a string")]
    );
    for text in ["", "\n", "# a\n", "\u{feff}"] {
        assert!(parse(text, &Options::sigs()).unwrap().iter().all(|d| d.empty), "{text:?}");
    }
    assert_eq!(json_of("\u{feff}a: 1"), json!({"a": 1}));
}

#[test]
fn keys_and_values_know_where_they_stand() {
    let node = root("a: 1\nspec:\n  list:\n  - x\n  -   k: {ü: z}\n");
    let at = |path: &str| node.lookup(path).unwrap().position;
    assert_eq!((at("spec.list").line, at("spec.list").column), (4, 3));
    assert_eq!((at("spec.list[0]").line, at("spec.list[0]").column), (4, 5));
    assert_eq!((at("spec.list[1].k[\"ü\"]").line, at("spec.list[1].k[\"ü\"]").column), (5, 14));
    let key = &node.as_mapping().unwrap().entry("spec").unwrap().key;
    assert_eq!((key.position.line, key.position.column), (2, 1));
    assert!(node.lookup("spec.list[2]").is_none() && node.lookup("nothing").is_none());
}

#[test]
fn problems_name_their_place() {
    let cases: &[(&str, ErrorKind, &str)] = &[
        ("a: b: c", ErrorKind::Syntax, "1:5"),
        ("a:\n  - [1\n", ErrorKind::Syntax, ""),
        ("a: *b", ErrorKind::Syntax, "1:4"),
        ("a: &b [*b]", ErrorKind::Syntax, "the alias stands inside of what it names at 1:8"),
        ("x: 1\n~: a", ErrorKind::Key, "a key must not be null at 2:1"),
        ("[a]: b", ErrorKind::Key, "a key must be a string, a number or a boolean, not a list or mapping at 1:1"),
        ("a: !!int secret", ErrorKind::Tag, "cannot decode a !!str as a !!int at 1:"),
        ("<<: 3", ErrorKind::Merge, "<< needs a mapping or a list of mappings, found an integer at 1:5"),
    ];
    for (text, kind, want) in cases {
        let error = parse(text, &Options::sigs()).unwrap_err();
        assert_eq!(error.kind(), *kind, "{text:?}: {error}");
        assert!(error.to_string().contains(want), "{text:?}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let error = root("a:\n  b.c: [1, .inf]").to_json().unwrap_err();
    assert_eq!(error.to_string(), "a[\"b.c\"][1]: infinity and not-a-number cannot be written as JSON at 2:12");
    let error = from_bytes(b"a: b\nc: d\xff", &Options::sigs()).unwrap_err();
    assert_eq!(error.to_string(), "the text is not UTF-8 at 2:5");
    assert_eq!(error.in_file("x.yaml"), "x.yaml:2:5: the text is not UTF-8");
}

#[test]
fn keys_given_twice_are_kept_as_facts_or_refused() {
    let text = "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n";
    let node = root(text);
    assert_eq!(node.to_json().unwrap(), json!({"a": 3, "b": {"c": 2}}));
    let told: Vec<_> =
        node.duplicates().iter().map(|d| format!("{} at {} and {}", d.key, d.first, d.position)).collect();
    assert_eq!(told, ["c at 3:3 and 4:3", "a at 1:1 and 5:1"]);
    for options in [Options::strict(), Options::kyaml()] {
        let error = parse(text, &options).unwrap_err();
        assert_eq!(error.to_string(), "the key \"c\" is given twice, first at 3:3 at 4:3");
    }
    let many: String = (0..100).chain(99..100).map(|n| format!("k{n}: {n}\n")).collect();
    assert_eq!(root(&many).duplicates().len(), 1, "a large mapping finds its duplicates too");
    assert!(root("x: &x {a: 1}\ny:\n  <<: *x\n  a: 2").duplicates().is_empty(), "a merged key is no duplicate");
}

#[test]
fn merges_follow_the_library_of_the_mode() {
    let text = "x: &x {a: 1, b: 1}\ny: &y {a: 2, c: 2}\nz:\n  a: 0\n  <<: [*x, *y]\n  b: 9\n";
    let of = |options: &Options| parse(text, options).unwrap().remove(0).node.get("z").unwrap().to_json().unwrap();
    assert_eq!(of(&Options::sigs()), json!({"a": 1, "c": 2, "b": 9}));
    assert_eq!(of(&Options::kyaml()), json!({"a": 0, "b": 9, "c": 2}));
}

#[test]
fn bombs_hit_a_named_cap() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let above = level - 1;
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{above}"); 9].join(", ")));
    }
    let long = format!("a: &a {}\nb: [{}]", "x".repeat(100_000), vec!["*a"; 200].join(", "));
    let mut chain = "- &a0 [x]\n".to_owned();
    for level in 1..300 {
        chain.push_str(&format!("- &a{level} [*a{}]\n", level - 1));
    }
    let cases = [
        (bomb, "aliases expand to more than 400000 values"),
        (long, "aliases expand to more than 16777216 bytes of text"),
        (chain, "nested deeper than 200"),
        ("[".repeat(20_000), "nested deeper than 200"),
        (format!("a: {}x", "- ".repeat(20_000)), ""),
        ("- ".repeat(20_000), "nested deeper than 200"),
        ("---\n".repeat(100_002), "more than 100000 documents"),
    ];
    for (text, want) in cases {
        let error = parse(&text, &Options::sigs()).unwrap_err().to_string();
        assert!(error.contains(want), "{error}, not {want}");
    }
    let small = Options { limits: Limits { bytes: 3, nodes: 2, ..Limits::default() }, ..Options::sigs() };
    assert!(parse("a: 1", &small).unwrap_err().to_string().contains("larger than 3 bytes"));
    assert!(parse("a:b", &small).is_ok() && parse("[a]", &small).is_ok());
    let error = parse("- -", &Options { limits: Limits { nodes: 2, ..Limits::default() }, ..Options::sigs() });
    assert!(error.unwrap_err().to_string().contains("more than 2 values"));
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    name: String,
    version: Option<String>,
    replicas: u16,
    paused: bool,
    targets: Vec<Target>,
    labels: BTreeMap<String, String>,
    values: Value,
    mode: Mode,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct Target {
    cluster_selector: BTreeMap<String, String>,
    ratio: f64,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Fast,
    Slow(u8),
}

#[test]
fn types_are_filled_as_go_fills_them() {
    let text = "NAME: 12\nversion: 1.0\nreplicas: 1e3\npaused: yes\nlabels: {a: on, b: 1.5, c: null}\n\
                targets: [{clusterselector: null, ratio: 1}, null]\nvalues: {x: null, z: 0777}\nmode: {slow: 3}\n";
    let spec: Spec = from_str(text).unwrap();
    let labels = [("a", "true"), ("b", "1.5"), ("c", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let want = Spec {
        name: "12".to_owned(),
        version: Some("1".to_owned()),
        replicas: 1000,
        paused: true,
        targets: vec![Target { ratio: 1.0, ..Target::default() }, Target::default()],
        labels: labels.into(),
        values: json!({"x": null, "z": 511}),
        mode: Mode::Slow(3),
    };
    assert_eq!(spec, want);
    let nulls = "name: null\nversion:\nreplicas: ~\npaused:\ntargets:\nlabels:\nvalues:\nmode:\n";
    assert_eq!(from_str::<Spec>(nulls).unwrap(), Spec::default());
    assert_eq!(from_str::<Spec>("").unwrap(), Spec::default());
}

#[test]
fn a_type_error_names_field_and_place() {
    let cases = [
        (
            "targets:\n- clusterSelector:\n  - a\n",
            "targets[0].clusterSelector: expected a mapping, found a list at 3:3",
        ),
        ("targets: x", "targets: expected a list, found a string at 1:10"),
        ("replicas: many", "replicas: expected an integer, found a string at 1:11"),
        ("replicas: 70000", "replicas: expected u16, found an integer that is none at 1:11"),
        ("labels: {\"a.b/c\": [1]}", "labels[\"a.b/c\"]: expected a string, found a list at 1:19"),
        ("- 1", "expected a mapping, found a list at 1:1"),
        ("mode: other", "mode: unknown value `other`, expected one of `fast`, `slow` at 1:7"),
        ("mode: {slow: x}", "mode.slow: expected an integer, found a string at 1:14"),
        ("paused: 1", "paused: expected a boolean, found an integer at 1:9"),
    ];
    for (text, want) in cases {
        assert_eq!(from_str::<Spec>(text).unwrap_err().to_string(), want, "{text:?}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    #[expect(dead_code, reason = "only its absence is tested")]
    name: String,
}

#[derive(Debug, Deserialize)]
struct Flat {
    #[serde(default)]
    items: Vec<u8>,
    #[serde(flatten)]
    inner: Inner,
}

#[derive(Debug, Deserialize)]
struct Inner {
    #[serde(default)]
    count: u8,
    #[serde(default)]
    deep: BTreeMap<String, u8>,
}

#[test]
fn unknown_missing_and_flattened_fields_have_places_as_well() {
    let error = from_str::<Strict>("name: a\nnmae: b").unwrap_err();
    assert_eq!(error.to_string(), "unknown field `nmae`, expected `name` at 2:1");
    assert_eq!(from_str::<Strict>("{}").unwrap_err().to_string(), "missing field `name` at 1:1");
    let flat: Flat = from_str("items:\ncount:\ndeep: {a: 1}").unwrap();
    assert_eq!((flat.items.len(), flat.inner.count, flat.inner.deep.len()), (0, 0, 1));
    let error = from_str::<Flat>("items: [1]\ndeep:\n  a: 1\n  b: [x]").unwrap_err();
    assert_eq!(error.position().unwrap().line, 1, "two lists: no guess; {error}");
    let error = from_str::<Flat>("count: 1\ndeep:\n  a: 1\n  b: word").unwrap_err();
    assert_eq!(error.to_string(), "deep.b: expected an integer, found a string at 4:6");
}

#[test]
fn several_types_can_read_one_node() {
    let node = root("count: 3\nitems: [1, 2]\nname: x");
    assert_eq!(from_node::<Inner>(&node).unwrap().count, 3);
    assert_eq!(from_node::<Flat>(&node).unwrap().items, [1, 2]);
}
