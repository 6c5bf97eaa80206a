//! Each row of DESIGN §7's table of applying and drift, with kubectl as the hand that changes things.

use crate::driver::{self, Failure, One, World, config_map, ensure, gitrepo};
use crate::repo::Repo;
use serde_json::Value;
use skiff_controlplane::Binaries;
use skiff_controlplane::harness::Outcome;
use std::time::Duration;

/// The objects that are drifted away from: one for each case.
fn objects() -> String {
    [
        config_map("settings", "{colour: blue, size: big}"),
        config_map("victim", "{a: b}"),
        config_map("keys", "{a: b}"),
        config_map("marked", "{a: b}"),
    ]
    .join("---\n")
}

/// A GitRepo `name` whose one bundle puts [`objects`] into namespace `name` of cluster one.
async fn deployed(world: &World, name: &str, correct: bool) -> Result<Repo, Failure> {
    let fleet = format!("defaultNamespace: {name}\ncorrectDrift: {{enabled: {correct}}}\n");
    let repo = Repo::with(&[("b/fleet.yaml", &fleet), ("b/all.yaml", &objects())])?;
    world.ok(&format!("label cluster one {name}=on"))?;
    world.apply(&gitrepo(name, &repo.url(), "paths: [b]"))?;
    world.ok(&format!("wait gitrepo {name} --for condition=Ready --timeout 60s"))?;
    Ok(repo)
}

fn at(object: &Value, pointer: &str) -> Value {
    object.pointer(pointer).cloned().unwrap_or_default()
}

pub(crate) async fn drift_is_repaired_where_that_is_asked_for(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "drift-fix";
    let _repo = deployed(&world, ns, true).await?;

    // A field of ours.
    let uid = world.uid(One, ns, "settings")?;
    world.kubectl(One, r#"-n drift-fix patch configmap settings -p {"data":{"colour":"red"}}"#, "")?;
    world.has(One, (ns, "settings"), "colour", "blue").await?;
    world.told("gitrepo drift-fix", "DriftCorrected", &["kubectl-patch", "settings"]).await?;
    ensure!(world.uid(One, ns, "settings")? == uid, "it was made anew");

    // A field of ours that is taken away.
    let patch = r#"-n drift-fix patch configmap settings --type=json -p [{"op":"remove","path":"/data/size"}]"#;
    world.kubectl(One, patch, "")?;
    world.has(One, (ns, "settings"), "size", "big").await?;

    // An object of ours.
    let uid = world.uid(One, ns, "victim")?;
    world.kubectl(One, "-n drift-fix delete configmap victim", "")?;
    world.has(One, (ns, "victim"), "a", "b").await?;
    ensure!(world.uid(One, ns, "victim")? != uid, "it was not deleted");

    // A key, a label and an annotation that a person added go; those of a program stay, and are no drift.
    world.kubectl(One, r#"-n drift-fix patch configmap keys -p {"data":{"extra":"x"}}"#, "")?;
    world.kubectl(One, "-n drift-fix label configmap keys team=x", "")?;
    world.kubectl(One, "-n drift-fix annotate configmap keys note=x", "")?;
    let program = r#"-n drift-fix patch configmap keys --field-manager=injector -p {"metadata":{"annotations":{"injected":"yes"}}}"#;
    world.kubectl(One, program, "")?;
    world
        .until("what was added by hand is gone, and the rest is there", |world| {
            let object = world.config_map(One, ns, "keys")?.ok_or("it is gone")?;
            let added = ["/data/extra", "/metadata/labels/team", "/metadata/annotations/note"];
            let is_clean = added.iter().all(|pointer| object.pointer(pointer).is_none());
            let stays = at(&object, "/metadata/annotations/injected") == "yes" && at(&object, "/data/a") == "b";
            if is_clean && stays { Ok(()) } else { Err(object.to_string()) }
        })
        .await?;

    // Without the label the watch says DELETED; the object is still there, and is not made again.
    let uid = world.uid(One, ns, "marked")?;
    let mark = world.mark(One)?;
    world.kubectl(One, "-n drift-fix label configmap marked skiff.dev/owner-", "")?;
    world
        .until("the label is back", |world| {
            let object = world.config_map(One, ns, "marked")?.ok_or("it is gone")?;
            if object.pointer("/metadata/labels/skiff.dev~1owner").is_some() { Ok(()) } else { Err(object.to_string()) }
        })
        .await?;
    ensure!(world.uid(One, ns, "marked")? == uid, "it was made anew");
    ensure!(world.deleted(One, ns, mark)?.is_empty(), "something was deleted");
    world.ok("wait gitrepo drift-fix --for condition=Ready --timeout 60s")?;

    // A handful of rounds with somebody who does not give up loses nothing, and the end is as it should be.
    for round in 0..3 {
        world.kubectl(
            One,
            &format!(r#"-n drift-fix patch configmap settings -p {{"data":{{"colour":"red{round}"}}}}"#),
            "",
        )?;
    }
    world.has(One, (ns, "settings"), "colour", "blue").await?;
    world.ok("delete gitrepo drift-fix")?;
    world.has_not(One, (ns, "settings")).await
}

pub(crate) async fn drift_is_told_and_left_where_that_is_not_asked_for(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "drift-tell";
    let repo = deployed(&world, ns, false).await?;
    let subject = "gitrepo drift-tell";

    world.kubectl(One, r#"-n drift-tell patch configmap settings -p {"data":{"colour":"red"}}"#, "")?;
    world.told(subject, "FieldModified", &["kubectl-patch", ".data.colour", "settings"]).await?;
    world.kubectl(One, "-n drift-tell delete configmap victim", "")?;
    world.told(subject, "ObjectMissing", &["victim"]).await?;
    world.kubectl(One, r#"-n drift-tell patch configmap keys -p {"data":{"extra":"x"}}"#, "")?;
    world.told(subject, "KeyAdded", &["kubectl-patch", ".data.extra"]).await?;
    world.kubectl(One, "-n drift-tell label configmap marked skiff.dev/owner-", "")?;
    world.told(subject, "FieldModified", &["skiff.dev/owner", "marked"]).await?;
    let state = world.get("deployment", "drift-tell-b.one")?["status"].clone();
    ensure!(state["modifiedStatus"].as_array().is_some_and(|list| list.len() == 4), "the deployment says {state}");
    world
        .stays("everything is left as it is", Duration::from_secs(2), |world| {
            let settings = world.config_map(One, ns, "settings")?.ok_or("settings is gone")?;
            let keys = world.config_map(One, ns, "keys")?.ok_or("keys is gone")?;
            if world.config_map(One, ns, "victim")?.is_some() {
                return Err("victim is back".into());
            }
            let left = at(&settings, "/data/colour") == "red" && at(&keys, "/data/extra") == "x";
            if left { Ok(()) } else { Err(format!("{settings} {keys}")) }
        })
        .await?;

    // A restart of the agent tells the same and does no more.
    drop(world);
    let mut world = driver::world(&binaries).await?;
    world.kill_agent(One);
    let mark = world.mark(One)?;
    world.start_agent(One)?;
    world.watches_again(One, mark).await?;
    world.told(subject, "ObjectMissing", &["victim"]).await?;
    world.told(subject, "FieldModified", &[".data.colour"]).await?;
    ensure!(world.config_map(One, ns, "victim")?.is_none(), "a restart made victim again");

    // New content of an object is applied whole, whoever has a hand in it.
    let all = objects().replace("blue", "green").replace("victim}\ndata: {a: b}", "victim}\ndata: {a: c}");
    repo.commit(&[("b/all.yaml", &all)])?;
    world.sync(ns)?;
    world.has(One, (ns, "settings"), "colour", "green").await?;
    world.has(One, (ns, "victim"), "a", "c").await?;
    world.told(subject, "Overruled", &["kubectl-patch", "settings"]).await?;
    ensure!(
        at(&world.config_map(One, ns, "keys")?.unwrap_or_default(), "/data/extra") == "x",
        "keys did not change in git"
    );
    Ok(())
}

pub(crate) async fn an_object_of_somebody_else_is_left_until_ownership_is_taken(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "drift-foreign";
    world.kubectl(One, "create namespace drift-foreign", "")?;
    world.kubectl(
        One,
        "-n drift-foreign create configmap theirs --from-literal=colour=red --from-literal=more=1",
        "",
    )?;
    let uid = world.uid(One, ns, "theirs")?;
    let files = [config_map("theirs", "{colour: blue}"), config_map("ours", "{a: b}")].join("---\n");
    let repo = Repo::with(&[("b/fleet.yaml", "defaultNamespace: drift-foreign\n"), ("b/all.yaml", &files)])?;
    world.ok("label cluster one drift-foreign=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [b]"))?;
    world.has(One, (ns, "ours"), "a", "b").await?;
    world.told("gitrepo drift-foreign", "OwnedByOther", &["kubectl-create", "b/all.yaml", "theirs"]).await?;
    let theirs = world.config_map(One, ns, "theirs")?.ok_or("theirs is gone")?;
    ensure!(at(&theirs, "/data/colour") == "red", "it was overwritten: {theirs}");
    ensure!(theirs.pointer("/metadata/labels").is_none(), "it was marked: {theirs}");

    let fleet = "defaultNamespace: drift-foreign\nhelm: {takeOwnership: true}\n";
    let commit = repo.commit(&[("b/fleet.yaml", fleet)])?;
    world.sync(ns)?;
    world.has(One, (ns, "theirs"), "colour", "blue").await?;
    world.has(One, (ns, "theirs"), "more", "1").await?;
    ensure!(world.uid(One, ns, "theirs")? == uid, "it was made anew");
    world
        .until("the commit is read", |world| {
            let object = world.get("gitrepo", ns)?;
            if object["status"]["commit"] == commit.as_str() { Ok(()) } else { Err(object["status"].to_string()) }
        })
        .await?;

    // What was never ours is left behind; what is ours goes.
    world.ok("delete gitrepo drift-foreign")?;
    world.has_not(One, (ns, "ours")).await
}

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: \"registry.example/web:1\"}]
";

pub(crate) async fn replicas_are_left_to_the_controller_that_scales(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "drift-scale";
    let fleet = "defaultNamespace: drift-scale\ncorrectDrift: {enabled: true}\n";
    let repo = Repo::with(&[("b/fleet.yaml", fleet), ("b/web.yaml", DEPLOYMENT)])?;
    world.ok("label cluster one drift-scale=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [b]"))?;
    let path = "/apis/apps/v1/namespaces/drift-scale/deployments/web";
    let scaled = |world: &World, replicas: u64, image: &str| {
        let object = world.object(One, path)?.ok_or("it is not there")?;
        let is = (at(&object, "/spec/replicas"), at(&object, "/spec/template/spec/containers/0/image"));
        if is == (replicas.into(), format!("registry.example/web:{image}").into()) {
            Ok(())
        } else {
            Err(format!("{is:?}"))
        }
    };
    world.until("the deployment is there", |world| scaled(world, 0, "1")).await?;

    // A person is corrected.
    world.kubectl(One, "-n drift-scale scale deployment web --replicas=1", "")?;
    world.until("the person is corrected", |world| scaled(world, 0, "1")).await?;

    // A controller is not, neither by drift correction nor by new content.
    let scale = r#"-n drift-scale patch deployment web --subresource=scale --type=merge --field-manager=autoscaler -p {"spec":{"replicas":2}}"#;
    world.kubectl(One, scale, "")?;
    world.stays("the controller's number stays", Duration::from_secs(2), |world| scaled(world, 2, "1")).await?;
    repo.commit(&[("b/web.yaml", &DEPLOYMENT.replace("web:1", "web:2"))])?;
    world.sync(ns)?;
    world.until("the new image arrives", |world| scaled(world, 2, "2")).await?;
    world.stays("the controller's number stays", Duration::from_secs(1), |world| scaled(world, 2, "2")).await?;
    world.ok("delete gitrepo drift-scale")?;
    world
        .until("the deployment goes", |world| match world.object(One, path)? {
            None => Ok(()),
            Some(object) => Err(object["metadata"].to_string()),
        })
        .await
}
