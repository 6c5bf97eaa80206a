//! What the agent keeps: its copy of the Desired and its ledger, in the cluster; content, on its disk. It starts without
//! its hub, which is heard again later, while the harm lasts.

use super::{Way, harm_files};
use crate::api::Fate;
use crate::repo::config_map;
use crate::world::{World, with};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use skiff_sim::ObjectKey;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn healed(_: Way, world: &mut World) {
    world.wire.heal();
    world.between.clear();
    let saved = world.path("saved secret");
    if saved.exists() {
        let secret: Value = serde_json::from_slice(&fs::read(&saved).unwrap()).unwrap();
        let key = key_of(secret["metadata"]["name"].as_str().unwrap());
        let (data, found) = (secret["data"].clone(), world.server.object(&key).is_some());
        // Where an agent has gone on without it, that agent knows better.
        if found && world.agent_has_ended() {
            world.server.edit_as("kubectl", &key, |object| object["data"] = data).unwrap();
        }
    }
    world.restart_agent().await;
}

fn key_of(secret: &str) -> ObjectKey {
    ObjectKey::new("", "secrets", fleet_api::labels::AGENT_NAMESPACE, secret)
}

/// Harms a Secret while the agent is away.
async fn secret(way: Way, world: &mut World, name: &'static str) {
    let key = key_of(name);
    let old = world.server.object(&key).unwrap();
    if way == Way::Stale {
        world.repo.commit(&with("apps/shop/more.yaml", &config_map("more", "one")));
        world.look().await;
        world.until("the newer commit is there", |world| world.uids().len() == 6).await;
        let written = |world: &World| world.server.object(&key).unwrap()["data"] != old["data"];
        world.until("it is written down", written).await;
    }
    world.wire.cut(true);
    world.kill_agent().await;
    let whole = world.server.object(&key).unwrap();
    fs::write(world.path("saved secret"), whole.to_string()).unwrap();
    let edit =
        |change: &dyn Fn(&mut Value)| drop(world.server.edit_as("kubectl", &key, |object| change(object)).unwrap());
    match way {
        Way::Absent => world.server.delete(&key).unwrap(),
        Way::Empty => edit(&|object| object["data"] = json!({})),
        Way::Partial => {
            let document = STANDARD.decode(whole["data"]["document"].as_str().unwrap()).unwrap();
            edit(&|object| object["data"]["document"] = json!(STANDARD.encode(&document[..document.len() / 2])));
        }
        Way::Stale => edit(&|object| object["data"] = old["data"].clone()),
        Way::Unreadable => edit(&|object| object["data"]["document"] = json!(STANDARD.encode("garbage"))),
        Way::Forbidden => {
            let body = json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "no"}).to_string();
            world.between.set(Arc::new(move |method, path| {
                let is_it = method == "GET" && path.ends_with(name);
                if is_it { Fate::Answer(403, "application/json", body.clone().into()) } else { Fate::Pass }
            }));
        }
    }
    world.start_agent();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(world.deletions(), [] as [&str; 0], "without its hub");
    world.wire.cut(false);
}

/// The last Desired, with the high-water mark.
pub(super) async fn desired(way: Way, world: &mut World) {
    secret(way, world, "skiff-agent-desired").await;
}

/// What it put there.
pub(super) async fn ledger(way: Way, world: &mut World) {
    secret(way, world, "skiff-agent-ledger").await;
}

/// Content on disk.
pub(super) async fn cache(way: Way, world: &mut World) {
    world.wire.cut(true);
    world.kill_agent().await;
    let files: Vec<_> = fs::read_dir(world.cache()).unwrap().flatten().map(|entry| entry.path()).collect();
    harm_files(way, &files);
    world.restart_agent().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.deletions(), [] as [&str; 0], "without its hub");
    world.wire.cut(false);
}
