//! Emulated workload controllers: workloads become ready some steps after they changed.
//!
//! Only statuses are written, under the names of the real controllers; no pods or replica sets appear. Enough for
//! health, waiting and the demo.

use crate::resources::ResourceKey;
use crate::settle::system_write;
use crate::state::{State, core_key};
use crate::store::Id;
use serde_json::{Value, json};

/// How the emulated controllers behave.
#[derive(Clone, Debug)]
pub struct Controllers {
    /// How many ticks after a change a workload is ready.
    pub ready_after: u32,
    /// A workload with a container image that contains this never becomes ready and is reported as failed.
    pub broken_image: String,
}

impl Default for Controllers {
    fn default() -> Self {
        Self { ready_after: 1, broken_image: ":broken".into() }
    }
}

/// One step of everything.
pub(crate) fn tick(state: &mut State) {
    let Some(options) = state.options.controllers.clone() else { return };
    let keys = [
        ("apps", "deployments"),
        ("apps", "statefulsets"),
        ("apps", "daemonsets"),
        ("apps", "replicasets"),
        ("batch", "jobs"),
        ("", "pods"),
        ("", "persistentvolumeclaims"),
    ];
    for (group, plural) in keys {
        let key = ResourceKey { group: group.into(), plural: plural.into() };
        let objects: Vec<(Id, Value)> = state.store.list(&key).map(|(id, v)| (id.clone(), (**v).clone())).collect();
        for (id, object) in objects {
            step(state, &options, &key, &id, &object);
        }
    }
    let alive: std::collections::BTreeSet<String> =
        state.store.all().filter_map(|(_, _, v)| v["metadata"]["uid"].as_str().map(str::to_owned)).collect();
    state.progress.retain(|k, _| k.split('/').next().is_some_and(|uid| alive.contains(uid)));
}

fn step(state: &mut State, options: &Controllers, key: &ResourceKey, id: &Id, object: &Value) {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        if *key == core_key("pods") {
            // The kubelet confirms that the containers have stopped.
            state.store.remove(key, id);
            state.dirty = true;
        }
        return;
    }
    let uid = object["metadata"]["uid"].as_str().unwrap_or("").to_owned();
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
    let progress = state.progress.entry(format!("{uid}/{generation}")).or_insert(0);
    *progress = progress.saturating_add(1);
    let ready = *progress > options.ready_after || options.ready_after == 0;
    let broken = !options.broken_image.is_empty() && images(object).any(|i| i.contains(&options.broken_image));
    let now = state.now();
    let Some(status) = status_of(&key.plural, object, ready, broken, &now) else { return };
    let manager = if key.plural == "pods" { "kubelet" } else { "kube-controller-manager" };
    system_write(state, key, id, manager, "status", |new| {
        if !same_status(&new["status"], &status) {
            new["status"] = status;
        }
    });
}

/// Equal but for times: a steady object is not written.
fn same_status(a: &Value, b: &Value) -> bool {
    fn strip(v: &Value) -> Value {
        match v {
            Value::Object(m) => Value::Object(
                m.iter().filter(|(k, _)| !k.ends_with("Time")).map(|(k, v)| (k.clone(), strip(v))).collect(),
            ),
            Value::Array(a) => Value::Array(a.iter().map(strip).collect()),
            other => other.clone(),
        }
    }
    strip(a) == strip(b)
}

fn images(object: &Value) -> impl Iterator<Item = &str> {
    let lists = ["/spec/template/spec/containers", "/spec/containers"];
    let containers = lists.into_iter().flat_map(|p| object.pointer(p).and_then(Value::as_array).into_iter().flatten());
    containers.filter_map(|c| c.get("image").and_then(Value::as_str))
}

fn condition(kind: &str, status: bool, reason: &str, message: &str, now: &str) -> Value {
    let status = if status { "True" } else { "False" };
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": now, "lastUpdateTime": now,
    })
}

fn status_of(plural: &str, object: &Value, ready: bool, broken: bool, now: &str) -> Option<Value> {
    let generation = object["metadata"]["generation"].clone();
    let n = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let up = ready && !broken;
    match plural {
        "deployments" => Some(deployment(object, n, ready, broken, now)),
        "statefulsets" | "replicasets" => {
            let mut status = json!({"observedGeneration": generation, "replicas": n});
            if up && n > 0 {
                status["readyReplicas"] = n.into();
                status["availableReplicas"] = n.into();
            }
            if plural == "statefulsets" {
                status["availableReplicas"] = if up { n.into() } else { 0.into() };
                status["currentReplicas"] = n.into();
                status["updatedReplicas"] = n.into();
                status["currentRevision"] = "1".into();
                status["updateRevision"] = "1".into();
            } else if up {
                status["fullyLabeledReplicas"] = n.into();
            }
            Some(status)
        }
        "daemonsets" => {
            let mut status = json!({
                "currentNumberScheduled": 1, "numberMisscheduled": 0, "desiredNumberScheduled": 1,
                "numberReady": i32::from(up), "observedGeneration": generation, "updatedNumberScheduled": 1,
            });
            let field = if up { "numberAvailable" } else { "numberUnavailable" };
            status[field] = 1.into();
            Some(status)
        }
        "jobs" => Some(job(object, ready, broken, now)),
        "pods" => Some(pod(object, up, broken, now)),
        "persistentvolumeclaims" if ready => Some(json!({
            "phase": "Bound",
            "accessModes": object["spec"]["accessModes"],
            "capacity": object["spec"]["resources"]["requests"],
        })),
        _ => None,
    }
}

fn deployment(object: &Value, n: i64, ready: bool, broken: bool, now: &str) -> Value {
    let up = ready && !broken;
    let name = object["metadata"]["name"].as_str().unwrap_or("");
    let available = if up {
        condition("Available", true, "MinimumReplicasAvailable", "Deployment has minimum availability.", now)
    } else {
        condition(
            "Available",
            false,
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
            now,
        )
    };
    let progressing = match (up, broken && ready) {
        (true, _) => condition(
            "Progressing",
            true,
            "NewReplicaSetAvailable",
            &format!("ReplicaSet \"{name}-1\" has successfully progressed."),
            now,
        ),
        (false, true) => condition(
            "Progressing",
            false,
            "ProgressDeadlineExceeded",
            &format!("ReplicaSet \"{name}-1\" has timed out progressing."),
            now,
        ),
        (false, false) => condition(
            "Progressing",
            true,
            "ReplicaSetUpdated",
            &format!("ReplicaSet \"{name}-1\" is progressing."),
            now,
        ),
    };
    let mut status = json!({
        "observedGeneration": object["metadata"]["generation"],
        "conditions": [available, progressing],
    });
    if n > 0 {
        status["replicas"] = n.into();
        status["updatedReplicas"] = n.into();
        for field in if up { &["readyReplicas", "availableReplicas"][..] } else { &["unavailableReplicas"][..] } {
            status[*field] = n.into();
        }
    }
    status
}

fn job(object: &Value, ready: bool, broken: bool, now: &str) -> Value {
    let start = object["status"].get("startTime").cloned().unwrap_or_else(|| now.into());
    let times = |mut c: Value| {
        c["lastProbeTime"] = now.into();
        if let Some(m) = c.as_object_mut() {
            m.shift_remove("lastUpdateTime");
        }
        c
    };
    match (ready, broken) {
        (false, _) => {
            json!({"active": 1, "ready": 1, "terminating": 0, "startTime": start, "uncountedTerminatedPods": {}})
        }
        (true, false) => json!({
            "conditions": [
                times(condition("SuccessCriteriaMet", true, "CompletionsReached", "Reached expected number of succeeded pods", now)),
                times(condition("Complete", true, "CompletionsReached", "Reached expected number of succeeded pods", now)),
            ],
            "startTime": start, "completionTime": now, "succeeded": object["spec"]["completions"], "ready": 0,
            "terminating": 0, "uncountedTerminatedPods": {},
        }),
        (true, true) => json!({
            "conditions": [
                times(condition("FailureTarget", true, "BackoffLimitExceeded", "Job has reached the specified backoff limit", now)),
                times(condition("Failed", true, "BackoffLimitExceeded", "Job has reached the specified backoff limit", now)),
            ],
            "startTime": start, "failed": 1, "ready": 0, "terminating": 0, "uncountedTerminatedPods": {},
        }),
    }
}

fn pod(object: &Value, up: bool, broken: bool, now: &str) -> Value {
    let conditions: Vec<Value> = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .into_iter()
        .map(|kind| {
            let on = up || matches!(kind, "Initialized" | "PodScheduled");
            json!({"type": kind, "status": if on { "True" } else { "False" }, "lastTransitionTime": now, "lastProbeTime": null})
        })
        .collect();
    let containers = object["spec"]["containers"].as_array().cloned().unwrap_or_default();
    let statuses: Vec<Value> = containers
        .iter()
        .map(|c| {
            let waiting = if broken { "ImagePullBackOff" } else { "ContainerCreating" };
            let running = json!({"running": {"startedAt": now}});
            json!({
                "name": c["name"], "image": c["image"], "imageID": "", "ready": up, "started": up, "restartCount": 0,
                "lastState": {}, "state": if up { running } else { json!({"waiting": {"reason": waiting}}) },
            })
        })
        .collect();
    json!({
        "phase": if up { "Running" } else { "Pending" },
        "qosClass": object["status"]["qosClass"],
        "startTime": object["status"].get("startTime").cloned().unwrap_or_else(|| now.into()),
        "conditions": conditions,
        "containerStatuses": statuses,
    })
}
