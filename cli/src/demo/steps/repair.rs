//! Drift, with the hub there.

use super::checks::{ensure, uid};
use crate::demo::report::Failure;
use crate::demo::wait::until;
use crate::demo::world::World;
use std::time::Instant;

/// Deletes an object by hand, and waits until it is back.
pub(super) async fn run(world: &mut World) -> Result<String, Failure> {
    let cluster = &world.clusters[0];
    let before = cluster.config_map("till").await?;
    world.progress.say(&format!("deleting ConfigMap till in {}", cluster.name));
    let broken = Instant::now();
    cluster.delete_config_map("till").await?;
    let what = format!("ConfigMap till to be restored in {}", cluster.name);
    let restored = until(&what, async || cluster.config_map("till").await).await?;
    let took = broken.elapsed().as_secs_f64();
    ensure(uid(&restored.metadata) != uid(&before.metadata), || "it was never deleted".to_owned())?;
    ensure(restored.data == before.data, || "it was restored with other content".to_owned())?;
    Ok(format!("ConfigMap till was deleted in {} and restored after {took:.2} s", cluster.name))
}
