//! A hub in a process of its own, told on its standard input what a user would tell it.

use crate::child::{self, Child};
use crate::repository::BRANCH;
use crate::{Result, note};
use fleet_api::names::{Namespace, ObjectName, Ref};
use fleet_api::v1alpha1::GitRepo;
use serde::{Deserialize, Serialize};
use serde_json::json;
use skiff_hub::core::TokenRequest;
use skiff_hub::{Config, Hub, StandardRenderer};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const NAMESPACE: &str = "fleet-default";
const GITREPO: &str = "bench";

/// What the hub is asked.
#[derive(Debug, Serialize, Deserialize)]
enum Ask {
    Address,
    Tokens(usize),
    Follow(String),
    Sync,
    Progress,
    Settled,
}

/// How far a GitRepo is, as `skiff get gitrepos` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The commit that its Bundles were read at.
    pub(crate) commit: String,
    /// Clusters in which every Bundle is ready.
    pub(crate) ready_clusters: u32,
}

/// The deployments of a hub with one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settled {
    /// How many are ready with the content that they should have.
    pub(crate) ready: usize,
    /// Bundle and digest of what it should have.
    pub(crate) wanted: BTreeMap<String, String>,
}

/// A hub that runs in a process of its own.
pub(crate) struct HubProcess {
    child: Child,
}

impl HubProcess {
    /// Starts a hub with its data in `data`, on a free port.
    pub(crate) fn start(data: &Path) -> Result<Self> {
        Self::start_at(data, "127.0.0.1:0")
    }

    fn start_at(data: &Path, listen: &str) -> Result<Self> {
        let data = data.to_str().ok_or("the directory's name is not UTF-8")?;
        Ok(Self { child: Child::start(&["hub-process", "--data", data, "--listen", listen])? })
    }

    /// Stops it, and starts it again at the same address.
    pub(crate) async fn restart(mut self, data: &Path) -> Result<Self> {
        let address = self.address().await?;
        self.child.stop().await?;
        let mut hub = Self::start_at(data, &address)?;
        hub.address().await?;
        Ok(hub)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.pid()
    }

    /// `127.0.0.1:PORT`
    pub(crate) async fn address(&mut self) -> Result<String> {
        self.child.ask(&Ask::Address).await
    }

    /// New enrollment tokens.
    pub(crate) async fn tokens(&mut self, number: usize) -> Result<Vec<String>> {
        self.child.ask(&Ask::Tokens(number)).await
    }

    /// `skiff apply` of a GitRepo for all clusters that is polled when [`HubProcess::sync`] says so.
    pub(crate) async fn follow(&mut self, url: &str) -> Result<()> {
        self.child.ask(&Ask::Follow(url.to_owned())).await
    }

    /// `skiff sync gitrepo`; returns when the repository was read.
    pub(crate) async fn sync(&mut self) -> Result<()> {
        self.child.ask(&Ask::Sync).await
    }

    /// `skiff get gitrepo`
    pub(crate) async fn progress(&mut self) -> Result<Progress> {
        self.child.ask(&Ask::Progress).await
    }

    /// `skiff get deployments`; for hubs with one cluster.
    pub(crate) async fn settled(&mut self) -> Result<Settled> {
        self.child.ask(&Ask::Settled).await
    }
}

/// The hub's side.
pub(crate) async fn serve(data: PathBuf, listen: SocketAddr) -> Result<()> {
    let config = Config { allow_file_repositories: true, listen, ..Config::new(data) };
    let hub = Hub::start(config, Arc::new(StandardRenderer)).await?;
    note(&format!("hub: {} (process {})", hub.address(), std::process::id()));
    let done = child::serve(async |ask: Ask| answer(&hub, ask).await).await;
    hub.stop().await;
    done
}

async fn answer(hub: &Hub, ask: Ask) -> Result<serde_json::Value> {
    Ok(match ask {
        Ask::Address => json!(hub.address().to_string()),
        Ask::Tokens(number) => json!(tokens(hub, number).await?),
        Ask::Follow(url) => {
            hub.resources().put(&gitrepo(&url)?).await?;
            // It is polled once it is known to the polling task.
            while hub.core().sync_now(&Ref::new(NAMESPACE, GITREPO)?).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            json!(null)
        }
        Ask::Sync => {
            hub.core().sync_now(&Ref::new(NAMESPACE, GITREPO)?).await?;
            json!(null)
        }
        Ask::Progress => json!(progress(hub)?),
        Ask::Settled => json!(settled(hub).await),
    })
}

async fn tokens(hub: &Hub, number: usize) -> Result<Vec<String>> {
    let namespace: Namespace = NAMESPACE.parse()?;
    let mut tokens = Vec::with_capacity(number);
    for index in 0..number {
        let name: ObjectName = format!("edge-{index:05}").parse()?;
        let (namespace, lifetime) = (namespace.clone(), Duration::from_secs(3600));
        let labels = BTreeMap::from([("env".to_owned(), "bench".to_owned())]);
        tokens.push(hub.core().create_token(TokenRequest { namespace, name: Some(name), labels, lifetime }).await?);
    }
    Ok(tokens)
}

fn gitrepo(url: &str) -> Result<GitRepo> {
    Ok(serde_json::from_value(json!({
        "apiVersion": "fleet.cattle.io/v1alpha1",
        "kind": "GitRepo",
        "metadata": {"name": GITREPO, "namespace": NAMESPACE},
        "spec": {
            "repo": url,
            "branch": BRANCH,
            "disablePolling": true,
            "correctDrift": {"enabled": true},
            "targets": [{"clusterSelector": {}}],
        },
    }))?)
}

fn progress(hub: &Hub) -> Result<Progress> {
    let gitrepo: GitRepo = hub.resources().get(NAMESPACE, GITREPO)?.ok_or("there is no GitRepo")?;
    let status = gitrepo.status.unwrap_or_default();
    Ok(Progress { commit: status.commit, ready_clusters: status.ready_clusters })
}

async fn settled(hub: &Hub) -> Settled {
    let mut settled = Settled::default();
    for deployment in hub.core().deployments(None).await {
        let (spec, status) = (deployment.spec, deployment.status.unwrap_or_default());
        let applied = !spec.deployment_id.is_empty() && status.applied_deployment_id == spec.deployment_id;
        settled.ready += usize::from(applied && status.ready && status.non_modified);
        settled.wanted.insert(spec.bundle, spec.deployment_id);
    }
    settled
}
