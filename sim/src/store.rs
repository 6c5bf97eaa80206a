//! The objects and the history of their changes, with one counter for every version.
//!
//! Invariant: every change of an object gets a version of its own, and the history is in the order of versions; a
//! watch that has read the history up to a version has missed nothing.

use crate::resources::ResourceKey;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Namespace (empty for cluster scope) and name.
pub(crate) type Id = (String, String);

/// One write.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) resource: ResourceKey,
    pub(crate) id: Id,
    pub(crate) old: Option<Arc<Value>>,
    /// Absent when the object went.
    pub(crate) new: Option<Arc<Value>>,
}

/// All objects of one server.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<ResourceKey, BTreeMap<Id, Arc<Value>>>,
    history: VecDeque<Change>,
    window: usize,
    version: u64,
    /// The version up to which history has been dropped.
    dropped: u64,
}

/// Sets `metadata.resourceVersion`.
pub(crate) fn stamp(object: &mut Value, version: u64) {
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.insert("resourceVersion".into(), version.to_string().into());
    }
}

impl Store {
    pub(crate) fn new(window: usize) -> Self {
        Self { window, version: 1, ..Self::default() }
    }

    /// The newest version.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Watches from before this version have lost something.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn get(&self, resource: &ResourceKey, id: &Id) -> Option<&Arc<Value>> {
        self.objects.get(resource).and_then(|m| m.get(id))
    }

    /// The objects of a resource in key order.
    pub(crate) fn list(&self, resource: &ResourceKey) -> impl Iterator<Item = (&Id, &Arc<Value>)> {
        self.objects.get(resource).into_iter().flatten()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&ResourceKey, &Id, &Arc<Value>)> {
        self.objects.iter().flat_map(|(r, m)| m.iter().map(move |(id, v)| (r, id, v)))
    }

    /// Stores an object under a new version.
    pub(crate) fn put(&mut self, resource: &ResourceKey, id: &Id, mut object: Value) -> Arc<Value> {
        self.version += 1;
        stamp(&mut object, self.version);
        let new = Arc::new(object);
        let old = self.objects.entry(resource.clone()).or_default().insert(id.clone(), Arc::clone(&new));
        self.record(resource, id, old, Some(Arc::clone(&new)));
        new
    }

    /// Takes an object out. The last state is returned with the version of its end.
    pub(crate) fn remove(&mut self, resource: &ResourceKey, id: &Id) -> Option<Arc<Value>> {
        let old = self.objects.get_mut(resource)?.remove(id)?;
        self.version += 1;
        let mut last = (*old).clone();
        stamp(&mut last, self.version);
        let last = Arc::new(last);
        self.record(resource, id, Some(Arc::clone(&last)), None);
        Some(last)
    }

    fn record(&mut self, resource: &ResourceKey, id: &Id, old: Option<Arc<Value>>, new: Option<Arc<Value>>) {
        let change = Change { version: self.version, resource: resource.clone(), id: id.clone(), old, new };
        self.history.push_back(change);
        self.trim(self.window);
    }

    /// Forgets history but for the newest `keep` changes.
    pub(crate) fn trim(&mut self, keep: usize) {
        while self.history.len() > keep {
            if let Some(c) = self.history.pop_front() {
                self.dropped = c.version;
            }
        }
    }

    /// The changes after a version.
    pub(crate) fn since(&self, version: u64) -> impl Iterator<Item = &Change> {
        let start = self.history.partition_point(|c| c.version <= version);
        self.history.iter().skip(start)
    }
}
