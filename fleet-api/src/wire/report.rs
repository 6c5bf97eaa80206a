//! What an agent says back: [`Report`], as deltas.

use crate::digest::Digest;
use crate::key::ObjectKey;
use crate::names::Ref;
use crate::reason::Note;
use crate::wire::{ApiVersions, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The whole state of one cluster as its agent sees it. A closed type: nothing in it can change labels, owners or
/// finalizers at the hub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Report {
    /// The newest Desired that the agent has accepted.
    pub version: Version,
    /// Per Bundle: of every Deployment in the Desired, and of every Bundle that still has objects in the ledger.
    pub deployments: BTreeMap<Ref, DeploymentReport>,
    /// Deletions that wait for approval (R8, R3); at most one list per cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldDeletions>,
    /// What is to be told of the cluster as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What the agent says of itself and its cluster.
    pub facts: Facts,
}

/// Facts about a cluster, claimed by its agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// Version of the agent.
    pub agent_version: String,
    /// `gitVersion` of the API server: `v1.36.3`.
    pub kubernetes_version: String,
    /// What the API server serves: read at the start, when a bundle brings a new kind, and once a day.
    #[serde(skip_serializing_if = "ApiVersions::is_empty")]
    pub api_versions: ApiVersions,
    /// Labels that the agent claims (`--label`); selectors see them under `claims.skiff.dev/`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub claimed_labels: BTreeMap<String, String>,
}

/// One Bundle in a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentReport {
    /// The Deployment that this is about; none for a Bundle that is only being removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Digest>,
    /// Whether all of it was applied (objects that the API server refused aside: see `notes`).
    pub applied: bool,
    /// Whether every object is healthy.
    pub ready: bool,
    /// Whether it is applied and nothing was changed by others.
    pub unmodified: bool,
    /// Whether it waits for a dependency.
    #[serde(default)]
    pub waiting: bool,
    /// How many objects of it are in the ledger.
    pub objects: u32,
    /// How many objects are healthy.
    pub ready_objects: u32,
    /// Objects that are not healthy; at most [`LIST_CAP`], the counts are whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_ready: Vec<NotReadyObject>,
    /// Objects that drifted; at most [`LIST_CAP`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modified: Vec<ModifiedObject>,
    /// What is to be told: refusals, failures, waits; at most [`LIST_CAP`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// True where one of the lists was cut.
    #[serde(default)]
    pub incomplete: bool,
}

/// How many entries a list of a report has at most (Fleet's 10).
pub const LIST_CAP: usize = 10;

/// An object that is not healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotReadyObject {
    /// The object.
    pub key: ObjectKey,
    /// `in-progress`, `failed`, …
    pub state: String,
    /// Why, for people.
    pub message: String,
}

/// An object that is not as it was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModifiedObject {
    /// The object.
    pub key: ObjectKey,
    /// Its `apiVersion`, as in the manifest.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// It is gone.
    #[serde(default)]
    pub missing: bool,
    /// It exists and is not ours.
    #[serde(default)]
    pub foreign: bool,
    /// Paths of the fields that differ: `.spec.replicas`. Values are not told of: they may be secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// The managers that did it: `kubectl-edit`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub managers: Vec<String>,
}

/// Deletions that wait for approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldDeletions {
    /// Digest of the canonical JSON of `objects`, bundle and all. An approval names it; one more object needs a new one.
    /// An approval of one Bundle names the digest of the part of the list that is this Bundle's.
    pub digest: Digest,
    /// The list, ordered by bundle and key.
    pub objects: Vec<HeldObject>,
    /// Why it is held, in words.
    pub note: Note,
}

/// One object whose deletion waits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldObject {
    /// The Bundle that it came from.
    pub bundle: Ref,
    /// The object.
    pub key: ObjectKey,
    /// The UID that would be deleted, and no other.
    pub uid: String,
}

/// What is sent of a [`Report`]: the entries that changed since the last acknowledged one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportDelta {
    /// Rises strictly within one start of the agent (R11).
    pub sequence: u64,
    /// Replaces everything that the hub knows; sent first after a start, and when the hub asks for it.
    pub full: bool,
    /// The newest Desired that the agent has accepted.
    pub version: Version,
    /// New or changed entries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deployments: BTreeMap<Ref, DeploymentReport>,
    /// Bundles of which the ledger holds nothing any more and that the Desired does not name as live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Ref>,
    /// The list that waits for approval now; always whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldDeletions>,
    /// Notes of the cluster; always whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// Facts, where they changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Facts>,
}

impl Report {
    /// What has to be sent so that a hub that has `acknowledged` gets to know `self`; `None` where that is nothing.
    pub fn delta_from(&self, acknowledged: Option<&Self>, sequence: u64) -> Option<ReportDelta> {
        (acknowledged != Some(self)).then(|| self.told_after(acknowledged, sequence))
    }

    /// As [`Report::delta_from`], also where nothing differs: then it says no more than that this is so.
    pub fn told_after(&self, before: Option<&Self>, sequence: u64) -> ReportDelta {
        let Some(old) = before else {
            return ReportDelta {
                sequence,
                full: true,
                version: self.version,
                deployments: self.deployments.clone(),
                removed: Vec::new(),
                held: self.held.clone(),
                notes: self.notes.clone(),
                facts: Some(self.facts.clone()),
            };
        };
        let changed = self.deployments.iter().filter(|(bundle, report)| old.deployments.get(*bundle) != Some(report));
        ReportDelta {
            sequence,
            full: false,
            version: self.version,
            deployments: changed.map(|(bundle, report)| (bundle.clone(), report.clone())).collect(),
            removed: old.deployments.keys().filter(|bundle| !self.deployments.contains_key(*bundle)).cloned().collect(),
            held: self.held.clone(),
            notes: self.notes.clone(),
            facts: (self.facts != old.facts).then(|| self.facts.clone()),
        }
    }

    /// Takes in a delta; the hub's side of [`Report::delta_from`].
    pub fn apply(&mut self, delta: ReportDelta) {
        let ReportDelta { sequence: _, full, version, deployments, removed, held, notes, facts } = delta;
        if full {
            self.deployments = deployments;
        } else {
            self.deployments.extend(deployments);
            for bundle in &removed {
                self.deployments.remove(bundle);
            }
        }
        self.version = version;
        self.held = held;
        self.notes = notes;
        if let Some(facts) = facts {
            self.facts = facts;
        }
    }
}
