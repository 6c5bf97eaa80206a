//! Null mutation (CVE-2025-55198 and its relatives in Helm): every node of every example and fixture is replaced by null,
//! an empty list, an empty mapping, an empty text, zero and true. `SKIFF_MUTATIONS=all` takes all of them, otherwise a part
//! that is the same in every run.

use crate::inputs::{places, replacements};
use crate::pipeline::{Files, guarded, read, run};
use serde_json::Value;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Of so many mutations one is tried, unless all are wanted; prime, so that all kinds of replacement have their turn.
const STRIDE: usize = 17;

/// The repositories: fixtures of bundles, the charts of the engine, the examples.
fn repositories() -> Vec<(String, Files)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut all = Vec::new();
    for (area, below) in [("testdata/fleet", "repo"), ("testdata/helm", "chart"), ("examples", "")] {
        let mut names: Vec<_> =
            std::fs::read_dir(root.join(area)).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        for directory in names.iter().map(|path| path.join(below)).filter(|path| path.is_dir()) {
            let name = directory.strip_prefix(&root).unwrap().display().to_string();
            all.push((name, read(&directory)));
        }
    }
    all
}

/// One file with one node replaced.
struct Mutation {
    repository: usize,
    path: String,
    place: String,
    documents: Vec<Value>,
    document: usize,
    by: Value,
}

impl Mutation {
    fn content(&self) -> Vec<u8> {
        let mut documents = self.documents.clone();
        if let Some(node) = documents[self.document].pointer_mut(&self.place) {
            *node = self.by.clone();
        }
        k8s_yaml::documents_to_string(&documents).into_bytes()
    }
}

fn documents_of(content: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(content);
    // A template is no YAML before it is executed.
    if text.contains("{{") {
        return Vec::new();
    }
    let documents = k8s_yaml::from_bytes(content, &k8s_yaml::Options::sigs()).unwrap_or_default();
    documents.iter().filter_map(|document| k8s_yaml::from_node::<Value>(&document.node).ok()).collect()
}

fn mutations(repositories: &[(String, Files)], stride: usize) -> Vec<Mutation> {
    let (mut all, mut number) = (Vec::new(), 0);
    for (repository, (_, files)) in repositories.iter().enumerate() {
        for (path, content) in files.iter().filter(|(path, _)| path.ends_with(".yaml") || path.ends_with(".json")) {
            let documents = documents_of(content);
            for (document, value) in documents.iter().enumerate() {
                let mut found = Vec::new();
                places(value, "", &mut found);
                for (place, by) in found.iter().flat_map(|place| replacements().map(|by| (place.clone(), by))) {
                    number += 1;
                    if number % stride == 0 {
                        let (path, documents) = (path.clone(), documents.clone());
                        all.push(Mutation { repository, path, place, documents, document, by });
                    }
                }
            }
        }
    }
    all
}

/// Whether an error says where: a file that is there, or a field of `fleet.yaml`.
fn has_a_place(error: &str, files: &Files) -> bool {
    let names_a_file = files.keys().any(|path| error.contains(path.rsplit('/').next().unwrap_or(path)));
    // Of a chart that has to be fetched: which, and from where.
    names_a_file || error.contains("helm.") || error.starts_with("target `") || error.starts_with("chart `")
}

/// Whether it says the line, too.
fn has_a_line(error: &str) -> bool {
    error.split(':').skip(1).any(|part| part.trim().parse::<u32>().is_ok())
}

#[test]
fn a_null_in_any_place_is_no_panic_and_is_said_with_its_file() {
    let stride = if std::env::var("SKIFF_MUTATIONS").is_ok_and(|which| which == "all") { 1 } else { STRIDE };
    let repositories = repositories();
    let mutations = mutations(&repositories, stride);
    let (next, slowest) = (AtomicUsize::new(0), Mutex::new(Duration::ZERO));
    let (refused, with_line) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let wrong = Mutex::new(Vec::new());
    let begun = Instant::now();
    let worker = || {
        while let Some(mutation) = mutations.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (name, files) = &repositories[mutation.repository];
            let mut files = files.clone();
            files.insert(mutation.path.clone(), mutation.content());
            let title = format!("{name}/{} {} = {}", mutation.path, mutation.place, mutation.by);
            let started = Instant::now();
            match guarded(|| run(&files)) {
                Ok(outcome) => {
                    refused.fetch_add(outcome.errors.len(), Ordering::Relaxed);
                    with_line
                        .fetch_add(outcome.errors.iter().filter(|error| has_a_line(error)).count(), Ordering::Relaxed);
                    for error in outcome.errors.iter().filter(|error| !has_a_place(error, &files)) {
                        wrong.lock().unwrap().push(format!("{title}: without a place: {error}"));
                    }
                }
                Err(panic) => wrong.lock().unwrap().push(format!("{title}: panic: {panic}")),
            }
            let mut slowest = slowest.lock().unwrap();
            *slowest = (*slowest).max(started.elapsed());
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(worker))));
    let (wrong, slowest) = (wrong.into_inner().unwrap(), slowest.into_inner().unwrap());
    println!(
        "null mutation: {} of {} repositories in {:.0} s ({} errors, all with a file or field, {} with a line; the slowest took {} ms), {} wrong",
        mutations.len(),
        repositories.len(),
        begun.elapsed().as_secs_f32(),
        refused.into_inner(),
        with_line.into_inner(),
        slowest.as_millis(),
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    assert!(mutations.len() > 500);
}
