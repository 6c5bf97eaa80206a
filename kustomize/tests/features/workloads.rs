//! `images`, `replicas`, `vars`, `replacements` at the entry.

use crate::{DEPLOYMENT, MAP, printed};

#[test]
fn images_get_names_tags_and_digests() {
    for (image, expected) in [
        ("{name: nginx, newTag: '2'}", "nginx:2"),
        ("{name: nginx, newName: host:5000/n}", "host:5000/n:1"),
        ("{name: nginx, digest: 'sha256:ab'}", "nginx@sha256:ab"),
        ("{name: nginx, newTag: '2', digest: 'sha256:ab'}", "nginx:2@sha256:ab"),
        ("{name: 'ng.*', newName: x}", "x:1"),
        ("{name: ngin, newName: x}", "nginx:1"),
    ] {
        let kustomization = format!("resources: [d.yaml]\nimages: [{image}]");
        let found = printed("", &[("kustomization.yaml", &kustomization), ("d.yaml", DEPLOYMENT)]);
        assert!(found.contains(&format!("image: {expected}\n")), "{image}: {found}");
    }
}

#[test]
fn replicas_are_set_by_name_before_and_after() {
    let tree = [
        ("kustomization.yaml", "namePrefix: p-\nresources: [d.yaml]\nreplicas: [{name: web, count: 4}]"),
        ("d.yaml", DEPLOYMENT),
    ];
    assert!(printed("", &tree).contains("spec:\n  replicas: 4\n"));
    let tree =
        [("kustomization.yaml", "resources: [d.yaml]\nreplicas: [{name: none, count: 4}]"), ("d.yaml", DEPLOYMENT)];
    assert!(printed("", &tree).contains("replicas: resource with name none does not match a config"));
}

#[test]
fn vars_and_replacements_copy_values() {
    let deployment = DEPLOYMENT
        .replace("        image: nginx:1\n", "        image: nginx:1\n        args: [\"$(A)-$(A)\", \"$$(A)\"]\n");
    let kustomization = "resources: [d.yaml, m.yaml]\nvars: [{name: A, objref: {apiVersion: v1, kind: ConfigMap, name: map}, fieldref: {fieldPath: data.a}}]\n\
                         replacements:\n- source: {kind: ConfigMap, name: map, fieldPath: data.a}\n  targets: [{select: {kind: Deployment}, fieldPaths: [spec.template.metadata.name], options: {create: true}}]\n";
    let found = printed("", &[("kustomization.yaml", kustomization), ("d.yaml", &deployment), ("m.yaml", MAP)]);
    assert!(found.contains("      - args:\n        - b-b\n        - $(A)\n"), "{found}");
    assert!(found.contains("  template:\n    metadata:\n      name: b\n"), "{found}");
}
