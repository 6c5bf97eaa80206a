//! `skiff lint`: what is wrong or odd in a directory, before it is pushed.
//!
//! Everything is found with the code of the hub: the directory is scanned, the bundles are placed and rendered for every
//! cluster, and what that says is gathered. Without a file of clusters, some are made up ([`samples`]), one for each
//! target and customization.

mod findings;
mod objects;

use super::clusters::Universe;
use super::placement::{Placement, views};
use super::repository::Repository;
use super::samples;
use crate::args::LintArgs;
use crate::error::CliError;
use crate::output::Output;
use findings::{Finding, Findings};
use fleet_api::reason::Reason;
use skiff_bundler::discover::FoundBundle;
use skiff_planner::target::{self, Group, Outcome};
use std::collections::BTreeSet;

/// Runs `skiff lint`.
///
/// # Errors
/// [`CliError::Failed`] where there are errors, or warnings with `--strict`; each stands on stdout.
pub fn run(args: &LintArgs, output: &mut Output) -> Result<(), CliError> {
    let repository = Repository::open(&args.repository)?;
    let universe = match &args.clusters {
        Some(file) => Universe::read(Some(file))?,
        None => samples::universe(&[&repository]),
    };
    let universe = universe.only(None, &repository.gitrepo)?;
    let mut findings = Findings::default();
    files(&repository, &mut findings);
    let views = views(&universe.clusters);
    let mut placement = Placement::new(&universe, &views);
    let mut groups = Vec::new();
    for found in &repository.discovery.bundles {
        match placement.of(found) {
            Ok(placed) => groups.push((&**found, placed)),
            Err(message) => findings.add(Finding::error(found.name(), message)),
        }
    }
    if args.clusters.is_some() {
        unmatched(&repository, &views, &universe, &mut findings);
        groups.iter().for_each(|(found, groups)| unused(found, groups, &mut findings));
    }
    objects::check(&universe, &repository, &groups, &mut findings);
    findings.write(args.output, output)?;
    findings.result(args.strict)
}

/// What reading the files says: failures, unknown keys, likely mistakes.
fn files(repository: &Repository, findings: &mut Findings) {
    for found in &repository.discovery.bundles {
        findings.extend(found.notes.iter().map(|note| Finding::warning(found.name(), note)));
    }
    for failure in &repository.discovery.failed {
        let bundle = failure.bundle.as_deref().unwrap_or_default();
        let empty = failure.note.reason == Reason::NoBundleFound && failure.bundle.is_none();
        findings.add(if empty && !repository.discovery.bundles.is_empty() {
            Finding::warning(bundle, &failure.note)
        } else {
            Finding::failure(bundle, &failure.note)
        });
    }
}

/// Targets of the GitRepo that no cluster of the file is meant by.
fn unmatched(repository: &Repository, views: &[target::ClusterView], universe: &Universe, findings: &mut Findings) {
    for (index, target) in repository.gitrepo.spec.targets.iter().enumerate() {
        let matches =
            views.iter().any(|view| target::target_matches(target, view, &target::groups_of(view, &universe.groups)));
        if !matches {
            let name = if target.name.is_empty() { format!("spec.targets[{index}]") } else { target.name.clone() };
            findings.add(Finding::odd("", format!("target `{name}` of the GitRepo matches no cluster of the file")));
        }
    }
}

/// A bundle, or a customization of it, that no cluster gets.
fn unused(found: &FoundBundle, groups: &[Group], findings: &mut Findings) {
    let mut used = BTreeSet::new();
    for group in groups {
        match &group.outcome {
            Outcome::Deploy { customizations, .. } => used.extend(customizations.iter().map(String::as_str)),
            Outcome::DoNotDeploy { by } => _ = used.insert(by),
            Outcome::NotTargeted { .. } => {}
        }
    }
    if !groups.iter().any(|group| matches!(group.outcome, Outcome::Deploy { .. })) {
        findings
            .add(Finding::odd(found.name(), "no cluster of the file gets it; `skiff target` says why not".to_owned()));
        return;
    }
    let (customizations, _) = target::split(&found.bundle.spec);
    for customization in customizations {
        let name = customization.selector.name.as_str();
        if !used.contains(name) {
            findings
                .add(Finding::odd(found.name(), format!("customization `{name}` applies to no cluster of the file")));
        }
    }
}
