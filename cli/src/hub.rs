//! `skiff hub`: runs a hub, prints a kubeconfig for one, copies one.

use crate::args::{BackupArgs, Global, HubArgs, HubCommand, ServeArgs};
use crate::error::CliError;
use crate::online;
use crate::output::Output;
use skiff_hub::{Config, Hub, StandardRenderer};
use std::sync::Arc;
use tracing_subscriber::filter::LevelFilter;

/// Runs the hub, or does what the subcommand says.
///
/// # Errors
/// Whatever the hub fails with.
pub fn run(args: HubArgs, global: &Global, output: &mut Output) -> Result<(), CliError> {
    match args.command {
        None => serve(args.serve, output),
        Some(HubCommand::Kubeconfig) => online::kubeconfig(global, output),
        Some(HubCommand::Backup(args)) => backup(&args, output),
    }
}

fn serve(args: ServeArgs, output: &mut Output) -> Result<(), CliError> {
    let ServeArgs { data, listen, advertise, key_file, allow_file_repositories } = args;
    let Some(data) = data else {
        return Err(CliError::Usage("skiff hub needs a directory for everything that it keeps: --data DIR".into()));
    };
    log_to_stderr();
    let config = Config { listen, advertise, key_file, allow_file_repositories, ..Config::new(data) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let hub = Hub::start(config, Arc::new(StandardRenderer)).await;
        let hub = hub.map_err(|error| CliError::Failed(error.to_string()))?;
        output.note(&format!("the hub listens at {} and is {} for agents", hub.address(), hub.advertised()));
        output.note(&format!("its key is {}", hub.hub_key()));
        output.note(&format!("the admin's credential is in {}", hub.admin_file().display()));
        stopped().await;
        hub.stop().await;
        Ok(())
    })
}

/// Waits for the signal to stop.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => return,
                _ = terminated.recv() => return,
            }
        }
    }
    #[cfg(not(unix))]
    if interrupted.await.is_ok() {
        return;
    }
    std::future::pending::<()>().await;
}

/// `SKIFF_LOG` is a level: `error`, `warn`, `info` (the default), `debug`, `trace`.
fn log_to_stderr() {
    let level = std::env::var("SKIFF_LOG").ok().and_then(|text| text.parse::<LevelFilter>().ok());
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_max_level(level.unwrap_or(LevelFilter::INFO));
    // In a process that has a subscriber already, that one stays.
    let _already_set = subscriber.try_init();
}

fn backup(args: &BackupArgs, output: &mut Output) -> Result<(), CliError> {
    let occupied = std::fs::read_dir(&args.to).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        return Err(CliError::Usage(format!("{} is not empty: a copy goes into a new directory", args.to.display())));
    }
    skiff_hub::backup(&args.data, &args.to).map_err(|error| CliError::Failed(error.to_string()))?;
    output.note(&format!("{} is copied to {}", args.data.display(), args.to.display()));
    output.note("the copy holds the hub's keys: keep it as safe as the hub itself");
    Ok(())
}
