//! A chart, a release and values become objects. Helm: `pkg/action/install.go`, `RunWithContext`; `pkg/action/action.go`,
//! `renderResources`.

mod name;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chart::{Chart, Crd, is_crd};
use crate::engine::objects::{Capabilities, HelmVersion, KubeVersion};
use crate::engine::{self, Engine, Settings, Source};
use crate::functions::{Environment, Library, Lookup, Seed};
use crate::manifest::{self, Hook, Manifest};
use crate::template::Limits;
use crate::value::Map;
use crate::values::{self, ChartId, Tree, Values};
use crate::{capabilities, schema};

pub use name::{from_template as name_from_template, validate as validate_name};

/// The end of the paths of texts for the person who installs.
const NOTES: &str = "NOTES.txt";

/// What is installed: a chart under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its name: at most 53 characters of a DNS name.
    pub name: String,
    /// Where its objects go.
    pub namespace: String,
    /// How often it was changed, from 1.
    pub revision: i64,
    /// Whether it is there already.
    pub is_upgrade: bool,
}

impl Release {
    /// A release that is installed for the first time.
    pub fn new(name: impl Into<String>, namespace: impl Into<String>) -> Self {
        Self { name: name.into(), namespace: namespace.into(), revision: 1, is_upgrade: false }
    }
}

/// How to render.
#[derive(Debug, Clone)]
pub struct Options {
    /// The version of Kubernetes: `v1.36.3`.
    pub kube_version: String,
    /// What the cluster serves: `apps/v1`, `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
    /// Whether values.schema.json is left alone.
    pub skip_schema_validation: bool,
    /// Whether the notes hold those of subcharts.
    pub subchart_notes: bool,
    /// Whether a missing key is an error.
    pub strict: bool,
    /// What random functions draw from.
    pub seed: Seed,
    /// The present, in seconds since 1970.
    pub time: i64,
    /// How far a render may go.
    pub limits: Limits,
}

impl Options {
    /// Options with Helm's default capabilities, a seed for what is random, and a time for what asks for the present.
    pub fn new(seed: Seed, time: i64) -> Self {
        Self {
            kube_version: capabilities::DEFAULT_KUBE_VERSION.to_owned(),
            api_versions: capabilities::DEFAULT_API_VERSIONS.iter().map(|version| (*version).to_owned()).collect(),
            skip_schema_validation: false,
            subchart_notes: false,
            strict: false,
            seed,
            time,
            limits: Limits::default(),
        }
    }
}

/// What comes out of a chart.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// The objects in the order of installing.
    pub manifests: Vec<Manifest>,
    /// The hooks in the order of their kinds.
    pub hooks: Vec<Hook>,
    /// The files of `crds/`, which are no templates.
    pub crds: Vec<Crd>,
    /// The text for the person who installs.
    pub notes: String,
    /// What the author of the chart or its values should know.
    pub warnings: Vec<String>,
    /// What templates looked up in the cluster, and did not get.
    pub lookups: Vec<Lookup>,
    /// Whether a template drew from the seed.
    pub is_random: bool,
    /// Whether a template asked for the present.
    pub reads_clock: bool,
}

/// Why a chart cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A name that no release can have.
    #[error("release name check failed: release name {name:?}: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// Values that no subchart can have.
    #[error("chart dependencies processing failed: {0}")]
    Dependencies(String),
    /// Values that the chart's schema refuses.
    #[error("values don't meet the specifications of the schema(s) in the following chart(s):\n{0}")]
    Schema(String),
    /// A version of Kubernetes that is none.
    #[error("{0}")]
    KubeVersion(String),
    /// A cluster that the chart is not for.
    #[error("chart requires kubeVersion: {range} which is incompatible with Kubernetes {version}")]
    Incompatible {
        /// What the chart asks for.
        range: String,
        /// What the cluster has.
        version: String,
    },
    /// A template.
    #[error(transparent)]
    Template(#[from] engine::Error),
    /// What a template made.
    #[error(transparent)]
    Manifest(#[from] manifest::Error),
    /// A template that made something else than text.
    #[error("YAML parse error on {path}: error converting YAML to JSON: yaml: invalid leading UTF-8 octet")]
    NotText {
        /// The template.
        path: String,
    },
}

impl Error {
    /// Whether the values were good and a template, or what it made, was not.
    pub fn is_of_rendering(&self) -> bool {
        matches!(self, Self::Incompatible { .. } | Self::Template(_) | Self::Manifest(_) | Self::NotText { .. })
    }
}

/// Renders a chart. The same inputs give the same bytes.
///
/// # Errors
/// The first thing that is wrong, in Helm's words.
pub fn render(chart: &Chart, release: &Release, values: &Values, options: &Options) -> Result<Output, Error> {
    Renderer { forgets: true, ..Renderer::new() }.render(chart, release, values, options)
}

/// Renders charts, and keeps their parsed templates for the next time.
#[derive(Debug, Default)]
pub struct Renderer {
    /// The last set of templates and its engine: which subcharts are on depends on the values.
    parsed: Option<(Vec<Source>, Engine)>,
    /// Whether it goes when it has been executed, as nobody asks for it again.
    forgets: bool,
}

impl Renderer {
    /// A renderer that has parsed nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Renders a chart. It is cheaper than [`render`] where the same charts are rendered again and again.
    ///
    /// # Errors
    /// As [`render`].
    pub fn render(
        &mut self,
        chart: &Chart,
        release: &Release,
        values: &Values,
        options: &Options,
    ) -> Result<Output, Error> {
        name::validate(&release.name)?;
        let mut warnings = chart.warnings.clone();
        let mut tree = Tree::new(chart);
        let user: Map = scope::user_values(values);
        values::process(&mut tree, &user, &mut warnings).map_err(Error::Dependencies)?;
        let capabilities = capabilities_of(options)?;
        let all = values::coalesced(&tree, Tree::ROOT, &user, &mut warnings).map_err(Error::Dependencies)?;
        if !options.skip_schema_validation {
            schema::validate(&tree, Tree::ROOT, &all).map_err(Error::Schema)?;
        }
        check_kube_version(chart, &capabilities.kube_version)?;

        let scopes = scope::scopes(&tree, release, capabilities, &all);
        let environment = Environment::new(options.seed, options.time);
        let settings = Settings { strict: options.strict, limits: options.limits };
        let engine = self.engine(sources(&tree))?;
        let files = engine.render(&scopes, settings, &environment)?;
        if self.forgets {
            self.parsed = None;
        }
        let (notes, files) = without_notes(tree.name(Tree::ROOT), texts(files)?, options.subchart_notes);
        let manifest::Sorted { manifests, hooks, warnings: more } = manifest::sorted(files)?;
        warnings.extend(more);
        Ok(Output {
            manifests,
            hooks,
            crds: crds(&tree, Tree::ROOT),
            notes,
            warnings,
            lookups: environment.lookups(),
            is_random: environment.is_random(),
            reads_clock: environment.reads_clock(),
        })
    }

    fn engine(&mut self, sources: Vec<Source>) -> Result<&Engine, Error> {
        let known = self.parsed.take().filter(|(known, _)| *known == sources);
        let parsed = match known {
            Some(parsed) => parsed,
            None => {
                let engine = Engine::parse(&sources, Arc::new(Library::new()))?;
                (sources, engine)
            }
        };
        Ok(&self.parsed.insert(parsed).1)
    }
}

fn kube_version(text: &str) -> Result<KubeVersion, Error> {
    let invalid = || Error::KubeVersion(format!("invalid kube version '{text}': could not parse {text:?} as version"));
    KubeVersion::parse(text).ok_or_else(invalid)
}

/// Checks a version of Kubernetes that somebody typed.
pub(crate) fn check_kube_version_text(text: &str) -> Result<(), String> {
    kube_version(text).map(|_| ()).map_err(|error| error.to_string())
}

fn capabilities_of(options: &Options) -> Result<Capabilities, Error> {
    Ok(Capabilities {
        kube_version: kube_version(&options.kube_version)?,
        api_versions: options.api_versions.as_slice().into(),
        helm_version: HelmVersion::default(),
    })
}

fn check_kube_version(chart: &Chart, version: &KubeVersion) -> Result<(), Error> {
    let range = &chart.metadata.kube_version;
    if range.is_empty() || values::is_compatible(range, &version.normalized) {
        return Ok(());
    }
    Err(Error::Incompatible { range: range.clone(), version: version.version.clone() })
}

/// All templates of the charts that are on. Of a library chart only the partials count. Helm: `recAllTpls`.
fn sources(tree: &Tree<'_>) -> Vec<Source> {
    let mut sources = BTreeMap::new();
    collect_sources(tree, Tree::ROOT, &mut sources);
    sources.into_values().collect()
}

fn collect_sources(tree: &Tree<'_>, id: ChartId, sources: &mut BTreeMap<String, Source>) {
    for child in tree.dependencies(id) {
        collect_sources(tree, *child, sources);
    }
    let (chart, path) = (tree.chart(id), tree.path(id));
    for template in &chart.templates {
        let base = template.name.rsplit('/').next().unwrap_or_default();
        if chart.is_library() && !base.starts_with('_') {
            continue;
        }
        let name = format!("{path}/{}", template.name);
        let source = Source { name: name.clone(), base: format!("{path}/templates"), text: template.data.clone() };
        sources.insert(name, source);
    }
}

fn texts(files: BTreeMap<String, Vec<u8>>) -> Result<BTreeMap<String, String>, Error> {
    let text = |(path, bytes): (String, Vec<u8>)| match String::from_utf8(bytes) {
        Ok(text) => Ok((path, text)),
        Err(_) => Err(Error::NotText { path }),
    };
    files.into_iter().map(text).collect()
}

/// Takes the notes out of the files: those of the chart, and those of its subcharts if they are asked for.
fn without_notes(
    chart: &str,
    files: BTreeMap<String, String>,
    of_subcharts: bool,
) -> (String, BTreeMap<String, String>) {
    let own = format!("{chart}/templates/{NOTES}");
    let (notes, files): (BTreeMap<_, _>, _) = files.into_iter().partition(|(path, _)| path.ends_with(NOTES));
    let wanted = notes.into_iter().filter(|(path, _)| of_subcharts || *path == own).map(|(_, text)| text);
    let mut text = String::new();
    for notes in wanted {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&notes);
    }
    (text, files)
}

/// The definitions of a chart, then those of its subcharts. Helm: `CRDObjects`.
fn crds(tree: &Tree<'_>, id: ChartId) -> Vec<Crd> {
    let path = tree.path(id);
    let files = tree.chart(id).files.iter().filter(|file| is_crd(&file.name));
    let own = files.map(|file| Crd { path: format!("{path}/{}", file.name), data: file.data.clone() });
    let below = tree.dependencies(id).iter().flat_map(|child| crds(tree, *child));
    own.chain(below).collect()
}
