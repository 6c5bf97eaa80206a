//! Taking in what happened: the snapshot changes, and what depends on it is marked. Nothing is decided here, except
//! what a read of a repository means, and which Bundles a withdrawal ends.

use super::event::{
    BundleRecord, ClusterResource, Copyable, DeploymentFacts, Enrollment, Event, GitRepoResource, RepositoryRead,
};
use super::repository::plan_after;
use super::snapshot::{BundleState, Render, RenderResult, Withdrawal};
use super::{Machine, Memory, copies, desired, is_of, placement, replace, unknown_bundle};
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::reason::Note;
use std::collections::BTreeMap;

impl Machine {
    /// Takes in what happened.
    pub fn observe(&mut self, event: Event) {
        // What a person did is shown at once; what renders and agents say is gathered.
        if !matches!(event, Event::Rendered { .. }) {
            self.status_after = None;
        }
        match event {
            Event::GitRepo(name, resource) => self.gitrepo(name, resource),
            Event::Bundle(name, Some(record)) => self.put_bundle(&name, *record),
            Event::Bundle(name, None) => self.bundle_deleted(&name),
            Event::Cluster(name, resource) => self.cluster(&name, resource.map(|resource| *resource)),
            Event::ClusterGroup(name, resource) => {
                self.dirty.group_status.insert(name.clone());
                replace(&mut self.snapshot.groups, name, resource);
                self.dirty.clusters.extend(self.snapshot.clusters.keys().cloned());
            }
            Event::Mapping(name, resource) => {
                replace(&mut self.snapshot.mappings, name, resource.map(|resource| *resource));
                self.dirty.clusters.extend(self.snapshot.clusters.keys().cloned());
            }
            Event::Copyable(name, version) => self.copyable(name, version),
            Event::Namespace(name, labels) => {
                replace(&mut self.snapshot.namespaces, name, labels);
                self.dirty.clusters.extend(self.snapshot.clusters.keys().cloned());
            }
            Event::Memory(name, memory) => {
                let cluster = self.snapshot.clusters.entry(name.clone()).or_default();
                cluster.memory = Some(*memory);
                self.snapshot.share_api_versions(&name);
                self.dirty.clusters.insert(name.clone());
                self.dirty.desired.insert(name);
            }
            Event::Deployment(digest, facts) => _ = self.snapshot.deployments.insert(digest, facts),
            Event::RenderKnown { input, deployment, warnings } => self.render_known(input, deployment, warnings),
            Event::Read(read) => self.read(&read),
            Event::ReadFailed(name, notes) => {
                if let Some(gitrepo) = self.snapshot.gitrepos.get_mut(&name) {
                    gitrepo.poll_notes = notes;
                    self.dirty.gitrepo_status.insert(name);
                }
            }
            Event::Rendered { input, result, warnings } => self.rendered(input, result, warnings),
            Event::NotStored { input, note } => self.not_stored(input, note),
            Event::NeedsChance { input } => self.needs_chance(input),
            Event::Enrolled(name, enrollment) => self.enrolled(name, enrollment),
            Event::Approved(name, approval) => {
                if let Some(memory) = self.memory_mut(&name) {
                    memory.approve(approval);
                    self.dirty.memory.insert(name.clone());
                    self.dirty.desired.insert(name);
                }
            }
        }
    }

    /// The commit that a GitRepo's Bundles were read at before this hub started.
    pub fn restore_commit(&mut self, gitrepo: &Ref, commit: &str) {
        if let Some(state) = self.snapshot.gitrepos.get_mut(gitrepo) {
            commit.clone_into(&mut state.commit);
        }
    }

    pub(super) fn memory_mut(&mut self, cluster: &Ref) -> Option<&mut Memory> {
        self.snapshot.clusters.get_mut(cluster)?.memory.as_mut()
    }

    fn gitrepo(&mut self, name: Ref, resource: Option<GitRepoResource>) {
        self.dirty.gitrepos.insert(name.clone());
        match resource {
            Some(resource) => {
                let is_new = !self.snapshot.gitrepos.contains_key(&name);
                let known = self.snapshot.gitrepos.entry(name.clone()).or_default();
                let replan = known.resource.spec.paused != resource.spec.paused
                    || known.resource.spec.deletion_limit != resource.spec.deletion_limit;
                let credentials = [&known.resource, &resource].map(|resource| copies::credential_of(&name, resource));
                known.resource = resource;
                if credentials[0] != credentials[1] || is_new {
                    credentials.iter().flatten().for_each(|credential| self.place_what_takes(credential));
                }
                if replan {
                    let bundles = self.snapshot.bundles.iter();
                    let mine =
                        bundles.filter(|(bundle, state)| is_of(state, bundle, &name)).map(|(bundle, _)| bundle.clone());
                    self.dirty.bundles.extend(mine);
                }
                self.dirty.gitrepo_status.insert(name);
            }
            // What its spec said last holds for what follows from the deletion.
            None => {
                if let Some(state) = self.snapshot.gitrepos.get_mut(&name) {
                    state.resource.deleting = true;
                }
            }
        }
    }

    /// What takes it along is placed again, with its new version.
    fn copyable(&mut self, name: Copyable, version: Option<String>) {
        if self.snapshot.copyables.get(&name) == version.as_ref() {
            return;
        }
        self.place_what_takes(&name);
        replace(&mut self.snapshot.copyables, name, version);
    }

    pub(super) fn place_what_takes(&mut self, what: &Copyable) {
        let bundles = self.snapshot.bundles.iter();
        let with = bundles.filter(|(bundle, state)| copies::takes(&state.record.spec, bundle, what));
        self.dirty.bundles.extend(with.map(|(bundle, _)| bundle.clone()));
    }

    fn put_bundle(&mut self, name: &Ref, mut record: BundleRecord) {
        self.snapshot.withdrawn.remove(name);
        if let Some(state) = self.snapshot.bundles.get_mut(name) {
            let same = state.record.is_same(&record);
            record.uses.chance |= state.record.uses.chance && state.record.id == record.id;
            state.record = record;
            if same {
                return;
            }
        } else {
            self.snapshot.bundles.insert(name.clone(), BundleState::new(record));
        }
        self.dirty.bundles.insert(name.clone());
        // Others may depend on it.
        self.dirty.bundle_status.insert(name.clone());
    }

    fn bundle_deleted(&mut self, name: &Ref) {
        let Some(state) = self.snapshot.bundles.get(name) else { return };
        let made_by = state.record.gitrepo.as_ref();
        if made_by.is_some_and(|_| self.snapshot.gitrepo_of(name, made_by).is_some_and(|repo| !repo.resource.deleting))
        {
            // The repository says that it is meant: the deletion of its listing changes nothing.
            self.dirty.put.insert(name.clone());
            return;
        }
        self.withdraw(name, format!("Bundle {name} was deleted"), false);
    }

    pub(super) fn withdraw(&mut self, name: &Ref, cause: String, keep_resources: bool) {
        let Some(mut state) = self.snapshot.bundles.remove(name) else { return };
        self.untell_near_misses(name);
        let gitrepo =
            state.record.gitrepo.clone().map(|gitrepo| Ref { namespace: name.namespace.clone(), name: gitrepo });
        let clusters: Vec<Ref> = state.placements.keys().cloned().collect();
        if let Some(render) = state.probe.and_then(|key| self.snapshot.renders.get_mut(&key)) {
            render.probe = false;
        }
        for cluster in &clusters {
            placement::unplace(&mut self.snapshot.renders, &mut state, cluster);
            if let Some(cluster) = self.snapshot.clusters.get_mut(cluster) {
                cluster.bundles.remove(name);
            }
        }
        // Also clusters that were told of it and where it is not placed for now.
        let told = self.snapshot.clusters.iter().filter(|(_, cluster)| {
            let desired = cluster.memory.as_ref().and_then(|memory| memory.desired.as_ref());
            desired.is_some_and(|desired| desired.deployments.iter().any(|deployment| deployment.bundle == *name))
        });
        // And those that have it from before they were told anything.
        let told = told.chain(self.snapshot.holders(name));
        self.dirty.desired.extend(told.map(|(cluster, _)| cluster.clone()));
        self.dirty.cluster_status.extend(clusters);
        self.dirty.gitrepo_status.extend(gitrepo.clone());
        let deletion_limit = desired::limit_of_gitrepo(&self.snapshot, name, &state);
        let entry = state.record.entry;
        let withdrawal = Withdrawal { cause, keep_resources, gitrepo, entry, deletion_limit, is_back: false };
        self.snapshot.withdrawn.insert(name.clone(), withdrawal);
        self.dirty.deleted.insert(name.clone());
        self.dirty.put.remove(name);
    }

    /// Clusters of which was said that they would get this Bundle if their claims were granted.
    fn untell_near_misses(&mut self, bundle: &Ref) {
        let clusters = self.snapshot.index.forget_bundle(bundle);
        let clusters = clusters.unwrap_or_else(|| self.snapshot.clusters.keys().cloned().collect());
        for name in clusters {
            if let Some(cluster) = self.snapshot.clusters.get_mut(&name)
                && cluster.near_misses.remove(bundle).is_some()
            {
                self.dirty.cluster_status.insert(name);
            }
        }
    }

    fn cluster(&mut self, name: &Ref, resource: Option<ClusterResource>) {
        let Some(resource) = resource else {
            self.snapshot.index.forget_cluster(name);
            let Some(gone) = self.snapshot.clusters.remove(name) else { return };
            for bundle in &gone.bundles {
                if let Some(state) = self.snapshot.bundles.get_mut(bundle) {
                    placement::unplace(&mut self.snapshot.renders, state, name);
                    self.dirty.bundle_status.insert(bundle.clone());
                }
            }
            self.dirty.group_status.extend(self.snapshot.groups.keys().cloned());
            if gone.memory.is_some() {
                self.dirty.forgotten.insert(name.clone());
            }
            return;
        };
        let cluster = self.snapshot.clusters.entry(name.clone()).or_default();
        let changed = cluster.resource.as_ref() != Some(&resource);
        cluster.resource = Some(resource);
        if changed {
            self.dirty.clusters.insert(name.clone());
            self.dirty.group_status.extend(self.snapshot.groups.keys().cloned());
        }
    }

    fn enrolled(&mut self, name: Ref, enrollment: Enrollment) {
        let cluster = self.snapshot.clusters.entry(name.clone()).or_default();
        match &mut cluster.memory {
            // The same cluster with a new key: what it was told is still accounted for.
            Some(memory) if memory.enrollment.kube_system_uid == enrollment.kube_system_uid => {
                memory.enrollment = enrollment;
            }
            memory => *memory = Some(Memory::new(enrollment)),
        }
        // Deleted and enrolled again within one turn: to forget it now would revoke the new identity.
        if self.dirty.forgotten.remove(&name) {
            self.dirty.report.insert(name.clone());
        }
        self.dirty.memory.insert(name.clone());
        self.dirty.clusters.insert(name.clone());
        self.dirty.desired.insert(name);
    }

    fn render_known(&mut self, input: Digest, deployment: Digest, warnings: Vec<Note>) {
        let render = self.snapshot.renders.entry(input).or_insert_with(|| Render::new(&unknown_bundle()));
        render.result = RenderResult::Done(deployment);
        render.warnings = warnings;
    }

    fn rendered(&mut self, input: Digest, result: Result<(Digest, DeploymentFacts), Vec<Note>>, warnings: Vec<Note>) {
        self.pending = self.pending.saturating_sub(1);
        let Some(render) = self.snapshot.renders.get_mut(&input) else { return };
        render.warnings = warnings;
        render.result = match result {
            Ok((deployment, facts)) => {
                self.snapshot.deployments.insert(deployment, facts);
                RenderResult::Done(deployment)
            }
            Err(notes) => RenderResult::Failed(notes),
        };
        let bundle = render.bundle.clone();
        if render.probe {
            self.dirty.bundle_status.insert(bundle.clone());
        }
        self.dirty.plan.extend(render.wanted_by.iter().map(|cluster| (bundle.clone(), cluster.clone())));
    }

    /// The render is as pending as it was; why is told where its warnings will be.
    fn not_stored(&mut self, input: Digest, note: Note) {
        let Some(render) = self.snapshot.renders.get_mut(&input) else { return };
        render.warnings = vec![note];
        let bundle = render.bundle.clone();
        self.dirty.bundle_status.insert(bundle.clone());
        self.dirty.plan.extend(render.wanted_by.iter().map(|cluster| (bundle.clone(), cluster.clone())));
    }

    /// From now on the Bundle is rendered for each cluster on its own.
    fn needs_chance(&mut self, input: Digest) {
        self.pending = self.pending.saturating_sub(1);
        let Some(render) = self.snapshot.renders.get_mut(&input) else { return };
        // Nobody wants it once its Bundle is placed again.
        render.result = RenderResult::Failed(Vec::new());
        let Some(bundle) = self.snapshot.bundles.get_mut(&render.bundle) else { return };
        bundle.record.uses.chance = true;
        self.dirty.put.insert(render.bundle.clone());
        self.dirty.bundles.insert(render.bundle.clone());
    }

    /// What has ended, and whose place is there again and cannot be read, may be meant (R13). So it may be until a commit
    /// says something of that place: an entry that yields nothing, or fails as a whole, says nothing.
    fn doubt_what_is_back(&mut self, read: &RepositoryRead) {
        let failure = |name: &Ref| read.failed.iter().find(|failed| failed.bundle.as_ref() == Some(&name.name));
        let is_silent = |entry: &String| {
            read.entries.get(entry) == Some(&false)
                || read.failed.iter().any(|failed| failed.directory.is_none() && failed.entry == *entry)
        };
        let mut changed = Vec::new();
        for (name, ended) in &mut self.snapshot.withdrawn {
            if ended.gitrepo.as_ref() != Some(&read.gitrepo) {
                continue;
            }
            let failure = failure(name);
            if let Some(failed) = failure {
                ended.entry.clone_from(&failed.entry);
            }
            let is_back = failure.is_some() || (ended.is_back && is_silent(&ended.entry));
            if ended.is_back == is_back {
                continue;
            }
            ended.is_back = is_back;
            changed.push(name.clone());
        }
        for name in changed {
            let holders = self.snapshot.holders(&name);
            self.dirty.desired.extend(holders.map(|(cluster, _)| cluster.clone()));
        }
    }

    /// R13: a branch went back while what had left its repository waited for the rest of it. An older commit that can be
    /// read as a whole does not say where that went: from now on it waits for an approval.
    fn hold_what_waited(&mut self, gitrepo: &Ref) {
        for ended in self.snapshot.withdrawn.values_mut().filter(|ended| ended.gitrepo.as_ref() == Some(gitrepo)) {
            ended.deletion_limit = Some(desired::EVERYTHING_WAITS);
        }
        for (name, cluster) in &mut self.snapshot.clusters {
            let graves = cluster.memory.iter_mut().flat_map(|memory| memory.tombstones.values_mut());
            for grave in graves.filter(|grave| grave.gitrepo.as_ref() == Some(gitrepo)) {
                grave.tombstone.deletion_limit = Some(desired::EVERYTHING_WAITS);
                self.dirty.memory.insert(name.clone());
                self.dirty.desired.insert(name.clone());
            }
        }
    }

    fn read(&mut self, read: &RepositoryRead) {
        let Some(gitrepo) = self.snapshot.gitrepos.get(&read.gitrepo) else { return };
        if gitrepo.resource.deleting {
            return;
        }
        let keep_resources = gitrepo.resource.spec.keep_resources;
        let existing = self.snapshot.bundles.iter().filter(|(name, _)| name.namespace == read.gitrepo.namespace);
        let existing: BTreeMap<Ref, &BundleRecord> =
            existing.map(|(name, state)| (name.clone(), &state.record)).collect();
        let settled = !read.rewound || desired::is_settled(&self.snapshot, &read.gitrepo);
        let plan = plan_after(read, &existing, self.options.rules, settled);
        let incomplete = plan.is_incomplete();
        for (name, record) in plan.put {
            self.put_bundle(&name, record);
            self.dirty.put.insert(name);
        }
        for (name, cause) in plan.withdraw {
            self.withdraw(&name, cause, keep_resources);
            if read.rewound
                && let Some(withdrawal) = self.snapshot.withdrawn.get_mut(&name)
            {
                withdrawal.deletion_limit = Some(desired::EVERYTHING_WAITS);
            }
        }
        self.doubt_what_is_back(read);
        if !settled {
            self.hold_what_waited(&read.gitrepo);
        }
        let standing_changed = self
            .snapshot
            .gitrepos
            .get(&read.gitrepo)
            .is_some_and(|gitrepo| gitrepo.incomplete != incomplete || !gitrepo.read);
        if standing_changed {
            let told = self.snapshot.told_of(&read.gitrepo);
            self.dirty.desired.extend(told);
        }
        if let Some(gitrepo) = self.snapshot.gitrepos.get_mut(&read.gitrepo) {
            gitrepo.incomplete = incomplete;
            gitrepo.commit.clone_from(&read.commit);
            gitrepo.read_generation = read.generation;
            gitrepo.read = true;
            gitrepo.read_notes = plan.notes;
            gitrepo.poll_notes.clear();
        }
        self.dirty.gitrepo_status.insert(read.gitrepo.clone());
        // R3: this may have been the last repository that a new epoch waited for.
        let held = self.snapshot.clusters.iter().filter(|(_, cluster)| {
            cluster.memory.as_ref().and_then(|memory| memory.hold).is_some_and(|hold| hold.approved)
        });
        self.dirty.desired.extend(held.map(|(name, _)| name.clone()));
    }
}
