//! What can go wrong with a control plane of the tests, told so that a person reading a CI log can act on it.

use std::path::PathBuf;

/// Why a control plane did not start, or stopped answering.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the control plane's directory could not be written or read.
    #[error("{what} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb: "cannot write".
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A process could not be started at all.
    #[error("cannot start {component} ({}): {source}", binary.display())]
    Spawn {
        /// `etcd`, `kube-apiserver` or `kube-controller-manager`.
        component: &'static str,
        /// The binary that was tried.
        binary: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A process ended although nobody asked it to.
    #[error("{component} ended with {status} before it was ready; the end of its log:\n{log}")]
    Exited {
        /// Which process.
        component: &'static str,
        /// Its exit status as the system words it.
        status: String,
        /// The last lines it wrote.
        log: String,
    },
    /// A process runs but did not become ready in time.
    #[error("{component} was not ready after {seconds} s ({last}); the end of its log:\n{log}")]
    NotReady {
        /// Which process.
        component: &'static str,
        /// How long was waited, in seconds.
        seconds: u64,
        /// What the last probe said.
        last: String,
        /// The last lines it wrote.
        log: String,
    },
    /// No free loopback port was found.
    #[error("no free port on 127.0.0.1 between {from} and {to}")]
    NoPort {
        /// The lowest port tried.
        from: u16,
        /// The highest port tried.
        to: u16,
    },
    /// A key or certificate could not be made.
    #[error("cannot make the {what} certificate: {source}")]
    Certificate {
        /// Whose.
        what: &'static str,
        /// The cause.
        source: rcgen::Error,
    },
    /// The kubeconfig that was made here was not understood by the client.
    #[error("cannot use the kubeconfig of the control plane: {0}")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// The client could not be built.
    #[error("cannot build a client for the control plane: {0}")]
    Client(#[source] Box<kube::Error>),
    /// A user agent that is not a legal header value.
    #[error("`{0}` cannot be sent as a user agent")]
    UserAgent(String),
    /// The control plane was started without what was asked of it now.
    #[error("the control plane was started without {0}")]
    NotOffered(&'static str),
    /// A line of the audit log is not an audit event.
    #[error("{}: line {line} is no audit event: {source}", path.display())]
    Audit {
        /// The audit log.
        path: PathBuf,
        /// The line, from 1, counted from where reading began.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The result of what this crate does.
pub type Result<T, E = Error> = std::result::Result<T, E>;
