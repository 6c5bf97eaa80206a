//! `POST /v1/sync`: the report up, the new Desired down.

use super::{AgentApi, Refusal, SYNC_LIMIT, common_protocol};
use crate::machine::Message;
use crate::slots::Slot;
use crate::tls::Peer;
use axum::body::Body;
use axum::http::StatusCode;
use fleet_api::wire::{SyncRequest, SyncResponse, Timestamp};
use skiff_planner::hub::{Rules, Sync, SyncOutcome, check_identity};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The longest that a request is held open, in seconds: an agent on a metered link asks for half an hour.
pub const LONGEST_WAIT: u32 = 3600;
/// How often an agent whose poll is held open counts as heard of; well below the default of `offline_after`.
const WAITING: Duration = Duration::from_secs(5 * 60);
/// How long the answer to a report waits for what may follow from it.
const SETTLE: Duration = Duration::from_millis(20);

pub(super) async fn sync(api: &AgentApi, peer: Peer, body: Body) -> Result<SyncResponse, Refusal> {
    let slot = api.caller(&peer)?;
    let turn = slot.bodies.acquire().await;
    let request: SyncRequest = api.body(body, SYNC_LIMIT).await?;
    drop(turn);
    let protocol = common_protocol(request.protocol)?;
    // The handlers keep all rules; a test build has the deciding task's to switch off.
    check_identity(Rules::all(), &slot.cluster, &slot.enrollment, &request)
        .map_err(|note| Refusal::new(StatusCode::FORBIDDEN, note.reason, note.message))?;
    let have = request.have;
    let wait = Duration::from_secs(request.wait.min(LONGEST_WAIT).into());
    let told = request.report.is_some() || request.start.is_none();
    let mut newest = slot.watch();
    let outcome = tell(api, &slot, request).await?;
    slot.seen_at(Timestamp::now());
    let respond = |desired| SyncResponse {
        protocol,
        start: outcome.start,
        fenced: outcome.fenced,
        desired,
        acknowledged: outcome.acknowledged,
        resend: outcome.resend,
    };
    if outcome.fenced {
        return Ok(respond(None));
    }
    // What the agent said is acknowledged at once; it waits for news with its next request.
    let until = Instant::now() + if told || outcome.resend { SETTLE.min(wait) } else { wait };
    let displaced = slot.wait();
    tokio::pin!(displaced);
    let mut waiting = tokio::time::interval_at(Instant::now() + WAITING, WAITING);
    loop {
        if let Some((issued, base)) = slot.take(have) {
            let envelope = skiff_wire::encode::envelope(&issued, base.as_deref())
                .map_err(|error| Refusal::plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
            return Ok(respond(Some(envelope)));
        }
        tokio::select! {
            () = tokio::time::sleep_until(until) => return Ok(respond(None)),
            () = &mut displaced => return Ok(respond(None)),
            // The deciding task has ended: nothing new will come.
            () = api.machine.closed() => return Err(Refusal::stopping()),
            _ = waiting.tick() => {
                slot.seen_at(Timestamp::now());
                api.machine.send(Message::Waits(slot.cluster.clone())).map_err(|_| Refusal::stopping())?;
            }
            changed = newest.changed() => {
                if changed.is_err() {
                    return Err(Refusal::stopping());
                }
                if newest.borrow_and_update().is_none() {
                    return Err(Refusal::revoked("this identity was revoked"));
                }
            }
        }
    }
}

async fn tell(api: &AgentApi, slot: &Slot, request: SyncRequest) -> Result<SyncOutcome, Refusal> {
    let sync = Sync {
        cluster: slot.cluster.clone(),
        start: request.start,
        instance: request.instance,
        protocol: request.protocol,
        have: request.have,
        report: request.report,
    };
    let (reply, outcome) = oneshot::channel();
    let place = slot.telling.clone().acquire_owned().await.map_err(|_| Refusal::stopping())?;
    api.machine.send(Message::Sync(Box::new(sync), reply, place)).map_err(|_| Refusal::stopping())?;
    match outcome.await {
        Ok(Some(outcome)) => Ok(outcome),
        Ok(None) => Err(Refusal::revoked("this identity was revoked")),
        Err(_) => Err(Refusal::stopping()),
    }
}
