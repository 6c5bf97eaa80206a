//! A rendered bundle as the document that agents get, and the blobs that it names.

use crate::{Rendered, hooks};
use fleet_api::Digest;
use fleet_api::canonical;
use fleet_api::key::{KeyParts, ObjectKey, group_of};
use fleet_api::names::Ref;
use fleet_api::v1alpha1::BundleDeploymentOptions;
use fleet_api::wire::{ApplyOptions, Deployment, DeploymentObject, PLAIN_PROTOCOL};
use serde_json::Value;
use std::collections::BTreeMap;

/// Labels and annotations with this prefix are the cluster's own business: nobody's bundle may weaken its security.
const POD_SECURITY: &str = "pod-security.kubernetes.io/";

/// The Deployment, and the canonical JSON of each of its objects by digest. Of an object that the bundle holds twice
/// the last counts, as it would in the cluster.
#[must_use]
pub fn to_deployment(rendered: &Rendered, bundle: &Ref) -> (Deployment, Vec<(Digest, Vec<u8>)>) {
    let options = &rendered.options;
    let mut objects: Vec<DeploymentObject> = Vec::with_capacity(rendered.objects.len());
    let mut places: BTreeMap<ObjectKey, usize> = BTreeMap::new();
    let mut blobs: BTreeMap<Digest, Vec<u8>> = BTreeMap::new();
    for object in &rendered.objects {
        let bytes = canonical::to_vec(&object.value);
        let digest = Digest::of(&bytes);
        let described = DeploymentObject {
            api_version: text(&object.value["apiVersion"]),
            key: parts(&object.value).into(),
            digest,
            size: bytes.len() as u64,
            source: object.source.clone(),
            hook: hooks::of(&object.value),
            unknown: BTreeMap::new(),
        };
        blobs.insert(digest, bytes);
        match places.get(&described.key) {
            Some(place) if !described.key.name.is_empty() => objects[*place] = described,
            _ => {
                places.insert(described.key.clone(), objects.len());
                objects.push(described);
            }
        }
    }
    let used: std::collections::BTreeSet<Digest> = objects.iter().map(|object| object.digest).collect();
    blobs.retain(|digest, _| used.contains(digest));
    let deployment = Deployment {
        protocol: PLAIN_PROTOCOL,
        bundle: bundle.clone(),
        release_namespace: rendered.release_namespace.clone(),
        force_namespace: !options.target_namespace.is_empty(),
        create_namespace: options.create_namespace.unwrap_or(true),
        namespace_labels: allowed(options.namespace_labels.as_ref()),
        namespace_annotations: allowed(options.namespace_annotations.as_ref()),
        options: apply_options(options),
        objects,
        sources: None,
        rendered_from: None,
        unknown: BTreeMap::new(),
    };
    (deployment, blobs.into_iter().collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What an object is called in the cluster, where `release_namespace` is that of its bundle. A kind that Kubernetes does
/// not bring is taken for a namespaced one; the cluster knows better.
#[must_use]
pub fn key_in_cluster(object: &Value, release_namespace: &str) -> ObjectKey {
    let mut parts = parts(object);
    if crate::kinds::is_cluster_scoped(&parts.group, &parts.kind) == Some(true) {
        parts.namespace.clear();
    } else if parts.namespace.is_empty() {
        release_namespace.clone_into(&mut parts.namespace);
    }
    parts.into()
}

/// The key of an object, also of one that the API server will refuse for its lack of a name.
fn parts(object: &Value) -> KeyParts {
    let metadata = &object["metadata"];
    KeyParts {
        group: group_of(object["apiVersion"].as_str().unwrap_or_default()).to_owned(),
        kind: text(&object["kind"]),
        namespace: text(&metadata["namespace"]),
        name: text(&metadata["name"]),
    }
}

fn allowed(labels: Option<&BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let all = labels.into_iter().flatten().filter(|(key, _)| !key.starts_with(POD_SECURITY));
    all.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn apply_options(options: &BundleDeploymentOptions) -> ApplyOptions {
    ApplyOptions {
        take_ownership: options.helm.as_ref().is_some_and(|helm| helm.take_ownership),
        keep_resources: options.keep_resources,
        delete_namespace: options.delete_namespace,
        delete_crd_resources: options.delete_crd_resources,
        correct_drift: options.correct_drift.clone(),
        service_account: options.service_account.clone(),
        compare_patches: options.diff.as_ref().map(|diff| diff.compare_patches.clone()).unwrap_or_default(),
        ignore_conditions: options.ignore.as_ref().map(|ignore| ignore.conditions.clone()).unwrap_or_default(),
        force_sync_generation: options.force_sync_generation,
        timeout_seconds: options.helm.as_ref().map_or(0, |helm| u32::try_from(helm.timeout_seconds).unwrap_or(0)),
        unknown: BTreeMap::new(),
    }
}
