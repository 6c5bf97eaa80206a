//! Bad days of real clusters: the API server goes away in a rollout, refuses, is put back; a namespace that does not end; an
//! admission webhook that is down. Deletions that nobody asked for: none, by UID.

use crate::driver::{self, Cluster, Failure, One, Two, World, config_map, ensure, gitrepo};
use crate::repo::Repo;
use skiff_controlplane::harness::Outcome;
use skiff_controlplane::{AuditMark, Binaries};
use std::collections::BTreeMap;
use std::time::Duration;

/// Name to UID of the ConfigMaps of a namespace.
type Uids = BTreeMap<String, String>;

fn uids(world: &World, cluster: Cluster, namespace: &str) -> Result<Uids, String> {
    let list = world.object(cluster, &format!("/api/v1/namespaces/{namespace}/configmaps"))?.ok_or("no namespace")?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let part = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let all = items.iter().map(|item| (part(&item["metadata"]["name"]), part(&item["metadata"]["uid"])));
    Ok(all.filter(|(name, _)| name != "kube-root-ca.crt").collect())
}

/// What was there is there, and is the same one; the agent has asked for no deletion but of `gone`.
fn nothing_is_lost(
    world: &World,
    (cluster, namespace): (Cluster, &str),
    before: &Uids,
    gone: &[&str],
    since: AuditMark,
) -> Result<(), Failure> {
    let now = uids(world, cluster, namespace)?;
    for (name, uid) in before.iter().filter(|(name, _)| !gone.contains(&name.as_str())) {
        ensure!(now.get(name) == Some(uid), "configmap {namespace}/{name} is another one, or gone: {now:?}");
    }
    let deleted = world.deleted(cluster, namespace, since)?;
    let asked = |deletion: &String| gone.iter().any(|name| *deletion == format!("configmaps {name}"));
    ensure!(deleted.iter().all(asked), "nobody asked for: {deleted:?}");
    Ok(())
}

fn maps(names: &[&str], value: &str) -> String {
    names.iter().map(|name| config_map(name, &format!("{{v: {value}}}")) + "---\n").collect()
}

pub(crate) async fn an_api_server_that_restarts_in_a_rollout_and_refuses_at_first_loses_nothing(
    binaries: Binaries,
) -> Outcome {
    let mut world = driver::world(&binaries).await?;
    let ns = "restarts";
    let names: Vec<String> = (0..60).map(|n| format!("m{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let all = |value: &str| maps(&names, value);
    let repo = Repo::with(&[("x/fleet.yaml", "defaultNamespace: restarts\n"), ("x/all.yaml", &all("one"))])?;
    world.ok("label cluster one restarts=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [x]"))?;
    world.ok("wait gitrepo restarts --for condition=Ready --timeout 60s")?;
    let (before, mark) = (uids(&world, One, ns)?, world.mark(One)?);
    ensure!(before.len() == 60, "{before:?}");

    repo.commit(&[("x/all.yaml", &all("two"))])?;
    world.sync(ns)?;
    let begun = |world: &World| {
        let changed =
            |name: &&&str| world.config_map(One, ns, name).ok().flatten().is_some_and(|o| o["data"]["v"] == "two");
        if names.iter().filter(changed).count() > 0 { Ok(()) } else { Err("nothing has changed yet".to_owned()) }
    };
    world.until("the rollout has begun", begun).await?;
    world.plane_mut(One).restart_apiserver().await?;
    // An API server that has not read its rules yet refuses everybody; this one goes on with it for a while.
    world.kubectl(One, "delete clusterrolebinding skiff-agent", "")?;
    let refused = world.mark(One)?;
    world
        .until("the agent is refused", |world| {
            let events = world.asked(One, refused).map_err(|error| error.to_string())?;
            if events.iter().any(|event| event.code == 403) {
                Ok(())
            } else {
                Err(format!("{} requests", events.len()))
            }
        })
        .await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.let_agents_in(One)?;
    let last = repo.commit(&[("x/all.yaml", &all("three"))])?;
    world.sync(ns)?;
    world.ready(ns, &last).await?;
    world.has(One, (ns, "m59"), "v", "three").await?;
    nothing_is_lost(&world, (One, ns), &before, &[], mark)
}

pub(crate) async fn a_namespace_that_hangs_in_terminating_is_named_and_filled_again(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "hangs";
    let fleet = |ns: &str| format!("defaultNamespace: {ns}\ncorrectDrift: {{enabled: true}}\n");
    let repo = Repo::with(&[
        ("x/fleet.yaml", &fleet(ns)),
        ("x/a.yaml", &maps(&["a", "b"], "one")),
        ("other/fleet.yaml", &fleet("hangs-not")),
        ("other/a.yaml", &maps(&["c"], "one")),
    ])?;
    world.ok("label cluster one hangs=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [x, other]"))?;
    world.ok("wait gitrepo hangs --for condition=Ready --timeout 60s")?;
    let (beside, mark) = (uids(&world, One, "hangs-not")?, world.mark(One)?);

    let blocker = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: blocker, namespace: hangs, finalizers: [example.com/never]}\n";
    world.kubectl(One, "apply -f -", blocker)?;
    world.kubectl(One, "delete namespace hangs --wait=false", "")?;
    world
        .until("only what has a finalizer is left", |world| {
            let left = uids(world, One, ns)?;
            if left.len() == 1 { Ok(()) } else { Err(format!("{left:?}")) }
        })
        .await?;
    world.told("gitrepo hangs", "NamespaceTerminating", &["hangs"]).await?;
    // Nothing else waits for it.
    repo.commit(&[("other/a.yaml", &maps(&["c"], "two"))])?;
    world.sync(ns)?;
    world.has(One, ("hangs-not", "c"), "v", "two").await?;
    nothing_is_lost(&world, (One, "hangs-not"), &beside, &[], mark)?;

    world.kubectl(One, r#"-n hangs patch configmap blocker --type=merge -p {"metadata":{"finalizers":null}}"#, "")?;
    world.has(One, (ns, "a"), "v", "one").await?;
    world.has(One, (ns, "b"), "v", "one").await?;
    let deleted = world.deleted(One, ns, mark)?;
    ensure!(deleted.is_empty(), "the agent deleted {deleted:?}");
    world.ok("wait gitrepo hangs --for condition=Ready --timeout 60s")?;
    Ok(())
}

pub(crate) async fn an_admission_webhook_that_is_down_holds_up_its_objects_and_nothing_is_forgotten(
    binaries: Binaries,
) -> Outcome {
    let world = driver::world(&binaries).await?;
    let ns = "webhook";
    let repo = Repo::with(&[
        ("x/fleet.yaml", "defaultNamespace: webhook\n"),
        ("x/all.yaml", &maps(&["a", "b", "c"], "one")),
        ("other/fleet.yaml", "defaultNamespace: webhook-not\n"),
        ("other/all.yaml", &maps(&["d"], "one")),
    ])?;
    world.ok("label cluster two webhook=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [x, other]"))?;
    world.ok("wait gitrepo webhook --for condition=Ready --timeout 60s")?;
    let (before, mark) = (uids(&world, Two, ns)?, world.mark(Two)?);

    // Nobody listens at the address of the webhook.
    let hook = r#"apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: down}
webhooks:
- name: down.e2e.example.com
  clientConfig: {url: "https://127.0.0.1:9/"}
  rules: [{apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: ["*"]}]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: webhook}}
  failurePolicy: Fail
  sideEffects: None
  timeoutSeconds: 1
  admissionReviewVersions: [v1]
"#;
    world.kubectl(Two, "apply -f -", hook)?;
    let refused = |world: &World| match world.kubectl(Two, "-n webhook annotate configmap a x=y --overwrite", "") {
        Ok(_) => Err("it is not asked yet".to_owned()),
        Err(_) => Ok(()),
    };
    world.until("the webhook is asked", refused).await?;
    // A change, an addition, a removal; and another bundle.
    let last =
        repo.commit(&[("x/all.yaml", &maps(&["a", "c", "e"], "two")), ("other/all.yaml", &maps(&["d"], "two"))])?;
    world.sync(ns)?;
    world.has(Two, ("webhook-not", "d"), "v", "two").await?;
    world.told("gitrepo webhook", "WebhookUnreachable", &["down.e2e.example.com", "not to blame"]).await?;
    ensure!(uids(&world, Two, ns)? == before, "{:?} in place of {before:?}", uids(&world, Two, ns)?);

    world.kubectl(Two, "delete validatingwebhookconfiguration down", "")?;
    world.has(Two, (ns, "a"), "v", "two").await?;
    world.has(Two, (ns, "e"), "v", "two").await?;
    world.has_not(Two, (ns, "b")).await?;
    world.ready(ns, &last).await?;
    nothing_is_lost(&world, (Two, ns), &before, &["b"], mark)
}

pub(crate) async fn an_edge_cluster_whose_etcd_is_put_back_gets_again_what_it_should_have(
    binaries: Binaries,
) -> Outcome {
    let mut world = driver::world(&binaries).await?;
    let ns = "put-back";
    let repo = Repo::with(&[
        ("x/fleet.yaml", "defaultNamespace: put-back\ncorrectDrift: {enabled: true}\n"),
        ("x/all.yaml", &maps(&["a", "b", "c"], "one")),
    ])?;
    world.ok("label cluster two put-back=on")?;
    world.apply(&gitrepo(ns, &repo.url(), "paths: [x]"))?;
    world.ok("wait gitrepo put-back --for condition=Ready --timeout 60s")?;
    world.plane_mut(Two).save_etcd().await?;
    let before = uids(&world, Two, ns)?;
    let newer = repo.commit(&[("x/all.yaml", &maps(&["a", "b", "d"], "two"))])?;
    world.sync(ns)?;
    world.has_not(Two, (ns, "c")).await?;
    world.ready(ns, &newer).await?;

    // The agent runs all the time; its own state in the cluster goes back with everything else. An agent whose ledger is
    // not the one that it wrote ends; a Deployment starts it again, as is done here.
    let mark = world.mark(Two)?;
    world.plane_mut(Two).restore_etcd().await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.kill_agent(Two);
    world.start_agent(Two)?;
    world.has(Two, (ns, "a"), "v", "two").await?;
    world.has(Two, (ns, "d"), "v", "two").await?;
    let last = repo.commit(&[("x/all.yaml", &maps(&["a", "b", "d"], "three"))])?;
    world.sync(ns)?;
    world.has(Two, (ns, "b"), "v", "three").await?;
    world.ready(ns, &last).await?;
    // `c` came back with the snapshot; it was removed by a commit, so that its deletion is asked for.
    nothing_is_lost(&world, (Two, ns), &before, &["c"], mark)
}
