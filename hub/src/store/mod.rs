//! Resources and records on disk, in one SQLite file. (To be replaced by the real one.)
//!
//! What the core needs of it:
//! - `list(kind)` and a stream of changes `(kind, Ref, old, new)` of all resources, with status and labels;
//! - `commit(Vec<Write>)`: one transaction, durable when it returns (writers that come meanwhile share the fsync), of
//!   resource writes (`put`, `put status only`, `delete`) and of *records*: bytes by `(table, key)`, where the core
//!   keeps what is no resource (identities, issued Desireds, reports, tokens, approvals, renders);
//! - `records(table)`: all of a table; values are encrypted at rest where the table says so;
//! - a GitRepo, Bundle or Cluster that a user deletes: the deletion is committed, and then comes as a change.
