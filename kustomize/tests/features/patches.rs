//! `patches` and their targets. Merging itself is tested in `src/merge`.

use kustomize_rs::Options;

use crate::{DEPLOYMENT, MAP, built, printed, refused};

fn replicas(target: &str) -> usize {
    let kustomization = format!(
        "resources: [d.yaml, m.yaml]\npatches:\n- target: {target}\n  patch: '[{{\"op\": \"add\", \"path\": \"/x\", \"value\": 1}}]'\n"
    );
    let labelled =
        DEPLOYMENT.replace("  name: web\n", "  name: web\n  labels: {app: web, tier: front}\n  annotations: {a: b}\n");
    let tree = [("kustomization.yaml", kustomization.as_str()), ("d.yaml", labelled.as_str()), ("m.yaml", MAP)];
    printed("", &tree).matches("\nx: 1\n").count()
}

#[test]
fn targets_select_by_whole_names_labels_and_annotations() {
    for (target, expected) in [
        ("{kind: Deployment}", 1),
        ("{kind: Deploy}", 0),
        ("{kind: Deploy.*}", 1),
        ("{name: 'web|map'}", 2),
        ("{group: apps, version: v1}", 1),
        ("{labelSelector: 'app=web,tier in (front, back)'}", 1),
        ("{labelSelector: '!app'}", 1),
        ("{annotationSelector: a=b}", 1),
        ("{namespace: default}", 2),
        ("{}", 2),
    ] {
        assert_eq!(replicas(target), expected, "{target}");
    }
}

#[test]
fn names_and_kinds_change_only_with_leave() {
    let patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n";
    let tree = |options: &str| {
        let kustomization =
            format!("resources: [m.yaml]\npatches: [{{path: p.yaml, target: {{kind: ConfigMap}}{options}}}]");
        printed("", &[("kustomization.yaml", &kustomization), ("m.yaml", MAP), ("p.yaml", patch)])
    };
    assert!(tree("").contains("  name: map\n"));
    assert!(tree(", options: {allowNameChange: true}").contains("  name: other\n"));
}

#[test]
fn a_patch_without_its_object_is_an_error_and_a_target_without_one_is_not() {
    let patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: none}\n";
    let tree =
        [("kustomization.yaml", "resources: [m.yaml]\npatches: [{path: p.yaml}]"), ("m.yaml", MAP), ("p.yaml", patch)];
    assert!(refused(&tree).contains("no resource matches strategic merge patch"));
    let tree = [
        ("kustomization.yaml", "resources: [m.yaml]\npatches: [{path: p.yaml, target: {name: none}}]"),
        ("m.yaml", MAP),
        ("p.yaml", patch),
    ];
    assert!(printed("", &tree).contains("name: map"));
}

#[test]
fn patches_that_are_none_or_two_are_refused() {
    for (entry, expected) in [
        ("{}", "must specify one of patch and path"),
        ("{path: a, patch: b}", "can't be set at the same time"),
        ("{patch: 'hello'}", "unable to parse SM or JSON patch"),
        ("{patch: '[{\"op\": \"add\"}]'}", "must specify a target for JSON patch"),
        ("{path: none.yaml}", "failed to get the patch file"),
        ("{patch: '[{\"op\": \"add\", \"path\": \"/x\", \"value\": 1}]', target: {name: '['}}", "regular expression"),
    ] {
        let error =
            refused(&[("kustomization.yaml", &format!("resources: [m.yaml]\npatches: [{entry}]")), ("m.yaml", MAP)]);
        assert!(error.contains(expected), "{entry}: {error}");
    }
}

/// kustomize is silent; who lints wants to know.
#[test]
fn patches_and_replacements_for_nothing_are_noted() {
    let kustomization = "resources: [m.yaml]\npatches:\n- {target: {kind: Secret}, patch: '[{\"op\": \"remove\", \"path\": \"/x\"}]'}\n\
                         - {target: {name: map}, patch: '{kind: X, metadata: {name: x}, data: {a: c}}'}\n\
                         - {target: {name: web, labelSelector: a=b}, patch: '{kind: X, metadata: {name: x}}'}\n\
                         patchesJson6902: [{target: {name: gone}, patch: '[{\"op\": \"remove\", \"path\": \"/x\"}]'}]\n\
                         replacements: [{sourceValue: x, targets: [{select: {kind: Job}}, {select: {kind: ConfigMap}, fieldPaths: [data.a]}]}]\n";
    let tree = [
        ("base/kustomization.yaml", kustomization),
        ("base/m.yaml", MAP),
        ("kustomization.yaml", "resources: [base]\n"),
    ];
    let output = built("", &tree, &Options::default()).unwrap();
    let notes: Vec<String> = output.notes.iter().map(ToString::to_string).collect();
    let nothing =
        |what: &str, target: &str| format!("no object is the target of a {what} ({target}), which changes nothing");
    assert_eq!(
        notes,
        [
            format!("base/kustomization.yaml:2: patches: {}", nothing("patch", "kind: Secret")),
            format!("base/kustomization.yaml:2: patches: {}", nothing("patch", "name: web, labelSelector: a=b")),
            format!("base/kustomization.yaml:6: patchesJson6902: {}", nothing("patch", "name: gone")),
            format!("base/kustomization.yaml:7: replacements: {}", nothing("replacement", "kind: Job")),
        ]
    );
    assert!(output.to_yaml().contains("a: x"));
}

/// Go: `FieldSetter` writes every field of a merged object again, also one of which the patch says nothing.
#[test]
fn a_string_that_a_replacement_made_is_quoted_by_a_later_merge() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n";
    let replacements = "resources: [a.yaml]\nreplacements:\n- sourceValue: \"77\"\n  targets:\n  - select: {kind: ConfigMap}\n    \
                        fieldPaths: [data.new]\n    options: {create: true}\n";
    let tree: [(&str, &str); 3] = [
        ("base/a.yaml", map),
        ("base/kustomization.yaml", replacements),
        (
            "top/kustomization.yaml",
            "resources: [../base]\npatches: [{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: c}}'}]\n",
        ),
    ];
    let plain = "apiVersion: v1\ndata:\n  a: b\n  new: 77\nkind: ConfigMap\nmetadata:\n  name: a\n";
    assert_eq!(printed("base", &tree), plain);
    assert_eq!(printed("top", &tree), plain.replace("a: b", "a: c").replace("77", "\"77\""));
}

/// Go: `ApplyFilter` keeps the node that it gave to the merge, and not the one that takes its place.
#[test]
fn a_patch_that_replaces_a_whole_object_changes_nothing() {
    for (target, directive) in [("", "replace"), (", target: {kind: ConfigMap}", "replace"), ("", "merge")] {
        let patch = format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: map}}, data: {{a: c}}, $patch: {directive}}}"
        );
        let kustomization = format!("resources: [m.yaml]\npatches: [{{patch: '{patch}'{target}}}]\n");
        let built = printed("", &[("kustomization.yaml", &kustomization), ("m.yaml", MAP)]);
        let value = if directive == "merge" { "c" } else { "b" };
        let expected = format!("apiVersion: v1\ndata:\n  a: {value}\nkind: ConfigMap\nmetadata:\n  name: map\n");
        assert_eq!(built, expected, "{directive} {target}");
    }
}

#[test]
fn objects_must_keep_a_kind_and_a_name() {
    for (path, expected) in [
        ("/metadata", "m.yaml:1: metadata.name: missing metadata.name in object ConfigMap"),
        ("/metadata/name", "m.yaml:1: metadata.name: missing metadata.name in object ConfigMap"),
        ("/kind", "m.yaml:1: kind: missing kind in object"),
    ] {
        let kustomization = format!(
            "resources: [m.yaml]\npatches: [{{target: {{name: map}}, patch: '[{{\"op\": \"remove\", \"path\": \"{path}\"}}]'}}]\n"
        );
        let error = refused(&[("kustomization.yaml", &kustomization), ("m.yaml", MAP)]);
        assert!(error.contains(expected), "{path}: {error}");
    }
}

/// Go: `mergeValues` compares each element with all others as it was before it became one with any.
#[test]
fn an_element_without_merge_key_becomes_one_with_the_last_that_fits() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80, name: http}]}\n";
    let patch = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  ports:\n  - {name: '1', port: null}\n  \
                 - {$patch: delete, port: x}\n";
    let tree = [
        ("kustomization.yaml", "resources: [s.yaml]\npatches: [{path: p.yaml}]\n"),
        ("s.yaml", service),
        ("p.yaml", patch),
    ];
    assert!(printed("", &tree).ends_with("spec:\n  ports:\n  - name: http\n    port: 80\n"), "{}", printed("", &tree));
}

#[test]
fn fields_without_a_name_are_not_merged() {
    let map = MAP.replace("a: b", "\"\": b");
    let patch = "{apiVersion: v1, kind: ConfigMap, metadata: {name: map}, data: {a: c}}";
    let kustomization = format!("resources: [m.yaml]\npatches: [{{patch: '{patch}'}}]\n");
    let error = refused(&[("kustomization.yaml", &kustomization), ("m.yaml", &map)]);
    assert!(error.contains("data: a field has no name"), "{error}");
    let replacement = "resources: [m.yaml]\nreplacements: [{sourceValue: x, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.]}]}]\n";
    let error = refused(&[("kustomization.yaml", replacement), ("m.yaml", MAP)]);
    assert!(error.contains("expected ScalarNode but got MappingNode"), "{error}");
}

/// Go: `RNode.UnmarshalJSON` writes the patched object and reads it again; later values keep the style of what they replace.
#[test]
fn after_a_json_patch_texts_have_the_quotes_that_they_need() {
    let map = |value: &str| MAP.replace("a: b", &format!("a: {value}"));
    let kustomization = "resources: [m.yaml]\npatches:\n\
                         - {target: {kind: ConfigMap}, patch: '[{\"op\": \"add\", \"path\": \"/x\", \"value\": 1}]'}\n\
                         - {patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: map}, data: {a: 2}}'}\n";
    for (value, expected) in [
        ("plain", "a: 2\n"),
        ("\"plain\"", "a: 2\n"),
        ("'a: b'", "a: \"2\"\n"),
        ("é😀", "a: \"2\"\n"),
        ("\"a\\tb\"", "a: \"2\"\n"),
        ("'on'", "a: \"2\"\n"),
        ("\"a\\nb\"", "a: \"2\"\n"),
    ] {
        let found = printed("", &[("kustomization.yaml", kustomization), ("m.yaml", &map(value))]);
        assert!(found.contains(expected), "{value}: {found}");
    }
}
