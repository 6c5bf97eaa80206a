//! A volume claim that leaves git.

use super::checks::{counted, ensure, settled, uid};
use crate::demo::operator::Held;
use crate::demo::report::Failure;
use crate::demo::wait::until;
use crate::demo::world::World;

/// Removes the directory with the claim. Its deletion must wait in every cluster; then it is approved.
pub(super) async fn run(world: &mut World) -> Result<String, Failure> {
    let before = claims(world).await?;
    world.repository.remove_directory("storage")?;
    world.push("Keep receipts on paper").await?;
    world.progress.say("removed storage/; waiting for the deletions to be held");
    let wanted = world.clusters.len();
    let held = until("the deletion to be held in every cluster", async || {
        let held = world.operator.held().await?;
        ensure(held.len() == wanted, || format!("it is held in {} of {wanted}", held.len()))?;
        Ok(held)
    })
    .await?;
    only_the_claims(&held)?;
    ensure(claims(world).await? == before, || "a claim was deleted before anybody approved".to_owned())?;
    world.progress.say("approving what is held");
    world.operator.approve(&held).await?;
    for cluster in &world.clusters {
        until(&format!("the claim to be deleted in {}", cluster.name), async || {
            ensure(cluster.claim("receipts").await?.is_none(), || "it is still there".to_owned())
        })
        .await?;
    }
    settled(world, &world.commit, 3).await?;
    let clusters = counted(wanted, "cluster");
    Ok(format!("PersistentVolumeClaim receipts was held in {clusters}, and deleted once it was approved"))
}

fn only_the_claims(held: &[Held]) -> Result<(), Failure> {
    let other =
        held.iter().flat_map(|held| &held.held.objects).find(|object| object.key.kind != "PersistentVolumeClaim");
    ensure(other.is_none(), || format!("{:?} is held, too", other.map(|object| object.key.to_string())))
}

async fn claims(world: &World) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    for cluster in &world.clusters {
        let claim = cluster.claim("receipts").await?;
        let claim = claim.ok_or_else(|| Failure::new(format!("{}: the claim is gone", cluster.name)))?;
        all.push(uid(&claim.metadata));
    }
    Ok(all)
}
