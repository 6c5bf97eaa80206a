//! `POST /v1/enroll`: a token for one identity, and nothing else.

use super::{AgentApi, Refusal, common_protocol};
use crate::machine::{EnrollError, Enrolling, Message};
use crate::tls::Peer;
use axum::body::Body;
use axum::http::StatusCode;
use fleet_api::reason::Reason;
use fleet_api::wire::{EnrollRequest, EnrollResponse};
use tokio::sync::oneshot;

pub(super) async fn enroll(api: &AgentApi, peer: Peer, body: Body) -> Result<EnrollResponse, Refusal> {
    api.attempts.check(peer.address.ip())?;
    let Some(key) = peer.key else {
        let message = "an agent enrolls with the certificate of its own key";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, Reason::AuthenticationFailed, message));
    };
    let request: EnrollRequest = api.body_of_unknown(peer.address.ip(), body).await?;
    let protocol = common_protocol(request.protocol)?;
    let (reply, answer) = oneshot::channel();
    let place = api.asking.clone().acquire_owned().await.map_err(|_| Refusal::stopping())?;
    let enrolling = Enrolling { key, request, protocol };
    api.machine.send(Message::Enroll(Box::new(enrolling), reply, place)).map_err(|_| Refusal::stopping())?;
    match answer.await.map_err(|_| Refusal::stopping())? {
        Ok(response) => Ok(response),
        Err(EnrollError::Unavailable) => Err(Refusal::stopping()),
        Err(EnrollError::Refused(message)) => {
            api.attempts.failed(peer.address.ip());
            Err(Refusal::new(StatusCode::FORBIDDEN, Reason::AuthenticationFailed, message))
        }
    }
}
