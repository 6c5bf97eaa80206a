//! One scenario for each field of `fleet.yaml` whose effect is in the cluster, where no other file has one.

use crate::driver::{self, Failure, One, World, config_map, ensure, gitrepo, service_account};
use crate::repo::Repo;
use serde_json::Value;
use skiff_controlplane::Binaries;
use skiff_controlplane::harness::Outcome;
use std::time::Duration;

/// A GitRepo `name` with these files, for cluster one, in directory `x`.
fn deploy(world: &World, name: &str, files: &[(&str, &str)], paths: &str) -> Result<Repo, Failure> {
    let repo = Repo::with(files)?;
    world.ok(&format!("label cluster one {name}=on"))?;
    world.apply(&gitrepo(name, &repo.url(), &format!("paths: [{paths}]\npollingInterval: 2s")))?;
    Ok(repo)
}

/// Waits until an object is there and says what is expected of it.
async fn is(world: &World, path: &str, pointer: &str, expected: &Value) -> Outcome {
    world
        .until(&format!("{pointer} of {path} is {expected}"), |world| {
            let object = world.object(One, path)?.unwrap_or_default();
            let value = object.pointer(pointer).cloned().unwrap_or_default();
            if value == *expected { Ok(()) } else { Err(object.to_string()) }
        })
        .await
}

pub(crate) async fn a_service_account_may_do_what_it_may_and_no_more(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    world.kubectl(One, "apply -f -", &service_account("limited"))?;
    let files = [
        ("x/fleet.yaml", "defaultNamespace: limited\nserviceAccount: limited\n"),
        ("x/map.yaml", &config_map("map", "{a: b}")),
        ("x/quota.yaml", "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: key}\nspec: {hard: {pods: \"9\"}}\n"),
    ];
    let _repo = deploy(&world, "limited", &files, "x")?;
    let account = "system:serviceaccount:skiff-system:limited";
    world.told("gitrepo limited", "Forbidden", &[account, "resourcequotas", "limited"]).await?;
    world.has(One, ("limited", "map"), "a", "b").await?;
    let key = "/api/v1/namespaces/limited/resourcequotas/key";
    ensure!(world.object(One, key)?.is_none(), "the agent's own rights were used");
    // The right that is named, and nothing else is needed.
    let more = service_account("limited").replace("resources: [configmaps]", "resources: [configmaps, resourcequotas]");
    world.kubectl(One, "apply -f -", &more)?;
    is(&world, key, "/metadata/name", &"key".into()).await?;
    world.ok("wait gitrepo limited --for condition=Ready --timeout 60s")?;
    world.ok("delete gitrepo limited")?;
    world.goes(One, key).await
}

pub(crate) async fn what_is_kept_stays_when_its_bundle_goes(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let files = [
        ("x/fleet.yaml", "defaultNamespace: keep\nkeepResources: true\n"),
        ("x/map.yaml", &config_map("map", "{a: b}")),
    ];
    let _repo = deploy(&world, "keep", &files, "x")?;
    world.has(One, ("keep", "map"), "a", "b").await?;
    world.ok("wait gitrepo keep --for condition=Ready --timeout 60s")?;
    let (uid, mark) = (world.uid(One, "keep", "map")?, world.mark(One)?);
    world.ok("label cluster one keep-")?;
    world
        .until("the cluster has nothing of the bundle any more", |world| {
            let left = world.list("deployments")?.iter().any(|of| of["metadata"]["name"] == "keep-x");
            if left { Err("it is still there".into()) } else { Ok(()) }
        })
        .await?;
    world
        .stays("the object is kept", Duration::from_secs(2), |world| {
            if world.uid(One, "keep", "map")? == uid { Ok(()) } else { Err("another uid".into()) }
        })
        .await?;
    ensure!(world.deleted(One, "keep", mark)?.is_empty(), "something was deleted");
    world.ok("delete gitrepo keep")?;
    Ok(())
}

pub(crate) async fn a_namespace_gets_its_labels_and_goes_with_its_bundle_after_an_approval(
    binaries: Binaries,
) -> Outcome {
    let world = driver::world(&binaries).await?;
    let fleet = "defaultNamespace: ns-made
namespaceLabels: {team: shop, pod-security.kubernetes.io/enforce: privileged}
namespaceAnnotations: {note: from-git}
deleteNamespace: true
";
    let repo = deploy(&world, "ns", &[("x/fleet.yaml", fleet), ("x/map.yaml", &config_map("map", "{a: b}"))], "x")?;
    let made = "/api/v1/namespaces/ns-made";
    is(&world, made, "/metadata/labels/team", &"shop".into()).await?;
    is(&world, made, "/metadata/annotations/note", &"from-git".into()).await?;
    world.has(One, ("ns-made", "map"), "a", "b").await?;
    // What others put there stays, and what is about its security was never ours.
    repo.commit(&[("x/fleet.yaml", &fleet.replace("team: shop", "team: till"))])?;
    is(&world, made, "/metadata/labels/team", &"till".into()).await?;
    let labels = world.object(One, made)?.unwrap_or_default()["metadata"]["labels"].clone();
    ensure!(labels.get("pod-security.kubernetes.io/enforce").is_none(), "its security was changed: {labels}");
    ensure!(labels["kubernetes.io/metadata.name"] == "ns-made", "a label of others went: {labels}");

    world.ok("label cluster one ns-")?;
    world.told("cluster one", "held", &["Namespace", "ns-made"]).await?;
    ensure!(world.object(One, made)?.is_some(), "it went without an approval");
    world.ok("approve cluster one --yes")?;
    world.goes(One, made).await?;
    world.ok("delete gitrepo ns")?;
    Ok(())
}

pub(crate) async fn a_namespace_that_is_not_to_be_made_is_waited_for(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let files = [
        ("x/fleet.yaml", "defaultNamespace: ns-given\ncreateNamespace: false\n"),
        ("x/map.yaml", &config_map("map", "{a: b}")),
    ];
    let _repo = deploy(&world, "given", &files, "x")?;
    world
        .until("it is said that the namespace is missing", |world| {
            let told = world.explanations("gitrepo given")?;
            let says = told.iter().any(|told| told.words.contains("ns-given"));
            if says { Ok(()) } else { Err(format!("{told:#?}")) }
        })
        .await?;
    ensure!(world.object(One, "/api/v1/namespaces/ns-given")?.is_none(), "it was made");
    world.kubectl(One, "create namespace ns-given", "")?;
    world.has(One, ("ns-given", "map"), "a", "b").await?;
    world.ok("delete gitrepo given")?;
    world.has_not(One, ("ns-given", "map")).await
}

/// Pods never run here: it is ready with no replica, and with one it is not.
fn workload(replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: db}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: db}}}}
  template:
    metadata: {{labels: {{app: db}}}}
    spec: {{containers: [{{name: c, image: 'db:1'}}]}}
"
    )
}

pub(crate) async fn three_bundles_come_one_after_the_other(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let after =
        |bundle: &str, more: &str| format!("defaultNamespace: deps\ndependsOn: [{{name: deps-{bundle}{more}}}]\n");
    let files = [
        ("a/fleet.yaml", "defaultNamespace: deps\n".to_owned()),
        ("a/db.yaml", workload(1)),
        ("b/fleet.yaml", after("a", "")),
        ("b/map.yaml", config_map("b", "{a: b}")),
        ("c/fleet.yaml", after("b", "")),
        ("c/map.yaml", config_map("c", "{a: b}")),
        ("d/fleet.yaml", after("a", ", acceptedStates: [Ready, NotReady]")),
        ("d/map.yaml", config_map("d", "{a: b}")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let repo = deploy(&world, "deps", &files, "a, b, c, d")?;
    // What takes the other one as it is does not wait.
    world.has(One, ("deps", "d"), "a", "b").await?;
    world.told("gitrepo deps", "WaitingForDependency", &["deps-a"]).await?;
    world.told("gitrepo deps", "WaitingForDependency", &["deps-b"]).await?;
    world
        .stays("the others wait", Duration::from_secs(2), |world| {
            for name in ["b", "c"] {
                if world.config_map(One, "deps", name)?.is_some() {
                    return Err(format!("{name} is there"));
                }
            }
            Ok(())
        })
        .await?;
    let commit = repo.commit(&[("a/db.yaml", &workload(0))])?;
    world.has(One, ("deps", "c"), "a", "b").await?;
    world.ready("deps", &commit).await?;
    let born = |name: &str| -> Result<String, String> {
        let version = world.config_map(One, "deps", name)?.unwrap_or_default()["metadata"]["creationTimestamp"].clone();
        Ok(version.as_str().unwrap_or_default().to_owned())
    };
    ensure!(born("b")? <= born("c")?, "c came before b");
    world.ok("delete gitrepo deps")?;
    world.has_not(One, ("deps", "c")).await
}

pub(crate) async fn a_difference_that_is_accepted_is_no_drift(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let fleet = "defaultNamespace: accepted
correctDrift: {enabled: true}
diff:
  comparePatches:
  - {apiVersion: v1, kind: ConfigMap, name: map, jsonPointers: [/data/colour]}
";
    let map = config_map("map", "{colour: blue, size: big}");
    let repo = deploy(&world, "accepted", &[("x/fleet.yaml", fleet), ("x/map.yaml", &map)], "x")?;
    world.ok("wait gitrepo accepted --for condition=Ready --timeout 60s")?;
    world.kubectl(One, r#"-n accepted patch configmap map -p {"data":{"colour":"red"}}"#, "")?;
    world
        .stays("it is no drift", Duration::from_secs(3), |world| {
            let told = world.explanations("gitrepo accepted")?;
            let map = world.config_map(One, "accepted", "map")?.unwrap_or_default();
            let is_left = map["data"]["colour"] == "red" && told.is_empty();
            if is_left { Ok(()) } else { Err(format!("{map} {told:#?}")) }
        })
        .await?;
    // The one beside it is put right.
    world.kubectl(One, r#"-n accepted patch configmap map -p {"data":{"size":"small"}}"#, "")?;
    world.has(One, ("accepted", "map"), "size", "big").await?;
    world.kubectl(One, r#"-n accepted patch configmap map -p {"data":{"colour":"green"}}"#, "")?;
    // Taken back, it is drift like any other.
    repo.commit(&[("x/fleet.yaml", "defaultNamespace: accepted\ncorrectDrift: {enabled: true}\n")])?;
    world.has(One, ("accepted", "map"), "colour", "blue").await?;
    world.ok("delete gitrepo accepted")?;
    world.has_not(One, ("accepted", "map")).await
}

fn definition(kind: &str) -> String {
    let (plural, singular) = (format!("{}s", kind.to_lowercase()), kind.to_lowercase());
    format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.fields.example.com}}
spec:
  group: fields.example.com
  names: {{kind: {kind}, plural: {plural}, singular: {singular}, listKind: {kind}List}}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {{status: {{}}}}
    schema:
      openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}
"
    )
}

fn path_of_definition(plural: &str) -> String {
    format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.fields.example.com")
}

pub(crate) async fn a_definition_goes_only_where_that_is_asked_for(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let files = [
        ("stays/fleet.yaml", "defaultNamespace: defs\n".to_owned()),
        ("stays/def.yaml", definition("Anchor")),
        ("goes/fleet.yaml", "defaultNamespace: defs\ndeleteCRDResources: true\n".to_owned()),
        ("goes/def.yaml", definition("Buoy")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let _repo = deploy(&world, "defs", &files, "stays, goes")?;
    let (anchor, buoy) = (path_of_definition("anchors"), path_of_definition("buoys"));
    is(&world, &anchor, "/spec/names/kind", &"Anchor".into()).await?;
    is(&world, &buoy, "/spec/names/kind", &"Buoy".into()).await?;
    world.ok("wait gitrepo defs --for condition=Ready --timeout 60s")?;
    world.ok("label cluster one defs-")?;
    world.told("cluster one", "held", &["CustomResourceDefinition", "buoys.fields.example.com"]).await?;
    world.ok("approve cluster one --yes")?;
    world.goes(One, &buoy).await?;
    ensure!(world.object(One, &anchor)?.is_some(), "the one that nobody asked for went, too");
    world.ok("delete gitrepo defs")?;
    Ok(())
}

pub(crate) async fn a_condition_that_is_ignored_holds_nothing_up(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let buoy = "apiVersion: fields.example.com/v1\nkind: Light\nmetadata: {name: red}\n";
    let fleet = "defaultNamespace: lights\n";
    let repo = deploy(
        &world,
        "lights",
        &[("x/fleet.yaml", fleet), ("x/def.yaml", &definition("Light")), ("x/light.yaml", buoy)],
        "x",
    )?;
    let path = "/apis/fields.example.com/v1/namespaces/lights/lights/red";
    is(&world, path, "/metadata/name", &"red".into()).await?;
    let patch = r#"-n lights patch lights.fields.example.com red --subresource=status --type=merge -p {"status":{"conditions":[{"type":"Ready","status":"False","reason":"Dark"}]}}"#;
    world.kubectl(One, patch, "")?;
    world.told("gitrepo lights", "NotReady", &["red"]).await?;
    let commit =
        repo.commit(&[("x/fleet.yaml", &format!("{fleet}ignore: {{conditions: [{{type: Ready, reason: Dark}}]}}\n"))])?;
    world.ready("lights", &commit).await?;
    world.ok("delete gitrepo lights")?;
    world.goes(One, path).await
}
