//! What is rendered in the cluster: the values of `helm.valuesFrom` over all others, the same objects as anywhere else, and no
//! value in an error.

#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "tests, whose helpers are not test functions themselves"
)]

use file_tree::{MemoryTree, Mode};
use fleet_api::names::Ref;
use fleet_api::v1alpha1::BundleDeploymentOptions;
use fleet_api::wire::{COPIES_PROTOCOL, Deployment, SOURCES_PROTOCOL, TEMPLATING_PROTOCOL};
use fleet_api::{Digest, Note};
use serde_json::{Value, json};
use skiff_render::{
    Chance, ClusterFacts, InCluster, RenderError, RenderInput, Values, add_copies, from_sources, packed, render,
    to_sources,
};
use std::collections::BTreeMap;

fn files(template: &str) -> BTreeMap<String, (Mode, Vec<u8>)> {
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("values.yaml", "a: chart\nb: chart\nc: {one: chart, two: chart}\n"),
        ("templates/map.yaml", template),
    ];
    files.map(|(path, text)| (path.to_owned(), (Mode::Regular, text.as_bytes().to_vec()))).into()
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {v: {{ toJson .Values | quote }}, r: {{ randAlphaNum 8 }}}\n";

fn document(template: &str, helm: &Value, chance: Option<Chance>) -> Result<Deployment, RenderError> {
    let options: BundleDeploymentOptions =
        serde_json::from_value(json!({"defaultNamespace": "shop", "serviceAccount": "tenant", "helm": helm})).unwrap();
    let tree = packed::unpack(&packed::pack(&files(template))).unwrap();
    let cluster = ClusterFacts { labels: BTreeMap::from([("env".into(), "prod".into())]), ..ClusterFacts::default() };
    let input = RenderInput {
        files: &tree,
        prefix: "apps/web",
        bundle: "shop-web",
        options: &options,
        cluster: &cluster,
        chance,
    };
    to_sources(&input, &Ref::new("fleet-default", "shop-web").unwrap(), Digest::of(b"tree"))
}

fn chance() -> Option<Chance> {
    Some(Chance { seed: [7; 32], time: 1 })
}

fn helm() -> Value {
    json!({
        "values": {"b": "fleet", "c": {"two": "${ .ClusterLabels.env }"}},
        "templateValues": {"d": "${ .ClusterLabels.env }"},
        "valuesFrom": [{"secretKeyRef": {"name": "web"}}],
    })
}

fn made(document: &Deployment, template: &str, values: &[&str]) -> Result<(Deployment, Value), Note> {
    let tree: MemoryTree = packed::unpack(&packed::pack(&files(template))).unwrap();
    let values: Vec<Values> = values.iter().map(|text| Values::from_yaml(text).unwrap()).collect();
    let with = InCluster { files: &tree, cluster: &ClusterFacts::default(), values: &values };
    let (deployment, blobs) = from_sources(document, Digest::of(b"from"), with)?;
    Ok((deployment, serde_json::from_slice(&blobs[0].1).unwrap()))
}

#[test]
fn values_of_the_cluster_lie_over_all_others_and_later_ones_over_earlier_ones() {
    let document = document(MAP, &helm(), chance()).unwrap();
    assert_eq!((document.protocol, document.objects.len()), (SOURCES_PROTOCOL, 0));
    assert_eq!((document.release_namespace.as_str(), document.options.service_account.as_str()), ("shop", "tenant"));
    // Over the wire and back.
    let document: Deployment = serde_json::from_slice(&serde_json::to_vec(&document).unwrap()).unwrap();
    assert_eq!(document.unknown_fields(), [] as [&str; 0]);
    let (deployment, object) =
        made(&document, MAP, &["{c: {one: first, three: 3}, d: first}", "c: {one: last}"]).unwrap();
    let values: Value = serde_json::from_str(object["data"]["v"].as_str().unwrap()).unwrap();
    assert_eq!(
        values,
        json!({"a": "chart", "b": "fleet", "c": {"one": "last", "two": "prod", "three": 3}, "d": "first"})
    );
    assert_eq!(deployment.rendered_from, Some(Digest::of(b"from")));
    assert_eq!((deployment.objects.len(), &deployment.options), (1, &document.options));
    assert_eq!(deployment.objects[0].source, "apps/web/templates/map.yaml");
    // What the chart makes up is the hub's: the same each time, another one with another seed.
    let again = made(&document, MAP, &["{}"]).unwrap().1;
    assert_eq!(again["data"]["r"], object["data"]["r"]);
    let other = Some(Chance { seed: [8; 32], time: 1 });
    let other = self::document(MAP, &helm(), other).unwrap();
    assert_ne!(made(&other, MAP, &["{}"]).unwrap().1["data"]["r"], object["data"]["r"]);
}

#[test]
fn without_values_of_the_cluster_it_is_what_is_rendered_anywhere_else() {
    let options: BundleDeploymentOptions = serde_json::from_value(json!({"helm": {"values": {"b": 1}}})).unwrap();
    let tree = packed::unpack(&packed::pack(&files(MAP))).unwrap();
    let cluster = ClusterFacts::default();
    let (files, chance) = (&tree, chance());
    let input = RenderInput { files, prefix: "", bundle: "web", options: &options, cluster: &cluster, chance };
    let bundle = Ref::new("fleet-default", "web").unwrap();
    let (plain, _) = skiff_render::to_deployment(&render(&input).unwrap(), &bundle);
    let document = to_sources(&input, &bundle, Digest::of(b"tree")).unwrap();
    let made = made(&document, MAP, &[]).unwrap().0;
    assert_eq!(Deployment { rendered_from: None, ..made }, plain);
}

#[test]
fn what_the_hub_can_see_to_be_wrong_it_says_and_it_needs_a_seed() {
    let error = document(MAP, &json!({"values": {"x": "${ nothing }"}, "valuesFrom": [{}]}), chance()).unwrap_err();
    assert!(error.to_string().starts_with("apps/web/fleet.yaml: helm.values"), "{error}");
    let error = document(MAP, &helm(), None).unwrap_err();
    assert!(matches!(error, RenderError::NeedsChance { .. }), "{error}");
}

#[test]
fn no_value_stands_in_an_error_and_what_does_not_depend_on_them_is_told_in_full() {
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: ";
    let cases = [
        ("{{ fail .Values.password }}", None),
        ("{{ fail (.Values.password | b64enc) }}", None),
        ("{{ fail (printf \"%v\" .Values.port) }}", None),
        ("{{ fail (toYaml .Values.login) }}", None),
        ("{v: {{ required \"no login\" .Values.login.nothing }}}", Some("no login")),
        ("{{ .Values.password }}: x\n  y: [", None),
        ("{{ fail \"the chart is broken\" }}", Some("the chart is broken")),
    ];
    for (text, told) in cases {
        let template = format!("{object}{text}\n");
        let document = document(&template, &helm(), chance()).unwrap();
        let note =
            made(&document, &template, &["{password: hunter2, port: 98765, login: {pin: ['4242']}}"]).unwrap_err();
        let message = serde_json::to_string(&note).unwrap();
        for value in ["hunter2", "aHVudGVyMg", "98765", "4242"] {
            assert!(!message.contains(value), "{text}: {message}");
        }
        assert!(message.contains("apps/web/"), "{text}: {message}");
        match told {
            Some(told) => assert!(note.message.contains(told), "{text}: {message}"),
            None => assert!(note.message.contains("depends on them"), "{text}: {message}"),
        }
    }
}

/// A document of the hub that copies a Secret, and what its agent makes of it.
#[test]
fn what_the_hub_sends_along_is_in_what_the_agent_makes_and_nothing_may_be_there_twice() {
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "data": {"values.yaml": "YTogMQ=="}});
    let copy =
        |document: &mut Deployment, value: &Value| add_copies(document, std::slice::from_ref(value), "fleet-default");
    let mut sources = document(MAP, &helm(), chance()).unwrap();
    let blobs = copy(&mut sources, &secret).unwrap();
    assert_eq!(sources.protocol, COPIES_PROTOCOL);
    assert_eq!(sources.objects[0].source, "downstreamResources: Secret fleet-default/web");
    let sent: Value = serde_json::from_slice(&blobs[0].1).unwrap();
    assert_eq!((sent["metadata"]["namespace"].as_str(), blobs[0].0), (Some("shop"), sources.objects[0].digest));
    let (rendered, _) = made(&sources, MAP, &["{}"]).unwrap();
    let names: Vec<_> = rendered.objects.iter().map(|object| (object.key.to_string(), object.is_copy())).collect();
    assert_eq!(names, [("secret shop/web".into(), true), ("configmap web".into(), false)]);
    // The ConfigMap of the chart, from the hub as well: named there and where it was rendered.
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}});
    copy(&mut sources, &map).unwrap();
    let both = made(&sources, MAP, &["{}"]).unwrap_err();
    assert_eq!(both.reason, fleet_api::Reason::RenderFailed);
    assert_eq!(
        both.message,
        "apps/web/templates/map.yaml has configmap shop/web, and downstreamResources copies one of that name from the hub"
    );
    let mut plain = rendered;
    assert_eq!(copy(&mut plain, &map).unwrap_err().message, both.message);
    assert_eq!(plain.objects.len(), 2);
    // A Deployment that any agent can read stays one.
    let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}});
    copy(&mut plain, &other).unwrap();
    assert_eq!((plain.protocol, plain.objects.len()), (fleet_api::wire::PLAIN_PROTOCOL, 3));
}

#[test]
fn templates_in_files_see_what_the_hub_says_of_the_cluster() {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {v: '${ .ClusterName } ${ .ClusterLabels.env } ${ .ClusterValues.a } {{ .Values.b }}'}\n";
    let options: BundleDeploymentOptions = serde_json::from_value(json!({
        "templating": "all",
        "namespace": "shop-${ .ClusterName }",
        "helm": {"valuesFrom": [{"secretKeyRef": {"name": "web"}}]},
    }))
    .unwrap();
    let tree = packed::unpack(&packed::pack(&files(template))).unwrap();
    let cluster = ClusterFacts {
        name: "till".into(),
        labels: BTreeMap::from([("env".into(), "prod".into())]),
        annotations: [("kubectl.kubernetes.io/last-applied-configuration".into(), "canary".into())].into(),
        template_values: json!({"a": 1}).as_object().unwrap().clone(),
        ..ClusterFacts::default()
    };
    let input =
        RenderInput { files: &tree, prefix: "", bundle: "web", options: &options, cluster: &cluster, chance: chance() };
    let bundle = Ref::new("fleet-default", "web").unwrap();
    let mut document = to_sources(&input, &bundle, Digest::of(b"tree")).unwrap();
    let copy = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}});
    add_copies(&mut document, &[copy], "fleet-default").unwrap();
    assert_eq!(document.protocol, TEMPLATING_PROTOCOL, "an older agent would leave the templates as they are");
    let document: Deployment = serde_json::from_slice(&serde_json::to_vec(&document).unwrap()).unwrap();
    assert_eq!((document.unknown_fields(), document.release_namespace.as_str()), (Vec::new(), "shop-till"));
    assert!(!format!("{document:?}").contains("canary"), "no template sees it");
    let (_, object) = made(&document, template, &["b: secret"]).unwrap();
    assert_eq!(object["data"]["v"], "till prod 1 secret");
}
