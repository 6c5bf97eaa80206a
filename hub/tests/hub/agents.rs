//! The agent API over real TLS: enrolling, syncing, fetching, and everything that is refused.

use crate::common::*;
use fleet_api::digest::Digest;
use fleet_api::wire::BlobsRequest;
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_reaches_an_agent_and_its_report_the_statuses() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let repo = Repo::new();
    repo.commit(&[("web/a.yaml", &config_map("a", "one")), ("web/b.yaml", &config_map("b", "one"))]);
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut agent = Agent::new(&hub, "ks-1");
    let token = token(&hub, Some("till-1"), &[("env", "prod")]).await;
    let enrolled = agent.enroll(&token, Some("till-1")).await.unwrap();
    assert_eq!(enrolled.identity.cluster, r("till-1"));
    eventually("the bundle is told", async || {
        agent.sync(1, None).await.unwrap();

        (agent.bundles() == ["shop-web"]).then_some(())
    })
    .await;
    let objects = agent.fetch().await;
    assert_eq!(objects["shop-web"].len(), 2);
    assert_eq!(objects["shop-web"][0]["data"]["value"], "one");

    let report = agent.all_ready();
    let answer = agent.sync(0, Some(report)).await.unwrap();
    assert_eq!(answer.acknowledged, 1);
    eventually("the GitRepo is ready", async || {
        let gitrepo: fleet_api::v1alpha1::GitRepo = hub.resources().get("fleet-default", "shop").unwrap().unwrap();
        let status = gitrepo.status?;
        (status.summary.ready == 1 && status.conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
            .then_some(())
    })
    .await;

    // A commit wakes the agent's poll, and costs what it changes.
    let before = agent.document.clone();
    repo.commit(&[("web/a.yaml", &config_map("a", "two")), ("web/b.yaml", &config_map("b", "one"))]);
    let began = Instant::now();
    let core = hub.core().clone();
    let syncing = tokio::spawn(async move { core.sync_now(&r("shop")).await });
    agent.sync(30, None).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(10));
    syncing.await.unwrap().unwrap();
    assert_ne!(before, agent.document);
    assert!(agent.received < 400, "{} bytes", agent.received);
    assert_eq!(agent.fetch().await["shop-web"][0]["data"]["value"], "two");
    let old: Vec<Digest> = agent.blobs.keys().copied().collect();
    assert!(old.len() >= 5);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_gives_one_identity_to_one_key() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let bound = token(&hub, Some("till-1"), &[("env", "prod")]).await;
    let mut agent = Agent::new(&hub, "ks-1");
    assert_eq!(agent.enroll(&bound, Some("till-2")).await.unwrap_err().0, 403, "another name");
    let first = agent.enroll(&bound, None).await.unwrap();
    assert_eq!(agent.enroll(&bound, None).await.unwrap(), first, "an answer can be lost");
    let mut thief = Agent::new(&hub, "ks-2");
    let (status, problem) = thief.enroll(&bound, None).await.unwrap_err();
    assert_eq!(status, 403);
    assert!(problem["message"].as_str().unwrap().contains("used already"), "{problem}");
    let expired = token_for(&hub, None, &[], Duration::ZERO).await;
    let (status, problem) = thief.enroll(&expired, None).await.unwrap_err();
    assert_eq!((status, problem["message"].as_str().unwrap().contains("expired")), (403, true));
    let other = token(&hub, None, &[]).await;
    let (_, problem) = thief.enroll(&other, Some("till-1")).await.unwrap_err();
    assert!(problem["message"].as_str().unwrap().contains("enrolled already"), "{problem}");
    assert_eq!(thief.enroll(&other, Some("../x")).await.unwrap_err().0, 403);
    thief.kube_system = "ks-1".into();
    assert_eq!(thief.enroll(&other, Some("copy")).await.unwrap_err().0, 403, "one cluster, two names");
    thief.kube_system = "ks-2".into();
    let second = thief.enroll(&other, None).await.unwrap();
    assert!(second.identity.cluster.name.as_str().starts_with("cluster-"));
    let mut wrong = Agent::new(&hub, "ks-3");
    let forged = fleet_api::wire::EnrollmentToken { secret: "x".into(), ..other };
    assert_eq!(wrong.enroll(&forged, None).await.unwrap_err().0, 403);
    let anonymous = client(hub.hub_key(), None);
    let request = anonymous.post(format!("https://{}/v1/enroll", hub.address())).body("{}");
    assert_eq!(request.send().await.unwrap().status(), 401);
    let cluster: fleet_api::v1alpha1::Cluster = hub.resources().get("fleet-default", "till-1").unwrap().unwrap();
    assert_eq!(cluster.metadata.labels.unwrap()["env"], "prod");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_is_who_its_key_says_and_reads_only_its_own() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let repo = Repo::new();
    repo.commit(&[("web/a.yaml", &config_map("a", "one"))]);
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut prod = Agent::new(&hub, "ks-1");
    let mut dev = Agent::new(&hub, "ks-2");
    prod.enroll(&token(&hub, Some("prod"), &[("env", "prod")]).await, None).await.unwrap();
    dev.enroll(&token(&hub, Some("dev"), &[("env", "dev")]).await, None).await.unwrap();
    eventually("the bundle is told", async || {
        prod.sync(1, None).await.unwrap();
        (!prod.bundles().is_empty()).then_some(())
    })
    .await;
    dev.sync(1, None).await.unwrap();
    assert!(dev.bundles().is_empty(), "not targeted, nothing told");
    prod.fetch().await;
    let all: Vec<Digest> = prod.blobs.keys().copied().collect();
    let older = BlobsRequest { want: all.clone(), ..BlobsRequest::default() };
    let head = prod.ask_for_blobs(older).await.unwrap();
    let told: Vec<Digest> = head.blobs.iter().map(|blob| blob.digest).collect();
    assert_eq!((told, head.sizes), (all.clone(), Vec::new()), "an agent that does not ask for sizes gets digests");
    let head = dev.blobs(&all, &all).await.unwrap();
    assert!(head.entries(&all).is_empty() && head.bases.is_empty());
    assert_eq!(head.refused, all);

    // Who it says it is must be who its key says.
    let claims_other = fleet_api::wire::SyncRequest {
        cluster: prod.identity.as_ref().unwrap().identity.uid.clone(),
        ..dev.request(0, None)
    };
    let answer: Answer<serde_json::Value> = dev.call("/v1/sync", &claims_other).await;
    assert_eq!(answer.unwrap_err().1["reason"], "WrongCluster");
    dev.kube_system = "ks-9".into();
    assert_eq!(dev.sync(0, None).await.unwrap_err().1["reason"], "WrongCluster");
    let mut stranger = Agent::new(&hub, "ks-3");
    stranger.identity.clone_from(&prod.identity);
    assert_eq!(
        stranger.sync(0, None).await.unwrap_err(),
        (
            401,
            json!({
                "reason": "Revoked",
                "message": "this key has no identity here: it was revoked, or never enrolled",
            })
        )
    );
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_much_is_refused() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let mut agent = Agent::new(&hub, "ks-1");
    let huge = vec![b' '; 70 << 10];
    assert_eq!(agent.post("/v1/enroll", huge).await.unwrap_err().0, 413);
    let token = token(&hub, None, &[]).await;
    agent.enroll(&token, None).await.unwrap();
    assert_eq!(agent.post("/v1/sync", vec![b' '; 3 << 20]).await.unwrap_err().0, 413);
    // The answer came before the body was read: the connection may end with it, and the next request on another one.
    eventually("the next request is answered", async || {
        (agent.post("/v1/sync", b"{".to_vec()).await.unwrap_err().0 == 400).then_some(())
    })
    .await;
    assert!(agent.sync(0, None).await.is_ok(), "it goes on");
    let stranger = Agent::new(&hub, "ks-2");
    let mut last = 0;
    for _ in 0..80 {
        last = stranger.post("/v1/sync", b"{}".to_vec()).await.unwrap_err().0;
    }
    assert_eq!(last, 429);
    assert!(agent.sync(0, None).await.is_ok(), "who is known is never slowed down");
    hub.stop().await;
}

/// Documents as the first release wrote them, with fields of a later one beside them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neighbouring_versions_work_together() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let agent = Agent::new(&hub, "ks-1");
    let token = token(&hub, Some("old"), &[]).await;
    let enroll = json!({
        "protocol": 1, "secret": token.secret, "kubeSystemUid": "ks-1", "someLaterField": {"x": 1},
    });
    let answer: serde_json::Value = agent.call("/v1/enroll", &enroll).await.unwrap();
    assert_eq!(answer["protocol"], 1);
    let sync = |protocol: u32| {
        json!({
            "protocol": protocol, "cluster": answer["identity"]["uid"], "kubeSystemUid": "ks-1", "instance": "i",
            "report": {"sequence": 1, "full": true, "version": {"epoch": 0, "generation": 0},
                       "facts": {"agentVersion": "0.1.0", "kubernetesVersion": "v1.30.1"}},
            "laterField": true,
        })
    };
    let told: serde_json::Value = agent.call("/v1/sync", &sync(1)).await.unwrap();
    assert_eq!((&told["protocol"], &told["acknowledged"], &told["start"]), (&json!(1), &json!(1), &json!(1)));
    let newer: serde_json::Value = agent.call("/v1/sync", &sync(7)).await.unwrap();
    assert_eq!(newer["protocol"], fleet_api::wire::PROTOCOL, "the hub answers in what it speaks");
    let older: Answer<serde_json::Value> = agent.call("/v1/sync", &sync(0)).await;
    let (status, problem) = older.unwrap_err();
    assert_eq!((status, &problem["reason"]), (426, &json!("ProtocolTooOld")));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_a_cluster_revokes_its_identity_and_tells_it_nothing() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let mut agent = Agent::new(&hub, "ks-1");
    let token = token(&hub, Some("till"), &[]).await;
    agent.enroll(&token, None).await.unwrap();
    agent.sync(5, None).await.unwrap();
    let report = agent.all_ready();
    agent.sync(0, Some(report)).await.unwrap();
    let resources = hub.resources().clone();
    let deleting = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        resources.delete(skiff_hub::store::Kind::Cluster, "fleet-default", "till").await.unwrap();
    });
    let refused = agent.sync(20, None).await.unwrap_err();
    assert_eq!((refused.0, &refused.1["reason"]), (401, &json!("Revoked")));
    deleting.await.unwrap();
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_that_a_user_made_goes_its_way_and_ends_with_its_deletion() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let bundle = |value: &str| -> fleet_api::v1alpha1::Bundle {
        serde_json::from_value(json!({
            "apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Bundle",
            "metadata": {"name": "hand", "namespace": "fleet-default"},
            "spec": {
                "resources": [{"name": "a.yaml", "content": config_map("a", value)}],
                "targets": [{"clusterName": "till"}],
            },
        }))
        .unwrap()
    };
    hub.resources().put(&bundle("one")).await.unwrap();
    let mut agent = Agent::new(&hub, "ks-1");
    agent.enroll(&token(&hub, Some("till"), &[]).await, None).await.unwrap();
    for value in ["one", "two"] {
        hub.resources().put(&bundle(value)).await.unwrap();
        eventually("the bundle is told", async || {
            agent.sync(1, None).await.unwrap();
            if agent.bundles() != ["hand"] {
                return None;
            }
            (agent.fetch().await["hand"][0]["data"]["value"] == value).then_some(())
        })
        .await;
    }
    hub.resources().delete(skiff_hub::store::Kind::Bundle, "fleet-default", "hand").await.unwrap();
    eventually("it is withdrawn", async || {
        agent.sync(1, None).await.unwrap();
        (agent.desired.as_ref().unwrap().tombstones.len() == 1).then_some(())
    })
    .await;
    hub.stop().await;
}
