//! `POST /v1/sync`: the report up, the new Desired down.

use super::{AgentApi, Refusal, SYNC_LIMIT, common_protocol};
use crate::machine::Message;
use crate::slots::{Issued, Slot};
use crate::tls::Peer;
use axum::body::Body;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::reason::Reason;
use fleet_api::wire::{DesiredEnvelope, SyncRequest, SyncResponse};
use skiff_planner::hub::{Sync, SyncOutcome};
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
    check_identity(&slot, &request)?;
    let have = request.have;
    let wait = Duration::from_secs(request.wait.min(LONGEST_WAIT).into());
    let told = request.report.is_some() || request.start.is_none();
    let mut newest = slot.watch();
    let outcome = tell(api, &slot, request).await?;
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
            return Ok(respond(Some(envelope(&issued, base.as_deref())?)));
        }
        tokio::select! {
            () = tokio::time::sleep_until(until) => return Ok(respond(None)),
            () = &mut displaced => return Ok(respond(None)),
            // The deciding task has ended: nothing new will come.
            () = api.machine.closed() => return Err(Refusal::stopping()),
            _ = waiting.tick() => {
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

/// R1, from the hub's side: who it says it is must be who its key says.
fn check_identity(slot: &Slot, request: &SyncRequest) -> Result<(), Refusal> {
    let wrong = |message: String| Err(Refusal::new(StatusCode::FORBIDDEN, Reason::WrongCluster, message));
    if request.cluster != slot.uid {
        return wrong(format!("this key is that of {}, not of {}", slot.uid, request.cluster));
    }
    if request.kube_system_uid != slot.kube_system_uid {
        return wrong(format!(
            "cluster {} was enrolled with another kube-system namespace: this is a copy, or a cluster made anew; enroll \
             it under an identity of its own",
            slot.cluster
        ));
    }
    Ok(())
}

async fn tell(api: &AgentApi, slot: &Slot, request: SyncRequest) -> Result<SyncOutcome, Refusal> {
    let sync = Sync {
        cluster: slot.cluster.clone(),
        start: request.start,
        instance: request.instance,
        have: request.have,
        report: request.report,
    };
    let (reply, outcome) = oneshot::channel();
    api.machine.send(Message::Sync(Box::new(sync), reply)).map_err(|_| Refusal::stopping())?;
    match outcome.await {
        Ok(Some(outcome)) => Ok(outcome),
        Ok(None) => Err(Refusal::revoked("this identity was revoked")),
        Err(_) => Err(Refusal::stopping()),
    }
}

/// The document on its way, compressed against the one that the agent has.
fn envelope(issued: &Issued, base: Option<&Issued>) -> Result<DesiredEnvelope, Refusal> {
    let prefix = base.map(|base| base.bytes.clone()).unwrap_or_default();
    let data = compress(&issued.bytes, &prefix)
        .map_err(|error| Refusal::plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(DesiredEnvelope {
        digest: issued.have.digest,
        size: issued.bytes.len() as u64,
        signature: STANDARD.encode(&issued.signature),
        base: base.map(|base| base.have.digest),
        data: STANDARD.encode(data),
    })
}

/// One zstd frame of `bytes`, which refers to `prefix` (to none where that is empty). The window covers both.
pub(super) fn compress(bytes: &[u8], prefix: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Write as _;
    let span = (bytes.len() + prefix.len()).max(1 << 10).next_power_of_two();
    let mut encoder = if prefix.is_empty() {
        zstd::stream::write::Encoder::new(Vec::with_capacity(bytes.len() / 4 + 64), 3)?
    } else {
        zstd::stream::write::Encoder::with_ref_prefix(Vec::with_capacity(256), 3, prefix)?
    };
    encoder.window_log(span.trailing_zeros().clamp(10, 27))?;
    encoder.include_checksum(false)?;
    encoder.set_pledged_src_size(Some(bytes.len() as u64))?;
    encoder.write_all(bytes)?;
    encoder.finish()
}
