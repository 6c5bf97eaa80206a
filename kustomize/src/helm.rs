//! Charts: `helmCharts`, and the generator `HelmChartInflationGenerator`.
//!
//! The engine finds the chart and its values; who renders it is given with the options.
//!
//! kustomize: api/internal/builtins/HelmChartInflationGenerator.go.

use file_tree::{Files, clean_join};
use serde_json::{Map, Value};

use crate::kustomization::{HelmChart, HelmGlobals};
use crate::loader::Loader;
use crate::openapi::Schemas;
use crate::resource::{HELM_GENERATED, Scopes, set_annotation};
use crate::yaml::{Node, from_json, parse_one};
use crate::{Error, factory, merge};

/// A chart to be rendered, as `helm template` gets it from kustomize.
#[derive(Debug)]
pub struct ChartRequest<'a> {
    /// The tree that holds the chart.
    pub files: FilesRef<'a>,
    /// The directory of the chart in the tree.
    pub chart: String,
    /// The name of the release; if empty, helm makes one.
    pub release_name: String,
    /// The template of the release's name; none if empty.
    pub name_template: String,
    /// The namespace of the release; the default one if empty.
    pub namespace: String,
    /// The values, those of the chart's own file included.
    pub values: Map<String, Value>,
    /// Further files of values in the tree, later ones winning.
    pub values_files: Vec<String>,
    /// Whether the chart's custom resource definitions are wanted.
    pub include_crds: bool,
    /// Whether hooks are left out.
    pub skip_hooks: bool,
    /// Whether tests are left out.
    pub skip_tests: bool,
    /// The Kubernetes version that the chart sees; the renderer's own if empty.
    pub kube_version: String,
    /// The API versions that the chart sees beside the renderer's own.
    pub api_versions: Vec<String>,
}

/// A tree that can be shown in debug output.
#[derive(Clone, Copy)]
pub struct FilesRef<'a>(pub &'a dyn Files);

impl std::fmt::Debug for FilesRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files")
    }
}

/// Renders charts.
pub trait Charts {
    /// The manifests of the chart, as a stream of YAML documents.
    ///
    /// # Errors
    /// The chart cannot be rendered; the text says why.
    fn render(&self, request: &ChartRequest<'_>) -> Result<String, String>;
}

/// An entry of `helmCharts` with what its kustomization says.
#[derive(Debug)]
pub(crate) struct ChartGenerator {
    pub globals: HelmGlobals,
    pub chart: HelmChart,
}

impl ChartGenerator {
    /// Renders the chart into objects. They are marked, so that `namespace` leaves them alone.
    ///
    /// # Errors
    /// The chart is not in the tree, cannot be rendered, or gives something else than objects.
    pub(crate) fn generate(
        self,
        loader: &Loader<'_>,
        charts: Option<&dyn Charts>,
        scopes: &Scopes,
    ) -> Result<Vec<crate::resource::Resource>, Error> {
        let Some(charts) = charts else {
            return Err(Error::new("must specify --enable-helm").in_field("helmCharts"));
        };
        let name = self.chart.name.clone();
        let request = self.request(loader).map_err(|error| error.context(format!("chart {name:?}")))?;
        let text =
            charts.render(&request).map_err(|why| Error::new(why).context(format!("rendering chart {name:?}")))?;
        let read = factory::resources_from_text(&text, scopes);
        let mut resources = read.map_err(|error| error.context(format!("reading what chart {name:?} gives")))?;
        for resource in &mut resources {
            set_annotation(&mut resource.node, HELM_GENERATED.into(), "true".into())?;
        }
        Ok(resources)
    }

    fn request<'l>(self, loader: &Loader<'l>) -> Result<ChartRequest<'l>, Error> {
        let Self { globals, chart } = self;
        if chart.name.is_empty() {
            return Err(Error::new("chart name cannot be empty").in_field("helmCharts"));
        }
        let home = if globals.chart_home.is_empty() { "charts" } else { &globals.chart_home };
        let versioned = !chart.version.is_empty() && !chart.repo.is_empty();
        let home = if versioned { format!("{home}/{}-{}", chart.name, chart.version) } else { home.to_owned() };
        let local = format!("{home}/{}", chart.name);
        if !loader.is_directory(&local) {
            let message = match chart.repo.as_str() {
                "" => format!("no chart found at '{local}'; a build pulls none, put it into the tree"),
                repo => format!(
                    "the chart is in the repository {repo} (repo), and a build pulls none: put it into the tree at '{local}'"
                ),
            };
            return Err(Error::new(message).in_field("helmCharts"));
        }
        let tree_path = |path: &str| clean_join(loader.root(), path).map_err(|error| Error::new(error.to_string()));
        let values = values(&chart, &local, loader)?;
        let mut values_files = Vec::new();
        for file in &chart.additional_values_files {
            loader.load(file).map_err(|error| error.context("could not load additionalValuesFile"))?;
            values_files.push(tree_path(file)?);
        }
        Ok(ChartRequest {
            files: FilesRef(loader.files()),
            chart: tree_path(&local)?,
            release_name: chart.release_name,
            name_template: chart.name_template,
            namespace: chart.namespace,
            values,
            values_files,
            include_crds: chart.include_crds,
            skip_hooks: chart.skip_hooks,
            skip_tests: chart.skip_tests,
            kube_version: chart.kube_version,
            api_versions: chart.api_versions,
        })
    }
}

/// `values` over `below`, by no schema: lists are replaced.
fn over(mut values: Node, below: Node) -> Result<Option<Node>, Error> {
    merge::merge(&mut values, below, &Schemas::new())
}

/// The values of the file, with the inline ones over, under or instead of them.
fn values(chart: &HelmChart, local: &str, loader: &Loader<'_>) -> Result<Map<String, Value>, Error> {
    let default = format!("{local}/values.yaml");
    let file = if chart.values_file.is_empty() { &default } else { &chart.values_file };
    let inline: Map<String, Value> =
        chart.values_inline.iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    let from_file = || -> Result<Node, Error> {
        let text = loader.load_text(file)?;
        Ok(parse_one(&text).map_err(|error| error.in_file(loader.shown(file)))?.unwrap_or_else(Node::mapping))
    };
    let merged = match chart.values_merge.as_str() {
        "replace" if !inline.is_empty() => return Ok(inline),
        "" | "override" | "merge" | "replace" if inline.is_empty() => Some(from_file()?),
        "" | "override" => over(from_json(&Value::Object(inline)), from_file()?)?,
        "merge" => over(from_file()?, from_json(&Value::Object(inline)))?,
        other => {
            let message = format!("must be one of merge, override, replace, not {other:?}");
            return Err(Error::new(message).in_field("valuesMerge"));
        }
    };
    match merged.map(|node| node.to_json()).transpose()? {
        Some(Value::Object(values)) => Ok(values),
        None | Some(Value::Null) => Ok(Map::new()),
        Some(_) => Err(Error::new("the values are no mapping").in_file(loader.shown(file))),
    }
}
