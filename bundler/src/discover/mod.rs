//! From the files of a repository to its Bundles, as Fleet finds them (reference §2.1 to §2.5).
//!
//! The hub calls [`discover`] for each new commit, the command line for a directory. Nothing is read but through
//! [`Source`]. One bundle's error never loses another bundle, and what is unchanged by its tree id is not read again.

mod chart;
mod commit;
#[cfg(test)]
mod cve_replay;
mod dependencies;
mod files;
mod fleet_yaml;
mod glob;
mod ignore;
mod outside;
mod remote;
mod resources;
mod scan;
mod spec;
mod validate;
mod values;

pub(crate) use glob::path_matches;
pub use resources::{bundle_tree, with_contents};
pub use validate::invalid_rollout;

use crate::charts::{Charts, NoCharts};
use dependencies::Dependencies;
use file_tree::{Files, Mode};
use fleet_api::Digest;
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::{Bundle, BundleResource, FleetYaml, GitRepo};
use scan::Place;
use serde::Serialize;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use validate::Origin;

/// A repository at one commit.
pub trait Source {
    /// Its files.
    fn files(&self) -> &dyn Files;

    /// A text that changes whenever anything below the directory changes (git's tree id), where there is one. Without
    /// it the directory is read every time.
    fn tree_id(&self, _dir: &str) -> Option<String> {
        None
    }

    /// What a bundle may not hold and [`Files`] cannot show: submodules and impossible names below the directory.
    fn problems(&self, _dir: &str) -> Vec<Problem> {
        Vec::new()
    }
}

/// Something that a bundle may not hold.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The path from the root of the repository.
    pub path: String,
    /// What it is.
    pub note: Note,
}

/// Files without a git repository behind them, as on the command line and in tests.
#[derive(Clone, Copy, Debug)]
pub struct Plain<F>(pub F);

impl<F: Files> Source for Plain<F> {
    fn files(&self) -> &dyn Files {
        &self.0
    }
}

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// The path below the bundle's directory.
    pub path: String,
    /// Regular or executable; links are followed.
    pub mode: Mode,
    /// Digest of the content.
    pub digest: Digest,
    /// Size of the content in bytes.
    pub size: u64,
}

/// A bundle of the repository.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundBundle {
    /// Metadata and spec; its resources have names and encodings, and no contents.
    pub bundle: Bundle,
    /// Its directory; empty for the root.
    pub dir: String,
    /// The files that it is rendered from, sorted by path. Fewer than its resources where a raw YAML bundle holds
    /// directories with a `fleet.yaml` of their own. After them come the charts that were fetched, and last what its
    /// kustomizations read outside of its directory ([`skiff_render::outside`]).
    pub files: Vec<TreeEntry>,
    /// The contents of those of `files` that are not in the repository, by their paths: charts that were fetched.
    pub fetched: BTreeMap<String, Arc<[u8]>>,
    /// Digest of files, options and targets; not of the commit. Unchanged input, unchanged id.
    pub id: Digest,
    /// Where its name comes from: the place of `name` in its `fleet.yaml`, or its directory.
    pub named_at: String,
    /// What its author should know.
    pub notes: Vec<Note>,
}

impl FoundBundle {
    /// The Bundle's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.bundle.metadata.name.as_deref().unwrap_or_default()
    }

    /// Where one of its files lies in the repository; of a chart that was fetched, where it would.
    #[must_use]
    pub fn place_of(&self, file: &str) -> String {
        resources::place_of(&self.dir, file)
    }

    /// The content of one of its files, from the repository or from where it was fetched.
    ///
    /// # Errors
    /// What `files` fails with.
    pub fn content<'a>(&'a self, files: &'a dyn Files, file: &str) -> Result<Cow<'a, [u8]>, file_tree::Error> {
        match self.fetched.get(file) {
            Some(bytes) => Ok(Cow::Borrowed(bytes)),
            None => files.read(&self.place_of(file)),
        }
    }
}

/// An entry, or a bundle of it, that came to nothing. What was there before stays (R13).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The entry of `spec.paths` or `spec.bundles`.
    pub entry: String,
    /// The directory of the bundle, where it is about one.
    pub dir: Option<String>,
    /// The bundle's name, as far as it could be made out; derived from the directory where its options are unreadable.
    pub bundle: Option<String>,
    /// Why.
    pub note: Note,
}

/// What a repository holds.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// The bundles, in the order in which they were found. A bundle that is not here and not in `failed` is gone.
    pub bundles: Vec<Arc<FoundBundle>>,
    /// The entry of `spec.paths` or `spec.bundles` that each of `bundles` was found by first, in the same order.
    pub entries: Vec<String>,
    /// What came to nothing.
    pub failed: Vec<Failure>,
    /// A chart could not be fetched: reading the same commit again may give more.
    pub again: bool,
}

/// What is known of unchanged directories. A plain value: pass it in, keep it for the next commit of the same GitRepo.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    gitrepo: Option<Digest>,
    known: BTreeMap<Place, (String, Outcome)>,
}

#[derive(Clone, Debug)]
enum Outcome {
    Found(Arc<FoundBundle>),
    /// No file that is a resource.
    Empty,
}

/// Finds the bundles of a repository, and fetches nothing: a bundle with a chart that has to be fetched fails.
pub fn discover(source: &dyn Source, gitrepo: &GitRepo, cache: &mut Cache) -> Discovery {
    discover_with(source, gitrepo, &NoCharts, cache)
}

/// Finds the bundles of a repository, with the charts that they name.
pub fn discover_with(source: &dyn Source, gitrepo: &GitRepo, charts: &dyn Charts, cache: &mut Cache) -> Discovery {
    let input = Digest::of_json(&(
        &gitrepo.metadata.name,
        &gitrepo.metadata.namespace,
        &gitrepo.metadata.labels,
        &gitrepo.spec,
    ))
    .ok();
    if cache.gitrepo != input || input.is_none() {
        *cache = Cache { gitrepo: input, known: BTreeMap::new() };
    }
    let old = std::mem::take(&mut cache.known);
    let mut run = Run { source, gitrepo, charts, again: Cell::new(false), old, new: BTreeMap::new() };
    let mut discovery = Discovery::default();
    let mut names: BTreeMap<String, Arc<FoundBundle>> = BTreeMap::new();
    for scanned in scan::scan(source.files(), gitrepo) {
        match scanned.places {
            Err(failure) => discovery.failed.push(*failure),
            Ok(places) => run.entry(&scanned.entry, places, &mut names, &mut discovery),
        }
    }
    cache.known = run.new;
    discovery.again = run.again.get();
    discovery
}

/// One call of [`discover`].
struct Run<'a> {
    source: &'a dyn Source,
    gitrepo: &'a GitRepo,
    charts: &'a dyn Charts,
    /// See [`Discovery::again`].
    again: Cell<bool>,
    old: BTreeMap<Place, (String, Outcome)>,
    new: BTreeMap<Place, (String, Outcome)>,
}

impl Run<'_> {
    fn entry(
        &mut self,
        entry: &str,
        places: Vec<Place>,
        names: &mut BTreeMap<String, Arc<FoundBundle>>,
        discovery: &mut Discovery,
    ) {
        let mut yielded = false;
        for place in places {
            match self.place(&place) {
                Ok(Outcome::Empty) => {}
                Ok(Outcome::Found(found)) => {
                    yielded = true;
                    match names.get(found.name()) {
                        None => {
                            names.insert(found.name().to_owned(), Arc::clone(&found));
                            discovery.bundles.push(found);
                            discovery.entries.push(entry.to_owned());
                        }
                        // The same directory by two paths is one bundle.
                        Some(first) if first.id == found.id && first.dir == found.dir => {}
                        Some(first) => discovery.failed.push(duplicate(entry, first, &found)),
                    }
                }
                Err(failure) => {
                    yielded = true;
                    discovery.failed.push(Failure { entry: entry.to_owned(), ..*failure });
                }
            }
        }
        if !yielded {
            let message = format!("`{entry}` gives no bundle: there is no directory with YAML files or a fleet.yaml");
            discovery.failed.push(scan::failure(entry, Note::new(Reason::NoBundleFound, message)));
        }
    }

    fn place(&mut self, place: &Place) -> Result<Outcome, Box<Failure>> {
        let id = self.source.tree_id(&place.dir);
        if let (Some(id), Some((known, outcome))) = (&id, self.old.get(place))
            && id == known
        {
            self.new.insert(place.clone(), (known.clone(), outcome.clone()));
            return Ok(outcome.clone());
        }
        let (outcome, only_directory) = self.read(place)?;
        if let (Some(id), true) = (id, only_directory) {
            self.new.insert(place.clone(), (id, outcome.clone()));
        }
        Ok(outcome)
    }

    /// Reads a bundle. Also gives whether it depends on its directory alone.
    fn read(&self, place: &Place) -> Result<(Outcome, bool), Box<Failure>> {
        let mut name = place.name.clone();
        self.read_named(place, &mut name).map_err(|note| {
            Box::new(Failure { entry: String::new(), dir: Some(place.dir.clone()), bundle: Some(name), note })
        })
    }

    fn read_named(&self, place: &Place, name: &mut String) -> Result<(Outcome, bool), Note> {
        let files = self.source.files();
        let options = options_path(files, place)?;
        let read = match &options {
            Some(path) => {
                let bytes = files.read(path).map_err(|error| files::unreadable(path, &error))?;
                fleet_yaml::read(path, &bytes)?
            }
            None => fleet_yaml::Read { fleet_yaml: FleetYaml::default(), notes: Vec::new(), node: None },
        };
        if !read.fleet_yaml.name.is_empty() {
            name.clone_from(&read.fleet_yaml.name);
        }
        let mut notes = read.notes;
        let fallback = glob::join(&place.dir, "fleet.yaml");
        let origin = Origin { path: options.as_deref().unwrap_or(&fallback), node: read.node.as_ref() };
        validate::options_file(&origin, &read.fleet_yaml)?;
        let mut above = Vec::new();
        let bundle = spec::assemble(read.fleet_yaml, self.gitrepo, place, |spec| {
            above = values::merge_all(files, &place.dir, spec)?;
            Ok(())
        })?;
        let outside_options = place.options.starts_with("..");
        if outside_options {
            let message = format!("spec.bundles: the options `{}` are above the base `{}`", place.options, place.dir);
            notes.push(Note::new(Reason::LikelyMistake, message));
        }
        let only_directory = above.is_empty() && !outside_options;
        notes.extend(above);
        validate::bundle(&origin, &bundle)?;
        notes.extend(validate::namespaces(&origin, &bundle.spec));
        notes.extend(validate::downstream_resources(&origin, &bundle.spec));
        let named_at = origin.place("name").unwrap_or_else(|| place.dir.clone());
        let outcome = self.finish(place, &origin, bundle, named_at, notes)?;
        let all_inside = match &outcome {
            Outcome::Empty => true,
            // A range means another version when the repository has a newer one.
            Outcome::Found(found) => {
                let mut files = found.files.iter();
                found.fetched.is_empty() && files.all(|file| skiff_render::outside::path_of(&file.path).is_none())
            }
        };
        Ok((outcome, only_directory && all_inside))
    }

    /// What the charts of a bundle lack and what is to be said of it.
    fn dependencies<'d>(
        &'d self,
        dir: &'d str,
        used: &BTreeSet<&str>,
        paths: &BTreeSet<&str>,
    ) -> Result<Dependencies<'d>, Note> {
        let (files, charts) = (self.source.files(), self.charts);
        let mut lacking = Dependencies { files, dir, charts, found: BTreeMap::new(), notes: Vec::new() };
        lacking.fetch(used, paths).inspect_err(|_| self.again.set(true))?;
        Ok(lacking)
    }

    fn finish(
        &self,
        place: &Place,
        origin: &Origin<'_>,
        mut bundle: Bundle,
        named_at: String,
        mut notes: Vec<Note>,
    ) -> Result<Outcome, Note> {
        // As in Fleet, a hidden directory holds no resources, also where it is the bundle's own.
        if file_tree::file_name(&place.dir).starts_with('.') {
            return Ok(Outcome::Empty);
        }
        let mut excluded = values::paths(&bundle.spec);
        excluded.extend(["fleet.yaml".to_owned(), place.options.clone()]);
        let selected = files::select(self.source, &place.dir, &excluded)?;
        let paths: BTreeSet<&str> = selected.iter().map(|file| file.entry.path.as_str()).collect();
        let remote = remote::of(origin, &bundle, &place.dir, &paths);
        if selected.is_empty() && remote.is_empty() {
            return Ok(Outcome::Empty);
        }
        let updates = !bundle.spec.options.helm.as_ref().is_some_and(|helm| helm.disable_dependency_update);
        if updates {
            let charts = paths.iter().filter(|path| file_tree::file_name(path) == "Chart.yaml");
            chart::check(self.source.files(), &place.dir, charts.map(|path| file_tree::parent(path).to_owned()))?;
        }
        let mut fetched = remote::fetch(self.charts, remote).inspect_err(|_| self.again.set(true))?;
        let styles = styles(&bundle, |path| paths.contains(path) || fetched.contains_key(path));
        let is_raw = styles.iter().all(skiff_render::style::Style::is_raw);
        let kustomizations = styles.iter().filter_map(|style| style.kustomization.as_deref());
        let starts = kustomizations.map(|dir| glob::join(&place.dir, dir).trim_matches('/').to_owned()).collect();
        let mut charts = BTreeSet::new();
        if updates {
            let used: BTreeSet<&str> = styles.iter().filter_map(|style| style.chart.as_deref()).collect();
            let Dependencies { found, notes: odd, .. } = self.dependencies(&place.dir, &used, &paths)?;
            fetched.extend(found);
            notes.extend(odd);
            let dirs = used.iter().map(|dir| glob::join(&place.dir, dir).trim_matches('/').to_owned()).collect();
            charts = chart::outside(self.source.files(), &place.dir, dirs);
        }
        let outside = outside::read(self.source.files(), &place.dir, starts, charts)?;
        if let Some(message) = invalid_rollout(&bundle.spec) {
            notes.push(Note::new(Reason::InvalidFleetYaml, message));
        }
        let nested = |path: &str| is_raw && skiff_render::style::in_nested(path, |path| paths.contains(path));
        let used = selected.iter().filter(|file| !nested(&file.entry.path)).map(|file| file.entry.clone());
        let brought = fetched.iter().map(|(path, bytes)| remote::entry(path, bytes));
        let used: Vec<TreeEntry> = used.chain(brought).chain(outside.iter().cloned()).collect();
        let id = bundle_id(&bundle, &used)?;
        bundle.spec.resources = named(&selected, &fetched, &outside);
        let dir = place.dir.clone();
        Ok(Outcome::Found(Arc::new(FoundBundle { bundle, dir, files: used, fetched, id, named_at, notes })))
    }
}

/// What the bundle is made of, for each of its options.
fn styles(bundle: &Bundle, exists: impl Fn(&str) -> bool) -> Vec<skiff_render::style::Style> {
    bundle.spec.all_options().map(|options| skiff_render::style::detect(options, &exists)).collect()
}

/// The resources, without their contents.
fn named(
    selected: &[files::Selected],
    fetched: &BTreeMap<String, Arc<[u8]>>,
    outside: &[TreeEntry],
) -> Vec<BundleResource> {
    let packed = || resources::COMPRESSED.to_owned();
    let resource =
        |name: &str, encoding: String| BundleResource { name: name.to_owned(), content: String::new(), encoding };
    let own =
        selected.iter().map(|file| resource(&file.entry.path, if file.is_text { String::new() } else { packed() }));
    let fetched = fetched.keys().map(|path| resource(path, packed()));
    own.chain(fetched).chain(outside.iter().map(|file| resource(&file.path, String::new()))).collect()
}

/// The options file of a place; none where the directory has no `fleet.yaml`.
fn options_path(files: &dyn Files, place: &Place) -> Result<Option<String>, Note> {
    if !place.options.is_empty() {
        let path = file_tree::clean_join(&place.dir, &place.options)
            .map_err(|error| Note::new(Reason::PathRefused, error.to_string()))?;
        return Ok(Some(path));
    }
    let names = ["fleet.yaml", "fleet.yml"];
    Ok(names.iter().map(|name| glob::join(&place.dir, name)).find(|path| files.exists(path)))
}

fn bundle_id(bundle: &Bundle, files: &[TreeEntry]) -> Result<Digest, Note> {
    #[derive(Serialize)]
    struct Manifest<'a> {
        files: Vec<(&'a str, bool, Digest, u64)>,
        spec: &'a fleet_api::v1alpha1::BundleSpec,
    }
    let files =
        files.iter().map(|file| (file.path.as_str(), file.mode == Mode::Executable, file.digest, file.size)).collect();
    Digest::of_json(&Manifest { files, spec: &bundle.spec })
        .map_err(|error| Note::new(Reason::Internal, format!("the bundle has no JSON form: {error}")))
}

fn duplicate(entry: &str, first: &FoundBundle, second: &FoundBundle) -> Failure {
    let shown = |dir: &str| if dir.is_empty() { "the root".to_owned() } else { format!("`{dir}`") };
    let message = format!(
        "two bundles are called `{}`: the one of {} and the one of {}; the first is kept",
        first.name(),
        shown(&first.dir),
        shown(&second.dir)
    );
    Failure {
        entry: entry.to_owned(),
        dir: Some(second.dir.clone()),
        bundle: Some(second.name().to_owned()),
        note: Note::new(Reason::DuplicateBundleName, message).in_file(second.named_at.clone()),
    }
}
