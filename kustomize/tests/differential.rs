//! Random overlays over random bases, against kustomize itself.
//!
//! `testdata/kustomize/differential/` holds trees and what kustomize v5.8.1 makes of them; they are compared everywhere.
//! Where the program is (`$KUBEBUILDER_ASSETS/kustomize` or `target/controlplane/kustomize`), fresh trees are built by both
//! as well: as many as `SKIFF_DIFFERENTIAL_CASES` says (30), from the seed `SKIFF_DIFFERENTIAL_SEED` (1000) on. A tree that
//! differs is printed whole; what it shows becomes a table test of its own. `SKIFF_WRITE_GOLDENS=1` writes the goldens anew.

#![expect(clippy::unwrap_used, reason = "helpers of the tests unwrap")]
#![expect(clippy::disallowed_methods, reason = "the tests read goldens and run the program")]

mod differential {
    pub(crate) mod chance;
    pub(crate) mod golden;
    pub(crate) mod objects;
    pub(crate) mod overlay;
    pub(crate) mod tree;
}

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use differential::golden::{self, Expected, Golden};
use differential::tree::{Tree, of_seed};
use file_tree::{MemoryTree, Mode};
use kustomize_rs::{Options, Order, build};

const GOLDENS: u64 = 80;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

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
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in tree {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let output =
        Command::new(program).args(["build", "top"]).current_dir(dir.path()).stdin(Stdio::null()).output().unwrap();
    if output.status.success() {
        Expected::Output(String::from_utf8(output.stdout).unwrap())
    } else {
        Expected::Error(String::from_utf8_lossy(&output.stderr).replace(dir.path().to_str().unwrap(), "/DIR"))
    }
}

fn program() -> Option<PathBuf> {
    let places = [std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from), Some(root().join("target/controlplane"))];
    places.into_iter().flatten().map(|dir| dir.join("kustomize")).find(|path| path.is_file())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn goldens_are_reproduced() {
    let directory = root().join("testdata/kustomize/differential");
    if std::env::var_os("SKIFF_WRITE_GOLDENS").is_some() {
        let program = program().expect("goldens are written with kustomize itself");
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
    let Some(program) = program() else {
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
