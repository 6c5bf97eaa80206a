//! Templates that are broken, endless or huge: an error or a text, never a panic, and never more than the limits allow.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use helm_rs::engine::{Engine, Settings, Source, VALUES};
use helm_rs::functions::{Environment, Library, Seed};
use helm_rs::template::{Limits, Options, Run, Templates};
use helm_rs::value::{Map, Value};
use serde_json::json;

/// Texts that between them use every action and many functions; the mutations begin here.
const SEEDS: &[&str] = &[
    "{{- $x := .Values.a -}}{{ if and $x (eq .s \"text\") }}a{{ else if not .m.b }}b{{ else }}c{{ end }}",
    "{{ range $i, $e := .l }}{{ if gt $i 1 }}{{ break }}{{ end }}{{ $e }}{{ continue }}{{ else }}none{{ end }}",
    "{{ with $y := .m }}{{ .a | default \"x\" | quote }}{{ else with .s }}{{ . }}{{ end }}",
    "{{ define \"d\" }}{{ . }}{{ end }}{{ template \"d\" .s }}{{ block \"e\" . }}{{ .n }}{{ end }}{{ include \"d\" 1 }}",
    "{{/* c */}}{{ printf \"%5.2f|%-8v|%+q|%[2]*[1]d\" 1.5 .m \"é\" }}{{ print 0x1p4 1_000 'c' 1i nil }}",
    "{{ (index .m \"b\" | toJson | fromJson).c }}{{ (dict \"k\" (list 1 2)).k | first }}{{ slice .l 1 2 }}",
    "{{ tpl \"{{ define `z` }}{{ .n }}{{ end }}{{ include `z` . }}\" . }}{{ toYaml .m | nindent 2 | trim }}",
    "{{ $_ := set .m \"k\" .l }}{{ range $k, $v := .m }}{{ $k }}={{ $v }}{{ end }}{{ len .m }}{{ .m.b.c }}",
    "{{ regexReplaceAll \"a(.)\" .s \"${1}\" }}{{ semver \"1.2.3\" }}{{ (semver \"1.2.3\").Major }}{{ ternary 1 2 .t }}",
    "{{ required \"no\" .n }}{{ range 3 }}{{ . }}{{ end }}{{ until 3 | join \",\" }}{{ .l | uniq | sortAlpha }}",
];

/// What is put in, beside what is taken out.
const PIECES: &[&str] = &[
    "{{",
    "}}",
    "{{-",
    "-}}",
    "(",
    ")",
    "|",
    ".",
    "$",
    "$x",
    ":=",
    "=",
    ",",
    "\"",
    "`",
    "'",
    "\\",
    "nil",
    "end",
    "if ",
    "range ",
    "define \"d\"",
    "else",
    "/*",
    "*/",
    "\u{0}",
    "\u{feff}",
    "é",
    "\n",
    " ",
    "1e999",
    "0x",
    "-",
    "%!v",
    "9223372036854775808",
    ".x.y",
    "{{ include \"d\" . }}",
    "{{ tpl . . }}",
    "{{ fail \"x\" }}",
    "{{ end }}",
    "{{ template \"d\" }}",
];

/// A generator of numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(n.max(1)).unwrap_or(1)).unwrap_or(0)
    }
}

fn mutated(seed: &str, numbers: &mut Numbers) -> Vec<u8> {
    let mut text = seed.as_bytes().to_vec();
    for _ in 0..=numbers.below(2) {
        let at = numbers.below(text.len() + 1);
        let piece = PIECES[numbers.below(PIECES.len())].as_bytes();
        match numbers.below(4) {
            0 => drop(text.splice(at..at, piece.iter().copied())),
            1 => drop(text.drain(at..(at + numbers.below(6)).min(text.len()))),
            2 if at < text.len() => text[at] = u8::try_from(numbers.below(256)).unwrap_or(0),
            _ => drop(text.splice(at..(at + piece.len()).min(text.len()), piece.iter().copied())),
        }
    }
    text
}

fn data() -> Value {
    Value::from_json(&json!({
        "n": 1, "s": "text", "t": true, "l": [3, "b", null, {"x": 1}], "m": {"a": null, "b": {"c": "deep"}}, "Values": {"a": 1},
    }))
}

fn environment() -> Environment {
    Environment::new(Seed::new([1; 32]), 1_700_000_000)
}

/// The outcome of one text; small limits, so that a test of many ends soon.
fn execute(library: &Arc<Library>, text: &[u8], limits: Limits) -> Result<Vec<u8>, String> {
    let mut templates = Templates::new("set", library.clone());
    templates.parse("t", text).map_err(|error| error.to_string())?;
    let environment = environment();
    let environment: &dyn Any = &environment;
    let options = Options { limits, ..Options::default() };
    Run::new(&templates, options, environment).execute("t", &data()).map_err(|error| error.to_string())
}

#[test]
fn mutated_templates_give_a_text_or_an_error_that_names_the_place() {
    let library = Arc::new(Library::new());
    let limits = Limits { steps: 20_000, bytes: 1 << 20, depth: 100 };
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for seed in SEEDS {
        assert_eq!(execute(&library, seed.as_bytes(), limits).err(), None, "{seed}");
    }
    let (mut failed, mut passed) = (0, 0);
    for round in 0..200 {
        for seed in SEEDS {
            let text = mutated(seed, &mut numbers);
            match execute(&library, &text, limits) {
                Ok(_) => passed += 1,
                Err(error) => {
                    failed += 1;
                    let place = error.starts_with("template: t:") || error.starts_with("template: set:");
                    assert!(place, "round {round}: {:?}: {error}", String::from_utf8_lossy(&text));
                }
            }
        }
    }
    assert!(failed > 500 && passed > 100, "the mutations are too tame or too wild: {failed} failed, {passed} passed");
}

#[test]
fn bombs_end_with_the_limit_that_they_reach() {
    let library = Arc::new(Library::new());
    let limits = Limits { steps: 200_000, bytes: 8 << 20, depth: 200 };
    for (text, want) in [
        ("{{ range 1000000000 }}{{ end }}", "steps (the limit of a render)"),
        (
            "{{ define \"r\" }}{{ template \"r\" . }}{{ end }}{{ template \"r\" . }}",
            "exceeded maximum template depth (200)",
        ),
        (
            "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}",
            "exceeded maximum template depth (200)",
        ),
        ("{{ $_ := set . \"x\" \"{{ tpl .x . }}\" }}{{ tpl .x . }}", "exceeded maximum template depth (200)"),
        ("{{ $s := \"xxxxxxxx\" }}{{ range 40 }}{{ $s = print $s $s }}{{ end }}", "(the limit of"),
        ("{{ $l := list 1 }}{{ range 60 }}{{ $l = list $l $l }}{{ end }}{{ $l }}", "(the limit of printing)"),
        ("{{ $_ := set .m \"self\" .m }}{{ .m }}{{ $_ := unset .m \"self\" }}", "(the limit of printing)"),
        ("{{ repeat 1000000000 \"x\" }}", "limit"),
        ("{{ until 1000000000 }}", "limit"),
        ("{{ range 1000 }}{{ repeat 100000 \"x\" }}{{ end }}", "limit"),
    ] {
        let error = execute(&library, text.as_bytes(), limits).map(|text| text.len()).expect_err(text);
        assert!(error.contains(want), "{text}: {}", &error[error.len().saturating_sub(300)..]);
    }
}

#[test]
fn a_chart_that_never_ends_is_an_error_of_its_file() {
    let source = Source {
        name: "c/templates/loop.yaml".to_owned(),
        base: "c/templates".to_owned(),
        text: b"{{ define \"a\" }}{{ include \"b\" . }}{{ end }}{{ define \"b\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}"[..].into(),
    };
    let engine = Engine::parse(&[source], Arc::new(Library::new())).expect("it parses");
    let scopes = BTreeMap::from([("c/templates".to_owned(), Map::new().retyped(VALUES))]);
    let error = engine.render(&scopes, Settings::default(), &environment()).expect_err("it never ends");
    assert_eq!(error.file(), "c/templates/loop.yaml");
    assert!(error.to_string().contains("nested reference name"), "{error}");
}
