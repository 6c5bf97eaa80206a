//! Charts that a bundle names and does not hold: from a Helm repository, from a registry, from the address of a package, from a
//! git repository.
//!
//! [`discover`](crate::discover) asks for them through [`Charts`] and puts the packages into the bundle's tree, so that
//! whoever renders sees files and never the network. [`Fetcher`] is the one that fetches.
//!
//! What is decided is pure and stands apart from what is sent: `source` (where a chart is), `index` (which version),
//! `registry` (what a registry says), `secret` and `access` (which host may be asked, and which is shown the
//! credentials). `http` and `fetch` follow.
//!
//! Invariants: credentials go to the (scheme, host, port) of the repository that `helmRepoURLRegex` matches and to no
//! other, whatever an index or a redirect says; a package that does not have the digest of its index is refused; an
//! [`Error`] never means that something was deleted (rule R13).

mod access;
mod cache;
mod error;
mod fetch;
mod git;
mod http;
mod index;
mod registry;
mod secret;
mod source;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "test-server"))]
pub mod testserver;

pub use access::{Access, InvalidPattern};
pub use cache::PackageCache;
pub use error::Error;
pub use fetch::Fetcher;
pub use git::GitSource;
pub use secret::{HelmSecret, Secrets};

use fleet_api::Digest;
use std::sync::Arc;

/// A chart that is to be fetched, as `helm:` of `fleet.yaml` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// `helm.repo`; empty where `chart` is an address.
    pub repo: &'a str,
    /// `helm.chart`.
    pub chart: &'a str,
    /// `helm.version`: a version, a range, or nothing for the newest one.
    pub version: &'a str,
    /// The directory of the bundle in its repository: credentials may depend on it.
    pub dir: &'a str,
}

/// A packaged chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The `.tgz`.
    pub bytes: Arc<[u8]>,
    /// Its digest.
    pub digest: Digest,
}

/// Where charts come from.
pub trait Charts {
    /// The package of a chart. The thread waits for it.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn package(&self, wanted: Wanted<'_>) -> Result<Package, Error>;
}

/// Fetches nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoCharts;

impl Charts for NoCharts {
    fn package(&self, wanted: Wanted<'_>) -> Result<Package, Error> {
        source::Source::of(wanted)?;
        Err(Error::Offline)
    }
}
