//! `downstreamResources`: a Secret of the hub in one cluster and not in the other, which follows its original, is what a chart has
//! its values of, and goes with its bundle.

use crate::driver::{self, Cluster, One, Two, World, ensure, gitrepo, values_chart, values_secret};
use crate::repo::Repo;
use serde_json::Value;
use skiff_controlplane::Binaries;
use skiff_controlplane::harness::Outcome;

const FLEET_YAML: &str = "defaultNamespace: copies
correctDrift: {enabled: true}
downstreamResources:
- {kind: Secret, name: copied}
helm:
  valuesFrom:
  - secretKeyRef: {name: copied}
";

const COPY: &str = "/api/v1/namespaces/copies/secrets/copied";

/// What stands in the Secret at the hub.
fn put(world: &World, text: &str) -> Result<(), String> {
    world.apply(&values_secret("fleet-default", "copied", text)).map(drop)
}

fn secret(world: &World, cluster: Cluster) -> Result<Option<Value>, String> {
    world.object(cluster, COPY)
}

pub(crate) async fn a_secret_of_the_hub_goes_along_and_follows_its_original(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let repo = Repo::with(&values_chart(FLEET_YAML))?;
    world.ok("label cluster one copies=on")?;
    world.apply(&gitrepo("copies", &repo.url(), "paths: [web]\npollingInterval: 2s"))?;
    world.told("gitrepo copies", "DownstreamResourceMissing", &["Secret fleet-default/copied"]).await?;
    ensure!(world.config_map(One, "copies", "motd")?.is_none(), "a half of the bundle was deployed");

    put(&world, "first-canary")?;
    world.has(One, ("copies", "motd"), "text", "first-canary").await?;
    let copy = secret(&world, One)?.ok_or("the copy is not there")?;
    ensure!(copy["metadata"]["labels"]["skiff.dev/owner"].is_string(), "the copy is nobody's: {}", copy["metadata"]);
    ensure!(secret(&world, Two)?.is_none(), "a cluster that is not meant has it");
    world.ok("wait gitrepo copies --for condition=Ready --timeout 60s")?;

    // It follows its original; what is changed in the cluster is put right.
    put(&world, "second-canary")?;
    world.has(One, ("copies", "motd"), "text", "second-canary").await?;
    world.kubectl(One, r#"-n copies patch secret copied -p {"stringData":{"values.yaml":"text:mine"}}"#, "")?;
    let uid = copy["metadata"]["uid"].clone();
    world
        .until("the copy is put right", |world| {
            let now = secret(world, One)?.ok_or("it is gone")?;
            // `    text: second-canary`, as it was given.
            let is = now["data"]["values.yaml"].as_str().unwrap_or_default().to_owned();
            if is == "dGV4dDogc2Vjb25kLWNhbmFyeQo=" && now["metadata"]["uid"] == uid { Ok(()) } else { Err(is) }
        })
        .await?;

    // The original is gone: what runs stays, and the bundle says what is missing.
    world.ok("delete secret copied")?;
    world.told("gitrepo copies", "DownstreamResourceMissing", &["Secret fleet-default/copied"]).await?;
    world.has(One, ("copies", "motd"), "text", "second-canary").await?;
    ensure!(secret(&world, One)?.is_some(), "the copy went with its original");
    let shown = world.ok("explain gitrepo copies")? + &world.ok("get deployments -o json")?;
    ensure!(!shown.contains("canary"), "a value is told: {shown}");

    // The cluster is not meant any more: the copy goes with what came with it.
    world.ok("label cluster one copies-")?;
    world.has_not(One, ("copies", "motd")).await?;
    world.goes(One, COPY).await?;
    world.ok("delete gitrepo copies")?;
    Ok(())
}
