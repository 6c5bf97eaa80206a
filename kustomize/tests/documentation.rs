//! `docs/kustomize.md` lists exactly the fields that are read.

#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::disallowed_methods,
    reason = "a test reads the page from the disk"
)]

use std::collections::BTreeSet;

use file_tree::{MemoryTree, Mode};
use kustomize_rs::{Options, build};

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/kustomize.md")).unwrap()
}

/// The names in the first column of the first table.
fn documented() -> BTreeSet<String> {
    let page = page();
    let section = page.split("## Generators").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned)).collect()
}

/// What a build says of a kustomization with this text.
fn outcome(kustomization: &str) -> Result<String, String> {
    let mut tree = MemoryTree::new();
    tree.insert("kustomization.yaml", Mode::Regular, kustomization.as_bytes().to_vec()).unwrap();
    build(&tree, "", &Options::default()).map(|output| output.to_yaml()).map_err(|error| error.to_string())
}

#[test]
fn every_documented_field_is_known_and_no_other() {
    let fields = documented();
    assert!(fields.len() > 30, "{fields:?}");
    for field in &fields {
        let unknown = outcome(&format!("{field}: null\n")).is_err_and(|error| error.contains("unknown field"));
        assert!(!unknown, "{field} is documented and not read");
    }
    for field in ["resource", "patch", "helm", "inventory", "validator"] {
        assert!(outcome(&format!("{field}: null\n")).unwrap_err().contains("unknown field"), "{field}");
    }
    // The source declares the fields as `name: Type = "name",`.
    let source = include_str!("../src/kustomization/fields.rs");
    let whole = source.split("pub(crate) struct Kustomization {").nth(1).unwrap().split("\n    }").next().unwrap();
    let read: BTreeSet<String> =
        whole.lines().filter_map(|line| line.split_once("= \"")?.1.split('"').next().map(str::to_owned)).collect();
    assert_eq!(fields, read);
}

#[test]
fn every_documented_plugin_is_there_and_no_other() {
    let page = page();
    let section = page.split("## Generators and transformers").nth(1).unwrap().split("## Out").next().unwrap();
    let plugins: Vec<&str> = section.split('`').skip(1).step_by(2).filter(|name| !name.contains(' ')).collect();
    assert!(plugins.len() > 15, "{plugins:?}");
    let configured = |field: &str, plugin: &str| {
        outcome(&format!("{field}:\n- |-\n  apiVersion: builtin\n  kind: {plugin}\n  metadata: {{name: x}}\n"))
    };
    for plugin in plugins {
        let field = if plugin.ends_with("Generator") { "generators" } else { "transformers" };
        let unknown = |error: &String| error.contains("no such plugin") || error.contains("is not a generator");
        assert!(!configured(field, plugin).is_err_and(|error| unknown(&error)), "{plugin} is documented and not there");
    }
    assert!(configured("transformers", "ToyTransformer").unwrap_err().contains("no such plugin"));
    assert!(configured("generators", "ToyGenerator").unwrap_err().contains("is not a generator"));
}
