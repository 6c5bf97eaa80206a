//! Advisories of others, replayed against kustomizations (docs/ADVISORIES.md).

use crate::{Error, Options, build_yaml};
use file_tree::{MemoryTree, Mode};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {a: b}\n";
/// What lies in the tree and is no part of the base that is built.
const CANARY: &str = "canary-of-another-directory";

/// What the directory `own` gives, with `text` as its kustomization.
#[expect(clippy::unwrap_in_result, reason = "the tree of a test is well formed")]
fn built(text: &str, links: &[(&str, &str)]) -> Result<String, Error> {
    let other = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: other}}\nstringData: {{a: {CANARY}}}\n");
    let mut files = MemoryTree::from_files([
        ("own/kustomization.yaml", text),
        ("own/map.yaml", MAP),
        ("other/secret.yaml", other.as_str()),
        ("other/value.txt", CANARY),
    ])
    .unwrap();
    for (path, target) in links {
        files.insert(path, Mode::Symlink, target.as_bytes()).unwrap();
    }
    build_yaml(&files, "own", &Options::default()).map(|(text, _)| text)
}

/// CVE-2022-24877, -24878 (Flux), CVE-2026-47680 (source-controller): a path in a kustomization read files of others.
#[test]
fn c31_no_path_of_a_kustomization_leaves_its_directory() {
    let head = "resources: [map.yaml]\n";
    for path in
        ["../other/secret.yaml", "/etc/hostname", "../../../../etc/hostname", "./../other/./secret.yaml", "link.yaml"]
    {
        for fields in [
            format!("resources: [{path}]\n"),
            format!("{head}patches: [{{path: {path}}}]\n"),
            format!("{head}patchesStrategicMerge: [{path}]\n"),
            format!("{head}patchesJson6902: [{{target: {{kind: ConfigMap, name: map, version: v1}}, path: {path}}}]\n"),
            format!("{head}configMapGenerator: [{{name: g, files: [{path}]}}]\n"),
            format!("{head}configMapGenerator: [{{name: g, files: [k={path}]}}]\n"),
            format!("{head}secretGenerator: [{{name: g, envs: [{path}]}}]\n"),
            format!("{head}configurations: [{path}]\n"),
            format!("{head}crds: [{path}]\n"),
            format!("{head}openapi: {{path: {path}}}\n"),
            format!("{head}transformers: [{path}]\n"),
            format!("{head}generators: [{path}]\n"),
            format!("{head}validators: [{path}]\n"),
            format!("{head}components: [{path}]\n"),
            format!("{head}replacements: [{{path: {path}}}]\n"),
        ] {
            let told = built(&fields, &[("own/link.yaml", "../other/secret.yaml")]).expect_err(&fields).to_string();
            assert!(!told.contains(CANARY), "{fields}: {told}");
            assert!(told.contains("kustomization.yaml:") || told.contains("replacements[0]"), "{fields}: {told}");
        }
    }
}

/// The same, where directories name each other.
#[test]
fn c31_bases_in_a_circle_are_refused() {
    for (text, links) in [
        ("resources: [.]\n", &[][..]),
        ("resources: [..]\n", &[]),
        ("resources: [../own]\n", &[]),
        ("components: [../own/../own]\n", &[]),
        ("resources: [loop]\n", &[("own/loop", ".")]),
        ("resources: [loop]\n", &[("own/loop", "loop")]),
    ] {
        let told = built(text, links).expect_err(text).to_string();
        assert!(told.contains("cycle") || told.contains("symbolic links"), "{text}: {told}");
    }
}

/// CVE-2026-44936 (Fleet), CVE-2022-39383 (KubeVela), remote bases of Flux: an address in the repository was read.
#[test]
fn c37_no_address_in_a_kustomization_is_followed() {
    let head = "resources: [map.yaml]\n";
    for address in [
        "https://169.254.169.254/latest/meta-data/",
        "http://localhost:8080/x.yaml",
        "HTTPS://example.com/x.yaml",
        "https://github.com/a/b//c?ref=main",
        "github.com/a/b",
        "git@github.com:a/b.git",
        "ssh://git@example.com/a/b",
        "git::https://example.com/a/b.git",
        "file:///etc/",
        "user@example.com:a/b",
    ] {
        for fields in [
            format!("resources: ['{address}']\n"),
            format!("bases: ['{address}']\n"),
            format!("{head}components: ['{address}']\n"),
        ] {
            let told = built(&fields, &[]).expect_err(&fields).to_string();
            assert!(told.contains("on another machine"), "{fields}: {told}");
        }
    }
    for fields in [
        "patches: [{path: 'https://example.com/p.yaml'}]\n",
        "configMapGenerator: [{name: g, files: ['k=https://example.com/p']}]\n",
        "openapi: {path: 'https://example.com/p.json'}\n",
        "crds: ['https://example.com/p.json']\n",
    ] {
        let told = built(&format!("{head}{fields}"), &[]).expect_err(fields).to_string();
        assert!(told.contains("on another machine"), "{fields}: {told}");
    }
}
