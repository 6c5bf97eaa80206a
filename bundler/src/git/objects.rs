//! The hub's copy of one repository on disk: an object database of packs, and nothing checked out. Blocking; the
//! callers in [`super::store`] run it in `spawn_blocking`.
//!
//! Invariant: the folder belongs to one process, and everything in it can be thrown away and fetched again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::SystemTime;

use bytes::Bytes;
use git2::{ObjectType, Odb};
use tokio::sync::mpsc;

use super::error::Error;
use super::limits::Limits;
use super::local;
use super::object::{Commit, ObjectId};
use super::pack::PackSink;
use super::protocol::FetchRequest;
use super::remote::Remote;
use super::state::State;
use super::store::Ancestry;
use super::tree::{self, CommitTree, TreeCache};

/// More packs than this are made one.
const MAX_PACKS: usize = 48;

/// The copy of one repository.
pub(super) struct Objects {
    pub(super) directory: PathBuf,
    pub(super) url: String,
    /// Held during a fetch.
    pub(super) fetching: tokio::sync::Mutex<()>,
    odb: Mutex<Option<Arc<Odb<'static>>>>,
    trees: Mutex<TreeCache>,
}

impl Objects {
    /// The copy of `remote` below `cache`; the same one while the process holds one.
    pub(super) fn open(cache: &Path, remote: &Remote) -> Result<Arc<Self>, Error> {
        let url = remote.canonical();
        let directory = cache.join(hex(ring::digest::digest(&ring::digest::SHA256, url.as_bytes()).as_ref()));
        let mut open = open_copies();
        if let Some(objects) = open.get(&directory).and_then(Weak::upgrade) {
            return Ok(objects);
        }
        let objects = Arc::new(Self {
            directory: directory.clone(),
            url,
            fetching: tokio::sync::Mutex::new(()),
            odb: Mutex::default(),
            trees: Mutex::default(),
        });
        objects.lay_out()?;
        open.insert(directory, Arc::downgrade(&objects));
        Ok(objects)
    }

    /// Removes copies below `cache` until no more than `copies` with `bytes` are left: those first that were opened the
    /// longest ago, and none that the process holds.
    pub(super) fn trim(cache: &Path, copies: usize, bytes: u64) {
        let folders = std::fs::read_dir(cache).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut found: Vec<_> = folders.map(|path| (opened(&path), size_of(&path), path)).collect();
        found.sort();
        // Asked for last: who opens a copy waits for it.
        let open = open_copies();
        let (mut count, mut total) = (found.len(), found.iter().map(|(_, size, _)| size).sum::<u64>());
        for (_, size, path) in found.into_iter().filter(|(_, _, path)| !open.contains_key(path)) {
            if count <= copies && total <= bytes {
                return;
            }
            match std::fs::remove_dir_all(&path) {
                Ok(()) => (count, total) = (count - 1, total - size),
                Err(error) => tracing::warn!(path = %path.display(), %error, "a copy of a repository was not removed"),
            }
        }
    }

    /// The files of a commit.
    pub(super) fn tree(&self, commit: ObjectId, limits: &Limits) -> Result<CommitTree, Error> {
        let odb = self.odb()?;
        let commit = self.commit(&odb, commit)?;
        CommitTree::open(odb, &self.trees, commit, limits)
    }

    /// Whether a commit's files were all here when last looked at.
    pub(super) fn has(&self, state: &State, commit: ObjectId) -> Result<bool, Error> {
        Ok(state.complete().contains(&commit) && self.odb()?.exists(commit.oid()))
    }

    /// Packs what is asked for from a repository on this disk.
    pub(super) fn copy(&self, remote: &Remote, request: &FetchRequest, limits: &Limits) -> Result<u64, Error> {
        let odb = self.odb()?;
        let sink = PackSink::new(&odb, &self.packs(), &self.url, limits)?;
        let bytes = local::fetch(remote, request, sink)?;
        odb.refresh().map_err(Error::damaged)?;
        Ok(bytes)
    }

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

    /// Throws all objects away.
    pub(super) fn discard(&self) -> Result<(), Error> {
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

    /// Whether every file of a commit is here.
    pub(super) fn verify(&self, commit: ObjectId) -> Result<(), Error> {
        let odb = self.odb()?;
        let commit = self.commit(&odb, commit)?;
        tree::verify(&odb, &self.trees, commit.tree)
    }

    /// Writes the pieces of a pack to disk until the end mark; without one, nothing of it stays.
    pub(super) fn index(
        &self,
        mut pieces: mpsc::Receiver<Option<Bytes>>,
        remote: &str,
        limits: &Limits,
    ) -> Result<u64, Error> {
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

    /// Looks for `old` behind `new` among the commits that are here.
    pub(super) fn search(&self, old: ObjectId, new: ObjectId) -> Result<Ancestry, Error> {
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
    pub(super) fn repack(&self, state: &State) {
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

/// The copies that the process holds, by their folders.
fn open_copies() -> MutexGuard<'static, BTreeMap<PathBuf, Weak<Objects>>> {
    static OPEN: OnceLock<Mutex<BTreeMap<PathBuf, Weak<Objects>>>> = OnceLock::new();
    let mut open = OPEN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|_, copy| copy.strong_count() > 0);
    open
}

/// When a copy was opened: its `HEAD` is written then.
fn opened(copy: &Path) -> Option<SystemTime> {
    std::fs::metadata(copy.join("HEAD")).and_then(|head| head.modified()).ok()
}

/// The bytes of all files below a folder.
fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ok = write!(text, "{byte:02x}");
        text
    })
}
