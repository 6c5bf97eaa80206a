//! The deciding task: the shell around the machine of `skiff_planner::hub`.
//!
//! A loop: messages in, `decide`, all of it into one transaction, then answers, renders and wake-ups. The invariant: what
//! is answered, published or acknowledged is on disk. Where the disk refuses, nothing is answered and the same writes are
//! tried again: what is in memory never runs ahead of what others were told.

mod enroll;
mod load;
mod message;
mod perform;
pub(crate) mod records;
mod user_bundles;

pub(crate) use enroll::{EnrollError, Enrolling};
pub(crate) use message::{Message, Stored};

use crate::blobs::Blobs;
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::rendering::Rendering;
use crate::slots::{Issued, Slots};
use crate::store::{Event as StoreEvent, Resources, Write};
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::wire::Timestamp;
use records::TokenRecord;
use skiff_planner::hub::{Event, Machine, Turn};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How many messages are taken into one decision.
const BATCH: usize = 4096;

/// What is to be done after the transaction.
pub(crate) enum After {
    Publish(Ref, Arc<Issued>),
    Revoke(Ref),
    Withhold(Ref),
    Enrolled(Ref),
    Render(Box<skiff_planner::hub::RenderInput>),
    Reply(Box<dyn FnOnce() + Send + Sync>),
}

/// The deciding task.
pub(crate) struct Deciding {
    machine: Machine,
    resources: Resources,
    blobs: Blobs,
    identity: Identity,
    slots: Arc<Slots>,
    advertise: String,
    rendering: Rendering,
    metrics: Arc<Metrics>,
    tokens: BTreeMap<Digest, TokenRecord>,
    /// The lists of API versions that are stored.
    api_versions: BTreeSet<Digest>,
    sender: mpsc::UnboundedSender<Message>,
    turn: Turn<Write, After>,
    ready: Arc<AtomicBool>,
    /// Who waits until what was read of a repository is on disk.
    reads: Vec<oneshot::Sender<()>>,
}

/// What a [`Deciding`] is made of.
pub(crate) struct Parts {
    pub(crate) machine: Machine,
    pub(crate) resources: Resources,
    pub(crate) blobs: Blobs,
    pub(crate) identity: Identity,
    pub(crate) slots: Arc<Slots>,
    pub(crate) advertise: String,
    pub(crate) rendering: Rendering,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) sender: mpsc::UnboundedSender<Message>,
    pub(crate) ready: Arc<AtomicBool>,
}

impl Deciding {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { machine, resources, blobs, identity, slots, advertise, rendering, metrics, sender, ready } = parts;
        Self {
            machine,
            resources,
            blobs,
            identity,
            slots,
            advertise,
            rendering,
            metrics,
            tokens: BTreeMap::new(),
            api_versions: BTreeSet::new(),
            sender,
            turn: Turn::default(),
            ready,
            reads: Vec::new(),
        }
    }

    /// Runs until `stop` turns true.
    pub(crate) async fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>, mut stop: watch::Receiver<bool>) {
        let mut batch = Vec::new();
        let mut wake_at = self.decide();
        self.finish(&mut stop).await;
        loop {
            let sleep = until(wake_at);
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                received = messages.recv_many(&mut batch, BATCH) => if received == 0 { return },
                () = tokio::time::sleep(sleep) => {
                    // What was sent before this moment is taken in before anything is decided.
                    while let Ok(message) = messages.try_recv() {
                        batch.push(message);
                    }
                }
            }
            self.metrics.took_in(batch.len());
            for message in batch.drain(..) {
                self.take_in(message);
            }
            wake_at = self.decide();
            if !self.finish(&mut stop).await {
                return;
            }
        }
    }

    fn decide(&mut self) -> Option<Timestamp> {
        let started = std::time::Instant::now();
        let decision = self.machine.decide(Timestamp::now());
        for action in decision.actions {
            self.perform(action);
        }
        if decision.stored {
            for reply in std::mem::take(&mut self.reads) {
                self.answer(reply, ());
            }
        }
        self.metrics.decided(started.elapsed());
        decision.wake_at
    }

    /// Commits, then does what may be done only then. False where the hub stops.
    async fn finish(&mut self, stop: &mut watch::Receiver<bool>) -> bool {
        for after in self.turn.before_commit(self.machine.rules()) {
            self.do_after(after);
        }
        let writes = self.turn.take_writes();
        if !writes.is_empty() && !self.commit(writes, stop).await {
            return false;
        }
        for after in self.turn.after_commit() {
            self.do_after(after);
        }
        true
    }

    async fn commit(&self, writes: Vec<Write>, stop: &mut watch::Receiver<bool>) -> bool {
        let mut wait = Duration::from_millis(100);
        loop {
            let started = std::time::Instant::now();
            match self.resources.commit(writes.clone()).await {
                Ok(()) => {
                    self.metrics.committed(writes.len(), started.elapsed());
                    self.ready.store(true, Ordering::Relaxed);
                    return true;
                }
                Err(error) => {
                    self.ready.store(false, Ordering::Relaxed);
                    tracing::error!(%error, "the hub cannot store what it decided; it tries again and answers nobody until then");
                }
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return false,
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(Duration::from_secs(10)),
            }
        }
    }

    fn take_in(&mut self, message: Message) {
        match message {
            Message::Store(event) => self.store_event(&event),
            Message::Sync(sync, reply, _place) => {
                let outcome = self.machine.sync(&sync, Timestamp::now());
                self.metrics.syncs.inc();
                if outcome.is_some_and(|outcome| outcome.new_epoch) {
                    tracing::warn!(cluster = %sync.cluster, "an agent has a Desired that this hub did not issue: a new epoch begins");
                    self.turn.effect(After::Withhold(sync.cluster.clone()));
                }
                self.answer(reply, outcome);
            }
            Message::Waits(cluster) => self.machine.waits(&cluster, Timestamp::now()),
            Message::Served(cluster, version) => self.machine.served(&cluster, version),
            Message::Enroll(request, reply, _place) => {
                let answer = self.enroll(*request);
                self.answer(reply, answer);
            }
            Message::CreateToken(request, reply) => {
                let answer = self.create_token(request);
                self.answer(reply, answer);
            }
            Message::Held(subject, reply) => {
                let held = self.machine.held(&subject);
                self.answer(reply, held);
            }
            Message::Approve { subject, lists, by, reply } => {
                let answer = self.approve(&subject, &lists, &by);
                self.answer(reply, answer);
            }
            Message::Deployments(namespace, reply) => {
                let list = self.machine.deployments(namespace.as_ref(), Timestamp::now());
                self.answer(reply, list);
            }
            Message::Read(read, reply) => {
                self.machine.observe(Event::Read(read));
                self.reads.push(reply);
            }
            Message::ReadFailed(gitrepo, notes) => self.machine.observe(Event::ReadFailed(gitrepo, notes)),
            Message::Rendered { input, result } => self.rendered(input, result),
            Message::NotStored { input, note } => self.machine.observe(Event::NotStored { input, note }),
            Message::Directories(gitrepo, reply) => {
                let of = |record: &skiff_planner::hub::BundleRecord| record.gitrepo.as_ref() == Some(&gitrepo.name);
                let mine =
                    self.machine.bundles().filter(|(name, record)| name.namespace == gitrepo.namespace && of(record));
                let directories = mine.map(|(_, record)| record.directory.clone()).collect();
                self.answer(reply, directories);
            }
            Message::UserBundle(name) => self.user_bundle_again(&name),
            Message::Collect => self.collect(),
        }
    }

    fn answer<T: Send + Sync + 'static>(&mut self, reply: oneshot::Sender<T>, value: T) {
        // Who asked may be gone.
        self.turn.reply(After::Reply(Box::new(move || drop(reply.send(value)))));
    }

    fn store_event(&mut self, event: &StoreEvent) {
        if let Some(event) = load::event_of(event) {
            self.machine.observe(event);
        }
        self.user_bundle(event);
        self.hold_gitrepo(event);
    }
}

/// The time until `at`; a day where there is nothing to wait for.
fn until(at: Option<Timestamp>) -> Duration {
    let Some(at) = at else { return Duration::from_secs(24 * 3600) };
    let wait = at.duration_since(Timestamp::now());
    Duration::try_from(wait).unwrap_or_default().max(Duration::from_millis(1))
}
