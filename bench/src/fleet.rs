//! `fleet`: one hub and many virtual agents over loopback HTTPS, each in a process of its own.

use crate::agents_process::{AgentsProcess, Totals};
use crate::hub_process::HubProcess;
use crate::repository::{Layout, Repository};
use crate::usage::{self, Usage};
use crate::{Result, figures, machine, note};
use clap::Args;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Sizes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Virtual agents.
    #[arg(long, default_value_t = 1000)]
    agents: usize,
    /// Bundles, each for all of them.
    #[arg(long, default_value_t = 20)]
    bundles: usize,
    /// Objects in each bundle.
    #[arg(long, default_value_t = 5)]
    objects: usize,
    /// How often one value is changed afterwards.
    #[arg(long, default_value_t = 5)]
    changes: usize,
}

/// Seconds a poll is held open: longer than this takes.
const WAIT: u32 = 3600;
/// How long the hub's own status may take to follow.
const STATUS: Duration = Duration::from_secs(60);

/// What one step came to.
struct Step {
    seconds: f64,
    hub: (Usage, Usage),
    agents_cpu: f64,
    bytes: Totals,
}

impl Step {
    fn told(&self, agents: usize) -> Value {
        let each = |bytes: u64| figures::one(figures::per(bytes, agents as u64), "bytes");
        json!({
            "lastReportOfReady": figures::one(self.seconds, "s"),
            "hubCpu": figures::one(self.hub.1.cpu_seconds - self.hub.0.cpu_seconds, "CPU s"),
            "agentsCpu": figures::one(self.agents_cpu, "CPU s"),
            "hubRssBefore": figures::count(self.hub.0.rss_kib, "KiB"),
            "hubRssAfter": figures::count(self.hub.1.rss_kib, "KiB"),
            "hubPeakRss": figures::count(self.hub.1.peak_kib, "KiB"),
            "bytesFromHubPerAgent": each(self.bytes.down),
            "bytesToHubPerAgent": each(self.bytes.up),
        })
    }
}

/// A hub, its agents, and the repository.
struct Scene {
    hub: HubProcess,
    agents: AgentsProcess,
    number: usize,
}

impl Scene {
    /// `skiff sync`, and then what `until` waits for.
    async fn step(&mut self, until: Until) -> Result<Step> {
        let (hub, agents) = (self.hub.pid()?, self.agents.pid()?);
        usage::reset_peak(hub)?;
        let bytes = self.agents.totals(0..self.number).await?;
        let (before, agents_before) = (usage::of(hub)?, usage::of(agents)?);
        let begun = Instant::now();
        match until {
            Until::Ready(bundles) => drop(tokio::try_join!(self.hub.sync(), self.agents.ready(bundles))?),
            Until::Changed => drop(tokio::try_join!(self.hub.sync(), self.agents.changed())?),
        }
        let seconds = begun.elapsed().as_secs_f64();
        let (after, agents_after) = (usage::of(hub)?, usage::of(agents)?);
        let bytes = self.agents.totals(0..self.number).await?.since(bytes);
        let agents_cpu = agents_after.cpu_seconds - agents_before.cpu_seconds;
        Ok(Step { seconds, hub: (before, after), agents_cpu, bytes })
    }

    /// Until `skiff get gitrepo` says that every cluster is ready.
    async fn status(&mut self, begun: Instant) -> Result<f64> {
        while begun.elapsed() < STATUS {
            if self.hub.progress().await?.ready_clusters as usize == self.number {
                return Ok(begun.elapsed().as_secs_f64());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err("the GitRepo's status does not become ready".into())
    }
}

#[derive(Clone, Copy)]
enum Until {
    Ready(usize),
    Changed,
}

/// Measures, and tells.
pub(crate) async fn run(options: Options) -> Result<Value> {
    let load = machine::load();
    let directory = tempfile::tempdir()?;
    let repository = Repository::create(&directory.path().join("origin"))?;
    let mut hub = HubProcess::start(&directory.path().join("hub"))?;
    let mut agents = AgentsProcess::start()?;
    hub.follow(&repository.url()).await?;
    hub.sync().await?;
    let tokens = hub.tokens(options.agents).await?;
    let begun = Instant::now();
    agents.enroll(tokens).await?;
    let enrolled = begun.elapsed().as_secs_f64();
    agents.connect(0..options.agents, WAIT).await?;
    note(&format!("fleet: {} agents enrolled and connected in {:.1} s", options.agents, begun.elapsed().as_secs_f64()));
    tokio::time::sleep(Duration::from_secs(2)).await;

    repository.fill(Layout { bundles: options.bundles, objects: options.objects })?;
    let mut scene = Scene { hub, agents, number: options.agents };
    let begun = Instant::now();
    let rollout = scene.step(Until::Ready(options.bundles)).await?;
    let status = scene.status(begun).await?;
    note(&format!("fleet: rolled out in {:.2} s, the GitRepo is ready after {status:.2} s", rollout.seconds));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let settled = usage::of(scene.hub.pid()?)?;
    let (mut seconds, mut changes) = (Vec::new(), Vec::new());
    for change in 0..options.changes {
        scene.agents.mark().await?;
        repository.change(change % options.bundles, 0, change + 2)?;
        let step = scene.step(Until::Changed).await?;
        seconds.push(step.seconds);
        changes.push(step.told(options.agents));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(json!({
        "benchmark": "fleet",
        "machine": machine::facts(),
        "loadBefore": load,
        "sizes": {"agents": options.agents, "bundles": options.bundles, "objectsPerBundle": options.objects},
        "figures": {
            "enrollAll": figures::one(enrolled, "s"),
            "rollout": rollout.told(options.agents),
            "gitRepoShowsReady": figures::one(status, "s"),
            "hubRssSettled": figures::count(settled.rss_kib, "KiB"),
            "oneValueChanged": figures::spread(&seconds, "s"),
            "oneValueChangedRuns": changes,
        },
    }))
}
