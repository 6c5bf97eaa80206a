//! Git: from the URL of a GitRepo to the files of a commit, without a checkout and without a child process.
//!
//! The hub's poll loop is the user:
//!
//! 1. [`Remote::parse`] judges the URL once; [`Credentials::from_secret`] and [`Access`] hold how to get in.
//! 2. [`Repository::open`] gives the hub's copy of the repository, an object database of packs.
//! 3. [`Repository::resolve`] asks the server what a branch or tag points to: the cheap poll.
//! 4. [`Repository::fetch`] brings what is new of that commit, and says whether history was rewritten.
//! 5. [`Repository::tree`] lists the commit as [`file_tree::Files`].
//!
//! libgit2 (through `git2`) does the object database and the pack format; the sockets and the protocol are ours, so
//! that one TLS stack, one rule about credentials and one filter of addresses serve every scheme.
//!
//! Invariants: nothing but packs and one state file is written; an [`Error`] never means that something was deleted
//! (rule R13); credentials are shown to the host that the GitRepo names alone; an unknown ssh host key is refused.

pub(crate) mod address;
mod credentials;
mod error;
pub(crate) mod http;
mod inflate;
mod known_hosts;
mod limits;
mod local;
mod object;
mod objects;
mod pack;
mod pktline;
mod protocol;
mod reference;
pub(crate) mod remote;
mod session;
mod ssh;
mod state;
mod store;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(any(test, feature = "test-server"))]
pub mod testserver;
pub(crate) mod tls;
mod tree;
mod working_copy;

pub use credentials::{Access, Credentials};
pub use error::{Cap, Error};
pub use limits::Limits;
pub use object::{Commit, EntryMode, InvalidObjectId, LfsPointer, ObjectId, lfs_pointer};
pub use reference::Reference;
pub use remote::{Policy, Remote, Scheme};
pub use store::{Ancestry, Fetched, Repository, Resolved};
pub use tree::{CommitTree, Problem, ProblemKind, TreeEntry};
pub use working_copy::{RevisionError, WorkingCopy};
