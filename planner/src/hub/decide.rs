//! Deciding: everything that is dirty is read in full, placed, promoted, issued and told of.

use super::rules::Rule;
use super::snapshot::{Render, RenderResult};
use super::{
    Action, Decision, GATHER, Issue, Machine, copies, desired, is_of, placement, rollout, state_is_deleting,
    whole_seconds,
};
use crate::status::{DeploymentView, resource_counts, state};
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::reason::{Reason, Severity};
use fleet_api::state::DeploymentState;
use fleet_api::wire::{Have, Timestamp, Version};

impl Machine {
    /// What is to be done now.
    pub fn decide(&mut self, now: Timestamp) -> Decision {
        let mut actions = Vec::new();
        self.pass_deadlines(now);
        self.withdraw_of_deleted_gitrepos();
        self.place(now);
        self.request_renders(&mut actions);
        self.promote();
        actions.extend(std::mem::take(&mut self.dirty.forgotten).into_iter().map(Action::Forget));
        // What begins and ends a Bundle or GitRepo goes to disk together with what clusters are told of it: a hub that
        // ends before that finds all as it was, with what its users said, and takes in a commit as a whole again. One
        // that found what a commit brings and not what it takes away would not know that the one came for the other.
        let stored = self.issue(now, &mut actions) || !self.options.rules.on(Rule::R13Ends);
        if stored {
            self.store(&mut actions);
            self.end(&mut actions);
        }
        self.remember(&mut actions);
        // A status with a new commit says that it was taken in.
        if stored {
            self.statuses(now, &mut actions);
        }
        Decision { actions, wake_at: self.wake_at(), stored }
    }

    fn pass_deadlines(&mut self, now: Timestamp) {
        while let Some((at, name)) = self.deadlines.first().cloned() {
            if at > now {
                break;
            }
            self.deadlines.pop_first();
            let Some(cluster) = self.snapshot.clusters.get_mut(&name) else { continue };
            cluster.offline = true;
            if !self.options.rules.on(Rule::R14Silence) {
                self.dirty.desired.insert(name.clone());
            }
            self.dirty.plan.extend(cluster.bundles.iter().map(|bundle| (bundle.clone(), name.clone())));
            self.dirty.cluster_status.insert(name);
        }
    }

    /// A GitRepo that was deleted withdraws its Bundles: a positive act of a user, not an absence.
    fn withdraw_of_deleted_gitrepos(&mut self) {
        for name in std::mem::take(&mut self.dirty.gitrepos) {
            let state = self.snapshot.gitrepos.get(&name);
            if state.is_some_and(|state| !state.resource.deleting) {
                continue;
            }
            // One that went unseen has left no word: then nothing is deleted.
            let keep = state.is_none_or(|state| state.resource.spec.keep_resources);
            let bundles = self.snapshot.bundles.iter();
            let mine: Vec<Ref> = bundles
                .filter(|(bundle, state)| is_of(state, bundle, &name))
                .map(|(bundle, _)| bundle.clone())
                .collect();
            for bundle in mine {
                self.withdraw(&bundle, format!("GitRepo {} was deleted", name.name), keep);
            }
            if state_is_deleting(&self.snapshot, &name) {
                let gone = self.snapshot.gitrepos.remove(&name);
                let credential = gone.and_then(|gone| copies::credential_of(&name, &gone.resource));
                credential.iter().for_each(|credential| self.place_what_takes(credential));
                // What waited for the repository to be whole again waits no longer.
                let told = self.snapshot.told_of(&name);
                self.dirty.desired.extend(told);
                self.dirty.gone.insert(name.clone());
            }
            self.dirty.gitrepo_status.remove(&name);
        }
    }

    fn place(&mut self, now: Timestamp) {
        for name in std::mem::take(&mut self.dirty.clusters) {
            let Some(cluster) = self.snapshot.clusters.get_mut(&name) else { continue };
            if cluster.resource.is_none() {
                continue;
            }
            if cluster.refresh_view(&name) {
                self.dirty.group_status.extend(self.snapshot.groups.keys().cloned());
            }
            placement::place_cluster(&mut self.snapshot, &self.options.renderer, &name, now, &mut self.dirty);
            self.dirty.desired.insert(name.clone());
            self.dirty.cluster_status.insert(name);
        }
        for name in std::mem::take(&mut self.dirty.bundles) {
            placement::place_bundle(&mut self.snapshot, &self.options.renderer, &name, now, &mut self.dirty);
            let Some(bundle) = self.snapshot.bundles.get(&name) else { continue };
            self.dirty.desired.extend(bundle.placements.keys().cloned());
            // Who has it from before, and is not to have it, can be told so now that it is known.
            let holders = self.snapshot.holders(&name).filter(|(_, cluster)| !cluster.bundles.contains(&name));
            self.dirty.desired.extend(holders.map(|(cluster, _)| cluster.clone()));
        }
    }

    fn request_renders(&mut self, actions: &mut Vec<Action>) {
        for (key, input) in std::mem::take(&mut self.dirty.render) {
            if self.snapshot.renders.get(&key).is_some_and(Render::is_wanted) {
                self.pending += 1;
                actions.push(Action::Render(Box::new(input)));
            }
        }
        let unwanted = |render: &Render| !render.is_wanted() && render.result != RenderResult::Pending;
        let forgotten: Vec<Digest> =
            self.snapshot.renders.iter().filter(|(_, render)| unwanted(render)).map(|(key, _)| *key).collect();
        for key in forgotten {
            self.snapshot.renders.remove(&key);
            actions.push(Action::ForgetRender(key));
        }
    }

    /// Which cluster is allowed which Deployment, and what state that makes.
    fn promote(&mut self) {
        for (bundle_name, cluster_name) in std::mem::take(&mut self.dirty.plan) {
            let Some(allowance) = rollout::all_at_once(&self.snapshot, self.options.rules, &bundle_name, &cluster_name)
            else {
                continue;
            };
            let Some(cluster) = self.snapshot.clusters.get(&cluster_name) else { continue };
            let Some(bundle) = self.snapshot.bundles.get_mut(&bundle_name) else { continue };
            let Some(placement) = bundle.placements.get_mut(&cluster_name) else { continue };
            // What is not rendered, or renders to nothing and is not taken for that, holds up deletions elsewhere.
            let is_refused = allowance.notes.iter().any(|note| note.reason == Reason::EmptyRender);
            let is_rendered = !is_refused && self.snapshot.renders.get(&placement.input).is_some_and(Render::is_done);
            if placement.allowed != allowance.allowed || placement.is_rendered != is_rendered {
                self.dirty.desired.insert(cluster_name.clone());
            }
            placement.is_rendered = is_rendered;
            let input = placement.input;
            placement.allowed = allowance.allowed;
            placement.staged = allowance.staged;
            placement.notes = allowance.notes;
            let report = cluster.memory.as_ref().and_then(|memory| memory.report.deployments.get(&bundle_name));
            let state = state(&DeploymentView {
                issued: placement.allowed,
                wanted: placement.staged.or(placement.allowed),
                report,
                offline: cluster.offline,
                failed: placement.notes.iter().any(|note| note.reason.severity() >= Severity::Refused),
            });
            // Who waits for the new commit must not be told that it is there because the old one was.
            let state = match state {
                DeploymentState::Ready | DeploymentState::NotReady if allowance.rendering => DeploymentState::OutOfSync,
                state => state,
            };
            bundle.warns(input, &self.snapshot.renders);
            bundle.account(&cluster_name, state, &resource_counts(report));
            self.dirty.bundle_status.insert(bundle_name);
            self.dirty.cluster_status.insert(cluster_name);
        }
    }

    fn store(&mut self, actions: &mut Vec<Action>) {
        let put = std::mem::take(&mut self.dirty.put);
        for name in put.into_iter().filter(|name| self.snapshot.bundles.contains_key(name)) {
            // What was said of it before it was stored, nobody has.
            self.dirty.bundle_status.insert(name.clone());
            actions.push(Action::PutBundle(name));
        }
    }

    fn end(&mut self, actions: &mut Vec<Action>) {
        let deleted = std::mem::take(&mut self.dirty.deleted);
        actions.extend(
            deleted.into_iter().filter(|name| !self.snapshot.bundles.contains_key(name)).map(Action::DeleteBundle),
        );
        actions.extend(std::mem::take(&mut self.dirty.gone).into_iter().map(Action::GitRepoGone));
    }

    /// False where it is put off for what is still being rendered.
    fn issue(&mut self, now: Timestamp, actions: &mut Vec<Action>) -> bool {
        if self.dirty.desired.is_empty() {
            self.gather_until = None;
            return true;
        }
        if self.pending > 0 {
            let until = *self.gather_until.get_or_insert(now + GATHER);
            if now < until {
                return false;
            }
        }
        self.gather_until = None;
        let all_read = self.snapshot.gitrepos.values().all(|gitrepo| gitrepo.read);
        for name in std::mem::take(&mut self.dirty.desired) {
            let Some(cluster) = self.snapshot.clusters.get_mut(&name) else { continue };
            let Some(memory) = &mut cluster.memory else { continue };
            if memory.hold.is_some_and(|hold| hold.approved) && all_read {
                memory.hold = None;
            }
            if let Some(issue) = self.issue_to(&name, now) {
                self.dirty.memory.insert(name.clone());
                self.dirty.cluster_status.insert(name);
                actions.push(Action::Issue(issue));
            }
        }
        true
    }

    fn issue_to(&mut self, name: &Ref, now: Timestamp) -> Option<Issue> {
        let cluster = self.snapshot.clusters.get(name)?;
        let memory = cluster.memory.as_ref()?;
        cluster.resource.as_ref()?;
        let (body, graves) = desired::build(&self.snapshot, self.options.rules, (name, cluster, memory));
        let lifetime = self.options.desired_lifetime;
        let fresh = |desired: &fleet_api::wire::Desired| {
            now.duration_since(desired.issued) <= lifetime.checked_div(2).unwrap_or(lifetime)
        };
        if memory.desired.as_ref().is_some_and(|desired| body.is_in(desired) && fresh(desired)) {
            return None;
        }
        let version = Version { generation: memory.version.generation.saturating_add(1), ..memory.version };
        let issued = whole_seconds(now);
        let desired = body.issue(name, memory, version, (issued, issued + lifetime));
        let bytes = serde_json::to_vec(&desired).ok()?;
        let have = Have { version, digest: Digest::of(&bytes) };
        let deployments = desired.named().collect();
        let cluster = self.snapshot.clusters.get_mut(name)?;
        let memory = cluster.memory.as_mut()?;
        memory.first_renders.retain(|bundle, _| cluster.bundles.contains(bundle) || graves.contains_key(bundle));
        memory.tombstones = graves;
        memory.issued(desired, have);
        Some(Issue { cluster: name.clone(), have, bytes: bytes.into(), deployments })
    }

    fn remember(&mut self, actions: &mut Vec<Action>) {
        let known = |name: &Ref| self.snapshot.clusters.get(name).is_some_and(|cluster| cluster.memory.is_some());
        let memory = std::mem::take(&mut self.dirty.memory);
        actions.extend(memory.into_iter().filter(known).map(Action::Remember));
        let report = std::mem::take(&mut self.dirty.report);
        actions.extend(report.into_iter().filter(known).map(Action::RememberReport));
    }

    fn wake_at(&self) -> Option<Timestamp> {
        let status = self.status_after.filter(|_| self.gather_until.is_none() && self.has_dirty_statuses());
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        [self.gather_until, status, deadline].into_iter().flatten().min()
    }
}
