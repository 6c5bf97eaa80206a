//! The whole fleet, its one queue of events, and its time. Everything that happens goes through [`World::dispatch`].

use crate::agent::{Call, Done, Process};
use crate::api::Api;
use crate::git::{Dir, Health, Repo, SHOP};
use crate::hub::{Disk, GITREPO, GitRepoRow, Hub, Message};
use crate::net::{Answer, Request};
use crate::oracle::Oracle;
use crate::rng::Rng;
use crate::schedule::{REPOS, Step};
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::Timestamp;
use fleet_api::{Digest, ObjectKey};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use skiff_planner::agent::GroupKind;
use skiff_planner::hub::RenderInput;
use std::collections::{BTreeMap, BTreeSet};

/// How often (‰) a directory has so many objects.
const MANY: u64 = 250;
const BASE: i64 = 1_767_225_600_000;

/// The time that a clock shows which is `off` ms off.
pub(crate) fn wall(now: u64, off: i64) -> Timestamp {
    let at = BASE.saturating_add(i64::try_from(now).unwrap_or(0)).saturating_add(off);
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Something that is due.
#[derive(Debug)]
pub(crate) enum Ev {
    Step(usize),
    Approve(Ref, Digest),
    Decide(u32, u64),
    Call(usize, u32, Box<Call>),
    Done(u32, Box<Done>),
    RetryJobs(u32),
    Watch(u32, GroupKind),
    Kill(usize),
    AgentUp(usize),
    /// What starts a process that has ended by itself does so, whether another one runs at the site or not.
    AgentAgain(usize),
    ToHub(Box<Request>),
    ToAgent(u32, u64, Answer),
    HubUp,
    HubStep(u32, u64),
    HubWake(u32, u64),
    Commit(u32),
    Render(u32, Box<RenderInput>),
    Poll(u32, String),
    EndWait(u32, u64),
    Enrolled(usize, Result<ClusterUid, String>),
}

/// One cluster, wherever it stands.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) name: Ref,
    pub(crate) api: Api,
    /// Blobs on the agent's disk, and whether they would survive a loss of power.
    pub(crate) cache: BTreeMap<Digest, (Vec<u8>, bool)>,
    pub(crate) kube_system: String,
    pub(crate) key: Digest,
    pub(crate) uid: Option<ClusterUid>,
    /// It is a copy of another one.
    pub(crate) is_copy: bool,
    pub(crate) clock: i64,
    pub(crate) crash_after: Option<u32>,
    pub(crate) snipes: u32,
    pub(crate) cut_until: u64,
    pub(crate) half_open_until: u64,
    pub(crate) lossy_until: u64,
    pub(crate) net_slow_until: u64,
    pub(crate) slow_until: u64,
    pub(crate) api_down_until: u64,
    pub(crate) starting_until: u64,
    pub(crate) erring_until: u64,
    pub(crate) refusing_until: u64,
    pub(crate) watch_slow_until: u64,
    pub(crate) disk_full_until: u64,
}

impl Site {
    pub(crate) fn new(index: usize, incarnation: u32) -> Self {
        let name = format!("c{index}");
        Self {
            name: crate::git::named(&name),
            api: Api::new(&format!("{name}.{incarnation}")),
            cache: BTreeMap::new(),
            kube_system: format!("kube-system-{name}-{incarnation}"),
            key: Digest::of(format!("{name}/{incarnation}").as_bytes()),
            uid: None,
            is_copy: false,
            clock: 0,
            crash_after: None,
            snipes: 0,
            cut_until: 0,
            half_open_until: 0,
            lossy_until: 0,
            net_slow_until: 0,
            slow_until: 0,
            api_down_until: 0,
            starting_until: 0,
            erring_until: 0,
            refusing_until: 0,
            watch_slow_until: 0,
            disk_full_until: 0,
        }
    }

    /// The world is good again.
    pub(crate) fn mend(&mut self) {
        let Self {
            cut_until,
            half_open_until,
            lossy_until,
            net_slow_until,
            slow_until,
            api_down_until,
            starting_until,
            erring_until,
            refusing_until,
            watch_slow_until,
            disk_full_until,
            ..
        } = self;
        for until in [
            cut_until,
            half_open_until,
            lossy_until,
            net_slow_until,
            slow_until,
            api_down_until,
            starting_until,
            erring_until,
            refusing_until,
            watch_slow_until,
            disk_full_until,
        ] {
            *until = 0;
        }
        (self.clock, self.crash_after, self.snipes) = (0, None, 0);
    }
}

/// The fleet.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: u64,
    queue: BTreeMap<(u64, u64), Ev>,
    next: u64,
    pub(crate) rng: Rng,
    pub(crate) rules: (skiff_planner::agent::Rules, skiff_planner::hub::Rules),
    pub(crate) sites: Vec<Site>,
    pub(crate) procs: BTreeMap<u32, Box<Process>>,
    pub(crate) next_pid: u32,
    pub(crate) next_request: u64,
    pub(crate) hub: Hub,
    pub(crate) hub_key: Vec<u8>,
    pub(crate) repos: BTreeMap<String, Repo>,
    pub(crate) unreachable_until: BTreeMap<String, u64>,
    pub(crate) oracle: Oracle,
    pub(crate) steps: Vec<Step>,
    pub(crate) incarnations: u32,
    pub(crate) trace: Option<Vec<String>>,
    pub(crate) hash: u64,
    pub(crate) events: u64,
    /// What comes to an agent within so many ms is decided on together: with some seeds nearly nothing, with others much.
    pub(crate) moment: u64,
    /// The faults have ended.
    pub(crate) is_good: bool,
}

/// The name of a repository.
pub(crate) fn repo_name(index: usize) -> String {
    format!("r{index}")
}

fn config_map(name: &str) -> ObjectKey {
    ObjectKey::new("", "ConfigMap", SHOP, name)
}

impl World {
    pub(crate) fn new(
        seed: u64,
        steps: Vec<Step>,
        sites: usize,
        rules: (skiff_planner::agent::Rules, skiff_planner::hub::Rules),
    ) -> Self {
        let mut secret = [7_u8; 32];
        secret[..8].copy_from_slice(&seed.to_le_bytes());
        let signing = Ed25519KeyPair::from_seed_unchecked(&secret).expect("32 bytes are a seed");
        let hub_key = signing.public_key().as_ref().to_vec();
        let mut world = Self {
            now: 0,
            queue: BTreeMap::new(),
            next: 0,
            rng: Rng::new(seed, 2),
            rules,
            sites: (0..sites).map(|index| Site::new(index, 0)).collect(),
            procs: BTreeMap::new(),
            next_pid: 1,
            next_request: 0,
            hub: Hub {
                disk: Disk::default(),
                backup: None,
                running: None,
                next_id: 0,
                signing,
                clock: 0,
                disk_full_until: 0,
                crash_at_commit: None,
                corrupts: 0,
                old: BTreeMap::new(),
                uids: 0,
                taken: BTreeMap::new(),
            },
            hub_key,
            repos: BTreeMap::new(),
            unreachable_until: BTreeMap::new(),
            oracle: Oracle::new(sites),
            steps,
            incarnations: 0,
            trace: None,
            hash: 0xcbf2_9ce4_8422_2325,
            events: 0,
            moment: [4, 16, 40][Rng::new(seed, 4).index(3)],
            is_good: false,
        };
        world.set_up(seed);
        world
    }

    fn set_up(&mut self, seed: u64) {
        let mut rng = Rng::new(seed, 3);
        // More than may be deleted without an approval (R8).
        let has_many = rng.per_mille(MANY);
        for index in 0..REPOS {
            let name = repo_name(index);
            let mut repo = Repo::default();
            for dir in 0..3 {
                let mut objects: BTreeMap<ObjectKey, u32> =
                    (0..rng.between(2, 4)).map(|at| (config_map(&format!("{name}d{dir}-{at}")), 1)).collect();
                match (index, dir) {
                    (0, 0) if has_many => {
                        objects.extend((0..13).map(|at| (config_map(&format!("{name}many-{at}")), 1)));
                    }
                    (0, 1) => _ = objects.insert(ObjectKey::new("", "Secret", SHOP, &format!("{name}-secret")), 1),
                    (1, 0) => {
                        let claim = ObjectKey::new("", "PersistentVolumeClaim", SHOP, &format!("{name}-claim"));
                        objects.insert(claim, 1);
                    }
                    (2, 0) => {
                        let crds = ("apiextensions.k8s.io", "CustomResourceDefinition");
                        objects.insert(ObjectKey::new(crds.0, crds.1, "", "widgets.example.com"), 1);
                        objects.insert(ObjectKey::new("example.com", "Widget", SHOP, "w"), 1);
                    }
                    _ => {}
                }
                let entry = if dir == 2 { "solo" } else { "apps" };
                let dir_state =
                    Dir { objects, health: Health::Good, corrects: rng.per_mille(600), keeps: dir == 2 && index == 1 };
                repo.dirs.insert((entry.to_owned(), format!("d{dir}")), dir_state);
            }
            repo.commit();
            self.repos.insert(name.clone(), repo);
            let entries = crate::git::ENTRIES.iter().map(|entry| (*entry).to_owned()).collect();
            self.hub.disk.write(GITREPO, &name, &GitRepoRow { entries, generation: 1, deleting: false, keeps: false });
        }
        self.start_hub();
        for site in 0..self.sites.len() {
            let at = rng.between(10, 2000);
            self.push(at, Ev::AgentUp(site));
        }
        for index in 0..self.steps.len() {
            self.push(self.steps[index].at, Ev::Step(index));
        }
    }

    pub(crate) fn push(&mut self, at: u64, event: Ev) {
        self.next += 1;
        self.queue.insert((at.max(self.now), self.next), event);
    }

    /// Goes on until `until`, or until something is wrong.
    pub(crate) fn run_until(&mut self, until: u64) {
        while self.oracle.violation.is_none() {
            let Some(((at, number), event)) = self.queue.pop_first() else { break };
            if at > until {
                self.queue.insert((at, number), event);
                break;
            }
            self.now = at;
            self.events += 1;
            self.mark(&event);
            self.dispatch(event);
        }
        self.now = self.now.max(until);
    }

    /// What happened goes into the hash of the run, and into its trace.
    fn mark(&mut self, event: &Ev) {
        let (code, who) = match event {
            Ev::Step(index) => (1, *index as u64),
            Ev::Approve(..) => (2, 0),
            Ev::Decide(pid, _) => (3, u64::from(*pid)),
            Ev::Call(site, pid, call) => {
                if let Some(trace) = &mut self.trace {
                    trace.push(format!("{:>8} c{site} p{pid} {call:.300?}", self.now));
                }
                (4, u64::from(*pid) << 8 | *site as u64)
            }
            Ev::Done(pid, _) => (5, u64::from(*pid)),
            Ev::RetryJobs(pid) => (6, u64::from(*pid)),
            Ev::Watch(pid, _) => (7, u64::from(*pid)),
            Ev::Kill(site) => (8, *site as u64),
            Ev::AgentUp(site) => (9, *site as u64),
            Ev::ToHub(request) => (10, request.id),
            Ev::ToAgent(_, id, _) => (11, *id),
            Ev::HubUp => (12, 0),
            Ev::HubStep(id, _) | Ev::HubWake(id, _) | Ev::Commit(id) => (13, u64::from(*id)),
            Ev::Render(id, _) => (14, u64::from(*id)),
            Ev::Poll(id, _) => (15, u64::from(*id)),
            Ev::EndWait(_, id) => (16, *id),
            Ev::Enrolled(site, _) => (17, *site as u64),
            Ev::AgentAgain(site) => (18, *site as u64),
        };
        for word in [self.now, code, who, self.oracle.deletions] {
            self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{now:>8} {}", text()));
        }
    }

    fn dispatch(&mut self, event: Ev) {
        match event {
            Ev::Step(index) => self.step(index),
            Ev::Approve(cluster, shown) => self.tell_hub(Message::Approve(cluster, shown)),
            Ev::Decide(pid, at) => self.decide(pid, at),
            Ev::Call(site, pid, call) => self.serve(site, pid, *call),
            Ev::Done(pid, done) => self.done(pid, *done),
            Ev::RetryJobs(pid) => self.retry_jobs(pid),
            Ev::Watch(pid, kind) => self.watch(pid, &kind),
            Ev::Kill(site) => {
                self.kill(site);
                self.push(self.now + 3000, Ev::AgentUp(site));
            }
            Ev::AgentUp(site) => self.agent_up(site),
            Ev::AgentAgain(site) => self.agent_again(site),
            Ev::ToHub(request) => self.serve_agent(&request),
            Ev::ToAgent(pid, id, answer) => self.net_answer(pid, id, &answer),
            Ev::HubUp => self.start_hub(),
            Ev::HubStep(id, at) => self.hub_step(id, at),
            Ev::HubWake(id, at) => {
                let counts = |running: &crate::hub::Running| running.id == id && running.wakes == Some(at);
                if self.hub.running.as_deref().is_some_and(counts) {
                    self.step_hub_at(self.now);
                }
            }
            Ev::Commit(id) => self.commit(id),
            Ev::Render(id, input) => self.render(id, &input),
            Ev::Poll(id, name) => self.poll(id, &name),
            Ev::EndWait(hub, id) => self.end_wait(hub, id),
            Ev::Enrolled(site, result) => {
                if let Ok(uid) = result {
                    let old = self.sites[site].uid.replace(uid.clone());
                    if old.as_ref() != Some(&uid) {
                        self.note(|| format!("c{site} is enrolled as {uid}"));
                        self.kill(site);
                    }
                    self.push(self.now + 10, Ev::AgentUp(site));
                }
            }
        }
    }

    /// Ends the processes of a site.
    pub(crate) fn kill(&mut self, site: usize) {
        self.procs.retain(|_, process| process.site != site);
    }

    /// A process has ended by itself: something starts it again.
    pub(crate) fn exited(&mut self, process: &Process) {
        self.note(|| format!("c{} p{} has ended by itself", process.site, process.pid));
        self.push(self.now + 5000, Ev::AgentAgain(process.site));
    }

    /// A process that has ended by itself is started again, beside the other one of its site. In a good world there is one
    /// agent in each cluster, which is then the younger one: the older one of the two is fenced, and stays so (R12).
    fn agent_again(&mut self, site: usize) {
        if self.is_good {
            self.kill(site);
        }
        self.start_agent(site, Ev::AgentAgain);
    }

    /// The site's agent is to run.
    fn agent_up(&mut self, site: usize) {
        if !self.procs.values().any(|process| process.site == site) {
            self.start_agent(site, Ev::AgentUp);
        }
    }

    /// A process begins, or `again` is tried later.
    fn start_agent(&mut self, site: usize, again: fn(usize) -> Ev) {
        let target = &self.sites[site];
        if self.now < target.api_down_until || self.now < target.starting_until {
            return self.push(self.now + 2000, again(site));
        }
        if target.uid.is_none() {
            let (name, key, kube_system) = (target.name.clone(), target.key, target.kube_system.clone());
            self.tell_hub(Message::Enroll { site, name, key, kube_system });
            return self.push(self.now + 4000, again(site));
        }
        if self.spawn(site).is_none() {
            self.push(self.now + 2000, again(site));
        }
    }

    /// What users mean for a site without any doubt.
    pub(crate) fn surely_meant(&self, site: usize) -> BTreeSet<ObjectKey> {
        let cluster =
            self.hub.disk.read::<crate::hub::ClusterRow>(crate::hub::CLUSTER, self.sites[site].name.name.as_str());
        let labels = cluster.map(|cluster| cluster.labels).unwrap_or_default();
        let of = self.repos.iter().filter(|(name, _)| labels.contains_key(*name));
        let row = |name: &str| self.hub.disk.read::<GitRepoRow>(GITREPO, name).filter(|row| !row.deleting);
        of.filter_map(|(name, repo)| Some(repo.means(&row(name)?.entries))).flatten().collect()
    }

    /// What users mean now, as far as the hub has been told of it.
    pub(crate) fn refresh_truth(&mut self) {
        let all = || crate::git::ENTRIES.iter().map(|entry| (*entry).to_owned()).collect();
        let entries_of = |name: &String| match self.hub.disk.read::<GitRepoRow>(GITREPO, name) {
            Some(row) => (!row.deleting).then_some(row.entries),
            None if self.oracle.was_deleted(name) => None,
            // It was lost, not deleted.
            None => Some(all()),
        };
        let repos: Vec<(&String, &Repo, BTreeSet<String>)> =
            self.repos.iter().filter_map(|(name, repo)| Some((name, repo, entries_of(name)?))).collect();
        for (index, site) in self.sites.iter().enumerate() {
            let row = self.hub.disk.read::<crate::hub::ClusterRow>(crate::hub::CLUSTER, site.name.name.as_str());
            let Some(row) = row.filter(|_| !site.is_copy) else { continue };
            let of = repos.iter().filter(|(name, ..)| row.labels.contains_key(*name));
            let has = |key: &ObjectKey| site.api.get(key).is_some();
            let wanted = of.flat_map(|(_, repo, entries)| repo.may_mean(entries, has)).collect();
            self.oracle.meant(self.now, index, wanted);
        }
    }
}
