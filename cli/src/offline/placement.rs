//! Which clusters get each bundle of a repository, for all clusters at once.

use super::clusters::{Universe, view};
use super::deploy::out_of_reach;
use fleet_api::v1alpha1::Cluster;
use skiff_bundler::discover::{FoundBundle, invalid_rollout};
use skiff_planner::target::{self, ClusterView, Group, Many, Outcome};
use std::collections::BTreeMap;

/// The clusters as targets see them, in the order of their file.
pub(crate) fn views(clusters: &[Cluster]) -> Vec<ClusterView> {
    clusters.iter().map(view).collect()
}

/// Answers for one bundle after the other; what they have in common is worked out once.
pub(crate) struct Placement<'a> {
    universe: &'a Universe,
    by_namespace: BTreeMap<&'a str, Vec<usize>>,
    many: Many<'a>,
}

impl<'a> Placement<'a> {
    /// For these clusters ([`views`] of the universe's).
    pub(crate) fn new(universe: &'a Universe, views: &'a [ClusterView]) -> Self {
        let mut by_namespace: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, view) in views.iter().enumerate() {
            by_namespace.entry(&view.namespace).or_default().push(index);
        }
        let with_groups = views.iter().map(|view| (view, target::groups_of(view, &universe.groups))).collect();
        Self { universe, by_namespace, many: Many::new(with_groups) }
    }

    /// What becomes of a bundle in each cluster, those with the same answer together.
    ///
    /// # Errors
    /// A selector that cannot be evaluated, or a rollout that is none.
    pub(crate) fn of(&mut self, found: &FoundBundle) -> Result<Vec<Group>, String> {
        let spec = &found.bundle.spec;
        target::validate(spec).map_err(|error| error.to_string())?;
        if let Some(message) = invalid_rollout(spec) {
            return Err(message);
        }
        let (mut among, mut apart) = (Vec::new(), Vec::new());
        for (namespace, clusters) in &self.by_namespace {
            match out_of_reach(self.universe, found, namespace) {
                None => among.extend_from_slice(clusters),
                Some(why) => {
                    apart.push(Group { outcome: Outcome::NotTargeted { why }, clusters: clusters.clone() });
                }
            }
        }
        let mut groups = self.many.outcomes(spec, among);
        groups.extend(apart);
        Ok(groups)
    }
}
