//! The first rollout, with the values of each environment.

use super::checks::{counted, ensure, image, memory, settled, value};
use crate::demo::cluster::{Cluster, Environment};
use crate::demo::report::Failure;
use crate::demo::wait::until;
use crate::demo::world::World;

/// Labels the clusters, and waits until each has what is meant for its environment.
pub(super) async fn run(world: &mut World) -> Result<String, Failure> {
    let world = &*world;
    world.progress.say("labelling the clusters shop=yes, env=dev or env=prod");
    for cluster in &world.clusters {
        let labels = [("shop", "yes"), ("env", cluster.environment.as_str())];
        world.operator.label_cluster(&cluster.name, &labels).await?;
    }
    world.progress.say("waiting for web, till, stock and storage in every cluster");
    for cluster in &world.clusters {
        until(&format!("the shop in {}", cluster.name), async || holds(world, cluster).await).await?;
    }
    settled(world, &world.commit, 4).await?;
    let replicas = |environment| counted(usize::try_from(world.replicas(environment)).unwrap_or_default(), "replica");
    let (dev, prod) = (replicas(Environment::Dev), replicas(Environment::Prod));
    let clusters = counted(world.clusters.len(), "cluster");
    Ok(format!("4 bundles in {clusters}: dev with {dev} of 32Mi, prod with {prod} of 128Mi"))
}

async fn holds(world: &World, cluster: &Cluster) -> Result<(), Failure> {
    let (greeting, needs, order) = match cluster.environment {
        Environment::Dev => ("Welcome to the test shop", "32Mi", "order below 5"),
        Environment::Prod => ("Welcome", "128Mi", "order below 50"),
    };
    let settings = cluster.config_map("web").await?;
    let got = (value(&settings, "stage"), value(&settings, "greeting"), value(&settings, "currency"));
    let wanted = (Some(cluster.environment.as_str()), Some(greeting), Some("EUR"));
    ensure(got == wanted, || format!("{}: ConfigMap web holds {got:?} instead of {wanted:?}", cluster.name))?;
    let web = cluster.deployment("web").await?;
    let got = (web.spec.as_ref().and_then(|spec| spec.replicas), memory(&web));
    let wanted = (Some(world.replicas(cluster.environment)), Some(needs));
    ensure(got == wanted, || format!("{}: Deployment web has {got:?} instead of {wanted:?}", cluster.name))?;
    ensure(image(&web).is_some_and(|image| image.ends_with(":1.0.0")), || {
        format!("{}: Deployment web runs {:?}", cluster.name, image(&web))
    })?;
    let till = cluster.config_map("till").await?;
    let device = till.metadata.labels.as_ref().and_then(|labels| labels.get("device"));
    ensure(device.is_some_and(|device| device == "till"), || {
        format!("{}: ConfigMap till lacks the label of its kustomization", cluster.name)
    })?;
    let stock = cluster.config_map("stock").await?;
    let got = (value(&stock, "stage"), value(&stock, "tea"));
    let wanted = (Some(cluster.environment.as_str()), Some(order));
    ensure(got == wanted, || format!("{}: ConfigMap stock holds {got:?} instead of {wanted:?}", cluster.name))?;
    let hook = cluster.config_map("stock-articles").await?;
    ensure(value(&hook, "articles") == Some("tea,coffee"), || {
        format!("{}: the hook of the chart left {:?}", cluster.name, hook.data)
    })?;
    let claim = cluster.claim("receipts").await?;
    ensure(claim.is_some(), || format!("{}: there is no claim for the receipts", cluster.name))
}
