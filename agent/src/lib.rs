//! The agent of one cluster (DESIGN §7): a shell around the pure machine in `skiff_planner::agent`.
//!
//! | module | what it does |
//! |---|---|
//! | [`run`](mod@run) | the loop: events in, decide, perform, sleep |
//! | [`execute`] | performs actions |
//! | [`access`], [`client`] | the way to the API server |
//! | [`watch`], [`discovery`], [`api`], `reach` | the API server |
//! | [`link`] | the hub |
//! | [`identity`], [`state`], [`lease`] | what is kept in the cluster |
//! | [`values`], [`render`] | values that are read in the cluster, and what is rendered with them |
//! | [`kept`] | those values, and reports without them |
//! | [`cache`] | what is kept on disk |
//! | [`args`] | the command line |
//!
//! Tests and the demo run several agents in one process: [`run()`] takes the client and the way to the hub.

pub mod access;
pub mod api;
pub mod args;
pub mod cache;
pub mod client;
pub mod discovery;
pub mod execute;
pub mod facts;
pub mod identity;
pub mod kept;
pub mod lease;
pub mod link;
mod reach;
pub mod render;
pub mod run;
pub mod state;
pub mod values;
pub mod watch;

pub use run::{RunError, run};

use fleet_api::wire::{EnrollmentToken, Timestamp};
use identity::Identity;
use link::{Hub, LinkError};
use skiff_planner::agent::Rules;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where the time comes from.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Makes the way to the hub for an identity, with another address than the identity's where one is given.
pub type Connect = Arc<dyn Fn(&Identity, Option<&str>) -> Result<Arc<dyn Hub>, LinkError> + Send + Sync>;

/// How an agent runs.
#[derive(Clone)]
pub struct Config {
    /// The enrollment token; needed at the first start.
    pub token: Option<EnrollmentToken>,
    /// Address of the hub, instead of the token's.
    pub hub: Option<String>,
    /// The name that the cluster would like.
    pub name: Option<String>,
    /// Labels that the agent claims.
    pub claimed_labels: BTreeMap<String, String>,
    /// Where content is cached; in memory without it.
    pub state_dir: Option<PathBuf>,
    /// For how long a poll may be held open.
    pub poll_interval: Duration,
    /// The name of this instance; the same after a restart.
    pub holder: String,
    /// The time.
    pub clock: Clock,
    /// Where is rendered what is rendered in the cluster.
    pub renderer: render::Renderer,
    /// The rules; only test builds can switch one off.
    pub rules: Rules,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("hub", &self.hub).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            token: None,
            hub: None,
            name: None,
            claimed_labels: BTreeMap::new(),
            state_dir: None,
            poll_interval: Duration::from_secs(300),
            holder: "skiff-agent".into(),
            clock: Arc::new(Timestamp::now),
            renderer: render::Renderer::default(),
            rules: Rules::all(),
        }
    }
}

/// The way over HTTPS.
pub fn over_https() -> Connect {
    Arc::new(|identity, address| Ok(Arc::new(link::http::HttpHub::new(identity, address)?)))
}
