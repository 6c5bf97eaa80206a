//! Advisories of others, replayed against what an agent believes (docs/ADVISORIES.md).

use crate::classify::explain;
use crate::decode::{blobs, open_envelope};
use crate::encode;
use crate::status::ApiError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::wire::{BlobEntry, BlobsHead, Desired, DesiredEnvelope, Have, Version};
use fleet_api::{Digest, ObjectKey, Reason};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;
use skiff_planner::agent::Rules;
use skiff_planner::hub::Signed;
use std::collections::BTreeSet;

fn key(number: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap()
}

fn document() -> Vec<u8> {
    let desired: Desired = serde_json::from_value(json!({
        "protocol": 1, "identity": {"cluster": "fleet-default/c", "uid": "c-1"}, "version": {"epoch": 1, "generation": 2},
        "issued": "2026-11-25T12:00:00Z", "expires": "2027-01-01T00:00:00Z", "deployments": [], "deletionsAllowed": true,
    }))
    .unwrap();
    serde_json::to_vec(&desired).unwrap()
}

fn sealed(bytes: &[u8], by: &Ed25519KeyPair) -> DesiredEnvelope {
    let have = Have { version: Version { epoch: 1, generation: 2 }, digest: Digest::of(bytes) };
    let signature = by.sign(bytes).as_ref().to_vec();
    let issued = Signed { have, bytes: bytes.to_vec(), signature, deployments: BTreeSet::new() };
    encode::envelope(&issued, None).unwrap()
}

fn opened(envelope: &DesiredEnvelope) -> Result<Vec<u8>, Reason> {
    let pinned = key(1);
    let opened = open_envelope(Rules::all(), envelope, None, pinned.public_key().as_ref());
    opened.map(|(bytes, _)| bytes).map_err(|note| note.reason)
}

/// CVE-2025-23216, CVE-2026-42880, -45737 (Argo CD): answers of API servers quote what is in a Secret.
#[test]
fn c50_an_answer_about_a_secret_is_told_without_its_values() {
    let canary = "canary-in-an-answer";
    let secret = ObjectKey::new("", "Secret", "shop", "s");
    for (code, reason) in
        [(422, "Invalid"), (409, "Conflict"), (403, "Forbidden"), (500, "InternalError"), (400, "BadRequest")]
    {
        let cause =
            |field: &str| json!({"reason": canary, "message": format!("Invalid value: \"{canary}\""), "field": field});
        for message in [
            format!("Secret \"s\" is invalid: data[k]: Invalid value: \"{canary}\""),
            format!("Internal error occurred: failed calling webhook \"w.example.com\": {canary}"),
            format!("admission webhook \"w\" denied the request: {canary}"),
        ] {
            let body = json!({"kind": "Status", "code": code, "reason": reason, "message": message,
                "details": {"kind": "secrets", "name": "s", "causes": [cause("data[k]")]}});
            for verb in ["apply", "delete", "read"] {
                let told = explain(verb, &secret, &ApiError::of(code, body.to_string().as_bytes()));
                assert!(!told.message.contains(canary), "{}", told.message);
                assert!(told.message.contains("secret shop/s"), "{}", told.message);
            }
        }
        let told = explain("apply", &secret, &ApiError::of(code, canary.as_bytes()));
        assert!(!told.message.contains(canary), "{}", told.message);
    }
}

/// CVE-2026-35205 (Helm: no signature passes), CVE-2026-44310 (gitsign), CVE-2026-39395 (cosign: what cannot be read passes).
#[test]
fn c56_a_signature_that_is_missing_or_broken_or_of_another_is_refused() {
    let good = sealed(&document(), &key(1));
    assert_eq!(opened(&good), Ok(document()));
    let whole = STANDARD.decode(&good.signature).unwrap();
    let mut signatures: Vec<(String, String)> = vec![
        ("none".into(), String::new()),
        ("no base64".into(), "!".into()),
        ("garbage".into(), STANDARD.encode([0x5a; 64])),
        ("zeroes".into(), STANDARD.encode([0; 64])),
        ("of another key".into(), sealed(&document(), &key(2)).signature),
        ("of another document".into(), sealed(b"{}", &key(1)).signature),
        ("twice".into(), STANDARD.encode([whole.as_slice(), &whole].concat())),
    ];
    signatures.extend((0..64).map(|length| (format!("cut at {length}"), STANDARD.encode(&whole[..length]))));
    signatures.extend((0..whole.len() * 8).map(|bit| {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        (format!("bit {bit} flipped"), STANDARD.encode(flipped))
    }));
    for (what, signature) in signatures {
        let told = opened(&DesiredEnvelope { signature, ..good.clone() });
        assert_eq!(told, Err(Reason::SignatureRefused), "{what}");
    }
    for pinned in [&[][..], &[0; 32], &[0; 31]] {
        assert!(open_envelope(Rules::all(), &good, None, pinned).is_err(), "a key of {} bytes", pinned.len());
    }
}

/// GHSA-wfqx-gjrf-g28r (Crossplane), CVE-2026-44309 (gitsign): what was verified was not what was used.
#[test]
fn c57_what_is_parsed_is_what_was_verified() {
    let (mine, other) = (document(), document().iter().copied().chain(*b" ").collect::<Vec<u8>>());
    let (good, changed) = (sealed(&mine, &key(1)), sealed(&other, &key(2)));
    for (what, envelope) in [
        ("other data", DesiredEnvelope { data: changed.data.clone(), size: changed.size, ..good.clone() }),
        ("another digest", DesiredEnvelope { digest: changed.digest, ..good.clone() }),
        ("a smaller size", DesiredEnvelope { size: good.size - 1, ..good.clone() }),
        ("a larger size", DesiredEnvelope { size: good.size + 1, ..good.clone() }),
        ("a base that is not here", DesiredEnvelope { base: Some(changed.digest), ..good.clone() }),
        ("data and digest", DesiredEnvelope { signature: good.signature, ..changed }),
    ] {
        let told = opened(&envelope).expect_err(what);
        assert!(matches!(told, Reason::DigestMismatch | Reason::SignatureRefused), "{what}: {told}");
    }
    // Blobs: one bit of the content, in any place, and none of it is taken.
    let content = b"kind: ConfigMap".repeat(20);
    let head = BlobsHead {
        blobs: vec![BlobEntry { digest: Digest::of(&content), size: content.len() as u64 }],
        ..BlobsHead::default()
    };
    let body = encode::blobs(&head, &content, &[]).unwrap();
    for bit in 0..body.len() * 8 {
        let mut flipped = body.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // The name may be another one; then it is that of the bytes all the same.
        drop(blobs(Rules::all(), &[], &flipped, |_| None, |digest, bytes| assert_eq!(Digest::of(&bytes), digest)));
    }
}

/// CVE-2023-46737 (cosign), CVE-2024-45395 (sigstore-go), CVE-2023-33958 (notation): data without end.
#[test]
fn c58_what_says_that_it_is_large_or_unpacks_to_more_is_refused() {
    let zeroes = vec![0; 64 << 20];
    let bomb = STANDARD.encode(zstd::bulk::compress(&zeroes, 19).unwrap());
    assert!(bomb.len() < 20_000);
    let good = sealed(&document(), &key(1));
    let told = opened(&DesiredEnvelope { data: bomb, ..good.clone() });
    assert_eq!(told, Err(Reason::DigestMismatch));
    for size in [u64::MAX, 1 << 40, (128 << 20) + 1] {
        assert_eq!(opened(&DesiredEnvelope { size, ..good.clone() }), Err(Reason::CapExceeded), "{size}");
    }
    for size in [u64::MAX, 1 << 40, (64 << 20) + 1] {
        let head = BlobsHead { blobs: vec![BlobEntry { digest: Digest::of(b""), size }], ..BlobsHead::default() };
        let body = encode::blobs(&head, &zeroes[..1 << 20], &[]).unwrap();
        let told = blobs(Rules::all(), &[], &body, |_| None, |_, _| panic!("it is believed"));
        assert!(told.unwrap_err().contains("larger than"), "{size}");
    }
}
