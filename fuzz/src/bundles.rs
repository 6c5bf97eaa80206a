//! Trees of files, as a repository could hold them.

use file_tree::{Files as _, MemoryTree, Mode};
use fleet_api::v1alpha1::FleetYaml;
use skiff_planner::target::{self, ClusterView, Resolution};
use skiff_render::{Chance, ClusterFacts, RenderInput, render};

/// `=== path` before each file; what a tree cannot hold is left out.
pub(crate) fn tree(data: &[u8]) -> MemoryTree {
    let text = String::from_utf8_lossy(data);
    let mut tree = MemoryTree::new();
    for part in text.split("=== ").skip(1) {
        let (path, content) = part.split_once('\n').unwrap_or((part, ""));
        let _ = tree.insert(path.trim_end(), Mode::Regular, content.as_bytes());
    }
    tree
}

/// `kustomize build` of `top`.
pub(crate) fn kustomize(data: &[u8]) {
    if let Ok(output) = kustomize_rs::build(&tree(data), "top", &kustomize_rs::Options::default()) {
        std::hint::black_box(output.to_yaml());
    }
}

/// A directory with a `fleet.yaml`, to the objects of a cluster.
pub(crate) fn bundle(data: &[u8]) {
    through(&tree(data));
}

/// The same for one `fleet.yaml` over a bundle that is in order.
pub(crate) fn fleet_yaml(data: &[u8]) {
    let mut tree = MemoryTree::new();
    let map: &[u8] = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {v: one}\n";
    for (path, content) in [
        ("fleet.yaml", data),
        ("templates/a.yaml", map),
        ("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("values.yaml", b"replicas: 1\n"),
        ("overlays/prod/a.yaml", map),
    ] {
        let _ = tree.insert(path, Mode::Regular, content);
    }
    through(&tree);
}

fn through(files: &MemoryTree) {
    let text = files.read("fleet.yaml").map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let Ok(read) = k8s_yaml::from_str::<Option<FleetYaml>>(&text) else { return };
    let read = read.unwrap_or_default();
    let mut spec = read.spec;
    // As the bundler does it: customizations come first.
    spec.targets = read.target_customizations;
    if target::validate(&spec).is_err() {
        return;
    }
    let cluster = ClusterView { namespace: "fleet-default".into(), name: "till".into(), ..ClusterView::default() };
    let options = match target::resolve(&spec, &cluster, &[]) {
        Resolution::Deploy(resolved) => resolved.options,
        Resolution::Skip(_) => spec.options.clone(),
    };
    let facts = ClusterFacts { name: "till".into(), namespace: "fleet-default".into(), ..ClusterFacts::default() };
    let input = RenderInput {
        files,
        prefix: "web",
        bundle: "shop-web",
        options: &options,
        cluster: &facts,
        chance: Some(Chance::default()),
    };
    match render(&input) {
        Ok(rendered) => drop(std::hint::black_box(rendered)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
