//! `kill -9` in the middle of everything.

use crate::driver::{self, Cluster, One, Two, World, config_map, ensure, gitrepo};
use crate::repo::Repo;
use skiff_controlplane::Binaries;
use skiff_controlplane::harness::Outcome;
use std::collections::BTreeMap;
use std::time::Duration;

const ROUNDS: u64 = 20;
const NAMES: u64 = 8;

/// What the namespace holds after a round: most objects stay and change, one comes and one goes with every round.
fn expected(round: u64) -> BTreeMap<String, String> {
    let value = format!("v{round}");
    let staying = (0..NAMES).map(|n| format!("stays-{n}"));
    let passing = (0..3).map(|n| format!("passes-{}", round + n));
    staying.chain(passing).map(|name| (name, value.clone())).collect()
}

fn files(round: u64) -> Vec<(&'static str, String)> {
    let (even, odd): (Vec<_>, Vec<_>) = expected(round)
        .into_iter()
        .map(|(name, value)| config_map(&name, &format!("{{v: {value}}}")))
        .enumerate()
        .partition(|(at, _)| at % 2 == 0);
    let joined = |texts: Vec<(usize, String)>| texts.into_iter().map(|(_, text)| text + "---\n").collect();
    vec![("left/all.yaml", joined(even)), ("right/all.yaml", joined(odd))]
}

fn commit(repo: &Repo, round: u64) -> Result<String, driver::Failure> {
    let files = files(round);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    repo.commit(&files)
}

fn is_as_expected(world: &World, cluster: Cluster, round: u64) -> Result<(), String> {
    let list = world.object(cluster, "/api/v1/namespaces/faults/configmaps")?.ok_or("no namespace")?;
    let is: BTreeMap<String, String> = list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| (item["metadata"]["name"].clone(), item["data"]["v"].clone()))
        .map(|(name, value)| (name.as_str().unwrap_or_default().into(), value.as_str().unwrap_or_default().into()))
        .filter(|(name, _)| name != "kube-root-ca.crt")
        .collect();
    let wanted = expected(round);
    if is == wanted { Ok(()) } else { Err(format!("{is:?}\nin place of {wanted:?}")) }
}

pub(crate) async fn killing_hub_and_agents_in_running_rollouts_ends_in_the_right_state(binaries: Binaries) -> Outcome {
    let mut world = driver::world(&binaries).await?;
    let fleet = "defaultNamespace: faults\n";
    let repo = Repo::with(&[("left/fleet.yaml", fleet), ("right/fleet.yaml", fleet)])?;
    commit(&repo, 0)?;
    for cluster in [One, Two] {
        world.ok(&format!("label cluster {} faults=on", cluster.name()))?;
    }
    world.apply(&gitrepo("faults", &repo.url(), "paths: [left, right]\npollingInterval: 2s"))?;
    for cluster in [One, Two] {
        world.until("the first rollout is done", |world| is_as_expected(world, cluster, 0)).await?;
    }
    for round in 1..=ROUNDS {
        commit(&repo, round)?;
        // Where the hub is not up again yet, its own poll does it.
        drop(world.skiff("sync gitrepo faults"));
        // Moments spread over the rollout, the same in every run.
        tokio::time::sleep(Duration::from_millis(round * 61 % 310)).await;
        world.kill_agent(One);
        tokio::time::sleep(Duration::from_millis(round * 37 % 90)).await;
        world.kill_hub();
        world.spawn_hub()?;
        world.start_agent(One)?;
        tokio::time::sleep(Duration::from_millis(round * 53 % 170)).await;
        world.kill_agent(Two);
        world.start_agent(Two)?;
    }
    let last = commit(&repo, ROUNDS + 1)?;
    world.hub_answers().await?;
    for cluster in [One, Two] {
        let what = format!("cluster {} is as the last commit says", cluster.name());
        world.until(&what, |world| is_as_expected(world, cluster, ROUNDS + 1)).await?;
    }
    world.ready("faults", &last).await?;
    for cluster in [One, Two] {
        let told = world.explanations(&format!("cluster {}", cluster.name()))?;
        let worries = ["Unaccounted", "held", "EpochHeld", "Fenced", "UidChanged", "DigestMismatch", "Rollback"];
        let found: Vec<_> = told.iter().filter(|told| worries.contains(&told.reason.as_str())).collect();
        ensure!(found.is_empty(), "cluster {}: {found:#?}", cluster.name());
    }
    // Nothing is forgotten: all of it goes with the GitRepo.
    world.ok("delete gitrepo faults")?;
    let held = |world: &World| -> Result<bool, String> {
        Ok(world.explanations("cluster one")?.iter().any(|told| told.reason == "held"))
    };
    for cluster in [One, Two] {
        world
            .until("everything goes with the GitRepo", |world| {
                if held(world)? {
                    world.ok("approve cluster one --yes")?;
                    world.ok("approve cluster two --yes")?;
                }
                let list = world.object(cluster, "/api/v1/namespaces/faults/configmaps")?.ok_or("no namespace")?;
                let left: Vec<_> = list["items"].as_array().into_iter().flatten().collect();
                if left.len() == 1 { Ok(()) } else { Err(format!("{} are left", left.len())) }
            })
            .await?;
    }
    Ok(())
}
