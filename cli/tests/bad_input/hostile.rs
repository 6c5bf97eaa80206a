//! What somebody writes on purpose: bombs, deep nesting, control characters, odd names, huge documents; in every file that is
//! read on the way from a repository to a cluster. On a thread with the stack of a worker, within a time and a memory.

use crate::inputs::{names, peak, texts};
use crate::pipeline::{Files, guarded, run};
use std::time::{Duration, Instant};

/// How long one case may take in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(8);
/// How much more memory the process may have needed at its peak, in bytes.
const MEMORY: u64 = 1 << 30;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {v: one}\n";
const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

/// Path and text of the files beside another one.
type Beside = &'static [(&'static str, &'static str)];

/// A name, and path and text of each file.
type Special = (&'static str, Vec<(&'static str, String)>);

/// The files that are read, each with what makes them be read.
fn places() -> Vec<(&'static str, Beside)> {
    vec![
        ("web/fleet.yaml", &[("web/a.yaml", MAP)]),
        ("web/a.yaml", &[]),
        ("web/.fleetignore", &[("web/a.yaml", MAP)]),
        ("web/kustomization.yaml", &[("web/a.yaml", MAP)]),
        ("web/a.yaml", &[("web/kustomization.yaml", "resources: [a.yaml]\nnamePrefix: x-\ncommonLabels: {a: b}\n")]),
        (
            "web/patch.yaml",
            &[("web/kustomization.yaml", "resources: [a.yaml]\npatches: [{path: patch.yaml}]\n"), ("web/a.yaml", MAP)],
        ),
        ("web/overlays/o/a.yaml", &[("web/fleet.yaml", "yaml: {overlays: [o]}\n"), ("web/a.yaml", MAP)]),
        ("web/Chart.yaml", &[("web/templates/a.yaml", MAP)]),
        ("web/values.yaml", &[("web/Chart.yaml", CHART), ("web/templates/a.yaml", "{{ toYaml .Values }}")]),
        ("web/values.schema.json", &[("web/Chart.yaml", CHART), ("web/templates/a.yaml", MAP)]),
        ("web/templates/a.yaml", &[("web/Chart.yaml", CHART)]),
        ("web/.helmignore", &[("web/Chart.yaml", CHART), ("web/templates/a.yaml", MAP)]),
        ("web/charts/sub.tgz", &[("web/Chart.yaml", CHART), ("web/templates/a.yaml", MAP)]),
        ("web/more.yaml", &[("web/Chart.yaml", CHART), ("web/fleet.yaml", "helm: {valuesFiles: [more.yaml]}\n")]),
    ]
}

/// A chart with this template.
fn chart(template: &str) -> Vec<(&'static str, String)> {
    vec![("web/Chart.yaml", CHART.to_owned()), ("web/templates/a.yaml", template.to_owned())]
}

/// Hostile in the words of templates.
fn templates() -> Vec<Special> {
    vec![
        (
            "a template that includes itself",
            chart("{{ define \"x\" }}{{ include \"x\" . }}{{ end }}{{ include \"x\" . }}"),
        ),
        (
            "a template that calls itself by tpl",
            chart("{{ tpl .Template.Name . }}{{ tpl (print \"{{ tpl \" `\"x\"` \" . }}\") . }}"),
        ),
        ("a template that repeats for ever", chart("{{ repeat 1000000000 \"x\" }}")),
        ("a template that counts for ever", chart("{{ range until 1000000000 }}x{{ end }}")),
        (
            "a template that nests loops",
            chart(&format!("{}x{}", "{{ range until 1000 }}".repeat(5), "{{ end }}".repeat(5))),
        ),
        ("a template of many brackets", chart(&format!("{{{{ {}1{} }}}}", "(".repeat(20_000), ")".repeat(20_000)))),
        ("a template of many ifs", chart(&"{{ if true }}".repeat(20_000))),
        ("a template with a hard pattern", chart("{{ regexMatch \"(a+)+$\" (print (repeat 5000 \"a\") \"b\") }}")),
        ("a template with a large pattern", chart("{{ regexMatch \"((a{1000}){1000}){1000}\" \"a\" }}")),
        ("a template that pads", chart("{{ indent 1000000000 \"x\" }}{{ printf \"%1000000000d\" 1 }}")),
        (
            "a template that makes keys for ever",
            chart("{{ genPrivateKey \"rsa\" }}{{ derivePassword 1 \"long\" \"a\" \"b\" \"c\" }}"),
        ),
        (
            "a template that makes lists for ever",
            chart("{{ $l := list 1 2 3 }}{{ range until 60 }}{{ $l = concat $l $l }}{{ end }}{{ len $l }}"),
        ),
    ]
}

/// Hostile in the words of one other format.
fn special() -> Vec<Special> {
    let schema = |text: &str| {
        let mut files = chart(MAP);
        files.push(("web/values.schema.json", text.to_owned()));
        files.push(("web/values.yaml", "a: {b: [1, 2, {c: d}]}\n".to_owned()));
        files
    };
    let kustomize = |text: &str| vec![("web/kustomization.yaml", text.to_owned()), ("web/a.yaml", MAP.to_owned())];
    let fleet = |text: &str| vec![("web/fleet.yaml", text.to_owned()), ("web/a.yaml", MAP.to_owned())];
    vec![
        ("a schema of itself", schema(r##"{"$ref": "#"}"##)),
        (
            "a schema of two that name each other",
            schema(r##"{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}"##),
        ),
        ("a schema from a file", schema(r#"{"$ref": "file:///dev/zero"}"#)),
        ("a schema from an address", schema(r#"{"$ref": "http://127.0.0.1:9/schema.json"}"#)),
        (
            "a schema with a hard pattern",
            schema(r#"{"properties": {"a": {"propertyNames": {"pattern": "((a{1000}){1000}){1000}"}}}}"#),
        ),
        ("a schema of schemas", schema(&format!("{}true{}", r#"{"not":"#.repeat(20_000), "}".repeat(20_000)))),
        ("a kustomization of itself", kustomize("resources: [../web]\n")),
        (
            "a kustomization with an address",
            kustomize("resources: [https://127.0.0.1:9/a.yaml, git::https://127.0.0.1:9/x]\n"),
        ),
        (
            "a kustomization that leaves",
            kustomize("resources: [../../../../etc/passwd]\nconfigMapGenerator: [{name: x, files: [/etc/passwd]}]\n"),
        ),
        (
            "a kustomization with a hard pattern",
            kustomize("resources: [a.yaml]\npatches: [{target: {name: '((a{1000}){1000}){1000}'}, patch: '[]'}]\n"),
        ),
        (
            "a patch at a far index",
            kustomize(
                "resources: [a.yaml]\npatches: [{target: {kind: ConfigMap}, patch: '[{op: add, path: /data/l/99999999999999999999, value: 1}]'}]\n",
            ),
        ),
        (
            "replicas without end",
            kustomize("resources: [a.yaml]\nreplicas: [{name: a, count: 99999999999999999999}]\n"),
        ),
        ("values for ever", fleet("helm: {chart: ., values: {a: '${ repeat 1000000000 \"x\" }'}}\n")),
        ("a glob of stars", fleet(&format!("helm: {{valuesFiles: ['{}']}}\n", "**/".repeat(2_000)))),
        ("a chart outside", fleet("helm: {chart: ../../../../etc}\n")),
        ("a chart at an address", fleet("helm: {repo: 'http://169.254.169.254/', chart: x}\n")),
        (
            "an ignore file of stars",
            vec![("web/.fleetignore", "*/".repeat(5_000) + "x\n"), ("web/a.yaml", MAP.to_owned())],
        ),
        (
            "a duration of a day",
            fleet(
                "rolloutStrategy: {autoPartitionSize: 999999999999%, maxUnavailable: -1}\nhelm: {timeoutSeconds: -9223372036854775808}\n",
            ),
        ),
    ]
}

/// Names that a tree could have.
fn odd_names() -> Vec<Vec<(String, String)>> {
    let names = names();
    let one = |name: &String| vec![(format!("{name}/a.yaml"), MAP.to_owned())];
    let within =
        |name: &String| vec![(format!("web/{name}.yaml"), MAP.to_owned()), ("web/a.yaml".to_owned(), MAP.to_owned())];
    let all = names.iter().map(|name| (format!("{name}/a.yaml"), MAP.to_owned())).collect();
    names.iter().map(one).chain(names.iter().map(within)).chain([all]).collect()
}

fn files(of: impl IntoIterator<Item = (impl Into<String>, impl Into<Vec<u8>>)>) -> Files {
    of.into_iter().map(|(path, content)| (path.into(), content.into())).collect()
}

fn all_cases() -> Vec<(String, Files)> {
    let mut cases = Vec::new();
    for (place, beside) in places() {
        for (name, text) in texts() {
            let mut case = files(beside.iter().map(|(path, text)| (*path, *text)));
            case.insert(place.to_owned(), text);
            cases.push((format!("{name} as {place}"), case));
        }
    }
    cases.extend(templates().into_iter().chain(special()).map(|(name, of)| (name.to_owned(), files(of))));
    let odd = odd_names().into_iter().enumerate();
    cases.extend(
        odd.map(|(at, of)| (format!("odd name {at}: {:?}", of[0].0.chars().take(40).collect::<String>()), files(of))),
    );
    cases
}

#[test]
fn what_is_written_on_purpose_does_no_harm() {
    let wanted = std::env::var("SKIFF_HOSTILE").unwrap_or_default();
    let cases: Vec<_> = all_cases().into_iter().filter(|(name, _)| name.contains(&wanted)).collect();
    let (begun, mut wrong) = (Instant::now(), Vec::new());
    let (mut slowest, mut largest) = ((Duration::ZERO, String::new()), (0, String::new()));
    for (name, case) in &cases {
        // The first answer is of the case before.
        peak();
        let resting = peak();
        let started = Instant::now();
        match guarded(|| run(case)) {
            Ok(outcome) => {
                let raw = |error: &&String| error.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
                wrong.extend(
                    outcome.errors.iter().filter(raw).map(|error| format!("{name}: control characters: {error:?}")),
                );
                let empty = outcome.errors.iter().filter(|error| error.trim().is_empty());
                wrong.extend(empty.map(|_| format!("{name}: an error without words")));
            }
            Err(panic) => wrong.push(format!("{name}: panic: {panic}")),
        }
        let (took, grown) = (started.elapsed(), peak().saturating_sub(resting));
        if took > slowest.0 {
            slowest = (took, name.clone());
        }
        if grown > largest.0 {
            largest = (grown, name.clone());
        }
        if took > PATIENCE {
            wrong.push(format!("{name}: took {:.1} s", took.as_secs_f32()));
        }
        if grown > MEMORY {
            wrong.push(format!("{name}: needed {} MiB", grown >> 20));
        }
    }
    println!(
        "hostile input: {} cases in {:.0} s; slowest {:.1} s ({}); largest {} MiB ({}); {} wrong",
        cases.len(),
        begun.elapsed().as_secs_f32(),
        slowest.0.as_secs_f32(),
        slowest.1,
        largest.0 >> 20,
        largest.1,
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "`SKIFF_HOSTILE='NAME' cargo test -p skiff --test bad_input hostile` repeats one:\n{}",
        wrong.join("\n")
    );
    assert!(!wanted.is_empty() || cases.len() > 400);
}
