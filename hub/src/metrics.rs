//! `/metrics`, in the text format of Prometheus.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The hub's figures.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Syncs of agents.
    pub(crate) syncs: Counter,
    /// Desireds that were made.
    pub(crate) issued: Counter,
    /// Renders that ended.
    pub(crate) renders: Counter,
    /// Polls of repositories.
    pub(crate) polls: Counter,
    /// Polls that failed.
    pub(crate) failed_polls: Counter,
    decisions: Histogram,
    commits: Histogram,
    writes: Counter,
    not_stored: Gauge,
    queue: Gauge,
    recent: Mutex<Option<(Instant, String)>>,
}

/// Something that waits, counted while it does.
#[derive(Debug)]
pub(crate) struct Waiting(Gauge);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("skiff_hub");
        let buckets = || exponential_buckets(0.000_1, 4.0, 9);
        let (decisions, commits) = (Histogram::new(buckets()), Histogram::new(buckets()));
        let metrics = (Counter::default(), Counter::default(), Counter::default(), Counter::default());
        let (failed_polls, writes) = (Counter::default(), Counter::default());
        registry.register("syncs", "Syncs of agents", metrics.0.clone());
        registry.register("desired_issued", "Desireds that were made", metrics.1.clone());
        registry.register("renders", "Renders that ended", metrics.2.clone());
        registry.register("repository_polls", "Polls of repositories", metrics.3.clone());
        registry.register("repository_polls_failed", "Polls of repositories that failed", failed_polls.clone());
        registry.register("decision_seconds", "Time that one decision took", decisions.clone());
        registry.register("commit_seconds", "Time until a transaction was on disk", commits.clone());
        registry.register("store_writes", "Writes to the store", writes.clone());
        let (not_stored, queue) = (Gauge::default(), Gauge::default());
        let text = "Renders whose result the disk does not take; each is tried again";
        registry.register("renders_not_stored", text, not_stored.clone());
        registry.register("turn_messages", "Messages that the last decision took in", queue.clone());
        let (syncs, issued, renders, polls) = metrics;
        Self {
            registry,
            syncs,
            issued,
            renders,
            polls,
            failed_polls,
            decisions,
            commits,
            writes,
            not_stored,
            queue,
            recent: Mutex::default(),
        }
    }
}

impl Metrics {
    pub(crate) fn decided(&self, took: Duration) {
        self.decisions.observe(took.as_secs_f64());
    }

    pub(crate) fn committed(&self, writes: usize, took: Duration) {
        self.commits.observe(took.as_secs_f64());
        self.writes.inc_by(writes as u64);
    }

    /// How many messages one decision took in: what has come while the last one was being stored.
    pub(crate) fn took_in(&self, messages: usize) {
        self.queue.set(i64::try_from(messages).unwrap_or(i64::MAX));
    }

    /// A render's result is not on the disk as long as what this gives is kept.
    pub(crate) fn not_stored(&self) -> Waiting {
        self.not_stored.inc();
        Waiting(self.not_stored.clone())
    }

    /// The text, at most a second old: whoever asks, and nobody has to be known for it, it is made once a second.
    pub(crate) fn recent(&self) -> String {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        match &*recent {
            Some((at, text)) if at.elapsed() < Duration::from_secs(1) => text.clone(),
            _ => recent.insert((Instant::now(), self.text())).1.clone(),
        }
    }

    /// The text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _infallible = encode(&mut out, &self.registry);
        out
    }
}
