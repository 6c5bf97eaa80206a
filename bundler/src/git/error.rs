//! What can go wrong between a git URL and the files of a commit, each told for the person who has to mend it.
//!
//! The hub puts these texts on the GitRepo. None of them is a statement that something was removed: a repository that
//! cannot be reached, or that has lost its branch, keeps the last good Bundles (rule R13).

use std::net::IpAddr;

use fleet_api::reason::Reason;

use super::reference::missing;
use super::{ObjectId, Reference};

/// The limit that a repository ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// Bytes received for one fetch.
    PackBytes,
    /// Objects in one fetch.
    Objects,
    /// Bytes of one object in a pack, unpacked.
    ObjectBytes,
    /// Files below the directory that was read.
    Files,
    /// Bytes of one file.
    FileBytes,
    /// Seconds that one request to the server, or one fetch, may take.
    Seconds,
    /// Bytes of the list of branches and tags.
    ReferenceBytes,
    /// Directories nested in one another.
    Depth,
}

impl std::fmt::Display for Cap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PackBytes => "bytes received",
            Self::Objects => "objects received",
            Self::ObjectBytes => "bytes in one object",
            Self::Files => "files",
            Self::FileBytes => "bytes of one file",
            Self::Seconds => "seconds",
            Self::ReferenceBytes => "bytes of branch and tag names",
            Self::Depth => "nested directories",
        })
    }
}

/// Why a repository could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no URL of a repository that we can read.
    #[error("repository URL {url:?}: {reason}")]
    InvalidUrl {
        /// The URL without its user info.
        url: String,
        /// What is wrong with it, and what to write.
        reason: String,
    },
    /// The address is one that no repository may name: link-local, or a cloud's metadata service.
    #[error(
        "{host} is at {address}, which is a link-local, metadata or unroutable address; \
         repositories are not read from there. Use an address of the git server's own network"
    )]
    RefusedAddress {
        /// The host as it was written.
        host: String,
        /// What it resolved to.
        address: IpAddr,
    },
    /// No answer, for now.
    #[error("{remote} cannot be reached: {reason}. What runs stays as it is; it is tried again")]
    Unreachable {
        /// The repository.
        remote: String,
        /// What the network said.
        reason: String,
    },
    /// The server answered that there is no such repository (or none that these credentials may see).
    #[error(
        "{remote}: the server has no such repository, or hides it from these credentials ({reason}). \
         Check spec.repo and spec.clientSecretName; what runs stays as it is"
    )]
    RepositoryNotFound {
        /// The repository.
        remote: String,
        /// The server's words.
        reason: String,
    },
    /// The server wants other credentials.
    #[error("{remote}: the server refused {offered} ({reason}). Check the secret in spec.clientSecretName")]
    AuthenticationFailed {
        /// The repository.
        remote: String,
        /// What was offered, without its secret.
        offered: String,
        /// The server's words.
        reason: String,
    },
    /// A secret does not hold what its type promises.
    #[error("the git credentials cannot be used: {reason}")]
    InvalidCredentials {
        /// What is missing or malformed.
        reason: String,
    },
    /// The PEM of `spec.caBundle` or the machine's roots cannot be used.
    #[error("certificates for {remote} cannot be used: {reason}")]
    InvalidCertificates {
        /// The repository.
        remote: String,
        /// What is wrong with them.
        reason: String,
    },
    /// Nothing says which key this host has.
    #[error(
        "the ssh host key of {host} is not known ({algorithm} {fingerprint}). Compare the fingerprint with the one \
         that the server's operator publishes, then add the line `{line}` to `known_hosts` of the secret in \
         spec.clientSecretName or of the hub"
    )]
    HostKeyUnknown {
        /// Host, with the port where it is not 22.
        host: String,
        /// `ssh-ed25519` and so on.
        algorithm: String,
        /// `SHA256:…`, as `ssh-keygen -l` prints it.
        fingerprint: String,
        /// The line of a known_hosts file that would make it known.
        line: String,
    },
    /// The host shows another key than the recorded one.
    #[error(
        "the ssh host key of {host} has changed: it shows {fingerprint}, recorded is {}. Either the server was \
         given a new key or somebody is in between. Nothing was sent. If the operator confirms the new key, replace \
         the host's line in `known_hosts`",
        known.join(", ")
    )]
    HostKeyChanged {
        /// Host, with the port where it is not 22.
        host: String,
        /// What the server shows.
        fingerprint: String,
        /// What `known_hosts` records.
        known: Vec<String>,
    },
    /// The repository has no commit at all.
    #[error("{remote} is empty: it has no branch and no tag. Push a commit; what runs stays as it is")]
    EmptyRepository {
        /// The repository.
        remote: String,
    },
    /// The branch or tag does not exist.
    #[error("{remote} has no {}.{}", missing(reference), near_names(near))]
    UnknownReference {
        /// The repository.
        remote: String,
        /// What was asked for.
        reference: Reference,
        /// Names that exist, nearest first, at most five.
        near: Vec<String>,
    },
    /// The server does not hand out this commit.
    #[error(
        "{remote} does not give out commit {commit}: {reason}. The commit may not exist there, or the server gives \
         out only what a branch or tag points to; then tag the commit and set spec.revision to the tag"
    )]
    CommitRefused {
        /// The repository.
        remote: String,
        /// What was asked for.
        commit: ObjectId,
        /// The server's words.
        reason: String,
    },
    /// A tag or id that names something else than a commit.
    #[error("{id} in {remote} is not a commit: {reason}")]
    NotACommit {
        /// The repository.
        remote: String,
        /// The object.
        id: ObjectId,
        /// What it is.
        reason: String,
    },
    /// A limit was reached, and the work stopped there.
    #[error("{what}: more than {limit} {cap}. Take content out of the repository, or raise the hub's limit")]
    CapExceeded {
        /// The repository or the path.
        what: String,
        /// Which limit.
        cap: Cap,
        /// Its value.
        limit: u64,
    },
    /// The server sends something that is not the git protocol.
    #[error("{remote} does not answer as a git server: {reason}")]
    Protocol {
        /// The repository.
        remote: String,
        /// What was unexpected.
        reason: String,
    },
    /// The server sends us elsewhere, where we do not go.
    #[error("{remote} redirects to {target}: {reason}. Write the new address into spec.repo")]
    Redirect {
        /// The repository.
        remote: String,
        /// Where to, without user info.
        target: String,
        /// Why it is not followed.
        reason: String,
    },
    /// A name in a tree of the repository that no file may have.
    #[error("{path}: {reason}")]
    InvalidTree {
        /// From the root of the repository; bytes that are not text are escaped.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No such file or directory in this commit.
    #[error("{path}: no such file or directory at commit {commit}")]
    NotFound {
        /// From the root of the repository.
        path: String,
        /// Where it was looked for.
        commit: ObjectId,
    },
    /// The entry is no file: a directory or a submodule.
    #[error("{path}: is {kind}, not a file")]
    NotAFile {
        /// From the root of the repository.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// The hub's copy of the repository is incomplete or damaged. It can be thrown away and fetched again.
    #[error("the hub's copy of the repository is damaged ({reason}); it is fetched again")]
    Damaged {
        /// What was missing.
        reason: String,
    },
    /// The hub's disk.
    #[error("{what}: {source}")]
    Io {
        /// What was done, on which path.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether trying again later, with nothing changed by anybody, can help. The poll loop backs off on these; the
    /// others stay until a person changes the GitRepo, its secret or the repository (and are polled at the ordinary
    /// interval).
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Protocol { .. } | Self::Damaged { .. } | Self::Io { .. })
            || matches!(self, Self::CapExceeded { cap: Cap::Seconds, .. })
    }

    /// The same in one word, for who looks at a GitRepo.
    pub fn reason(&self) -> Reason {
        match self {
            Self::InvalidUrl { .. } | Self::RefusedAddress { .. } | Self::Redirect { .. } => Reason::AddressRefused,
            Self::Unreachable { .. } | Self::Protocol { .. } => Reason::RepositoryUnreachable,
            Self::RepositoryNotFound { .. } => Reason::RepositoryNotFound,
            Self::AuthenticationFailed { .. } => Reason::AuthenticationFailed,
            Self::InvalidCredentials { .. } => Reason::SecretMissing,
            Self::InvalidCertificates { .. } => Reason::CertificateRefused,
            Self::HostKeyUnknown { .. } | Self::HostKeyChanged { .. } => Reason::HostKeyRefused,
            Self::EmptyRepository { .. } => Reason::NoBundleFound,
            Self::UnknownReference { .. } | Self::CommitRefused { .. } | Self::NotACommit { .. } => {
                Reason::ReferenceNotFound
            }
            Self::CapExceeded { .. } => Reason::CapExceeded,
            Self::InvalidTree { .. } | Self::NotFound { .. } | Self::NotAFile { .. } => Reason::InvalidFile,
            Self::Io { .. } => Reason::HubDiskFailing,
            Self::Damaged { .. } => Reason::Internal,
        }
    }

    /// Whether the object database must be discarded before the next fetch.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    pub(super) fn damaged(reason: impl std::fmt::Display) -> Self {
        Self::Damaged { reason: reason.to_string() }
    }

    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

fn near_names(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!(" It has {}.", near.join(", ")) }
}
