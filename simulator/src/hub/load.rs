//! What a start makes of the store (`hub/src/machine/load.rs`).

use super::store::{BUNDLES, CLUSTER, CLUSTERS, DESIRED, Disk, GITREPO, RENDERS, REPORTS, Write, event_of};
use super::{Bytes, LIFETIME, OFFLINE, Running, Slot};
use fleet_api::Digest;
use fleet_api::names::Ref;
use fleet_api::wire::{Deployment, Report};
use skiff_planner::hub::{BundleRecord, DeploymentFacts, Event, Machine, Memory, Options, Rules, Shelf, Turn};
use skiff_wire::record;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

impl Running {
    /// What a start makes of the store (`hub/src/machine/load.rs`).
    pub(super) fn load(id: u32, disk: &Disk, rules: Rules) -> Self {
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
            reads: Vec::new(),
            slots: BTreeMap::new(),
            contents: BTreeMap::new(),
            inbox: VecDeque::new(),
            committing: None,
            waiting: Vec::new(),
            read: BTreeMap::new(),
            scheduled: None,
            wakes: None,
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
        let renders: Vec<(Digest, Digest)> =
            disk.table(RENDERS).filter_map(|(key, value)| Some((key.parse().ok()?, digest(value)?))).collect();
        let all: BTreeSet<Digest> = renders.iter().map(|(_, deployment)| *deployment).chain(named).collect();
        let mut readable = BTreeSet::new();
        for digest in all {
            let bytes = disk.blobs.get(&digest).filter(|bytes| Digest::of(bytes) == digest);
            let Some(deployment) = bytes.and_then(|bytes| serde_json::from_slice::<Deployment>(bytes).ok()) else {
                continue;
            };
            self.learn(digest, &deployment);
            self.machine.observe(Event::Deployment(digest, DeploymentFacts::of(&deployment)));
            readable.insert(digest);
        }
        for (input, deployment) in renders.into_iter().filter(|(_, deployment)| readable.contains(deployment)) {
            self.machine.observe(Event::RenderKnown { input, deployment, warnings: Vec::new() });
        }
    }

    pub(super) fn learn(&mut self, digest: Digest, deployment: &Deployment) {
        self.contents.insert(digest, deployment.objects.iter().map(|object| object.digest).collect());
    }
}
