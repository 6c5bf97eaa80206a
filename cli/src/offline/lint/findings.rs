//! What was found: gathered, so that the same thing in many clusters is said once.

use crate::error::CliError;
use crate::output::{Format, Output, some_of};
use fleet_api::reason::Note;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// The hub or the cluster would refuse it.
    Error,
    /// It is probably not meant so.
    Warning,
}

/// One thing, without the clusters in which it is so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Finding {
    level: Level,
    #[serde(skip_serializing_if = "String::is_empty")]
    bundle: String,
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    remedy: String,
}

impl Finding {
    /// An error in words that say everything.
    pub(super) fn error(bundle: &str, message: String) -> Self {
        Self { level: Level::Error, bundle: bundle.to_owned(), message, remedy: String::new() }
    }

    /// A warning in words that say everything.
    pub(super) fn odd(bundle: &str, message: String) -> Self {
        Self { level: Level::Warning, ..Self::error(bundle, message) }
    }

    /// A note that makes something fail.
    pub(super) fn failure(bundle: &str, note: &Note) -> Self {
        Self { remedy: note.remedy().to_owned(), ..Self::error(bundle, note.message.clone()) }
    }

    /// A note that does not.
    pub(super) fn warning(bundle: &str, note: &Note) -> Self {
        Self { level: Level::Warning, ..Self::failure(bundle, note) }
    }
}

/// All of it, in a fixed order: errors first, then by bundle.
#[derive(Debug, Default)]
pub(super) struct Findings {
    clusters_of: BTreeMap<Finding, BTreeSet<String>>,
}

/// How many clusters are named.
const NAMED: usize = 5;

impl Findings {
    /// Adds what is so whatever the cluster.
    pub(super) fn add(&mut self, finding: Finding) {
        self.clusters_of.entry(finding).or_default();
    }

    /// Adds what is so in a cluster.
    pub(super) fn add_in(&mut self, cluster: &str, finding: Finding) {
        self.clusters_of.entry(finding).or_default().insert(cluster.to_owned());
    }

    /// Adds several.
    pub(super) fn extend(&mut self, findings: impl Iterator<Item = Finding>) {
        findings.for_each(|finding| self.add(finding));
    }

    /// Writes them on stdout, a line each, or as data.
    pub(super) fn write(&self, format: Format, output: &mut Output) -> Result<(), CliError> {
        #[derive(Serialize)]
        struct Told<'a> {
            #[serde(flatten)]
            finding: &'a Finding,
            #[serde(skip_serializing_if = "BTreeSet::is_empty")]
            clusters: &'a BTreeSet<String>,
        }
        let told: Vec<Told<'_>> =
            self.clusters_of.iter().map(|(finding, clusters)| Told { finding, clusters }).collect();
        match format {
            Format::Table | Format::Wide => {
                self.clusters_of.iter().try_for_each(|(finding, clusters)| output.line(&line(finding, clusters)))
            }
            Format::Json => output.json(&told),
            Format::Yaml => output.yaml(&told),
        }
    }

    /// What the command ends with.
    pub(super) fn result(&self, strict: bool) -> Result<(), CliError> {
        let count = |level| self.clusters_of.keys().filter(|finding| finding.level == level).count();
        let (errors, warnings) = (count(Level::Error), count(Level::Warning));
        if errors == 0 && (warnings == 0 || !strict) {
            return Ok(());
        }
        Err(CliError::Failed(format!("{errors} errors, {warnings} warnings")))
    }
}

fn line(finding: &Finding, clusters: &BTreeSet<String>) -> String {
    let level = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let bundle = if finding.bundle.is_empty() { String::new() } else { format!(" bundle {}:", finding.bundle) };
    let names = some_of(clusters.iter(), NAMED);
    let place = match clusters.len() {
        0 => String::new(),
        1 => format!(" in cluster {names}:"),
        _ => format!(" in clusters {names}:"),
    };
    let remedy = if finding.remedy.is_empty() { String::new() } else { format!(" ({})", finding.remedy) };
    format!("{level}:{bundle}{place} {}{remedy}", finding.message)
}
