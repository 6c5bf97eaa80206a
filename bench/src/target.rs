//! `target`: `skiff bundle` and `skiff target` over a repository and a file of clusters, and what one change costs the hub's
//! decisions, both over growing numbers.

use crate::{Result, figures, machine, note, usage};
use clap::Args;
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use serde_json::{Value, json};
use skiff_planner::hub::{
    Action, BundleRecord, ClusterResource, DeploymentFacts, Event, Labels, Machine, Options as HubOptions, Rules, Uses,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A Bundle goes to one cluster in so many, by its label `shop`; the repository offers it to all.
const SHOPS: usize = 100;

/// To how many clusters a Bundle goes where one change is measured.
const CLUSTERS_OF_ONE: usize = 10;

/// Sizes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Bundles in the repository.
    #[arg(long, default_value_t = 1000)]
    bundles: usize,
    /// Clusters in the file.
    #[arg(long, default_value_t = 10_000)]
    clusters: usize,
    /// How often each command and each change is measured.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// The program; by default the `skiff` beside this one.
    #[arg(long)]
    skiff: Option<PathBuf>,
}

/// Measures, and tells.
pub(crate) fn run(options: &Options) -> Result<Value> {
    let load = machine::load();
    let skiff = match &options.skiff {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("skiff"),
    };
    if !skiff.exists() {
        return Err(format!("{} is not there: `cargo build --release -p skiff`", skiff.display()).into());
    }
    let (bundles, clusters) = (options.bundles, options.clusters);
    let grid = [(bundles / 4, clusters), (bundles / 2, clusters), (bundles, clusters), (bundles, clusters / 10)];
    let mut rows = Vec::new();
    for (bundles, clusters) in grid {
        note(&format!("target: {bundles} bundles, {clusters} clusters"));
        let directory = tempfile::tempdir()?;
        write(directory.path(), bundles, clusters)?;
        let command = |words: &[&str], lines: usize| measure(&skiff, directory.path(), words, options.runs, lines);
        rows.push(json!({
            "bundles": bundles,
            "clusters": clusters,
            "bundle": command(&["bundle", "repo", "--gitrepo", "gitrepo.yaml"], bundles)?,
            "target": command(&["target", "repo", "--gitrepo", "gitrepo.yaml", "--clusters", "clusters.yaml"], bundles)?,
            "oneChange": changes(bundles, clusters, options.runs)?,
        }));
    }
    Ok(json!({
        "benchmark": "target",
        "machine": machine::facts(),
        "loadBefore": load,
        "figures": rows,
        "means": {
            "bundle": "skiff bundle of the whole repository, output read",
            "target": "skiff target: who gets each bundle, with which customizations",
            "oneChange": "the hub's decisions alone, everything known before: a label of one cluster, a commit in one bundle",
        },
    }))
}

/// The repository, its GitRepo and the clusters.
fn write(root: &Path, bundles: usize, clusters: usize) -> Result<()> {
    for index in 0..bundles {
        let directory = root.join(format!("repo/app-{index:05}"));
        std::fs::create_dir_all(&directory)?;
        let fleet = format!(
            "defaultNamespace: app-{index}\ntargetCustomizations:\n- name: prod\n  clusterSelector: {{matchLabels: {{env: prod}}}}\n  \
             keepResources: true\n- name: shop\n  clusterSelector: {{matchLabels: {{shop: s{}}}}}\n  correctDrift: {{enabled: true}}\n",
            index % SHOPS
        );
        std::fs::write(directory.join("fleet.yaml"), fleet)?;
        let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata: {{n: \"{index}\"}}\n");
        std::fs::write(directory.join("map.yaml"), map)?;
    }
    let gitrepo = "apiVersion: fleet.cattle.io/v1alpha1\nkind: GitRepo\nmetadata: {name: shop, namespace: fleet-default}\nspec:\n  \
                   repo: https://git.example/shop.git\n  targets:\n  - {name: all, clusterSelector: {}}\n";
    std::fs::write(root.join("gitrepo.yaml"), gitrepo)?;
    let mut text = String::new();
    for index in 0..clusters {
        write!(
            text,
            "---\napiVersion: fleet.cattle.io/v1alpha1\nkind: Cluster\nmetadata: {{name: c-{index:05}, namespace: fleet-default, \
             labels: {{env: {}, shop: s{}}}}}\n",
            ["prod", "lab", "dev"][index % 3],
            index % SHOPS
        )?;
    }
    Ok(std::fs::write(root.join("clusters.yaml"), text)?)
}

/// Runs a command; its figures. `names`: how many bundles its output has to name.
fn measure(skiff: &Path, root: &Path, words: &[&str], runs: usize, names: usize) -> Result<Value> {
    let (mut wall, mut cpu, mut peak) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let begun = Instant::now();
        let out = std::fs::File::create(root.join("out"))?;
        let mut child = Command::new(skiff).current_dir(root).args(words).stdout(out).stderr(Stdio::null()).spawn()?;
        let mut most: Option<usage::Usage> = None;
        let status = loop {
            // One that has just ended tells of its time, and no more of its memory.
            if let Ok(now) = usage::of(child.id()) {
                let peak_kib = most.map_or(0, |before| before.peak_kib).max(now.peak_kib);
                most = Some(usage::Usage { peak_kib, ..now });
            }
            if let Some(status) = child.try_wait()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        wall.push(begun.elapsed().as_secs_f64());
        let most = most.ok_or("the command ended before it was looked at")?;
        cpu.push(most.cpu_seconds);
        peak.push(figures::per(most.peak_kib, 1024));
        let told = std::fs::read_to_string(root.join("out"))?;
        let has = (0..names).filter(|index| told.contains(&format!("app-{index:05}"))).count();
        if !status.success() || has != names {
            return Err(
                format!("`skiff {}` ended with {status} and named {has} of {names} bundles", words.join(" ")).into()
            );
        }
    }
    Ok(json!({
        "wall": figures::spread(&wall, "s"),
        "cpu": figures::spread(&cpu, "s"),
        "peak": figures::spread(&peak, "MiB"),
    }))
}

fn named(name: &str) -> Result<Ref> {
    Ok(Ref::new("fleet-default", name)?)
}

fn cluster(labels: &[(&str, String)]) -> Box<ClusterResource> {
    let labels: Labels = labels.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Box::new(ClusterResource { labels, ..ClusterResource::default() })
}

fn bundle(index: usize, shops: usize, content: usize) -> Result<Box<BundleRecord>> {
    let target = json!([{"name": "shop", "clusterSelector": {"matchLabels": {"shop": format!("s{}", index % shops)}}}]);
    Ok(Box::new(BundleRecord {
        id: Digest::of(format!("{index} {content}").as_bytes()),
        tree: Digest::of(b"tree"),
        spec: serde_json::from_value(json!({"targets": target, "targetRestrictions": target}))?,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        gitrepo: None,
        commit: String::new(),
        entry: String::new(),
        directory: String::new(),
        uses: Uses::default(),
        rewound: false,
    }))
}

/// Decides until nothing is to be rendered any more.
fn settle(machine: &mut Machine, now: &mut fleet_api::wire::Timestamp) -> Result<usize> {
    let mut renders = 0;
    loop {
        *now = now.checked_add(Duration::from_secs(1))?;
        let decision = machine.decide(*now);
        let mut again = false;
        for action in decision.actions {
            if let Action::Render(input) = action {
                (again, renders) = (true, renders + 1);
                let facts = DeploymentFacts { objects: 1, ..DeploymentFacts::default() };
                let result = Ok((input.key(), facts));
                machine.observe(Event::Rendered { input: input.key(), result, warnings: Vec::new() });
            }
        }
        if !again && decision.wake_at.is_none_or(|at| at > *now) {
            return Ok(renders);
        }
    }
}

/// What a label of one cluster, and a commit in one bundle, cost a hub that knows everything.
fn changes(bundles: usize, clusters: usize, runs: usize) -> Result<Value> {
    let mut machine = Machine::new(HubOptions {
        desired_lifetime: jiff::SignedDuration::from_hours(24),
        offline_after: jiff::SignedDuration::from_hours(1),
        renderer: "bench".into(),
        rules: Rules::all(),
    });
    let mut now: fleet_api::wire::Timestamp = "2026-11-25T12:00:00Z".parse()?;
    // So that one change is for as many clusters in each row.
    let shops = (clusters / CLUSTERS_OF_ONE).max(1);
    for index in 0..clusters {
        let labels = [("shop", format!("s{}", index % shops))];
        machine.observe(Event::Cluster(named(&format!("c-{index:05}"))?, Some(cluster(&labels))));
    }
    for index in 0..bundles {
        machine.observe(Event::Bundle(named(&format!("app-{index:05}"))?, Some(bundle(index, shops, 0)?)));
    }
    settle(&mut machine, &mut now)?;
    let (mut labelled, mut committed) = (Vec::new(), Vec::new());
    for run in 1..=runs.max(1) * 4 {
        let labels = [("shop", format!("s{}", run % shops)), ("run", run.to_string())];
        let begun = Instant::now();
        machine.observe(Event::Cluster(named("c-00000")?, Some(cluster(&labels))));
        settle(&mut machine, &mut now)?;
        labelled.push(begun.elapsed().as_secs_f64() * 1000.0);
        let begun = Instant::now();
        machine.observe(Event::Bundle(named("app-00000")?, Some(bundle(0, shops, run)?)));
        let renders = settle(&mut machine, &mut now)?;
        committed.push(begun.elapsed().as_secs_f64() * 1000.0);
        if renders != 1 {
            return Err(format!("one bundle was changed, and {renders} were rendered").into());
        }
    }
    Ok(json!({"label": figures::spread(&labelled, "ms"), "commit": figures::spread(&committed, "ms")}))
}
