//! The charts of one render: what Helm changes in the charts that it has loaded.
//!
//! Helm copies some charts and shares others where an alias uses one twice, which shows in odd places. So charts and their
//! metadata are told apart by number here as they are by pointer there.

use serde_json::Value as Json;

use crate::chart::{Chart, Dependency};
use crate::value::{Map, Value};

/// One chart of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChartId(usize);

/// Metadata that several charts of a [`Tree`] may share.
#[derive(Debug, Clone, Copy)]
struct MetadataId(usize);

/// The charts of one render. The first one is the root.
#[derive(Debug)]
pub(crate) struct Tree<'c> {
    nodes: Vec<Node<'c>>,
    metadata: Vec<Metadata>,
}

#[derive(Debug, Clone)]
struct Node<'c> {
    chart: &'c Chart,
    metadata: MetadataId,
    values: Map,
    parent: Option<ChartId>,
    dependencies: Vec<ChartId>,
}

#[derive(Debug, Clone)]
struct Metadata {
    name: String,
    dependencies: Option<Vec<Dependency>>,
}

impl<'c> Tree<'c> {
    pub(crate) const ROOT: ChartId = ChartId(0);

    pub(crate) fn new(chart: &'c Chart) -> Self {
        let mut tree = Self { nodes: Vec::new(), metadata: Vec::new() };
        tree.add(chart, None);
        tree
    }

    fn add(&mut self, chart: &'c Chart, parent: Option<ChartId>) -> ChartId {
        let id = ChartId(self.nodes.len());
        let metadata = MetadataId(self.metadata.len());
        let dependencies = chart.metadata.dependencies.clone();
        self.metadata.push(Metadata { name: chart.metadata.name.clone(), dependencies });
        let values = chart.values.iter().map(|(key, value)| (key.as_str(), Value::from_json(value))).collect();
        self.nodes.push(Node { chart, metadata, values, parent, dependencies: Vec::new() });
        let dependencies = chart.dependencies.iter().map(|chart| self.add(chart, Some(id))).collect();
        self.node_mut(id).dependencies = dependencies;
        id
    }

    #[expect(clippy::indexing_slicing, reason = "ids are made by this tree alone, which forgets no chart")]
    fn node(&self, id: ChartId) -> &Node<'c> {
        &self.nodes[id.0]
    }

    #[expect(clippy::indexing_slicing, reason = "as in `node`")]
    fn node_mut(&mut self, id: ChartId) -> &mut Node<'c> {
        &mut self.nodes[id.0]
    }

    #[expect(clippy::indexing_slicing, reason = "as in `node`")]
    fn meta(&self, id: ChartId) -> &Metadata {
        &self.metadata[self.node(id).metadata.0]
    }

    #[expect(clippy::indexing_slicing, reason = "as in `node`")]
    fn meta_mut(&mut self, id: ChartId) -> &mut Metadata {
        let metadata = self.node(id).metadata;
        &mut self.metadata[metadata.0]
    }

    /// The chart as it was loaded.
    pub(crate) fn chart(&self, id: ChartId) -> &'c Chart {
        self.node(id).chart
    }

    /// Its name, which may be an alias.
    pub(crate) fn name(&self, id: ChartId) -> &str {
        &self.meta(id).name
    }

    /// Its own values, with what it imports.
    pub(crate) fn values(&self, id: ChartId) -> &Map {
        &self.node(id).values
    }

    pub(super) fn set_values(&mut self, id: ChartId, values: Map) {
        self.node_mut(id).values = values;
    }

    pub(crate) fn is_root(&self, id: ChartId) -> bool {
        self.node(id).parent.is_none()
    }

    /// The charts below it.
    pub(crate) fn dependencies(&self, id: ChartId) -> &[ChartId] {
        &self.node(id).dependencies
    }

    pub(super) fn set_dependencies(&mut self, id: ChartId, dependencies: Vec<ChartId>) {
        for dependency in &dependencies {
            self.node_mut(*dependency).parent = Some(id);
        }
        self.node_mut(id).dependencies = dependencies;
    }

    /// What its metadata says about dependencies.
    pub(super) fn declared(&self, id: ChartId) -> Option<&[Dependency]> {
        self.meta(id).dependencies.as_deref()
    }

    pub(super) fn set_declared(&mut self, id: ChartId, dependencies: Option<Vec<Dependency>>) {
        self.meta_mut(id).dependencies = dependencies;
    }

    /// A copy of a chart as its parent uses it: metadata of its own, and copies of the charts below it that share theirs.
    /// Helm: `getAliasDependency`.
    pub(super) fn copy(&mut self, id: ChartId, alias: &str) -> ChartId {
        let copy = ChartId(self.nodes.len());
        let mut node = self.node(id).clone();
        let mut metadata = self.meta(id).clone();
        if !alias.is_empty() {
            alias.clone_into(&mut metadata.name);
        }
        node.metadata = MetadataId(self.metadata.len());
        self.metadata.push(metadata);
        let below = std::mem::take(&mut node.dependencies);
        self.nodes.push(node);
        let mut copies = Vec::new();
        for child in below {
            copies.push(ChartId(self.nodes.len()));
            let child = self.node(child).clone();
            self.nodes.push(child);
        }
        self.set_dependencies(copy, copies);
        copy
    }

    /// The path of a chart in the names of files: `top/charts/sub`. Helm: `ChartFullPath`.
    pub(crate) fn path(&self, id: ChartId) -> String {
        match self.node(id).parent {
            Some(parent) => format!("{}/charts/{}", self.path(parent), self.name(id)),
            None => self.name(id).to_owned(),
        }
    }

    /// Chart.yaml after what has been changed in it.
    pub(crate) fn metadata(&self, id: ChartId) -> Json {
        let Metadata { name, dependencies } = self.meta(id).clone();
        let metadata = crate::chart::Metadata { name, dependencies, ..self.chart(id).metadata.clone() };
        serde_json::to_value(metadata).unwrap_or_default()
    }
}
