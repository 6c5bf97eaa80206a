//! What comes to the agent from where its hub should be.

use super::Way;
use crate::wire::Wire;
use crate::world::{World, without};
use bytes::Bytes;
use fleet_api::wire::{BlobsHead, Desired, Tombstone, Version};
use serde_json::json;
use skiff_agent::link::LinkError;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) async fn healed(_: Way, world: &mut World) {
    world.wire.heal();
    world.restart_agent().await;
}

async fn felt(world: &World, times: usize) {
    world.until("the agent was told something else", |world| world.wire.hits() >= times).await;
}

/// The answer to `/v1/sync`, as HTTP.
pub(super) async fn sync(way: Way, world: &mut World) {
    let json = "application/json";
    let wire = world.wire.clone();
    let real = wire.answers().into_iter().find(|answer| answer.desired.is_some()).unwrap();
    let real = serde_json::to_vec(&real).unwrap();
    match way {
        Way::Absent => wire.impersonate(404, "text/plain", b"404 page not found\n".to_vec(), false),
        Way::Empty => {
            for body in [&b""[..], b"{}", b"[]", b"null"] {
                wire.impersonate(200, json, body.to_vec(), false);
                felt(world, 1).await;
            }
        }
        Way::Partial => {
            wire.impersonate(200, json, real[..real.len() / 2].to_vec(), true);
            felt(world, 1).await;
            // Cut, and nobody says so.
            wire.impersonate(200, json, real[..real.len() / 2].to_vec(), false);
        }
        Way::Stale => wire.impersonate(200, json, real, false),
        Way::Unreadable => {
            let portal = "<!doctype html><title>Welcome to our free WLAN</title><form>Please accept</form>";
            wire.impersonate(200, "text/html", portal.into(), false);
        }
        Way::Forbidden => {
            wire.impersonate(401, json, json!({"reason": "Revoked", "message": "no"}).to_string().into(), false);
            felt(world, 1).await;
            wire.impersonate(403, json, json!({"reason": "WrongCluster", "message": "no"}).to_string().into(), false);
        }
    }
    felt(world, 1).await;
}

/// A document of the next generation that says `change`.
fn next(desired: &Desired, change: impl FnOnce(&mut Desired)) -> Desired {
    let mut next = desired.clone();
    next.version.generation += 1;
    change(&mut next);
    next
}

fn tombstones(desired: &Desired) -> Vec<Tombstone> {
    let of = |deployment: &fleet_api::wire::DesiredDeployment| Tombstone {
        bundle: deployment.bundle.clone(),
        cause: "so it is said".into(),
        keep_resources: false,
        deployment: None,
        delete_crd_resources: true,
        deletion_limit: None,
        unknown: BTreeMap::new(),
    };
    desired.deployments.iter().map(of).collect()
}

/// Takes everything away, and says so.
fn takes_all(desired: &mut Desired) {
    desired.tombstones = tombstones(desired);
    desired.deployments.clear();
}

/// The document itself, signed with the right key but for one case.
pub(super) async fn desired(way: Way, world: &mut World) {
    let wire = world.wire.clone();
    match way {
        // No document, for an agent that says that it has none.
        Way::Absent => {
            let nothing = json!({"protocol": 1, "start": 1_000_000, "acknowledged": 0});
            wire.impersonate(200, "application/json", nothing.to_string().into(), false);
            world.restart_agent().await;
        }
        Way::Empty => wire
            .rewrite(Arc::new(|wire: &Wire, newest| wire.forge(&next(newest, |desired| desired.deployments.clear())))),
        Way::Partial => wire.rewrite(Arc::new(|wire: &Wire, newest| {
            wire.forge(&next(newest, |desired| drop(desired.deployments.remove(0))))
        })),
        // Replayed: from before, with words that were never taken back.
        Way::Stale => wire.rewrite(Arc::new(|wire: &Wire, newest| {
            let mut old = next(newest, takes_all);
            old.version = Version { generation: newest.version.generation - 1, ..newest.version };
            wire.forge(&old)
        })),
        Way::Unreadable => wire.rewrite(Arc::new(|wire: &Wire, newest| {
            let whole = serde_json::to_vec(&next(newest, takes_all)).unwrap();
            wire.seal(&whole[..whole.len() - 10])
        })),
        Way::Forbidden => {
            // Another cluster's; then this one's, signed by somebody else.
            wire.rewrite(Arc::new(|wire: &Wire, newest| {
                wire.forge(&next(newest, |desired| {
                    desired.identity.uid = "00000000-0000-4000-8000-000000000000".parse().unwrap();
                    takes_all(desired);
                }))
            }));
            felt(world, 1).await;
            world.kill_agent().await;
            wire.rewrite(Arc::new(|wire: &Wire, newest| {
                let mut envelope = wire.forge(&next(newest, takes_all));
                envelope.signature = wire.forge(newest).signature;
                envelope
            }));
            world.start_agent();
        }
    }
    felt(world, 1).await;
}

/// Content. The newest commit has taken an object away, and changed another; it is not complete before all is there.
pub(super) async fn blobs(way: Way, world: &mut World) {
    let refused = |status| LinkError::Refused { status, reason: "No".into(), message: "no".into() };
    world.wire.content(match way {
        Way::Absent => Arc::new(move |_, _| Err(refused(404))),
        Way::Empty => Arc::new(|_, _| Ok(head(&BlobsHead::default()))),
        Way::Partial => Arc::new(|_, answer| Ok(answer.slice(..answer.len() * 2 / 3))),
        Way::Stale => {
            let first = std::sync::Mutex::new(None::<Bytes>);
            // Ever the answer to another question.
            Arc::new(move |_, answer| Ok(first.lock().unwrap().get_or_insert(answer.slice(..answer.len() - 1)).clone()))
        }
        Way::Unreadable => Arc::new(|_, _| Ok(Bytes::from_static(b"<!doctype html>"))),
        Way::Forbidden => {
            Arc::new(|request, _| Ok(head(&BlobsHead { refused: request.want.clone(), ..BlobsHead::default() })))
        }
    });
    let changed = without("apps/shop/b.yaml").into_iter().map(|(path, text)| match path.as_str() {
        "apps/shop/a.yaml" => (path, text.replace("one", "two")),
        _ => (path, text),
    });
    world.repo.commit(&changed.collect::<Vec<_>>());
    world.look().await;
    felt(world, 1).await;
}

fn head(head: &BlobsHead) -> Bytes {
    let json = serde_json::to_vec(head).unwrap();
    let length = u32::try_from(json.len()).unwrap().to_le_bytes();
    [&length[..], &json].concat().into()
}
