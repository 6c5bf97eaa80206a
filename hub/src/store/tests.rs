use super::*;
use fleet_api::v1alpha1::{GitRepo, GitRepoSpec, GitRepoStatus};
use serde_json::{Value, json};

struct Fixture {
    dir: tempfile::TempDir,
    resources: Resources,
}

async fn open(dir: &Path) -> Resources {
    let store = Store::open(dir, &Key::in_directory(dir).unwrap()).unwrap();
    Resources::open(&store).await.unwrap()
}

async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let resources = open(dir.path()).await;
    Fixture { dir, resources }
}

impl Fixture {
    async fn put(&self, kind: Kind, name: &str, value: Value) -> Result<Outcome, ResourceError> {
        let change = move |_: Option<&Value>| Ok(Change::Spec(value));
        self.resources.change(kind, "fleet-default", name, Precondition::default(), change).await
    }

    /// Closes the store and opens it again.
    async fn reopen(self) -> Self {
        let Self { dir, resources } = self;
        drop(resources);
        // The writer's thread lets go of the lock file when its last handle is gone, at once.
        let resources = open(dir.path()).await;
        Self { dir, resources }
    }
}

fn repo(url: &str) -> Value {
    json!({"spec": {"repo": url}})
}

#[tokio::test]
async fn a_new_object_gets_what_the_server_owns_and_loses_what_it_claims() {
    let fixture = fixture().await;
    let given = json!({"metadata": {"uid": "mine", "resourceVersion": "7", "labels": {"a": "b"}},
        "spec": {"repo": "https://x"}, "status": {"commit": "abc"}});
    let object = fixture.put(Kind::GitRepo, "shop", given).await.unwrap().object;
    let metadata = &object.value()["metadata"];
    assert_ne!(metadata["uid"], "mine");
    assert_eq!(metadata["generation"], 1);
    assert_eq!(metadata["labels"]["a"], "b");
    assert_eq!(metadata["resourceVersion"], object.version().to_string());
    assert!(object.value().get("status").is_none());
    let keys: Vec<_> = object.value().as_object().unwrap().keys().collect();
    assert_eq!(keys, ["apiVersion", "kind", "metadata", "spec"]);
}

#[tokio::test]
async fn generation_counts_changes_of_the_spec_and_nothing_else() {
    let fixture = fixture().await;
    let generation = |outcome: &Outcome| outcome.object.value()["metadata"]["generation"].as_i64().unwrap();
    let first = fixture.put(Kind::GitRepo, "shop", repo("https://x")).await.unwrap();
    let mut labelled = repo("https://x");
    labelled["metadata"] = json!({"labels": {"a": "b"}});
    let second = fixture.put(Kind::GitRepo, "shop", labelled.clone()).await.unwrap();
    assert_eq!((generation(&second), second.event), (1, Some(EventType::Modified)));
    let same = fixture.put(Kind::GitRepo, "shop", labelled).await.unwrap();
    assert_eq!((same.event, same.object.version()), (None, second.object.version()), "nothing was to be changed");
    let status = GitRepoStatus { commit: "abc".into(), ..GitRepoStatus::default() };
    let third = fixture.resources.set_status::<GitRepo>("fleet-default", "shop", &status).await.unwrap();
    assert_eq!(generation(&third), 1);
    let fourth = fixture.put(Kind::GitRepo, "shop", repo("https://y")).await.unwrap();
    assert_eq!(generation(&fourth), 2);
    assert_eq!(fourth.object.value()["status"]["commit"], "abc", "an update leaves the status alone");
    assert!(first.object.version() < fourth.object.version());
}

#[tokio::test]
async fn a_stale_version_or_uid_is_a_conflict() {
    let fixture = fixture().await;
    let first = fixture.put(Kind::GitRepo, "shop", repo("https://x")).await.unwrap().object;
    fixture.put(Kind::GitRepo, "shop", repo("https://y")).await.unwrap();
    let stale = Precondition { resource_version: Some(first.version().to_string()), uid: None };
    let other = Precondition { uid: Some("other".into()), resource_version: None };
    for precondition in [stale, other] {
        let change =
            fixture.resources.change::<ResourceError, _>(Kind::GitRepo, "fleet-default", "shop", precondition, |_| {
                Ok(Change::Delete)
            });
        assert!(matches!(change.await, Err(ResourceError::Conflict { .. })));
    }
}

#[tokio::test]
async fn a_finalizer_holds_a_deleted_object_until_it_is_taken_off() {
    let fixture = fixture().await;
    let mut held = repo("https://x");
    held["metadata"] = json!({"finalizers": ["skiff.dev/withdraw"]});
    fixture.put(Kind::GitRepo, "shop", held).await.unwrap();
    let deleted = fixture.resources.delete(Kind::GitRepo, "fleet-default", "shop").await.unwrap();
    assert_eq!(deleted.event, Some(EventType::Modified));
    assert!(deleted.object.value()["metadata"]["deletionTimestamp"].is_string());
    let again = fixture.resources.delete(Kind::GitRepo, "fleet-default", "shop").await.unwrap();
    assert_eq!(again.event, None);
    let released = fixture.put(Kind::GitRepo, "shop", repo("https://x")).await.unwrap();
    assert_eq!(released.event, Some(EventType::Deleted));
    assert!(fixture.resources.object(Kind::GitRepo, "fleet-default", "shop").is_none());
}

#[tokio::test]
async fn a_finalizer_is_put_on_and_taken_off_without_losing_what_others_changed() {
    let fixture = fixture().await;
    let finalizer = |present: bool| Write::Finalizer {
        kind: Kind::GitRepo,
        namespace: "fleet-default".into(),
        name: "shop".into(),
        finalizer: "skiff.dev/withdraw".into(),
        present,
    };
    fixture.resources.commit(vec![finalizer(true)]).await.unwrap();
    fixture.put(Kind::GitRepo, "shop", repo("https://x")).await.unwrap();
    let mut changes = fixture.resources.subscribe();
    // A user's change that the hub has not seen when it decides to put its finalizer on.
    fixture.put(Kind::GitRepo, "shop", repo("https://y")).await.unwrap();
    fixture.resources.commit(vec![finalizer(true), finalizer(true)]).await.unwrap();
    let object = fixture.resources.object(Kind::GitRepo, "fleet-default", "shop").unwrap();
    assert_eq!(object.value()["spec"]["repo"], "https://y");
    assert_eq!(object.value()["metadata"]["finalizers"], json!(["skiff.dev/withdraw"]));
    fixture.resources.delete(Kind::GitRepo, "fleet-default", "shop").await.unwrap();
    fixture.resources.commit(vec![finalizer(false)]).await.unwrap();
    assert!(fixture.resources.object(Kind::GitRepo, "fleet-default", "shop").is_none());
    fixture.resources.commit(vec![finalizer(false)]).await.unwrap();
    let mut seen = Vec::new();
    while let Ok(event) = changes.try_recv() {
        seen.push(event.event_type);
    }
    use EventType::{Deleted, Modified};
    assert_eq!(seen, [Modified, Modified, Modified, Deleted]);
}

#[tokio::test]
async fn everything_is_there_after_a_restart_and_versions_go_on() {
    let fixture = fixture().await;
    let spec = GitRepoSpec { repo: "https://x".into(), ..GitRepoSpec::default() };
    let mut shop = GitRepo::new("shop", spec.clone());
    shop.metadata.namespace = Some("team-a".into());
    let before = fixture.resources.put(&shop).await.unwrap().object;
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.resources.get::<GitRepo>("team-a", "shop").unwrap().unwrap().spec, spec);
    assert_eq!(fixture.resources.version(), before.version());
    assert!(fixture.resources.object(Kind::Namespace, "", "team-a").is_some(), "its namespace was made with it");
    let after = fixture.put(Kind::GitRepo, "other", repo("https://y")).await.unwrap().object;
    assert!(after.version() > before.version());
    assert!(fixture.resources.delete(Kind::Namespace, "", "team-a").await.is_err(), "a namespace takes nothing along");
}

#[tokio::test]
async fn no_value_of_a_secret_is_given_back_or_on_disk() {
    const CANARY: &str = "canary-5f1d";
    let fixture = fixture().await;
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, CANARY);
    let applied = format!("{{\"data\":\"{encoded}\"}}");
    let given = json!({"type": "kubernetes.io/basic-auth", "data": {"password": encoded},
        "stringData": {"username": CANARY},
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}}});
    let object = fixture.put(Kind::Secret, "git", given).await.unwrap().object;
    assert_eq!(object.value()["data"], json!({"password": "", "username": ""}));
    let secret = fixture.resources.secret("fleet-default", "git").await.unwrap().unwrap();
    assert_eq!(secret.secret_type, "kubernetes.io/basic-auth");
    assert_eq!(secret.data["password"].as_slice(), CANARY.as_bytes());
    assert!(!format!("{secret:?}").contains(CANARY));

    for entry in std::fs::read_dir(fixture.dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for secret in [CANARY, encoded.as_str()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
    // What a client read and gives back keeps the values; a key that is left out goes.
    let back = json!({"type": "kubernetes.io/basic-auth", "data": {"password": ""}});
    fixture.put(Kind::Secret, "git", back).await.unwrap();
    let secret = fixture.resources.secret("fleet-default", "git").await.unwrap().unwrap();
    assert_eq!(secret.data.keys().collect::<Vec<_>>(), ["password"]);
    assert_eq!(secret.data["password"].as_slice(), CANARY.as_bytes());
    let refused = fixture.put(Kind::Secret, "git", json!({"data": {"password": "%"}})).await.unwrap_err();
    assert!(refused.to_string().contains("data.password"), "{refused}");
}

#[tokio::test]
async fn the_files_of_a_users_bundle_are_not_in_the_clear_on_disk() {
    const CANARY: &str = "canary-77ab";
    let fixture = fixture().await;
    let bundle = |content: &str| {
        json!({"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": content}},
            "spec": {"resources": [{"name": "secret.yaml", "content": content}]}})
    };
    fixture.put(Kind::Bundle, "hand", bundle("canary-77ab of the first")).await.unwrap();
    fixture.put(Kind::Bundle, "hand", bundle("canary-77ab of the second")).await.unwrap();
    for entry in std::fs::read_dir(fixture.dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    }
    let fixture = fixture.reopen().await;
    let object = fixture.resources.object(Kind::Bundle, "fleet-default", "hand").unwrap();
    assert_eq!(object.value()["spec"]["resources"][0]["content"], "canary-77ab of the second");
    assert_eq!(object.value()["metadata"]["generation"], 2);
}

#[tokio::test]
async fn another_key_or_a_newer_schema_or_a_second_hub_is_refused() {
    let fixture = fixture().await;
    let Fixture { dir, resources } = fixture;
    let key = Key::in_directory(dir.path()).unwrap();
    assert!(matches!(Store::open(dir.path(), &key), Err(StoreError::InUse(_))));
    drop(resources);
    let error = Store::open(dir.path(), &Key::random().unwrap()).unwrap_err();
    assert!(error.to_string().contains("another key"), "{error}");
    let raw = Connection::open(dir.path().join(DATABASE)).unwrap();
    raw.pragma_update(None, "user_version", 1000).unwrap();
    drop(raw);
    assert!(matches!(Store::open(dir.path(), &key), Err(StoreError::NewerSchema { found: 1000, .. })));
}

#[test]
fn migrations_go_forward_and_a_failed_one_changes_nothing() {
    let one = migrations::Migration { name: "one", sql: "CREATE TABLE one (a)" };
    let two = migrations::Migration { name: "two", sql: "CREATE TABLE two (a); CREATE TABLE one (a)" };
    let right = migrations::Migration { name: "two", sql: "CREATE TABLE two (a)" };
    let mut connection = Connection::open_in_memory().unwrap();
    migrations::run(&mut connection, &[one]).unwrap();
    assert!(migrations::run(&mut connection, &[one, two]).is_err());
    migrations::run(&mut connection, &[one, right]).unwrap();
    migrations::run(&mut connection, &[one, right]).unwrap();
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 2);
}

#[tokio::test]
async fn writes_share_a_transaction_and_fail_alone() {
    let fixture = fixture().await;
    let store = fixture.resources.store();
    let writes = (0..50).map(|number: u32| {
        store.write::<_, StoreError, _>(move |tx| {
            tx.execute("INSERT INTO meta VALUES (?1, ?2)", (format!("test{number}"), vec![0_u8]))?;
            match number {
                3 => Err(StoreError::Corrupt("on purpose".into())),
                7 => panic!("on purpose"),
                _ => Ok(number),
            }
        })
    });
    let results = futures::future::join_all(writes).await;
    let failed: Vec<_> = (0..50).filter(|&number| results[number].is_err()).collect();
    assert_eq!(failed, [3, 7]);
    let count = |connection: &Connection| {
        let sql = "SELECT count(*) FROM meta WHERE key LIKE 'test%'";
        Ok::<i64, StoreError>(connection.query_row(sql, [], |row| row.get(0))?)
    };
    assert_eq!(store.read(count).await.unwrap(), 48);
}

#[tokio::test]
async fn what_was_acknowledged_is_in_a_copy_of_the_files_taken_at_that_moment() {
    let fixture = fixture().await;
    for number in 0..20 {
        let name = format!("repo-{number}");
        fixture.put(Kind::GitRepo, &name, repo("https://x")).await.unwrap();
        // What a kill leaves behind: the files as they are, without any closing.
        let copy = tempfile::tempdir().unwrap();
        for file in [DATABASE.to_owned(), format!("{DATABASE}-wal"), seal::KEY_FILE.to_owned()] {
            std::fs::copy(fixture.dir.path().join(&file), copy.path().join(&file)).unwrap();
        }
        let recovered = open(copy.path()).await;
        assert!(recovered.object(Kind::GitRepo, "fleet-default", &name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_watch_sees_every_change_in_order_or_says_that_it_cannot() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Key::in_directory(dir.path()).unwrap()).unwrap();
    let resources = Resources::with_history(&store, 4).await.unwrap();
    let fixture = Fixture { dir, resources };
    let start = fixture.resources.version();
    let mut watch = fixture.resources.watch(start).unwrap();
    fixture.put(Kind::GitRepo, "a", repo("https://x")).await.unwrap();
    fixture.put(Kind::GitRepo, "a", repo("https://y")).await.unwrap();
    fixture.resources.delete(Kind::GitRepo, "fleet-default", "a").await.unwrap();
    let seen = watch.next().await.unwrap();
    let types: Vec<_> = seen.iter().map(|event| event.event_type).collect();
    assert_eq!(types, [EventType::Added, EventType::Modified, EventType::Deleted]);
    assert!(seen.windows(2).all(|pair| pair[0].version < pair[1].version));
    assert_eq!(seen[1].previous.as_ref().unwrap().value()["spec"]["repo"], "https://x");
    for number in 0..5 {
        fixture.put(Kind::GitRepo, &format!("b{number}"), repo("https://x")).await.unwrap();
    }
    assert!(watch.next().await.is_err(), "five changes do not fit into four");
    assert!(fixture.resources.watch(start).is_err());
}

#[tokio::test]
async fn a_backup_of_a_running_store_opens_with_everything_in_it() {
    let fixture = fixture().await;
    fixture.put(Kind::GitRepo, "shop", repo("https://x")).await.unwrap();
    let to = tempfile::tempdir().unwrap();
    Store::backup(fixture.dir.path(), to.path()).unwrap();
    assert!(Store::backup(fixture.dir.path(), to.path()).is_err(), "a backup is never written over");
    std::fs::copy(fixture.dir.path().join(seal::KEY_FILE), to.path().join(seal::KEY_FILE)).unwrap();
    assert!(open(to.path()).await.object(Kind::GitRepo, "fleet-default", "shop").is_some());
}

#[tokio::test]
async fn objects_and_records_are_committed_together_or_not_at_all() {
    const TOKENS: Table = Table { name: "tokens", sealed: true };
    const REPORTS: Table = Table { name: "reports", sealed: false };
    let fixture = fixture().await;
    let put = |name: &str, value: Value| Write::Put {
        kind: Kind::GitRepo,
        namespace: "fleet-default".into(),
        name: name.into(),
        value,
    };
    let record = |table, key: &str, value: &[u8]| Write::Record { table, key: key.into(), value: value.into() };
    let gone = Write::Delete { kind: Kind::GitRepo, namespace: "fleet-default".into(), name: "none".into() };
    let writes = vec![
        put("a", repo("https://x")),
        record(TOKENS, "t1", b"canary-77a1"),
        record(TOKENS, "t2", b"two"),
        record(REPORTS, "r1", b"report"),
        gone,
    ];
    fixture.resources.commit(writes).await.unwrap();
    let forget = Write::Forget { table: TOKENS, key: "t2".into() };
    fixture.resources.commit(vec![forget, record(REPORTS, "r1", b"newer")]).await.unwrap();
    let bad = Write::Put {
        kind: Kind::Secret,
        namespace: "fleet-default".into(),
        name: "s".into(),
        value: json!({"data": {"k": 1}}),
    };
    assert!(
        fixture.resources.commit(vec![put("b", repo("https://x")), record(TOKENS, "t3", b"3"), bad]).await.is_err()
    );
    let fixture = fixture.reopen().await;
    let store = fixture.resources.store();
    assert_eq!(store.records(TOKENS).await.unwrap(), [("t1".to_owned(), b"canary-77a1".to_vec())]);
    assert_eq!(store.records(REPORTS).await.unwrap(), [("r1".to_owned(), b"newer".to_vec())]);
    assert!(fixture.resources.object(Kind::GitRepo, "fleet-default", "a").is_some());
    assert!(fixture.resources.object(Kind::GitRepo, "fleet-default", "b").is_none());
    for file in [DATABASE.to_owned(), format!("{DATABASE}-wal")] {
        let bytes = std::fs::read(fixture.dir.path().join(file)).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"canary-77a1"));
    }
}
