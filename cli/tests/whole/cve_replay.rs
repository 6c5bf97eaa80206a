//! Advisories of others, replayed against hub, agent and cluster together (docs/ADVISORIES.md).

use crate::api::Fate;
use crate::world::{World, objects, with, without};
use fleet_api::wire::EnrollmentToken;
use skiff_agent::identity::Identity;
use skiff_agent::link::Hub as _;
use skiff_agent::link::http::HttpHub;
use std::sync::Arc;
use std::time::Duration;

/// CVE-2024-22030 (Rancher): agents followed whoever had the server's name. A hub with other keys at the old one's address
/// gets nothing of them until a person enrolls them anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c04_restore_a_new_hub_with_other_keys_is_not_followed() {
    crate::restore::a_new_hub(false).await;
}

/// CVE-2023-32198 (steve), CVE-2022-31105 (Argo CD): TLS was not checked on one path. No request of an agent goes to a server
/// with another key, whatever its certificate says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c10_an_agent_says_nothing_to_a_server_with_another_key() {
    let world = World::new().await;
    let stranger = World::new().await;
    let token = EnrollmentToken {
        hub: format!("https://{}", stranger.hub().address()),
        hub_key: world.hub().hub_key(),
        ..skiff_agent::identity::parse_token(&stranger.new_token().await.unwrap()).unwrap()
    };
    let link = HttpHub::new(&Identity::generate(&token).unwrap(), None).unwrap();
    let request = fleet_api::wire::EnrollRequest {
        protocol: 1,
        secret: token.secret.clone(),
        name: Some("shop-1".into()),
        kube_system_uid: "ks".into(),
        claimed_labels: std::collections::BTreeMap::new(),
    };
    let refused = link.enroll(request.clone()).await.unwrap_err();
    assert!(!refused.to_string().contains(&token.secret), "{refused}");
    // The token was not used, nor seen: with the right key it is good.
    let right = EnrollmentToken { hub_key: stranger.hub().hub_key(), ..token };
    HttpHub::new(&Identity::generate(&right).unwrap(), None).unwrap().enroll(request).await.unwrap();
    stranger.stop().await;
    world.stop().await;
}

/// CVE-2026-44935 (Fleet): values that a bundle names were read with the agent's rights, and not with those of the tenant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c13_values_are_read_as_the_service_account_of_the_bundle_or_not_at_all() {
    crate::values::a_secret_that_the_service_account_may_not_get_is_not_read_by_the_agent().await;
}

/// CVE-2026-40886 (Argo Workflows): one odd object brought the controller down for ever. Answers of an API server, or of what
/// stands in front of it, that are no object and no list: the agent goes on, forgets nothing, and deletes what is withdrawn
/// when it is well again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c43_answers_that_are_no_object_bring_no_agent_down_and_change_nothing() {
    let mut world = World::deployed().await;
    let before = world.uids();
    for body in [
        "[]",
        "{}",
        "null",
        "\"x\"",
        "3",
        "[null]",
        "{\"metadata\":[]}",
        "{\"items\":{}}",
        "{\"metadata\":{\"name\":\"a\"}}",
    ] {
        world.kill_agent().await;
        world.between.set(Arc::new(move |_, path| match is_of_objects(path) {
            true => Fate::Answer(200, "application/json", body.into()),
            false => Fate::Pass,
        }));
        world.start_agent();
        world.until("the agent has looked", |world| world.between.hits() > 4).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!world.agent_has_ended(), "{body}");
        world.between.clear();
    }
    world.repo.commit(&with("apps/shop/a.yaml", &crate::repo::config_map("a", "two")));
    world.look().await;
    world.until("the work goes on", |world| world.value("a").as_deref() == Some("two")).await;
    assert_eq!(world.deletions(), [] as [&str; 0]);
    assert_eq!(world.uids(), before);
    world.repo.commit(&without("apps/shop/b.yaml"));
    world.look().await;
    world.until("a removal arrives", |world| world.value("b").is_none()).await;
    assert_eq!(world.uids().len(), objects().len() - 1);
    world.withdraw().await;
    world.stop().await;
}

fn is_of_objects(path: &str) -> bool {
    let is_a_kind = ["/configmaps", "/secrets", "/deployments"].iter().any(|plural| path.contains(plural));
    is_a_kind && !path.contains("/skiff-system/")
}
