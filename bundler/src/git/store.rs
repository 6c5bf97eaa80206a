//! The hub's copy of one repository, and the three things the poll loop does with it: resolve, fetch, read.
//!
//! The copy is shallow: of each commit that was followed it has every file, and of history no more than it takes to
//! tell a push from a forced one. One fetch runs at a time for each repository; a fetch that breaks off leaves no trace.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::credentials::Access;
use super::error::{Cap, Error};
use super::http;
use super::limits::Limits;
use super::local;
use super::object::ObjectId;
use super::objects::Objects;
use super::protocol::{AdvertisedRef, FetchRequest};
use super::reference::{self, Reference};
use super::remote::{Remote, Scheme};
use super::session::Session;
use super::state::State;
use super::tree::CommitTree;

/// One look at the branches of a server.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(60);
/// How far back a push may reach and still be recognised as one.
const HISTORY_DEPTH: u32 = 256;

/// What a reference points to at the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The commit, tags peeled.
    pub commit: ObjectId,
    /// Full name (`refs/heads/main`); `None` for a commit asked for by its id.
    pub name: Option<String>,
    /// What the server hands out: the tag object of an annotated tag.
    want: ObjectId,
}

/// How the commit relates to the one that the same reader has taken in before ([`Repository::taken`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ancestry {
    /// There was none before.
    First,
    /// It is the same.
    Unchanged,
    /// It follows the previous one: an ordinary push.
    Descendant,
    /// The previous one is not in its history: a forced push.
    Rewritten,
    /// It is in the history of the previous one: the branch went back, or a mirror lags behind.
    Rewound,
    /// The previous one was not found as far back as was looked.
    Unknown,
}

/// What a fetch brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The commit, all of whose files are now here.
    pub commit: ObjectId,
    /// What the reader last took in of the same reference.
    pub previous: Option<ObjectId>,
    /// How the two relate.
    pub ancestry: Ancestry,
    /// Bytes of packs received; 0 where everything was here already.
    pub bytes_received: u64,
}

impl Fetched {
    /// Whether the branch was rewritten, or may have been: worth an event on the GitRepo.
    pub fn forced(&self) -> bool {
        matches!(self.ancestry, Ancestry::Rewritten | Ancestry::Rewound | Ancestry::Unknown)
    }
}

/// The hub's copy of a repository. Clones share it, and its connections to an https server: keep one between polls.
#[derive(Clone)]
pub struct Repository {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").field("directory", &self.inner.objects.directory).finish_non_exhaustive()
    }
}

struct Inner {
    objects: Arc<Objects>,
    client: Mutex<Option<(ClientOptions, reqwest::Client)>>,
}

/// What a kept client was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ClientOptions {
    ca_bundle: Option<Vec<u8>>,
    insecure: bool,
    public_only: bool,
}

impl Repository {
    /// The copy of `remote` below `cache`, in a folder named by the SHA-256 of its canonical URL. Makes the folder;
    /// opening one twice in a process gives the same copy. The folder belongs to one process.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(cache: &Path, remote: &Remote) -> Result<Self, Error> {
        let objects = Objects::open(cache, remote)?;
        Ok(Self { inner: Arc::new(Inner { objects, client: Mutex::default() }) })
    }

    /// Removes copies below `cache` until no more than `copies` with `bytes` are left: those first that were opened the
    /// longest ago, and none that the process holds.
    pub(crate) async fn trim(cache: &Path, copies: usize, bytes: u64) {
        let cache = cache.to_owned();
        // What cannot be removed is told in the log.
        let _done = tokio::task::spawn_blocking(move || Objects::trim(&cache, copies, bytes)).await;
    }

    /// Asks the server what `reference` points to. Brings no objects, but always asks, so that a repository that is
    /// gone or credentials that no longer work are seen, for a pinned commit too.
    ///
    /// # Errors
    /// [`Error::UnknownReference`] with near names, [`Error::EmptyRepository`], and whatever the network does.
    pub async fn resolve(&self, remote: &Remote, access: &Access, reference: &Reference) -> Result<Resolved, Error> {
        let work = self.inner.resolve(remote, access, reference);
        tokio::time::timeout(RESOLVE_TIMEOUT, work).await.unwrap_or_else(|_| Err(too_slow(remote, RESOLVE_TIMEOUT)))
    }

    /// Brings the files of a commit, as far as they are not here. A damaged copy is thrown away and fetched again. `reader`
    /// is who asks: the commit is compared with what it last took in, whatever others have fetched since.
    ///
    /// # Errors
    /// [`Error::CapExceeded`], [`Error::CommitRefused`], and whatever the network does. Nothing of a failed fetch stays.
    pub async fn fetch(
        &self,
        remote: &Remote,
        access: &Access,
        resolved: &Resolved,
        limits: &Limits,
        reader: &str,
    ) -> Result<Fetched, Error> {
        let _one_at_a_time = self.inner.objects.fetching.lock().await;
        let work = self.inner.fetch(remote, access, resolved, limits, reader);
        tokio::time::timeout(limits.timeout, work).await.unwrap_or_else(|_| Err(too_slow(remote, limits.timeout)))
    }

    /// Takes down that `reader` has taken in a commit for good. Before that a process may end, and what comes next is
    /// still compared with the commit before it: a branch that went back is never overlooked.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn taken(&self, resolved: &Resolved, reader: &str) -> Result<(), Error> {
        let Some(name) = &resolved.name else { return Ok(()) };
        let _one_at_a_time = self.inner.objects.fetching.lock().await;
        let (name, reader, commit) = (name.clone(), reader.to_owned(), resolved.commit);
        self.inner
            .blocking(move |objects| {
                let mut state = State::load(&objects.directory);
                state.take(&reader, &name, commit);
                state.save(&objects.directory)
            })
            .await
    }

    /// How a commit that was fetched relates to one that was taken in by somebody who told of it: a copy that is newer or
    /// older than this one, or is gone. What `old` is built on is asked for where it is not here.
    ///
    /// # Errors
    /// Whatever the disk does.
    pub async fn compare(
        &self,
        remote: &Remote,
        access: &Access,
        old: ObjectId,
        new: ObjectId,
        limits: &Limits,
    ) -> Result<Ancestry, Error> {
        let _one_at_a_time = self.inner.objects.fetching.lock().await;
        let work = self.inner.compare(remote, access, old, new, limits);
        let compared = tokio::time::timeout(limits.timeout, work).await;
        compared.unwrap_or_else(|_| Err(too_slow(remote, limits.timeout))).map(|(ancestry, _)| ancestry)
    }

    /// The files of a commit that was fetched.
    ///
    /// # Errors
    /// [`Error::Damaged`] where something of it is missing: fetch again after [`Repository::discard`].
    /// [`Error::CapExceeded`] for too many files.
    pub async fn tree(&self, commit: ObjectId, limits: &Limits) -> Result<CommitTree, Error> {
        let limits = limits.clone();
        self.inner.blocking(move |objects| objects.tree(commit, &limits)).await
    }

    /// Throws the copy's objects away; the next fetch brings everything. Trees that are open may fail to read.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn discard(&self) -> Result<(), Error> {
        let _one_at_a_time = self.inner.objects.fetching.lock().await;
        self.inner.blocking(|objects| objects.discard()).await
    }
}

impl Inner {
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Objects) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let objects = Arc::clone(&self.objects);
        tokio::task::spawn_blocking(move || work(&objects)).await.unwrap_or_else(|error| {
            Err(Error::Io { what: "reading a repository".to_owned(), source: std::io::Error::other(error) })
        })
    }

    /// A client that keeps its connections from poll to poll.
    fn client(&self, remote: &Remote, access: &Access) -> Result<Option<reqwest::Client>, Error> {
        if !matches!(remote.scheme, Scheme::Http | Scheme::Https) {
            return Ok(None);
        }
        let options = ClientOptions {
            ca_bundle: access.ca_bundle.clone(),
            insecure: access.insecure_skip_tls_verify,
            public_only: remote.policy.public_only,
        };
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made_with, client)) = kept.as_ref()
            && *made_with == options
        {
            return Ok(Some(client.clone()));
        }
        let client = http::client(remote, access)?;
        *kept = Some((options, client.clone()));
        Ok(Some(client))
    }

    async fn session(&self, remote: &Remote, access: &Access) -> Result<Session, Error> {
        let client = self.client(remote, access)?;
        Session::open(remote, access, client).await
    }

    async fn resolve(&self, remote: &Remote, access: &Access, reference: &Reference) -> Result<Resolved, Error> {
        let mut source = match remote.scheme {
            Scheme::File => Source::Local(remote.clone()),
            _ => Source::Session(Box::new(self.session(remote, access).await?)),
        };
        let resolved = self.look_up(&mut source, remote, reference).await;
        if let Source::Session(session) = source {
            session.close().await;
        }
        resolved
    }

    async fn look_up(&self, source: &mut Source, remote: &Remote, reference: &Reference) -> Result<Resolved, Error> {
        let name = match (reference, reference.full_name()) {
            (Reference::Commit(commit), _) => {
                if let Source::Local(_) = source {
                    let _reachable = self.references(source, &["refs/heads/".to_owned()]).await?;
                }
                return Ok(Resolved { commit: *commit, name: None, want: *commit });
            }
            (_, Some(name)) => name,
            (_, None) => String::new(),
        };
        let unknown = |near| Error::UnknownReference { remote: remote.to_string(), reference: reference.clone(), near };
        if !reference.is_well_formed() {
            return Err(unknown(Vec::new()));
        }
        let found = self.references(source, std::slice::from_ref(&name)).await?;
        if let Some(found) = found.into_iter().find(|found| found.name == name) {
            let commit = found.peeled.unwrap_or(found.id);
            return Ok(Resolved { commit, name: Some(name), want: found.id });
        }
        let all = self.references(source, &["refs/heads/".to_owned(), "refs/tags/".to_owned()]).await?;
        if all.is_empty() {
            return Err(Error::EmptyRepository { remote: remote.to_string() });
        }
        let short = name.strip_prefix(reference.folder()).unwrap_or(&name);
        let names = all.iter().filter_map(|other| other.name.strip_prefix(reference.folder()));
        Err(unknown(reference::nearest(short, names)))
    }

    async fn references(&self, source: &mut Source, prefixes: &[String]) -> Result<Vec<AdvertisedRef>, Error> {
        match source {
            Source::Session(session) => session.references(prefixes).await,
            Source::Local(remote) => {
                let (remote, prefixes) = (remote.clone(), prefixes.to_vec());
                self.blocking(move |_| local::references(&remote, &prefixes)).await
            }
        }
    }

    async fn fetch(
        &self,
        remote: &Remote,
        access: &Access,
        resolved: &Resolved,
        limits: &Limits,
        reader: &str,
    ) -> Result<Fetched, Error> {
        let mut state = State::load(&self.objects.directory);
        let commit = resolved.commit;
        let previous = resolved.name.as_deref().and_then(|name| state.previous(reader, name));
        let mut bytes_received = 0;
        let held = state.clone();
        if !self.blocking(move |objects| objects.has(&held, commit)).await? {
            bytes_received = self.bring(remote, access, resolved, limits, &mut state).await?;
            state.add_complete(commit);
        }
        let (ancestry, more) = match previous {
            None => (Ancestry::First, 0),
            Some(previous) if previous == commit => (Ancestry::Unchanged, 0),
            Some(previous) => self.compare(remote, access, previous, commit, limits).await?,
        };
        state.url.clone_from(&self.objects.url);
        self.blocking(move |objects| {
            objects.repack(&state);
            state.save(&objects.directory)
        })
        .await?;
        Ok(Fetched { commit, previous, ancestry, bytes_received: bytes_received + more })
    }

    /// Fetches a commit on top of what is here; if that turns out to be damaged, from nothing.
    async fn bring(
        &self,
        remote: &Remote,
        access: &Access,
        resolved: &Resolved,
        limits: &Limits,
        state: &mut State,
    ) -> Result<u64, Error> {
        let mut request = FetchRequest {
            wants: vec![resolved.want],
            haves: state.complete(),
            shallow: state.complete(),
            depth: Some(1),
            commits_only: false,
        };
        let (first, had_some) = (self.transfer(remote, access, &request, limits).await, !request.haves.is_empty());
        let commit = resolved.commit;
        let outcome = match first {
            Ok(bytes) => self.blocking(move |objects| objects.verify(commit)).await.map(|()| bytes),
            Err(error) => Err(error),
        };
        match outcome {
            Err(Error::Damaged { reason } | Error::Protocol { reason, .. }) if had_some => {
                tracing::warn!(remote = %remote, reason, "the copy of a repository is fetched again from nothing");
                self.blocking(|objects| objects.discard()).await?;
                state.forget_objects();
                request.haves.clear();
                request.shallow.clear();
                let bytes = self.transfer(remote, access, &request, limits).await?;
                self.blocking(move |objects| objects.verify(commit)).await.map(|()| bytes)
            }
            Err(Error::Damaged { reason }) => Err(Error::Protocol {
                remote: remote.to_string(),
                reason: format!("its pack lacks something that the commit needs: {reason}"),
            }),
            other => other,
        }
    }

    /// Receives one pack into the object database; gives its size.
    async fn transfer(
        &self,
        remote: &Remote,
        access: &Access,
        request: &FetchRequest,
        limits: &Limits,
    ) -> Result<u64, Error> {
        let (remote_name, limits) = (remote.to_string(), limits.clone());
        if remote.scheme == Scheme::File {
            let (remote, request) = (remote.clone(), request.clone());
            return self.blocking(move |objects| objects.copy(&remote, &request, &limits)).await;
        }
        let mut session = self.session(remote, access).await?;
        session.fetch(request).await?;
        let (sender, receiver) = mpsc::channel(8);
        let objects = Arc::clone(&self.objects);
        let indexing = tokio::task::spawn_blocking(move || objects.index(receiver, &remote_name, &limits));
        let sent = feed(&mut session, sender).await;
        let indexed = indexing.await.unwrap_or_else(|error| Err(Error::damaged(error)));
        match (sent, indexed) {
            (Err(error), _) => Err(error),
            (Ok(()), indexed) => {
                if indexed.is_ok() {
                    session.close().await;
                }
                indexed
            }
        }
    }

    /// How `new` relates to `old`, of which the commit alone may be here, or nothing; and the bytes that it took. Looks at the
    /// commits that are here first and asks for older ones only then: of `new`, and where that does not tell, of `old`.
    async fn compare(
        &self,
        remote: &Remote,
        access: &Access,
        old: ObjectId,
        new: ObjectId,
        limits: &Limits,
    ) -> Result<(Ancestry, u64), Error> {
        if remote.scheme == Scheme::File {
            let remote = remote.clone();
            return Ok((self.blocking(move |_| local::ancestry(&remote, old, new)).await?, 0));
        }
        let mut known = self.search(old, new).await?;
        if known == Ancestry::Descendant {
            return Ok((known, 0));
        }
        if self.search(new, old).await? == Ancestry::Descendant {
            return Ok((Ancestry::Rewound, 0));
        }
        let mut bytes = 0;
        if known == Ancestry::Unknown
            && let Some(more) = self.history_of(new, remote, access, new, limits).await
        {
            bytes += more;
            known = self.search(old, new).await?;
        }
        if known != Ancestry::Descendant
            && let Some(more) = self.history_of(old, remote, access, new, limits).await
        {
            bytes += more;
            if self.search(new, old).await? == Ancestry::Descendant {
                known = Ancestry::Rewound;
            }
        }
        Ok((known, bytes))
    }

    /// Whether `new` follows `old`, by the commits that are here.
    async fn search(&self, old: ObjectId, new: ObjectId) -> Result<Ancestry, Error> {
        self.blocking(move |objects| objects.search(old, new)).await
    }

    /// Asks for the commits that `tip` is built on; `here` is a commit that is not asked for again. Gives the bytes that it
    /// took, and nothing where the server refuses: it need not give what no reference leads to any more.
    async fn history_of(
        &self,
        tip: ObjectId,
        remote: &Remote,
        access: &Access,
        here: ObjectId,
        limits: &Limits,
    ) -> Option<u64> {
        let request = FetchRequest {
            wants: vec![tip],
            haves: vec![here],
            shallow: vec![here],
            depth: Some(HISTORY_DEPTH),
            commits_only: true,
        };
        let sent = self.transfer(remote, access, &request, limits).await;
        sent.inspect_err(|error| tracing::debug!(remote = %remote, commit = %tip, %error, "no history of a commit"))
            .ok()
    }
}

/// Where references come from.
enum Source {
    Session(Box<Session>),
    Local(Remote),
}

/// Hands the pieces of a pack to the indexer, and the end mark after the last. Stops where the indexer did.
async fn feed(session: &mut Session, sender: mpsc::Sender<Option<Bytes>>) -> Result<(), Error> {
    while let Some(data) = session.pack_data().await? {
        if sender.send(Some(data)).await.is_err() {
            return Ok(());
        }
    }
    // An indexer that is gone has its own error to tell.
    let _told = sender.send(None).await;
    Ok(())
}

fn too_slow(remote: &Remote, limit: Duration) -> Error {
    Error::CapExceeded { what: remote.to_string(), cap: Cap::Seconds, limit: limit.as_secs() }
}
