use super::*;
use crate::core::{CoreError, HeldInCluster, Subject, TokenRequest};
use crate::store::{Key, Store};
use fleet_api::Digest;
use fleet_api::names::{Namespace, Ref};
use fleet_api::v1alpha1::{BundleDeployment, BundleDeploymentSpec};
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::Mutex;
use tower::ServiceExt as _;

const FLEET: &str = "/apis/fleet.cattle.io/v1alpha1/namespaces/fleet-default";

#[derive(Default)]
struct FakeActions {
    done: Mutex<Vec<String>>,
    deployments: Mutex<Vec<BundleDeployment>>,
}

impl FakeActions {
    fn note(&self, text: String) {
        self.done.lock().unwrap().push(text);
    }
}

impl Actions for FakeActions {
    fn sync_now<'a>(&'a self, gitrepo: &'a Ref) -> BoxFuture<'a, Result<(), CoreError>> {
        self.note(format!("sync {gitrepo}"));
        Box::pin(async { Ok(()) })
    }

    fn create_token(&self, request: TokenRequest) -> BoxFuture<'_, Result<String, CoreError>> {
        self.note(format!("token {:?} {:?} {:?}", request.name, request.labels, request.lifetime));
        Box::pin(async { Ok("skiff1.x".into()) })
    }

    fn held<'a>(&'a self, _subject: &'a Subject) -> BoxFuture<'a, Result<Vec<HeldInCluster>, CoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn approve<'a>(
        &'a self,
        subject: &'a Subject,
        lists: &'a [(Ref, Digest)],
        by: &'a str,
    ) -> BoxFuture<'a, Result<(), CoreError>> {
        self.note(format!("approve {subject:?} {} by {by}", lists.len()));
        Box::pin(async { Err(CoreError::Refused("the list has changed".into())) })
    }

    fn last_seen(&self, _cluster: &Ref) -> Option<fleet_api::wire::Timestamp> {
        "2026-11-28T12:00:07Z".parse().ok()
    }

    fn deployments<'a>(&'a self, _namespace: Option<&'a Namespace>) -> BoxFuture<'a, Vec<BundleDeployment>> {
        Box::pin(async { self.deployments.lock().unwrap().clone() })
    }
}

struct Hub {
    router: Router,
    actions: Arc<FakeActions>,
    resources: Resources,
    _dir: tempfile::TempDir,
}

struct Answer {
    code: u16,
    body: Value,
    warnings: Vec<String>,
}

async fn hub() -> Hub {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Key::random().unwrap()).unwrap();
    let resources = Resources::open(&store).await.unwrap();
    let actions = Arc::new(FakeActions::default());
    let router = router(resources.clone(), actions.clone(), Admin::new("secret"));
    Hub { router, actions, resources, _dir: dir }
}

impl Hub {
    async fn send(&self, method: &str, path: &str, media: &str, body: &Value) -> Answer {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", "Bearer secret")
            .header("content-type", media)
            .header("user-agent", "tester/1")
            .body(Body::from(bytes))
            .unwrap();
        self.request(request).await
    }

    async fn request(&self, request: Request) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let warnings =
            response.headers().get_all("warning").iter().map(|value| value.to_str().unwrap().into()).collect();
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { code, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null), warnings }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", &Value::Null).await
    }

    async fn table(&self, path: &str) -> Value {
        let request = Request::builder()
            .uri(path)
            .header("authorization", "Bearer secret")
            .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
            .body(Body::empty())
            .unwrap();
        self.request(request).await.body
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "application/json", body).await
    }

    async fn repo(&self, name: &str) -> Answer {
        self.post(&format!("{FLEET}/gitrepos"), &repo(name)).await
    }
}

fn repo(name: &str) -> Value {
    json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo", "metadata": {"name": name},
        "spec": {"repo": "https://git.example/shop", "branch": "main"}})
}

#[tokio::test]
async fn a_bundle_of_a_gitrepo_is_not_deleted_alone() {
    let hub = hub().await;
    hub.repo("shop").await;
    for (name, gitrepo, code) in [("a", "shop", 409), ("b", "gone", 200)] {
        let bundle = json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Bundle",
            "metadata": {"name": name, "labels": {"fleet.cattle.io/repo-name": gitrepo}}, "spec": {}});
        assert_eq!(hub.post(&format!("{FLEET}/bundles"), &bundle).await.code, 201);
        let answer = hub.send("DELETE", &format!("{FLEET}/bundles/{name}"), "", &Value::Null).await;
        assert_eq!(answer.code, code, "{}", answer.body);
    }
}

#[tokio::test]
async fn nothing_is_told_without_the_token() {
    let hub = hub().await;
    for path in ["/api", "/version", &format!("{FLEET}/gitrepos"), "/v1/admin/token", "/nothing"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        assert_eq!(hub.request(request).await.code, 401, "{path}");
    }
    let page = Request::builder().uri("/").body(Body::empty()).unwrap();
    assert_eq!(hub.request(page).await.code, 200);
}

#[tokio::test]
async fn an_object_is_made_read_replaced_and_deleted() {
    let hub = hub().await;
    let path = format!("{FLEET}/gitrepos/shop");
    let mut given = repo("shop");
    given["status"] = json!({"commit": "forged"});
    given["metadata"]["uid"] = "forged".into();
    let made = hub.post(&format!("{FLEET}/gitrepos"), &given).await;
    assert_eq!(made.code, 201, "{}", made.body);
    assert!(made.body.get("status").is_none());
    assert_ne!(made.body["metadata"]["uid"], "forged");
    assert_eq!(hub.repo("shop").await.body["reason"], "AlreadyExists");
    let read = hub.get(&path).await;
    assert_eq!(read.body, made.body);
    assert_eq!(hub.get(&format!("{path}/status")).await.code, 200);

    let mut changed = read.body.clone();
    changed["spec"]["branch"] = "next".into();
    let replaced = hub.send("PUT", &path, "application/json", &changed).await;
    assert_eq!((replaced.code, replaced.body["metadata"]["generation"].as_i64()), (200, Some(2)));
    let stale = hub.send("PUT", &path, "application/json", &changed).await;
    assert_eq!((stale.code, stale.body["reason"].as_str()), (409, Some("Conflict")));

    let deleted = hub.send("DELETE", &path, "application/json", &Value::Null).await;
    assert_eq!((deleted.code, deleted.body["status"].as_str()), (200, Some("Success")));
    assert_eq!(deleted.body["details"]["uid"], made.body["metadata"]["uid"]);
    let gone = hub.get(&path).await;
    assert_eq!(gone.body["message"], "gitrepos.fleet.cattle.io \"shop\" not found");
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_path() {
    let hub = hub().await;
    let with = |path: &str, value: Value| {
        let mut object = repo("shop");
        let mut place = &mut object;
        for key in path.split('.') {
            place = &mut place[key];
        }
        *place = value;
        object
    };
    for (object, code, expected) in [
        (with("spec.repo", json!("")), 422, "spec.repo: Required value"),
        (with("spec.repo", json!(7)), 422, "spec.repo: Invalid value: \"integer\": must be of type string"),
        (with("spec.pollingInterval", json!("15")), 422, "spec.pollingInterval: Invalid value: \"15\": a duration"),
        (with("spec.paths", json!({"a": "b"})), 422, "spec.paths: Invalid value: \"object\": must be of type array"),
        (with("metadata.name", json!("Shop")), 422, "metadata.name: Invalid value: \"Shop\""),
        (with("metadata.labels", json!({"a": "b c"})), 422, "metadata.labels.a: Invalid value: \"b c\""),
        (with("metadata.labels", json!({"a": 1})), 422, "metadata.labels.a: Invalid value: 1: a text is expected"),
        (with("spec.deletionLimit", json!({"percent": 101})), 422, "spec.deletionLimit.percent"),
        (
            with("spec.targets", json!([{"clusterSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}])),
            422,
            "spec.targets[0].clusterSelector: Invalid value: `Is` is not a valid label selector operator",
        ),
        (with("metadata.namespace", json!("other")), 400, "the namespace of the object (other) does not match"),
        (with("kind", json!("Bundle")), 400, "kind of the object is `Bundle`"),
    ] {
        let answer = hub.post(&format!("{FLEET}/gitrepos"), &object).await;
        let message = answer.body["message"].as_str().unwrap();
        assert_eq!(answer.code, code, "{message}");
        assert!(message.contains(expected), "{message}\n  instead of {expected}");
    }
    let answer = hub.post("/apis/fleet.cattle.io/v1alpha1/namespaces/Bad_Name/gitrepos", &repo("shop")).await;
    assert_eq!(answer.code, 422);
}

#[tokio::test]
async fn unknown_fields_are_refused_told_or_dropped_as_asked() {
    let hub = hub().await;
    let mut object = repo("shop");
    object["spec"]["brunch"] = "main".into();
    object["metadata"]["lables"] = json!({});
    let path = format!("{FLEET}/gitrepos");
    let strict = hub.post(&format!("{path}?fieldValidation=Strict"), &object).await;
    assert_eq!(strict.code, 400);
    let message = strict.body["message"].as_str().unwrap();
    assert!(message.contains("unknown field \"spec.brunch\", unknown field \"metadata.lables\""), "{message}");
    let warned = hub.post(&path, &object).await;
    assert_eq!(warned.code, 201);
    assert_eq!(warned.warnings[0], "299 - \"unknown field \\\"spec.brunch\\\"; did you mean `branch`?\"");
    assert!(warned.body["spec"].get("brunch").is_none());
    object["metadata"]["name"] = "other".into();
    assert!(hub.post(&format!("{path}?fieldValidation=Ignore"), &object).await.warnings.is_empty());

    // Dropped from a target, they would widen it.
    for (target, field, near) in [
        (json!({"clusterGroup": "edge", "clusterSelectr": {}}), "clusterSelectr", "clusterSelector"),
        (json!({"clusterSelector": {"matchLabls": {"env": "prod"}}}), "clusterSelector.matchLabls", "matchLabels"),
    ] {
        let mut object = repo("wide");
        object["spec"]["targets"] = json!([target]);
        let refused = hub.post(&path, &object).await;
        let message = refused.body["message"].as_str().unwrap().to_owned();
        assert_eq!(refused.code, 422, "{message}");
        assert!(message.contains(&format!("spec.targets[0].{field}: Unknown field: ")), "{message}");
        assert!(message.contains(&format!("did you mean `{near}`?")), "{message}");
    }

    object["metadata"]["name"] = "with-a-password".into();
    object["spec"]["repo"] = "https://ada:canary@git.example.com/shop.git".into();
    let warned = hub.post(&format!("{path}?fieldValidation=Ignore"), &object).await;
    assert_eq!(warned.code, 201);
    let [warning] = warned.warnings.as_slice() else { panic!("{:?}", warned.warnings) };
    assert!(warning.contains("spec.clientSecretName") && !warning.contains("canary"), "{warning}");
}

#[tokio::test]
async fn a_dry_run_answers_and_changes_nothing() {
    let hub = hub().await;
    let path = format!("{FLEET}/gitrepos");
    assert_eq!(hub.post(&format!("{path}?dryRun=All"), &repo("shop")).await.code, 201);
    assert_eq!(hub.get(&format!("{path}/shop")).await.code, 404);
    hub.repo("shop").await;
    let deleted = hub.send("DELETE", &format!("{path}/shop"), "", &json!({"dryRun": ["All"]})).await;
    assert_eq!(deleted.body["status"], "Success");
    assert_eq!(hub.get(&format!("{path}/shop")).await.code, 200);
}

#[tokio::test]
async fn patches_change_what_they_name() {
    let hub = hub().await;
    hub.repo("shop").await;
    let path = format!("{FLEET}/gitrepos/shop");
    let labels = json!({"metadata": {"labels": {"a": "b", "c": "d"}}});
    let merged = hub.send("PATCH", &path, "application/merge-patch+json", &labels).await;
    assert_eq!((merged.code, &merged.body["metadata"]["labels"]), (200, &json!({"a": "b", "c": "d"})));
    assert_eq!(merged.body["metadata"]["generation"], 1);
    let removed = json!({"metadata": {"labels": {"a": null}, "$setElementOrder/x": []}});
    let removed = hub.send("PATCH", &path, "application/strategic-merge-patch+json", &removed).await;
    assert_eq!(removed.body["metadata"]["labels"], json!({"c": "d"}));
    let json_patch = json!([{"op": "replace", "path": "/spec/branch", "value": "next"}]);
    let patched = hub.send("PATCH", &path, "application/json-patch+json", &json_patch).await;
    assert_eq!(patched.body["spec"]["branch"], "next");
    let failed = json!([{"op": "test", "path": "/spec/branch", "value": "main"}]);
    assert_eq!(hub.send("PATCH", &path, "application/json-patch+json", &failed).await.code, 422);
    let stale = json!({"metadata": {"resourceVersion": "1"}});
    assert_eq!(hub.send("PATCH", &path, "application/merge-patch+json", &stale).await.code, 409);
    assert_eq!(hub.send("PATCH", &path, "text/plain", &stale).await.code, 415);
}

#[tokio::test]
async fn server_side_apply_creates_changes_and_finds_conflicts() {
    let hub = hub().await;
    let path = format!("{FLEET}/gitrepos/shop");
    let media = "application/apply-patch+yaml";
    let apply = async |manager: &str, object: &Value| {
        hub.send("PATCH", &format!("{path}?fieldManager={manager}"), media, object).await
    };
    assert_eq!(apply("one", &repo("shop")).await.code, 201);
    let again = apply("one", &repo("shop")).await;
    assert_eq!(again.code, 200);
    let mut other = repo("shop");
    other["spec"]["branch"] = "next".into();
    let conflict = apply("two", &other).await;
    assert_eq!((conflict.code, conflict.body["reason"].as_str()), (409, Some("Conflict")));
    assert!(conflict.body["message"].as_str().unwrap().contains("conflict with \"one\": .spec.branch"));
    let forced = apply("two&force=true", &other).await;
    assert_eq!(forced.body["spec"]["branch"], "next");
    let mut without = repo("shop");
    without["spec"].as_object_mut().unwrap().remove("branch");
    let kept = apply("one", &without).await;
    assert_eq!(kept.body["spec"]["branch"], "next", "two owns it now");
    let gone = apply("two", &without).await;
    assert!(gone.body["spec"].get("branch").is_none());
    assert_eq!(hub.send("PATCH", &path, media, &other).await.code, 400, "an apply names its manager");
}

#[tokio::test]
async fn lists_are_selected_cut_and_continued() {
    let hub = hub().await;
    for name in ["a", "b", "c", "d"] {
        let mut object = repo(name);
        object["metadata"]["labels"] = json!({"even": (name == "b" || name == "d").to_string()});
        hub.post(&format!("{FLEET}/gitrepos"), &object).await;
    }
    let names = |answer: &Answer| {
        let items = answer.body["items"].as_array().unwrap().iter();
        items.map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let even = hub.get("/apis/fleet.cattle.io/v1alpha1/gitrepos?labelSelector=even%3Dtrue").await;
    assert_eq!(names(&even), ["b", "d"]);
    let one = hub.get(&format!("{FLEET}/gitrepos?fieldSelector=metadata.name%3Dc")).await;
    assert_eq!(names(&one), ["c"]);
    let first = hub.get(&format!("{FLEET}/gitrepos?limit=3")).await;
    assert_eq!(names(&first), ["a", "b", "c"]);
    assert_eq!(first.body["metadata"]["remainingItemCount"], 1);
    let token = first.body["metadata"]["continue"].as_str().unwrap();
    let rest = hub.get(&format!("{FLEET}/gitrepos?limit=3&continue={token}")).await;
    assert_eq!(names(&rest), ["d"]);
    assert!(rest.body["metadata"].get("continue").is_none());
}

#[tokio::test]
async fn tables_have_fleets_columns() {
    let hub = hub().await;
    hub.repo("shop").await;
    let status = fleet_api::v1alpha1::GitRepoStatus {
        commit: "abc".into(),
        display: fleet_api::v1alpha1::Display { ready_bundle_deployments: "1/2".into(), ..Default::default() },
        conditions: vec![fleet_api::v1alpha1::Condition {
            type_: "Ready".into(),
            status: "False".into(),
            message: "NotReady(1) [Bundle shop]".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    hub.resources.set_status::<fleet_api::v1alpha1::GitRepo>("fleet-default", "shop", &status).await.unwrap();
    let table = hub.table(&format!("{FLEET}/gitrepos")).await;
    let columns = table["columnDefinitions"].as_array().unwrap().iter();
    let columns: Vec<_> =
        columns.filter(|column| column["priority"] == 0).map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(columns, ["Name", "Repo", "Commit", "BundleDeployments-Ready", "Status"]);
    let cells: Vec<_> = table["rows"][0]["cells"].as_array().unwrap().iter().take(5).collect();
    assert_eq!(cells, ["shop", "https://git.example/shop", "abc", "1/2", "NotReady(1) [Bundle shop]"]);
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

#[tokio::test]
async fn secrets_go_in_and_their_values_never_come_out() {
    let hub = hub().await;
    let path = "/api/v1/namespaces/fleet-default/secrets";
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "git"},
        "type": "kubernetes.io/basic-auth", "stringData": {"username": "canary-1", "password": "canary-2"}});
    let made = hub.post(path, &secret).await;
    assert_eq!(made.code, 201, "{}", made.body);
    let one = hub.get(&format!("{path}/git")).await;
    assert_eq!(one.body["data"], json!({"password": "", "username": ""}));
    let listed = hub.get("/api/v1/secrets").await;
    let apply = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "git"}, "stringData": {"password": "canary-3"}});
    let applied = hub
        .send("PATCH", &format!("{path}/git?fieldManager=m&force=true"), "application/apply-patch+yaml", &apply)
        .await;
    assert_eq!(applied.code, 200, "{}", applied.body);
    for answer in [&made.body, &one.body, &listed.body, &applied.body] {
        let text = answer.to_string();
        assert!(!text.contains("canary") && !text.contains("Y2FuYXJ5"), "{text}");
    }
    let stored = hub.resources.secret("fleet-default", "git").await.unwrap().unwrap();
    assert_eq!(stored.data["password"].as_slice(), b"canary-3");
    assert_eq!(stored.data["username"].as_slice(), b"canary-1");
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    hub.send("PATCH", &format!("{path}/git"), "application/merge-patch+json", &label).await;
    assert_eq!(hub.resources.secret("fleet-default", "git").await.unwrap().unwrap().data, stored.data);
}

#[tokio::test]
async fn config_maps_come_back_as_they_were_given_and_are_checked() {
    let hub = hub().await;
    let path = "/api/v1/namespaces/fleet-default/configmaps";
    let map = |name: &str, data: Value, binary: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data, "binaryData": binary});
    let made = hub.post(path, &map("a", json!({"k": "v"}), json!({"b": "AAE="}))).await;
    assert_eq!(made.code, 201, "{}", made.body);
    let one = hub.get(&format!("{path}/a")).await;
    assert_eq!((&one.body["data"], &one.body["binaryData"]), (&json!({"k": "v"}), &json!({"b": "AAE="})));
    let bad = [
        (json!({"a/b": "v"}), json!({}), "letters, digits"),
        (json!({}), json!({"k": "%"}), "binaryData.k"),
        (json!({"k": "v"}), json!({"k": "AAE="}), "the key is in data, too"),
        (json!({"k": 1}), json!({}), "data.k"),
        (json!({"k": "x".repeat(800_000)}), json!({"b": "A".repeat(800_000)}), "at most 1 MiB"),
    ];
    for (data, binary, expected) in bad {
        let refused = hub.post(path, &map("b", data, binary)).await;
        assert_eq!(refused.code, 422, "{expected}: {}", refused.body);
        assert!(refused.body["message"].as_str().unwrap().contains(expected), "{}", refused.body);
    }
}

#[tokio::test]
async fn a_watch_tells_what_happens_to_what_it_sees() {
    let hub = hub().await;
    hub.repo("a").await;
    let listed = hub.get(&format!("{FLEET}/gitrepos")).await;
    let version = listed.body["metadata"]["resourceVersion"].as_str().unwrap();
    let path = format!("{FLEET}/gitrepos?watch=1&resourceVersion={version}&labelSelector=on%3Dyes&timeoutSeconds=5");
    let request = Request::builder().uri(path).header("authorization", "Bearer secret").body(Body::empty()).unwrap();
    let mut stream = hub.router.clone().oneshot(request).await.unwrap().into_body();
    let on = json!({"metadata": {"labels": {"on": "yes"}}});
    let off = json!({"metadata": {"labels": {"on": "no"}}});
    let media = "application/merge-patch+json";
    hub.send("PATCH", &format!("{FLEET}/gitrepos/a"), media, &on).await;
    hub.repo("b").await;
    hub.send("PATCH", &format!("{FLEET}/gitrepos/a"), media, &json!({"spec": {"branch": "next"}})).await;
    hub.send("PATCH", &format!("{FLEET}/gitrepos/a"), media, &off).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let frame = stream.frame().await.unwrap().unwrap().into_data().unwrap();
        let event: Value = serde_json::from_slice(&frame).unwrap();
        seen.push((event["type"].as_str().unwrap().to_owned(), event["object"]["metadata"]["name"].clone()));
    }
    let expected = ["ADDED", "MODIFIED", "DELETED"].map(|kind| (kind.to_owned(), json!("a")));
    assert_eq!(seen, expected);
    let old = hub.get(&format!("{FLEET}/gitrepos?watch=1&resourceVersion=0000")).await;
    assert_eq!((old.code, old.body["reason"].as_str()), (410, Some("Expired")));
}

#[tokio::test]
async fn deployments_are_listed_and_watched_and_cannot_be_written() {
    let hub = hub().await;
    let deployment = |name: &str, id: &str| {
        let mut made =
            BundleDeployment::new(name, BundleDeploymentSpec { deployment_id: id.into(), ..Default::default() });
        made.metadata.namespace = Some("fleet-default".into());
        made
    };
    *hub.actions.deployments.lock().unwrap() = vec![deployment("b.c1", "1"), deployment("b.c2", "1")];
    let path = format!("{FLEET}/bundledeployments");
    assert_eq!(hub.get(&format!("{path}/b.c2")).await.body["spec"]["deploymentID"], "1");
    let listed = hub.get(&path).await;
    let version = listed.body["metadata"]["resourceVersion"].as_str().unwrap();
    *hub.actions.deployments.lock().unwrap() = vec![deployment("b.c2", "2"), deployment("b.c3", "1")];
    let request = Request::builder()
        .uri(format!("{path}?watch=1&resourceVersion={version}&timeoutSeconds=5"))
        .header("authorization", "Bearer secret")
        .body(Body::empty())
        .unwrap();
    let mut stream = hub.router.clone().oneshot(request).await.unwrap().into_body();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        let frame = stream.frame().await.unwrap().unwrap().into_data().unwrap();
        let event: Value = serde_json::from_slice(&frame).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        seen.push(format!("{} {}", text(&event["type"]), text(&event["object"]["metadata"]["name"])));
    }
    assert_eq!(seen, ["MODIFIED b.c2", "ADDED b.c3", "DELETED b.c1"]);
    assert_eq!(hub.send("DELETE", &format!("{path}/b.c2"), "", &Value::Null).await.code, 405);
    assert_eq!(hub.get(&format!("{path}?watch=1&resourceVersion=7")).await.code, 410);
}

#[tokio::test]
async fn the_end_of_a_gitrepo_can_keep_its_resources() {
    let hub = hub().await;
    hub.repo("shop").await;
    let mut watch = hub.resources.watch(hub.resources.version()).unwrap();
    let path = format!("{FLEET}/gitrepos/shop?keepResources=true");
    assert_eq!(hub.send("DELETE", &path, "", &Value::Null).await.code, 200);
    let events = watch.next().await.unwrap();
    let last = events.last().unwrap();
    assert_eq!(last.event_type, crate::store::EventType::Deleted);
    assert_eq!(last.object.value()["spec"]["keepResources"], true);
    let cluster = json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Cluster", "metadata": {"name": "c"}});
    assert_eq!(hub.post(&format!("{FLEET}/clusters"), &cluster).await.code, 201);
    let refused = hub.send("DELETE", &format!("{FLEET}/clusters/c?keepResources=true"), "", &Value::Null).await;
    assert_eq!(refused.code, 400);
}

#[tokio::test]
async fn the_admins_verbs_reach_the_core() {
    let hub = hub().await;
    let token = json!({"name": "one", "labels": {"env": "prod"}, "ttl": "2h"});
    assert_eq!(hub.post("/v1/admin/token", &token).await.body["token"], "skiff1.x");
    for bad in [
        json!({"ttl": "2"}),
        json!({"ttl": "0"}),
        json!({"labels": {"a b": "c"}}),
        json!({"name": "A"}),
        json!({"nam": 1}),
    ] {
        assert_eq!(hub.post("/v1/admin/token", &bad).await.code, 400, "{bad}");
    }
    hub.post("/v1/admin/sync/gr/fleet-default/shop", &Value::Null).await;
    let digest = Digest::of(b"list");
    let lists = json!({"lists": [{"cluster": "fleet-default/one", "digest": digest}]});
    let approved = hub.post("/v1/admin/approve/gitrepo/fleet-default/shop", &lists).await;
    assert_eq!((approved.code, approved.body["message"].as_str()), (409, Some("the list has changed")));
    let done = hub.actions.done.lock().unwrap().clone();
    assert!(done[0].contains("\"env\": \"prod\"") && done[0].contains("7200s"), "{}", done[0]);
    assert_eq!(done[1], "sync fleet-default/shop");
    assert_eq!(hub.get("/v1/admin/held/cluster/fleet-default/none").await.code, 404);
}

#[tokio::test]
async fn explain_names_what_is_below_and_the_near_miss_of_a_claim() {
    let hub = hub().await;
    let mut shop = repo("shop");
    shop["spec"]["targets"] = json!([{"clusterSelector": {"matchLabels": {"env": "prod"}}}]);
    hub.post(&format!("{FLEET}/gitrepos"), &shop).await;
    let cluster = json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Cluster", "metadata": {"name": "c"}});
    hub.post(&format!("{FLEET}/clusters"), &cluster).await;
    let status = fleet_api::v1alpha1::ClusterStatus {
        claimed_labels: [("env".to_owned(), "prod".to_owned())].into(),
        ..Default::default()
    };
    hub.resources.set_status::<fleet_api::v1alpha1::Cluster>("fleet-default", "c", &status).await.unwrap();
    for path in ["cluster/fleet-default/c", "gitrepo/fleet-default/shop"] {
        let told = hub.get(&format!("/v1/admin/explain/{path}")).await;
        let entry = &told.body["entries"][0];
        assert_eq!(entry["note"]["reason"], "ClaimedLabel", "{}", told.body);
        assert_eq!(entry["remedy"], "`skiff label cluster c env=prod`");
    }
    assert_eq!(hub.get("/v1/admin/explain/cluster/fleet-default/none").await.code, 404);
}

/// What is written of it lags by minutes, so that a poll costs no write.
#[tokio::test]
async fn when_a_cluster_was_heard_of_is_read_from_memory() {
    let hub = hub().await;
    let cluster = json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Cluster", "metadata": {"name": "c"}});
    hub.post(&format!("{FLEET}/clusters"), &cluster).await;
    for (written, shown) in
        [("2026-11-28T12:00:00Z", "2026-11-28T12:00:07Z"), ("2026-11-28T12:00:09Z", "2026-11-28T12:00:09Z")]
    {
        let mut status = fleet_api::v1alpha1::ClusterStatus::default();
        status.agent.last_seen = written.into();
        hub.resources.set_status::<fleet_api::v1alpha1::Cluster>("fleet-default", "c", &status).await.unwrap();
        let one = hub.get(&format!("{FLEET}/clusters/c")).await.body;
        let all = hub.get(&format!("{FLEET}/clusters")).await.body;
        assert_eq!(one["status"]["agent"]["lastSeen"], shown);
        assert_eq!(all["items"][0]["status"]["agent"]["lastSeen"], shown);
    }
}

#[tokio::test]
async fn discovery_names_every_kind_in_both_forms() {
    let hub = hub().await;
    let plain = hub.get("/apis/fleet.cattle.io/v1alpha1").await.body;
    let names: Vec<_> = plain["resources"].as_array().unwrap().iter().map(|entry| entry["name"].clone()).collect();
    assert!(names.contains(&json!("gitrepos")) && names.contains(&json!("clusters/status")));
    let request = Request::builder()
        .uri("/apis")
        .header("authorization", "Bearer secret")
        .header("accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json")
        .body(Body::empty())
        .unwrap();
    let list = hub.request(request).await.body;
    assert_eq!(list["items"][0]["metadata"]["name"], "fleet.cattle.io");
    assert_eq!(list["items"][0]["versions"][0]["resources"].as_array().unwrap().len(), 6);
    let openapi = hub.get("/openapi/v3/apis/fleet.cattle.io/v1alpha1").await.body;
    let schemas = &openapi["components"]["schemas"];
    assert!(schemas["io.cattle.fleet.v1alpha1.GitRepo"]["properties"]["spec"]["properties"]["repo"].is_object());
}
