//! Where a hub may die: before and after each write that lasts.
//!
//! Called around the writes of the store, the blobs and a backup. In a released binary this is nothing; with the feature
//! `crash-points`, which dev-dependencies alone enable, a test says of a directory at which of its writes the process
//! dies there. From then on nothing of that directory is written any more, and nobody is told of a write.

/// A moment around a write that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Before a transaction of the database.
    BeforeTransaction,
    /// The transaction is on disk; nobody was told.
    AfterTransaction,
    /// Before the file of a blob.
    BeforeBlob,
    /// The blobs of one call and their directories are on disk.
    AfterBlobs,
    /// Before the database is copied for a backup.
    BeforeCopy,
    /// The database is copied, the blobs are not.
    AfterCopy,
    /// Before a file beside the database is copied for a backup.
    BeforeCopiedFile,
}

/// Passes a point; `path` is the file or directory of the write.
///
/// # Errors
/// In a test alone: the process has died.
#[cfg(not(feature = "crash-points"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it can fail")]
#[inline]
pub(crate) fn pass(_: &std::path::Path, _: Point) -> std::io::Result<()> {
    Ok(())
}

#[cfg(feature = "crash-points")]
pub(crate) use watched::pass;
#[cfg(feature = "crash-points")]
pub use watched::watch;

#[cfg(feature = "crash-points")]
mod watched {
    use super::Point;
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Condvar, Mutex, PoisonError};

    /// Whether the process dies here. Once it has, it is asked no more.
    type Deadly = Arc<dyn Fn(Point) -> bool + Send + Sync>;

    struct Watched {
        deadly: Deadly,
        dead: bool,
        /// A transaction is under way. No process dies meanwhile: who copies files one after the other then would have some
        /// from before it and some from after, which no disk ever held (that a transaction may be cut off is SQLite's own
        /// business).
        in_transaction: bool,
    }

    /// And what tells that a transaction has ended.
    type Shared = Arc<(Mutex<Watched>, Condvar)>;

    static WATCHED: Mutex<Vec<(PathBuf, Shared)>> = Mutex::new(Vec::new());

    /// Has the writes below `dir` watched, until its process has died and for ever after. `deadly` may take its time, as a
    /// slow disk does.
    pub fn watch(dir: &Path, deadly: impl Fn(Point) -> bool + Send + Sync + 'static) {
        let watched = Mutex::new(Watched { deadly: Arc::new(deadly), dead: false, in_transaction: false });
        let watched = Arc::new((watched, Condvar::new()));
        WATCHED.lock().unwrap_or_else(PoisonError::into_inner).push((dir.to_owned(), watched));
    }

    pub(crate) fn pass(path: &Path, point: Point) -> std::io::Result<()> {
        let all = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
        let watched = all.iter().find(|(dir, _)| path.starts_with(dir)).map(|(_, watched)| Arc::clone(watched));
        drop(all);
        let Some(watched) = watched else { return Ok(()) };
        // Held over the question: the writes of a hub pass one after the other, and none after the deadly one.
        let (watched, ended) = &*watched;
        let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
        if point == Point::AfterTransaction {
            watched.in_transaction = false;
            ended.notify_all();
        }
        while watched.in_transaction {
            watched = ended.wait(watched).unwrap_or_else(PoisonError::into_inner);
        }
        watched.dead = watched.dead || (watched.deadly)(point);
        watched.in_transaction = point == Point::BeforeTransaction && !watched.dead;
        if watched.dead { Err(std::io::Error::other("the process has died")) } else { Ok(()) }
    }
}
