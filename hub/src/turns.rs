//! Who asks for more than its share waits for its turn, and nobody else does.
//!
//! Used by the agent API and by the handshakes. The invariant: one key never has more than its places.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// From how many keys on those that have no place any more are forgotten.
const KEYS: usize = 4096;

/// Places by key.
#[derive(Debug)]
pub(crate) struct Turns<K> {
    places: usize,
    of: Mutex<HashMap<K, Weak<Semaphore>>>,
}

impl<K: Eq + Hash> Turns<K> {
    /// So many places for each key.
    pub(crate) fn new(places: usize) -> Self {
        Self { places, of: Mutex::default() }
    }

    /// Waits for a place; it is free again when what this gives is dropped. Always some.
    pub(crate) async fn take(&self, key: K) -> Option<OwnedSemaphorePermit> {
        self.semaphore(key).acquire_owned().await.ok()
    }

    /// A place, where there is one.
    pub(crate) fn try_take(&self, key: K) -> Option<OwnedSemaphorePermit> {
        self.semaphore(key).try_acquire_owned().ok()
    }

    fn semaphore(&self, key: K) -> Arc<Semaphore> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = of.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        if of.len() >= KEYS && of.len() == of.capacity() {
            of.retain(|_, known| known.strong_count() > 0);
        }
        let new = Arc::new(Semaphore::new(self.places));
        of.insert(key, Arc::downgrade(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_has_its_places_and_takes_none_of_another() {
        let turns = Turns::new(2);
        let places: Vec<_> = (0..3).map(|_| turns.try_take("a")).collect();
        assert_eq!(places.iter().flatten().count(), 2);
        assert!(turns.try_take("b").is_some());
        drop(places);
        assert!(turns.try_take("a").is_some());
    }
}
