//! Performs the actions of a decision. Called by the loop, many at the same time.
//!
//! Invariant: an action either ends in what it was meant to do or in an event that says why not; nothing is decided here.

use crate::api::{Api, ApiError, ApplyParams, object_path};
use crate::cache::Cache;
use crate::link::{Hub, LinkError};
use bytes::Bytes;
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::{ApiVersions, BlobsRequest, Deployment, Timestamp};
use fleet_api::{Digest, Note, ObjectKey, Reason};
use serde_json::{Map, Value, json};
use skiff_planner::agent::{
    Apply, Delete, EnsureNamespace, Event, Failed, RemoveKeys, Rules, Target, Want, ensure_key, keeps, prepare,
};
use skiff_wire::classify::{Trouble, explain, explain_private};
use skiff_wire::decode;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What has come of an action.
#[derive(Debug)]
pub enum Done {
    /// Events for the machine.
    Events(Vec<Event>),
    /// An object was read.
    Read(ObjectKey, Option<Box<Value>>),
    /// An object was applied; with the answer, and whether it says `resource-policy: keep`.
    Applied(Box<Apply>, Box<Value>, bool),
    /// A document of the state was written, or not.
    Written(Event),
    /// What the API server serves was read.
    Served(ApiVersions),
    /// Another instance writes: this one has to stop.
    Superseded(String),
}

/// What actions need.
#[derive(Clone)]
pub struct Tools {
    /// The API server.
    pub api: Api,
    /// The cache.
    pub cache: Arc<Cache>,
    /// The hub.
    pub hub: Arc<dyn Hub>,
    /// Who we are.
    pub cluster: ClusterUid,
    /// The rules.
    pub rules: Rules,
    /// The values that were read in the cluster.
    pub values: Arc<crate::kept::Kept>,
    /// Where is rendered with them.
    pub renderer: crate::render::Renderer,
    /// The time.
    pub clock: crate::Clock,
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tools")
    }
}

/// What one request for blobs asks for at most, uncompressed.
const BATCH_BYTES: u64 = 1 << 20;
const BATCH_COUNT: usize = 1_000;
/// What the bases of one request have at most.
const BASES_BYTES: usize = 1 << 20;

/// Whether an answer is the object that was asked for. Of a proxy, or of a server that is not right, it may be anything, and
/// an object without its UID would be taken for another one.
fn is_object(answer: &Value, target: &Target) -> bool {
    let metadata = &answer["metadata"];
    metadata["name"] == target.key.name.as_str() && metadata["uid"].as_str().is_some_and(|uid| !uid.is_empty())
}

fn no_object() -> ApiError {
    ApiError::Transport("the answer is not the object that was asked for".to_owned())
}

impl Tools {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn failed(&self, bundle: Option<Ref>, key: ObjectKey, content: Option<Digest>, trouble: Trouble) -> Done {
        let Trouble { reason, message, namespace_missing, stale } = trouble;
        tracing::info!(%key, reason = %reason, "{message}");
        let at = self.now();
        let failed = Failed { bundle, key, content, reason, message, namespace_missing, stale, at };
        Done::Events(vec![Event::Failed(Box::new(failed))])
    }

    /// A quorum read.
    pub async fn read(self, target: Target) -> Done {
        match self.api.get(&object_path(&target)).await {
            Ok(object) if is_object(&object, &target) => Done::Read(target.key, Some(Box::new(object))),
            Ok(_) => {
                let trouble = explain("read", &target.key, &no_object());
                self.failed(None, target.key, None, trouble)
            }
            Err(error) if error.is_gone(&target) => Done::Read(target.key, None),
            Err(error) => {
                let trouble = explain("read", &target.key, &error);
                self.failed(None, target.key, None, trouble)
            }
        }
    }

    /// Server-side apply.
    pub async fn apply(self, apply: Box<Apply>) -> Done {
        let key = &apply.target.key;
        let content = self.cache.read(apply.content).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let Some(content) = content else {
            let message = format!("the content of {key} is not in the cache; it is fetched again");
            let trouble =
                Trouble { reason: Reason::WaitingForCluster, message, namespace_missing: false, stale: false };
            let Done::Events(mut events) = self.failed(Some(apply.bundle), key.clone(), Some(apply.content), trouble)
            else {
                return Done::Events(Vec::new());
            };
            events.push(Event::BlobLost { digest: apply.content });
            return Done::Events(events);
        };
        let keep = keeps(&content);
        let object = prepare(content, key, &self.cluster, &apply.bundle, &apply.leave_out);
        match self.api.apply(&apply.target, &object, ApplyParams { force: apply.force }).await {
            Ok(answer) if !is_object(&answer, &apply.target) => {
                let trouble = explain("apply", key, &no_object());
                self.failed(Some(apply.bundle), apply.target.key, Some(apply.content), trouble)
            }
            Ok(answer) => {
                tracing::info!(%key, bundle = %apply.bundle, cause = ?apply.cause, "applied");
                Done::Applied(apply, Box::new(answer), keep)
            }
            Err(error) => {
                let explain = if apply.private { explain_private } else { explain };
                let trouble = explain("apply", key, &error);
                self.failed(Some(apply.bundle), apply.target.key, Some(apply.content), trouble)
            }
        }
    }

    /// Takes keys away with preconditions.
    pub async fn remove_keys(self, remove: Box<RemoveKeys>) -> Done {
        let mut patch = json!({"metadata": {"uid": remove.uid, "resourceVersion": remove.resource_version}});
        for pointer in &remove.pointers {
            set_null(&mut patch, pointer);
        }
        let target = remove.target;
        match self.api.merge(&object_path(&target), &patch, &target.service_account).await {
            Ok(_) => Done::Events(vec![Event::Touched { key: target.key, repaired: true, at: self.now() }]),
            Err(error) => {
                let trouble = explain("take added keys from", &target.key, &error);
                self.failed(None, target.key, None, trouble)
            }
        }
    }

    /// Deletes with a precondition on the UID.
    pub async fn delete(self, delete: Box<Delete>) -> Done {
        let options = delete.options(self.rules);
        let Delete { bundle, target, .. } = *delete;
        match self.api.delete(&object_path(&target), &options, &target.service_account).await {
            Ok(()) => tracing::info!(key = %target.key, %bundle, "deleted"),
            Err(error) if error.is_gone(&target) => {}
            Err(error) => {
                let trouble = explain("delete", &target.key, &error);
                return self.failed(Some(bundle), target.key, None, trouble);
            }
        }
        Done::Events(vec![Event::Touched { key: target.key, repaired: false, at: self.now() }])
    }

    /// Makes the release namespace, and sets its labels and annotations.
    pub async fn ensure_namespace(self, ensure: Box<EnsureNamespace>) -> Done {
        match self.try_namespace(&ensure).await {
            Ok((created, ours)) => {
                let EnsureNamespace { bundle, namespace, token, delete, .. } = *ensure;
                let ours = ours.filter(|_| delete);
                Done::Events(vec![Event::NamespaceEnsured { bundle, namespace, token, created, ours }])
            }
            Err(error) => {
                let namespace = ObjectKey::new("", "Namespace", "", &ensure.namespace);
                let trouble = explain("make", &namespace, &error);
                let key = ensure_key(&ensure.bundle, &ensure.namespace);
                self.failed(Some(ensure.bundle), key, None, trouble)
            }
        }
    }

    /// Whether it was made just now, and its UID where nobody else has written to it.
    async fn try_namespace(&self, ensure: &EnsureNamespace) -> Result<(bool, Option<Box<str>>), ApiError> {
        let path = format!("/api/v1/namespaces/{}", ensure.namespace);
        let metadata = json!({"name": ensure.namespace, "labels": ensure.labels, "annotations": ensure.annotations});
        let Some(found) = self.api.find(&path).await? else {
            if !ensure.create {
                return Ok((false, None));
            }
            let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
            return match self.api.create("/api/v1/namespaces", &namespace, "").await {
                Ok(made) => Ok((true, ours_alone(&made))),
                Err(error) if error.code() == Some(409) => Ok((false, None)),
                Err(error) => Err(error),
            };
        };
        if found["metadata"]["deletionTimestamp"].is_string() {
            return Err(ApiError::Status {
                code: 403,
                reason: "Forbidden".into(),
                message: format!("namespace {} is gone soon, because it is being terminated", ensure.namespace),
                causes: Vec::new(),
                kind: "namespaces".into(),
                name: ensure.namespace.clone(),
            });
        }
        let has = |wanted: &BTreeMap<String, String>, map: &str| {
            wanted.iter().all(|(key, value)| found["metadata"][map][key.as_str()] == value.as_str())
        };
        if !has(&ensure.labels, "labels") || !has(&ensure.annotations, "annotations") {
            self.api.merge(&path, &json!({"metadata": metadata}), "").await?;
        }
        Ok((false, ours_alone(&found)))
    }

    /// Asks how kinds are served.
    pub async fn discover(self, kinds: Vec<skiff_planner::agent::GroupKind>) -> Done {
        let found = crate::discovery::discover(&self.api, kinds).await;
        let at = self.now();
        let mut events = Vec::new();
        if !found.kinds.is_empty() {
            events.push(Event::Kinds { kinds: found.kinds, at });
        }
        if !found.failed.is_empty() {
            for (group, why) in &found.failed {
                tracing::warn!(
                    group,
                    why,
                    "the API server cannot be asked for the kinds of a group; the others are used"
                );
            }
            events.push(Event::DiscoveryFailed { groups: found.failed, at });
        }
        Done::Events(events)
    }

    /// Reads what the API server serves.
    pub async fn read_api_versions(self) -> Done {
        match crate::facts::api_versions(&self.api).await {
            Ok(versions) => Done::Served(versions),
            Err(error) => {
                tracing::warn!(%error, "what the API server serves cannot be read; what is known of it stays");
                Done::Events(Vec::new())
            }
        }
    }

    /// Gets blobs: from the cache, where a Deployment is only to be read again, and from the hub.
    pub async fn fetch(self, wants: Vec<Want>) -> Done {
        let mut events = Vec::new();
        let mut wanted = Vec::new();
        for want in wants {
            let cached = want.is_deployment.then(|| self.cache.read(want.digest)).flatten();
            match cached {
                Some(bytes) => events.push(document(want.digest, &bytes)),
                None => wanted.push(want),
            }
        }
        let mut refused = Vec::new();
        let mut problem = None;
        let mut rest = wanted;
        while !rest.is_empty() && problem.is_none() {
            let batch = take_batch(&mut rest);
            match self.fetch_batch(&batch).await {
                Ok(got) => {
                    refused.extend(got.refused.iter().copied());
                    let settled: BTreeSet<Digest> =
                        got.present.iter().chain(&got.refused).chain(&got.documents).copied().collect();
                    let left: Vec<Want> = batch.into_iter().filter(|want| !settled.contains(&want.digest)).collect();
                    if settled.is_empty() {
                        let message = format!("the hub does not have {} now", left[0].digest);
                        problem = Some(Note::new(Reason::WaitingForCluster, message));
                    }
                    rest.extend(left);
                    events.extend(got.events);
                }
                Err(note) => {
                    tracing::warn!("{}", note.message);
                    problem = Some(note);
                    rest.extend(batch);
                }
            }
        }
        let missing = rest.into_iter().map(|want| want.digest).collect();
        events.push(Event::Fetched { missing, refused, problem, at: self.now() });
        Done::Events(events)
    }

    async fn fetch_batch(&self, batch: &[Want]) -> Result<Got, Note> {
        let mut bases = Vec::new();
        let mut size = 0;
        for base in batch.iter().filter_map(|want| want.base).collect::<BTreeSet<_>>() {
            let length = self.cache.read(base).map_or(0, |bytes| bytes.len());
            if length > 0 && size + length <= BASES_BYTES {
                size += length;
                bases.push(base);
            }
        }
        let want: Vec<Digest> = batch.iter().map(|want| want.digest).collect();
        let request = BlobsRequest { want: want.clone(), bases, sizes: true };
        let body = self.hub.blobs(request).await.map_err(|error| {
            let reason = match &error {
                LinkError::AnotherHub { .. } => Reason::HubIdentityChanged,
                LinkError::Unreachable(_) | LinkError::Refused { .. } => Reason::HubUnreachable,
            };
            Note::new(reason, error.to_string())
        })?;
        let wants: BTreeMap<Digest, (bool, bool)> =
            batch.iter().map(|want| (want.digest, (want.is_deployment, want.is_secret))).collect();
        let (cache, rules) = (self.cache.clone(), self.rules);
        // Files are synced one by one; the loop is not to wait for the disk.
        tokio::task::spawn_blocking(move || unpack(rules, &cache, &want, &wants, &body))
            .await
            .map_err(|error| Note::new(Reason::Internal, format!("unpacking blobs: {error}")))?
    }
}

/// The UID of an object that we made, and that nobody else has written to.
fn ours_alone(object: &Value) -> Option<Box<str>> {
    let metadata = &object["metadata"];
    let managers = metadata["managedFields"].as_array().filter(|managers| !managers.is_empty())?;
    let is_ours = |entry: &Value| entry["manager"] == fleet_api::labels::FIELD_MANAGER;
    managers.iter().all(is_ours).then(|| metadata["uid"].as_str().map(Into::into)).flatten()
}

/// What the machine is told of a Deployment whose digest was verified on `bytes`.
fn document(digest: Digest, bytes: &[u8]) -> Event {
    match fleet_api::wire::from_json::<Deployment>(bytes) {
        Ok(deployment) => Event::Deployment { digest, deployment: Box::new(deployment) },
        Err(error) => {
            tracing::warn!(%digest, %error, "a deployment cannot be read");
            Event::Unreadable { digest, why: error }
        }
    }
}

struct Got {
    events: Vec<Event>,
    present: Vec<Digest>,
    documents: Vec<Digest>,
    refused: Vec<Digest>,
}

/// Writes what came into the cache.
fn unpack(
    rules: Rules,
    cache: &Cache,
    want: &[Digest],
    wants: &BTreeMap<Digest, (bool, bool)>,
    body: &Bytes,
) -> Result<Got, Note> {
    let mut got = Got { events: Vec::new(), present: Vec::new(), documents: Vec::new(), refused: Vec::new() };
    let mut trouble = None;
    let result = decode::blobs(
        rules,
        want,
        body,
        |base| cache.read(base),
        |digest, bytes| {
            let Some((is_deployment, is_secret)) = wants.get(&digest) else { return };
            let event = is_deployment.then(|| document(digest, &bytes));
            // Sources hold a seed.
            let has_sources =
                matches!(&event, Some(Event::Deployment { deployment, .. }) if deployment.sources.is_some());
            if let Err(error) = cache.write(digest, &bytes, *is_secret || has_sources) {
                trouble = Some(error);
                return;
            }
            match event {
                Some(event) => {
                    got.documents.push(digest);
                    got.events.push(event);
                }
                None => got.present.push(digest),
            }
        },
    );
    let message = match (result, trouble) {
        (_, Some(error)) => format!("the cache does not take content: {error}"),
        (Err(why), None) => format!("the hub's answer is not used: {why}"),
        (Ok(head), None) => {
            got.refused.extend(head.refused.into_iter().filter(|digest| wants.contains_key(digest)));
            got.events.push(Event::BlobsPresent { digests: got.present.clone() });
            return Ok(got);
        }
    };
    Err(Note::new(Reason::DigestMismatch, message))
}

/// Deployments first, then as much content as one request may ask for.
fn take_batch(wants: &mut Vec<Want>) -> Vec<Want> {
    wants.sort_by_key(|want| !want.is_deployment);
    let mut size = 0;
    let mut count = 0;
    for want in wants.iter() {
        size += want.size;
        if count > 0 && (size > BATCH_BYTES || count >= BATCH_COUNT) {
            break;
        }
        count += 1;
    }
    wants.drain(..count).collect()
}

/// Sets what a JSON pointer names to null, with maps on the way.
fn set_null(patch: &mut Value, pointer: &str) {
    let mut at = patch;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[step];
    }
    *at = Value::Null;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_become_nulls_of_a_merge_patch() {
        let mut patch = json!({"metadata": {"uid": "u"}});
        set_null(&mut patch, "/metadata/labels/a~1b");
        set_null(&mut patch, "/data/x");
        assert_eq!(patch, json!({"metadata": {"uid": "u", "labels": {"a/b": null}}, "data": {"x": null}}));
    }

    #[test]
    fn batches_have_a_cap_and_deployments_come_first() {
        let want = |name: &str, size, is_deployment| Want {
            digest: Digest::of(name.as_bytes()),
            size,
            base: None,
            is_deployment,
            is_secret: false,
        };
        let mut wants = vec![want("a", BATCH_BYTES, false), want("b", 1, false), want("d", 0, true)];
        assert_eq!(take_batch(&mut wants).len(), 2);
        assert_eq!(take_batch(&mut wants), [want("b", 1, false)]);
        assert!(wants.is_empty());
    }
}
