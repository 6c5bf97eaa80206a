//! Workloads: what makes pods, and pods.

use super::{Health, Object};

/// `-1`, as kstatus marks a number that is not there.
const ABSENT: i64 = -1;

pub(super) fn deployment(object: &Object<'_>) -> Health {
    let mut progressed =
        object.int("/spec/progressDeadlineSeconds").is_none_or(|seconds| seconds == i64::from(i32::MAX));
    let mut available = false;
    for condition in object.conditions() {
        match condition.kind {
            "Progressing" if condition.reason == "ProgressDeadlineExceeded" => {
                return Health::failed(condition.text());
            }
            "Progressing" if condition.status == "True" && condition.reason == "NewReplicaSetAvailable" => {
                progressed = true;
            }
            "Available" if condition.status == "True" => available = true,
            _ => {}
        }
    }
    let wanted = object.int("/spec/replicas").unwrap_or(1);
    let [total, updated, ready, ready_for_use] =
        counts(object, ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"]);
    if wanted > total {
        return waiting("replicas", total, wanted);
    }
    if wanted > updated {
        return waiting("updated replicas", updated, wanted);
    }
    if total > wanted {
        return Health::in_progress(format!("{} old replicas are still going", total - wanted));
    }
    if updated > ready_for_use {
        return waiting("available replicas", ready_for_use, updated);
    }
    if wanted > ready {
        return waiting("ready replicas", ready, wanted);
    }
    if !progressed {
        return Health::in_progress("the new ReplicaSet is not available yet");
    }
    if !available { Health::in_progress("the Deployment is not available yet") } else { Health::CURRENT }
}

pub(super) fn replica_set(object: &Object<'_>) -> Health {
    if let Some(failure) = object.condition("ReplicaFailure").filter(|condition| condition.status == "True") {
        return Health::in_progress(failure.text());
    }
    let wanted = object.int("/spec/replicas").unwrap_or(1);
    let [total, labelled, ready, available] =
        counts(object, ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"]);
    if wanted > labelled {
        return waiting("labelled replicas", labelled, wanted);
    }
    if wanted > available {
        return waiting("available replicas", available, wanted);
    }
    if wanted > ready {
        return waiting("ready replicas", ready, wanted);
    }
    if total > wanted {
        return Health::in_progress(format!("{} replicas too many", total - wanted));
    }
    Health::CURRENT
}

pub(super) fn stateful_set(object: &Object<'_>) -> Health {
    if object.text("/spec/updateStrategy/type") == "OnDelete" {
        return Health::CURRENT;
    }
    let wanted = object.int("/spec/replicas").unwrap_or(1);
    let [total, ready, current, updated] =
        counts(object, ["replicas", "readyReplicas", "currentReplicas", "updatedReplicas"]);
    if wanted > total {
        return waiting("replicas", total, wanted);
    }
    if wanted > ready {
        return waiting("ready replicas", ready, wanted);
    }
    if total > wanted {
        return Health::in_progress(format!("{} replicas too many", total - wanted));
    }
    let partition = object.int("/spec/updateStrategy/rollingUpdate/partition").unwrap_or(ABSENT);
    // The API server writes 0 for a partition that nobody asked for: then the whole set is updated.
    if partition > 0 {
        let above = wanted - partition;
        return if updated < above { waiting("updated replicas", updated, above) } else { Health::CURRENT };
    }
    if wanted > current {
        return waiting("current replicas", current, wanted);
    }
    if object.text("/status/currentRevision") != object.text("/status/updateRevision") {
        return Health::in_progress("the updated revision is not the current one yet");
    }
    Health::CURRENT
}

pub(super) fn daemon_set(object: &Object<'_>) -> Health {
    if object.int("/status/observedGeneration").is_none() {
        return Health::in_progress("its controller has not seen it yet");
    }
    let Some(wanted) = object.int("/status/desiredNumberScheduled") else {
        return Health::in_progress("it is not known yet how many nodes it is for");
    };
    let [scheduled, updated, available, ready] =
        counts(object, ["currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"]);
    let steps = [
        ("scheduled pods", scheduled),
        ("updated pods", updated),
        ("available pods", available),
        ("ready pods", ready),
    ];
    steps
        .into_iter()
        .find(|(_, count)| wanted > *count)
        .map_or(Health::CURRENT, |(what, count)| waiting(what, count, wanted))
}

pub(super) fn job(object: &Object<'_>) -> Health {
    for condition in object.conditions().filter(|condition| condition.status == "True") {
        match condition.kind {
            "Complete" | "Suspended" => return Health::CURRENT,
            "Failed" => return Health::failed(condition.text()),
            _ => {}
        }
    }
    if object.text("/status/startTime").is_empty() {
        return Health::in_progress("the Job has not started yet");
    }
    // As kstatus: a Job that runs is as it should be; waiting for its end is asked for explicitly.
    Health::CURRENT
}

pub(super) fn pod(object: &Object<'_>) -> Health {
    let ready = object.condition("Ready").is_some_and(|condition| condition.status == "True");
    match object.text("/status/phase") {
        "Succeeded" => Health::CURRENT,
        "Failed" => Health::failed(non_empty(object.text("/status/message"), "the pod has failed")),
        "Running" if ready => Health::CURRENT,
        "Running" => match crash_looping(object) {
            names if names.is_empty() => Health::in_progress("the pod runs and is not ready"),
            names => Health::failed(format!("containers that crash again and again: {}", names.join(", "))),
        },
        "Pending" => match object.condition("PodScheduled") {
            Some(scheduled) if scheduled.status == "False" => Health::in_progress(scheduled.text()),
            _ => Health::in_progress("the pod is pending"),
        },
        _ => Health::in_progress("the pod has no phase yet"),
    }
}

fn crash_looping<'a>(object: &Object<'a>) -> Vec<&'a str> {
    let statuses = object.at("/status/containerStatuses").and_then(serde_json::Value::as_array);
    let looping = |status: &&serde_json::Value| {
        status.pointer("/state/waiting/reason").and_then(serde_json::Value::as_str) == Some("CrashLoopBackOff")
    };
    let names = statuses.map_or(&[][..], Vec::as_slice).iter().filter(looping);
    names.filter_map(|status| status.get("name")?.as_str()).collect()
}

fn counts<const N: usize>(object: &Object<'_>, names: [&str; N]) -> [i64; N] {
    names.map(|name| object.int(&format!("/status/{name}")).unwrap_or(0))
}

fn waiting(what: &str, have: i64, want: i64) -> Health {
    Health::in_progress(format!("{what}: {have} of {want}"))
}

fn non_empty<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}
