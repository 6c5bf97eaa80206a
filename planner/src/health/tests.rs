//! One table per kind; the rows are the branches of kstatus.

use super::{Status, health};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[track_caller]
fn check(object: &Value, expected: Status, message: &str) {
    let found = health(object, &[]);
    assert_eq!(found.status, expected, "{object}: {found:?}");
    assert!(found.message.contains(message), "{object}: {found:?}");
}

fn deployment(spec: &Value, status: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"generation": 2}, "spec": spec, "status": status})
}

#[test]
fn a_deployment_is_current_when_all_replicas_are_new_and_available() {
    let conditions = json!([
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        {"type": "Available", "status": "True"},
    ]);
    let full = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2,
                      "availableReplicas": 2, "conditions": conditions});
    let with = |key: &str, value: Value| {
        let mut status = full.clone();
        status[key] = value;
        status
    };
    let spec = json!({"replicas": 2, "progressDeadlineSeconds": 600});
    check(&deployment(&spec, &full), Status::Current, "");
    let table = [
        ("observedGeneration", json!(1), "generation 1"),
        ("replicas", json!(1), "replicas: 1 of 2"),
        ("updatedReplicas", json!(1), "updated replicas: 1 of 2"),
        ("replicas", json!(3), "1 old replicas"),
        ("availableReplicas", json!(1), "available replicas: 1 of 2"),
        ("readyReplicas", json!(1), "ready replicas: 1 of 2"),
        ("conditions", json!([{"type": "Available", "status": "True"}]), "ReplicaSet"),
        ("conditions", json!([conditions[0]]), "not available"),
    ];
    for (key, value, message) in table {
        check(&deployment(&spec, &with(key, value)), Status::InProgress, message);
    }
    let exceeded =
        json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "slow"}]);
    check(&deployment(&spec, &with("conditions", exceeded)), Status::Failed, "slow");
    check(&deployment(&json!({}), &json!({})), Status::InProgress, "replicas: 0 of 1");
}

#[test]
fn other_workloads_follow_their_counts() {
    let object = |kind: &str, group: &str, spec: Value, status: Value| -> Value {
        json!({"apiVersion": group, "kind": kind, "metadata": {}, "spec": spec, "status": status})
    };
    let ready = json!({"replicas": 1, "readyReplicas": 1, "currentReplicas": 1, "updatedReplicas": 1,
                       "currentRevision": "a", "updateRevision": "a"});
    let mut behind = ready.clone();
    behind["updateRevision"] = json!("b");
    check(&object("StatefulSet", "apps/v1", json!({}), ready), Status::Current, "");
    check(&object("StatefulSet", "apps/v1", json!({}), behind.clone()), Status::InProgress, "revision");
    check(
        &object("StatefulSet", "apps/v1", json!({"updateStrategy": {"type": "OnDelete"}}), json!({})),
        Status::Current,
        "",
    );
    let partition = json!({"replicas": 1, "updateStrategy": {"rollingUpdate": {"partition": 1}}});
    check(&object("StatefulSet", "apps/v1", partition, behind), Status::Current, "");
    check(&object("DaemonSet", "apps/v1", json!({}), json!({})), Status::InProgress, "not seen");
    let daemon = json!({"observedGeneration": 1, "desiredNumberScheduled": 2, "currentNumberScheduled": 2,
                        "updatedNumberScheduled": 2, "numberAvailable": 1, "numberReady": 2});
    check(&object("DaemonSet", "apps/v1", json!({}), daemon), Status::InProgress, "available pods: 1 of 2");
    check(&object("Job", "batch/v1", json!({}), json!({})), Status::InProgress, "not started");
    check(&object("Job", "batch/v1", json!({}), json!({"startTime": "2026-01-01T00:00:00Z"})), Status::Current, "");
    let failed = json!({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]});
    check(&object("Job", "batch/v1", json!({}), failed), Status::Failed, "BackoffLimitExceeded");
    let looping = json!({"phase": "Running", "containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    check(&object("Pod", "v1", json!({}), looping), Status::Failed, "web");
    let unschedulable = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]});
    check(&object("Pod", "v1", json!({}), unschedulable), Status::InProgress, "Unschedulable");
}

#[test]
fn other_kinds_follow_their_phase_or_conditions() {
    let object = |api: &str, kind: &str, rest: Value| {
        let mut object = json!({"apiVersion": api, "kind": kind, "metadata": {}});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        object
    };
    let condition = |kind: &str, status: &str, reason: &str| json!({"status": {"conditions": [{"type": kind, "status": status, "reason": reason}]}});
    let crd = "CustomResourceDefinition";
    let table = [
        (object("v1", "ConfigMap", json!({})), Status::Current),
        (object("v1", "Service", json!({"spec": {"type": "LoadBalancer"}})), Status::InProgress),
        (object("v1", "Service", json!({"spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}})), Status::Current),
        (object("v1", "PersistentVolumeClaim", json!({"status": {"phase": "Bound"}})), Status::Current),
        (object("v1", "PersistentVolumeClaim", json!({})), Status::InProgress),
        (object("v1", "Namespace", json!({"status": {"phase": "Terminating"}})), Status::Terminating),
        (object("apiextensions.k8s.io/v1", crd, json!({})), Status::InProgress),
        (object("apiextensions.k8s.io/v1", crd, condition("Established", "True", "")), Status::Current),
        (object("apiextensions.k8s.io/v1", crd, condition("Established", "False", "Installing")), Status::InProgress),
        (object("apiextensions.k8s.io/v1", crd, condition("NamesAccepted", "False", "Conflict")), Status::Failed),
        (object("shop.example/v1", "Till", json!({})), Status::Current),
        (object("shop.example/v1", "Till", condition("Ready", "True", "")), Status::Current),
        (object("shop.example/v1", "Till", condition("Ready", "False", "Booting")), Status::InProgress),
        (object("shop.example/v1", "Till", condition("Stalled", "True", "Broken")), Status::Failed),
        (object("shop.example/v1", "Till", condition("Reconciling", "True", "Busy")), Status::InProgress),
        (
            object("v1", "ConfigMap", json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})),
            Status::Terminating,
        ),
    ];
    for (object, expected) in table {
        check(&object, expected, "");
    }
}

#[test]
fn ignored_conditions_are_not_looked_at() {
    let till = json!({"apiVersion": "shop.example/v1", "kind": "Till", "metadata": {},
                      "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Printer"}]}});
    let ignore = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    assert!(health(&till, &[ignore(&[("type", "Ready"), ("reason", "Printer")])]).is_ready());
    assert!(!health(&till, &[ignore(&[("type", "Ready"), ("reason", "Paper")])]).is_ready());
    assert!(!health(&till, &[BTreeMap::new()]).is_ready());
}

#[test]
fn odd_objects_are_no_panic() {
    for odd in [
        json!(null),
        json!([]),
        json!({"status": []}),
        json!({"status": {"conditions": {"a": 1}}, "kind": 1}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": "x", "status": {"replicas": "many"}}),
    ] {
        let _health = health(&odd, &[]);
    }
}
