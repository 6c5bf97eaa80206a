//! `skiff-agent`: reads the command line, connects to the API server, and runs the agent until it is told to stop.

use clap::Parser as _;
use skiff_agent::access::Access;
use skiff_agent::args::Args;
use skiff_agent::render::Renderer;
use skiff_agent::{Config, identity, over_https, render};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == render::ARGUMENT) {
        return render();
    }
    end_on_panic(true);
    let args = Args::parse();
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_writer(std::io::stderr).with_ansi(colours).init();
    let started = rustls::crypto::ring::default_provider().install_default();
    debug_assert!(started.is_ok(), "nothing else installs a provider");
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    match runtime.block_on(serve(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

/// The program as a process that renders: nothing of it is told but what it renders.
fn render() -> ExitCode {
    end_on_panic(false);
    match render::serve(std::io::stdin().lock(), std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// A panic ends the process, without an image of its memory: keys and values are in it.
fn end_on_panic(is_told: bool) {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_told {
            tell(panic);
        }
        #[expect(clippy::exit, reason = "an abort may leave an image of the memory")]
        std::process::exit(101);
    }));
}

fn fail(message: &str) -> ExitCode {
    tracing::error!("{message}");
    ExitCode::FAILURE
}

async fn serve(args: Args) -> Result<(), String> {
    let client = client(&args)?;
    let token = match &args.token_file {
        // It may be gone once the cluster is enrolled.
        Some(file) if file.exists() => {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            Some(identity::parse_token(&text).map_err(|error| format!("{}: {error}", file.display()))?)
        }
        Some(file) => {
            tracing::info!("{} is not there; it is needed only until the cluster is enrolled", file.display());
            None
        }
        None => None,
    };
    let state_dir = args.state_dir.clone().or_else(default_state_dir);
    let config = Config {
        token,
        claimed_labels: args.claimed_labels(),
        holder: holder(args.state_dir.as_deref()),
        hub: args.hub,
        name: args.name,
        state_dir,
        poll_interval: args.poll_interval,
        renderer: Renderer::of_this_program(),
        ..Config::default()
    };
    if !config.claimed_labels.is_empty() {
        tracing::info!("labels of --label are claims: selectors see them under claims.skiff.dev/ only");
    }
    if config.state_dir.is_none() {
        tracing::warn!(
            "no --state-dir, and no home directory to write to: content is kept in memory, and a start needs the hub"
        );
    }
    skiff_agent::run(config, client, over_https(), stopped()).await.map_err(|error| error.to_string())
}

/// Where content is kept when nobody says: a restart without the hub needs it. What lies there is named by digest below
/// the cluster's UID, so that agents of several clusters share it.
fn default_state_dir() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home)?;
    let directory = state.join("skiff-agent");
    (directory.is_absolute() && std::fs::create_dir_all(&directory).is_ok()).then_some(directory)
}

/// The same after a restart: a pod's name, or the machine and the state directory.
fn holder(state_dir: Option<&Path>) -> String {
    let host = std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .map_or_else(|| "skiff-agent".to_owned(), |name| name.trim().to_owned());
    match state_dir {
        Some(directory) => format!("{host}:{}", directory.display()),
        None => host,
    }
}

fn client(args: &Args) -> Result<kube::Client, String> {
    let access = match &args.kubeconfig {
        Some(file) => Access::from_kubeconfig(file)?,
        None => Access::in_cluster().map_err(|error| {
            format!("no --kubeconfig is given, and this is not a pod with a service account: {error}")
        })?,
    };
    skiff_agent::client::connect(access)
}

/// SIGTERM or Ctrl-C.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = tokio::signal::ctrl_c() => return,
        }
    }
    drop(tokio::signal::ctrl_c().await);
}
