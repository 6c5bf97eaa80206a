//! `namePrefix`, `nameSuffix`, `namespace`, and the references that follow.

use crate::{DEPLOYMENT, printed};

const REFERRER: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: pod}\nspec:\n  volumes:\n  - configMap: {name: g}\n  - configMap: {name: other}\n";

#[test]
fn references_follow_prefix_suffix_and_hash() {
    let tree = [
        (
            "kustomization.yaml",
            "namePrefix: a-\nnameSuffix: -z\nresources: [pod.yaml]\nconfigMapGenerator: [{name: g, literals: [x=y]}]",
        ),
        ("pod.yaml", REFERRER),
    ];
    let expected = "apiVersion: v1\ndata:\n  x: \"y\"\nkind: ConfigMap\nmetadata:\n  name: a-g-z-bk7h56tkbk\n---\n\
                    apiVersion: v1\nkind: Pod\nmetadata:\n  name: a-pod-z\nspec:\n  volumes:\n  - configMap:\n      \
                    name: a-g-z-bk7h56tkbk\n  - configMap:\n      name: other\n";
    let found = printed("", &tree);
    let hash = found.split("a-g-z-").nth(1).unwrap().split('\n').next().unwrap().to_owned();
    assert_eq!(hash.len(), 10);
    assert_eq!(found, expected.replace("bk7h56tkbk", &hash));
}

#[test]
fn a_namespace_moves_what_has_one_and_subjects_named_default() {
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nsubjects:\n\
                   - {kind: ServiceAccount, name: default, namespace: x}\n- {kind: ServiceAccount, name: other, namespace: x}\n";
    let tree = [
        ("kustomization.yaml", "namespace: ns\nresources: [b.yaml, d.yaml]"),
        ("b.yaml", binding),
        ("d.yaml", DEPLOYMENT),
    ];
    let found = printed("", &tree);
    let expected = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: b\nsubjects:\n\
                    - kind: ServiceAccount\n  name: default\n  namespace: ns\n- kind: ServiceAccount\n  name: other\n  \
                    namespace: x\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: ns\n";
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn two_objects_may_not_end_under_one_name() {
    let tree = [
        ("kustomization.yaml", "namespace: ns\nresources: [a.yaml]"),
        ("a.yaml", "kind: A\nmetadata: {name: a, namespace: x}\n---\nkind: A\nmetadata: {name: a, namespace: y}\n"),
    ];
    assert!(printed("", &tree).contains("namespace transformation produces ID conflict"));
}

#[test]
fn configurations_add_fields_that_name_objects() {
    let toy = "apiVersion: e.com/v1\nkind: Toy\nmetadata: {name: t}\nspec: {maps: [{ref: m}], name: t}\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n";
    let config = "nameReference:\n- kind: ConfigMap\n  fieldSpecs: [{kind: Toy, path: spec/maps/ref}]\nnamePrefix: [{kind: Toy, path: spec/name}]\n";
    let tree = [
        ("kustomization.yaml", "namePrefix: p-\nresources: [t.yaml, m.yaml]\nconfigurations: [c.yaml]"),
        ("t.yaml", toy),
        ("m.yaml", map),
        ("c.yaml", config),
    ];
    assert!(printed("", &tree).ends_with("spec:\n  maps:\n  - ref: p-m\n  name: p-t\n"));
}

/// Go: `confirmNodeMatchesReferrer`.
#[test]
fn an_object_that_refers_to_others_says_its_type_as_kustomize_writes_it() {
    for (api_version, expected) in
        [("~", Some("'~' is no apiVersion")), ("/v1", Some("'/v1' is no apiVersion")), ("''", None)]
    {
        let object = format!("apiVersion: {api_version}\nkind: Deployment\nmetadata: {{name: web}}\n");
        let built = printed("", &[("kustomization.yaml", "resources: [d.yaml]\n"), ("d.yaml", &object)]);
        match expected {
            Some(expected) => assert!(built.contains("d.yaml:1: apiVersion: ") && built.contains(expected), "{built}"),
            None => assert!(!built.starts_with("error"), "{built}"),
        }
    }
}

#[test]
fn a_namespace_that_is_null_stays_where_only_missing_ones_are_set() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: null}\n";
    let transformer =
        "{apiVersion: builtin, kind: NamespaceTransformer, metadata: {name: n, namespace: new}, unsetOnly: true}";
    let kustomization = format!("resources: [m.yaml]\ntransformers: ['{transformer}']\n");
    let found = printed("", &[("kustomization.yaml", &kustomization), ("m.yaml", map)]);
    assert_eq!(found, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: null\n");
}
