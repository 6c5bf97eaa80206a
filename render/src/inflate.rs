//! Charts inside of a kustomization (`helmCharts`): those in the tree, rendered as `helm template` would for kustomize.
//!
//! kustomize: api/internal/builtins/HelmChartInflationGenerator.go (`templateCommand`).

use crate::helm::check_chance;
use crate::{Chance, RenderError};
use helm_rs::functions::Seed;
use helm_rs::{Chart, Options, Output, Release, Values, render};
use kustomize_rs::{ChartRequest, Charts};
use std::cell::RefCell;

/// The name of a release that the kustomization does not name: Helm's own. kustomize lets Helm make one up from the time.
const UNNAMED: &str = "release-name";

/// Renders charts that lie in the tree of the kustomization.
#[derive(Debug, Default)]
pub struct TreeCharts {
    chance: Option<Chance>,
    /// The chart that asked for chance where there was none: the engine passes on texts alone.
    needed: RefCell<Option<RenderError>>,
}

impl Charts for TreeCharts {
    fn render(&self, request: &ChartRequest<'_>) -> Result<String, String> {
        let chart = Chart::load(request.files.0, &request.chart).map_err(|error| error.to_string())?;
        let output = render(&chart, &release(request)?, &values(request)?, &self.options(request))
            .map_err(|error| error.to_string())?;
        check_chance(self.chance, output.is_random, output.reads_clock, &format!("{}/Chart.yaml", request.chart))
            .map_err(|error| {
                let message = error.to_string();
                self.needed.replace(Some(error));
                message
            })?;
        Ok(printed(request, &output))
    }
}

impl TreeCharts {
    /// Random functions of the charts draw from `chance`; without it they are an error.
    #[must_use]
    pub fn new(chance: Option<Chance>) -> Self {
        Self { chance, needed: RefCell::default() }
    }

    /// Why a build failed, if it was for the lack of chance.
    pub(crate) fn needed_chance(&self) -> Option<RenderError> {
        self.needed.take()
    }

    fn options(&self, request: &ChartRequest<'_>) -> Options {
        let chance = self.chance.unwrap_or_default();
        // One chart may stand in a kustomization for several releases, and each has secrets of its own.
        let release = [&request.namespace, &request.release_name, &request.name_template, &request.chart];
        let release = release.map(String::as_str).join("\n");
        let mut options = Options::new(Seed::new(chance.seed).derived(release.as_bytes()), chance.time);
        if !request.kube_version.is_empty() {
            options.kube_version.clone_from(&request.kube_version);
        }
        options.api_versions.extend(request.api_versions.iter().cloned());
        options
    }
}

fn release(request: &ChartRequest<'_>) -> Result<Release, String> {
    if request.name_template.contains("{{") {
        return Err(format!("nameTemplate `{}` is not supported; give a releaseName", request.name_template));
    }
    let names = [&request.release_name, &request.name_template];
    let name = names.into_iter().find(|name| !name.is_empty()).map_or(UNNAMED, |name| name.as_str());
    let namespace = if request.namespace.is_empty() { "default" } else { &request.namespace };
    Ok(Release::new(name, namespace))
}

fn values(request: &ChartRequest<'_>) -> Result<Values, String> {
    let mut values = Values::from_json(request.values.clone());
    for path in &request.values_files {
        let bytes = request.files.0.read(path).map_err(|error| error.to_string())?;
        let over = Values::from_yaml(&String::from_utf8_lossy(&bytes));
        values.merge(over.map_err(|error| format!("failed to parse {path}: {error}"))?);
    }
    Ok(values)
}

/// The documents in the order of `helm template`: definitions, objects, hooks.
fn printed(request: &ChartRequest<'_>, output: &Output) -> String {
    let crds = output.crds.iter().filter(|_| request.include_crds);
    let crds = crds.map(|crd| String::from_utf8_lossy(&crd.data).into_owned());
    let manifests = output.manifests.iter().map(|manifest| manifest.content.clone());
    let hooks = output.hooks.iter().filter(|hook| !(request.skip_tests && hook.is_test()));
    let hooks = hooks.filter(|_| !request.skip_hooks).map(|hook| hook.content.clone());
    crds.chain(manifests).chain(hooks).map(|text| format!("---\n{text}\n")).collect()
}
