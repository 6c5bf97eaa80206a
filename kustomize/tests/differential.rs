//! Random overlays over random bases, against kustomize itself.
//!
//! `testdata/kustomize/differential/` holds trees and what kustomize v5.8.1 makes of them; they are compared everywhere.
//! Where the program is (`$KUBEBUILDER_ASSETS/kustomize` or `target/controlplane/kustomize`), fresh trees are built by both
//! as well: as many as `SKIFF_DIFFERENTIAL_CASES` says (30), from the seed `SKIFF_DIFFERENTIAL_SEED` (1000) on. A tree that
//! differs is printed whole; what it shows becomes a table test of its own. `SKIFF_WRITE_GOLDENS=1` writes the goldens anew.

#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "helpers of the tests unwrap")]
#![expect(clippy::disallowed_methods, reason = "the tests read goldens and run the program")]

mod differential {
    pub(crate) mod chance;
    pub(crate) mod golden;
    pub(crate) mod mutation;
    pub(crate) mod objects;
    pub(crate) mod overlay;
    pub(crate) mod tree;
}

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use differential::chance::Chance;
use differential::golden::{self, Expected, Golden};
use differential::mutation::mutated;
use differential::tree::{Tree, of_seed};
use file_tree::{MemoryTree, Mode};
use kustomize_rs::{Options, Order, Output, build};

const GOLDENS: u64 = 80;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn ours(tree: &Tree) -> Expected {
    match built(tree) {
        Ok(output) => Expected::Output(output.to_yaml()),
        Err(error) => Expected::Error(error.to_string()),
    }
}

fn built(tree: &Tree) -> Result<Output, kustomize_rs::Error> {
    let mut files = MemoryTree::new();
    for (path, content) in tree {
        files.insert(path, Mode::Regular, content.as_bytes()).unwrap();
    }
    let options = Options { order: Order::Legacy, version: "v5.8.1", ..Options::default() };
    build(&files, "top", &options)
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

/// The tree with one value of a mapping made null, by the number of that value; `None` beyond the last.
fn with_null(tree: &Tree, number: usize) -> Option<Tree> {
    let places = tree.iter().filter(|(path, _)| path.ends_with(".yaml")).flat_map(|(path, text)| {
        let lines = text.lines().enumerate();
        lines.filter_map(move |(at, line)| Some((path, text, at, line.rsplit_once(": ")?.0)))
    });
    let (path, text, at, key) = { places }.nth(number)?;
    let line =
        |(number, line): (usize, &str)| if number == at { format!("{key}: null\n") } else { format!("{line}\n") };
    let mut tree = tree.clone();
    tree.insert(path.clone(), text.lines().enumerate().map(line).collect());
    Some(tree)
}

#[test]
fn null_anywhere_in_a_fixture_is_told_of_with_its_place() {
    let (mut tried, mut refused) = (0, 0);
    for seed in 0..GOLDENS / 2 {
        let tree = of_seed(seed);
        for tree in (0..).step_by(7).map_while(|number| with_null(&tree, number)) {
            tried += 1;
            let Err(error) = built(&tree) else { continue };
            refused += 1;
            let told = error.file().is_some() && error.line().is_some();
            let what = !error.field().is_empty() || error.to_string().contains("not YAML");
            assert!(
                told && what,
                "{error}\n{}",
                golden::write(&Golden { tree, expected: Expected::Error(String::new()) })
            );
        }
    }
    assert!(tried > 300 && refused > 50, "{refused} of {tried}");
}

/// What `fuzz/` does at length.
#[test]
fn a_malformed_tree_is_an_error_and_never_a_panic() {
    let mut refused = 0;
    for seed in 0..number("SKIFF_MUTATIONS", 200) {
        let mut chance = Chance::new(seed);
        let tree = mutated(&of_seed(seed % 50), &mut chance);
        let built = std::panic::catch_unwind(|| ours(&tree));
        match built {
            Ok(Expected::Output(_)) => {}
            Ok(Expected::Error(message)) => {
                assert!(!message.is_empty(), "seed {seed}");
                refused += 1;
            }
            Err(_) => {
                let expected = Expected::Error("a panic".to_owned());
                panic!("seed {seed}:\n{}", golden::write(&Golden { tree, expected }));
            }
        }
    }
    assert!(refused > 40, "only {refused} trees were refused");
}
