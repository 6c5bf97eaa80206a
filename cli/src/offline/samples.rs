//! Clusters that are made up where no file of them is given: for each target of the GitRepo, and for each customization
//! of a bundle together with it, one that has what the selectors ask for.

use super::clusters::Universe;
use super::repository::Repository;
use fleet_api::v1alpha1::{Cluster, LabelSelector, TargetSelector};
use skiff_planner::selector::Labels;
use skiff_planner::target;
use std::collections::BTreeSet;

/// The clusters. What a selector forbids is left out; what it cannot be given (a group) nobody gets.
pub(crate) fn universe(repositories: &[&Repository]) -> Universe {
    let mut wanted = BTreeSet::new();
    let targets = repositories.iter().flat_map(|repository| &repository.gitrepo.spec.targets);
    for target in targets {
        let base = asks(target);
        for found in repositories.iter().flat_map(|repository| &repository.discovery.bundles) {
            let (customizations, _) = target::split(&found.bundle.spec);
            for customization in customizations {
                let (name, mut labels) = asks(&customization.selector);
                labels.extend(base.1.clone());
                wanted.insert((name.or_else(|| base.0.clone()), labels));
            }
        }
        wanted.insert(base);
    }
    let make = |(index, (name, labels)): (usize, (Option<String>, Labels))| {
        let mut cluster = Cluster::default();
        let labels_in_words = labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
        let made_up =
            if labels_in_words.is_empty() { format!("(any {index})") } else { format!("({labels_in_words})") };
        cluster.metadata.name = Some(name.unwrap_or(made_up));
        cluster.metadata.labels = Some(labels);
        cluster
    };
    Universe { clusters: wanted.into_iter().enumerate().map(make).collect(), ..Universe::default() }
}

/// A name and labels with which a target matches.
fn asks(target: &TargetSelector) -> (Option<String>, Labels) {
    let name = (!target.cluster_name.is_empty()).then(|| target.cluster_name.clone());
    (name, target.cluster_selector.as_ref().map(labels).unwrap_or_default())
}

fn labels(selector: &LabelSelector) -> Labels {
    let mut labels: Labels = selector.match_labels.clone().into_iter().collect();
    for requirement in &selector.match_expressions {
        match (requirement.operator.as_str(), requirement.values.first()) {
            ("In", Some(value)) => {
                labels.insert(requirement.key.clone(), value.clone());
            }
            ("Exists", _) => {
                labels.entry(requirement.key.clone()).or_insert_with(|| "x".to_owned());
            }
            _ => {}
        }
    }
    labels
}
