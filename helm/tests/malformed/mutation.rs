//! Null mutation (CVE-2025-55198 and its relatives): each node of each YAML and JSON file of the fixtures is replaced by null
//! and, in turn, by another kind; what comes of it is a text, or an error that names the chart's file, value or key.

use std::path::Path;

use file_tree::Mode;
use serde_json::{Value, json};

use crate::case::{Case, Source, Want};

/// Everything that can be wrong after one node of a chart was replaced is said with one of these.
const PLACES: &[&str] = &[
    "templates/",
    "Chart.yaml",
    "Chart.lock",
    "values.yaml",
    "requirements",
    "chart.metadata",
    "chart dependencies",
    "schema",
    "validation",
    "charts",
    "crds/",
    "kubeVersion",
    "chart version",
    "subchart",
    "apiVersion",
];

/// A name, and path and bytes of each file.
type Fixture = (String, Vec<(String, Vec<u8>)>);

fn fixtures() -> Vec<Fixture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/helm");
    let mut folders: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join("chart/Chart.yaml").is_file());
    // The large ones of `public-` have thousands of nodes, each of them a render of all.
    folders.retain(|folder| !folder.to_string_lossy().contains("/public-"));
    folders.sort();
    folders
        .into_iter()
        .map(|folder| {
            let mut files = Vec::new();
            read(&folder.join("chart"), "", &mut files);
            (folder.file_name().unwrap().to_string_lossy().into_owned(), files)
        })
        .collect()
}

fn read(dir: &Path, inside: &str, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = format!("{inside}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read(&entry.path(), &format!("{path}/"), files);
        } else {
            files.push((path, std::fs::read(entry.path()).unwrap()));
        }
    }
}

/// The value with each of its nodes in turn replaced: by null, and by a kind that it is not.
fn mutations(value: &Value) -> Vec<(String, Value)> {
    let other = if value.is_object() { json!([null]) } else { json!({"x": null}) };
    let mut found = vec![(" = null".to_owned(), Value::Null), (format!(" = {other}"), other)];
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                for (place, mutated) in mutations(inner) {
                    let mut copy = map.clone();
                    copy.insert(key.clone(), mutated);
                    found.push((format!(".{key}{place}"), Value::Object(copy)));
                }
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                for (place, mutated) in mutations(inner) {
                    let mut copy = items.clone();
                    copy[at] = mutated;
                    found.push((format!("[{at}]{place}"), Value::Array(copy)));
                }
            }
        }
        _ => {}
    }
    found
}

pub(crate) fn cases() -> Vec<Case> {
    let places: Vec<String> = PLACES.iter().map(|place| (*place).to_owned()).collect();
    let mut cases = Vec::new();
    for (name, files) in fixtures() {
        for (at, (path, text)) in files.iter().enumerate() {
            if path.contains("templates/") || ![".yaml", ".json"].iter().any(|end| path.ends_with(end)) {
                continue;
            }
            let Some(value) = std::str::from_utf8(text).ok().and_then(|text| k8s_yaml::from_str(text).ok()) else {
                continue;
            };
            for (place, mutated) in mutations(&value) {
                let mut files = files.clone();
                files[at].1 = k8s_yaml::to_string(&mutated).into_bytes();
                let files = files.into_iter().map(|(path, text)| (path, Mode::Regular, text)).collect();
                let case = Case::files(&format!("{name}/{path}{place}"), &[], &[]).wanting(Want::Any(places.clone()));
                cases.push(Case { source: Source::Files(files), ..case });
            }
        }
    }
    cases
}
