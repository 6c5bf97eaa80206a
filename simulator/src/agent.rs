//! One process of an agent: the real machine, courier and documents, with virtual requests in place of the shell's. What
//! the shell does between them is done in the same order here (`agent/src/run.rs`).

mod documents;
mod link;

use crate::net::Answer as NetAnswer;
use crate::world::{Ev, World, wall};
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::{Desired, Facts, Report, Timestamp, Version};
use fleet_api::{Digest, Note, ObjectKey};
use serde_json::Value;
use skiff_planner::agent::{
    Action, Apply, Courier, DESIRED_DOCUMENT, Decision, Event, GroupKind, LEDGER_DOCUMENT, Machine, Source, Want,
    encode_ledger, has_digest, restore,
};
use skiff_wire::document::{Document, DocumentError, Writing};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How many requests to the API server are under way at once (fewer than the shell's, so that the queue matters).
const CONCURRENCY: usize = 6;
const POLL: Duration = Duration::from_secs(60);
const REFUSED: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(10);
/// After so many events it is looked whether a plan is out of date; always would be half of the time.
const STALE_EVERY: u64 = 61;

/// A document to be written.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) ledger: bool,
    pub(crate) bytes: Vec<u8>,
    pub(crate) event: Event,
}

/// What a process asks of its API server.
#[derive(Debug)]
pub(crate) enum Call {
    Do(Action),
    Head,
    Put(Writing),
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Done {
    Events(Vec<Event>),
    Read(ObjectKey, Option<Arc<Value>>),
    Applied(Box<Apply>, Arc<Value>, bool),
    Head(Option<Option<Value>>),
    Put(Writing, PutAnswer),
}

/// The answer to the write of a document.
#[derive(Debug)]
pub(crate) enum PutAnswer {
    Taken(Value),
    Conflict,
    Refused,
    Unknown,
}

/// Where a watch stands.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) kind: GroupKind,
    /// None: a list comes first.
    pub(crate) from: Option<u64>,
    pub(crate) scheduled: bool,
}

/// One process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) site: usize,
    pub(crate) uid: ClusterUid,
    pub(crate) machine: Machine,
    pub(crate) courier: Courier,
    pub(crate) started: u64,
    desired: Vec<u8>,
    pending: Option<(Digest, Vec<u8>)>,
    documents: [Document; 2],
    jobs: VecDeque<Job>,
    busy: bool,
    queue: VecDeque<Action>,
    pub(crate) running: usize,
    pub(crate) watches: BTreeMap<GroupKind, Watch>,
    watched_revision: Option<u64>,
    pub(crate) sync: Option<u64>,
    fetches: BTreeMap<u64, Vec<Want>>,
    link_note: Option<Note>,
    pub(crate) last_report: Report,
    pub(crate) settled: bool,
    reported: bool,
    wake_at: Option<Timestamp>,
    pub(crate) scheduled: Option<u64>,
    collect_garbage: bool,
    /// It was told that it is fenced.
    pub(crate) fenced: bool,
    pub(crate) start: Option<u64>,
    /// Documents that were opened, to know which one is in force.
    opened: BTreeMap<Digest, Arc<Desired>>,
    pub(crate) in_force: Option<Arc<Desired>>,
}

impl World {
    /// A process begins; none where its state cannot be read now.
    pub(crate) fn spawn(&mut self, site: usize) -> Option<u32> {
        let uid = self.sites[site].uid.clone()?;
        let rules = self.rules.0;
        let mut documents = [Document::new(DESIRED_DOCUMENT, rules), Document::new(LEDGER_DOCUMENT, rules)];
        let mut bytes = [None, None];
        for (document, bytes) in documents.iter_mut().zip(&mut bytes) {
            let Some(head) = self.sites[site].api.secret(document.name()).cloned() else { continue };
            document.begin_read(&head);
            *bytes = document.assemble(&head, &[]).ok();
        }
        let restored =
            restore(rules, &uid, &self.sites[site].kube_system, bytes[0].as_deref(), bytes[1].as_deref()).ok()?;
        if restored.begins_anew {
            let ledger = encode_ledger(&restored.persisted.ledger);
            let writing = documents[1].begin_write(&ledger).ok()?;
            let answer =
                self.sites[site].api.put_secret(LEDGER_DOCUMENT, writing.replaces, writing.head.clone()).ok()?;
            documents[1].written(&writing, skiff_wire::document::Answer::Taken(&answer)).ok()?;
            self.oracle.anew(site, self.now, &restored.persisted.ledger);
        }
        let pid = self.next_pid;
        self.next_pid += 1;
        let mut opened = BTreeMap::new();
        if let Some((desired, digest)) = &restored.persisted.desired {
            opened.insert(*digest, Arc::new(desired.clone()));
        }
        self.oracle.begun(site, pid, &restored.persisted.ledger);
        self.oracle.documents_read(site, pid, [DESIRED_DOCUMENT, LEDGER_DOCUMENT]);
        let mut machine = Machine::new(rules, uid.clone(), restored.persisted);
        machine.observe(Event::BlobsPresent { digests: self.sites[site].cache.keys().copied().collect() });
        let instance = format!("{pid:08x}");
        let kube_system = self.sites[site].kube_system.clone();
        let courier = Courier::new(uid.clone(), kube_system, instance, POLL, Duration::ZERO);
        self.procs.insert(
            pid,
            Box::new(Process {
                pid,
                site,
                uid,
                machine,
                courier,
                started: self.now,
                desired: restored.desired,
                pending: None,
                documents,
                jobs: VecDeque::new(),
                busy: false,
                queue: VecDeque::new(),
                running: 0,
                watches: BTreeMap::new(),
                watched_revision: None,
                sync: None,
                fetches: BTreeMap::new(),
                link_note: None,
                last_report: Report::default(),
                settled: false,
                reported: false,
                wake_at: None,
                scheduled: None,
                collect_garbage: true,
                fenced: false,
                start: None,
                opened,
                in_force: None,
            }),
        );
        self.wake(pid, self.now);
        Some(pid)
    }

    /// Has a process decide at `at`, or sooner.
    pub(crate) fn wake(&mut self, pid: u32, at: u64) {
        let Some(process) = self.procs.get_mut(&pid) else { return };
        if process.scheduled.is_none_or(|planned| planned > at) {
            process.scheduled = Some(at);
            self.push(at, Ev::Decide(pid, at));
        }
    }

    /// What comes in within a moment is decided on together, as the shell takes in all that is there.
    pub(crate) fn wake_soon(&mut self, pid: u32) {
        let moment = self.rng.below(self.moment);
        self.wake(pid, self.now + moment);
    }

    pub(crate) fn decide(&mut self, pid: u32, at: u64) {
        let Some(mut process) = self.procs.remove(&pid) else { return };
        if process.scheduled != Some(at) {
            self.procs.insert(pid, process);
            return;
        }
        process.scheduled = None;
        let decision = process.machine.decide(self.site_time(process.site));
        if self.events.is_multiple_of(STALE_EVERY) {
            self.oracle.planned(self.now, &process, &process.machine.stale(self.site_time(process.site)));
        }
        process.know_what_counts();
        self.oracle.decided(self.now, &process, &self.sites[process.site]);
        process.take(decision, self);
        let next = process.next_wake(self);
        self.procs.insert(pid, process);
        self.wake(pid, next.max(self.now + 1));
    }

    /// Something came back to a process.
    pub(crate) fn done(&mut self, pid: u32, done: Done) {
        let Some(mut process) = self.procs.remove(&pid) else { return };
        let alive = process.done(done, self);
        if alive {
            self.procs.insert(pid, process);
            self.wake_soon(pid);
        } else {
            self.exited(&process);
        }
    }

    pub(crate) fn net_answer(&mut self, pid: u32, id: u64, answer: &NetAnswer) {
        let Some(mut process) = self.procs.remove(&pid) else { return };
        let mine = process.sync == Some(id) || process.fetches.contains_key(&id);
        if mine {
            process.net_answer(id, answer, self);
        }
        self.procs.insert(pid, process);
        if mine {
            self.wake_soon(pid);
        }
    }

    pub(crate) fn retry_jobs(&mut self, pid: u32) {
        let Some(mut process) = self.procs.remove(&pid) else { return };
        process.busy = false;
        process.next_job(self);
        self.procs.insert(pid, process);
    }
}

impl Process {
    fn elapsed(&self, world: &World) -> Duration {
        Duration::from_millis(world.now - self.started)
    }

    fn is_settled(&self, world: &World) -> bool {
        self.settled || self.elapsed(world) > PATIENCE
    }

    /// Which Desired is in force now, parsed.
    fn know_what_counts(&mut self) {
        let have = self.machine.have();
        let known = self.in_force.as_ref().map(|desired| desired.version);
        if have.map(|(version, _)| version) != known {
            self.in_force = have.and_then(|(_, digest)| self.opened.get(&digest).cloned());
        }
    }

    fn next_wake(&self, world: &World) -> u64 {
        let now = world.now;
        let after = |at: Duration| self.started + u64::try_from(at.as_millis()).unwrap_or(u64::MAX / 2);
        let mut wake = now + 600_000;
        if let Some(at) = self.wake_at {
            let pause = at.as_millisecond() - world.site_time(self.site).as_millisecond();
            wake = wake.min(now + u64::try_from(pause.max(0)).unwrap_or(0));
        }
        if self.sync.is_none() && self.machine.pending().is_none() {
            wake = wake.min(after(self.courier.next_at).max(now));
        }
        if let Some(news) = self.courier.news_at(self.is_settled(world)) {
            let may_talk = self.sync.is_none() || self.courier.under_way.is_some_and(|(_, wait)| wait > 0);
            if may_talk && self.may_tell(world) {
                wake = wake.min(after(news.max(self.courier.next_at)));
            }
        }
        let patience = self.started + 10_001;
        if !self.settled && now < patience {
            wake = wake.min(patience);
        }
        wake.max(now)
    }

    fn take(&mut self, decision: Decision, world: &mut World) {
        self.wake_at = decision.wake_at;
        self.settled = decision.settled && decision.actions.is_empty() && self.running == 0;
        if let Some(report) = decision.report {
            self.last_report = report;
        }
        self.queue.extend(decision.actions);
        self.start_queued(world);
        self.update_watches(world);
        if self.is_settled(world) || self.reported {
            self.reported = true;
            let mut report = self.last_report.clone();
            report.facts =
                Facts { agent_version: "0".into(), kubernetes_version: "v1.36.0".into(), ..Facts::default() };
            report.notes.extend(self.link_note.clone());
            self.courier.report(report, self.elapsed(world));
        }
        if self.settled && std::mem::take(&mut self.collect_garbage) {
            let needed = self.machine.needed_blobs();
            world.sites[self.site].cache.retain(|digest, _| needed.contains(digest));
        }
        self.talk(world);
    }

    fn start_queued(&mut self, world: &mut World) {
        while self.running < CONCURRENCY {
            let Some(action) = self.queue.pop_front() else { return };
            world.oracle.started(world.now, self, &world.sites[self.site], &action);
            match action {
                Action::SaveDesired { digest } => self.save_desired(digest, world),
                Action::Journal { .. } => {
                    let event = Event::Journaled { revision: self.machine.ledger_revision() };
                    let bytes = encode_ledger(self.machine.ledger());
                    self.jobs.push_back(Job { ledger: true, bytes, event });
                    self.next_job(world);
                }
                Action::Fetch { wants } => self.fetch(wants, world),
                action => {
                    self.running += 1;
                    world.call(self.site, self.pid, Call::Do(action));
                }
            }
        }
    }

    /// False where the process ends.
    fn done(&mut self, done: Done, world: &mut World) -> bool {
        let at = world.site_time(self.site);
        match done {
            Done::Events(events) => {
                self.running = self.running.saturating_sub(1);
                events.into_iter().for_each(|event| self.machine.observe(event));
            }
            Done::Read(key, object) => {
                self.running = self.running.saturating_sub(1);
                let live = object.map(|object| Box::new(self.look_at(&key, &object, world)));
                self.machine.observe(Event::Object { key, live, source: Source::Read, at });
            }
            Done::Applied(apply, answer, keep) => {
                self.running = self.running.saturating_sub(1);
                self.machine.observe(self.machine.look_at_applied(*apply, &answer, keep, at));
            }
            Done::Head(found) => {
                self.busy = false;
                let Some(job) = self.jobs.front() else { return true };
                let document = &mut self.documents[usize::from(job.ledger)];
                match found {
                    Some(head) => match document.resolve(head.as_ref()) {
                        Err(DocumentError::Superseded(_)) => return false,
                        Ok(()) | Err(DocumentError::Broken(..)) => {}
                    },
                    None => return self.job_failed(at, world),
                }
                self.next_job(world);
            }
            Done::Put(writing, answer) => return self.put_done(&writing, &answer, at, world),
        }
        self.start_queued(world);
        true
    }

    fn load(&self, world: &World, digest: Digest) -> Option<Vec<u8>> {
        let bytes = world.sites[self.site].cache.get(&digest)?.0.clone();
        has_digest(world.rules.0, &bytes, digest).then_some(bytes)
    }

    fn look_at(&self, key: &ObjectKey, object: &Value, world: &World) -> skiff_planner::agent::Live {
        self.machine.look_at(key, object.clone(), |digest| self.load(world, digest))
    }

    /// What a watch shows.
    pub(crate) fn sighted(&mut self, key: ObjectKey, object: Option<&Value>, world: &World) {
        match object {
            Some(object) => {
                let live = Some(Box::new(self.look_at(&key, object, world)));
                let at = world.site_time(self.site);
                self.machine.observe(Event::Object { key, live, source: Source::Watch, at });
            }
            None => self.machine.observe(Event::Suspect { key }),
        }
    }

    fn update_watches(&mut self, world: &mut World) {
        let revision = self.machine.watch_revision();
        if self.watched_revision == Some(revision) {
            return;
        }
        self.watched_revision = Some(revision);
        let wanted = self.machine.watched();
        let stop: Vec<GroupKind> = self.watches.keys().filter(|kind| !wanted.contains_key(*kind)).cloned().collect();
        for kind in stop {
            self.watches.remove(&kind);
            self.machine.observe(Event::Unwatched { kind });
        }
        for kind in wanted.into_keys() {
            if !self.watches.contains_key(&kind) {
                let delay = world.latency(self.site);
                world.push(world.now + delay, Ev::Watch(self.pid, kind.clone()));
                self.watches.insert(kind.clone(), Watch { kind, from: None, scheduled: true });
            }
        }
    }

    /// The newest version that it works with.
    pub(crate) fn version(&self) -> Version {
        self.in_force.as_ref().map(|desired| desired.version).unwrap_or_default()
    }

    /// What the Desired in force says of a Bundle: nothing, a tombstone, a Deployment.
    pub(crate) fn says(&self, bundle: &Ref) -> Option<Said<'_>> {
        let desired = self.in_force.as_deref()?;
        if let Some(tombstone) = desired.tombstones.iter().find(|tombstone| tombstone.bundle == *bundle) {
            return Some(Said { is_tombstone: true, keeps: tombstone.keep_resources, unknown: &tombstone.unknown });
        }
        let deployment = desired.deployments.iter().find(|deployment| deployment.bundle == *bundle)?;
        Some(Said { is_tombstone: false, keeps: false, unknown: &deployment.unknown })
    }
}

/// See [`Process::says`].
#[derive(Debug)]
pub(crate) struct Said<'a> {
    pub(crate) is_tombstone: bool,
    pub(crate) keeps: bool,
    pub(crate) unknown: &'a BTreeMap<String, Value>,
}

impl World {
    /// The time that a site's clock shows.
    pub(crate) fn site_time(&self, site: usize) -> Timestamp {
        wall(self.now, self.sites[site].clock)
    }
}
