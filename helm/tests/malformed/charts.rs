//! Chart.yaml and the files beside it.

use std::fmt::Write as _;

use crate::case::{CHART, Case};

const FILE: (&str, &str) = ("templates/a.yaml", "a: b\n");
const SUB: (&str, &str) = ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n");

const METADATA: &[(&str, &str)] = &[
    ("", "required"),
    ("null", "required"),
    ("[]", "Chart.yaml"),
    ("text", "Chart.yaml"),
    ("a: b: c", "Chart.yaml"),
    ("apiVersion: v2\nname: [\n", "Chart.yaml"),
    ("apiVersion: v2\n\tname: web\n", "Chart.yaml"),
    ("apiVersion: v9\nname: web\nversion: 1.0.0\n", "unsupported chart version"),
    ("apiVersion: v3\nname: web\nversion: 1.0.0\n", "invalid chart apiVersion"),
    ("apiVersion: [v2]\nname: web\nversion: 1.0.0\n", "Chart.yaml"),
    ("apiVersion: v2\nversion: 1.0.0\n", "chart.metadata.name"),
    ("apiVersion: v2\nname: web\n", "chart.metadata.version"),
    ("apiVersion: v2\nname: ''\nversion: 1.0.0\n", "chart.metadata.name"),
    ("apiVersion: v2\nname: a/b\nversion: 1.0.0\n", "chart.metadata.name"),
    ("apiVersion: v2\nname: ..\nversion: 1.0.0\n", "chart.metadata.name"),
    ("apiVersion: v2\nname: [web]\nversion: 1.0.0\n", "Chart.yaml"),
    ("apiVersion: v2\nname: {a: b}\nversion: 1.0.0\n", "Chart.yaml"),
    ("apiVersion: v2\nname: web\nversion: x.y\n", "chart.metadata.version"),
    ("apiVersion: v2\nname: web\nversion: 1.2.3.4\n", "chart.metadata.version"),
    ("apiVersion: v2\nname: web\nversion: [1]\n", "Chart.yaml"),
    ("apiVersion: v2\nname: web\nversion: 99999999999999999999.0.0\n", "chart.metadata.version"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\ntype: nobody\n", "chart.metadata.type"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\ntype: library\n", "library charts are not installable"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: '>>1'\n", "kubeVersion"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: '<1.0.0'\n", "kubeVersion"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: {a: b}\n", "Chart.yaml"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [text]\n", "Chart.yaml"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [null]\n", "dependencies"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: nobody}]\n", "nobody"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: sub, alias: 'a b'}]\n", "alias"),
    (
        "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: sub, version: 1}, {name: sub, version: 2}]\n",
        "more than one dependency",
    ),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\nkeywords: text\n", "Chart.yaml"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\nmaintainers: [null]\n", "maintainers"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\nmaintainers: text\n", "Chart.yaml"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\nannotations: [a]\n", "Chart.yaml"),
    ("apiVersion: v2\nname: web\nversion: 1.0.0\nannotations: {a: [b]}\n", "Chart.yaml"),
    ("apiVersion: v2\nname: &a [*a]\nversion: 1.0.0\n", "Chart.yaml"),
    ("apiVersion: v2\nname: *nobody\nversion: 1.0.0\n", "Chart.yaml"),
];

/// Other files: path, text, what is said.
const BESIDE: &[(&str, &str, &str)] = &[
    ("Chart.lock", "[", "Chart.lock"),
    ("Chart.lock", "dependencies: text\n", "Chart.lock"),
    ("Chart.lock", "generated: [a]\n", "Chart.lock"),
    ("requirements.yaml", "[", "requirements.yaml"),
    ("requirements.yaml", "dependencies: text\n", "requirements.yaml"),
    ("requirements.lock", "[", "requirements.lock"),
    (".helmignore", "**/x\n", "double-star"),
    (".helmignore", "[\n", "syntax error in pattern"),
    (".helmignore", "a[\n", "syntax error in pattern"),
    (".helmignore", "Chart.yaml\n", "Chart.yaml file is missing"),
    (".helmignore", "!templates/a.yaml\n", "Chart.yaml file is missing"),
    ("charts/plain", "text", "Chart.yaml file is missing"),
    ("charts/sub/values.yaml", "a: b\n", "sub"),
    ("charts/sub.tgz", "text", "sub.tgz"),
    ("charts/sub.tgz", "", "sub.tgz"),
    ("charts/sub.tgz", "\u{1f}\u{8b}", "sub.tgz"),
    ("charts/sub.tgz/x", "text", "sub.tgz"),
    ("charts/sub/Chart.yaml", "name: [", "sub"),
    ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\n", "chart.metadata.version"),
    ("charts/sub/charts/low/Chart.yaml", "apiVersion: v2\nname: low\n", "sub"),
];

fn nested(levels: usize) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut dir = String::new();
    for level in 0..levels {
        files.push((format!("{dir}Chart.yaml"), format!("apiVersion: v2\nname: web{level}\nversion: 1.0.0\n")));
        let _ = write!(dir, "charts/web{}/", level + 1);
    }
    files
}

fn links() -> Vec<Case> {
    let case = |name: &str, path: &str, to: &str, said: &str| {
        Case::files(&format!("a link: {name}"), &[FILE], &[said]).with_links(&[(path, to)])
    };
    let mut cases = vec![
        case("to itself", "templates/b.yaml", "b.yaml", "b.yaml"),
        case("to nothing", "templates/b.yaml", "nobody", "b.yaml"),
        case("out of the tree", "templates/b.yaml", "../../../etc/passwd", "b.yaml"),
        case("far out of the tree", "templates/b.yaml", &"../".repeat(100), "b.yaml"),
        case("to a place of the machine", "templates/b.yaml", "/etc/passwd", "b.yaml"),
        case(
            "to the directory above",
            "templates/up",
            "..",
            "depth of a chart's directories is larger than the maximum of 64",
        ),
        case("to its own directory", "charts/sub/self", ".", "maximum of 64"),
    ];
    let two = Case::files("a link: two that name each other", &[FILE], &["b.yaml"]);
    cases.push(two.with_links(&[("templates/b.yaml", "c.yaml"), ("templates/c.yaml", "b.yaml")]));
    let doubled: Vec<(String, String)> = (0..20)
        .flat_map(|n| ["l", "r"].map(|side| (format!("d{n}/{side}"), format!("../d{}", n + 1))))
        .chain([("d20/x".to_owned(), "../Chart.yaml".to_owned())])
        .collect();
    let doubled: Vec<(&str, &str)> = doubled.iter().map(|(path, to)| (path.as_str(), to.as_str())).collect();
    let name = "a link: directories that double";
    cases.push(
        Case::files(name, &[FILE], &["number of files of a chart is larger than the maximum of 100000"])
            .with_links(&doubled),
    );
    cases
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = links();
    for (text, said) in METADATA {
        let name = format!("Chart.yaml {text:?}");
        cases.push(Case::files(&name, &[FILE, SUB, ("Chart.yaml", text)], &[said]));
    }
    for (path, text, said) in BESIDE {
        cases.push(Case::files(&format!("{path} {text:?}"), &[FILE, (path, text)], &[said]));
    }
    let deep = nested(60);
    let deep: Vec<(&str, &str)> = deep.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    cases.push(Case::files("charts in charts", &deep, &["maximum of"]));
    let long = format!("{}x", "*/".repeat(5_000));
    cases.push(Case::files(
        "an ignored path of stars",
        &[FILE, (".helmignore", &long), ("values.yaml", "[")],
        &["values.yaml"],
    ));
    for (path, name) in [("values.yaml", "values"), ("Chart.yaml", "chart"), ("Chart.lock", "lock")] {
        let mut case = Case::files(&format!("no UTF-8: {name}"), &[FILE, (path, CHART)], &[path, "UTF-8"]);
        case.replace(path, b"a: \xff\xfe\xc3\x28\n");
        cases.push(case);
        let mut case = Case::files(&format!("zeroes: {name}"), &[FILE, (path, CHART)], &[path]);
        case.replace(path, &[0; 100_000]);
        cases.push(case);
    }
    let mut case = Case::files("no UTF-8: a template", &[FILE], &["templates/a.yaml"]);
    case.replace("templates/a.yaml", b"a: \xff\xfe\xc3\x28\n");
    cases.push(case);
    cases
}
