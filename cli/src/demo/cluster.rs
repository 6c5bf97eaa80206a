//! One cluster of the demo: its API server, in memory or a real one, and what the steps look at in it. Also the hand
//! that breaks something there.

use super::report::Failure;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim};
use kube::api::{DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use skiff_sim::{ApiServer, Controllers, Options, Serving, Verb};
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;

/// The namespace of everything that the shops deploy.
pub(super) const NAMESPACE: &str = "shop";
/// How often the emulated controllers of a cluster in memory look around.
const CONTROLLER_TICK: Duration = Duration::from_millis(25);

/// What a cluster is for; the value of its label `env`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Environment {
    /// Where things are tried.
    Dev,
    /// Where they count.
    Prod,
}

impl Environment {
    /// The label's value.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Prod => "prod",
        }
    }
}

/// The API server in memory.
struct InMemory {
    api: ApiServer,
    /// Keeps the socket open.
    _serving: Serving,
}

/// A cluster.
pub(super) struct Cluster {
    /// Its name at the hub.
    pub(super) name: String,
    /// What it is for.
    pub(super) environment: Environment,
    /// How its API server is reached, by us and by the agent.
    pub(super) client: Client,
    /// A kubeconfig for people.
    pub(super) kubeconfig: PathBuf,
    memory: Option<InMemory>,
}

impl Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Cluster {
    /// A cluster in memory, served on a socket as well, with its kubeconfig in `directory`.
    pub(super) async fn in_memory(
        name: String,
        environment: Environment,
        seed: u64,
        directory: &Path,
    ) -> Result<Self, Failure> {
        let options = Options { seed, controllers: Some(Controllers::default()), ..Options::default() };
        let api = ApiServer::new(options);
        let socket = |error| Failure::new(format!("cluster {name}: no port on 127.0.0.1: {error}"));
        let serving = api.serve(TcpListener::bind("127.0.0.1:0").await.map_err(socket)?).map_err(socket)?;
        let kubeconfig = directory.join(format!("{name}.kubeconfig"));
        std::fs::write(&kubeconfig, kubeconfig_for(&name, &serving.url()))
            .map_err(|error| Failure::new(format!("{}: {error}", kubeconfig.display())))?;
        // It ends with the server.
        drop(api.run_controllers(CONTROLLER_TICK));
        let client = api.client();
        Ok(Self { name, environment, client, kubeconfig, memory: Some(InMemory { api, _serving: serving }) })
    }

    /// A real one.
    pub(super) async fn real(name: String, environment: Environment, kubeconfig: PathBuf) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", kubeconfig.display()));
        let file = Kubeconfig::read_from(&kubeconfig).map_err(|error| failed(&error))?;
        let mut clusters = file.clusters.iter().filter_map(|named| named.cluster.as_ref());
        let names_proxy = clusters.any(|cluster| cluster.proxy_url.is_some());
        let mut config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .map_err(|error| failed(&error))?;
        // Watches are long; the agent has deadlines of its own.
        config.read_timeout = None;
        // HTTPS_PROXY is not for the API server; this client has no proxies, and would not start with one.
        if !names_proxy {
            config.proxy_url = None;
        }
        let client = Client::try_from(config).map_err(|error| failed(&error))?;
        client.apiserver_version().await.map_err(|error| failed(&error))?;
        Ok(Self { name, environment, client, kubeconfig, memory: None })
    }

    /// Whether it is more than memory: what runs there is started, bound and pulled by somebody else.
    pub(super) fn is_real(&self) -> bool {
        self.memory.is_none()
    }

    /// The ConfigMap, which must be there.
    pub(super) async fn config_map(&self, name: &str) -> Result<ConfigMap, Failure> {
        self.get(name).await
    }

    /// The Deployment, which must be there.
    pub(super) async fn deployment(&self, name: &str) -> Result<Deployment, Failure> {
        self.get(name).await
    }

    /// The volume claim, where it is there.
    pub(super) async fn claim(&self, name: &str) -> Result<Option<PersistentVolumeClaim>, Failure> {
        self.find(name).await
    }

    /// Deletes a ConfigMap, as somebody with kubectl would.
    pub(super) async fn delete_config_map(&self, name: &str) -> Result<(), Failure> {
        let deleted = self.api::<ConfigMap>().delete(name, &DeleteParams::default()).await;
        deleted.map(drop).map_err(|error| self.failed::<ConfigMap>(name, &error))
    }

    /// Writes a value into a ConfigMap, as somebody with kubectl would.
    pub(super) async fn edit_config_map(&self, name: &str, key: &str, value: &str) -> Result<(), Failure> {
        let mut object = self.config_map(name).await?;
        object.data.get_or_insert_default().insert(key.to_owned(), value.to_owned());
        let by_hand = PostParams { field_manager: Some("kubectl-edit".to_owned()), ..PostParams::default() };
        let written = self.api().replace(name, &by_hand, &object).await;
        written.map(drop).map_err(|error| self.failed::<ConfigMap>(name, &error))
    }

    /// From here on, [`Cluster::deletions`] counts.
    pub(super) fn forget_requests(&self) {
        if let Some(memory) = &self.memory {
            memory.api.reset_log();
        }
    }

    /// How many requests in the shop's namespace asked for a deletion; not known of a real cluster.
    pub(super) fn deletions(&self) -> usize {
        let Some(memory) = &self.memory else { return 0 };
        let requests = memory.api.requests();
        requests.iter().filter(|request| deletes(request)).count()
    }

    async fn get<K>(&self, name: &str) -> Result<K, Failure>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let missing = || Failure::new(format!("{}: {} {NAMESPACE}/{name} is not there", self.name, K::kind(&())));
        self.find(name).await?.ok_or_else(missing)
    }

    async fn find<K>(&self, name: &str) -> Result<Option<K>, Failure>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        self.api::<K>().get_opt(name).await.map_err(|error| self.failed::<K>(name, &error))
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    fn failed<K: Resource<DynamicType = ()>>(&self, name: &str, error: &kube::Error) -> Failure {
        Failure::new(format!("{}: {} {NAMESPACE}/{name}: {error}", self.name, K::kind(&())))
    }
}

fn deletes(request: &skiff_sim::LoggedRequest) -> bool {
    matches!(request.verb, Verb::Delete | Verb::DeleteCollection) && request.namespace == NAMESPACE
}

fn kubeconfig_for(name: &str, url: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: {name}\n  cluster:\n    server: {url}\ncontexts:\n\
         - name: {name}\n  context:\n    cluster: {name}\n    user: {name}\n    namespace: {NAMESPACE}\n\
         current-context: {name}\nusers:\n- name: {name}\n  user: {{}}\n"
    )
}
