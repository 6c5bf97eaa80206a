//! Performs the steps of a schedule.

use crate::api::Api;
use crate::git::{Dir, ENTRIES, Health, SHOP};
use crate::hub::{CLUSTER, ClusterRow, GITREPO, GitRepoRow, Message, event_of};
use crate::net::{Answer, copy_of};
use crate::schedule::Act;
use crate::world::{Ev, Site, World, repo_name};
use fleet_api::ObjectKey;
use fleet_api::digest::Digest;
use fleet_api::labels::OWNER_LABEL;
use fleet_api::names::Ref;
use fleet_api::wire::{Desired, Have, SyncResponse};
use serde_json::Value;
use skiff_planner::hub::{Signed, Subject};
use std::collections::BTreeMap;
use std::sync::Arc;

impl World {
    pub(crate) fn step(&mut self, index: usize) {
        let act = self.steps[index].act;
        self.note(|| format!("--- {act:?}"));
        self.act(act);
        self.refresh_truth();
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Change { repo }
            | Act::AddObject { repo }
            | Act::DropObject { repo }
            | Act::AddDir { repo }
            | Act::RemoveDir { repo }
            | Act::RenameDir { repo }
            | Act::RemoveEntry { repo }
            | Act::Break { repo }
            | Act::Fail { repo }
            | Act::Empty { repo }
            | Act::Mend { repo } => self.commit_to(repo, act),
            Act::GoBack { repo, by } => drop(self.repos.get_mut(&repo_name(repo)).map(|repo| repo.go_back(by))),
            Act::Label { .. }
            | Act::Approve { .. }
            | Act::DeleteRepo { .. }
            | Act::CreateRepo { .. }
            | Act::TakeEntry { .. }
            | Act::GiveEntry { .. }
            | Act::DeleteCluster { .. } => self.at_hub(act),
            Act::Edit { site, pick }
            | Act::AddKey { site, pick }
            | Act::Unlabel { site, pick }
            | Act::DeleteObject { site, pick }
            | Act::Replace { site, pick }
            | Act::Hang { site, pick } => self.by_hand(site, pick, act),
            Act::Occupy { site, repo } => self.occupy(site, repo),
            Act::Snipe { site } => self.sites[site].snipes = 1,
            Act::CrashHub { ms } => self.crash_hub(ms),
            Act::CrashHubAtCommit { before } => self.hub.crash_at_commit = Some(before),
            Act::Backup => self.hub.backup = Some(self.hub.disk.clone()),
            Act::Restore { ms } => self.restore_hub(ms),
            Act::HubDiskFull { ms } => self.hub.disk_full_until = self.now + ms,
            Act::HubClock { seconds } => self.hub.clock = seconds * 1000,
            Act::Unreachable { repo, ms } => drop(self.unreachable_until.insert(repo_name(repo), self.now + ms)),
            Act::CorruptBlobs { count } => self.hub.corrupts = count,
            Act::Replay { site } => self.replay(site),
            Act::Misdeliver { from, to } => self.misdeliver(from, to),
            Act::Future { site } => self.future(site),
            Act::Clone { site } => self.copy_site(site),
            Act::Reinstall { site } => self.reinstall(site),
            other => self.at_site(other),
        }
    }

    fn at_site(&mut self, act: Act) {
        let now = self.now;
        match act {
            Act::Crash { site, ms } => {
                self.kill(site);
                self.push(now + ms, Ev::AgentUp(site));
            }
            Act::CrashAfter { site, calls } => self.sites[site].crash_after = Some(calls),
            Act::PowerLoss { site, ms } => self.power_loss(site, ms),
            Act::Second { site } if self.procs.values().filter(|process| process.site == site).count() == 1 => {
                let _started = self.spawn(site);
            }
            Act::AgentDiskFull { site, ms } => self.sites[site].disk_full_until = now + ms,
            Act::Clock { site, seconds } => self.sites[site].clock = seconds * 1000,
            Act::ApiDown { site, ms } => self.sites[site].api_down_until = now + ms,
            Act::ApiStarts { site, ms } => self.sites[site].starting_until = now + ms,
            Act::ApiErrs { site, ms } => self.sites[site].erring_until = now + ms,
            Act::ApiRefuses { site, ms } => self.sites[site].refusing_until = now + ms,
            Act::ApiSlow { site, ms } => self.sites[site].slow_until = now + ms,
            Act::WatchSlow { site, ms } => self.sites[site].watch_slow_until = now + ms,
            Act::WatchBreaks { site } => self.break_watches(site),
            Act::Cut { site, ms } => self.sites[site].cut_until = now + ms,
            Act::HalfOpen { site, ms } => self.sites[site].half_open_until = now + ms,
            Act::Lossy { site, ms } => self.sites[site].lossy_until = now + ms,
            Act::NetSlow { site, ms } => self.sites[site].net_slow_until = now + ms,
            _ => {}
        }
    }

    /// The watches of a site begin again with a list.
    fn break_watches(&mut self, site: usize) {
        self.sites[site].api.compact();
        let mut begin = Vec::new();
        for process in self.procs.values_mut().filter(|process| process.site == site) {
            for watch in process.watches.values_mut() {
                watch.from = None;
                if !std::mem::replace(&mut watch.scheduled, true) {
                    begin.push((process.pid, watch.kind.clone()));
                }
            }
        }
        for (pid, kind) in begin {
            let delay = self.rng.between(10, 3000);
            self.push(self.now + delay, Ev::Watch(pid, kind));
        }
    }

    fn power_loss(&mut self, site: usize, ms: u64) {
        self.kill(site);
        let mut torn = self.rng.next();
        for (bytes, is_durable) in self.sites[site].cache.values_mut() {
            torn = torn.rotate_left(7);
            if !std::mem::replace(is_durable, true) && torn.is_multiple_of(3) {
                let half = bytes.len() / 2;
                bytes.truncate(half);
            }
        }
        self.push(self.now + ms, Ev::AgentUp(site));
    }

    // ------------------------------------------------------------------------------------------------------ git

    fn commit_to(&mut self, repo: usize, act: Act) {
        let name = repo_name(repo);
        let mut rng = self.rng.clone();
        let Some(state) = self.repos.get_mut(&name) else { return };
        let places: Vec<(String, String)> = state.dirs.keys().cloned().collect();
        let place = places.get(rng.index(places.len())).cloned();
        let fresh = state.moves;
        match (act, place) {
            (Act::Change { .. }, Some(place)) => {
                if let Some(dir) = state.dirs.get_mut(&place) {
                    let at = rng.index(dir.objects.len());
                    if let Some(value) = dir.objects.values_mut().nth(at) {
                        *value += 1;
                    }
                }
            }
            (Act::AddObject { .. }, Some(place)) => {
                let key = ObjectKey::new("", "ConfigMap", SHOP, &format!("{name}x{}", fresh % 7));
                if let Some(dir) = state.dirs.get_mut(&place) {
                    dir.objects.entry(key).or_insert(1);
                }
            }
            (Act::DropObject { .. }, Some(place)) => {
                if let Some(dir) = state.dirs.get_mut(&place).filter(|dir| dir.objects.len() > 1) {
                    let at = rng.index(dir.objects.len());
                    let key = dir.objects.keys().nth(at).cloned();
                    key.map(|key| dir.objects.remove(&key));
                }
            }
            (Act::AddDir { .. }, _) => {
                let key = ObjectKey::new("", "ConfigMap", SHOP, &format!("{name}new{}", fresh % 5));
                let dir =
                    Dir { objects: BTreeMap::from([(key, 1)]), health: Health::Good, corrects: true, keeps: false };
                state.dirs.entry(("apps".into(), format!("n{}", fresh % 5))).or_insert(dir);
            }
            (Act::RemoveDir { .. }, Some(place)) => drop(state.dirs.remove(&place)),
            (Act::RenameDir { .. }, Some(place)) => {
                if let Some(dir) = state.dirs.remove(&place) {
                    // A name that no directory has: a Bundle is called by it, whatever its entry.
                    let free = |name: &String| state.dirs.keys().all(|(_, taken)| taken != name);
                    let name = (0..).map(|more| format!("m{}", fresh % 9 + 9 * more)).find(free).unwrap_or_default();
                    state.dirs.insert((place.0, name), dir);
                }
            }
            (Act::RemoveEntry { .. }, Some(place)) => state.dirs.retain(|(entry, _), _| *entry != place.0),
            (Act::Break { .. } | Act::Fail { .. } | Act::Empty { .. }, Some(place)) => {
                if let Some(dir) = state.dirs.get_mut(&place) {
                    dir.health = match act {
                        Act::Break { .. } => Health::Broken,
                        Act::Fail { .. } => Health::Fails,
                        _ => Health::Empty,
                    };
                }
            }
            _ => state.dirs.values_mut().for_each(|dir| dir.health = Health::Good),
        }
        state.commit();
        self.rng = rng;
    }

    // -------------------------------------------------------------------------------------------------- the hub

    fn at_hub(&mut self, act: Act) {
        if self.hub.running.is_none() || self.now < self.hub.disk_full_until {
            return;
        }
        match act {
            Act::Label { site, repo, on } => {
                let name = self.sites[site].name.name.to_string();
                let Some(mut row) = self.hub.disk.read::<ClusterRow>(CLUSTER, &name) else { return };
                if on {
                    row.labels.insert(repo_name(repo), "yes".into());
                } else {
                    row.labels.remove(&repo_name(repo));
                }
                row.generation += 1;
                self.store(CLUSTER, &name, Some(&row));
            }
            Act::Approve { site, think } => self.approve(site, think),
            Act::DeleteRepo { repo } => {
                let name = repo_name(repo);
                let Some(mut row) = self.hub.disk.read::<GitRepoRow>(GITREPO, &name) else { return };
                row.deleting = true;
                self.oracle.repo_deleted(&name, true);
                self.oracle.read(&name);
                self.store(GITREPO, &name, Some(&row));
            }
            Act::CreateRepo { repo } => {
                let name = repo_name(repo);
                if self.hub.disk.read::<GitRepoRow>(GITREPO, &name).is_some() {
                    return;
                }
                let entries = ENTRIES.iter().map(|entry| (*entry).to_owned()).collect();
                self.oracle.repo_deleted(&name, false);
                let row = GitRepoRow { entries, generation: 1, deleting: false, keeps: false };
                self.store(GITREPO, &name, Some(&row));
                if let Some(running) = &mut self.hub.running {
                    running.read.remove(&name);
                }
            }
            Act::TakeEntry { repo } | Act::GiveEntry { repo } => {
                let name = repo_name(repo);
                let Some(mut row) = self.hub.disk.read::<GitRepoRow>(GITREPO, &name).filter(|row| !row.deleting) else {
                    return;
                };
                if matches!(act, Act::TakeEntry { .. }) {
                    row.entries.remove("solo");
                } else {
                    row.entries.insert("solo".into());
                }
                row.generation += 1;
                self.store(GITREPO, &name, Some(&row));
            }
            Act::DeleteCluster { site } => self.delete_cluster(site),
            _ => {}
        }
    }

    pub(crate) fn delete_cluster(&mut self, site: usize) {
        let name = self.sites[site].name.name.to_string();
        self.store::<ClusterRow>(CLUSTER, &name, None);
    }

    /// A user writes; the machine hears of it.
    fn store<T: serde::Serialize>(&mut self, table: &'static str, name: &str, row: Option<&T>) {
        match row {
            Some(row) => self.hub.disk.write(table, name, row),
            None => drop(self.hub.disk.rows.remove(&(table, name.to_owned()))),
        }
        self.oracle.spec_changed(self.now, name);
        let event = event_of(&self.hub.disk, table, name);
        self.tell_hub(Message::Observe(Box::new(event)));
    }

    /// An admin looks at what is held, thinks, and approves what was shown.
    pub(crate) fn approve(&mut self, site: usize, think: u64) {
        let cluster = self.sites[site].name.clone();
        let Some(running) = &self.hub.running else { return };
        let lists = running.machine.held(&Subject::Cluster(cluster.clone()));
        for (_, held) in lists {
            self.oracle.shown(site, &held);
            self.push(self.now + think, Ev::Approve(cluster.clone(), held.digest));
        }
    }

    fn restore_hub(&mut self, ms: u64) {
        let Some(backup) = self.hub.backup.clone() else { return };
        self.stop_hub();
        self.hub.disk = backup;
        self.oracle.restored(self.hub.disk.table(GITREPO).map(|(name, _)| name.to_owned()).collect());
        self.push(self.now + ms, Ev::HubUp);
    }

    // ----------------------------------------------------------------------------------------------- the cluster

    fn by_hand(&mut self, site: usize, pick: usize, act: Act) {
        let api = &self.sites[site].api;
        let ours: Vec<ObjectKey> = api
            .all()
            .filter(|(key, object)| key.namespace == SHOP && !object["metadata"]["labels"][OWNER_LABEL].is_null())
            .map(|(key, _)| key.clone())
            .collect();
        if ours.is_empty() {
            return;
        }
        let key = ours[pick % ours.len()].clone();
        let api = self.sites[site].api.at(self.now);
        match act {
            Act::Edit { .. } => {
                let pointer = if key.kind == "ConfigMap" { "/data/value" } else { "/spec/value" };
                drop(
                    api.write(&key, "kubectl-edit", |edits| drop(edits.insert(pointer.into(), Value::from("edited")))),
                );
            }
            Act::AddKey { .. } => {
                drop(
                    api.write(&key, "kubectl-edit", |edits| drop(edits.insert("/data/added".into(), Value::from("x")))),
                );
            }
            Act::Unlabel { .. } => {
                let pointer = format!("/metadata/labels/{}", OWNER_LABEL.replace('/', "~1"));
                drop(api.write(&key, "kubectl-label", |edits| drop(edits.insert(pointer, Value::Null))));
            }
            Act::DeleteObject { .. } => drop(api.delete(&key, &Value::Null)),
            Act::Hang { .. } => api.finalizer(&key, true),
            _ => {
                self.replace_by_hand(site, &key);
                let uid = self.sites[site].api.uid(&key).unwrap_or_default().to_owned();
                return self.oracle.foreign(site, self.now, &uid);
            }
        }
        self.changed(site);
    }

    /// Somebody makes objects under names that a commit may bring later.
    fn occupy(&mut self, site: usize, repo: usize) {
        let first = self.rng.below(7);
        for pick in first..first + 3 {
            let name = format!("{}x{}", repo_name(repo), pick % 7);
            self.occupy_one(site, &ObjectKey::new("", "ConfigMap", SHOP, &name));
        }
    }

    fn occupy_one(&mut self, site: usize, key: &ObjectKey) {
        let api = self.sites[site].api.at(self.now);
        let namespace = ObjectKey::new("", "Namespace", "", SHOP);
        if api.get(key).is_some()
            || (api.get(&namespace).is_none() && api.write(&namespace, "kubectl", |_| {}).is_err())
        {
            return;
        }
        let made = api.write(key, "kubectl-create", |edits| drop(edits.insert("/data/mine".into(), Value::from("1"))));
        if made.is_ok() {
            let uid = self.sites[site].api.uid(key).unwrap_or_default().to_owned();
            self.oracle.foreign(site, self.now, &uid);
            self.changed(site);
        }
    }

    /// The identity of a cluster is copied to another one, where an agent begins with it.
    fn copy_site(&mut self, site: usize) {
        if self.sites[site].uid.is_none() || self.sites.iter().any(|site| site.is_copy) {
            return;
        }
        self.incarnations += 1;
        let mut copy = Site::new(site, self.incarnations + 100);
        // With all of its state, or with its identity alone, which only the hub can tell from the cluster it was made for.
        let with_state = self.now.is_multiple_of(2);
        let name = format!("copy-{site}");
        copy.api = if with_state { copy_of(&self.sites[site].api, &name) } else { Api::new(&name) };
        (copy.key, copy.uid, copy.is_copy) = (self.sites[site].key, self.sites[site].uid.clone(), true);
        self.sites.push(copy);
        self.oracle.add_site();
        let index = self.sites.len() - 1;
        self.push(self.now + 100, Ev::AgentUp(index));
    }

    /// The cluster is made anew under the same name.
    fn reinstall(&mut self, site: usize) {
        self.kill(site);
        self.incarnations += 1;
        self.sites[site] = Site::new(site, self.incarnations);
        self.oracle.reinstalled(site);
        self.push(self.now + 2000, Ev::AgentUp(site));
    }

    // -------------------------------------------------------------------------------------------------- lies

    /// A document reaches the agents of a site as if it were the answer to their poll.
    fn inject(&mut self, site: usize, document: &Signed<Arc<[u8]>>) {
        let Ok(envelope) = skiff_wire::encode::envelope(document, None) else { return };
        let waiting: Vec<(u32, u64, u64, bool)> = self
            .procs
            .values()
            .filter(|process| process.site == site)
            .filter_map(|process| Some((process.pid, process.sync?, process.start?, process.fenced)))
            .collect();
        for (pid, id, start, fenced) in waiting {
            let response = SyncResponse {
                protocol: fleet_api::wire::PROTOCOL,
                start,
                fenced,
                desired: Some(envelope.clone()),
                acknowledged: 0,
                resend: false,
            };
            let bytes: Arc<[u8]> = serde_json::to_vec(&response).unwrap_or_default().into();
            self.push(self.now + 1, Ev::ToAgent(pid, id, Answer::Ok(bytes)));
        }
    }

    fn replay(&mut self, site: usize) {
        let name = self.sites[site].name.clone();
        if let Some(old) = self.hub.old.get(&name).cloned() {
            // The agent may have been enrolled anew since, and then it is one of another cluster.
            self.inject(site, &old);
        }
    }

    fn newest(&mut self, cluster: &Ref) -> Option<Arc<Signed<Arc<[u8]>>>> {
        let slot = self.hub.running.as_mut()?.slot_of(cluster)?;
        slot.shelf.take(None).map(|(newest, _)| newest)
    }

    fn misdeliver(&mut self, from: usize, to: usize) {
        let name = self.sites[from].name.clone();
        if from != to
            && let Some(document) = self.newest(&name)
        {
            self.inject(to, &document);
        }
    }

    /// A hub of a later version has said something that this agent does not know, and was then replaced by this one.
    fn future(&mut self, site: usize) {
        let name = self.sites[site].name.clone();
        let Some(document) = self.newest(&name) else { return };
        let Ok(mut desired) = serde_json::from_slice::<Desired>(&document.bytes) else { return };
        desired.version.generation += 1;
        let dropped = desired.deployments.pop();
        for tombstone in &mut desired.tombstones {
            tombstone.unknown.insert("onlyIf".into(), Value::from(true));
        }
        desired.tombstones.extend(dropped.map(|gone| fleet_api::wire::Tombstone {
            bundle: gone.bundle,
            deployment: None,
            cause: "a test".into(),
            keep_resources: false,
            delete_crd_resources: false,
            deletion_limit: None,
            unknown: BTreeMap::from([("onlyIf".to_owned(), Value::from(true))]),
        }));
        let bytes: Arc<[u8]> = serde_json::to_vec(&desired).unwrap_or_default().into();
        let have = Have { version: desired.version, digest: Digest::of(&bytes) };
        let signature = self.hub.signing.sign(&bytes).as_ref().to_vec();
        let deployments = desired.deployments.iter().map(|deployment| deployment.deployment).collect();
        self.oracle.lied_to(&name, have);
        self.inject(site, &Signed { have, bytes, signature, deployments });
    }
}
