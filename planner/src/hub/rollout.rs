//! Which cluster is allowed which Deployment. All at once, so far; a rollout that goes in waves takes the place of
//! [`all_at_once`] and gives a wait to those whose turn has not come.

use super::rules::{Rule, Rules};
use super::snapshot::{RenderResult, Snapshot};
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::reason::{Note, Reason};
use fleet_api::wire::SOURCES_PROTOCOL;

/// What one cluster gets of one Bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// The Deployment that it is allowed.
    pub allowed: Option<Digest>,
    /// The one that it would get, were nothing in the way.
    pub staged: Option<Digest>,
    /// What is in the way.
    pub notes: Vec<Note>,
    /// What it would get is not known yet: its render is under way.
    pub rendering: bool,
}

/// Every cluster gets the newest Deployment at once, unless something is paused or it cannot be had: then the last
/// good one stays.
pub(super) fn all_at_once(
    snapshot: &Snapshot,
    rules: Rules,
    bundle_name: &Ref,
    cluster_name: &Ref,
) -> Option<Allowance> {
    let bundle = snapshot.bundles.get(bundle_name)?;
    let placement = bundle.placements.get(cluster_name)?;
    let keep = |staged, notes| Allowance { allowed: placement.allowed, staged, notes, rendering: false };
    let wanted = match snapshot.renders.get(&placement.input).map(|render| &render.result) {
        None | Some(RenderResult::Pending) => {
            return Some(Allowance { rendering: true, ..keep(placement.staged, Vec::new()) });
        }
        Some(RenderResult::Failed(notes)) if !rules.on(Rule::R13Failed) => {
            return Some(Allowance { notes: notes.clone(), ..Allowance::default() });
        }
        Some(RenderResult::Failed(notes)) => return Some(keep(None, kept_notes(notes, placement.allowed.is_some()))),
        Some(RenderResult::Done(deployment)) => *deployment,
    };
    if Some(wanted) != placement.allowed
        && let Some(note) = too_old(snapshot, cluster_name, wanted)
    {
        return Some(keep(Some(wanted), vec![note]));
    }
    if rules.on(Rule::R13Empty)
        && let Some(note) = empty(snapshot, (bundle_name, cluster_name), placement.allowed, wanted)
    {
        return Some(keep(None, vec![note]));
    }
    if Some(wanted) != placement.allowed
        && let Some(note) = paused(snapshot, bundle_name, cluster_name)
    {
        return Some(keep(Some(wanted), vec![note]));
    }
    Some(Allowance { allowed: Some(wanted), ..Allowance::default() })
}

fn kept_notes(notes: &[Note], has_last_good: bool) -> Vec<Note> {
    notes
        .iter()
        .cloned()
        .map(|mut note| {
            if has_last_good {
                note.message.push_str("; the last good state is kept");
            }
            note
        })
        .collect()
}

/// R13: a render that gives nothing, where there was something, changes nothing.
fn empty(
    snapshot: &Snapshot,
    (bundle, cluster): (&Ref, &Ref),
    allowed: Option<Digest>,
    wanted: Digest,
) -> Option<Note> {
    // How many objects sources have, the agent sees; it keeps the same rule.
    let facts = |digest| snapshot.deployments.get(&digest).filter(|facts| !facts.rendered_in_cluster);
    let objects = |digest| facts(digest).map(|facts| facts.objects);
    if objects(wanted) != Some(0) {
        return None;
    }
    let what = match allowed.and_then(objects) {
        Some(0) => None,
        Some(had) => Some(format!("the {had} objects that it had stay")),
        None => still_has(snapshot, bundle, cluster),
    }?;
    Some(Note::new(Reason::EmptyRender, format!("Bundle {bundle} renders to no object at all; {what}")))
}

/// What a cluster has of a Bundle that it renders itself, that it is told to have no longer, or of which this hub does not
/// know what it told.
fn still_has(snapshot: &Snapshot, bundle: &Ref, cluster: &Ref) -> Option<String> {
    let memory = snapshot.clusters.get(cluster)?.memory.as_ref()?;
    match memory.report.deployments.get(bundle).map(|report| report.objects).filter(|had| *had > 0) {
        Some(had) => Some(format!("the {had} objects that cluster {cluster} has of it stay")),
        // What its agent has to say of it is older than the word that it is gone.
        None => memory
            .tombstones
            .get(bundle)
            .filter(|grave| grave.since > memory.report.version)
            .map(|_| format!("what cluster {cluster} has of it stays")),
    }
}

/// An agent that cannot render keeps what it has.
fn too_old(snapshot: &Snapshot, cluster: &Ref, wanted: Digest) -> Option<Note> {
    let facts = snapshot.deployments.get(&wanted)?;
    let memory = snapshot.clusters.get(cluster)?.memory.as_ref()?;
    let needed = facts.protocol.max(SOURCES_PROTOCOL);
    if !facts.rendered_in_cluster || memory.protocol >= needed {
        return None;
    }
    if memory.protocol == 0 {
        let message = format!("cluster {cluster} has not been heard of yet: whether its agent can render is not known");
        return Some(Note::new(Reason::WaitingForCluster, message));
    }
    let message = format!(
        "the bundle has values that are read in the cluster (helm.valuesFrom), which the agent of cluster {cluster} cannot do: \
         it speaks protocol {}, and this needs {needed}; it keeps what it has",
        memory.protocol
    );
    Some(Note::new(Reason::ProtocolTooOld, message).with_remedy("update the agent"))
}

fn paused(snapshot: &Snapshot, bundle_name: &Ref, cluster_name: &Ref) -> Option<Note> {
    let bundle = snapshot.bundles.get(bundle_name)?;
    let gitrepo = snapshot.gitrepo_of(bundle_name, bundle.record.gitrepo.as_ref());
    let cluster = snapshot.clusters.get(cluster_name)?.resource.as_ref()?;
    let what = if bundle.record.spec.paused {
        format!("Bundle {bundle_name}")
    } else if gitrepo.is_some_and(|gitrepo| gitrepo.resource.spec.paused) {
        format!("GitRepo {}", bundle.record.gitrepo.as_ref()?)
    } else if cluster.spec.paused {
        format!("Cluster {cluster_name}")
    } else {
        return None;
    };
    Some(Note::new(Reason::Paused, format!("{what} is paused; the new version is staged")))
}
