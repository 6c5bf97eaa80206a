//! The person at the hub: applies, labels, looks, approves, over the user API and with the credential of `admin.yaml`,
//! as the commands of `skiff` do.

use super::report::Failure;
use crate::online::client::Client;
use crate::online::config::HubConfig;
use fleet_api::labels::DEFAULT_NAMESPACE;
use fleet_api::names::Ref;
use fleet_api::v1alpha1::{Cluster, GitRepo};
use fleet_api::wire::HeldDeletions;
use reqwest::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use skiff_hub::user_api::AdminFile;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The GitRepo of the example.
const GITREPO: &str = "shops";

/// What R8 holds in one cluster, as it is shown before it is approved.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Held {
    /// The cluster.
    pub(super) cluster: Ref,
    /// The list.
    pub(super) held: HeldDeletions,
}

#[derive(Deserialize)]
struct HeldAnswer {
    clusters: Vec<Held>,
}

#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
}

/// The person; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    hub: Arc<Client>,
}

impl Operator {
    /// With the credential in the hub's `admin.yaml`.
    pub(super) fn new(admin_file: &Path) -> Result<Self, Failure> {
        let failed = |error: String| Failure::new(format!("{}: {error}", admin_file.display()));
        let text = std::fs::read_to_string(admin_file).map_err(|error| failed(error.to_string()))?;
        let file = AdminFile::parse(&text).map_err(failed)?;
        let config = HubConfig { url: file.hub, key: Some(file.hub_key), token: file.token };
        let hub = Client::new(config).map_err(|error| failed(error.to_string()))?;
        Ok(Self { hub: Arc::new(hub) })
    }

    /// `skiff hub kubeconfig`.
    pub(super) async fn kubeconfig(&self) -> Result<String, Failure> {
        self.clusters().await?;
        self.hub.kubeconfig().map_err(|error| Failure::new(error.to_string()))
    }

    /// `skiff apply`, of something new.
    pub(super) async fn apply(&self, object: &Value) -> Result<(), Failure> {
        self.send::<Value>(Method::POST, &collection("gitrepos"), Some(object)).await.map(drop)
    }

    /// `skiff label cluster`.
    pub(super) async fn label_cluster(&self, name: &str, labels: &[(&str, &str)]) -> Result<(), Failure> {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        let patch = json!({"metadata": {"labels": labels}});
        let path = format!("{}/{name}", collection("clusters"));
        let media = "application/merge-patch+json";
        let sent = self.hub.exchange(Method::PATCH, &path, media, Some(&patch), "application/json").await;
        sent.map(drop).map_err(|failure| Failure::new(failure.message))
    }

    /// `skiff get gitrepo shops`.
    pub(super) async fn gitrepo(&self) -> Result<GitRepo, Failure> {
        self.send(Method::GET, &format!("{}/{GITREPO}", collection("gitrepos")), None).await
    }

    /// `skiff get clusters`.
    pub(super) async fn clusters(&self) -> Result<Vec<Cluster>, Failure> {
        Ok(self.send::<List<Cluster>>(Method::GET, &collection("clusters"), None).await?.items)
    }

    /// `skiff token create --name`.
    pub(super) async fn token(&self, cluster: &str) -> Result<String, Failure> {
        let body = json!({"namespace": DEFAULT_NAMESPACE, "name": cluster, "ttl": "10m"});
        let answer: Value = self.send(Method::POST, "/v1/admin/token", Some(&body)).await?;
        let token = answer["token"].as_str().map(str::to_owned);
        token.ok_or_else(|| Failure::new("the hub sent no token"))
    }

    /// `skiff sync gitrepo shops`.
    pub(super) async fn sync(&self) -> Result<(), Failure> {
        self.send::<Value>(Method::POST, &admin("sync"), None).await.map(drop)
    }

    /// What `skiff approve gitrepo shops` shows.
    pub(super) async fn held(&self) -> Result<Vec<Held>, Failure> {
        Ok(self.send::<HeldAnswer>(Method::GET, &admin("held"), None).await?.clusters)
    }

    /// `skiff approve gitrepo shops`, of exactly what was shown.
    pub(super) async fn approve(&self, shown: &[Held]) -> Result<(), Failure> {
        let lists: Vec<_> =
            shown.iter().map(|held| json!({"cluster": held.cluster, "digest": held.held.digest})).collect();
        self.send::<Value>(Method::POST, &admin("approve"), Some(&json!({"lists": lists}))).await.map(drop)
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> Result<T, Failure> {
        let answer = self.hub.send(method, path, body).await.map_err(|failure| Failure::new(failure.message))?;
        serde_json::from_value(answer).map_err(|error| Failure::new(format!("{path}: {error}")))
    }
}

fn collection(plural: &str) -> String {
    format!("/apis/fleet.cattle.io/v1alpha1/namespaces/{DEFAULT_NAMESPACE}/{plural}")
}

fn admin(verb: &str) -> String {
    format!("/v1/admin/{verb}/gitrepo/{DEFAULT_NAMESPACE}/{GITREPO}")
}
