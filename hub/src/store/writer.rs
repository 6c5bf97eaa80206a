//! The one thread that writes, with group commit.
//!
//! Called by [`Store::write`](super::Store::write) alone. Everything that is queued when the thread looks goes into one
//! transaction, each piece in a savepoint of its own; after COMMIT what the pieces registered with [`Tx::after_commit`]
//! runs, in the order of the writes; then the callers are told. So an acknowledged write is on disk and visible.

use super::StoreError;
use crate::crash::{self, Point};
use rusqlite::{Connection, TransactionBehavior};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use tokio::sync::{mpsc, oneshot};

/// How many writes may wait; more make their callers wait to queue.
const QUEUE: usize = 4096;
/// How many writes share one transaction at most, so that the first is not kept waiting for long.
const BATCH: usize = 512;

/// A transaction, as the closures of [`Store::write`](super::Store::write) see it.
pub struct Tx<'a> {
    connection: &'a Connection,
    after: Vec<Box<dyn FnOnce() + Send>>,
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tx")
    }
}

impl Tx<'_> {
    /// Runs `f` when, and only if, the transaction is on disk; before the writer is told, and in the order of writes.
    /// `f` must be short and must not fail.
    pub fn after_commit(&mut self, f: impl FnOnce() + Send + 'static) {
        self.after.push(Box::new(f));
    }
}

impl std::ops::Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

trait Job: Send {
    /// Does the work; whether it is to be kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Tells the caller; `failure` where the transaction was not committed.
    fn finish(self: Box<Self>, failure: Option<&rusqlite::Error>);
}

struct Typed<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Typed<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        let result = catch_unwind(AssertUnwindSafe(|| work(tx)))
            .unwrap_or_else(|_| Err(StoreError::Commit("the code that writes it has failed".into()).into()));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn finish(self: Box<Self>, failure: Option<&rusqlite::Error>) {
        let result = match (self.result, failure) {
            (Some(Ok(_)) | None, Some(error)) => Err(StoreError::of_commit(error).into()),
            (Some(result), _) => result,
            (None, None) => Err(StoreError::Commit("it was not tried".into()).into()),
        };
        // The caller may have gone away; the write stands all the same.
        drop(self.reply.send(result));
    }
}

/// The handle on the thread; the thread ends when the last handle is gone.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<BoxedJob>,
}

struct BoxedJob(Box<dyn Job>);

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(connection, jobs))
            .map_err(|source| StoreError::Io { path: "thread store-writer".into(), source })?;
        Ok(Self { queue })
    }

    pub(super) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = BoxedJob(Box::new(Typed { work: Some(work), result: None, reply }));
        self.queue.send(job).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

fn run(mut connection: Connection, mut jobs: mpsc::Receiver<BoxedJob>) {
    let database = PathBuf::from(connection.path().unwrap_or_default());
    let mut batch = Vec::new();
    while let Some(first) = jobs.blocking_recv() {
        batch.push(first);
        while batch.len() < BATCH
            && let Ok(next) = jobs.try_recv()
        {
            batch.push(next);
        }
        if crash::pass(&database, Point::BeforeTransaction).is_err() {
            return;
        }
        let outcome = perform(&mut connection, &mut batch);
        if crash::pass(&database, Point::AfterTransaction).is_err() {
            return;
        }
        finish(outcome, &mut batch);
    }
}

/// Tells of one batch. Each job is finished, whatever has happened.
fn finish(outcome: Result<Actions, rusqlite::Error>, batch: &mut Vec<BoxedJob>) {
    match outcome {
        Ok(after) => {
            for action in after {
                action();
            }
            batch.drain(..).for_each(|job| job.0.finish(None));
        }
        Err(error) => {
            tracing::error!(%error, "a transaction was not stored");
            batch.drain(..).for_each(|job| job.0.finish(Some(&error)));
        }
    }
}

type Actions = Vec<Box<dyn FnOnce() + Send>>;

/// Where the disk is full or fails, SQLite ends the whole transaction, and not one statement alone.
/// <https://sqlite.org/lang_transaction.html>, "Response To Errors Within A Transaction".
fn rolled_back() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR);
    rusqlite::Error::SqliteFailure(code, Some("the whole transaction was rolled back".to_owned()))
}

/// Performs one batch, in one transaction.
fn perform(connection: &mut Connection, batch: &mut [BoxedJob]) -> Result<Actions, rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut after: Actions = Vec::new();
    for job in batch {
        transaction.execute_batch("SAVEPOINT one")?;
        let mut tx = Tx { connection: &transaction, after: Vec::new() };
        if job.0.run(&mut tx) {
            after.append(&mut tx.after);
            transaction.execute_batch("RELEASE one")?;
        } else if transaction.is_autocommit() {
            return Err(rolled_back());
        } else {
            transaction.execute_batch("ROLLBACK TO one; RELEASE one")?;
        }
    }
    transaction.commit()?;
    Ok(after)
}
