//! `skiff bundle`: the Bundles of a directory.

use crate::args::BundleArgs;
use crate::error::CliError;
use crate::output::Output;

/// Runs `skiff bundle`.
///
/// # Errors
/// What is wrong with the input, by file, line and column.
pub fn run(_args: &BundleArgs, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("bundle"))
}
