//! What the hub does to `helm.values` for each cluster before Helm sees them (reference §2.6).

use crate::error::RenderError;
use crate::templating::{Engine, holds_template, visible};
use crate::{Chance, ClusterFacts};
use fleet_api::v1alpha1::{BundleDeploymentOptions, HelmOptions};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const LABEL_VALUE: &str = "global.fleet.clusterLabels.";
const DEPTH: usize = 50;

/// Fills in the cluster's labels, executes the templates `${ … }`, and adds `helm.templateValues`.
///
/// Better than Fleet on purpose: this happens for clusters without labels, too.
///
/// # Errors
/// A template that is malformed, fails, or makes no YAML.
pub(crate) fn preprocess(
    options: &mut BundleDeploymentOptions,
    cluster: &ClusterFacts,
    chance: Option<Chance>,
    place: &str,
) -> Result<(), RenderError> {
    let Some(helm) = &mut options.helm else { return Ok(()) };
    let labels = visible(&cluster.labels, true);
    if let Some(values) = &mut helm.values {
        fill(values, &labels, 0);
    }
    if helm.disable_pre_process {
        return Ok(());
    }
    let engine = Engine::new(cluster, chance, b"");
    execute(helm, &engine).map_err(|(field, message)| engine.failed(place, &field, &message))?;
    engine.check(place)
}

fn execute(helm: &mut HelmOptions, engine: &Engine<'_>) -> Result<(), (String, String)> {
    let templated = helm.values.as_ref().is_some_and(|values| values.iter().any(|(k, v)| is_templated(k, v)));
    if let (Some(values), true) = (&mut helm.values, templated) {
        let text = k8s_yaml::to_string(&Value::Object(std::mem::take(values)));
        let failed = |message| ("helm.values".to_owned(), message);
        *values = match rendered(&text, engine).map_err(failed)? {
            Value::Object(map) => map,
            Value::Null => Map::new(),
            _ => return Err(failed("the templates leave no mapping".to_owned())),
        };
    }
    for (key, template) in helm.template_values.iter().flatten() {
        let value = rendered(template, engine).map_err(|message| (format!("helm.templateValues.{key}"), message))?;
        helm.values.get_or_insert_default().insert(key.clone(), value);
    }
    Ok(())
}

/// The YAML that a template makes.
fn rendered(template: &str, engine: &Engine<'_>) -> Result<Value, String> {
    let output = engine.execute("values", template)?;
    let documents = k8s_yaml::from_bytes(&output, &k8s_yaml::Options::sigs()).map_err(|error| error.to_string())?;
    let Some(document) = documents.first() else { return Ok(Value::Null) };
    document.node.to_json().map_err(|error| error.to_string())
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

fn is_templated(key: &str, value: &Value) -> bool {
    holds_template(key)
        || match value {
            Value::String(text) => holds_template(text),
            Value::Object(map) => map.iter().any(|(key, value)| is_templated(key, value)),
            Value::Array(items) => items.iter().any(|value| is_templated("", value)),
            _ => false,
        }
}
