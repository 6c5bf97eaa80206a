//! What a build makes of small trees, at the crate's entry: one module per feature. All expected output is that of
//! kustomize v5.8.1.

#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "helpers of the tests unwrap")]

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
    match built(dir, tree, &options) {
        Ok(output) => output.to_yaml(),
        Err(error) => format!("error: {error}\n"),
    }
}

/// Why the root of a tree cannot be built.
fn refused(tree: Tree<'_>) -> String {
    built("", tree, &Options::default()).unwrap_err().to_string()
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n      - name: app\n        image: nginx:1\n";
const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\ndata:\n  a: b\n";
