//! The short way to read is the way that nearly all files take, and gives what the parser gives.

#![expect(clippy::disallowed_methods, reason = "the fixtures of the workspace are read")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use k8s_yaml::{Limits, Options, Outcome, parse, parse_in_full, read_everyday};

/// The YAML files below a folder.
fn files(folder: &Path, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml")
            && let Ok(text) = fs::read_to_string(&path)
        {
            found.push(text);
        }
    }
}

/// `SKIFF_YAML_FILES` names another folder.
#[test]
fn files_are_read_alike() {
    let mut texts = Vec::new();
    let folder = std::env::var("SKIFF_YAML_FILES");
    files(Path::new(folder.as_deref().unwrap_or("../testdata")), &mut texts);
    assert!(texts.len() > 100, "{} files", texts.len());
    let mut everyday = 0;
    for text in &texts {
        let outcome = read_everyday(text, Limits::default().depth, |_, _| ControlFlow::Continue(()));
        everyday += usize::from(outcome == Outcome::Read);
        for options in [Options::sigs(), Options::strict(), Options::kyaml()] {
            assert_eq!(parse(text, &options), parse_in_full(text, &options), "{text}");
        }
    }
    println!("{everyday} of {} files are of every day", texts.len());
    assert!(folder.is_ok() || everyday * 10 > texts.len() * 7, "{everyday} of {}", texts.len());
}
