//! A commit reaches the clusters that it is for, moves with labels, and is handed over when its directory is renamed.

use crate::driver::{self, Cluster, One, Two, config_map, ensure, gitrepo};
use crate::repo::Repo;
use skiff_controlplane::Binaries;
use skiff_controlplane::harness::Outcome;
use std::time::Duration;

const FLEET_YAML: &str = "defaultNamespace: delivery
targetCustomizations:
- name: prod
  clusterSelector: {matchLabels: {delivery-env: prod}}
  yaml: {overlays: [prod]}
";

pub(crate) async fn a_commit_reaches_the_labelled_cluster_with_its_overlay_and_no_other(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let first = config_map("motd", "{text: base, other: same}");
    let repo = Repo::with(&[
        ("web/fleet.yaml", FLEET_YAML),
        ("web/config.yaml", &first),
        ("web/overlays/prod/config_patch.yaml", "data: {text: for-prod}\n"),
        ("unrelated/config.yaml", &config_map("unrelated", "{a: b}")),
    ])?;
    world.ok("label cluster one delivery=on delivery-env=prod")?;
    world.apply(&gitrepo("delivery", &repo.url(), "paths: [web]\npollingInterval: 2s"))?;
    world.has(One, ("delivery", "motd"), "text", "for-prod").await?;
    world.has(One, ("delivery", "motd"), "other", "same").await?;
    world.ok("wait gitrepo delivery --for condition=Ready --timeout 60s")?;
    ensure!(
        world.config_map(One, "delivery", "unrelated")?.is_none(),
        "a directory outside of spec.paths was deployed"
    );
    let deployments = world.list("deployments")?;
    let of_delivery = |deployment: &&serde_json::Value| deployment["spec"]["bundle"] == "fleet-default/delivery-web";
    let clusters: Vec<_> = deployments.iter().filter(of_delivery).map(|of| of["spec"]["cluster"].to_string()).collect();
    ensure!(clusters == ["\"fleet-default/one\""], "deployments of delivery-web: {clusters:?} of {deployments:#?}");
    ensure!(world.object(Two, "/api/v1/namespaces/delivery")?.is_none(), "cluster two got a namespace");

    // A commit arrives by itself, and only what changed is written.
    let uid = world.uid(One, "delivery", "motd")?;
    let changed = config_map("motd", "{text: base, other: changed}");
    let commit = repo.commit(&[("web/config.yaml", &changed), ("web/more.yaml", &config_map("more", "{a: b}"))])?;
    world.has(One, ("delivery", "motd"), "other", "changed").await?;
    world.has(One, ("delivery", "motd"), "text", "for-prod").await?;
    world.has(One, ("delivery", "more"), "a", "b").await?;
    world.ready("delivery", &commit).await?;
    ensure!(world.uid(One, "delivery", "motd")? == uid, "motd was made anew");

    // What a commit takes away goes.
    repo.remove("web/more.yaml")?;
    let commit = repo.commit(&[])?;
    world.has_not(One, ("delivery", "more")).await?;
    world.ready("delivery", &commit).await?;
    ensure!(world.object(Two, "/api/v1/namespaces/delivery")?.is_none(), "cluster two got a namespace");

    // The end of the GitRepo is the end of what it brought.
    world.ok("delete gitrepo delivery")?;
    world.has_not(One, ("delivery", "motd")).await?;
    Ok(())
}

pub(crate) async fn a_kustomization_arrives_with_its_base_and_follows_it(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let overlay = "resources: [../../base]\nnamePrefix: shop-\nconfigMapGenerator: [{name: made, literals: [a=b]}]\n\
                   patches: [{target: {kind: ConfigMap, name: motd}, patch: \"- {op: add, path: /data/place, value: till}\"}]\n";
    let repo = Repo::with(&[
        ("base/kustomization.yaml", "resources: [config.yaml]\n"),
        ("base/config.yaml", &config_map("motd", "{text: one}")),
        ("overlays/till/fleet.yaml", "defaultNamespace: kustomized\n"),
        ("overlays/till/kustomization.yaml", overlay),
    ])?;
    world.ok("label cluster one kustomized=on")?;
    world.apply(&gitrepo("kustomized", &repo.url(), "paths: [overlays/till]\npollingInterval: 2s"))?;
    world.has(One, ("kustomized", "shop-motd"), "text", "one").await?;
    world.has(One, ("kustomized", "shop-motd"), "place", "till").await?;
    // The hash of its content is part of the name; `kustomize build` gives the same.
    world.has(One, ("kustomized", "shop-made-4h2mbtbbt6"), "a", "b").await?;

    let commit = repo.commit(&[("base/config.yaml", &config_map("motd", "{text: two}"))])?;
    world.has(One, ("kustomized", "shop-motd"), "text", "two").await?;
    world.ready("kustomized", &commit).await?;
    world.ok("delete gitrepo kustomized")?;
    world.has_not(One, ("kustomized", "shop-motd")).await?;
    Ok(())
}

const CLAIM: &str = "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
";
const CLAIM_PATH: &str = "/api/v1/namespaces/labels/persistentvolumeclaims/data";

pub(crate) async fn a_label_brings_a_bundle_and_taking_it_off_withdraws_it_but_a_claim_is_held(
    binaries: Binaries,
) -> Outcome {
    let world = driver::world(&binaries).await?;
    let repo = Repo::with(&[
        ("web/fleet.yaml", "defaultNamespace: labels\n"),
        ("web/config.yaml", &config_map("motd", "{text: hello}")),
        ("web/claim.yaml", CLAIM),
    ])?;
    world.ok("label cluster one labels=on")?;
    world.apply(&gitrepo("labels", &repo.url(), "paths: [web]"))?;
    world.has(One, ("labels", "motd"), "text", "hello").await?;
    let uid_in_one = world.uid(One, "labels", "motd")?;
    ensure!(world.object(Two, "/api/v1/namespaces/labels")?.is_none(), "cluster two has no label yet");

    world.ok("label cluster/two labels=on")?;
    world.has(Two, ("labels", "motd"), "text", "hello").await?;
    world
        .until("the claim is in cluster two", |world| {
            world.object(Two, CLAIM_PATH)?.map(drop).ok_or_else(|| "not there".to_owned())
        })
        .await?;

    // A claim holds the whole list back; nothing goes before it is approved.
    world.ok("label cluster two labels-")?;
    world.told("cluster two", "held", &["PersistentVolumeClaim", "labels/data", "skiff approve"]).await?;
    world
        .stays("the claim is kept", Duration::from_secs(2), |world| {
            let claim = world.object(Two, CLAIM_PATH)?.ok_or("it is gone")?;
            if claim["metadata"]["deletionTimestamp"].is_null() { Ok(()) } else { Err("it is being deleted".into()) }
        })
        .await?;
    world.ok("approve cluster two --yes")?;
    world.has_not(Two, ("labels", "motd")).await?;
    world
        .until("the claim goes from cluster two", |world| match world.object(Two, CLAIM_PATH)? {
            None => Ok(()),
            Some(claim) => Err(claim["metadata"].to_string()),
        })
        .await?;
    ensure!(world.uid(One, "labels", "motd")? == uid_in_one, "cluster one lost something");
    ensure!(world.object(One, CLAIM_PATH)?.is_some(), "cluster one lost its claim");
    let nothing_held = |told: &driver::Told| told.reason != "held";
    world
        .until("nothing is held any more", |world| {
            let told = world.explanations("cluster two")?;
            if told.iter().all(nothing_held) { Ok(()) } else { Err(format!("{told:#?}")) }
        })
        .await?;

    // Releasing leaves everything where it is.
    world.ok("delete gitrepo labels --keep-resources")?;
    gone_at_the_hub(&world, "labels-web").await?;
    world
        .stays("what was released stays", Duration::from_secs(2), |world| {
            if world.uid(One, "labels", "motd")? == uid_in_one { Ok(()) } else { Err("another uid".into()) }
        })
        .await
}

async fn gone_at_the_hub(world: &driver::World, bundle: &str) -> Outcome {
    world
        .until(&format!("bundle {bundle} is gone at the hub"), |world| {
            let names: Vec<_> = world.list("bundles")?.iter().map(|of| of["metadata"]["name"].to_string()).collect();
            if names.iter().any(|name| name.trim_matches('"') == bundle) { Err(format!("{names:?}")) } else { Ok(()) }
        })
        .await
}

pub(crate) async fn a_renamed_directory_is_handed_over_with_its_uids(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let names = ["first", "second", "third"];
    let texts = names.map(|name| config_map(name, "{a: b}"));
    let repo = Repo::with(&[
        ("apps/old/fleet.yaml", "defaultNamespace: handover\n"),
        ("apps/old/all.yaml", &texts.join("---\n")),
        ("apps/old/claim.yaml", CLAIM),
    ])?;
    for cluster in [One, Two] {
        world.ok(&format!("label cluster {} handover=on", cluster.name()))?;
    }
    world.apply(&gitrepo("handover", &repo.url(), "paths: ['apps/*']"))?;
    let claim_path = "/api/v1/namespaces/handover/persistentvolumeclaims/data";
    let uids = |cluster: Cluster| -> Result<Vec<String>, String> {
        let mut uids =
            names.map(|name| world.uid(cluster, "handover", name)).into_iter().collect::<Result<Vec<_>, _>>()?;
        let claim = world.object(cluster, claim_path)?.ok_or("no claim")?;
        uids.push(claim["metadata"]["uid"].to_string());
        Ok(uids)
    };
    let before = world.until("all is there", |_| Ok((uids(One)?, uids(Two)?))).await?;
    let marks = [world.mark(One)?, world.mark(Two)?];

    repo.rename("apps/old", "apps/new")?;
    repo.commit(&[])?;
    world.sync("handover")?;
    for cluster in [One, Two] {
        world
            .until("the objects belong to the new bundle", |world| {
                let object = world.config_map(cluster, "handover", "third")?.ok_or("it is gone")?;
                let owner = object["metadata"]["annotations"]["skiff.dev/deployment"].clone();
                if owner == "fleet-default/handover-apps-new" { Ok(()) } else { Err(owner.to_string()) }
            })
            .await?;
    }
    gone_at_the_hub(&world, "handover-apps-old").await?;
    world
        .stays("every object keeps its UID", Duration::from_secs(2), |_| {
            if (uids(One)?, uids(Two)?) == before { Ok(()) } else { Err("UIDs differ".into()) }
        })
        .await?;
    for cluster in [One, Two] {
        let deleted = world.deleted(cluster, "handover", marks[cluster as usize])?;
        ensure!(deleted.is_empty(), "deleted in {cluster:?}: {deleted:?}");
    }
    for cluster in [One, Two] {
        let told = world.explanations(&format!("cluster {}", cluster.name()))?;
        ensure!(told.iter().all(|told| told.reason != "held"), "{told:#?}");
    }
    Ok(())
}
