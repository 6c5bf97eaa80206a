//! The schema, as a numbered list that only grows.
//!
//! A migration that has been released is never edited: a correction is a new one at the end. The number of migrations
//! that a file has seen stands in its `user_version`. Every module that keeps rows adds its tables here.

use super::StoreError;
use rusqlite::{Connection, TransactionBehavior};

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// What it is for, for the log.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// All of them, in order. The position (from 1) is the schema version.
pub const ALL: &[Migration] = &[
    Migration {
        name: "objects of the user API",
        sql: "
            CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
            CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
            INSERT INTO counter VALUES ('resourceVersion', 1);
            CREATE TABLE resources (
                id INTEGER PRIMARY KEY,
                kind TEXT NOT NULL,
                namespace TEXT NOT NULL,
                name TEXT NOT NULL,
                version INTEGER NOT NULL,
                json TEXT NOT NULL,
                sealed BLOB,
                UNIQUE (kind, namespace, name)
            );",
    },
    Migration {
        name: "records",
        sql: "
            CREATE TABLE records (
                id INTEGER PRIMARY KEY,
                tbl TEXT NOT NULL,
                key TEXT NOT NULL,
                value BLOB NOT NULL,
                UNIQUE (tbl, key)
            );",
    },
];

/// Brings the file up to date.
///
/// # Errors
/// Where the file is newer than `all`, or a statement fails; then nothing of the failed step has happened.
pub fn run(connection: &mut Connection, all: &[Migration]) -> Result<(), StoreError> {
    let known = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (version, migration) in (1_u32..).zip(all).skip(found as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration.sql)?;
        transaction.pragma_update(None, "user_version", version)?;
        transaction.commit()?;
        tracing::debug!(version, migration.name, "the schema was brought forward");
    }
    Ok(())
}
