//! A signed Desired as the hub stores it: a line of JSON, then its bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::digest::Digest;
use fleet_api::wire::{Desired, Have};
use serde::{Deserialize, Serialize};
use skiff_planner::hub::Signed;

#[derive(Serialize, Deserialize)]
struct Head {
    have: Have,
    signature: String,
}

/// The record of a document.
pub fn encode_desired<B: AsRef<[u8]>>(issued: &Signed<B>) -> Vec<u8> {
    let head = Head { have: issued.have, signature: STANDARD.encode(&issued.signature) };
    let mut out = serde_json::to_vec(&head).unwrap_or_default();
    out.push(b'\n');
    out.extend_from_slice(issued.bytes.as_ref());
    out
}

/// Reads what [`encode_desired`] wrote; none where it is damaged.
pub fn decode_desired<B: From<Vec<u8>>>(bytes: &[u8]) -> Option<(Signed<B>, Desired)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    let body = bytes.get(end + 1..)?;
    if Digest::of(body) != head.have.digest {
        return None;
    }
    let desired: Desired = serde_json::from_slice(body).ok()?;
    let issued = Signed {
        have: head.have,
        bytes: B::from(body.to_vec()),
        signature: STANDARD.decode(head.signature).ok()?,
        deployments: desired.deployments.iter().map(|entry| entry.deployment).collect(),
    };
    Some((issued, desired))
}
