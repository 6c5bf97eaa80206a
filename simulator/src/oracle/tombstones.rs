//! What the hub says is no longer meant, against what it has read and what its users have said (R13, R14): a tombstone is a
//! positive statement, and it has to be true. What cannot be read, renders to nothing or is silent states nothing.

use super::Oracle;
use crate::git::{Health, Repo};
use crate::hub::{CLUSTER, ClusterRow, Disk, GITREPO, GitRepoRow};
use fleet_api::names::Ref;
use fleet_api::wire::Tombstone;
use std::collections::{BTreeMap, BTreeSet};

/// So long (ms) after a user has changed what is to be where, either state may count.
const CHANGING: u64 = 30_000;

/// What one read of a repository said of its Bundles.
#[derive(Clone, Debug, Default)]
struct Said {
    /// Entry and health of each directory that is there.
    there: BTreeMap<String, (String, Health)>,
    /// Those that the entries which yield nothing gave when they last yielded anything.
    unknown: BTreeMap<String, String>,
}

impl Said {
    /// The entry of a Bundle that this read does not say is gone.
    fn entry(&self, bundle: &str) -> Option<&str> {
        let there = self.there.get(bundle).map(|(entry, _)| entry);
        there.or_else(|| self.unknown.get(bundle)).map(String::as_str)
    }
}

/// What is known of what the hub has read and told.
#[derive(Debug, Default)]
pub(super) struct Statements {
    /// The last two reads of each repository: the newest may not have been taken in yet.
    reads: BTreeMap<String, [Said; 2]>,
    /// The Bundles that the newest document of each cluster says are gone.
    told: BTreeMap<Ref, BTreeSet<Ref>>,
    /// When a user changed a GitRepo or a Cluster.
    changed: BTreeMap<String, u64>,
}

impl Oracle {
    /// A user has changed a GitRepo or a Cluster.
    pub(crate) fn spec_changed(&mut self, now: u64, name: &str) {
        self.statements.changed.insert(name.to_owned(), now);
    }

    /// The hub has read a repository, with these entries.
    pub(crate) fn statements_read(&mut self, name: &str, repo: &Repo, entries: &BTreeSet<String>) {
        let [_, before] = self.statements.reads.remove(name).unwrap_or_default();
        let mut said = Said::default();
        for ((entry, dir), state) in repo.dirs.iter().filter(|((entry, _), _)| entries.contains(entry)) {
            said.there.insert(format!("{name}-{dir}"), (entry.clone(), state.health));
        }
        let is_absent = |entry: &String| entries.contains(entry) && !said.there.values().any(|(of, _)| of == entry);
        let known = before.there.iter().map(|(bundle, (entry, _))| (bundle, entry)).chain(&before.unknown);
        // Of a Bundle that was found under another entry meanwhile, that one decides: there is one of a name (seed 107387).
        said.unknown = known
            .filter(|(bundle, entry)| is_absent(entry) && !said.there.contains_key(*bundle))
            .map(|(bundle, entry)| (bundle.clone(), entry.clone()))
            .collect();
        self.statements.reads.insert(name.to_owned(), [before, said]);
    }

    /// The hub goes on with an older store.
    pub(super) fn statements_restored(&mut self) {
        self.statements.reads.clear();
        self.statements.told.clear();
    }

    /// A repository has ended, or begins anew.
    pub(super) fn statements_ended(&mut self, repo: &str) {
        self.statements.reads.remove(repo);
    }

    /// A cluster gets an identity, and its first document.
    pub(super) fn statements_begun(&mut self, cluster: &Ref) {
        self.statements.told.remove(cluster);
    }

    /// The hub has made a document for a cluster, with these tombstones.
    pub(crate) fn stated(&mut self, now: u64, cluster: &Ref, tombstones: &[Tombstone], disk: &Disk) {
        let gone: BTreeSet<Ref> = tombstones.iter().map(|tombstone| tombstone.bundle.clone()).collect();
        let Some(before) = self.statements.told.insert(cluster.clone(), gone.clone()) else { return };
        let Some(row) = disk.read::<ClusterRow>(CLUSTER, cluster.name.as_str()) else { return };
        for bundle in gone.difference(&before) {
            let Some((repo, _)) = bundle.name.as_str().split_once('-') else { continue };
            let Some([before, newest]) = self.statements.reads.get(repo) else { continue };
            let changing = |name: &str| self.statements.changed.get(name).is_some_and(|at| at + CHANGING >= now);
            if changing(repo) || changing(cluster.name.as_str()) || !row.labels.contains_key(repo) {
                continue;
            }
            let Some(spec) = disk.read::<GitRepoRow>(GITREPO, repo).filter(|spec| !spec.deleting) else { continue };
            let (Some(entry), Some(_)) = (newest.entry(bundle.name.as_str()), before.entry(bundle.name.as_str()))
            else {
                continue;
            };
            if !spec.entries.contains(entry) {
                continue;
            }
            let is_good = newest.there.get(bundle.name.as_str()).is_some_and(|(_, health)| *health == Health::Good);
            let (rule, why) = if is_good { ("R14", "is there") } else { ("R13", "cannot be known") };
            let message = format!("{cluster}: the hub says that {bundle} is no longer meant; it {why}");
            return self.fail(now, rule, message);
        }
    }
}
