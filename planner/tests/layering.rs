//! The arrows between the crates (docs/ARCHITECTURE.md), and what keeps the pure crates pure. A new arrow means editing
//! the table here, in review.

#![expect(clippy::panic, reason = "a test that cannot run cargo stops where it stands")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Package, and which of our packages it may use. Tests and build scripts are free.
const ALLOWED: &[(&str, &[&str])] = &[
    ("file-tree", &[]),
    ("k8s-yaml", &[]),
    ("fleet-api", &["k8s-yaml"]),
    ("kustomize-rs", &["file-tree", "k8s-yaml"]),
    ("helm-rs", &["file-tree", "k8s-yaml"]),
    ("skiff-render", &["fleet-api", "file-tree", "k8s-yaml", "kustomize-rs", "helm-rs"]),
    ("skiff-planner", &["fleet-api"]),
    ("skiff-bundler", &["fleet-api", "file-tree", "k8s-yaml", "helm-rs", "skiff-render"]),
    ("skiff-wire", &["fleet-api", "skiff-planner"]),
    (
        "skiff-hub",
        &["fleet-api", "file-tree", "k8s-yaml", "skiff-planner", "skiff-render", "skiff-bundler", "skiff-wire"],
    ),
    ("skiff-agent", &["fleet-api", "file-tree", "k8s-yaml", "skiff-planner", "skiff-render", "skiff-wire"]),
    ("skiff-simulator", &["fleet-api", "skiff-planner", "skiff-wire"]),
    ("skiff-sim", &["fleet-api", "skiff-planner"]),
    ("skiff-controlplane", &[]),
    ("skiff", ALL),
    ("skiff-bench", ALL_AND_CONTROLPLANE),
];

/// What the programs at the top may use. The harness of real control planes comes only into the benchmarks, which nobody
/// ships; elsewhere it is for tests.
const ALL: &[&str] = &[
    "file-tree",
    "fleet-api",
    "helm-rs",
    "k8s-yaml",
    "kustomize-rs",
    "skiff-agent",
    "skiff-bundler",
    "skiff-hub",
    "skiff-planner",
    "skiff-render",
    "skiff-sim",
    "skiff-wire",
];

const ALL_AND_CONTROLPLANE: &[&str] = &[
    "file-tree",
    "fleet-api",
    "helm-rs",
    "k8s-yaml",
    "kustomize-rs",
    "skiff",
    "skiff-agent",
    "skiff-bundler",
    "skiff-controlplane",
    "skiff-hub",
    "skiff-planner",
    "skiff-render",
    "skiff-sim",
    "skiff-wire",
];

/// The crates without I/O, clock, chance or threads, and their folders.
const PURE: &[(&str, &str)] = &[
    ("file-tree", "tree"),
    ("fleet-api", "fleet-api"),
    ("helm-rs", "helm"),
    ("k8s-yaml", "yaml"),
    ("kustomize-rs", "kustomize"),
    ("skiff-planner", "planner"),
    ("skiff-render", "render"),
];

/// Crates that do I/O, own a runtime or bring chance: none may be reachable from a pure crate.
const IMPURE: &[&str] = &[
    "axum",
    "git2",
    "hyper",
    "kube-client",
    "kube-runtime",
    "mio",
    "rand",
    "reqwest",
    "ring",
    "rusqlite",
    "russh",
    "rustls",
    "socket2",
    "tokio",
];

/// What a small agent must not carry.
const NOT_IN_THE_AGENT: &[&str] = &["axum", "git2", "libgit2-sys", "rusqlite", "libsqlite3-sys", "russh", "indicatif"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace").to_owned()
}

#[expect(clippy::disallowed_methods, reason = "cargo says in its environment which cargo runs the test")]
fn cargo(args: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| env!("CARGO").to_owned());
    let output = Command::new(cargo).current_dir(workspace()).args(args).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

fn packages() -> Vec<Value> {
    let text = cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"]);
    let mut metadata: Value = serde_json::from_str(&text).expect("cargo metadata is JSON");
    match metadata["packages"].take() {
        Value::Array(packages) => packages,
        other => panic!("cargo metadata without packages: {other}"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string of cargo metadata")
}

/// The names of all packages that `package` is built from on this machine, itself included.
fn reaches(package: &str) -> Vec<String> {
    let tree = cargo(&["tree", "-p", package, "-e", "normal", "--prefix", "none", "--offline", "--format", "{p}"]);
    let names: Vec<String> = tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert!(names.first().is_some_and(|name| name == package), "the tree of {package} begins with it: {tree}");
    names
}

fn assert_reaches_none(package: &str, forbidden: &[&str]) {
    let names = reaches(package);
    let reached: Vec<&&str> = forbidden.iter().filter(|name| names.iter().any(|reached| reached == **name)).collect();
    assert!(reached.is_empty(), "{package} reaches {reached:?}; `cargo tree -p {package} -e normal -i NAME` says how");
}

#[test]
fn arrows_point_only_inward() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let packages = packages();
    assert_eq!(packages.len(), allowed.len(), "every package of the workspace has its row in ALLOWED");
    for package in &packages {
        let name = text(&package["name"]);
        let may = allowed.get(name).unwrap_or_else(|| panic!("{name} has no row in ALLOWED"));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let (used, normal) = (text(&dependency["name"]), dependency["kind"].is_null());
            let ours = allowed.contains_key(used);
            assert!(!normal || !ours || may.contains(&used), "{name} must not depend on {used}");
        }
    }
}

#[test]
fn pure_crates_reach_no_runtime_and_no_network() {
    for (package, _) in PURE {
        assert_reaches_none(package, IMPURE);
    }
}

#[test]
fn the_agent_carries_nothing_of_the_hub() {
    assert_reaches_none("skiff-agent", NOT_IN_THE_AGENT);
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in packages() {
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        let lines = read(&manifest);
        assert!(lines.contains("[lints]\nworkspace = true\n"), "{}: add [lints] workspace = true", manifest.display());
    }
}

/// Clippy reads the nearest `clippy.toml` alone, so the file of a pure crate repeats the keys of the root.
#[test]
fn pure_crates_ban_clocks_files_threads_and_hash_maps() {
    let root = read(&workspace().join("clippy.toml"));
    let bans =
        ["std::time::SystemTime::now", "std::env::var", "std::fs::read", "std::thread::spawn", "HashMap", "HashSet"];
    for (package, folder) in PURE {
        let path = workspace().join(folder).join("clippy.toml");
        let own = read(&path);
        for ban in bans {
            assert!(own.contains(&format!("{ban}\"")), "{package}: {} does not ban {ban}", path.display());
        }
        for line in root.lines().filter(|line| line.contains('=')) {
            assert!(own.contains(line), "{package}: {} lacks `{line}` of the root", path.display());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this test is about the files of the workspace")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
