//! Whether an object is healthy, by the rules of kstatus (`sigs.k8s.io/cli-utils/pkg/kstatus/status`), and by the
//! conditions of kinds that it does not know.
//!
//! One difference: kstatus calls a pod that cannot be scheduled failed after 15 seconds; without a clock it stays in
//! progress here.

mod core;
mod workloads;

use fleet_api::key::group_of;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    Current,
    /// On its way.
    InProgress,
    /// Being deleted.
    Terminating,
    /// Will not get there by itself.
    Failed,
}

impl Status {
    /// The name that reports carry.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::InProgress => "in-progress",
            Self::Terminating => "terminating",
            Self::Failed => "failed",
        }
    }
}

/// The health of an object, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What it is.
    pub status: Status,
    /// Why, for people; empty where it is as it should be.
    pub message: String,
}

impl Health {
    /// Healthy.
    pub const CURRENT: Self = Self { status: Status::Current, message: String::new() };

    fn in_progress(message: impl Into<String>) -> Self {
        Self { status: Status::InProgress, message: message.into() }
    }

    fn failed(message: impl Into<String>) -> Self {
        Self { status: Status::Failed, message: message.into() }
    }

    /// Whether it counts as ready.
    pub fn is_ready(&self) -> bool {
        self.status == Status::Current
    }
}

/// The health of a live object. A condition that matches all pairs of one map of `ignored` is not looked at (Fleet's
/// `ignore.conditions`).
pub fn health(object: &Value, ignored: &[BTreeMap<String, String>]) -> Health {
    let object = &Object { value: object, ignored };
    generic(object).unwrap_or_else(|| by_kind(object))
}

fn by_kind(object: &Object<'_>) -> Health {
    let group = group_of(object.text("/apiVersion"));
    match (group, object.text("/kind")) {
        ("apps" | "extensions", "Deployment") => workloads::deployment(object),
        ("apps", "StatefulSet") => workloads::stateful_set(object),
        ("apps" | "extensions", "DaemonSet") => workloads::daemon_set(object),
        ("apps" | "extensions", "ReplicaSet") | ("", "ReplicationController") => workloads::replica_set(object),
        ("batch", "Job") => workloads::job(object),
        ("", "Pod") => workloads::pod(object),
        ("", "Service") => core::service(object),
        ("", "PersistentVolumeClaim") => core::persistent_volume_claim(object),
        ("", "Namespace") => core::namespace(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => core::custom_resource_definition(object),
        ("apiregistration.k8s.io", "APIService") => core::api_service(object),
        ("", "ConfigMap" | "Secret" | "PersistentVolume" | "ServiceAccount" | "Endpoints" | "Event")
        | ("batch", "CronJob")
        | ("policy", "PodDisruptionBudget")
        | ("autoscaling", "HorizontalPodAutoscaler") => Health::CURRENT,
        _ => by_ready_condition(object),
    }
}

/// What holds for every kind: deletion, a status that is behind, and the conditions `Reconciling` and `Stalled`.
fn generic(object: &Object<'_>) -> Option<Health> {
    if object.at("/metadata/deletionTimestamp").is_some() {
        return Some(Health { status: Status::Terminating, message: "it is being deleted".into() });
    }
    if let (Some(generation), Some(observed)) =
        (object.int("/metadata/generation"), object.int("/status/observedGeneration"))
        && generation != observed
    {
        return Some(Health::in_progress(format!(
            "its controller has seen generation {observed}, the newest is {generation}"
        )));
    }
    if let Some(condition) = object.condition("Reconciling").filter(|condition| condition.status == "True") {
        return Some(Health::in_progress(condition.text()));
    }
    let stalled = object.condition("Stalled").filter(|condition| condition.status == "True")?;
    Some(Health::failed(stalled.text()))
}

/// Kinds without rules of their own: the condition `Ready`, where there is one.
fn by_ready_condition(object: &Object<'_>) -> Health {
    match object.condition("Ready") {
        Some(ready) if ready.status != "True" => Health::in_progress(ready.text()),
        _ => Health::CURRENT,
    }
}

/// A live object: hostile input, so every access may find another type than it should.
struct Object<'a> {
    value: &'a Value,
    ignored: &'a [BTreeMap<String, String>],
}

/// A condition of a status.
struct Condition<'a> {
    kind: &'a str,
    status: &'a str,
    reason: &'a str,
    message: &'a str,
}

impl Condition<'_> {
    fn text(&self) -> String {
        match (self.reason, self.message) {
            ("", "") => format!("condition {} is {}", self.kind, self.status),
            (reason, "") => reason.to_owned(),
            ("", message) => message.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }
}

impl<'a> Object<'a> {
    fn at(&self, pointer: &str) -> Option<&'a Value> {
        self.value.pointer(pointer)
    }

    fn text(&self, pointer: &str) -> &'a str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn int(&self, pointer: &str) -> Option<i64> {
        self.at(pointer)?.as_i64()
    }

    fn conditions(&self) -> impl Iterator<Item = Condition<'a>> {
        let list = self.at("/status/conditions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().filter(|condition| !self.is_ignored(condition)).map(|condition| {
            let text = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or_default();
            Condition { kind: text("type"), status: text("status"), reason: text("reason"), message: text("message") }
        })
    }

    fn condition(&self, kind: &str) -> Option<Condition<'a>> {
        self.conditions().find(|condition| condition.kind == kind)
    }

    fn is_ignored(&self, condition: &Value) -> bool {
        self.ignored.iter().any(|pairs| {
            !pairs.is_empty()
                && pairs.iter().all(|(key, wanted)| {
                    condition.get(key).is_some_and(|found| match found {
                        Value::String(text) => text == wanted,
                        Value::Bool(flag) => wanted == if *flag { "true" } else { "false" },
                        _ => false,
                    })
                })
        })
    }
}

#[cfg(test)]
mod tests;
