//! The hub's copy of one repository, and the three things the poll loop does with it: resolve, fetch, read.
//!
//! The copy is shallow: of each commit that was followed it has every file, and of history no more than it takes to
//! tell a push from a forced one. One fetch runs at a time for each repository; a fetch that breaks off leaves no trace.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use git2::{ObjectType, Odb};
use tokio::sync::mpsc;

use super::credentials::Access;
use super::error::{Cap, Error};
use super::http;
use super::limits::Limits;
use super::local;
use super::object::{Commit, ObjectId};
use super::pack::PackSink;
use super::protocol::{AdvertisedRef, FetchRequest};
use super::reference::{self, Reference};
use super::remote::{Remote, Scheme};
use super::session::Session;
use super::state::State;
use super::tree::{self, CommitTree, TreeCache};

/// One look at the branches of a server.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(60);
/// How far back a push may reach and still be recognised as one.
const HISTORY_DEPTH: u32 = 256;
/// More packs than this are made one.
const MAX_PACKS: usize = 48;

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

/// How the commit relates to the one that was fetched for the same reference before.
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
    /// The previous one was not found as far back as was looked.
    Unknown,
}

/// What a fetch brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The commit, all of whose files are now here.
    pub commit: ObjectId,
    /// What the same reference was at the previous fetch.
    pub previous: Option<ObjectId>,
    /// How the two relate.
    pub ancestry: Ancestry,
    /// Bytes of packs received; 0 where everything was here already.
    pub bytes_received: u64,
}

impl Fetched {
    /// Whether the branch was rewritten, or may have been: worth an event on the GitRepo.
    pub fn forced(&self) -> bool {
        matches!(self.ancestry, Ancestry::Rewritten | Ancestry::Unknown)
    }
}

/// The hub's copy of a repository. Clones share it.
#[derive(Clone)]
pub struct Repository {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").field("directory", &self.inner.directory).finish_non_exhaustive()
    }
}

struct Inner {
    directory: PathBuf,
    url: String,
    fetching: tokio::sync::Mutex<()>,
    odb: Mutex<Option<Arc<Odb<'static>>>>,
    trees: Mutex<TreeCache>,
    client: Mutex<Option<(TlsOptions, reqwest::Client)>>,
}

/// What a kept client was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TlsOptions {
    ca_bundle: Option<Vec<u8>>,
    insecure: bool,
}

impl Repository {
    /// The copy of `remote` below `cache`, in a folder named by the SHA-256 of its canonical URL. Makes the folder;
    /// opening one twice in a process gives the same copy. The folder belongs to one process.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(cache: &Path, remote: &Remote) -> Result<Self, Error> {
        static OPEN: OnceLock<Mutex<BTreeMap<PathBuf, Weak<Inner>>>> = OnceLock::new();
        let url = remote.canonical();
        let directory = cache.join(hex(ring::digest::digest(&ring::digest::SHA256, url.as_bytes()).as_ref()));
        let mut open = OPEN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, copy| copy.strong_count() > 0);
        if let Some(inner) = open.get(&directory).and_then(Weak::upgrade) {
            return Ok(Self { inner });
        }
        let inner = Arc::new(Inner {
            directory: directory.clone(),
            url,
            fetching: tokio::sync::Mutex::new(()),
            odb: Mutex::default(),
            trees: Mutex::default(),
            client: Mutex::default(),
        });
        inner.lay_out()?;
        open.insert(directory, Arc::downgrade(&inner));
        Ok(Self { inner })
    }

    /// Asks the server what `reference` points to. Brings no objects, but always asks, so that a repository that is
    /// gone or credentials that no longer work are seen, for a pinned commit too.
    ///
    /// # Errors
    /// [`Error::UnknownReference`] with near names, [`Error::EmptyRepository`], and whatever the network does.
    pub async fn resolve(&self, remote: &Remote, access: &Access, reference: &Reference) -> Result<Resolved, Error> {
        let work = self.inner.clone().resolve(remote, access, reference);
        tokio::time::timeout(RESOLVE_TIMEOUT, work).await.unwrap_or_else(|_| Err(too_slow(remote, RESOLVE_TIMEOUT)))
    }

    /// Brings the files of a commit, as far as they are not here. A damaged copy is thrown away and fetched again.
    ///
    /// # Errors
    /// [`Error::CapExceeded`], [`Error::CommitRefused`], and whatever the network does. Nothing of a failed fetch stays.
    pub async fn fetch(
        &self,
        remote: &Remote,
        access: &Access,
        resolved: &Resolved,
        limits: &Limits,
    ) -> Result<Fetched, Error> {
        let _one_at_a_time = self.inner.fetching.lock().await;
        let work = self.inner.fetch(remote, access, resolved, limits);
        tokio::time::timeout(limits.timeout, work).await.unwrap_or_else(|_| Err(too_slow(remote, limits.timeout)))
    }

    /// The files of a commit that was fetched.
    ///
    /// # Errors
    /// [`Error::Damaged`] where something of it is missing: fetch again after [`Repository::discard`].
    /// [`Error::CapExceeded`] for too many files.
    pub async fn tree(&self, commit: ObjectId, limits: &Limits) -> Result<CommitTree, Error> {
        let limits = limits.clone();
        self.inner
            .blocking(move |inner| {
                let odb = inner.odb()?;
                let commit = inner.commit(&odb, commit)?;
                CommitTree::open(odb, &inner.trees, commit, &limits)
            })
            .await
    }

    /// Throws the copy's objects away; the next fetch brings everything. Trees that are open may fail to read.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn discard(&self) -> Result<(), Error> {
        let _one_at_a_time = self.inner.fetching.lock().await;
        self.inner.blocking(|inner| inner.discard()).await
    }
}

impl Inner {
    /// Enough of a bare repository for `git --git-dir` to look into.
    fn lay_out(&self) -> Result<(), Error> {
        let failed = || format!("making {}", self.directory.display());
        for part in ["objects/pack", "refs"] {
            std::fs::create_dir_all(self.directory.join(part)).map_err(Error::io(failed()))?;
        }
        std::fs::write(self.directory.join("HEAD"), "ref: refs/heads/none\n").map_err(Error::io(failed()))
    }

    fn objects(&self) -> PathBuf {
        self.directory.join("objects")
    }

    fn packs(&self) -> PathBuf {
        self.directory.join("objects/pack")
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Arc<Self>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&inner)).await.unwrap_or_else(|error| {
            Err(Error::Io { what: "reading a repository".to_owned(), source: std::io::Error::other(error) })
        })
    }

    fn odb(&self) -> Result<Arc<Odb<'static>>, Error> {
        let mut kept = self.odb.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(odb) = kept.as_ref() {
            return Ok(Arc::clone(odb));
        }
        let objects = self.objects();
        let path = objects.to_str().ok_or_else(|| Error::damaged(format!("{} is not UTF-8", objects.display())))?;
        let odb = Odb::new().and_then(|odb| odb.add_disk_alternate(path).map(|()| odb)).map_err(Error::damaged)?;
        let odb = Arc::new(odb);
        *kept = Some(Arc::clone(&odb));
        Ok(odb)
    }

    fn commit(&self, odb: &Odb<'_>, id: ObjectId) -> Result<Commit, Error> {
        match odb.read_header(id.oid()) {
            Ok((_, ObjectType::Commit)) => Commit::parse(id, &tree::read(odb, id, ObjectType::Commit)?),
            Ok((_, other)) => {
                Err(Error::NotACommit { remote: self.url.clone(), id, reason: format!("it is a {other}") })
            }
            Err(error) => Err(Error::damaged(format!("commit {id}: {}", error.message()))),
        }
    }

    fn discard(&self) -> Result<(), Error> {
        *self.odb.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.trees.lock().unwrap_or_else(PoisonError::into_inner) = TreeCache::default();
        let objects = self.objects();
        if let Err(error) = std::fs::remove_dir_all(&objects)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(Error::io(format!("removing {}", objects.display()))(error));
        }
        let mut state = State::load(&self.directory);
        state.forget_objects();
        self.lay_out()?;
        state.save(&self.directory)
    }

    /// A client that keeps its connections from poll to poll.
    fn client(&self, remote: &Remote, access: &Access) -> Result<Option<reqwest::Client>, Error> {
        if !matches!(remote.scheme, Scheme::Http | Scheme::Https) {
            return Ok(None);
        }
        let options = TlsOptions { ca_bundle: access.ca_bundle.clone(), insecure: access.insecure_skip_tls_verify };
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

    async fn resolve(
        self: Arc<Self>,
        remote: &Remote,
        access: &Access,
        reference: &Reference,
    ) -> Result<Resolved, Error> {
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

    async fn look_up(
        self: &Arc<Self>,
        source: &mut Source,
        remote: &Remote,
        reference: &Reference,
    ) -> Result<Resolved, Error> {
        let name = match (reference, reference.full_name()) {
            (Reference::Commit(commit), _) => {
                if let Source::Local(_) = source {
                    let _reachable = self.references(source, &["refs/heads/".to_owned()]).await?;
                }
                return Ok(Resolved { commit: *commit, name: None, want: *commit });
            }
            (Reference::Branch(_) | Reference::Tag(_), Some(name)) => name,
            (Reference::Branch(_) | Reference::Tag(_), None) => String::new(),
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

    async fn references(
        self: &Arc<Self>,
        source: &mut Source,
        prefixes: &[String],
    ) -> Result<Vec<AdvertisedRef>, Error> {
        match source {
            Source::Session(session) => session.references(prefixes).await,
            Source::Local(remote) => {
                let (remote, prefixes) = (remote.clone(), prefixes.to_vec());
                self.blocking(move |_| local::references(&remote, &prefixes)).await
            }
        }
    }

    async fn fetch(
        self: &Arc<Self>,
        remote: &Remote,
        access: &Access,
        resolved: &Resolved,
        limits: &Limits,
    ) -> Result<Fetched, Error> {
        let mut state = State::load(&self.directory);
        let commit = resolved.commit;
        let previous = resolved.name.as_deref().and_then(|name| state.previous(name));
        let mut bytes_received = 0;
        if !self.has(&state, commit).await? {
            bytes_received = self.bring(remote, access, resolved, limits, &mut state).await?;
            state.add_complete(commit);
        }
        let (ancestry, more) = match previous {
            None => (Ancestry::First, 0),
            Some(previous) if previous == commit => (Ancestry::Unchanged, 0),
            Some(previous) => self.ancestry(remote, access, previous, commit, limits).await?,
        };
        if let Some(name) = &resolved.name {
            state.set_reference(name, commit);
        }
        state.url.clone_from(&self.url);
        self.blocking(move |inner| {
            inner.repack(&state);
            state.save(&inner.directory)
        })
        .await?;
        Ok(Fetched { commit, previous, ancestry, bytes_received: bytes_received + more })
    }

    async fn has(self: &Arc<Self>, state: &State, commit: ObjectId) -> Result<bool, Error> {
        if !state.complete().contains(&commit) {
            return Ok(false);
        }
        self.blocking(move |inner| Ok(inner.odb()?.exists(commit.oid()))).await
    }

    /// Fetches a commit on top of what is here; if that turns out to be damaged, from nothing.
    async fn bring(
        self: &Arc<Self>,
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
            Ok(bytes) => self.blocking(move |inner| inner.verify(commit)).await.map(|()| bytes),
            Err(error) => Err(error),
        };
        match outcome {
            Err(Error::Damaged { reason } | Error::Protocol { reason, .. }) if had_some => {
                tracing::warn!(remote = %remote, reason, "the copy of a repository is fetched again from nothing");
                self.blocking(|inner| inner.discard()).await?;
                state.forget_objects();
                request.haves.clear();
                request.shallow.clear();
                let bytes = self.transfer(remote, access, &request, limits).await?;
                self.blocking(move |inner| inner.verify(commit)).await.map(|()| bytes)
            }
            Err(Error::Damaged { reason }) => Err(Error::Protocol {
                remote: remote.to_string(),
                reason: format!("its pack lacks something that the commit needs: {reason}"),
            }),
            other => other,
        }
    }

    fn verify(&self, commit: ObjectId) -> Result<(), Error> {
        let odb = self.odb()?;
        let commit = self.commit(&odb, commit)?;
        tree::verify(&odb, &self.trees, commit.tree)
    }

    /// Receives one pack into the object database; gives its size.
    async fn transfer(
        self: &Arc<Self>,
        remote: &Remote,
        access: &Access,
        request: &FetchRequest,
        limits: &Limits,
    ) -> Result<u64, Error> {
        let (remote_name, limits) = (remote.to_string(), limits.clone());
        if remote.scheme == Scheme::File {
            let (remote, request) = (remote.clone(), request.clone());
            return self
                .blocking(move |inner| {
                    let odb = inner.odb()?;
                    let sink = PackSink::new(&odb, &inner.packs(), &remote_name, &limits)?;
                    let bytes = local::fetch(&remote, &request, sink)?;
                    odb.refresh().map_err(Error::damaged)?;
                    Ok(bytes)
                })
                .await;
        }
        let mut session = self.session(remote, access).await?;
        session.fetch(request).await?;
        let (sender, receiver) = mpsc::channel(8);
        let inner = Arc::clone(self);
        let indexing = tokio::task::spawn_blocking(move || inner.index(receiver, &remote_name, &limits));
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

    /// Writes the pieces of a pack to disk until the end mark; without one, nothing of it stays.
    fn index(&self, mut pieces: mpsc::Receiver<Option<Bytes>>, remote: &str, limits: &Limits) -> Result<u64, Error> {
        let odb = self.odb()?;
        let mut sink = PackSink::new(&odb, &self.packs(), remote, limits)?;
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                Some(data) => sink.write(&data)?,
                None => {
                    let bytes = sink.finish()?;
                    odb.refresh().map_err(Error::damaged)?;
                    return Ok(bytes);
                }
            }
        }
        Err(Error::Unreachable { remote: remote.to_owned(), reason: "the pack broke off".to_owned() })
    }

    /// Whether `new` follows `old`. Looks at the commits that are here first and asks for older ones only then.
    async fn ancestry(
        self: &Arc<Self>,
        remote: &Remote,
        access: &Access,
        old: ObjectId,
        new: ObjectId,
        limits: &Limits,
    ) -> Result<(Ancestry, u64), Error> {
        if remote.scheme == Scheme::File {
            let remote = remote.clone();
            let descendant = self.blocking(move |_| local::is_descendant(&remote, new, old)).await?;
            return Ok((if descendant == Some(true) { Ancestry::Descendant } else { Ancestry::Rewritten }, 0));
        }
        let known = self.blocking(move |inner| inner.search(old, new)).await?;
        if known != Ancestry::Unknown {
            return Ok((known, 0));
        }
        let request = FetchRequest {
            wants: vec![new],
            haves: vec![new],
            shallow: vec![new],
            depth: Some(HISTORY_DEPTH),
            commits_only: true,
        };
        match self.transfer(remote, access, &request, limits).await {
            Ok(bytes) => Ok((self.blocking(move |inner| inner.search(old, new)).await?, bytes)),
            Err(error) => {
                tracing::debug!(remote = %remote, %error, "no history to tell a push from a forced push");
                Ok((Ancestry::Unknown, 0))
            }
        }
    }

    /// Looks for `old` behind `new` among the commits that are here.
    fn search(&self, old: ObjectId, new: ObjectId) -> Result<Ancestry, Error> {
        let odb = self.odb()?;
        let (mut seen, mut queue, mut cut) = (BTreeSet::new(), VecDeque::from([new]), false);
        while let Some(id) = queue.pop_front() {
            if id == old {
                return Ok(Ancestry::Descendant);
            }
            if !seen.insert(id) {
                continue;
            }
            match self.commit(&odb, id) {
                Ok(commit) => queue.extend(commit.parents),
                Err(_) => cut = true,
            }
        }
        Ok(if cut { Ancestry::Unknown } else { Ancestry::Rewritten })
    }

    /// Makes many packs one, unless somebody reads. Failing changes nothing but the time of the next try.
    fn repack(&self, state: &State) {
        let packs = |extension: &str| -> Vec<PathBuf> {
            let files = std::fs::read_dir(self.packs()).into_iter().flatten().flatten().map(|file| file.path());
            files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
        };
        let old = packs("pack");
        if old.len() <= MAX_PACKS {
            return;
        }
        let mut kept = self.odb.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_some_and(|odb| Arc::strong_count(odb) > 1) {
            return;
        }
        match self.write_one_pack(state) {
            Ok(new) => {
                *kept = None;
                for path in old.iter().filter(|path| path.file_stem() != Some(new.as_ref())) {
                    for file in [path.with_extension("idx"), path.clone()] {
                        // What cannot be removed now is removed by the next repack.
                        let _ignored = std::fs::remove_file(file);
                    }
                }
            }
            Err(error) => tracing::warn!(repository = self.url, %error, "packs were not made one"),
        }
    }

    /// The name of the new pack, without extension.
    fn write_one_pack(&self, state: &State) -> Result<std::ffi::OsString, git2::Error> {
        let repository = git2::Repository::open_bare(&self.directory)?;
        let mut builder = repository.packbuilder()?;
        for commit in state.complete() {
            builder.insert_commit(commit.oid())?;
        }
        builder.write(&self.packs(), 0)?;
        let name = builder.name()?.unwrap_or_default().to_owned();
        Ok(format!("pack-{name}").into())
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

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ok = write!(text, "{byte:02x}");
        text
    })
}
