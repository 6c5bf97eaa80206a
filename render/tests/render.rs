//! What raw YAML bundles become, by Fleet's rules; each case is one rule of reference §2.6 and §2.8.

#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "helpers of the tests unwrap")]

use file_tree::MemoryTree;
use fleet_api::names::Ref;
use fleet_api::v1alpha1::BundleDeploymentOptions;
use serde_json::{Value, json};
use skiff_render::{Chance, ClusterFacts, RenderError, RenderInput, Rendered, render, to_deployment};

type Files<'a> = &'a [(&'a str, &'a str)];
/// Files, overlays, and `data` of the objects.
type Case<'a> = (Vec<(&'a str, &'a str)>, Value, Vec<Value>);

fn run(files: Files<'_>, options: Value) -> Result<Rendered, RenderError> {
    let tree = MemoryTree::from_files(files.iter().copied()).unwrap();
    let options: BundleDeploymentOptions = serde_json::from_value(options).unwrap();
    let labels = [("env", "dev"), ("internal.cattle.io/x", "hidden"), ("fleet.cattle.io/y", "shown")];
    let cluster = ClusterFacts {
        name: "c1".into(),
        namespace: "fleet-default".into(),
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        ..ClusterFacts::default()
    };
    render(&RenderInput {
        files: &tree,
        prefix: "app",
        bundle: "repo-app",
        options: &options,
        cluster: &cluster,
        chance: None,
    })
}

fn object(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

/// `name@source` of each object.
fn listed(rendered: &Rendered) -> Vec<String> {
    let name = |value: &Value| value["metadata"]["name"].as_str().unwrap_or("-").to_owned();
    rendered.objects.iter().map(|object| format!("{}@{}", name(&object.value), object.source)).collect()
}

#[test]
fn manifests_are_the_files_that_fleet_deploys() {
    let (a, b) = (object("a"), object("b"));
    let two = format!("---\n# first\n{a}---\n---\n{b}");
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A, metadata: {name: x}}\n- {apiVersion: v1, kind: B, metadata: {name: z}}\n";
    let table: &[(Files<'_>, &[&str])] = &[
        (&[("b.yaml", &b), ("a.yml", &a), ("c.txt", "x: [")], &["a@app/a.yml:1", "b@app/b.yaml:1"]),
        (&[("x.json", r#"{"apiVersion": "v1", "kind": "A", "metadata": {"name": "j"}}"#)], &["j@app/x.json:1"]),
        (&[("two.yaml", &two)], &["a@app/two.yaml:3", "b@app/two.yaml:8"]),
        (&[("list.yaml", list)], &["x@app/list.yaml:4", "z@app/list.yaml:5"]),
        (&[("a.YAML", &a), ("b.Yml", &a), ("c.yaml", &a)], &["a@app/c.yaml:1"]),
        (&[("fleet.yml", &a), ("b.yaml", &b)], &["b@app/b.yaml:1"]),
        (&[("s/fleet.yaml", ""), ("s/a.yaml", &a), ("s/d/a.yaml", &a), ("b.yaml", &b)], &["b@app/b.yaml:1"]),
        (&[("s/Chart.yaml", ""), ("s/templates/a.yaml", &a), ("b.yaml", &b)], &["b@app/b.yaml:1"]),
        (&[("templates/a.yaml", &a), ("templates/_h.yaml", "{{ x }}")], &["a@app/templates/a.yaml:1"]),
        (
            &[("x/templates/a.yaml", "apiVersion: v1\nkind: A\nmetadata: {name: '{{ x }}'}")],
            &["{{ x }}@app/x/templates/a.yaml:1"],
        ),
        (&[("overlays/o/a.yaml", &a), ("b.yaml", &b)], &["b@app/b.yaml:1"]),
        (&[("empty.yaml", "# nothing\n"), ("n.yaml", "null\n")], &[]),
        (&[("n.yaml", "apiVersion: v1\nkind: A\nmetadata: {generateName: x-}\n")], &["-@app/n.yaml:1"]),
    ];
    for (files, expected) in table {
        assert_eq!(listed(&run(files, json!({})).unwrap()), *expected, "{files:?}");
    }
}

#[test]
fn a_document_that_is_no_object_is_left_out_with_a_warning() {
    let text = format!("{}---\njust: values\n---\nkind: A\nmetadata: {{name: x}}\n", object("a"));
    let rendered = run(&[("m.yaml", &text)], json!({})).unwrap();
    assert_eq!(listed(&rendered), ["a@app/m.yaml:1"]);
    let notes: Vec<&str> = rendered.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(
        notes,
        [
            "app/m.yaml:5: a document without kind is no object, and is left out",
            "app/m.yaml:7: a document without apiVersion is no object, and is left out",
        ]
    );
}

#[test]
fn what_is_likely_a_mistake_is_told() {
    let a = object("a");
    let table: &[(Files<'_>, Value, &str)] = &[
        (
            &[("a.yaml", &a), ("kustomization.yml", "")],
            json!({}),
            "app/kustomization.yml: Fleet knows kustomization.yaml alone",
        ),
        (&[("a.yaml", &a)], json!({"kustomize": {"dir": "k"}}), "kustomize.dir: `k` holds no kustomization.yaml"),
        (&[("a.yaml", &a)], json!({"helm": {"chart": "c"}}), "helm.chart: `c` holds no Chart.yaml"),
        (
            &[("a.yaml", "apiVersion: v1\nkind: A\nkind: B\nmetadata: {name: a}")],
            json!({}),
            "app/a.yaml:3:1: `kind` was given before at 2:1",
        ),
    ];
    for (files, options, expected) in table {
        let rendered = run(files, options.clone()).unwrap();
        let [note] = &rendered.notes[..] else { panic!("{files:?}: {:?}", rendered.notes) };
        assert!(note.message.contains(expected), "{}", note.message);
        assert_eq!(rendered.objects.len(), 1);
    }
}

#[test]
fn bad_input_names_file_line_and_column() {
    let bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n".to_owned()
        + &(1..9)
            .map(|n| {
                let item = if n == 1 { "*a".to_owned() } else { format!("*b{}", n - 1) };
                format!("b{n}: &b{n} [{}]\n", vec![item; 10].join(","))
            })
            .collect::<String>();
    let a = object("a");
    let cluster_role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n";
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: w}\nspec: {group: e.com, scope: Cluster, names: {kind: W}}\n";
    let table: &[(Files<'_>, Value, &str)] = &[
        (&[("a.yaml", "a: 1\nb: [")], json!({}), "app/a.yaml:"),
        (&[("a.yaml", "a:\n\tb: 1")], json!({}), "app/a.yaml:2:"),
        (&[("a.yaml", "hello")], json!({}), "app/a.yaml:1: an object is expected"),
        (&[("a.yaml", "# c\n- a\n")], json!({}), "app/a.yaml:2: an object is expected"),
        (&[("a.yaml", "apiVersion: v1\nkind: A\nspec: {a: .inf}")], json!({}), "app/a.yaml:3:11: spec.a: "),
        (&[("a.yaml", "a: {null: 1}")], json!({}), "app/a.yaml:1:"),
        (&[("a.yaml", &bomb)], json!({}), "app/a.yaml"),
        (&[("a.yaml", &a)], json!({"namespace": "Not_Valid"}), "namespace: `Not_Valid` is no name of a namespace"),
        (&[("a.yaml", &a)], json!({"defaultNamespace": "-"}), "defaultNamespace: `-` is no name of a namespace"),
        (&[("r.yaml", cluster_role)], json!({"namespace": "n"}), "app/r.yaml:1: ClusterRole r is cluster-scoped"),
        (&[("r.yaml", crd)], json!({"namespace": "n"}), "CustomResourceDefinition w is cluster-scoped"),
        (&[("kustomization.yaml", "")], json!({}), "app/kustomization.yaml"),
        (
            &[("k/kustomization.yaml", "namePrefix: a\nresource: []\n")],
            json!({"kustomize": {"dir": "./k"}}),
            "app/k/kustomization.yaml:2: ",
        ),
        (&[("kustomization.yaml", "resources: [../base]")], json!({}), "app/kustomization.yaml:1: "),
        (&[("Chart.yaml", "")], json!({}), "app/Chart.yaml: validation: chart.metadata.name is required"),
        (
            &[("c/Chart.yaml", "")],
            json!({"helm": {"chart": "c/"}}),
            "app/c/Chart.yaml: validation: chart.metadata.name is required",
        ),
        (&[("templates/a.yaml", "{{ x }}")], json!({}), "app/Chart.yaml: parse error at (repo-app/templates/a.yaml:1)"),
        (
            &[("a.yaml", &a)],
            json!({"helm": {"values": {"a": [{"b": "${ .ClusterLabels.none }"}]}}}),
            "app/fleet.yaml: helm.values, for cluster fleet-default/c1: template: values:2:",
        ),
        (
            &[("a.yaml", &a)],
            json!({"helm": {"templateValues": {"a": "${ randAlphaNum 5 }"}}}),
            "random functions of templates",
        ),
        (
            &[("a.yaml", &a), ("overlays/o/b_patch.yaml", "data: {}")],
            json!({"yaml": {"overlays": ["o"]}}),
            "app/overlays/o/b_patch.yaml: there is no app/b.yaml to patch",
        ),
        (
            &[("a.yaml", &a), ("overlays/o/a_patch.yaml", "[{op: replace, path: /data/x, value: 1}]")],
            json!({"yaml": {"overlays": ["o"]}}),
            "app/overlays/o/a_patch.yaml: cannot patch app/a.yaml:",
        ),
        (
            &[("a.yaml", &a), ("overlays/o/a_patch.yaml", "hello")],
            json!({"yaml": {"overlays": ["o"]}}),
            "a patch is a mapping, or a list of JSON patch operations",
        ),
    ];
    for (files, options, expected) in table {
        let error = run(files, options.clone()).unwrap_err();
        assert!(error.to_string().contains(expected), "{files:?} {options}: {error}");
        assert_eq!(error.note().message, error.to_string());
    }
}

#[test]
fn namespaces_follow_the_options() {
    let files: Files<'_> = &[
        ("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: own}\n"),
        ("b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n"),
    ];
    let table = [
        (json!({}), "default", ["own", ""]),
        (json!({"defaultNamespace": "d"}), "d", ["own", ""]),
        (json!({"namespace": "n"}), "n", ["n", "n"]),
        (json!({"namespace": "n", "defaultNamespace": "d"}), "n", ["n", "n"]),
    ];
    for (options, release, expected) in table {
        let rendered = run(files, options.clone()).unwrap();
        let found: Vec<&str> = rendered
            .objects
            .iter()
            .map(|object| object.value["metadata"]["namespace"].as_str().unwrap_or(""))
            .collect();
        assert_eq!((rendered.release_namespace.as_str(), &found[..]), (release, &expected[..]), "{options}");
    }
}

#[test]
fn overlays_add_replace_and_patch() {
    let base = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n";
    let two = format!("{base}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n");
    let widget = "apiVersion: e.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {list: [1, 2], x: 1}\n";
    let overlays = |names: Value| json!({"yaml": {"overlays": names}});
    let data = |object: &Value| object["data"].clone();
    let table: Vec<Case<'_>> = vec![
        (
            vec![("a.yaml", base), ("overlays/o/b.yaml", "apiVersion: v1\nkind: X\nmetadata: {name: b}\ndata: 1\n")],
            json!(["o"]),
            vec![json!({"k": "v"}), json!(1)],
        ),
        (
            vec![("a.yaml", base), ("overlays/o/a.yaml", "apiVersion: v1\nkind: X\nmetadata: {name: a}\ndata: 1\n")],
            json!(["o"]),
            vec![json!(1)],
        ),
        (
            vec![("a.yaml", base), ("overlays/o/a_patch.yaml", "data: {k: null, m: x}")],
            json!(["o"]),
            vec![json!({"m": "x"})],
        ),
        (
            vec![("a.yaml", base), ("overlays/o/a_patch.yaml", "[{op: add, path: /data/m, value: x}]")],
            json!(["o"]),
            vec![json!({"k": "v", "m": "x"})],
        ),
        (
            vec![
                ("a.yaml", base),
                ("overlays/o/a_patch.yaml", "data: {k: o}"),
                ("overlays/p/a_patch.yaml", "data: {k: p}"),
            ],
            json!(["o", "p"]),
            vec![json!({"k": "p"})],
        ),
        (
            vec![
                ("a.yaml", base),
                ("overlays/o/a_patch.yaml", "data: {k: o}"),
                ("overlays/p/a_patch.yaml", "data: {k: p}"),
            ],
            json!(["p", "o"]),
            vec![json!({"k": "o"})],
        ),
        (
            vec![("a.yaml", base), ("overlays/o/a.yaml", widget), ("overlays/p/a_patch.yaml", "data: {q: 1}")],
            json!(["o", "p"]),
            vec![json!({"q": 1})],
        ),
        (
            vec![("two.yaml", &two), ("overlays/o/two_patch.yaml", "data: {m: x}")],
            json!(["o"]),
            vec![json!({"k": "v", "m": "x"}), Value::Null],
        ),
        (
            vec![("two.yaml", &two), ("overlays/o/two_patch.yaml", "kind: Secret\ndata: {m: x}")],
            json!(["o"]),
            vec![json!({"k": "v"}), json!({"m": "x"})],
        ),
        (
            vec![("x_patch.yaml", base), ("overlays/o/x_patch_patch.yaml", "data: {m: x}")],
            json!(["o"]),
            vec![json!({"k": "v", "m": "x"})],
        ),
        (
            vec![("a.yaml", base), ("overlays/o/a.yaml", widget)],
            json!(["nope", "../o", "x/../../y"]),
            vec![json!({"k": "v"})],
        ),
    ];
    for (files, names, expected) in table {
        let rendered = run(&files, overlays(names.clone())).unwrap();
        let found: Vec<Value> = rendered.objects.iter().map(|object| data(&object.value)).collect();
        assert_eq!(found, expected, "{files:?} {names}");
    }
}

#[test]
fn known_kinds_merge_strategically_and_others_by_merge_patch() {
    let widget = "apiVersion: e.com/v1\nkind: Widget\nmetadata: {name: w}\nspec: {list: [1, 2], x: 1}\n";
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: a:1}, {name: b, image: b:1}]}\n";
    let overlays = json!({"yaml": {"overlays": ["o"]}});
    let rendered = run(
        &[
            ("w.yaml", widget),
            ("p.yaml", pod),
            ("overlays/o/w_patch.yaml", "spec: {list: [3]}"),
            ("overlays/o/p_patch.yaml", "spec: {containers: [{name: b, image: b:2}]}"),
        ],
        overlays,
    )
    .unwrap();
    assert_eq!(
        rendered.objects[0].value["spec"]["containers"],
        json!([{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:2"}])
    );
    assert_eq!(rendered.objects[1].value["spec"], json!({"list": [3], "x": 1}));
}

#[test]
fn labels_of_the_cluster_are_filled_into_values() {
    let values = json!({
        "env": "global.fleet.clusterLabels.env", "none": "global.fleet.clusterLabels.nope", "list": ["global.fleet.clusterLabels.env", {"a": "global.fleet.clusterLabels.env"}],
        "hidden": "global.fleet.clusterLabels.internal.cattle.io/x", "shown": "global.fleet.clusterLabels.fleet.cattle.io/y", "text": "x global.fleet.clusterLabels.env",
    });
    let rendered =
        run(&[("a.yaml", &object("a"))], json!({"helm": {"values": values, "disablePreProcess": true}})).unwrap();
    assert_eq!(
        Value::Object(rendered.options.helm.unwrap().values.unwrap()),
        json!({
            "env": "dev", "none": "", "list": ["global.fleet.clusterLabels.env", {"a": "dev"}], "hidden": "", "shown": "shown", "text": "x global.fleet.clusterLabels.env",
        })
    );
}

#[test]
fn definitions_say_that_they_stay_unless_they_are_to_go() {
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: w}\n";
    let policy =
        |options| run(&[("c.yaml", crd)], options).unwrap().objects[0].value["metadata"]["annotations"].clone();
    assert_eq!(policy(json!({})), json!({"helm.sh/resource-policy": "keep"}));
    assert_eq!(policy(json!({"deleteCRDResources": true})), Value::Null);
}

#[test]
fn a_deployment_names_its_objects_once_and_by_content() {
    let files: Files<'_> = &[
        ("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: '1'}\n"),
        ("b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: '2'}\n"),
        ("c.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: x}\n"),
        ("d.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x}\n"),
    ];
    let options = json!({"namespaceLabels": {"a": "b", "pod-security.kubernetes.io/enforce": "privileged"}, "keepResources": true, "createNamespace": false});
    let rendered = run(files, options).unwrap();
    let (deployment, blobs) = to_deployment(&rendered, &Ref::new("fleet-default", "repo-app").unwrap());
    let sources: Vec<&str> = deployment.objects.iter().map(|object| object.source.as_str()).collect();
    assert_eq!(sources, ["app/b.yaml:1", "app/c.yaml:1", "app/d.yaml:1"]);
    assert_eq!(deployment.objects[1].key.to_string(), "deployment.apps x/a");
    assert_eq!(blobs.len(), 3);
    for object in &deployment.objects {
        let (_, bytes) = blobs.iter().find(|(digest, _)| *digest == object.digest).unwrap();
        assert_eq!((fleet_api::Digest::of(bytes), bytes.len() as u64), (object.digest, object.size));
    }
    assert_eq!(deployment.namespace_labels.keys().collect::<Vec<_>>(), ["a"]);
    assert!(deployment.options.keep_resources && !deployment.create_namespace && !deployment.force_namespace);
    assert_eq!(run(files, json!({})).unwrap(), run(files, json!({})).unwrap(), "the same input, the same output");
}

#[test]
fn kustomizations_are_built_in_the_order_of_their_input() {
    let (deployment, map) = (object("d").replace("ConfigMap", "Deployment"), object("m"));
    let kustomization = "namePrefix: p-\nresources: [sub/d.yaml, base]\n";
    let base: [(&str, &str); 2] = [("base/kustomization.yaml", "resources: [m.yaml]"), ("base/m.yaml", &map)];
    let root: [(&str, &str); 5] =
        [("kustomization.yaml", kustomization), ("sub/d.yaml", &deployment), base[0], base[1], ("x.yaml", "[")];
    let rendered = run(&root, json!({})).unwrap();
    assert_eq!(listed(&rendered), ["p-d@app/kustomization.yaml", "p-m@app/kustomization.yaml"]);

    let moved: Vec<(String, &str)> = root[..4].iter().map(|(path, text)| (format!("k/{path}"), *text)).collect();
    let moved: Vec<(&str, &str)> = moved.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let options = json!({"kustomize": {"dir": "k"}, "namespace": "n", "yaml": {"overlays": ["o"]}});
    let rendered = run(&moved, options).unwrap();
    assert_eq!(listed(&rendered), ["p-d@app/k/kustomization.yaml", "p-m@app/k/kustomization.yaml"]);
    assert!(rendered.objects.iter().all(|object| object.value["metadata"]["namespace"] == "n"));
}

#[test]
fn what_a_kustomization_warns_of_becomes_a_note() {
    let map = object("m");
    let rendered = run(
        &[("kustomization.yaml", "bases: [b]"), ("b/kustomization.yaml", "resources: [m.yaml]"), ("b/m.yaml", &map)],
        json!({}),
    );
    let notes = rendered.unwrap().notes;
    assert_eq!(notes.len(), 1);
    assert!(notes[0].message.contains("'bases' is deprecated"), "{notes:?}");
}

#[test]
fn a_base_outside_of_the_bundle_is_read_from_its_place_in_the_repository() {
    let (own, base) = (object("own"), object("base"));
    let rendered = run(
        &[
            ("kustomization.yaml", "namePrefix: p-\nresources: [../base, own.yaml]\n"),
            ("own.yaml", &own),
            (".outside/base/kustomization.yaml", "resources: [b.yaml, ../more]\n"),
            (".outside/base/b.yaml", &base),
            (".outside/more/kustomization.yaml", "configMapGenerator: [{name: g, literals: [a=b]}]\n"),
        ],
        json!({}),
    );
    let names: Vec<_> =
        rendered.unwrap().objects.iter().map(|object| object.value["metadata"]["name"].clone()).collect();
    assert_eq!(names, ["p-base", "p-g-4h2mbtbbt6", "p-own"]);

    let broken = run(
        &[
            ("kustomization.yaml", "resources: [../base]\n"),
            (".outside/base/kustomization.yaml", "resources: [b.yaml]\n"),
            (".outside/base/b.yaml", "kind: A\nmetadata: {}\n"),
        ],
        json!({}),
    );
    let error = broken.unwrap_err().to_string();
    assert!(error.contains("base/b.yaml:1"), "{error}");
}

#[test]
fn what_lies_outside_is_no_raw_yaml() {
    let (own, base) = (object("own"), object("base"));
    let rendered = run(&[("own.yaml", &own), (".outside/base/b.yaml", &base)], json!({})).unwrap();
    assert_eq!(listed(&rendered), ["own@app/own.yaml:1"]);
}

#[test]
fn charts_in_a_kustomization_are_rendered_from_the_tree() {
    let template = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: \"{{ .Release.Name }}\", namespace: \"{{ .Release.Namespace }}\"}\ndata: {a: \"{{ .Values.a }}\", b: \"{{ .Values.b }}\", c: \"{{ .Values.c }}\"}\n";
    let crd =
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: toys.example.com}\n";
    let hook = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: hook, annotations: {helm.sh/hook: pre-install}}\n";
    let files = [
        ("charts/c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
        ("charts/c/values.yaml", "{a: chart, b: chart, c: chart}"),
        ("charts/c/templates/t.yaml", template),
        ("charts/c/templates/h.yaml", hook),
        ("charts/c/crds/crd.yaml", crd),
        ("more.yaml", "c: file"),
    ];
    let with = |chart: &str| {
        let kustomization = format!("namePrefix: p-\nhelmCharts:\n- {chart}\n");
        let mut all = files.to_vec();
        all.push(("kustomization.yaml", &kustomization));
        run(&all, json!({}))
    };
    let rendered = with(
        "{name: c, releaseName: r, namespace: ns, includeCRDs: true, valuesInline: {b: inline}, additionalValuesFiles: [more.yaml]}",
    );
    let rendered = rendered.unwrap();
    let by_name = |name: &str| rendered.objects.iter().find(|object| object.value["metadata"]["name"] == name);
    let made = by_name("p-r").unwrap();
    assert_eq!(made.value["data"], json!({"a": "chart", "b": "inline", "c": "file"}));
    assert_eq!(made.value["metadata"]["namespace"], "ns");
    assert!(by_name("p-hook").is_some() && by_name("toys.example.com").is_some(), "{:?}", listed(&rendered));

    let few = with("{name: c, releaseName: r, skipHooks: true}").unwrap();
    assert_eq!(listed(&few), ["p-r@app/kustomization.yaml"]);
    for (chart, expected) in [
        ("{name: d, repo: https://charts.example.com, version: 1.0.0}", "https://charts.example.com (repo)"),
        ("{name: d}", "no chart found at 'charts/d'"),
        ("{name: c, nameTemplate: \"{{ now }}\"}", "nameTemplate"),
    ] {
        let error = with(chart).unwrap_err().to_string();
        assert!(error.contains("app/kustomization.yaml") && error.contains(expected), "{error}");
    }
}

const MADE_UP: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: \"{{ .Release.Name }}\"}\nstringData: {password: \"{{ randAlphaNum 24 }}\", made: \"{{ now | unixEpoch }}\"}\n";

/// The passwords that two releases of one chart in a kustomization make up.
fn passwords(chance: Option<Chance>) -> Result<Vec<Value>, RenderError> {
    let files = [
        ("kustomization.yaml", "helmCharts: [{name: c, releaseName: a}, {name: c, releaseName: b}]\n"),
        ("charts/c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
        ("charts/c/values.yaml", "{}"),
        ("charts/c/templates/t.yaml", MADE_UP),
    ];
    let (tree, options, cluster) = (MemoryTree::from_files(files).unwrap(), Default::default(), Default::default());
    let (prefix, bundle) = ("app", "repo-app");
    let input = RenderInput { files: &tree, prefix, bundle, options: &options, cluster: &cluster, chance };
    let objects = render(&input)?.objects;
    Ok(objects.iter().map(|object| object.value["stringData"]["password"].clone()).collect())
}

#[test]
fn charts_in_a_kustomization_make_up_what_each_cluster_keeps() {
    let RenderError::NeedsChance { place, .. } = passwords(None).unwrap_err() else { panic!("another error") };
    assert_eq!(place, "app/charts/c/Chart.yaml");
    let of_seed = |seed| passwords(Some(Chance { seed: [seed; 32], time: 7 })).unwrap();
    let first = of_seed(1);
    assert_eq!(first, of_seed(1), "the same every time");
    assert_ne!(first[0], first[1], "each release has its own");
    assert_ne!(first[0], of_seed(2)[0], "each cluster has its own");
}
