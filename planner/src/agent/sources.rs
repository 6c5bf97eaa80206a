//! Deployments that are rendered in the cluster, because `helm.valuesFrom` names values that must not leave it: when the
//! values are read, when they are rendered, and which Deployment counts meanwhile. Called by the plan of a Bundle.
//!
//! Invariant: what runs stays until something newer was rendered whole: values that are missing, that may not be read, or
//! that do not render are a wait and a note, never a ground for a deletion. The machine knows digests of values alone.

use super::action::{Action, ReadValues, ValueRef, Want};
use super::plan::BundlePlan;
use super::snapshot::Snapshot;
use super::{is_own, report};
use fleet_api::names::Ref;
use fleet_api::v1alpha1::{KeySelector, ValuesFrom};
use fleet_api::wire::{Deployment, DesiredDeployment, Sources, Timestamp};
use fleet_api::{Digest, Note, ObjectKey, Reason};
use jiff::SignedDuration;

/// How often values are read again: a change of a Secret is rendered after so long at most.
pub(super) const RESYNC: SignedDuration = SignedDuration::from_secs(30);
/// When values that could not be read are asked for again.
pub(super) const AGAIN: SignedDuration = SignedDuration::from_secs(15);
/// The key of `valuesFrom` that does not name one (Fleet: `internal/helmvalues`, `DefaultKey`).
const DEFAULT_KEY: &str = "values.yaml";

/// How far a Deployment with sources is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rendering {
    /// Digest of the values that were read last, and of what else of the cluster a render looks at.
    pub values: Option<Digest>,
    /// When they were asked for last.
    pub looked: Option<Timestamp>,
    /// Why they could not be read then.
    pub trouble: Option<Note>,
    /// Which values were rendered last, and the Deployment that came of it.
    pub made: Option<(Digest, Digest)>,
    /// Which values did not render, and why.
    pub failed: Option<(Digest, Note)>,
    pub reading: bool,
    pub rendering: bool,
}

/// The Deployment that a Bundle is to have: the one that the Desired names, or what was made of it here. `None` where
/// nothing was made of it yet.
pub(super) fn effective(snapshot: &Snapshot, desired: &DesiredDeployment) -> Option<Digest> {
    let document = snapshot.docs.get(&desired.deployment);
    if document.is_some_and(|document| document.sources.is_none()) {
        return Some(desired.deployment);
    }
    let made = snapshot.renderings.get(&desired.deployment).and_then(|rendering| rendering.made);
    let before = || {
        let begun = snapshot.ledger.bundle(&desired.bundle)?.deployment?;
        let from = snapshot.docs.get(&begun)?.rendered_from;
        (from == Some(desired.deployment)).then_some(begun)
    };
    let made = made.map(|(_, made)| made).or_else(before);
    if document.is_none() { made.or(Some(desired.deployment)) } else { made }
}

/// What `effective` names, where it is read.
pub(super) fn newest<'a>(snapshot: &'a Snapshot, desired: &DesiredDeployment) -> Option<&'a Deployment> {
    snapshot.docs.get(&effective(snapshot, desired)?)
}

/// Another live Bundle whose objects are not known because nothing could be made of its sources yet; it may claim any.
pub(super) fn not_rendered<'a>(snapshot: &'a Snapshot, bundle: &Ref) -> Option<&'a Ref> {
    let mut others = snapshot.desired.iter().flat_map(|accepted| &accepted.desired.deployments);
    let is_waiting = |desired: &&DesiredDeployment| desired.bundle != *bundle && effective(snapshot, desired).is_none();
    others.find(is_waiting).map(|desired| &desired.bundle)
}

/// Reads values where they are due, renders where they are others, and says what is in the way. False where it is known that
/// the values of now, whatever they are, are not those of what counts.
pub(super) fn advance(
    snapshot: &Snapshot,
    (desired, document, sources): (&DesiredDeployment, &Deployment, &Sources),
    now: Timestamp,
    plan: &mut BundlePlan,
    words: &mut report::Builder,
) -> bool {
    let refs = match refs(document, sources) {
        Ok(refs) => refs,
        Err(note) => {
            words.note(note);
            return false;
        }
    };
    let none = Rendering::default();
    let state = snapshot.renderings.get(&desired.deployment).unwrap_or(&none);
    let has_copies = document.objects.iter().all(|copy| snapshot.blobs.contains(&copy.digest));
    let has_files = snapshot.blobs.contains(&sources.tree) && has_copies;
    if !has_files {
        let copies = document.objects.iter().map(|copy| (copy.digest, copy.size));
        let missing = copies.chain([(sources.tree, 0)]).filter(|(digest, _)| !snapshot.blobs.contains(digest));
        let want = |(digest, size)| Want { size, is_secret: true, ..Want::deployment(digest, None).content() };
        plan.wants.extend(missing.map(want));
        words.note(Note::new(Reason::WaitingForCluster, "fetching the files of the bundle from the hub"));
    }
    let period = if state.trouble.is_some() { AGAIN } else { RESYNC };
    let due = state.looked.map(|looked| looked.saturating_add(period).unwrap_or(looked));
    match due.filter(|due| *due > now) {
        Some(due) => plan.wake(Some(due)),
        None if state.reading || !has_copies => {}
        None => plan.actions.push(Action::ReadValues(Box::new(ReadValues {
            deployment: desired.deployment,
            refs,
            service_account: document.options.service_account.clone(),
        }))),
    }
    words.notes.extend(state.trouble.clone());
    let is_whole = |made: &Digest| {
        let made = snapshot.docs.get(made);
        made.is_some_and(|made| made.objects.iter().all(|object| snapshot.blobs.contains(&object.digest)))
    };
    let is_made = state.made.is_some_and(|(of, made)| Some(of) == state.values && is_whole(&made));
    let failed = state.failed.as_ref().filter(|(of, _)| Some(*of) == state.values);
    words.notes.extend(failed.map(|(_, note)| note.clone()));
    let values = state.values.filter(|_| !is_made && failed.is_none() && state.trouble.is_none());
    if let Some(values) = values.filter(|_| has_files && !state.rendering) {
        plan.actions.push(Action::Render { deployment: desired.deployment, values });
    }
    plan.loading |= has_files && (state.looked.is_none() || values.is_some());
    let is_away = |note: &Note| note.reason == Reason::ApiServerUnreachable;
    failed.is_none() && state.trouble.as_ref().is_none_or(is_away)
}

/// What is to be read, in order: of one entry the ConfigMap first (reference §2.6).
///
/// # Errors
/// Where something is named that may not be read on the word of a bundle. Whoever writes a bundle without a service account
/// would otherwise read what is not theirs with the agent's rights (CVE-2026-44935, CVE-2026-41050).
fn refs(document: &Deployment, sources: &Sources) -> Result<Vec<ValueRef>, Note> {
    let entries = sources.options.helm.as_ref().map(|helm| helm.values_from.as_slice()).unwrap_or_default();
    let of_entry = |entry: &'_ ValuesFrom| {
        let map = entry.config_map_key_ref.clone().map(|selector| ("ConfigMap", selector));
        let secret = entry.secret_key_ref.clone().map(|selector| ("Secret", selector));
        map.into_iter().chain(secret)
    };
    entries.iter().flat_map(of_entry).map(|(kind, selector)| value_ref(document, kind, selector)).collect()
}

fn value_ref(document: &Deployment, kind: &str, selector: KeySelector) -> Result<ValueRef, Note> {
    let release = &document.release_namespace;
    let KeySelector { name, namespace, key } = selector;
    let namespace = if namespace.is_empty() { release.clone() } else { namespace };
    let object = ObjectKey::new("", kind, &namespace, &name);
    // What the hub sends along is read as it came: the copy in the cluster follows it, and is not there yet at first.
    let is_elsewhere = namespace != *release && document.options.service_account.is_empty();
    let refused = |why: String| Err(Note::new(Reason::Forbidden, why).about(object.clone()));
    if is_own(&object) {
        return refused(format!("helm.valuesFrom may not name {object}: it is the agent's own"));
    }
    if super::plan::unusable(&name).is_some() || super::plan::unusable(&namespace).is_some() {
        return refused(format!(
            "helm.valuesFrom names a {kind} {name:?} in namespace {namespace:?}, which is no name"
        ));
    }
    if is_elsewhere {
        let why = format!(
            "helm.valuesFrom names {object}, and the bundle is in namespace {release}: values of another namespace are read \
             only with the rights of a service account of the bundle"
        );
        let remedy = "set serviceAccount in fleet.yaml to one in the agent's namespace that may get this object, or copy the \
                      object into the namespace of the bundle";
        return Err(Note::new(Reason::Forbidden, why).about(object).with_remedy(remedy));
    }
    let key = if key.is_empty() { DEFAULT_KEY.to_owned() } else { key };
    let copy = document.objects.iter().find(|copy| copy.key == object).map(|copy| copy.digest);
    Ok(ValueRef { object, key, copy })
}
