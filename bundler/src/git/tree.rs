//! The files of one commit, read from the object database. There is never a checkout, so hooks, links that lead out
//! and names like `.git/hooks/post-checkout` have nowhere to act.
//!
//! A [`CommitTree`] holds the whole listing when it exists, so what it lists is complete: a tree that cannot be read is
//! an error when it is opened, never a shorter list. What no bundle may contain (submodules, names that no file may
//! have) is left out of the listing and kept as [`Problem`]s, because most of it lies where no bundle is.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use file_tree::{Entry, Files, Mode};
use git2::{ObjectType, Odb};

use super::error::{Cap, Error};
use super::limits::Limits;
use super::object::{self, Commit, EntryMode, ObjectId, RawEntry};

/// Git itself and every file system stop long before.
const MAX_DEPTH: usize = 128;
const MAX_PATH: usize = 4096;

/// Children of tree objects that were read before, with the sizes of their files. Ids name content, so an entry never
/// goes stale; an unchanged directory of a new commit costs a look-up.
#[derive(Debug, Default)]
pub(super) struct TreeCache {
    trees: BTreeMap<ObjectId, Arc<[RawEntry]>>,
    entries: usize,
}

/// About 100 bytes each.
const MAX_CACHED_ENTRIES: usize = 400_000;

impl TreeCache {
    fn children(&mut self, odb: &Odb<'_>, id: ObjectId) -> Result<Arc<[RawEntry]>, Error> {
        if let Some(children) = self.trees.get(&id) {
            return Ok(Arc::clone(children));
        }
        let tree = read(odb, id, ObjectType::Tree)?;
        let mut children = object::parse_tree(id, &tree)?;
        for child in &mut children {
            child.size = match child.mode {
                EntryMode::Directory | EntryMode::Gitlink => continue,
                EntryMode::Regular | EntryMode::Executable | EntryMode::Symlink => blob_size(odb, child.id)?,
            };
        }
        if self.entries > MAX_CACHED_ENTRIES {
            *self = Self::default();
        }
        self.entries += children.len() + 1;
        let children: Arc<[RawEntry]> = children.into();
        self.trees.insert(id, Arc::clone(&children));
        Ok(children)
    }
}

fn blob_size(odb: &Odb<'_>, id: ObjectId) -> Result<u64, Error> {
    match odb.read_header(id.oid()) {
        Ok((size, ObjectType::Blob)) => Ok(u64::try_from(size).unwrap_or(u64::MAX)),
        Ok((_, other)) => Err(Error::damaged(format!("{id} is a {other}, not a file"))),
        Err(error) => Err(Error::damaged(format!("file {id}: {}", error.message()))),
    }
}

/// The bytes of an object of this kind.
pub(super) fn read(odb: &Odb<'_>, id: ObjectId, kind: ObjectType) -> Result<Vec<u8>, Error> {
    let object = odb.read(id.oid()).map_err(|error| Error::damaged(format!("{kind} {id}: {}", error.message())))?;
    if object.kind() == kind {
        Ok(object.data().to_vec())
    } else {
        Err(Error::damaged(format!("{id} is a {}, not a {kind}", object.kind())))
    }
}

/// Reads every tree and the header of every file below `root`: whether all of it is there.
pub(super) fn verify(odb: &Odb<'_>, cache: &Mutex<TreeCache>, root: ObjectId) -> Result<(), Error> {
    let mut cache = cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut seen = BTreeSet::new();
    let mut rest = vec![root];
    while let Some(id) = rest.pop() {
        if seen.insert(id) {
            let children = cache.children(odb, id)?;
            rest.extend(children.iter().filter(|child| child.mode == EntryMode::Directory).map(|child| child.id));
        }
    }
    Ok(())
}

/// Something in a commit that no bundle can contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From the root of the repository; what is not text is escaped.
    pub path: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What is wrong with an entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// A submodule at this commit of the other repository.
    Submodule(ObjectId),
    /// A name that no file may have.
    Name(&'static str),
    /// Two entries of one name.
    Duplicate,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = shorten(&self.path);
        match &self.kind {
            ProblemKind::Submodule(commit) => write!(
                f,
                "{path}: is a git submodule (at commit {commit}), whose files are not in this repository. Put the \
                 files here, or give the other repository a GitRepo of its own"
            ),
            ProblemKind::Name(reason) => write!(f, "{path}: {reason}"),
            ProblemKind::Duplicate => write!(f, "{path}: the directory has two entries of this name"),
        }
    }
}

impl std::error::Error for Problem {}

/// One file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// From the root of the repository.
    pub path: String,
    /// Never a directory or gitlink.
    pub mode: EntryMode,
    /// Bytes.
    pub size: u64,
    /// The blob. Equal ids are equal bytes (as far as SHA-1 goes): good enough to skip reading, not to address content.
    pub id: ObjectId,
}

/// All files of one commit. Cheap to clone; contents are read on demand.
#[derive(Clone)]
pub struct CommitTree {
    odb: Arc<Odb<'static>>,
    commit: Arc<Commit>,
    listing: Arc<Listing>,
    max_file_bytes: u64,
}

impl fmt::Debug for CommitTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitTree").field("commit", &self.commit.id).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Listing {
    files: Vec<TreeEntry>,
    directories: BTreeMap<String, ObjectId>,
    problems: Vec<Problem>,
}

impl CommitTree {
    pub(super) fn open(
        odb: Arc<Odb<'static>>,
        cache: &Mutex<TreeCache>,
        commit: Commit,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let mut listing = Listing::default();
        {
            let mut cache = cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let mut walk = Walk { odb: &odb, cache: &mut cache, listing: &mut listing, max_files: limits.max_files };
            walk.directory("", commit.tree, 0)?;
        }
        listing.files.sort_by(|a, b| a.path.cmp(&b.path));
        let (commit, listing) = (Arc::new(commit), Arc::new(listing));
        Ok(Self { odb, commit, listing, max_file_bytes: limits.max_file_bytes })
    }

    /// The commit.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// All files, sorted by path.
    pub fn entries(&self) -> &[TreeEntry] {
        &self.listing.files
    }

    /// The files below a directory (`""` for all), sorted by path.
    pub fn entries_under(&self, dir: &str) -> &[TreeEntry] {
        if dir.is_empty() {
            return &self.listing.files;
        }
        // `/` sorts before `0`, so these two bounds enclose what starts with `dir/`.
        let (low, high) = (format!("{dir}/"), format!("{dir}0"));
        let start = self.listing.files.partition_point(|file| file.path < low);
        let end = self.listing.files.partition_point(|file| file.path < high);
        &self.listing.files[start..end]
    }

    /// The file at a path, links not followed.
    pub fn file(&self, path: &str) -> Option<&TreeEntry> {
        let at = self.listing.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        self.listing.files.get(at)
    }

    /// Git's id of a directory (`""` for the root): unchanged as long as nothing below it changes in name, mode or
    /// content. `None` where there is no such directory.
    pub fn subtree_id(&self, dir: &str) -> Option<ObjectId> {
        self.listing.directories.get(dir).copied()
    }

    /// Submodules and impossible names at or below a directory (`""` for all). A bundle that contains one is refused
    /// with its text.
    pub fn problems_under<'a>(&'a self, dir: &'a str) -> impl Iterator<Item = &'a Problem> {
        self.listing.problems.iter().filter(move |problem| {
            dir.is_empty()
                || problem.path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The bytes of a file; of a link, its target.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotAFile`], [`Error::CapExceeded`], [`Error::Damaged`].
    pub fn content(&self, path: &str) -> Result<Vec<u8>, Error> {
        let Some(file) = self.file(path) else {
            return Err(match self.listing.directories.contains_key(path) {
                true => Error::NotAFile { path: path.to_owned(), kind: "a directory" },
                false => Error::NotFound { path: path.to_owned(), commit: self.commit.id },
            });
        };
        if file.size > self.max_file_bytes {
            return Err(Error::CapExceeded { what: path.to_owned(), cap: Cap::FileBytes, limit: self.max_file_bytes });
        }
        read(&self.odb, file.id, ObjectType::Blob)
    }
}

impl Files for CommitTree {
    fn entry(&self, path: &str) -> Option<Entry> {
        self.file(path).and_then(as_entry)
    }

    fn stored(&self, path: &str) -> Result<Cow<'_, [u8]>, file_tree::Error> {
        self.content(path).map(Cow::Owned).map_err(|error| match error {
            Error::NotFound { path, .. } => file_tree::Error::NotFound { path },
            Error::NotAFile { path, .. } => file_tree::Error::IsDirectory { path },
            other => file_tree::Error::Io { path: path.to_owned(), source: std::io::Error::other(other) },
        })
    }

    fn list_under(&self, dir: &str) -> Vec<Entry> {
        self.entries_under(dir).iter().filter_map(as_entry).collect()
    }

    fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || !self.entries_under(path).is_empty()
    }
}

fn as_entry(file: &TreeEntry) -> Option<Entry> {
    let mode = match file.mode {
        EntryMode::Regular => Mode::Regular,
        EntryMode::Executable => Mode::Executable,
        EntryMode::Symlink => Mode::Symlink,
        EntryMode::Directory | EntryMode::Gitlink => return None,
    };
    Some(Entry { path: file.path.clone(), mode, size: file.size })
}

struct Walk<'a> {
    odb: &'a Odb<'static>,
    cache: &'a mut TreeCache,
    listing: &'a mut Listing,
    max_files: usize,
}

impl Walk<'_> {
    fn directory(&mut self, path: &str, id: ObjectId, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            let limit = u64::try_from(MAX_DEPTH).unwrap_or(u64::MAX);
            return Err(Error::CapExceeded { what: shorten(path), cap: Cap::Depth, limit });
        }
        let children = self.cache.children(self.odb, id)?;
        self.listing.directories.insert(path.to_owned(), id);
        let mut names = BTreeSet::new();
        for child in children.iter() {
            match judge_name(path, &child.name) {
                Err(reason) => {
                    let shown = join(path, &child.name.escape_ascii().to_string());
                    self.problem(shown, ProblemKind::Name(reason))?;
                }
                Ok(name) if !names.insert(name) => self.problem(join(path, name), ProblemKind::Duplicate)?,
                Ok(name) => self.child(join(path, name), child, depth)?,
            }
        }
        Ok(())
    }

    fn child(&mut self, path: String, child: &RawEntry, depth: usize) -> Result<(), Error> {
        match child.mode {
            EntryMode::Directory => self.directory(&path, child.id, depth + 1),
            EntryMode::Gitlink => self.problem(path, ProblemKind::Submodule(child.id)),
            mode @ (EntryMode::Regular | EntryMode::Executable | EntryMode::Symlink) => {
                self.count()?;
                self.listing.files.push(TreeEntry { path, mode, size: child.size, id: child.id });
                Ok(())
            }
        }
    }

    fn problem(&mut self, path: String, kind: ProblemKind) -> Result<(), Error> {
        self.count()?;
        self.listing.problems.push(Problem { path, kind });
        Ok(())
    }

    fn count(&self) -> Result<(), Error> {
        if self.listing.files.len() + self.listing.problems.len() < self.max_files {
            return Ok(());
        }
        let limit = u64::try_from(self.max_files).unwrap_or(u64::MAX);
        Err(Error::CapExceeded { what: "the repository".to_owned(), cap: Cap::Files, limit })
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

fn shorten(path: &str) -> String {
    if path.chars().count() <= 200 {
        return path.to_owned();
    }
    path.chars().take(200).chain(['…']).collect()
}

/// The name as text, if a file may have it.
fn judge_name<'a>(directory: &str, name: &'a [u8]) -> Result<&'a str, &'static str> {
    let text = std::str::from_utf8(name).map_err(|_| "the name is not UTF-8")?;
    if text.is_empty() || text == "." || text == ".." {
        return Err("no file may have this name");
    }
    if text.contains(['/', '\\']) {
        return Err("the name contains a slash or a backslash");
    }
    if text.chars().any(char::is_control) {
        return Err("the name contains control characters");
    }
    if directory.len() + text.len() > MAX_PATH {
        return Err("the path is longer than 4096 bytes");
    }
    if is_dot_git(text) {
        return Err("the name stands for `.git` on some file system");
    }
    Ok(text)
}

/// `.git` as NTFS and HFS+ would read it (git's `is_ntfs_dotgit` and `is_hfs_dotgit`).
fn is_dot_git(name: &str) -> bool {
    /// Characters that HFS+ ignores.
    const IGNORED: [std::ops::RangeInclusive<char>; 4] =
        ['\u{200c}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{206a}'..='\u{206f}', '\u{feff}'..='\u{feff}'];
    if name.is_ascii() && !name.starts_with(['.', 'g', 'G']) {
        return false;
    }
    let stem = name.split(':').next().unwrap_or_default();
    let plain: String = stem.chars().filter(|c| !IGNORED.iter().any(|range| range.contains(c))).collect();
    let plain = plain.trim_end_matches([' ', '.']).to_ascii_lowercase();
    plain == ".git" || plain == "git~1"
}
