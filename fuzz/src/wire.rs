//! What hub and agent tell each other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::Digest;
use fleet_api::wire::{
    BlobsHead, BlobsRequest, Deployment, Desired, DesiredEnvelope, EnrollRequest, EnrollResponse, EnrollmentToken,
    SyncRequest, SyncResponse,
};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use skiff_planner::agent::Rules;
use skiff_wire::decode;
use std::sync::LazyLock;

static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap_or_else(|error| panic!("{error}")));

/// A document as the right hub would sign it, one as nobody signed it, and an answer with blobs.
pub(crate) fn desired(data: &[u8]) {
    let packed = zstd::bulk::compress(data, 1).unwrap_or_default();
    let signed = DesiredEnvelope {
        digest: Digest::of(data),
        size: data.len() as u64,
        signature: STANDARD.encode(KEY.sign(data).as_ref()),
        base: None,
        data: STANDARD.encode(packed),
    };
    let key = KEY.public_key().as_ref();
    if let Ok((bytes, desired)) = decode::open_envelope(Rules::all(), &signed, None, key) {
        assert_eq!(bytes, data);
        again(&desired);
    }
    let unsigned = DesiredEnvelope { data: STANDARD.encode(data), ..signed };
    if data.len() > 1 {
        assert!(decode::open_envelope(Rules::all(), &unsigned, None, key).is_err());
    }
    let each = |digest, bytes: Vec<u8>| assert_eq!(Digest::of(&bytes), digest);
    drop(std::hint::black_box(decode::blobs(Rules::all(), &[], data, |_| Some(b"base".to_vec()), each)));
    if let Ok(deployment) = serde_json::from_slice::<Deployment>(data) {
        again(&deployment);
    }
}

/// Every document that is read is written and read again as the same one.
pub(crate) fn sync(data: &[u8]) {
    both::<SyncRequest>(data);
    both::<SyncResponse>(data);
    both::<EnrollRequest>(data);
    both::<EnrollResponse>(data);
    both::<EnrollmentToken>(data);
    both::<BlobsRequest>(data);
    both::<BlobsHead>(data);
    both::<Desired>(data);
}

fn both<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq>(data: &[u8]) {
    if let Ok(document) = serde_json::from_slice::<T>(data) {
        again(&document);
    }
}

fn again<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq>(document: &T) {
    let bytes = serde_json::to_vec(document).unwrap_or_else(|error| panic!("{error}"));
    let again: T = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}"));
    assert!(&again == document, "{}", String::from_utf8_lossy(&bytes));
}
