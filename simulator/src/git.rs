//! The repositories, and what their users mean: the truth that deletions are held against. It knows nothing of hub and
//! agents.

use fleet_api::names::{ObjectName, Ref};
use fleet_api::v1alpha1::{BundleSpec, BundleTarget, CorrectDrift, LabelSelector, TargetSelector};
use fleet_api::wire::ApplyOptions;
use fleet_api::{Digest, Note, ObjectKey, Reason};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skiff_planner::hub::{BundleRecord, FailedEntry, FoundBundle, RepositoryRead, Uses};
use std::collections::{BTreeMap, BTreeSet};

/// The namespace of everything at the hub.
pub(crate) const SPACE: &str = "fleet-default";
/// The namespace of the workloads.
pub(crate) const SHOP: &str = "shop";

/// A name at the hub.
pub(crate) fn named(name: &str) -> Ref {
    Ref { namespace: SPACE.parse().expect("a name"), name: name.parse().expect("a name") }
}

/// What a directory is like at a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Good,
    /// `fleet.yaml` cannot be read.
    Broken,
    /// It is there, and rendering it fails.
    Fails,
    /// It is there, and renders to nothing.
    Empty,
}

/// One directory.
#[derive(Clone, Debug)]
pub(crate) struct Dir {
    /// Names of objects, and their values.
    pub(crate) objects: BTreeMap<ObjectKey, u32>,
    pub(crate) health: Health,
    pub(crate) corrects: bool,
    pub(crate) keeps: bool,
}

/// What is rendered: the blob of a Bundle's files.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) fails: bool,
    pub(crate) options: ApplyOptions,
    pub(crate) objects: Vec<(ObjectKey, u32)>,
}

/// One repository: `(entry, name)` to directory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repo {
    pub(crate) dirs: BTreeMap<(String, String), Dir>,
    pub(crate) commits: u64,
    /// Every key that a directory ever had.
    ever: BTreeMap<(String, String), BTreeSet<ObjectKey>>,
}

/// The entries of `spec.paths`.
pub(crate) const ENTRIES: [&str; 2] = ["apps", "solo"];

/// The manifest of an object.
pub(crate) fn content(key: &ObjectKey, value: u32) -> Value {
    let group = if key.group.is_empty() { String::new() } else { format!("{}/", key.group) };
    let mut object = json!({"apiVersion": format!("{group}v1"), "kind": key.kind, "metadata": {"name": key.name}});
    if !key.namespace.is_empty() {
        object["metadata"]["namespace"] = json!(key.namespace);
    }
    match key.kind.as_str() {
        "ConfigMap" => object["data"] = json!({"value": value.to_string(), "fixed": "yes"}),
        "Secret" => object["stringData"] = json!({"value": value.to_string()}),
        _ => object["spec"] = json!({"value": value}),
    }
    object
}

impl Repo {
    pub(crate) fn commit(&mut self) {
        self.commits += 1;
        for (place, dir) in &self.dirs {
            self.ever.entry(place.clone()).or_default().extend(dir.objects.keys().cloned());
        }
    }

    pub(crate) fn head(&self) -> String {
        format!("{:040x}", self.commits)
    }

    /// Whether an entry yields a bundle or a failure of one.
    fn yields(&self, entry: &str) -> bool {
        self.dirs.keys().any(|(of, _)| of == entry)
    }

    /// The keys that the state of the repository may mean, with the entries that are looked at: what cannot be read,
    /// fails, is empty or was not found keeps all that it ever had.
    pub(crate) fn may_mean(&self, entries: &BTreeSet<String>) -> BTreeSet<ObjectKey> {
        let mut meant = BTreeSet::new();
        for (place, ever) in &self.ever {
            if !entries.contains(&place.0) {
                continue;
            }
            match self.dirs.get(place) {
                Some(dir) if dir.health == Health::Good => meant.extend(dir.objects.keys().cloned()),
                Some(_) => meant.extend(ever.iter().cloned()),
                None if self.yields(&place.0) => {}
                None => meant.extend(ever.iter().cloned()),
            }
        }
        meant
    }

    /// What a read of it finds.
    pub(crate) fn read(
        &self,
        name: &str,
        generation: i64,
        entries: &BTreeSet<String>,
        present: &BTreeSet<String>,
    ) -> (RepositoryRead, Vec<Vec<u8>>) {
        let mut read = RepositoryRead {
            gitrepo: named(name),
            generation,
            commit: self.head(),
            entries: entries.iter().map(|entry| (entry.clone(), self.yields(entry))).collect(),
            found: Vec::new(),
            failed: Vec::new(),
            present: BTreeSet::new(),
            notes: Vec::new(),
        };
        let mut blobs = Vec::new();
        for ((entry, dir_name), dir) in self.dirs.iter().filter(|((entry, _), _)| entries.contains(entry)) {
            let directory = format!("{entry}/{dir_name}");
            let bundle: ObjectName = format!("{name}-{dir_name}").parse().expect("a name");
            if present.contains(&directory) {
                read.present.insert(directory.clone());
            }
            if dir.health == Health::Broken {
                let notes = vec![Note::new(Reason::InvalidFleetYaml, "fleet.yaml:1:1: it cannot be read")];
                read.failed.push(FailedEntry {
                    entry: entry.clone(),
                    directory: Some(directory),
                    bundle: Some(bundle),
                    notes,
                });
                continue;
            }
            let (record, tree) = record(name, entry, &directory, dir, &read.commit);
            blobs.push(tree);
            read.found.push(FoundBundle { name: bundle, record });
        }
        (read, blobs)
    }
}

fn record(repo: &str, entry: &str, directory: &str, dir: &Dir, commit: &str) -> (BundleRecord, Vec<u8>) {
    let options = ApplyOptions {
        keep_resources: dir.keeps,
        correct_drift: dir.corrects.then(|| CorrectDrift { enabled: true, ..CorrectDrift::default() }),
        ..ApplyOptions::default()
    };
    let objects = match dir.health {
        Health::Empty => Vec::new(),
        _ => dir.objects.iter().map(|(key, value)| (key.clone(), *value)).collect(),
    };
    let tree = Tree { fails: dir.health == Health::Fails, options, objects };
    let bytes = serde_json::to_vec(&tree).unwrap_or_default();
    let selector = LabelSelector {
        match_labels: BTreeMap::from([(repo.to_owned(), "yes".to_owned())]),
        ..LabelSelector::default()
    };
    let target = BundleTarget {
        selector: TargetSelector { cluster_selector: Some(selector), ..TargetSelector::default() },
        ..BundleTarget::default()
    };
    let spec = BundleSpec { targets: vec![target], ..BundleSpec::default() };
    let digest = Digest::of(&bytes);
    let record = BundleRecord {
        id: Digest::of_json(&(directory, digest)).unwrap_or(digest),
        tree: digest,
        spec,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        gitrepo: Some(repo.parse().expect("a name")),
        commit: commit.to_owned(),
        entry: entry.to_owned(),
        directory: directory.to_owned(),
        uses: Uses::default(),
    };
    (record, bytes)
}
