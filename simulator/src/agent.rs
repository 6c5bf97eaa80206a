//! One process of an agent: the real machine, courier and documents, with virtual requests in place of the shell's. What
//! the shell does between them is done in the same order here (`agent/src/run.rs`).

use crate::net::Answer as NetAnswer;
use crate::world::{Ev, World, wall};
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::{
    BlobsRequest, Deployment, Desired, Facts, Have, Report, SyncResponse, Timestamp, Version,
};
use fleet_api::{Digest, Note, ObjectKey, Reason};
use serde_json::Value;
use skiff_planner::agent::{
    Action, Apply, Courier, DESIRED_DOCUMENT, Decision, Event, GroupKind, LEDGER_DOCUMENT, Machine, Source, Want,
    encode_desired, encode_ledger, ensure_key, has_digest, restore,
};
use skiff_wire::decode;
use skiff_wire::document::{Document, DocumentError, Writing};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How many requests to the API server are under way at once (fewer than the shell's, so that the queue matters).
const CONCURRENCY: usize = 6;
const POLL: Duration = Duration::from_secs(60);
const REFUSED: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(10);

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
    pub(crate) instance: String,
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
        let restored = restore(rules, &uid, &self.sites[site].kube_system, bytes[0].as_deref(), bytes[1].as_deref()).ok()?;
        if restored.begins_anew {
            let ledger = encode_ledger(&restored.persisted.ledger);
            let writing = documents[1].begin_write(&ledger).ok()?;
            let answer = self.sites[site].api.put_secret(LEDGER_DOCUMENT, writing.replaces, writing.head.clone()).ok()?;
            documents[1].written(&writing, skiff_wire::document::Answer::Taken(&answer)).ok()?;
            self.oracle.anew(site, self.now);
        }
        let pid = self.next_pid;
        self.next_pid += 1;
        let mut opened = BTreeMap::new();
        if let Some((desired, digest)) = &restored.persisted.desired {
            opened.insert(*digest, Arc::new(desired.clone()));
        }
        let mut machine = Machine::new(rules, uid.clone(), restored.persisted);
        machine.observe(Event::BlobsPresent { digests: self.sites[site].cache.keys().copied().collect() });
        let instance = format!("{pid:08x}");
        let kube_system = self.sites[site].kube_system.clone();
        let courier = Courier::new(uid.clone(), kube_system, instance.clone(), POLL, Duration::ZERO);
        self.procs.insert(
            pid,
            Process {
                pid,
                site,
                uid,
                machine,
                courier,
                instance,
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
            },
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

    pub(crate) fn decide(&mut self, pid: u32, at: u64) {
        let Some(mut process) = self.procs.remove(&pid) else { return };
        if process.scheduled != Some(at) {
            self.procs.insert(pid, process);
            return;
        }
        process.scheduled = None;
        let decision = process.machine.decide(self.site_time(process.site));
        process.know_what_counts();
        let is_alone = !self.procs.values().any(|other| other.site == process.site);
        self.oracle.decided(self.now, &process, &self.sites[process.site], is_alone);
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
            self.wake(pid, self.now);
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
            self.wake(pid, self.now);
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
            if may_talk && self.machine.pending().is_none() {
                wake = wake.min(after(news.max(self.courier.next_at)));
            }
        }
        if !self.settled {
            let patience = self.started + 10_001;
            wake = wake.min(patience.max(now + 200));
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
            report.facts = Facts { agent_version: "0".into(), kubernetes_version: "v1.36.0".into(), ..Facts::default() };
            report.notes.extend(self.link_note.clone());
            self.courier.report(report, self.elapsed(world));
        }
        if self.settled && std::mem::take(&mut self.collect_garbage) {
            let needed = self.machine.needed_blobs();
            world.sites[self.site].cache.retain(|digest, _| needed.contains(digest));
        }
        self.talk(world);
    }

    fn talk(&mut self, world: &mut World) {
        let now = self.elapsed(world);
        let settled = self.is_settled(world);
        if self.sync.is_some() && self.courier.interrupts(settled, now) {
            self.sync = None;
            self.courier.dropped();
        }
        if self.sync.is_some() || now < self.courier.next_at || self.machine.pending().is_some() {
            return;
        }
        let have = self.machine.have().map(|(version, digest)| Have { version, digest });
        let request = self.courier.request(have, settled, now);
        let patience = u64::from(request.wait) * 1000 + 30_000;
        let bytes = serde_json::to_vec(&request).unwrap_or_default();
        self.sync = Some(world.ask_hub(self.site, self.pid, "/v1/sync", bytes, patience));
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

    fn save_desired(&mut self, digest: Digest, world: &mut World) {
        let Some((_, bytes)) = self.pending.as_ref().filter(|(pending, _)| *pending == digest) else { return };
        let mark = self.machine.pending().map(|(version, _)| version).unwrap_or_default().max(self.machine.mark());
        let kube_system = &world.sites[self.site].kube_system;
        let bytes = encode_desired(&self.uid, kube_system, mark, digest, bytes);
        self.jobs.push_back(Job { ledger: false, bytes, event: Event::DesiredSaved { digest } });
        self.next_job(world);
    }

    /// One write of a document at a time.
    fn next_job(&mut self, world: &mut World) {
        if self.busy {
            return;
        }
        let Some(job) = self.jobs.front() else { return };
        self.busy = true;
        let document = &self.documents[usize::from(job.ledger)];
        let call = if document.is_uncertain() {
            Call::Head
        } else {
            match document.begin_write(&job.bytes) {
                Ok(writing) => Call::Put(writing),
                Err(_) => return,
            }
        };
        world.call(self.site, self.pid, call);
    }

    /// The document whose write is under way.
    pub(crate) fn job(&self) -> Option<&Job> {
        self.jobs.front()
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

    fn put_done(&mut self, writing: &Writing, answer: &PutAnswer, at: Timestamp, world: &mut World) -> bool {
        self.busy = false;
        let Some(job) = self.jobs.front() else { return true };
        let document = &mut self.documents[usize::from(job.ledger)];
        let meaning = match answer {
            PutAnswer::Taken(head) => skiff_wire::document::Answer::Taken(head),
            PutAnswer::Conflict => skiff_wire::document::Answer::Conflict,
            PutAnswer::Refused => skiff_wire::document::Answer::Refused,
            PutAnswer::Unknown => skiff_wire::document::Answer::Unknown,
        };
        if document.written(writing, meaning).is_err() {
            return false;
        }
        if !matches!(answer, PutAnswer::Taken(_)) {
            return self.job_failed(at, world);
        }
        let Some(job) = self.jobs.pop_front() else { return true };
        if let Event::DesiredSaved { digest } = &job.event {
            if let Some((_, bytes)) = self.pending.take_if(|(pending, _)| pending == digest) {
                self.desired = bytes;
            }
            self.collect_garbage = true;
        }
        self.machine.observe(job.event);
        self.next_job(world);
        true
    }

    fn job_failed(&mut self, at: Timestamp, world: &mut World) -> bool {
        let is_ledger = self.jobs.front().is_some_and(|job| job.ledger);
        if is_ledger {
            self.jobs.pop_front();
            self.machine.observe(Event::JournalFailed { message: "no".into(), at });
            self.next_job(world);
        } else {
            // Nothing goes on without it: it is the high-water mark.
            self.busy = true;
            world.push(world.now + 2000, Ev::RetryJobs(self.pid));
        }
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

    fn fetch(&mut self, wants: Vec<Want>, world: &mut World) {
        let mut wanted = Vec::new();
        for want in wants {
            let cached = if want.is_deployment { self.load(world, want.digest) } else { None };
            match cached.and_then(|bytes| serde_json::from_slice::<Deployment>(&bytes).ok()) {
                Some(deployment) => {
                    let deployment = Box::new(deployment);
                    self.machine.observe(Event::Deployment { digest: want.digest, deployment });
                }
                None => wanted.push(want),
            }
        }
        if wanted.is_empty() {
            let at = world.site_time(self.site);
            let (missing, refused) = (Vec::new(), Vec::new());
            return self.machine.observe(Event::Fetched { missing, refused, problem: None, at });
        }
        let bases: BTreeSet<Digest> =
            wanted.iter().filter_map(|want| want.base).filter(|base| self.load(world, *base).is_some()).collect();
        let want = wanted.iter().map(|want| want.digest).collect();
        let request = BlobsRequest { want, bases: bases.into_iter().collect(), ..BlobsRequest::default() };
        let bytes = serde_json::to_vec(&request).unwrap_or_default();
        let id = world.ask_hub(self.site, self.pid, "/v1/blobs", bytes, 30_000);
        self.fetches.insert(id, wanted);
    }

    fn net_answer(&mut self, id: u64, answer: &NetAnswer, world: &mut World) {
        if let Some(wants) = self.fetches.remove(&id) {
            return self.fetched(&wants, answer, world);
        }
        self.sync = None;
        self.answered(answer, world);
    }

    fn fetched(&mut self, wants: &[Want], answer: &NetAnswer, world: &mut World) {
        let at = world.site_time(self.site);
        let is_deployment: BTreeMap<Digest, bool> =
            wants.iter().map(|want| (want.digest, want.is_deployment)).collect();
        let mut settled = BTreeSet::new();
        let mut refused = Vec::new();
        let mut problem = None;
        let mut blobs = Vec::new();
        let wanted: Vec<Digest> = wants.iter().map(|want| want.digest).collect();
        match answer {
            NetAnswer::Ok(body) => {
                let read = decode::blobs(
                    world.rules.0,
                    &wanted,
                    body,
                    |base| self.load(world, base),
                    |digest, bytes| blobs.push((digest, bytes)),
                );
                match read {
                    Ok(head) => refused.extend(head.refused),
                    Err(why) => problem = Some(Note::new(Reason::DigestMismatch, why)),
                }
            }
            NetAnswer::Refused(..) | NetAnswer::Unreachable => {
                problem = Some(Note::new(Reason::HubUnreachable, "the hub cannot be reached"));
            }
        }
        let mut present = Vec::new();
        for (digest, bytes) in blobs {
            let Some(is_deployment) = is_deployment.get(&digest) else { continue };
            if world.now < world.sites[self.site].disk_full_until {
                problem = Some(Note::new(Reason::DigestMismatch, "the cache does not take content"));
                continue;
            }
            settled.insert(digest);
            if *is_deployment {
                match serde_json::from_slice::<Deployment>(&bytes) {
                    Ok(deployment) => {
                        self.machine.observe(Event::Deployment { digest, deployment: Box::new(deployment) });
                    }
                    Err(_) => refused.push(digest),
                }
            } else {
                present.push(digest);
            }
            world.sites[self.site].cache.insert(digest, (bytes, false));
        }
        self.machine.observe(Event::BlobsPresent { digests: present });
        let settled = |digest: &Digest| settled.contains(digest) || refused.contains(digest);
        let missing: Vec<Digest> = is_deployment.into_keys().filter(|digest| !settled(digest)).collect();
        if problem.is_none() && !missing.is_empty() {
            problem = Some(Note::new(Reason::WaitingForCluster, "the hub does not have all now"));
        }
        self.machine.observe(Event::Fetched { missing, refused, problem, at });
    }

    fn answered(&mut self, answer: &NetAnswer, world: &mut World) {
        let now = self.elapsed(world);
        let response = match answer {
            NetAnswer::Ok(bytes) => serde_json::from_slice::<SyncResponse>(bytes).ok(),
            NetAnswer::Refused(..) | NetAnswer::Unreachable => None,
        };
        let Some(response) = response else {
            let refused = matches!(answer, NetAnswer::Refused(401 | 403, _));
            if let NetAnswer::Refused(_, reason) = answer {
                self.link_note = Some(Note::new(*reason, "the hub refuses"));
            }
            return self.courier.failed(refused, now);
        };
        self.link_note = None;
        self.courier.answered(&response, now);
        self.start = Some(response.start);
        self.machine.observe(Event::Fenced(response.fenced));
        self.fenced |= response.fenced;
        if response.fenced {
            self.drop_queued_writes(world);
        }
        let Some(envelope) = &response.desired else { return };
        if self.pending.as_ref().is_some_and(|(digest, _)| *digest == envelope.digest) {
            return;
        }
        let base = (!self.desired.is_empty()).then_some(self.desired.as_slice());
        match decode::open_envelope(world.rules.0, envelope, base, &world.hub_key) {
            Ok((bytes, desired)) => {
                self.pending = Some((envelope.digest, bytes));
                self.opened.insert(envelope.digest, Arc::new(desired.clone()));
                self.machine.observe(Event::Desired { desired: Box::new(desired), digest: envelope.digest });
                if self.machine.pending().is_none_or(|(_, digest)| digest != envelope.digest) {
                    self.pending = None;
                    self.courier.next_at = now + REFUSED;
                }
            }
            Err(note) => {
                self.link_note = Some(note);
                self.courier.next_at = now + REFUSED;
            }
        }
    }

    /// R12, as the shell does it.
    fn drop_queued_writes(&mut self, world: &World) {
        if !world.rules.0.on(skiff_planner::agent::Rule::R12Fenced) {
            return;
        }
        let at = world.site_time(self.site);
        for action in std::mem::take(&mut self.queue) {
            let key = match action {
                Action::Apply(apply) => apply.target.key,
                Action::RemoveKeys(remove) => remove.target.key,
                Action::Delete(delete) => delete.target.key,
                Action::EnsureNamespace(ensure) => ensure_key(&ensure.bundle, &ensure.namespace),
                action => {
                    self.queue.push_back(action);
                    continue;
                }
            };
            self.machine.observe(Event::Touched { key, repaired: false, at });
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
