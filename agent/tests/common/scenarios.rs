//! What has to hold against any API server.

use super::hub::{Bundle, reference};
use super::{World, Writes};
use fleet_api::Reason;
use serde_json::{Value, json};
use std::time::Duration;

pub fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

fn web(replicas: Option<u32>, image: &str) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": image, "ports": [{"containerPort": 80}]}]},
            },
        },
    });
    if let Some(replicas) = replicas {
        object["spec"]["replicas"] = json!(replicas);
    }
    object
}

const MAP: &str = "/api/v1/namespaces/shop/configmaps/settings";
const WEB: &str = "/apis/apps/v1/namespaces/shop/deployments/web";

pub async fn a_bundle_is_installed_changed_and_a_restart_writes_nothing(client: kube::Client, writes: Writes) {
    let mut world = World::start(client, writes);
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "hunter2"}});
    let objects = [config_map("settings", json!({"a": "1"})), web(Some(1), "nginx:1"), secret];
    world.hub.deploy(&[Bundle::new("shop", &objects).correcting()], &[]);
    world.until_applied("shop").await;
    let map = world.get(MAP).await;
    assert_eq!(map["metadata"]["annotations"]["skiff.dev/deployment"], "fleet-default/shop");
    assert_eq!(map["data"]["a"], "1");
    let stored = world.get("/api/v1/namespaces/shop/secrets/s").await;
    assert_eq!(stored["data"]["a"], "aHVudGVyMg==");
    assert_eq!(world.hub.report().deployments[&reference("shop")].objects, 3);

    let changed = [config_map("settings", json!({"b": "2"})), objects[1].clone(), objects[2].clone()];
    let before = world.hub.blob_bytes();
    world.hub.deploy(&[Bundle::new("shop", &changed).correcting()], &[]);
    world.until_applied("shop").await;
    assert_eq!(world.get(MAP).await["data"], json!({"b": "2"}), "what is no longer set is gone");
    assert!(world.hub.blob_bytes() - before < 1_500, "{}", world.hub.blob_bytes() - before);

    // The journal may still be on its way.
    let written = std::sync::Mutex::new(Vec::new());
    world
        .until("the ledger is written after the apply", || async {
            let mut written = written.lock().unwrap();
            written.extend((world.writes)());
            let last = |name: &str| written.iter().rposition(|write: &String| write.ends_with(name));
            last("/skiff-agent-ledger") > last("shop/settings")
        })
        .await;
    world.kill_agent().await;
    world.start_agent();
    let syncs = world.hub.syncs();
    world.until("the agent is back", || async { world.hub.syncs() >= syncs + 2 }).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let others: Vec<String> = (world.writes)().into_iter().filter(|write| !write.contains("leases")).collect();
    assert_eq!(others, [] as [&str; 0], "a restart with nothing to do writes nothing but the lease");
    assert!(world.hub.is_current("shop", |said| said.applied && said.unmodified));
}

pub async fn drift_is_repaired_row_by_row(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    let objects = [config_map("settings", json!({"a": "1"})), web(Some(1), "nginx:1")];
    world.hub.deploy(&[Bundle::new("shop", &objects).correcting()], &[]);
    world.until_applied("shop").await;

    world.kubectl("PATCH", MAP, json!({"data": {"a": "2"}})).await;
    world.until("a changed field is put right", || async { world.get(MAP).await["data"]["a"] == "1" }).await;
    world.until("it is told", || async { world.hub.reasons("shop").contains(&Reason::DriftCorrected) }).await;

    world.kubectl("PATCH", MAP, json!({"data": {"extra": "x"}})).await;
    world.until("an added key is removed", || async { world.get(MAP).await["data"] == json!({"a": "1"}) }).await;

    world.kubectl("PATCH", MAP, json!({"data": {"a": null}})).await;
    world.until("a removed field is put back", || async { world.get(MAP).await["data"]["a"] == "1" }).await;

    world.kubectl("PATCH", MAP, json!({"metadata": {"labels": {"skiff.dev/owner": null}}})).await;
    world
        .until("a lost label is put back", || async {
            world.get(MAP).await["metadata"]["labels"]["skiff.dev/owner"].is_string()
        })
        .await;

    let uid = world.get(MAP).await["metadata"]["uid"].clone();
    world.kubectl("DELETE", MAP, Value::Null).await;
    world
        .until("a deleted object is made again", || async {
            world.find(MAP).await.is_some_and(|map| map["metadata"]["uid"] != uid)
        })
        .await;

    world.kubectl("PATCH", &format!("{WEB}/scale"), json!({"spec": {"replicas": 5}})).await;
    world.until("kubectl scale is put right", || async { world.get(WEB).await["spec"]["replicas"] == 1 }).await;
    world.until("all is well", || async { world.hub.is_current("shop", |said| said.applied && said.unmodified) }).await;
}

pub async fn drift_is_only_told_without_correct_drift(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    world.hub.deploy(&[Bundle::new("shop", &[config_map("settings", json!({"a": "1"}))])], &[]);
    world.until_applied("shop").await;
    world.kubectl("PATCH", MAP, json!({"data": {"a": "2", "extra": "x"}})).await;
    world.until("it is told", || async { world.hub.is_current("shop", |said| !said.unmodified) }).await;
    let report = world.hub.report();
    let modified = &report.deployments[&reference("shop")].modified[0];
    assert_eq!(modified.fields, [".data.a", ".data.extra"]);
    assert_eq!(modified.managers, ["kubectl-edit"]);
    assert_eq!(world.get(MAP).await["data"]["a"], "2", "it is left");

    world.kubectl("DELETE", MAP, Value::Null).await;
    world
        .until("it is told as missing", || async {
            world.hub.is_current("shop", |said| said.modified.iter().any(|object| object.missing))
        })
        .await;
    world.hub.deploy(&[Bundle::new("shop", &[config_map("settings", json!({"a": "3"}))])], &[]);
    world.until_exists(MAP, true).await;
}

pub async fn replicas_are_left_to_an_autoscaler(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    world.hub.deploy(&[Bundle::new("shop", &[web(Some(1), "nginx:1")]).correcting()], &[]);
    world.until_applied("shop").await;
    let request = http::Request::patch(format!("{WEB}/scale?fieldManager=horizontal-pod-autoscaler"))
        .header("content-type", "application/merge-patch+json")
        .body(serde_json::to_vec(&json!({"spec": {"replicas": 4}})).unwrap())
        .unwrap();
    world.client.request::<Value>(request).await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(world.get(WEB).await["spec"]["replicas"], 4);
    world.hub.deploy(&[Bundle::new("shop", &[web(Some(1), "nginx:2")]).correcting()], &[]);
    world.until_applied("shop").await;
    let now = world.get(WEB).await;
    assert_eq!(now["spec"]["replicas"], 4);
    assert_eq!(now["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2");
    assert!(world.hub.reasons("shop").contains(&Reason::LeftToController));
}

pub async fn a_foreign_object_is_left_alone_unless_ownership_is_taken(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    world
        .kubectl(
            "POST",
            "/api/v1/namespaces",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
        )
        .await;
    let mut theirs = config_map("settings", json!({"a": "theirs"}));
    theirs["metadata"]["namespace"] = json!("shop");
    world.kubectl("POST", "/api/v1/namespaces/shop/configmaps", theirs).await;
    let objects = [config_map("settings", json!({"a": "1"})), config_map("other", json!({}))];
    let mut bundle = Bundle::new("shop", &objects);
    world.hub.deploy(&[bundle.clone()], &[]);
    world.until("it is refused", || async { world.hub.reasons("shop").contains(&Reason::OwnedByOther) }).await;
    world.until_exists("/api/v1/namespaces/shop/configmaps/other", true).await;
    assert_eq!(world.get(MAP).await["data"]["a"], "theirs");
    bundle.options.take_ownership = true;
    world.hub.deploy(&[bundle], &[]);
    world.until_applied("shop").await;
    assert_eq!(world.get(MAP).await["data"]["a"], "1");
}

pub async fn a_renamed_bundle_is_handed_over_with_its_uids(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    let objects: Vec<Value> = (0..15).map(|i| config_map(&format!("m{i}"), json!({"i": i.to_string()}))).collect();
    world.hub.deploy(&[Bundle::new("old", &objects)], &[]);
    world.until_applied("old").await;
    let path = |i: usize| format!("/api/v1/namespaces/shop/configmaps/m{i}");
    let mut uids = Vec::new();
    for i in 0..15 {
        uids.push(world.get(&path(i)).await["metadata"]["uid"].clone());
    }
    world.hub.deploy(&[Bundle::new("new", &objects)], &["old"]);
    world.until_applied("new").await;
    world
        .until("the old one is gone", || async { !world.hub.report().deployments.contains_key(&reference("old")) })
        .await;
    for (i, uid) in uids.iter().enumerate() {
        let map = world.get(&path(i)).await;
        assert_eq!(map["metadata"]["uid"], *uid);
        assert_eq!(map["metadata"]["annotations"]["skiff.dev/deployment"], "fleet-default/new");
    }
    assert!(!(world.writes)().iter().any(|write| write.starts_with("delete")));
}

pub async fn a_removed_bundle_is_deleted_and_a_claim_is_held(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let objects = [config_map("settings", json!({"a": "1"})), claim];
    world.hub.deploy(&[Bundle::new("shop", &objects)], &[]);
    world.until_applied("shop").await;
    world.hub.deploy(&[], &["shop"]);
    world.until_exists(MAP, false).await;
    world.until("the claim is held", || async { world.hub.report().held.is_some() }).await;
    let path = "/api/v1/namespaces/shop/persistentvolumeclaims/data";
    assert!(world.find(path).await.is_some());
    world.hub.approve(&[], &["shop"]);
    world
        .until("the claim is deleted, or waits for its finalizer", || async {
            world.find(path).await.is_none_or(|claim| claim["metadata"]["deletionTimestamp"].is_string())
        })
        .await;
}

/// `deleteNamespace`: the namespace that the agent made goes; the one that somebody else made stays.
pub async fn the_namespace_of_a_bundle_goes_with_it_after_an_approval(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "till"}});
    world.kubectl("POST", "/api/v1/namespaces", namespace).await;
    let mut shop = Bundle::new("shop", &[config_map("settings", json!({"a": "1"}))]);
    shop.options.delete_namespace = true;
    let till = Bundle { name: "till", namespace: "till", ..shop.clone() };
    world.hub.deploy(&[shop, till], &[]);
    world.until_applied("shop").await;
    world.until_applied("till").await;
    assert_eq!(world.hub.report().deployments[&super::hub::reference("shop")].objects, 1);
    world.hub.deploy(&[], &["shop", "till"]);
    world.until_exists(MAP, false).await;
    world.until_exists("/api/v1/namespaces/till/configmaps/settings", false).await;
    world
        .until("the namespace is held", || async {
            let held = world.hub.report().held.map(|held| held.objects).unwrap_or_default();
            held.iter().map(|object| object.key.name.as_str()).collect::<Vec<_>>() == ["shop"]
        })
        .await;
    assert!(world.get("/api/v1/namespaces/shop").await["metadata"]["deletionTimestamp"].is_null());
    world.hub.approve(&[], &["shop", "till"]);
    world
        .until("the namespace goes", || async {
            let namespace = world.find("/api/v1/namespaces/shop").await;
            namespace.is_none_or(|namespace| namespace["metadata"]["deletionTimestamp"].is_string())
        })
        .await;
    assert!(world.get("/api/v1/namespaces/till").await["metadata"]["deletionTimestamp"].is_null());
}

pub async fn a_definition_and_its_resources_converge(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    });
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"a": 1}});
    world.hub.deploy(&[Bundle::new("shop", &[widget, crd])], &[]);
    world.until_applied("shop").await;
    world.until_exists("/apis/example.com/v1/namespaces/shop/widgets/w", true).await;
    let tells = |name: &str| world.hub.report().facts.api_versions.list().iter().any(|known| known == name);
    assert!(["v1", "v1/Pod", "apps/v1/Deployment", "policy/v1/PodDisruptionBudget"].into_iter().all(tells));
    world.until("the new kind is told to the hub", async || tells("example.com/v1/Widget")).await;
}

pub async fn an_immutable_field_is_named_and_the_others_are_applied(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    let mut immutable = config_map("settings", json!({"a": "1"}));
    immutable["immutable"] = json!(true);
    world.hub.deploy(&[Bundle::new("shop", &[immutable.clone()])], &[]);
    world.until_applied("shop").await;
    immutable["data"]["a"] = json!("2");
    world.hub.deploy(&[Bundle::new("shop", &[immutable, config_map("other", json!({}))])], &[]);
    world.until("it is told", || async { world.hub.reasons("shop").contains(&Reason::ImmutableField) }).await;
    world.until_exists("/api/v1/namespaces/shop/configmaps/other", true).await;
    let report = world.hub.report();
    let note = &report.deployments[&reference("shop")].notes[0];
    assert!(note.message.contains("data"), "{}", note.message);
    assert_eq!(note.file, "shop/manifest.yaml:1");
}

pub async fn a_finalizer_that_hangs_is_named_and_holds_up_nothing_else(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    let mut stuck = config_map("stuck", json!({}));
    stuck["metadata"]["finalizers"] = json!(["example.com/hangs"]);
    world.hub.deploy(&[Bundle::new("shop", &[stuck, config_map("settings", json!({}))])], &[]);
    world.until_applied("shop").await;
    world.hub.deploy(&[], &["shop"]);
    world.until_exists(MAP, false).await;
    world.until("it is told", || async { world.hub.reasons("shop").contains(&Reason::WaitingForFinalizer) }).await;
    let report = world.hub.report();
    assert!(report.deployments[&reference("shop")].notes[0].message.contains("example.com/hangs"));
    let path = "/api/v1/namespaces/shop/configmaps/stuck";
    world.kubectl("PATCH", path, json!({"metadata": {"finalizers": null}})).await;
    world.until("nothing is left", || async { world.hub.report().deployments.is_empty() }).await;
}

pub async fn without_a_hub_a_restarted_agent_repairs_drift(client: kube::Client, writes: Writes) {
    let mut world = World::start(client, writes);
    world.hub.deploy(&[Bundle::new("shop", &[config_map("settings", json!({"a": "1"}))]).correcting()], &[]);
    world.until_applied("shop").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.hub.set_away(true);
    world.kill_agent().await;
    world.kubectl("PATCH", MAP, json!({"data": {"a": "2"}})).await;
    world.start_agent();
    world.until("drift is repaired", || async { world.get(MAP).await["data"]["a"] == "1" }).await;
    world.kubectl("DELETE", MAP, Value::Null).await;
    world.until_exists(MAP, true).await;
    world.hub.set_away(false);
    world.hub.deploy(&[Bundle::new("shop", &[config_map("settings", json!({"a": "3"}))]).correcting()], &[]);
    world.until_applied("shop").await;
}

pub async fn a_bad_object_does_not_stop_the_others(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    let bad = config_map("Not_A_Name", json!({}));
    world.hub.deploy(&[Bundle::new("shop", &[bad, config_map("settings", json!({"a": "1"}))])], &[]);
    world.until_exists(MAP, true).await;
    world.until("it is told", || async { world.hub.reasons("shop").contains(&Reason::ObjectRefused) }).await;
    assert!(world.hub.is_current("shop", |said| !said.applied && said.notes[0].file == "shop/manifest.yaml:1"));
}
