//! What the hub does to `helm.values` for each cluster before Helm sees them (reference §2.6).

use crate::error::RenderError;
use crate::helm::check_chance;
use crate::{Chance, ClusterFacts};
use fleet_api::v1alpha1::{BundleDeploymentOptions, HelmOptions};
use helm_rs::functions::{Environment, Library, Seed};
use helm_rs::template::{Delimiters, Function, Functions, Limits, MissingKey, Options, Run, Templates};
use helm_rs::value::{Map as GoMap, Value as GoValue};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

const LABEL_VALUE: &str = "global.fleet.clusterLabels.";
const DEPTH: usize = 50;

/// The functions of Helm's templates that Sprig does not bring, and those of Sprig that Fleet takes away.
const NOT_SPRIG: &[&str] = &[
    "env",
    "expandenv",
    "fromJsonArray",
    "fromToml",
    "fromYaml",
    "fromYamlArray",
    "getHostByName",
    "include",
    "lookup",
    "mustToToml",
    "mustToYaml",
    "required",
    "toToml",
    "toYaml",
    "toYamlPretty",
    "tpl",
];

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
    let failed = |field: &str, message: String| {
        RenderError::file(place, format!("{field}, for cluster {}/{}: {message}", cluster.namespace, cluster.name))
    };
    let Made { is_random, reads_clock } =
        execute(helm, cluster, chance).map_err(|(field, message)| failed(&field, message))?;
    check_chance(chance, is_random, reads_clock, place)
}

/// What the templates asked for.
#[derive(Default)]
struct Made {
    is_random: bool,
    reads_clock: bool,
}

fn execute(helm: &mut HelmOptions, cluster: &ClusterFacts, chance: Option<Chance>) -> Result<Made, (String, String)> {
    let Chance { seed, time } = chance.unwrap_or_default();
    let environment = Environment::new(Seed::new(seed), time);
    let templated = helm.values.as_ref().is_some_and(|values| values.iter().any(|(k, v)| holds_template(k, v)));
    if let (Some(values), true) = (&mut helm.values, templated) {
        let text = k8s_yaml::to_string(&Value::Object(std::mem::take(values)));
        let failed = |message| ("helm.values".to_owned(), message);
        *values = match rendered(&text, cluster, &environment).map_err(failed)? {
            Value::Object(map) => map,
            Value::Null => Map::new(),
            _ => return Err(failed("the templates leave no mapping".to_owned())),
        };
    }
    for (key, template) in helm.template_values.iter().flatten() {
        let value = rendered(template, cluster, &environment)
            .map_err(|message| (format!("helm.templateValues.{key}"), message))?;
        helm.values.get_or_insert_default().insert(key.clone(), value);
    }
    Ok(Made { is_random: environment.is_random(), reads_clock: environment.reads_clock() })
}

/// The YAML that a template makes. Fleet: `target/builder.go`, `renderTemplate`.
fn rendered(template: &str, cluster: &ClusterFacts, environment: &Environment) -> Result<Value, String> {
    const NAME: &str = "values";
    let templates = Templates::new(NAME, Arc::new(Sprig(Library::new())));
    let mut templates = templates.with_delimiters(Delimiters { left: "${", right: "}" });
    templates.parse(NAME, template.as_bytes()).map_err(|error| error.to_string())?;
    let options = Options { missing_key: MissingKey::Error, limits: Limits::default() };
    let output = Run::new(&templates, options, environment).execute(NAME, &GoValue::Map(context(cluster)));
    let output = output.map_err(|error| error.to_string())?;
    let documents = k8s_yaml::from_bytes(&output, &k8s_yaml::Options::sigs()).map_err(|error| error.to_string())?;
    let Some(document) = documents.first() else { return Ok(Value::Null) };
    document.node.to_json().map_err(|error| error.to_string())
}

#[derive(Debug)]
struct Sprig(Library);

impl Functions for Sprig {
    fn get(&self, name: &str) -> Option<&Function> {
        if NOT_SPRIG.contains(&name) { None } else { self.0.get(name) }
    }
}

fn context(cluster: &ClusterFacts) -> GoMap {
    let map = |entries: BTreeMap<&str, &str>| GoValue::map(entries.into_iter().map(|(k, v)| (k, GoValue::from(v))));
    GoMap::from_iter([
        ("ClusterNamespace", GoValue::from(cluster.namespace.as_str())),
        ("ClusterName", GoValue::from(cluster.name.as_str())),
        ("ClusterLabels", map(visible(&cluster.labels, true))),
        ("ClusterAnnotations", map(visible(&cluster.annotations, false))),
        ("ClusterValues", GoValue::from_json(&Value::Object(cluster.template_values.clone()))),
    ])
}

/// The labels or annotations that templates see: without Rancher's own, of which two groups of labels stay.
fn visible(all: &BTreeMap<String, String>, are_labels: bool) -> BTreeMap<&str, &str> {
    let kept = |key: &str| {
        let hidden = key.starts_with("kubectl.kubernetes.io/") || key.contains("cattle.io/");
        let back = key.starts_with("fleet.cattle.io/") || key.starts_with("management.cattle.io/");
        !hidden || (are_labels && back)
    };
    all.iter().filter(|(key, _)| kept(key)).map(|(key, value)| (key.as_str(), value.as_str())).collect()
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
