//! Advisories of others, replayed against a render (docs/ADVISORIES.md).

#![expect(clippy::unwrap_in_result, reason = "the inputs of a test are well formed")]

use crate::{Chance, ClusterFacts, RenderError, RenderInput, Rendered, render, to_deployment};
use file_tree::{MemoryTree, Mode};
use fleet_api::names::Ref;
use serde_json::{Value, json};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 0.1.0\n";
/// Of another tenant, whose bundle is rendered by the same process just before.
const CANARY: &str = "canary-of-tenant-b";

fn run(tree: &MemoryTree, options: Value, chance: Option<Chance>) -> Result<Rendered, RenderError> {
    let options = serde_json::from_value(options).unwrap();
    let cluster = ClusterFacts { name: "c1".into(), namespace: "tenant-a".into(), ..ClusterFacts::default() };
    render(&RenderInput {
        files: tree,
        prefix: "app",
        bundle: "repo-app",
        options: &options,
        cluster: &cluster,
        chance,
    })
}

fn tree(files: &[(&str, &str)]) -> MemoryTree {
    MemoryTree::from_files(files.iter().copied()).unwrap()
}

/// CVE-2026-41050 (Fleet): charts read the cluster while they were rendered.
#[test]
fn c12_a_lookup_is_told_where_the_bundle_is_looked_at() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {s: '{{ lookup \"v1\" \"Secret\" \"kube-system\" \"admin\" }}'}\n";
    let rendered = run(&tree(&[("Chart.yaml", CHART), ("templates/a.yaml", text)]), json!({}), None).unwrap();
    assert_eq!(rendered.objects[0].value["data"]["s"], "map[]");
    let told: Vec<&str> = rendered.notes.iter().map(|note| note.message.as_str()).collect();
    assert!(told.iter().any(|text| text.contains("lookup of Secret") && text.contains("finds nothing")), "{told:?}");
}

/// CVE-2026-44938 (Fleet): labels for a namespace took the place of those that keep its Pods within bounds.
#[test]
fn c20_no_bundle_sets_the_pod_security_of_its_namespace() {
    let labels = json!({
        "team": "web",
        "pod-security.kubernetes.io/enforce": "privileged",
        "pod-security.kubernetes.io/warn": "privileged",
        "pod-security.kubernetes.io/enforce-version": "v1.20",
    });
    let options = json!({"namespaceLabels": labels, "namespaceAnnotations": labels, "defaultNamespace": "shop"});
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let rendered = run(&tree(&[("a.yaml", object)]), options, None).unwrap();
    let (deployment, _) = to_deployment(&rendered, &Ref::new("tenant-a", "repo-app").unwrap());
    let keys = |map: &std::collections::BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&deployment.namespace_labels), ["team"]);
    assert_eq!(keys(&deployment.namespace_annotations), ["team"]);
}

/// CVE-2022-24348, CVE-2023-40026 and others (Argo CD): what one tenant has came out with another's.
#[test]
fn c32_what_was_rendered_before_shows_nowhere_in_what_is_rendered_next() {
    let secret = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{a: {CANARY}}}\n");
    let define = format!("{{{{ define \"shared\" }}}}{CANARY}{{{{ end }}}}");
    let of_b = tree(&[("Chart.yaml", CHART), ("templates/_h.tpl", &define), ("templates/s.yaml", &secret)]);
    let own = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '{{ include \"shared\" . }}'}\n";
    let of_a = tree(&[("Chart.yaml", CHART), ("templates/a.yaml", own)]);
    let told = |tree: &MemoryTree| format!("{:?}", run(tree, json!({}), None));
    let before = told(&of_a);
    assert!(told(&of_b).contains(CANARY));
    assert_eq!(told(&of_a), before);
    assert!(before.contains("no template"), "{before}");
    for target in ["../secret.yaml", "/proc/self/environ", "../../tenant-b/secret.yaml"] {
        let mut linked = tree(&[("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")]);
        linked.insert("b.yaml", Mode::Symlink, target.as_bytes()).unwrap();
        let told = run(&linked, json!({}), None).unwrap_err().to_string();
        assert!(told.contains("app/b.yaml") && !told.contains(CANARY), "{target}: {told}");
    }
}

/// CVE-2023-25165 (Helm): what a render reads besides its inputs leaks, or changes. The same inputs are the same bytes,
/// and nothing that is made up goes by a seed that everybody knows.
#[test]
fn c38_the_same_inputs_are_the_same_bytes() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p: {{ randAlphaNum 20 }}, t: '{{ now }}', h: '{{ getHostByName \"localhost\" }}'}\n";
    let tree = tree(&[("Chart.yaml", CHART), ("templates/a.yaml", text)]);
    let with = |seed| run(&tree, json!({}), Some(Chance { seed: [seed; 32], time: 1_000_000_000 })).unwrap();
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
    assert_eq!(with(1).objects[0].value["stringData"]["h"], "");
    assert!(matches!(run(&tree, json!({}), None), Err(RenderError::NeedsChance { .. })));
}
