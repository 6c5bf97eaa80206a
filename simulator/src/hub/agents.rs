//! What the hub answers to agents (`hub/src/agent_api/`): syncs, which wait for news, and blobs.

use super::{Bytes, Message, SETTLE, Waiting};
use crate::net::{Answer, Request};
use crate::world::{Ev, World};
use fleet_api::names::Ref;
use fleet_api::wire::{BlobEntry, BlobsHead, BlobsRequest, DesiredEnvelope, PROTOCOL, SyncRequest, SyncResponse};
use fleet_api::{Digest, Reason};
use skiff_planner::hub::{Sync, SyncOutcome, check_identity};
use skiff_wire::encode;
use std::collections::BTreeSet;

impl World {
    /// A request of an agent arrives.
    pub(crate) fn serve_agent(&mut self, request: &Request) {
        let Request { site, pid, id, path, bytes } = request.clone();
        let key = self.sites[site].key;
        self.note(|| format!("c{site} p{pid} asks the hub #{id} {path} {}", String::from_utf8_lossy(&bytes)));
        let Some(running) = &self.hub.running else { return };
        let Some(slot) = running.slots.get(&key) else {
            return self.answer_agent(site, pid, id, Answer::Refused(401, Reason::Revoked));
        };
        if path == "/v1/blobs" {
            return self.serve_blobs(request, key);
        }
        let Ok(request) = serde_json::from_slice::<SyncRequest>(&bytes) else { return };
        if let Err(note) = check_identity(self.rules.1, &slot.cluster, &slot.enrollment, &request) {
            return self.answer_agent(site, pid, id, Answer::Refused(403, note.reason));
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
            protocol: request.protocol,
            have: request.have,
            report: request.report,
        };
        self.tell_hub(Message::Sync(Box::new(sync), waiting));
    }

    pub(super) fn answer_sync(&mut self, mut waiting: Waiting, outcome: Option<SyncOutcome>) {
        let Some(outcome) = outcome else {
            let refused = Answer::Refused(401, Reason::Revoked);
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
                let refused = Answer::Refused(401, Reason::Revoked);
                self.answer_agent(waiting.site, waiting.pid, waiting.id, refused);
                continue;
            };
            let Some((issued, base)) = slot.shelf.take(waiting.have) else {
                running.waiting.push(waiting);
                continue;
            };
            let envelope = encode::envelope(&issued, base.as_deref()).ok();
            running.inbox.push_back(Message::Served(waiting.cluster.clone(), issued.have.version));
            self.oracle.served(self.now, &waiting.cluster, issued.have);
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

    pub(crate) fn respond(&mut self, waiting: &Waiting, desired: Option<DesiredEnvelope>) {
        let outcome = waiting.outcome;
        let response = SyncResponse {
            protocol: PROTOCOL,
            start: outcome.start,
            fenced: outcome.fenced,
            desired,
            acknowledged: outcome.acknowledged,
            resend: outcome.resend,
        };
        self.oracle.acknowledged(&waiting.cluster, &outcome);
        let bytes: Bytes = serde_json::to_vec(&response).unwrap_or_default().into();
        self.answer_agent(waiting.site, waiting.pid, waiting.id, Answer::Ok(bytes));
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
        self.answer_agent(request.site, request.pid, request.id, Answer::Ok(body.into()));
    }
}
