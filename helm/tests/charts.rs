//! The charts of `testdata/helm`, rendered as the real Helm rendered them (`expected.yaml`, from Helm 4.3.1), byte for byte.
//!
//! Each folder holds a `chart/`, the `arguments` of `helm template` a line each, and what the chart is `about`.

#![expect(clippy::disallowed_methods, reason = "the tests read the fixtures from the disk")]

use std::fs;
use std::path::{Path, PathBuf};

use file_tree::DirTree;
use helm_rs::Chart;
use helm_rs::command::{Arguments, Host, template};
use helm_rs::functions::Seed;

/// A folder of the collection, in place of the working directory.
struct Folder(PathBuf);

impl Host for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        fs::read(self.0.join(path)).map_err(|error| format!("open {path}: {error}"))
    }

    fn exists(&self, path: &str) -> bool {
        self.0.join(path).exists()
    }

    fn chart(&self, path: &str) -> Result<Chart, String> {
        let tree = DirTree::open(self.0.join(path)).map_err(|error| error.to_string())?;
        Chart::load(&tree, "").map_err(|error| error.to_string())
    }

    fn seed(&self) -> Seed {
        Seed::new([7; 32])
    }

    fn time(&self) -> i64 {
        1_795_000_000
    }
}

#[test]
fn charts_render_as_with_helm() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/helm");
    let mut folders: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    // Other collections lie beside the charts.
    folders.retain(|folder| folder.join("arguments").is_file());
    folders.sort();
    assert!(folders.len() >= 60, "only {} charts in {}", folders.len(), root.display());
    let mut wrong = Vec::new();
    for folder in folders {
        let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let words: Vec<String> = text("arguments").lines().map(str::to_owned).collect();
        let got = Arguments::parse(&words).and_then(|arguments| template(&arguments, &Folder(folder.clone())));
        let got = got.map_or_else(|error| format!("Error: {error}"), |done| done.text);
        if got != text("expected.yaml") {
            wrong.push(format!("{}: {}{got}", folder.display(), text("about")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
