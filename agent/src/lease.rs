//! Which instance writes: the holder of one Lease. Called by the loop before it begins, and every now and then.
//!
//! Invariant: an instance that cannot renew for the whole duration writes nothing more.

use crate::api::{Api, ApiError, collection_path};
use fleet_api::labels::AGENT_NAMESPACE;
use fleet_api::wire::Timestamp;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

const NAME: &str = "skiff-agent";
/// How long a Lease is good without being renewed.
const SECONDS: i64 = 90;
/// How often it is renewed.
pub const RENEW: Duration = Duration::from_secs(30);
/// How often an instance that stands by looks.
pub const STAND_BY: Duration = Duration::from_secs(15);

/// The Lease, as this instance sees it.
#[derive(Debug)]
pub struct Lease {
    /// The same after a restart of this instance, so that it goes on at once.
    holder: String,
    last: Option<Value>,
    /// What another instance wrote, and when that was first seen here: its clock is not ours.
    other: Option<(Value, Instant)>,
}

impl Lease {
    /// For an instance of this name.
    pub const fn new(holder: String) -> Self {
        Self { holder, last: None, other: None }
    }

    /// Takes or renews it; false where another instance holds it.
    ///
    /// # Errors
    /// What the API server said.
    pub async fn acquire(&mut self, api: &Api, now: Timestamp) -> Result<bool, ApiError> {
        if let Some(last) = self.last.take() {
            match self.write(api, Some(&last), now).await {
                Ok(lease) => {
                    self.last = Some(lease);
                    return Ok(true);
                }
                Err(error) if matches!(error.code(), Some(404 | 409)) => {}
                Err(error) => {
                    self.last = Some(last);
                    return Err(error);
                }
            }
        }
        let path = format!("{}/{NAME}", leases());
        let found = api.find(&path).await?;
        if found.as_ref().is_some_and(|lease| !lease.is_object()) {
            return Err(ApiError::Transport("the answer is no Lease".to_owned()));
        }
        if found.as_ref().is_some_and(|lease| self.is_held_by_another(lease)) {
            return Ok(false);
        }
        match self.write(api, found.as_ref(), now).await {
            Ok(lease) => {
                self.last = Some(lease);
                Ok(true)
            }
            Err(error) if error.code() == Some(409) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives it up, so that another instance need not wait.
    pub async fn release(&mut self, api: &Api) {
        let Some(mut lease) = self.last.take() else { return };
        lease["spec"]["holderIdentity"] = json!("");
        if let Err(error) = api.replace(&format!("{}/{NAME}", leases()), &lease).await {
            tracing::debug!(%error, "the lease is not given up; it runs out");
        }
    }

    /// For how long it is good without a renewal.
    pub const fn duration() -> SignedDuration {
        SignedDuration::from_secs(SECONDS)
    }

    fn is_held_by_another(&mut self, lease: &Value) -> bool {
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        if holder.is_empty() || holder == self.holder {
            return false;
        }
        let seconds = lease["spec"]["leaseDurationSeconds"].as_u64().unwrap_or(90).clamp(1, 3_600);
        match &self.other {
            Some((seen, since)) if *seen == lease["spec"] => since.elapsed() < Duration::from_secs(seconds),
            Some(_) | None => {
                self.other = Some((lease["spec"].clone(), Instant::now()));
                true
            }
        }
    }

    async fn write(&self, api: &Api, found: Option<&Value>, now: Timestamp) -> Result<Value, ApiError> {
        let time = json!(format!("{now:.6}"));
        let mut lease = found.cloned().unwrap_or_else(|| {
            json!({
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": NAME, "namespace": AGENT_NAMESPACE},
                "spec": {},
            })
        });
        if lease["spec"]["holderIdentity"] != self.holder.as_str() {
            lease["spec"]["acquireTime"] = time.clone();
        }
        lease["spec"]["holderIdentity"] = json!(self.holder);
        lease["spec"]["leaseDurationSeconds"] = json!(SECONDS);
        lease["spec"]["renewTime"] = time;
        if let Some(metadata) = lease["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        match found {
            Some(_) => api.replace(&format!("{}/{NAME}", leases()), &lease).await,
            None => api.create(&leases(), &lease, "").await,
        }
    }
}

fn leases() -> String {
    collection_path("coordination.k8s.io/v1", "leases", AGENT_NAMESPACE)
}
