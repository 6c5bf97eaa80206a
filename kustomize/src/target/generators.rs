//! What makes new objects: `configMapGenerator`, `secretGenerator`, `helmCharts`, `generators`.

use super::{Accumulator, Target};
use crate::Error;
use crate::factory;
use crate::generator::{Generated, Generator};
use crate::helm::ChartGenerator;
use crate::plugin;
use crate::resmap::ResMap;
use crate::resource::{Origin, Resource};

/// A configured generator.
#[derive(Debug)]
pub(crate) enum Generate {
    /// A ConfigMap or Secret.
    Data(Generator),
    Chart(Box<ChartGenerator>),
    /// Manifests.
    Text(String),
}

impl Target<'_, '_> {
    pub(super) fn run_generators(&mut self, accumulator: &mut Accumulator) -> Result<(), Error> {
        let mut generators = self.builtin_generators();
        let configs = self.plugin_configs("generators", self.kustomization.generators.clone());
        let configs = configs.map_err(|error| self.at("generators", error).context("loading generator plugins"))?;
        for config in configs {
            let made = config.origin_of_plugin().and_then(|origin| Ok((plugin::generator(&config)?, origin)));
            let (made, origin) = made
                .map_err(|error| config.locate(error.about_field("generators")).context("failed to load generator"))?;
            generators.push(("generators", made, origin));
        }
        for (field, generator, origin) in generators {
            let made = self.generate(generator).map(|mut made| {
                let unplaced = made.iter_mut().filter(|resource| resource.place.is_none());
                unplaced.for_each(|resource| resource.place = Some(self.place_of(field)));
                made
            });
            let added = made.and_then(ResMap::of).and_then(|mut map| {
                map.add_origin(origin.as_ref())?;
                accumulator.map.absorb_all(map).map_err(|error| error.context("merging from generator"))
            });
            added.map_err(|error| self.at(field, error))?;
        }
        Ok(())
    }

    /// Go: `configureBuiltinGenerators`.
    fn builtin_generators(&self) -> Vec<(&'static str, Generate, Option<Origin>)> {
        let file = &self.kustomization;
        let global = file.generator_options.as_ref();
        let origin = |kind: &str| self.origin.as_ref().map(|origin| origin.builtin(self.file, kind));
        let mut generators = Vec::new();
        for args in file.config_map_generator.iter().flatten() {
            let generator = args.clone().into_generator(Generated::ConfigMap, global);
            generators.push(("configMapGenerator", Generate::Data(generator), origin("ConfigMapGenerator")));
        }
        for args in file.secret_generator.iter().flatten() {
            let (args, kind) = args.clone().split();
            let generator = args.into_generator(Generated::Secret(kind), global);
            generators.push(("secretGenerator", Generate::Data(generator), origin("SecretGenerator")));
        }
        for chart in file.helm_charts.iter().flatten() {
            let mut chart = chart.clone();
            if chart.namespace.is_empty() {
                let own = &file.namespace;
                chart.namespace.clone_from(if own.is_empty() { &self.helm_namespace } else { own });
            }
            let options = self.session.options;
            if chart.kube_version.is_empty() {
                options.helm_kube_version.clone_into(&mut chart.kube_version);
            }
            if chart.api_versions.is_empty() {
                chart.api_versions = options.helm_api_versions.to_vec();
            }
            let globals = file.helm_globals.clone().unwrap_or_default();
            let generator = Generate::Chart(Box::new(ChartGenerator { globals, chart }));
            generators.push(("helmCharts", generator, origin("HelmChartInflationGenerator")));
        }
        generators
    }

    fn generate(&self, generator: Generate) -> Result<Vec<Resource>, Error> {
        let scopes = &self.session.scopes;
        match generator {
            Generate::Data(generator) => {
                let warnings = &mut self.session.warnings.borrow_mut();
                let node = generator.generate(&mut |path| self.read(path), warnings)?;
                let mut resource = Resource::new(node, scopes);
                if !generator.options.disable_name_suffix_hash {
                    resource.enable_hash()?;
                }
                resource.set_behavior(generator.behavior)?;
                Ok(vec![resource])
            }
            Generate::Chart(generator) => generator.generate(&self.loader, self.session.options.charts, scopes),
            Generate::Text(text) => factory::resources_from_text(&text, scopes),
        }
    }
}
