//! Watches: a cursor into the history, turned into lines.
//!
//! A watch holds no lock while it waits; it wakes when the server's version moves, reads what is new for it, and goes
//! back to waiting. Once history it has not read was dropped it ends with 410, as etcd's compaction makes it.

use crate::resources::Resource;
use crate::respond::{View, partial, render};
use crate::schema::normalize::zero;
use crate::selector::Selector;
use crate::server::ApiServer;
use crate::state::State;
use crate::status::Failure;
use crate::store::Change;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

/// Where a watch begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// With everything there is, then changes.
    Everything,
    /// The same, with a bookmark after what there is (streaming lists).
    InitialEvents,
    /// With the changes after a version.
    After(u64),
}

/// What a watch wants.
#[derive(Clone, Debug)]
pub(crate) struct WatchSpec {
    pub(crate) resource: Arc<Resource>,
    pub(crate) namespace: String,
    pub(crate) selector: Selector,
    pub(crate) start: Start,
    pub(crate) bookmarks: bool,
    pub(crate) timeout: Option<u64>,
    pub(crate) view: View,
}

fn line(kind: &str, object: &Value) -> Bytes {
    let mut text = json!({"type": kind, "object": object}).to_string();
    text.push('\n');
    Bytes::from(text)
}

impl WatchSpec {
    fn selects(&self, namespace: &str, object: &Value) -> bool {
        (self.namespace.is_empty() || self.namespace == namespace) && self.selector.matches(object)
    }

    fn event(&self, kind: &str, object: &Value) -> Bytes {
        line(kind, &render(&self.resource, object, self.view))
    }

    /// What a change is to this watch: an object that stops matching is gone for it.
    fn of_change(&self, change: &Change) -> Option<Bytes> {
        if change.resource != self.resource.key {
            return None;
        }
        let ns = &change.id.0;
        let was = change.old.as_ref().filter(|o| self.selects(ns, o));
        let is = change.new.as_ref().filter(|o| self.selects(ns, o));
        match (was, is) {
            (None, Some(new)) => Some(self.event("ADDED", new)),
            (Some(_), Some(new)) => Some(self.event("MODIFIED", new)),
            (Some(old), None) => {
                let mut last = (**old).clone();
                crate::store::stamp(&mut last, change.version);
                Some(self.event("DELETED", &last))
            }
            (None, None) => None,
        }
    }

    fn bookmark(&self, version: u64, initial: bool) -> Bytes {
        let mut object = if self.resource.custom { json!({}) } else { zero(&self.resource.ty) };
        object["kind"] = self.resource.kind.clone().into();
        object["apiVersion"] = self.resource.api_version().into();
        object["metadata"] = json!({"resourceVersion": version.to_string()});
        if initial {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = if self.view == View::Metadata { partial(&object) } else { object };
        line("BOOKMARK", &object)
    }

    fn initial(&self, state: &State, out: &mut VecDeque<Bytes>) {
        for (id, object) in state.store.list(&self.resource.key) {
            if self.selects(&id.0, object) {
                out.push_back(self.event("ADDED", object));
            }
        }
    }
}

/// A running watch.
pub(crate) struct Watcher {
    server: ApiServer,
    spec: WatchSpec,
    version: Receiver<u64>,
    broken: Receiver<u64>,
    seen: u64,
    pending: VecDeque<Bytes>,
    deadline: Option<Instant>,
    done: bool,
}

impl Watcher {
    /// Reads what there is at once, so that nothing is lost between the answer and the first poll.
    pub(crate) fn new(server: &ApiServer, state: &State, spec: WatchSpec) -> Self {
        let (version, broken) = server.signals();
        let mut watcher = Self {
            server: server.clone(),
            version,
            broken,
            seen: state.store.version(),
            pending: VecDeque::new(),
            deadline: spec.timeout.map(|s| Instant::now() + std::time::Duration::from_secs(s)),
            done: false,
            spec,
        };
        // A watch that starts now ends on the next break, not on one before it.
        watcher.broken.mark_unchanged();
        match watcher.spec.start {
            Start::Everything => watcher.spec.initial(state, &mut watcher.pending),
            Start::InitialEvents => {
                watcher.spec.initial(state, &mut watcher.pending);
                let bookmark = watcher.spec.bookmark(watcher.seen, true);
                watcher.pending.push_back(bookmark);
            }
            Start::After(version) => {
                watcher.seen = version;
                watcher.read(state);
            }
        }
        watcher
    }

    fn read(&mut self, state: &State) {
        if self.seen < state.store.dropped() {
            let message = format!("too old resource version: {} ({})", self.seen, state.store.dropped());
            self.pending.push_back(line("ERROR", &Failure::expired(message).to_value()));
            self.done = true;
            return;
        }
        for change in state.store.since(self.seen) {
            self.pending.extend(self.spec.of_change(change));
        }
        self.seen = state.store.version().max(self.seen);
    }

    /// The next piece of the answer; `None` at its end, an error where the connection was broken.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        loop {
            if let Some(bytes) = self.take() {
                return Some(Ok(bytes));
            }
            if self.done {
                return None;
            }
            let deadline = self.deadline;
            let timer = async move {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = self.broken.changed() => {
                    self.done = true;
                    if changed.is_ok() {
                        let error = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the connection was broken");
                        return Some(Err(error));
                    }
                }
                changed = self.version.changed() => {
                    if changed.is_err() {
                        self.done = true;
                        continue;
                    }
                    let server = self.server.clone();
                    server.read(|state| self.read(state));
                }
                () = timer => {
                    self.done = true;
                    if self.spec.bookmarks {
                        let bookmark = self.spec.bookmark(self.seen, false);
                        self.pending.push_back(bookmark);
                    }
                }
            }
        }
    }

    /// All that waits, as one piece.
    fn take(&mut self) -> Option<Bytes> {
        if self.pending.len() < 2 {
            return self.pending.pop_front();
        }
        let all: Vec<u8> = self.pending.drain(..).flatten().collect();
        Some(Bytes::from(all))
    }
}
