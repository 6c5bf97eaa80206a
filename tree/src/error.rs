//! What can go wrong when a tree is read. Every variant names the path that was asked for.

/// Why a file of a tree could not be given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is stored at the path.
    #[error("{path}: no such file")]
    NotFound {
        /// The path asked for.
        path: String,
    },
    /// The path is a directory where a file was asked for.
    #[error("{path}: is a directory, not a file")]
    IsDirectory {
        /// The path asked for.
        path: String,
    },
    /// A file stands where the path needs a directory.
    #[error("{path}: {file} is a file, not a directory")]
    NotADirectory {
        /// The path asked for.
        path: String,
        /// The component that is a file.
        file: String,
    },
    /// The path cannot be one of a tree.
    #[error("{path:?}: {reason}")]
    BadPath {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The path leads out of the tree.
    #[error("{path}: leads out of the tree (from {base:?})")]
    Outside {
        /// The path as it was given.
        path: String,
        /// The directory it was joined to; empty for the root.
        base: String,
    },
    /// A symbolic link leads out of the tree.
    #[error("{path}: the symbolic link {link} -> {target} leads out of the tree")]
    LinkOutside {
        /// The path asked for.
        path: String,
        /// The link.
        link: String,
        /// What the link holds.
        target: String,
    },
    /// Symbolic links form a cycle, or a chain longer than [`crate::MAX_LINKS`].
    #[error("{path}: more than {limit} symbolic links, or links that lead to each other")]
    TooManyLinks {
        /// The path asked for.
        path: String,
        /// The cap.
        limit: usize,
    },
    /// The content is not text.
    #[error("{path}: is not UTF-8 text (byte {offset})")]
    NotUtf8 {
        /// The path asked for.
        path: String,
        /// Where the first bad byte is, counted from 0.
        offset: usize,
    },
    /// The directory holds more files than a tree may.
    #[error("{path}: more than {limit} files")]
    TooManyFiles {
        /// The directory.
        path: String,
        /// The cap.
        limit: usize,
    },
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The path of the file system.
        path: String,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
}
