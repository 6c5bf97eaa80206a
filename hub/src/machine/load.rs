//! From the store into the machine: at the start all of it, later what changes.

use super::Deciding;
use super::records::{
    API_VERSIONS, BUNDLES, CLUSTERS, DESIRED, RENDERS, REPORTS, TOKENS, decode_desired, decode_render, decode_report,
};
use crate::slots::Slot;
use crate::store::{Event as StoreEvent, EventType, Kind, Object, StoreError, Write};
use fleet_api::Note;
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::v1alpha1::{BundleNamespaceMapping, Cluster, ClusterGroup, Condition, GitRepo};
use fleet_api::wire::{ApiVersions, Deployment, Timestamp};
use skiff_planner::hub::{
    ClusterResource, Copyable, DeploymentFacts, Event, GitRepoResource, GroupResource, Kind as StatusKind, Memory,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a change of an object means for the machine; none where it is only of its status.
pub(super) fn event_of(event: &StoreEvent) -> Option<Event> {
    // Of a Secret it cannot be seen what changed: its values are not in the object.
    if let Some(previous) = &event.previous
        && event.object.kind() != Kind::Secret
        && event.event_type == EventType::Modified
        && is_status_only(previous, &event.object)
    {
        return None;
    }
    event_of_object(&event.object, event.event_type != EventType::Deleted)
}

pub(super) fn is_status_only(old: &Object, new: &Object) -> bool {
    let part = |object: &Object, key: &str| object.value()["metadata"][key].clone();
    ["generation", "labels", "annotations", "deletionTimestamp"].iter().all(|key| part(old, key) == part(new, key))
}

fn event_of_object(object: &Object, exists: bool) -> Option<Event> {
    let name = Ref::new(object.namespace(), object.name());
    match object.kind() {
        Kind::GitRepo => {
            let gitrepo = read(object, |gitrepo: GitRepo| GitRepoResource {
                generation: gitrepo.metadata.generation.unwrap_or_default(),
                deleting: gitrepo.metadata.deletion_timestamp.is_some(),
                spec: gitrepo.spec,
            });
            Some(Event::GitRepo(name.ok()?, if exists { Some(gitrepo?) } else { None }))
        }
        Kind::Cluster => {
            let cluster = read(object, |cluster: Cluster| ClusterResource {
                labels: cluster.metadata.labels.unwrap_or_default(),
                annotations: cluster.metadata.annotations.unwrap_or_default(),
                generation: cluster.metadata.generation.unwrap_or_default(),
                spec: cluster.spec,
            });
            Some(Event::Cluster(name.ok()?, if exists { Some(Box::new(cluster?)) } else { None }))
        }
        Kind::ClusterGroup => {
            let group = read(object, |group: ClusterGroup| GroupResource {
                labels: group.metadata.labels.unwrap_or_default(),
                generation: group.metadata.generation.unwrap_or_default(),
                selector: group.spec.selector,
            });
            Some(Event::ClusterGroup(name.ok()?, if exists { Some(group?) } else { None }))
        }
        Kind::BundleNamespaceMapping => {
            let mapping = read(object, |mapping: BundleNamespaceMapping| Box::new(mapping));
            Some(Event::Mapping(name.ok()?, if exists { Some(mapping?) } else { None }))
        }
        Kind::Namespace => {
            let labels = object.value()["metadata"]["labels"].clone();
            let labels = serde_json::from_value(labels).unwrap_or_default();
            Some(Event::Namespace(object.name().to_owned(), exists.then_some(labels)))
        }
        Kind::Bundle if !exists => Some(Event::Bundle(name.ok()?, None)),
        Kind::Secret | Kind::ConfigMap => {
            let copyable = Copyable { kind: object.kind().as_str().to_owned(), name: name.ok()? };
            let metadata = &object.value()["metadata"];
            let text = |key: &str| metadata[key].as_str().unwrap_or_default();
            let version = format!("{}/{}", text("uid"), text("resourceVersion"));
            Some(Event::Copyable(copyable, exists.then_some(version)))
        }
        Kind::Bundle | Kind::BundleDeployment => None,
    }
}

fn read<T: crate::store::Resource, U>(object: &Object, into: impl FnOnce(T) -> U) -> Option<U> {
    match object.typed::<T>() {
        Ok(value) => Some(into(value)),
        Err(error) => {
            tracing::error!(%error, "a stored object cannot be read; it stays as it was");
            None
        }
    }
}

impl Deciding {
    /// Tells the machine everything that the store has.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub(crate) async fn load(&mut self) -> Result<(), StoreError> {
        self.load_tokens().await?;
        let kinds = [Kind::Namespace, Kind::BundleNamespaceMapping, Kind::ClusterGroup, Kind::Cluster, Kind::GitRepo];
        for kind in kinds.into_iter().chain([Kind::Secret, Kind::ConfigMap]) {
            for object in self.resources.objects(kind, None).0 {
                // What cannot be read is not absent: deciding without it would take from clusters what they should have.
                let event = event_of_object(&object, true).ok_or_else(|| {
                    let (namespace, name) = (object.namespace(), object.name());
                    StoreError::Corrupt(format!("{} {namespace}/{name}", kind.as_str()))
                })?;
                self.machine.observe(event);
                self.restore_status(&object);
                self.hold(&object);
            }
        }
        let deployments = self.load_clusters().await?;
        let renders = self.load_renders().await?;
        self.load_deployments(deployments, renders);
        self.load_bundles().await
    }

    async fn load_tokens(&mut self) -> Result<(), StoreError> {
        let now = Timestamp::now();
        for (key, value) in self.resources.store().records(TOKENS).await? {
            match (key.parse(), serde_json::from_slice::<super::TokenRecord>(&value)) {
                (Ok(digest), Ok(token)) if token.expires > now => drop(self.tokens.insert(digest, token)),
                // Expired ones are of no use to anybody.
                _ => self.turn.write(Write::Forget { table: TOKENS, key }),
            }
        }
        Ok(())
    }

    async fn load_clusters(&mut self) -> Result<BTreeSet<Digest>, StoreError> {
        let store = self.resources.store().clone();
        let reports: BTreeMap<_, _> = store.records(REPORTS).await?.into_iter().collect();
        let documents: BTreeMap<_, _> = store.records(DESIRED).await?.into_iter().collect();
        let lists = self.load_api_versions().await?;
        let (mut deployments, mut used) = (BTreeSet::new(), BTreeSet::new());
        for (key, value) in store.records(CLUSTERS).await? {
            let (Ok(name), Ok(mut memory)) = (key.parse::<Ref>(), serde_json::from_slice::<Memory>(&value)) else {
                return Err(StoreError::Corrupt(format!("what is remembered of cluster {key}")));
            };
            if self.resources.object(Kind::Cluster, name.namespace.as_str(), name.name.as_str()).is_none() {
                // Deleted just before the hub stopped: its identity is revoked.
                self.turn.extend(super::perform::forget(&name));
                continue;
            }
            if let Some(report) = reports.get(&key) {
                memory.report = decode_report(report, &lists)
                    .map_err(|error| StoreError::Corrupt(format!("the report of cluster {key}: {error}")))?;
            }
            let enrollment = memory.enrollment.clone();
            let slot = Slot::new(name.clone(), enrollment.clone(), self.sender.clone());
            if let Some((issued, desired)) = documents.get(&key).and_then(|bytes| decode_desired(bytes))
                && memory.newest() == Some(issued.have)
            {
                deployments.extend(issued.deployments.iter().copied());
                memory.desired = Some(desired);
                slot.publish(Arc::new(issued));
            }
            used.insert(memory.report.facts.api_versions.digest());
            self.slots.insert(enrollment.key, Arc::new(slot));
            self.machine.observe(Event::Memory(name.clone(), Box::new(memory)));
        }
        for digest in lists.into_keys().filter(|digest| !used.contains(digest)) {
            self.api_versions.remove(&digest);
            self.turn.write(Write::Forget { table: API_VERSIONS, key: digest.to_string() });
        }
        Ok(deployments)
    }

    async fn load_api_versions(&mut self) -> Result<BTreeMap<Digest, ApiVersions>, StoreError> {
        let records = self.resources.store().records(API_VERSIONS).await?;
        let lists = records.into_iter().filter_map(|(_, value)| serde_json::from_slice::<ApiVersions>(&value).ok());
        let lists: BTreeMap<_, _> = lists.map(|list| (list.digest(), list)).collect();
        self.api_versions.extend(lists.keys());
        Ok(lists)
    }

    async fn load_renders(&self) -> Result<Vec<KnownRender>, StoreError> {
        let records = self.resources.store().records(RENDERS).await?;
        let known = |(key, value): (String, Vec<u8>)| {
            let (deployment, warnings) = decode_render(&value)?;
            Some((key.parse().ok()?, deployment, warnings))
        };
        Ok(records.into_iter().filter_map(known).collect())
    }

    fn load_deployments(&mut self, documents: BTreeSet<Digest>, renders: Vec<KnownRender>) {
        let mut readable = BTreeSet::new();
        let all: BTreeSet<Digest> = renders.iter().map(|(_, deployment, _)| *deployment).chain(documents).collect();
        for digest in all {
            let deployment = self
                .blobs
                .get(&digest)
                .map_err(|error| error.to_string())
                .and_then(|bytes| serde_json::from_slice::<Deployment>(&bytes).map_err(|error| error.to_string()));
            match deployment {
                Ok(deployment) => {
                    self.slots.learn(digest, &deployment);
                    self.machine.observe(Event::Deployment(digest, DeploymentFacts::of(&deployment)));
                    readable.insert(digest);
                }
                Err(error) => tracing::error!(%digest, %error, "a Deployment cannot be read; it is rendered again"),
            }
        }
        for (input, deployment, warnings) in renders {
            if readable.contains(&deployment) {
                self.machine.observe(Event::RenderKnown { input, deployment, warnings });
            }
        }
    }

    async fn load_bundles(&mut self) -> Result<(), StoreError> {
        for (key, value) in self.resources.store().records(BUNDLES).await? {
            let name: Ref = key.parse().map_err(|_| StoreError::Corrupt(format!("Bundle {key}")))?;
            let record = serde_json::from_slice(&value)
                .map_err(|error| StoreError::Corrupt(format!("Bundle {key}: {error}")))?;
            self.machine.observe(Event::Bundle(name.clone(), Some(Box::new(record))));
            match self.resources.object(Kind::Bundle, name.namespace.as_str(), name.name.as_str()) {
                Some(object) => self.restore_status(&object),
                // A user deleted it just before the hub stopped.
                None => self.machine.observe(Event::Bundle(name.clone(), None)),
            }
            let gitrepo = self.machine.bundle(&name).and_then(|record| record.gitrepo.clone());
            if let Some(gitrepo) = gitrepo
                && self.resources.object(Kind::GitRepo, name.namespace.as_str(), gitrepo.as_str()).is_none()
            {
                let gitrepo = Ref { namespace: name.namespace.clone(), name: gitrepo };
                self.machine.observe(Event::GitRepo(gitrepo, None));
            }
        }
        // What a user changed just before the hub stopped.
        for object in self.resources.objects(Kind::Bundle, None).0 {
            self.take_user_bundle(&object);
        }
        Ok(())
    }

    /// Goes on with the times of a stored status.
    fn restore_status(&mut self, object: &Object) {
        let kind = match object.kind() {
            Kind::GitRepo => StatusKind::GitRepo,
            Kind::Bundle => StatusKind::Bundle,
            Kind::Cluster => StatusKind::Cluster,
            Kind::ClusterGroup => StatusKind::ClusterGroup,
            _ => return,
        };
        let Ok(name) = Ref::new(object.namespace(), object.name()) else { return };
        let status = &object.value()["status"];
        let conditions: Vec<Condition> = serde_json::from_value(status["conditions"].clone()).unwrap_or_default();
        self.machine.restore_conditions(kind, name.clone(), conditions);
        if let Some(commit) = status["commit"].as_str() {
            self.machine.restore_commit(&name, commit);
        }
        if let Some(seen) = status["agent"]["lastSeen"].as_str().and_then(|text| text.parse().ok()) {
            self.machine.restore_seen(&name, seen);
        }
    }
}

/// Input, Deployment, and what was warned of.
type KnownRender = (Digest, Digest, Vec<Note>);
