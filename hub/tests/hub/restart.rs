//! What a hub keeps over a restart, and what it does after it was restored from a backup.

use crate::common::*;
use fleet_api::v1alpha1::GitRepo;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_everything_and_issues_nothing() {
    let (_dir, data) = data();
    let repo = Repo::new();
    repo.commit(&[("web/a.yaml", &format!("{}---\nnote: no object\n", config_map("a", "one")))]);
    let hub = start(&data).await;
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut agent = Agent::new(&hub, "ks-1");
    agent.enroll(&token(&hub, Some("till"), &[("env", "prod")]).await, None).await.unwrap();
    told(&mut agent, &["shop-web"]).await;
    eventually("the GitRepo tells what its render warned of", async || warned(&hub)).await;
    #[cfg(unix)]
    for dir in [data.clone(), data.join("git"), data.join("blobs")] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&dir).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", dir.display());
    }
    let report = agent.all_ready();
    agent.sync(0, Some(report)).await.unwrap();
    let (key, have) = (hub.hub_key(), agent.have);
    hub.stop().await;

    // The repository is away: what was read is kept.
    let url = repo.dir.path().to_owned();
    let away = url.with_extension("away");
    std::fs::rename(&url, &away).unwrap();
    let hub = start(&data).await;
    assert_eq!(hub.hub_key(), key);
    agent.moved(&hub);
    let answer = agent.sync(1, None).await.unwrap();
    assert!(answer.desired.is_none() && !answer.resend, "{answer:?}");
    assert_eq!(answer.acknowledged, 1);
    agent.fetch().await;
    eventually("the GitRepo says why", async || {
        let gitrepo: GitRepo = hub.resources().get("fleet-default", "shop").unwrap().unwrap();
        let notes = gitrepo.status?.notes;
        notes.iter().any(|note| note.reason.as_str().starts_with("Repository")).then_some(())
    })
    .await;
    assert_eq!(warned(&hub), Some(()), "what was rendered before the restart warned of it, too");
    let failed = hub.core().sync_now(&r("shop")).await.unwrap_err();
    assert!(failed.to_string().contains("gitrepo fleet-default/shop could not be polled: Repository"), "{failed}");
    assert_eq!(agent.sync(0, None).await.unwrap().desired, None);
    assert_eq!(agent.have, have);
    std::fs::rename(&away, &url).unwrap();
    hub.stop().await;
}

fn warned(hub: &skiff_hub::Hub) -> Option<()> {
    let gitrepo: GitRepo = hub.resources().get("fleet-default", "shop").ok()??;
    let notes = gitrepo.status?.notes;
    notes.iter().any(|note| note.message.contains("web/a.yaml:") && note.message.contains("no object")).then_some(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_restored_from_an_older_backup_begins_an_epoch_and_deletes_nothing() {
    let (dir, data) = data();
    let repo = Repo::new();
    repo.commit(&[("a/x.yaml", &config_map("x", "1")), ("b/x.yaml", &config_map("y", "1"))]);
    let hub = start(&data).await;
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut agent = Agent::new(&hub, "ks-1");
    agent.enroll(&token(&hub, Some("till"), &[("env", "prod")]).await, None).await.unwrap();
    told(&mut agent, &["shop-a", "shop-b"]).await;
    let backup = dir.path().join("backup");
    skiff_hub::backup(&data, &backup).unwrap();
    repo.commit(&[("a/x.yaml", &config_map("x", "2")), ("b/x.yaml", &config_map("y", "1"))]);
    hub.core().sync_now(&r("shop")).await.unwrap();
    let before = agent.have.unwrap();
    eventually("the change is told", async || {
        agent.sync(1, None).await.unwrap();
        (agent.have != Some(before)).then_some(())
    })
    .await;
    let seen = agent.have.unwrap().version;
    hub.stop().await;

    // Meanwhile a directory was removed; the restored hub reads it and says so, and deletes nothing.
    repo.commit(&[("a/x.yaml", &config_map("x", "2"))]);
    let hub = start(&backup).await;
    agent.moved(&hub);
    let have = agent.have;
    eventually("a document of the new epoch", async || {
        agent.sync(1, None).await.unwrap();
        (agent.have != have).then_some(())
    })
    .await;
    let desired = agent.desired.clone().unwrap();
    assert_eq!(desired.version.epoch, seen.epoch + 1);
    assert!(!desired.deletions_allowed);
    told(&mut agent, &["shop-a"]).await;
    assert!(!agent.desired.as_ref().unwrap().deletions_allowed);
    hub.stop().await;
}

/// Found by the simulator (seed 105122): a backup has no copy of the repository, so that the commit that a branch went back
/// to was the first one that the restored hub saw.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_went_back_is_seen_by_a_hub_that_was_restored() {
    let (dir, data) = data();
    let repo = Repo::new();
    let older = repo.commit(&[("a/x.yaml", &config_map("x", "1"))]);
    let newer = repo.commit(&[("a/x.yaml", &config_map("x", "1")), ("b/x.yaml", &config_map("y", "1"))]);
    let hub = start(&data).await;
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut agent = Agent::new(&hub, "ks-1");
    agent.enroll(&token(&hub, Some("till"), &[("env", "prod")]).await, None).await.unwrap();
    told(&mut agent, &["shop-a", "shop-b"]).await;
    eventually("the GitRepo says what was read", async || {
        let gitrepo: GitRepo = hub.resources().get("fleet-default", "shop").unwrap().unwrap();
        (gitrepo.status?.commit == newer).then_some(())
    })
    .await;
    let backup = dir.path().join("backup");
    skiff_hub::backup(&data, &backup).unwrap();
    hub.stop().await;
    repo.go_back(&older);
    let hub = start(&backup).await;
    agent.moved(&hub);
    told(&mut agent, &["shop-a"]).await;
    let tombstone = &agent.desired.as_ref().unwrap().tombstones[0];
    let limit = tombstone.deletion_limit.expect("what the older commit lacks waits for an approval");
    assert_eq!((limit.objects, limit.percent), (0, 0));
    eventually("the GitRepo says that its branch went back", async || {
        let gitrepo: GitRepo = hub.resources().get("fleet-default", "shop").unwrap().unwrap();
        let notes = gitrepo.status?.notes;
        notes.iter().any(|note| note.message.contains("went back") && note.message.contains(&older)).then_some(())
    })
    .await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_a_gitrepo_withdraws_and_then_it_is_gone() {
    let (_dir, data) = data();
    let repo = Repo::new();
    repo.commit(&[("web/a.yaml", &config_map("a", "one"))]);
    let hub = start(&data).await;
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut agent = Agent::new(&hub, "ks-1");
    agent.enroll(&token(&hub, Some("till"), &[("env", "prod")]).await, None).await.unwrap();
    told(&mut agent, &["shop-web"]).await;
    hub.resources().delete(skiff_hub::store::Kind::GitRepo, "fleet-default", "shop").await.unwrap();
    told(&mut agent, &[]).await;
    let tombstones = agent.desired.clone().unwrap().tombstones;
    assert_eq!(tombstones[0].cause, "GitRepo shop was deleted");
    eventually("the GitRepo is gone", async || {
        hub.resources().get::<GitRepo>("fleet-default", "shop").unwrap().is_none().then_some(())
    })
    .await;
    assert!(hub.resources().list::<fleet_api::v1alpha1::Bundle>(None).unwrap().is_empty());
    let report = agent.all_ready();
    agent.sync(0, Some(report)).await.unwrap();
    eventually("the tombstone has done its work", async || {
        agent.sync(1, None).await.unwrap();
        agent.desired.as_ref().unwrap().tombstones.is_empty().then_some(())
    })
    .await;
    // Made anew under the same name, at the same commit: it is read again.
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    told(&mut agent, &["shop-web"]).await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_cannot_read_a_cluster_does_not_start_and_forgets_nothing() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let mut agent = Agent::new(&hub, "ks-1");
    agent.enroll(&token(&hub, Some("till"), &[("env", "prod")]).await, None).await.unwrap();
    hub.stop().await;
    let set = |path: &str, value: &str| {
        let database = rusqlite::Connection::open(data.join("hub.db")).unwrap();
        let sql = "UPDATE resources SET json = json_set(json, ?1, json(?2)) WHERE name = 'till'";
        assert_eq!(database.execute(sql, [path, value]).unwrap(), 1);
    };
    set("$.metadata.labels", "7");
    let error =
        skiff_hub::Hub::start(config(&data), std::sync::Arc::new(skiff_hub::StandardRenderer)).await.unwrap_err();
    assert!(error.to_string().contains("Cluster fleet-default/till"), "{error}");
    set("$.metadata.labels", r#"{"env":"prod"}"#);
    let hub = start(&data).await;
    agent.moved(&hub);
    agent.sync(0, None).await.unwrap();
    hub.stop().await;
}
