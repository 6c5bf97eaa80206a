//! Small inputs that ask for very much: each is an error that names its limit, soon and in little memory.

#![expect(clippy::disallowed_methods, reason = "the test measures")]

mod common {
    pub(crate) mod measure;
}

use std::fmt::Write as _;

use common::measure::within_limits;
use file_tree::{MemoryTree, Mode};
use kustomize_rs::{Options, build_yaml};

type Tree = Vec<(String, String)>;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {a: {x: {y: z}}, t: $(V)}\n";

fn kustomization(fields: &str) -> Tree {
    vec![
        ("kustomization.yaml".to_owned(), format!("resources: [map.yaml]\n{fields}")),
        ("map.yaml".to_owned(), MAP.to_owned()),
    ]
}

/// Bases that each name the two below them under other names.
fn bases() -> Tree {
    let mut tree = vec![("b0/kustomization.yaml".to_owned(), "resources: [map.yaml]\n".to_owned())];
    tree.push(("b0/map.yaml".to_owned(), MAP.to_owned()));
    for level in 1..40 {
        for side in ["l", "r"] {
            let text = format!("namePrefix: {side}{level}-\nresources: [../b{}]\n", level - 1);
            tree.push((format!("{side}{level}/kustomization.yaml"), text));
        }
        tree.push((format!("b{level}/kustomization.yaml"), format!("resources: [../l{level}, ../r{level}]\n")));
    }
    tree.push(("kustomization.yaml".to_owned(), "resources: [b39]\n".to_owned()));
    tree
}

fn copies_of_copies() -> Tree {
    let mut patch = String::from("patches:\n- target: {name: map}\n  patch: |-\n");
    for number in 0..40 {
        let _ = writeln!(patch, "    - {{op: copy, from: /data, path: /data/k{number}}}");
    }
    kustomization(&patch)
}

fn replacements_of_replacements() -> Tree {
    let mut text = String::from("replacements:\n");
    for number in 0..40 {
        let _ = writeln!(
            text,
            "- {{source: {{kind: ConfigMap, fieldPath: data}}, targets: [{{select: {{name: map}}, \
             fieldPaths: [data.k{number}], options: {{create: true}}}}]}}"
        );
    }
    kustomization(&text)
}

fn aliases() -> Tree {
    let mut text = String::from("a: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for number in 1..12 {
        let list = vec![format!("*a{}", number - 1); 10].join(", ");
        let _ = writeln!(text, "a{number}: &a{number} [{list}]");
    }
    let mut tree = kustomization("");
    tree[1].1.push_str(&text);
    tree
}

fn vars() -> Tree {
    let mut tree = kustomization(
        "vars: [{name: V, objref: {kind: ConfigMap, name: long, apiVersion: v1}, fieldref: {fieldPath: data.l}}]\n\
         configurations: [c.yaml]\n",
    );
    tree[0].1 = tree[0].1.replace("[map.yaml]", "[map.yaml, long.yaml]");
    tree.push(("c.yaml".to_owned(), "varReference: [{path: data/t}]\n".to_owned()));
    let long = "x".repeat(20_000);
    tree.push((
        "long.yaml".to_owned(),
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: long}}\ndata: {{l: {long}}}\n"),
    ));
    tree[1].1 = tree[1].1.replace("$(V)", &"$(V)".repeat(5_000));
    tree
}

#[test]
fn what_asks_for_too_much_is_refused_soon() {
    let nested = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let cases = [
        (bases(), "more than 500 times"),
        (copies_of_copies(), "copy at most 50000 values"),
        (replacements_of_replacements(), "copies at most 2000000 bytes"),
        (aliases(), "aliases expand to more than"),
        (vars(), "come to more than 4194304 bytes"),
        (kustomization(&format!("images: {nested}\n")), "kustomization.yaml:2"),
        (kustomization("images: [{name: \"((((a{9}){9}){9}){9}){99}\"}]\n"), "size limit"),
    ];
    for (tree, expected) in cases {
        let mut files = MemoryTree::new();
        for (path, text) in &tree {
            files.insert(path, Mode::Regular, text.as_bytes()).unwrap();
        }
        let error =
            within_limits(|| build_yaml(&files, "", &Options::default()).expect_err(expected), || expected.to_owned());
        assert!(error.to_string().contains(expected), "{expected}: {error}");
        assert!(error.file().is_some() && error.line().is_some(), "{error}");
    }
}
