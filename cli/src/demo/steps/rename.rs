//! A renamed directory.

use super::checks::{counted, ensure, owner, settled, uid};
use crate::demo::cluster::Cluster;
use crate::demo::report::Failure;
use crate::demo::wait::until;
use crate::demo::world::World;

/// Renames the directory of the till. Another Bundle claims the same object then, and takes it over.
pub(super) async fn run(world: &mut World) -> Result<String, Failure> {
    let before = tills(&world.clusters).await?;
    world.clusters.iter().for_each(Cluster::forget_requests);
    world.repository.rename_directory("till", "counter")?;
    world.push("Call the till a counter").await?;
    world.progress.say("renamed till/ to counter/; waiting for the hand-over");
    for cluster in &world.clusters {
        until(&format!("the till to be handed over in {}", cluster.name), async || {
            let till = cluster.config_map("till").await?;
            let owner = owner(&till.metadata);
            ensure(owner == Some("fleet-default/shops-counter"), || format!("it belongs to {owner:?}"))
        })
        .await?;
    }
    settled(world, &world.commit, 4).await?;
    ensure(tills(&world.clusters).await? == before, || "an object was deleted and created again".to_owned())?;
    let deletions: usize = world.clusters.iter().map(Cluster::deletions).sum();
    ensure(deletions == 0, || format!("{} asked for", counted(deletions, "deletion")))?;
    let clusters = counted(world.clusters.len(), "cluster");
    Ok(format!("shops-till became shops-counter in {clusters}: the same UIDs, nothing deleted"))
}

async fn tills(clusters: &[Cluster]) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for cluster in clusters {
        all.push(uid(&cluster.config_map("till").await?.metadata));
    }
    Ok(all)
}
