//! GitRepos, Bundles, Clusters, Secrets …: create, read, change, delete, watch, as an API server does.
//!
//! Called by the user API (as JSON) and by the hub's loops (typed). Reads come from a snapshot in memory, which holds
//! exactly what is on disk: it changes after COMMIT, in the order of the writes, and the history of the watches with
//! it. One counter gives every change its resourceVersion.

use super::history::{Event, EventType, Gone, HISTORY, History, Watch};
use super::kind::{Kind, Resource};
use super::records::{self, Table};
use super::secrets::{self, Values};
use super::writer::Tx;
use super::{Store, StoreError, object};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// An object as it is stored: JSON with `apiVersion`, `kind` and `metadata`. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Object {
    kind: Kind,
    version: u64,
    value: Arc<Value>,
}

impl Object {
    /// From JSON; `version` stands in it, too.
    pub fn new(kind: Kind, version: u64, value: Value) -> Self {
        Self { kind, version, value: Arc::new(value) }
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The resourceVersion.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// All of it.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// `metadata.namespace`; empty where there is none.
    pub fn namespace(&self) -> &str {
        self.metadata("namespace")
    }

    /// `metadata.name`.
    pub fn name(&self) -> &str {
        self.metadata("name")
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        self.metadata("uid")
    }

    fn metadata(&self, key: &str) -> &str {
        self.value["metadata"][key].as_str().unwrap_or_default()
    }

    /// As its type.
    ///
    /// # Errors
    /// Where the stored JSON is not of this type.
    pub fn typed<T: Resource>(&self) -> Result<T, ResourceError> {
        let read = T::deserialize(&*self.value);
        read.map_err(|error| StoreError::Corrupt(format!("{} {}: {error}", self.kind.singular(), self.name())).into())
    }
}

/// Why an operation on an object was not done.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// There is none of that name.
    #[error("{} \"{name}\" not found", kind.qualified())]
    NotFound {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// There is one of that name already.
    #[error("{} \"{name}\" already exists", kind.qualified())]
    AlreadyExists {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// A precondition does not hold.
    #[error("Operation cannot be fulfilled on {} \"{name}\": {message}", kind.qualified())]
    Conflict {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// Which one.
        message: String,
    },
    /// The object is not what it should be.
    #[error("{kind} \"{name}\" is invalid: {field}: {message}")]
    Invalid {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// The path of the field.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What must hold of the object that is there, for a change to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// Its UID.
    pub uid: Option<String>,
    /// Its resourceVersion.
    pub resource_version: Option<String>,
}

/// What to do with an object, decided with its present state at hand.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Store this (everything but the status and what the server owns); creates it where there is none.
    Spec(Value),
    /// Store this as the status.
    Status(Value),
    /// Delete it; a finalizer keeps it until it is taken off.
    Delete,
    /// Store this first, then delete it.
    SpecThenDelete(Value),
    /// Leave it as it is.
    Keep,
}

/// One of several writes that are committed together.
#[derive(Clone, Debug)]
pub enum Write {
    /// Make or replace an object (all but its status and what the server owns).
    Put {
        /// Its kind.
        kind: Kind,
        /// Its namespace; empty where the kind has none.
        namespace: String,
        /// Its name.
        name: String,
        /// The object as JSON.
        value: Value,
    },
    /// Set the status of an object.
    Status {
        /// Its kind.
        kind: Kind,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The status as JSON.
        status: Value,
    },
    /// Delete an object.
    Delete {
        /// Its kind.
        kind: Kind,
        /// Its namespace; empty where the kind has none.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// Store a record.
    Record {
        /// Where.
        table: Table,
        /// Under which key.
        key: String,
        /// What.
        value: Vec<u8>,
    },
    /// Take a record away.
    Forget {
        /// Where.
        table: Table,
        /// Under which key.
        key: String,
    },
}

/// What a change came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The object after it (for a deletion: its last state).
    pub object: Object,
    /// What happened; `None` where nothing was to be changed.
    pub event: Option<EventType>,
}

/// A decrypted Secret, for the hub's own use. Wiped when it is dropped.
#[derive(Clone)]
pub struct SecretData {
    /// `type`: `kubernetes.io/basic-auth`, …
    pub secret_type: String,
    /// The values by key.
    pub data: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

impl std::fmt::Debug for SecretData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretData").field("type", &self.secret_type).field("keys", &self.data.keys()).finish()
    }
}

type Key = (String, String);

#[derive(Debug)]
struct Shared {
    snapshot: RwLock<Snapshot>,
    history: Arc<History>,
}

#[derive(Debug)]
struct Snapshot {
    version: u64,
    kinds: BTreeMap<Kind, BTreeMap<Key, Object>>,
}

/// All objects. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Resources {
    store: Store,
    shared: Arc<Shared>,
}

/// Namespaces that are there from the first start.
const FIRST_NAMESPACES: [&str; 2] = ["default", fleet_api::labels::DEFAULT_NAMESPACE];

impl Resources {
    /// Reads all objects of `store`. Open it once for a store: the snapshot follows only what is written through it.
    ///
    /// # Errors
    /// Where the store cannot be read or written.
    pub async fn open(store: &Store) -> Result<Self, ResourceError> {
        Self::with_history(store, HISTORY).await
    }

    /// [`Resources::open`] with another length of the history.
    ///
    /// # Errors
    /// As there.
    pub async fn with_history(store: &Store, capacity: usize) -> Result<Self, ResourceError> {
        let snapshot = store.read(load).await?;
        let history = Arc::new(History::new(snapshot.version, capacity));
        let shared = Arc::new(Shared { snapshot: RwLock::new(snapshot), history });
        let resources = Self { store: store.clone(), shared };
        for namespace in FIRST_NAMESPACES {
            let add = |current: Option<&Value>| Ok(current.map_or_else(|| Change::Spec(json!({})), |_| Change::Keep));
            resources.change::<ResourceError, _>(Kind::Namespace, "", namespace, Precondition::default(), add).await?;
        }
        Ok(resources)
    }

    /// The store that the objects are in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The resourceVersion of the newest change.
    pub fn version(&self) -> u64 {
        self.snapshot().version
    }

    fn snapshot(&self) -> std::sync::RwLockReadGuard<'_, Snapshot> {
        self.shared.snapshot.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// One object; `namespace` is empty for kinds that are in none.
    pub fn object(&self, kind: Kind, namespace: &str, name: &str) -> Option<Object> {
        self.snapshot().kinds.get(&kind)?.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// All objects of a kind, of one namespace or of all, ordered by namespace and name; and the version of the list.
    pub fn objects(&self, kind: Kind, namespace: Option<&str>) -> (Vec<Object>, u64) {
        let snapshot = self.snapshot();
        let all = snapshot.kinds.get(&kind).into_iter().flatten();
        let wanted = all.filter(|(key, _)| namespace.is_none_or(|namespace| key.0 == namespace));
        (wanted.map(|(_, object)| object.clone()).collect(), snapshot.version)
    }

    /// All changes after version `from`.
    ///
    /// # Errors
    /// Where the history does not go back that far.
    pub fn watch(&self, from: u64) -> Result<Watch, Gone> {
        Watch::new(self.shared.history.clone(), from)
    }

    /// One object as its type.
    ///
    /// # Errors
    /// Where it cannot be read as such.
    pub fn get<T: Resource>(&self, namespace: &str, name: &str) -> Result<Option<T>, ResourceError> {
        self.object(T::KIND, namespace, name).map(|object| object.typed()).transpose()
    }

    /// All objects of a type.
    ///
    /// # Errors
    /// Where one cannot be read as such.
    pub fn list<T: Resource>(&self, namespace: Option<&str>) -> Result<Vec<T>, ResourceError> {
        self.objects(T::KIND, namespace).0.iter().map(Object::typed).collect()
    }

    /// Makes or replaces an object (all but its status and what the server owns).
    ///
    /// # Errors
    /// Where it cannot be stored.
    pub async fn put<T: Resource>(&self, value: &T) -> Result<Outcome, ResourceError> {
        let value = serde_json::to_value(value).map_err(StoreError::from)?;
        let part = |key: &str| value["metadata"][key].as_str().unwrap_or_default().to_owned();
        let (namespace, name) = (part("namespace"), part("name"));
        self.change(T::KIND, &namespace, &name, Precondition::default(), move |_| Ok(Change::Spec(value))).await
    }

    /// Sets the status of an object. Writes nothing where it is the same already.
    ///
    /// # Errors
    /// [`ResourceError::NotFound`], or where it cannot be stored.
    pub async fn set_status<T: Resource>(
        &self,
        namespace: &str,
        name: &str,
        status: &T::Status,
    ) -> Result<Outcome, ResourceError> {
        let status = serde_json::to_value(status).map_err(StoreError::from)?;
        self.change(T::KIND, namespace, name, Precondition::default(), move |_| Ok(Change::Status(status))).await
    }

    /// Deletes an object; where a finalizer holds it, it is only marked.
    ///
    /// # Errors
    /// [`ResourceError::NotFound`], or where it cannot be stored.
    pub async fn delete(&self, kind: Kind, namespace: &str, name: &str) -> Result<Outcome, ResourceError> {
        self.change(kind, namespace, name, Precondition::default(), |_| Ok(Change::Delete)).await
    }

    /// Changes an object: `decide` sees it as it is at its turn (Secrets without values) and says what to do. It runs
    /// on the writer's thread: nothing comes between what it sees and what is stored.
    ///
    /// # Errors
    /// What `decide` returns; [`ResourceError::NotFound`] for a status or a deletion of what is not there;
    /// [`ResourceError::Conflict`] where the precondition does not hold.
    pub async fn change<E, F>(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        precondition: Precondition,
        decide: F,
    ) -> Result<Outcome, E>
    where
        E: From<ResourceError> + From<StoreError> + Send + 'static,
        F: FnOnce(Option<&Value>) -> Result<Change, E> + Send + 'static,
    {
        let (resources, namespace, name) = (self.clone(), namespace.to_owned(), name.to_owned());
        self.store.write(move |tx| resources.change_in(tx, kind, &namespace, &name, &precondition, decide)).await
    }

    /// [`Resources::change`] inside a transaction, together with rows of other tables.
    ///
    /// # Errors
    /// As there.
    pub fn change_in<E, F>(
        &self,
        tx: &mut Tx<'_>,
        kind: Kind,
        namespace: &str,
        name: &str,
        precondition: &Precondition,
        decide: F,
    ) -> Result<Outcome, E>
    where
        E: From<ResourceError> + From<StoreError>,
        F: FnOnce(Option<&Value>) -> Result<Change, E>,
    {
        let row = Row::read(tx, kind, namespace, name)?;
        let current = row.as_ref().map(|row| &row.value);
        check(kind, name, precondition, current)?;
        let change = decide(current)?;
        let turn = Turn { resources: self, kind, namespace, name, row };
        Ok(turn.perform(tx, change)?)
    }

    /// Does all of `writes` in one transaction, in their order; on disk and visible when it returns. Deleting what is
    /// not there, and a status of what is not there, are no errors: it is gone as was wished.
    ///
    /// # Errors
    /// Where it cannot be stored; then none of it is.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<(), ResourceError> {
        let resources = self.clone();
        self.store.write(move |tx| writes.into_iter().try_for_each(|write| resources.write_in(tx, write))).await
    }

    fn write_in(&self, tx: &mut Tx<'_>, write: Write) -> Result<(), ResourceError> {
        let (kind, namespace, name, change) = match write {
            Write::Put { kind, namespace, name, value } => (kind, namespace, name, Change::Spec(value)),
            Write::Status { kind, namespace, name, status } => (kind, namespace, name, Change::Status(status)),
            Write::Delete { kind, namespace, name } => (kind, namespace, name, Change::Delete),
            Write::Record { table, key, value } => {
                return Ok(records::put(tx, self.store.sealer(), table, &key, &value)?);
            }
            Write::Forget { table, key } => return Ok(records::forget(tx, table, &key)?),
        };
        let none = Precondition::default();
        match self.change_in::<ResourceError, _>(tx, kind, &namespace, &name, &none, |_| Ok(change)) {
            Ok(_) | Err(ResourceError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A Secret with its values, for the hub's own use.
    ///
    /// # Errors
    /// Where it cannot be read or decrypted.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Option<SecretData>, ResourceError> {
        let (sealer, namespace, name) = (self.store.sealer().clone(), namespace.to_owned(), name.to_owned());
        self.store
            .read(move |connection| {
                let Some(row) = Row::read(connection, Kind::Secret, &namespace, &name)? else { return Ok(None) };
                let secret_type = row.value["type"].as_str().unwrap_or("Opaque").to_owned();
                Ok(Some(SecretData { secret_type, data: row.open(&sealer)? }))
            })
            .await
    }

    /// Takes a committed change into the snapshot and the history.
    fn publish(&self, event: Event) {
        let key = (event.object.namespace().to_owned(), event.object.name().to_owned());
        let mut snapshot = self.shared.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        snapshot.version = event.version;
        let objects = snapshot.kinds.entry(event.object.kind).or_default();
        if event.event_type == EventType::Deleted {
            objects.remove(&key);
        } else {
            objects.insert(key, event.object.clone());
        }
        drop(snapshot);
        self.shared.history.push(event);
    }
}

fn check(kind: Kind, name: &str, wanted: &Precondition, current: Option<&Value>) -> Result<(), ResourceError> {
    let conflict = |message: String| ResourceError::Conflict { kind, name: name.to_owned(), message };
    let Some(current) = current else {
        return match wanted.uid.as_ref().or(wanted.resource_version.as_ref()) {
            Some(_) => Err(ResourceError::NotFound { kind, name: name.to_owned() }),
            None => Ok(()),
        };
    };
    let is = |key: &str| current["metadata"][key].as_str().unwrap_or_default();
    if let Some(uid) = &wanted.uid
        && uid != is("uid")
    {
        return Err(conflict(format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            is("uid")
        )));
    }
    if let Some(version) = &wanted.resource_version
        && version != is("resourceVersion")
    {
        return Err(conflict(
            "the object has been modified; please apply your changes to the latest version and try again".into(),
        ));
    }
    Ok(())
}

/// A stored object.
struct Row {
    id: i64,
    value: Value,
    sealed: Option<Vec<u8>>,
}

impl Row {
    fn read(connection: &Connection, kind: Kind, namespace: &str, name: &str) -> Result<Option<Self>, StoreError> {
        let sql = "SELECT id, json, sealed FROM resources WHERE kind = ?1 AND namespace = ?2 AND name = ?3";
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement
            .query_row(params![kind.as_str(), namespace, name], |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((id, json, sealed)) = found else { return Ok(None) };
        Ok(Some(Self { id, value: serde_json::from_str(&json)?, sealed }))
    }

    /// The values of a Secret.
    fn open(&self, sealer: &super::Sealer) -> Result<Values, StoreError> {
        match &self.sealed {
            Some(sealed) => secrets::decode(&sealer.open(&seal_context(&self.value), sealed)?),
            None => Ok(Values::new()),
        }
    }
}

/// A sealed value belongs to one Secret, and to no later one of the same name.
fn seal_context(value: &Value) -> String {
    format!("secret {}", value["metadata"]["uid"].as_str().unwrap_or_default())
}

/// One change of one object inside a transaction.
struct Turn<'a> {
    resources: &'a Resources,
    kind: Kind,
    namespace: &'a str,
    name: &'a str,
    row: Option<Row>,
}

impl Turn<'_> {
    fn perform(self, tx: &mut Tx<'_>, change: Change) -> Result<Outcome, ResourceError> {
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
        self.row.as_ref().map_or(&Value::Null, |row| &row.value)
    }

    fn unchanged(&self) -> Outcome {
        Outcome { object: self.as_object(self.current().clone()), event: None }
    }

    fn as_object(&self, value: Value) -> Object {
        let version = value["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
        Object::new(self.kind, version, value)
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
        tx.prepare_cached(
            "INSERT INTO resources (kind, namespace, name, version, json, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut insert| {
            let json = value.to_string();
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
            Some(row) if self.kind == Kind::Secret => row.open(self.resources.store.sealer())?,
            _ => Values::new(),
        };
        let values = self.split(&mut given, &old)?;
        let next = object::updated(self.kind, self.current(), given);
        let sealed = match values {
            Some(values) if values != old => self.seal(&next, Some(&values))?,
            _ => None,
        };
        if !delete {
            return self.store(tx, next, sealed);
        }
        let (resources, kind, namespace, name) = (self.resources, self.kind, self.namespace, self.name);
        self.store(tx, next, sealed)?;
        let row = Row::read(tx, kind, namespace, name)?;
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
        self.resources.store.sealer().seal(&seal_context(value), &plain).map(Some)
    }

    /// Stores the next state, or takes the object away where that was its last finalizer.
    fn store(self, tx: &mut Tx<'_>, mut next: Value, sealed: Option<Vec<u8>>) -> Result<Outcome, ResourceError> {
        if object::is_finished(&next) {
            return self.remove(tx, next);
        }
        if sealed.is_none() && object::same(self.current(), &next) {
            return Ok(self.unchanged());
        }
        let version = next_version(tx)?;
        object::set_version(&mut next, version);
        let id = self.row.as_ref().map_or(0, |row| row.id);
        tx.prepare_cached("UPDATE resources SET version = ?2, json = ?3, sealed = coalesce(?4, sealed) WHERE id = ?1")
            .and_then(|mut update| update.execute(params![id, signed(version), next.to_string(), sealed]))
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
        let previous = self.row.as_ref().map(|row| self.as_object(row.value.clone()));
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

fn load(connection: &Connection) -> Result<Snapshot, StoreError> {
    let version: i64 =
        connection.query_row("SELECT value FROM counter WHERE name = 'resourceVersion'", [], |row| row.get(0))?;
    let mut kinds: BTreeMap<Kind, BTreeMap<Key, Object>> = BTreeMap::new();
    let mut statement = connection.prepare("SELECT kind, namespace, name, version, json FROM resources")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        // A kind that a newer version stored and this one does not know stays in the file, unseen.
        let Some(kind) = Kind::ALL.into_iter().find(|known| known.as_str() == kind) else { continue };
        let value = serde_json::from_str(&row.get::<_, String>(4)?)?;
        let object = Object::new(kind, u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0), value);
        kinds.entry(kind).or_default().insert((row.get(1)?, row.get(2)?), object);
    }
    Ok(Snapshot { version: u64::try_from(version).unwrap_or(0), kinds })
}

/// Now, as Kubernetes writes it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A random UUID (version 4).
pub(crate) fn new_uid() -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    super::seal::random(&mut bytes)?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}
