//! `skiff diff`: what two revisions of a repository make different in each cluster, as objects.
//!
//! Both are read, placed and rendered with the code of the hub. Of what cannot be read or rendered nothing is told, as
//! the hub would leave it as it is.

mod changes;

use super::clusters::Universe;
use super::deploy::{ApiServer, Outcome, one};
use super::repository::{Repository, all_or_nothing, gitrepo};
use super::samples;
use crate::args::{DiffArgs, RepositoryArgs};
use crate::error::CliError;
use crate::output::{Format, Output};
use changes::{Change, Deployed, changes};
use file_tree::{Files, MemoryTree, is_below};
use fleet_api::v1alpha1::{Cluster, GitRepo};
use serde::Serialize;
use skiff_bundler::git::WorkingCopy;
use std::collections::BTreeSet;

/// Runs `skiff diff`.
///
/// # Errors
/// What is wrong with the revision after, by file, line and column; what can be compared is written all the same.
pub fn run(args: &DiffArgs, output: &mut Output) -> Result<(), CliError> {
    let gitrepo = gitrepo(&args.repository)?;
    let copy = WorkingCopy::open(&args.repository.path).map_err(|error| CliError::Failed(error.to_string()))?;
    let old = at(&copy, &args.from, &gitrepo, &args.repository)?;
    let new = match &args.to {
        Some(revision) => at(&copy, revision, &gitrepo, &args.repository)?,
        None => Repository::open(&args.repository)?,
    };
    let universe = match &args.clusters {
        Some(file) => Universe::read(Some(file))?,
        None => samples::universe(&[&old, &new]),
    };
    let universe = universe.only(args.cluster.as_deref(), &gitrepo)?;
    for failure in old.failures() {
        output.note(&format!("warning: {}: {failure}", args.from));
    }
    let mut errors: BTreeSet<String> = new.failures().into_iter().collect();
    let mut alike: Vec<(Vec<Change>, Vec<String>)> = Vec::new();
    for cluster in &universe.clusters {
        let (before, after) = (deployed(&universe, &old, cluster), deployed(&universe, &new, cluster));
        for (bundle, message) in &before.failed {
            output.note(&format!("warning: {}: bundle {bundle}: {message}", args.from));
        }
        errors.extend(after.failed.iter().map(|(bundle, message)| format!("bundle {bundle}: {message}")));
        let name = cluster.metadata.name.clone().unwrap_or_default();
        let changes = changes(&before, &after);
        match alike.iter_mut().find(|(known, _)| *known == changes) {
            Some((_, clusters)) => clusters.push(name),
            None => alike.push((changes, vec![name])),
        }
    }
    write(args.output, &alike, output)?;
    all_or_nothing(errors.into_iter().collect())
}

/// The repository at a revision.
fn at(copy: &WorkingCopy, revision: &str, gitrepo: &GitRepo, args: &RepositoryArgs) -> Result<Repository, CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::Failed(format!("{revision}: {error}"));
    let commit = copy.commit(revision).map_err(|error| CliError::Failed(error.to_string()))?;
    if copy.below().is_empty() {
        return Repository::of(Box::new(commit), gitrepo.clone(), args);
    }
    let mut files = MemoryTree::new();
    for entry in commit.list_under(copy.below()).iter().filter(|entry| is_below(copy.below(), &entry.path)) {
        let path = entry.path[copy.below().len()..].trim_start_matches('/');
        let content = commit.stored(&entry.path).map_err(|error| failed(&error))?;
        files.insert(path, entry.mode, &*content).map_err(|error| failed(&error))?;
    }
    Repository::of(Box::new(files), gitrepo.clone(), args)
}

/// What a cluster gets of a repository.
fn deployed(universe: &Universe, repository: &Repository, cluster: &Cluster) -> Deployed {
    let mut deployed = Deployed::default();
    for failure in &repository.discovery.failed {
        // Without a name it is not known which bundles would be there.
        deployed.incomplete |= failure.bundle.is_none();
        deployed.unknown.extend(failure.bundle.clone());
    }
    for found in &repository.discovery.bundles {
        match one(universe, &*repository.files, cluster, &ApiServer::default(), found) {
            Ok(Outcome::Nothing(_)) => {}
            Ok(Outcome::Rendered(rendered)) => deployed.add(found.name(), *rendered),
            Err(message) => {
                deployed.unknown.insert(found.name().to_owned());
                deployed.failed.push((found.name().to_owned(), message));
            }
        }
    }
    deployed
}

/// Clusters with the same changes.
#[derive(Serialize)]
struct Told<'a> {
    clusters: &'a [String],
    changes: &'a [Change],
}

fn write(format: Format, alike: &[(Vec<Change>, Vec<String>)], output: &mut Output) -> Result<(), CliError> {
    let told: Vec<Told<'_>> = alike
        .iter()
        .filter(|(changes, _)| !changes.is_empty())
        .map(|(changes, clusters)| Told { clusters, changes })
        .collect();
    match format {
        Format::Json => output.json(&told),
        Format::Yaml => output.yaml(&told),
        Format::Table | Format::Wide => {
            for (changes, clusters) in alike {
                let names = clusters.join(", ");
                if changes.is_empty() {
                    output.note(&format!("no difference in {} clusters: {names}", clusters.len()));
                    continue;
                }
                output.line(&format!("# {} clusters: {names}", clusters.len()))?;
                for change in changes {
                    change.text.lines().try_for_each(|line| output.line(line))?;
                }
            }
            Ok(())
        }
    }
}
