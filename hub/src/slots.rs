//! What the handlers of the agent API look at without asking the deciding task: who is enrolled, what the newest
//! Desired of each is, and what each may read.
//!
//! Written by the deciding task alone, after what it writes is on disk.

use crate::machine::Message;
use bytes::Bytes;
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::wire::{Deployment, Have, Timestamp};
use skiff_planner::hub::{Enrollment, Shelf};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::{Semaphore, mpsc, watch};

/// How many syncs of one agent wait at once: a further one ends the oldest, which its agent may have given up long ago.
const SYNCS: u64 = 2;
/// How many bodies of syncs of one agent are read at once, and how many of its requests for blobs are under way.
const UNDER_WAY: (usize, usize) = (2, 4);

/// A signed Desired.
pub(crate) type Issued = skiff_planner::hub::Signed<Bytes>;

/// One enrolled cluster.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) cluster: Ref,
    pub(crate) enrollment: Enrollment,
    documents: Mutex<Shelf<Bytes>>,
    newest: watch::Sender<Option<Have>>,
    served: mpsc::UnboundedSender<Message>,
    /// How many syncs have waited.
    syncs: watch::Sender<u64>,
    /// When its agent was heard of last, in seconds since 1970; 0 where it was not since this hub started.
    seen: AtomicI64,
    /// Places for its bodies, and for its requests for blobs.
    pub(crate) bodies: Semaphore,
    pub(crate) blobs: Semaphore,
    /// Its one place among what the deciding task has yet to take in: an agent that gives up and comes again, while a slow
    /// or full disk holds that task up, does not stand there twice.
    pub(crate) telling: Arc<Semaphore>,
}

impl Slot {
    pub(crate) fn new(cluster: Ref, enrollment: Enrollment, served: mpsc::UnboundedSender<Message>) -> Self {
        Self {
            cluster,
            enrollment,
            documents: Mutex::default(),
            newest: watch::Sender::new(None),
            served,
            syncs: watch::Sender::new(0),
            seen: AtomicI64::new(0),
            bodies: Semaphore::new(UNDER_WAY.0),
            blobs: Semaphore::new(UNDER_WAY.1),
            telling: Arc::new(Semaphore::new(1)),
        }
    }

    /// Its agent is there. Kept here alone: what is written each few minutes is enough for deadlines, and people see this.
    pub(crate) fn seen_at(&self, now: Timestamp) {
        self.seen.fetch_max(now.as_second(), Ordering::Relaxed);
    }

    /// When its agent was heard of last, since this hub started.
    pub(crate) fn last_seen(&self) -> Option<Timestamp> {
        let seconds = self.seen.load(Ordering::Relaxed);
        Timestamp::from_second(seconds).ok().filter(|_| seconds > 0)
    }

    /// A sync waits from now on; what this gives ends when so many later ones wait that it must not any more.
    pub(crate) fn wait(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut mine = 0;
        self.syncs.send_modify(|number| {
            *number += 1;
            mine = *number;
        });
        let mut syncs = self.syncs.subscribe();
        async move {
            if syncs.wait_for(|newest| *newest >= mine + SYNCS).await.is_err() {
                // The identity is revoked, which is told otherwise.
                std::future::pending::<()>().await;
            }
        }
    }

    /// A new document is on disk.
    pub(crate) fn publish(&self, issued: Arc<Issued>) {
        let have = issued.have;
        self.lock().publish(issued);
        self.newest.send_replace(Some(have));
    }

    /// A new epoch has begun (R3): nothing of the old one is given out any more.
    pub(crate) fn withhold(&self) {
        self.lock().withhold();
    }

    /// The identity was revoked: those who wait are woken.
    pub(crate) fn revoke(&self) {
        self.newest.send_replace(None);
    }

    /// Changes when a new document is published; to none when the identity is revoked.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Have>> {
        self.newest.subscribe()
    }

    /// The newest document, where the agent has another one, and the one that it has, where that is still here. The
    /// deciding task is told under the lock, so that it knows before it makes the next but one.
    pub(crate) fn take(&self, have: Option<Have>) -> Option<(Arc<Issued>, Option<Arc<Issued>>)> {
        let documents = self.lock();
        let (newest, base) = documents.take(have)?;
        // The deciding task is gone only when the hub stops.
        let _gone = self.served.send(Message::Served(self.cluster.clone(), newest.have.version));
        Some((newest, base))
    }

    /// The Deployments that the agent may read: those of the newest document and of the one before.
    pub(crate) fn readable(&self) -> BTreeSet<Digest> {
        self.lock().readable()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shelf<Bytes>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    clusters: RwLock<Clusters>,
    /// The objects of each Deployment.
    contents: RwLock<BTreeMap<Digest, Arc<BTreeSet<Digest>>>>,
}

#[derive(Debug, Default)]
struct Clusters {
    by_key: HashMap<Digest, Arc<Slot>>,
    /// The key that each cluster has now.
    keys: HashMap<Ref, Digest>,
}

impl Slots {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Clusters> {
        self.clusters.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn of_key(&self, key: &Digest) -> Option<Arc<Slot>> {
        self.read().by_key.get(key).cloned()
    }

    pub(crate) fn of_cluster(&self, cluster: &Ref) -> Option<Arc<Slot>> {
        let clusters = self.read();
        clusters.by_key.get(clusters.keys.get(cluster)?).cloned()
    }

    /// A cluster has this key from now on, and no other.
    pub(crate) fn insert(&self, key: Digest, slot: Arc<Slot>) {
        self.remove(&slot.cluster);
        let mut clusters = self.clusters.write().unwrap_or_else(PoisonError::into_inner);
        clusters.keys.insert(slot.cluster.clone(), key);
        clusters.by_key.insert(key, slot);
    }

    /// The identity of a cluster is revoked.
    pub(crate) fn remove(&self, cluster: &Ref) {
        let mut clusters = self.clusters.write().unwrap_or_else(PoisonError::into_inner);
        let old = clusters.keys.remove(cluster).and_then(|key| clusters.by_key.remove(&key));
        if let Some(old) = old {
            old.revoke();
        }
    }

    /// Notes which objects a Deployment has, or which files it is rendered from.
    pub(crate) fn learn(&self, digest: Digest, deployment: &Deployment) {
        let objects = deployment.objects.iter().map(|object| object.digest);
        let objects = objects.chain(deployment.sources.as_ref().map(|sources| sources.tree)).collect();
        self.contents.write().unwrap_or_else(PoisonError::into_inner).insert(digest, Arc::new(objects));
    }

    /// Every blob that these Deployments need.
    pub(crate) fn needed(&self, deployments: &BTreeSet<Digest>) -> BTreeSet<Digest> {
        let contents = self.contents.read().unwrap_or_else(PoisonError::into_inner);
        let objects = deployments.iter().filter_map(|deployment| contents.get(deployment));
        objects.flat_map(|objects| objects.iter().copied()).chain(deployments.iter().copied()).collect()
    }

    /// Forgets Deployments that nothing refers to.
    pub(crate) fn retain(&self, live: &BTreeSet<Digest>) {
        self.contents.write().unwrap_or_else(PoisonError::into_inner).retain(|digest, _| live.contains(digest));
    }
}
