//! What goes wrong stays small, is said with its place, and loses nothing.

use crate::driver::{self, One, Two, config_map, ensure, gitrepo};
use crate::repo::Repo;
use skiff_controlplane::Binaries;
use skiff_controlplane::harness::Outcome;
use std::time::Duration;

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.e2e.example.com}
spec:
  group: e2e.example.com
  names: {kind: Boat, plural: boats, singular: boat, listKind: BoatList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {oars: {type: integer}}}}
";
const BOAT: &str = "apiVersion: e2e.example.com/v1\nkind: Boat\nmetadata: {name: skiff}\nspec: {oars: 2}\n";

pub(crate) async fn a_definition_and_its_object_in_one_bundle_converge(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    // The object's file comes first.
    let repo = Repo::with(&[
        ("x/fleet.yaml", "defaultNamespace: crd\n"),
        ("x/a-boat.yaml", BOAT),
        ("x/b-definition.yaml", DEFINITION),
    ])?;
    world.ok("label cluster one crd=on")?;
    world.apply(&gitrepo("crd", &repo.url(), "paths: [x]"))?;
    let boat = "/apis/e2e.example.com/v1/namespaces/crd/boats/skiff";
    world
        .until("the boat is there", |world| {
            let boat = world.object(One, boat)?.ok_or("no boat")?;
            if boat["spec"]["oars"] == 2 { Ok(()) } else { Err(boat.to_string()) }
        })
        .await?;
    world.ok("wait gitrepo crd --for condition=Ready --timeout 60s")?;
    // Drift of a custom resource is seen, too: its watch is filtered like any other.
    world.kubectl(One, "-n crd delete boats.e2e.example.com skiff", "")?;
    world.told("gitrepo crd", "ObjectMissing", &["skiff"]).await?;
    withdrawn(&world, "crd")
}

pub(crate) async fn a_field_that_cannot_be_changed_is_named(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let deployment = |app: &str| {
        format!(
            "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 0
  selector: {{matchLabels: {{app: {app}}}}}
  template:
    metadata: {{labels: {{app: {app}}}}}
    spec: {{containers: [{{name: web, image: registry.example/web}}]}}
"
        )
    };
    let fixed = |value: &str| format!("{}immutable: true\n", config_map("fixed", &format!("{{a: {value}}}")));
    let repo = Repo::with(&[
        ("x/fleet.yaml", "defaultNamespace: immutable\n"),
        ("x/web.yaml", &deployment("web")),
        ("x/fixed.yaml", &fixed("one")),
        ("x/other.yaml", &config_map("other", "{v: one}")),
    ])?;
    world.ok("label cluster one immutable=on")?;
    world.apply(&gitrepo("immutable", &repo.url(), "paths: [x]"))?;
    world.ok("wait gitrepo immutable --for condition=Ready --timeout 60s")?;
    repo.commit(&[
        ("x/web.yaml", &deployment("other")),
        ("x/fixed.yaml", &fixed("two")),
        ("x/other.yaml", &config_map("other", "{v: two}")),
    ])?;
    world.sync("immutable")?;
    world.has(One, ("immutable", "other"), "v", "two").await?;
    let subject = "gitrepo immutable";
    world.told(subject, "ImmutableField", &["spec.selector", "x/web.yaml", "web"]).await?;
    world.told(subject, "ImmutableField", &["data", "x/fixed.yaml", "fixed"]).await?;
    // The way out that is named: the object is deleted by hand, and made again.
    world.kubectl(One, "-n immutable delete configmap fixed", "")?;
    world.has(One, ("immutable", "fixed"), "a", "two").await?;
    withdrawn(&world, "immutable")
}

pub(crate) async fn a_finalizer_that_hangs_is_named_and_holds_up_nothing_else(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "finalizer";
    let repo = Repo::with(&[
        ("x/fleet.yaml", "defaultNamespace: finalizer\n"),
        ("x/stuck.yaml", &config_map("stuck", "{a: b}")),
        ("x/going.yaml", &config_map("going", "{a: b}")),
        ("x/other.yaml", &config_map("other", "{v: one}")),
    ])?;
    world.ok("label cluster one finalizer=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [x]"))?;
    world.ok("wait gitrepo finalizer --for condition=Ready --timeout 60s")?;
    let patch = |list: &str| format!(r#"-n finalizer patch configmap stuck -p {{"metadata":{{"finalizers":{list}}}}}"#);
    world.kubectl(One, &patch(r#"["e2e.example.com/never"]"#), "")?;
    repo.remove("x/stuck.yaml")?;
    repo.remove("x/going.yaml")?;
    repo.commit(&[("x/other.yaml", &config_map("other", "{v: two}"))])?;
    world.sync(ns)?;
    world.has_not(One, (ns, "going")).await?;
    world.has(One, (ns, "other"), "v", "two").await?;
    world.told("gitrepo finalizer", "WaitingForFinalizer", &["e2e.example.com/never", "stuck"]).await?;
    repo.commit(&[("x/other.yaml", &config_map("other", "{v: three}"))])?;
    world.sync(ns)?;
    world.has(One, (ns, "other"), "v", "three").await?;
    world.kubectl(One, &patch("null"), "")?;
    world.has_not(One, (ns, "stuck")).await?;
    world.ok("wait gitrepo finalizer --for condition=Ready --timeout 60s")?;
    withdrawn(&world, ns)
}

pub(crate) async fn a_bad_object_is_reported_with_its_file_and_the_others_are_applied(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "bad-object";
    // The second document begins in line 6 and is refused by the API server, which alone knows its rules.
    let more = format!("{}---\n{}", config_map("good", "{v: one}"), config_map("Bad_Name", "{v: one}"));
    let repo = Repo::with(&[
        ("web/fleet.yaml", "defaultNamespace: bad-object\n"),
        ("web/more.yaml", &more),
        ("web/other.yaml", &config_map("other", "{v: one}")),
    ])?;
    world.ok("label cluster one bad-object=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [web]"))?;
    world.has(One, (ns, "good"), "v", "one").await?;
    world.has(One, (ns, "other"), "v", "one").await?;
    world.told("gitrepo bad-object", "ObjectRefused", &["web/more.yaml:6", "Bad_Name"]).await?;
    let deployment = world.get("deployment", "bad-object-web.one")?;
    ensure!(deployment["status"]["display"]["state"] == "ErrApplied", "{}", deployment["status"]);

    let commit = repo.commit(&[("web/more.yaml", &more.replace("Bad_Name", "better-name"))])?;
    world.sync(ns)?;
    world.has(One, (ns, "better-name"), "v", "one").await?;
    world.ready(ns, &commit).await?;
    withdrawn(&world, ns)
}

pub(crate) async fn of_two_bundles_that_claim_one_object_the_second_is_refused(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "claimed";
    let fleet = "defaultNamespace: claimed\n";
    let repo = Repo::with(&[("first/fleet.yaml", fleet), ("first/a.yaml", &config_map("shared", "{v: first}"))])?;
    world.ok("label cluster one claimed=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [first, second]"))?;
    world.has(One, (ns, "shared"), "v", "first").await?;
    let own = [config_map("shared", "{v: second}"), config_map("own", "{v: second}")].join("---\n");
    repo.commit(&[("second/fleet.yaml", fleet), ("second/a.yaml", &own)])?;
    world.sync(ns)?;
    world.has(One, (ns, "own"), "v", "second").await?;
    let words = ["claimed-first", "second/a.yaml", "shared"];
    world.told("gitrepo claimed", "ClaimedByOtherBundle", &words).await?;
    world
        .stays("the first keeps it", Duration::from_secs(1), |world| {
            let object = world.config_map(One, ns, "shared")?.ok_or("it is gone")?;
            if object["data"]["v"] == "first" { Ok(()) } else { Err(object.to_string()) }
        })
        .await?;
    // When the first lets go, the second has it, and the object is the same.
    let uid = world.uid(One, ns, "shared")?;
    let commit = repo.commit(&[("first/a.yaml", &config_map("instead", "{v: first}"))])?;
    world.sync(ns)?;
    world.has(One, (ns, "shared"), "v", "second").await?;
    ensure!(world.uid(One, ns, "shared")? == uid, "it was made anew");
    world.ready(ns, &commit).await?;
    withdrawn(&world, ns)
}

pub(crate) async fn what_is_wrong_in_a_repository_is_said_with_its_place_and_loses_nothing(
    binaries: Binaries,
) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "wrong";
    let subject = "gitrepo wrong";
    let fleet = "defaultNamespace: wrong\n";
    let good = config_map("kept", "{v: one}");
    let repo = Repo::with(&[
        ("a/fleet.yaml", fleet),
        ("a/kept.yaml", &good),
        ("b/fleet.yaml", fleet),
        ("b/other.yaml", &config_map("other", "{v: one}")),
    ])?;
    world.ok("label cluster two wrong=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [a, b]"))?;
    world.has(Two, (ns, "kept"), "v", "one").await?;
    world.has(Two, (ns, "other"), "v", "one").await?;
    let uid = world.uid(Two, ns, "kept")?;
    let mark = world.mark(Two)?;

    // Broken YAML: the place is named, the bundle keeps its last good state, the other one goes on.
    let other = config_map("other", "{v: two}");
    repo.commit(&[
        ("a/kept.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept\ndata: {v: x}\n"),
        ("b/other.yaml", &other),
    ])?;
    world.sync(ns)?;
    world.told(subject, "RenderFailed", &["a/kept.yaml:4:"]).await?;
    world.has(Two, (ns, "other"), "v", "two").await?;
    // fleet.yaml with a wrong type.
    repo.commit(&[("a/kept.yaml", &good), ("a/fleet.yaml", "defaultNamespace: [wrong]\n")])?;
    world.sync(ns)?;
    world.told(subject, "InvalidFleetYaml", &["a/fleet.yaml:1:"]).await?;
    // Two bundles of one name.
    repo.commit(&[
        ("a/fleet.yaml", "defaultNamespace: wrong\nname: twin\n"),
        ("b/fleet.yaml", "defaultNamespace: wrong\nname: twin\n"),
    ])?;
    world.sync(ns)?;
    world.told(subject, "DuplicateBundleName", &["twin"]).await?;
    repo.commit(&[("a/fleet.yaml", fleet), ("b/fleet.yaml", fleet)])?;
    world.sync(ns)?;
    world.ok("wait gitrepo wrong --for condition=Ready --timeout 60s")?;
    // The branch is not there.
    world.apply(&gitrepo(ns, &repo.url(), "paths: [a, b]").replace("branch: main", "branch: mian"))?;
    world.told(subject, "ReferenceNotFound", &["mian"]).await?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [a, b]"))?;
    world.ok("wait gitrepo wrong --for condition=Ready --timeout 60s")?;
    // The repository is emptied.
    repo.remove("a")?;
    repo.remove("b")?;
    repo.commit(&[("README.md", "Nothing is left.\n")])?;
    world.sync(ns)?;
    world.told(subject, "NoBundleFound", &["a"]).await?;
    // The repository vanishes.
    std::fs::rename(repo.path(), repo.path().with_extension("away"))?;
    drop(world.skiff("sync gitrepo wrong")?);
    world.told(subject, "RepositoryNotFound", &["repo"]).await?;
    std::fs::rename(repo.path().with_extension("away"), repo.path())?;

    world
        .stays("everything is kept", Duration::from_secs(2), |world| {
            let is = (world.uid(Two, ns, "kept")?, world.uid(Two, ns, "other").map(drop));
            if is == (uid.clone(), Ok(())) { Ok(()) } else { Err(format!("{is:?}")) }
        })
        .await?;
    let deleted = world.deleted(Two, ns, mark)?;
    ensure!(deleted.is_empty(), "deleted: {deleted:?}");
    // To withdraw is to say so.
    world.ok("delete gitrepo wrong")?;
    world.has_not(Two, (ns, "kept")).await
}

const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: {name: forge, namespace: fleet-default}
type: kubernetes.io/basic-auth
stringData: {username: reader, password: canary-4711}
";

pub(crate) async fn secrets_never_come_back(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    std::fs::write(world.path("secret.yaml"), SECRET)?;
    let mut told = world.ok(&format!("apply -f {}", world.path("secret.yaml").display()))?;
    for line in ["get secret forge -o yaml", "get secret forge -o json", "get secrets -o wide"] {
        let ran = world.skiff(line)?;
        told = told + &ran.stdout + &ran.stderr;
    }
    // One of a bundle, which the API server refuses: its error quotes values.
    let bundled = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nimmutable: true\nstringData: {k: canary-4712}\n";
    let repo = Repo::with(&[("x/fleet.yaml", "defaultNamespace: secrets\n"), ("x/s.yaml", bundled)])?;
    world.ok("label cluster one secrets=on")?;
    world.apply(&gitrepo("secrets", &repo.url(), "paths: [x]"))?;
    world.ok("wait gitrepo secrets --for condition=Ready --timeout 60s")?;
    repo.commit(&[("x/s.yaml", &bundled.replace("4712", "4713"))])?;
    world.sync("secrets")?;
    world.told("gitrepo secrets", "ImmutableField", &["x/s.yaml"]).await?;
    for line in [
        "explain gitrepo secrets",
        "explain cluster one -o json",
        "get deployments -o yaml",
        "get bundles -o yaml",
        "get gitrepos -o yaml",
    ] {
        told += &world.ok(line)?;
    }
    for name in ["hub.log", "agent-one.log"] {
        told += &std::fs::read_to_string(world.path(name))?;
    }
    // As they are, and as the API server's base64 has them.
    for canary in ["canary-471", "Y2FuYXJ5LTQ3"] {
        let place = told.find(canary).map(|at| told[at.saturating_sub(300)..at].to_owned());
        ensure!(place.is_none(), "a secret is told:\n{}", place.unwrap_or_default());
    }
    let on_disk = [world.path("hub"), world.path("agent-one.state")];
    for directory in on_disk {
        let found = grep(&directory, b"canary-471")?;
        ensure!(found.is_empty(), "a secret lies open in {found:?}");
    }
    withdrawn(&world, "secrets")
}

/// The end of a scenario: what it made goes, so that nothing of it is at work while another one counts.
fn withdrawn(world: &driver::World, gitrepo: &str) -> Outcome {
    world.ok(&format!("delete gitrepo {gitrepo}"))?;
    Ok(())
}

fn grep(directory: &std::path::Path, needle: &[u8]) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(grep(&path, needle)?);
        } else if std::fs::read(&path).unwrap_or_default().windows(needle.len()).any(|window| window == needle) {
            found.push(path);
        }
    }
    Ok(found)
}
