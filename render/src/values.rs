//! What the hub does to `helm.values` for each cluster before Helm sees them (reference §2.6).

use crate::ClusterFacts;
use crate::error::RenderError;
use fleet_api::v1alpha1::BundleDeploymentOptions;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const LABEL_VALUE: &str = "global.fleet.clusterLabels.";
const DEPTH: usize = 50;

/// Fills in the cluster's labels.
///
/// Better than Fleet on purpose: this happens for clusters without labels, too.
///
/// # Errors
/// [`RenderError::NotSupported`] where a value holds a template.
pub(crate) fn preprocess(
    options: &mut BundleDeploymentOptions,
    cluster: &ClusterFacts,
    place: &str,
) -> Result<(), RenderError> {
    let Some(helm) = &mut options.helm else { return Ok(()) };
    let labels = visible_labels(&cluster.labels);
    if let Some(values) = &mut helm.values {
        fill(values, &labels, 0);
    }
    let templated = helm.values.as_ref().is_some_and(|values| values.iter().any(|(k, v)| holds_template(k, v)));
    let template_values = helm.template_values.as_ref().is_some_and(|values| !values.is_empty());
    if !helm.disable_pre_process && (templated || template_values) {
        let feature = "templates in helm.values, which need the Helm engine";
        return Err(RenderError::NotSupported { feature, place: place.to_owned() });
    }
    Ok(())
}

/// The labels that templates see: without Rancher's own, of which two groups stay.
fn visible_labels(labels: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let kept = |key: &str| {
        let hidden = key.starts_with("kubectl.kubernetes.io/") || key.contains("cattle.io/");
        !hidden || key.starts_with("fleet.cattle.io/") || key.starts_with("management.cattle.io/")
    };
    labels.iter().filter(|(key, _)| kept(key)).map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// Whole values in maps, and in maps in lists; not the items of lists themselves, as in Fleet.
fn fill(values: &mut Map<String, Value>, labels: &BTreeMap<&str, &str>, depth: usize) {
    if depth >= DEPTH {
        return;
    }
    for value in values.values_mut() {
        match value {
            Value::String(text) => {
                if let Some(label) = text.strip_prefix(LABEL_VALUE) {
                    *text = labels.get(label).copied().unwrap_or_default().to_owned();
                }
            }
            Value::Object(map) => fill(map, labels, depth + 1),
            Value::Array(items) => {
                items.iter_mut().filter_map(Value::as_object_mut).for_each(|map| fill(map, labels, depth + 1));
            }
            _ => {}
        }
    }
}

fn holds_template(key: &str, value: &Value) -> bool {
    key.contains("${")
        || match value {
            Value::String(text) => text.contains("${"),
            Value::Object(map) => map.iter().any(|(key, value)| holds_template(key, value)),
            Value::Array(items) => items.iter().any(|value| holds_template("", value)),
            _ => false,
        }
}
