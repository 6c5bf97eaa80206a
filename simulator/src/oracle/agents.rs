//! What agents do: with what they work, what they write, what is on their disks (R1–R10, R12).

use super::{BLIND, LAG, Oracle, UNSEEN};
use crate::agent::Process;
use crate::world::Site;
use fleet_api::Digest;
use fleet_api::names::Ref;
use serde_json::Value;
use skiff_planner::agent::{Action, Apply, Delete, LEDGER_DOCUMENT, Ledger, Rules};
use skiff_wire::document::Document;

impl Oracle {
    pub(crate) fn decided(&mut self, now: u64, process: &Process, site: &Site) {
        let index = process.site;
        if let Some(desired) = &process.in_force {
            if desired.identity.uid != process.uid {
                return self.fail(now, "R1", format!("{} works with the desired state of another cluster", site.name));
            }
            // Of two agents the one that began before the other had it may be behind, until it is fenced.
            let highest = self.sites[index].highest.clone();
            let counts = |pid: u32, at: u64| pid == process.pid || process.started >= at;
            if let Some((uid, version, pid, at)) = highest
                && uid == process.uid
                && version > desired.version
                && counts(pid, at)
            {
                let message = format!("{} works with {}, and had {version} already", site.name, desired.version);
                return self.fail(now, "R2", message);
            }
            let highest = &mut self.sites[index].highest;
            if highest.as_ref().is_none_or(|known| known.0 != process.uid || known.1 < desired.version) {
                *highest = Some((process.uid.clone(), desired.version, process.pid, now));
            }
        }
        self.know_releases(process);
        self.know_decisions(process);
    }

    /// In which generation a process lets deletions through (R8). A ledger may come to disk after a newer document is in
    /// force: then one write has what was decided in both, and says how much the newer one had.
    fn know_decisions(&mut self, process: &Process) {
        let ledger = process.machine.ledger();
        let (spent, decided) = self.sites[process.site].decided_in.entry(process.pid).or_default();
        if *spent == ledger.spent {
            return;
        }
        *spent = ledger.spent;
        let before = std::mem::take(decided);
        let doomed = ledger.bundles().values().flat_map(|of| of.objects().values()).filter(|entry| entry.doomed);
        let version = |uid: &str| before.get(uid).copied().unwrap_or(ledger.spent.version);
        *decided = doomed.filter_map(|entry| entry.uid.as_deref()).map(|uid| (uid.to_owned(), version(uid))).collect();
    }

    /// Deciding step by step equals deciding from nothing.
    pub(crate) fn planned(&mut self, now: u64, process: &Process, stale: &[&Ref]) {
        if let Some(bundle) = stale.first() {
            let message = format!("c{} p{}: the plan of {bundle} is out of date", process.site, process.pid);
            self.fail(now, "stale", message);
        }
    }

    /// What a document in force releases: what a keeping Bundle leaves, with a tombstone or without.
    fn know_releases(&mut self, process: &Process) {
        let Some(desired) = &process.in_force else { return };
        let released = &mut self.sites[process.site].released;
        for tombstone in desired.tombstones.iter().filter(|tombstone| tombstone.keep_resources) {
            if !released.contains(&tombstone.bundle) {
                released.insert(tombstone.bundle.clone());
            }
        }
        for bundle in desired.deployments.iter().map(|deployment| &deployment.bundle) {
            let keeps = process.machine.in_force(bundle).is_some_and(|deployment| deployment.options.keep_resources);
            if keeps && !released.contains(bundle) {
                released.insert(bundle.clone());
            }
        }
    }

    pub(crate) fn started(&mut self, now: u64, process: &Process, site: &Site, action: &Action) {
        let is_write =
            matches!(action, Action::Apply(_) | Action::Delete(_) | Action::RemoveKeys(_) | Action::EnsureNamespace(_));
        if is_write && process.fenced {
            return self.fail(now, "R12", format!("{} writes although it is fenced: {action:?}", site.name));
        }
        if let Action::Apply(apply) = action {
            let key = &apply.target.key;
            let journaled = self.sites[process.site].journaled.get(&process.pid);
            if !journaled.is_some_and(|journaled| journaled.contains(key)) {
                self.fail(now, "R7", format!("{} applies {key}, which is not in its ledger on disk", site.name));
            }
            return;
        }
        let Action::Delete(delete) = action else { return };
        let Some(desired) = process.in_force.clone() else {
            return self.fail(now, "R6", format!("{} deletes without a desired state", site.name));
        };
        let key = &delete.target.key;
        if crate::world::wall(now, site.clock) >= desired.expires {
            return self.fail(now, "R9", format!("{} deletes {key} on the word of an expired document", site.name));
        }
        if !desired.deletions_allowed {
            return self.fail(now, "R3", format!("{} deletes {key} where nothing may be deleted", site.name));
        }
        let truth = &self.sites[process.site];
        if !truth.doomed.get(&process.pid).is_some_and(|doomed| doomed.contains(key)) {
            let message = format!("{} deletes {key}, which is not counted in its ledger on disk", site.name);
            return self.fail(now, "R8", message);
        }
        let is_approved = truth.approved.contains(&(key.clone(), delete.uid.clone()))
            || truth.approved_epochs.contains(&desired.version.epoch);
        // The document may be older than the restore: then it is of an epoch in which all were read.
        let is_of_now = self.hubs.get(&site.name).is_some_and(|hub| hub.epoch == desired.version.epoch);
        if is_of_now && desired.version.epoch > 1 && !self.unread.is_empty() {
            let message = format!("{} deletes {key}, and the hub has not read {:?} again", site.name, self.unread);
            return self.fail(now, "R3", message);
        }
        if desired.version.epoch > 1 && !is_approved {
            let message = format!("{} deletes {key} in epoch {} without an approval", site.name, desired.version.epoch);
            return self.fail(now, "R3", message);
        }
        let said_at = self.hubs.get(&site.name).and_then(|hub| hub.served.get(&desired.version)).copied();
        self.sites[process.site].said_at.entry(delete.uid.clone()).or_insert_with(|| said_at.unwrap_or_default());
        match process.says(&delete.bundle) {
            None => {
                self.fail(now, "R6", format!("{} deletes {key}, and nothing speaks of {}", site.name, delete.bundle));
            }
            Some(said) if !said.unknown.is_empty() => {
                self.fail(now, "R10", format!("{} deletes {key} in spite of a field that it does not know", site.name));
            }
            Some(said) if said.is_tombstone && said.keeps => {
                self.fail(now, "R7", format!("{} deletes {key}, which is to be released", site.name));
            }
            Some(_) => {}
        }
        let Some(desired) = process.in_force.as_deref() else { return };
        let is_due = desired.tombstones.iter().any(|tombstone| tombstone.bundle == delete.bundle);
        let newest = desired.deployments.iter().find(|deployment| deployment.bundle == delete.bundle);
        let begun = process.machine.ledger().bundle(&delete.bundle).and_then(|of| of.deployment);
        if !is_due && newest.is_some_and(|newest| begun != Some(newest.deployment)) {
            self.fail(now, "R6", format!("{} deletes {key} before the newer Deployment was begun", site.name));
        }
    }

    /// The API server took a deletion of what had `uid`.
    pub(crate) fn deleted(&mut self, now: u64, site: usize, delete: &Delete, uid: &str, _still: bool) {
        self.deletions += 1;
        let key = &delete.target.key;
        let truth = &mut self.sites[site];
        if uid != delete.uid || !truth.made.contains_key(uid) {
            return self.fail(now, "R6", format!("c{site}: {key} ({uid}) was deleted, which the agent did not make"));
        }
        let is_approved = truth.approved.contains(&(key.clone(), uid.to_owned()));
        let made = truth.made.get(uid).copied().unwrap_or_default();
        // Who is cut off works with the newest document that it has; what that document says was true when it was made, or
        // as long before as the hub may not have seen what its users did.
        let said_at = truth.said_at.get(uid).copied().unwrap_or_default();
        let was_unwanted = truth.unwanted_at.get(key).is_some_and(|at| *at + LAG >= made && *at + UNSEEN >= said_at);
        let is_unwanted = !truth.wanted.contains(key);
        if !is_approved && !is_unwanted && !was_unwanted {
            return self.fail(now, "R6", format!("c{site}: {key} was deleted, and nobody asked for it"));
        }
        if is_approved {
            return;
        }
        if truth.anew_at.is_some_and(|at| made < at) {
            let message = format!("c{site}: {key} is from before the cluster was enrolled anew, and nobody approved");
            return self.fail(now, "R3", message);
        }
        if matches!(
            key.kind.as_str(),
            "Namespace" | "PersistentVolume" | "PersistentVolumeClaim" | "CustomResourceDefinition"
        ) {
            return self.fail(now, "R8", format!("c{site}: {key} was deleted without an approval"));
        }
        let version = truth.doomed_in.get(uid).copied().unwrap_or_default();
        let of = truth.deleted_in.entry(version).or_default();
        of.insert(uid.to_owned());
        let count = of.len();
        if count > 10 {
            self.fail(
                now,
                "R8",
                format!("c{site}: {count} deletions in {version} without an approval, {key} the last"),
            );
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all that is known of an apply")]
    pub(crate) fn applied(
        &mut self,
        now: u64,
        site: usize,
        process: Option<&Process>,
        at: &Site,
        apply: &Apply,
        content: &Value,
        before: Option<&str>,
    ) {
        self.applies += 1;
        let key = &apply.target.key;
        if at.is_copy {
            return self.fail(now, "R1", format!("c{site} is a copy of another cluster, and {key} was applied there"));
        }
        let digest = Digest::of(&serde_json::to_vec(content).unwrap_or_default());
        if !self.contents.contains(&(key.clone(), digest)) {
            return self.fail(now, "R4", format!("c{site}: {key} was applied with content that was never rendered"));
        }
        let truth = &mut self.sites[site];
        let uid = at.api.uid(key).unwrap_or_default().to_owned();
        match before {
            Some(before) if !truth.made.contains_key(before) => {
                let since = truth.foreign.get(before).copied().unwrap_or(now);
                let adopts = process.is_some_and(|process| {
                    process.machine.in_force(&apply.bundle).is_some_and(|deployment| deployment.options.take_ownership)
                });
                if since + BLIND < now && !adopts {
                    return self.fail(now, "R6", format!("c{site}: {key}, which somebody else made, was written over"));
                }
                // It was replaced a moment ago.
                truth.made.insert(uid, now);
            }
            Some(_) => {}
            None => drop(truth.made.insert(uid, now)),
        }
    }

    /// A process begins with this ledger.
    pub(crate) fn begun(&mut self, site: usize, pid: u32, ledger: &Ledger) {
        let entries = || ledger.bundles().values().flat_map(|of| of.objects());
        let doomed = entries().filter(|(_, entry)| entry.doomed).map(|(key, _)| key.clone()).collect();
        let truth = &mut self.sites[site];
        truth.journaled.insert(pid, entries().map(|(key, _)| key.clone()).collect());
        truth.doomed.insert(pid, doomed);
    }

    /// A process begins with the documents that are there.
    pub(crate) fn documents_read(&mut self, site: usize, pid: u32, names: [&str; 2]) {
        let truth = &mut self.sites[site];
        for name in names {
            let known = truth.documents.get(name).cloned().into_iter().collect();
            truth.known_documents.insert((pid, name.to_owned()), known);
        }
    }

    /// Whether a process has read, or written, what its documents hold now.
    pub(crate) fn knows_its_documents(&self, site: usize, pid: u32) -> bool {
        let truth = &self.sites[site];
        truth.documents.iter().all(|(name, content)| {
            truth.known_documents.get(&(pid, name.clone())).is_some_and(|known| known.contains(content))
        })
    }

    /// A process asks for a document to be written; it may never hear whether it was.
    pub(crate) fn document_tried(&mut self, site: usize, pid: u32, head: &Value) {
        let name = head["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let content = head["data"].to_string();
        self.sites[site].known_documents.entry((pid, name)).or_default().insert(content);
    }

    /// A document of the process `pid` is on disk.
    pub(crate) fn document_written(&mut self, now: u64, pid: u32, index: usize, site: &Site, name: &str, head: &Value) {
        let truth = &mut self.sites[index];
        let before = truth.documents.get(name);
        let known = truth.known_documents.get(&(pid, name.to_owned()));
        if before.is_some_and(|before| known.is_some_and(|known| !known.contains(before))) {
            return self.fail(
                now,
                "R12",
                format!("{}: {name} was written over, which another process wrote", site.name),
            );
        }
        truth.documents.insert(name.to_owned(), head["data"].to_string());
        if name != LEDGER_DOCUMENT {
            return;
        }
        let mut document = Document::new(LEDGER_DOCUMENT, Rules::all());
        document.begin_read(head);
        let ledger = document.assemble(head, &[]).ok().and_then(|bytes| serde_json::from_slice::<Ledger>(&bytes).ok());
        let Some(ledger) = ledger else {
            return self.fail(now, "R7", format!("{}: the ledger on disk cannot be read", site.name));
        };
        let old = std::mem::take(&mut self.sites[index].ledger);
        for (bundle, key, entry) in
            old.bundles().iter().flat_map(|(b, of)| of.objects().iter().map(move |(k, e)| (b, k, e)))
        {
            if ledger.owner(key).is_some() {
                continue;
            }
            // A definition stays where nobody asked for its deletion (`deleteCRDResources`, which no Bundle here sets).
            let is_released = key.kind == "CustomResourceDefinition" || self.sites[index].released.contains(bundle);
            let live = site.api.uid(key);
            let is_alive = match entry.uid.as_deref() {
                Some(uid) => live == Some(uid),
                // An intent: what came of it is ours, whether its answer was heard or not.
                None => live.is_some_and(|live| self.sites[index].made.contains_key(live)),
            };
            if is_alive && !is_released {
                return self.fail(now, "R7", format!("{}: {key} left the ledger, and is there", site.name));
            }
        }
        self.begun(index, pid, &ledger);
        // What another process had in mind, and could not write, let nothing through.
        let doomed = ledger.bundles().values().flat_map(|of| of.objects().values()).filter(|entry| entry.doomed);
        let truth = &mut self.sites[index];
        for uid in doomed.filter_map(|entry| entry.uid.as_deref()) {
            let decided = truth.decided_in.get(&pid).and_then(|(_, decided)| decided.get(uid).copied());
            truth.doomed_in.entry(uid.to_owned()).or_insert_with(|| decided.unwrap_or(ledger.spent.version));
        }
        self.sites[index].ledger = ledger;
    }
}
