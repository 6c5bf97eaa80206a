//! The options of a Bundle with a customization laid over them (reference §2.5, `options/calculate.go`).
//!
//! Better than Fleet on purpose: every option merges from a customization, also those that Fleet forgets
//! (`maxHistory`, `skipSchemaValidation`, `ignore`, `deleteNamespace`, `createNamespace`, `namespaceLabels` …).

use fleet_api::v1alpha1::{BundleDeploymentOptions, HelmOptions, ValuesFrom};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// `custom` laid over `base`. What `custom` does not set stays.
pub fn merge(base: &BundleDeploymentOptions, custom: &BundleDeploymentOptions) -> BundleDeploymentOptions {
    let mut merged = base.clone();
    replace_text(&mut merged.default_namespace, &custom.default_namespace);
    replace_text(&mut merged.target_namespace, &custom.target_namespace);
    replace_text(&mut merged.service_account, &custom.service_account);
    if let Some(helm) = &custom.helm {
        merge_helm(merged.helm.get_or_insert_default(), helm);
    }
    if let Some(kustomize) = &custom.kustomize {
        replace_text(&mut merged.kustomize.get_or_insert_default().dir, &kustomize.dir);
    }
    if let Some(yaml) = &custom.yaml {
        merged.yaml.get_or_insert_default().overlays.extend(yaml.overlays.iter().cloned());
    }
    if let Some(diff) = &custom.diff {
        let patches = &mut merged.diff.get_or_insert_default().compare_patches;
        merge_by_key(patches, &diff.compare_patches, |p| {
            (p.api_version.clone(), p.kind.clone(), p.namespace.clone(), p.name.clone())
        });
    }
    merge_by_key(&mut merged.downstream_resources, &custom.downstream_resources, |r| (r.kind.clone(), r.name.clone()));
    merge_by_key(&mut merged.overwrites, &custom.overwrites, |r| (r.kind.clone(), r.namespace.clone(), r.name.clone()));
    if custom.force_sync_generation > 0 {
        merged.force_sync_generation = custom.force_sync_generation;
    }
    replace(&mut merged.create_namespace, &custom.create_namespace);
    replace(&mut merged.correct_drift, &custom.correct_drift);
    replace(&mut merged.allowed_target_namespace_selector, &custom.allowed_target_namespace_selector);
    replace(&mut merged.templating, &custom.templating);
    if let Some(ignore) = &custom.ignore {
        merged.ignore.get_or_insert_default().conditions.extend(ignore.conditions.iter().cloned());
    }
    merge_map(&mut merged.namespace_labels, custom.namespace_labels.as_ref());
    merge_map(&mut merged.namespace_annotations, custom.namespace_annotations.as_ref());
    merged.keep_resources |= custom.keep_resources;
    merged.delete_namespace |= custom.delete_namespace;
    merged.delete_crd_resources |= custom.delete_crd_resources;
    merged
}

fn merge_helm(base: &mut HelmOptions, custom: &HelmOptions) {
    replace_text(&mut base.chart, &custom.chart);
    replace_text(&mut base.repo, &custom.repo);
    replace_text(&mut base.version, &custom.version);
    replace_text(&mut base.release_name, &custom.release_name);
    match custom.timeout_seconds {
        0 => {}
        seconds if seconds < 0 => base.timeout_seconds = 0,
        seconds => base.timeout_seconds = seconds,
    }
    if let Some(values) = &custom.values {
        merge_values(base.values.get_or_insert_default(), values);
    }
    merge_map(&mut base.template_values, custom.template_values.as_ref());
    merge_by_key(&mut base.values_from, &custom.values_from, values_from_key);
    if custom.max_history > 0 {
        base.max_history = custom.max_history;
    }
    base.force |= custom.force;
    base.atomic |= custom.atomic;
    base.take_ownership |= custom.take_ownership;
    base.disable_pre_process |= custom.disable_pre_process;
    base.wait_for_jobs |= custom.wait_for_jobs;
    base.disable_dns |= custom.disable_dns;
    base.skip_schema_validation |= custom.skip_schema_validation;
    base.disable_dependency_update |= custom.disable_dependency_update;
}

fn values_from_key(from: &ValuesFrom) -> (&'static str, String, String, String) {
    let (kind, selector) = match (&from.config_map_key_ref, &from.secret_key_ref) {
        (Some(selector), _) => ("ConfigMap", selector.clone()),
        (None, Some(selector)) => ("Secret", selector.clone()),
        (None, None) => ("", fleet_api::v1alpha1::KeySelector::default()),
    };
    (kind, selector.namespace, selector.name, selector.key)
}

/// Deep merge of values: maps merge, everything else replaces; `null` replaces and is kept, so that Helm then removes
/// the chart's default for it (reference §2.4).
pub fn merge_values(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge_values(below, above),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

fn replace_text(base: &mut String, custom: &str) {
    if !custom.is_empty() {
        custom.clone_into(base);
    }
}

fn replace<T: Clone>(base: &mut Option<T>, custom: &Option<T>) {
    if custom.is_some() {
        base.clone_from(custom);
    }
}

fn merge_map(base: &mut Option<BTreeMap<String, String>>, custom: Option<&BTreeMap<String, String>>) {
    if let Some(custom) = custom {
        base.get_or_insert_default().extend(custom.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

/// Entries of the same key are replaced in place, others appended.
fn merge_by_key<T: Clone, K: PartialEq>(base: &mut Vec<T>, custom: &[T], key: impl Fn(&T) -> K) {
    for item in custom {
        match base.iter_mut().find(|existing| key(existing) == key(item)) {
            Some(existing) => *existing = item.clone(),
            None => base.push(item.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options(value: Value) -> BundleDeploymentOptions {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_customization_is_laid_over_the_bundle() {
        let table = [
            (json!({"namespace": "a"}), json!({"namespace": ""}), json!({"namespace": "a"})),
            (json!({"namespace": "a"}), json!({"namespace": "b"}), json!({"namespace": "b"})),
            (
                json!({"yaml": {"overlays": ["a"]}}),
                json!({"yaml": {"overlays": ["b"]}}),
                json!({"yaml": {"overlays": ["a", "b"]}}),
            ),
            (
                json!({"helm": {"values": {"a": {"x": 1, "y": 2}, "l": [1]}, "timeoutSeconds": 5}}),
                json!({"helm": {"values": {"a": {"y": null}, "l": [2]}, "timeoutSeconds": -1}}),
                json!({"helm": {"values": {"a": {"x": 1, "y": null}, "l": [2]}}}),
            ),
            (json!({"keepResources": true}), json!({}), json!({"keepResources": true})),
            (json!({"templating": "all"}), json!({}), json!({"templating": "all"})),
            (json!({"templating": "all"}), json!({"templating": "values"}), json!({"templating": "values"})),
            (json!({"correctDrift": {"enabled": true}}), json!({"correctDrift": {}}), json!({"correctDrift": {}})),
            (
                json!({"diff": {"comparePatches": [{"kind": "A", "jsonPointers": ["/x"]}, {"kind": "B"}]}}),
                json!({"diff": {"comparePatches": [{"kind": "A", "jsonPointers": ["/y"]}, {"kind": "C"}]}}),
                json!({"diff": {"comparePatches": [{"kind": "A", "jsonPointers": ["/y"]}, {"kind": "B"}, {"kind": "C"}]}}),
            ),
            (
                json!({"namespaceLabels": {"a": "1"}, "helm": {"maxHistory": 2}}),
                json!({"namespaceLabels": {"b": "2"}, "helm": {"maxHistory": 5}, "createNamespace": false}),
                json!({"namespaceLabels": {"a": "1", "b": "2"}, "helm": {"maxHistory": 5}, "createNamespace": false}),
            ),
        ];
        for (base, custom, expected) in table {
            assert_eq!(merge(&options(base.clone()), &options(custom.clone())), options(expected), "{base} + {custom}");
        }
    }

    #[test]
    fn nothing_laid_over_changes_nothing() {
        let base = options(json!({"helm": {"values": {"a": 1}}, "deleteCRDResources": true, "namespace": "x"}));
        assert_eq!(merge(&base, &BundleDeploymentOptions::default()), base);
    }
}
