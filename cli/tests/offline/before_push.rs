//! `skiff target`, `skiff lint` and `skiff diff`: what somebody asks who is about to push.

use super::{OBJECT, directory, gitrepo, skiff, text};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const CLUSTERS: &str = "kind: Cluster\nmetadata: {name: one, labels: {env: prod, region: eu}}\n---\n\
                        kind: Cluster\nmetadata: {name: two, labels: {env: prod}}\n---\n\
                        kind: Cluster\nmetadata: {name: lab, labels: {env: test}}\n---\n\
                        kind: Cluster\nmetadata: {name: far, namespace: elsewhere, labels: {env: prod}}\n";

fn read(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn target_says_who_gets_it_how_and_why_not_the_others() {
    let fleet_yaml = "targetCustomizations:\n\
                      - {name: eu, clusterSelector: {matchLabels: {region: eu}}, defaultNamespace: eu}\n\
                      - {name: none, clusterName: two, doNotDeploy: true}\n";
    let targets = gitrepo("targets: [{name: prod, clusterSelector: {matchLabels: {env: prod}}}]");
    let dir = directory(&[
        ("repo/a.yaml", OBJECT),
        ("repo/fleet.yaml", fleet_yaml),
        ("gitrepo.yaml", &targets),
        ("clusters.yaml", CLUSTERS),
    ]);
    let words = ["target", "repo", "--gitrepo", "gitrepo.yaml", "--clusters", "clusters.yaml"];
    let output = skiff(dir.path(), &[&words[..], &["-o", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let no = |cluster: &str, reason: &str, message: &str| json!({"bundle": "shop", "deploys": false, "reason": reason, "message": message, "clusters": [cluster]});
    let deploys =
        json!({"bundle": "shop", "deploys": true, "target": "prod", "customizations": ["eu"], "clusters": ["one"]});
    let reach = "the cluster is in the namespace elsewhere, the bundle in fleet-default, and no BundleNamespaceMapping \
                 joins them";
    let expected = json!([
        deploys,
        no("two", "DoNotDeploy", "`none` matches and says doNotDeploy"),
        no("lab", "NotTargeted", "target `prod`: label `env` is `test`, not `prod`"),
        no("elsewhere/far", "NotTargeted", reach),
    ]);
    assert_eq!(read(&output.stdout), expected);
    let output = skiff(dir.path(), &[&words[..], &["--cluster", "lab"]].concat());
    let told = text(&output.stdout);
    let rows: Vec<Vec<&str>> = told.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["BUNDLE", "GETS", "IT", "COUNT", "CLUSTERS", "TARGET", "CUSTOMIZATIONS", "WHY", "NOT"]);
    assert_eq!(rows[1][..4], ["shop", "no", "1", "lab"], "{told}");
    assert_eq!(skiff(dir.path(), &[&words[..], &["--cluster", "nope"]].concat()).status.code(), Some(1));
}

#[test]
fn lint_finds_what_a_push_would_show() {
    let comparing = "diff: {comparePatches: [{kind: ConfigMap, name: gone, jsonPointers: [/data]}]}\n\
                     targetCustomisations: []\n\
                     targetCustomizations: [{name: moon, clusterSelector: {matchLabels: {region: moon}}}]\n";
    let targets = gitrepo(
        "paths: [a, b, c, d], targets: [{name: prod, clusterSelector: {matchLabels: {env: prod}}}, {clusterName: nowhere}]",
    );
    let dir = directory(&[
        ("repo/a/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: same}\n"),
        ("repo/a/fleet.yaml", comparing),
        ("repo/b/x.yaml", "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: same, namespace: default}\n"),
        ("repo/c/fleet.yaml", "helm: {values: {a: '${ .ClusterLabels.region }'}}"),
        ("repo/c/Chart.yaml", "{apiVersion: v2, name: c, version: 1.0.0}"),
        (
            "repo/c/templates/x.yaml",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: {{ .Values.a }}}}",
        ),
        ("repo/d/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\n"),
        (
            "repo/d/kustomization.yaml",
            "resources: [x.yaml]\npatches:\n- target: {kind: Secret, name: d}\n  patch: '- {op: remove, path: /data}'\n",
        ),
        ("gitrepo.yaml", &targets),
        ("clusters.yaml", CLUSTERS),
    ]);
    let words = ["lint", "repo", "--gitrepo", "gitrepo.yaml", "--clusters", "clusters.yaml"];
    let output = skiff(dir.path(), &words);
    let told = text(&output.stdout);
    let expected = [
        "error: bundle shop-b: in clusters one, two: configmap default/same (b/x.yaml:2) belongs to bundle shop-a, too \
         (a/x.yaml:1)",
        "error: bundle shop-c: in cluster two: ",
        "warning: target `spec.targets[1]` of the GitRepo matches no cluster of the file",
        "warning: bundle shop-a: customization `moon` applies to no cluster of the file",
        "warning: bundle shop-a: diff.comparePatches: there is no ConfigMap gone (any version) in any cluster",
        "warning: bundle shop-a: a/fleet.yaml:2:1: ",
        "warning: bundle shop-d: in clusters one, two: d/kustomization.yaml:2: patches: no object is the target of a patch \
         (kind: Secret, name: d), which changes nothing",
    ];
    for line in expected {
        assert!(told.contains(line), "{line}\nis not in\n{told}");
    }
    assert_eq!(told.lines().count(), expected.len(), "{told}");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), "error: 2 errors, 5 warnings\n".to_owned()));

    let clean = directory(&[("a.yaml", OBJECT), ("fleet.yaml", "bogus: x")]);
    assert_eq!(skiff(clean.path(), &["lint", ".", "--name", "shop"]).status.code(), Some(0));
    assert_eq!(skiff(clean.path(), &["lint", ".", "--name", "shop", "--strict"]).status.code(), Some(1));
}

#[test]
fn lint_makes_up_a_cluster_for_each_customization() {
    let fleet_yaml = "targetCustomizations: [{name: eu, clusterSelector: {matchExpressions: \
                      [{key: region, operator: In, values: [eu]}]}, kustomize: {dir: nope}}]";
    let dir = directory(&[("a.yaml", OBJECT), ("fleet.yaml", fleet_yaml)]);
    let output = skiff(dir.path(), &["lint", ".", "--name", "shop"]);
    let told = text(&output.stdout);
    assert!(told.contains("bundle shop: in cluster (region=eu): "), "{told}");
    assert!(told.contains("nope"), "{told}");
}

fn git(dir: &Path, words: &[&str]) {
    let settings = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").args(settings).args(words).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "git {words:?}: {}", text(&output.stderr));
}

#[test]
fn diff_shows_the_objects_that_a_push_would_change() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n";
    let dir = directory(&[
        ("apps/a/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {size: small}\n"),
        ("apps/a/overlays/eu/x_patch.yaml", "data: {region: eu}"),
        (
            "apps/a/fleet.yaml",
            "targetCustomizations: [{clusterSelector: {matchLabels: {region: eu}}, yaml: {overlays: [eu]}}]",
        ),
        ("apps/gone/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gone}\n"),
        ("apps/s/x.yaml", secret),
        ("apps/broken/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept}\n"),
        ("clusters.yaml", CLUSTERS),
        ("gitrepo.yaml", &gitrepo("paths: ['*'], targets: [{clusterSelector: {}}]")),
    ]);
    git(dir.path(), &["init", "-q"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-qm", "before"]);
    let write = |path: &str, content: &str| std::fs::write(dir.path().join(path), content).unwrap();
    write("apps/a/overlays/eu/x_patch.yaml", "data: {region: europe}");
    write("apps/s/x.yaml", &secret.replace("hunter2", "correct horse"));
    write("apps/broken/x.yaml", "a: b: c");
    std::fs::remove_dir_all(dir.path().join("apps/gone")).unwrap();
    let words = ["diff", "apps", "--gitrepo", "gitrepo.yaml", "--clusters", "clusters.yaml"];
    let output = skiff(dir.path(), &words);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "the broken file is told of: {}", text(&output.stderr));
    assert!(text(&output.stderr).contains("broken/x.yaml:1:"), "{}", text(&output.stderr));
    assert!(!told.contains("kept"), "of a bundle that cannot be read nothing is withdrawn: {told}");
    assert!(!told.contains("hunter2") && !told.contains("correct horse"), "{told}");
    let expected = "# 1 clusters: one\n\
                    --- configmap default/gone (bundle shop-gone, gone/x.yaml:1)\n\
                    +++ /dev/null\n\
                    @@ -1,4 +0,0 @@\n\
                    -apiVersion: v1\n\
                    -kind: ConfigMap\n\
                    -metadata:\n\
                    -  name: gone\n\
                    --- configmap default/x (bundle shop-a, a/x.yaml:1)\n\
                    +++ configmap default/x (bundle shop-a, a/x.yaml:1)\n\
                    @@ -1,6 +1,6 @@\n \
                    apiVersion: v1\n \
                    data:\n\
                    -  region: eu\n\
                    +  region: europe\n   \
                      size: small\n \
                    kind: ConfigMap\n \
                    metadata:\n";
    assert!(told.starts_with(expected), "{told}\nand not\n{expected}");
    assert!(told.contains("# 2 clusters: two, lab\n"), "{told}");
    assert!(told.contains("-  password: '*** (before)'\n+  password: '*** (after)'\n"), "{told}");

    git(dir.path(), &["checkout", "-q", "."]);
    let output = skiff(dir.path(), &[&words[..], &["--from", "HEAD", "--to", "main"]].concat());
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()), "{}", text(&output.stderr));
    let output = skiff(dir.path(), &[&words[..], &["--from", "nope"]].concat());
    assert!(text(&output.stderr).contains("apps: `nope` names no commit"), "{}", text(&output.stderr));
}
