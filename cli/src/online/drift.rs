//! `skiff drift`: what was changed in which cluster, and the `diff.comparePatches` that would accept it.

use super::client::Client;
use super::names::{Named, collection};
use crate::error::CliError;
use crate::output::{Format, Output};
use fleet_api::v1alpha1::{BundleDeployment, ComparePatch, ModifiedStatus};
use fleet_api::wire::LIST_CAP;
use reqwest::Method;
use serde_json::json;
use skiff_hub::store::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// An object that is not as its bundle says, in one cluster.
struct Drifted {
    cluster: String,
    object: ModifiedStatus,
}

/// Asks the hub, and prints.
pub(super) async fn run(
    hub: &Client,
    bundle: &Named,
    fleet_yaml: bool,
    format: Format,
    output: &mut Output,
) -> Result<(), CliError> {
    // Asked for by name, so that a bundle that is not there is told in the hub's words.
    hub.send(Method::GET, &bundle.path(), None).await?;
    let list = hub.send(Method::GET, &collection(Kind::BundleDeployment, None), None).await?;
    let unreadable = |error: serde_json::Error| CliError::Failed(format!("the hub's answer cannot be read: {error}"));
    let deployments: Vec<BundleDeployment> = serde_json::from_value(list["items"].clone()).map_err(unreadable)?;
    let name = format!("{}/{}", bundle.namespace, bundle.name);
    let drifted = of_bundle(&name, deployments);
    for cluster in at_the_cap(&drifted) {
        output.note(&format!("cluster {cluster}: only the first {LIST_CAP} objects are told of"));
    }
    if drifted.is_empty() {
        output.note(&format!("{bundle}: nothing was changed in any cluster, as far as the agents told"));
    }
    if fleet_yaml { accept(&drifted, output) } else { write(&drifted, format, output) }
}

fn of_bundle(name: &str, deployments: Vec<BundleDeployment>) -> Vec<Drifted> {
    let of_it = deployments.into_iter().filter(|deployment| deployment.spec.bundle == name);
    of_it
        .flat_map(|deployment| {
            let cluster = deployment.spec.cluster;
            let objects = deployment.status.map(|status| status.modified_status).unwrap_or_default();
            objects.into_iter().map(move |object| Drifted { cluster: cluster.clone(), object })
        })
        .collect()
}

/// The clusters that may have more than agents tell of.
fn at_the_cap(drifted: &[Drifted]) -> Vec<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    drifted.iter().for_each(|one| *counts.entry(&one.cluster).or_default() += 1);
    counts.into_iter().filter(|(_, count)| *count >= LIST_CAP).map(|(cluster, _)| cluster).collect()
}

fn called(object: &ModifiedStatus) -> String {
    let group = fleet_api::key::group_of(&object.api_version);
    fleet_api::ObjectKey::new(group, &object.kind, &object.namespace, &object.name).to_string()
}

fn write(drifted: &[Drifted], format: Format, output: &mut Output) -> Result<(), CliError> {
    match format {
        Format::Table | Format::Wide => {
            let row = |drifted: &Drifted| {
                let what = match (drifted.object.missing, drifted.object.exist) {
                    (true, _) => "deleted".to_owned(),
                    (_, true) => "belongs to somebody else".to_owned(),
                    _ => format!("changed: {}", drifted.object.patch),
                };
                vec![drifted.cluster.clone(), called(&drifted.object), what]
            };
            output.table(&["CLUSTER", "OBJECT", "WHAT"], &drifted.iter().map(row).collect::<Vec<_>>())
        }
        Format::Json | Format::Yaml => {
            let told: Vec<_> =
                drifted.iter().map(|one| json!({"cluster": one.cluster, "object": one.object})).collect();
            if format == Format::Json { output.json(&told) } else { output.yaml(&told) }
        }
    }
}

/// The lines of `fleet.yaml` with which all of it would be no drift.
fn accept(drifted: &[Drifted], output: &mut Output) -> Result<(), CliError> {
    let mut fields: BTreeMap<[&str; 4], BTreeSet<&str>> = BTreeMap::new();
    for Drifted { cluster, object } in drifted {
        if object.json_pointers.is_empty() {
            let why = if object.missing { "was deleted" } else { "belongs to somebody else" };
            output.note(&format!("cluster {cluster}: {} {why}: no comparePatches can accept that", called(object)));
            continue;
        }
        let key = [&object.api_version, &object.kind, &object.namespace, &object.name].map(String::as_str);
        fields.entry(key).or_default().extend(object.json_pointers.iter().map(String::as_str));
    }
    if fields.is_empty() {
        return Ok(());
    }
    let patch = |([api_version, kind, namespace, name], pointers): ([&str; 4], BTreeSet<&str>)| ComparePatch {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        json_pointers: pointers.into_iter().map(str::to_owned).collect(),
        operations: Vec::new(),
    };
    let patches: Vec<ComparePatch> = fields.into_iter().map(patch).collect();
    output.yaml(&json!({"diff": {"comparePatches": patches}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployments() -> Vec<BundleDeployment> {
        let changed = |pointers: &[&str]| {
            json!({
                "kind": "Deployment", "apiVersion": "apps/v1", "namespace": "shop", "name": "web",
                "patch": ".spec.replicas by kubectl-edit", "jsonPointers": pointers,
            })
        };
        let of = |bundle: &str, cluster: &str, modified: serde_json::Value| {
            json!({
                "metadata": {"name": "x"},
                "spec": {"bundle": bundle, "cluster": cluster},
                "status": {"modifiedStatus": modified},
            })
        };
        let gone = json!({"kind": "ConfigMap", "apiVersion": "v1", "namespace": "shop", "name": "c", "missing": true});
        serde_json::from_value(json!([
            of("fleet-default/shop", "fleet-default/one", json!([changed(&["/spec/replicas"]), gone])),
            of("fleet-default/shop", "fleet-default/two", json!([changed(&["/spec/paused", "/spec/replicas"])])),
            of("fleet-default/other", "fleet-default/two", json!([changed(&["/spec/replicas"])])),
        ]))
        .unwrap()
    }

    fn printed(write: impl FnOnce(&mut Output) -> Result<(), CliError>) -> (String, String) {
        let (data, notes) = (super::super::tests::Shared::default(), super::super::tests::Shared::default());
        let mut output = Output::new(Box::new(data.clone()), Box::new(notes.clone()));
        write(&mut output).unwrap();
        output.finish().unwrap();
        (data.text(), notes.text())
    }

    #[test]
    fn what_was_changed_is_told_by_cluster() {
        let drifted = of_bundle("fleet-default/shop", deployments());
        let (data, _) = printed(|output| write(&drifted, Format::Table, output));
        let lines: Vec<_> = data.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines[1..],
            [
                "fleet-default/one deployment.apps shop/web changed: .spec.replicas by kubectl-edit",
                "fleet-default/one configmap shop/c deleted",
                "fleet-default/two deployment.apps shop/web changed: .spec.replicas by kubectl-edit",
            ]
        );
    }

    #[test]
    fn the_patches_accept_it_in_all_clusters() {
        let drifted = of_bundle("fleet-default/shop", deployments());
        let (data, notes) = printed(|output| accept(&drifted, output));
        let expected = "diff:\n  comparePatches:\n  - apiVersion: apps/v1\n    jsonPointers:\n    - /spec/paused\n    \
                        - /spec/replicas\n    kind: Deployment\n    name: web\n    namespace: shop\n";
        assert_eq!(data, expected);
        assert!(notes.contains("configmap shop/c was deleted: no comparePatches"), "{notes}");
    }
}
