//! Packs on their way in, and packs made from a repository on this machine.
//!
//! A pack goes to disk as it arrives, through libgit2's indexer, which checks every object's hash and completes thin
//! packs from what is there. Nothing holds a pack in memory. Blocking: callers run this in `spawn_blocking`.

use std::collections::{BTreeSet, VecDeque};
use std::io::Write;
use std::path::Path;

use git2::{Indexer, ObjectType, Odb, Oid, PackBuilder};

use super::error::{Cap, Error};
use super::inflate::{Scan, ScanError};
use super::limits::Limits;
use super::protocol::FetchRequest;

/// `PACK`, version, number of objects.
const HEADER: usize = 12;
/// The header and the checksum behind it.
const EMPTY_PACK: u64 = 32;

/// Takes the bytes of one pack.
pub(super) struct PackSink<'odb> {
    indexer: Indexer<'odb>,
    scan: Scan,
    header: Vec<u8>,
    objects: u32,
    received: u64,
    limits: Limits,
    remote: String,
}

impl<'odb> PackSink<'odb> {
    pub(super) fn new(odb: &Odb<'odb>, directory: &Path, remote: &str, limits: &Limits) -> Result<Self, Error> {
        let indexer = Indexer::new(Some(odb), directory, 0, false).map_err(|error| unusable(remote, &error))?;
        let (header, remote) = (Vec::with_capacity(HEADER), remote.to_owned());
        let scan = Scan::new(limits.max_object_bytes);
        Ok(Self { indexer, scan, header, objects: 0, received: 0, limits: limits.clone(), remote })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`Error::CapExceeded`], or [`Error::Protocol`] for what is no pack.
    pub(super) fn write(&mut self, mut data: &[u8]) -> Result<(), Error> {
        self.received += u64::try_from(data.len()).unwrap_or(u64::MAX);
        if self.received > self.limits.max_pack_bytes {
            return Err(self.cap(Cap::PackBytes, self.limits.max_pack_bytes));
        }
        self.scan.feed(data).map_err(|error| match error {
            ScanError::TooLarge => self.cap(Cap::ObjectBytes, self.limits.max_object_bytes),
            ScanError::Malformed => unusable(&self.remote, &"an object in it is malformed"),
        })?;
        if self.header.len() < HEADER {
            let take = data.len().min(HEADER - self.header.len());
            self.header.extend_from_slice(&data[..take]);
            data = &data[take..];
            if self.header.len() < HEADER {
                return Ok(());
            }
            self.objects = self.count()?;
            if self.objects > self.limits.max_objects {
                return Err(self.cap(Cap::Objects, u64::from(self.limits.max_objects)));
            }
            let header = std::mem::take(&mut self.header);
            self.append(&header)?;
            self.header = header;
        }
        if data.is_empty() { Ok(()) } else { self.append(data) }
    }

    fn count(&self) -> Result<u32, Error> {
        match (self.header.first_chunk::<4>(), self.header.last_chunk::<4>()) {
            (Some(b"PACK"), Some(count)) => Ok(u32::from_be_bytes(*count)),
            _ => Err(Error::Protocol { remote: self.remote.clone(), reason: "what it sends is no pack".to_owned() }),
        }
    }

    fn append(&mut self, data: &[u8]) -> Result<(), Error> {
        self.indexer.write_all(data).map_err(|error| unusable(&self.remote, &error))
    }

    /// Puts the pack into place; gives the number of bytes received. A pack without objects leaves nothing behind.
    pub(super) fn finish(self) -> Result<u64, Error> {
        if self.header.len() < HEADER {
            let reason = "the pack ends before it begins".to_owned();
            return Err(Error::Protocol { remote: self.remote, reason });
        }
        if self.objects == 0 && self.received != EMPTY_PACK {
            let reason = "the pack says that it is empty, and is not".to_owned();
            return Err(Error::Protocol { remote: self.remote, reason });
        }
        if self.objects > 0 {
            let _name = self.indexer.commit().map_err(|error| unusable(&self.remote, &error))?;
        }
        Ok(self.received)
    }

    fn cap(&self, cap: Cap, limit: u64) -> Error {
        Error::CapExceeded { what: self.remote.clone(), cap, limit }
    }
}

fn unusable(remote: &str, error: &dyn std::fmt::Display) -> Error {
    Error::Protocol { remote: remote.to_owned(), reason: format!("its pack cannot be used: {error}") }
}

/// What goes into a pack, and where history is cut.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Ids, with the path that groups similar files.
    pub(super) objects: Vec<(Oid, String)>,
    /// Commits whose parents are left out.
    pub(super) shallow: Vec<Oid>,
    /// Commits that the client holds without parents and now gets the parents of.
    pub(super) unshallow: Vec<Oid>,
}

/// Selects what `request` needs from a repository.
pub(super) fn select(repository: &git2::Repository, request: &FetchRequest) -> Result<Selection, git2::Error> {
    let client_shallow: BTreeSet<Oid> = request.shallow.iter().map(|id| id.oid()).collect();
    let mut known = Known::default();
    for have in &request.haves {
        known.add(repository, have.oid(), &client_shallow)?;
    }
    let mut selection = Selection::default();
    let (mut seen, mut content) = (BTreeSet::new(), BTreeSet::new());
    let mut queue = VecDeque::new();
    for want in &request.wants {
        let object = repository.find_object(want.oid(), None)?;
        if object.kind() == Some(ObjectType::Tag) {
            selection.objects.push((object.id(), String::new()));
        }
        queue.push_back((object.peel_to_commit()?.id(), 1));
    }
    while let Some((id, depth)) = queue.pop_front() {
        if !seen.insert(id) {
            continue;
        }
        let commit = repository.find_commit(id)?;
        let held = known.commits.contains(&id);
        if !held {
            selection.objects.push((id, String::new()));
            if !request.commits_only {
                collect_tree(repository, commit.tree_id(), &known.trees, "", &mut content, &mut selection.objects)?;
            }
        }
        let cut = request.depth.is_some_and(|limit| depth >= limit);
        let stop = held && (request.depth.is_none() || !client_shallow.contains(&id));
        if cut && commit.parent_count() > 0 && !client_shallow.contains(&id) {
            selection.shallow.push(id);
        }
        if !cut && !stop {
            selection.unshallow.extend(client_shallow.contains(&id).then_some(id));
            queue.extend(commit.parent_ids().map(|parent| (parent, depth + 1)));
        }
    }
    Ok(selection)
}

/// What the client has.
#[derive(Debug, Default)]
struct Known {
    commits: BTreeSet<Oid>,
    /// Their root directories.
    trees: Vec<Oid>,
}

impl Known {
    fn add(&mut self, repository: &git2::Repository, have: Oid, shallow: &BTreeSet<Oid>) -> Result<(), git2::Error> {
        let mut queue = vec![have];
        while let Some(id) = queue.pop() {
            // What we do not know is nothing that the client could build on.
            let Ok(commit) = repository.find_commit(id) else { continue };
            if !self.commits.insert(id) {
                continue;
            }
            if id == have {
                self.trees.push(commit.tree_id());
            }
            if !shallow.contains(&id) {
                queue.extend(commit.parent_ids());
            }
        }
        Ok(())
    }
}

/// Adds what the directory `id` holds and none of `known`, directories at the same path, does: only what changed is
/// looked at.
fn collect_tree(
    repository: &git2::Repository,
    id: Oid,
    known: &[Oid],
    path: &str,
    seen: &mut BTreeSet<Oid>,
    into: &mut Vec<(Oid, String)>,
) -> Result<(), git2::Error> {
    if known.contains(&id) || !seen.insert(id) {
        return Ok(());
    }
    into.push((id, path.to_owned()));
    let known: Vec<git2::Tree<'_>> = known.iter().filter_map(|id| repository.find_tree(*id).ok()).collect();
    for entry in &repository.find_tree(id)? {
        let name = String::from_utf8_lossy(entry.name_bytes()).replace('\0', "");
        let before = known.iter().filter_map(|tree| tree.get_name_bytes(entry.name_bytes()));
        let before: Vec<Oid> = before.map(|entry| entry.id()).collect();
        let path = format!("{path}/{name}");
        match entry.kind() {
            Some(ObjectType::Tree) => collect_tree(repository, entry.id(), &before, &path, seen, into)?,
            Some(ObjectType::Blob) if !before.contains(&entry.id()) && seen.insert(entry.id()) => {
                into.push((entry.id(), path));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A pack of these objects.
pub(super) fn build<'repo>(
    repository: &'repo git2::Repository,
    selection: &Selection,
) -> Result<PackBuilder<'repo>, git2::Error> {
    let mut builder = repository.packbuilder()?;
    for (id, path) in &selection.objects {
        builder.insert_object(*id, Some(path))?;
    }
    Ok(builder)
}
