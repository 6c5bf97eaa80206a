//! Ours beside Go's: `testdata/yaml/oracle` wrote what `sigs.k8s.io/yaml` 1.6 and go-yaml v3 make of a corpus.
//!
//! To regenerate: `cd testdata/yaml/oracle && go run . ..`. Where we differ on purpose stands in the lists below, with
//! the reason; a difference that is not listed fails, and so does a listed one that is gone.

#![expect(clippy::unwrap_used, reason = "helpers of the tests unwrap")]

use k8s_yaml::{Options, parse, to_string};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Reading {
    text: String,
    sigs: Outcome,
    kyaml: Outcome,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok(Value),
    Error(String),
}

#[derive(Deserialize)]
struct Writing {
    value: Value,
    yaml: String,
}

/// The first document, as Go reads it.
fn read(text: &str, options: &Options) -> Result<Value, String> {
    let documents = parse(text, options).map_err(|e| e.to_string())?;
    match documents.into_iter().next() {
        Some(document) => document.node.to_json().map_err(|e| e.to_string()),
        None => Ok(Value::Null),
    }
}

const READING: &str = include_str!("../../testdata/yaml/reading.json");
const WRITING: &str = include_str!("../../testdata/yaml/writing.json");

/// Compares and gives what differs, as `text`, Go's outcome, ours.
fn differences(of: fn(&Reading) -> &Outcome, options: &Options) -> Vec<(String, String, String)> {
    let corpus: Vec<Reading> = serde_json::from_str(READING).unwrap();
    let mut different = Vec::new();
    for case in &corpus {
        let ours = read(&case.text, options);
        let same = match (of(case), &ours) {
            (Outcome::Ok(theirs), Ok(ours)) => alike(theirs, ours),
            (Outcome::Error(_), Err(_)) => true,
            _ => false,
        };
        if !same {
            let theirs = match of(case) {
                Outcome::Ok(value) => value.to_string(),
                Outcome::Error(error) => format!("error: {error}"),
            };
            let ours = ours.map_or_else(|error| format!("error: {error}"), |value| value.to_string());
            different.push((case.text.clone(), theirs, ours));
        }
    }
    different
}

fn check(different: &[(String, String, String)], known: &[(&str, &str)]) {
    let mut problems = Vec::new();
    for (text, theirs, ours) in different {
        if !known.iter().any(|(known, _)| known == text) {
            problems.push(format!("{text:?}\n    Go:   {theirs}\n    ours: {ours}"));
        }
    }
    for (text, reason) in known {
        if !different.iter().any(|(different, ..)| different == text) {
            problems.push(format!("{text:?} no longer differs ({reason})"));
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

const TRAILING: &str = "Go stops reading behind the first document and says nothing of the rest; here it is an error";
const LENIENT: &str = "a tab where YAML 1.1 takes only spaces, and where its meaning is plain";
const TABS: &str = "a tab at the start of a line inside brackets; the parser refuses it below a block mapping";

/// What we read otherwise than Go, in either mode: `(text, reason)`.
const BOTH_DIFFER: &[(&str, &str)] = &[
    ("...", "a document end alone is an empty stream"),
    ("a: |\n  \tb\n", LENIENT),
    ("--- |\na\n", "YAML 1.2: content of a root scalar need not be indented; Go drops it"),
    ("a: 'b'#c\n", "YAML asks for a space before a comment"),
    ("\"a\":b\n", TRAILING),
    ("[a]]", TRAILING),
    ("{a: b}}", TRAILING),
    ("{a: b}\n{c: d}\n", TRAILING),
    ("[a]\n[b]\n", TRAILING),
    (" a: b\nc: d\n", TRAILING),
    ("a\n: b\n", TRAILING),
    ("a: &x-y.z 1\nb: *x-y.z\n", "YAML 1.2 takes any character in an anchor"),
    ("a: &é 1\nb: *é\n", "YAML 1.2 takes any character in an anchor"),
    ("a: &x 1\n---\nb: *x\n", "Go reads the first document only; the whole stream counts here"),
    ("\ta: b\n", LENIENT),
    ("- \ta\n", LENIENT),
    ("-\ta\n", LENIENT),
    ("a: b\n\t\nc: d\n", LENIENT),
    ("a: [\n\tb\n]\n", TABS),
    ("a: {\n\tb: c\n}\n", TABS),
    ("%FOO bar\n---\na: b\n", "YAML 1.2: an unknown directive is ignored"),
    ("a: \u{85}b\n", "YAML 1.2: U+0085 is no line break"),
    ("a: b\u{2028}c\n", "YAML 1.2: U+2028 is no line break"),
];

/// What only [`Options::kyaml`] reads otherwise.
const KYAML_DIFFERS: &[(&str, &str)] = &[
    ("~: a\n", "kyaml drops the value without a word; here it is an error"),
    ("null: a\n", "kyaml drops the value without a word; here it is an error"),
    ("? \n: a\n", "kyaml drops the value without a word; here it is an error"),
    ("d:\n  <<: {1: a, on: b}\n", "kyaml takes other keys than strings in a merged mapping alone"),
];

/// What we write otherwise than `sigs.k8s.io/yaml`: `(value as JSON, reason)`.
const WRITING_DIFFERS: &[(&str, &str)] = &[
    ("\"a\u{85}b\\nc\"", NEXT_LINE),
    ("{\"k\":\"a\u{85}b\\nc\"}", NEXT_LINE),
    ("[\"a\u{85}b\\nc\"]", NEXT_LINE),
    ("{\"<<\":\"v\"}", "Go's text would read back as a merge"),
];
const NEXT_LINE: &str = "Go takes U+0085 for a line break on the way through JSON and loses it";

#[test]
fn reads_as_sigs_yaml_reads() {
    check(&differences(|case| &case.sigs, &Options::sigs()), BOTH_DIFFER);
}

#[test]
fn reads_as_kyaml_reads() {
    let known = [BOTH_DIFFER, KYAML_DIFFERS].concat();
    check(&differences(|case| &case.kyaml, &Options::kyaml()), &known);
}

#[test]
fn writes_as_sigs_yaml_writes() {
    let corpus: Vec<Writing> = serde_json::from_str(WRITING).unwrap();
    let mut different = Vec::new();
    for case in &corpus {
        let ours = to_string(&case.value);
        if ours != case.yaml {
            different.push((case.value.to_string(), format!("{:?}", case.yaml), format!("{ours:?}")));
        }
    }
    check(&different, WRITING_DIFFERS);
}

#[test]
fn what_is_written_reads_back() {
    let corpus: Vec<Writing> = serde_json::from_str(WRITING).unwrap();
    for case in &corpus {
        let text = to_string(&case.value);
        let back = read(&text, &Options::strict());
        let same = back.as_ref().is_ok_and(|back| alike(back, &case.value));
        assert!(same, "{}\n{text}{back:?}", case.value);
    }
}

/// Equal, but for the last bit of floats, which `serde_json` rounds by its own rule when it reads the corpus, and for
/// floats without fraction, which are integers to all who read JSON.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (x, y) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            let exact = a.is_f64() || b.is_f64();
            a == b || (exact && (x - y).abs() <= x.abs() * 1e-15)
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b)))
        }
        (a, b) => a == b,
    }
}
