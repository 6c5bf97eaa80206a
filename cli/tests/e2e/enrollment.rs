//! Who may be a cluster, and what it may say of itself: a third agent on a control plane of its own.

use crate::driver::{self, World, config_map, ensure, gitrepo};
use crate::repo::Repo;
use skiff_controlplane::harness::Outcome;
use skiff_controlplane::{Binaries, ControlPlane, Options};
use std::time::Duration;

const NAME: &str = "agent-three";

fn log(world: &World) -> String {
    std::fs::read_to_string(world.path("agent-three.log")).unwrap_or_default()
}

/// Starts an agent with a token and waits until its log tells of a refusal with these words.
async fn refused(world: &World, plane: &ControlPlane, token: &str, more: &[&str], words: &[&str]) -> Outcome {
    std::fs::write(world.path("agent-three.token"), token)?;
    let before = log(world).len();
    let agent = world.spawn_agent(NAME, &plane.kubeconfig_path(), more)?;
    world
        .until(&format!("the agent is refused with {words:?}"), |world| {
            let said = log(world).split_off(before);
            if words.iter().all(|word| said.contains(word)) { Ok(()) } else { Err(said) }
        })
        .await?;
    drop(agent);
    let names = world.list("clusters")?;
    ensure!(names.len() == 2, "there is a cluster too many: {names:#?}");
    Ok(())
}

pub(crate) async fn tokens_are_used_once_and_claims_are_only_claims(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let plane = ControlPlane::start(&binaries, Options::default().with_controller_manager()).await?;

    let used = std::fs::read_to_string(world.path("agent-one.token"))?;
    refused(&world, &plane, &used, &[], &["token", "used"]).await?;
    let expired = world.ok("token create --ttl 1s")?;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    refused(&world, &plane, &expired, &[], &["token", "expired"]).await?;
    let named = world.ok("token create --name three")?;
    ensure!(named.trim().lines().count() == 1 && named.starts_with("skiff1."), "the token is not alone: {named}");
    refused(&world, &plane, &named, &["--name", "four"], &["three", "four"]).await?;

    // The right name, with the same token, which no refusal used up; and a claim.
    let repo = Repo::with(&[("x/fleet.yaml", "defaultNamespace: claims\n"), ("x/a.yaml", &config_map("a", "{a: b}"))])?;
    world.apply(&gitrepo("claims", &repo.url(), "paths: [x]"))?;
    let more = ["--name", "three", "--label", "claims=on", "--label", "size=small"];
    let agent = world.spawn_agent(NAME, &plane.kubeconfig_path(), &more)?;
    world
        .told("cluster three", "ClaimedLabel", &["claims=on", "gitrepo", "claims", "skiff label cluster three"])
        .await?;
    world.told("gitrepo claims", "ClaimedLabel", &["three", "claims=on"]).await?;
    let object = world.get("cluster", "three")?;
    ensure!(object["metadata"]["labels"]["claims"].is_null(), "a claim became a label: {}", object["metadata"]);
    let raw = |path: &str| plane.kubectl().args(["get", "--raw", path]).output();
    ensure!(!raw("/api/v1/namespaces/claims")?.status.success(), "a claim brought a bundle");

    // Granted, it counts.
    world.ok("label cluster three claims=on")?;
    let config_map = "/api/v1/namespaces/claims/configmaps/a";
    let is_there = || raw(config_map).map(|output| output.status.success()).map_err(|error| error.to_string());
    world.until("the bundle arrives", |_| if is_there()? { Ok(()) } else { Err("not there".into()) }).await?;

    // `delete cluster` revokes the identity and leaves the workloads alone.
    let before = log(&world).len();
    world.ok("delete cluster three")?;
    world
        .until("the agent hears that it was revoked", |world| {
            let said = log(world).split_off(before);
            if said.to_lowercase().contains("revoked") { Ok(()) } else { Err(said) }
        })
        .await?;
    world
        .stays("the workload stays", Duration::from_secs(2), |_| if is_there()? { Ok(()) } else { Err("gone".into()) })
        .await?;
    drop(agent);
    world.ok("delete gitrepo claims")?;
    Ok(())
}
