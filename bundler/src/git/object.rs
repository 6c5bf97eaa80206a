//! Git's object ids, commits and trees as bytes: decoded here, so that every name in a hostile tree is seen as it is.

use std::fmt;
use std::str::FromStr;

use super::error::Error;

/// The SHA-1 name of a git object.
///
/// It says *which* object, never that its content can be trusted: Bundles are addressed by SHA-256 of their own bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId([u8; 20]);

impl ObjectId {
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0 == [0; 20]
    }

    pub(super) fn oid(self) -> git2::Oid {
        git2::Oid::from_bytes(&self.0).expect("20 bytes are an id")
    }
}

impl From<git2::Oid> for ObjectId {
    fn from(oid: git2::Oid) -> Self {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&oid.as_bytes()[..20]);
        Self(bytes)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 40 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("an object id has 40 hexadecimal digits")]
pub struct InvalidObjectId;

impl FromStr for ObjectId {
    type Err = InvalidObjectId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        if digits.len() != 40 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(InvalidObjectId);
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| InvalidObjectId)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| InvalidObjectId)?;
        }
        Ok(Self(bytes))
    }
}

/// What a commit says about itself. The texts are the author's and not to be trusted with anything but display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub id: ObjectId,
    /// Its root directory.
    pub tree: ObjectId,
    /// What it follows.
    pub parents: Vec<ObjectId>,
    /// Who wrote the change.
    pub author_name: String,
    /// Address of the author.
    pub author_email: String,
    /// When it was committed, seconds since 1970 in UTC, by the committer's clock.
    pub time: i64,
    /// First line of the message.
    pub subject: String,
}

impl Commit {
    pub(super) fn parse(id: ObjectId, data: &[u8]) -> Result<Self, Error> {
        let text = String::from_utf8_lossy(data);
        let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut commit = Self {
            id,
            tree: id,
            parents: Vec::new(),
            author_name: String::new(),
            author_email: String::new(),
            time: 0,
            subject: message.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned(),
        };
        let mut tree = None;
        for line in head.lines() {
            match line.split_once(' ') {
                Some(("tree", hex)) => tree = hex.parse().ok(),
                Some(("parent", hex)) => commit.parents.extend(hex.parse::<ObjectId>().ok()),
                Some(("author", who)) => (commit.author_name, commit.author_email, _) = signature(who),
                Some(("committer", who)) => commit.time = signature(who).2,
                _ => {}
            }
        }
        commit.tree = tree.ok_or_else(|| Error::damaged(format!("commit {id} has no tree")))?;
        Ok(commit)
    }
}

/// `Name <mail> 1700000000 +0100`
fn signature(text: &str) -> (String, String, i64) {
    let (name, rest) = text.split_once('<').unwrap_or((text, ""));
    let (mail, rest) = rest.split_once('>').unwrap_or((rest, ""));
    let time = rest.split_whitespace().next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    (name.trim().to_owned(), mail.trim().to_owned(), time)
}

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryMode {
    /// A directory.
    Directory,
    /// A file.
    Regular,
    /// A file with its executable bit set.
    Executable,
    /// A symbolic link; its content is the target. Never followed here.
    Symlink,
    /// A submodule; it has no content in this repository.
    Gitlink,
}

impl EntryMode {
    fn from_octal(mode: u32) -> Option<Self> {
        Some(match (mode & 0o170_000, mode & 0o111) {
            (0o040_000, _) => Self::Directory,
            (0o100_000, 0) => Self::Regular,
            (0o100_000, _) => Self::Executable,
            (0o120_000, _) => Self::Symlink,
            (0o160_000, _) => Self::Gitlink,
            _ => return None,
        })
    }

    /// Git's own number for it.
    pub fn octal(self) -> u32 {
        match self {
            Self::Directory => 0o040_000,
            Self::Regular => 0o100_644,
            Self::Executable => 0o100_755,
            Self::Symlink => 0o120_000,
            Self::Gitlink => 0o160_000,
        }
    }
}

/// One child of a tree object, its name not yet judged.
#[derive(Debug, Clone)]
pub(super) struct RawEntry {
    pub(super) name: Box<[u8]>,
    pub(super) mode: EntryMode,
    pub(super) id: ObjectId,
    /// Bytes of a file or link; 0 for the others.
    pub(super) size: u64,
}

/// Decodes the bytes of a tree object. Sizes are left at 0.
pub(super) fn parse_tree(id: ObjectId, mut data: &[u8]) -> Result<Vec<RawEntry>, Error> {
    let malformed = || Error::damaged(format!("tree {id} is malformed"));
    let mut entries = Vec::new();
    while !data.is_empty() {
        let space = data.iter().position(|byte| *byte == b' ').ok_or_else(malformed)?;
        let mode = std::str::from_utf8(&data[..space]).ok().and_then(|text| u32::from_str_radix(text, 8).ok());
        let mode = mode.and_then(EntryMode::from_octal).ok_or_else(malformed)?;
        data = &data[space + 1..];
        let end = data.iter().position(|byte| *byte == 0).ok_or_else(malformed)?;
        let name = data[..end].into();
        let id = data.get(end + 1..end + 21).and_then(ObjectId::from_bytes).ok_or_else(malformed)?;
        data = &data[end + 21..];
        entries.push(RawEntry { name, mode, id, size: 0 });
    }
    Ok(entries)
}

/// What git-lfs leaves in the place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LfsPointer {
    /// `sha256:…` of the content.
    pub oid: String,
    /// Its bytes.
    pub size: u64,
}

/// Recognises a git-lfs pointer file (`https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md`): the content is not
/// in the repository, and a bundle that held the pointer instead would deploy nonsense.
pub fn lfs_pointer(content: &[u8]) -> Option<LfsPointer> {
    const MAX_POINTER: usize = 1024;
    if content.len() >= MAX_POINTER {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?;
    let mut lines = text.lines();
    let version = lines.next()?.strip_prefix("version ")?;
    if !version.starts_with("https://git-lfs.github.com/spec/")
        && !version.starts_with("https://hawser.github.com/spec/")
    {
        return None;
    }
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    Some(LfsPointer { oid: value("oid ")?.to_owned(), size: value("size ")?.parse().ok()? })
}
