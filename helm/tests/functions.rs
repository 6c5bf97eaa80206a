//! The functions of templates, family by family, against what Helm's own gave (`testdata/helm/functions.jsonl`), and against the
//! real `helm` where it is there.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_in_result,
    clippy::unwrap_used,
    reason = "the helpers of tests: they fail by panicking, read fixtures, look for a program, and say when it is not there"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use helm_rs::engine::{Engine, Settings, Source, VALUES};
use helm_rs::functions::{Environment, Library, Seed, subjects};
use helm_rs::value::{Map, Value};

/// A template and what Helm makes of it: an output, or an error of the function.
#[derive(serde::Deserialize)]
struct Case {
    family: String,
    template: String,
    want: Option<String>,
    error: Option<String>,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("../../testdata/helm/functions.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

const NAME: &str = "demo/templates/t.yaml";

fn render_with(template: &str, environment: &Environment) -> Result<String, String> {
    let source = Source { name: NAME.into(), base: "demo/templates".into(), text: template.as_bytes().into() };
    let engine = Engine::parse(&[source], Arc::new(Library::new())).map_err(|e| e.to_string())?;
    let values = Map::from_iter([("s", Value::from("str")), ("f", Value::from(3.0))]);
    let root = Map::from_iter([("Values", Value::Map(values.retyped(VALUES)))]);
    let scopes = BTreeMap::from([("demo/templates".to_owned(), root)]);
    let mut rendered = engine.render(&scopes, Settings::default(), environment).map_err(|e| e.to_string())?;
    Ok(String::from_utf8(rendered.remove(NAME).unwrap()).unwrap())
}

fn environment(seed: u8) -> Environment {
    Environment::new(Seed::new([seed; 32]), 1_795_000_000)
}

fn render(template: &str) -> Result<String, String> {
    render_with(template, &environment(1))
}

fn check(family: &str) {
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.family == family).collect();
    assert!(!cases.is_empty());
    for Case { template, want, error, .. } in cases {
        match (render(&template), want, error) {
            (Ok(output), Some(want), _) => assert_eq!(output, want, "{template}"),
            (Err(text), None, Some(error)) => assert!(text.ends_with(&error), "{template}: {text}\nwanted {error}"),
            (result, ..) => panic!("{template}: {result:?}"),
        }
    }
}

macro_rules! families {
    ($($test:ident: $family:literal,)*) => {$(
        #[test]
        fn $test() {
            check($family);
        }
    )*};
}

families! {
    flow: "flow",
    strings: "strings",
    words: "words",
    regular_expressions: "regex",
    lists: "lists",
    dictionaries: "dicts",
    arithmetic: "math",
    dates_and_durations: "dates",
    types: "types",
    encodings: "encodings",
    versions: "semver",
    urls_and_paths: "urls",
    cryptography: "crypto",
    chance: "chance",
}

#[test]
fn the_table_has_the_functions_of_helm_and_no_other() {
    let library = Library::new();
    assert_eq!(library.iter().count(), 233);
    let by_subject: usize = subjects().iter().map(|(_, functions)| functions.len()).sum();
    assert_eq!(by_subject, 233, "no function twice");
    for name in ["env", "expandenv"] {
        let error = render(&format!("{{{{ {name} \"HOME\" }}}}")).unwrap_err();
        assert!(error.contains(&format!("function \"{name}\" not defined")), "{error}");
    }
}

#[test]
fn every_function_is_in_a_case_or_its_must_twin_is_described_by_another() {
    let text: String = cases().into_iter().map(|case| case.template + " ").collect();
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    // Rendered by other tests, or by those of the engine.
    let elsewhere = [
        "include",
        "tpl",
        "fail",
        "now",
        "ago",
        "genCA",
        "genSelfSignedCert",
        "genSelfSignedCertWithKey",
        "genSignedCert",
        "genSignedCertWithKey",
    ];
    let aliases = ["date_in_zone", "date_modify", "must_date_modify"];
    let missing: Vec<&str> = Library::new()
        .iter()
        .map(|function| function.name)
        .filter(|name| {
            !words.contains(name) && !name.starts_with("must") && !elsewhere.contains(name) && !aliases.contains(name)
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_same_inputs_give_the_same_bytes_and_another_seed_others() {
    let template = "{{ range until 3 }}{{ randAlphaNum 20 }} {{ end }}{{ uuidv4 }} {{ randBytes 9 }} {{ htpasswd \"u\" \"p\" }} {{ genPrivateKey \"ed25519\" }}{{ encryptAES \"k\" \"x\" }}";
    let first = render(template).unwrap();
    assert_eq!(render(template).unwrap(), first);
    assert_ne!(render_with(template, &environment(2)).unwrap(), first);
    let words: BTreeSet<&str> = first.split(' ').take(3).collect();
    assert_eq!(words.len(), 3, "calls at one place differ: {first}");
}

#[test]
fn certificates_chain_and_are_the_same_for_the_same_seed() {
    let template = r#"{{ $ca := genCAWithKey "ca" 365 (genPrivateKey "ecdsa") }}{{ $c := genSignedCertWithKey "a.test" (list "10.0.0.1" "::1") (list "a.test" "*.a.test") 30 $ca (genPrivateKey "ed25519") }}{{ $ca.Cert }}{{ $c.Cert }}{{ $c.Key }}"#;
    let first = render(template).unwrap();
    assert_eq!(render(template).unwrap(), first);
    assert_eq!(first.matches("-----BEGIN CERTIFICATE-----\n").count(), 2);
    assert_eq!(first.matches("-----BEGIN PRIVATE KEY-----\n").count(), 1);
    let other = r#"{{ $ca := genCAWithKey "ca" 1 (genPrivateKey "ecdsa") }}{{ $x := dict "Cert" $ca.Cert }}{{ genSignedCert "x" nil (list 1) 1 $ca }}"#;
    assert!(render(other).unwrap_err().ends_with("error processing alternate dns name: 1 is not a string"));
}

#[test]
fn what_would_cost_too_much_is_refused() {
    for (template, part) in [
        ("{{ repeat 999999999 \"x\" }}", "bytes"),
        ("{{ until 999999999 }}", "bytes"),
        ("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ deepCopy $d }}", "1000 levels"),
        ("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ mustToJson $d }}", "encountered a cycle"),
    ] {
        let error = render(template).unwrap_err();
        assert!(error.contains(part), "{template}: {error}");
    }
}

/// The list of functions in the documentation is written by this test: `UPDATE=1 cargo test -p helm-rs --test functions`.
#[test]
fn the_documentation_lists_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/helm.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- functions: begin -->\n", "<!-- functions: end -->");
    let (before, rest) = text.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let mut list = String::new();
    for (subject, functions) in subjects() {
        let names: BTreeSet<&str> = functions.iter().map(|function| function.name).collect();
        let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
        list += &format!("\n**{subject}** ({}): {}\n", names.len(), names.join(" "));
    }
    let wanted = format!("{before}{begin}{list}\n{end}{after}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    assert_eq!(text, wanted, "run with UPDATE=1");
}

/// The real Helm, if somebody says where it is or it has been built.
fn helm() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/controlplane");
    let named = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    named.into_iter().chain([built]).map(|folder| folder.join("helm")).find(|program| program.is_file())
}

/// A chart whose one ConfigMap holds the output of each template.
fn write_chart(folder: &Path, templates: &[String]) {
    std::fs::create_dir_all(folder.join("templates")).unwrap();
    std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: demo\nversion: 1.0.0\n").unwrap();
    std::fs::write(folder.join("values.yaml"), "s: str\nf: 3\n").unwrap();
    let mut text = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\ndata:\n".to_owned();
    for (at, template) in templates.iter().enumerate() {
        text = format!(
            "{{{{ define \"t{at}\" }}}}{template}{{{{ end }}}}{text}  t{at}: {{{{ include \"t{at}\" . | b64enc | quote }}}}\n"
        );
    }
    std::fs::write(folder.join("templates/t.yaml"), text).unwrap();
}

#[test]
fn the_real_helm_agrees() {
    let Some(helm) = helm() else {
        eprintln!("skipped: no `helm` in $KUBEBUILDER_ASSETS or target/controlplane");
        return;
    };
    let templates: Vec<String> =
        cases().into_iter().filter(|case| case.error.is_none()).map(|case| case.template).collect();
    let folder = tempfile::tempdir().unwrap();
    write_chart(folder.path(), &templates);
    let output = Command::new(helm).args(["template", "demo"]).arg(folder.path()).env("TZ", "UTC").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    for (at, template) in templates.iter().enumerate() {
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix(&format!("t{at}: "))).unwrap();
        let ours =
            render(&format!("{{{{ define \"t\" }}}}{template}{{{{ end }}}}{{{{ include \"t\" . | b64enc | quote }}}}"));
        assert_eq!(ours.unwrap(), line, "{template}");
    }
}
