//! Benchmarks: programs that measure Skiff and print figures as JSON, never timed tests.
//!
//! `cargo run --release -p skiff-bench -- fleet|idle|agent|bundler|target`: one JSON object on stdout (what was measured, the
//! figures with their units, the sizes, the machine), notes for people on stderr. What the figures mean, and those of
//! one machine, stand in `docs/BENCHMARKS.md`.
//!
//! | module | what it does |
//! |---|---|
//! | `bundler`, `fleet`, `idle`, `agent`, `target` | the benchmarks |
//! | `hub_process`, `agents_process` | this program again, as a hub and as many virtual agents |
//! | `child` | how they are spoken to: one JSON document a line |
//! | `virtual_agent`, `connection` | an agent without a cluster that speaks the real wire |
//! | `repository` | the git repository and the objects that are rolled out |
//! | `proxy`, `usage`, `figures`, `machine` | what is counted and how it is told |

mod agent;
mod agents_process;
mod bundler;
mod child;
mod connection;
mod figures;
mod fleet;
mod hub_process;
mod idle;
mod machine;
mod proxy;
mod repository;
mod target;
mod usage;
mod virtual_agent;

use clap::{Parser, Subcommand};
use serde_json::Value;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

/// What every part of this program answers.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures Skiff and prints the figures as one JSON object.
#[derive(Debug, Parser)]
#[command(name = "skiff-bench", version)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// One hub and many virtual agents: a rollout from `skiff sync` to the last report of Ready.
    Fleet(fleet::Options),
    /// What an agent that has nothing to do costs the hub and the network.
    Idle(idle::Options),
    /// The real agent on a real API server.
    Agent(agent::Options),
    /// From a commit to Bundles.
    Bundler(bundler::Options),
    /// Who gets what, over a repository and a file of clusters; and what one change costs the hub's decisions.
    Target(target::Options),
    /// A hub that is told on its standard input what to do.
    #[command(hide = true)]
    HubProcess {
        /// The directory of its data.
        #[arg(long)]
        data: PathBuf,
        /// Where it listens.
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Virtual agents that are told on their standard input what to do.
    #[command(hide = true)]
    AgentsProcess,
}

fn main() -> ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_writer(std::io::stderr).init();
    let installed = rustls::crypto::ring::default_provider().install_default();
    debug_assert!(installed.is_ok(), "nothing else installs a provider");
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(perform(args.what)));
    match done {
        Ok(Some(figures)) => print(&figures),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn perform(what: What) -> Result<Option<Value>> {
    match what {
        What::Fleet(options) => fleet::run(options).await.map(Some),
        What::Idle(options) => idle::run(options).await.map(Some),
        What::Agent(options) => agent::run(options).await.map(Some),
        What::Bundler(options) => bundler::run(options).await.map(Some),
        What::Target(options) => target::run(&options).map(Some),
        What::HubProcess { data, listen } => hub_process::serve(data, listen).await.map(|()| None),
        What::AgentsProcess => agents_process::serve().await.map(|()| None),
    }
}

fn print(figures: &Value) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let written = serde_json::to_writer_pretty(&mut out, figures).map_err(std::io::Error::from);
    match written.and_then(|()| writeln!(out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// A line for people.
fn note(text: &str) {
    // Nobody reads it any more: the figures count.
    drop(writeln!(std::io::stderr(), "{text}"));
}
