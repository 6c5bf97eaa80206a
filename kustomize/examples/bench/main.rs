//! Builds the same trees with this library and with `kustomize build`, and prints the figures as JSON.
//!
//!     cargo build --release -p kustomize-rs --examples
//!     target/release/examples/bench target/release/examples/build KUSTOMIZE [RUNS]
//!
//! All three (the library in this process, the example `build` as a process, the real program) build the same trees in one
//! run, and their output is compared, so that no figure is that of a failure. The shortest time of all runs is told: on
//! a shared machine everything else is the noise of others. Linux alone: peaks come from `/proc`.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures")]

mod process;
mod trees;

use std::path::Path;
use std::time::Instant;

use file_tree::{MemoryTree, Mode};
use kustomize_rs::{Options, Order, build_yaml};
use serde_json::{Value, json};

use process::Run;
use trees::Tree;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Objects and patches of the curves.
const OBJECTS: [usize; 5] = [100, 300, 1_000, 3_000, 10_000];
const PATCHES: [usize; 4] = [20, 100, 500, 1_000];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ours, theirs, rest @ ..] = &arguments[..] else {
        return Err("bench BUILD KUSTOMIZE [RUNS]".into());
    };
    let (ours, theirs) = (Path::new(ours), Path::new(theirs));
    let runs = rest.first().map_or(Ok(9), |runs| runs.parse())?;
    let figures = json!({
        "overlayOf30": compare(&trees::overlay(30), ours, theirs, runs)?,
        "base1000With20Patches": compare(&trees::patched(1_000, 20), ours, theirs, runs.div_ceil(3))?,
        "millisecondsByObjects": curve(&OBJECTS, |objects| trees::patched(objects, 20))?,
        "millisecondsByPatches": curve(&PATCHES, |patches| trees::patched(1_000, patches))?,
    });
    println!("{figures:#}");
    Ok(())
}

fn compare(tree: &Tree, ours: &Path, theirs: &Path, runs: usize) -> Result<Value> {
    let dir = tempfile::tempdir()?;
    for (path, content) in &tree.files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or_else(|| dir.path()))?;
        std::fs::write(path, content)?;
    }
    let top = dir.path().join(tree.top);
    let (library, output) = library(tree, runs * 10)?;
    let ours = process::best(ours, &[], &top, runs, &output)?;
    let theirs = process::best(theirs, &["build"], &top, runs, &output)?;
    Ok(json!({
        "objects": tree.objects,
        "library": {"milliseconds": rounded(library)},
        "process": told(&ours),
        "kustomize": told(&theirs),
        "kustomizeByLibrary": rounded(theirs.milliseconds / library),
        "kustomizeByProcess": rounded(theirs.milliseconds / ours.milliseconds),
        "memoryOfKustomizeByProcess": rounded(theirs.peak_mib / ours.peak_mib),
    }))
}

/// Milliseconds of the best of `runs` builds, and what is built.
fn library(tree: &Tree, runs: usize) -> Result<(f64, String)> {
    let mut files = MemoryTree::new();
    for (path, content) in &tree.files {
        files.insert(path, Mode::Regular, content.as_bytes())?;
    }
    let options = Options { order: Order::Legacy, ..Options::default() };
    let once = || build_yaml(&files, tree.top, &options).map(|(text, _)| text);
    let output = once()?;
    let mut best = f64::INFINITY;
    for _ in 0..runs {
        let start = Instant::now();
        std::hint::black_box(once()?);
        best = best.min(start.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok((best, output))
}

fn curve(sizes: &[usize], tree: impl Fn(usize) -> Tree) -> Result<Vec<Value>> {
    sizes.iter().map(|size| Ok(json!([size, rounded(library(&tree(*size), 3)?.0)]))).collect()
}

fn told(run: &Run) -> Value {
    json!({"milliseconds": rounded(run.milliseconds), "peakMiB": rounded(run.peak_mib)})
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
