//! Which Desired is believed: R1, R2 and the protocol. Called by the machine for each Desired that comes.
//!
//! Invariant: what is refused here changes nothing but a note.

use super::rules::{Rule, Rules};
use fleet_api::names::ClusterUid;
use fleet_api::wire::{Deployment, Desired, OLDEST_PROTOCOL, PROTOCOL, Timestamp, Version};
use fleet_api::{Digest, Note, Reason};

/// Checks a Desired whose signature and digest hold against who we are and what we have seen.
///
/// # Errors
/// The note to report where it is refused.
pub(super) fn accept(
    rules: Rules,
    cluster: &ClusterUid,
    mark: Version,
    known: Option<Digest>,
    desired: &Desired,
    digest: Digest,
) -> Result<(), Note> {
    if rules.on(Rule::R1Cluster) && desired.identity.uid != *cluster {
        let message = format!(
            "refused the desired state of cluster {} ({}): this cluster is {cluster}",
            desired.identity.cluster, desired.identity.uid
        );
        return Err(Note::new(Reason::WrongCluster, message));
    }
    if !(OLDEST_PROTOCOL..=PROTOCOL).contains(&desired.protocol) {
        let message = format!(
            "refused a desired state in protocol {}: this agent reads {OLDEST_PROTOCOL} to {PROTOCOL}",
            desired.protocol
        );
        return Err(Note::new(Reason::ProtocolTooOld, message));
    }
    let goes_back = desired.version < mark;
    let differs = desired.version == mark && known.is_some_and(|known| known != digest);
    if rules.on(Rule::R2Mark) && (goes_back || differs) {
        let why = if goes_back { "is older than" } else { "has another content than" };
        let message = format!("refused desired state {}: it {why} {mark}, which was seen already", desired.version);
        return Err(Note::new(Reason::Rollback, message));
    }
    Ok(())
}

/// R10: a Deployment with a field that this agent does not know, or in a newer protocol, is not used: what it lists may be
/// a part of what it means, and the rest of the cluster's objects would look like what is meant no longer.
///
/// # Errors
/// The note to report where it is not used.
pub(super) fn understand(rules: Rules, digest: Digest, deployment: &Deployment) -> Result<(), Note> {
    if !rules.on(Rule::R10Unknown) {
        return Ok(());
    }
    if deployment.protocol > PROTOCOL {
        let why = format!("it is written in protocol {}, and this agent reads up to {PROTOCOL}", deployment.protocol);
        return Err(not_used(Reason::ProtocolTooOld, digest, &why));
    }
    let mut unknown = deployment.unknown_fields();
    if unknown.is_empty() {
        return Ok(());
    }
    let more = unknown.len().saturating_sub(NAMED);
    unknown.truncate(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let why = format!("it says {}{more}, which this agent does not know", unknown.join(", "));
    Err(not_used(Reason::UnknownSafetyField, digest, &why))
}

/// How many unknown fields a note names.
const NAMED: usize = 5;

/// R10: the same, of one that this agent cannot even parse.
pub(super) fn unreadable(digest: Digest, why: &str) -> Note {
    not_used(Reason::UnknownSafetyField, digest, &format!("this agent cannot read it: {why}"))
}

fn not_used(reason: Reason, digest: Digest, why: &str) -> Note {
    let message = format!("deployment {digest} is not used: {why}; what runs is kept, and nothing is deleted for it");
    Note::new(reason, message).with_remedy("update the agent")
}

/// R4: whether `bytes`, the very ones that are parsed next, have the digest that was asked for.
pub fn has_digest(rules: Rules, bytes: &[u8], digest: Digest) -> bool {
    !rules.on(Rule::R4Digest) || Digest::of(bytes) == digest
}

/// Why nothing may be deleted on the word of this Desired at `now`, if so (R3, R9).
pub(super) fn deletion_stop(rules: Rules, desired: &Desired, now: Timestamp) -> Option<Reason> {
    if rules.on(Rule::R3Epoch) && !desired.deletions_allowed {
        return Some(Reason::EpochHeld);
    }
    (rules.on(Rule::R9Expired) && is_expired(desired, now)).then_some(Reason::DesiredExpired)
}

/// Whether the Desired is stale at `now`.
pub(super) fn is_expired(desired: &Desired, now: Timestamp) -> bool {
    now >= desired.expires
}
