//! What can go wrong on the way to a chart.

use super::Wanted;
use fleet_api::Digest;
use fleet_api::reason::{Note, Reason};
use std::net::IpAddr;
use std::sync::Arc;

/// Why a chart could not be had. URLs are shown without user info and query.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody fetches here.
    #[error("it has to be fetched, and nothing is fetched here")]
    Offline,
    /// What names the chart names nothing that can be fetched.
    #[error("{0}")]
    Source(String),
    /// `spec.helmRepoURLRegex` is no pattern.
    #[error(transparent)]
    Pattern(#[from] super::InvalidPattern),
    /// A secret that the GitRepo names is missing, or does not hold what it should.
    #[error("the credentials cannot be used: {0}")]
    Secret(String),
    /// No answer, for now.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The server does not have it.
    #[error("{url} is not there ({reason})")]
    NotFound {
        /// What was asked for.
        url: String,
        /// The server's words.
        reason: String,
    },
    /// The server wants other credentials.
    #[error("{url}: the server refused {offered} ({reason})")]
    Unauthorized {
        /// What was asked for.
        url: String,
        /// What was offered, without its secret.
        offered: String,
        /// The server's words.
        reason: String,
    },
    /// The hub does not go there.
    #[error("{url} is not asked: {reason}")]
    Refused {
        /// What would have been asked.
        url: String,
        /// Why not, and what would change that.
        reason: String,
    },
    /// The host has no address but such as a repository may not name.
    #[error(
        "{host} is at {address}, a private or link-local address, which what a repository names may not lead to \
         unless spec.helmRepoURLRegex of the GitRepo matches its URL (and metadata services never)"
    )]
    Address {
        /// The host.
        host: String,
        /// What it resolved to.
        address: IpAddr,
    },
    /// The server's answer is not what it should be.
    #[error("{url}: {reason}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The repository has no such chart.
    #[error("the repository has no chart of this name{}", did_you_mean(.near))]
    NoChart {
        /// A name that it has and that may have been meant.
        near: Option<String>,
    },
    /// The repository has the chart, and no version of it that is asked for.
    #[error("no version of it matches; {have}")]
    NoVersion {
        /// The newest that there are, in words.
        have: String,
    },
    /// The package is another than the one that its index speaks of.
    #[error("{url} has the digest {found}, and {expected} was expected")]
    Digest {
        /// The package.
        url: String,
        /// What the index says.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// More than is taken.
    #[error("{url}: more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// How much is taken.
        limit: u64,
    },
    /// The hub's disk.
    #[error("{0}")]
    Disk(String),
    /// The git repository that holds it.
    #[error(transparent)]
    Git(Arc<crate::git::Error>),
}

impl From<crate::git::Error> for Error {
    fn from(error: crate::git::Error) -> Self {
        match error {
            crate::git::Error::RefusedAddress { host, address } => Self::Address { host, address },
            other => Self::Git(Arc::new(other)),
        }
    }
}

fn did_you_mean(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

impl Error {
    fn reason(&self) -> Reason {
        match self {
            Self::Offline => Reason::NotSupported,
            Self::Source(_) | Self::Pattern(_) => Reason::InvalidFleetYaml,
            Self::Secret(_) => Reason::SecretMissing,
            Self::Unreachable { .. } => Reason::RepositoryUnreachable,
            Self::NotFound { .. } | Self::NoChart { .. } | Self::NoVersion { .. } => Reason::ReferenceNotFound,
            Self::Unauthorized { .. } => Reason::AuthenticationFailed,
            Self::Refused { .. } | Self::Address { .. } => Reason::AddressRefused,
            Self::Answer { .. } => Reason::InvalidFile,
            Self::Digest { .. } => Reason::DigestMismatch,
            Self::TooLarge { .. } => Reason::CapExceeded,
            Self::Disk(_) => Reason::HubDiskFailing,
            Self::Git(error) => error.reason(),
        }
    }

    fn remedy(&self) -> &'static str {
        match self {
            Self::Offline => "the hub fetches it; offline, `--fetch-charts` does",
            Self::Source(_) => "correct helm.repo and helm.chart in fleet.yaml, and push",
            Self::Pattern(_) => "correct spec.helmRepoURLRegex of the GitRepo",
            Self::Secret(_) => "correct the secret; docs/helm.md says what it holds",
            Self::Unreachable { .. } => {
                "check helm.repo and the network between the hub and it; what runs is kept, and it is tried again"
            }
            Self::NotFound { .. } | Self::NoChart { .. } | Self::NoVersion { .. } => {
                "correct helm.repo, helm.chart or helm.version in fleet.yaml; what runs is kept, and it is tried again"
            }
            Self::Unauthorized { .. } => {
                "check the secret that spec.helmSecretName names, and that spec.helmRepoURLRegex matches the repository"
            }
            Self::Refused { .. } | Self::Address { .. } => {
                "if the hub may go there, let spec.helmRepoURLRegex of the GitRepo match the URL"
            }
            Self::Answer { .. } => "look at the URL with curl; it is tried again",
            Self::Digest { .. } => {
                "have the repository's index made anew, or find out who changed the package; it is tried again"
            }
            Self::TooLarge { .. } => "serve it from a smaller repository",
            Self::Disk(_) => Reason::HubDiskFailing.remedy(),
            Self::Git(_) => {
                "correct helm.chart in fleet.yaml (git::https://host/repository.git//directory?ref=…); what runs is kept, and \
                 it is tried again"
            }
        }
    }

    /// What the author of the bundle is told.
    #[must_use]
    pub fn note(&self, wanted: Wanted<'_>) -> Note {
        let Wanted { repo, chart, version, .. } = wanted;
        let shown = crate::git::remote::redact(if repo.is_empty() { chart } else { repo });
        let mut name = if repo.is_empty() || chart.is_empty() {
            format!("chart {shown}")
        } else {
            format!("chart `{chart}` of {shown}")
        };
        if !version.is_empty() {
            name.push_str(&format!(", version `{version}`"));
        }
        Note::new(self.reason(), format!("{name}: {self}")).with_remedy(self.remedy())
    }
}
