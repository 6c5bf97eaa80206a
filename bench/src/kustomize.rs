//! Kustomizations: the library in this process, this program as a process of its own, and `kustomize build` beside them.
//!
//! All of them build the same trees in one run. What they print is compared, so that no figure is that of a failure.

mod process;
mod trees;

use std::path::{Path, PathBuf};
use std::time::Instant;

use file_tree::{Disk, MemoryTree, Mode};
use kustomize_rs::{Options as BuildOptions, Order, build};
use serde_json::{Value, json};

use crate::Result;
use crate::figures::{one, spread};
use process::Run;
use trees::Tree;

/// What is measured, and how often.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The real program; without it `$KUBEBUILDER_ASSETS/kustomize` or `target/controlplane/kustomize`, if it is there.
    #[arg(long)]
    kustomize: Option<PathBuf>,
    /// Builds of each tree by each process; the library builds ten times as often.
    #[arg(long, default_value_t = 9)]
    runs: usize,
    /// The most objects of the curve.
    #[arg(long, default_value_t = 10_000)]
    objects: usize,
}

/// Measures all of it.
pub(crate) fn run(options: &Options) -> Result<Value> {
    let program = options.kustomize.clone().or_else(installed);
    if program.is_none() {
        crate::note("no kustomize here: only our own figures");
    }
    let overlay = trees::overlay(30);
    let patched = trees::patched(1_000, 20);
    Ok(json!({
        "overlayOf30": compare(&overlay, program.as_deref(), options.runs)?,
        "base1000With20Patches": compare(&patched, program.as_deref(), options.runs.div_ceil(3))?,
        "objects": curve(&sizes(options.objects), |objects| trees::patched(objects, 20))?,
        "patches": curve(&[20, 100, 500, 1_000], |patches| trees::patched(1_000, patches))?,
        "machine": crate::machine::facts(),
    }))
}

/// Builds the kustomization in `dir` as `kustomize build` does, for the parent to measure.
pub(crate) fn process(dir: &Path) -> Result<String> {
    let dir = dir.canonicalize()?;
    let path = dir.to_str().ok_or("the path is not UTF-8")?.trim_start_matches('/');
    let options = BuildOptions { order: Order::Legacy, tree_path: Some("/"), ..BuildOptions::default() };
    Ok(build(&Disk::new("/"), path, &options)?.to_yaml())
}

fn installed() -> Option<PathBuf> {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let places = [assets, Some(PathBuf::from("target/controlplane"))];
    places.into_iter().flatten().map(|dir| dir.join("kustomize")).find(|path| path.is_file())
}

fn sizes(most: usize) -> Vec<usize> {
    [100, 300, 1_000, 3_000, 10_000].into_iter().filter(|size| *size <= most).collect()
}

fn in_memory(tree: &Tree) -> Result<MemoryTree> {
    let mut files = MemoryTree::new();
    for (path, content) in &tree.files {
        files.insert(path, Mode::Regular, content.as_bytes())?;
    }
    Ok(files)
}

fn once(files: &MemoryTree, dir: &str) -> Result<String> {
    let options = BuildOptions { order: Order::Legacy, ..BuildOptions::default() };
    Ok(build(files, dir, &options)?.to_yaml())
}

/// Milliseconds of each of `runs` builds.
fn library(tree: &Tree, runs: usize) -> Result<(Vec<f64>, String)> {
    let files = in_memory(tree)?;
    let output = once(&files, tree.top)?;
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        std::hint::black_box(once(&files, tree.top)?);
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok((times, output))
}

fn compare(tree: &Tree, program: Option<&Path>, runs: usize) -> Result<Value> {
    let dir = tempfile::tempdir()?;
    for (path, content) in &tree.files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(dir.path()))?;
        std::fs::write(path, content)?;
    }
    let top = dir.path().join(tree.top);
    let (times, output) = library(tree, runs * 10)?;
    let own = std::env::current_exe()?;
    let ours = process::measure(&own, &["kustomize-process"], &top, runs, &output)?;
    let theirs = program.map(|program| process::measure(program, &["build"], &top, runs, &output)).transpose()?;
    let mut figures = json!({
        "objects": tree.objects,
        "library": spread(&times, "ms"),
        "process": told(&ours),
    });
    if let Some(theirs) = theirs {
        let time = |runs: &[Run]| median(runs.iter().map(|run| run.milliseconds).collect());
        let memory = |runs: &[Run]| median(runs.iter().map(|run| run.peak_mib).collect());
        figures["kustomize"] = told(&theirs);
        figures["kustomizeByLibrary"] = one(time(&theirs) / median(times), "times");
        figures["kustomizeByProcess"] = one(time(&theirs) / time(&ours), "times");
        figures["memoryOfKustomizeByProcess"] = one(memory(&theirs) / memory(&ours), "times");
    }
    Ok(figures)
}

fn told(runs: &[Run]) -> Value {
    let of = |value: fn(&Run) -> f64| runs.iter().map(value).collect::<Vec<_>>();
    json!({
        "time": spread(&of(|run| run.milliseconds), "ms"),
        "peak": spread(&of(|run| run.peak_mib), "MiB"),
    })
}

fn curve(sizes: &[usize], tree: impl Fn(usize) -> Tree) -> Result<Vec<Value>> {
    sizes
        .iter()
        .map(|size| {
            let (times, _) = library(&tree(*size), 3)?;
            Ok(json!({"size": size, "library": spread(&times, "ms")}))
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
