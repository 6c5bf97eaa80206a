//! `namespace` and `defaultNamespace` (reference §1.1, §2.8).

use crate::error::RenderError;
use crate::{RenderedObject, kinds};
use fleet_api::key::group_of;
use fleet_api::names::is_dns_label;
use fleet_api::v1alpha1::BundleDeploymentOptions;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The namespace of the release: `namespace`, else `defaultNamespace`, else `default`.
pub(crate) fn of_release(options: &BundleDeploymentOptions) -> Result<String, RenderError> {
    let (field, namespace) = match (options.target_namespace.as_str(), options.default_namespace.as_str()) {
        ("", "") => ("defaultNamespace", "default"),
        ("", namespace) => ("defaultNamespace", namespace),
        (namespace, _) => ("namespace", namespace),
    };
    if is_dns_label(namespace) {
        Ok(namespace.to_owned())
    } else {
        Err(RenderError::Namespace { field, namespace: namespace.to_owned() })
    }
}

/// Moves every object to `namespace`. Objects of kinds that nothing here knows are taken for namespaced ones; the
/// agent asks its cluster.
pub(crate) fn force(objects: &mut [RenderedObject], namespace: &str) -> Result<(), RenderError> {
    let defined = cluster_scoped_definitions(objects);
    for object in objects {
        let text = |key: &str| object.value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (group, kind) = (group_of(&text("apiVersion")).to_owned(), text("kind"));
        let known = kinds::is_cluster_scoped(&group, &kind);
        if known.unwrap_or_else(|| defined.contains(&(group, kind.clone()))) {
            return Err(RenderError::ClusterScoped {
                place: object.source.clone(),
                kind,
                name: object.value["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
                namespace: namespace.to_owned(),
            });
        }
        let Some(map) = object.value.as_object_mut() else { continue };
        let metadata = map.entry("metadata").or_insert(Value::Null);
        if metadata.is_null() {
            *metadata = Value::Object(Map::new());
        }
        if let Value::Object(metadata) = metadata {
            metadata.insert("namespace".to_owned(), Value::from(namespace));
        }
    }
    Ok(())
}

/// The cluster-scoped kinds that the bundle itself defines.
fn cluster_scoped_definitions(objects: &[RenderedObject]) -> BTreeSet<(String, String)> {
    let defined = objects.iter().map(|object| &object.value);
    defined
        .filter(|value| value["kind"] == "CustomResourceDefinition" && value["spec"]["scope"] == "Cluster")
        .filter_map(|value| {
            let spec = &value["spec"];
            Some((spec["group"].as_str()?.to_owned(), spec["names"]["kind"].as_str()?.to_owned()))
        })
        .collect()
}
