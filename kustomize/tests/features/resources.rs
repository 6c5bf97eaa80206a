//! `resources`, `components`, and what may not be read.

use kustomize_rs::Options;

use crate::{DEPLOYMENT, MAP, built, printed, refused};

#[test]
fn bases_are_built_and_may_be_shared_by_way_of_different_names() {
    let tree = [
        ("base/kustomization.yaml", "resources: [map.yaml]"),
        ("base/map.yaml", MAP),
        ("a/kustomization.yaml", "resources: [../base]\nnamePrefix: a-"),
        ("b/kustomization.yaml", "resources: [../base]\nnamePrefix: b-"),
        ("both/kustomization.yaml", "resources: [../a, ../b]\nnameSuffix: -x"),
        ("clash/kustomization.yaml", "resources: [../a, ../base, ../base/../base]"),
    ];
    let map = |name: &str| MAP.replace("name: map", &format!("name: {name}")).replace("data:\n  a: b\n", "");
    let printed_both = printed("both", &tree);
    for name in ["a-map-x", "b-map-x"] {
        assert!(printed_both.contains(&map(name)[map(name).find("metadata").unwrap()..]), "{printed_both}");
    }
    assert!(printed("clash", &tree).contains("may not add resource with an already registered id"));
}

#[test]
fn a_component_works_on_what_its_parent_has() {
    let component =
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: c-\nresources: [map.yaml]\n";
    let tree = [
        ("k/kustomization.yaml", "resources: [d.yaml]\ncomponents: [../c]\nnameSuffix: -k\n"),
        ("k/d.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: sa}\n"),
        ("c/kustomization.yaml", component),
        ("c/map.yaml", MAP),
        ("as-resource/kustomization.yaml", "resources: [../c]"),
        ("as-component/kustomization.yaml", "components: [../k]"),
    ];
    let expected = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: c-sa-k\n---\napiVersion: v1\ndata:\n  a: b\n\
                    kind: ConfigMap\nmetadata:\n  name: c-map-k\n";
    assert_eq!(printed("k", &tree), expected);
    assert!(printed("as-resource", &tree).contains("expected kind != 'Component'"));
    assert!(printed("as-component", &tree).contains("expected kind 'Component'"));
}

#[test]
fn cycles_addresses_and_paths_that_lead_away_are_refused() {
    for (resource, expected) in [
        (".", "cycle detected"),
        ("", "new root cannot be empty"),
        ("../x", "leads out of the tree"),
        ("/etc/passwd", "absolute path"),
        ("https://example.com/x.yaml", "on another machine"),
        ("github.com/org/repo", "on another machine"),
        ("missing.yaml", "missing.yaml"),
    ] {
        let error = refused(&[("kustomization.yaml", &format!("resources: ['{resource}']"))]);
        assert!(error.to_lowercase().contains(expected), "{resource}: {error}");
    }
}

#[test]
fn files_outside_of_the_directory_need_leave() {
    let tree = [("k/kustomization.yaml", "resources: [../map.yaml]"), ("map.yaml", MAP)];
    assert!(printed("k", &tree).contains("security; file 'map.yaml' is not in or below 'k'"));
    let options = Options { load_from_anywhere: true, ..Options::default() };
    assert_eq!(built("k", &tree, &options).map(|output| output.objects.len()), Ok(1));
}

#[test]
fn one_kustomization_file_of_three_names() {
    for name in ["kustomization.yaml", "kustomization.yml", "Kustomization"] {
        assert!(printed("", &[(name, "resources: [d.yaml]"), ("d.yaml", DEPLOYMENT)]).contains("kind: Deployment"));
    }
    let two = [("kustomization.yaml", "namePrefix: a"), ("Kustomization", "namePrefix: a")];
    assert!(refused(&two).contains("multiple kustomization files"));
    assert!(refused(&[("kustomization.yaml", "kind: Kustomization")]).contains("the kustomization is empty"));
}

#[test]
fn lists_are_taken_apart_and_local_configuration_is_dropped() {
    let list = "apiVersion: v1\nkind: ToyList\nitems:\n- {apiVersion: v1, kind: Toy, metadata: {name: a}}\n---\n\
                apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, annotations: {config.kubernetes.io/local-config: \"true\"}}\n";
    let printed = printed("", &[("kustomization.yaml", "resources: [l.yaml]"), ("l.yaml", list)]);
    assert_eq!(printed, "apiVersion: v1\nkind: Toy\nmetadata:\n  name: a\n");
}
