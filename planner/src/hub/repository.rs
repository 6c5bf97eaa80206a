//! What a read of a repository means for the Bundles of its GitRepo (R13): "absent" is not "deleted".

use super::event::{BundleRecord, FailedEntry, RepositoryRead};
use super::rules::{Rule, Rules};
use fleet_api::names::Ref;
use fleet_api::reason::{Note, Reason, Severity};
use std::collections::{BTreeMap, BTreeSet};

/// What follows from a [`RepositoryRead`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RepositoryPlan {
    /// Bundles that are new or changed.
    pub put: Vec<(Ref, BundleRecord)>,
    /// Bundles that the repository positively no longer has, and why, in words.
    pub withdraw: Vec<(Ref, String)>,
    /// Bundles that were not found and stay as they are.
    pub kept: Vec<Ref>,
    /// What the GitRepo has to say: why something stays, was refused, or failed.
    pub notes: Vec<Note>,
}

impl RepositoryPlan {
    /// Whether something that the GitRepo asks for could not be found or taken: what has left another place may have
    /// gone there.
    pub fn is_incomplete(&self) -> bool {
        self.notes.iter().any(|note| note.reason.severity() >= Severity::Refused)
    }
}

/// Decides what becomes of the Bundles. `existing` are all Bundles of the GitRepo's namespace.
pub fn plan(read: &RepositoryRead, existing: &BTreeMap<Ref, &BundleRecord>, rules: Rules) -> RepositoryPlan {
    plan_after(read, existing, rules, true)
}

/// The same, after a commit that was `settled`: read and rendered as a whole, so that no deletion waited for it.
pub(super) fn plan_after(
    read: &RepositoryRead,
    existing: &BTreeMap<Ref, &BundleRecord>,
    rules: Rules,
    settled: bool,
) -> RepositoryPlan {
    let mut plan = RepositoryPlan { notes: read.notes.clone(), ..RepositoryPlan::default() };
    plan.notes.extend(read.failed.iter().flat_map(|failed| failed.notes.clone()));
    let found = accept_found(read, existing, settled, &mut plan);
    empty_entries(read, &mut plan);
    for (name, record) in existing {
        if !is_of(record, &read.gitrepo, name) || found.contains(name) {
            continue;
        }
        let missing = match missing(read, name, record) {
            Missing::Kept(_) if !rules.on(Rule::R13Absent) => Missing::Withdrawn("it is not there".to_owned()),
            missing => missing,
        };
        match missing {
            Missing::Withdrawn(cause) => plan.withdraw.push((name.clone(), cause)),
            Missing::Kept(note) => {
                plan.notes.extend(note);
                plan.kept.push(name.clone());
            }
        }
    }
    if plan.is_incomplete() && !plan.withdraw.is_empty() {
        let bundles: Vec<String> = plan.withdraw.iter().map(|(name, _)| format!("{}", name.name)).collect();
        let message = format!(
            "{} left the repository at commit {}, in which something cannot be read: what it had may have moved there, so \
             no deletion is done before that is put right or approved",
            bundles.join(", "),
            short(&read.commit)
        );
        plan.notes.push(Note::new(Reason::DeletionHeld, message));
    }
    plan
}

fn is_of(record: &BundleRecord, gitrepo: &Ref, bundle: &Ref) -> bool {
    bundle.namespace == gitrepo.namespace && record.gitrepo.as_ref() == Some(&gitrepo.name)
}

/// The names that were found; the second Bundle of one name is refused, whoever has the first.
fn accept_found(
    read: &RepositoryRead,
    existing: &BTreeMap<Ref, &BundleRecord>,
    settled: bool,
    plan: &mut RepositoryPlan,
) -> BTreeSet<Ref> {
    let mut found: BTreeMap<Ref, &str> = BTreeMap::new();
    for bundle in &read.found {
        let name = Ref { namespace: read.gitrepo.namespace.clone(), name: bundle.name.clone() };
        let other = existing.get(&name).filter(|record| !is_of(record, &read.gitrepo, &name));
        let owner = match (found.get(&name), other) {
            (Some(directory), _) => Some(format!("`{directory}` of this repository has it already")),
            (None, Some(record)) => Some(match &record.gitrepo {
                Some(gitrepo) => format!("GitRepo {gitrepo} has it already, from `{}`", record.directory),
                None => "a Bundle that was made by hand has it already".to_owned(),
            }),
            (None, None) => None,
        };
        if let Some(owner) = owner {
            let message = format!("`{}` would be Bundle {name}: {owner}", bundle.record.directory);
            plan.notes.push(Note::new(Reason::DuplicateBundleName, message).in_file(bundle.record.directory.clone()));
            continue;
        }
        found.insert(name.clone(), &bundle.record.directory);
        let with = |rewound| BundleRecord { rewound, ..bundle.record.clone() };
        let record = match existing.get(&name) {
            // Going back takes nothing from what it did not change, unless something of that waited already: an older
            // commit is no answer to where it went. And a commit that is read twice went back but once.
            Some(old) if old.is_same(&with(old.rewound)) && (read.rewound && settled || old.commit == read.commit) => {
                continue;
            }
            _ => with(read.rewound),
        };
        if existing.get(&name).is_none_or(|old| !old.is_same(&record)) {
            plan.put.push((name, record));
        }
    }
    found.into_keys().collect()
}

/// Entries of `spec.paths` without a Bundle and without an error of their own.
fn empty_entries(read: &RepositoryRead, plan: &mut RepositoryPlan) {
    for (entry, yields) in &read.entries {
        let failed = read.failed.iter().any(|failed| failed.entry == *entry);
        let told = read.notes.iter().any(|note| note.reason == Reason::NoBundleFound && note.file == *entry);
        if !*yields && !failed && !told {
            plan.notes.push(no_bundle(entry, &read.commit));
        }
    }
}

fn no_bundle(entry: &str, commit: &str) -> Note {
    let what = if entry == "." || entry == "/" {
        "the repository".to_owned()
    } else {
        format!("entry `{entry}` of spec.paths")
    };
    Note::new(
        Reason::NoBundleFound,
        format!("{what} yields no bundle at commit {}; what came from there stays", short(commit)),
    )
    .in_file(entry)
}

enum Missing {
    Withdrawn(String),
    Kept(Option<Note>),
}

/// What it means that a Bundle was not found.
fn missing(read: &RepositoryRead, name: &Ref, record: &BundleRecord) -> Missing {
    if read.failed.iter().any(|failed| may_be(failed, name, record)) {
        return Missing::Kept(None);
    }
    let Some(yields) = read.entries.get(&record.entry) else {
        return Missing::Withdrawn(format!("`{}` was taken out of spec.paths", record.entry));
    };
    if !*yields {
        // The note of the empty entry tells of it.
        return Missing::Kept(None);
    }
    let replaced = read.found.iter().any(|bundle| is_in(&bundle.record.directory, &record.directory));
    if read.present.contains(&record.directory) && !replaced {
        let message = format!("`{}` is there, but is no bundle any more; Bundle {name} stays", record.directory);
        return Missing::Kept(Some(Note::new(Reason::NoBundleFound, message).in_file(record.directory.clone())));
    }
    Missing::Withdrawn(format!("removed from git at {}", short(&read.commit)))
}

/// Whether a failure may be that of a Bundle.
fn may_be(failed: &FailedEntry, name: &Ref, record: &BundleRecord) -> bool {
    let by_name = failed.bundle.as_ref() == Some(&name.name);
    let by_place = match &failed.directory {
        Some(directory) => is_in(&record.directory, directory) || is_in(directory, &record.directory),
        None => failed.entry == record.entry,
    };
    by_name || by_place
}

/// Whether `path` is `directory` or below it.
fn is_in(path: &str, directory: &str) -> bool {
    let (path, directory) = (path.trim_matches('/'), directory.trim_matches('/'));
    directory.is_empty()
        || directory == "."
        || path == directory
        || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// The first 12 digits of a commit, for people.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
