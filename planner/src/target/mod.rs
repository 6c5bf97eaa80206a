//! Which clusters a Bundle goes to, with which customizations, and why not to the others.
//!
//! Source: `internal/cmd/controller/target/` of rancher/fleet (reference §2.5). Better on purpose: of several
//! customizations (`AllMatches`) each is laid over what is there so far, so that a `null` of an earlier one holds.

mod many;

pub use many::{Group, Many, Outcome};

use crate::options::merge;
use crate::selector::{self, Labels, matches, mismatch};
use fleet_api::labels::DISPLAY_NAME_LABEL;
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::{
    BundleDeploymentOptions, BundleNamespaceMapping, BundleSpec, BundleTarget, LabelSelector, TargetSelector,
};
use std::collections::BTreeMap;

/// A cluster, as targets see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterView {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The labels that selectors may see: granted and derived ones, and claims under `claims.skiff.dev/`.
    pub labels: Labels,
}

/// A ClusterGroup, as targets see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupView {
    /// Its namespace; it holds clusters of this namespace only.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its own labels.
    pub labels: Labels,
    /// Which clusters; none holds no cluster.
    pub selector: Option<LabelSelector>,
}

/// A target or a customization whose selector cannot be evaluated. It fails the Bundle for all clusters, as in Fleet:
/// which clusters are meant is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("target `{target}`: {field}: {error}")]
pub struct InvalidTarget {
    /// The target's name.
    pub target: String,
    /// The field of it.
    pub field: &'static str,
    /// What is wrong.
    pub error: selector::Error,
}

/// What becomes of a Bundle in one cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// The cluster gets it.
    Deploy(Box<Match>),
    /// It does not, and why.
    Skip(Note),
}

/// How a cluster gets a Bundle.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Name of the target that matched.
    pub target: String,
    /// Names of the customizations that apply, in order.
    pub customizations: Vec<String>,
    /// The Bundle's options with all of that laid over them.
    pub options: BundleDeploymentOptions,
}

/// The groups that `cluster` belongs to, in the order given.
pub fn groups_of<'a>(cluster: &ClusterView, groups: &'a [GroupView]) -> Vec<&'a GroupView> {
    let holds = |group: &&GroupView| {
        group.namespace == cluster.namespace
            && group
                .selector
                .as_ref()
                .is_some_and(|selector| selector::validate(selector).is_ok() && matches(selector, &cluster.labels))
    };
    groups.iter().filter(holds).collect()
}

/// Whether clusters of `cluster_namespace` are in the reach of a Bundle: those of its own namespace, and of the
/// namespaces that a BundleNamespaceMapping adds.
pub fn reaches(
    bundle: (&str, &Labels),
    cluster_namespace: &str,
    mappings: &[BundleNamespaceMapping],
    namespaces: &BTreeMap<String, Labels>,
) -> bool {
    let (bundle_namespace, bundle_labels) = bundle;
    let holds = |selector: Option<&LabelSelector>, labels: &Labels| {
        selector.is_some_and(|selector| selector::validate(selector).is_ok() && matches(selector, labels))
    };
    bundle_namespace == cluster_namespace
        || mappings.iter().any(|mapping| {
            mapping.metadata.namespace.as_deref() == Some(bundle_namespace)
                && holds(mapping.bundle_selector.as_ref(), bundle_labels)
                && namespaces
                    .get(cluster_namespace)
                    .is_some_and(|labels| holds(mapping.namespace_selector.as_ref(), labels))
        })
}

/// Checks every selector of a Bundle's targets.
///
/// # Errors
/// The first that cannot be evaluated.
pub fn validate(bundle: &BundleSpec) -> Result<(), InvalidTarget> {
    let selectors = bundle.targets.iter().map(|target| &target.selector).chain(&bundle.target_restrictions);
    for target in selectors {
        for (field, selector) in
            [("clusterSelector", &target.cluster_selector), ("clusterGroupSelector", &target.cluster_group_selector)]
        {
            if let Some(selector) = selector {
                selector::validate(selector).map_err(|error| InvalidTarget {
                    target: target.name.clone(),
                    field,
                    error,
                })?;
            }
        }
    }
    Ok(())
}

/// Which of a Bundle's targets decide for a cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice<'a> {
    /// It goes there.
    Deploy {
        /// The target that matched.
        target: &'a BundleTarget,
        /// The customizations that apply, in order.
        customizations: Vec<&'a BundleTarget>,
    },
    /// This target or customization matches, and says that nothing is to be deployed.
    DoNotDeploy(&'a BundleTarget),
    /// None of these targets matches.
    NotTargeted(&'a [BundleTarget]),
}

/// Chooses by `matches`, which says whether a target's criteria hold for the cluster.
pub fn choose<'a>(bundle: &'a BundleSpec, mut matches: impl FnMut(&TargetSelector) -> bool) -> Choice<'a> {
    let (customizations, targets) = split(bundle);
    let allowed = bundle.target_restrictions.is_empty() || bundle.target_restrictions.iter().any(&mut matches);
    let target = targets.iter().find(|target| allowed && matches(&target.selector));
    let Some(target) = target else { return Choice::NotTargeted(targets) };
    if target.do_not_deploy {
        return Choice::DoNotDeploy(target);
    }
    let all = bundle.target_customization_mode == "AllMatches";
    let customizations: Vec<&BundleTarget> = customizations
        .iter()
        .filter(|customization| matches(&customization.selector))
        .take(if all { usize::MAX } else { 1 })
        .collect();
    match customizations.iter().find(|customization| customization.do_not_deploy) {
        Some(suppressing) => Choice::DoNotDeploy(suppressing),
        None => Choice::Deploy { target, customizations },
    }
}

/// The customizations of a Bundle, and its targets. A Bundle without restrictions did not come from a GitRepo: all its
/// targets are plain ones.
pub fn split(bundle: &BundleSpec) -> (&[BundleTarget], &[BundleTarget]) {
    let customizations = bundle.targets.len().saturating_sub(bundle.target_restrictions.len());
    if bundle.target_restrictions.is_empty() { (&[], &bundle.targets) } else { bundle.targets.split_at(customizations) }
}

/// What becomes of `bundle` in `cluster`, which belongs to `groups`. The selectors must be valid ([`validate`]), and
/// the cluster in reach ([`reaches`]).
pub fn resolve(bundle: &BundleSpec, cluster: &ClusterView, groups: &[&GroupView]) -> Resolution {
    match choose(bundle, |target| target_matches(target, cluster, groups)) {
        Choice::NotTargeted(targets) => Resolution::Skip(not_targeted(targets, cluster, groups)),
        Choice::DoNotDeploy(target) => Resolution::Skip(do_not_deploy(target)),
        Choice::Deploy { target, customizations } => Resolution::Deploy(Box::new(Match {
            target: target.selector.name.clone(),
            customizations: customizations.iter().map(|customization| customization.selector.name.clone()).collect(),
            options: options(bundle, target, &customizations),
        })),
    }
}

/// The Bundle's options with what applies to a cluster laid over them.
fn options(bundle: &BundleSpec, target: &BundleTarget, customizations: &[&BundleTarget]) -> BundleDeploymentOptions {
    // A customization takes the place of the target's own options (Fleet: they are replaced, not merged).
    if customizations.is_empty() {
        return merge(&bundle.options, &target.options);
    }
    let laid = |options: BundleDeploymentOptions, over: &&BundleTarget| merge(&options, &over.options);
    customizations.iter().fold(bundle.options.clone(), laid)
}

/// Whether a target's criteria hold for a cluster. Evaluated once for each group of the cluster, so that `clusterGroup`
/// and `clusterGroupSelector` must hold for the same one; once without a group where it has none.
pub fn target_matches(target: &TargetSelector, cluster: &ClusterView, groups: &[&GroupView]) -> bool {
    if groups.is_empty() {
        criteria_hold(target, cluster, None)
    } else {
        groups.iter().any(|group| criteria_hold(target, cluster, Some(group)))
    }
}

fn criteria_hold(target: &TargetSelector, cluster: &ClusterView, group: Option<&GroupView>) -> bool {
    let TargetSelector { name: _, cluster_name, cluster_selector, cluster_group, cluster_group_selector } = target;
    let no_labels = Labels::new();
    let criteria = [
        (!cluster_name.is_empty()).then(|| is_called(cluster, cluster_name)),
        (!cluster_group.is_empty()).then(|| group.is_some_and(|group| group.name == *cluster_group)),
        cluster_group_selector
            .as_ref()
            .map(|selector| matches(selector, group.map_or(&no_labels, |group| &group.labels))),
        cluster_selector.as_ref().map(|selector| matches(selector, &cluster.labels)),
    ];
    criteria.iter().any(Option::is_some) && criteria.iter().flatten().all(|holds| *holds)
}

fn is_called(cluster: &ClusterView, name: &str) -> bool {
    cluster.name == name || cluster.labels.get(DISPLAY_NAME_LABEL).is_some_and(|display| display == name)
}

fn do_not_deploy(target: &BundleTarget) -> Note {
    Note::new(Reason::DoNotDeploy, says_do_not_deploy(&target.selector.name))
}

fn says_do_not_deploy(name: &str) -> String {
    format!("`{name}` matches and says doNotDeploy")
}

fn not_targeted(targets: &[BundleTarget], cluster: &ClusterView, groups: &[&GroupView]) -> Note {
    let why = why_none(targets, cluster, groups);
    Note::new(Reason::NotTargeted, format!("no target matches cluster {}/{}: {why}", cluster.namespace, cluster.name))
}

/// Why none of `targets` matches a cluster, in words that do not name the cluster.
fn why_none(targets: &[BundleTarget], cluster: &ClusterView, groups: &[&GroupView]) -> String {
    let why: Vec<String> = targets.iter().map(|target| why_not(&target.selector, cluster, groups)).collect();
    if why.is_empty() { "there are no targets".to_owned() } else { why.join("; ") }
}

/// Why a target does not match a cluster, in words.
pub fn why_not(target: &TargetSelector, cluster: &ClusterView, groups: &[&GroupView]) -> String {
    let name = if target.name.is_empty() { "(unnamed)" } else { &target.name };
    let group_names = || match groups {
        [] => "no group".to_owned(),
        groups => groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(", "),
    };
    let reason = if !target.cluster_name.is_empty() && !is_called(cluster, &target.cluster_name) {
        format!("it is for cluster `{}`", target.cluster_name)
    } else if let Some(mismatch) = target.cluster_selector.as_ref().and_then(|s| mismatch(s, &cluster.labels)) {
        mismatch
    } else if !target.cluster_group.is_empty() && groups.iter().all(|group| group.name != target.cluster_group) {
        format!("it is for group `{}`, the cluster is in {}", target.cluster_group, group_names())
    } else if target.cluster_group_selector.is_some() {
        format!("clusterGroupSelector does not hold; the cluster is in {}", group_names())
    } else if criteria_missing(target) {
        "it has no criteria, and so matches nothing".to_owned()
    } else {
        "the targets of the GitRepo do not allow it".to_owned()
    };
    format!("target `{name}`: {reason}")
}

fn criteria_missing(target: &TargetSelector) -> bool {
    target.cluster_name.is_empty()
        && target.cluster_group.is_empty()
        && target.cluster_selector.is_none()
        && target.cluster_group_selector.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn cluster(name: &str, labels: &Value) -> ClusterView {
        ClusterView {
            namespace: "fleet-default".into(),
            name: name.into(),
            labels: serde_json::from_value(labels.clone()).unwrap(),
        }
    }

    fn group(name: &str, labels: &Value, selector: &Value) -> GroupView {
        GroupView {
            namespace: "fleet-default".into(),
            name: name.into(),
            labels: serde_json::from_value(labels.clone()).unwrap(),
            selector: serde_json::from_value(selector.clone()).unwrap(),
        }
    }

    fn target(value: Value) -> TargetSelector {
        serde_json::from_value(value).unwrap()
    }

    fn bundle(value: Value) -> BundleSpec {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn criteria_are_fleets() {
        let groups = [
            group("eu", &json!({"zone": "eu"}), &json!({"matchLabels": {"region": "eu"}})),
            group("all", &json!({"zone": "any"}), &json!({})),
            group("none", &json!({}), &json!(null)),
        ];
        let shop = cluster("shop", &json!({"env": "prod", "region": "eu", (DISPLAY_NAME_LABEL): "Shop 1"}));
        let lone = ClusterView { namespace: "other".into(), ..cluster("lone", &json!({})) };
        let table = [
            (json!({}), false, false),
            (json!({"clusterName": "shop"}), true, false),
            (json!({"clusterName": "Shop 1"}), true, false),
            (json!({"clusterName": "sho"}), false, false),
            (json!({"clusterSelector": {}}), true, true),
            (json!({"clusterSelector": null}), false, false),
            (json!({"clusterSelector": {"matchLabels": {"env": "prod"}}}), true, false),
            (json!({"clusterName": "shop", "clusterSelector": {"matchLabels": {"env": "dev"}}}), false, false),
            (json!({"clusterGroup": "eu"}), true, false),
            (json!({"clusterGroup": "none"}), false, false),
            (json!({"clusterGroupSelector": {}}), true, true),
            (
                json!({"clusterGroupSelector": {"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}}),
                false,
                true,
            ),
            (json!({"clusterGroup": "eu", "clusterGroupSelector": {"matchLabels": {"zone": "any"}}}), false, false),
            (json!({"clusterGroup": "all", "clusterGroupSelector": {"matchLabels": {"zone": "any"}}}), true, false),
        ];
        for (criteria, shop_matches, lone_matches) in table {
            let target = target(criteria.clone());
            for (cluster, expected) in [(&shop, shop_matches), (&lone, lone_matches)] {
                let groups = groups_of(cluster, &groups);
                assert_eq!(target_matches(&target, cluster, &groups), expected, "{criteria} {}", cluster.name);
            }
        }
    }

    #[test]
    fn customizations_come_before_the_targets_that_the_restrictions_count() {
        let bundle = bundle(json!({
            "namespace": "base",
            "targets": [
                {"name": "prod", "clusterSelector": {"matchLabels": {"env": "prod"}}, "namespace": "prod"},
                {"name": "off", "clusterName": "off", "doNotDeploy": true},
                {"name": "git", "clusterSelector": {"matchLabels": {"shop": "yes"}}},
            ],
            "targetRestrictions": [{"name": "git", "clusterSelector": {"matchLabels": {"shop": "yes"}}}],
        }));
        let resolve = |name: &str, labels: Value| resolve(&bundle, &cluster(name, &labels), &[]);
        let Resolution::Deploy(found) = resolve("a", json!({"shop": "yes", "env": "prod"})) else { panic!("deploys") };
        assert_eq!((found.target.as_str(), found.options.target_namespace.as_str()), ("git", "prod"));
        assert_eq!(found.customizations, ["prod"]);
        let Resolution::Deploy(found) = resolve("a", json!({"shop": "yes"})) else { panic!("deploys") };
        assert_eq!(found.options.target_namespace, "base");
        // A customization never widens where the Bundle goes.
        let Resolution::Skip(note) = resolve("a", json!({"env": "prod"})) else { panic!("skips") };
        assert_eq!(note.reason, Reason::NotTargeted);
        assert!(note.message.contains("label `shop` is not set, not `yes`"), "{}", note.message);
        let Resolution::Skip(note) = resolve("off", json!({"shop": "yes"})) else { panic!("skips") };
        assert_eq!(note.reason, Reason::DoNotDeploy);
    }

    #[test]
    fn all_matches_lays_one_over_the_other() {
        let customization = |name: &str, options: Value| {
            let mut value = json!({"name": name, "clusterSelector": {}});
            value.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
            value
        };
        let spec = json!({
            "helm": {"values": {"a": {"x": 1}}},
            "targetCustomizationMode": "AllMatches",
            "targets": [
                customization("one", json!({"helm": {"values": {"a": null}}})),
                customization("two", json!({"helm": {"values": {"a": {"y": 2}}}})),
                customization("git", json!({})),
            ],
            "targetRestrictions": [{"name": "git", "clusterSelector": {}}],
        });
        let Resolution::Deploy(found) = resolve(&bundle(spec), &cluster("a", &json!({})), &[]) else {
            panic!("deploys")
        };
        assert_eq!(found.customizations, ["one", "two"]);
        assert_eq!(Value::Object(found.options.helm.unwrap().values.unwrap()), json!({"a": {"y": 2}}));
    }

    #[test]
    fn a_bundle_without_restrictions_has_plain_targets() {
        let bundle = bundle(json!({"targets": [{"name": "t", "clusterSelector": {}, "namespace": "own"}]}));
        let Resolution::Deploy(found) = resolve(&bundle, &cluster("a", &json!({})), &[]) else { panic!("deploys") };
        assert_eq!(found.options.target_namespace, "own");
    }

    #[test]
    fn an_invalid_selector_is_named() {
        let selector = json!({"matchExpressions": [{"key": "a", "operator": "Like"}]});
        let bundle = bundle(json!({"targets": [{"name": "t", "clusterSelector": selector}]}));
        assert_eq!(
            validate(&bundle).unwrap_err().to_string(),
            "target `t`: clusterSelector: `Like` is not a valid label selector operator: In, NotIn, Exists or \
             DoesNotExist is expected"
        );
    }

    #[test]
    fn a_mapping_brings_other_namespaces_into_reach() {
        let mapping: BundleNamespaceMapping = serde_json::from_value(json!({
            "metadata": {"name": "m", "namespace": "fleet-default"},
            "bundleSelector": {"matchLabels": {"team": "a"}},
            "namespaceSelector": {"matchLabels": {"kind": "edge"}},
        }))
        .unwrap();
        let labels = |value: Value| -> Labels { serde_json::from_value(value).unwrap() };
        let namespaces = [("edge".to_owned(), labels(json!({"kind": "edge"})))].into();
        let team = labels(json!({"team": "a"}));
        assert!(reaches(("fleet-default", &team), "edge", std::slice::from_ref(&mapping), &namespaces));
        assert!(!reaches(("fleet-default", &Labels::new()), "edge", std::slice::from_ref(&mapping), &namespaces));
        assert!(!reaches(("fleet-default", &team), "elsewhere", std::slice::from_ref(&mapping), &namespaces));
        assert!(reaches(("fleet-default", &Labels::new()), "fleet-default", &[], &namespaces));
    }
}
