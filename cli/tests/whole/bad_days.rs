//! Bad days that need no real control plane: a clock that is wrong by years, an API server that refuses everybody for a
//! while, an edge cluster that was put back, a disk that takes nothing, thousands of objects at once.

use crate::api::Fate;
use crate::repo::config_map;
use crate::world::{World, files, objects, with, without};
use fleet_api::Reason;
use fleet_api::labels::AGENT_NAMESPACE;
use jiff::SignedDuration;
use serde_json::json;
use skiff_sim::ObjectKey;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TEN_YEARS: SignedDuration = SignedDuration::from_hours(24 * 3652);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_ten_years_behind_changes_nothing() {
    let mut world = World::new().await;
    world.skew(-TEN_YEARS);
    world.repo.commit(&files());
    world.put_gitrepo(&json!({})).await;
    world.enroll().await;
    world.start_agent();
    world.until("everything is deployed", |world| world.uids().len() == objects().len()).await;
    world.until("the hub hears of it", World::is_ready).await;
    world.repo.commit(&without("apps/shop/b.yaml"));
    world.look().await;
    world.until("what was removed goes", |world| world.value("b").is_none()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_ten_years_ahead_deletes_nothing_and_says_so() {
    let mut world = World::new().await;
    world.skew(TEN_YEARS);
    world.repo.commit(&files());
    world.put_gitrepo(&json!({})).await;
    world.enroll().await;
    world.start_agent();
    world.until("everything is deployed", |world| world.uids().len() == objects().len()).await;
    world.repo.commit(&without("apps/shop/b.yaml"));
    world.look().await;
    world.told(&[Reason::DesiredExpired]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(world.deletions().is_empty() && world.value("b").is_some());
    // While it runs, the clock is set.
    world.skew(SignedDuration::ZERO);
    world.repo.commit(&with("apps/shop/b.yaml", &config_map("c", "one")));
    world.look().await;
    world.until("what was removed goes", |world| world.value("b").is_none() && world.value("c").is_some()).await;
    world.stop().await;
}

/// An API server that starts refuses everybody before it has read who may do what.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_answers_403_for_a_while_loses_nothing_and_ends_no_agent() {
    let mut world = World::deployed().await;
    let before = world.uids();
    world.kill_agent().await;
    for code in [403, 401, 503] {
        let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
            "reason": "Forbidden", "message": "configmaps is forbidden: User \"skiff\" cannot list resource"});
        world.between.set(Arc::new(move |_, _| Fate::Answer(code, "application/json", body.to_string().into())));
        world.server.break_watches();
        if code == 403 {
            // One that starts meanwhile, too.
            world.start_agent();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!world.agent_has_ended(), "{code}");
        world.between.clear();
        world.repo.commit(&with("apps/shop/a.yaml", &config_map("a", &format!("after-{code}"))));
        world.look().await;
        world.until("the work goes on", |world| world.value("a") == Some(format!("after-{code}"))).await;
    }
    assert!(world.deletions().is_empty());
    assert_eq!(world.uids(), before);
    world.stop().await;
}

/// The edge's etcd is put back: the agent's own Secrets with it, and what it had deployed since is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_cluster_that_is_put_back_gets_again_what_it_should_have() {
    let mut world = World::deployed().await;
    let state =
        ["skiff-agent-desired", "skiff-agent-ledger"].map(|name| ObjectKey::new("", "secrets", AGENT_NAMESPACE, name));
    let old: Vec<_> = state.iter().map(|key| world.server.object(key).unwrap()).collect();
    world.repo.commit(&with("apps/shop/more.yaml", &config_map("more", "one")));
    world.look().await;
    world.until("the newer commit is there", |world| world.value("more").is_some()).await;
    world.kill_agent().await;
    for (key, old) in state.iter().zip(&old) {
        world.server.edit_as("etcd", key, |object| object["data"] = old["data"].clone()).unwrap();
    }
    world.server.delete(&ObjectKey::new("", "configmaps", "shop", "more")).unwrap();
    let before = world.uids();
    world.restart_agent().await;
    world.until("it is there again", |world| world.value("more").is_some()).await;
    let now = world.uids();
    assert!(before.iter().all(|(key, uid)| now.get(key) == Some(uid)), "{now:?}");
    assert!(world.deletions().is_empty(), "{:?}", world.deletions());
    // It owns it, and not only knows of it.
    world.repo.commit(&files());
    world.look().await;
    world.until("it goes when it is removed", |world| world.value("more").is_none()).await;
    world.withdraw().await;
    world.stop().await;
}

/// The agent's disk takes nothing: it goes on in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_disk_takes_nothing_goes_on_and_says_so() {
    let mut world = World::new().await;
    // Below a file nobody can write, not even root.
    std::fs::write(world.path("agent"), b"").unwrap();
    world.repo.commit(&files());
    world.put_gitrepo(&json!({})).await;
    world.enroll().await;
    world.start_agent();
    world.until("everything is deployed", |world| world.uids().len() == objects().len()).await;
    world.told(&[Reason::DiskFailing]).await;
    let before = world.uids();
    world.restart_agent().await;
    world.repo.commit(&with("apps/shop/a.yaml", &config_map("a", "two")));
    world.look().await;
    world.until("the next commit arrives", |world| world.value("a").as_deref() == Some("two")).await;
    assert_eq!(world.uids(), before);
    world.withdraw().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes in a debug build; docs/RELIABILITY.md has the command"]
async fn five_thousand_objects_in_one_bundle_come_and_go() {
    let mut world = World::new().await;
    let count = 5_000;
    let maps = |value: &str| -> String { (0..count).map(|n| config_map(&format!("m{n}"), value) + "---\n").collect() };
    world.repo.commit(&[
        ("apps/shop/fleet.yaml".into(), "defaultNamespace: shop\n".into()),
        ("apps/shop/all.yaml".into(), maps("one")),
    ]);
    world.put_gitrepo(&json!({"paths": ["apps/shop"], "deletionLimit": {"objects": 6000, "percent": 100}})).await;
    world.enroll().await;
    world.start_agent();
    let begun = Instant::now();
    let number = |world: &World| {
        // To count them is work, too.
        std::thread::sleep(Duration::from_millis(500));
        world.uids().len()
    };
    world.within(Duration::from_secs(300), "they are there", |world| number(world) == count).await;
    println!("5,000 objects: there after {:.1} s", begun.elapsed().as_secs_f32());
    world.restart_agent().await;
    assert!(world.deletions().is_empty());
    let begun = Instant::now();
    world.hub().resources().delete(skiff_hub::store::Kind::GitRepo, crate::world::NAMESPACE, "shop").await.unwrap();
    world.within(Duration::from_secs(300), "they go", |world| number(world) == 0).await;
    println!("5,000 objects: gone after {:.1} s", begun.elapsed().as_secs_f32());
    world.stop().await;
}
