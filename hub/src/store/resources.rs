//! GitRepos, Bundles, Clusters, Secrets …: create, read, change, delete, watch, as an API server does.
//!
//! Called by the user API (as JSON) and by the hub's loops (typed). Reads come from a snapshot in memory, which holds
//! exactly what is on disk: it changes after COMMIT, in the order of the writes, and the history of the watches with
//! it. One counter gives every change its resourceVersion.

use super::change::{Change, Outcome, Precondition, ResourceError, SecretData, Write};
use super::history::{Event, EventType, Gone, HISTORY, History, Watch};
use super::kind::{Kind, Resource};
use super::turn::{Row, Turn};
use super::writer::Tx;
use super::{Sealer, Store, StoreError, object, records, rest};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

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
        let sealer = store.sealer().clone();
        let snapshot = store.read(move |connection| load(connection, &sealer)).await?;
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

    /// All changes from now on, none of them lost however slowly they are read: for the hub's own loops, which cannot
    /// list again.
    pub fn subscribe(&self) -> tokio::sync::mpsc::UnboundedReceiver<Arc<Event>> {
        self.shared.history.subscribe()
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
        let row = Row::read(tx, self.store.sealer(), (kind, namespace, name), self.object(kind, namespace, name))?;
        let current = row.as_ref().map(|row| row.object.value());
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
        if let Write::Finalizer { kind, namespace, name, finalizer, present } = write {
            let decide = |current: Option<&Value>| {
                let set = |value: &Value| object::with_finalizer(value, &finalizer, present);
                Ok(current.map(set).map_or(Change::Keep, Change::Spec))
            };
            return self.write_object(tx, kind, &namespace, &name, decide);
        }
        let (kind, namespace, name, change) = match write {
            Write::Put { kind, namespace, name, value } => (kind, namespace, name, Change::Spec(value)),
            Write::Status { kind, namespace, name, status } => (kind, namespace, name, Change::Status(status)),
            Write::Delete { kind, namespace, name } => (kind, namespace, name, Change::Delete),
            Write::Record { table, key, value } => {
                return Ok(records::put(tx, self.store.sealer(), table, &key, &value)?);
            }
            Write::Forget { table, key } => return Ok(records::forget(tx, table, &key)?),
            Write::Finalizer { .. } => return Ok(()),
        };
        self.write_object(tx, kind, &namespace, &name, |_| Ok(change))
    }

    /// A change of an object that may be gone already.
    fn write_object(
        &self,
        tx: &mut Tx<'_>,
        kind: Kind,
        namespace: &str,
        name: &str,
        decide: impl FnOnce(Option<&Value>) -> Result<Change, ResourceError>,
    ) -> Result<(), ResourceError> {
        match self.change_in(tx, kind, namespace, name, &Precondition::default(), decide) {
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
                let Some(row) = Row::read(connection, &sealer, (Kind::Secret, &namespace, &name), None)? else {
                    return Ok(None);
                };
                let secret_type = row.object.value()["type"].as_str().unwrap_or("Opaque").to_owned();
                Ok(Some(SecretData { secret_type, data: row.open(&sealer)? }))
            })
            .await
    }

    /// Takes a committed change into the snapshot and the history.
    pub(super) fn publish(&self, event: Event) {
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

fn load(connection: &Connection, sealer: &Sealer) -> Result<Snapshot, StoreError> {
    let version: i64 =
        connection.query_row("SELECT value FROM counter WHERE name = 'resourceVersion'", [], |row| row.get(0))?;
    let mut kinds: BTreeMap<Kind, BTreeMap<Key, Object>> = BTreeMap::new();
    let mut statement = connection.prepare("SELECT kind, namespace, name, version, json FROM resources")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        // A kind that a newer version stored and this one does not know stays in the file, unseen.
        let Some(kind) = Kind::ALL.into_iter().find(|known| known.as_str() == kind) else { continue };
        let (namespace, name): (String, String) = (row.get(1)?, row.get(2)?);
        let value = rest::read(sealer, kind, &namespace, &name, &row.get::<_, String>(4)?)?;
        let object = Object::new(kind, u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0), value);
        kinds.entry(kind).or_default().insert((namespace, name), object);
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
