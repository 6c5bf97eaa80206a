//! What the hub remembers: one SQLite file in the data directory, behind one module.
//!
//! | module | what it holds |
//! |---|---|
//! | [`writer`] | one thread that writes, with group commit |
//! | [`migrations`] | the schema, as a numbered list that only grows |
//! | [`seal`] | encryption of secrets at rest |
//! | [`kind`] | the kinds that the user API serves |
//! | [`resources`] | GitRepos and the other objects: create, read, change, delete, watch |
//! | [`records`] | bytes by table and key: what the hub's core keeps that is no object |
//! | [`history`] | the bounded history that watches read |
//!
//! Called by the hub's loops and by the user API. The invariant: what [`Store::write`] has acknowledged is on disk
//! (WAL, `synchronous=FULL`), and readers see it; what it has not acknowledged is there whole or not at all.

mod change;
pub mod history;
pub mod kind;
pub mod migrations;
mod object;
pub mod records;
pub mod resources;
mod rest;
pub mod seal;
mod secrets;
mod turn;
pub mod writer;

pub use change::{Change, Outcome, Precondition, ResourceError, SecretData, Write};
pub use history::{Event, EventType, Gone, Watch};
pub use kind::{Kind, Resource};
pub use records::Table;
pub use resources::{Object, Resources};
pub use seal::{Key, Sealer};
pub use writer::Tx;

use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The database's name in the data directory.
pub const DATABASE: &str = "hub.db";
/// How many idle connections for reading are kept.
const IDLE_READERS: usize = 4;

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("the database {0}")]
    Sqlite(#[source] rusqlite::Error),
    /// The disk is full, cannot be written or fails.
    #[error(
        "the hub's disk took nothing ({0}): make room on it, or make it writable, then try again; what was acknowledged \
         before is kept"
    )]
    Disk(String),
    /// A file of the data directory.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has the data directory.
    #[error("{0} is in use by another hub; stop it first")]
    InUse(PathBuf),
    /// The database was written by a newer version.
    #[error(
        "the database has schema {found}, and this version knows {known}; use the version that wrote it, or a newer one"
    )]
    NewerSchema {
        /// In the file.
        found: u32,
        /// Of this build.
        known: u32,
    },
    /// The key for secrets is missing, unreadable or another one.
    #[error("{0}")]
    Key(String),
    /// A row that cannot be read as what it should be.
    #[error("a stored value cannot be read: {0}")]
    Corrupt(String),
    /// The transaction could not be committed.
    #[error("the change was not stored: {0}")]
    Commit(String),
    /// The writer has ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Of a transaction that was not committed.
    fn of_commit(error: &rusqlite::Error) -> Self {
        if is_of_disk(error) { Self::Disk(error.to_string()) } else { Self::Commit(error.to_string()) }
    }

    /// For `map_err` on a file operation.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

fn is_of_disk(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DiskFull, ReadOnly, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(DiskFull | ReadOnly | SystemIoFailure))
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if is_of_disk(&error) { Self::Disk(error.to_string()) } else { Self::Sqlite(error) }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}

/// The store. Cloning it is cheap; all clones write through the one writer.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    writer: writer::Writer,
    readers: Mutex<Vec<Connection>>,
    sealer: Sealer,
    /// Held as long as the store lives: a second hub on the same directory is refused.
    _lock: File,
}

impl Store {
    /// Opens the store in `dir`, makes it where it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// Where the directory cannot be used, another hub has it, the schema is newer than this build, or `key` is not
    /// the one that the secrets in it were written with.
    pub fn open(dir: &Path, key: &Key) -> Result<Self, StoreError> {
        crate::private::create_dir(dir).map_err(StoreError::io(dir))?;
        let lock = lock(dir)?;
        let path = dir.join(DATABASE);
        let mut connection = connect(&path)?;
        restrict(&path)?;
        migrations::run(&mut connection, migrations::ALL)?;
        let sealer = Sealer::new(key)?;
        sealer.check(&connection)?;
        let writer = writer::Writer::start(connection)?;
        let inner = Inner { path, writer, readers: Mutex::default(), sealer, _lock: lock };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs `f` inside a transaction on the writer's thread, and returns when the transaction is on disk. Everything
    /// that is queued at the same time shares one transaction; where `f` fails, its own changes alone are undone.
    /// `f` should be short: other writers wait for it.
    ///
    /// # Errors
    /// What `f` returns, or a [`StoreError`] where nothing was stored.
    pub async fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.writer.write(f).await
    }

    /// Runs `f` on a connection for reading, off the async threads. It sees everything acknowledged so far.
    ///
    /// # Errors
    /// What `f` returns, or a [`StoreError`] where no connection can be had.
    pub async fn read<T, E, F>(&self, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || store.read_blocking(f)).await;
        done.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// [`Store::read`] on the thread of the caller, for start-up and tests.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T, E: From<StoreError>>(&self, f: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let idle = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.inner.path).map_err(E::from)?,
        };
        let result = f(&connection);
        let mut idle = self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        result
    }

    /// All records of a table, in the order of their keys, decrypted where the table is sealed.
    ///
    /// # Errors
    /// Where they cannot be read or decrypted.
    pub async fn records(&self, table: Table) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let sealer = self.sealer().clone();
        self.read(move |connection| records::all(connection, &sealer, table)).await
    }

    /// Encryption at rest with the store's key, for blobs that hold secrets.
    pub fn sealer(&self) -> &Sealer {
        &self.inner.sealer
    }

    /// Copies the database of the data directory `dir` into the directory `to`, also while a hub runs on it: the copy
    /// is one consistent state. Blobs are to be copied after it (a blob is on disk before the row that names it).
    ///
    /// # Errors
    /// Where there is no database, or the copy exists already or cannot be written.
    pub fn backup(dir: &Path, to: &Path) -> Result<(), StoreError> {
        let from = dir.join(DATABASE);
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let source = Connection::open_with_flags(&from, flags)?;
        source.busy_timeout(Duration::from_secs(30))?;
        crate::private::create_dir(to).map_err(StoreError::io(to))?;
        let path = to.join(DATABASE);
        File::create_new(&path).map_err(StoreError::io(&path))?;
        restrict(&path)?;
        let mut target = Connection::open(&path)?;
        // All pages in one step: of a hub that writes meanwhile, the copy would begin anew with every step.
        rusqlite::backup::Backup::new(&source, &mut target)?.run_to_completion(i32::MAX, Duration::ZERO, None)?;
        drop(target);
        sync(&path)?;
        sync(to)
    }
}

fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(StoreError::io(path))
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(StoreError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(dir.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(StoreError::Io { path, source }),
    }
}

/// Only the hub's user reads what it remembers.
fn restrict(path: &Path) -> Result<(), StoreError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(StoreError::io(path))?;
    }
    Ok(())
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

#[cfg(test)]
mod tests;
