//! The world that the scenarios act in: one hub, two agents, two control planes; and the words for acting in it.
//!
//! Invariants: every wait has a deadline and says what it waited for, what it saw last, and how the logs end; every
//! program is a child that ends with this process, whatever way that ends.

use crate::command::{Ran, succeeded};
pub(crate) use crate::command::{config_map, gitrepo, run, service_account, values_chart, values_secret};
use serde_json::Value;
use skiff_controlplane::{AuditEvent, AuditMark, Binaries, ControlPlane, Options, Process, free_port};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// Why a scenario failed.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Fails the scenario with a message where a condition does not hold.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+).into());
        }
    };
}
pub(crate) use ensure;

/// How long anything may take that the system does by itself, in seconds, unless `SKIFF_E2E_PATIENCE` says otherwise.
const PATIENCE_SECONDS: u64 = 60;
/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// Who the agents are to their API servers.
const AGENT: &str = "skiff-agent";
static WORLD: Mutex<Option<World>> = Mutex::const_new(None);

/// The world, started where it is not yet, with everything running.
pub(crate) async fn world(binaries: &Binaries) -> Result<Guard, Failure> {
    let mut guard = WORLD.lock().await;
    if guard.is_none() {
        *guard = Some(World::start(binaries).await?);
    }
    let mut guard = Guard(guard);
    guard.keep_running().await?;
    Ok(guard)
}

/// Ends what runs.
pub(crate) fn end() {
    if let Ok(mut world) = WORLD.try_lock() {
        drop(world.take());
    }
}

/// The world, held by one scenario.
pub(crate) struct Guard(MutexGuard<'static, Option<World>>);

impl std::ops::Deref for Guard {
    type Target = World;

    fn deref(&self) -> &World {
        self.0.as_ref().expect("it was started before it was handed out")
    }
}

impl std::ops::DerefMut for Guard {
    fn deref_mut(&mut self) -> &mut World {
        self.0.as_mut().expect("it was started before it was handed out")
    }
}

/// One of the two clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cluster {
    One,
    Two,
}

pub(crate) use Cluster::{One, Two};

impl Cluster {
    /// Its name at the hub.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            One => "one",
            Two => "two",
        }
    }

    const fn agent(self) -> &'static str {
        match self {
            One => "agent-one",
            Two => "agent-two",
        }
    }
}

/// What `skiff explain` tells.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub reason: String,
    /// Message, file, object and remedy in one.
    pub words: String,
}

/// See the module.
pub(crate) struct World {
    // In the order in which they are to end.
    agents: [Option<Process>; 2],
    hub: Option<Process>,
    planes: [ControlPlane; 2],
    programs: Programs,
    address: String,
    directory: TempDir,
}

struct Programs {
    skiff: PathBuf,
    agent: PathBuf,
}

impl Programs {
    /// `skiff` is built with this test; the agent beside it is where its own tests, or all of the workspace, are built.
    fn find() -> Result<Self, Failure> {
        let skiff = PathBuf::from(env!("CARGO_BIN_EXE_skiff"));
        let agent = skiff.with_file_name("skiff-agent");
        ensure!(agent.exists(), "{} is not there: `cargo build -p skiff -p skiff-agent`", agent.display());
        Ok(Self { skiff, agent })
    }
}

impl World {
    async fn start(binaries: &Binaries) -> Result<Self, Failure> {
        let programs = Programs::find()?;
        let options = || Options::default().with_controller_manager().with_audit();
        let (one, two) =
            tokio::join!(ControlPlane::start(binaries, options()), ControlPlane::start(binaries, options()));
        let mut directory = tempfile::Builder::new().prefix("skiff-e2e-").tempdir()?;
        directory.disable_cleanup(std::env::var_os("SKIFF_TIER4_KEEP").is_some());
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut world = Self { agents: [None, None], hub: None, planes: [one?, two?], programs, address, directory };
        world.start_hub().await?;
        for cluster in [One, Two] {
            world.let_agents_in(cluster)?;
            let token = world.ok(&format!("token create --name {}", cluster.name()))?;
            std::fs::write(world.path(&format!("{}.token", cluster.agent())), token)?;
            world.start_agent(cluster)?;
        }
        for cluster in [One, Two] {
            world.is_heard(cluster).await?;
        }
        Ok(world)
    }

    /// Starts what an earlier scenario left stopped.
    async fn keep_running(&mut self) -> Result<(), Failure> {
        if self.hub.as_mut().is_none_or(|hub| hub.still_runs().is_err()) {
            self.start_hub().await?;
        }
        for cluster in [One, Two] {
            if self.agents[cluster as usize].as_mut().is_none_or(|agent| agent.still_runs().is_err()) {
                self.start_agent(cluster)?;
            }
        }
        Ok(())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The directory of everything.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    // The programs.

    /// Starts the hub and waits until it answers.
    pub(crate) async fn start_hub(&mut self) -> Result<(), Failure> {
        self.spawn_hub()?;
        self.hub_answers().await
    }

    /// Waits until the hub answers.
    pub(crate) async fn hub_answers(&self) -> Result<(), Failure> {
        self.until("the hub answers", |world| world.ok("get clusters -o json").map(drop)).await
    }

    /// Starts the hub.
    pub(crate) fn spawn_hub(&mut self) -> Result<(), Failure> {
        let data = self.path("hub");
        let arguments = ["hub", "--data", &data.display().to_string(), "--listen", &self.address];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).into();
        arguments.push("--allow-file-repositories".into());
        self.hub = Some(Process::spawn("hub", &self.programs.skiff, &arguments, self.directory.path())?);
        Ok(())
    }

    /// `kill -9`.
    pub(crate) fn kill_hub(&mut self) {
        self.hub = None;
    }

    /// Starts an agent.
    pub(crate) fn start_agent(&mut self, cluster: Cluster) -> Result<(), Failure> {
        let name = cluster.agent();
        let (kubeconfig, _) = self.plane(cluster).kubeconfig_for(AGENT, &[])?;
        let mut arguments = self.agent_arguments(name, &kubeconfig);
        arguments.extend(["--name".into(), cluster.name().into()]);
        let process = Process::spawn(name, &self.programs.agent, &arguments, self.directory.path())?;
        self.agents[cluster as usize] = Some(process);
        Ok(())
    }

    /// Lets the agents of a cluster do everything. They are no member of `system:masters`: that one would be refused nothing.
    pub(crate) fn let_agents_in(&self, cluster: Cluster) -> Result<String, String> {
        let line = format!("create clusterrolebinding skiff-agent --clusterrole=cluster-admin --user={AGENT}");
        self.kubectl(cluster, &line, "")
    }

    /// Starts one more agent, of this name, with the token in `<name>.token`.
    pub(crate) fn spawn_agent(&self, name: &'static str, kubeconfig: &Path, more: &[&str]) -> Result<Process, Failure> {
        let mut arguments = self.agent_arguments(name, kubeconfig);
        arguments.extend(more.iter().map(|&word| word.to_owned()));
        Ok(Process::spawn(name, &self.programs.agent, &arguments, self.directory.path())?)
    }

    fn agent_arguments(&self, name: &str, kubeconfig: &Path) -> Vec<String> {
        let words = [
            "--token-file",
            &self.path(&format!("{name}.token")).display().to_string(),
            "--kubeconfig",
            &kubeconfig.display().to_string(),
            "--state-dir",
            &self.path(&format!("{name}.state")).display().to_string(),
            "--poll-interval",
            "30s",
        ];
        words.map(str::to_owned).into()
    }

    /// `kill -9`.
    pub(crate) fn kill_agent(&mut self, cluster: Cluster) {
        self.agents[cluster as usize] = None;
    }

    /// Waits until the hub has heard of a cluster for the first time.
    async fn is_heard(&self, cluster: Cluster) -> Result<(), Failure> {
        self.until(&format!("the hub hears of cluster {}", cluster.name()), |world| {
            let object = world.get("cluster", cluster.name())?;
            let seen = object["status"]["agent"]["lastSeen"].as_str().unwrap_or_default();
            if seen.is_empty() { Err(object["status"].to_string()) } else { Ok(()) }
        })
        .await
    }

    /// Waits until the agent of a cluster watches again, after a place in the audit log.
    pub(crate) async fn watches_again(&self, cluster: Cluster, since: AuditMark) -> Result<(), Failure> {
        self.until(&format!("the agent of {} watches its objects", cluster.name()), |world| {
            let events = world.asked(cluster, since).map_err(|error| error.to_string())?;
            if events.iter().any(|event| event.verb == "watch") { Ok(()) } else { Err(format!("{events:#?}")) }
        })
        .await
    }

    // Waiting.

    /// Waits until `look` finds something; its error says what is there instead.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        mut look: impl FnMut(&Self) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let seconds = std::env::var("SKIFF_E2E_PATIENCE").ok().and_then(|text| text.parse().ok());
        let patience = Duration::from_secs(seconds.unwrap_or(PATIENCE_SECONDS));
        let begun = Instant::now();
        loop {
            match look(self) {
                Ok(found) => return Ok(found),
                Err(seen) if begun.elapsed() > patience => return Err(self.post_mortem(what, &seen)),
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Checks that something holds, and goes on holding for a while.
    pub(crate) async fn stays(
        &self,
        what: &str,
        duration: Duration,
        mut look: impl FnMut(&Self) -> Result<(), String>,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        while begun.elapsed() < duration {
            look(self).map_err(|seen| self.post_mortem(&format!("it should stay so that {what}"), &seen))?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn post_mortem(&self, what: &str, seen: &str) -> Failure {
        let mut text = format!("waited for: {what}\nseen last: {seen}\n");
        let logs = [
            ("hub", self.hub.as_ref()),
            ("agent one", self.agents[0].as_ref()),
            ("agent two", self.agents[1].as_ref()),
        ];
        for (name, process) in logs {
            let tail = process.map_or_else(|| "(not running)".to_owned(), Process::log_tail);
            text.push_str(&format!("--- {name}\n{tail}\n"));
        }
        for line in ["explain cluster one", "explain cluster two"] {
            let told = self.skiff(line).map_or_else(|error| error, |ran| ran.stdout + &ran.stderr);
            text.push_str(&format!("--- skiff {line}\n{told}\n"));
        }
        text.into()
    }

    // The command line.

    /// Runs `skiff` with the words of a line.
    pub(crate) fn skiff(&self, line: &str) -> Result<Ran, String> {
        self.skiff_with(line, "")
    }

    /// The same, with something on stdin.
    pub(crate) fn skiff_with(&self, line: &str, stdin: &str) -> Result<Ran, String> {
        let mut command = Command::new(&self.programs.skiff);
        command.env("SKIFF_CONFIG", self.path("hub/admin.yaml")).env("HOME", self.directory());
        command.args(line.split_whitespace());
        run(command, line, stdin)
    }

    /// Runs `skiff`; its stdout, or a failure with its stderr.
    pub(crate) fn ok(&self, line: &str) -> Result<String, String> {
        succeeded("skiff", line, self.skiff(line)?)
    }

    /// `skiff apply -f -`.
    pub(crate) fn apply(&self, manifest: &str) -> Result<String, String> {
        succeeded("skiff", manifest, self.skiff_with("apply -f -", manifest)?)
    }

    /// An object of the hub, as JSON.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Result<Value, String> {
        let text = self.ok(&format!("get {kind} {name} -o json"))?;
        serde_json::from_str(&text).map_err(|error| format!("`skiff get {kind} {name} -o json`: {error}: {text}"))
    }

    /// The objects of a kind at the hub.
    pub(crate) fn list(&self, kind: &str) -> Result<Vec<Value>, String> {
        let text = self.ok(&format!("get {kind} -o json"))?;
        let value: Value =
            serde_json::from_str(&text).map_err(|error| format!("`skiff get {kind} -o json`: {error}: {text}"))?;
        Ok(value["items"].as_array().cloned().unwrap_or_default())
    }

    /// Polls a GitRepo now.
    pub(crate) fn sync(&self, gitrepo: &str) -> Result<String, String> {
        self.ok(&format!("sync gitrepo {gitrepo}"))
    }

    /// Waits until `skiff explain` gives a reason with all these words, in JSON and in the text for people.
    pub(crate) async fn told(&self, subject: &str, reason: &str, words: &[&str]) -> Result<Told, Failure> {
        let what = format!("`skiff explain {subject}` gives {reason} with {words:?}");
        let told = self
            .until(&what, |world| {
                let all = world.explanations(subject)?;
                let fits = |told: &&Told| told.reason == reason && words.iter().all(|word| told.words.contains(word));
                all.iter().find(fits).cloned().ok_or_else(|| format!("{all:#?}"))
            })
            .await?;
        let text = self.ok(&format!("explain {subject}"))?;
        ensure!(text.contains(words.first().unwrap_or(&"")), "`skiff explain {subject}` lacks {words:?}:\n{text}");
        Ok(told)
    }

    /// What `skiff explain` tells of `KIND NAME`, with what is held.
    pub(crate) fn explanations(&self, subject: &str) -> Result<Vec<Told>, String> {
        let text = self.ok(&format!("explain {subject} -o json"))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        let entries = value["entries"].as_array().into_iter().flatten().map(|entry| {
            let note = &entry["note"];
            let object = &note["object"];
            let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let object = ["kind", "namespace", "name"].map(|name| part(&object[name])).join(" ");
            let words = [part(&note["message"]), part(&note["file"]), object, part(&entry["remedy"])].join(" | ");
            Told { reason: part(&note["reason"]), words }
        });
        let held = value["held"].as_array().into_iter().flatten();
        let held = held.map(|held| Told { reason: "held".to_owned(), words: held.to_string() });
        Ok(entries.chain(held).collect())
    }

    /// Waits for `condition=Ready` of a GitRepo at a commit.
    pub(crate) async fn ready(&self, gitrepo: &str, commit: &str) -> Result<(), Failure> {
        self.until(&format!("gitrepo {gitrepo} is Ready at {commit}"), |world| {
            let object = world.get("gitrepo", gitrepo)?;
            let status = &object["status"];
            let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
            let ready =
                conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            if ready && status["commit"] == commit { Ok(()) } else { Err(status.to_string()) }
        })
        .await
    }

    // The clusters.

    /// The control plane of a cluster.
    pub(crate) fn plane(&self, cluster: Cluster) -> &ControlPlane {
        &self.planes[cluster as usize]
    }

    /// The same, to be stopped and started.
    pub(crate) fn plane_mut(&mut self, cluster: Cluster) -> &mut ControlPlane {
        &mut self.planes[cluster as usize]
    }

    /// Runs kubectl in a cluster; its stdout, or a failure with its stderr.
    pub(crate) fn kubectl(&self, cluster: Cluster, line: &str, stdin: &str) -> Result<String, String> {
        let mut command = self.plane(cluster).kubectl();
        command.env("HOME", self.directory()).env("KUBECACHEDIR", self.path(cluster.name()));
        command.args(line.split_whitespace());
        succeeded("kubectl", line, run(command, line, stdin)?)
    }

    /// What the API server of a cluster has at a path; none where it is not.
    pub(crate) fn object(&self, cluster: Cluster, path: &str) -> Result<Option<Value>, String> {
        let mut command = self.plane(cluster).kubectl();
        command.env("HOME", self.directory()).args(["get", "--raw", path]);
        let ran = run(command, path, "")?;
        match ran.code {
            Some(0) => serde_json::from_str(&ran.stdout).map(Some).map_err(|error| format!("{path}: {error}")),
            _ if ran.stderr.contains("NotFound") || ran.stderr.contains("not found") => Ok(None),
            _ => Err(format!("{path}: {}", ran.stderr)),
        }
    }

    /// A ConfigMap, where it is there.
    pub(crate) fn config_map(&self, cluster: Cluster, namespace: &str, name: &str) -> Result<Option<Value>, String> {
        self.object(cluster, &format!("/api/v1/namespaces/{namespace}/configmaps/{name}"))
    }

    /// The UID of a ConfigMap that is there.
    pub(crate) fn uid(&self, cluster: Cluster, namespace: &str, name: &str) -> Result<String, String> {
        let object = self.config_map(cluster, namespace, name)?;
        let object =
            object.ok_or_else(|| format!("configmap {namespace}/{name} is not in cluster {}", cluster.name()))?;
        Ok(object["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a ConfigMap has a value under a key.
    pub(crate) async fn has(
        &self,
        cluster: Cluster,
        (namespace, name): (&str, &str),
        key: &str,
        value: &str,
    ) -> Result<(), Failure> {
        let what = format!("{key}={value} in configmap {namespace}/{name} of cluster {}", cluster.name());
        self.until(&what, |world| {
            let object = world.config_map(cluster, namespace, name)?;
            let is = object.as_ref().map(|object| object["data"][key].clone());
            if is.as_ref().is_some_and(|is| *is == value) { Ok(()) } else { Err(format!("{is:?}")) }
        })
        .await
    }

    /// Waits until a ConfigMap is not there.
    pub(crate) async fn has_not(&self, cluster: Cluster, (namespace, name): (&str, &str)) -> Result<(), Failure> {
        self.goes(cluster, &format!("/api/v1/namespaces/{namespace}/configmaps/{name}")).await
    }

    /// Waits until nothing is at a path.
    pub(crate) async fn goes(&self, cluster: Cluster, path: &str) -> Result<(), Failure> {
        let what = format!("{path} goes from cluster {}", cluster.name());
        self.until(&what, |world| world.object(cluster, path)?.map_or(Ok(()), |left| Err(left["metadata"].to_string())))
            .await
    }

    /// A place in the audit log of a cluster.
    pub(crate) fn mark(&self, cluster: Cluster) -> Result<AuditMark, Failure> {
        Ok(self.plane(cluster).audit_mark()?)
    }

    /// What the agent of a cluster asked of its API server since then.
    pub(crate) fn asked(&self, cluster: Cluster, since: AuditMark) -> Result<Vec<AuditEvent>, Failure> {
        let events = self.plane(cluster).audit_since(since)?;
        Ok(events.into_iter().filter(|event| event.user_agent.starts_with("skiff-agent")).collect())
    }

    /// The deletions in a namespace that the agent of a cluster asked for since then, as `resource name`.
    pub(crate) fn deleted(&self, cluster: Cluster, namespace: &str, since: AuditMark) -> Result<Vec<String>, Failure> {
        let events = self.asked(cluster, since)?;
        let deletions = events.iter().filter(|event| event.verb.starts_with("delete") && event.namespace == namespace);
        Ok(deletions.map(|event| format!("{} {}", event.resource, event.name)).collect())
    }
}
