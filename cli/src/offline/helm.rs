//! `skiff helm`: reserved for the Helm engine.

use crate::args::EngineArgs;
use crate::error::CliError;
use crate::output::Output;

/// Runs `skiff helm`.
///
/// # Errors
/// What is wrong with the input, by file, line and column.
pub fn run(_args: &EngineArgs, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("helm"))
}
