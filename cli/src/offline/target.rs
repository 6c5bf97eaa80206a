//! `skiff target`: who would get each bundle, with which customization, and for the others: why not.

use super::clusters::Universe;
use super::placement::{Placement, views};
use super::repository::{Repository, all_or_nothing};
use crate::args::TargetArgs;
use crate::error::CliError;
use crate::output::{Format, Output};
use fleet_api::labels::DEFAULT_NAMESPACE;
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
    let home = repository.gitrepo.metadata.namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    let universe = Universe::read(Some(&args.clusters))?.only(args.cluster.as_deref(), &home)?;
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
    let naming = Naming { home: &home, views: &views };
    match args.output {
        Format::Table => table(&rows, &naming, NAMED, output)?,
        Format::Wide => table(&rows, &naming, usize::MAX, output)?,
        Format::Json => output.json(&rows.iter().map(|row| row.told(&naming)).collect::<Vec<_>>())?,
        Format::Yaml => {
            let told = rows.iter().map(|row| row.told(&naming)).collect::<Vec<_>>();
            output.raw(&k8s_yaml::to_string(&serde_json::to_value(told).map_err(std::io::Error::from)?))?;
        }
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
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    clusters: Vec<String>,
}

impl Row<'_> {
    fn told<'a>(&'a self, naming: &Naming<'_>) -> Told<'a> {
        let clusters = self.group.clusters.iter().map(|cluster| naming.name(*cluster)).collect();
        let nothing = Told {
            bundle: self.bundle,
            deploys: false,
            target: "",
            customizations: &[],
            reason: "",
            message: "",
            clusters,
        };
        match &self.group.outcome {
            Outcome::Deploy { target, customizations } => Told { deploys: true, target, customizations, ..nothing },
            Outcome::Skip { reason, message } => Told { reason: reason.as_str(), message, ..nothing },
        }
    }
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
        let mut names = clusters.iter().take(named).map(|cluster| naming.name(*cluster)).collect::<Vec<_>>().join(", ");
        if let Some(more) = clusters.len().checked_sub(named).filter(|more| *more > 0) {
            names.push_str(&format!(" and {more} more"));
        }
        let (target, customizations, why) = match &row.group.outcome {
            Outcome::Deploy { target, customizations } => (target.as_str(), customizations.join(", "), ""),
            Outcome::Skip { message, .. } => ("", String::new(), message.as_str()),
        };
        let gets = if why.is_empty() { "yes" } else { "no" };
        vec![
            row.bundle.to_owned(),
            gets.to_owned(),
            clusters.len().to_string(),
            names,
            target.to_owned(),
            customizations,
            why.to_owned(),
        ]
    };
    let header = ["BUNDLE", "GETS IT", "COUNT", "CLUSTERS", "TARGET", "CUSTOMIZATIONS", "WHY NOT"];
    output.table(&header, &rows.iter().map(row).collect::<Vec<_>>())
}
