//! Random overlays over random bases, against kustomize itself.
//!
//! `testdata/kustomize/differential/` holds trees and what kustomize v5.8.1 makes of them; they are compared everywhere.
//! Where the program is (`$KUBEBUILDER_ASSETS/kustomize` or `target/controlplane/kustomize`), fresh trees are built by both
//! as well: as many as `SKIFF_DIFFERENTIAL_CASES` says (30), from the seed `SKIFF_DIFFERENTIAL_SEED` (1000) on. A tree that
//! differs is printed whole; what it shows becomes a table test of its own. `SKIFF_WRITE_GOLDENS=1` writes the goldens anew.
//!
//! So are the kustomizations of `examples/` and of the fixtures of Fleet.

#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "helpers of the tests unwrap")]
#![expect(clippy::disallowed_methods, reason = "the tests read goldens and run the program")]

mod differential {
    pub(crate) mod chance;
    pub(crate) mod golden;
    pub(crate) mod objects;
    pub(crate) mod overlay;
    pub(crate) mod tree;
}
#[path = "common/oracle.rs"]
mod oracle;

use std::path::{Path, PathBuf};

use differential::golden::{self, Expected, Golden};
use differential::tree::{Tree, of_seed};
use file_tree::{Disk, MemoryTree, Mode};
use kustomize_rs::{Options, Order, build};

const GOLDENS: u64 = 80;

fn ours(tree: &Tree) -> Expected {
    let mut files = MemoryTree::new();
    for (path, content) in tree {
        files.insert(path, Mode::Regular, content.as_bytes()).unwrap();
    }
    let options = Options { order: Order::Legacy, version: "v5.8.1", ..Options::default() };
    match build(&files, "top", &options) {
        Ok(output) => Expected::Output(output.to_yaml()),
        Err(error) => Expected::Error(error.to_string()),
    }
}

fn theirs(program: &Path, tree: &Tree) -> Expected {
    match oracle::built(program, "top", tree.iter().map(|(path, text)| (path.as_str(), text.as_str()))) {
        Ok(output) => Expected::Output(output),
        Err(error) => Expected::Error(error),
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn goldens_are_reproduced() {
    let directory = oracle::root().join("testdata/kustomize/differential");
    if std::env::var_os("SKIFF_WRITE_GOLDENS").is_some() {
        let program = oracle::program().expect("goldens are written with kustomize itself");
        std::fs::create_dir_all(&directory).unwrap();
        for seed in 0..GOLDENS {
            let tree = of_seed(seed);
            let expected = theirs(&program, &tree);
            std::fs::write(directory.join(format!("{seed:03}.txt")), golden::write(&Golden { tree, expected }))
                .unwrap();
        }
    }
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 50, "{} goldens", paths.len());
    let mut wrong = Vec::new();
    for path in paths {
        let Golden { tree, expected } = golden::read(&std::fs::read_to_string(&path).unwrap());
        let ours = ours(&tree);
        if !ours.agrees(&expected) {
            eprintln!("{}: {}", path.display(), ours.difference(&expected));
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "{} goldens differ: {wrong:?}", wrong.len());
}

#[test]
fn fresh_trees_are_built_as_kustomize_builds_them() {
    let Some(program) = oracle::program() else {
        eprintln!("skipped: no kustomize in $KUBEBUILDER_ASSETS or target/controlplane");
        return;
    };
    let (first, cases) = (number("SKIFF_DIFFERENTIAL_SEED", 1000), number("SKIFF_DIFFERENTIAL_CASES", 30));
    let (mut wrong, mut errors) = (Vec::new(), 0);
    for seed in first..first + cases {
        let tree = of_seed(seed);
        let (ours, theirs) = (ours(&tree), theirs(&program, &tree));
        errors += u64::from(matches!(theirs, Expected::Error(_)));
        if !ours.agrees(&theirs) {
            eprintln!(
                "seed {seed}: {}\n{}",
                ours.difference(&theirs),
                golden::write(&Golden { tree, expected: theirs })
            );
            wrong.push(seed);
        }
    }
    eprintln!("{cases} trees from seed {first} on, {errors} of them refused by kustomize");
    assert!(wrong.is_empty(), "{} of {cases} trees differ: seeds {wrong:?}", wrong.len());
}

/// The directories below `dir` that hold a `kustomization.yaml`.
fn kustomizations(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            kustomizations(&path, found);
        } else if path.ends_with("kustomization.yaml") {
            found.push(dir.to_owned());
        }
    }
}

#[test]
fn examples_are_built_as_kustomize_builds_them() {
    let mut found = Vec::new();
    for dir in ["examples", "testdata/fleet"] {
        kustomizations(&oracle::root().join(dir), &mut found);
    }
    // One is a post-renderer of a chart, of whose objects there are none here.
    found.retain(|dir| !dir.to_string_lossy().contains("kustomize-over-chart"));
    assert!(found.len() >= 8, "{found:?}");
    let program = oracle::program();
    let options = Options { order: Order::Legacy, version: "v5.8.1", tree_path: Some("/"), ..Options::default() };
    for dir in found {
        let ours = build(&Disk::new("/"), dir.to_str().unwrap().trim_start_matches('/'), &options).unwrap().to_yaml();
        match &program {
            Some(program) => assert_eq!(oracle::built_on_disk(program, &dir), Ok(ours), "{}", dir.display()),
            None => eprintln!("not compared: there is no kustomize in $KUBEBUILDER_ASSETS or target/controlplane"),
        }
    }
}
