//! Which Desired is believed: R1, R2 and the protocol. Called by the machine for each Desired that comes.
//!
//! Invariant: what is refused here changes nothing but a note.

use super::rules::{Rule, Rules};
use fleet_api::names::ClusterUid;
use fleet_api::wire::{Desired, OLDEST_PROTOCOL, PROTOCOL, Timestamp, Version};
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
