//! What a bundle reads outside of its directory: bases of kustomizations, and charts that its chart depends on.
//!
//! kustomize reads of a directory what its kustomization names, so the walk goes from kustomization to kustomization and
//! takes every text in them that is the path of a file or of a directory with another kustomization. That is more than
//! kustomize reads only where a text happens to be a path; it is never less.

use super::files::{refuse_pointer, unreadable};
use super::{TreeEntry, glob};
use file_tree::{Files, Mode};
use fleet_api::Digest;
use fleet_api::reason::Note;
use k8s_yaml::{Content, Node};
use skiff_render::style::KUSTOMIZATION_FILES;
use std::collections::BTreeSet;

/// Lists whose files configure plugins, which name files themselves.
const PLUGINS: [&str; 3] = ["generators", "transformers", "validators"];
/// More directories than that are no repository that somebody wrote.
const MAX_DIRECTORIES: usize = 10_000;

/// The files outside of `dir` that the kustomizations in `starts` (directories in the repository) and those that they
/// lead to name, and those of `charts`. Files that are missing are left to the render to tell of.
///
/// # Errors
/// A file is there and cannot be read.
pub(super) fn read(
    files: &dyn Files,
    dir: &str,
    starts: BTreeSet<String>,
    charts: BTreeSet<String>,
) -> Result<Vec<TreeEntry>, Note> {
    let mut walk = Walk { files, found: charts, seen: starts.clone(), rest: starts.into_iter().collect() };
    while let Some(next) = walk.rest.pop() {
        walk.directory(&next);
    }
    let outside = walk.found.iter().filter(|path| !file_tree::is_below(dir, path));
    outside.map(|path| entry(files, path)).collect()
}

fn entry(files: &dyn Files, path: &str) -> Result<TreeEntry, Note> {
    let content = files.read(path).map_err(|error| unreadable(path, &error))?;
    refuse_pointer(path, &content)?;
    Ok(TreeEntry {
        path: skiff_render::outside::kept_at(path),
        mode: Mode::Regular,
        digest: Digest::of(&content),
        size: content.len() as u64,
    })
}

struct Walk<'a> {
    files: &'a dyn Files,
    /// Files, by their paths in the repository.
    found: BTreeSet<String>,
    /// Directories that are or were in `rest`.
    seen: BTreeSet<String>,
    rest: Vec<String>,
}

impl Walk<'_> {
    fn directory(&mut self, dir: &str) {
        for name in KUSTOMIZATION_FILES {
            let path = glob::join(dir, name);
            let Some(kustomization) = self.parsed(&path) else { continue };
            self.found.insert(path);
            self.node(dir, &kustomization);
            for plugin in PLUGINS.iter().filter_map(|list| kustomization.get(list)?.as_list()).flatten() {
                let path = plugin.as_str().and_then(|path| file_tree::clean_join(dir, path).ok());
                if let Some(config) = path.and_then(|path| self.parsed(&path)) {
                    self.node(dir, &config);
                }
            }
            self.charts(dir, &kustomization);
        }
    }

    /// The first document of a YAML file, if it is one.
    fn parsed(&self, path: &str) -> Option<Node> {
        let bytes = self.files.read(path).ok()?;
        let documents = k8s_yaml::from_bytes(&bytes, &k8s_yaml::Options::sigs()).ok()?;
        documents.into_iter().next().map(|document| document.node)
    }

    fn node(&mut self, dir: &str, node: &Node) {
        match &node.content {
            Content::String(text) => self.text(dir, text),
            Content::List(items) => items.iter().for_each(|item| self.node(dir, item)),
            Content::Mapping(mapping) => mapping.iter().for_each(|entry| self.node(dir, &entry.value)),
            Content::Null | Content::Bool(_) | Content::Int(_) | Content::Uint(_) | Content::Float(_) => {}
        }
    }

    /// A text: a path, a path behind the key of a generator (`key=path`), or a plugin's configuration as YAML.
    fn text(&mut self, dir: &str, text: &str) {
        if text.contains('\n') {
            let documents = k8s_yaml::parse(text, &k8s_yaml::Options::sigs()).unwrap_or_default();
            return documents.iter().for_each(|document| self.node(dir, &document.node));
        }
        let behind_key = text.split_once('=').map(|(_, path)| path);
        for path in [Some(text), behind_key].into_iter().flatten().filter(|path| !path.is_empty()) {
            if let Ok(path) = file_tree::clean_join(dir, path) {
                self.path(path);
            }
        }
    }

    fn path(&mut self, path: String) {
        let Ok(place) = file_tree::resolve(self.files, &path) else { return };
        if !self.files.is_dir(&place) {
            if self.files.exists(&path) {
                self.found.insert(path);
            }
            return;
        }
        let is_base = KUSTOMIZATION_FILES.iter().any(|name| self.files.exists(&glob::join(&place, name)));
        if is_base && self.seen.len() < MAX_DIRECTORIES && self.seen.insert(path.clone()) {
            self.rest.push(path);
        }
    }

    /// All files of the charts: what a chart reads, only its templates know.
    fn charts(&mut self, dir: &str, kustomization: &Node) {
        let fields = ["helmCharts", "helmChartInflationGenerator"];
        if fields.iter().all(|field| kustomization.get(field).is_none()) {
            return;
        }
        let home = kustomization.get("helmGlobals").and_then(|globals| globals.get("chartHome")?.as_str());
        let home = home.filter(|home| !home.is_empty()).unwrap_or("charts");
        if let Ok(home) = file_tree::clean_join(dir, home) {
            self.found.extend(self.files.list_under(&home).into_iter().map(|entry| entry.path));
        }
    }
}
