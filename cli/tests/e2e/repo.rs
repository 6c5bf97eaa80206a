//! A git repository in a directory of its own, written with git2.

use crate::driver::Failure;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The repository; it goes with its last user.
pub(crate) struct Repo {
    directory: TempDir,
}

impl Repo {
    /// An empty one whose branch is `main`.
    pub(crate) fn new() -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("skiff-e2e-repo-").tempdir()?;
        let repo = Self { directory };
        let mut options = git2::RepositoryInitOptions::new();
        options.initial_head("main");
        git2::Repository::init_opts(repo.path(), &options)?;
        Ok(repo)
    }

    /// One with these files, committed.
    pub(crate) fn with(files: &[(&str, &str)]) -> Result<Self, Failure> {
        let repo = Self::new()?;
        repo.commit(files)?;
        Ok(repo)
    }

    /// Its working directory, behind one more level, so that tests can move it away.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("repo")
    }

    /// What a GitRepo calls it.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Writes files and commits all there is; the id of the commit.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> Result<String, Failure> {
        for (path, text) in files {
            let path = self.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or_else(|| Path::new("/")))?;
            fs::write(path, text)?;
        }
        let repository = git2::Repository::open(self.path())?;
        let mut index = repository.index()?;
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None)?;
        index.update_all(["*"], None)?;
        index.write()?;
        let tree = repository.find_tree(index.write_tree()?)?;
        let who = git2::Signature::now("A Person", "person@example.com")?;
        let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        Ok(repository.commit(Some("HEAD"), &who, &who, "Change", &tree, &parents)?.to_string())
    }

    /// Removes a file or a directory; to be committed.
    pub(crate) fn remove(&self, path: &str) -> Result<(), Failure> {
        let path = self.path().join(path);
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
        Ok(())
    }

    /// Renames a file or a directory; to be committed.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        Ok(fs::rename(self.path().join(from), self.path().join(to))?)
    }
}
