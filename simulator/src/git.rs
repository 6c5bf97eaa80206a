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

/// `(entry, name)` to directory.
type Dirs = BTreeMap<(String, String), Dir>;

/// One repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repo {
    pub(crate) dirs: Dirs,
    /// How often its branch has moved.
    pub(crate) moves: u64,
    /// Every commit: the one it is built on, and what it holds.
    log: Vec<(Option<usize>, Dirs)>,
    head: usize,
    /// The branch points to an older commit than it did before.
    went_back: bool,
    /// Every key that a directory ever had.
    ever: BTreeMap<(String, String), BTreeSet<ObjectKey>>,
    /// What each directory gave whenever the hub read it.
    gave: BTreeMap<(String, String), BTreeSet<ObjectKey>>,
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
        self.moves += 1;
        self.went_back = false;
        let parent = (!self.log.is_empty()).then_some(self.head);
        self.log.push((parent, self.dirs.clone()));
        self.head = self.log.len() - 1;
        for (place, dir) in &self.dirs {
            self.ever.entry(place.clone()).or_default().extend(dir.objects.keys().cloned());
        }
    }

    /// The branch goes back by some commits: a force-push, or a mirror that lags behind.
    pub(crate) fn go_back(&mut self, by: usize) {
        let older = (0..by).try_fold(self.head, |at, _| self.log[at].0);
        let Some(older) = older else { return };
        self.moves += 1;
        (self.head, self.went_back) = (older, true);
        self.dirs.clone_from(&self.log[older].1);
    }

    /// Whether `older` is one of the commits that `newer` is built on.
    pub(crate) fn is_built_on(&self, newer: usize, older: usize) -> bool {
        std::iter::successors(self.log[newer].0, |at| self.log[*at].0).any(|at| at == older)
    }

    /// The commit that the branch points to.
    pub(crate) const fn head(&self) -> usize {
        self.head
    }

    /// Whether an entry yields a bundle or a failure of one.
    fn yields(&self, entry: &str) -> bool {
        self.dirs.keys().any(|(of, _)| of == entry)
    }

    /// The hub has read it.
    pub(crate) fn was_read(&mut self) {
        for (place, dir) in self.dirs.iter().filter(|(_, dir)| dir.health == Health::Good) {
            self.gave.entry(place.clone()).or_default().extend(dir.objects.keys().cloned());
        }
    }

    /// The keys that the state of the repository may mean in a cluster which `has` objects, with the entries that are
    /// looked at. What renders to nothing keeps all that it ever had, under whatever name. While a directory cannot be read
    /// or rendered, or renders to nothing where it gave something, an entry yields nothing, or the branch went back,
    /// nobody knows where went what a place that is gone had: everything is kept (R13).
    pub(crate) fn may_mean(&self, entries: &BTreeSet<String>, has: impl Fn(&ObjectKey) -> bool) -> BTreeSet<ObjectKey> {
        let of = |place: &(String, String)| entries.contains(&place.0);
        let gave = |place| self.gave.get(place).is_some_and(|keys| keys.iter().any(&has));
        let is_known = |place, dir: &Dir| match dir.health {
            Health::Good => true,
            Health::Empty => !gave(place),
            Health::Broken | Health::Fails => false,
        };
        let is_settled = self.dirs.iter().filter(|(place, _)| of(place)).all(|(place, dir)| is_known(place, dir));
        let keeps_all = self.went_back || !is_settled || !entries.iter().all(|entry| self.yields(entry));
        let is_empty = |place| self.dirs.get(place).is_some_and(|dir| dir.health == Health::Empty);
        let kept = self.ever.iter().filter(|(place, _)| of(place) && (keeps_all || is_empty(place)));
        let mut meant = self.means(entries);
        meant.extend(kept.flat_map(|(_, keys)| keys.iter().cloned()));
        meant
    }

    /// The keys that it means for sure: those of directories that are there and can be read.
    pub(crate) fn means(&self, entries: &BTreeSet<String>) -> BTreeSet<ObjectKey> {
        let good = self.dirs.iter().filter(|((entry, _), dir)| entries.contains(entry) && dir.health == Health::Good);
        good.flat_map(|(_, dir)| dir.objects.keys().cloned()).collect()
    }

    /// What a read of it finds.
    pub(crate) fn read(
        &self,
        name: &str,
        generation: i64,
        entries: &BTreeSet<String>,
        present: &BTreeSet<String>,
        rewound: bool,
    ) -> (RepositoryRead, Vec<Vec<u8>>) {
        let mut read = RepositoryRead {
            gitrepo: named(name),
            generation,
            commit: format!("{:040x}", self.head + 1),
            entries: entries.iter().map(|entry| (entry.clone(), self.yields(entry))).collect(),
            found: Vec::new(),
            failed: Vec::new(),
            present: BTreeSet::new(),
            rewound,
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
        rewound: false,
    };
    (record, bytes)
}
