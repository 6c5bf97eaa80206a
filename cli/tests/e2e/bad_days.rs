//! Bad days, for real: what goes wrong below Skiff, in the cluster and on the disk.

use crate::driver::{self, Guard, One, config_map, ensure, gitrepo, run};
use crate::repo::Repo;
use skiff_controlplane::Binaries;
use skiff_controlplane::harness::Outcome;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// A GitRepo `name` whose one bundle puts ConfigMaps into namespace `name` of cluster one.
async fn deployed(world: &Guard, name: &str, maps: &[&str]) -> Result<Repo, driver::Failure> {
    let fleet = format!("defaultNamespace: {name}\ncorrectDrift: {{enabled: true}}\n");
    let maps: Vec<String> = maps.iter().map(|map| config_map(map, "{v: one}")).collect();
    let repo = Repo::with(&[("x/fleet.yaml", &fleet), ("x/all.yaml", &maps.join("---\n"))])?;
    world.ok(&format!("label cluster one {name}=on"))?;
    world.apply(&gitrepo(name, &repo.url(), "paths: [x]"))?;
    world.ok(&format!("wait gitrepo {name} --for condition=Ready --timeout 60s"))?;
    Ok(repo)
}

pub(crate) async fn an_api_server_that_restarts_in_a_rollout_loses_nothing(binaries: Binaries) -> Outcome {
    let mut world = driver::world(&binaries).await?;
    let ns = "restarting";
    let repo = deployed(&world, ns, &["a", "b"]).await?;
    let uid = world.uid(One, ns, "a")?;
    for round in ["two", "three"] {
        let maps = ["a", "b"].map(|map| config_map(map, &format!("{{v: {round}}}")));
        repo.commit(&[("x/all.yaml", &maps.join("---\n"))])?;
        world.sync(ns)?;
        // It answers 403 while it starts.
        world.plane_mut(One).restart_apiserver().await?;
        world.has(One, (ns, "a"), "v", round).await?;
        world.has(One, (ns, "b"), "v", round).await?;
    }
    ensure!(world.uid(One, ns, "a")? == uid, "a was made anew");
    // An agent that starts while there is none.
    world.plane_mut(One).stop_apiserver();
    world.kill_agent(One);
    world.start_agent(One)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.plane_mut(One).start_apiserver().await?;
    repo.commit(&[("x/all.yaml", &config_map("a", "{v: four}"))])?;
    world.sync(ns)?;
    world.has(One, (ns, "a"), "v", "four").await?;
    world.has_not(One, (ns, "b")).await?;
    world.ok("delete gitrepo restarting")?;
    Ok(())
}

pub(crate) async fn a_namespace_that_hangs_in_terminating_is_named_and_holds_up_nothing_else(
    binaries: Binaries,
) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "hanging";
    let repo = deployed(&world, ns, &["stuck"]).await?;
    repo.commit(&[
        ("y/fleet.yaml", "defaultNamespace: hanging-other\n"),
        ("y/other.yaml", &config_map("other", "{v: one}")),
    ])?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [x, y]"))?;
    world.has(One, ("hanging-other", "other"), "v", "one").await?;
    let patch = |list: &str| format!(r#"-n hanging patch configmap stuck -p {{"metadata":{{"finalizers":{list}}}}}"#);
    world.kubectl(One, &patch(r#"["e2e.example.com/never"]"#), "")?;
    world.kubectl(One, "delete namespace hanging --wait=false", "")?;
    repo.commit(&[
        ("x/all.yaml", &[config_map("stuck", "{v: two}"), config_map("new", "{v: two}")].join("---\n")),
        ("y/other.yaml", &config_map("other", "{v: two}")),
    ])?;
    world.sync(ns)?;
    world.has(One, ("hanging-other", "other"), "v", "two").await?;
    world.told("gitrepo hanging", "NamespaceTerminating", &["hanging"]).await?;
    // When it is gone, everything is made again.
    world.kubectl(One, &patch("null"), "")?;
    world.has(One, (ns, "stuck"), "v", "two").await?;
    world.has(One, (ns, "new"), "v", "two").await?;
    world.ok("delete gitrepo hanging")?;
    Ok(())
}

const WEBHOOK: &str = r#"{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
"metadata": {"name": "down.e2e.example.com"}, "webhooks": [{"name": "down.e2e.example.com", "failurePolicy": "Fail",
"sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
"clientConfig": {"url": "https://127.0.0.1:1/"},
"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "webhook"}},
"rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}]}]}"#;

pub(crate) async fn an_admission_webhook_that_is_down_holds_up_only_what_it_judges(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "webhook";
    let repo = deployed(&world, ns, &["judged", "going"]).await?;
    world.kubectl(One, "create -f -", WEBHOOK)?;
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: free}\nstringData: {k: v}\n";
    repo.commit(&[("x/all.yaml", &config_map("judged", "{v: two}")), ("x/free.yaml", secret)])?;
    world.sync(ns)?;
    world
        .until("the other kind is applied", |world| {
            world.object(One, "/api/v1/namespaces/webhook/secrets/free")?.map(drop).ok_or_else(|| "no secret".into())
        })
        .await?;
    world.told("gitrepo webhook", "ObjectRefused", &["down.e2e.example.com"]).await?;
    // It is tried again, and not without end.
    let mark = world.mark(One)?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let tries = world.asked(One, mark)?.into_iter().filter(|event| event.is_write() && event.namespace == ns).count();
    ensure!(tries <= 10, "{tries} tries in 5 s");
    world.kubectl(One, "delete validatingwebhookconfiguration down.e2e.example.com", "")?;
    world.has(One, (ns, "judged"), "v", "two").await?;
    world.has_not(One, (ns, "going")).await?;
    world.ok("delete gitrepo webhook")?;
    Ok(())
}

pub(crate) async fn an_edge_whose_etcd_is_put_back_gets_again_what_it_should_have(binaries: Binaries) -> Outcome {
    let mut world = driver::world(&binaries).await?;
    let ns = "put-back";
    let repo = deployed(&world, ns, &["kept", "removed"]).await?;
    let uid = world.uid(One, ns, "kept")?;
    let backup = world.plane_mut(One).back_up_etcd().await?;
    let newer = [config_map("kept", "{v: two}"), config_map("newer", "{v: two}")].join("---\n");
    repo.commit(&[("x/all.yaml", &newer)])?;
    world.sync(ns)?;
    world.has(One, (ns, "newer"), "v", "two").await?;
    world.has_not(One, (ns, "removed")).await?;

    world.plane_mut(One).put_back_etcd(&backup).await?;
    world.has(One, (ns, "newer"), "v", "two").await?;
    world.has(One, (ns, "kept"), "v", "two").await?;
    ensure!(world.uid(One, ns, "kept")? == uid, "kept was made anew");
    // It owns what it made anew, and what was there before.
    let last = config_map("kept", "{v: three}");
    repo.commit(&[("x/all.yaml", &last)])?;
    world.sync(ns)?;
    world.has(One, (ns, "kept"), "v", "three").await?;
    for gone in ["newer", "removed"] {
        world
            .until(&format!("{gone} goes, where it has to with an approval"), |world| {
                if world.explanations("cluster one")?.iter().any(|told| told.reason == "held") {
                    world.ok("approve cluster one --yes")?;
                }
                let object = world.config_map(One, ns, gone)?;
                object.map_or(Ok(()), |object| Err(object["metadata"].to_string()))
            })
            .await?;
    }
    world.ok("delete gitrepo put-back")?;
    Ok(())
}

/// A small file system in memory; it goes with this.
struct Small(PathBuf);

impl Small {
    /// Why there is none, where it cannot be mounted: that takes a privilege that not every machine gives.
    fn mount(path: &Path, size: &str) -> Result<Self, String> {
        std::fs::create_dir_all(path).map_err(|error| error.to_string())?;
        let small = Self(path.to_owned());
        mount(&["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "tmpfs"], path).map(|()| small)
    }

    fn remount(&self, options: &str) -> Result<(), String> {
        mount(&["-o", &format!("remount,{options}")], &self.0)
    }
}

fn mount(arguments: &[&str], path: &Path) -> Result<(), String> {
    let output = Command::new("mount").args(arguments).arg(path).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a program that was killed a moment ago may still have files there.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

pub(crate) async fn a_disk_of_the_agent_that_is_full_or_read_only_stops_nothing(binaries: Binaries) -> Outcome {
    let mut world = driver::world(&binaries).await?;
    let ns = "agent-disk";
    let repo = deployed(&world, ns, &["a"]).await?;
    world.kill_agent(One);
    let small = match Small::mount(&world.path("agent-one.state"), "16k") {
        Ok(small) => small,
        Err(why) => {
            world.ok("delete gitrepo agent-disk")?;
            return skipped(&why);
        }
    };
    world.start_agent(One)?;
    let big: String =
        (0..20).map(|n| config_map(&format!("big{n}"), &format!("{{v: {}}}", "x".repeat(3_000))) + "---\n").collect();
    repo.commit(&[("x/big.yaml", &big), ("x/all.yaml", &config_map("a", "{v: full}"))])?;
    world.sync(ns)?;
    world.has(One, (ns, "a"), "v", "full").await?;
    world.told("cluster one", "DiskFailing", &["agent-one.state"]).await?;
    small.remount("ro")?;
    world.kill_agent(One);
    world.start_agent(One)?;
    repo.remove("x/big.yaml")?;
    repo.commit(&[("x/all.yaml", &config_map("a", "{v: read-only}"))])?;
    world.sync(ns)?;
    world.has(One, (ns, "a"), "v", "read-only").await?;
    small.remount("rw,size=4m")?;
    repo.commit(&[("x/all.yaml", &config_map("a", "{v: roomy}"))])?;
    world.sync(ns)?;
    world.has(One, (ns, "a"), "v", "roomy").await?;
    world
        .until("nothing is wrong any more", |world| {
            let told = world.explanations("cluster one")?;
            if told.iter().all(|told| told.reason != "DiskFailing") { Ok(()) } else { Err(format!("{told:#?}")) }
        })
        .await?;
    world.kill_agent(One);
    drop(small);
    world.ok("delete gitrepo agent-disk")?;
    Ok(())
}

fn skipped(why: &str) -> Outcome {
    writeln!(std::io::stdout(), "tier 4: SKIPPED, for nothing can be mounted here: {why}")?;
    Ok(())
}

pub(crate) async fn a_disk_of_the_hub_that_is_full_or_read_only_acknowledges_nothing(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let data = world.path("hub-small");
    let small = match Small::mount(&data, "2m") {
        Ok(small) => small,
        Err(why) => return skipped(&why),
    };
    let _hub = world.spawn_other_hub("hub-small", &data)?;
    let skiff = |line: &str, stdin: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skiff"));
        command.env("SKIFF_CONFIG", data.join("admin.yaml")).env("HOME", world.directory());
        command.args(line.split_whitespace());
        run(command, line, stdin)
    };
    let group = |name: &str, size: usize| {
        format!(
            "apiVersion: fleet.cattle.io/v1alpha1\nkind: ClusterGroup\nmetadata: {{name: {name}, annotations: {{a: {}}}}}\nspec: {{}}\n",
            "x".repeat(size)
        )
    };
    let applied = |name: &str, size| skiff("apply -f -", &group(name, size)).map(|ran| ran.code == Some(0));
    world.until("the other hub answers", |_| if applied("first", 10)? { Ok(()) } else { Err("no".into()) }).await?;
    let begun = Instant::now();
    let mut acknowledged = vec!["first".to_owned()];
    loop {
        let name = format!("g{}", acknowledged.len());
        if !applied(&name, 100_000)? {
            break;
        }
        acknowledged.push(name);
        ensure!(begun.elapsed() < Duration::from_secs(60) && acknowledged.len() < 100, "the disk is never full");
    }
    let all_there = || -> Result<(), String> {
        let told = skiff("get clustergroups -o json", "")?.stdout;
        let list: serde_json::Value = serde_json::from_str(&told).map_err(|error| format!("{error}: {told}"))?;
        let is_there = |name: &&String| {
            list["items"].as_array().into_iter().flatten().any(|item| item["metadata"]["name"] == name.as_str())
        };
        let lost: Vec<_> = acknowledged.iter().filter(|name| !is_there(name)).collect();
        if lost.is_empty() { Ok(()) } else { Err(format!("lost: {lost:?}")) }
    };
    all_there()?;
    small.remount("size=16m")?;
    world
        .until("with room it writes again", |_| if applied("roomy", 100_000)? { Ok(()) } else { Err("no".into()) })
        .await?;
    small.remount("ro")?;
    ensure!(!applied("read-only", 10)?, "it acknowledged what it could not write");
    all_there()?;
    small.remount("rw")?;
    world.until("it writes again", |_| if applied("last", 10)? { Ok(()) } else { Err("no".into()) }).await?;
    all_there()?;
    Ok(())
}
