//! The server through `kube::Client`: watchers, faults, the request log, emulated controllers, a socket.

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams, WatchParams};
use kube::core::{DynamicObject, PartialObjectMeta, WatchEvent};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Error, ResourceExt as _};
use serde_json::{Value, json};
use skiff_sim::{ApiServer, Controllers, Fault, FaultRule, ObjectKey, Options, Verb};
use std::time::Duration;

fn map(name: &str, value: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() },
        data: Some([("k".to_owned(), value.to_owned())].into()),
        ..ConfigMap::default()
    }
}

fn maps(server: &ApiServer) -> Api<ConfigMap> {
    Api::default_namespaced(server.client())
}

fn deployment(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": image}]}},
        },
    })
}

/// The status of the answer; 0 where there was none.
fn code(e: &Error) -> u16 {
    match e {
        Error::Api(status) => status.code,
        _ => 0,
    }
}

#[tokio::test]
async fn typed_clients_read_and_write() {
    let server = ApiServer::default();
    let api = maps(&server);
    let made = api.create(&PostParams::default(), &map("a", "1")).await.expect("creates");
    assert!(made.uid().is_some());
    let apply = PatchParams::apply("agent").force();
    let patch = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "2"}});
    let new = api.patch("a", &apply, &Patch::Apply(&patch)).await.expect("applies");
    assert_eq!(new.data.as_ref().and_then(|d| d.get("k")).map(String::as_str), Some("2"));
    assert_eq!(api.list(&ListParams::default()).await.expect("lists").items.len(), 1);
    let meta = api.get_metadata("a").await.expect("metadata");
    assert_eq!(meta.uid(), made.uid());
    assert!(api.delete("a", &DeleteParams::default()).await.expect("deletes").is_right());
    assert_eq!(code(&api.get("a").await.expect_err("gone")), 404);
}

#[tokio::test]
async fn discovery_finds_built_in_and_custom_kinds() {
    let server = ApiServer::default();
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    });
    server.create_as("kubectl-create", crd).expect("creates");
    for aggregated in [false, true] {
        let discovery = kube::Discovery::new(server.client());
        let discovery = if aggregated { discovery.run_aggregated().await } else { discovery.run().await };
        let discovery = discovery.expect("discovers");
        for (group, kind) in [("apps", "Deployment"), ("example.com", "Widget"), ("", "ConfigMap")] {
            let found = discovery.groups().filter(|g| g.name() == group).flat_map(|g| g.recommended_resources());
            assert!(found.into_iter().any(|(r, _)| r.kind == kind), "{group} {kind} aggregated={aggregated}");
        }
    }
    assert_eq!(server.client().apiserver_version().await.expect("a version").git_version, "v1.36.3");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_sees_what_happens_and_survives_a_break_and_a_compaction() {
    let server = ApiServer::default();
    let api = maps(&server);
    api.create(&PostParams::default(), &map("a", "1")).await.expect("creates");
    let backoff = kube::runtime::watcher::DefaultBackoff::default();
    let mut stream =
        Box::pin(watcher(api.clone(), watcher::Config::default().streaming_lists()).backoff(backoff).applied_objects());
    let next = async |stream: &mut std::pin::Pin<Box<_>>| -> String {
        loop {
            let next: Option<Result<ConfigMap, _>> = futures::StreamExt::next(stream).await;
            match next.expect("goes on") {
                Ok(object) => return format!("{}={}", object.name_any(), object.data.expect("data")["k"]),
                Err(_) => continue,
            }
        }
    };
    assert_eq!(next(&mut stream).await, "a=1");
    api.create(&PostParams::default(), &map("b", "1")).await.expect("creates");
    assert_eq!(next(&mut stream).await, "b=1");
    server.break_watches();
    api.create(&PostParams::default(), &map("c", "1")).await.expect("creates");
    assert_eq!(next(&mut stream).await, "c=1");
    server.inject(FaultRule::new(Fault::status(503)).verbs(&[Verb::Watch]).times(2));
    server.break_watches();
    api.create(&PostParams::default(), &map("d", "1")).await.expect("creates");
    server.compact();
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.push(next(&mut stream).await);
    }
    assert!(seen.contains(&"d=1".to_owned()), "listed again after 410: {seen:?}");
}

#[tokio::test]
async fn a_watch_of_a_label_reports_what_leaves_it_as_deleted() {
    let server = ApiServer::default();
    let api = maps(&server);
    let mut object = map("a", "1");
    object.metadata.labels = Some([("l".to_owned(), "1".to_owned())].into());
    let made = api.create(&PostParams::default(), &object).await.expect("creates");
    let version = made.resource_version().expect("a version");
    let unlabel = json!({"metadata": {"labels": {"l": null}}});
    api.patch("a", &PatchParams::default(), &Patch::Merge(&unlabel)).await.expect("patches");
    let params = WatchParams::default().labels("l=1").timeout(1);
    let events: Vec<_> = api.watch(&params, &version).await.expect("watches").try_collect().await.expect("events");
    assert!(matches!(events.as_slice(), [WatchEvent::Deleted(o), ..] if o.name_any() == "a"), "{events:?}");
    server.compact();
    let events: Vec<_> = api.watch(&params, &version).await.expect("watches").collect().await;
    assert!(matches!(events.first(), Some(Ok(WatchEvent::Error(s))) if s.code == 410), "{events:?}");
}

#[tokio::test]
async fn a_metadata_watcher_gets_metadata_alone() {
    let server = ApiServer::default();
    maps(&server).create(&PostParams::default(), &map("a", "1")).await.expect("creates");
    let api: Api<PartialObjectMeta<ConfigMap>> = Api::default_namespaced(server.client());
    let mut stream = Box::pin(watcher(api, watcher::Config::default()).applied_objects());
    let first: PartialObjectMeta<ConfigMap> = stream.next().await.expect("an event").expect("an object");
    assert_eq!(first.name_any(), "a");
}

#[tokio::test(start_paused = true)]
async fn faults_hit_the_requests_they_name() {
    let server = ApiServer::default();
    let api = maps(&server);
    for (status, retry) in [(409, None), (429, Some(7)), (500, None), (403, None), (503, None)] {
        let fault = Fault::Status { code: status, retry_after: retry, message: String::new() };
        server.inject(FaultRule::new(fault).verbs(&[Verb::Create]).resource("configmaps").times(1));
        let refused = api.create(&PostParams::default(), &map("a", "1")).await.expect_err("refused");
        assert_eq!(code(&refused), status);
    }
    assert!(server.object(&ObjectKey::new("", "configmaps", "default", "a")).is_none());
    server.inject(FaultRule::new(Fault::ConnectionError).name("a").times(1));
    assert!(matches!(api.get("a").await, Err(Error::Service(_))));
    server.inject(FaultRule::new(Fault::LostAnswer).verbs(&[Verb::Create]).times(1));
    assert!(matches!(api.create(&PostParams::default(), &map("a", "1")).await, Err(Error::Service(_))));
    assert_eq!(api.get("a").await.expect("was done").name_any(), "a");
    let admission = Fault::Admission { webhook: "policy.example.com".into(), message: "no".into() };
    let rule = server.inject(FaultRule::new(admission).verbs(&[Verb::Patch]));
    let patch = json!({"data": {"k": "2"}});
    let refused = api.patch("a", &PatchParams::default(), &Patch::Merge(&patch)).await.expect_err("refused");
    assert!(
        refused.to_string().contains("admission webhook \"policy.example.com\" denied the request: no"),
        "{refused}"
    );
    server.remove_fault(rule);
    server.inject(FaultRule::new(Fault::Delay(Duration::from_secs(60))).times(1));
    let before = tokio::time::Instant::now();
    api.patch("a", &PatchParams::default(), &Patch::Merge(&patch)).await.expect("patches");
    assert!(before.elapsed() >= Duration::from_secs(60));
}

#[tokio::test]
async fn requests_are_logged_and_counted() {
    let server = ApiServer::new(Options { log_bodies: true, ..Options::default() });
    let api = maps(&server);
    api.create(&PostParams { field_manager: Some("m".into()), ..PostParams::default() }, &map("a", "1"))
        .await
        .expect("creates");
    let same = json!({"data": {"k": "1"}});
    api.patch("a", &PatchParams::default(), &Patch::Merge(&same)).await.expect("patches");
    api.list(&ListParams::default()).await.expect("lists");
    let counters = server.counters();
    assert_eq!((counters.requests, counters.writes, counters.changes, counters.lists), (3, 2, 1, 1));
    let log = server.requests();
    let first = log.first().expect("a request");
    assert_eq!(
        (first.verb, first.resource.as_str(), first.namespace.as_str(), first.code),
        (Verb::Create, "configmaps", "default", 201)
    );
    assert_eq!(first.body.as_ref().map(|b| &b["data"]["k"]), Some(&json!("1")));
    server.reset_log();
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn emulated_controllers_make_workloads_ready_and_fail_broken_ones() {
    let controllers = Controllers { ready_after: 2, ..Controllers::default() };
    let server = ApiServer::new(Options { controllers: Some(controllers), ..Options::default() });
    server.create_as("t", deployment("good", "nginx:1")).expect("creates");
    server.create_as("t", deployment("bad", "nginx:broken")).expect("creates");
    let status = |name: &str| {
        server.object(&ObjectKey::new("apps", "deployments", "default", name)).expect("there")["status"].clone()
    };
    server.tick();
    assert_eq!((&status("good")["observedGeneration"], status("good").get("readyReplicas")), (&json!(1), None));
    server.tick();
    server.tick();
    assert_eq!(status("good")["readyReplicas"], 1);
    assert_eq!(status("bad")["conditions"][1]["reason"], "ProgressDeadlineExceeded");
    let version = server.version();
    server.tick();
    assert_eq!(server.version(), version, "a steady state is not written");
}

#[tokio::test]
async fn dependents_of_a_deleted_owner_are_collected() {
    let server = ApiServer::default();
    let owner = server
        .create_as(
            "t",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "o", "namespace": "default"}}),
        )
        .expect("creates");
    let dependent = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d", "namespace": "default", "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": owner["metadata"]["uid"]}]}});
    let key = |name: &str| ObjectKey::new("", "configmaps", "default", name);
    server.create_as("t", dependent.clone()).expect("creates");
    server.delete(&key("o")).expect("deletes");
    assert!(server.object(&key("d")).is_none());
    let owner = server
        .create_as(
            "t",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "o", "namespace": "default"}}),
        )
        .expect("creates");
    let mut dependent = dependent;
    dependent["metadata"]["ownerReferences"][0]["uid"] = owner["metadata"]["uid"].clone();
    server.create_as("t", dependent).expect("creates");
    maps(&server)
        .delete(
            "o",
            &DeleteParams { propagation_policy: Some(kube::api::PropagationPolicy::Orphan), ..DeleteParams::default() },
        )
        .await
        .expect("deletes");
    assert!(server.object(&key("o")).is_none());
    assert!(server.object(&key("d")).is_some_and(|d| d.pointer("/metadata/ownerReferences/0").is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_slow_crd_is_served_after_its_delay() {
    let server = ApiServer::new(Options { crd_delay: Duration::from_secs(5), ..Options::default() });
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Cluster", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    });
    server.create_as("t", crd).expect("creates");
    let gvk = kube::core::GroupVersionKind::gvk("example.com", "v1", "Widget");
    let resource = kube::core::ApiResource::from_gvk_with_plural(&gvk, "widgets");
    let api: Api<DynamicObject> = Api::all_with(server.client(), &resource);
    assert_eq!(code(&api.list(&ListParams::default()).await.expect_err("not yet")), 404);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(api.list(&ListParams::default()).await.expect("served").items.is_empty());
}

#[tokio::test]
async fn the_server_answers_on_a_socket() {
    let server = ApiServer::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let serving = server.serve(listener).expect("serves");
    let config = kube::Config::new(serving.url().parse().expect("a URL"));
    let client = kube::Client::try_from(config).expect("a client");
    let names: Vec<String> = Api::<Namespace>::all(client.clone())
        .list(&ListParams::default())
        .await
        .expect("lists")
        .iter()
        .map(kube::ResourceExt::name_any)
        .collect();
    assert_eq!(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    let params = WatchParams::default().timeout(5);
    let mut events = Box::pin(api.watch(&params, "0").await.expect("watches"));
    api.create(&PostParams::default(), &map("a", "1")).await.expect("creates");
    assert!(matches!(events.next().await, Some(Ok(WatchEvent::Added(o))) if o.name_any() == "a"));
}

#[tokio::test]
async fn equal_seeds_and_requests_give_equal_objects() {
    let clock: skiff_sim::Clock = std::sync::Arc::new(|| "2026-01-01T00:00:00Z".parse().expect("a time"));
    let run = async || {
        let server = ApiServer::new(Options { seed: 7, clock: clock.clone(), ..Options::default() });
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-"}});
        let object: ConfigMap = serde_json::from_value(object).expect("a ConfigMap");
        maps(&server).create(&PostParams::default(), &object).await.expect("creates");
        server.create_as("t", deployment("d", "nginx")).expect("creates");
        server.objects()
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn a_typed_deployment_comes_back_whole() {
    let server = ApiServer::default();
    let api: Api<Deployment> = Api::default_namespaced(server.client());
    let object: Deployment = serde_json::from_value(deployment("d", "nginx")).expect("a Deployment");
    let made = api.create(&PostParams::default(), &object).await.expect("creates");
    assert_eq!(made.spec.and_then(|s| s.replicas), Some(1));
    let scale = api
        .patch_scale("d", &PatchParams::default(), &Patch::Merge(json!({"spec": {"replicas": 3}})))
        .await
        .expect("scales");
    assert_eq!(scale.spec.and_then(|s| s.replicas), Some(3));
    assert_eq!(api.get("d").await.expect("reads").metadata.generation, Some(2));
}
