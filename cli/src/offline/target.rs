//! `skiff target`: who would get each bundle, with which customization, and for the others: why not.

use super::clusters::Universe;
use super::placement::{Placement, views};
use super::repository::{Repository, all_or_nothing, home};
use crate::args::TargetArgs;
use crate::error::CliError;
use crate::output::{Format, Output, some_of};
use serde::Serialize;
use skiff_planner::target::{ClusterView, Group, Outcome};

/// How many clusters a row of the table names.
const NAMED: usize = 5;

/// Runs `skiff target`.
///
/// # Errors
/// What is wrong with the input, by file, line and column. What can be told is written all the same.
pub fn run(args: &TargetArgs, output: &mut Output) -> Result<(), CliError> {
    let repository = Repository::open(&args.repository)?;
    let universe = Universe::read(Some(&args.clusters))?.only(args.cluster.as_deref(), &repository.gitrepo)?;
    let mut errors = repository.report(output);
    let views = views(&universe.clusters);
    let mut placement = Placement::new(&universe, &views);
    let mut rows = Vec::new();
    for found in &repository.discovery.bundles {
        match placement.of(found) {
            Ok(groups) => rows.extend(groups.into_iter().map(|group| Row { bundle: found.name(), group })),
            Err(message) => errors.push(format!("{}: bundle {}: {message}", repository.title(), found.name())),
        }
    }
    let naming = Naming { home: home(&repository.gitrepo), views: &views };
    match args.output {
        Format::Table => table(&rows, &naming, NAMED, output)?,
        Format::Wide => table(&rows, &naming, usize::MAX, output)?,
        Format::Json => output.json(&told(&rows, &naming))?,
        Format::Yaml => output.yaml(&told(&rows, &naming))?,
    }
    all_or_nothing(errors)
}

struct Row<'a> {
    bundle: &'a str,
    group: Group,
}

/// A row for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    bundle: &'a str,
    deploys: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    target: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    customizations: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    clusters: Vec<String>,
}

fn told<'a>(rows: &'a [Row<'_>], naming: &Naming<'_>) -> Vec<Told<'a>> {
    let told = |row: &'a Row<'_>| {
        let (target, customizations): (&str, &[String]) = match &row.group.outcome {
            Outcome::Deploy { target, customizations } => (target, customizations),
            Outcome::DoNotDeploy { .. } | Outcome::NotTargeted { .. } => ("", &[]),
        };
        let why_not = row.group.outcome.why_not();
        let deploys = why_not.is_none();
        let (reason, message) = why_not.map(|(reason, why)| (reason.as_str(), why)).unwrap_or_default();
        let clusters = row.group.clusters.iter().map(|cluster| naming.name(*cluster)).collect();
        Told { bundle: row.bundle, deploys, target, customizations, reason, message, clusters }
    };
    rows.iter().map(told).collect()
}

/// How clusters are called: by their name where they are in the namespace of the GitRepo.
struct Naming<'a> {
    home: &'a str,
    views: &'a [ClusterView],
}

impl Naming<'_> {
    fn name(&self, cluster: usize) -> String {
        let ClusterView { namespace, name, .. } = &self.views[cluster];
        if namespace == self.home { name.clone() } else { format!("{namespace}/{name}") }
    }
}

fn table(rows: &[Row<'_>], naming: &Naming<'_>, named: usize, output: &mut Output) -> Result<(), CliError> {
    let row = |row: &Row<'_>| {
        let clusters = &row.group.clusters;
        let names = some_of(clusters.iter().map(|cluster| naming.name(*cluster)), named);
        let (target, customizations) = match &row.group.outcome {
            Outcome::Deploy { target, customizations } => (target.clone(), customizations.join(", ")),
            Outcome::DoNotDeploy { .. } | Outcome::NotTargeted { .. } => Default::default(),
        };
        let why = row.group.outcome.why_not().map(|(_, why)| why);
        let gets = if why.is_none() { "yes" } else { "no" };
        let (bundle, count) = (row.bundle.to_owned(), clusters.len().to_string());
        vec![bundle, gets.to_owned(), count, names, target, customizations, why.unwrap_or_default()]
    };
    let header = ["BUNDLE", "GETS IT", "COUNT", "CLUSTERS", "TARGET", "CUSTOMIZATIONS", "WHY NOT"];
    output.table(&header, &rows.iter().map(row).collect::<Vec<_>>())
}
