//! What charts make up (`randAlphaNum`, `now`): each cluster's own, the same over restarts and commits, and nobody else's.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use crate::common::*;
use serde_json::{Value, json};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: {name: web, annotations: {made: {{ now | unixEpoch | quote }}}}
stringData:
  password: {{ randAlphaNum 24 }}
  note: {{ .Values.note }}
";

/// The directory of the chart in the repository, and what else the bundle `web` holds.
type Layout = (&'static str, &'static [(&'static str, &'static str)]);

const BUNDLE: Layout = ("web", &[]);
const IN_A_KUSTOMIZATION: Layout =
    ("web/charts/web", &[("web/kustomization.yaml", "helmCharts: [{name: web, releaseName: shop}]\n")]);

fn files((chart, others): Layout, note: &str) -> Vec<(String, String)> {
    let texts = [("Chart.yaml", CHART), ("templates/secret.yaml", SECRET), ("values.yaml", &format!("note: {note}\n"))];
    let of_chart = texts.iter().map(|(path, text)| (format!("{chart}/{path}"), (*text).to_owned()));
    of_chart.chain(others.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))).collect()
}

fn commit(repo: &Repo, layout: Layout, note: &str) {
    let files = files(layout, note);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    repo.commit(&files);
}

/// Password and time in the Secret of a cluster, once it has this note.
async fn made(agent: &mut Agent, note: &str) -> (Value, Value) {
    eventually("the cluster is told of the note", async || {
        agent.sync(1, None).await.ok()?;
        if agent.bundles().is_empty() {
            return None;
        }
        let secret = agent.fetch().await["shop-web"][0].clone();
        let data = &secret["stringData"];
        (data["note"] == note).then(|| (data["password"].clone(), secret["metadata"]["annotations"]["made"].clone()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_chart_makes_up_is_the_clusters_own_and_stays() {
    is_the_clusters_own_and_stays(BUNDLE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_chart_in_a_kustomization_makes_up_is_so_too() {
    is_the_clusters_own_and_stays(IN_A_KUSTOMIZATION).await;
}

async fn is_the_clusters_own_and_stays(layout: Layout) {
    let (_dir, data) = data();
    let repo = Repo::new();
    commit(&repo, layout, "one");
    let hub = start(&data).await;
    gitrepo(&hub, "shop", &repo, &json!({"pollingInterval": "1s"})).await;
    let mut agents = Vec::new();
    for name in ["till", "lab"] {
        let mut agent = Agent::new(&hub, &format!("ks-{name}"));
        agent.enroll(&token(&hub, Some(name), &[("env", "prod")]).await, None).await.unwrap();
        agents.push(agent);
    }
    let [till, lab] = &mut agents[..] else { panic!("two") };
    let (first, other) = (made(till, "one").await, made(lab, "one").await);
    assert_ne!(first.0, other.0, "each cluster has its own");
    assert!(first.1.as_str().unwrap().parse::<i64>().unwrap() > 1_700_000_000, "{first:?}");
    hub.stop().await;

    let hub = start(&data).await;
    till.moved(&hub);
    assert_eq!(made(till, "one").await, first);
    commit(&repo, layout, "two");
    assert_eq!(made(till, "two").await, first, "another commit makes up nothing new");
    hub.stop().await;

    // Another hub with the same repository and the same cluster.
    let (_dir, data) = crate::common::data();
    let hub = start(&data).await;
    gitrepo(&hub, "shop", &repo, &json!({})).await;
    let mut again = Agent::new(&hub, "ks-till");
    again.enroll(&token(&hub, Some("till"), &[("env", "prod")]).await, None).await.unwrap();
    assert_ne!(made(&mut again, "two").await.0, first.0, "who has the repository cannot compute it");
    hub.stop().await;
}
