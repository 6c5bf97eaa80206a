//! A hub, its agent and their cluster in one process: the real hub over TLS, the real agent, the in-memory API server, a
//! repository on disk, and a place between any two of them where things go wrong.

use crate::api::Between;
use crate::repo::{Files, Repo, config_map};
use crate::wire::Wire;
use fleet_api::Reason;
use fleet_api::names::Ref;
use fleet_api::v1alpha1::{Cluster, GitRepo};
use fleet_api::wire::{EnrollmentToken, Timestamp};
use jiff::SignedDuration;
use serde_json::{Value, json};
use skiff_agent::RunError;
use skiff_hub::core::{Subject, TokenRequest};
use skiff_hub::store::Kind;
use skiff_hub::{Hub, StandardRenderer, StartError};
use skiff_sim::{ApiServer, ObjectKey, Verb};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// How long anything may take that the system does by itself.
const PATIENCE: Duration = Duration::from_secs(45);
/// The name of everything.
pub(crate) const NAMESPACE: &str = "fleet-default";

type Running = (JoinHandle<Result<(), RunError>>, tokio::sync::oneshot::Sender<()>);

/// See the module.
pub(crate) struct World {
    pub(crate) repo: Repo,
    pub(crate) server: ApiServer,
    pub(crate) between: Between,
    pub(crate) wire: Wire,
    pub(crate) allow_files: bool,
    hub: Option<Hub>,
    address: SocketAddr,
    data: PathBuf,
    agent: Option<Running>,
    token: Option<EnrollmentToken>,
    /// How far the agent's clock is ahead, in seconds.
    skew: Arc<AtomicI64>,
    directory: TempDir,
}

/// The files of the repository: two bundles, of kinds in two groups.
pub(crate) fn files() -> Files {
    let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 0\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: registry.example/web}]}\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: v}\n";
    [
        ("apps/shop/fleet.yaml", "defaultNamespace: shop\n".to_owned()),
        ("apps/shop/a.yaml", config_map("a", "one")),
        ("apps/shop/b.yaml", config_map("b", "one")),
        ("apps/shop/s.yaml", secret.to_owned()),
        ("apps/shop/web.yaml", web.to_owned()),
        ("apps/other/fleet.yaml", "defaultNamespace: shop\n".to_owned()),
        ("apps/other/o.yaml", config_map("o", "one")),
    ]
    .map(|(path, text)| (path.to_owned(), text))
    .into()
}

/// The same without what begins with `prefix`.
pub(crate) fn without(prefix: &str) -> Files {
    files().into_iter().filter(|(path, _)| !path.starts_with(prefix)).collect()
}

/// The same, with one file more, or another one.
pub(crate) fn with(path: &str, text: &str) -> Files {
    let mut files = without(path);
    files.push((path.to_owned(), text.to_owned()));
    files
}

/// The objects of [`files`] in the cluster.
pub(crate) fn objects() -> Vec<ObjectKey> {
    let core = |plural, name| ObjectKey::new("", plural, "shop", name);
    vec![
        core("configmaps", "a"),
        core("configmaps", "b"),
        core("configmaps", "o"),
        core("secrets", "s"),
        ObjectKey::new("apps", "deployments", "shop", "web"),
    ]
}

pub(crate) fn r(name: &str) -> Ref {
    Ref::new(NAMESPACE, name).unwrap()
}

impl World {
    /// A hub and a cluster; nothing is deployed, no agent runs.
    pub(crate) async fn new() -> Self {
        Self::in_directory(tempfile::tempdir().unwrap()).await
    }

    /// With the data of the hub in `hub` and that of the agent in `agent` below `directory`.
    pub(crate) async fn in_directory(directory: TempDir) -> Self {
        let data = directory.path().join("hub");
        let server = ApiServer::default();
        let mut world = Self {
            repo: Repo::new(),
            between: Between::new(server.clone()),
            server,
            wire: Wire::new().await,
            allow_files: true,
            hub: None,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            data,
            agent: None,
            token: None,
            skew: Arc::default(),
            directory,
        };
        world.start_hub().await;
        world.address = world.hub().address();
        world
    }

    /// With everything of [`files`] deployed, and told to be so.
    pub(crate) async fn deployed() -> Self {
        let mut world = Self::new().await;
        world.deploy().await;
        world
    }

    /// See [`World::deployed`].
    pub(crate) async fn deploy(&mut self) {
        self.deploy_files(&files()).await;
    }

    /// Deploys these files, with everything of [`files`] among them.
    pub(crate) async fn deploy_files(&mut self, files: &[(String, String)]) {
        self.repo.commit(files);
        self.put_gitrepo(&json!({})).await;
        self.enroll().await;
        self.start_agent();
        self.until("everything is deployed", |world| world.everything_is_there()).await;
        self.until("the hub hears of it", |world| world.is_ready()).await;
    }

    // The hub.

    pub(crate) fn hub(&self) -> &Hub {
        self.hub.as_ref().unwrap()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) async fn start_hub(&mut self) {
        self.try_start_hub().await.unwrap();
    }

    pub(crate) async fn try_start_hub(&mut self) -> Result<(), StartError> {
        let mut config = skiff_hub::Config::new(&self.data);
        config.listen = self.address;
        config.allow_file_repositories = self.allow_files;
        self.hub = Some(Hub::start(config, Arc::new(StandardRenderer)).await?);
        Ok(())
    }

    pub(crate) async fn stop_hub(&mut self) {
        if let Some(hub) = self.hub.take() {
            hub.stop().await;
            // The thread that writes ends by itself; SQLite then takes its log away.
            let (log, begun) = (self.data.join("hub.db-wal"), Instant::now());
            while log.exists() && begun.elapsed() < Duration::from_secs(5) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// The hub has died; another one starts on what its disk held then.
    pub(crate) async fn hub_dies(&mut self, left: &Path) {
        drop(self.hub.take());
        self.data = left.to_owned();
        let begun = Instant::now();
        while let Err(error) = self.try_start_hub().await {
            // The sockets of the old one go in a moment.
            assert!(begun.elapsed() < PATIENCE, "the hub does not start again: {error}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Writes the GitRepo, with more in its spec.
    pub(crate) async fn put_gitrepo(&self, more: &Value) {
        assert!(self.try_put_gitrepo(more).await);
    }

    /// Whether it was acknowledged.
    pub(crate) async fn try_put_gitrepo(&self, more: &Value) -> bool {
        let mut spec = json!({
            "repo": self.repo.url(), "branch": "main", "pollingInterval": "1h", "paths": ["apps/shop", "apps/other"],
            "targets": [{"name": "prod", "clusterSelector": {"matchLabels": {"env": "prod"}}}],
        });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let gitrepo: GitRepo = serde_json::from_value(json!({
            "apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo",
            "metadata": {"name": "shop", "namespace": NAMESPACE}, "spec": spec,
        }))
        .unwrap();
        self.hub().resources().put(&gitrepo).await.is_ok()
    }

    /// Has the repository looked at; what that came to is told by the GitRepo.
    pub(crate) async fn look(&self) {
        drop(self.hub().core().sync_now(&r("shop")).await);
    }

    pub(crate) fn gitrepo(&self) -> GitRepo {
        self.hub().resources().get(NAMESPACE, "shop").unwrap().unwrap()
    }

    pub(crate) fn cluster(&self) -> Cluster {
        self.hub().resources().get(NAMESPACE, "shop-1").unwrap().unwrap()
    }

    pub(crate) fn is_ready(&self) -> bool {
        let status = self.gitrepo().status.unwrap_or_default();
        // Nothing makes Deployments ready here.
        status.summary.ready + status.summary.not_ready == 2
    }

    /// What the hub tells people of the GitRepo and the cluster.
    pub(crate) fn notes(&self) -> Vec<(Reason, String)> {
        let Some(hub) = &self.hub else { return Vec::new() };
        let resources = hub.resources();
        let gitrepo: Option<GitRepo> = resources.get(NAMESPACE, "shop").unwrap();
        let cluster: Option<Cluster> = resources.get(NAMESPACE, "shop-1").unwrap();
        let notes = gitrepo.and_then(|one| one.status).map(|status| status.notes).unwrap_or_default();
        let more = cluster.and_then(|one| one.status).map(|status| status.notes).unwrap_or_default();
        notes.into_iter().chain(more).map(|note| (note.reason, note.message)).collect()
    }

    /// Waits until one of these reasons is told.
    pub(crate) async fn told(&self, reasons: &[Reason]) {
        let what = format!("one of {reasons:?} is told");
        self.until(&what, |world| world.notes().iter().any(|(reason, _)| reasons.contains(reason))).await;
    }

    /// Waits until this reason is told no longer.
    pub(crate) async fn told_no_longer(&self, reason: Reason) {
        let what = format!("{reason:?} is told no longer");
        self.until(&what, |world| world.notes().iter().all(|(told, _)| *told != reason)).await;
    }

    /// Approves all that is held now.
    pub(crate) async fn approve(&self) {
        let core = self.hub().core();
        let subject = Subject::Cluster(r("shop-1"));
        let held = core.held(&subject).await.unwrap();
        let lists: Vec<_> = held.iter().map(|one| (one.cluster.clone(), one.held.digest)).collect();
        // It may have changed in between; who waits looks again.
        drop(core.approve(&subject, &lists, "admin").await);
    }

    // The agent.

    pub(crate) async fn enroll(&mut self) {
        assert!(self.try_enroll().await);
    }

    /// Whether the token was made.
    pub(crate) async fn try_enroll(&mut self) -> bool {
        let Some(text) = self.new_token().await else { return false };
        self.use_token(&text);
        true
    }

    /// A token for the cluster, as text.
    pub(crate) async fn new_token(&self) -> Option<String> {
        let request = TokenRequest {
            namespace: NAMESPACE.parse().unwrap(),
            name: Some("shop-1".parse().unwrap()),
            labels: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
            lifetime: Duration::from_secs(3600),
        };
        self.hub().core().create_token(request).await.ok()
    }

    /// For the next start of the agent.
    pub(crate) fn use_token(&mut self, text: &str) {
        self.token = Some(self.wire.token(skiff_agent::identity::parse_token(text).unwrap()));
    }

    /// Whether the hub knows the cluster, and has had a report of it.
    pub(crate) fn hub_has_heard(&self) -> bool {
        let cluster: Option<Cluster> = self.hub().resources().get(NAMESPACE, "shop-1").unwrap();
        cluster.and_then(|cluster| cluster.status).is_some_and(|status| !status.agent.desired.is_empty())
    }

    /// Where the agent keeps content.
    pub(crate) fn cache(&self) -> PathBuf {
        let of_clusters = std::fs::read_dir(self.path("agent")).unwrap().flatten().map(|entry| entry.path());
        of_clusters.map(|cluster| cluster.join("blobs")).find(|blobs| blobs.is_dir()).unwrap()
    }

    pub(crate) fn start_agent(&mut self) {
        let config = skiff_agent::Config {
            token: self.token.clone(),
            name: Some("shop-1".into()),
            state_dir: Some(self.path("agent")),
            poll_interval: Duration::from_secs(1),
            clock: self.clock(),
            ..skiff_agent::Config::default()
        };
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (client, connect) = (self.between.client(), self.wire.connect());
        let work = async move {
            let until = async { drop(stopped.await) };
            skiff_agent::run(config, client, connect, until).await
        };
        self.agent = Some((tokio::spawn(work), stop));
    }

    /// Sets the agent's clock.
    pub(crate) fn skew(&self, ahead: SignedDuration) {
        self.skew.store(ahead.as_secs(), Ordering::SeqCst);
    }

    fn clock(&self) -> skiff_agent::Clock {
        let skew = self.skew.clone();
        Arc::new(move || Timestamp::now() + SignedDuration::from_secs(skew.load(Ordering::SeqCst)))
    }

    /// As by kill -9.
    pub(crate) async fn kill_agent(&mut self) {
        if let Some((task, _)) = self.agent.take() {
            task.abort();
            drop(task.await);
        }
    }

    /// Why the agent has ended by itself, if it has.
    pub(crate) fn agent_has_ended(&self) -> bool {
        self.agent.as_ref().is_some_and(|(task, _)| task.is_finished())
    }

    /// An agent without the memory of the one before. It has begun when it has written the Lease.
    pub(crate) async fn restart_agent(&mut self) {
        self.kill_agent().await;
        let leases = |world: &Self| {
            let requests = world.server.requests();
            requests.iter().filter(|request| request.resource == "leases" && request.verb.is_write()).count()
        };
        let before = leases(self);
        self.start_agent();
        self.until("the agent has begun", |world| leases(world) > before).await;
    }

    // Looking.

    pub(crate) async fn until(&self, what: &str, holds: impl FnMut(&Self) -> bool) {
        self.within(PATIENCE, what, holds).await;
    }

    pub(crate) async fn within(&self, patience: Duration, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < patience, "timed out: {what}\n{}", self.post_mortem());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn post_mortem(&self) -> String {
        let there: Vec<_> = self.uids().into_keys().map(|key| format!("{}/{}", key.resource, key.name)).collect();
        let ended = if self.agent_has_ended() { "; the agent has ended" } else { "" };
        format!("notes: {:#?}\nobjects: {there:?}\ndeletions: {:?}{ended}", self.notes(), self.deletions())
    }

    fn everything_is_there(&self) -> bool {
        objects().iter().all(|key| self.server.object(key).is_some())
    }

    /// The objects in namespace `shop`, with their UIDs.
    pub(crate) fn uids(&self) -> BTreeMap<ObjectKey, String> {
        let all = self.server.objects().into_iter();
        all.filter(|(key, _)| key.namespace == "shop" && key.name != "kube-root-ca.crt")
            .map(|(key, object)| (key, object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()))
            .collect()
    }

    /// Requests for a deletion, outside of the agent's own namespace.
    pub(crate) fn deletions(&self) -> Vec<String> {
        let requests = self.server.requests().into_iter();
        requests
            .filter(|request| matches!(request.verb, Verb::Delete | Verb::DeleteCollection))
            .filter(|request| request.namespace != fleet_api::labels::AGENT_NAMESPACE)
            .map(|request| format!("{} -> {}", request.path, request.code))
            .collect()
    }

    /// `v` of a ConfigMap.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let object = self.server.object(&ObjectKey::new("", "configmaps", "shop", name))?;
        object["data"]["v"].as_str().map(str::to_owned)
    }

    /// The positive statement: the GitRepo is deleted, and then exactly what it brought goes, held or not.
    pub(crate) async fn withdraw(&self) {
        self.hub().resources().delete(Kind::GitRepo, NAMESPACE, "shop").await.unwrap();
        let begun = Instant::now();
        while !self.uids().is_empty() {
            assert!(begun.elapsed() < PATIENCE, "what was withdrawn does not go\n{}", self.post_mortem());
            if self.cluster().status.is_some_and(|status| status.held_deletions > 0) {
                self.approve().await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn stop(mut self) {
        self.kill_agent().await;
        self.stop_hub().await;
    }
}
