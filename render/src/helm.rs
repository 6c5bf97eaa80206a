//! Charts: of the tree, and the templates of raw YAML, which Fleet makes a chart of (reference §2.8).

use crate::error::RenderError;
use crate::outside::Repository;
use crate::style;
use crate::{Chance, Input, RenderedObject};
use fleet_api::names::helm_release_name;
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::BundleDeploymentOptions;
use helm_rs::chart::File;
use helm_rs::functions::Seed;
use helm_rs::{Chart, Options, Output, Release, Values};
use serde_json::Value;

/// What a chart makes, before and after it is read.
pub(crate) struct Templated<'i, 'a> {
    pub(crate) input: &'i Input<'a>,
    pub(crate) options: &'i BundleDeploymentOptions,
    pub(crate) namespace: &'i str,
    /// What `helm.valuesFrom` names, where that was read.
    pub(crate) values_from: Option<&'i [Values]>,
    pub(crate) notes: &'i mut Vec<Note>,
}

impl Templated<'_, '_> {
    /// The objects of the chart in a directory of the bundle, or of one that was fetched.
    pub(crate) fn chart(mut self, dir: &str) -> Result<Vec<RenderedObject>, RenderError> {
        if style::is_fetched(dir) {
            let failed = |error: helm_rs::chart::Error| RenderError::file(self.input.place(dir), error.to_string());
            let chart = Chart::load(self.input.files, dir).map_err(failed)?;
            // Its place in the tree says nothing to anybody; its name and version do.
            let shown = format!("{}-{}.tgz", chart.name(), chart.metadata.version);
            return self.objects(&chart, &shown);
        }
        let place = self.input.place(&crate::joined(dir, "Chart.yaml"));
        let failed = |error: helm_rs::chart::Error| RenderError::file(place.clone(), error.to_string());
        let is_off = self.options.helm.as_ref().is_some_and(|helm| helm.disable_dependency_update);
        let chart = if is_off {
            Chart::load(self.input.files, dir)
        } else {
            let repository = Repository { files: self.input.files, dir: self.input.prefix };
            let place = self.input.place(dir);
            Chart::load_with_local(&repository, place.trim_matches('/'))
        };
        let chart = chart.map_err(failed)?;
        self.objects(&chart, dir)
    }

    /// The objects of `templates/` in a bundle of raw YAML. No partials, no notes: Fleet takes manifests alone.
    pub(crate) fn templates(mut self, templates: Vec<(String, Vec<u8>)>) -> Result<Vec<RenderedObject>, RenderError> {
        let name = self.input.bundle.rsplit('/').next().unwrap_or_default();
        let metadata = format!("apiVersion: v2\nname: {}\nversion: v0.0.0\n", Value::from(name));
        let files = templates.into_iter().map(|(path, text)| File::new(path, text));
        let files = std::iter::once(File::new("Chart.yaml", metadata.into_bytes())).chain(files).collect();
        let failed = |error: helm_rs::chart::Error| RenderError::file(self.input.place("templates"), error.to_string());
        let chart = Chart::from_files(files).map_err(failed)?;
        self.objects(&chart, "")
    }

    fn objects(&mut self, chart: &Chart, dir: &str) -> Result<Vec<RenderedObject>, RenderError> {
        let place = self.input.place(&crate::joined(dir, "Chart.yaml"));
        let output = self.render(chart).map_err(|error| RenderError::file(place.clone(), error.to_string()))?;
        check_chance(self.input.chance, output.is_random, output.reads_clock, &place)?;
        self.tell(&output, &place);
        let prefix = format!("{}/", chart.name());
        let source = |path: &str| {
            let inside = path.strip_prefix(&prefix).unwrap_or(path);
            self.input.place(&crate::joined(dir, inside))
        };
        let mut objects = Vec::new();
        for crd in &output.crds {
            read(&String::from_utf8_lossy(&crd.data), &source(&crd.path), &mut objects)?;
        }
        for manifest in &output.manifests {
            read(&manifest.content, &source(&manifest.path), &mut objects)?;
        }
        for hook in &output.hooks {
            read(&hook.content, &source(&hook.path), &mut objects)?;
        }
        Ok(objects)
    }

    fn render(&self, chart: &Chart) -> Result<Output, helm_rs::Error> {
        let helm = self.options.helm.as_ref();
        let name = helm.map(|helm| helm.release_name.as_str()).filter(|name| !name.is_empty());
        let name = name.map_or_else(|| helm_release_name(self.input.bundle), str::to_owned);
        let mut values = helm.and_then(|helm| helm.values.clone()).map(Values::from_json).unwrap_or_default();
        self.values_from.into_iter().flatten().for_each(|over| values.merge(over.clone()));
        let chance = self.input.chance.unwrap_or_default();
        let mut options = Options::new(Seed::new(chance.seed), chance.time);
        options.skip_schema_validation = helm.is_some_and(|helm| helm.skip_schema_validation);
        let facts = self.input.cluster;
        if !facts.kubernetes_version.is_empty() {
            options.kube_version.clone_from(&facts.kubernetes_version);
        }
        if !facts.api_versions.is_empty() {
            options.api_versions.clone_from(&facts.api_versions);
        }
        helm_rs::render(chart, &Release::new(name, self.namespace), &values, &options)
    }

    fn tell(&mut self, output: &Output, place: &str) {
        let lookups = output.lookups.iter().map(|lookup| {
            let (kind, name) = (&lookup.kind, &lookup.name);
            format!("lookup of {kind} {name:?} finds nothing: charts are rendered without the cluster")
        });
        let helm = self.options.helm.as_ref();
        let values_from = helm.filter(|helm| !helm.values_from.is_empty() && self.values_from.is_none());
        let values_from = values_from.map(|_| {
            "the values of helm.valuesFrom are read in each cluster, by its agent; here they are missing".to_owned()
        });
        let messages = output.warnings.iter().cloned().chain(lookups).chain(values_from);
        let note =
            |text: String| Note::new(Reason::LikelyMistake, format!("{place}: {text}")).in_file(place.to_owned());
        self.notes.extend(messages.map(note));
    }
}

/// Refuses what would need a seed or the present where there is neither: a secret from a seed that everybody knows is none.
pub(crate) fn check_chance(
    chance: Option<Chance>,
    is_random: bool,
    reads_clock: bool,
    place: &str,
) -> Result<(), RenderError> {
    let feature = match (chance, is_random, reads_clock) {
        (None, true, _) => "random functions of templates (randAlphaNum, genCA, uuidv4 …)",
        (None, _, true) => "functions of templates that ask for the present (now, ago …)",
        _ => return Ok(()),
    };
    Err(RenderError::NeedsChance { feature, place: place.to_owned() })
}

/// The objects of one document; Lists are taken apart.
fn read(text: &str, source: &str, objects: &mut Vec<RenderedObject>) -> Result<(), RenderError> {
    let failed = |error: k8s_yaml::Error| RenderError::yaml(source, &error);
    for document in k8s_yaml::parse(text, &k8s_yaml::Options::sigs()).map_err(failed)? {
        push(document.node.to_json().map_err(failed)?, source, objects)?;
    }
    Ok(())
}

fn push(mut value: Value, source: &str, objects: &mut Vec<RenderedObject>) -> Result<(), RenderError> {
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
    if value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(());
    }
    if kind.ends_with("List")
        && let Some(Value::Array(items)) = value.get_mut("items")
    {
        return std::mem::take(items).into_iter().try_for_each(|item| push(item, source, objects));
    }
    for key in ["kind", "apiVersion"] {
        if value.get(key).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(RenderError::file(source, format!("the template made an object without {key}")));
        }
    }
    objects.push(RenderedObject { value, source: source.to_owned() });
    Ok(())
}
