//! `templating: all`: what the files of a bundle see of a cluster is an input of its render.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use crate::common::*;
use fleet_api::v1alpha1::{Bundle, Cluster};
use serde_json::json;
use skiff_hub::Hub;

const TEMPLATE: &str = "${ .ClusterName } ${ get .ClusterLabels \"env\" } ${ .ClusterValues.banner }";

async fn banner(hub: &Hub, cluster: &str, banner: &str) {
    let mut cluster: Cluster = hub.resources().get("fleet-default", cluster).unwrap().unwrap();
    cluster.spec.template_values = json!({ "banner": banner }).as_object().cloned();
    cluster.metadata.resource_version = None;
    hub.resources().put(&cluster).await.unwrap();
}

async fn gets(agent: &mut Agent, bundle: &str, value: &str) {
    eventually("the cluster gets what is made for it", async || {
        agent.sync(1, None).await.ok()?;
        let objects =
            if agent.bundles().iter().any(|name| name == bundle) { agent.fetch().await } else { return None };
        (objects[bundle][0]["data"]["value"] == value).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_rendered_for_each_cluster_and_again_when_it_changes() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let repo = Repo::new();
    repo.commit(&[("web/fleet.yaml", "templating: all\n"), ("web/map.yaml", &config_map("web", TEMPLATE))]);
    gitrepo(&hub, "shop", &repo, &json!({"targets": [{"name": "all", "clusterSelector": {}}]})).await;
    let by_hand: Bundle = serde_json::from_value(json!({
        "apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Bundle",
        "metadata": {"name": "hand", "namespace": "fleet-default"},
        "spec": {
            "resources": [{"name": "a.yaml", "content": config_map("a", TEMPLATE)}],
            "targets": [{"clusterSelector": {}, "templating": "all"}],
        },
    }))
    .unwrap();
    hub.resources().put(&by_hand).await.unwrap();
    for (name, env) in [("till", "prod"), ("lab", "dev")] {
        let mut agent = Agent::new(&hub, &format!("ks-{name}"));
        agent.enroll(&token(&hub, Some(name), &[("env", env)]).await, None).await.unwrap();
        for text in ["open", "closed"] {
            banner(&hub, name, text).await;
            gets(&mut agent, "shop-web", &format!("{name} {env} {text}")).await;
            gets(&mut agent, "hand", &format!("{name} {env} {text}")).await;
        }
    }
    hub.stop().await;
}
