//! Everything that the demo runs: the hub, the agents, the clusters, the git repository, and the operator.
//!
//! Invariant: everything it writes is in one directory, which is removed at the end unless it is to be kept; what it
//! started ends with [`World::stop`].

use super::cluster::{Cluster, Environment};
use super::operator::Operator;
use super::report::{Failure, Progress};
use super::repository::{GITREPO, Repository};
use serde_json::Value;
use skiff_hub::{Hub, StandardRenderer};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long an agent's request for news is held open at the hub (what is new comes at once), and the longest that an agent
/// waits before it looks again for a hub that was away.
const POLL: Duration = Duration::from_secs(1);

/// What is to be run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// How many clusters.
    pub(super) clusters: usize,
    /// Real clusters, in place of the first ones in memory.
    pub(super) kubeconfigs: Vec<PathBuf>,
    /// Whether the files stay.
    pub(super) keep: bool,
}

/// An agent, as a task of this process.
struct Agent {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), skiff_agent::RunError>>,
}

/// All of it.
pub(super) struct World {
    /// The clusters; dev first.
    pub(super) clusters: Vec<Cluster>,
    /// What a person commits to.
    pub(super) repository: Repository,
    /// The commit that was pushed last.
    pub(super) commit: String,
    /// The person at the hub.
    pub(super) operator: Operator,
    /// Where the step that runs says what it does.
    pub(super) progress: Progress,
    hub: Option<Hub>,
    hub_address: SocketAddr,
    agents: Vec<Option<Agent>>,
    root: PathBuf,
    /// Removes the directory when it is dropped; nothing where it is kept.
    directory: Option<TempDir>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("root", &self.root).finish_non_exhaustive()
    }
}

impl World {
    /// A repository, clusters and a hub; no agent runs yet.
    pub(super) async fn create(plan: Plan) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("skiff-demo-").tempdir().map_err(failed("a directory"))?;
        let (root, directory) = match plan.keep {
            true => (directory.keep(), None),
            false => (directory.path().to_owned(), Some(directory)),
        };
        let clusters = clusters(&plan, &root.join("clusters")).await?;
        let real = clusters.iter().any(Cluster::is_real);
        let (repository, commit) = Repository::create(&root.join("shops"), |path, text| adapted(path, text, real))?;
        let hub = start_hub(&root, SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let operator = Operator::new(&hub.admin_file())?;
        let kubeconfig = operator.kubeconfig().await?;
        std::fs::write(root.join("hub.kubeconfig"), kubeconfig).map_err(failed("hub.kubeconfig"))?;
        let agents = clusters.iter().map(|_| None).collect();
        Ok(Self {
            clusters,
            repository,
            commit,
            operator,
            progress: Progress::default(),
            hub_address: hub.address(),
            hub: Some(hub),
            agents,
            root,
            directory,
        })
    }

    /// The GitRepo of the example, over the repository of the demo.
    pub(super) fn gitrepo(&self) -> Result<Value, Failure> {
        let mut gitrepo: Value = k8s_yaml::from_str(GITREPO).map_err(failed("examples/shops/gitrepo.yaml"))?;
        gitrepo["spec"]["repo"] = self.repository.url().into();
        Ok(gitrepo)
    }

    /// Commits what was changed in the repository, and lets the hub look.
    pub(super) async fn push(&mut self, message: &str) -> Result<(), Failure> {
        self.commit(message)?;
        self.operator.sync().await
    }

    /// Commits what was changed in the repository.
    pub(super) fn commit(&mut self, message: &str) -> Result<(), Failure> {
        self.commit = self.repository.commit(message)?;
        Ok(())
    }

    /// How many replicas the environment asks for. None in real clusters, which could not pull the example's image.
    pub(super) fn replicas(&self, environment: Environment) -> i32 {
        match environment {
            _ if self.clusters.iter().any(Cluster::is_real) => 0,
            Environment::Dev => 1,
            Environment::Prod => 3,
        }
    }

    /// Stops the hub, and waits until nothing of it runs.
    pub(super) async fn stop_hub(&mut self) {
        if let Some(hub) = self.hub.take() {
            hub.stop().await;
        }
    }

    /// Starts the hub again, over the same data and at the same address.
    pub(super) async fn start_hub(&mut self) -> Result<(), Failure> {
        self.hub = Some(start_hub(&self.root, self.hub_address).await?);
        Ok(())
    }

    /// Starts all agents, each with a token for the name of its cluster.
    pub(super) async fn start_agents(&mut self) -> Result<(), Failure> {
        for index in 0..self.clusters.len() {
            let token = self.operator.token(&self.clusters[index].name).await?;
            self.launch(index, Some(&token))?;
        }
        Ok(())
    }

    /// Stops an agent, and waits until it has ended.
    pub(super) async fn stop_agent(&mut self, index: usize) -> Result<(), Failure> {
        let Some(agent) = self.agents[index].take() else { return Ok(()) };
        // An agent that has ended does not listen any more; the task says why.
        let _ended = agent.stop.send(());
        let name = &self.clusters[index].name;
        agent.task.await.map_err(failed(name))?.map_err(failed(&format!("agent of {name}")))
    }

    /// Starts an agent again: its identity is in its cluster, so it needs no token.
    pub(super) fn start_agent(&mut self, index: usize) -> Result<(), Failure> {
        self.launch(index, None)
    }

    fn launch(&mut self, index: usize, token: Option<&str>) -> Result<(), Failure> {
        let cluster = &self.clusters[index];
        let config = skiff_agent::Config {
            token: token.map(skiff_agent::identity::parse_token).transpose().map_err(failed("the enrollment token"))?,
            name: Some(cluster.name.clone()),
            state_dir: Some(self.root.join("agents").join(&cluster.name)),
            poll_interval: POLL,
            holder: format!("demo-{}", cluster.name),
            ..skiff_agent::Config::default()
        };
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            // Dropped or sent: either way it is to end.
            let _dropped = stopped.await;
        };
        let agent = skiff_agent::run(config, cluster.client.clone(), skiff_agent::over_https(), shutdown);
        self.agents[index] = Some(Agent { stop, task: tokio::spawn(agent) });
        Ok(())
    }

    /// The failure of a step; with the reason where an agent has ended by itself, for then that is the cause.
    pub(super) async fn with_ended_agents(&mut self, failure: Failure) -> Failure {
        for (agent, cluster) in self.agents.iter_mut().zip(&self.clusters) {
            if let Some(ended) = agent.take_if(|agent| agent.task.is_finished()) {
                let why = match ended.task.await {
                    Ok(Ok(())) => "it ended".to_owned(),
                    Ok(Err(error)) => error.to_string(),
                    Err(error) => error.to_string(),
                };
                return Failure::new(format!("{failure}; the agent of {} has ended: {why}", cluster.name));
            }
        }
        failure
    }

    /// Ends everything.
    pub(super) async fn stop(&mut self) {
        for index in 0..self.agents.len() {
            // What it ended with matters to nobody any more.
            let _over = self.stop_agent(index).await;
        }
        self.stop_hub().await;
    }

    /// For people: where the hub, the clusters and the repository are.
    pub(super) fn how_to_look(&self) -> String {
        let root = self.root.display();
        let cluster = self.clusters.first().map(|cluster| cluster.kubeconfig.display().to_string()).unwrap_or_default();
        let mut text =
            format!("A hub, {} clusters and a git repository in {root}. While they run:\n", self.clusters.len());
        let lines = [
            ("command line", format!("skiff get clusters --config {root}/hub/admin.yaml")),
            ("kubectl", format!("kubectl --kubeconfig {root}/hub.kubeconfig get gitrepos,bundles,clusters")),
            ("web page", format!("https://{}/ (the token is in {root}/hub/admin.yaml)", self.hub_address)),
            ("a cluster", format!("kubectl --kubeconfig {cluster} get deployments,configmaps")),
            ("repository", format!("git -C {} log", self.repository.root().display())),
        ];
        for (what, how) in lines {
            // Writing to a String cannot fail.
            let _always = writeln!(text, "  {what:<13} {how}");
        }
        text
    }

    /// For people: what is left behind.
    pub(super) fn what_stays(&self) -> String {
        let mut text = String::new();
        if self.directory.is_none() {
            text = format!("The files stay in {}.\n", self.root.display());
        }
        let real: Vec<_> = self.clusters.iter().filter(|cluster| cluster.is_real()).map(|c| c.name.as_str()).collect();
        if !real.is_empty() {
            let _always = writeln!(
                text,
                "In the real clusters ({}) the namespaces shop and skiff-system stay; delete them before the next demo.",
                real.join(", ")
            );
        }
        text
    }
}

async fn start_hub(root: &Path, listen: SocketAddr) -> Result<Hub, Failure> {
    let mut config = skiff_hub::Config::new(root.join("hub"));
    config.listen = listen;
    config.allow_file_repositories = true;
    Hub::start(config, Arc::new(StandardRenderer)).await.map_err(failed("the hub"))
}

/// The clusters: the first two fifths are dev, the rest prod; the first ones are real where kubeconfigs are given.
async fn clusters(plan: &Plan, directory: &Path) -> Result<Vec<Cluster>, Failure> {
    std::fs::create_dir_all(directory).map_err(failed("a directory for the clusters"))?;
    let dev = (plan.clusters * 2 / 5).max(1);
    let mut clusters = Vec::with_capacity(plan.clusters);
    for index in 0..plan.clusters {
        let (environment, number) =
            if index < dev { (Environment::Dev, index + 1) } else { (Environment::Prod, index - dev + 1) };
        let name = format!("{}-{number}", environment.as_str());
        clusters.push(match plan.kubeconfigs.get(index) {
            Some(file) => Cluster::real(name, environment, file.clone()).await?,
            None => Cluster::in_memory(name, environment, seed(index), directory).await?,
        });
    }
    Ok(clusters)
}

fn seed(index: usize) -> u64 {
    u64::try_from(index).unwrap_or_default() + 1
}

/// The example's image exists nowhere: in real clusters no pod is asked for.
fn adapted(path: &str, text: &str, real: bool) -> String {
    if real && path.starts_with("web/") {
        text.replace("replicas: 1", "replicas: 0").replace("replicas: 3", "replicas: 0")
    } else {
        text.to_owned()
    }
}

fn failed<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> Failure {
    move |error| Failure::new(format!("{what}: {error}"))
}
