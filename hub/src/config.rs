//! What the operator chose; made by the command line, read by [`run`](crate::run).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How a hub is to run.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory of its data: database, blobs, keys, `admin.yaml`.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The URL that tokens carry; `https://` and the address it listens at where nothing is said.
    pub advertise: Option<String>,
    /// 32 bytes (raw, hex or base64) that encrypt Secrets at rest; a generated file in `data` where nothing is said.
    pub key_file: Option<PathBuf>,
    /// Whether GitRepos may name `file://` repositories.
    pub allow_file_repositories: bool,
    /// A cluster that was silent for longer is shown as `Offline`. Display only (R14).
    pub offline_after: Duration,
    /// How long a Desired holds before it is stale (R9).
    pub desired_lifetime: Duration,
}

impl Config {
    /// A hub with its data in `data`, listening on a free port of the loopback interface.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            advertise: None,
            key_file: None,
            allow_file_repositories: false,
            offline_after: Duration::from_secs(15 * 60),
            desired_lifetime: Duration::from_secs(30 * 24 * 3600),
        }
    }
}
