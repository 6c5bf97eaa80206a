//! What is known of the ids of a set, so that neither a file nor a patch looks at all objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::id::Key;
use crate::resource::Resource;

/// Where the objects stand that have a name or had it.
type Places = BTreeMap<Arc<str>, BTreeSet<usize>>;

fn note(places: &mut Places, at: usize, resource: &Resource) {
    for name in resource.names() {
        places.entry(name).or_default().insert(at);
    }
}

/// The ids and names of some objects. Objects that patches have deleted count until they are dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// How many objects have each current id.
    ids: BTreeMap<Key, usize>,
    /// How many ids several objects have.
    repeated: usize,
    /// Made when somebody asks.
    named: Option<Places>,
}

impl Index {
    pub(super) fn of(list: &[Resource]) -> Self {
        let mut index = Self::default();
        list.iter().for_each(|resource| index.add_id(resource));
        index
    }

    /// How many objects have the id.
    pub(super) fn count(&self, id: &Key) -> usize {
        self.ids.get(id).copied().unwrap_or_default()
    }

    /// Whether each object has an id of its own.
    pub(super) fn is_unique(&self) -> bool {
        self.repeated == 0
    }

    /// Notes an object that comes behind all others.
    pub(super) fn push(&mut self, id: Key) {
        self.named = None;
        self.count_up(id);
    }

    /// The places of the objects that have or had a name, in order.
    pub(super) fn places_of(&mut self, name: &str, list: &[Resource]) -> Vec<usize> {
        let named = self.named.get_or_insert_with(|| {
            let mut named = Places::new();
            list.iter().enumerate().for_each(|(at, resource)| note(&mut named, at, resource));
            named
        });
        named.get(name).into_iter().flatten().copied().collect()
    }

    /// Forgets an object before it changes.
    pub(super) fn remove(&mut self, at: usize, resource: &Resource) {
        let id = resource.current_id().key();
        match self.ids.get_mut(&id) {
            Some(1) | None => drop(self.ids.remove(&id)),
            Some(count) => {
                *count -= 1;
                self.repeated -= usize::from(*count == 1);
            }
        }
        if let Some(named) = &mut self.named {
            for name in resource.names() {
                if let Some(places) = named.get_mut(&name) {
                    places.remove(&at);
                }
            }
        }
    }

    /// Notes an object after it has changed.
    pub(super) fn add(&mut self, at: usize, resource: &Resource) {
        self.add_id(resource);
        if let Some(named) = &mut self.named {
            note(named, at, resource);
        }
    }

    fn add_id(&mut self, resource: &Resource) {
        self.count_up(resource.current_id().key());
    }

    fn count_up(&mut self, id: Key) {
        let count = self.ids.entry(id).or_default();
        *count += 1;
        self.repeated += usize::from(*count == 2);
    }
}
