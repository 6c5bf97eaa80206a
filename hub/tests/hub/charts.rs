//! Charts that a bundle names and does not hold: from a repository to a cluster.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use crate::common::*;
use fleet_api::v1alpha1::GitRepo;
use serde_json::{Value, json};
use skiff_bundler::charts::testserver::{WebServer, basic};
use skiff_hub::Hub;
use skiff_hub::store::{Change, Kind, Precondition};

const TEMPLATE: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {version: {{ .Chart.Version | quote }}, note: {{ .Values.note }}}
";

fn put(server: &WebServer, version: &str) {
    server.put_chart("web", version, &[("templates/web.yaml", TEMPLATE), ("values.yaml", "note: own\n")]);
}

fn fleet_yaml(server: &WebServer, version: &str) -> String {
    let repo = server.url("/");
    json!({"helm": {"repo": repo, "chart": "web", "version": version, "values": {"note": "given"}}}).to_string()
}

/// A hub that polls `repo` each second and vouches for loopback.
async fn hub_of(repo: &Repo, spec: Value) -> (tempfile::TempDir, Hub, Agent) {
    let (dir, data) = data();
    let hub = start(&data).await;
    let mut whole = json!({"pollingInterval": "1s", "helmRepoURLRegex": r"http://127\.0\.0\.1:\d+/"});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    gitrepo(&hub, "shop", repo, &whole).await;
    let mut agent = Agent::new(&hub, "ks-till");
    agent.enroll(&token(&hub, Some("till"), &[("env", "prod")]).await, None).await.unwrap();
    (dir, hub, agent)
}

/// The data of the chart's ConfigMap, once it has this version.
async fn deployed(agent: &mut Agent, version: &str) -> Value {
    eventually(version, async || {
        agent.sync(1, None).await.ok()?;
        if agent.bundles().is_empty() {
            return None;
        }
        let data = agent.fetch().await["shop-web"][0]["data"].clone();
        (data["version"] == version).then_some(data)
    })
    .await
}

/// What the GitRepo says, once it says this.
async fn said(hub: &Hub, what: &str) {
    eventually(what, async || {
        let gitrepo: GitRepo = hub.resources().get("fleet-default", "shop").unwrap().unwrap();
        serde_json::to_string(&gitrepo.status).unwrap().contains(what).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_of_a_repository_reaches_the_cluster_and_stays_while_the_repository_is_away() {
    let server = WebServer::start().await.unwrap();
    put(&server, "1.2.0");
    put(&server, "2.0.0");
    let repo = Repo::new();
    repo.commit(&[("web/fleet.yaml", &fleet_yaml(&server, "~1.2"))]);
    let (_dir, hub, mut agent) = hub_of(&repo, json!({})).await;
    assert_eq!(deployed(&mut agent, "1.2.0").await["note"], "given");

    // A range is a question to the repository, which does not answer.
    server.clear();
    repo.commit(&[("web/fleet.yaml", &fleet_yaml(&server, "~1.2")), ("web/README.md", "more")]);
    said(&hub, "/index.yaml is not there").await;
    agent.sync(0, None).await.unwrap();
    assert_eq!(agent.bundles(), ["shop-web"], "what runs stays");

    // It is tried again without another commit.
    put(&server, "1.2.9");
    deployed(&mut agent, "1.2.9").await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_was_fetched_needs_no_repository_after_a_restart() {
    let server = WebServer::start().await.unwrap();
    put(&server, "1.2.0");
    let repo = Repo::new();
    repo.commit(&[("web/fleet.yaml", &fleet_yaml(&server, "1.2.0"))]);
    let (dir, hub, mut agent) = hub_of(&repo, json!({})).await;
    deployed(&mut agent, "1.2.0").await;
    hub.stop().await;
    server.clear();
    let asked = server.requests().len();
    repo.commit(&[("web/fleet.yaml", &fleet_yaml(&server, "1.2.0").replace("given", "changed"))]);
    let hub = start(&dir.path().join("hub")).await;
    agent.moved(&hub);
    eventually("the change", async || {
        agent.sync(1, None).await.ok()?;
        (agent.fetch().await["shop-web"][0]["data"]["note"] == "changed").then_some(())
    })
    .await;
    assert_eq!(server.requests().len(), asked);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_may_not_lead_the_hub_into_a_private_network() {
    let server = WebServer::start().await.unwrap();
    put(&server, "1.2.0");
    let repo = Repo::new();
    repo.commit(&[("web/fleet.yaml", &fleet_yaml(&server, "1.2.0"))]);
    let (_dir, hub, _agent) = hub_of(&repo, json!({"helmRepoURLRegex": ""})).await;
    said(&hub, "helmRepoURLRegex").await;
    assert!(server.requests().is_empty());
    hub.stop().await;
}

async fn put_secret(hub: &Hub, name: &str, data: Value) {
    let metadata = json!({"name": name, "namespace": "fleet-default"});
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "stringData": data, "metadata": metadata});
    let done: Result<_, skiff_hub::store::ResourceError> = hub
        .resources()
        .change(Kind::Secret, "fleet-default", name, Precondition::default(), move |_| Ok(Change::Spec(secret)))
        .await;
    done.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_lets_the_hub_in_as_soon_as_it_is_there() {
    let server = WebServer::start().await.unwrap();
    put(&server, "1.2.0");
    for path in ["/index.yaml", "/web-1.2.0.tgz"] {
        server.guard(path, &basic("ada", "right"), None);
    }
    let repo = Repo::new();
    repo.commit(&[("web/fleet.yaml", &fleet_yaml(&server, "1.2.0"))]);
    let (_dir, hub, mut agent) = hub_of(&repo, json!({"helmSecretName": "helm"})).await;
    said(&hub, "secret fleet-default/helm, which spec.helmSecretName names, does not exist").await;
    put_secret(&hub, "helm", json!({"username": "ada", "password": "wrong"})).await;
    said(&hub, "refused the password of user").await;
    put_secret(&hub, "helm", json!({"username": "ada", "password": "right"})).await;
    deployed(&mut agent, "1.2.0").await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_by_path_win_over_the_one_for_all() {
    let server = WebServer::start().await.unwrap();
    put(&server, "1.2.0");
    for path in ["/index.yaml", "/web-1.2.0.tgz"] {
        server.guard(path, &basic("ada", "right"), None);
    }
    let repo = Repo::new();
    let fleet = fleet_yaml(&server, "1.2.0");
    repo.commit(&[("web/fleet.yaml", &fleet), ("other/fleet.yaml", &fleet)]);
    let spec = json!({"helmSecretName": "helm", "helmSecretNameForPaths": "paths"});
    let (_dir, hub, mut agent) = hub_of(&repo, spec).await;
    put_secret(&hub, "helm", json!({"username": "ada", "password": "right"})).await;
    put_secret(&hub, "paths", json!({"secrets-path.yaml": "web: {username: ada, password: right}"})).await;
    deployed(&mut agent, "1.2.0").await;
    said(&hub, "refused a request without credentials").await;
    assert_eq!(agent.bundles(), ["shop-web"]);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dependency_of_a_chart_in_git_reaches_the_cluster() {
    let server = WebServer::start().await.unwrap();
    put(&server, "1.2.0");
    put(&server, "1.2.7");
    let repo = Repo::new();
    let dependency = json!({"name": "web", "version": "~1.2", "repository": server.url("/")});
    let chart = json!({"apiVersion": "v2", "name": "shop", "version": "0.1.0", "dependencies": [dependency]});
    repo.commit(&[("web/Chart.yaml", &chart.to_string()), ("web/values.yaml", "web: {note: parent}\n")]);
    let (_dir, hub, mut agent) = hub_of(&repo, json!({})).await;
    assert_eq!(deployed(&mut agent, "1.2.7").await["note"], "parent");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_in_git_reaches_the_cluster_at_the_commit_that_is_named() {
    let repo = Repo::new();
    let chart = |version: &str| format!("apiVersion: v2\nname: web\nversion: {version}\n");
    let files = |version: &str| {
        [("charts/web/Chart.yaml", chart(version)), ("charts/web/templates/web.yaml", TEMPLATE.to_owned())]
    };
    let commit = |version: &str, more: &[(&str, &str)]| {
        let files = files(version);
        let all = files.iter().map(|(path, text)| (*path, text.as_str())).chain(more.iter().copied());
        repo.commit(&all.collect::<Vec<_>>())
    };
    let first = commit("1.0.0", &[]);
    // A bundle of its own in the same repository: its chart lies outside of its directory, at another commit.
    let fleet = |reference: &str| {
        format!("helm:\n  chart: git::{}//charts/web?ref={reference}\n  values: {{note: given}}\n", repo.url())
    };
    commit("2.0.0", &[("web/fleet.yaml", &fleet(&first))]);
    let (_dir, hub, mut agent) = hub_of(&repo, json!({"paths": ["web"]})).await;
    assert_eq!(deployed(&mut agent, "1.0.0").await["note"], "given");
    commit("2.0.0", &[("web/fleet.yaml", &fleet("main"))]);
    deployed(&mut agent, "2.0.0").await;
    commit("2.0.0", &[("web/fleet.yaml", &fleet("gone"))]);
    said(&hub, "web/fleet.yaml:2:10: chart git::file://").await;
    agent.sync(0, None).await.unwrap();
    assert_eq!(agent.bundles(), ["shop-web"], "what was there stays");
    hub.stop().await;
}
