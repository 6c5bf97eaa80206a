//! Hooks against any API server. With a job controller a Job ends when its pod does, else when its status says so.

use super::hub::{Bundle, reference};
use super::scenarios::config_map;
use super::{World, Writes};
use fleet_api::Reason;
use fleet_api::wire::{Hook, HookDeletion, HookEvent};
use serde_json::{Value, json};

const MAP: &str = "/api/v1/namespaces/shop/configmaps/settings";
const MIGRATE: &str = "/apis/batch/v1/namespaces/shop/jobs/migrate";
const ANNOUNCE: &str = "/apis/batch/v1/namespaces/shop/jobs/announce";
const DRAIN: &str = "/apis/batch/v1/namespaces/shop/jobs/drain";

fn job(name: &str, argument: &str, events: &str) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "annotations": {"helm.sh/hook": events}},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "c", "image": "tool:1", "args": [argument]}],
        }}},
    })
}

/// A map, and Jobs before and after it, and before it goes.
fn shop(content: &str) -> Bundle {
    let objects = [
        config_map("settings", json!({"a": content})),
        job("migrate", content, "pre-install,pre-upgrade"),
        job("announce", content, "post-install,post-upgrade"),
        job("drain", content, "pre-delete"),
    ];
    let hook = |events: &[HookEvent], delete| Hook {
        events: events.iter().copied().collect(),
        weight: 0,
        delete: [delete].into(),
    };
    let mut bundle = Bundle::new("shop", &objects);
    let before = [HookEvent::PreInstall, HookEvent::PreUpgrade];
    bundle.hooks.insert("migrate", hook(&before, HookDeletion::BeforeHookCreation));
    let after = [HookEvent::PostInstall, HookEvent::PostUpgrade];
    bundle.hooks.insert("announce", hook(&after, HookDeletion::HookSucceeded));
    bundle.hooks.insert("drain", hook(&[HookEvent::PreDelete], HookDeletion::BeforeHookCreation));
    bundle
}

impl World {
    /// Waits until the object at `path` is another one than that of this UID.
    async fn until_made_again(&self, path: &str, uid: &Value) {
        self.until("it is made again", || async {
            self.find(path).await.is_some_and(|object| object["metadata"]["uid"] != *uid)
        })
        .await;
    }

    /// Ends a Job as a kubelet would, where a controller has made a pod of it, and as that controller would else.
    async fn end_job(&self, path: &str, succeeded: bool) {
        self.until_exists(path, true).await;
        let has_controller = self.find("/api/v1/namespaces/shop/serviceaccounts/default").await.is_some();
        if !has_controller {
            let kind = if succeeded { "Complete" } else { "Failed" };
            let condition = json!({"type": kind, "status": "True", "reason": "Test", "message": "as the test says"});
            self.kubectl("PATCH", &format!("{path}/status"), json!({"status": {"conditions": [condition]}})).await;
            return;
        }
        let uid = self.get(path).await["metadata"]["uid"].as_str().unwrap().to_owned();
        let pods = format!("/api/v1/namespaces/shop/pods?labelSelector=batch.kubernetes.io/controller-uid%3D{uid}");
        self.until("the Job has a pod", || async {
            self.get(&pods).await["items"].as_array().is_some_and(|pods| !pods.is_empty())
        })
        .await;
        let pod = self.get(&pods).await["items"][0]["metadata"]["name"].as_str().unwrap().to_owned();
        let phase = if succeeded { "Succeeded" } else { "Failed" };
        let status = json!({"status": {"phase": phase}});
        self.kubectl("PATCH", &format!("/api/v1/namespaces/shop/pods/{pod}/status"), status).await;
    }
}

pub async fn hooks_run_around_the_objects_and_before_a_removal(client: kube::Client, writes: Writes) {
    let mut world = World::start(client, writes);
    world.hub.deploy(&[shop("1")], &[]);
    world.until_exists(MIGRATE, true).await;
    world.until("it is told", || async { world.hub.reasons("shop").contains(&Reason::HookRunning) }).await;
    assert!(world.find(MAP).await.is_none(), "the objects wait");
    let made = world.get(MIGRATE).await["metadata"]["uid"].clone();
    world.kill_agent().await;
    world.start_agent();
    world.end_job(MIGRATE, true).await;
    world.end_job(ANNOUNCE, true).await;
    world.until_applied("shop").await;
    assert_eq!(world.get(MAP).await["data"]["a"], "1");
    world.until_exists(ANNOUNCE, false).await;
    assert_eq!(world.get(MIGRATE).await["metadata"]["uid"], made, "it ran once, whatever restarted");

    // A hook that fails: what runs stays as it is.
    world.hub.deploy(&[shop("2")], &[]);
    world.until_made_again(MIGRATE, &made).await;
    world.end_job(MIGRATE, false).await;
    world.until("it is told", || async { world.hub.reasons("shop").contains(&Reason::HookFailed) }).await;
    let report = world.hub.report();
    let note = &report.deployments[&reference("shop")].notes[0];
    assert!(note.message.starts_with("the pre-upgrade hook job.batch shop/migrate failed: "), "{}", note.message);
    assert_eq!(note.file, "shop/manifest.yaml:1");
    assert_eq!(world.get(MAP).await["data"]["a"], "1");

    // The next revision runs it again.
    let failed = world.get(MIGRATE).await["metadata"]["uid"].clone();
    world.hub.deploy(&[shop("3")], &[]);
    world.until_made_again(MIGRATE, &failed).await;
    world.end_job(MIGRATE, true).await;
    world.end_job(ANNOUNCE, true).await;
    world.until_applied("shop").await;
    assert_eq!(world.get(MAP).await["data"]["a"], "3");

    // Before it goes.
    assert!(world.find(DRAIN).await.is_none());
    world.hub.deploy(&[], &["shop"]);
    world.until_exists(DRAIN, true).await;
    assert!(world.find(MAP).await.is_some());
    world.end_job(DRAIN, true).await;
    world.until_exists(MAP, false).await;
    world.until("nothing is left", || async { world.hub.report().deployments.is_empty() }).await;
}

pub async fn a_hook_leaves_alone_what_is_not_its_own(client: kube::Client, writes: Writes) {
    let world = World::start(client, writes);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    world.kubectl("POST", "/api/v1/namespaces", namespace).await;
    let mut theirs = job("migrate", "theirs", "pre-install");
    theirs["metadata"]["namespace"] = json!("shop");
    let theirs = world.kubectl("POST", "/apis/batch/v1/namespaces/shop/jobs", theirs).await;
    world.hub.deploy(&[shop("1")], &[]);
    world.until("it is told", || async { world.hub.reasons("shop").contains(&Reason::HookFailed) }).await;
    let report = world.hub.report();
    let note = &report.deployments[&reference("shop")].notes[0];
    assert!(note.message.contains("it exists and belongs to kubectl-edit"), "{}", note.message);
    assert_eq!(world.get(MIGRATE).await["metadata"]["uid"], theirs["metadata"]["uid"]);
    assert!(world.find(MAP).await.is_none());
}
