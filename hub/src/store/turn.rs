//! One change of one object inside a transaction: what is there is read, and what was decided is stored.
//!
//! Called by [`resources`](super::resources) alone.

use super::change::{Change, Outcome, Precondition, ResourceError};
use super::history::{Event, EventType};
use super::kind::Kind;
use super::resources::{Object, Resources, new_uid, now};
use super::secrets::{self, Values};
use super::writer::Tx;
use super::{Sealer, StoreError, object, rest};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Value, json};

/// A stored object.
pub(super) struct Row {
    id: i64,
    pub(super) object: Object,
    sealed: Option<Vec<u8>>,
}

impl Row {
    /// The object as the transaction sees it. `committed` is what the snapshot has: where nothing was written since, it
    /// is the same, and need not be read from JSON again.
    pub(super) fn read(
        connection: &Connection,
        sealer: &Sealer,
        (kind, namespace, name): (Kind, &str, &str),
        committed: Option<Object>,
    ) -> Result<Option<Self>, StoreError> {
        let sql = "SELECT id, version, sealed FROM resources WHERE kind = ?1 AND namespace = ?2 AND name = ?3";
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement
            .query_row(params![kind.as_str(), namespace, name], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((id, version, sealed)) = found else { return Ok(None) };
        let version = u64::try_from(version).unwrap_or(0);
        let object = match committed.filter(|object| object.version() == version) {
            Some(object) => object,
            None => {
                let mut statement = connection.prepare_cached("SELECT json FROM resources WHERE id = ?1")?;
                let json: String = statement.query_row([id], |row| row.get(0))?;
                Object::new(kind, version, rest::read(sealer, kind, namespace, name, &json)?)
            }
        };
        Ok(Some(Self { id, object, sealed }))
    }

    /// The values of a Secret.
    pub(super) fn open(&self, sealer: &Sealer) -> Result<Values, StoreError> {
        match &self.sealed {
            Some(sealed) => secrets::decode(&sealer.open(&seal_context(self.object.value()), sealed)?),
            None => Ok(Values::new()),
        }
    }
}

/// A sealed value belongs to one Secret, and to no later one of the same name.
fn seal_context(value: &Value) -> String {
    format!("secret {}", value["metadata"]["uid"].as_str().unwrap_or_default())
}

/// One change of one object inside a transaction.
pub(super) struct Turn<'a> {
    pub(super) resources: &'a Resources,
    pub(super) kind: Kind,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) row: Option<Row>,
}

impl Turn<'_> {
    pub(super) fn perform(self, tx: &mut Tx<'_>, change: Change) -> Result<Outcome, ResourceError> {
        let now = now();
        match (change, self.row.is_some()) {
            (Change::Spec(value), false) => self.create(tx, value, &now),
            (Change::Spec(value), true) => self.update(tx, value, false, &now),
            (Change::SpecThenDelete(value), true) => self.update(tx, value, true, &now),
            (Change::Status(status), true) => {
                let current = self.current();
                let next = object::with_status(self.kind, current, status);
                self.store(tx, next, None)
            }
            (Change::Delete, true) => self.delete(tx, &now),
            (Change::Keep, true) => Ok(self.unchanged()),
            (Change::Status(_) | Change::Delete | Change::SpecThenDelete(_) | Change::Keep, false) => {
                Err(ResourceError::NotFound { kind: self.kind, name: self.name.to_owned() })
            }
        }
    }

    fn current(&self) -> &Value {
        self.row.as_ref().map_or(&Value::Null, |row| row.object.value())
    }

    fn unchanged(&self) -> Outcome {
        let object = self.row.as_ref().map(|row| row.object.clone());
        Outcome { object: object.unwrap_or_else(|| Object::new(self.kind, 0, Value::Null)), event: None }
    }

    fn create(self, tx: &mut Tx<'_>, mut given: Value, now: &str) -> Result<Outcome, ResourceError> {
        if self.kind.namespaced() {
            self.ensure_namespace(tx)?;
        }
        let values = self.split(&mut given, &Values::new())?;
        let uid = new_uid()?;
        let mut value = object::created(self.kind, self.namespace, self.name, given, &uid, now);
        let version = next_version(tx)?;
        object::set_version(&mut value, version);
        let sealed = self.seal(&value, values.as_ref())?;
        let json = rest::write(self.resources.store().sealer(), self.kind, &value)?;
        tx.prepare_cached(
            "INSERT INTO resources (kind, namespace, name, version, json, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut insert| {
            insert.execute(params![self.kind.as_str(), self.namespace, self.name, signed(version), json, sealed])
        })
        .map_err(StoreError::from)?;
        let object = Object::new(self.kind, version, value);
        Ok(self.announce(tx, EventType::Added, object, version))
    }

    /// An object in a namespace that is not there makes it.
    fn ensure_namespace(&self, tx: &mut Tx<'_>) -> Result<(), ResourceError> {
        if self.resources.object(Kind::Namespace, "", self.namespace).is_some() {
            return Ok(());
        }
        let add = |current: Option<&Value>| Ok(current.map_or_else(|| Change::Spec(json!({})), |_| Change::Keep));
        let none = Precondition::default();
        self.resources.change_in::<ResourceError, _>(tx, Kind::Namespace, "", self.namespace, &none, add).map(drop)
    }

    fn update(self, tx: &mut Tx<'_>, mut given: Value, delete: bool, now: &str) -> Result<Outcome, ResourceError> {
        let old = match &self.row {
            Some(row) if self.kind == Kind::Secret => row.open(self.resources.store().sealer())?,
            _ => Values::new(),
        };
        let values = self.split(&mut given, &old)?;
        let next = object::updated(self.kind, self.current(), given);
        let sealed = match values {
            Some(values) if values != old => self.seal(&next, Some(&values))?,
            _ => None,
        };
        if !delete {
            return self.store(tx, next, sealed.as_deref());
        }
        let (resources, kind, namespace, name) = (self.resources, self.kind, self.namespace, self.name);
        self.store(tx, next, sealed.as_deref())?;
        let row = Row::read(tx, resources.store().sealer(), (kind, namespace, name), None)?;
        let turn = Turn { resources, kind, namespace, name, row };
        if turn.row.is_some() { turn.delete(tx, now) } else { Ok(turn.unchanged()) }
    }

    fn split(&self, given: &mut Value, old: &Values) -> Result<Option<Values>, ResourceError> {
        if self.kind != Kind::Secret {
            return Ok(None);
        }
        let invalid = |(field, message)| {
            let (kind, name) = (self.kind, self.name.to_owned());
            ResourceError::Invalid { kind, name, field, message }
        };
        secrets::split(given, old).map(Some).map_err(invalid)
    }

    fn seal(&self, value: &Value, values: Option<&Values>) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(values) = values else { return Ok(None) };
        let plain = secrets::encode(values)?;
        self.resources.store().sealer().seal(&seal_context(value), &plain).map(Some)
    }

    /// Stores the next state, or takes the object away where that was its last finalizer.
    fn store(self, tx: &mut Tx<'_>, mut next: Value, sealed: Option<&[u8]>) -> Result<Outcome, ResourceError> {
        if object::is_finished(&next) {
            return self.remove(tx, next);
        }
        if sealed.is_none() && object::same(self.current(), &next) {
            return Ok(self.unchanged());
        }
        let version = next_version(tx)?;
        object::set_version(&mut next, version);
        let id = self.row.as_ref().map_or(0, |row| row.id);
        let json = rest::write(self.resources.store().sealer(), self.kind, &next)?;
        tx.prepare_cached("UPDATE resources SET version = ?2, json = ?3, sealed = coalesce(?4, sealed) WHERE id = ?1")
            .and_then(|mut update| update.execute(params![id, signed(version), json, sealed]))
            .map_err(StoreError::from)?;
        let object = Object::new(self.kind, version, next);
        Ok(self.announce(tx, EventType::Modified, object, version))
    }

    fn delete(self, tx: &mut Tx<'_>, now: &str) -> Result<Outcome, ResourceError> {
        let current = self.current().clone();
        if self.kind == Kind::Namespace {
            self.refuse_while_used(tx)?;
        }
        if !object::has_finalizers(&current) {
            return self.remove(tx, current);
        }
        if current["metadata"].get("deletionTimestamp").is_some() {
            return Ok(self.unchanged());
        }
        let next = object::terminating(&current, now);
        self.store(tx, next, None)
    }

    /// A namespace takes nothing with it: what is in it is to be deleted by name.
    fn refuse_while_used(&self, tx: &Tx<'_>) -> Result<(), ResourceError> {
        let used: i64 = tx
            .query_row("SELECT count(*) FROM resources WHERE namespace = ?1", [self.name], |row| row.get(0))
            .map_err(StoreError::from)?;
        if used == 0 {
            return Ok(());
        }
        let message = format!("{used} objects are in it; delete them first");
        Err(ResourceError::Conflict { kind: self.kind, name: self.name.to_owned(), message })
    }

    fn remove(self, tx: &mut Tx<'_>, mut last: Value) -> Result<Outcome, ResourceError> {
        let version = next_version(tx)?;
        object::set_version(&mut last, version);
        let id = self.row.as_ref().map_or(0, |row| row.id);
        tx.execute("DELETE FROM resources WHERE id = ?1", [id]).map_err(StoreError::from)?;
        let object = Object::new(self.kind, version, last);
        Ok(self.announce(tx, EventType::Deleted, object, version))
    }

    fn announce(self, tx: &mut Tx<'_>, event_type: EventType, object: Object, version: u64) -> Outcome {
        let previous = self.row.map(|row| row.object);
        let event = Event { version, event_type, object: object.clone(), previous };
        let resources = self.resources.clone();
        tx.after_commit(move || resources.publish(event));
        Outcome { object, event: Some(event_type) }
    }
}

/// As SQLite counts.
fn signed(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

fn next_version(connection: &Connection) -> Result<u64, StoreError> {
    let sql = "UPDATE counter SET value = value + 1 WHERE name = 'resourceVersion' RETURNING value";
    let version: i64 = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    u64::try_from(version).map_err(|_| StoreError::Corrupt("the counter of versions is negative".into()))
}
