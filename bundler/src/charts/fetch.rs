//! Fetches charts: what was fetched before from the disk, everything else from where it is.

use super::access::{self, Access, Owner, View, shown};
use super::git::{GitChart, GitSource};
use super::http::{Ask, Http, Reply, Show};
use super::index::{self, Entry, Index};
use super::registry::{self, Challenge, Reference};
use super::source::Source;
use super::{Charts, Error, Package, PackageCache, Wanted};
use crate::git::remote::redact;
use fleet_api::Digest;
use helm_rs::Chart;
use helm_rs::semver::Version;
use reqwest::{StatusCode, Url, header};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// How large a package may be.
const MAX_PACKAGE: u64 = 64 << 20;
/// Held while an index is read.
static READING: Mutex<()> = Mutex::new(());
/// How long one read of a repository may wait for charts, all together. What is missing then is fetched at the next.
const PATIENCE: Duration = Duration::from_secs(600);

/// What was read of repositories, by URL and by who asked.
type Indexes = BTreeMap<(Url, String), Result<Arc<Index>, Error>>;

/// Fetches charts for one read of a repository: an index is asked for once.
#[derive(Debug)]
pub struct Fetcher {
    runtime: Handle,
    access: Result<Access, Error>,
    cache: Option<PackageCache>,
    /// What was fetched under another text is not taken from the disk.
    edition: String,
    deadline: Instant,
    /// Turns true when nothing is to be waited for any more.
    stop: Option<watch::Receiver<bool>>,
    http: Http,
    indexes: Mutex<Indexes>,
    git: Option<GitSource>,
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
        let (http, indexes, stop, git) = (Http::default(), Mutex::default(), None, None);
        let deadline = Instant::now() + PATIENCE;
        Self { runtime, access, cache, edition: edition.into(), deadline, stop, http, indexes, git }
    }

    /// Charts of git repositories, too.
    #[must_use]
    pub fn with_git(self, git: GitSource) -> Self {
        Self { git: Some(git), ..self }
    }

    /// Ends waiting when `stop` turns true.
    #[must_use]
    pub fn until(self, stop: watch::Receiver<bool>) -> Self {
        Self { stop: Some(stop), ..self }
    }

    async fn stopped(&self) {
        match &self.stop {
            // Who would say so is gone, or has said so.
            Some(stop) => drop(stop.clone().wait_for(|stop| *stop).await),
            None => std::future::pending().await,
        }
    }

    fn known(&self, name: &Digest) -> Option<Package> {
        self.cache.as_ref()?.get(name)
    }
}

/// One chart.
struct Fetch<'a> {
    fetcher: &'a Fetcher,
    view: View<'a>,
}

impl Fetch<'_> {
    async fn chart(&self, wanted: Wanted<'_>) -> Result<Package, Error> {
        match Source::of(wanted)? {
            Source::Package { url } => {
                let owner = Owner { url: &url, text: wanted.chart };
                let name = self.name(owner, &("package", url.as_str()));
                match self.fetcher.known(&name) {
                    Some(package) => Ok(package),
                    None => self.package(owner, &url, None, &[name]).await,
                }
            }
            Source::Repository { index } => self.in_repository(Owner { url: &index, text: wanted.repo }, wanted).await,
            Source::Registry(reference) => self.in_registry(&reference, wanted.version).await,
            Source::Git(chart) => self.in_git(&chart).await,
        }
    }

    async fn in_git(&self, chart: &GitChart) -> Result<Package, Error> {
        let git = self.fetcher.git.as_ref().ok_or(Error::Offline)?;
        let located = git.locate(chart, |url| self.view.vouches(url)).await?;
        // Who gets here was let in by the server just now.
        let name = Digest::of(serde_json::json!([located.what(chart), self.fetcher.edition]).to_string().as_bytes());
        if let Some(package) = self.fetcher.known(&name) {
            return Ok(package);
        }
        let bytes = git.package(chart, &located, MAX_PACKAGE).await?;
        let package = Package { digest: Digest::of(&bytes), bytes: Arc::from(bytes) };
        self.keep(&[name], &package)?;
        Ok(package)
    }

    async fn in_repository(&self, owner: Owner<'_>, wanted: Wanted<'_>) -> Result<Package, Error> {
        let index = owner.url;
        let exact = is_whole(wanted.version);
        let name = self.name(owner, &("version", index.as_str(), wanted.chart, wanted.version));
        if exact && let Some(package) = self.fetcher.known(&name) {
            return Ok(package);
        }
        let entry = self.index(owner).await?.choose(wanted.chart, wanted.version)?.clone();
        let url = package_url(index, &entry)?;
        let by_digest = self.name(owner, &("package", url.as_str(), &entry.digest));
        let names: &[Digest] = if exact { &[name, by_digest] } else { &[by_digest] };
        // A version whose digest is not told may be another package the next time.
        if entry.digest.is_some()
            && let Some(package) = self.fetcher.known(&by_digest)
        {
            self.keep(names, &package)?;
            return Ok(package);
        }
        self.package(owner, &url, entry.digest, names).await
    }

    /// The index of a repository; what went wrong with it is not tried twice, either.
    async fn index(&self, owner: Owner<'_>) -> Result<Arc<Index>, Error> {
        let lock = || self.fetcher.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (owner.url.clone(), self.view.identity(owner));
        if let Some(known) = lock().get(&key) {
            return known.clone();
        }
        let read = self.get(owner, owner.url, index::MAX_BYTES).await.and_then(|bytes| {
            // One at a time: a large one takes a hundred megabytes while it is read.
            let _one = READING.lock().unwrap_or_else(PoisonError::into_inner);
            Index::parse(&bytes).map(Arc::new).map_err(|reason| Error::Answer { url: shown(owner.url), reason })
        });
        lock().insert(key, read.clone());
        read
    }

    async fn get(&self, owner: Owner<'_>, url: &Url, limit: u64) -> Result<Vec<u8>, Error> {
        let ask = Ask { owner, url: url.clone(), limit, accept: None, show: Show::Secret };
        self.fetcher.http.get(self.view, ask).await
    }

    /// Fetches a package, judges it, and keeps it under `names`.
    async fn package(
        &self,
        owner: Owner<'_>,
        url: &Url,
        digest: Option<Digest>,
        names: &[Digest],
    ) -> Result<Package, Error> {
        let bytes = self.get(owner, url, MAX_PACKAGE).await?;
        self.judged(url, bytes, digest, names)
    }

    fn judged(&self, url: &Url, bytes: Vec<u8>, digest: Option<Digest>, names: &[Digest]) -> Result<Package, Error> {
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
    fn name(&self, owner: Owner<'_>, what: &impl serde::Serialize) -> Digest {
        let parts = serde_json::json!([what, self.view.identity(owner), self.fetcher.edition]);
        Digest::of(parts.to_string().as_bytes())
    }

    async fn in_registry(&self, reference: &Reference, range: &str) -> Result<Package, Error> {
        let in_clear = self.view.secret.is_some_and(|secret| secret.basic_http);
        let base = reference.url(in_clear, "")?;
        let owner = Owner { url: &base, text: &reference.text };
        let mut registry = Registry { fetch: self, owner, reference, in_clear, token: None, shows_secret: false };
        let wanted = match (&reference.fixed, range) {
            (Some(fixed), "") => fixed.clone(),
            (Some(digest), _) if digest.contains(':') => digest.clone(),
            (_, range) if is_whole(range) => registry::tag_of(range)?,
            (_, range) => registry::choose(&registry.tags().await?, range)?,
        };
        let name = self.name(owner, &("registry", base.as_str(), &wanted));
        if let Some(package) = self.fetcher.known(&name) {
            return Ok(package);
        }
        let (url, bytes, digest) = registry.pull(&wanted).await?;
        self.judged(&url, bytes, Some(digest), &[name])
    }
}

/// A conversation with a registry.
struct Registry<'a> {
    fetch: &'a Fetch<'a>,
    owner: Owner<'a>,
    reference: &'a Reference,
    in_clear: bool,
    token: Option<Zeroizing<String>>,
    /// It asked for user and password themselves.
    shows_secret: bool,
}

impl Registry<'_> {
    async fn tags(&mut self) -> Result<Vec<String>, Error> {
        let mut url = self.reference.url(self.in_clear, "tags/list?n=1000")?;
        let mut tags = Vec::new();
        for _ in 0..registry::MAX_PAGES {
            let reply = self.ask(&url, registry::MAX_BYTES, None).await?;
            let broken = |reason: String| Error::Answer { url: shown(&url), reason };
            tags.extend(registry::tags_of(&reply.body).map_err(broken)?);
            let Some(next) = reply.header(header::LINK).and_then(registry::next_of) else { return Ok(tags) };
            let next = url.join(next).map_err(|error| broken(error.to_string()))?;
            if !access::same_origin(&next, &url) {
                return Err(broken(format!("the next page of its tags is at {}", shown(&next))));
            }
            url = next;
        }
        Err(Error::Answer { url: shown(&url), reason: format!("more than {} pages of tags", registry::MAX_PAGES) })
    }

    /// The package behind a tag or the digest of a manifest.
    async fn pull(&mut self, wanted: &str) -> Result<(Url, Vec<u8>, Digest), Error> {
        let url = self.reference.url(self.in_clear, &format!("manifests/{wanted}"))?;
        let manifest = self.ask(&url, registry::MAX_BYTES, Some(registry::MANIFEST)).await?.body;
        if let Ok(expected) = wanted.parse::<Digest>() {
            let found = Digest::of(&manifest);
            if expected != found {
                return Err(Error::Digest { url: shown(&url), expected, found });
            }
        }
        let package = registry::package_of(&manifest);
        let (digest, size) = package.map_err(|reason| Error::Answer { url: shown(&url), reason })?;
        let url = self.reference.url(self.in_clear, &format!("blobs/{digest}"))?;
        if size > MAX_PACKAGE {
            return Err(Error::TooLarge { url: shown(&url), limit: MAX_PACKAGE });
        }
        let bytes = self.ask(&url, size, None).await?.body;
        Ok((url, bytes, digest))
    }

    /// Asks; where the registry wants to know who asks, once more.
    async fn ask(&mut self, url: &Url, limit: u64, accept: Option<&'static str>) -> Result<Reply, Error> {
        let reply = self.send(url, limit, accept).await?;
        let is_new = self.token.is_none() && !self.shows_secret;
        if reply.status != StatusCode::UNAUTHORIZED || !is_new {
            return reply.good();
        }
        match reply.header(header::WWW_AUTHENTICATE).and_then(registry::challenge) {
            Some(Challenge::Basic) => self.shows_secret = true,
            Some(Challenge::Bearer(realm)) => self.token = Some(self.token(&realm).await?),
            None => return reply.good(),
        }
        self.send(url, limit, accept).await?.good()
    }

    async fn send(&self, url: &Url, limit: u64, accept: Option<&'static str>) -> Result<Reply, Error> {
        let show = match &self.token {
            Some(token) => Show::Token(token),
            None if self.shows_secret => Show::Secret,
            None => Show::Nothing,
        };
        let ask = Ask { owner: self.owner, url: url.clone(), limit, accept, show };
        self.fetch.fetcher.http.send(self.fetch.view, ask).await
    }

    async fn token(&self, realm: &Url) -> Result<Zeroizing<String>, Error> {
        let (limit, show) = (registry::MAX_BYTES, Show::SecretForToken);
        let ask = Ask { owner: self.owner, url: realm.clone(), limit, accept: None, show };
        let answer = Zeroizing::new(self.fetch.fetcher.http.get(self.fetch.view, ask).await?);
        registry::token_of(&answer).map_err(|reason| Error::Answer { url: shown(realm), reason })
    }
}

impl Charts for Fetcher {
    fn package(&self, wanted: Wanted<'_>) -> Result<Package, Error> {
        let access = self.access.as_ref().map_err(Clone::clone)?;
        let fetch = Fetch { fetcher: self, view: access.of(wanted.dir) };
        let late = |reason: String| {
            let named = if wanted.repo.is_empty() { wanted.chart } else { wanted.repo };
            Err(Error::Unreachable { url: redact(named), reason })
        };
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                // What is on the disk already takes no time.
                found = tokio::time::timeout_at(self.deadline, fetch.chart(wanted)) => found.unwrap_or_else(|_| {
                    late(format!("all charts of the repository together took longer than {} s", PATIENCE.as_secs()))
                }),
                () = self.stopped() => late("the hub is stopping".to_owned()),
            }
        })
    }
}

/// Whether a text names one version, not the newest of several: `1.2` is a range.
fn is_whole(text: &str) -> bool {
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    numbers.matches('.').count() == 2 && Version::parse(text).is_ok()
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
