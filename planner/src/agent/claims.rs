//! Which live Deployment may apply an object: the older owner keeps it; a renamed bundle takes it over (DESIGN §8,
//! hand-over). Called for every object of every plan.
//!
//! Invariant: at most one Bundle gets [`Claim::Mine`] or [`Claim::TakeOver`] for one key.

use super::snapshot::{Resolved, Snapshot, may_contain, resolve};
use super::sources;
use fleet_api::ObjectKey;
use fleet_api::names::Ref;
use std::collections::BTreeMap;

/// Whose an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// The Bundle's that asks.
    Mine,
    /// It becomes the Bundle's that asks; until now it was this one's.
    TakeOver(Ref),
    /// Another live Bundle's.
    Refused(Ref),
}

pub(super) fn claim(snapshot: &Snapshot, bundle: &Ref, key: &ObjectKey) -> Claim {
    match snapshot.ledger.owner(key) {
        Some(owner) if owner == bundle => Claim::Mine,
        Some(owner) if still_claims(snapshot, owner, key) => Claim::Refused(owner.clone()),
        Some(owner) => match first_claimant(snapshot, key).filter(|first| *first != bundle) {
            Some(first) => Claim::Refused(first.clone()),
            None => Claim::TakeOver(owner.clone()),
        },
        None => match first_claimant(snapshot, key).filter(|first| *first != bundle) {
            Some(first) => Claim::Refused(first.clone()),
            None => Claim::Mine,
        },
    }
}

/// Whether a live Deployment other than `bundle`'s claims `key`, or may do so (R6): one that is not read yet counts, and
/// so does an object whose scope is not known.
pub(super) fn claimed_by_other(snapshot: &Snapshot, bundle: &Ref, key: &ObjectKey) -> bool {
    if snapshot.claims.get(key).is_some_and(|claimants| claimants.iter().any(|claimant| claimant != bundle)) {
        return true;
    }
    let deployments = snapshot.desired.iter().flat_map(|accepted| &accepted.desired.deployments);
    deployments.filter(|desired| desired.bundle != *bundle).any(|desired| {
        sources::newest(snapshot, desired).is_none_or(|deployment| may_contain(snapshot, deployment, key))
    })
}

/// Another live Bundle whose Deployment is not understood (R10): it may claim any object.
pub(super) fn not_understood<'a>(snapshot: &'a Snapshot, bundle: &Ref) -> Option<&'a Ref> {
    let mut others = snapshot.desired.iter().flat_map(|accepted| &accepted.desired.deployments);
    let other = others.find(|desired| desired.bundle != *bundle && snapshot.unread.contains_key(&desired.deployment));
    other.map(|desired| &desired.bundle)
}

/// Whether the newest state of `owner` has the object, or is not known yet.
fn still_claims(snapshot: &Snapshot, owner: &Ref, key: &ObjectKey) -> bool {
    let Some(desired) = snapshot.desired.as_ref().and_then(|accepted| accepted.deployment(owner)) else {
        return false;
    };
    sources::newest(snapshot, desired).is_none_or(|deployment| may_contain(snapshot, deployment, key))
}

fn first_claimant<'a>(snapshot: &'a Snapshot, key: &ObjectKey) -> Option<&'a Ref> {
    snapshot.claims.get(key)?.first()
}

/// All claims of the Desired's Deployments, as far as they are read; the claimants of a key are in order.
pub(super) fn all(snapshot: &Snapshot) -> BTreeMap<ObjectKey, Vec<Ref>> {
    let mut claims: BTreeMap<ObjectKey, Vec<Ref>> = BTreeMap::new();
    let Some(accepted) = &snapshot.desired else { return claims };
    for desired in &accepted.desired.deployments {
        let Some(deployment) = sources::newest(snapshot, desired) else { continue };
        for object in &deployment.objects {
            if let Resolved::Key(key) = resolve(snapshot, deployment, object) {
                let claimants = claims.entry(key).or_default();
                if let Err(place) = claimants.binary_search(&desired.bundle) {
                    claimants.insert(place, desired.bundle.clone());
                }
            }
        }
    }
    claims
}
