//! One run: chaos, then the world is good again, and everything has to come right. And the shrinking of what failed.

use crate::git::Health;
use crate::hub::{CLUSTER, ClusterRow};
use crate::oracle::Violation;
use crate::schedule::{CHAOS, Profile, Step, steps};
use crate::world::{Ev, World};
use fleet_api::ObjectKey;
use fleet_api::labels::{DEPLOYMENT_ANNOTATION, OWNER_LABEL};
use serde_json::Value;
use skiff_planner::{agent, hub};
use std::collections::BTreeSet;

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The seed.
    pub seed: u64,
    /// What it is made of mostly.
    pub profile: Profile,
    /// How many clusters there are.
    pub clusters: usize,
    /// The rules of the agents; only test builds can switch one off.
    pub agent: agent::Rules,
    /// The rules of the hub.
    pub hub: hub::Rules,
}

impl Settings {
    /// With all rules on.
    pub fn new(seed: u64, profile: Profile, clusters: usize) -> Self {
        Self { seed, profile, clusters, agent: agent::Rules::all(), hub: hub::Rules::all() }
    }

    /// The steps that its seed makes.
    pub fn steps(&self) -> Vec<Step> {
        steps(self.seed, self.profile, self.clusters)
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What went wrong.
    pub violation: Option<Violation>,
    /// Of everything that happened: the same seed gives the same.
    pub hash: u64,
    /// How many events there were.
    pub events: u64,
    /// How many objects agents deleted.
    pub deletions: u64,
    /// How many objects agents applied.
    pub applies: u64,
    /// How long it took until all was right, once the world was good again (virtual ms).
    pub recovery: u64,
    /// What happened, where it was asked for.
    pub trace: Vec<String>,
}

/// After this time (ms) of a good world everything has to be right: 40 polls.
const PATIENCE: u64 = 2_400_000;
const POLL: u64 = 60_000;

/// Runs the steps of the seed.
pub fn run(settings: &Settings) -> Outcome {
    run_steps(settings, settings.steps(), false)
}

/// Runs these steps; `trace`: keeps what happened.
pub fn run_steps(settings: &Settings, steps: Vec<Step>, trace: bool) -> Outcome {
    let mut world = World::new(settings.seed, steps, settings.clusters, (settings.agent, settings.hub));
    world.trace = trace.then(Vec::new);
    world.run_until(CHAOS);
    world.mend();
    let recovery = world.recover();
    world.rest();
    let trace = world.trace.take().unwrap_or_default();
    Outcome {
        violation: world.oracle.violation,
        hash: world.hash,
        events: world.events,
        deletions: world.oracle.deletions,
        applies: world.oracle.applies,
        recovery,
        trace,
    }
}

/// The smallest part of the steps that still breaks the same rule (delta debugging).
pub fn shrink(settings: &Settings, rule: &str) -> Vec<Step> {
    let mut steps = settings.steps();
    let mut size = steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + size).min(steps.len()));
            let outcome = run_steps(settings, fewer.clone(), false);
            if outcome.violation.is_some_and(|violation| violation.rule == rule) {
                steps = fewer;
            } else {
                at += size;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    steps
}

impl World {
    /// The faults end: networks, disks, clocks and API servers are good, repositories can be read, what people have put in
    /// the way is gone, copies are stopped, one agent runs in each cluster, and who lost its identity gets a new one.
    fn mend(&mut self) {
        self.is_good = true;
        self.sites.iter_mut().for_each(crate::world::Site::mend);
        (self.hub.clock, self.hub.disk_full_until, self.hub.corrupts) = (0, 0, 0);
        self.hub.crash_at_commit = None;
        self.unreachable_until.clear();
        for repo in self.repos.values_mut() {
            repo.dirs.values_mut().for_each(|dir| dir.health = Health::Good);
            repo.commit();
        }
        self.start_hub();
        for site in 0..self.sites.len() {
            if self.sites[site].is_copy {
                self.kill(site);
                continue;
            }
            // The younger one is the one that the hub heard of last; who it has not heard of yet comes after both.
            let of_site = self.procs.values().filter(|process| process.site == site && !process.fenced);
            let youngest = of_site.map(|process| (process.start.unwrap_or(u64::MAX), process.pid)).max();
            let youngest = youngest.map(|(_, pid)| pid);
            // An exception that docs/RELIABILITY.md states: of two processes with one identity the older is fenced, and
            // stays so until it is started again, also where the younger one has ended since (R12).
            self.procs.retain(|pid, process| process.site != site || Some(*pid) == youngest);
            self.clear_the_way(site);
            self.push(self.now + 10, Ev::AgentUp(site));
        }
        self.refresh_truth();
        self.note(|| "--- the world is good again".into());
    }

    /// Takes off finalizers, and deletes what others made under names that bundles have.
    fn clear_the_way(&mut self, site: usize) {
        let keys: Vec<ObjectKey> = self.sites[site].api.all().map(|(key, _)| key.clone()).collect();
        for key in keys.into_iter().filter(|key| !key.namespace.is_empty()) {
            self.sites[site].api.finalizer(&key, false);
            let is_foreign = self.sites[site]
                .api
                .get(&key)
                .is_some_and(|object| object["metadata"]["annotations"][DEPLOYMENT_ANNOTATION].is_null());
            if is_foreign {
                drop(self.sites[site].api.at(self.now).delete(&key, &Value::Null));
            }
        }
        self.changed(site);
    }

    /// Goes on until everything is right; how long that took.
    fn recover(&mut self) -> u64 {
        let began = self.now;
        let mut wrong = String::new();
        while self.now < began + PATIENCE && self.oracle.violation.is_none() {
            self.care_for_identities();
            for site in 0..self.sites.len() {
                self.approve(site, 200);
            }
            self.run_until(self.now + POLL / 2);
            match self.is_right() {
                Ok(()) => return self.now - began,
                Err(why) => wrong = why,
            }
        }
        if self.oracle.violation.is_none() {
            self.oracle.fail(self.now, "liveness", wrong);
        }
        self.now - began
    }

    /// An admin gives tokens to clusters that have lost their place at the hub, and starts agents again that say they are
    /// fenced: a first request that comes a second time, late, makes its sender the younger one, dead or not (R12).
    ///
    /// Of two processes with one identity, the one that stays may have begun before the other wrote last. Where it has nothing
    /// to write it never finds out, and the one after it begins with what it did not know of (seed 102574). The Lease, which
    /// is not in this world, has an agent begin when the other has stopped; so does this one, again.
    fn care_for_identities(&mut self) {
        for site in 0..self.sites.len() {
            if self.sites[site].is_copy {
                continue;
            }
            let name = self.sites[site].name.clone();
            let Some(running) = &self.hub.running else { return };
            let known = running.machine.memory(&name).map(|memory| memory.enrollment.clone());
            let (kube_system, uid) = (self.sites[site].kube_system.clone(), self.sites[site].uid.clone());
            match known {
                Some(known) if known.kube_system_uid != kube_system => self.delete_cluster(site),
                Some(known) if Some(&known.uid) == uid.as_ref() => {
                    let mut here = self.procs.values().filter(|process| process.site == site);
                    if here.any(|process| process.fenced || !self.oracle.knows_its_documents(site, process.pid)) {
                        self.kill(site);
                        self.push(self.now + 10, Ev::AgentUp(site));
                    }
                }
                Some(_) | None => {
                    self.kill(site);
                    self.sites[site].uid = None;
                    self.push(self.now + 10, Ev::AgentUp(site));
                }
            }
        }
    }

    /// Every cluster has what its Desired says, and every report says its cluster's truth.
    fn is_right(&self) -> Result<(), String> {
        let Some(running) = &self.hub.running else { return Err("the hub is down".into()) };
        for (index, site) in self.sites.iter().enumerate().filter(|(_, site)| !site.is_copy) {
            let name = &site.name;
            let wrong = |why: String| Err(format!("{name}: {why}"));
            let Some(memory) = running.machine.memory(name) else { return wrong("it is not enrolled".into()) };
            let Some(process) = self.procs.values().find(|process| process.site == index) else {
                return wrong("no agent runs".into());
            };
            let have = process.machine.have();
            if have.is_none() || have != memory.newest().map(|newest| (newest.version, newest.digest)) {
                return wrong(format!("it has {have:?}, and should have {:?}", memory.newest()));
            }
            if memory.report.version != process.version()
                || memory.report.deployments != process.last_report.deployments
            {
                return wrong("its report is not what it says".into());
            }
            if !self.oracle.knows_its_documents(index, process.pid) {
                return wrong("it works with another state than is on disk".into());
            }
            if let Some(held) = &memory.report.held {
                return wrong(format!("{} deletions are held: {}", held.objects.len(), held.note.message));
            }
            self.has_what_it_should(index, process, memory)?;
        }
        Ok(())
    }

    fn has_what_it_should(
        &self,
        index: usize,
        process: &crate::agent::Process,
        memory: &hub::Memory,
    ) -> Result<(), String> {
        let site = &self.sites[index];
        let wrong = |why: String| Err(format!("{}: {why}", site.name));
        let row = self.hub.disk.read::<ClusterRow>(CLUSTER, site.name.name.as_str());
        for deployment in memory.desired.iter().flat_map(|desired| &desired.deployments) {
            let Some(said) = memory.report.deployments.get(&deployment.bundle) else {
                return wrong(format!("nothing is reported of {}", deployment.bundle));
            };
            if said.notes.iter().any(|note| self.is_in_the_way(index, process, note)) {
                continue;
            }
            if !said.applied || said.deployment != Some(deployment.deployment) {
                return wrong(format!("{} is not applied: {:?}", deployment.bundle, said.notes.first()));
            }
            let Some(document) = process.machine.in_force(&deployment.bundle) else {
                return wrong(format!("{} was not begun", deployment.bundle));
            };
            for object in &document.objects {
                let is_there = site.api.get(&object.key).is_some();
                let is_told = said.modified.iter().any(|modified| modified.key == object.key) || said.incomplete;
                if !is_there && !is_told {
                    return wrong(format!("{} is missing, and nothing is said of it", object.key));
                }
                if row.is_some() && !self.oracle.is_meant(index, &object.key) {
                    return wrong(format!("{} is in its desired state, and nobody means it", object.key));
                }
            }
        }
        let desired = memory.desired.iter().flat_map(|desired| &desired.deployments);
        let documents = desired.filter_map(|deployment| process.machine.in_force(&deployment.bundle));
        let told: BTreeSet<&ObjectKey> =
            documents.flat_map(|document| &document.objects).map(|object| &object.key).collect();
        if let Some(key) = self.surely_meant(index).iter().find(|key| !told.contains(key)) {
            return wrong(format!("{key} is meant, and is not in its desired state"));
        }
        let ledger = process.machine.ledger();
        if ledger != self.oracle.ledger(index) {
            return wrong("its ledger is not on disk".into());
        }
        for (bundle, of) in ledger.bundles() {
            for (key, entry) in of.objects() {
                if !self.oracle.is_meant(index, key) && entry.uid.is_some() {
                    let notes = memory.report.deployments.get(bundle).map_or(&[][..], |said| &said.notes);
                    // What a Bundle no longer has goes once all that it has is applied (R6), and people have to see to that.
                    if notes.iter().any(|note| self.is_in_the_way(index, process, note)) {
                        continue;
                    }
                    let said = notes.first();
                    // Kept, and named: the store that knew what became of its Bundle is gone, so there is no positive
                    // statement that it is to go (R6), and none can come. Without this exception every restore to before
                    // a withdrawal would count as stuck.
                    let is_kept = said.is_some_and(|note| note.reason == fleet_api::Reason::Unaccounted);
                    if is_kept && self.oracle.may_have_forgotten(index) {
                        continue;
                    }
                    let says = process.says(bundle).map(|said| said.is_tombstone);
                    return wrong(format!("{key} is still there, and nobody means it: tombstone {says:?}, {said:?}"));
                }
            }
        }
        if memory.history.len() > 256 || memory.tombstones.len() > 64 || ledger.len() > 400 {
            return wrong("what is remembered grows".into());
        }
        Ok(())
    }

    /// Whether a note names something that people have to put right, and that is told. An object that another owner has is
    /// left as it is; a definition that was kept when its Bundle ended is one, where the cluster was enrolled anew since, and
    /// only `takeOwnership` ends it. And an object whose definition nobody means in this cluster cannot be made.
    fn is_in_the_way(&self, index: usize, process: &crate::agent::Process, note: &fleet_api::Note) -> bool {
        let Some(key) = &note.object else { return false };
        let api = &self.sites[index].api;
        match note.reason {
            fleet_api::Reason::OwnedByOther => {
                let is_others = |object: &Value| {
                    let meta = &object["metadata"];
                    let maker =
                        meta["annotations"][DEPLOYMENT_ANNOTATION].as_str().and_then(|maker| maker.parse().ok());
                    let said = maker.as_ref().and_then(|maker| process.says(maker));
                    // An agent that did not know yet that it is fenced made it, for a Bundle that has it no longer.
                    let is_left = said.is_some_and(|said| !said.is_tombstone);
                    meta["labels"][OWNER_LABEL] != process.uid.as_str() || is_left
                };
                api.get(key).is_some_and(|object| is_others(object))
            }
            // Two Bundles are meant to have it: of two directories, or of one and an entry that yields nothing now.
            fleet_api::Reason::ClaimedByOtherBundle => {
                let desired = process.in_force.iter().flat_map(|desired| &desired.deployments);
                let documents = desired.filter_map(|deployment| process.machine.in_force(&deployment.bundle));
                documents.filter(|document| document.objects.iter().any(|object| object.key == *key)).count() > 1
            }
            fleet_api::Reason::WaitingForKind => {
                let is_defined = self.surely_meant(index).iter().any(|key| key.kind == "CustomResourceDefinition");
                api.kind(&key.group, &key.kind).is_none() && !is_defined
            }
            _ => false,
        }
    }

    /// Nothing changes any more: nothing is written, not even by agents that start again.
    fn rest(&mut self) {
        if self.oracle.violation.is_some() {
            return;
        }
        self.run_until(self.now + 2 * POLL);
        self.has_rested("a fleet at rest", 5 * POLL);
        for site in 0..self.sites.len() {
            if !self.sites[site].is_copy {
                self.kill(site);
                self.push(self.now + 100, Ev::AgentUp(site));
            }
        }
        self.has_rested("agents that started again", 3 * POLL);
    }

    /// The one write that a fleet at rest makes: a Desired is renewed when half of its lifetime is over.
    fn has_rested(&mut self, who: &str, time: u64) {
        let renewed = |world: &Self| -> Vec<u64> {
            let hub = world.hub.running.as_ref();
            let of = |site: &crate::world::Site| hub.and_then(|hub| hub.machine.memory(&site.name));
            world.sites.iter().map(|site| of(site).map_or(0, |memory| memory.version.generation)).collect()
        };
        let versions: Vec<u64> = self.sites.iter().map(|site| site.api.version()).collect();
        let generations = renewed(self);
        self.run_until(self.now + time);
        let renewals = renewed(self).into_iter().zip(generations).map(|(after, before)| after.saturating_sub(before));
        for (index, (before, renewals)) in versions.into_iter().zip(renewals).enumerate() {
            let writes = self.sites[index].api.version() - before;
            if writes > renewals {
                let message = format!("c{index}: {who} wrote {writes} times, {renewals} of them a renewal");
                return self.oracle.fail(self.now, "quiet", message);
            }
        }
    }
}
