//! What a build makes of small trees, at the crate's entry: one module per feature. All expected output is that of
//! kustomize v5.8.1; where the program is (`$KUBEBUILDER_ASSETS/kustomize` or `target/controlplane/kustomize`) every tree is
//! built by it as well.

#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "helpers of the tests unwrap")]
#![expect(clippy::disallowed_methods, reason = "the tests run the program")]

mod features {
    mod labels;
    mod metadata;
    mod names;
    mod order;
    mod patches;
    mod plugins;
    mod resources;
    mod workloads;
    mod yaml;
}
#[path = "common/oracle.rs"]
mod oracle;

use file_tree::{MemoryTree, Mode};
use kustomize_rs::{Error, Options, Order, Output, build};

/// Paths and texts.
type Tree<'a> = &'a [(&'a str, &'a str)];

fn built(dir: &str, tree: Tree<'_>, options: &Options<'_>) -> Result<Output, Error> {
    let mut files = MemoryTree::new();
    for (path, text) in tree {
        files.insert(path, Mode::Regular, text.as_bytes().to_vec()).unwrap();
    }
    build(&files, dir, options)
}

/// What the command line prints for the directory `dir` of a tree.
fn printed(dir: &str, tree: Tree<'_>) -> String {
    let options = Options { order: Order::Legacy, ..Options::default() };
    let ours = built(dir, tree, &options).map(|output| output.to_yaml());
    compare(dir, tree, ours.as_ref().ok());
    ours.unwrap_or_else(|error| format!("error: {error}\n"))
}

/// Holds what we print, if anything, to what kustomize prints.
fn compare(dir: &str, tree: Tree<'_>, ours: Option<&String>) {
    let is_remote = |text: &str| ["https://", "git@", "github.com"].iter().any(|part| text.contains(part));
    let Some(program) = oracle::program().filter(|_| !tree.iter().any(|(_, text)| is_remote(text))) else { return };
    let theirs = oracle::built(&program, dir, tree.iter().copied());
    let theirs = theirs.map(|text| text.replace("kustomize-v5.8.1", "kustomize-(devel)"));
    assert_eq!(ours, theirs.as_ref().ok(), "{tree:?}: {theirs:?}");
}

/// Why the root of a tree cannot be built.
fn refused(tree: Tree<'_>) -> String {
    compare("", tree, None);
    built("", tree, &Options::default()).unwrap_err().to_string()
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n      - name: app\n        image: nginx:1\n";
const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\ndata:\n  a: b\n";
