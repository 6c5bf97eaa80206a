//! What a hub sends, as an agent takes it apart: every document with every node replaced, and what is written on purpose in
//! its place. No panic, and an error that names the field; what can be read goes on to the decisions.

#![expect(clippy::unwrap_in_result, reason = "what is made here is well formed")]

use crate::inputs::{mutations, names_place, texts};
use crate::pipeline::guarded;
use fleet_api::wire::{
    BlobEntry, BlobsHead, Deployment, Desired, EnrollResponse, Have, SyncResponse, Version, from_json,
};
use fleet_api::{Digest, ObjectKey};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use skiff_planner::agent::{Event, Machine, Persisted, Rules, keeps, prepare};
use skiff_planner::hub::Signed;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn desired() -> Value {
    json!({
        "protocol": 1, "identity": {"cluster": "fleet-default/c", "uid": "c-1"}, "version": {"epoch": 1, "generation": 2},
        "issued": "2026-11-25T12:00:00Z", "expires": "2027-01-01T00:00:00Z", "deletionsAllowed": true,
        "deployments": [{
            "bundle": "fleet-default/web", "deployment": DIGEST, "deletionLimit": {"objects": 1, "percent": 2},
            "dependsOn": [{"description": "bundle \"db\"", "bundles": ["fleet-default/db"], "acceptedStates": ["Ready"]}],
        }],
        "tombstones": [{
            "bundle": "fleet-default/old", "cause": "removed", "keepResources": false, "deployment": DIGEST,
            "deleteCRDResources": true, "deletionLimit": {"objects": 1, "percent": 2},
        }],
        "approvals": [{"list": DIGEST, "by": "admin"}],
    })
}

fn deployment() -> Value {
    json!({
        "protocol": 1, "bundle": "fleet-default/web", "releaseNamespace": "shop", "forceNamespace": true, "createNamespace": true,
        "namespaceLabels": {"a": "b"}, "namespaceAnnotations": {"a": "b"},
        "options": {
            "takeOwnership": true, "keepResources": true, "deleteCRDResources": true, "serviceAccount": "a",
            "correctDrift": {"enabled": true, "force": true, "keepFailHistory": true}, "forceSyncGeneration": 3,
            "comparePatches": [{"kind": "ConfigMap", "apiVersion": "v1", "namespace": "shop", "name": "a",
                "operations": [{"op": "remove", "path": "/data/a", "value": "x"}], "jsonPointers": ["/data/b"]}],
            "ignoreConditions": [{"type": "Ready"}], "timeoutSeconds": 5,
        },
        "objects": [
            {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "shop", "name": "a", "digest": DIGEST, "size": 10, "source": "a.yaml:1"},
            {"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "a", "digest": DIGEST, "size": 10, "source": "a.yaml:9",
             "hook": {"events": ["pre-install"], "weight": 3, "delete": ["before-hook-creation"]}},
        ],
    })
}

fn object() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "shop", "labels": {"a": "b"},
            "annotations": {"helm.sh/resource-policy": "keep"}, "finalizers": ["x"], "ownerReferences": [{"uid": "u"}]},
        "data": {"a": "Yg=="}, "stringData": {"b": "c"}, "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "a"}]}}},
    })
}

/// What an agent is, in the middle of its work.
fn machine() -> Machine {
    let mut machine = Machine::new(Rules::all(), "c-1".parse().unwrap(), Persisted::default());
    let desired: Desired = serde_json::from_value(desired()).unwrap();
    take(&mut machine, desired);
    machine
}

fn take(machine: &mut Machine, desired: Desired) {
    let digest = Digest::of_json(&desired).unwrap();
    machine.observe(Event::Desired { desired: Box::new(desired), digest });
    drop(machine.decide("2026-11-25T12:00:00Z".parse().unwrap()));
    machine.observe(Event::DesiredSaved { digest });
    drop(machine.decide("2026-11-25T12:00:01Z".parse().unwrap()));
}

/// The document as it comes over the wire.
fn opened(bytes: &[u8]) -> Result<Desired, String> {
    let key = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let have = Have { version: Version { epoch: 1, generation: 2 }, digest: Digest::of(bytes) };
    let signature = key.sign(bytes).as_ref().to_vec();
    let issued = Signed { have, bytes: bytes.to_vec(), signature, deployments: BTreeSet::new() };
    let envelope = skiff_wire::encode::envelope(&issued, None).unwrap();
    let opened = skiff_wire::decode::open_envelope(Rules::all(), &envelope, None, key.public_key().as_ref());
    opened.map(|(_, desired)| desired).map_err(|note| note.message)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<(), String> {
    from_json::<T>(bytes).map(drop)
}

fn read_desired(bytes: &[u8]) -> Result<(), String> {
    opened(bytes).map(|desired| take(&mut machine(), desired))
}

fn read_deployment(bytes: &[u8]) -> Result<(), String> {
    let deployment: Deployment = from_json(bytes)?;
    let mut machine = machine();
    machine.observe(Event::Deployment { digest: DIGEST.parse().unwrap(), deployment: Box::new(deployment) });
    drop(machine.decide("2026-11-25T12:00:02Z".parse().unwrap()));
    Ok(())
}

fn read_object(bytes: &[u8]) -> Result<(), String> {
    let object: Value = from_json(bytes)?;
    let key = ObjectKey::new("", "Secret", "shop", "a");
    let (cluster, bundle) = ("c-1".parse().unwrap(), "fleet-default/web".parse().unwrap());
    let _keeps = keeps(&object);
    drop(prepare(object, &key, &cluster, &bundle, &["/spec/replicas".into()]));
    Ok(())
}

fn read_blobs(bytes: &[u8]) -> Result<(), String> {
    // As a head, and as the whole answer.
    read::<BlobsHead>(bytes)?;
    let framed = [&u32::try_from(bytes.len()).unwrap().to_le_bytes()[..], bytes].concat();
    drop(skiff_wire::decode::blobs(Rules::all(), &[], &framed, |_| None, |_, _| {}));
    drop(skiff_wire::decode::blobs(Rules::all(), &[], bytes, |_| None, |_, _| {}));
    Ok(())
}

type Reader = fn(&[u8]) -> Result<(), String>;

fn documents() -> Vec<(&'static str, Value, Reader)> {
    let envelope = json!({"digest": DIGEST, "size": 3, "signature": "YQ==", "base": DIGEST, "data": "YQ=="});
    let entry = BlobEntry { digest: DIGEST.parse().unwrap(), size: 3 };
    vec![
        (
            "the answer to an enrolment",
            json!({"protocol": 1, "identity": {"cluster": "fleet-default/c", "uid": "c-1"}, "signingKey": "YQ=="}),
            read::<EnrollResponse>,
        ),
        (
            "the answer to a sync",
            json!({"protocol": 1, "start": 1, "fenced": true, "desired": envelope, "acknowledged": 4, "resend": true}),
            read::<SyncResponse>,
        ),
        (
            "the head of blobs",
            json!({"bases": [DIGEST], "blobs": [entry], "sizes": [3, null], "refused": [DIGEST]}),
            read_blobs,
        ),
        ("a Desired", desired(), read_desired),
        ("a Deployment", deployment(), read_deployment),
        ("an object", object(), read_object),
    ]
}

#[test]
fn what_a_hub_sends_is_read_or_refused_with_its_field() {
    let (mut tried, mut refused, mut wrong) = (0, 0, Vec::new());
    let mut slowest = Duration::ZERO;
    for (name, document, reader) in documents() {
        let good = document.to_string();
        assert_eq!(guarded(|| reader(good.as_bytes())), Ok(Ok(())), "{name}");
        let replaced = mutations(&document).into_iter().map(|(place, value)| (place, value.to_string().into_bytes()));
        let written = texts().into_iter().map(|(what, text)| (what.to_owned(), text));
        for (number, (place, bytes)) in replaced.chain(written).enumerate() {
            let is_mutation = place.is_empty() || place.starts_with('/');
            let started = Instant::now();
            tried += 1;
            match guarded(|| reader(&bytes)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    refused += 1;
                    if is_mutation && !names_place(&error, &place) {
                        wrong.push(format!("{name} {place} ({number}): without its field: {error}"));
                    }
                    if error.chars().any(|c| c.is_control() && c != '\n') || error.len() > 4_000 {
                        wrong.push(format!("{name} {place} ({number}): {error:?}"));
                    }
                }
                Err(panic) => wrong.push(format!("{name} {place} ({number}): panic: {panic}")),
            }
            slowest = slowest.max(started.elapsed());
        }
    }
    println!(
        "from the wire: {tried} documents, {refused} refused, the slowest took {} ms, {} wrong",
        slowest.as_millis(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n"));
    assert!(tried > 800 && refused > 300 && slowest < Duration::from_secs(8), "{tried} {refused} {slowest:?}");
}
