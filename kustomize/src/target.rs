//! One kustomization, and what it makes of its resources.
//!
//! kustomize: api/internal/target/{kusttarget,kusttarget_configplugin}.go,
//! api/internal/accumulator/resaccumulator.go.

mod generators;
mod transformers;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) use generators::Generate;

use crate::config::{self, Config};
use crate::decode::json_from_text;
use crate::factory;
use crate::kustomization::{self, Kustomization, Loaded};
use crate::loader::Loader;
use crate::openapi::Source;
use crate::resmap::ResMap;
use crate::resource::{ORIGIN, Origin, Place, Resource, Scopes, place};
use crate::transform::{self, VarSet};
use crate::{Error, Note, Options};

/// What all kustomizations of a build share.
#[derive(Debug)]
pub(crate) struct Session<'f> {
    pub options: &'f Options<'f>,
    pub scopes: Scopes,
    pub warnings: RefCell<Vec<String>>,
    pub notes: RefCell<Vec<Note>>,
    /// How often the kustomization of each directory has been read.
    pub loaded: RefCell<BTreeMap<String, usize>>,
}

/// As often one kustomization is read in a build: bases that each name two others come to a million in twenty steps.
const MAX_READ: usize = 500;

/// Objects, and what is to be done with them once all are there.
#[derive(Debug, Default)]
pub(crate) struct Accumulator {
    pub map: ResMap,
    config: Arc<Config>,
    vars: VarSet,
}

impl Accumulator {
    fn merge(&mut self, mut other: Self) -> Result<(), Error> {
        self.map.append_all(other.map.take())?;
        self.config = self.config.merge(&other.config)?;
        self.vars.merge_set(other.vars)
    }
}

/// A kustomization at its place.
pub(crate) struct Target<'s, 'f> {
    session: &'s Session<'f>,
    loader: Loader<'f>,
    pub kustomization: Kustomization,
    file: &'static str,
    lines: BTreeMap<String, u32>,
    /// Where it stands, seen from what is built; none where nobody asks.
    origin: Option<Origin>,
    /// The namespace that charts get where they have none.
    helm_namespace: String,
}

impl<'s, 'f> Target<'s, 'f> {
    /// Reads the kustomization of a directory.
    ///
    /// # Errors
    /// It is missing or malformed.
    pub(crate) fn load(session: &'s Session<'f>, loader: Loader<'f>, outermost: bool) -> Result<Self, Error> {
        let mut loaded = session.loaded.borrow_mut();
        let times = loaded.entry(loader.root().to_owned()).or_default();
        *times += 1;
        if *times > MAX_READ {
            let shown = loader.shown_root();
            let message = format!("the kustomization of '{shown}' is read more than {MAX_READ} times in one build");
            return Err(Error::new(message));
        }
        drop(loaded);
        let Loaded { kustomization, file, lines } = kustomization::load(&loader, &mut session.warnings.borrow_mut())?;
        let target = Self { session, loader, kustomization, file, lines, origin: None, helm_namespace: String::new() };
        target.set_schema(outermost).map_err(|error| target.at("openapi", error))?;
        Ok(target)
    }

    /// The place of a field of the file.
    fn place_of(&self, field: &str) -> Place {
        Place::inline(self.loader.shown(self.file), self.lines.get(&field.to_lowercase()).copied().unwrap_or(1))
    }

    /// An error of what a field asks for: with the place of the field, unless it has one that says more.
    pub(crate) fn at(&self, field: &str, error: Error) -> Error {
        if error.file().is_some() { error } else { self.place_of(field).of(error.about_field(field)) }
    }

    /// Tells of what has no effect; once, also where the kustomization is read again.
    fn note(&self, field: &'static str, place: Option<&Place>, message: String) {
        let own = self.place_of(field);
        let Place { file, line, .. } = place.unwrap_or(&own);
        let note = Note { file: file.to_string(), line: *line, field, message };
        let mut notes = self.session.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// Takes over the field `openapi`.
    fn set_schema(&self, outermost: bool) -> Result<(), Error> {
        let Some(fields) = &self.kustomization.openapi else {
            return Ok(());
        };
        let document = match fields.get("path") {
            Some(path) => {
                let text = self.loader.load_text(path)?.into_owned();
                Some(Source { file: self.loader.shown(path), text })
            }
            None => None,
        };
        let version = fields.get("version").map(String::as_str);
        self.session.scopes.with(|schemas| schemas.set(version, document, outermost))
    }

    /// Everything that the kustomization makes, names, references and vars resolved. Go: `makeCustomizedResMap`.
    ///
    /// # Errors
    /// Whatever goes wrong in a build.
    pub(crate) fn make(&mut self) -> Result<ResMap, Error> {
        if self.kustomization.build_metadata.as_ref().is_some_and(|options| !options.is_empty()) {
            self.origin = Some(Origin::default());
        }
        let mut accumulator = self.accumulate(Accumulator::default())?;
        let here = |error: Error| self.at("resources", error);
        transform::add_hashes(&mut accumulator.map).map_err(here)?;
        transform::fix_references(&mut accumulator.map, &accumulator.config.name_reference).map_err(here)?;
        let warnings = &mut self.session.warnings.borrow_mut();
        let fields = &accumulator.config.var_reference;
        let resolved = transform::resolve_vars(&accumulator.vars, &mut accumulator.map, fields, warnings);
        resolved.map_err(|error| self.at("vars", error))?;
        factory::drop_local(&mut accumulator.map).map_err(|error| self.at("resources", error))?;
        Ok(accumulator.map)
    }

    /// Go: `accumulateTarget`. A component gets what its parent has so far.
    fn accumulate(&mut self, mut accumulator: Accumulator) -> Result<Accumulator, Error> {
        let resources = self.kustomization.resources.clone().unwrap_or_default();
        let added = self.add_resources(&mut accumulator, &resources);
        added.map_err(|error| self.at("resources", error).context("accumulating resources"))?;
        let configurations = self.configurations().map_err(|error| self.at("configurations", error))?;
        accumulator.config = accumulator.config.merge(&configurations)?;
        let crds = self.crds().map_err(|error| self.at("crds", error))?;
        accumulator.config = accumulator.config.merge(&crds).map_err(|error| self.at("crds", error))?;
        self.run_generators(&mut accumulator)?;
        let components = self.kustomization.components.clone().unwrap_or_default();
        for path in &components {
            let added = self
                .loader
                .descend(path)
                .and_then(|loader| self.add_directory(std::mem::take(&mut accumulator), loader, path, true));
            accumulator = added.map_err(|error| self.at("components", error).context("accumulating components"))?;
        }
        self.run_transformers(&mut accumulator)?;
        self.run_validators(&mut accumulator).map_err(|error| self.at("validators", error))?;
        let vars = self.kustomization.vars.as_deref().unwrap_or_default();
        let merged = accumulator.vars.merge(vars, &mut accumulator.map);
        merged.map_err(|error| self.at("vars", error).context("merging vars"))?;
        Ok(accumulator)
    }

    fn configurations(&self) -> Result<Arc<Config>, Error> {
        let defaults = config::defaults()?;
        let mut added = Arc::new(Config::default());
        for path in self.kustomization.configurations.iter().flatten() {
            let text = self.loader.load_text(path)?;
            let read = config::from_text(&text).map_err(|error| error.in_file(self.loader.shown(path)))?;
            added = added.merge(&Arc::new(read))?;
        }
        defaults.merge(&added)
    }

    fn crds(&self) -> Result<Arc<Config>, Error> {
        let mut added = Arc::new(Config::default());
        for path in self.kustomization.crds.iter().flatten() {
            let text = self.loader.load_text(path)?;
            let read = json_from_text(&text).and_then(|json| config::from_crds(&json));
            let read = read.map_err(|error| {
                error.in_file(self.loader.shown(path)).at_line(1).context("unable to parse open API definition")
            })?;
            added = added.merge(&Arc::new(read))?;
        }
        Ok(added)
    }

    /// Adds files of objects and directories of bases. Go: `accumulateResources`.
    fn add_resources(&mut self, accumulator: &mut Accumulator, paths: &[String]) -> Result<(), Error> {
        for path in paths {
            let read = self.add_file(accumulator, path);
            let Err(not_a_file) = read else { continue };
            if !self.loader.is_directory(path) {
                let remote = self.loader.descend(path).err().filter(|_| crate::remote::is_repository(path));
                return Err(remote.unwrap_or(not_a_file));
            }
            let loader = self.loader.descend(path)?;
            *accumulator = self.add_directory(std::mem::take(accumulator), loader, path, false)?;
        }
        Ok(())
    }

    fn add_file(&self, accumulator: &mut Accumulator, path: &str) -> Result<(), Error> {
        let doing = |error: Error| error.context(format!("accumulating resources from '{path}'"));
        let text = self.loader.load_text(path).map_err(doing)?;
        let shown = self.loader.shown(path);
        let read = factory::resources_from_text(&text, &self.session.scopes).and_then(|mut resources| {
            place(&mut resources, &Place::file(shown.clone()));
            ResMap::of(resources)
        });
        let mut map = read.map_err(|error| doing(error.in_file(shown).at_line(1)))?;
        if let Some(origin) = &self.origin {
            transform::annotate_all(&mut map, ORIGIN, &Resource::origin_text(&origin.join(path))?)?;
        }
        let added = accumulator.map.append_all(map.take());
        added.map_err(|error| error.context(format!("merging resources from '{path}'")))
    }

    /// Adds a base, or lets a component work on what is there. Go: `accumulateDirectory`.
    fn add_directory(
        &mut self,
        mut accumulator: Accumulator,
        loader: Loader<'f>,
        path: &str,
        component: bool,
    ) -> Result<Accumulator, Error> {
        let shown = loader.shown_root();
        let loaded = Self::load(self.session, loader, false);
        let mut sub = loaded.map_err(|error| error.context(format!("couldn't make target for path '{shown}'")))?;
        sub.kustomization.build_metadata.clone_from(&self.kustomization.build_metadata);
        sub.origin = self.origin.as_ref().map(|origin| origin.join(path));
        let own = &self.kustomization.namespace;
        sub.helm_namespace = if own.is_empty() { self.helm_namespace.clone() } else { own.clone() };
        let is_component = sub.kustomization.kind == "Component";
        if component != is_component {
            let wanted = if component { "expected kind 'Component'" } else { "expected kind != 'Component'" };
            let message = format!("{wanted} for path '{shown}' but got '{}'", sub.kustomization.kind);
            return Err(Error::new(message).in_field("kind"));
        }
        let within = |error: Error| error.context(format!("recursed accumulation of path '{shown}'"));
        if component {
            return sub.accumulate(accumulator).map_err(within);
        }
        let made = sub.accumulate(Accumulator::default()).map_err(within)?;
        accumulator.merge(made).map_err(|error| error.context(format!("recursed merging from path '{shown}'")))?;
        Ok(accumulator)
    }

    /// The objects that configure plugins: each entry is one itself, a file or a directory.
    fn plugin_configs(&mut self, field: &str, entries: Option<Vec<String>>) -> Result<Vec<Resource>, Error> {
        let mut accumulator = Accumulator::default();
        let mut paths = Vec::new();
        for entry in entries.into_iter().flatten() {
            let Ok(mut map) = factory::resources_from_text(&entry, &self.session.scopes).and_then(ResMap::of) else {
                paths.push(entry);
                continue;
            };
            place(map.resources_mut(), &self.place_of(field));
            if let Some(origin) = &self.origin {
                let origin = origin.join(self.file);
                map.resources_mut().iter_mut().try_for_each(|resource| resource.set_origin(Some(&origin)))?;
            }
            accumulator.map.append_all(map.take())?;
        }
        self.add_resources(&mut accumulator, &paths)?;
        Ok(accumulator.map.take())
    }

    /// Reads a file for a generator.
    fn read(&self, path: &str) -> Result<Vec<u8>, Error> {
        self.loader.load(path).map(Cow::into_owned)
    }
}

/// The ids of some objects, for comparison.
fn ids(map: &ResMap) -> BTreeSet<crate::id::Key> {
    map.resources().iter().map(|resource| resource.current_id().key()).collect()
}
