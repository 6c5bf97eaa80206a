//! Records: bytes by table and key, for what the hub's core keeps that is no object (identities, issued Desireds,
//! reports, tokens, approvals).
//!
//! Written through [`Resources::commit`](super::Resources::commit), together with objects; read at the start. A sealed
//! table is encrypted at rest; a sealed value opens only in its place.

use super::{Sealer, StoreError};
use rusqlite::{Connection, params};

/// A table of records. Its name and whether it is sealed stay as they are for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Whether its values are encrypted at rest.
    pub sealed: bool,
}

fn context(table: Table, key: &str) -> String {
    format!("record {} {key}", table.name)
}

pub(super) fn put(
    connection: &Connection,
    sealer: &Sealer,
    table: Table,
    key: &str,
    value: &[u8],
) -> Result<(), StoreError> {
    let sealed;
    let stored = if table.sealed {
        sealed = sealer.seal(&context(table, key), value)?;
        &sealed
    } else {
        value
    };
    let sql = "INSERT INTO records (tbl, key, value) VALUES (?1, ?2, ?3)
        ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value";
    connection.prepare_cached(sql)?.execute(params![table.name, key, stored])?;
    Ok(())
}

pub(super) fn forget(connection: &Connection, table: Table, key: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM records WHERE tbl = ?1 AND key = ?2")?.execute(params![table.name, key])?;
    Ok(())
}

pub(super) fn all(
    connection: &Connection,
    sealer: &Sealer,
    table: Table,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT key, value FROM records WHERE tbl = ?1 ORDER BY key")?;
    let mut rows = statement.query([table.name])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let (key, value): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let value = if table.sealed { sealer.open(&context(table, &key), &value)?.to_vec() } else { value };
        records.push((key, value));
    }
    Ok(records)
}
