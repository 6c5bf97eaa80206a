//! `skiff render`: the objects that one cluster would get of a directory.

use crate::args::RenderArgs;
use crate::error::CliError;
use crate::output::Output;

/// Runs `skiff render`.
///
/// # Errors
/// What is wrong with the input, by file, line and column.
pub fn run(_args: &RenderArgs, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("render"))
}
