//! `skiff hub`: runs a hub, prints a kubeconfig for one, copies one.

use crate::args::{Global, HubArgs};
use crate::error::CliError;
use crate::output::Output;

/// Runs the hub, or does what the subcommand says.
///
/// # Errors
/// Whatever the hub fails with.
pub fn run(_args: HubArgs, _global: &Global, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("hub"))
}
