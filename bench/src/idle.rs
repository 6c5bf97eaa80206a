//! `idle`: what an agent that has nothing to do costs the hub and the network.

use crate::agents_process::AgentsProcess;
use crate::hub_process::HubProcess;
use crate::{Result, figures, machine, note, usage};
use clap::Args;
use serde_json::{Value, json};
use std::time::Duration;

/// Sizes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Connected agents at the first look at the hub's memory.
    #[arg(long, default_value_t = 1000)]
    few: usize,
    /// Connected agents at the second.
    #[arg(long, default_value_t = 5000)]
    many: usize,
    /// Agents whose polls are counted.
    #[arg(long, default_value_t = 50)]
    pollers: usize,
    /// Seconds in which the traffic of connections that are held open is counted.
    #[arg(long, default_value_t = 130)]
    hold: u64,
}

/// The poll interval that a month is calculated for, in seconds.
const INTERVAL: u32 = 30 * 60;
/// Seconds of a month.
const MONTH: f64 = 30.0 * 24.0 * 3600.0;
/// IPv4 and TCP headers with timestamps, of a segment with data and of the one that acknowledges it.
const HEADERS: f64 = 2.0 * 52.0;

/// Measures, and tells.
pub(crate) async fn run(options: Options) -> Result<Value> {
    let load = machine::load();
    let directory = tempfile::tempdir()?;
    let data = directory.path().join("hub");
    let mut hub = HubProcess::start(&data)?;
    let mut agents = AgentsProcess::start()?;
    hub.address().await?;
    let rss = |hub: &HubProcess| usage::of(hub.pid()?).map(|usage| usage.rss_kib);
    let empty = rss(&hub)?;
    let (few, many) = (options.few, options.many.max(options.few + 1));
    let tokens = hub.tokens(many + options.pollers).await?;
    agents.enroll(tokens).await?;
    // A hub that has only just started holds what it knows of the clusters, and nothing left from enrolling them.
    let hub = hub.restart(&data).await?;
    settle().await;
    let enrolled = rss(&hub)?;
    note(&format!("idle: {} agents enrolled, the hub has {enrolled} KiB after a restart", many + options.pollers));
    agents.connect(0..few, INTERVAL).await?;
    settle().await;
    let with_few = rss(&hub)?;
    agents.connect(few..many, INTERVAL).await?;
    settle().await;
    let with_many = rss(&hub)?;
    note(&format!("idle: {many} agents connected, the hub has {with_many} KiB"));

    let polls = polls(&mut agents, many..many + options.pollers).await?;
    let cpu = usage::of(hub.pid()?)?.cpu_seconds;
    let before = agents.totals(0..many).await?;
    tokio::time::sleep(Duration::from_secs(options.hold)).await;
    let held = agents.totals(0..many).await?.since(before);
    let cpu = usage::of(hub.pid()?)?.cpu_seconds - cpu;
    let rest = figures::per(held.up + held.down, many as u64) / seconds(options.hold);
    let month = Month::of(polls, rest);
    let kib = |now: u64, before: u64, number: usize| {
        figures::one(figures::per(now.saturating_sub(before), number as u64), "KiB")
    };
    Ok(json!({
        "benchmark": "idle",
        "machine": machine::facts(),
        "loadBefore": load,
        "sizes": {"few": few, "many": many, "pollers": options.pollers, "holdSeconds": options.hold},
        "figures": {
            "hubRssEmpty": figures::count(empty, "KiB"),
            "hubRssEnrolled": figures::count(enrolled, "KiB"),
            "hubRssWithFew": figures::count(with_few, "KiB"),
            "hubRssWithMany": figures::count(with_many, "KiB"),
            "perConnectedAgent": kib(with_many, with_few, many - few),
            "perEnrolledAgent": kib(enrolled, empty, many + options.pollers),
            "perAgentInAll": kib(with_many, empty, many),
            "bytesPerIdlePoll": figures::one(polls, "bytes"),
            "bytesOfOpenConnectionPerHour": figures::one(rest * 3600.0, "bytes"),
            "pollsPerMonth": figures::one(month.polls, "polls"),
            "bytesPerMonth": figures::one(month.bytes, "bytes"),
            "bytesPerMonthWithTcpIpHeaders": figures::one(month.with_headers, "bytes"),
            "hubCpuHolding": figures::one(cpu / seconds(options.hold) * 60.0, "CPU s per minute"),
        },
        "means": {
            "bytes": "both directions, at the TCP stream, TLS included",
            "month": "30 days at --poll-interval 30m, nothing changes, the connection stays",
        },
    }))
}

/// Freed memory goes back, and the last answers are out.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(3)).await;
}

/// Bytes of one poll that is answered with nothing.
async fn polls(agents: &mut AgentsProcess, pollers: std::ops::Range<usize>) -> Result<f64> {
    agents.connect(pollers.clone(), 1).await?;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let before = agents.totals(pollers.clone()).await?;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let polled = agents.totals(pollers).await?.since(before);
    if polled.polls == 0 {
        return Err("no poll was answered".into());
    }
    Ok(figures::per(polled.up + polled.down, polled.polls))
}

/// A month without news.
struct Month {
    polls: f64,
    bytes: f64,
    with_headers: f64,
}

impl Month {
    /// `poll`: bytes of one; `rest`: bytes a second of a connection that is held open.
    fn of(poll: f64, rest: f64) -> Self {
        let interval = f64::from(INTERVAL.min(skiff_hub::LONGEST_WAIT));
        let polls = MONTH / interval;
        let bytes = polls * poll + MONTH * rest;
        // Request and answer.
        Self { polls, bytes, with_headers: bytes + polls * 2.0 * HEADERS }
    }
}

fn seconds(whole: u64) -> f64 {
    Duration::from_secs(whole).as_secs_f64()
}
