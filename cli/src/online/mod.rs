//! Everything that talks to a hub.

use crate::args::{ApplyArgs, ApproveArgs, DeleteArgs, GetArgs, Global, LabelArgs, ObjectArgs, TokenArgs, WaitArgs};
use crate::error::CliError;
use crate::output::Output;

/// Makes enrollment tokens.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn token(_args: TokenArgs, _global: &Global, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("token"))
}

/// Creates or replaces objects.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn apply(_args: ApplyArgs, _global: &Global, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("apply"))
}

/// Sets and removes labels.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn label(_args: LabelArgs, _global: &Global, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("label"))
}

/// Withdraws an object.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn delete(_args: DeleteArgs, _global: &Global, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("delete"))
}

/// Lists objects.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn get(_args: GetArgs, _global: &Global, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("get"))
}

/// Says why something waits, was refused, failed or drifted.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn explain(_args: ObjectArgs, _global: &Global, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("explain"))
}

/// Lets held deletions go.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn approve(_args: ApproveArgs, _global: &Global, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("approve"))
}

/// Waits until a condition holds.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn wait(_args: WaitArgs, _global: &Global, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("wait"))
}

/// Polls a repository now.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn sync(_args: ObjectArgs, _global: &Global, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::not_built("sync"))
}
