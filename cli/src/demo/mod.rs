//! `skiff demo`: the main job in one process, step by step.

use crate::args::DemoArgs;
use crate::error::CliError;
use crate::output::Output;

/// Runs the demo.
///
/// # Errors
/// Where a step does not hold.
pub fn run(_args: DemoArgs, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("demo"))
}
