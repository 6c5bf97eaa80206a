//! What the hub keeps: rows, blobs, and what the machine is told of them.

use crate::git::named;
use fleet_api::Digest;
use fleet_api::v1alpha1::GitRepoSpec;
use serde::{Deserialize, Serialize};
use skiff_planner::hub::{ClusterResource, Event, GitRepoResource};
use std::collections::{BTreeMap, BTreeSet};

/// A GitRepo as the store has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GitRepoRow {
    pub(crate) entries: BTreeSet<String>,
    pub(crate) generation: i64,
    pub(crate) deleting: bool,
    pub(crate) keeps: bool,
}

/// A Cluster as the store has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClusterRow {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) generation: i64,
}

pub(crate) const GITREPO: &str = "GitRepo";
pub(crate) const CLUSTER: &str = "Cluster";
pub(super) const CLUSTERS: &str = "clusters";
pub(super) const REPORTS: &str = "reports";
pub(super) const DESIRED: &str = "desired";
pub(super) const BUNDLES: &str = "bundles";
pub(super) const RENDERS: &str = "renders";
/// The commit in the status of a GitRepo.
pub(super) const COMMITS: &str = "commits";

/// What survives the end of the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) rows: BTreeMap<(&'static str, String), Vec<u8>>,
    pub(crate) blobs: BTreeMap<Digest, Vec<u8>>,
}

impl Disk {
    pub(crate) fn read<T: for<'a> Deserialize<'a>>(&self, table: &'static str, key: &str) -> Option<T> {
        serde_json::from_slice(self.rows.get(&(table, key.to_owned()))?).ok()
    }

    pub(crate) fn write<T: Serialize>(&mut self, table: &'static str, key: &str, value: &T) {
        self.rows.insert((table, key.to_owned()), serde_json::to_vec(value).unwrap_or_default());
    }

    pub(crate) fn table(&self, table: &'static str) -> impl Iterator<Item = (&str, &[u8])> {
        let rows = self.rows.range((table, String::new())..).take_while(move |((of, _), _)| *of == table);
        rows.map(|((_, key), value)| (key.as_str(), value.as_slice()))
    }
}

/// One write of a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Put(&'static str, String, Vec<u8>),
    Forget(&'static str, String),
}

pub(super) fn gitrepo(row: &GitRepoRow) -> GitRepoResource {
    let spec = GitRepoSpec {
        paths: row.entries.iter().cloned().collect(),
        keep_resources: row.keeps,
        ..GitRepoSpec::default()
    };
    GitRepoResource { spec, generation: row.generation, deleting: row.deleting }
}

pub(super) fn cluster(row: &ClusterRow) -> ClusterResource {
    ClusterResource { labels: row.labels.clone(), generation: row.generation, ..ClusterResource::default() }
}

/// What the store says of a GitRepo or Cluster, for the machine.
pub(crate) fn event_of(disk: &Disk, table: &'static str, name: &str) -> Event {
    match table {
        GITREPO => Event::GitRepo(named(name), disk.read(GITREPO, name).map(|row: GitRepoRow| gitrepo(&row))),
        _ => Event::Cluster(named(name), disk.read(CLUSTER, name).map(|row: ClusterRow| Box::new(cluster(&row)))),
    }
}
