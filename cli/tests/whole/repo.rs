//! A bare git repository that a test commits to and damages.

use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Path and text of each file of a commit.
pub(crate) type Files = Vec<(String, String)>;

/// The repository.
pub(crate) struct Repo {
    directory: TempDir,
}

impl Repo {
    /// An empty one whose branch is `main`.
    pub(crate) fn new() -> Self {
        let repo = Self { directory: tempfile::tempdir().unwrap() };
        let mut options = git2::RepositoryInitOptions::new();
        options.bare(true).initial_head("main");
        git2::Repository::init_opts(repo.path(), &options).unwrap();
        repo
    }

    /// Where it is; one level down, so that it can be moved away.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("repo.git")
    }

    /// Where it is moved to while it is away.
    pub(crate) fn away(&self) -> PathBuf {
        self.directory.path().join("away.git")
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    pub(crate) fn open(&self) -> git2::Repository {
        git2::Repository::open(self.path()).unwrap()
    }

    /// Commits exactly these files onto `main`.
    pub(crate) fn commit(&self, files: &[(String, String)]) -> git2::Oid {
        let repository = self.open();
        let mut index = git2::Index::new().unwrap();
        for (path, text) in files {
            let id = repository.blob(text.as_bytes()).unwrap();
            index.add(&entry(path, id, 0o100_644)).unwrap();
        }
        let tree = index.write_tree_to(&repository).unwrap();
        self.commit_tree(tree)
    }

    /// Commits a tree onto `main`.
    pub(crate) fn commit_tree(&self, tree: git2::Oid) -> git2::Oid {
        let repository = self.open();
        let tree = repository.find_tree(tree).unwrap();
        let who = git2::Signature::now("Ada", "ada@example.org").unwrap();
        let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        repository.commit(Some("HEAD"), &who, &who, "Change", &tree, &parents).unwrap()
    }

    /// Moves `main` to a commit, whatever it was.
    pub(crate) fn reset(&self, commit: git2::Oid) {
        self.open().reference("refs/heads/main", commit, true, "reset").unwrap();
    }

    /// The file of a loose object.
    pub(crate) fn loose(&self, id: git2::Oid) -> PathBuf {
        let hex = id.to_string();
        self.path().join("objects").join(&hex[..2]).join(&hex[2..])
    }
}

/// An entry of an index.
pub(crate) fn entry(path: &str, id: git2::Oid, mode: u32) -> git2::IndexEntry {
    let time = git2::IndexTime::new(0, 0);
    git2::IndexEntry {
        ctime: time,
        mtime: time,
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_vec(),
    }
}

/// A ConfigMap, as a document.
pub(crate) fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{v: {value}}}\n")
}

/// Copies a directory with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
