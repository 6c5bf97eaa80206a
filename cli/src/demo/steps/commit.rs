//! A pushed commit.

use super::checks::{counted, ensure, image, settled, short, uid, version};
use crate::demo::cluster::Cluster;
use crate::demo::report::Failure;
use crate::demo::wait::until;
use crate::demo::world::World;
use std::time::Instant;

/// Commits a new image, and waits until it is everywhere. What the commit did not touch must not have been written.
pub(super) async fn run(world: &mut World) -> Result<String, Failure> {
    let before = untouched(&world.clusters).await?;
    world.repository.replace("web/deployment.yaml", "shop/web:1.0.0", "shop/web:1.1.0")?;
    let pushed = Instant::now();
    world.push("Serve the shop from web 1.1.0").await?;
    world.progress.say(&format!("pushed {}; waiting for the image", short(&world.commit)));
    for cluster in &world.clusters {
        until(&format!("the new image in {}", cluster.name), async || {
            let web = cluster.deployment("web").await?;
            ensure(image(&web).is_some_and(|image| image.ends_with(":1.1.0")), || format!("it runs {:?}", image(&web)))
        })
        .await?;
    }
    let took = pushed.elapsed().as_secs_f64();
    settled(world, &world.commit, 4).await?;
    let after = untouched(&world.clusters).await?;
    ensure(after == before, || "a ConfigMap was written that the commit did not touch".to_owned())?;
    let clusters = counted(world.clusters.len(), "cluster");
    Ok(format!("web 1.1.0 was in {clusters} {took:.2} s after the push; no other object was written"))
}

/// UIDs and versions of what this commit must leave alone.
async fn untouched(clusters: &[Cluster]) -> Result<Vec<[String; 4]>, Failure> {
    let mut all = Vec::new();
    for cluster in clusters {
        let (web, till) = (cluster.config_map("web").await?, cluster.config_map("till").await?);
        let deployment = uid(&cluster.deployment("web").await?.metadata);
        all.push([version(&web.metadata), version(&till.metadata), uid(&till.metadata), deployment]);
    }
    Ok(all)
}
