//! `downstreamResources`: Secrets and ConfigMaps of the hub go to the clusters that a Bundle targets, follow their
//! originals, and what cannot be copied is said and keeps what runs.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use crate::common::{Agent, Repo, config_map, data, eventually, gitrepo, start, token, told};
use fleet_api::reason::Reason;
use fleet_api::wire::{COPIES_PROTOCOL, Deployment};
use serde_json::{Value, json};
use skiff_hub::Hub;
use skiff_hub::store::{Change, Kind, Precondition, ResourceError};

async fn put(hub: &Hub, kind: Kind, name: &str, value: Value) {
    let change = Change::Spec(value);
    let none = Precondition::default();
    let done: Result<_, ResourceError> =
        hub.resources().change(kind, "fleet-default", name, none, move |_| Ok(change)).await;
    done.unwrap();
}

async fn delete(hub: &Hub, kind: Kind, name: &str) {
    let none = Precondition::default();
    let done: Result<_, ResourceError> =
        hub.resources().change(kind, "fleet-default", name, none, |_| Ok(Change::Delete)).await;
    done.unwrap();
}

async fn registry(hub: &Hub, password: &str) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "example.org/registry",
        "metadata": {"name": "registry", "labels": {"team": "shop", "app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"note": "of the hub"}},
        "stringData": {"password": password, "values.yaml": "a: 1"}});
    put(hub, Kind::Secret, "registry", secret).await;
}

async fn settings(hub: &Hub) {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"},
        "data": {"colour": "blue"}, "binaryData": {"raw": "AAE="}});
    put(hub, Kind::ConfigMap, "settings", map).await;
}

/// What is said of a Bundle, as soon as something is.
async fn notes(hub: &Hub, bundle: &str, reasons: &[Reason]) -> Vec<String> {
    eventually("the bundle says it", async || {
        let bundle: fleet_api::v1alpha1::Bundle = hub.resources().get("fleet-default", bundle).unwrap()?;
        let notes = bundle.status.unwrap_or_default().notes;
        let of: Vec<Reason> = notes.iter().map(|note| note.reason).collect();
        (of == reasons).then(|| notes.into_iter().map(|note| note.message).collect())
    })
    .await
}

const FLEET: &str = "defaultNamespace: shop\ndownstreamResources:\n- {kind: secret, name: registry}\n- {kind: ConfigMap, name: settings}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_takes_secrets_and_config_maps_of_the_hub_to_its_clusters_and_to_no_other() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let repo = Repo::new();
    repo.commit(&[("web/fleet.yaml", FLEET), ("web/map.yaml", &config_map("web", "1"))]);
    settings(&hub).await;
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut prod = Agent::new(&hub, "ks-prod");
    prod.enroll(&token(&hub, Some("prod"), &[("env", "prod")]).await, None).await.unwrap();
    let mut lab = Agent::new(&hub, "ks-lab");
    lab.enroll(&token(&hub, Some("lab"), &[("env", "lab")]).await, None).await.unwrap();

    // Not there yet: it is said by name, and what is there of the bundle does not go half.
    let said = notes(&hub, "shop-web", &[Reason::DownstreamResourceMissing]).await;
    assert_eq!(
        said,
        [
            "Secret fleet-default/registry, which downstreamResources of Bundle fleet-default/shop-web names, does not exist \
          at the hub"
        ]
    );
    prod.sync(0, None).await.unwrap();
    assert_eq!(prod.bundles(), [] as [&str; 0]);

    registry(&hub, "hunter2").await;
    told(&mut prod, &["shop-web"]).await;
    let objects = prod.fetch().await.remove("shop-web").unwrap();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "example.org/registry",
        "metadata": {"name": "registry", "namespace": "shop", "labels": {"team": "shop"}},
        "data": {"password": "aHVudGVyMg==", "values.yaml": "YTogMQ=="}});
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"},
        "data": {"colour": "blue"}, "binaryData": {"raw": "AAE="}});
    assert_eq!(objects[..2], [secret, map]);
    assert_eq!((objects.len(), objects[2]["metadata"]["name"].as_str()), (3, Some("web")));
    notes(&hub, "shop-web", &[]).await;

    // Who does not get the Bundle cannot have what it takes along, even by its digest.
    lab.sync(0, None).await.unwrap();
    let all: Vec<_> = prod.blobs.keys().copied().collect();
    assert_eq!(lab.blobs(&all, &[]).await.unwrap().entries(&all).len(), 0);

    // It follows its original, and nothing else of the bundle changes.
    let before = prod.desired.clone().unwrap().deployments[0].deployment;
    registry(&hub, "hunter3").await;
    eventually("the new password", async || {
        prod.sync(1, None).await.unwrap();
        (prod.desired.as_ref().unwrap().deployments[0].deployment != before).then_some(())
    })
    .await;
    let changed = prod.fetch().await.remove("shop-web").unwrap();
    assert_eq!(changed[0]["data"]["password"], "aHVudGVyMw==");
    assert_eq!(changed[1..], objects[1..]);

    // Applied again as it is, it is no change.
    let last = prod.desired.clone().unwrap().deployments;
    registry(&hub, "hunter3").await;
    delete(&hub, Kind::ConfigMap, "settings").await;
    let said = notes(&hub, "shop-web", &[Reason::DownstreamResourceMissing]).await;
    assert!(
        said[0].starts_with("ConfigMap fleet-default/settings") && said[0].ends_with("; the last good state is kept")
    );
    prod.sync(0, None).await.unwrap();
    assert_eq!(prod.desired.as_ref().unwrap().deployments[0].deployment, last[0].deployment, "what runs stays");

    // A hub that starts again knows as much.
    hub.stop().await;
    let hub = start(&data).await;
    prod.moved(&hub);
    notes(&hub, "shop-web", &[Reason::DownstreamResourceMissing]).await;
    settings(&hub).await;
    notes(&hub, "shop-web", &[]).await;
    prod.sync(0, None).await.unwrap();
    assert_eq!(prod.desired.as_ref().unwrap().deployments[0].deployment, last[0].deployment);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_repository_is_read_with_and_what_a_bundle_has_itself_are_not_copied() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let git = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
        "metadata": {"name": "gitcredential"}, "stringData": {"username": "ada", "password": "hunter2"}});
    put(&hub, Kind::Secret, "gitcredential", git).await;
    settings(&hub).await;
    let repo = Repo::new();
    let copies = |kind: &str, name: &str| format!("downstreamResources: [{{kind: {kind}, name: {name}}}]\n");
    repo.commit(&[
        ("credential/fleet.yaml", &copies("Secret", "gitcredential")),
        ("credential/map.yaml", &config_map("a", "1")),
        ("twice/fleet.yaml", &copies("ConfigMap", "settings")),
        ("twice/map.yaml", &config_map("settings", "1")),
    ]);
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut prod = Agent::new(&hub, "ks-prod");
    prod.enroll(&token(&hub, Some("prod"), &[("env", "prod")]).await, None).await.unwrap();
    let said = notes(&hub, "shop-credential", &[Reason::DownstreamResourceRefused]).await;
    assert!(said[0].contains("Secret fleet-default/gitcredential") && said[0].contains("GitRepo fleet-default/shop"));
    let said = notes(&hub, "shop-twice", &[Reason::RenderFailed]).await;
    assert_eq!(
        said,
        [
            "twice/map.yaml:1 has configmap default/settings, and downstreamResources copies one of that name from the hub"
        ]
    );
    hub.stop().await;
}

/// Values that are read in the cluster, from a Secret that the hub sends along: the document has both.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_rendered_in_the_cluster_takes_its_copies_along_too() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    registry(&hub, "hunter2").await;
    let repo = Repo::new();
    let fleet = "defaultNamespace: shop\ndownstreamResources: [{kind: Secret, name: registry}]\n\
                 helm: {chart: chart, valuesFrom: [{secretKeyRef: {name: registry}}]}\n";
    repo.commit(&[
        ("web/fleet.yaml", fleet),
        ("web/chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("web/chart/templates/map.yaml", &config_map("web", "{{ .Values.a | quote }}")),
    ]);
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut prod = Agent::new(&hub, "ks-prod");
    prod.enroll(&token(&hub, Some("prod"), &[("env", "prod")]).await, None).await.unwrap();
    // An agent of the protocol before would leave the copy out.
    let with = |protocol, agent: &Agent| fleet_api::wire::SyncRequest { protocol, ..agent.request(0, None) };
    let older = with(COPIES_PROTOCOL - 1, &prod);
    let _answer: fleet_api::wire::SyncResponse = prod.call("/v1/sync", &older).await.unwrap();
    let newer = async |agent: &Agent| {
        let request = with(COPIES_PROTOCOL, agent);
        let answer: fleet_api::wire::SyncResponse = agent.call("/v1/sync", &request).await.unwrap();
        answer
    };
    let told_of = |hub: &Hub| {
        let cluster: fleet_api::v1alpha1::Cluster = hub.resources().get("fleet-default", "prod").unwrap().unwrap();
        cluster.status.unwrap_or_default().notes.iter().map(|note| note.reason).collect::<Vec<_>>()
    };
    eventually("it is too old", async || (told_of(&hub) == [Reason::ProtocolTooOld]).then_some(())).await;
    newer(&prod).await;
    eventually("it gets it", async || told_of(&hub).is_empty().then_some(())).await;
    // The helper of these tests speaks the oldest protocol; what was issued is there to be read.
    prod.have = None;
    let answer = newer(&prod).await;
    let envelope = answer.desired.unwrap();
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(&envelope.data).unwrap();
    let desired: fleet_api::wire::Desired = serde_json::from_slice(&zstd::decode_all(&bytes[..]).unwrap()).unwrap();
    prod.desired = Some(desired.clone());
    let objects = prod.fetch().await.remove("shop-web").unwrap();
    let document: Deployment = serde_json::from_slice(&prod.blobs[&desired.deployments[0].deployment]).unwrap();
    assert!(document.sources.is_some() && desired.deployments[0].rendered_in_cluster);
    assert_eq!((document.protocol, objects.len()), (COPIES_PROTOCOL, 1));
    assert_eq!(objects[0]["data"]["password"], "aHVudGVyMg==");
    hub.stop().await;
}
