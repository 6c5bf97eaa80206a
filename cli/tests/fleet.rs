//! `testdata/fleet/`: one small repository for each behaviour of `fleet.yaml`, and what each cluster gets of it, by the
//! public command line. After a wanted change `UPDATE_GOLDEN=1 cargo test -p skiff --test fleet` writes the expected
//! files and the generated parts of `docs/` anew; look at the difference.
//!
//! A case is `testdata/fleet/<behaviour>/repo/`, with a `gitrepo.yaml` and a `clusters.yaml` of its own where those beside
//! the cases do not do, and `expected/<cluster>.yaml`.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use fleet_api::v1alpha1::documentation::{self, Field};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const CLUSTERS: [&str; 3] = ["till", "lab", "bare"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn updates() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

fn cases() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("testdata/fleet")).unwrap().map(Result::unwrap);
    let directories = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    let mut names: Vec<_> = directories.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Compares with a committed file, or writes it.
fn golden(path: &Path, is: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    if updates() {
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(path, is))
            .map_err(failed)?;
    }
    let expected = std::fs::read_to_string(path).map_err(failed)?;
    if expected == is { Ok(()) } else { Err(format!("{}\n--- expected\n{expected}\n--- is\n{is}", path.display())) }
}

/// What one cluster gets of a case: for each Bundle the resolved options and the objects, then what the program says.
fn render(case: &str, cluster: &str) -> String {
    let own = |name: &str| {
        let path = format!("testdata/fleet/{case}/{name}");
        if root().join(&path).exists() { path } else { format!("testdata/fleet/{name}") }
    };
    let out = tempfile::tempdir().unwrap();
    let repo = format!("testdata/fleet/{case}/repo");
    let output = Command::new(env!("CARGO_BIN_EXE_skiff"))
        .args(["render", &repo, "--gitrepo", &own("gitrepo.yaml"), "--clusters", &own("clusters.yaml")])
        .args(["--cluster", cluster, "--output-by-bundle"])
        .arg(out.path())
        .current_dir(root())
        .output()
        .unwrap();
    let mut files: Vec<_> = std::fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut told = String::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let what = name.strip_suffix(".options.yaml").map_or_else(
            || format!("bundle {}: objects", name.trim_end_matches(".yaml")),
            |bundle| format!("bundle {bundle}: options"),
        );
        write!(told, "# {what}\n---\n{}", std::fs::read_to_string(&file).unwrap()).unwrap();
    }
    let said = String::from_utf8(output.stderr).unwrap();
    for line in said.lines() {
        writeln!(told, "# {line}").unwrap();
    }
    if !output.status.success() {
        writeln!(told, "# exit status {}", output.status.code().unwrap()).unwrap();
    }
    told
}

#[test]
fn every_case_gives_each_cluster_what_is_written_down() {
    let cases = cases();
    assert!(cases.len() >= 80, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        for cluster in CLUSTERS {
            let path = root().join(format!("testdata/fleet/{case}/expected/{cluster}.yaml"));
            wrong.extend(golden(&path, &render(&case, cluster)).err());
        }
    }
    assert!(wrong.is_empty(), "see the top of this test\n{}", wrong.join("\n"));
}

/// The paths of the keys in a document, as [`documentation::fields`] writes them.
fn used(value: &Value, prefix: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = format!("{prefix}{key}{}", if value.is_array() { "[]" } else { "" });
                into.insert(path.clone());
                used(value, &format!("{path}."), into);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| used(value, prefix, into)),
        _ => {}
    }
}

/// For each field the first case that uses it, at the top or in a customization; one that is named after it comes first.
fn examples() -> BTreeMap<String, String> {
    let mut examples: BTreeMap<String, String> = BTreeMap::new();
    for case in cases() {
        for path in fleet_yamls(&root().join(format!("testdata/fleet/{case}/repo"))) {
            let Ok(documents) = k8s_yaml::from_bytes(&std::fs::read(path).unwrap(), &k8s_yaml::Options::sigs()) else {
                continue;
            };
            let mut paths = BTreeSet::new();
            for document in documents {
                used(&document.node.to_json().unwrap(), "", &mut paths);
            }
            for path in paths {
                let words = dashed(&path);
                let is_named = case.starts_with(&words);
                let known = examples.get(&path).is_some_and(|known| !is_named || known.starts_with(&words));
                if !known {
                    examples.insert(path, case.clone());
                }
            }
        }
    }
    examples
}

/// `helm.valuesFiles[]` as a name of a case begins: `helm-values-files`.
fn dashed(path: &str) -> String {
    let mut words = String::new();
    for letter in path.replace("[]", "").replace('.', "-").chars() {
        if letter.is_uppercase() {
            words.push('-');
        }
        words.extend(letter.to_lowercase());
    }
    words.replace("deployment-c-r-d", "crd")
}

fn fleet_yamls(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(fleet_yamls(&entry.path()));
        } else if entry.file_name() == "fleet.yaml" {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn the_schema_for_editors_is_that_of_the_types() {
    let text = serde_json::to_string_pretty(&documentation::schema()).unwrap() + "\n";
    golden(&root().join("docs/fleet-yaml.schema.json"), &text).unwrap();
}

#[test]
fn every_field_is_documented_with_an_example() {
    let all = documentation::fields();
    let examples = examples();
    let mut table = String::from("| field | type | meaning | example |\n|---|---|---|---|\n");
    let mut without = Vec::new();
    for Field { path, kind, meaning } in &all {
        let Some(case) = examples.get(path) else {
            without.push(path.as_str());
            continue;
        };
        let link = format!("[{case}](../testdata/fleet/{case})");
        writeln!(table, "| `{path}` | {kind} | {} | {link} |", meaning.replace('|', "\\|")).unwrap();
    }
    assert!(without.is_empty(), "no case uses {without:?}");
    let path = root().join("docs/fleet-yaml.md");
    let (begin, end) = ("<!-- fields: generated by cli/tests/fleet.rs -->\n", "<!-- /fields -->");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(begin).expect("a place for the table");
    let (_, tail) = rest.split_once(end).expect("the end of the table");
    golden(&path, &format!("{head}{begin}\n{table}\n{end}{tail}")).unwrap();
}

/// All source files below a directory that are ours.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_ours = |path: &PathBuf| !["target", "build"].iter().any(|name| path.ends_with(name));
    let found = entries.filter(is_ours).flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    });
    found.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

#[test]
fn what_is_better_on_purpose_names_what_shows_it() {
    let page = std::fs::read_to_string(root().join("docs/fleet-compatibility.md")).unwrap();
    let table = page.split("## Better on purpose").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 30, "{} rows", rows.len());
    let shows = |row: &str| row.trim_end_matches('|').rsplit("| ").next().unwrap_or_default().trim().to_owned();
    let nothing: Vec<&&str> = rows.iter().filter(|row| shows(row).is_empty()).collect();
    assert!(nothing.is_empty(), "nothing shows {nothing:#?}");
    let named: BTreeSet<String> = rows
        .iter()
        .flat_map(|row| shows(row).split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let code: String = sources(&root()).iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let gone: Vec<&String> = named.iter().filter(|name| !code.contains(&format!("fn {name}()"))).collect();
    assert!(!named.is_empty() && gone.is_empty(), "no such test: {gone:#?}");
}
