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
    if let Some(url) = &advertise {
        check_advertised(url).map_err(|why| CliError::Usage(format!("--advertise {url}: {why}")))?;
    }
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

/// What agents are told must be something that they can reach: it stands in every token from then on.
fn check_advertised(url: &str) -> Result<(), String> {
    let wanted = "write it as https://HOST or https://HOST:PORT, as agents reach the hub";
    let parsed = reqwest::Url::parse(url).map_err(|error| format!("{error}; {wanted}"))?;
    if parsed.scheme() != "https" {
        return Err(format!("agents speak https alone; {wanted}"));
    }
    let is_bare = parsed.username().is_empty()
        && parsed.password().is_none()
        && matches!(parsed.path(), "" | "/")
        && parsed.query().is_none()
        && parsed.fragment().is_none();
    if !is_bare || parsed.host_str().is_none_or(str::is_empty) {
        return Err(format!("a host, and a port where it is not 443, is all that it can hold; {wanted}"));
    }
    if matches!(parsed.host_str(), Some("0.0.0.0" | "[::]")) {
        return Err(format!("nobody can reach this address; {wanted}"));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agents_are_told_is_an_address_that_they_can_reach() {
        for good in ["https://hub.example.com", "https://hub:8443", "https://10.0.0.1:8443/", "https://[2001:db8::1]"] {
            assert_eq!(check_advertised(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("hub.example.com", "relative URL"),
            ("hub.example.com:8443", "https alone"),
            ("http://hub.example.com", "https alone"),
            ("https://", "host"),
            ("https://hub/skiff", "a host, and a port"),
            ("https://user:secret@hub", "a host, and a port"),
            ("https://hub?x=1", "a host, and a port"),
            ("https://0.0.0.0:8443", "nobody can reach"),
        ] {
            let said = check_advertised(bad).unwrap_err();
            assert!(said.contains(why) && said.contains("https://HOST:PORT"), "{bad}: {said}");
        }
    }
}
