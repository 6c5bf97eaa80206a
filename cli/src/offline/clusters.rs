//! The clusters that `skiff render` resolves targets for: from a file, or made up.

use super::repository::{home, objects, typed};
use crate::args::RenderArgs;
use crate::error::CliError;
use fleet_api::labels::DEFAULT_NAMESPACE;
use fleet_api::v1alpha1::{BundleNamespaceMapping, Cluster, ClusterGroup, GitRepo};
use skiff_planner::selector::Labels;
use skiff_planner::target::{ClusterView, GroupView};
use std::collections::BTreeMap;
use std::path::Path;

/// Everything that decides where bundles go.
#[derive(Debug, Default)]
pub(crate) struct Universe {
    /// The clusters.
    pub(crate) clusters: Vec<Cluster>,
    /// The groups.
    pub(crate) groups: Vec<GroupView>,
    /// Which bundles reach other namespaces.
    pub(crate) mappings: Vec<BundleNamespaceMapping>,
    /// Labels of namespaces.
    pub(crate) namespaces: BTreeMap<String, Labels>,
}

impl Universe {
    /// Reads the file of clusters, if there is one.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self, CliError> {
        let mut universe = Self::default();
        let Some(file) = file else { return Ok(universe) };
        for object in objects(file)? {
            match object["kind"].as_str().unwrap_or_default() {
                "Cluster" => universe.clusters.push(typed(file, object)?),
                "ClusterGroup" => {
                    let group: ClusterGroup = typed(file, object)?;
                    universe.groups.push(GroupView {
                        namespace: group.metadata.namespace.unwrap_or_else(default_namespace),
                        name: group.metadata.name.unwrap_or_default(),
                        labels: group.metadata.labels.unwrap_or_default(),
                        selector: group.spec.selector,
                    });
                }
                "BundleNamespaceMapping" => {
                    let mut mapping: BundleNamespaceMapping = typed(file, object)?;
                    mapping.metadata.namespace.get_or_insert_with(default_namespace);
                    universe.mappings.push(mapping);
                }
                "Namespace" => {
                    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                    let labels = serde_json::from_value(object["metadata"]["labels"].clone()).unwrap_or_default();
                    universe.namespaces.insert(name, labels);
                }
                // What else a user keeps in the file decides nothing here.
                _ => {}
            }
        }
        Ok(universe)
    }

    /// With the cluster `wanted` alone, if one is; clusters without a namespace are in that of the GitRepo.
    pub(crate) fn only(mut self, wanted: Option<&str>, gitrepo: &GitRepo) -> Result<Self, CliError> {
        let home = home(gitrepo);
        if let Some(wanted) = wanted {
            self.clusters = vec![self.find(wanted, home)?.clone()];
        }
        for cluster in &mut self.clusters {
            cluster.metadata.namespace.get_or_insert_with(|| home.to_owned());
        }
        Ok(self)
    }

    /// The cluster that is asked for, with the labels of the command line over its own.
    pub(crate) fn choose(&self, args: &RenderArgs, gitrepo: &GitRepo) -> Result<Cluster, CliError> {
        let namespace = home(gitrepo);
        let mut cluster = match args.cluster.as_deref() {
            Some(wanted) if args.clusters.is_some() => self.find(wanted, namespace)?.clone(),
            wanted => made_up(wanted.unwrap_or("cluster"), namespace),
        };
        cluster.metadata.namespace.get_or_insert_with(|| namespace.to_owned());
        let labels = cluster.metadata.labels.get_or_insert_default();
        for label in &args.labels {
            let (key, value) = label
                .split_once('=')
                .ok_or_else(|| CliError::Usage(format!("--label {label}: KEY=VALUE is expected")))?;
            labels.insert(key.to_owned(), value.to_owned());
        }
        Ok(cluster)
    }

    /// By name in the namespace that is named, else in that of the GitRepo, else where there is only one of the name.
    fn find(&self, wanted: &str, namespace: &str) -> Result<&Cluster, CliError> {
        let (place, name) = wanted.split_once('/').map_or((None, wanted), |(place, name)| (Some(place), name));
        let in_namespace = |cluster: &&Cluster, place: &str| {
            cluster.metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE) == place
        };
        let called: Vec<&Cluster> =
            self.clusters.iter().filter(|cluster| cluster.metadata.name.as_deref() == Some(name)).collect();
        let found = match (place, &called[..]) {
            (Some(place), _) => called.iter().find(|cluster| in_namespace(cluster, place)).copied(),
            (None, [only]) => Some(*only),
            (None, _) => called.iter().find(|cluster| in_namespace(cluster, namespace)).copied(),
        };
        found.ok_or_else(|| CliError::Failed(format!("there is no Cluster `{wanted}` in the file of clusters")))
    }
}

/// A cluster, as targets see it.
pub(crate) fn view(cluster: &Cluster) -> ClusterView {
    ClusterView {
        namespace: cluster.metadata.namespace.clone().unwrap_or_else(default_namespace),
        name: cluster.metadata.name.clone().unwrap_or_default(),
        labels: cluster.metadata.labels.clone().unwrap_or_default(),
    }
}

fn made_up(wanted: &str, namespace: &str) -> Cluster {
    let (namespace, name) = wanted.split_once('/').unwrap_or((namespace, wanted));
    let mut cluster = Cluster::default();
    cluster.metadata.name = Some(name.to_owned());
    cluster.metadata.namespace = Some(namespace.to_owned());
    cluster
}

fn default_namespace() -> String {
    DEFAULT_NAMESPACE.to_owned()
}
