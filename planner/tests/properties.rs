//! What holds of every customization, selector and name, whatever is in it.

use fleet_api::names::{RELEASE_NAME_LIMIT, bundle_name, helm_release_name, is_dns_label, limit};
use fleet_api::v1alpha1::{BundleDeploymentOptions, LabelSelector, LabelSelectorRequirement};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use skiff_planner::options::{merge, merge_values};
use skiff_planner::selector::{matches, mismatch, validate};
use std::collections::{BTreeMap, BTreeSet};

/// Values in which one path is a map in all of them or in none: `m` and `n` are maps, the other keys are not. Where a map
/// becomes a scalar and a map again, order of merging matters, and has to: the scalar ends what was below.
fn values(depth: u32) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        (0..9).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
        Just(json!([1]))
    ];
    let leaves = prop::collection::btree_map("[a-d]", leaf, 0..4);
    if depth == 0 {
        return leaves.prop_map(|leaves| Value::Object(leaves.into_iter().collect())).boxed();
    }
    let maps = prop::collection::btree_map("[mn]", values(depth - 1), 0..3);
    (leaves, maps).prop_map(|(leaves, maps)| Value::Object(leaves.into_iter().chain(maps).collect())).boxed()
}

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map("[a-d]", "[x-z]?", 0..4)
}

/// Options with everything that merges in a way of its own.
fn options() -> impl Strategy<Value = BundleDeploymentOptions> {
    let texts = ("[ab]?", "[ab]?", "[ab]?");
    let lists = (
        prop::collection::btree_map("[a-d]", "Secret|ConfigMap", 0..3),
        prop::collection::vec("[a-d]", 0..3),
        prop::collection::btree_map("[a-d]", "/data/[ab]", 0..3),
        prop::collection::btree_map("[a-d]", "[xy]", 0..3),
    );
    let helm = (prop::option::of(values(2)), prop::option::of(labels()), 0..4_i64, any::<bool>());
    let rest = (prop::option::of(labels()), any::<[bool; 3]>(), prop::option::of(any::<bool>()), 0..3_i64);
    (texts, lists, prop::option::of(helm), rest).prop_map(|(texts, lists, helm, rest)| {
        let resources: Vec<Value> = lists.0.iter().map(|(name, kind)| json!({"kind": kind, "name": name})).collect();
        let patches: Vec<Value> = lists
            .2
            .iter()
            .map(|(name, path)| json!({"kind": "ConfigMap", "name": name, "jsonPointers": [path]}))
            .collect();
        let from: Vec<Value> =
            lists.3.iter().map(|(name, key)| json!({"secretKeyRef": {"name": name, "key": key}})).collect();
        let mut all = json!({
            "namespace": texts.0, "defaultNamespace": texts.1, "serviceAccount": texts.2,
            "downstreamResources": resources, "yaml": {"overlays": lists.1}, "diff": {"comparePatches": patches},
            "keepResources": rest.1[0], "deleteNamespace": rest.1[1], "deleteCRDResources": rest.1[2],
            "forceSyncGeneration": rest.3,
        });
        let optional = [
            ("namespaceLabels", rest.0.map(|labels| json!(labels))),
            ("createNamespace", rest.2.map(Value::from)),
            ("helm", helm.map(|(values, templates, seconds, force)| {
                json!({"values": values, "templateValues": templates, "timeoutSeconds": seconds, "maxHistory": seconds,
                    "force": force, "valuesFrom": from})
            })),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                all[key] = value;
            }
        }
        serde_json::from_value(all).expect("these are options")
    })
}

/// Every value with its path; a map that is empty counts as one.
fn leaves(value: &Value, path: &str, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), into));
        }
        other => drop(into.insert(path.to_owned(), other.clone())),
    }
}

fn leaves_of(map: &Map<String, Value>) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    map.iter().for_each(|(key, value)| leaves(value, &format!("/{key}"), &mut all));
    all
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn selector() -> impl Strategy<Value = LabelSelector> {
    let operator = prop_oneof![Just("In"), Just("NotIn"), Just("Exists"), Just("DoesNotExist")];
    let requirement = ("[a-d]", operator, prop::collection::vec("[x-z]", 1..3)).prop_map(|(key, operator, values)| {
        let values = if operator.ends_with("In") { values } else { Vec::new() };
        LabelSelectorRequirement { key, operator: operator.to_owned(), values }
    });
    (labels(), prop::collection::vec(requirement, 0..3))
        .prop_map(|(match_labels, match_expressions)| LabelSelector { match_labels, match_expressions })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_customizations_are_the_same_laid_over_one_by_one_or_together(a in options(), b in options(), c in options()) {
        prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
    }

    #[test]
    fn nothing_laid_over_changes_nothing(a in options()) {
        prop_assert_eq!(merge(&a, &BundleDeploymentOptions::default()), a);
    }

    #[test]
    fn of_merged_values_nothing_is_lost_and_what_is_laid_over_holds(below in values(2), above in values(2)) {
        let (below, above) = (object(below), object(above));
        let mut merged = below.clone();
        merge_values(&mut merged, &above);
        let (is, over) = (leaves_of(&merged), leaves_of(&above));
        for (path, value) in &over {
            // An empty map lays nothing over.
            prop_assert!(value == &json!({}) || is.get(path) == Some(value), "{} of {:?}", path, is);
        }
        for (path, value) in leaves_of(&below) {
            let is_there = is.get(&path) == Some(&value) || over.contains_key(&path) || value == json!({});
            prop_assert!(is_there, "{path} of {is:?}");
        }
        let known: BTreeSet<String> = leaves_of(&below).into_keys().chain(over.into_keys()).collect();
        prop_assert!(is.keys().all(|path| known.contains(path)), "{is:?}");
    }

    #[test]
    fn lists_by_key_hold_what_either_has(a in options(), b in options()) {
        let names = |options: &BundleDeploymentOptions| -> BTreeSet<(String, String)> {
            options.downstream_resources.iter().map(|resource| (resource.kind.clone(), resource.name.clone())).collect()
        };
        let merged = merge(&a, &b);
        prop_assert_eq!(names(&merged), names(&a).union(&names(&b)).cloned().collect());
        prop_assert_eq!(merged.downstream_resources.len(), names(&merged).len());
        let labels = |options: &BundleDeploymentOptions| options.namespace_labels.clone().unwrap_or_default();
        let mut both = labels(&a);
        both.extend(labels(&b));
        prop_assert_eq!(labels(&merged), both);
        let patches = |options: &BundleDeploymentOptions| -> BTreeSet<String> {
            options.diff.iter().flat_map(|diff| &diff.compare_patches).map(|patch| patch.name.clone()).collect()
        };
        prop_assert_eq!(patches(&merged), patches(&a).union(&patches(&b)).cloned().collect());
        let overlays = |options: &BundleDeploymentOptions| -> Vec<String> {
            options.yaml.iter().flat_map(|yaml| yaml.overlays.clone()).collect()
        };
        prop_assert_eq!(overlays(&merged), [overlays(&a), overlays(&b)].concat());
    }

    #[test]
    fn a_selector_matches_where_each_of_its_parts_does_and_says_why_where_not(selector in selector(), labels in labels()) {
        prop_assert_eq!(validate(&selector), Ok(()));
        let holds = |requirement: &LabelSelectorRequirement| {
            let is_one_of = labels.get(&requirement.key).is_some_and(|value| requirement.values.contains(value));
            match requirement.operator.as_str() {
                "In" => is_one_of,
                "NotIn" => !is_one_of,
                "Exists" => labels.contains_key(&requirement.key),
                _ => !labels.contains_key(&requirement.key),
            }
        };
        let expected = selector.match_labels.iter().all(|pair| labels.iter().any(|label| label == pair))
            && selector.match_expressions.iter().all(holds);
        prop_assert_eq!(matches(&selector, &labels), expected);
        prop_assert_eq!(mismatch(&selector, &labels).is_none(), expected);
        // A label that it does not name is nothing to it.
        let mut more = labels;
        more.insert("other".into(), "x".into());
        prop_assert_eq!(matches(&selector, &more), expected);
    }

    #[test]
    fn every_text_gives_a_name_that_kubernetes_and_helm_take(text in "\\PC{0,80}", path in "[a-zA-Z0-9._/-]{0,90}") {
        for name in [helm_release_name(&text), bundle_name("shop", &path)] {
            prop_assert!(is_dns_label(&name) && name.len() <= RELEASE_NAME_LIMIT, "{name:?}");
            prop_assert_eq!(helm_release_name(&name), name, "a name is its own");
        }
    }

    #[test]
    fn a_text_is_cut_to_its_limit_and_not_before(text in "[a-z-]{0,40}", length in 7..40_usize) {
        let short = limit(&text, length);
        prop_assert!(short.len() <= length);
        prop_assert_eq!(short == text, text.len() <= length);
    }
}
