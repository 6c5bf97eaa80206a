//! A git server in this process, on loopback, for tests and the demo: smart HTTP ([`HttpServer`]) and ssh
//! ([`SshServer`]) over the repositories of one folder. It needs no git program.
//!
//! It serves reading only, builds each answer in memory, and is no server for real use. Each server stops when it is
//! dropped.

mod http;
mod ssh;
mod upload_pack;

#[cfg(test)]
pub(crate) use http::service;
pub use http::{HttpServer, Request};
pub use ssh::{SshServer, TestKey};

use std::path::{Path, PathBuf};

/// How a server behaves; changed while it runs with `set_options`.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Asks for these: user and password.
    pub basic_auth: Option<(String, String)>,
    /// http: answers `info/refs` with a redirect to this base URL (the repository's name is appended).
    pub redirect_to: Option<String>,
    /// Speaks protocol version 0 alone, and gives out only what a reference points to.
    pub only_version_0: bool,
    /// Does not leave out trees and files on request.
    pub no_filter: bool,
    /// Answers every fetch with a pack that breaks off in its middle.
    pub break_off: bool,
    /// Waits this long before each answer.
    pub delay: std::time::Duration,
}

/// The repository that a URL's path names: a folder of that name, with or without `.git`.
fn find(root: &Path, path: &str) -> Option<PathBuf> {
    let name = path.trim_matches('/');
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.');
    if !name.split('/').all(plain) {
        return None;
    }
    let short = name.strip_suffix(".git").unwrap_or(name);
    [name.to_owned(), short.to_owned(), format!("{short}.git")]
        .iter()
        .map(|name| root.join(name))
        .find(|folder| folder.join("HEAD").exists() || folder.join(".git/HEAD").exists())
}
