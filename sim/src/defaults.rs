//! The defaults of built-in kinds (`pkg/apis/*/v1/defaults.go`), as far as they show in what clients read.

use crate::resources::Resource;
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

fn set(map: &mut Object, key: &str, value: impl Into<Value>) {
    if map.get(key).is_none_or(Value::is_null) {
        map.insert(key.to_owned(), value.into());
    }
}

fn set_text(map: &mut Object, key: &str, value: &str) {
    if map.get(key).and_then(Value::as_str).unwrap_or("").is_empty() {
        map.insert(key.to_owned(), value.into());
    }
}

fn child<'a>(map: &'a mut Object, key: &str) -> Option<&'a mut Object> {
    map.get_mut(key).and_then(Value::as_object_mut)
}

fn make<'a>(map: &'a mut Object, key: &str) -> Option<&'a mut Object> {
    set(map, key, json!({}));
    child(map, key)
}

fn each(map: &mut Object, key: &str, f: impl FnMut(&mut Object)) {
    map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut).for_each(f);
}

/// Fills in what the API server fills in when it decodes the object.
pub(crate) fn fill(resource: &Resource, object: &mut Value) {
    let Some(object) = object.as_object_mut() else { return };
    match (resource.key.group.as_str(), resource.kind.as_str()) {
        ("", _) => core(&resource.kind, object),
        ("apps", _) => {
            apps(&resource.kind, object);
            if resource.kind == "DaemonSet"
                && let Some(annotations) = make(object, "metadata").and_then(|m| make(m, "annotations"))
            {
                set(annotations, "deprecated.daemonset.template.generation", "0");
            }
        }
        ("batch", _) => batch(&resource.kind, object),
        ("rbac.authorization.k8s.io", _) => rbac(object),
        ("networking.k8s.io", "NetworkPolicy") => network_policy(object),
        ("storage.k8s.io", "StorageClass") => {
            set(object, "reclaimPolicy", "Delete");
            set(object, "volumeBindingMode", "Immediate");
        }
        ("scheduling.k8s.io", "PriorityClass") => set(object, "preemptionPolicy", "PreemptLowerPriority"),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => crd(object),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => {
            let mutating = resource.kind.starts_with('M');
            each(object, "webhooks", |w| webhook(w, mutating));
        }
        ("autoscaling", "HorizontalPodAutoscaler") => {
            if let Some(spec) = child(object, "spec") {
                hpa(spec);
            }
        }
        ("discovery.k8s.io", "EndpointSlice") => each(object, "ports", |p| {
            set(p, "name", "");
            set(p, "protocol", "TCP");
        }),
        _ => {}
    }
}

fn core(kind: &str, object: &mut Object) {
    match kind {
        "Namespace" => {
            let name =
                object.get("metadata").and_then(|m| m.get("name")).and_then(Value::as_str).unwrap_or("").to_owned();
            if let Some(labels) = child(object, "metadata").filter(|_| !name.is_empty()).and_then(|m| make(m, "labels"))
            {
                labels.insert("kubernetes.io/metadata.name".into(), name.into());
            }
            if let Some(status) = make(object, "status") {
                set_text(status, "phase", "Active");
            }
        }
        "Secret" => {
            set_text(object, "type", "Opaque");
            fold_string_data(object);
        }
        "Service" => {
            if let Some(spec) = child(object, "spec") {
                service(spec);
            }
        }
        "Pod" => {
            if let Some(spec) = child(object, "spec") {
                pod_spec(spec);
                set(spec, "enableServiceLinks", true);
                for list in ["containers", "initContainers"] {
                    each(spec, list, requests_from_limits);
                }
            }
            if let Some(status) = make(object, "status") {
                set_text(status, "phase", "Pending");
            }
        }
        "PodTemplate" => template(object),
        "ReplicationController" => {
            if let Some(spec) = child(object, "spec") {
                set(spec, "replicas", 1);
                template(spec);
            }
        }
        "PersistentVolumeClaim" => claim(object),
        "PersistentVolume" => {
            if let Some(spec) = child(object, "spec") {
                set_text(spec, "persistentVolumeReclaimPolicy", "Retain");
                set(spec, "volumeMode", "Filesystem");
                if let Some(host) = child(spec, "hostPath") {
                    set(host, "type", "");
                }
            }
            if let Some(status) = make(object, "status") {
                set_text(status, "phase", "Pending");
            }
        }
        "Endpoints" => each(object, "subsets", |s| each(s, "ports", |p| set_text(p, "protocol", "TCP"))),
        _ => {}
    }
}

/// `stringData` is write-only: it wins over `data` and is never given back.
fn fold_string_data(object: &mut Object) {
    let Some(Value::Object(strings)) = object.shift_remove("stringData") else { return };
    if let Some(data) = make(object, "data") {
        for (k, v) in strings {
            if let Value::String(s) = v {
                data.insert(k, crate::base64::encode(s.as_bytes()).into());
            }
        }
    }
}

fn service(spec: &mut Object) {
    set_text(spec, "sessionAffinity", "None");
    set_text(spec, "type", "ClusterIP");
    if spec.get("sessionAffinity") == Some(&json!("ClientIP")) && !spec.contains_key("sessionAffinityConfig") {
        spec.insert("sessionAffinityConfig".into(), json!({"clientIP": {"timeoutSeconds": 10800}}));
    }
    if spec.get("sessionAffinity") == Some(&json!("None")) {
        spec.shift_remove("sessionAffinityConfig");
    }
    let kind = spec.get("type").and_then(Value::as_str).unwrap_or("").to_owned();
    if kind != "ExternalName" {
        set(spec, "internalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        set_text(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", true);
    }
    each(spec, "ports", |p| {
        set_text(p, "protocol", "TCP");
        let port = p.get("port").cloned().unwrap_or(Value::Null);
        if matches!(p.get("targetPort"), None | Some(Value::Null))
            || p.get("targetPort") == Some(&json!(0))
            || p.get("targetPort") == Some(&json!(""))
        {
            p.insert("targetPort".into(), port);
        }
    });
}

fn claim(object: &mut Object) {
    if let Some(spec) = child(object, "spec") {
        set(spec, "volumeMode", "Filesystem");
    }
    if let Some(status) = make(object, "status") {
        set_text(status, "phase", "Pending");
    }
}

fn template(owner: &mut Object) {
    if let Some(spec) = child(owner, "template").and_then(|t| child(t, "spec")) {
        pod_spec(spec);
    }
}

fn pod_spec(spec: &mut Object) {
    set_text(spec, "restartPolicy", "Always");
    set_text(spec, "dnsPolicy", "ClusterFirst");
    set_text(spec, "schedulerName", "default-scheduler");
    set(spec, "terminationGracePeriodSeconds", 30);
    set(spec, "securityContext", json!({}));
    let account =
        ["serviceAccountName", "serviceAccount"].map(|k| spec.get(k).and_then(Value::as_str).unwrap_or("").to_owned());
    if let Some(name) = account.into_iter().find(|a| !a.is_empty()) {
        set_text(spec, "serviceAccountName", &name);
        spec.insert("serviceAccount".into(), spec["serviceAccountName"].clone());
    }
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        each(spec, list, container);
    }
    each(spec, "volumes", volume);
    each(spec, "topologySpreadConstraints", |t| {
        set(t, "nodeAffinityPolicy", Value::Null);
        set(t, "nodeTaintsPolicy", Value::Null);
        t.retain(|_, v| !v.is_null());
    });
}

fn container(c: &mut Object) {
    set_text(c, "terminationMessagePath", "/dev/termination-log");
    set_text(c, "terminationMessagePolicy", "File");
    let policy = pull_policy(c.get("image").and_then(Value::as_str).unwrap_or(""));
    set_text(c, "imagePullPolicy", policy);
    each(c, "ports", |p| set_text(p, "protocol", "TCP"));
    each(c, "env", |e| {
        if let Some(field) = child(e, "valueFrom").and_then(|v| child(v, "fieldRef")) {
            set_text(field, "apiVersion", "v1");
        }
    });
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(p) = child(c, name) {
            probe(p);
        }
    }
    for hook in ["postStart", "preStop"] {
        if let Some(get) = child(c, "lifecycle").and_then(|l| child(l, hook)).and_then(|h| child(h, "httpGet")) {
            http_get(get);
        }
    }
}

fn pull_policy(image: &str) -> &'static str {
    if image.contains('@') {
        return "IfNotPresent";
    }
    match image.rsplit('/').next().and_then(|last| last.split_once(':')) {
        Some((_, "latest")) | None => "Always",
        Some(_) => "IfNotPresent",
    }
}

fn set_number(map: &mut Object, key: &str, value: i64) {
    if map.get(key).and_then(Value::as_i64).unwrap_or(0) == 0 {
        map.insert(key.to_owned(), value.into());
    }
}

fn probe(p: &mut Object) {
    for (key, value) in [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        set_number(p, key, value);
    }
    if let Some(get) = child(p, "httpGet") {
        http_get(get);
    }
    if let Some(grpc) = child(p, "grpc") {
        set(grpc, "service", "");
    }
}

fn http_get(get: &mut Object) {
    set_text(get, "path", "/");
    set_text(get, "scheme", "HTTP");
}

fn volume(v: &mut Object) {
    if v.keys().all(|k| k == "name") {
        v.insert("emptyDir".into(), json!({}));
    }
    for name in ["configMap", "secret", "downwardAPI", "projected"] {
        if let Some(source) = child(v, name) {
            set(source, "defaultMode", 420);
        }
    }
    if let Some(host) = child(v, "hostPath") {
        set(host, "type", "");
    }
    if let Some(projected) = child(v, "projected") {
        each(projected, "sources", |s| {
            if let Some(token) = child(s, "serviceAccountToken") {
                set(token, "expirationSeconds", 3600);
            }
        });
    }
}

fn requests_from_limits(c: &mut Object) {
    let Some(resources) = child(c, "resources") else { return };
    let Some(limits) = resources.get("limits").and_then(Value::as_object).cloned() else { return };
    if let Some(requests) = make(resources, "requests") {
        for (k, v) in limits {
            set(requests, &k, v);
        }
    }
}

fn apps(kind: &str, object: &mut Object) {
    let Some(spec) = child(object, "spec") else { return };
    template(spec);
    match kind {
        "Deployment" => {
            set(spec, "replicas", 1);
            set(spec, "revisionHistoryLimit", 10);
            set(spec, "progressDeadlineSeconds", 600);
            if let Some(strategy) = make(spec, "strategy") {
                set_text(strategy, "type", "RollingUpdate");
                if strategy.get("type") == Some(&json!("RollingUpdate"))
                    && let Some(rolling) = make(strategy, "rollingUpdate")
                {
                    set(rolling, "maxUnavailable", "25%");
                    set(rolling, "maxSurge", "25%");
                }
            }
        }
        "ReplicaSet" => set(spec, "replicas", 1),
        "StatefulSet" => stateful_set(spec),
        "DaemonSet" => {
            set(spec, "revisionHistoryLimit", 10);
            if let Some(strategy) = make(spec, "updateStrategy") {
                set_text(strategy, "type", "RollingUpdate");
                if strategy.get("type") == Some(&json!("RollingUpdate"))
                    && let Some(rolling) = make(strategy, "rollingUpdate")
                {
                    set(rolling, "maxUnavailable", 1);
                    set(rolling, "maxSurge", 0);
                }
            }
        }
        _ => {}
    }
}

fn stateful_set(spec: &mut Object) {
    set(spec, "replicas", 1);
    set(spec, "revisionHistoryLimit", 10);
    set_text(spec, "podManagementPolicy", "OrderedReady");
    if let Some(policy) = make(spec, "persistentVolumeClaimRetentionPolicy") {
        set_text(policy, "whenDeleted", "Retain");
        set_text(policy, "whenScaled", "Retain");
    }
    if let Some(strategy) = make(spec, "updateStrategy") {
        set_text(strategy, "type", "RollingUpdate");
        if strategy.get("type") == Some(&json!("RollingUpdate"))
            && let Some(rolling) = make(strategy, "rollingUpdate")
        {
            set(rolling, "partition", 0);
        }
    }
    each(spec, "volumeClaimTemplates", |t| {
        set_text(t, "apiVersion", "v1");
        set_text(t, "kind", "PersistentVolumeClaim");
        claim(t);
    });
}

fn batch(kind: &str, object: &mut Object) {
    let Some(spec) = child(object, "spec") else { return };
    match kind {
        "Job" => {
            template(spec);
            if spec.get("completions").is_none_or(Value::is_null) && spec.get("parallelism").is_none_or(Value::is_null)
            {
                set(spec, "completions", 1);
            }
            set(spec, "parallelism", 1);
            set(spec, "backoffLimit", 6);
            set(spec, "completionMode", "NonIndexed");
            set(spec, "suspend", false);
            set(spec, "manualSelector", false);
            set(spec, "podReplacementPolicy", "TerminatingOrFailed");
        }
        "CronJob" => {
            set_text(spec, "concurrencyPolicy", "Allow");
            set(spec, "suspend", false);
            set(spec, "successfulJobsHistoryLimit", 3);
            set(spec, "failedJobsHistoryLimit", 1);
            if let Some(job) = child(spec, "jobTemplate").and_then(|t| child(t, "spec")) {
                template(job);
            }
        }
        _ => {}
    }
}

fn rbac(object: &mut Object) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    if let Some(role) = child(object, "roleRef") {
        set_text(role, "apiGroup", GROUP);
    }
    each(object, "subjects", |s| {
        if matches!(s.get("kind").and_then(Value::as_str), Some("User" | "Group")) {
            set_text(s, "apiGroup", GROUP);
        }
    });
}

fn network_policy(object: &mut Object) {
    let Some(spec) = child(object, "spec") else { return };
    for list in ["ingress", "egress"] {
        each(spec, list, |rule| each(rule, "ports", |p| set(p, "protocol", "TCP")));
    }
    if spec.get("policyTypes").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        let egress = spec.get("egress").and_then(Value::as_array).is_some_and(|e| !e.is_empty());
        let types = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
        spec.insert("policyTypes".into(), types);
    }
}

fn hpa(spec: &mut Object) {
    set(spec, "minReplicas", 1);
    if spec.get("metrics").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}});
        spec.insert("metrics".into(), json!([cpu]));
    }
}

fn crd(object: &mut Object) {
    let Some(spec) = child(object, "spec") else { return };
    if let Some(names) = child(spec, "names") {
        let kind = names.get("kind").and_then(Value::as_str).unwrap_or("").to_owned();
        set_text(names, "singular", &kind.to_lowercase());
        set_text(names, "listKind", &format!("{kind}List"));
    }
    set(spec, "conversion", json!({"strategy": "None"}));
}

fn webhook(w: &mut Object, mutating: bool) {
    set(w, "failurePolicy", "Fail");
    set(w, "matchPolicy", "Equivalent");
    set(w, "namespaceSelector", json!({}));
    set(w, "objectSelector", json!({}));
    set(w, "timeoutSeconds", 10);
    if mutating {
        set(w, "reinvocationPolicy", "Never");
    }
    each(w, "rules", |r| set(r, "scope", "*"));
    if let Some(service) = child(w, "clientConfig").and_then(|c| child(c, "service")) {
        set(service, "port", 443);
    }
}
