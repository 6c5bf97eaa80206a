//! The same question for many Bundles and many clusters: each selector is evaluated once for each cluster, however many
//! Bundles have it, and clusters with the same answer are given together.

use super::{
    BundleSpec, Choice, ClusterView, GroupView, TargetSelector, choose, says_do_not_deploy, target_matches, why_none,
};
use fleet_api::reason::Reason;
use fleet_api::v1alpha1::BundleTarget;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What becomes of a Bundle in some clusters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// They get it.
    Deploy {
        /// Name of the target that matched.
        target: String,
        /// Names of the customizations that apply, in order.
        customizations: Vec<String>,
    },
    /// They do not: this target or customization matches, and says so.
    DoNotDeploy {
        /// Its name.
        by: String,
    },
    /// They do not: no target matches.
    NotTargeted {
        /// Why, in words.
        why: String,
    },
}

impl Outcome {
    /// Why they do not get it, in one word and in words; `None` where they do.
    #[must_use]
    pub fn why_not(&self) -> Option<(Reason, String)> {
        match self {
            Self::Deploy { .. } => None,
            Self::DoNotDeploy { by } => Some((Reason::DoNotDeploy, says_do_not_deploy(by))),
            Self::NotTargeted { why } => Some((Reason::NotTargeted, why.clone())),
        }
    }
}

/// Clusters in which the same becomes of a Bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What becomes of it.
    pub outcome: Outcome,
    /// Where they stand in the list that [`Many::new`] was given, ascending.
    pub clusters: Vec<usize>,
}

/// Clusters, and what is known of the selectors that were asked for so far.
#[derive(Debug)]
pub struct Many<'a> {
    clusters: Vec<(&'a ClusterView, Vec<&'a GroupView>)>,
    /// For criteria (as debug output), whether they hold for each cluster.
    held: BTreeMap<String, Rc<[bool]>>,
    /// For targets, why none of them matches a cluster: a number for each, and the words for each number.
    whys: BTreeMap<String, Rc<Whys>>,
}

#[derive(Debug, Default)]
struct Whys {
    of_cluster: Vec<usize>,
    words: Vec<String>,
}

impl<'a> Many<'a> {
    /// For these clusters, each with the groups that it belongs to ([`super::groups_of`]).
    #[must_use]
    pub fn new(clusters: Vec<(&'a ClusterView, Vec<&'a GroupView>)>) -> Self {
        Self { clusters, held: BTreeMap::new(), whys: BTreeMap::new() }
    }

    /// What becomes of `bundle` in the clusters `among`, as [`super::resolve`] decides it. The selectors must be valid
    /// ([`super::validate`]), and the clusters in reach ([`super::reaches`]). In the order of the first clusters.
    pub fn outcomes(&mut self, bundle: &BundleSpec, among: Vec<usize>) -> Vec<Group> {
        let criteria: Vec<&TargetSelector> =
            bundle.target_restrictions.iter().chain(bundle.targets.iter().map(|target| &target.selector)).collect();
        let mut groups: BTreeMap<Outcome, Vec<usize>> = BTreeMap::new();
        for (holds, clusters) in self.alike(&criteria, among) {
            let holds =
                |target: &TargetSelector| criteria.iter().zip(&holds).any(|(known, holds)| *holds && *known == target);
            match choose(bundle, holds) {
                Choice::Deploy { target, customizations } => {
                    let target = target.selector.name.clone();
                    let customizations = customizations.iter().map(|one| one.selector.name.clone()).collect();
                    groups.entry(Outcome::Deploy { target, customizations }).or_default().extend(clusters);
                }
                Choice::DoNotDeploy(target) => {
                    let by = target.selector.name.clone();
                    groups.entry(Outcome::DoNotDeploy { by }).or_default().extend(clusters);
                }
                Choice::NotTargeted(targets) => {
                    for (outcome, clusters) in self.whys(targets).outcomes(clusters) {
                        groups.entry(outcome).or_default().extend(clusters);
                    }
                }
            }
        }
        let mut groups: Vec<Group> =
            groups.into_iter().map(|(outcome, clusters)| Group { outcome, clusters }).collect();
        groups.iter_mut().for_each(|group| group.clusters.sort_unstable());
        groups.sort_by_key(|group| group.clusters.first().copied());
        groups
    }

    /// Parts `among` into clusters for which the same of `criteria` hold.
    fn alike(&mut self, criteria: &[&TargetSelector], among: Vec<usize>) -> Vec<(Vec<bool>, Vec<usize>)> {
        let mut parts = vec![(Vec::new(), among)];
        for target in criteria {
            let held = self.held(target);
            let halves = parts.into_iter().flat_map(|(known, clusters)| {
                let (yes, no): (Vec<usize>, Vec<usize>) = clusters.into_iter().partition(|cluster| held[*cluster]);
                [(true, yes), (false, no)].map(|(holds, clusters)| ([known.as_slice(), &[holds]].concat(), clusters))
            });
            parts = halves.filter(|(_, clusters)| !clusters.is_empty()).collect();
        }
        parts
    }

    fn held(&mut self, target: &TargetSelector) -> Rc<[bool]> {
        let criteria = TargetSelector { name: String::new(), ..target.clone() };
        let clusters = &self.clusters;
        let evaluate = || clusters.iter().map(|(cluster, groups)| target_matches(target, cluster, groups)).collect();
        Rc::clone(self.held.entry(format!("{criteria:?}")).or_insert_with(evaluate))
    }

    fn whys(&mut self, targets: &[BundleTarget]) -> Rc<Whys> {
        let selectors: Vec<&TargetSelector> = targets.iter().map(|target| &target.selector).collect();
        let clusters = &self.clusters;
        let tell = || {
            let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
            let of_cluster = clusters.iter().map(|(cluster, groups)| {
                let next = numbers.len();
                *numbers.entry(why_none(targets, cluster, groups)).or_insert(next)
            });
            let of_cluster = of_cluster.collect();
            let mut words = vec![String::new(); numbers.len()];
            for (text, number) in numbers {
                words[number] = text;
            }
            Rc::new(Whys { of_cluster, words })
        };
        Rc::clone(self.whys.entry(format!("{selectors:?}")).or_insert_with(tell))
    }
}

impl Whys {
    fn outcomes(&self, clusters: Vec<usize>) -> impl Iterator<Item = (Outcome, Vec<usize>)> {
        let mut by_number = vec![Vec::new(); self.words.len()];
        for cluster in clusters {
            by_number[self.of_cluster[cluster]].push(cluster);
        }
        let told = by_number.into_iter().zip(&self.words).filter(|(clusters, _)| !clusters.is_empty());
        told.map(|(clusters, words)| (Outcome::NotTargeted { why: words.clone() }, clusters))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Resolution, groups_of, resolve};
    use super::*;
    use serde_json::json;

    fn view(name: &str, labels: serde_json::Value) -> ClusterView {
        let labels = serde_json::from_value(labels).unwrap();
        ClusterView { namespace: "fleet-default".into(), name: name.into(), labels }
    }

    #[test]
    fn many_are_told_what_each_is_told() {
        let views: Vec<ClusterView> = (0..24)
            .map(|i| {
                let (env, region) = (["prod", "dev", "test"][i % 3], ["eu", "us"][i % 2]);
                let labels = if i == 7 { json!({}) } else { json!({"env": env, "region": region}) };
                view(&format!("c{i}"), labels)
            })
            .collect();
        let group = |name: &str, selector| GroupView {
            namespace: "fleet-default".into(),
            name: name.into(),
            labels: [("zone".to_owned(), name.to_owned())].into(),
            selector: serde_json::from_value(selector).unwrap(),
        };
        let groups = [
            group("eu", json!({"matchLabels": {"region": "eu"}})),
            group("prod", json!({"matchLabels": {"env": "prod"}})),
        ];
        let selected = |name: &str, key: &str, value: &str| json!({"name": name, "clusterSelector": {"matchLabels": {key: value}}});
        let restriction = selected("git", "region", "eu");
        let of_group = json!({"name": "grouped", "clusterGroup": "prod"});
        let bundles = [
            json!({}),
            json!({"targets": [{"name": "all", "clusterSelector": {}}]}),
            json!({"targets": [selected("p", "env", "prod"), selected("off", "env", "dev")]}),
            json!({"targets": [selected("p", "env", "prod"), restriction], "targetRestrictions": [restriction]}),
            json!({
                "targetCustomizationMode": "AllMatches",
                "targets": [selected("e", "region", "eu"), selected("p", "env", "prod"), of_group],
                "targetRestrictions": [of_group],
            }),
            json!({"targets": [
                {"name": "no", "clusterSelector": {"matchLabels": {"env": "test"}}, "doNotDeploy": true},
                {"name": "zone", "clusterGroupSelector": {"matchLabels": {"zone": "eu"}}},
            ]}),
        ];
        let with_groups: Vec<_> = views.iter().map(|view| (view, groups_of(view, &groups))).collect();
        let mut many = Many::new(with_groups.clone());
        for bundle in bundles {
            let spec: BundleSpec = serde_json::from_value(bundle.clone()).unwrap();
            let mut told = vec![None; views.len()];
            for group in many.outcomes(&spec, (0..views.len()).collect()) {
                for cluster in group.clusters {
                    assert_eq!(told[cluster].replace(group.outcome.clone()), None, "{bundle}: cluster {cluster} twice");
                }
            }
            for ((view, groups), told) in with_groups.iter().zip(told) {
                let told = told.unwrap();
                match resolve(&spec, view, groups) {
                    Resolution::Deploy(found) => {
                        let expected = Outcome::Deploy { target: found.target, customizations: found.customizations };
                        assert_eq!(told, expected, "{bundle}: {}", view.name);
                    }
                    Resolution::Skip(note) => {
                        let named = format!("no target matches cluster fleet-default/{}: ", view.name);
                        let expected = (note.reason, note.message.replace(&named, ""));
                        assert_eq!(told.why_not(), Some(expected), "{bundle}: {}", view.name);
                    }
                }
            }
        }
    }
}
