//! The bounded history that watches read.
//!
//! Events are kept in the order of their resourceVersion; a watch remembers how far it has read. Nothing is lost
//! silently: who falls behind the history is told [`Gone`] and has to list again.

use super::kind::Kind;
use super::resources::Object;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};

/// How many events are kept.
pub const HISTORY: usize = 4096;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// It was made.
    Added,
    /// It was changed.
    Modified,
    /// It is gone; the event carries its last state.
    Deleted,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Event {
    /// The resourceVersion of the change.
    pub version: u64,
    /// What happened.
    pub event_type: EventType,
    /// The object after it (for a deletion: its last state, with the version of the deletion).
    pub object: Object,
    /// The object before it.
    pub previous: Option<Object>,
}

impl Event {
    /// The kind of the object.
    pub fn kind(&self) -> Kind {
        self.object.kind()
    }
}

/// The version asked for is older than the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {asked} ({oldest} is the oldest one known)")]
pub struct Gone {
    /// What was asked for.
    pub asked: u64,
    /// The oldest that can be asked for.
    pub oldest: u64,
}

#[derive(Debug)]
struct Events {
    events: VecDeque<Arc<Event>>,
    /// Everything after this version is in `events`.
    floor: u64,
}

/// The history; one for all kinds.
#[derive(Debug)]
pub(super) struct History {
    events: Mutex<Events>,
    newest: watch::Sender<u64>,
    subscribers: Mutex<Vec<mpsc::UnboundedSender<Arc<Event>>>>,
    capacity: usize,
}

impl History {
    /// Empty; everything up to `version` is before it.
    pub(super) fn new(version: u64, capacity: usize) -> Self {
        let events = Mutex::new(Events { events: VecDeque::new(), floor: version });
        Self { events, newest: watch::Sender::new(version), subscribers: Mutex::default(), capacity }
    }

    /// Adds what was committed; versions rise.
    pub(super) fn push(&self, event: Event) {
        let version = event.version;
        let event = Arc::new(event);
        let mut inner = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        inner.events.push_back(event.clone());
        while inner.events.len() > self.capacity {
            if let Some(dropped) = inner.events.pop_front() {
                inner.floor = dropped.version;
            }
        }
        drop(inner);
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| subscriber.send(event.clone()).is_ok());
        drop(subscribers);
        self.newest.send_replace(version);
    }

    pub(super) fn subscribe(&self) -> mpsc::UnboundedReceiver<Arc<Event>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Everything after `version`.
    fn after(&self, version: u64) -> Result<Vec<Arc<Event>>, Gone> {
        let inner = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if version < inner.floor {
            return Err(Gone { asked: version, oldest: inner.floor });
        }
        let first = inner.events.partition_point(|event| event.version <= version);
        Ok(inner.events.range(first..).cloned().collect())
    }
}

/// A reader of the history.
#[derive(Debug)]
pub struct Watch {
    history: Arc<History>,
    newest: watch::Receiver<u64>,
    read: u64,
}

impl Watch {
    pub(super) fn new(history: Arc<History>, from: u64) -> Result<Self, Gone> {
        history.after(from).map(drop)?;
        let newest = history.newest.subscribe();
        Ok(Self { history, newest, read: from })
    }

    /// The version up to which this watch has read.
    pub fn version(&self) -> u64 {
        self.read
    }

    /// The next events, at least one; waits for them. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Gone`] where the history was overwritten before it was read: list again and watch from there.
    pub async fn next(&mut self) -> Result<Vec<Arc<Event>>, Gone> {
        loop {
            self.newest.borrow_and_update();
            let events = self.history.after(self.read)?;
            if let Some(last) = events.last() {
                self.read = last.version;
                return Ok(events);
            }
            if self.newest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
