//! Performing what was decided: actions become writes, and what follows when those are on disk.

use super::records::{
    API_VERSIONS, BUNDLES, CLUSTERS, DESIRED, RENDERS, REPORTS, encode_desired, encode_render, encode_report,
};
use super::{After, Deciding, Message, Stored};
use crate::core::CoreError;
use crate::rendering::RenderFailure;
use crate::slots::{Issued, Slot};
use crate::store::{Event as StoreEvent, EventType, Kind, Object, Table, Write};
use fleet_api::digest::Digest;
use fleet_api::labels::{COMMIT_LABEL, REPO_NAME_LABEL};
use fleet_api::names::Ref;
use fleet_api::v1alpha1::API_VERSION;
use fleet_api::wire::Approval;
use serde::Serialize;
use serde_json::{Value, json};
use skiff_planner::hub::{Action, BundleRecord, DeploymentFacts, Event, Issue, Status, Subject};
use std::sync::Arc;

/// Keeps a deleted GitRepo until its Bundles were withdrawn.
const FINALIZER: &str = "skiff.dev/withdraw";

impl Deciding {
    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::PutBundle(name) => {
                let Some(record) = self.machine.bundle(&name) else { return };
                let writes = [record_of(BUNDLES, name.to_string(), record), Some(put_bundle(&name, record))];
                self.turn.extend(writes.into_iter().flatten());
            }
            Action::DeleteBundle(name) => {
                self.turn.write(Write::Forget { table: BUNDLES, key: name.to_string() });
                self.turn.write(Write::Delete {
                    kind: Kind::Bundle,
                    namespace: name.namespace.to_string(),
                    name: name.name.to_string(),
                });
            }
            Action::GitRepoGone(name) => self.release(&name),
            Action::Render(input) => self.turn.effect(After::Render(input)),
            Action::ForgetRender(input) => self.turn.write(Write::Forget { table: RENDERS, key: input.to_string() }),
            Action::Issue(issue) => self.issue(issue),
            Action::Remember(name) => {
                let memory = self.machine.memory(&name);
                let write = memory.and_then(|memory| record_of(CLUSTERS, name.to_string(), memory));
                self.turn.extend(write);
            }
            Action::RememberReport(name) => {
                self.remember_report(&name);
            }
            Action::Forget(name) => {
                self.turn.extend(forget(&name));
                self.turn.effect(After::Revoke(name));
            }
            Action::Status(status) => self.status(*status),
        }
    }

    fn remember_report(&mut self, name: &Ref) {
        let Some(memory) = self.machine.memory(name) else { return };
        let lists = &memory.report.facts.api_versions;
        if !lists.is_empty() && self.api_versions.insert(lists.digest()) {
            self.turn.extend(record_of(API_VERSIONS, lists.digest().to_string(), lists));
        }
        match encode_report(&memory.report) {
            Ok(value) => self.turn.write(Write::Record { table: REPORTS, key: name.to_string(), value }),
            Err(error) => tracing::error!(%error, cluster = %name, "a report cannot be written"),
        }
    }

    fn issue(&mut self, issue: Issue) {
        let Issue { cluster, have, bytes, deployments } = issue;
        let signature = self.identity.sign(&bytes);
        let issued = Issued { have, bytes: bytes::Bytes::copy_from_slice(&bytes), signature, deployments };
        self.turn.write(Write::Record { table: DESIRED, key: cluster.to_string(), value: encode_desired(&issued) });
        self.metrics.issued.inc();
        self.turn.effect(After::Publish(cluster, Arc::new(issued)));
    }

    fn status(&mut self, status: Status) {
        let (kind, name, mut value) = match status {
            Status::GitRepo(name, status) => (Kind::GitRepo, name, serde_json::to_value(status)),
            Status::Bundle(name, status) => (Kind::Bundle, name, serde_json::to_value(status)),
            Status::Cluster(name, status) => (Kind::Cluster, name, serde_json::to_value(status)),
            Status::ClusterGroup(name, status) => (Kind::ClusterGroup, name, serde_json::to_value(status)),
        };
        let object = self.resources.object(kind, name.namespace.as_str(), name.name.as_str());
        if kind == Kind::Bundle
            && let (Ok(value), Some(object)) = (&mut value, &object)
        {
            value["observedGeneration"] = object.value()["metadata"]["generation"].clone();
        }
        let Ok(value) = value else { return };
        if object.is_some_and(|object| object.value()["status"] == value) {
            return;
        }
        self.turn.write(Write::Status {
            kind,
            namespace: name.namespace.to_string(),
            name: name.name.to_string(),
            status: value,
        });
    }

    pub(super) fn do_after(&self, after: After) {
        match after {
            After::Reply(send) => send(),
            After::Publish(cluster, issued) => {
                if let Some(slot) = self.slots.of_cluster(&cluster) {
                    slot.publish(issued);
                }
            }
            After::Revoke(cluster) => self.slots.remove(&cluster),
            After::Withhold(cluster) => {
                if let Some(slot) = self.slots.of_cluster(&cluster) {
                    slot.withhold();
                }
            }
            After::Enrolled(cluster) => {
                let Some(memory) = self.machine.memory(&cluster) else { return };
                let enrollment = memory.enrollment.clone();
                let slot = Slot::new(cluster, enrollment.clone(), self.sender.clone());
                self.slots.insert(enrollment.key, Arc::new(slot));
            }
            After::Render(input) => self.rendering.request(*input, self.sender.clone()),
        }
    }

    pub(super) fn rendered(&mut self, input: Digest, result: Result<Stored, RenderFailure>) {
        self.metrics.renders.inc();
        let (result, warnings) = match result {
            Ok(Stored { digest, deployment, warnings }) => {
                self.slots.learn(digest, &deployment);
                let value = encode_render(&digest, &warnings);
                self.turn.write(Write::Record { table: RENDERS, key: input.to_string(), value });
                (Ok((digest, DeploymentFacts::of(&deployment))), warnings)
            }
            Err(RenderFailure::NeedsChance) => return self.machine.observe(Event::NeedsChance { input }),
            Err(RenderFailure::Wrong(notes)) => (Err(notes), Vec::new()),
        };
        self.machine.observe(Event::Rendered { input, result, warnings });
    }

    /// R8: an approval names the list that was shown; a list that changed meanwhile is not approved.
    pub(super) fn approve(&mut self, subject: &Subject, lists: &[(Ref, Digest)], by: &str) -> Result<(), CoreError> {
        let mut changed = Vec::new();
        for (cluster, digest) in lists {
            let Some(approved) = self.machine.approvals(subject, cluster, digest) else {
                changed.push(cluster.to_string());
                continue;
            };
            for list in approved {
                let approval = Approval { list, by: by.to_owned() };
                self.machine.observe(Event::Approved(cluster.clone(), approval));
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        Err(CoreError::Refused(format!(
            "what is held has changed meanwhile in {}; look at it again, then approve",
            changed.join(", ")
        )))
    }

    /// Puts the finalizer on a GitRepo.
    pub(super) fn hold_gitrepo(&mut self, event: &StoreEvent) {
        if event.event_type != EventType::Deleted {
            self.hold(&event.object);
        }
    }

    pub(super) fn hold(&mut self, object: &Object) {
        if object.kind() != Kind::GitRepo {
            return;
        }
        let metadata = &object.value()["metadata"];
        if metadata.get("deletionTimestamp").is_some()
            || finalizers(object.value()).iter().any(|name| name == FINALIZER)
        {
            return;
        }
        self.finalizer(object.namespace(), object.name(), true);
    }

    /// All is withdrawn: the GitRepo may go.
    fn release(&mut self, name: &Ref) {
        self.finalizer(name.namespace.as_str(), name.name.as_str(), false);
    }

    /// Changes the finalizer alone: what a user changed meanwhile stays.
    fn finalizer(&mut self, namespace: &str, name: &str, present: bool) {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        self.turn.write(Write::Finalizer {
            kind: Kind::GitRepo,
            namespace,
            name,
            finalizer: FINALIZER.to_owned(),
            present,
        });
    }

    /// Removes blobs that nothing refers to, off this task.
    pub(super) fn collect(&self) {
        let deployments = self.machine.live_deployments();
        self.slots.retain(&deployments);
        let mut live = self.slots.needed(&deployments);
        live.extend(self.machine.bundles().map(|(_, record)| record.tree));
        let blobs = self.blobs.clone();
        tokio::task::spawn_blocking(move || match blobs.collect(&live, std::time::SystemTime::now()) {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "blobs that nothing refers to were removed"),
            Err(error) => tracing::warn!(%error, "unused blobs could not be removed"),
        });
    }

    /// Asks itself to do that.
    pub(crate) fn collect_daily(sender: tokio::sync::mpsc::UnboundedSender<Message>) {
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(std::time::Duration::from_secs(24 * 3600)).await;
                if sender.send(Message::Collect).is_err() {
                    return;
                }
            }
        });
    }
}

fn finalizers(value: &Value) -> Vec<String> {
    serde_json::from_value(value["metadata"]["finalizers"].clone()).unwrap_or_default()
}

/// Everything that is remembered of a cluster goes.
pub(super) fn forget(name: &Ref) -> [Write; 3] {
    [CLUSTERS, REPORTS, DESIRED].map(|table| Write::Forget { table, key: name.to_string() })
}

fn record_of<T: Serialize>(table: Table, key: String, value: &T) -> Option<Write> {
    match serde_json::to_vec(value) {
        Ok(value) => Some(Write::Record { table, key, value }),
        Err(error) => {
            tracing::error!(%error, table = table.name, key, "a record cannot be written");
            None
        }
    }
}

/// A Bundle as users see it: without the contents of its files.
fn put_bundle(name: &Ref, record: &BundleRecord) -> Write {
    let mut labels = record.labels.clone();
    if let Some(gitrepo) = &record.gitrepo {
        labels.insert(REPO_NAME_LABEL.to_owned(), gitrepo.to_string());
        if record.commit.len() <= 63 {
            labels.insert(COMMIT_LABEL.to_owned(), record.commit.clone());
        }
    }
    let value = json!({
        "apiVersion": API_VERSION,
        "kind": "Bundle",
        "metadata": {
            "name": name.name.as_str(),
            "namespace": name.namespace.as_str(),
            "labels": labels,
            "annotations": record.annotations,
        },
        "spec": record.spec,
    });
    Write::Put { kind: Kind::Bundle, namespace: name.namespace.to_string(), name: name.name.to_string(), value }
}
