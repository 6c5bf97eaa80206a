//! Fetches charts: what was fetched before from the disk, everything else from where it is.

use super::access::{Access, shown};
use super::http::{Ask, Http};
use super::index::{self, Entry, Index};
use super::source::Source;
use super::{Charts, Error, Package, PackageCache, Wanted};
use fleet_api::Digest;
use helm_rs::Chart;
use helm_rs::semver::Version;
use reqwest::Url;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

/// How large a package may be.
const MAX_PACKAGE: u64 = 64 << 20;

/// Fetches charts for one read of a repository: an index is asked for once.
#[derive(Debug)]
pub struct Fetcher {
    runtime: Handle,
    access: Result<Access, Error>,
    cache: Option<PackageCache>,
    /// What was fetched under another text is not taken from the disk.
    edition: String,
    http: Http,
    indexes: Mutex<BTreeMap<Url, Result<Arc<Index>, Error>>>,
}

impl Fetcher {
    /// With what the GitRepo says of access, where that can be read. `edition` is a text that changes when somebody wants
    /// everything fetched anew.
    #[must_use]
    pub fn new(
        runtime: Handle,
        access: Result<Access, Error>,
        cache: Option<PackageCache>,
        edition: impl Into<String>,
    ) -> Self {
        let (http, indexes) = (Http::default(), Mutex::default());
        Self { runtime, access, cache, edition: edition.into(), http, indexes }
    }

    fn known(&self, name: &Digest) -> Option<Package> {
        self.cache.as_ref()?.get(name)
    }
}

/// One chart.
struct Fetch<'a> {
    fetcher: &'a Fetcher,
    access: &'a Access,
}

impl Fetch<'_> {
    async fn chart(&self, wanted: Wanted<'_>) -> Result<Package, Error> {
        match Source::of(wanted)? {
            Source::Package { url } => {
                let name = self.name(&url, &("package", url.as_str()));
                match self.fetcher.known(&name) {
                    Some(package) => Ok(package),
                    None => self.package(&url, &url, None, &[name]).await,
                }
            }
            Source::Repository { index } => self.in_repository(&index, wanted).await,
        }
    }

    async fn in_repository(&self, index: &Url, wanted: Wanted<'_>) -> Result<Package, Error> {
        let exact = Version::parse(wanted.version).is_ok_and(|version| is_whole(&version, wanted.version));
        let name = self.name(index, &("version", index.as_str(), wanted.chart, wanted.version));
        if exact && let Some(package) = self.fetcher.known(&name) {
            return Ok(package);
        }
        let entry = self.index(index).await?.choose(wanted.chart, wanted.version)?.clone();
        let url = package_url(index, &entry)?;
        let by_digest = self.name(index, &("package", url.as_str(), &entry.digest));
        let names: &[Digest] = if exact { &[name, by_digest] } else { &[by_digest] };
        // A version whose digest is not told may be another package the next time.
        if entry.digest.is_some()
            && let Some(package) = self.fetcher.known(&by_digest)
        {
            self.keep(names, &package)?;
            return Ok(package);
        }
        self.package(index, &url, entry.digest, names).await
    }

    /// The index of a repository; what went wrong with it is not tried twice, either.
    async fn index(&self, url: &Url) -> Result<Arc<Index>, Error> {
        let lock = || self.fetcher.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(url) {
            return known.clone();
        }
        let ask = Ask { owner: url, url: url.clone(), limit: index::MAX_BYTES };
        let read = self.fetcher.http.get(self.access, ask).await.and_then(|bytes| {
            Index::parse(&bytes).map(Arc::new).map_err(|reason| Error::Answer { url: shown(url), reason })
        });
        lock().insert(url.clone(), read.clone());
        read
    }

    /// Fetches a package, judges it, and keeps it under `names`.
    async fn package(
        &self,
        owner: &Url,
        url: &Url,
        digest: Option<Digest>,
        names: &[Digest],
    ) -> Result<Package, Error> {
        let bytes = self.fetcher.http.get(self.access, Ask { owner, url: url.clone(), limit: MAX_PACKAGE }).await?;
        let found = Digest::of(&bytes);
        if let Some(expected) = digest.filter(|expected| *expected != found) {
            return Err(Error::Digest { url: shown(url), expected, found });
        }
        Chart::from_package(url.path(), &bytes)
            .map_err(|error| Error::Answer { url: shown(url), reason: format!("it is no packaged chart: {error}") })?;
        let package = Package { bytes: Arc::from(bytes), digest: found };
        self.keep(names, &package)?;
        Ok(package)
    }

    fn keep(&self, names: &[Digest], package: &Package) -> Result<(), Error> {
        self.fetcher.cache.as_ref().map_or(Ok(()), |cache| cache.put(names, package))
    }

    /// What an answer is kept under: all that it depends on, so that nobody gets what they could not fetch themselves.
    fn name(&self, owner: &Url, what: &impl serde::Serialize) -> Digest {
        let parts = serde_json::json!([what, self.access.identity(owner), self.fetcher.edition]);
        Digest::of(parts.to_string().as_bytes())
    }
}

impl Charts for Fetcher {
    fn package(&self, wanted: Wanted<'_>) -> Result<Package, Error> {
        let access = self.access.as_ref().map_err(Clone::clone)?;
        self.runtime.block_on(Fetch { fetcher: self, access }.chart(wanted))
    }
}

/// Whether a text names one version, not the newest of several: `1.2` is a range.
fn is_whole(version: &Version, text: &str) -> bool {
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    numbers.matches('.').count() == 2 && !version.original.is_empty()
}

/// Where the package of an entry is.
fn package_url(index: &Url, entry: &Entry) -> Result<Url, Error> {
    let broken = |reason: String| Error::Answer { url: shown(index), reason };
    let text = entry.url.as_deref().ok_or_else(|| broken(format!("version {} has no URL", entry.version)))?;
    let mut url = index.join(text).map_err(|error| broken(format!("version {}: {error}", entry.version)))?;
    // A repository behind a token in its query hands its packages out the same way.
    if url.query().is_none() && super::access::same_origin(index, &url) {
        url.set_query(index.query());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(broken(format!("version {} has a URL with credentials", entry.version)));
    }
    Ok(url)
}
