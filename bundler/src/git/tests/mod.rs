//! The git reader against repositories made here and servers in this process.

mod cve_replay;
mod fetch;
pub(crate) mod http;
mod pack;
mod parse;
mod ssh;
mod tree;

use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Signature, Time};

use super::{Access, Error, Fetched, Limits, ObjectId, Policy, Reference, Remote, Repository, Resolved};

/// A bare repository `app` below a folder that servers serve, and a folder for the hub's copies.
struct Fixture {
    folder: tempfile::TempDir,
    source: git2::Repository,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = git2::Repository::init_bare(folder.path().join("served/app")).unwrap();
        source.set_head("refs/heads/main").unwrap();
        Self { folder, source }
    }

    fn served(&self) -> std::path::PathBuf {
        self.folder.path().join("served")
    }

    fn cache(&self) -> std::path::PathBuf {
        self.folder.path().join("cache")
    }

    fn file_remote(&self) -> Remote {
        remote(&format!("file://{}", self.served().join("app").display()))
    }

    /// Commits `files` over what `parent` has, and points `refs/heads/<branch>` at it.
    fn commit(&self, branch: &str, parent: Option<ObjectId>, files: &[(&str, &[u8])]) -> ObjectId {
        let tree = self.tree(parent, files);
        self.commit_tree(branch, parent, tree)
    }

    fn tree(&self, parent: Option<ObjectId>, files: &[(&str, &[u8])]) -> Oid {
        let base = match parent {
            Some(parent) => self.source.find_commit(parent.oid()).unwrap().tree().unwrap(),
            None => self.source.find_tree(self.source.treebuilder(None).unwrap().write().unwrap()).unwrap(),
        };
        let mut update = TreeUpdateBuilder::new();
        for (path, content) in files {
            update.upsert(*path, self.source.blob(content).unwrap(), FileMode::Blob);
        }
        update.create_updated(&self.source, &base).unwrap()
    }

    fn commit_tree(&self, branch: &str, parent: Option<ObjectId>, tree: Oid) -> ObjectId {
        let who = Signature::new("Ada", "ada@example.org", &Time::new(1_700_000_000, 60)).unwrap();
        let tree = self.source.find_tree(tree).unwrap();
        let parents: Vec<_> = parent.iter().map(|id| self.source.find_commit(id.oid()).unwrap()).collect();
        let parents: Vec<_> = parents.iter().collect();
        let id = self.source.commit(None, &who, &who, "Change it\n\nbecause", &tree, &parents).unwrap();
        self.source.reference(&format!("refs/heads/{branch}"), id, true, "").unwrap();
        id.into()
    }

    /// A tree object of these bytes, whatever git thinks of them.
    fn raw_tree(&self, entries: &[(&str, &[u8], Oid)]) -> Oid {
        let mut bytes = Vec::new();
        for (mode, name, id) in entries {
            bytes.extend_from_slice(mode.as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(id.as_bytes());
        }
        self.source.odb().unwrap().write(git2::ObjectType::Tree, &bytes).unwrap()
    }
}

fn remote(url: &str) -> Remote {
    Remote::parse(url, &Policy { allow_file: true, ..Policy::default() }).unwrap()
}

fn branch(name: &str) -> Reference {
    Reference::Branch(name.to_owned())
}

/// Resolve, fetch and take in, as the poll loop does.
async fn pull(cache: &Path, remote: &Remote, access: &Access, reference: &Reference) -> Result<Fetched, Error> {
    let (copy, resolved, fetched) = look(cache, remote, access, reference, "tests").await?;
    copy.taken(&resolved, "tests").await?;
    Ok(fetched)
}

/// Resolve and fetch: the process ends before it has taken in what came.
async fn look(
    cache: &Path,
    remote: &Remote,
    access: &Access,
    reference: &Reference,
    reader: &str,
) -> Result<(Repository, Resolved, Fetched), Error> {
    let copy = Repository::open(cache, remote)?;
    let resolved = copy.resolve(remote, access, reference).await?;
    let fetched = copy.fetch(remote, access, &resolved, &Limits::default(), reader).await?;
    Ok((copy, resolved, fetched))
}

/// The files of a commit that is here, with their contents.
async fn files(cache: &Path, remote: &Remote, commit: ObjectId) -> Vec<(String, Vec<u8>)> {
    let tree = Repository::open(cache, remote).unwrap().tree(commit, &Limits::default()).await.unwrap();
    tree.entries().iter().map(|file| (file.path.clone(), tree.content(&file.path).unwrap())).collect()
}

/// Bytes that do not compress.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    })
    .take(length)
    .collect()
}
