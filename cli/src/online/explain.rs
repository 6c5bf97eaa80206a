//! `skiff explain`: the hub's explanation in words.

use crate::error::CliError;
use crate::output::{Format, Output, some_of};
use fleet_api::reason::Severity;
use serde_json::Value;
use skiff_hub::user_api::explain::{Entry, Explanation};
use std::collections::BTreeSet;

/// Prints it.
pub(super) fn print(answer: &Value, format: Format, output: &mut Output) -> Result<(), CliError> {
    match format {
        Format::Json => return output.json(answer),
        Format::Yaml => return output.yaml(answer),
        Format::Table | Format::Wide => {}
    }
    let read = serde_json::from_value::<Explanation>(answer.clone());
    let told = read.map_err(|error| CliError::Failed(format!("the hub's answer cannot be read: {error}")))?;
    text(&told).iter().try_for_each(|line| output.line(line))
}

/// The lines. Each stands alone: a line break inside a message becomes a line of its own.
fn text(told: &Explanation) -> Vec<String> {
    let mut lines = vec![format!("{} {}: {}", told.kind.to_lowercase(), told.name, told.state)];
    if told.entries.is_empty() && told.held.is_empty() {
        lines.push("nothing waits, was refused, failed or drifted".into());
    }
    for held in &told.held {
        lines.push(String::new());
        lines.push(format!("waits for approval: {} deletions in cluster {}", held.objects.len(), held.cluster));
        lines.extend(indented(&held.message));
        lines.extend(held.objects.iter().map(|object| format!("    {object}")));
        lines.push(format!("  -> {}", held.remedy));
    }
    for entry in &told.entries {
        lines.push(String::new());
        lines.push(format!("{}: {}{}", word(entry.severity), entry.note.reason, place(entry, told)));
        lines.extend(indented(&entry.note.message));
        lines.push(format!("  -> {}", entry.remedy));
    }
    lines
}

fn indented(message: &str) -> impl Iterator<Item = String> + '_ {
    message.lines().map(|line| format!("  {line}"))
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Information => "note",
        Severity::Waiting => "waiting",
        Severity::Drift => "drifted",
        Severity::Held => "held",
        Severity::Refused => "refused",
        Severity::Failed => "failed",
    }
}

/// How many clusters or bundles are named.
const PLACES: usize = 5;

/// Cluster, bundle, file and object, as far as the first line does not say them.
fn place(entry: &Entry, told: &Explanation) -> String {
    let mut parts = Vec::new();
    let mut add = |what: &str, name: &str, more: &BTreeSet<String>| {
        let names: Vec<&str> = std::iter::once(name).chain(more.iter().map(String::as_str)).collect();
        match names.as_slice() {
            [""] => {}
            [one] if *one == told.name => {}
            [one] => parts.push(format!("{what} {one}")),
            several => parts.push(format!("{what}s {}", some_of(several.iter(), PLACES))),
        }
    };
    add("cluster", &entry.cluster, &entry.clusters);
    add("bundle", &entry.bundle, &entry.bundles);
    add("file", &entry.note.file, &BTreeSet::new());
    if let Some(object) = &entry.note.object {
        parts.push(object.to_string());
    }
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_api::{Note, ObjectKey, Reason};

    #[test]
    fn every_entry_says_what_where_why_and_what_to_do() {
        let note = Note::new(Reason::InvalidFile, "mapping values are not allowed here").in_file("web/more.yaml:4:8");
        let object = ObjectKey::new("apps", "Deployment", "shop", "web");
        let drift = Note::new(Reason::FieldModified, "spec.replicas was changed by kubectl-edit").about(object);
        let entry = |note: Note, cluster: &str| Entry {
            severity: note.reason.severity(),
            kind: "Bundle".into(),
            name: "fleet-default/shop-web".into(),
            cluster: cluster.into(),
            bundle: "fleet-default/shop-web".into(),
            clusters: BTreeSet::new(),
            bundles: BTreeSet::new(),
            remedy: note.remedy().into(),
            note,
        };
        let told = Explanation {
            kind: "GitRepo".into(),
            name: "fleet-default/shop".into(),
            state: "Modified".into(),
            entries: vec![entry(note, ""), entry(drift, "fleet-default/one")],
            held: Vec::new(),
        };
        let lines = text(&told);
        assert_eq!(lines[0], "gitrepo fleet-default/shop: Modified");
        assert_eq!(lines[2], "failed: InvalidFile (bundle fleet-default/shop-web, file web/more.yaml:4:8)");
        assert_eq!(lines[3], "  mapping values are not allowed here");
        assert!(lines[4].starts_with("  -> correct the file"));
        let place = "cluster fleet-default/one, bundle fleet-default/shop-web, deployment.apps shop/web";
        assert_eq!(lines[6], format!("drifted: FieldModified ({place})"));
    }
}
