//! What a process says to the hub and hears of it: syncs, blobs, the fence (`agent/src/run.rs`, `agent/src/link/`).

use super::{Process, REFUSED};
use crate::net::Answer;
use crate::world::World;
use fleet_api::wire::{BlobsRequest, Deployment, Have, SyncResponse};
use fleet_api::{Digest, Note, Reason};
use skiff_planner::agent::{Action, Event, Rule, Want, ensure_key};
use skiff_wire::decode;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Process {
    pub(super) fn talk(&mut self, world: &mut World) {
        let now = self.elapsed(world);
        let settled = self.is_settled(world);
        if self.sync.is_some() && self.courier.interrupts(settled, now) {
            self.sync = None;
            self.courier.dropped();
        }
        if self.sync.is_some() || now < self.courier.next_at {
            return;
        }
        let has_news = self.courier.news_at(settled).is_some_and(|at| at <= now);
        if self.machine.pending().is_some() && !(has_news && self.may_tell(world)) {
            return;
        }
        let have = self.machine.have().map(|(version, digest)| Have { version, digest });
        let request = self.courier.request(have, settled, now);
        let patience = u64::from(request.wait) * 1000 + 30_000;
        let bytes = serde_json::to_vec(&request).unwrap_or_default();
        self.sync = Some(world.ask_hub(self.site, self.pid, "/v1/sync", bytes, patience));
    }

    /// What is being written is told as had only when it is; where that cannot be, the hub is told why.
    pub(super) fn may_tell(&self, world: &World) -> bool {
        self.machine.pending().is_none() || world.now < world.sites[self.site].api_down_until
    }

    pub(super) fn fetch(&mut self, wants: Vec<Want>, world: &mut World) {
        let mut wanted = Vec::new();
        for want in wants {
            let cached = if want.is_deployment { self.load(world, want.digest) } else { None };
            match cached {
                Some(bytes) => self.machine.observe(document(want.digest, &bytes)),
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

    pub(super) fn net_answer(&mut self, id: u64, answer: &Answer, world: &mut World) {
        if let Some(wants) = self.fetches.remove(&id) {
            return self.fetched(&wants, answer, world);
        }
        self.sync = None;
        self.answered(answer, world);
    }

    pub(super) fn fetched(&mut self, wants: &[Want], answer: &Answer, world: &mut World) {
        let at = world.site_time(self.site);
        let is_deployment: BTreeMap<Digest, bool> =
            wants.iter().map(|want| (want.digest, want.is_deployment)).collect();
        let mut settled = BTreeSet::new();
        let mut refused = Vec::new();
        let mut problem = None;
        let mut blobs = Vec::new();
        let wanted: Vec<Digest> = wants.iter().map(|want| want.digest).collect();
        match answer {
            Answer::Ok(body) => {
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
            Answer::Refused(..) | Answer::Unreachable => {
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
                self.machine.observe(document(digest, &bytes));
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

    pub(super) fn answered(&mut self, answer: &Answer, world: &mut World) {
        let now = self.elapsed(world);
        let response = match answer {
            Answer::Ok(bytes) => serde_json::from_slice::<SyncResponse>(bytes).ok(),
            Answer::Refused(..) | Answer::Unreachable => None,
        };
        let Some(response) = response else {
            let refused = matches!(answer, Answer::Refused(401 | 403, _));
            if let Answer::Refused(_, reason) = answer {
                self.link_note = Some(Note::new(*reason, "the hub refuses"));
            }
            return self.courier.failed(refused, now);
        };
        self.link_note = None;
        self.courier.answered(&response, now);
        self.start = Some(response.start);
        self.machine.observe(Event::Fenced(response.fenced));
        // The newest word counts: a hub that was put back to before the other one began knows of one only.
        self.fenced = response.fenced;
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
        if !world.rules.0.on(Rule::R12Fenced) {
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
}

/// What the machine is told of a Deployment whose digest was verified on `bytes`.
fn document(digest: Digest, bytes: &[u8]) -> Event {
    match serde_json::from_slice::<Deployment>(bytes) {
        Ok(deployment) => Event::Deployment { digest, deployment: Box::new(deployment) },
        Err(error) => Event::Unreadable { digest, why: error.to_string() },
    }
}
