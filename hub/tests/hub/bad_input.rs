//! Bad input through the real handlers: the user API and the agent API, over TLS. Every document with every node replaced, and
//! what is written on purpose in its place, in every way that a body can come. No panic (a connection that breaks, a 500),
//! bounded time and memory, an error that names the field; and in the end the hub works as before.
//!
//! Of the mutations one in some is tried in each run; `SKIFF_MUTATIONS=all` takes all of them.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, and figures")]

#[path = "../../../cli/tests/bad_input/inputs.rs"]
mod inputs;

use crate::common::*;
use fleet_api::wire::BlobsRequest;
use inputs::{mutations, names, names_place, peak, texts};
use serde_json::{Value, json};
use skiff_hub::Hub;
use std::time::{Duration, Instant};

/// How long one request may take in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(8);
/// How much more memory the process may need at its peak, in bytes.
const MEMORY: u64 = 1 << 30;

fn stride(usual: usize) -> usize {
    if std::env::var("SKIFF_MUTATIONS").is_ok_and(|which| which == "all") { 1 } else { usual }
}

/// What came of all requests.
#[derive(Default)]
struct Tally {
    tried: usize,
    refused: usize,
    slowest: (Duration, String),
    wrong: Vec<String>,
}

impl Tally {
    /// Judges an answer; `place` is that of a mutation, or empty.
    fn judge(&mut self, title: &str, place: &str, took: Duration, (status, body): &(u16, String)) {
        self.tried += 1;
        if took > self.slowest.0 {
            self.slowest = (took, title.to_owned());
        }
        let mut wrong = |what: &str| self.wrong.push(format!("{title} {place}: {what}: {status} {body:.300}"));
        if !(200..500).contains(status) && *status != 501 {
            return wrong("no answer, or a failure of the hub");
        }
        if took > PATIENCE {
            wrong("it took too long");
        }
        if *status < 400 {
            return;
        }
        self.refused += 1;
        let message =
            serde_json::from_str::<Value>(body).ok().and_then(|body| body["message"].as_str().map(str::to_owned));
        let Some(message) = message else { return wrong("an error without words") };
        if message.is_empty() || message.chars().any(|c| c.is_control() && c != '\n') {
            wrong("an error without words, or with control characters");
        }
        // What is refused for its content says where; not so what is no JSON at all, or of another name than its path.
        if matches!(status, 400 | 422) && !names_place(&message, place) {
            wrong("without its field");
        }
    }

    fn finish(&self, what: &str, begun: Instant, resting: u64) {
        let grown = peak().saturating_sub(resting);
        println!(
            "{what}: {} requests in {:.0} s, {} refused, the slowest took {} ms ({}), {} MiB, {} wrong",
            self.tried,
            begun.elapsed().as_secs_f32(),
            self.refused,
            self.slowest.0.as_millis(),
            self.slowest.1,
            grown >> 20,
            self.wrong.len()
        );
        assert!(self.wrong.is_empty(), "{}", self.wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n"));
        assert!(grown < MEMORY, "{} MiB", grown >> 20);
    }
}

struct Admin {
    client: reqwest::Client,
    address: String,
    token: String,
}

impl Admin {
    fn of(hub: &Hub) -> Self {
        let file = std::fs::read_to_string(hub.admin_file()).unwrap();
        let token = skiff_hub::user_api::AdminFile::parse(&file).unwrap().token;
        Self { client: client(hub.hub_key(), None), address: format!("https://{}", hub.address()), token }
    }

    async fn ask(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (u16, String) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.client.request(method, format!("{}{path}", self.address)).bearer_auth(&self.token);
        let request = request.header("content-type", kind).body(body).timeout(Duration::from_secs(60));
        match request.send().await {
            Ok(response) => (response.status().as_u16(), response.text().await.unwrap_or_default()),
            Err(error) => (0, error.to_string()),
        }
    }
}

const BASE: &str = "/apis/fleet.cattle.io/v1alpha1/namespaces/fleet-default";

/// One object of each kind that a person writes, with most of what it can have.
fn objects() -> Vec<(String, Value)> {
    let fleet = |kind: &str, more: Value| {
        let metadata =
            json!({"name": "m", "namespace": "fleet-default", "labels": {"a": "b"}, "annotations": {"a": "b"}});
        let mut object = json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": kind, "metadata": metadata});
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object
    };
    let selector =
        json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]});
    let target =
        json!({"name": "t", "clusterSelector": selector, "clusterGroup": "g", "clusterGroupSelector": selector});
    vec![
        (
            format!("{BASE}/gitrepos"),
            fleet(
                "GitRepo",
                json!({"spec": {
                    "repo": "https://127.0.0.1:9/x.git", "branch": "main", "revision": "v1", "paths": ["a", "b/*"], "paused": true,
                    "pollingInterval": "1h", "targets": [target], "clientSecretName": "s", "caBundle": "YQ==", "serviceAccount": "sa",
                    "targetNamespace": "n", "correctDrift": {"enabled": true, "force": true}, "keepResources": true,
                    "bundles": [{"base": "a", "options": "b.yaml"}], "forceSyncGeneration": 1, "insecureSkipTLSVerify": false,
                }}),
            ),
        ),
        (
            format!("{BASE}/bundles"),
            fleet(
                "Bundle",
                json!({"spec": {
                    "paused": true, "defaultNamespace": "n", "namespaceLabels": {"a": "b"}, "dependsOn": [{"name": "other"}],
                    "resources": [{"name": "a.yaml", "content": "kind: X", "encoding": ""}], "targets": [target],
                    "targetRestrictions": [target], "helm": {"chart": ".", "values": {"a": [1]}, "timeoutSeconds": 3},
                    "rolloutStrategy": {"maxUnavailable": "10%", "partitions": [{"name": "p", "maxUnavailable": 1, "clusterSelector": selector}]},
                    "kustomize": {"dir": "k"}, "yaml": {"overlays": ["o"]}, "correctDrift": {"enabled": true},
                    "diff": {"comparePatches": [{"kind": "ConfigMap", "apiVersion": "v1", "jsonPointers": ["/a"]}]},
                }}),
            ),
        ),
        (
            format!("{BASE}/clusters"),
            fleet("Cluster", json!({"spec": {"paused": true, "templateValues": {"a": {"b": [1]}}}})),
        ),
        (format!("{BASE}/clustergroups"), fleet("ClusterGroup", json!({"spec": {"selector": selector}}))),
        (
            format!("{BASE}/bundlenamespacemappings"),
            fleet("BundleNamespaceMapping", json!({"bundleSelector": selector, "namespaceSelector": selector})),
        ),
        (
            "/api/v1/namespaces/fleet-default/secrets".into(),
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "m", "namespace": "fleet-default"},
                "type": "kubernetes.io/basic-auth", "data": {"username": "YQ=="}, "stringData": {"password": "b"},
            }),
        ),
    ]
}

/// The bodies of what is asked of the hub beside objects.
fn verbs() -> Vec<(String, Value)> {
    let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    skiff_hub::routes::all()
        .into_iter()
        .filter(|route| route.method == "POST" && route.path.contains("skiff.dev"))
        .map(|route| {
            let path = route.path.replace("{kind}", "cluster").replace("{namespace}", "fleet-default").replace("{name}", "m");
            let body = json!({
                "namespace": "fleet-default", "name": "m", "labels": {"a": "b"}, "lifetimeSeconds": 60, "lifetime": "1h",
                "lists": [{"cluster": "fleet-default/m", "digest": digest}], "by": "me",
            });
            (path, body)
        })
        .collect()
}

async fn mutate(admin: &Admin, tally: &mut Tally) {
    let (every, mut number) = (stride(13), 0);
    for (path, object) in objects() {
        let good = admin.ask("POST", &path, "application/json", object.to_string().into_bytes()).await;
        assert_eq!(good.0, 201, "{path}: {}", good.1);
        for (place, value) in mutations(&object) {
            number += 1;
            if number % every != 0 {
                continue;
            }
            let body = value.to_string().into_bytes();
            let of_one = format!("{path}/m");
            for (method, path, kind) in [
                ("PUT", &of_one, "application/json"),
                ("PATCH", &of_one, "application/merge-patch+json"),
                ("PATCH", &format!("{of_one}?fieldManager=x&force=true"), "application/apply-patch+yaml"),
                ("POST", &path, "application/json"),
            ] {
                let begun = Instant::now();
                let answer = admin.ask(method, path, kind, body.clone()).await;
                // A patch of null takes a field away, and a body with another name is told of the name.
                tally.judge(&format!("{method} {path} {kind}"), &place, begun.elapsed(), &answer);
            }
        }
    }
    for (path, body) in verbs() {
        for (place, value) in mutations(&body) {
            let begun = Instant::now();
            let answer = admin.ask("POST", &path, "application/json", value.to_string().into_bytes()).await;
            tally.judge(&format!("POST {path}"), &place, begun.elapsed(), &answer);
        }
    }
}

async fn write_on_purpose(admin: &Admin, tally: &mut Tally) {
    let kinds = ["application/json", "application/yaml", "text/plain", "application/octet-stream"];
    let patches = [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    ];
    let (every, mut number) = (stride(5), 0);
    let mut paths: Vec<String> = objects().into_iter().map(|(path, _)| path).collect();
    paths.extend(verbs().into_iter().map(|(path, _)| path));
    for path in &paths {
        for (name, text) in texts() {
            let posts = kinds.iter().map(|kind| ("POST", path.clone(), *kind));
            let puts = kinds.iter().map(|kind| ("PUT", format!("{path}/m"), *kind));
            let patched = patches.iter().map(|kind| ("PATCH", format!("{path}/m?fieldManager=x"), *kind));
            for (method, path, kind) in posts.chain(puts).chain(patched) {
                number += 1;
                if number % every == 0 {
                    let begun = Instant::now();
                    let answer = admin.ask(method, &path, kind, text.clone()).await;
                    tally.judge(&format!("{method} {path} {kind}, {name}"), "", begun.elapsed(), &answer);
                }
            }
        }
        for name in names() {
            let name: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let queries = [
                "labelSelector",
                "fieldSelector",
                "limit",
                "continue",
                "resourceVersion",
                "fieldManager",
                "propagationPolicy",
            ];
            let odd = queries.iter().map(|query| format!("{path}?{query}={name}"));
            for path in odd.chain([format!("{path}/{name}"), format!("{path}/{name}/status")]) {
                for method in ["GET", "DELETE"] {
                    number += 1;
                    // To delete a collection there is no route.
                    if number % every == 0 && path.len() < 6_000 {
                        let begun = Instant::now();
                        let answer = admin.ask(method, &path, "application/json", Vec::new()).await;
                        tally.judge(&format!("{method} {path}"), "", begun.elapsed(), &answer);
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_send_is_taken_or_refused_with_its_field() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let repo = Repo::new();
    repo.commit(&[("web/a.yaml", &config_map("a", "one"))]);
    gitrepo(&hub, "shop", &repo, &json!({"targets": [{"clusterName": "till"}]})).await;
    let mut agent = Agent::new(&hub, "ks-1");
    agent.enroll(&token(&hub, Some("till"), &[]).await, None).await.unwrap();
    told(&mut agent, &["shop-web"]).await;
    peak();
    let (resting, begun) = (peak(), Instant::now());
    let (admin, mut tally) = (Admin::of(&hub), Tally::default());
    mutate(&admin, &mut tally).await;
    write_on_purpose(&admin, &mut tally).await;
    tally.finish("the user API", begun, resting);
    assert!(tally.tried > 1_500 && tally.refused > 500, "{} {}", tally.tried, tally.refused);
    // It works as before.
    repo.commit(&[("web/a.yaml", &config_map("a", "two")), ("more/b.yaml", &config_map("b", "one"))]);
    drop(hub.core().sync_now(&r("shop")).await);
    told(&mut agent, &["shop-more", "shop-web"]).await;
    hub.stop().await;
}

/// A sync with all that it can have.
fn sync_of(agent: &mut Agent) -> Value {
    let report = agent.all_ready();
    let mut request = serde_json::to_value(agent.request(0, Some(report))).unwrap();
    let digest = request["have"]["digest"].clone();
    let key = json!(fleet_api::ObjectKey::new("", "ConfigMap", "shop", "a"));
    let note = json!(fleet_api::Note::new(fleet_api::Reason::ObjectRefused, "no").in_file("a.yaml:1"));
    let report = &mut request["report"];
    report["held"] = json!({"digest": digest, "note": note,
        "objects": [{"bundle": "fleet-default/shop-web", "key": key, "uid": "u"}]});
    report["removed"] = json!(["fleet-default/old"]);
    report["notes"] = json!([note]);
    report["facts"] = json!({"agentVersion": "1", "kubernetesVersion": "v1.33.0", "claimedLabels": {"a": "b"}});
    let one = &mut report["deployments"]["fleet-default/shop-web"];
    one["notReady"] = json!([{"key": key, "state": "failed", "message": "m"}]);
    one["modified"] = json!([{"key": key, "apiVersion": "v1", "missing": true, "foreign": true, "fields": [".a"], "managers": ["m"]}]);
    one["notes"] = json!([note]);
    request
}

async fn send(agent: &Agent, path: &str, title: &str, place: &str, body: Vec<u8>, tally: &mut Tally) {
    let begun = Instant::now();
    let answer = match agent.post(path, body).await {
        Ok(_) => (200, String::new()),
        Err((status, body)) => (status, body.to_string()),
    };
    // A body that is refused for its size is not read to its end, and the connection may be gone before the answer.
    if answer.0 == 0 && place.is_empty() {
        return;
    }
    tally.judge(&format!("POST {path} {title}"), place, begun.elapsed(), &answer);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_agents_send_is_taken_or_refused_with_its_field() {
    let (_dir, data) = data();
    let hub = start(&data).await;
    let repo = Repo::new();
    repo.commit(&[("web/a.yaml", &config_map("a", "one"))]);
    gitrepo(&hub, "shop", &repo, &json!({"targets": [{"clusterName": "till"}, {"clusterName": "odd"}]})).await;
    let mut agents = Vec::new();
    for name in ["till", "odd"] {
        let mut agent = Agent::new(&hub, name);
        agent.enroll(&token(&hub, Some(name), &[]).await, None).await.unwrap();
        told(&mut agent, &["shop-web"]).await;
        agents.push(agent);
    }
    let [mut good, mut odd] = <[Agent; 2]>::try_from(agents).ok().unwrap();
    peak();
    let (resting, begun) = (peak(), Instant::now());
    let mut tally = Tally::default();
    let sync = sync_of(&mut odd);
    let answer = odd.post("/v1/sync", sync.to_string().into_bytes()).await;
    assert!(answer.is_ok(), "{answer:?}");
    let want: Vec<_> = odd.desired.clone().unwrap().deployments.iter().map(|entry| entry.deployment).collect();
    let blobs = serde_json::to_value(BlobsRequest { want: want.clone(), bases: want, sizes: true }).unwrap();
    let enroll = json!({"protocol": 1, "secret": "x", "name": "n", "kubeSystemUid": "ks", "claimedLabels": {"a": "b"}});
    for (path, document, every) in
        [("/v1/sync", &sync, stride(3)), ("/v1/blobs", &blobs, 1), ("/v1/enroll", &enroll, 1)]
    {
        for (number, (place, value)) in mutations(document).into_iter().enumerate() {
            if number % every == 0 {
                send(&odd, path, "replaced", &place, value.to_string().into_bytes(), &mut tally).await;
            }
        }
        for (name, text) in texts() {
            send(&odd, path, name, "", text.clone(), &mut tally).await;
            // The same as a text within a document that is right otherwise.
            let mut within = document.clone();
            let text = Value::String(String::from_utf8_lossy(&text).into_owned());
            let place = if path == "/v1/sync" { "/report/notes/0/message" } else { "/secret" };
            if let Some(node) = within.pointer_mut(place) {
                *node = text;
            }
            send(&odd, path, name, "", within.to_string().into_bytes(), &mut tally).await;
        }
    }
    tally.finish("the agent API", begun, resting);
    assert!(tally.tried > 300 && tally.refused > 100, "{} {}", tally.tried, tally.refused);
    // The other agent has noticed nothing, and the hub works as before.
    repo.commit(&[("web/a.yaml", &config_map("a", "two")), ("more/b.yaml", &config_map("b", "one"))]);
    drop(hub.core().sync_now(&r("shop")).await);
    told(&mut good, &["shop-more", "shop-web"]).await;
    let report = good.all_ready();
    assert_eq!(good.sync(0, Some(report.clone())).await.unwrap().acknowledged, report.sequence);
    hub.stop().await;
}
