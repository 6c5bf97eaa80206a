//! A revision of the repository that somebody works in, for the command line. Blocking; nothing is written.

use super::error::Error;
use super::limits::Limits;
use super::object::Commit;
use super::tree::{self, CommitTree};
use git2::{ObjectType, Odb, Repository};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Why a revision cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// The directory lies in no repository that git would open.
    #[error("{path} lies in no git repository that can be read: {reason}")]
    NoRepository {
        /// The directory.
        path: String,
        /// What libgit2 says.
        reason: String,
    },
    /// There is no commit of this name.
    #[error("{path}: `{revision}` names no commit: {reason}")]
    NotFound {
        /// The directory.
        path: String,
        /// What was asked for.
        revision: String,
        /// What libgit2 says.
        reason: String,
    },
    /// The files of the commit cannot be read.
    #[error("{path}: `{revision}`: {error}")]
    Unreadable {
        /// The directory.
        path: String,
        /// What was asked for.
        revision: String,
        /// Why.
        error: Error,
    },
}

/// A directory in a git repository that somebody works in.
pub struct WorkingCopy {
    repository: Repository,
    path: String,
    below: String,
}

impl std::fmt::Debug for WorkingCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkingCopy").field("path", &self.path).finish_non_exhaustive()
    }
}

impl WorkingCopy {
    /// Finds the repository that `path` lies in. Worktrees and bare repositories will do, and shallow clones as far as
    /// they go.
    ///
    /// # Errors
    /// [`RevisionError::NoRepository`].
    pub fn open(path: &Path) -> Result<Self, RevisionError> {
        let refused = |reason: String| RevisionError::NoRepository { path: path.display().to_string(), reason };
        let repository = Repository::discover(path).map_err(|error| refused(error.message().to_owned()))?;
        let below = match repository.workdir() {
            None => String::new(),
            Some(root) => {
                let real = |path: &Path| path.canonicalize().map_err(|error| refused(error.to_string()));
                let (root, here) = (real(root)?, real(path)?);
                let below = here.strip_prefix(&root).ok().and_then(Path::to_str);
                below.ok_or_else(|| refused("it is outside of the working tree, or not UTF-8".to_owned()))?.to_owned()
            }
        };
        Ok(Self { repository, path: path.display().to_string(), below })
    }

    /// Where the directory lies in the repository; empty for its root.
    #[must_use]
    pub fn below(&self) -> &str {
        &self.below
    }

    /// The files of a whole commit, by any name that git has for it (`main`, `HEAD~1`, `v1.2`).
    ///
    /// # Errors
    /// [`RevisionError::NotFound`] and [`RevisionError::Unreadable`].
    pub fn commit(&self, revision: &str) -> Result<CommitTree, RevisionError> {
        let (path, named) = (|| self.path.clone(), || revision.to_owned());
        let found = self.repository.revparse_single(revision).and_then(|object| object.peel_to_commit());
        let commit = found.map_err(|error| RevisionError::NotFound {
            path: path(),
            revision: named(),
            reason: error.message().to_owned(),
        })?;
        files(&self.repository, commit.id()).map_err(|error| RevisionError::Unreadable {
            path: path(),
            revision: named(),
            error,
        })
    }
}

fn files(repository: &Repository, commit: git2::Oid) -> Result<CommitTree, Error> {
    let objects = repository.commondir().join("objects");
    let path = objects.to_str().ok_or_else(|| Error::damaged(format!("{} is not UTF-8", objects.display())))?;
    let odb = Odb::new().and_then(|odb| odb.add_disk_alternate(path).map(|()| odb)).map_err(Error::damaged)?;
    let commit = Commit::parse(commit.into(), &tree::read(&odb, commit.into(), ObjectType::Commit)?)?;
    CommitTree::open(Arc::new(odb), &Mutex::default(), commit, &Limits::default())
}
