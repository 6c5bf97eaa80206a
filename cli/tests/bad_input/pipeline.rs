//! From the files of a repository to the objects of a cluster, as the hub and the command line go.

use file_tree::{MemoryTree, Mode};
use fleet_api::v1alpha1::GitRepo;
use skiff_bundler::discover::{Cache, Plain, bundle_tree, discover};
use skiff_planner::target::{self, ClusterView, Resolution};
use skiff_render::{Chance, ClusterFacts, RenderInput, render};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

/// Path and content of each file.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

static GITREPO: LazyLock<GitRepo> = LazyLock::new(|| {
    let text = r#"{"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo",
        "metadata": {"name": "shop", "namespace": "fleet-default"},
        "spec": {"repo": "https://git.example/shop.git", "targets": [{"name": "all", "clusterSelector": {}}]}}"#;
    serde_json::from_str(text).unwrap()
});

/// What has come of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Rendered objects.
    pub(crate) objects: usize,
    /// What went wrong, as a person reads it.
    pub(crate) errors: Vec<String>,
}

/// All the way.
pub(crate) fn run(files: &Files) -> Outcome {
    let mut tree = MemoryTree::new();
    let mut outcome = Outcome::default();
    for (path, content) in files {
        if let Err(error) = tree.insert(path, Mode::Regular, content.as_slice()) {
            outcome.errors.push(error.to_string());
        }
    }
    let discovery = discover(&Plain(&tree), &GITREPO, &mut Cache::default());
    outcome.errors.extend(discovery.failed.iter().map(|failure| failure.note.message.clone()));
    for found in &discovery.bundles {
        match one(&tree, found) {
            Ok(objects) => outcome.objects += objects,
            Err(error) => outcome.errors.push(error),
        }
    }
    outcome
}

fn one(tree: &MemoryTree, found: &skiff_bundler::discover::FoundBundle) -> Result<usize, String> {
    let spec = &found.bundle.spec;
    target::validate(spec).map_err(|error| error.to_string())?;
    let view = ClusterView { namespace: "fleet-default".into(), name: "till".into(), ..ClusterView::default() };
    let Resolution::Deploy(resolved) = target::resolve(spec, &view, &[]) else { return Ok(0) };
    let files = bundle_tree(tree, found).map_err(|error| error.to_string())?;
    let cluster = ClusterFacts { namespace: "fleet-default".into(), name: "till".into(), ..ClusterFacts::default() };
    let input = RenderInput {
        files: &files,
        prefix: &found.dir,
        bundle: found.name(),
        options: &resolved.options,
        cluster: &cluster,
        chance: Some(Chance::default()),
    };
    let rendered = render(&input).map_err(|error| error.to_string())?;
    Ok(rendered.objects.len())
}

/// The files of a directory of the workspace.
pub(crate) fn read(directory: &Path) -> Files {
    let mut files = Files::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Runs a case on a thread with the stack that the hub gives a render; its panic, where it has one.
pub(crate) fn guarded<T: Send>(act: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn_scoped(scope, act).unwrap();
        thread.join().map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
        })
    })
}
