//! Tokens, and identities for them (DESIGN §9).

use super::records::{TOKENS, TokenRecord};
use super::{After, Deciding};
use crate::core::{CoreError, TokenRequest};
use crate::store::{Kind, Write};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use fleet_api::digest::Digest;
use fleet_api::labels::{CLAIMS_PREFIX, RESERVED_PREFIXES};
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::v1alpha1::API_VERSION;
use fleet_api::wire::{ClusterIdentity, EnrollRequest, EnrollResponse, EnrollmentToken, Timestamp};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;
use skiff_planner::hub::{ClusterResource, Enrollment, Event};

/// What a token's text begins with.
const PREFIX: &str = "skiff1.";
/// Tokens at once.
const TOKENS_AT_ONCE: usize = 100_000;

/// An agent asks for an identity.
#[derive(Debug)]
pub(crate) struct Enrolling {
    pub(crate) key: Digest,
    pub(crate) request: EnrollRequest,
    pub(crate) protocol: u32,
}

/// Why it does not get one.
#[derive(Debug)]
pub(crate) enum EnrollError {
    Refused(String),
    Unavailable,
}

fn refused<T>(message: impl Into<String>) -> Result<T, EnrollError> {
    Err(EnrollError::Refused(message.into()))
}

impl Deciding {
    pub(super) fn create_token(&mut self, request: TokenRequest) -> Result<String, CoreError> {
        if let Some(key) = request.labels.keys().find(|key| {
            key.starts_with(CLAIMS_PREFIX) || RESERVED_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
        }) {
            return Err(CoreError::Refused(format!("label `{key}` is written by the hub alone")));
        }
        let now = Timestamp::now();
        let expired: Vec<Digest> =
            self.tokens.iter().filter(|(_, token)| token.expires < now).map(|(digest, _)| *digest).collect();
        for digest in expired {
            self.tokens.remove(&digest);
            self.turn.write(Write::Forget { table: TOKENS, key: digest.to_string() });
        }
        if self.tokens.len() >= TOKENS_AT_ONCE {
            return Err(CoreError::Refused(format!(
                "there are {TOKENS_AT_ONCE} tokens already; wait until some expire"
            )));
        }
        let secret = random_text().ok_or_else(|| CoreError::Unavailable("no random bytes".into()))?;
        let expires = now
            .checked_add(request.lifetime)
            .map_err(|error| CoreError::Refused(format!("the lifetime is too long: {error}")))?;
        let record = TokenRecord {
            namespace: request.namespace.to_string(),
            name: request.name.map(|name| name.to_string()),
            labels: request.labels,
            expires,
            used: None,
        };
        self.put_token(Digest::of(secret.as_bytes()), record);
        let token = EnrollmentToken {
            hub: self.advertise.clone(),
            hub_key: self.identity.hub_key(),
            signing_key: Digest::of(self.identity.signing_key()),
            secret,
        };
        let json = serde_json::to_vec(&token).map_err(|error| CoreError::Unavailable(error.to_string()))?;
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(json)))
    }

    fn put_token(&mut self, digest: Digest, record: TokenRecord) {
        if let Ok(value) = serde_json::to_vec(&record) {
            self.turn.write(Write::Record { table: TOKENS, key: digest.to_string(), value });
        }
        self.tokens.insert(digest, record);
    }

    pub(super) fn enroll(&mut self, enrolling: Enrolling) -> Result<EnrollResponse, EnrollError> {
        let Enrolling { key, request, protocol } = enrolling;
        let digest = Digest::of(request.secret.as_bytes());
        let Some(token) = self.tokens.get(&digest).cloned() else {
            return refused(
                "the token is not known here: it has expired, or is of another hub; make a new one with `skiff token create`",
            );
        };
        if token.expires < Timestamp::now() {
            return refused("the token has expired; make a new one with `skiff token create`");
        }
        if let Some((by, cluster)) = &token.used {
            // The answer may have been lost: the same key gets it again.
            let memory = self.machine.memory(cluster).filter(|memory| *by == key && memory.enrollment.key == key);
            return match memory {
                Some(memory) if memory.enrollment.kube_system_uid == request.kube_system_uid => {
                    Ok(self.response(protocol, cluster, memory.enrollment.uid.clone()))
                }
                _ => refused("the token was used already; make a new one with `skiff token create`"),
            };
        }
        let cluster = self.name_for(&token, &request)?;
        self.machine
            .check_enrollment(&cluster, token.name.is_some(), &key, &request.kube_system_uid)
            .or_else(refused)?;
        self.admit(digest, token, &cluster, key, &request, protocol)
    }

    fn name_for(&self, token: &TokenRecord, request: &EnrollRequest) -> Result<Ref, EnrollError> {
        let name = match (&token.name, &request.name) {
            (Some(bound), Some(asked)) if bound != asked => {
                return refused(format!("the token is for cluster `{bound}`, the agent calls itself `{asked}`"));
            }
            (Some(bound), _) => bound.clone(),
            (None, Some(asked)) => asked.clone(),
            (None, None) => {
                format!("cluster-{}", Digest::of(request.kube_system_uid.as_bytes()).short())
            }
        };
        Ref::new(&token.namespace, &name).or_else(|error| refused(error.to_string()))
    }

    fn admit(
        &mut self,
        digest: Digest,
        token: TokenRecord,
        cluster: &Ref,
        key: Digest,
        request: &EnrollRequest,
        protocol: u32,
    ) -> Result<EnrollResponse, EnrollError> {
        let uid = match self.machine.memory(cluster) {
            Some(memory) => memory.enrollment.uid.clone(),
            None => new_uid().ok_or(EnrollError::Unavailable)?,
        };
        if !self.machine.has_cluster(cluster) {
            let value = json!({
                "apiVersion": API_VERSION,
                "kind": "Cluster",
                "metadata": {"name": cluster.name.as_str(), "namespace": cluster.namespace.as_str(), "labels": token.labels},
                "spec": {},
            });
            let (namespace, name) = (cluster.namespace.to_string(), cluster.name.to_string());
            self.turn.write(Write::Put { kind: Kind::Cluster, namespace, name, value });
            let resource =
                ClusterResource { labels: token.labels.clone(), generation: 1, ..ClusterResource::default() };
            self.machine.observe(Event::Cluster(cluster.clone(), Some(Box::new(resource))));
        }
        let enrollment = Enrollment { uid: uid.clone(), key, kube_system_uid: request.kube_system_uid.clone() };
        self.machine.observe(Event::Enrolled(cluster.clone(), enrollment));
        self.put_token(digest, TokenRecord { used: Some((key, cluster.clone())), ..token });
        // Before documents are published to it.
        self.turn.effect(After::Enrolled(cluster.clone()));
        tracing::info!(%cluster, %uid, "a cluster was enrolled");
        Ok(self.response(protocol, cluster, uid))
    }

    fn response(&self, protocol: u32, cluster: &Ref, uid: ClusterUid) -> EnrollResponse {
        EnrollResponse {
            protocol,
            identity: ClusterIdentity { cluster: cluster.clone(), uid },
            signing_key: STANDARD.encode(self.identity.signing_key()),
        }
    }
}

fn random_text() -> Option<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

fn new_uid() -> Option<ClusterUid> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    format!("c-{}", hex::encode(bytes)).parse().ok()
}
