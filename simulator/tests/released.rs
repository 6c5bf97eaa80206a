//! The switches of the rules are not in what is released.

#![expect(clippy::panic, reason = "a test that cannot run cargo stops where it stands")]

use std::path::Path;
use std::process::Command;

fn feature_tree(package: &str) -> String {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| panic!("the crate is in the workspace"));
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| env!("CARGO").to_owned());
    let arguments = ["tree", "--offline", "-e", "features,normal,build", "--prefix", "none", "-p", package];
    let output =
        Command::new(cargo).current_dir(root).args(arguments).output().unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn released_programs_cannot_switch_a_rule_off() {
    for package in ["skiff-agent", "skiff", "skiff-hub"] {
        let tree = feature_tree(package);
        assert!(tree.contains("skiff-planner"), "{package} is built from the planner:\n{tree}");
        assert!(!tree.contains("ablation"), "{package} is built with the switches:\n{tree}");
    }
}

/// The test above looks at the right place: with the feature, the tree says so.
#[test]
fn the_tree_would_show_the_feature() {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| panic!("the crate is in the workspace"));
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| env!("CARGO").to_owned());
    let arguments = ["tree", "--offline", "-e", "features,dev", "--prefix", "none", "-p", "skiff-simulator"];
    let output =
        Command::new(cargo).current_dir(root).args(arguments).output().unwrap_or_else(|error| panic!("{error}"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("ablation"));
}
