//! What survives a restart, as documents: how the last Desired is written with its high-water mark, and what a start
//! makes of both documents. The shell keeps them in Secrets, the simulator in virtual ones.
//!
//! Invariant: what is broken is an error, never an absence; a cluster that was enrolled anew begins anew (R3).

use super::rules::{Rule, Rules};
use super::{Ledger, Persisted};
use fleet_api::Digest;
use fleet_api::names::ClusterUid;
use fleet_api::wire::Version;
use serde::{Deserialize, Serialize};

/// The Secret with the last Desired and the high-water mark.
pub const DESIRED_DOCUMENT: &str = "skiff-agent-desired";
/// The Secret with the ledger.
pub const LEDGER_DOCUMENT: &str = "skiff-agent-ledger";

/// Head of the document with the last Desired.
#[derive(Serialize, Deserialize)]
struct Head {
    /// Whose it is: a cluster that enrolls anew begins anew.
    cluster: ClusterUid,
    /// UID of the namespace `kube-system` where it was written; documents from before this was kept have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    kube_system: String,
    mark: Version,
    digest: Digest,
}

/// A document that is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{document} cannot be read: {why}")]
pub struct BrokenDocument {
    /// Which.
    pub document: &'static str,
    /// Why.
    pub why: String,
}

/// What a start begins with.
#[derive(Debug, Default)]
pub struct Restored {
    /// What the machine begins with.
    pub persisted: Persisted,
    /// The bytes of the last Desired; empty where there is none.
    pub desired: Vec<u8>,
    /// The ledger is from before this enrollment: it has to be written, as it is in `persisted`, before the new hub's
    /// state is. After that nothing says any more that it is from before.
    pub begins_anew: bool,
}

/// The document that keeps a Desired (`bytes`, whose digest is `digest`) with the high-water mark. `kube_system` is the
/// UID of that namespace in the cluster where it is written.
pub fn encode_desired(cluster: &ClusterUid, kube_system: &str, mark: Version, digest: Digest, bytes: &[u8]) -> Vec<u8> {
    let head = Head { cluster: cluster.clone(), kube_system: kube_system.to_owned(), mark, digest };
    let mut document = serde_json::to_vec(&head).unwrap_or_default();
    document.push(b'\n');
    document.extend_from_slice(bytes);
    document
}

/// The document that keeps the ledger.
pub fn encode_ledger(ledger: &Ledger) -> Vec<u8> {
    serde_json::to_vec(ledger).unwrap_or_default()
}

/// What the documents say for `cluster`, whose namespace `kube-system` has the UID `kube_system`.
///
/// # Errors
/// Where one of them is damaged: nothing may be decided without it. And where they were written in another cluster and
/// copied here (R1): what that one should have is not to be applied to this one, whatever the identity says.
pub fn restore(
    rules: Rules,
    cluster: &ClusterUid,
    kube_system: &str,
    desired: Option<&[u8]>,
    ledger: Option<&[u8]>,
) -> Result<Restored, BrokenDocument> {
    let mut restored = Restored::default();
    let mut before = None;
    let broken = |document, why: String| BrokenDocument { document, why };
    if let Some(document) = desired {
        let broken = |why: &str| broken(DESIRED_DOCUMENT, why.to_owned());
        let newline = document.iter().position(|byte| *byte == b'\n').ok_or_else(|| broken("it has no head"))?;
        let head: Head = serde_json::from_slice(&document[..newline]).map_err(|error| broken(&error.to_string()))?;
        let is_copy = !head.kube_system.is_empty() && head.kube_system != kube_system;
        if is_copy && rules.on(Rule::R1Copy) {
            return Err(broken(
                "it was written in another cluster; delete the Secrets skiff-agent* here, and enroll this cluster under an \
                 identity of its own",
            ));
        }
        restored.begins_anew = head.cluster != *cluster;
        if !restored.begins_anew {
            restored.persisted.mark = head.mark;
            restored.desired = document[newline + 1..].to_vec();
            if Digest::of(&restored.desired) != head.digest {
                return Err(broken("it does not have its digest"));
            }
            let parsed = serde_json::from_slice(&restored.desired).map_err(|error| broken(&error.to_string()))?;
            restored.persisted.desired = Some((parsed, head.digest));
        } else {
            before = Some(head.cluster);
        }
    }
    if let Some(document) = ledger {
        restored.persisted.ledger =
            serde_json::from_slice(document).map_err(|error| broken(LEDGER_DOCUMENT, error.to_string()))?;
    }
    if let Some(before) = before.filter(|_| rules.on(Rule::R3Anew)) {
        restored.persisted.ledger.begin_anew(&before);
    }
    Ok(restored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_api::ObjectKey;
    use fleet_api::names::Ref;

    #[test]
    fn damaged_documents_are_errors_and_another_enrollment_begins_anew() {
        let (this, other): (ClusterUid, ClusterUid) = ("c-1".parse().unwrap(), "c-2".parse().unwrap());
        let mut ledger = Ledger::default();
        let bundle = Ref::new("a", "b").unwrap();
        ledger.put(&bundle, ObjectKey::new("", "ConfigMap", "x", "y"), super::super::Entry::default());
        let ledger = encode_ledger(&ledger);
        let mark = Version { epoch: 1, generation: 4 };
        let document = encode_desired(&other, "k", mark, Digest::of(b"{}"), b"{}");
        let restored = restore(Rules::all(), &this, "k", Some(&document), Some(&ledger)).unwrap();
        assert!(restored.begins_anew && restored.persisted.ledger.anew);
        assert_eq!((restored.persisted.mark, restored.desired), (Version::default(), Vec::new()));
        let same = encode_desired(&this, "k", mark, Digest::of(b"{}"), b"{}");
        for length in [0, 3, same.len() - 1] {
            let error = restore(Rules::all(), &this, "k", Some(&same[..length]), None).unwrap_err();
            assert_eq!(error.document, DESIRED_DOCUMENT, "{length} bytes of it");
        }
        let copied = restore(Rules::all(), &this, "another", Some(&same), None).unwrap_err();
        assert!(copied.why.contains("another cluster"), "{copied}");
        assert_eq!(restore(Rules::all(), &this, "k", None, Some(b"{")).unwrap_err().document, LEDGER_DOCUMENT);
    }
}
