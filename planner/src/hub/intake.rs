//! What a hub takes of a report. An honest agent stays far below these limits; a hostile one cannot make the hub grow
//! (reliability C11), nor say more than a report says (C06: the type is closed).

use fleet_api::reason::Note;
use fleet_api::wire::{ApiVersions, DeploymentReport, Facts, LIST_CAP, Report, ReportDelta};

/// How many Bundles a cluster may report.
const BUNDLES: usize = 10_000;
/// How long a text may be, in bytes.
const TEXT: usize = 4096;
/// How many notes a cluster may have as a whole.
const NOTES: usize = 50;
/// How many labels an agent may claim.
const LABELS: usize = 100;
/// How many kinds an API server may serve.
const KINDS: usize = 10_000;
/// How many deletions may wait: the list is needed whole.
const HELD: usize = 100_000;

/// The delta without what is too much; none where the report would be too large even so.
pub(super) fn take(known: &Report, delta: &ReportDelta) -> Option<ReportDelta> {
    let before = if delta.full { 0 } else { known.deployments.len() };
    if before + delta.deployments.len() > BUNDLES + delta.removed.len().min(BUNDLES)
        || delta.deployments.len() > BUNDLES
    {
        return None;
    }
    if delta.held.as_ref().is_some_and(|held| held.objects.len() > HELD) {
        return None;
    }
    let mut delta = delta.clone();
    delta.deployments.values_mut().for_each(deployment);
    notes(&mut delta.notes, NOTES);
    if let Some(facts) = &mut delta.facts {
        limit_facts(facts);
    }
    Some(delta)
}

fn deployment(report: &mut DeploymentReport) {
    report.incomplete |=
        report.not_ready.len() > LIST_CAP || report.modified.len() > LIST_CAP || report.notes.len() > LIST_CAP;
    report.not_ready.truncate(LIST_CAP);
    report.modified.truncate(LIST_CAP);
    for object in &mut report.not_ready {
        text(&mut object.state);
        text(&mut object.message);
    }
    for object in &mut report.modified {
        list(&mut object.fields, 100);
        list(&mut object.managers, LIST_CAP);
    }
    notes(&mut report.notes, LIST_CAP);
}

fn notes(notes: &mut Vec<Note>, number: usize) {
    notes.truncate(number);
    for note in notes {
        text(&mut note.message);
        text(&mut note.file);
        text(&mut note.remedy);
    }
}

fn limit_facts(facts: &mut Facts) {
    text(&mut facts.agent_version);
    text(&mut facts.kubernetes_version);
    if facts.api_versions.list().len() > KINDS || facts.api_versions.list().iter().any(|name| name.len() > TEXT) {
        facts.api_versions = ApiVersions::default();
    }
    let mut number = 0;
    facts.claimed_labels.retain(|key, value| {
        number += 1;
        number <= LABELS && key.len() <= 317 && value.len() <= 63
    });
}

fn list(texts: &mut Vec<String>, number: usize) {
    texts.truncate(number);
    texts.iter_mut().for_each(text);
}

fn text(text: &mut String) {
    if text.len() > TEXT {
        text.truncate(text.floor_char_boundary(TEXT));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_api::names::Ref;
    use fleet_api::reason::Reason;
    use std::collections::BTreeMap;

    fn report(notes: usize, length: usize) -> DeploymentReport {
        DeploymentReport {
            deployment: None,
            applied: true,
            ready: true,
            unmodified: true,
            waiting: false,
            objects: 1,
            ready_objects: 1,
            not_ready: vec![],
            modified: vec![],
            notes: vec![Note::new(Reason::NotReady, "é".repeat(length)); notes],
            incomplete: false,
        }
    }

    fn bundles(number: usize) -> BTreeMap<Ref, DeploymentReport> {
        (0..number).map(|n| (Ref::new("a", &format!("b{n}")).unwrap(), report(0, 0))).collect()
    }

    #[test]
    fn a_hostile_report_is_cut_or_refused_and_an_honest_one_taken_whole() {
        let honest = Report { deployments: bundles(50), ..Report::default() };
        let delta = honest.delta_from(None, 1).unwrap();
        assert_eq!(take(&Report::default(), &delta), Some(delta));

        let one = BTreeMap::from([(Ref::new("a", "b").unwrap(), report(1000, 100_000))]);
        let delta = Report { deployments: one, ..Report::default() }.delta_from(None, 1).unwrap();
        let taken = take(&Report::default(), &delta).unwrap();
        let cut = taken.deployments.values().next().unwrap();
        assert!(cut.incomplete && cut.notes.len() == LIST_CAP && cut.notes[0].message.len() <= TEXT + 3);

        let many = Report { deployments: bundles(BUNDLES), ..Report::default() };
        let more = ReportDelta { full: false, ..honest.delta_from(None, 2).unwrap() };
        assert_eq!(take(&many, &more), None);
    }
}
