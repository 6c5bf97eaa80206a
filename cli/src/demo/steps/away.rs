//! The hub is away.

use super::checks::{counted, ensure, settled, value};
use crate::demo::cluster::Cluster;
use crate::demo::report::Failure;
use crate::demo::wait::until;
use crate::demo::world::World;
use std::time::Instant;

/// Stops the hub, restarts an agent, breaks things there, waits for the repair, commits, and brings the hub back.
pub(super) async fn run(world: &mut World) -> Result<String, Failure> {
    world.progress.say("stopping the hub");
    world.stop_hub().await;
    ensure(world.operator.gitrepo().await.is_err(), || "the hub still answers".to_owned())?;
    let last = world.clusters.len() - 1;
    let name = world.clusters[last].name.clone();
    world.progress.say(&format!("restarting the agent of {name}, and breaking things there"));
    world.stop_agent(last).await?;
    // While it is down: it must find this by itself when it starts.
    world.clusters[last].edit_config_map("web", "stage", "edited-by-hand").await?;
    world.start_agent(last)?;
    let took = repaired(&world.clusters[last]).await?;
    world.repository.replace("till/settings.yaml", "printer: usb", "printer: network")?;
    world.commit("Print over the network")?;
    world.progress.say("bringing the hub back");
    world.start_hub().await?;
    world.operator.sync().await?;
    for cluster in &world.clusters {
        until(&format!("what was committed meanwhile in {}", cluster.name), async || {
            let till = cluster.config_map("till").await?;
            ensure(value(&till, "printer") == Some("network"), || format!("printer is {:?}", value(&till, "printer")))
        })
        .await?;
    }
    settled(world, &world.commit, 4).await?;
    let clusters = counted(world.clusters.len(), "cluster");
    Ok(format!(
        "without the hub, {name} undid an edit and restored an object ({took:.2} s); a commit made meanwhile then \
         reached {clusters}"
    ))
}

/// Waits until the edit is undone, then deletes an object, and gives the seconds until it was back.
async fn repaired(cluster: &Cluster) -> Result<f64, Failure> {
    let stage = cluster.environment.as_str();
    until(&format!("the edit to be undone in {}", cluster.name), async || {
        let object = cluster.config_map("web").await?;
        ensure(value(&object, "stage") == Some(stage), || format!("stage is {:?}", value(&object, "stage")))
    })
    .await?;
    let broken = Instant::now();
    cluster.delete_config_map("till").await?;
    let what = format!("ConfigMap till to be restored in {}", cluster.name);
    until(&what, async || cluster.config_map("till").await).await?;
    Ok(broken.elapsed().as_secs_f64())
}
