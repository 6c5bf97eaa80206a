//! Unique strings in every secret that a hub is given, looked for in everything that it gives back, says or writes.
#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::print_stdout,
    reason = "helpers of tests, and a figure"
)]

use crate::common::*;
use crate::sweep::{files, holds};
use serde_json::json;
use skiff_hub::routes::all;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// What is secret, and where it went in. The hub has to use each of them, and to show none.
const PASSWORD: &str = "canary-password-41ac";
const SSH_KEY: &str = "canary-ssh-key-52bd";
const IN_GIT: &str = "canary-secret-in-git-63ce";
const IN_BUNDLE: &str = "canary-secret-in-bundle-74df";
const IN_URL: &str = "canary-in-url-85e0";
const HELM: &str = "canary-helm-password-96f1";
const SENT_ALONG: &str = "canary-sent-along-a7f2";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[expect(clippy::too_many_lines, reason = "one story: what goes in, what is asked, what is looked for")]
/// Gives the hub all of them, asks it for everything, and looks through what it said and wrote.
pub(crate) async fn sweep() {
    let log = Log::default();
    let writer = log.clone();
    // Of this process: no other test of this binary gives secrets to a hub, and their lines do no harm here.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone());
    drop(subscriber.try_init());

    let (_dir, data) = data();
    let hub = start(&data).await;
    let put = async |text: serde_json::Value| {
        let kind = skiff_hub::store::Kind::of(text["apiVersion"].as_str().unwrap(), text["kind"].as_str().unwrap());
        let name = text["metadata"]["name"].as_str().unwrap().to_owned();
        let change = skiff_hub::store::Change::Spec(text);
        let done: Result<_, skiff_hub::store::ResourceError> = hub
            .resources()
            .change(kind.unwrap(), "fleet-default", &name, skiff_hub::store::Precondition::default(), move |_| {
                Ok(change)
            })
            .await;
        done.unwrap();
    };
    let secret = |name: &str, kind: &str, data: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": kind, "stringData": data, "metadata": {
            "name": name, "namespace": "fleet-default",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": data.to_string()},
        }})
    };
    put(secret("basic", "kubernetes.io/basic-auth", json!({"username": "ada", "password": PASSWORD}))).await;
    put(secret("ssh", "kubernetes.io/ssh-auth", json!({"ssh-privatekey": SSH_KEY}))).await;
    put(secret("helm", "Opaque", json!({"username": "ada", "password": HELM}))).await;
    put(secret("shared", "Opaque", json!({"key": SENT_ALONG}))).await;
    let charts = skiff_bundler::charts::testserver::WebServer::start().await.unwrap();
    let manifest =
        |value: &str| format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  key: {value}\n");
    put(json!({
        "apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Bundle",
        "metadata": {"name": "hand", "namespace": "fleet-default"},
        "spec": {"resources": [{"name": "s.yaml", "content": manifest(IN_BUNDLE)}], "targets": [{"clusterName": "till"}],
            "downstreamResources": [{"kind": "Secret", "name": "shared"}]},
    }))
    .await;
    // Repositories that cannot be reached, each with a credential: what is said of it names no part of it.
    for (name, url, secret) in [
        ("over-https", "https://127.0.0.1:9/x.git".to_owned(), "basic"),
        ("over-ssh", "ssh://git@127.0.0.1:9/x.git".to_owned(), "ssh"),
        ("in-the-url", format!("https://ada:{IN_URL}@127.0.0.1:9/x.git"), ""),
    ] {
        let mut spec = json!({"repo": url, "branch": "main", "pollingInterval": "1h", "paths": ["*"]});
        if !secret.is_empty() {
            spec["clientSecretName"] = secret.into();
        }
        let metadata = json!({"name": name, "namespace": "fleet-default"});
        put(json!({
            "apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo", "metadata": metadata, "spec": spec,
        }))
        .await;
    }
    let repo = Repo::new();
    repo.commit(&[("web/s.yaml", &manifest(IN_GIT)), ("bad/s.yaml", &format!("{}  : [{IN_GIT}", manifest(IN_GIT)))]);
    gitrepo(&hub, "shop", &repo, &json!({"targets": [{"clusterName": "till"}]})).await;
    let with_chart = Repo::new();
    let fleet = format!("helm: {{repo: {:?}, chart: web}}", charts.url("/"));
    with_chart.commit(&[("web/fleet.yaml", &fleet)]);
    charts.guard("/index.yaml", "Basic another", None);
    gitrepo(&hub, "charts", &with_chart, &json!({"helmSecretName": "helm", "helmRepoURLRegex": charts.url("/")})).await;
    let mut agent = Agent::new(&hub, "ks-1");
    let token = token(&hub, Some("till"), &[]).await;
    agent.enroll(&token, None).await.unwrap();
    told(&mut agent, &["hand", "shop-web"]).await;
    let fetched = agent.fetch().await;
    assert_eq!(fetched["hand"][1]["stringData"]["key"], IN_BUNDLE, "it is used");
    let sent = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, SENT_ALONG);
    assert_eq!(fetched["hand"][0]["data"]["key"], sent, "it is sent along");
    let report = agent.all_ready();
    agent.sync(0, Some(report)).await.unwrap();
    eventually("the failures are told", async || {
        let told = ["over-https", "over-ssh", "charts"].iter().all(|name| {
            let gitrepo: fleet_api::v1alpha1::GitRepo = hub.resources().get("fleet-default", name).unwrap().unwrap();
            gitrepo.status.is_some_and(|status| !status.conditions.is_empty())
        });
        told.then_some(())
    })
    .await;

    eventually("the chart is asked for", async || (!charts.requests().is_empty()).then_some(())).await;
    assert!(charts.requests().iter().all(|request| request.authorization.is_some()), "they are used");

    let file = std::fs::read_to_string(hub.admin_file()).unwrap();
    let admin = skiff_hub::user_api::AdminFile::parse(&file).unwrap().token;
    let mut seen: Vec<(String, Vec<u8>)> = vec![("the metrics".into(), hub.metrics().into_bytes())];
    let names =
        ["basic", "ssh", "hand", "shop", "shop-web", "over-https", "over-ssh", "in-the-url", "charts", "helm", "till"];
    let client = client(hub.hub_key(), None);
    for route in all().into_iter().filter(|route| route.method == "GET") {
        for kind in ["gitrepo", "bundle", "cluster"] {
            for name in names {
                let path = route.path.replace("{kind}", kind).replace("{namespace}", "fleet-default");
                let path = path.replace("{name}", name);
                let request = client.get(format!("https://{}{path}", hub.address())).bearer_auth(&admin);
                seen.push((path, request.send().await.unwrap().bytes().await.unwrap().to_vec()));
                if !route.path.contains("{name}") {
                    break;
                }
            }
            if !route.path.contains("{kind}") {
                break;
            }
        }
    }
    hub.stop().await;
    seen.push(("the log".into(), log.0.lock().unwrap().clone()));
    seen.extend(files(&data).unwrap());

    let mut hits = Vec::new();
    for (place, bytes) in &seen {
        for canary in
            [PASSWORD, SSH_KEY, IN_GIT, IN_BUNDLE, IN_URL, HELM, SENT_ALONG, token.secret.as_str(), admin.as_str()]
        {
            if holds(bytes, canary) && !is_its_place(place, canary, &admin) {
                hits.push(format!("{canary} in {place}"));
            }
        }
    }
    println!("9 canaries in {} answers, logs and files: {} hits", seen.len(), hits.len());
    assert!(hits.is_empty(), "{hits:#?}");
}

/// Where a secret is by design: the admin's credential in the file that is made for it; the files of a Bundle, given
/// back to the admin who wrote them there (Fleet does so, and who applies one again needs them); the repository itself,
/// which the hub holds a copy of as git made it; a URL with a password, in the GitRepo that was applied with it (who does
/// that is warned).
fn is_its_place(place: &str, canary: &str, admin: &str) -> bool {
    (canary == admin && place.ends_with("/admin.yaml"))
        || (canary == IN_BUNDLE && place.starts_with("/apis/fleet.cattle.io/v1alpha1/") && place.contains("bundles"))
        || (canary == IN_GIT && place.contains("/git/"))
        || (canary == IN_URL && (place.ends_with("/gitrepos") || place.contains("/gitrepos/in-the-url")))
        || (canary == IN_URL && place.contains("/hub.db"))
}
