//! The commands over a directory as a person runs them: what is on stdout, what on stderr, and the exit status.

#![expect(clippy::unwrap_used, reason = "helpers of the tests unwrap")]

mod before_push;

use skiff_bundler::charts::testserver::WebServer;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn skiff(dir: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skiff")).args(words).current_dir(dir).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn gitrepo(spec: &str) -> String {
    let head = "apiVersion: fleet.cattle.io/v1alpha1\nkind: GitRepo\nmetadata: {name: shop}\n";
    format!("{head}spec: {{repo: 'https://x', {spec}}}\n")
}

#[test]
fn an_empty_path_is_a_warning_while_another_gives_a_bundle() {
    let table = [
        ("paths: [a, nope]", 0, true, "warning: GitRepo fleet-default/shop: `nope` gives no bundle"),
        ("paths: [nope]", 1, false, "error: GitRepo fleet-default/shop: `nope` gives no bundle"),
        (
            "bundles: [{base: a}, {base: nope}]",
            1,
            true,
            "error: GitRepo fleet-default/shop: bundle shop-nope: spec.bundles",
        ),
        ("paths: [a, bad]", 1, true, "bundle shop-bad: bad/fleet.yaml:1:9: paused: true or false is expected"),
    ];
    for (spec, status, found, message) in table {
        let gitrepo = gitrepo(spec);
        let dir = directory(&[
            ("repo/a/x.yaml", OBJECT),
            ("repo/bad/fleet.yaml", "paused: maybe"),
            ("repo/bad/x.yaml", OBJECT),
            ("gitrepo.yaml", &gitrepo),
        ]);
        let output = skiff(dir.path(), &["bundle", "repo", "--gitrepo", "gitrepo.yaml"]);
        assert_eq!(output.status.code(), Some(status), "{spec}");
        assert!(text(&output.stderr).contains(message), "{spec}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout).contains("name: shop-a"), found, "{spec}");
    }
}

#[test]
fn contents_are_text_or_compressed() {
    let dir = directory(&[("a.yaml", OBJECT)]);
    fs::write(dir.path().join("b.bin"), [0xff, 0xfe, 0x00]).unwrap();
    let output = skiff(dir.path(), &["bundle", ".", "--name", "shop", "-o", "json"]);
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let resources = &list["items"][0]["spec"]["resources"];
    assert_eq!(resources[0], serde_json::json!({"name": "a.yaml", "content": OBJECT}));
    assert_eq!(resources[1]["encoding"], "base64+gz");
}

#[test]
fn one_cluster_gets_its_overlay_and_the_other_nothing() {
    let clusters = "apiVersion: fleet.cattle.io/v1alpha1\nkind: Cluster\nmetadata: {name: prod, labels: {env: prod}}\n---\n\
                    apiVersion: fleet.cattle.io/v1alpha1\nkind: Cluster\nmetadata: {name: dev}\n";
    let fleet_yaml = "targetCustomizations: [{clusterName: prod, yaml: {overlays: [prod]}, defaultNamespace: p}]";
    let dir = directory(&[
        ("repo/fleet.yaml", fleet_yaml),
        ("repo/a.yaml", OBJECT),
        ("repo/overlays/prod/a_patch.yaml", "data: {env: prod}"),
        ("gitrepo.yaml", &gitrepo("targets: [{clusterSelector: {matchLabels: {env: prod}}}]")),
        ("clusters.yaml", clusters),
    ]);
    let render = |extra: &[&str]| {
        let words = ["render", "repo", "--gitrepo", "gitrepo.yaml", "--clusters", "clusters.yaml"];
        skiff(dir.path(), &[&words[..], extra].concat())
    };
    let prod = render(&["--cluster", "prod"]);
    assert_eq!(prod.status.code(), Some(0), "{}", text(&prod.stderr));
    assert!(text(&prod.stdout).contains("data:\n  env: prod\n"), "{}", text(&prod.stdout));
    let dev = render(&["--cluster", "fleet-default/dev"]);
    assert_eq!((dev.status.code(), text(&dev.stdout)), (Some(0), String::new()));
    assert!(text(&dev.stderr).contains("cluster dev: bundle shop: nothing: "), "{}", text(&dev.stderr));
    assert!(text(&render(&["--cluster", "dev", "--label", "env=prod"]).stdout).contains("name: a"));

    let by_bundle = render(&["--cluster", "prod", "--output-by-bundle", "out"]);
    assert_eq!((by_bundle.status.code(), text(&by_bundle.stdout)), (Some(0), String::new()));
    assert!(fs::read_to_string(dir.path().join("out/shop.yaml")).unwrap().contains("env: prod"));
    let options = fs::read_to_string(dir.path().join("out/shop.options.yaml")).unwrap();
    assert_eq!(options, "defaultNamespace: p\nyaml:\n  overlays:\n  - prod\n");
}

#[test]
fn wrong_use_is_status_two_and_a_bad_request_status_one() {
    let dir = directory(&[("a.yaml", OBJECT)]);
    let table: [(&[&str], i32); 6] = [
        (&["bundle"], 2),
        (&["bundle", ".", "--name", "a", "--gitrepo", "b"], 2),
        (&["render", ".", "--label", "x"], 2),
        (&["bundle", "nope"], 1),
        (&["bundle", ".", "--gitrepo", "nope.yaml"], 1),
        (&["--version"], 0),
    ];
    for (words, status) in table {
        assert_eq!(skiff(dir.path(), words).status.code(), Some(status), "{words:?}");
    }
}

#[test]
fn charts_are_fetched_where_that_is_asked_for() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(WebServer::start()).unwrap();
    let template = format!("{OBJECT}data: {{version: {{{{ .Chart.Version | quote }}}}}}\n");
    server.put_chart("web", "1.2.7", &[("templates/a.yaml", &template)]);
    let fleet = format!("helm: {{repo: '{}', chart: web, version: ~1}}\n", server.url(""));
    let dir = directory(&[("repo/web/fleet.yaml", &fleet)]);

    let refused = skiff(dir.path(), &["render", "repo"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("`--fetch-charts` does"), "{}", text(&refused.stderr));
    assert!(server.requests().is_empty(), "without it nothing is asked for");

    let rendered = skiff(dir.path(), &["render", "repo", "--fetch-charts"]);
    assert!(text(&rendered.stdout).contains("version: 1.2.7"), "{}", text(&rendered.stderr));
    let bundle = skiff(dir.path(), &["bundle", "repo", "--fetch-charts"]);
    assert!(text(&bundle.stdout).contains("name: .chart/"), "{}", text(&bundle.stderr));
    assert_eq!(bundle.stdout, skiff(dir.path(), &["bundle", "repo", "--fetch-charts"]).stdout);
}
