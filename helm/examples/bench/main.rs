//! Renders the same charts with this library and with Helm, and prints the figures as JSON.
//!
//!     cargo build --release -p helm-rs --examples
//!     target/release/examples/bench target/release/examples/template HELM PYTHON [RUNS]
//!
//! The library in this process, the example `template` as a process, the real `helm template`, and Helm's engine in the
//! process of PYTHON (`pip install helm-python-sdk`) render the same charts in one run; the texts of the first three are
//! compared. The shortest time of all runs is told: on a shared machine everything else is the noise of others. Linux
//! alone: peaks come from `/proc`.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures")]

mod charts;
mod process;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use file_tree::MemoryTree;
use helm_rs::functions::Seed;
use helm_rs::render::Renderer;
use helm_rs::{Chart, Options, Output, Release, Values};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Name, Deployments with Services, rules, subcharts.
const CHARTS: [(&str, usize, usize, usize); 5] =
    [("trivial", 1, 0, 0), ("small", 5, 0, 0), ("middle", 10, 5, 2), ("large", 30, 20, 3), ("monitoring", 20, 80, 5)];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ours, helm, python, rest @ ..] = &arguments[..] else {
        return Err("bench TEMPLATE HELM PYTHON [RUNS]".into());
    };
    let runs = rest.first().map_or(Ok(5), |runs| runs.parse())?;
    let compared = CHARTS.iter().map(|(name, pairs, rules, subcharts)| {
        let files = charts::of(name, *pairs, *rules, *subcharts);
        compare(name, &files, [ours, helm, python].map(Path::new), runs)
    });
    let figures = json!({
        "charts": compared.collect::<Result<Vec<Value>>>()?,
        "rendersASecondOfTenObjects": rounded(fleet(&charts::of("small", 5, 0, 0), 1_000)?),
    });
    println!("{figures:#}");
    Ok(())
}

fn compare(name: &str, files: &charts::Files, [ours, helm, python]: [&Path; 3], runs: usize) -> Result<Value> {
    let dir = tempfile::tempdir()?;
    for (path, content) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or_else(|| dir.path()))?;
        std::fs::write(path, content)?;
    }
    let mut best = [f64::INFINITY; 3];
    let mut output = Output::default();
    let release = Release::new("rel", "default");
    let (known, mut kept) = (loaded(files)?, Renderer::new());
    for _ in 0..runs * 4 {
        let start = Instant::now();
        let chart = loaded(files)?;
        let middle = Instant::now();
        output = Renderer::new().render(&chart, &release, &Values::new(), &options())?;
        best = [best[0].min(milliseconds(start)), best[1].min(milliseconds(middle)), best[2]];
        // As a hub does for the next cluster: the templates are parsed.
        let again = Instant::now();
        std::hint::black_box(kept.render(&known, &release, &Values::new(), &options())?);
        best[2] = best[2].min(milliseconds(again));
    }
    let [with_loading, library, parsed] = best;
    let text = printed(&output);
    let ours = process::best(ours, &["rel"], dir.path(), runs, &text)?;
    let theirs = process::best(helm, &["template", "rel"], dir.path(), runs, &text)?;
    let engine = engine(python, dir.path(), runs)?;
    let of_engine = |member: &str| engine[member].as_f64().unwrap_or(f64::NAN);
    Ok(json!({
        "chart": name,
        "objects": output.manifests.len(),
        "libraryMs": {
            "rendered": rounded(library),
            "loadedAndRendered": rounded(with_loading),
            "renderedAgain": rounded(parsed),
        },
        "process": {"ms": rounded(ours.milliseconds), "peakMiB": rounded(ours.peak_mib)},
        "helm": {"ms": rounded(theirs.milliseconds), "peakMiB": rounded(theirs.peak_mib)},
        "engine": engine,
        "engineByLibrary": rounded(of_engine("renderedMs") / library),
        "engineByLibraryAlreadyParsed": rounded(of_engine("renderedMs") / parsed),
        "engineByLibraryWithLoading": rounded(of_engine("loadedMs") / with_loading),
        "helmByLibrary": rounded(theirs.milliseconds / with_loading),
        "helmByProcess": rounded(theirs.milliseconds / ours.milliseconds),
        "memoryOfHelmByProcess": rounded(theirs.peak_mib / ours.peak_mib),
    }))
}

fn loaded(files: &charts::Files) -> Result<Chart> {
    let tree = MemoryTree::from_files(files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))?;
    Ok(Chart::load(&tree, "")?)
}

fn options() -> Options {
    Options::new(Seed::new([7; 32]), 1_795_000_000)
}

/// As `helm template` prints it.
fn printed(output: &Output) -> String {
    let document = |path: &str, text: &str| format!("---\n# Source: {path}\n{text}\n");
    let all: String = output.manifests.iter().map(|manifest| document(&manifest.path, &manifest.content)).collect();
    format!("{}\n", all.trim())
}

/// Renders a second of one chart for clusters that differ in two values, on one core; parsed once.
fn fleet(files: &charts::Files, clusters: u32) -> Result<f64> {
    let chart = loaded(files)?;
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let mut renderer = Renderer::new();
        let start = Instant::now();
        for cluster in 0..clusters {
            let mut values = Values::new();
            values.set(&format!("config.site=site-{cluster},replicas={}", cluster % 7))?;
            let output = renderer.render(&chart, &Release::new("rel", "default"), &values, &options())?;
            std::hint::black_box(output.manifests.len());
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(f64::from(clusters) / best)
}

fn engine(python: &Path, chart: &Path, runs: usize) -> Result<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bench/engine.py");
    let output = Command::new(python).arg(script).arg(chart).arg(runs.to_string()).output()?;
    if !output.status.success() {
        return Err(format!("engine.py: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1_000.0
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
