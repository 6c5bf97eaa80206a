//! `buildMetadata`, and what is taken off at the end.

use kustomize_rs::Options;

use crate::{MAP, built, printed};

#[test]
fn origins_and_transformations_are_told_on_demand() {
    let tree = [
        (
            "kustomization.yaml",
            "resources: [base]\nnamePrefix: p-\nbuildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]",
        ),
        ("base/kustomization.yaml", "resources: [map.yaml]"),
        ("base/map.yaml", MAP),
    ];
    let expected = "apiVersion: v1\ndata:\n  a: b\nkind: ConfigMap\nmetadata:\n  annotations:\n    \
                    alpha.config.kubernetes.io/transformations: |\n      - configuredIn: kustomization.yaml\n        \
                    configuredBy:\n          apiVersion: builtin\n          kind: PrefixTransformer\n    \
                    config.kubernetes.io/origin: |\n      path: base/map.yaml\n  labels:\n    \
                    app.kubernetes.io/managed-by: kustomize-(devel)\n  name: p-map\n";
    assert_eq!(printed("", &tree), expected);
}

#[test]
fn notes_of_the_build_do_not_stay() {
    let noted =
        MAP.replace("  name: map\n", "  name: map\n  annotations: {internal.config.kubernetes.io/index: '0'}\n");
    let printed = printed("", &[("kustomization.yaml", "resources: [m.yaml]"), ("m.yaml", &noted)]);
    assert_eq!(printed, "apiVersion: v1\ndata:\n  a: b\nkind: ConfigMap\nmetadata:\n  name: map\n");
}

#[test]
fn old_fields_and_lost_characters_are_warned_of() {
    let map = MAP.replace("a: b", "a: \"b\\x85c\"");
    let tree =
        [("kustomization.yaml", "bases: [b]"), ("b/kustomization.yaml", "resources: [m.yaml]"), ("b/m.yaml", &map)];
    let output = built("", &tree, &Options::default()).unwrap();
    assert_eq!(output.warnings.len(), 2);
    assert!(output.warnings[0].contains("'bases' is deprecated"));
    assert!(output.warnings[1].contains("U+0085"));
    assert!(output.to_yaml().contains("a: b c\n"));
    assert_eq!(output.objects[0]["data"]["a"], "b\u{85}c");
}
