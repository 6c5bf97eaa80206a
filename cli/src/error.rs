//! A failure of a command: what to say on stderr, and the exit status.

use std::io;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command was not used as it should be. Exit status 2.
    #[error("{0}")]
    Usage(String),
    /// What was asked for failed or does not hold. Exit status 1.
    #[error("{0}")]
    Failed(String),
    /// Several things failed; each is one line. Exit status 1.
    #[error("{}", .0.join("\n"))]
    Many(Vec<String>),
    /// Output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// What the process ends with.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) | Self::Many(_) | Self::Output(_) => 1,
        }
    }

    /// Whether the reader of stdout went away, as `head` does: that is no failure.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
