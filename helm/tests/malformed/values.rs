//! Values: of the chart, of `-f`, of `--set`; and the schemas that they must keep.

use std::fmt::Write as _;

use crate::case::{Case, Want};

const FILE: (&str, &str) = ("templates/a.yaml", "{{ toYaml .Values }}\n");

/// Texts that are no values, and what is said of them beside the file.
fn texts() -> Vec<(&'static str, String, &'static str)> {
    let block: String = (0..3_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let mut aliases = "l0: &l0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    let mut merges = "m0: &m0 {a: 1, b: 2}\n".to_owned();
    for level in 1..30 {
        let below = level - 1;
        if level < 12 {
            writeln!(aliases, "l{level}: &l{level} [{}]", vec![format!("*l{below}"); 9].join(", ")).unwrap();
        }
        writeln!(merges, "m{level}: &m{level} {{<<: [*m{below}, *m{below}], k{level}: *m{below}}}").unwrap();
    }
    vec![
        ("an open list", "a: b\nc: [1, 2\n".into(), "2"),
        ("an open mapping", "a: b\nc: {d: e\n".into(), "2"),
        ("an open quote", "a: b\nc: \"d\n".into(), "2"),
        ("an open single quote", "a: b\nc: 'd\n".into(), "2"),
        ("a long open quote", format!("a: \"{}", "x\n".repeat(10_000)), ""),
        ("tabs", "a:\n\tb: c\n".into(), "2"),
        ("two colons", "a: b\nc: d: e\n".into(), "2"),
        ("a list in a mapping", "a: b\n- c\n".into(), "2"),
        ("a mapping in a list", "- c\na: b\n".into(), "2"),
        ("bad indentation", "a:\n    b: c\n  d: e\n".into(), "3"),
        ("an unknown alias", "a: b\nc: *nobody\n".into(), "2"),
        ("an alias of itself", "a: &a [*a]\n".into(), ""),
        ("a merge of itself", "b: &b {<<: *b}\n".into(), ""),
        ("a merge of a text", "a: b\n<<: text\n".into(), "2"),
        ("a reserved character", "a: b\nc: @d\n".into(), "2"),
        ("a bad escape", "a: b\nc: \"\\q\"\n".into(), "2"),
        ("a control character", "a: b\nc: \u{1}\n".into(), "2"),
        ("a directive", "%YAML 9.9\n---\na: b\n".into(), "1"),
        ("a bad separator", "a: b\n--- c\nd: e\n".into(), "c"),
        ("a list", "[1, 2]\n".into(), "mapping"),
        ("a text", "just words\n".into(), "mapping"),
        ("a number", "1\n".into(), "mapping"),
        ("a truth", "true\n".into(), "mapping"),
        ("a map as a key", "a: b\n{c: d}: e\n".into(), "2"),
        ("a list as a key", "a: b\n[c]: d\n".into(), "2"),
        ("an alias bomb", aliases, "aliases"),
        ("a bomb of merges", merges, "aliases"),
        ("deep lists", format!("a: {}", "[".repeat(50_000)), ""),
        ("deep lists that end", format!("a: {}{}", "[".repeat(50_000), "]".repeat(50_000)), ""),
        ("deep mappings", "{a: ".repeat(50_000), ""),
        ("deep blocks", block, "deep"),
        ("deep sequences", format!("a:\n{}", "- ".repeat(50_000)), ""),
        ("deep JSON", format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000)), ""),
    ]
}

/// The schema of values, the values, and what is said.
fn schemas() -> Vec<(&'static str, String, &'static str)> {
    let deep = |count: usize| format!("{}true{}", r#"{"not":"#.repeat(count), "}".repeat(count));
    vec![
        ("no JSON", "{".into(), "schema"),
        ("a list", "[]".into(), "schema"),
        ("a text", "\"a\"".into(), "schema"),
        ("null", "null".into(), "schema"),
        ("nothing", String::new(), "schema"),
        ("a type that is none", r#"{"type": "nobody"}"#.into(), "schema"),
        ("a required that is no list", r#"{"required": "a"}"#.into(), "schema"),
        ("properties that are no mapping", r#"{"properties": []}"#.into(), "schema"),
        ("a pattern that is none", r#"{"properties": {"s": {"pattern": "("}}}"#.into(), ""),
        ("a large pattern", r#"{"properties": {"s": {"pattern": "((a{1000}){1000}){1000}"}}}"#.into(), ""),
        ("a reference to nothing", r##"{"$ref": "#/$defs/nobody"}"##.into(), "nobody"),
        ("a reference to a file", r#"{"$ref": "file:///dev/zero"}"#.into(), "file:///dev/zero"),
        ("a reference to an address", r#"{"$ref": "http://127.0.0.1:9/s.json"}"#.into(), "http://127.0.0.1:9/s.json"),
        (
            "a reference to another address",
            r#"{"$ref": "https://127.0.0.1:9/s.json"}"#.into(),
            "https://127.0.0.1:9/s.json",
        ),
        ("a dialect that is none", r#"{"$schema": "http://127.0.0.1:9/dialect"}"#.into(), "127.0.0.1:9/dialect"),
        ("schemas in schemas", deep(20_000), ""),
        ("schemas without end", r#"{"not":"#.repeat(20_000), ""),
        ("nothing is right", "false".into(), "web"),
        ("another type", r#"{"properties": {"s": {"type": "integer"}}}"#.into(), "/s"),
        (
            "another type within",
            r#"{"properties": {"m": {"properties": {"b": {"properties": {"c": {"type": "null"}}}}}}}"#.into(),
            "/m/b/c",
        ),
        ("another type in a list", r#"{"properties": {"l": {"items": {"type": "string"}}}}"#.into(), "/l/0"),
        ("a missing key", r#"{"required": ["nobody"]}"#.into(), "nobody"),
        ("a key too many", r#"{"additionalProperties": false, "properties": {"s": {}}}"#.into(), "web"),
        ("a short text", r#"{"properties": {"s": {"minLength": 100}}}"#.into(), "/s"),
        ("a small number", r#"{"properties": {"num": {"minimum": 100}}}"#.into(), "/num"),
        ("another pattern", r#"{"properties": {"s": {"pattern": "^x$"}}}"#.into(), "/s"),
        ("no choice", r#"{"properties": {"s": {"enum": ["a", "b"]}}}"#.into(), "/s"),
        ("few items", r#"{"properties": {"l": {"minItems": 100}}}"#.into(), "/l"),
        ("one of none", r#"{"properties": {"s": {"oneOf": [{"type": "null"}, {"type": "object"}]}}}"#.into(), "/s"),
        ("a choice of none", r#"{"anyOf": [{"required": ["x"]}, {"required": ["y"]}]}"#.into(), "web"),
        ("a condition", r#"{"if": {"required": ["s"]}, "then": {"required": ["x"]}}"#.into(), "x"),
        ("a dependency", r#"{"dependentRequired": {"s": ["x"]}}"#.into(), "x"),
        (
            "a reference that fits not",
            r##"{"$defs": {"i": {"type": "integer"}}, "properties": {"s": {"$ref": "#/$defs/i"}}}"##.into(),
            "/s",
        ),
    ]
}

/// Arguments of `--set`.
const SET: &[(&str, &str)] = &[
    ("a", "key \"a\" has no value"),
    ("a.b", "key \"b\" has no value"),
    ("a[x]=1", "x"),
    ("a[-1]=1", "-1"),
    ("a[65537]=1", "65537"),
    ("a[99999999999999999999]=1", "99999999999999999999"),
    ("a={1,2", "a"),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, text, said) in texts() {
        cases.push(Case::files(
            &format!("values.yaml: {name}"),
            &[FILE, ("values.yaml", &text)],
            &["values.yaml", said],
        ));
        cases.push(Case::files(&format!("-f: {name}"), &[FILE], &["values", said]).with_values(&text));
        let sub = [
            FILE,
            ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
            ("charts/sub/values.yaml", &text),
        ];
        cases.push(Case::files(&format!("values.yaml of a subchart: {name}"), &sub, &["sub", "values.yaml", said]));
    }
    for (name, text, said) in schemas() {
        let values = ("values.yaml", "s: text\nnum: 1\nl: [1, b, {x: y}]\nm: {a: 1, b: {c: d}}\n");
        let files = [FILE, values, ("values.schema.json", text.as_str())];
        cases.push(Case::files(&format!("schema: {name}"), &files, &["web", said]));
    }
    for (argument, said) in SET {
        cases.push(
            Case::files(&format!("--set {argument}"), &[FILE], &["failed parsing --set data", said]).with_set(argument),
        );
    }
    let nested = (0..2_000).map(|_| "a").collect::<Vec<_>>().join(".");
    cases.push(Case::files("--set, deep", &[FILE], &["30"]).with_set(&format!("{nested}=1")));
    let keys = (0..20_000).fold(String::new(), |text, n| text + &format!("key-{n}: value\n"));
    cases.push(Case::files("many keys", &[FILE, ("values.yaml", &keys)], &[]).wanting(Want::Text(100_000)));
    cases
}
