//! The hub: the real machine, its turns and shelves, over a virtual store. What the shell does between them is done in
//! the same order here (`hub/src/machine/`, `hub/src/agent_api/`).

mod agents;
mod load;
mod repositories;
mod store;

use store::{BUNDLES, CLUSTERS, COMMITS, DESIRED, RENDERS, REPORTS, cluster};
pub(crate) use store::{CLUSTER, ClusterRow, Disk, GITREPO, GitRepoRow, Write, event_of};

use crate::world::{Ev, World, wall};
use fleet_api::Note;
use fleet_api::digest::Digest;
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::{Approval, Deployment, Have, Timestamp};
use ring::signature::Ed25519KeyPair;
use serde::Serialize;
use skiff_planner::hub::{
    Action, DeploymentFacts, Enrollment, Event, Issue, Machine, RenderInput, RepositoryRead, Shelf, Signed, Subject,
    Sync, SyncOutcome, Turn,
};
use skiff_wire::record;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How long a Desired holds.
pub(crate) const LIFETIME: i64 = 1800;
/// When a cluster is shown as offline.
const OFFLINE: i64 = 120;
const SETTLE: u64 = 20;
/// How often (‰) a new cluster is labelled for a further repository. What all clusters have costs much to roll out, and
/// shows little that one of them does not (`ablate --power`).
const MORE: u64 = 200;

/// Bytes of documents.
pub(crate) type Bytes = Arc<[u8]>;

/// What follows when a transaction is on disk.
#[derive(Debug)]
pub(crate) enum After {
    Publish(Ref, Arc<Signed<Bytes>>),
    Withhold(Ref),
    Revoke(Ref),
    Enrolled(Ref),
    Render(Box<RenderInput>),
    Answer(Waiting, Option<SyncOutcome>),
    AnswerEnroll(usize, Result<ClusterUid, String>),
    /// A commit of a repository is in the store.
    Taken(String, usize),
}

/// What the deciding task is told.
#[derive(Debug)]
pub(crate) enum Message {
    Observe(Box<Event>),
    /// What was read of a repository, and at which commit.
    Read(Box<RepositoryRead>, usize),
    Sync(Box<Sync>, Waiting),
    Served(Ref, fleet_api::wire::Version),
    Waits(Ref),
    Enroll {
        site: usize,
        name: Ref,
        key: Digest,
        kube_system: String,
    },
    Approve(Ref, Digest),
    Rendered(Digest, Result<(Digest, Box<Deployment>), Vec<Note>>),
}

/// A sync that waits for its answer.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) site: usize,
    pub(crate) pid: u32,
    pub(crate) id: u64,
    pub(crate) key: Digest,
    pub(crate) cluster: Ref,
    pub(crate) have: Option<Have>,
    told: bool,
    wait: u64,
    outcome: SyncOutcome,
}

/// One enrolled cluster.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) cluster: Ref,
    pub(crate) enrollment: Enrollment,
    pub(crate) shelf: Shelf<Bytes>,
}

/// A hub that runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) id: u32,
    pub(crate) machine: Machine,
    turn: Turn<Write, After>,
    /// The commits of repositories that were taken in and are not stored yet.
    reads: Vec<(String, usize)>,
    pub(crate) slots: BTreeMap<Digest, Slot>,
    contents: BTreeMap<Digest, BTreeSet<Digest>>,
    pub(crate) inbox: VecDeque<Message>,
    pub(crate) committing: Option<Vec<Write>>,
    waiting: Vec<Waiting>,
    /// Commit and generation at which each repository was read.
    pub(crate) read: BTreeMap<String, (u64, i64)>,
    pub(crate) scheduled: Option<u64>,
    /// When its machine has something to do by itself, as it said last.
    pub(crate) wakes: Option<u64>,
}

/// The machine of the hub's place.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) disk: Disk,
    pub(crate) backup: Option<Disk>,
    pub(crate) running: Option<Box<Running>>,
    pub(crate) next_id: u32,
    pub(crate) signing: Ed25519KeyPair,
    pub(crate) clock: i64,
    pub(crate) disk_full_until: u64,
    /// The process ends around its next commit: before it (true) or right after it.
    pub(crate) crash_at_commit: Option<bool>,
    pub(crate) corrupts: u32,
    /// Old documents of clusters, for those who replay.
    pub(crate) old: BTreeMap<Ref, Arc<Signed<Bytes>>>,
    pub(crate) uids: u32,
    /// The commit of each repository that was taken in last; it is beside the store, and no backup has it.
    pub(crate) taken: BTreeMap<String, usize>,
}

impl Running {
    pub(crate) fn slot_of(&mut self, cluster: &Ref) -> Option<&mut Slot> {
        self.slots.values_mut().find(|slot| slot.cluster == *cluster)
    }

    fn put<T: Serialize>(&mut self, table: &'static str, key: String, value: &T) {
        self.turn.write(Write::Put(table, key, serde_json::to_vec(value).unwrap_or_default()));
    }

    fn perform(&mut self, action: Action, signing: &Ed25519KeyPair) {
        match action {
            Action::PutBundle(name) => {
                if let Some(record) = self.machine.bundle(&name).cloned() {
                    self.put(BUNDLES, name.to_string(), &record);
                }
            }
            Action::DeleteBundle(name) => self.turn.write(Write::Forget(BUNDLES, name.to_string())),
            Action::GitRepoGone(name) => self.turn.write(Write::Forget(GITREPO, name.name.to_string())),
            Action::Render(input) => self.turn.effect(After::Render(input)),
            Action::ForgetRender(input) => self.turn.write(Write::Forget(RENDERS, input.to_string())),
            Action::Issue(issue) => {
                let Issue { cluster, have, bytes, deployments } = issue;
                let signature = signing.sign(&bytes).as_ref().to_vec();
                let issued = Signed { have, bytes, signature, deployments };
                self.turn.write(Write::Put(DESIRED, cluster.to_string(), record::encode_desired(&issued)));
                self.turn.effect(After::Publish(cluster, Arc::new(issued)));
            }
            Action::Remember(name) => {
                if let Some(memory) = self.machine.memory(&name) {
                    let bytes = serde_json::to_vec(memory).unwrap_or_default();
                    self.turn.write(Write::Put(CLUSTERS, name.to_string(), bytes));
                }
            }
            Action::RememberReport(name) => {
                if let Some(memory) = self.machine.memory(&name) {
                    let bytes = serde_json::to_vec(&memory.report).unwrap_or_default();
                    self.turn.write(Write::Put(REPORTS, name.to_string(), bytes));
                }
            }
            Action::Forget(name) => {
                self.turn.extend([CLUSTERS, REPORTS, DESIRED].map(|table| Write::Forget(table, name.to_string())));
                self.turn.effect(After::Revoke(name));
            }
            Action::Status(_) => {}
        }
    }
}

impl World {
    pub(crate) fn hub_time(&self) -> Timestamp {
        wall(self.now, self.hub.clock)
    }

    pub(crate) fn start_hub(&mut self) {
        if self.hub.running.is_some() {
            return;
        }
        self.hub.next_id += 1;
        let running = Running::load(self.hub.next_id, &self.hub.disk, self.rules.1);
        self.oracle.hub_loaded(self.now, &running);
        self.hub.running = Some(Box::new(running));
        let repos: Vec<String> = self.repos.keys().cloned().collect();
        for name in repos {
            let delay = self.rng.between(100, 4000);
            self.push(self.now + delay, Ev::Poll(self.hub.next_id, name));
        }
        self.step_hub_at(self.now + 1);
    }

    pub(crate) fn stop_hub(&mut self) {
        self.hub.running = None;
    }

    pub(crate) fn tell_hub(&mut self, message: Message) {
        if let Some(running) = &mut self.hub.running {
            running.inbox.push_back(message);
            self.step_hub_at(self.now + 1);
        }
    }

    pub(crate) fn step_hub_at(&mut self, at: u64) {
        let Some(running) = &mut self.hub.running else { return };
        if running.scheduled.is_none_or(|planned| planned > at) {
            running.scheduled = Some(at);
            let id = running.id;
            self.push(at, Ev::HubStep(id, at));
        }
    }

    /// One turn: messages in, decide, one transaction.
    pub(crate) fn hub_step(&mut self, id: u32, at: u64) {
        let now = self.hub_time();
        let Some(mut running) = self.hub.running.take_if(|running| running.id == id) else { return };
        if running.scheduled != Some(at) || running.committing.is_some() {
            if running.scheduled == Some(at) {
                running.scheduled = None;
            }
            self.hub.running = Some(running);
            return;
        }
        running.scheduled = None;
        while let Some(message) = running.inbox.pop_front() {
            self.take_in(&mut running, message);
        }
        let decision = running.machine.decide(now);
        self.hear_statements(&running, &decision.actions);
        for action in decision.actions {
            running.perform(action, &self.hub.signing);
        }
        if decision.stored {
            for (repo, head) in std::mem::take(&mut running.reads) {
                running.turn.reply(After::Taken(repo, head));
            }
        }
        let early = running.turn.before_commit(self.rules.1);
        let writes = running.turn.take_writes();
        let has_writes = !writes.is_empty();
        running.committing = Some(writes);
        let pause = |wake: Timestamp| u64::try_from((wake.as_millisecond() - now.as_millisecond()).max(1)).unwrap_or(1);
        let wakes = decision.wake_at.map(|wake| self.now + pause(wake));
        let is_new = running.wakes != wakes;
        running.wakes = wakes;
        self.hub.running = Some(running);
        for after in early {
            self.do_after(after);
        }
        if let Some(at) = wakes.filter(|_| is_new) {
            self.push(at, Ev::HubWake(id, at));
        }
        if has_writes {
            let delay = self.rng.between(1, 8);
            self.push(self.now + delay, Ev::Commit(id));
        } else {
            self.commit(id);
        }
    }

    /// The oracle hears what clusters are to be told is gone.
    fn hear_statements(&mut self, running: &Running, actions: &[Action]) {
        for action in actions {
            let issue = match action {
                Action::Issue(issue) => issue,
                Action::PutBundle(bundle) | Action::DeleteBundle(bundle) => {
                    self.note(|| format!("hub {}: {action:?}", bundle.name));
                    continue;
                }
                _ => continue,
            };
            let desired = running.machine.memory(&issue.cluster).and_then(|memory| memory.desired.as_ref());
            let Some(desired) = desired else { continue };
            self.note(|| {
                let live: Vec<&str> = desired.deployments.iter().map(|entry| entry.bundle.name.as_str()).collect();
                let gone = desired.tombstones.iter();
                let gone: Vec<String> = gone.map(|gone| format!("{} ({})", gone.bundle.name, gone.cause)).collect();
                let of = &desired.version;
                format!("hub {} {of}: {}; no more: {}", issue.cluster.name, live.join(" "), gone.join(", "))
            });
            self.oracle.stated(self.now, &issue.cluster, &desired.tombstones, &self.hub.disk);
        }
    }

    fn take_in(&mut self, running: &mut Running, message: Message) {
        let now = self.hub_time();
        match message {
            Message::Observe(event) => running.machine.observe(*event),
            Message::Read(read, head) => {
                running.reads.push((read.gitrepo.name.to_string(), head));
                running.machine.observe(Event::Read(read));
            }
            Message::Sync(sync, waiting) => {
                let outcome = running.machine.sync(&sync, now);
                if let Some(outcome) = outcome {
                    self.oracle.synced(self.now, &sync, &outcome, running.machine.memory(&sync.cluster));
                    if outcome.new_epoch {
                        running.turn.effect(After::Withhold(sync.cluster.clone()));
                    }
                }
                running.turn.reply(After::Answer(waiting, outcome));
            }
            Message::Served(cluster, version) => running.machine.served(&cluster, version),
            Message::Waits(cluster) => running.machine.waits(&cluster, now),
            Message::Enroll { site, name, key, kube_system } => self.enroll(running, site, &name, key, kube_system),
            Message::Approve(cluster, shown) => {
                let subject = Subject::Cluster(cluster.clone());
                let lists = running.machine.approvals(&subject, &cluster, &shown).unwrap_or_default();
                self.approved(running, &cluster, &shown, &lists);
                for list in lists {
                    let approval = Approval { list, by: "admin".into() };
                    running.machine.observe(Event::Approved(cluster.clone(), approval));
                }
            }
            Message::Rendered(input, result) => {
                let result = result.map(|(digest, deployment)| {
                    running.learn(digest, &deployment);
                    running.turn.write(Write::Put(RENDERS, input.to_string(), digest.to_string().into_bytes()));
                    (digest, DeploymentFacts::of(&deployment))
                });
                running.machine.observe(Event::Rendered { input, result, warnings: Vec::new() });
            }
        }
    }

    /// The oracle hears which approval the hub took.
    fn approved(&mut self, running: &Running, cluster: &Ref, shown: &Digest, lists: &[Digest]) {
        let Some(memory) = running.machine.memory(cluster).filter(|_| !lists.is_empty()) else { return };
        let is_whole = memory.report.held.as_ref().is_some_and(|held| lists == [held.digest]);
        if let Some(site) = self.sites.iter().position(|site| site.name == *cluster) {
            self.oracle.approved(site, shown, memory.version.epoch, is_whole);
        }
    }

    /// What a user labels a new cluster for: some of the repositories, at least one.
    fn some_repos(&mut self) -> Vec<String> {
        let one = self.rng.index(self.repos.len());
        let of = self.repos.keys().enumerate();
        of.filter(|(at, _)| *at == one || self.rng.per_mille(MORE)).map(|(_, repo)| repo.clone()).collect()
    }

    fn enroll(&mut self, running: &mut Running, site: usize, name: &Ref, key: Digest, kube_system: String) {
        let known = running.machine.memory(name).map(|memory| memory.enrollment.clone());
        if let Some(known) = known.as_ref().filter(|known| known.key == key && known.kube_system_uid == kube_system) {
            return running.turn.reply(After::AnswerEnroll(site, Ok(known.uid.clone())));
        }
        if let Err(why) = running.machine.check_enrollment(name, true, &key, &kube_system) {
            return running.turn.reply(After::AnswerEnroll(site, Err(why)));
        }
        self.oracle.enrolled(self.now, name, known.as_ref(), &kube_system);
        let same = known
            .filter(|known| known.kube_system_uid == kube_system || !self.rules.1.on(skiff_planner::hub::Rule::R1Name));
        self.hub.uids += 1;
        let uid = same.map_or_else(|| format!("c-{:032x}", self.hub.uids).parse().expect("a UID"), |known| known.uid);
        if !running.machine.has_cluster(name) {
            let labels = self.some_repos().into_iter().map(|repo| (repo, "yes".to_owned())).collect();
            let row = ClusterRow { labels, generation: 1 };
            running.put(CLUSTER, name.name.to_string(), &row);
            running.machine.observe(Event::Cluster(name.clone(), Some(Box::new(cluster(&row)))));
        }
        let enrollment = Enrollment { uid: uid.clone(), key, kube_system_uid: kube_system };
        running.machine.observe(Event::Enrolled(name.clone(), enrollment));
        running.turn.effect(After::Enrolled(name.clone()));
        running.turn.reply(After::AnswerEnroll(site, Ok(uid)));
    }

    /// The transaction is tried.
    pub(crate) fn commit(&mut self, id: u32) {
        let full = self.now < self.hub.disk_full_until;
        let Some(running) = self.hub.running.as_mut().filter(|running| running.id == id) else { return };
        let Some(writes) = running.committing.take() else { return };
        if full && !writes.is_empty() {
            running.committing = Some(writes);
            return self.push(self.now + 1000, Ev::Commit(id));
        }
        let armed = if writes.is_empty() { None } else { self.hub.crash_at_commit.take() };
        if armed == Some(true) {
            return self.crash_hub(1500);
        }
        let is_meant =
            |write: &Write| matches!(write, Write::Put(GITREPO | CLUSTER, ..) | Write::Forget(GITREPO | CLUSTER, _));
        let changes_truth = writes.iter().any(is_meant);
        for write in writes {
            match write {
                Write::Put(table, key, value) => drop(self.hub.disk.rows.insert((table, key), value)),
                Write::Forget(table, key) => {
                    if table == GITREPO {
                        self.hub.disk.rows.remove(&(COMMITS, key.clone()));
                    }
                    self.hub.disk.rows.remove(&(table, key));
                }
            }
        }
        if armed == Some(false) {
            return self.crash_hub(1500);
        }
        let afters = running.turn.after_commit();
        for after in afters {
            self.do_after(after);
        }
        if changes_truth {
            self.refresh_truth();
        }
        // What became due while the transaction was under way is seen to after it.
        let now = self.now;
        let is_due = |running: &Running| !running.inbox.is_empty() || running.wakes.is_some_and(|at| at <= now);
        if self.hub.running.as_deref().is_some_and(is_due) {
            self.step_hub_at(self.now + 1);
        }
    }

    pub(crate) fn crash_hub(&mut self, down: u64) {
        self.stop_hub();
        self.push(self.now + down, Ev::HubUp);
    }

    fn do_after(&mut self, after: After) {
        match after {
            After::Publish(cluster, issued) => {
                let old = self.hub.running.as_mut().and_then(|running| {
                    let slot = running.slot_of(&cluster)?;
                    let old = slot.shelf.take(None).map(|(newest, _)| newest);
                    slot.shelf.publish(issued);
                    old
                });
                if let Some(old) = old {
                    self.hub.old.entry(cluster.clone()).or_insert(old);
                }
                self.serve_waiting(&cluster);
            }
            After::Withhold(cluster) => {
                if let Some(slot) = self.hub.running.as_mut().and_then(|running| running.slot_of(&cluster)) {
                    slot.shelf.withhold();
                }
            }
            After::Revoke(cluster) => {
                let Some(running) = &mut self.hub.running else { return };
                running.slots.retain(|_, slot| slot.cluster != cluster);
                self.serve_waiting(&cluster);
            }
            After::Enrolled(cluster) => {
                let Some(running) = &mut self.hub.running else { return };
                let Some(memory) = running.machine.memory(&cluster) else { return };
                let enrollment = memory.enrollment.clone();
                running.slots.retain(|_, slot| slot.cluster != cluster);
                running.slots.insert(enrollment.key, Slot { cluster, enrollment, shelf: Shelf::default() });
            }
            After::Render(input) => {
                let Some(id) = self.hub.running.as_ref().map(|running| running.id) else { return };
                let slow = if self.rng.per_mille(150) { 3000 } else { 120 };
                let delay = self.rng.between(5, slow);
                self.push(self.now + delay, Ev::Render(id, input));
            }
            After::Taken(repo, head) => {
                if self.hub.disk.rows.contains_key(&(GITREPO, repo.clone())) {
                    self.hub.disk.write(COMMITS, &repo, &head);
                }
                self.hub.taken.insert(repo, head);
            }
            After::Answer(waiting, outcome) => self.answer_sync(waiting, outcome),
            After::AnswerEnroll(site, result) => {
                let delay = self.rng.between(5, 60);
                self.push(self.now + delay, Ev::Enrolled(site, result));
            }
        }
    }
}
