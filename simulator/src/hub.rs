//! The hub: the real machine, its turns and shelves, over a virtual store. What the shell does between them is done in
//! the same order here (`hub/src/machine/`, `hub/src/agent_api/`).

use crate::git::{Tree, content, named};
use crate::net::{Answer as NetAnswer, Request};
use crate::world::{Ev, World, wall};
use fleet_api::digest::Digest;
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::{
    Approval, BlobEntry, BlobsHead, BlobsRequest, Deployment, DeploymentObject, Have, Report, SyncRequest, SyncResponse,
};
use fleet_api::{Note, Reason};
use ring::signature::Ed25519KeyPair;
use serde::{Deserialize, Serialize};
use skiff_planner::hub::{
    Action, BundleRecord, ClusterResource, DeploymentFacts, Enrollment, Event, GitRepoResource, Issue, Machine, Memory,
    Options, RenderInput, RepositoryRead, Rules, Shelf, Signed, Subject, Sync, SyncOutcome, Turn, check_identity,
};
use skiff_wire::{encode, record};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How long a Desired holds.
pub(crate) const LIFETIME: i64 = 1800;
/// When a cluster is shown as offline.
const OFFLINE: i64 = 120;
const SETTLE: u64 = 20;

/// Bytes of documents.
pub(crate) type Bytes = Arc<[u8]>;

/// A GitRepo as the store has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct GitRepoRow {
    pub(crate) entries: BTreeSet<String>,
    pub(crate) generation: i64,
    pub(crate) deleting: bool,
    pub(crate) keeps: bool,
}

/// A Cluster as the store has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClusterRow {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) generation: i64,
}

pub(crate) const GITREPO: &str = "GitRepo";
pub(crate) const CLUSTER: &str = "Cluster";
const CLUSTERS: &str = "clusters";
const REPORTS: &str = "reports";
const DESIRED: &str = "desired";
const BUNDLES: &str = "bundles";
const RENDERS: &str = "renders";

/// What survives the end of the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) rows: BTreeMap<(&'static str, String), Vec<u8>>,
    pub(crate) blobs: BTreeMap<Digest, Vec<u8>>,
}

impl Disk {
    pub(crate) fn read<T: for<'a> Deserialize<'a>>(&self, table: &'static str, key: &str) -> Option<T> {
        serde_json::from_slice(self.rows.get(&(table, key.to_owned()))?).ok()
    }

    pub(crate) fn write<T: Serialize>(&mut self, table: &'static str, key: &str, value: &T) {
        self.rows.insert((table, key.to_owned()), serde_json::to_vec(value).unwrap_or_default());
    }

    pub(crate) fn table(&self, table: &'static str) -> impl Iterator<Item = (&str, &[u8])> {
        let rows = self.rows.range((table, String::new())..).take_while(move |((of, _), _)| *of == table);
        rows.map(|((_, key), value)| (key.as_str(), value.as_slice()))
    }
}

/// One write of a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Put(&'static str, String, Vec<u8>),
    Forget(&'static str, String),
}

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
}

/// What the deciding task is told.
#[derive(Debug)]
pub(crate) enum Message {
    Observe(Box<Event>),
    Sync(Box<Sync>, Waiting),
    Served(Ref, fleet_api::wire::Version),
    Waits(Ref),
    Enroll { site: usize, name: Ref, key: Digest, kube_system: String },
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
    pub(crate) slots: BTreeMap<Digest, Slot>,
    contents: BTreeMap<Digest, BTreeSet<Digest>>,
    pub(crate) inbox: VecDeque<Message>,
    pub(crate) committing: Option<Vec<Write>>,
    waiting: Vec<Waiting>,
    /// Commit and generation at which each repository was read.
    pub(crate) read: BTreeMap<String, (u64, i64)>,
    pub(crate) scheduled: Option<u64>,
}

/// The machine of the hub's place.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) disk: Disk,
    pub(crate) backup: Option<Disk>,
    pub(crate) running: Option<Running>,
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
}

fn facts(deployment: &Deployment) -> DeploymentFacts {
    DeploymentFacts {
        objects: u32::try_from(deployment.objects.len()).unwrap_or(u32::MAX),
        keep_resources: deployment.options.keep_resources,
        delete_crd_resources: deployment.options.delete_crd_resources,
    }
}

fn gitrepo(row: &GitRepoRow) -> GitRepoResource {
    let spec = fleet_api::v1alpha1::GitRepoSpec {
        paths: row.entries.iter().cloned().collect(),
        keep_resources: row.keeps,
        ..fleet_api::v1alpha1::GitRepoSpec::default()
    };
    GitRepoResource { spec, generation: row.generation, deleting: row.deleting }
}

fn cluster(row: &ClusterRow) -> ClusterResource {
    ClusterResource { labels: row.labels.clone(), generation: row.generation, ..ClusterResource::default() }
}

/// What the store says of a GitRepo or Cluster, for the machine.
pub(crate) fn event_of(disk: &Disk, table: &'static str, name: &str) -> Event {
    match table {
        GITREPO => Event::GitRepo(named(name), disk.read(GITREPO, name).map(|row: GitRepoRow| gitrepo(&row))),
        _ => Event::Cluster(named(name), disk.read(CLUSTER, name).map(|row: ClusterRow| Box::new(cluster(&row)))),
    }
}

impl Running {
    /// What a start makes of the store (`hub/src/machine/load.rs`).
    fn load(id: u32, disk: &Disk, rules: Rules) -> Self {
        let machine = Machine::new(Options {
            desired_lifetime: jiff::SignedDuration::from_secs(LIFETIME),
            offline_after: jiff::SignedDuration::from_secs(OFFLINE),
            renderer: "simulated".into(),
            rules,
        });
        let mut this = Self {
            id,
            machine,
            turn: Turn::default(),
            slots: BTreeMap::new(),
            contents: BTreeMap::new(),
            inbox: VecDeque::new(),
            committing: None,
            waiting: Vec::new(),
            read: BTreeMap::new(),
            scheduled: None,
        };
        for table in [CLUSTER, GITREPO] {
            for (name, _) in disk.table(table) {
                this.machine.observe(event_of(disk, table, name));
            }
        }
        let mut named_by_documents = BTreeSet::new();
        for (key, value) in disk.table(CLUSTERS) {
            named_by_documents.extend(this.load_cluster(disk, key, value));
        }
        this.load_deployments(disk, named_by_documents);
        for (key, value) in disk.table(BUNDLES) {
            let (Ok(name), Ok(record)) = (key.parse::<Ref>(), serde_json::from_slice::<BundleRecord>(value)) else {
                continue;
            };
            let gitrepo = record.gitrepo.clone();
            this.machine.observe(Event::Bundle(name.clone(), Some(Box::new(record))));
            if let Some(gitrepo) = gitrepo.filter(|gitrepo| !disk.rows.contains_key(&(GITREPO, gitrepo.to_string()))) {
                this.machine.observe(Event::GitRepo(Ref { namespace: name.namespace, name: gitrepo }, None));
            }
        }
        this
    }

    fn load_cluster(&mut self, disk: &Disk, key: &str, value: &[u8]) -> BTreeSet<Digest> {
        let (Ok(name), Ok(mut memory)) = (key.parse::<Ref>(), serde_json::from_slice::<Memory>(value)) else {
            return BTreeSet::new();
        };
        if !disk.rows.contains_key(&(CLUSTER, name.name.to_string())) {
            // Deleted just before the hub stopped: its identity is revoked.
            self.turn.extend([CLUSTERS, REPORTS, DESIRED].map(|table| Write::Forget(table, key.to_owned())));
            return BTreeSet::new();
        }
        if let Some(report) = disk.read::<Report>(REPORTS, key) {
            memory.report = report;
        }
        let enrollment = memory.enrollment.clone();
        let mut slot = Slot { cluster: name.clone(), enrollment: enrollment.clone(), shelf: Shelf::default() };
        let mut deployments = BTreeSet::new();
        let stored = disk.rows.get(&(DESIRED, key.to_owned())).and_then(|bytes| record::decode_desired::<Bytes>(bytes));
        if let Some((issued, desired)) = stored
            && memory.newest() == Some(issued.have)
        {
            deployments = issued.deployments.clone();
            memory.desired = Some(desired);
            slot.shelf.publish(Arc::new(issued));
        }
        self.slots.insert(enrollment.key, slot);
        self.machine.observe(Event::Memory(name, Box::new(memory)));
        deployments
    }

    fn load_deployments(&mut self, disk: &Disk, named: BTreeSet<Digest>) {
        let digest = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<Digest>().ok();
        let renders: Vec<(Digest, Digest)> = disk
            .table(RENDERS)
            .filter_map(|(key, value)| Some((key.parse().ok()?, digest(value)?)))
            .collect();
        let all: BTreeSet<Digest> = renders.iter().map(|(_, deployment)| *deployment).chain(named).collect();
        let mut readable = BTreeSet::new();
        for digest in all {
            let bytes = disk.blobs.get(&digest).filter(|bytes| Digest::of(bytes) == digest);
            let Some(deployment) = bytes.and_then(|bytes| serde_json::from_slice::<Deployment>(bytes).ok()) else {
                continue;
            };
            self.learn(digest, &deployment);
            self.machine.observe(Event::Deployment(digest, facts(&deployment)));
            readable.insert(digest);
        }
        for (input, deployment) in renders.into_iter().filter(|(_, deployment)| readable.contains(deployment)) {
            self.machine.observe(Event::RenderKnown(input, deployment));
        }
    }

    fn learn(&mut self, digest: Digest, deployment: &Deployment) {
        self.contents.insert(digest, deployment.objects.iter().map(|object| object.digest).collect());
    }

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
    pub(crate) fn hub_time(&self) -> fleet_api::wire::Timestamp {
        wall(self.now, self.hub.clock)
    }

    pub(crate) fn start_hub(&mut self) {
        if self.hub.running.is_some() {
            return;
        }
        self.hub.next_id += 1;
        let running = Running::load(self.hub.next_id, &self.hub.disk, self.rules.1);
        self.oracle.hub_loaded(self.now, &running);
        self.hub.running = Some(running);
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
        for action in decision.actions {
            running.perform(action, &self.hub.signing);
        }
        let early = running.turn.before_commit(self.rules.1);
        let writes = running.turn.take_writes();
        let has_writes = !writes.is_empty();
        running.committing = Some(writes);
        self.hub.running = Some(running);
        for after in early {
            self.do_after(after);
        }
        if let Some(wake) = decision.wake_at {
            let pause = (wake.as_millisecond() - now.as_millisecond()).max(1);
            self.push(self.now + u64::try_from(pause).unwrap_or(1), Ev::HubWake(id));
        }
        let delay = if has_writes { self.rng.between(1, 8) } else { 0 };
        self.push(self.now + delay, Ev::Commit(id));
    }

    fn take_in(&mut self, running: &mut Running, message: Message) {
        let now = self.hub_time();
        match message {
            Message::Observe(event) => running.machine.observe(*event),
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
                for list in running.machine.approvals(&subject, &cluster, &shown).unwrap_or_default() {
                    let approval = Approval { list, by: "admin".into() };
                    running.machine.observe(Event::Approved(cluster.clone(), approval));
                }
            }
            Message::Rendered(input, result) => {
                let result = result.map(|(digest, deployment)| {
                    running.learn(digest, &deployment);
                    running.turn.write(Write::Put(RENDERS, input.to_string(), digest.to_string().into_bytes()));
                    (digest, facts(&deployment))
                });
                running.machine.observe(Event::Rendered { input, result });
            }
        }
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
        let same = known.filter(|known| known.kube_system_uid == kube_system || !self.rules.1.on(skiff_planner::hub::Rule::R1Name));
        self.hub.uids += 1;
        let uid = same.map_or_else(|| format!("c-{:032x}", self.hub.uids).parse().expect("a UID"), |known| known.uid);
        if !running.machine.has_cluster(name) {
            let labels = self.repos.keys().map(|repo| (repo.clone(), "yes".to_owned())).collect();
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
        let is_meant = |write: &Write| matches!(write, Write::Put(GITREPO | CLUSTER, ..) | Write::Forget(GITREPO | CLUSTER, _));
        let changes_truth = writes.iter().any(is_meant);
        for write in writes {
            match write {
                Write::Put(table, key, value) => drop(self.hub.disk.rows.insert((table, key), value)),
                Write::Forget(table, key) => drop(self.hub.disk.rows.remove(&(table, key))),
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
        if self.hub.running.as_ref().is_some_and(|running| !running.inbox.is_empty()) {
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
            After::Answer(waiting, outcome) => self.answer_sync(waiting, outcome),
            After::AnswerEnroll(site, result) => {
                let delay = self.rng.between(5, 60);
                self.push(self.now + delay, Ev::Enrolled(site, result));
            }
        }
    }

    /// The renderer is a stub: the files of a Bundle are its objects. It stores before it tells, as the shell does.
    pub(crate) fn render(&mut self, id: u32, input: &RenderInput) {
        if self.hub.running.as_ref().is_none_or(|running| running.id != id) {
            return;
        }
        if self.now < self.hub.disk_full_until {
            return self.push(self.now + 2000, Ev::Render(id, Box::new(input.clone())));
        }
        let bytes = self.hub.disk.blobs.get(&input.tree).filter(|bytes| Digest::of(bytes) == input.tree);
        let tree = bytes.and_then(|bytes| serde_json::from_slice::<Tree>(bytes).ok());
        let result = match tree {
            None => Err(vec![Note::new(Reason::Internal, "the files are not there")]),
            Some(tree) if tree.fails => Err(vec![Note::new(Reason::RenderFailed, "deploy.yaml:1:1: it fails")]),
            Some(tree) => {
                let deployment = self.deployment_of(input, tree);
                let json = serde_json::to_vec(&deployment).unwrap_or_default();
                let digest = Digest::of(&json);
                self.hub.disk.blobs.insert(digest, json);
                Ok((digest, Box::new(deployment)))
            }
        };
        self.tell_hub(Message::Rendered(input.key(), result));
    }

    fn deployment_of(&mut self, input: &RenderInput, tree: Tree) -> Deployment {
        let mut objects = Vec::new();
        for (key, value) in tree.objects {
            let content = content(&key, value);
            let json = serde_json::to_vec(&content).unwrap_or_default();
            let digest = Digest::of(&json);
            self.oracle.rendered(&key, digest);
            let api_version = content["apiVersion"].as_str().unwrap_or_default().to_owned();
            objects.push(DeploymentObject { api_version, key, digest, size: json.len() as u64, source: String::new() });
            self.hub.disk.blobs.insert(digest, json);
        }
        Deployment {
            protocol: fleet_api::wire::PROTOCOL,
            bundle: input.bundle.clone(),
            release_namespace: crate::git::SHOP.to_owned(),
            force_namespace: false,
            create_namespace: true,
            namespace_labels: BTreeMap::new(),
            namespace_annotations: BTreeMap::new(),
            options: tree.options,
            objects,
        }
    }

    /// A repository is looked at.
    pub(crate) fn poll(&mut self, id: u32, name: &str) {
        if self.hub.running.as_ref().is_none_or(|running| running.id != id) {
            return;
        }
        let delay = self.rng.between(15_000, 25_000);
        self.push(self.now + delay, Ev::Poll(id, name.to_owned()));
        let Some(running) = &self.hub.running else { return };
        let (Some(row), Some(repo)) = (self.hub.disk.read::<GitRepoRow>(GITREPO, name), self.repos.get(name)) else {
            return;
        };
        if row.deleting {
            return;
        }
        if self.now < self.unreachable_until.get(name).copied().unwrap_or(0) {
            let note = Note::new(Reason::RepositoryUnreachable, "connection refused");
            return self.tell_hub(Message::Observe(Box::new(Event::ReadFailed(named(name), vec![note]))));
        }
        let edition = (repo.commits, row.generation);
        if running.read.get(name) == Some(&edition) || self.now < self.hub.disk_full_until {
            return;
        }
        let of = |record: &BundleRecord| record.gitrepo.as_ref().is_some_and(|gitrepo| gitrepo.as_str() == name);
        let present: BTreeSet<String> =
            running.machine.bundles().filter(|(_, record)| of(record)).map(|(_, record)| record.directory.clone()).collect();
        let (read, blobs): (RepositoryRead, _) = repo.read(name, row.generation, &row.entries, &present);
        // Blobs are on disk before the rows that name them.
        self.hub.disk.blobs.extend(blobs.into_iter().map(|bytes| (Digest::of(&bytes), bytes)));
        if let Some(running) = &mut self.hub.running {
            running.read.insert(name.to_owned(), edition);
        }
        self.tell_hub(Message::Observe(Box::new(Event::Read(Box::new(read)))));
    }

    /// A request of an agent arrives.
    pub(crate) fn serve_agent(&mut self, request: &Request) {
        let Request { site, pid, id, path, bytes } = request.clone();
        let key = self.sites[site].key;
        let Some(running) = &self.hub.running else { return };
        let Some(slot) = running.slots.get(&key) else {
            return self.answer_agent(site, pid, id, NetAnswer::Refused(401, Reason::Revoked));
        };
        if path == "/v1/blobs" {
            return self.serve_blobs(request, key);
        }
        let Ok(request) = serde_json::from_slice::<SyncRequest>(&bytes) else { return };
        if let Err(note) = check_identity(self.rules.1, &slot.cluster, &slot.enrollment, &request) {
            return self.answer_agent(site, pid, id, NetAnswer::Refused(403, note.reason));
        }
        let waiting = Waiting {
            site,
            pid,
            id,
            key,
            cluster: slot.cluster.clone(),
            have: request.have,
            told: request.report.is_some() || request.start.is_none(),
            wait: u64::from(request.wait) * 1000,
            outcome: SyncOutcome::default(),
        };
        let sync = Sync {
            cluster: slot.cluster.clone(),
            start: request.start,
            instance: request.instance,
            have: request.have,
            report: request.report,
        };
        self.tell_hub(Message::Sync(Box::new(sync), waiting));
    }

    fn answer_sync(&mut self, mut waiting: Waiting, outcome: Option<SyncOutcome>) {
        let Some(outcome) = outcome else {
            let refused = NetAnswer::Refused(401, Reason::Revoked);
            return self.answer_agent(waiting.site, waiting.pid, waiting.id, refused);
        };
        waiting.outcome = outcome;
        if outcome.fenced {
            return self.respond(&waiting, None);
        }
        let wait = if waiting.told || outcome.resend { SETTLE.min(waiting.wait) } else { waiting.wait };
        let (cluster, id) = (waiting.cluster.clone(), waiting.id);
        let Some(running) = &mut self.hub.running else { return };
        running.waiting.push(waiting);
        // A further one ends the oldest, which its agent may have given up long ago.
        let of: Vec<usize> = (0..running.waiting.len()).filter(|at| running.waiting[*at].cluster == cluster).collect();
        let displaced = (of.len() > 2).then(|| running.waiting.remove(of[0]));
        let hub = running.id;
        if let Some(displaced) = displaced {
            self.respond(&displaced, None);
        }
        self.push(self.now + wait, Ev::EndWait(hub, id));
        self.serve_waiting(&cluster);
    }

    /// Whoever waits for news of a cluster and can have some gets it.
    pub(crate) fn serve_waiting(&mut self, cluster: &Ref) {
        let Some(running) = &mut self.hub.running else { return };
        let (mine, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut running.waiting).into_iter().partition(|waiting| waiting.cluster == *cluster);
        running.waiting = others;
        for waiting in mine {
            let Some(running) = &mut self.hub.running else { return };
            let Some(slot) = running.slots.get(&waiting.key) else {
                let refused = NetAnswer::Refused(401, Reason::Revoked);
                self.answer_agent(waiting.site, waiting.pid, waiting.id, refused);
                continue;
            };
            let Some((issued, base)) = slot.shelf.take(waiting.have) else {
                running.waiting.push(waiting);
                continue;
            };
            let envelope = encode::envelope(&issued, base.as_deref()).ok();
            running.inbox.push_back(Message::Served(waiting.cluster.clone(), issued.have.version));
            self.oracle.served(&waiting.cluster, issued.have);
            self.respond(&waiting, envelope);
        }
        self.step_hub_at(self.now + 1);
    }

    pub(crate) fn end_wait(&mut self, hub: u32, id: u64) {
        let Some(running) = self.hub.running.as_mut().filter(|running| running.id == hub) else { return };
        let Some(at) = running.waiting.iter().position(|waiting| waiting.id == id) else { return };
        let waiting = running.waiting.remove(at);
        running.inbox.push_back(Message::Waits(waiting.cluster.clone()));
        self.respond(&waiting, None);
        self.step_hub_at(self.now + 1);
    }

    pub(crate) fn respond(&mut self, waiting: &Waiting, desired: Option<fleet_api::wire::DesiredEnvelope>) {
        let outcome = waiting.outcome;
        let response = SyncResponse {
            protocol: fleet_api::wire::PROTOCOL,
            start: outcome.start,
            fenced: outcome.fenced,
            desired,
            acknowledged: outcome.acknowledged,
            resend: outcome.resend,
        };
        self.oracle.acknowledged(&waiting.cluster, &outcome);
        let bytes: Bytes = serde_json::to_vec(&response).unwrap_or_default().into();
        self.answer_agent(waiting.site, waiting.pid, waiting.id, NetAnswer::Ok(bytes));
    }

    fn serve_blobs(&mut self, request: &Request, key: Digest) {
        let Ok(wanted) = serde_json::from_slice::<BlobsRequest>(&request.bytes) else { return };
        let Some(running) = &self.hub.running else { return };
        let Some(slot) = running.slots.get(&key) else { return };
        let readable = slot.shelf.readable();
        let mut needed: BTreeSet<Digest> = readable.clone();
        needed.extend(readable.iter().filter_map(|digest| running.contents.get(digest)).flatten().copied());
        let (want, refused): (Vec<Digest>, Vec<Digest>) =
            wanted.want.into_iter().partition(|digest| needed.contains(digest));
        let mut head = BlobsHead { refused, ..BlobsHead::default() };
        let (mut prefix, mut content) = (Vec::new(), Vec::new());
        let whole = |digest: &Digest| self.hub.disk.blobs.get(digest).filter(|bytes| Digest::of(bytes) == *digest);
        for base in wanted.bases.iter().filter(|digest| needed.contains(digest)) {
            if let Some(bytes) = whole(base) {
                prefix.extend_from_slice(bytes);
                head.bases.push(*base);
            }
        }
        let mut lies = self.hub.corrupts > 0;
        for digest in want {
            let Some(bytes) = whole(&digest) else { continue };
            let mut bytes = bytes.clone();
            if lies && let Some(at) = bytes.windows(9).position(|window| window == b"\"value\":\"") {
                // A proxy in between that has its own mind.
                bytes[at + 9] = b'!';
                lies = false;
            }
            head.blobs.push(BlobEntry { digest, size: bytes.len() as u64 });
            content.extend_from_slice(&bytes);
        }
        if self.hub.corrupts > 0 && !lies {
            self.hub.corrupts -= 1;
        }
        let Ok(body) = encode::blobs(&head, &content, &prefix) else { return };
        self.answer_agent(request.site, request.pid, request.id, NetAnswer::Ok(body.into()));
    }
}
