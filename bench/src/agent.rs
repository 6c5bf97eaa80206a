//! `agent`: the real `skiff-agent` on a real API server, with the hub in a process of its own and a counting proxy
//! between the two.

mod binary;
mod drift;
mod process;
mod scene;

use crate::{Result, figures, machine, note};
use clap::Args;
use scene::{Scene, Step};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Sizes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Bundles.
    #[arg(long, default_value_t = 50)]
    bundles: usize,
    /// Objects in each bundle.
    #[arg(long, default_value_t = 10)]
    objects: usize,
    /// How often each change and each repair is measured.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Seconds in which the requests at rest are counted.
    #[arg(long, default_value_t = 60)]
    rest: u64,
    /// A skiff-agent that is there; otherwise cargo builds the static one.
    #[arg(long)]
    agent_binary: Option<PathBuf>,
}

/// After this much quiet the agent is at rest.
const QUIET: Duration = Duration::from_secs(10);

/// Measures, and tells.
pub(crate) async fn run(options: Options) -> Result<Value> {
    let load = machine::load();
    let binary = binary::find(options.agent_binary.clone())?;
    let size = std::fs::metadata(&binary)?.len();
    note(&format!("agent: {} ({size} bytes)", binary.display()));
    let mut scene = Scene::start(&binary, options.bundles, options.objects).await?;
    tokio::time::sleep(QUIET).await;
    let empty = scene.agent_usage()?;
    let rollout = scene.roll_out().await?;
    note(&format!("agent: rolled out in {:.2} s, {:.2} CPU s", rollout.seconds, rollout.cpu_seconds));
    tokio::time::sleep(QUIET).await;
    let idle = scene.agent_usage()?;
    let mut changes = Vec::new();
    for run in 0..options.runs {
        changes.push(scene.change(run).await?);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let drift = drift::measure(&scene, options.runs).await?;
    tokio::time::sleep(QUIET).await;
    let rest = scene.rest(Duration::from_secs(options.rest)).await?;
    let last = scene.agent_usage()?;
    Ok(json!({
        "benchmark": "agent",
        "machine": machine::facts(),
        "loadBefore": load,
        "sizes": {"bundles": options.bundles, "objectsPerBundle": options.objects},
        "binary": {"path": binary, "size": figures::count(size, "bytes")},
        "figures": {
            "rollout": told(&rollout),
            "oneValueChanged": spreads(&changes),
            "repair": drift,
            "atRest": rest,
            "rssEmpty": figures::count(empty.rss_kib, "KiB"),
            "rssIdle": figures::count(idle.rss_kib, "KiB"),
            "rssIdleAtTheEnd": figures::count(last.rss_kib, "KiB"),
            "peakRss": figures::count(last.peak_kib, "KiB"),
        },
    }))
}

fn told(step: &Step) -> Value {
    json!({
        "ready": figures::one(step.seconds, "s"),
        "agentCpu": figures::one(step.cpu_seconds, "CPU s"),
        "hubCpu": figures::one(step.hub_cpu_seconds, "CPU s"),
        "bytesFromHub": figures::count(step.down, "bytes"),
        "bytesToHub": figures::count(step.up, "bytes"),
        "apiRequests": step.requests,
    })
}

#[expect(clippy::cast_precision_loss, reason = "bytes of one change stay far below 2^53")]
fn spreads(steps: &[Step]) -> Value {
    let spread = |unit: &str, of: fn(&Step) -> f64| figures::spread(&steps.iter().map(of).collect::<Vec<_>>(), unit);
    json!({
        "ready": spread("s", |step| step.seconds),
        "agentCpu": spread("CPU s", |step| step.cpu_seconds),
        "bytesFromHub": spread("bytes", |step| step.down as f64),
        "bytesToHub": spread("bytes", |step| step.up as f64),
    })
}
