//! `generators`, `transformers`, `validators`, and charts.

use kustomize_rs::{ChartRequest, Charts, Options};

use crate::{MAP, built, printed, refused};

#[test]
fn builtin_plugins_are_configured_by_objects() {
    let generator = "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: g}\nliterals: [a=b]\noptions: {disableNameSuffixHash: true}\n";
    let transformer = "apiVersion: builtin\nkind: PrefixSuffixTransformer\nmetadata: {name: t}\nprefix: p-\nsuffix: -s\nfieldSpecs: [{path: metadata/name}]\n";
    let tree = [
        ("kustomization.yaml", "generators: [g.yaml]\ntransformers: [t.yaml]"),
        ("g.yaml", generator),
        ("t.yaml", transformer),
    ];
    assert_eq!(printed("", &tree), "apiVersion: v1\ndata:\n  a: b\nkind: ConfigMap\nmetadata:\n  name: p-g-s\n");
}

#[test]
fn programs_functions_and_validators_that_change_something_are_refused() {
    let with = |field: &str, object: &str| {
        refused(&[
            ("kustomization.yaml", &format!("resources: [m.yaml]\n{field}: [x.yaml]")),
            ("m.yaml", MAP),
            ("x.yaml", object),
        ])
    };
    let program = "apiVersion: e.com/v1\nkind: Toy\nmetadata: {name: t}\n";
    assert!(with("transformers", program).contains("functions and programs are not run"));
    assert!(with("generators", program).contains("functions and programs are not run"));
    let labels = "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: t}\nlabels: {a: b}\nfieldSpecs: [{path: metadata/labels, create: true}]\n";
    assert!(with("validators", labels).contains("validator shouldn't modify the resource map"));
}

struct Echo;

impl Charts for Echo {
    fn render(&self, request: &ChartRequest<'_>) -> Result<String, String> {
        let values = serde_json::to_string(&request.values).map_err(|error| error.to_string())?;
        let data = format!("{{chart: {}, values: '{values}', files: '{:?}'}}", request.chart, request.values_files);
        Ok(format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: echo, namespace: {}}}\ndata: {data}\n",
            request.namespace
        ))
    }
}

#[test]
fn charts_are_rendered_by_the_caller_with_values_merged() {
    let kustomization = "namespace: ns\nhelmCharts:\n- {name: c, valuesInline: {a: {x: 2}}, valuesMerge: MODE, additionalValuesFiles: [more.yaml]}\n";
    for (mode, values) in [
        ("override", r#"{"a":{"x":2,"y":1},"b":1}"#),
        ("merge", r#"{"a":{"x":1,"y":1},"b":1}"#),
        ("replace", r#"{"a":{"x":2}}"#),
    ] {
        let kustomization = kustomization.replace("MODE", mode);
        let tree = [
            ("k/kustomization.yaml", kustomization.as_str()),
            ("k/charts/c/Chart.yaml", "name: c"),
            ("k/charts/c/values.yaml", "a: {x: 1, y: 1}\nb: 1\n"),
            ("k/more.yaml", "c: 1"),
        ];
        let output = built("k", &tree, &Options { charts: Some(&Echo), ..Options::default() }).unwrap();
        let data = &output.objects[0]["data"];
        let sorted =
            |text: &str| serde_json::from_str::<std::collections::BTreeMap<String, serde_json::Value>>(text).unwrap();
        assert_eq!(sorted(data["values"].as_str().unwrap()), sorted(values), "{mode}");
        assert_eq!((data["chart"].as_str(), data["files"].as_str()), (Some("k/charts/c"), Some("[\"k/more.yaml\"]")));
        assert_eq!(output.objects[0]["metadata"]["namespace"], "ns");
        assert!(built("k", &tree, &Options::default()).unwrap_err().to_string().contains("--enable-helm"));
    }
}
