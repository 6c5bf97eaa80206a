//! The clusters join.

use super::checks::{counted, ensure};
use crate::demo::report::Failure;
use crate::demo::wait::until;
use crate::demo::world::World;

/// Starts an agent in every cluster, each with a token for its name, and applies the GitRepo; no cluster is labelled,
/// so none may get anything.
pub(super) async fn run(world: &mut World) -> Result<String, Failure> {
    world.progress.say("making a token for each agent, starting the agents");
    world.start_agents().await?;
    world.operator.apply(&world.gitrepo()?).await?;
    let (world, wanted) = (&*world, world.clusters.len());
    let (commit, operator) = (&world.commit, &world.operator);
    until("every cluster to be online, and the repository to be read", async || {
        let online = operator.clusters().await?.iter().filter(|cluster| is_online(cluster)).count();
        ensure(online == wanted, || format!("{online} of {wanted} clusters are online"))?;
        let status = operator.gitrepo().await?.status.unwrap_or_default();
        ensure(status.commit == *commit, || {
            let notes: Vec<_> = status.notes.iter().map(|note| note.message.as_str()).collect();
            format!("gitrepo shops is at {:?}: {}", status.commit, notes.join("; "))
        })
    })
    .await?;
    for cluster in world.clusters.iter().filter(|cluster| !cluster.is_real()) {
        ensure(cluster.config_map("web").await.is_err(), || format!("{}: it got something unasked", cluster.name))?;
    }
    Ok(format!("{} are online; none is labelled, none gets anything", counted(wanted, "cluster")))
}

fn is_online(cluster: &fleet_api::v1alpha1::Cluster) -> bool {
    let status = cluster.status.iter();
    let mut conditions = status.flat_map(|status| &status.conditions);
    conditions.any(|condition| condition.type_ == "Online" && condition.status == "True")
}
