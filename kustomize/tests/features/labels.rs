//! `labels`, `commonLabels`, `commonAnnotations`.

use crate::{DEPLOYMENT, printed};

const BARE: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {}\n";

#[test]
fn labels_go_where_they_are_asked_for() {
    let head = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    a: \"1\"\n  name: d\nspec:";
    let template = "  template:\n    metadata:\n      labels:\n        a: \"1\"\n";
    for (options, expected) in [
        ("", format!("{head} {{}}\n")),
        (", includeTemplates: true", format!("{head}\n{template}")),
        (", includeSelectors: true", format!("{head}\n  selector:\n    matchLabels:\n      a: \"1\"\n{template}")),
        (", fields: [{path: spec/x, create: true}]", format!("{head}\n  x:\n    a: \"1\"\n")),
    ] {
        let kustomization = format!("resources: [d.yaml]\nlabels: [{{pairs: {{a: '1'}}{options}}}]\n");
        assert_eq!(printed("", &[("kustomization.yaml", &kustomization), ("d.yaml", BARE)]), expected);
    }
}

#[test]
fn a_patch_of_one_place_of_a_new_label_changes_all() {
    let patch =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {metadata: {labels: {a: x}}}}\n";
    let tree = [
        ("base/kustomization.yaml", "resources: [d.yaml]\ncommonLabels: {a: b}"),
        ("base/d.yaml", BARE),
        ("kustomization.yaml", "resources: [base]\npatches: [{path: p.yaml}]"),
        ("p.yaml", patch),
    ];
    assert_eq!(printed("", &tree).matches("a: x").count(), 3);
}

#[test]
fn annotations_reach_templates_and_become_strings() {
    let annotated = DEPLOYMENT.replace("  name: web\n", "  name: web\n  annotations: {n: 1, b: true}\n");
    let tree = [("kustomization.yaml", "resources: [d.yaml]\ncommonAnnotations: {c: 'on'}"), ("d.yaml", &annotated)];
    let found = printed("", &tree);
    assert!(found.contains("metadata:\n  annotations:\n    b: \"true\"\n    c: \"on\"\n    \"n\": \"1\"\n"), "{found}");
    assert!(found.contains("  template:\n    metadata:\n      annotations:\n        c: \"on\"\n"), "{found}");
}

#[test]
fn labels_and_annotations_need_a_name() {
    for field in ["commonLabels: {'': x}", "commonAnnotations: {'': x}", "labels: [{pairs: {'': x}}]"] {
        let kustomization = format!("resources: [d.yaml]\n{field}\n");
        let found = printed("", &[("kustomization.yaml", &kustomization), ("d.yaml", BARE)]);
        assert!(found.starts_with("error: ") && found.contains("expected ScalarNode but got MappingNode"), "{found}");
    }
}
