//! What changes the objects of a kustomization: its fields, `transformers` and `validators`.

use std::collections::BTreeMap;

use super::{Accumulator, Target, ids};
use crate::Error;
use crate::config::Config;
use crate::fieldspec::{FieldSpec, merge_all, merge_one};
use crate::plugin::{self, Context};
use crate::replacement::Replacements;
use crate::resource::{Origin, Place};
use crate::selector::Selector;
use crate::transform::{
    Affix, ImageTag, JsonPatches, Labels, MergePatches, Namespace, PatchTransformer, Replicas, Subjects, Told,
    Transformer,
};

/// Transformers that count as one.
struct Configured {
    transformers: Vec<Transformer>,
    /// Where they are configured, if somebody asks.
    origin: Option<Origin>,
    /// The same for messages: the field of the kustomization, or the object that configures them.
    field: &'static str,
    place: Option<Place>,
}

impl Configured {
    fn locate(&self, target: &Target<'_, '_>, error: Error) -> Error {
        match &self.place {
            Some(place) => place.of(error.about_field(self.field)),
            None => target.at(self.field, error.about_field(self.field)),
        }
    }
}

impl Target<'_, '_> {
    pub(super) fn run_transformers(&mut self, accumulator: &mut Accumulator) -> Result<(), Error> {
        let config = accumulator.config.clone();
        let mut configured = self.builtin_transformers(&config)?;
        configured.extend(self.external_transformers("transformers", self.kustomization.transformers.clone())?);
        for made in configured {
            let mut told = Told::default();
            let transform = |transformer: &Transformer| transformer.transform(&mut accumulator.map, &mut told);
            made.transformers.iter().try_for_each(transform).map_err(|error| made.locate(self, error))?;
            self.session.warnings.borrow_mut().append(&mut told.warnings);
            told.idle.into_iter().for_each(|message| self.note(made.field, made.place.as_ref(), message));
            if let Some(origin) = &made.origin {
                accumulator.map.add_transformation(origin).map_err(|error| made.locate(self, error))?;
            }
            accumulator.map.drop_gone();
        }
        Ok(())
    }

    fn external_transformers(
        &mut self,
        field: &'static str,
        entries: Option<Vec<String>>,
    ) -> Result<Vec<Configured>, Error> {
        let mut configured = Vec::new();
        let configs = self.plugin_configs(field, entries).map_err(|error| self.at(field, error))?;
        for config in configs {
            let context = Context { loader: &self.loader, scopes: &self.session.scopes };
            let made = plugin::transformers(&config, &context).and_then(|transformers| {
                let (origin, place) = (config.origin_of_plugin()?, config.place.clone());
                Ok(Configured { transformers, origin, field, place })
            });
            configured.push(made.map_err(|error| config.locate(error.about_field(field)))?);
        }
        Ok(configured)
    }

    /// Validators are transformers that must change nothing. Go: `runValidators`.
    pub(super) fn run_validators(&mut self, accumulator: &mut Accumulator) -> Result<(), Error> {
        for made in self.external_transformers("validators", self.kustomization.validators.clone())? {
            let before = accumulator.map.clone();
            let transform =
                |transformer: &Transformer| transformer.transform(&mut accumulator.map, &mut Told::default());
            made.transformers.iter().try_for_each(transform).map_err(|error| made.locate(self, error))?;
            let mut after = accumulator.map.clone();
            for resource in after.resources_mut() {
                let mut labels = resource.labels();
                if labels.remove("validated-by").is_some() {
                    resource.set_labels(&labels)?;
                }
            }
            let nodes = |map: &crate::resmap::ResMap| -> BTreeMap<_, _> {
                map.resources().iter().map(|resource| (resource.current_id().key(), resource.node.clone())).collect()
            };
            if ids(&before) != ids(&after) || nodes(&before) != nodes(&after) {
                return Err(Error::new("validator shouldn't modify the resource map"));
            }
        }
        Ok(())
    }

    /// The transformers of the fields, in kustomize's order. Go: `configureBuiltinTransformers`.
    fn builtin_transformers(&self, config: &Config) -> Result<Vec<Configured>, Error> {
        let mut configured = Vec::new();
        let mut add = |kind: &str, field: &'static str, made: Result<Vec<Transformer>, Error>| -> Result<(), Error> {
            let made = made.map_err(|error| self.at(field, error))?;
            let origin = self.origin.as_ref().map(|origin| origin.builtin(self.file, kind));
            configured.extend(made.into_iter().map(|transformer| Configured {
                transformers: vec![transformer],
                origin: origin.clone(),
                field,
                place: None,
            }));
            Ok(())
        };
        let file = &self.kustomization;
        add("PatchStrategicMergeTransformer", "patchesStrategicMerge", self.merge_patches())?;
        add("PatchTransformer", "patches", self.patches())?;
        add("NamespaceTransformer", "namespace", Ok(self.namespace(config)))?;
        add("PrefixTransformer", "namePrefix", Ok(affix(&file.name_prefix, false, &config.name_prefix)))?;
        add("SuffixTransformer", "nameSuffix", Ok(affix(&file.name_suffix, true, &config.name_suffix)))?;
        let labels = if file.labels.is_some() { "labels" } else { "commonLabels" };
        add("LabelTransformer", labels, self.labels(config))?;
        add("AnnotationsTransformer", "commonAnnotations", Ok(self.annotations(config)))?;
        add("PatchJson6902Transformer", "patchesJson6902", self.json_patches())?;
        add("ReplicaCountTransformer", "replicas", Ok(self.replicas(config)))?;
        add("ImageTagTransformer", "images", self.images(config))?;
        add("ReplacementTransformer", "replacements", self.replacements())?;
        Ok(configured)
    }

    fn merge_patches(&self) -> Result<Vec<Transformer>, Error> {
        match self.kustomization.patches_strategic_merge.as_deref() {
            None | Some([]) => Ok(Vec::new()),
            Some(entries) => {
                let patches = MergePatches::read(
                    entries,
                    &self.loader,
                    &self.session.scopes,
                    &self.place_of("patchesStrategicMerge"),
                )?;
                Ok(vec![Transformer::MergePatches(patches)])
            }
        }
    }

    fn patches(&self) -> Result<Vec<Transformer>, Error> {
        let entries = self.kustomization.patches.iter().flatten().cloned();
        let place = self.place_of("patches");
        let read =
            |entry| PatchTransformer::read(entry, &self.loader, &self.session.scopes, &place).map(Transformer::Patch);
        entries.map(read).collect()
    }

    fn json_patches(&self) -> Result<Vec<Transformer>, Error> {
        let entries = self.kustomization.patches_json6902.iter().flatten().cloned();
        let read = |entry: crate::kustomization::Patch| {
            let target = entry.target.map(Selector::from);
            JsonPatches::read(target, &entry.path, &entry.patch, &self.loader).map(Transformer::JsonPatches)
        };
        entries.map(read).collect()
    }

    fn namespace(&self, config: &Config) -> Vec<Transformer> {
        let namespace = &self.kustomization.namespace;
        if namespace.is_empty() {
            return Vec::new();
        }
        let (namespace, fields) = (namespace.clone(), config.namespace.clone());
        vec![Transformer::Namespace(Namespace { namespace, fields, unset_only: false, subjects: Subjects::default() })]
    }

    fn labels(&self, config: &Config) -> Result<Vec<Transformer>, Error> {
        let file = &self.kustomization;
        let (labels, common) = (file.labels.as_deref().unwrap_or_default(), file.common_labels.clone());
        let common = common.unwrap_or_default();
        if labels.is_empty() && common.is_empty() {
            return Ok(Vec::new());
        }
        let mut transformers = Vec::new();
        for label in labels {
            let mut fields = label.fields.clone();
            let merged = (|| {
                merge_all(&mut fields, &config.labels)?;
                if label.include_selectors {
                    return merge_all(&mut fields, &config.common_labels);
                }
                if label.include_templates {
                    merge_all(&mut fields, &config.template_labels)?;
                }
                merge_one(&mut fields, &FieldSpec::new("metadata/labels", true))
            })();
            merged.map_err(|error| error.context("failed to merge labels"))?;
            transformers.push(Transformer::Labels(Labels { pairs: label.pairs.clone(), fields }));
        }
        transformers.push(Transformer::Labels(Labels { pairs: common, fields: config.common_labels.clone() }));
        Ok(transformers)
    }

    fn annotations(&self, config: &Config) -> Vec<Transformer> {
        let pairs = self.kustomization.common_annotations.clone().unwrap_or_default();
        if pairs.is_empty() {
            return Vec::new();
        }
        vec![Transformer::Labels(Labels { pairs, fields: config.common_annotations.clone() })]
    }

    fn replicas(&self, config: &Config) -> Vec<Transformer> {
        let entries = self.kustomization.replicas.iter().flatten();
        let made = |entry: &crate::kustomization::Replica| {
            let (name, fields) = (entry.name.clone(), config.replicas.clone());
            Transformer::Replicas(Replicas { name, count: entry.count, fields })
        };
        entries.map(made).collect()
    }

    fn images(&self, config: &Config) -> Result<Vec<Transformer>, Error> {
        let entries = self.kustomization.images.iter().flatten().cloned();
        entries.map(|entry| ImageTag::new(entry, config.images.clone()).map(Transformer::Image)).collect()
    }

    fn replacements(&self) -> Result<Vec<Transformer>, Error> {
        match self.kustomization.replacements.as_deref() {
            None | Some([]) => Ok(Vec::new()),
            Some(entries) => {
                let replacements = Replacements::read(entries.to_vec(), &self.loader)?;
                Ok(vec![Transformer::Replacements(replacements)])
            }
        }
    }
}

fn affix(text: &str, is_suffix: bool, fields: &[FieldSpec]) -> Vec<Transformer> {
    if text.is_empty() {
        return Vec::new();
    }
    vec![Transformer::Affix(Affix { text: text.to_owned(), is_suffix, fields: fields.to_vec() })]
}
