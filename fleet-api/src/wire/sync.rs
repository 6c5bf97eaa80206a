//! The requests and answers of the agent API: `POST /v1/enroll`, `/v1/sync`, `/v1/blobs`.

use crate::digest::Digest;
use crate::names::ClusterUid;
use crate::wire::{ClusterIdentity, ReportDelta, Version};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What an enrollment token says; printed as `skiff1.<base64url of its JSON>`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrollmentToken {
    /// `https://hub.example:8443`, what the hub was told to advertise.
    pub hub: String,
    /// SHA-256 of the hub's TLS public key (DER SubjectPublicKeyInfo). Certificates' dates and names do not matter.
    pub hub_key: Digest,
    /// SHA-256 of the public key that signs Desireds.
    pub signing_key: Digest,
    /// The secret, 32 random bytes in base64url.
    pub secret: String,
}

impl fmt::Debug for EnrollmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnrollmentToken {{ hub: {:?}, secret: … }}", self.hub)
    }
}

/// `POST /v1/enroll`. The key that is enrolled is that of the TLS client certificate of the connection.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrollRequest {
    /// The newest protocol that the agent speaks.
    pub protocol: u32,
    /// [`EnrollmentToken::secret`].
    pub secret: String,
    /// The name that the cluster would like (`--name`); refused where the token names another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// UID of the namespace `kube-system`: what makes a cluster this cluster.
    pub kube_system_uid: String,
    /// Labels that the agent claims.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claimed_labels: BTreeMap<String, String>,
}

impl fmt::Debug for EnrollRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnrollRequest {{ name: {:?}, kube_system_uid: {:?}, secret: … }}", self.name, self.kube_system_uid)
    }
}

/// The answer to [`EnrollRequest`]. The same key gets the same answer again: an answer can be lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrollResponse {
    /// The protocol that both speak.
    pub protocol: u32,
    /// Who the cluster is from now on.
    pub identity: ClusterIdentity,
    /// The public key (raw ed25519, base64) that signs Desireds; its digest stood in the token.
    pub signing_key: String,
}

/// `POST /v1/sync`: the report up, the new Desired down; held open up to `wait` seconds where there is nothing new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncRequest {
    /// The newest protocol that the agent speaks.
    pub protocol: u32,
    /// Who it says it is; must be who its key says (R1).
    pub cluster: ClusterUid,
    /// UID of `kube-system`; another one than at enrollment is refused.
    pub kube_system_uid: String,
    /// The start counter that the hub granted to this process (R12); none in its first sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// Random for each process, so that a repeated first sync gets the same counter.
    pub instance: String,
    /// What the agent has (R3): the version, and the digest of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub have: Option<Have>,
    /// What changed, where something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportDelta>,
    /// For how many seconds the hub may hold the request open. It may answer sooner; an agent whose poll interval is
    /// longer than what the hub holds then waits for the rest of it. A request with a report says 0.
    #[serde(default)]
    pub wait: u32,
}

/// The newest Desired that an agent has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Have {
    /// Its version.
    pub version: Version,
    /// Digest of its bytes.
    pub digest: Digest,
}

/// The answer to [`SyncRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncResponse {
    /// The protocol that both speak.
    pub protocol: u32,
    /// The start counter of this process.
    pub start: u64,
    /// R12: a younger process has this identity; stop writing.
    #[serde(default)]
    pub fenced: bool,
    /// The newest Desired, where it is not the one that the agent has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<DesiredEnvelope>,
    /// The sequence of the newest report that the hub has stored.
    pub acknowledged: u64,
    /// The hub does not know what the delta builds on; send a full report.
    #[serde(default)]
    pub resend: bool,
}

/// A signed Desired on the way. Signature and digest are of the bytes that come out of `data`; those very bytes are
/// parsed (R4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredEnvelope {
    /// Digest of the bytes.
    pub digest: Digest,
    /// Size of the bytes; a decoder allocates no more.
    pub size: u64,
    /// ed25519 signature of the bytes, base64.
    pub signature: String,
    /// The Desired that the compression refers to, as a prefix; the agent has it ([`Have`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Digest>,
    /// zstd of the bytes, base64.
    pub data: String,
}

/// `POST /v1/blobs`: content by digest. Only what is reachable from the caller's own Desired is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlobsRequest {
    /// What is wanted.
    pub want: Vec<Digest>,
    /// What the agent has and the hub may compress against, in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bases: Vec<Digest>,
    /// The agent takes [`BlobsHead::sizes`] for an answer. It asked by digest and in order, so the digests need not come
    /// back: of a first rollout they were an eighth of all bytes. An older agent does not say this, an older hub does
    /// not hear it; both get [`BlobsHead::blobs`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sizes: bool,
}

/// Head of the answer to [`BlobsRequest`]. The body is: the length of this head's JSON (4 bytes, little endian), the
/// JSON, then one zstd frame of all blobs one after the other, compressed with the concatenation of `bases` as prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlobsHead {
    /// Of the bases that were offered, those that were used, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bases: Vec<Digest>,
    /// The blobs that follow, in the order of the request; those that the hub does not have, may not give, or that did
    /// not fit (ask again) are left out.
    pub blobs: Vec<BlobEntry>,
    /// The same as `blobs`, for an agent that asked for it: one size in bytes for each digest of the request that is not
    /// in `refused`, in its order; `None` where the blob is left out. What lies behind the last one is left out, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sizes: Vec<Option<u64>>,
    /// Digests that the hub will not give, now or later.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Digest>,
}

impl BlobsHead {
    /// The blobs that follow, in order, whichever of the two forms the hub chose; `want` is what was asked for.
    pub fn entries(&self, want: &[Digest]) -> Vec<BlobEntry> {
        if self.sizes.is_empty() {
            return self.blobs.clone();
        }
        let refused: BTreeSet<&Digest> = self.refused.iter().collect();
        let given = want.iter().filter(|digest| !refused.contains(digest));
        let sized = given.zip(&self.sizes);
        sized.filter_map(|(digest, size)| size.map(|size| BlobEntry { digest: *digest, size })).collect()
    }
}

/// One blob in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlobEntry {
    /// Its digest; checked again by the agent over the bytes that it parses (R4).
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// The body of every answer that is not 2xx.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A [`Reason`](crate::Reason), or the HTTP status in words.
    pub reason: String,
    /// The sentence for a person.
    pub message: String,
}
