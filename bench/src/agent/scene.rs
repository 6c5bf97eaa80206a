//! Control plane, hub, proxy and agent, and what is done with them.

use super::process::AgentProcess;
use crate::hub_process::HubProcess;
use crate::proxy::Proxy;
use crate::repository::{Layout, Repository};
use crate::usage::{self, Usage};
use crate::{Result, figures, machine, note};
use serde_json::{Value, json};
use skiff_controlplane::{AuditEvent, AuditMark, Binaries, ControlPlane, Options};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// As whom the agent is known to the API server, so that its requests can be told from others.
const USER: &str = "skiff-agent-under-test";
/// No step takes longer.
const DEADLINE: Duration = Duration::from_secs(180);

/// What one step came to.
pub(super) struct Step {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) hub_cpu_seconds: f64,
    pub(super) up: u64,
    pub(super) down: u64,
    pub(super) requests: Value,
}

/// All that runs.
pub(super) struct Scene {
    // In the order in which they are stopped; the directory last.
    agent: AgentProcess,
    hub: HubProcess,
    proxy: Proxy,
    plane: ControlPlane,
    repository: Repository,
    layout: Layout,
    directory: TempDir,
}

impl Scene {
    /// Starts everything; the agent is enrolled, and nothing is meant for it yet.
    pub(super) async fn start(binary: &Path, bundles: usize, objects: usize) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let at = directory.path();
        let plane = ControlPlane::start(&Binaries::find()?, Options::default().with_audit()).await?;
        let (kubeconfig, _) = plane.kubeconfig_for(USER, &["system:masters"])?;
        let repository = Repository::create(&at.join("origin"))?;
        let mut hub = HubProcess::start(&at.join("hub"))?;
        let proxy = Proxy::start(hub.address().await?).await?;
        hub.follow(&repository.url()).await?;
        let tokens = hub.tokens(1).await?;
        let token = at.join("token");
        std::fs::write(&token, tokens.concat())?;
        let agent = AgentProcess::start(binary, &kubeconfig, &token, &proxy.url(), at)?;
        note(&format!("agent: its log is {}", at.join("agent.log").display()));
        let layout = Layout { bundles, objects };
        Ok(Self { agent, hub, proxy, plane, repository, layout, directory })
    }

    /// What the agent uses now.
    pub(super) fn agent_usage(&self) -> Result<Usage> {
        self.agent.usage()
    }

    /// A client that is not the agent.
    pub(super) async fn client(&self) -> Result<kube::Client> {
        Ok(self.plane.client_named("skiff-bench").await?)
    }

    /// Commits everything, and waits until the hub shows all of it as Ready.
    pub(super) async fn roll_out(&mut self) -> Result<Step> {
        self.repository.fill(self.layout)?;
        let bundles = self.layout.bundles;
        self.step(|settled, _| settled.ready == bundles && settled.wanted.len() == bundles).await
    }

    /// Changes one line of one object, and waits until the hub shows all of it as Ready again.
    pub(super) async fn change(&mut self, run: usize) -> Result<Step> {
        self.repository.change(run % self.layout.bundles, 0, run + 2)?;
        let bundles = self.layout.bundles;
        self.step(|settled, before| settled.ready == bundles && settled.wanted != before.wanted).await
    }

    async fn step(
        &mut self,
        done: impl Fn(&crate::hub_process::Settled, &crate::hub_process::Settled) -> bool,
    ) -> Result<Step> {
        let before = self.hub.settled().await?;
        let (usage_before, hub_before) = (self.agent.usage()?, usage::of(self.hub.pid()?)?);
        let ((up, down), mark) = (self.proxy.bytes(), self.plane.audit_mark()?);
        let begun = Instant::now();
        self.hub.sync().await?;
        while !done(&self.hub.settled().await?, &before) {
            if begun.elapsed() > DEADLINE {
                let log = std::fs::read_to_string(self.directory.path().join("agent.log")).unwrap_or_default();
                let settled = self.hub.settled().await?;
                return Err(format!("{} are ready after {DEADLINE:?}; the agent says:\n{log}", settled.ready).into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let (usage, hub) = (self.agent.usage()?, usage::of(self.hub.pid()?)?);
        let (up_after, down_after) = self.proxy.bytes();
        Ok(Step {
            seconds,
            cpu_seconds: usage.cpu_seconds - usage_before.cpu_seconds,
            hub_cpu_seconds: hub.cpu_seconds - hub_before.cpu_seconds,
            up: up_after - up,
            down: down_after - down,
            requests: told(&self.requests(mark)?),
        })
    }

    fn requests(&self, mark: AuditMark) -> Result<Vec<AuditEvent>> {
        let events = self.plane.audit_since(mark)?;
        Ok(events.into_iter().filter(|event| event.user == USER).collect())
    }

    /// What the agent asks of its API server and of the hub, and what it uses, while nothing happens.
    pub(super) async fn rest(&self, time: Duration) -> Result<Value> {
        let (mark, before, bytes) = (self.plane.audit_mark()?, self.agent.usage()?, self.proxy.bytes());
        tokio::time::sleep(time).await;
        let (events, after, bytes_after) = (self.requests(mark)?, self.agent.usage()?, self.proxy.bytes());
        let hours = time.as_secs_f64() / 3600.0;
        let expected = |event: &&AuditEvent| event.verb != "watch" && event.resource != "leases";
        let other = events.iter().filter(expected).count();
        let hourly = |number: u64| figures::one(figures::per(number, 1) / hours, "per hour");
        Ok(json!({
            "seconds": time.as_secs(),
            "load": machine::load(),
            "requests": hourly(events.len() as u64),
            "requestsBesideWatchesAndLease": hourly(other as u64),
            "byKind": told(&events),
            "cpu": figures::one((after.cpu_seconds - before.cpu_seconds) / time.as_secs_f64() * 60.0, "CPU s per minute"),
            "bytesFromHub": figures::count(bytes_after.1 - bytes.1, "bytes"),
            "bytesToHub": figures::count(bytes_after.0 - bytes.0, "bytes"),
        }))
    }
}

/// Requests by verb and resource.
fn told(events: &[AuditEvent]) -> Value {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in events {
        let what =
            if event.resource.is_empty() { event.uri.split('?').next().unwrap_or_default() } else { &event.resource };
        *counts.entry(format!("{} {what}", event.verb)).or_default() += 1;
    }
    json!(counts)
}
