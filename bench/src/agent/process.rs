//! The agent's process.

use crate::Result;
use crate::usage::{self, Usage};
use std::path::Path;
use std::process::Stdio;
use tokio::process::{Child, Command};

/// A running agent; ends with its owner.
pub(super) struct AgentProcess {
    child: Child,
}

impl AgentProcess {
    /// Starts it; its log goes to a file.
    pub(super) fn start(binary: &Path, kubeconfig: &Path, token: &Path, hub: &str, directory: &Path) -> Result<Self> {
        let log = std::fs::File::create(directory.join("agent.log"))?;
        let child = Command::new(binary)
            .arg("--token-file")
            .arg(token)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(["--hub", hub, "--poll-interval", "30m", "--state-dir"])
            .arg(directory.join("agent"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { child })
    }

    /// What it uses now.
    pub(super) fn usage(&self) -> Result<Usage> {
        usage::of(self.child.id().ok_or("the agent has ended; its log is in its directory")?)
    }
}
