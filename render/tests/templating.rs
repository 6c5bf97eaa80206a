//! `templating: all`: templates in every file of a bundle, in its namespaces and in its release name.

#![expect(clippy::unwrap_used, clippy::unwrap_in_result, reason = "helpers of the tests unwrap")]

use file_tree::MemoryTree;
use fleet_api::v1alpha1::BundleDeploymentOptions;
use serde_json::{Value, json};
use skiff_render::{Chance, ClusterFacts, RenderError, RenderInput, Rendered, render};
use std::collections::BTreeMap;

type Files<'a> = &'a [(&'a str, &'a str)];

fn cluster() -> ClusterFacts {
    ClusterFacts {
        name: "till".into(),
        namespace: "fleet-default".into(),
        labels: BTreeMap::from([("env".into(), "prod".into())]),
        annotations: BTreeMap::from([("contact".into(), "till@shop.example".into())]),
        template_values: json!({"hosts": ["a", "b"]}).as_object().unwrap().clone(),
        ..ClusterFacts::default()
    }
}

fn run(files: Files<'_>, mut options: Value, chance: Option<Chance>) -> Result<Rendered, RenderError> {
    let tree = MemoryTree::from_files(files.iter().copied()).unwrap();
    if options.get("templating").is_none() {
        options["templating"] = json!("all");
    }
    let options: BundleDeploymentOptions = serde_json::from_value(options).unwrap();
    let cluster = cluster();
    render(&RenderInput { files: &tree, prefix: "app", bundle: "web", options: &options, cluster: &cluster, chance })
}

fn map(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata: {{v: {data}}}\n")
}

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
const KUSTOMIZATION: &str = "resources: [m.yaml]\nnamePrefix: ${ .ClusterName }-\n";

#[test]
fn every_file_that_is_read_is_a_template() {
    let plain = map("'${ .ClusterName }'");
    let all = map(
        "'${ .ClusterNamespace }/${ .ClusterName } ${ .ClusterLabels.env } ${ .ClusterAnnotations.contact } ${ join \",\" .ClusterValues.hosts }'",
    );
    let ranged = map("'${ range .ClusterValues.hosts }${ . | upper }${ end }'");
    let shell = map("'${ \"${\" }HOME}'");
    let in_chart = map("'{{ .Values.a }} ${ .ClusterName }'");
    let patch = map("'${ .ClusterLabels.env }'");
    let if_prod = format!("${{ if eq .ClusterLabels.env \"prod\" -}}\n{}\n${{- end }}\n", map("on it"));
    let table: &[(Files<'_>, Value, &str)] = &[
        (&[("m.yaml", &all)], json!({}), "fleet-default/till prod till@shop.example a,b"),
        (&[("m.yaml", &ranged)], json!({}), "AB"),
        (&[("m.yaml", &shell)], json!({}), "${HOME}"),
        (&[("m.yaml", &if_prod)], json!({}), "on it"),
        (&[("m.yaml", &map("x")), ("README.md", "${ broken"), ("run.sh", "${HOME}")], json!({}), "x"),
        (&[("m.yaml", &plain)], json!({"templating": "values"}), "${ .ClusterName }"),
        (&[("m.yaml", &plain)], json!({"helm": {"disablePreProcess": true}}), "till"),
        (&[("m.yaml", &map("x")), ("overlays/o/m_patch.yaml", &patch)], json!({"yaml": {"overlays": ["o"]}}), "prod"),
        (&[("kustomization.yaml", KUSTOMIZATION), ("m.yaml", &plain)], json!({}), "till"),
        (
            &[
                ("kustomization.yaml", "resources: [../base]"),
                (".outside/base/kustomization.yaml", KUSTOMIZATION),
                (".outside/base/m.yaml", &plain),
            ],
            json!({}),
            "till",
        ),
        (
            &[("Chart.yaml", CHART), ("values.yaml", "a: ${ .ClusterLabels.env }"), ("templates/m.yaml", &in_chart)],
            json!({}),
            "prod till",
        ),
        (&[("templates/m.yaml", &in_chart)], json!({"helm": {"values": {"a": "${ .ClusterName }"}}}), "till till"),
    ];
    for (files, options, expected) in table {
        let rendered = run(files, options.clone(), None).unwrap();
        assert_eq!(rendered.objects.len(), 1, "{files:?}");
        assert_eq!(rendered.objects[0].value["data"]["v"], *expected, "{files:?}");
    }
}

#[test]
fn a_chart_that_was_fetched_is_not_the_bundles_to_write_templates_in() {
    let helm = json!({"chart": "web", "repo": "https://charts.example"});
    let dir = skiff_render::style::fetched_dir(&serde_json::from_value(helm.clone()).unwrap());
    let (chart, template) = (format!("{dir}/web/Chart.yaml"), format!("{dir}/web/templates/m.yaml"));
    let files = [(chart.as_str(), CHART), (template.as_str(), &map("'${HOME}'"))];
    assert_eq!(run(&files, json!({"helm": helm}), None).unwrap().objects[0].value["data"]["v"], "${HOME}");
}

#[test]
fn namespaces_and_the_release_name_are_templates() {
    let files: Files<'_> = &[("Chart.yaml", CHART), ("templates/m.yaml", &map("{{ .Release.Name }}"))];
    for (options, namespace, release) in [
        (json!({"namespace": "shop-${ .ClusterLabels.env }"}), "shop-prod", "web"),
        (json!({"defaultNamespace": "${ .ClusterName }"}), "till", "web"),
        (json!({"helm": {"releaseName": "web-${ .ClusterName }"}}), "default", "web-till"),
    ] {
        let rendered = run(files, options.clone(), None).unwrap();
        assert_eq!(rendered.release_namespace, namespace, "{options}");
        assert_eq!(rendered.objects[0].value["data"]["v"], release, "{options}");
    }
    for (options, expected) in [
        (
            json!({"namespace": "${ .ClusterLabels.team }"}),
            "app/fleet.yaml: namespace, for cluster fleet-default/till: template: namespace:1:17: executing \"namespace\" at <.ClusterLabels.team>: map has no entry for key \"team\"",
        ),
        (
            json!({"namespace": "${ .ClusterLabels.env | trunc 0 }"}),
            "app/fleet.yaml: namespace, for cluster fleet-default/till: the template makes nothing; give it a default",
        ),
        (
            json!({"defaultNamespace": "${ .ClusterName }!"}),
            "defaultNamespace: `till!` is no name of a namespace: at most 63 of a-z, 0-9 and `-` are allowed",
        ),
        (
            json!({"helm": {"releaseName": "${ .ClusterName | upper }"}}),
            "app/fleet.yaml: helm.releaseName, for cluster fleet-default/till: `TILL` is no name of a release: at most 53 of a-z, 0-9, `-` and `.` are allowed",
        ),
        (
            json!({"templating": "values", "namespace": "${ .ClusterName }"}),
            "namespace: `${ .ClusterName }` is no name of a namespace: at most 63 of a-z, 0-9 and `-` are allowed",
        ),
    ] {
        assert_eq!(run(files, options.clone(), None).unwrap_err().to_string(), expected, "{options}");
    }
}

#[test]
fn an_error_names_cluster_file_line_and_expression_whatever_reads_the_file() {
    let missing = map("x\n  # two\n  ${ .ClusterLabels.tier }");
    let unknown = map("${HOME}");
    let hint = "(`${ \"${\" }` stands for a plain `${`)";
    let at = "<.ClusterLabels.tier>: map has no entry for key \"tier\"";
    let whose = "for cluster fleet-default/till";
    let of = |file: &str, place: &str| format!("{file}:{place}: {whose}: executing \"{file}\" at {at} {hint}");
    let function = format!("app/m.yaml:4: {whose}: function \"HOME\" not defined {hint}");
    let table: &[(Files<'_>, String)] = &[
        (&[("m.yaml", &missing)], of("app/m.yaml", "6:19")),
        (&[("m.yaml", &unknown)], function),
        (&[("kustomization.yaml", KUSTOMIZATION), ("m.yaml", &missing)], of("app/m.yaml", "6:19")),
        (
            &[
                ("kustomization.yaml", "resources: [../base]"),
                (".outside/base/kustomization.yaml", KUSTOMIZATION),
                (".outside/base/m.yaml", &missing),
            ],
            of("base/m.yaml", "6:19"),
        ),
        (&[("Chart.yaml", CHART), ("templates/m.yaml", &missing)], of("app/templates/m.yaml", "6:19")),
    ];
    for (files, expected) in table {
        let error = run(files, json!({}), None).unwrap_err();
        assert_eq!(error.to_string(), *expected, "{files:?}");
        assert!(error.note().file.starts_with(expected.split(": ").next().unwrap()), "{error:?}");
    }
}

#[test]
fn what_is_made_of_chance_needs_a_seed_and_is_the_same_each_time() {
    let secret = map("${ randAlphaNum 12 }");
    let files: Files<'_> = &[("a.yaml", &secret), ("b.yaml", &secret)];
    assert!(matches!(run(files, json!({}), None), Err(RenderError::NeedsChance { .. })));
    let made = |seed| {
        let rendered = run(files, json!({}), Some(Chance { seed: [seed; 32], time: 1 })).unwrap();
        rendered.objects.iter().map(|object| object.value["data"]["v"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(made(1), made(1));
    assert_ne!(made(1), made(2));
    assert_ne!(made(1)[0], made(1)[1], "each file has its own");
}
