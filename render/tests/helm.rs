//! What bundles with charts become, by Fleet's rules (reference §2.6 and §2.8).

#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "helpers of the tests unwrap")]

use file_tree::MemoryTree;
use fleet_api::names::Ref;
use fleet_api::v1alpha1::BundleDeploymentOptions;
use serde_json::{Value, json};
use skiff_render::{Chance, ClusterFacts, RenderError, RenderInput, Rendered, render};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 0.1.0\n";

fn run(files: &[(&str, &str)], options: Value, chance: Option<Chance>) -> Result<Rendered, RenderError> {
    let tree = MemoryTree::from_files(files.iter().copied()).unwrap();
    let options: BundleDeploymentOptions = serde_json::from_value(options).unwrap();
    let labels = [("env", "dev"), ("size", "5"), ("internal.cattle.io/x", "hidden")];
    let cluster = ClusterFacts {
        name: "c1".into(),
        namespace: "fleet-default".into(),
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        template_values: json!({"list": ["a", "b"]}).as_object().unwrap().clone(),
        kubernetes_version: "v1.33.4".into(),
        ..ClusterFacts::default()
    };
    let (prefix, bundle) = ("app", "repo-app");
    render(&RenderInput { files: &tree, prefix, bundle, options: &options, cluster: &cluster, chance })
}

/// A template whose object holds the values.
fn values_of(options: Value) -> Result<Value, RenderError> {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}\n\
                    data: {{ .Values | toJson }}\n";
    let files = [("Chart.yaml", CHART), ("values.yaml", "a: chart\nb: {c: 1}\n"), ("templates/a.yaml", template)];
    Ok(run(&files, options, None)?.objects[0].value.clone())
}

#[test]
fn values_come_from_chart_and_options_and_the_cluster() {
    let table = [
        (json!({}), json!({"a": "chart", "b": {"c": 1}})),
        (json!({"helm": {"values": {"a": 2, "b": {"d": true}}}}), json!({"a": 2, "b": {"c": 1, "d": true}})),
        (json!({"helm": {"values": {"a": null}}}), json!({"b": {"c": 1}})),
        (
            json!({"helm": {"values": {"a": "${ .ClusterName }-${ .ClusterLabels.env | upper }"}}}),
            json!({"a": "c1-DEV", "b": {"c": 1}}),
        ),
        (json!({"helm": {"values": {"a": "${ .ClusterLabels.size }"}}}), json!({"a": 5, "b": {"c": 1}})),
        (
            json!({"helm": {"values": {"a": "${ .ClusterName }"}, "disablePreProcess": true}}),
            json!({"a": "${ .ClusterName }", "b": {"c": 1}}),
        ),
        (
            json!({"helm": {"templateValues": {"a": "${ range .ClusterValues.list }- ${ . }\n${ end }"}}}),
            json!({"a": ["a", "b"], "b": {"c": 1}}),
        ),
        (json!({"helm": {"values": {"a": "global.fleet.clusterLabels.env"}}}), json!({"a": "dev", "b": {"c": 1}})),
    ];
    for (options, expected) in table {
        assert_eq!(values_of(options.clone()).unwrap()["data"], expected, "{options}");
    }
    let metadata =
        values_of(json!({"defaultNamespace": "ns", "helm": {"releaseName": "r"}})).unwrap()["metadata"].take();
    assert_eq!(metadata, json!({"name": "r", "namespace": "ns"}));
    for function in ["toYaml", "include", "env"] {
        let options = json!({"helm": {"values": {"a": format!("${{ {function} . }}")}}});
        let error = values_of(options).unwrap_err().to_string();
        assert!(error.contains(&format!("function \"{function}\" not defined")), "{error}");
    }
}

#[test]
fn a_chart_becomes_its_objects_and_the_hooks_that_run() {
    let hook = |name: &str, event: &str| {
        format!("---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, annotations: {{helm.sh/hook: {event}}}}}\n")
    };
    let hooks = hook("before", "pre-install") + &hook("test", "test") + &hook("gone", "pre-delete");
    let files = [
        ("c/Chart.yaml", CHART),
        ("c/crds/w.yaml", "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: w}\n"),
        ("c/templates/hooks.yaml", hooks.as_str()),
        (
            "c/templates/list.yaml",
            "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: s}}]\n",
        ),
        ("c/templates/NOTES.txt", "not an object"),
        ("c/templates/empty.yaml", "# {{ .Capabilities.KubeVersion.Version }}\n"),
    ];
    let rendered = run(&files, json!({"helm": {"chart": "c"}}), None).unwrap();
    let names: Vec<String> = rendered
        .objects
        .iter()
        .map(|object| format!("{}@{}", object.value["metadata"]["name"].as_str().unwrap(), object.source))
        .collect();
    assert_eq!(
        names,
        [
            "w@app/c/crds/w.yaml",
            "s@app/c/templates/list.yaml",
            "before@app/c/templates/hooks.yaml",
            "gone@app/c/templates/hooks.yaml"
        ]
    );
    let annotations = &rendered.objects[0].value["metadata"]["annotations"];
    assert_eq!(annotations["helm.sh/resource-policy"], "keep");
    let notes: Vec<&str> = rendered.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(notes.iter().filter(|note| note.contains("is left out")).count(), 1, "{notes:?}");
}

#[test]
fn what_is_made_up_needs_a_seed() {
    let template = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p: {{ randAlphaNum 20 }}}\n";
    let files = [("Chart.yaml", CHART), ("templates/a.yaml", template)];
    let error = run(&files, json!({}), None).unwrap_err().to_string();
    assert!(error.contains("random functions") && error.ends_with("need a seed"), "{error}");
    let with =
        |seed| run(&files, json!({}), Some(Chance { seed: [seed; 32], time: 0 })).unwrap().objects[0].value.clone();
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn templates_of_raw_yaml_are_rendered() {
    let template =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {c: {{ .Chart.Name }}}\n";
    let files = [("templates/a.yaml", template), ("b.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\n")];
    let rendered = run(&files, json!({}), None).unwrap();
    let objects: Vec<&Value> = rendered.objects.iter().map(|object| &object.value).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[1]["metadata"]["name"], "repo-app");
    assert_eq!(objects[1]["data"]["c"], "repo-app");
}

#[test]
fn what_is_wrong_names_the_file() {
    let table: &[(&str, &str)] = &[
        ("{{ fail \"no\" }}", "app/Chart.yaml: execution error at (web/templates/a.yaml:1:3): no"),
        ("a: 1\n", "app/templates/a.yaml: the template made an object without kind"),
    ];
    for (template, expected) in table {
        let files = [("Chart.yaml", CHART), ("templates/a.yaml", *template)];
        assert_eq!(run(&files, json!({}), None).unwrap_err().to_string(), *expected);
    }
}

#[test]
fn what_is_a_hook_is_read_from_the_annotations_whatever_made_it() {
    let pod = |name: &str, annotations: &str| {
        format!("---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\n")
    };
    let objects = [
        pod("plain", "a: b"),
        pod("before", "helm.sh/hook: 'pre-install, Pre-Upgrade', helm.sh/hook-weight: '-5'"),
        pod("gone", "helm.sh/hook: 'post-delete,test', helm.sh/hook-delete-policy: 'hook-failed, hook-succeeded'"),
        pod("test", "helm.sh/hook: test"),
        pod("back", "helm.sh/hook: 'pre-rollback,post-rollback'"),
        pod("odd", "helm.sh/hook: 'pre-install,sometimes'"),
    ]
    .concat();
    let chart = [("Chart.yaml", CHART), ("templates/all.yaml", objects.as_str())];
    let kustomized = [("all.yaml", objects.as_str()), ("kustomization.yaml", "resources: [all.yaml]\n")];
    for files in [&chart[..], &kustomized[..], &[("all.yaml", objects.as_str())]] {
        let rendered = run(files, json!({"helm": {"timeoutSeconds": 30}}), None).unwrap();
        let (deployment, _) = skiff_render::to_deployment(&rendered, &Ref::new("fleet-default", "app").unwrap());
        assert_eq!(deployment.options.timeout_seconds, 30);
        let mut hooks: Vec<String> = deployment
            .objects
            .iter()
            .map(|object| format!("{} {}", object.key.name, serde_json::to_string(&object.hook).unwrap()))
            .collect();
        hooks.sort();
        let expected = [
            r#"before {"events":["pre-install","pre-upgrade"],"weight":-5,"delete":["before-hook-creation"]}"#,
            r#"gone {"events":["post-delete"],"delete":["hook-succeeded","hook-failed"]}"#,
            "plain null",
        ];
        assert_eq!(hooks, expected, "{}", files[0].0);
        let told = rendered.notes.iter().map(|note| note.message.as_str()).collect::<Vec<_>>().join("\n");
        assert!(told.contains("Pod \"test\"") && told.contains("Pod \"back\"") && told.contains("sometimes"), "{told}");
    }
}

#[test]
fn dependencies_that_are_named_by_file_come_from_the_repository() {
    let web = "apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n\
               - {name: lib, version: 0.1.0, repository: 'file://../lib'}\n\
               - {name: lib, version: 0.1.0, repository: 'file://../lib', alias: second}\n\
               - {name: lib, version: 0.1.0, repository: 'file://../lib', alias: off, condition: off.enabled}\n\
               - {name: base, version: '>=1.0.0', repository: 'file://../../shared/base'}\n\
               - {name: gone, version: 1.0.0, repository: 'file://../../../../gone'}\n";
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Chart.Name }}-{{ .Values.who }}'}\n";
    let base = "apiVersion: v2\nname: base\nversion: 1.2.0\ndependencies: [{name: deep, version: 1.0.0, repository: 'file://../deep'}]\n";
    let files = [
        ("web/Chart.yaml", web),
        ("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 0.1.0\n"),
        ("lib/values.yaml", "who: lib"),
        ("lib/templates/a.yaml", template),
        (".outside/shared/base/Chart.yaml", base),
        (".outside/shared/base/values.yaml", "who: base"),
        (".outside/shared/base/templates/a.yaml", template),
        (".outside/shared/deep/Chart.yaml", "apiVersion: v2\nname: deep\nversion: 1.0.0\n"),
        (".outside/shared/deep/templates/a.yaml", template),
    ];
    let names = |helm: Value| -> Vec<String> {
        let rendered = run(&files, json!({"helm": helm}), None).unwrap();
        let name =
            |object: &skiff_render::RenderedObject| object.value["metadata"]["name"].as_str().unwrap().to_owned();
        let mut names: Vec<String> = rendered.objects.iter().map(name).collect();
        names.sort();
        names
    };
    let values = json!({"second": {"who": "two"}, "off": {"enabled": false}, "base": {"deep": {"who": "sea"}}});
    let expected = ["base-base", "deep-sea", "lib-lib", "second-two"];
    assert_eq!(names(json!({"chart": "web", "values": values})), expected);
    let off = json!({"chart": "web", "disableDependencyUpdate": true});
    assert_eq!(names(off), [] as [&str; 0]);
}

#[test]
fn a_chart_that_was_fetched_is_rendered_packed_or_unpacked_and_its_place_is_its_name() {
    // The directory that Fleet gives it.
    let dir = format!(".chart/{}", fleet_api::Digest::of(b"web:https://c.example:~1").hex());
    let helm = json!({"helm": {"repo": "https://c.example", "chart": "web", "version": "~1"}});
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    // `skiff` stores the package; Bundles that Fleet made hold its files, below the directory that a package has.
    for inside in ["", "/web"] {
        let (chart, file) = (format!("{dir}{inside}/Chart.yaml"), format!("{dir}{inside}/templates/a.yaml"));
        let files =
            [(chart.as_str(), CHART), (file.as_str(), template), ("web/Chart.yaml", "no chart"), ("x.yaml", template)];
        let rendered = run(&files, helm.clone(), None).unwrap();
        let sources: Vec<&str> = rendered.objects.iter().map(|object| object.source.as_str()).collect();
        assert_eq!(sources, ["app/web-0.1.0.tgz/templates/a.yaml"], "{inside}");
    }
    // Nothing is deployed in place of a chart that is not there.
    let error = run(&[("x.yaml", template)], helm, None).unwrap_err();
    assert!(error.to_string().contains("the chart `web` of https://c.example was not fetched"), "{error}");
}
