//! The requests that are compared.
#![expect(clippy::too_many_lines, clippy::needless_pass_by_value, reason = "tables of literals")]

use crate::steps::{
    Sequence, Step, apply, delete, delete_with, force, get, json_patch, merge, object, post, put, strategic, watch,
};
use serde_json::{Value, json};

pub(crate) fn cm(name: &str, data: Value) -> Value {
    object("v1", "ConfigMap", name, json!({"data": data}))
}

fn with(mut v: Value, pointer: &str, key: &str, value: Value) -> Value {
    if let Some(map) = v.pointer_mut(pointer).and_then(Value::as_object_mut) {
        map.insert(key.into(), value);
    }
    v
}

fn pod_template(app: &str, image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{
            "name": "c", "image": image,
            "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            "readinessProbe": {"httpGet": {"port": 80}},
            "resources": {"limits": {"memory": "64Mi"}},
        }], "volumes": [{"name": "v", "configMap": {"name": "x"}}]},
    })
}

fn deployment(name: &str, image: &str) -> Value {
    let spec = json!({"selector": {"matchLabels": {"app": name}}, "template": pod_template(name, image)});
    object("apps/v1", "Deployment", name, json!({"spec": spec}))
}

fn only(kind: (&str, &str), name: &str, rest: Value) -> Value {
    object(kind.0, kind.1, name, rest)
}

const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");

/// Every sequence begins by making its namespace.
pub(crate) fn sequence(name: &str, steps: Vec<Step>) -> Sequence {
    let ns = post("ns", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "$ns"}}));
    Sequence { name: name.to_owned(), steps: std::iter::once(ns).chain(steps).collect() }
}

pub(crate) fn all() -> Vec<Sequence> {
    [
        crud(),
        patches(),
        apply_maps(),
        apply_lists(),
        kinds(),
        immutables(),
        deletes(),
        namespaces(),
        custom(),
        watches(),
        discovery(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn crud() -> Vec<Sequence> {
    let labelled = |name: &str, v: &str| with(cm(name, json!({})), "/metadata", "labels", json!({"l": v}));
    vec![
        sequence(
            "crud",
            vec![
                post("cm", cm("a", json!({"k": "v"}))).save("a"),
                get("cm/a"),
                get("cm/missing"),
                post("cm", cm("a", json!({}))),
                put("cm/a", with(cm("a", json!({"k": "w"})), "/metadata", "resourceVersion", json!("$rv.a"))),
                put("cm/a", with(cm("a", json!({"k": "x"})), "/metadata", "resourceVersion", json!("$rv.a"))),
                put("cm/a", cm("a", json!({"k": "y", "z": "1"}))).save("b"),
                put("cm/a", cm("a", json!({"k": "y", "z": "1"}))),
                put(
                    "cm/a",
                    with(cm("a", json!({})), "/metadata", "uid", json!("11111111-1111-1111-1111-111111111111")),
                ),
                put("cm/a", cm("b", json!({}))),
                put("cm/none", cm("none", json!({}))),
                delete("cm/a"),
                delete("cm/a"),
                get("cm/a"),
            ],
        ),
        sequence(
            "bad-bodies",
            vec![
                post("cm", cm("UPPER", json!({}))),
                post("cm", cm("under_score", json!({}))),
                post("cm", cm("-a", json!({}))),
                post("cm", json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})),
                post("cm", with(cm("a", json!({})), "/metadata", "namespace", json!("elsewhere"))),
                post("cm?fieldValidation=Strict", with(cm("a", json!({})), "", "dta", json!({}))),
                post("cm", with(cm("warn", json!({})), "", "dta", json!({}))),
                post("cm", cm("a", json!({"bad key": "x"}))),
                post("cm", with(cm("a", json!({})), "/metadata", "labels", json!({"a": "not valid!"}))),
                post("cm", with(cm("a", json!({})), "/metadata", "labels", json!({"a b": "x"}))),
                post("cm", with(cm("a", json!({})), "/metadata", "annotations", json!({"a/b/c": "x"}))),
                post("cm", with(cm("a", json!({})), "/metadata", "resourceVersion", json!("5"))),
                post("/api/v1/namespaces/missing-ns/configmaps", cm("a", json!({}))),
                get("/api/v1/namespaces/$ns/nothings"),
                get("/apis/none.example.com/v1/things"),
                post("cm", deployment("d", "nginx:1")),
                post("cm?dryRun=All", cm("dry", json!({}))),
                get("cm/dry"),
                post("cm?dryRun=Some", cm("dry", json!({}))),
                post("cm?fieldManager=one", cm("m", json!({"a": "1"}))),
                step_delete_collection_method(),
            ],
        ),
        sequence(
            "lists",
            vec![
                post("cm", labelled("a", "1")),
                post("cm", labelled("b", "2")),
                post("cm", labelled("c", "1")),
                get("cm"),
                get("cm?labelSelector=l%3D1"),
                get("cm?labelSelector=l%20in%20(1%2C3)%2C!x"),
                get("cm?labelSelector=l%3D%3D"),
                get("cm?labelSelector=a%20b"),
                get("cm?fieldSelector=metadata.name%3Db"),
                get("cm?fieldSelector=data.x%3Db"),
                get("cm?limit=2").save("page"),
                get("cm?limit=2&continue=$token.page"),
                get("cm?resourceVersion=0"),
                get("cm").accept("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
                get("cm/a").accept("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),
                delete("cm?labelSelector=l%3D1"),
                get("cm"),
            ],
        ),
        sequence(
            "generate-name",
            vec![post(
                "cm?dryRun=All",
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fixed", "generateName": "gen-"}}),
            )],
        ),
    ]
}

/// A method that a resource does not have.
fn step_delete_collection_method() -> Step {
    post("cm/a", json!({}))
}

fn patches() -> Vec<Sequence> {
    vec![
        sequence(
            "patches",
            vec![
                post("cm", cm("a", json!({"k": "v"}))).save("a"),
                merge("cm/a", json!({"data": {"k": null, "n": "1"}})),
                merge("cm/a", json!({"data": {"n": "1"}})),
                merge("cm/a", json!({"metadata": {"resourceVersion": "$rv.a"}, "data": {"n": "2"}})),
                merge("cm/a", json!({"metadata": {"uid": "11111111-1111-1111-1111-111111111111"}, "data": {"n": "2"}})),
                merge("cm/a?fieldManager=kubectl-label", json!({"metadata": {"labels": {"x": "y"}}})),
                merge("cm/a", json!({"metadata": {"name": "other"}})),
                merge("cm/missing", json!({"data": {}})),
                json_patch("cm/a", json!([{"op": "add", "path": "/data/j", "value": "1"}])),
                json_patch(
                    "cm/a",
                    json!([{"op": "test", "path": "/data/j", "value": "2"}, {"op": "remove", "path": "/data/j"}]),
                ),
                json_patch("cm/a", json!([{"op": "remove", "path": "/data/none"}])),
                json_patch("cm/a", json!([{"op": "test", "path": "/metadata/resourceVersion", "value": "1"}])),
                strategic("cm/a", json!({"data": {"s": "1"}})),
                merge("cm/a?fieldValidation=Strict", json!({"dta": {}})),
                merge("cm/a?dryRun=All", json!({"data": {"dry": "1"}})),
                get("cm/a"),
                merge("cm/a?force=true", json!({})),
            ],
        ),
        sequence(
            "strategic",
            vec![
                post("deploy", deployment("d", "nginx:1")),
                strategic(
                    "deploy/d",
                    json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}}),
                ),
                strategic(
                    "deploy/d",
                    json!({"spec": {"template": {"spec": {"containers": [{"name": "s", "image": "s:1"}]}}}}),
                ),
                strategic(
                    "deploy/d",
                    json!({"spec": {"template": {"spec": {"containers": [{"name": "s", "$patch": "delete"}]}}}}),
                ),
                strategic(
                    "deploy/d",
                    json!({"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "n"}, {"name": "c"}], "containers": [{"name": "n", "image": "n:1"}]}}}}),
                ),
                strategic("deploy/d", json!({"spec": {"replicas": 3}})),
                merge("deploy/d/scale", json!({"spec": {"replicas": 5}})),
                get("deploy/d/scale"),
                get("deploy/d"),
                merge("deploy/d/status", json!({"status": {"replicas": 5}, "spec": {"replicas": 9}})),
                get("deploy/d/status"),
            ],
        ),
    ]
}

fn apply_maps() -> Vec<Sequence> {
    vec![
        sequence(
            "apply-map",
            vec![
                apply("cm/a", "one", cm("a", json!({"x": "1", "y": "2"}))),
                apply("cm/a", "one", cm("a", json!({"x": "1", "y": "2"}))),
                apply("cm/a", "two", cm("a", json!({"x": "1"}))),
                apply("cm/a", "two", cm("a", json!({"x": "2"}))),
                apply("cm/a", "one", cm("a", json!({"y": "2"}))),
                apply("cm/a", "two", cm("a", json!({"x": "2"}))),
                force("cm/a", "one", cm("a", json!({"x": "3", "y": "3"}))),
                apply("cm/a", "two", cm("a", json!({}))),
                apply("cm/a", "one", cm("a", json!({}))),
                apply("cm/a", "one", object("v1", "ConfigMap", "a", json!({}))),
                get("cm/a"),
            ],
        ),
        sequence(
            "apply-over-update",
            vec![
                post(
                    "cm?fieldManager=kubectl-create",
                    with(cm("a", json!({"x": "1", "y": "1"})), "/metadata", "labels", json!({"l": "1"})),
                ),
                apply("cm/a", "agent", cm("a", json!({"x": "2"}))),
                force("cm/a", "agent", cm("a", json!({"x": "2"}))),
                merge("cm/a?fieldManager=kubectl-edit", json!({"data": {"x": "3", "added": "1"}})),
                apply("cm/a", "agent", cm("a", json!({"x": "2"}))),
                apply("cm/a", "agent", cm("a", json!({"x": "3"}))),
                merge("cm/a?fieldManager=kubectl-edit", json!({"data": {"x": null}})),
                apply("cm/a", "agent", cm("a", json!({"x": "2", "y": "9", "added": "9"}))),
                merge("cm/a?fieldManager=kubectl-edit", json!({"metadata": {"managedFields": [{}]}})),
                apply("cm/a", "agent", cm("a", json!({"x": "2"}))),
                get("cm/a"),
            ],
        ),
        sequence(
            "apply-metadata",
            vec![
                apply(
                    "cm/a",
                    "one",
                    with(
                        with(cm("a", json!({})), "/metadata", "labels", json!({"a": "1"})),
                        "/metadata",
                        "annotations",
                        json!({"n": "1"}),
                    ),
                ),
                apply("cm/a", "one", with(cm("a", json!({})), "/metadata", "labels", json!({"b": "1"}))),
                apply("cm/a", "two", with(cm("a", json!({})), "/metadata", "finalizers", json!(["example.com/a"]))),
                apply("cm/a", "one", with(cm("a", json!({})), "/metadata", "finalizers", json!(["example.com/b"]))),
                apply("cm/a", "two", cm("a", json!({}))).save("x"),
                apply("cm/a", "two", with(cm("a", json!({"r": "1"})), "/metadata", "resourceVersion", json!("1"))),
                apply("cm/a", "two", with(cm("a", json!({"r": "1"})), "/metadata", "resourceVersion", json!("$rv.x"))),
                apply(
                    "cm/a",
                    "two",
                    with(cm("a", json!({"r": "1"})), "/metadata", "uid", json!("11111111-1111-1111-1111-111111111111")),
                ),
                apply("cm/a", "two", with(cm("a", json!({"r": "1"})), "/metadata", "uid", json!("$uid.x"))),
                apply("cm/new", "two", with(cm("new", json!({"r": "1"})), "/metadata", "uid", json!("$uid.x"))),
                apply("cm/a", "two", with(cm("a", json!({})), "/metadata", "namespace", json!("elsewhere"))),
                apply("cm/a", "two", cm("b", json!({}))),
                apply("cm/a", "two", with(cm("a", json!({})), "/metadata", "managedFields", json!([]))),
                apply(
                    "cm/a",
                    "two",
                    with(
                        cm("a", json!({})),
                        "/metadata",
                        "ownerReferences",
                        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "22222222-2222-2222-2222-222222222222"}]),
                    ),
                ),
            ],
        ),
        sequence(
            "apply-errors",
            vec![
                step_apply_without_manager(),
                apply("cm/a", "one", with(cm("a", json!({})), "", "dta", json!({}))),
                apply("cm/a", "one", object("v1", "ConfigMap", "a", json!({"data": {"x": 1}}))),
                apply("cm/a", "one", object("v2", "ConfigMap", "a", json!({}))),
                apply("cm/a", "one", object("v1", "Secret", "a", json!({}))),
                apply("deploy/d", "one", with(deployment("d", "nginx:1"), "/spec", "wrong", json!(1))),
                apply("deploy/d", "one", only(DEPLOYMENT, "d", json!({"spec": {}}))),
                apply(
                    "deploy/d",
                    "one",
                    only(
                        DEPLOYMENT,
                        "d",
                        json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "a", "image": "y"}]}}}}),
                    ),
                ),
                apply("cm/a?dryRun=All", "one", cm("a", json!({"x": "1"}))),
                get("cm/a"),
                apply("/api/v1/namespaces/missing-ns/configmaps/a", "one", cm("a", json!({}))),
                apply("cm/UPPER", "one", cm("UPPER", json!({}))),
            ],
        ),
    ]
}

fn step_apply_without_manager() -> Step {
    let mut s = apply("cm/a", "", cm("a", json!({})));
    s = s.accept("application/json");
    s
}

fn apply_lists() -> Vec<Sequence> {
    let containers = |list: Value| only(DEPLOYMENT, "d", json!({"spec": {"template": {"spec": {"containers": list}}}}));
    vec![
        sequence(
            "apply-deployment",
            vec![
                apply("deploy/d", "one", deployment("d", "nginx:1")),
                apply("deploy/d", "one", deployment("d", "nginx:1")),
                apply("deploy/d", "one", deployment("d", "nginx:2")),
                apply("deploy/d", "two", containers(json!([{"name": "side", "image": "s:1"}]))),
                apply("deploy/d", "two", containers(json!([{"name": "c", "image": "nginx:3"}]))),
                force("deploy/d", "two", containers(json!([{"name": "c", "image": "nginx:3"}]))),
                apply("deploy/d", "one", deployment("d", "nginx:2")),
                merge("deploy/d?fieldManager=hpa", json!({"spec": {"replicas": 4}})),
                apply("deploy/d", "two", only(DEPLOYMENT, "d", json!({"spec": {"replicas": 2}}))),
                strategic(
                    "deploy/d?fieldManager=kubectl-set",
                    json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:9"}]}}}}),
                ),
                apply("deploy/d", "two", only(DEPLOYMENT, "d", json!({}))),
                merge("deploy/d/scale?fieldManager=scaler", json!({"spec": {"replicas": 7}})),
                apply("deploy/d", "three", only(DEPLOYMENT, "d", json!({"spec": {"replicas": 1}}))),
                get("deploy/d"),
            ],
        ),
        sequence(
            "apply-env-order",
            vec![
                apply("deploy/d", "one", deployment("d", "nginx:1")),
                apply(
                    "deploy/d",
                    "two",
                    containers(
                        json!([{"name": "c", "env": [{"name": "Z", "value": "1"}, {"name": "A", "value": "1"}]}]),
                    ),
                ),
                apply(
                    "deploy/d",
                    "three",
                    containers(
                        json!([{"name": "c", "env": [{"name": "M", "value": "1"}]}, {"name": "first", "image": "f"}]),
                    ),
                ),
                apply(
                    "deploy/d",
                    "three",
                    containers(
                        json!([{"name": "first", "image": "f"}, {"name": "c", "env": [{"name": "M", "value": "2"}]}]),
                    ),
                ),
                apply("deploy/d", "two", only(DEPLOYMENT, "d", json!({}))),
                get("deploy/d"),
            ],
        ),
        sequence(
            "apply-service",
            vec![
                apply(
                    "svc/s",
                    "one",
                    only(
                        ("v1", "Service"),
                        "s",
                        json!({"spec": {"selector": {"a": "1"}, "ports": [{"port": 80, "targetPort": 8080}]}}),
                    ),
                ),
                apply(
                    "svc/s",
                    "one",
                    only(
                        ("v1", "Service"),
                        "s",
                        json!({"spec": {"selector": {"a": "2"}, "ports": [{"port": 80, "targetPort": 8080}]}}),
                    ),
                ),
                apply("svc/s", "two", only(("v1", "Service"), "s", json!({"spec": {"selector": {"b": "1"}}}))),
                apply(
                    "svc/s",
                    "two",
                    only(
                        ("v1", "Service"),
                        "s",
                        json!({"spec": {"ports": [{"name": "x", "port": 81, "protocol": "UDP"}]}}),
                    ),
                ),
                apply(
                    "svc/s",
                    "one",
                    only(
                        ("v1", "Service"),
                        "s",
                        json!({"spec": {"selector": {"a": "2"}, "ports": [{"name": "n", "port": 80, "targetPort": "web"}]}}),
                    ),
                ),
                apply("svc/s", "one", only(("v1", "Service"), "s", json!({"spec": {"selector": {"a": "2"}}}))),
                get("svc/s"),
            ],
        ),
        sequence(
            "ownership-of-updates",
            vec![
                post("deploy?fieldManager=maker", deployment("d", "nginx:1")).save("d"),
                merge(
                    "deploy/d?fieldManager=other",
                    json!({"spec": {"replicas": 2}, "metadata": {"labels": {"x": "1"}, "annotations": {"y": "1"}}}),
                ),
                merge("deploy/d?fieldManager=other", json!({"metadata": {"labels": null}})),
                strategic(
                    "deploy/d?fieldManager=third",
                    json!({"spec": {"template": {"spec": {"tolerations": [{"key": "k"}], "nodeSelector": {"a": "b"}}}}}),
                ),
                strategic(
                    "deploy/d?fieldManager=third",
                    json!({"spec": {"template": {"spec": {"nodeSelector": {"c": "d"}}}}}),
                ),
                merge(
                    "deploy/d/status?fieldManager=controller",
                    json!({"status": {"conditions": [{"type": "Available", "status": "True"}]}}),
                ),
                put("deploy/d?fieldManager=putter", deployment("d", "nginx:1")),
                get("deploy/d"),
            ],
        ),
    ]
}

fn kinds() -> Vec<Sequence> {
    let both = |path: &str, v: &Value| {
        vec![
            post(&format!("{path}?dryRun=All"), v.clone()),
            apply(&format!("{path}/x"), "agent", v.clone()),
            apply(&format!("{path}/x"), "agent", v.clone()),
            apply(&format!("{path}/x"), "agent", v.clone()),
        ]
    };
    let template = pod_template("x", "nginx");
    let selector = json!({"matchLabels": {"app": "x"}});
    let rows: Vec<(&str, Value)> = vec![
        (
            "deploy",
            deployment(
                "x",
                "reg.example.com:5000/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            ),
        ),
        (
            "sts",
            object(
                "apps/v1",
                "StatefulSet",
                "x",
                json!({"spec": {"serviceName": "x", "selector": selector, "template": template, "volumeClaimTemplates": [{"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}]}}),
            ),
        ),
        ("ds", object("apps/v1", "DaemonSet", "x", json!({"spec": {"selector": selector, "template": template}}))),
        ("rs", object("apps/v1", "ReplicaSet", "x", json!({"spec": {"selector": selector, "template": template}}))),
        (
            "job",
            object(
                "batch/v1",
                "Job",
                "x",
                json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}}}}),
            ),
        ),
        (
            "cj",
            object(
                "batch/v1",
                "CronJob",
                "x",
                json!({"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "OnFailure", "containers": [{"name": "c", "image": "i:1"}]}}}}}}),
            ),
        ),
        (
            "pod",
            object(
                "v1",
                "Pod",
                "x",
                json!({"spec": {"containers": [{"name": "c", "image": "i:1", "resources": {"limits": {"cpu": "1"}}}]}}),
            ),
        ),
        ("svc", object("v1", "Service", "x", json!({"spec": {"type": "NodePort", "ports": [{"port": 80}]}}))),
        ("svc", object("v1", "Service", "x", json!({"spec": {"clusterIP": "None", "selector": {"a": "b"}}}))),
        ("svc", object("v1", "Service", "x", json!({"spec": {"type": "ExternalName", "externalName": "example.com"}}))),
        ("secret", object("v1", "Secret", "x", json!({"stringData": {"a": "b"}, "data": {"c": "ZA=="}}))),
        (
            "secret",
            object(
                "v1",
                "Secret",
                "x",
                json!({"type": "kubernetes.io/basic-auth", "stringData": {"username": "u", "password": "p"}}),
            ),
        ),
        ("sa", object("v1", "ServiceAccount", "x", json!({"imagePullSecrets": [{"name": "a"}]}))),
        (
            "pvc",
            object(
                "v1",
                "PersistentVolumeClaim",
                "x",
                json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
            ),
        ),
        ("quota", object("v1", "ResourceQuota", "x", json!({"spec": {"hard": {"pods": "5"}}}))),
        (
            "ing",
            object(
                "networking.k8s.io/v1",
                "Ingress",
                "x",
                json!({"spec": {"rules": [{"host": "a.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "s", "port": {"number": 80}}}}]}}]}}),
            ),
        ),
        (
            "np",
            object(
                "networking.k8s.io/v1",
                "NetworkPolicy",
                "x",
                json!({"spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]}}),
            ),
        ),
        (
            "pdb",
            object("policy/v1", "PodDisruptionBudget", "x", json!({"spec": {"minAvailable": 1, "selector": selector}})),
        ),
        (
            "hpa",
            object(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                "x",
                json!({"spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}}),
            ),
        ),
        (
            "role",
            object(
                "rbac.authorization.k8s.io/v1",
                "Role",
                "x",
                json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
            ),
        ),
        (
            "rb",
            object(
                "rbac.authorization.k8s.io/v1",
                "RoleBinding",
                "x",
                json!({"roleRef": {"kind": "Role", "name": "x"}, "subjects": [{"kind": "ServiceAccount", "name": "s", "namespace": "n"}, {"kind": "User", "name": "u"}]}),
            ),
        ),
        (
            "lease",
            object(
                "coordination.k8s.io/v1",
                "Lease",
                "x",
                json!({"spec": {"holderIdentity": "h", "leaseDurationSeconds": 10, "renewTime": "2026-01-01T00:00:00.000000Z"}}),
            ),
        ),
    ];
    const NAMES: [&str; 22] = [
        "kind-deploy",
        "kind-sts",
        "kind-ds",
        "kind-rs",
        "kind-job",
        "kind-cj",
        "kind-pod",
        "kind-nodeport",
        "kind-headless",
        "kind-external",
        "kind-secret",
        "kind-basic-auth",
        "kind-sa",
        "kind-pvc",
        "kind-quota",
        "kind-ing",
        "kind-np",
        "kind-pdb",
        "kind-hpa",
        "kind-role",
        "kind-rb",
        "kind-lease",
    ];
    let mut out: Vec<Sequence> =
        NAMES.iter().zip(&rows).map(|(name, (path, v))| sequence(name, both(path, v))).collect();
    let cluster = [
        ("cr", object("rbac.authorization.k8s.io/v1", "ClusterRole", "diff-x", json!({"rules": []}))),
        ("sc", object("storage.k8s.io/v1", "StorageClass", "diff-x", json!({"provisioner": "example.com/p"}))),
        ("pc", object("scheduling.k8s.io/v1", "PriorityClass", "diff-x", json!({"value": 5}))),
        (
            "pv",
            object(
                "v1",
                "PersistentVolume",
                "diff-x",
                json!({"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}}),
            ),
        ),
    ];
    let steps = cluster.iter().flat_map(|(path, v)| {
        [post(path, v.clone()), apply(&format!("{path}/diff-x"), "agent", v.clone()), delete(&format!("{path}/diff-x"))]
    });
    out.push(sequence("kind-cluster", steps.collect()));
    out
}

fn immutables() -> Vec<Sequence> {
    let selector = json!({"matchLabels": {"app": "x"}});
    let sts = object(
        "apps/v1",
        "StatefulSet",
        "x",
        json!({"spec": {"serviceName": "x", "selector": selector, "template": pod_template("x", "nginx:1")}}),
    );
    let job = object(
        "batch/v1",
        "Job",
        "x",
        json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}}}}),
    );
    let pvc = object(
        "v1",
        "PersistentVolumeClaim",
        "x",
        json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
    );
    let rb = object(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "x",
        json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"}}),
    );
    vec![
        sequence(
            "immutable-deployment",
            vec![
                post("deploy", deployment("x", "nginx:1")),
                merge("deploy/x", json!({"spec": {"selector": {"matchLabels": {"app": "y"}}}})),
                merge(
                    "deploy/x",
                    json!({"spec": {"selector": {"matchLabels": {"app": "y"}}, "template": {"metadata": {"labels": {"app": "y"}}}}}),
                ),
                post("deploy", only(DEPLOYMENT, "y", json!({"spec": {}}))),
                post(
                    "deploy",
                    only(
                        DEPLOYMENT,
                        "y",
                        json!({"spec": {"replicas": -1, "selector": selector, "template": pod_template("x", "nginx:1")}}),
                    ),
                ),
                post(
                    "deploy",
                    only(
                        DEPLOYMENT,
                        "y",
                        json!({"spec": {"selector": selector, "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": []}}}}),
                    ),
                ),
                post(
                    "deploy",
                    only(
                        DEPLOYMENT,
                        "y",
                        json!({"spec": {"selector": selector, "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "Bad_Name"}]}}}}),
                    ),
                ),
                post("deploy", only(DEPLOYMENT, "y", json!({"spec": {"replicas": "three"}}))),
            ],
        ),
        sequence(
            "immutable-others",
            vec![
                post("sts", sts),
                merge("sts/x", json!({"spec": {"serviceName": "y"}})),
                merge("sts/x", json!({"spec": {"replicas": 2}})),
                post("job", job),
                strategic(
                    "job/x",
                    json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}}}),
                ),
                post("pvc", pvc),
                merge("pvc/x", json!({"spec": {"accessModes": ["ReadOnlyMany"]}})),
                post("rb", rb),
                merge("rb/x", json!({"roleRef": {"name": "y"}})),
                post("cm", with(cm("x", json!({"a": "1"})), "", "immutable", json!(true))),
                merge("cm/x", json!({"data": {"a": "2"}})),
                merge("cm/x", json!({"immutable": null})),
                merge("cm/x", json!({"metadata": {"labels": {"a": "2"}}})),
                post("secret", object("v1", "Secret", "x", json!({}))),
                merge("secret/x", json!({"type": "example.com/other"})),
                post("svc", object("v1", "Service", "x", json!({"spec": {"ports": [{"port": 80}]}}))),
                merge("svc/x", json!({"spec": {"clusterIP": "10.0.0.77"}})),
                post("svc", object("v1", "Service", "Bad", json!({"spec": {}}))),
                post("pod", object("v1", "Pod", "x", json!({"spec": {"containers": [{"name": "c", "image": "i:1"}]}}))),
                strategic("pod/x", json!({"spec": {"containers": [{"name": "c", "image": "i:2"}]}})),
                merge("pod/x", json!({"spec": {"hostNetwork": true}})),
            ],
        ),
    ]
}

fn deletes() -> Vec<Sequence> {
    let held = |name: &str| with(cm(name, json!({})), "/metadata", "finalizers", json!(["example.com/f"]));
    vec![
        sequence(
            "finalizers",
            vec![
                post("cm", held("a")).save("a"),
                delete("cm/a"),
                delete("cm/a"),
                get("cm/a"),
                merge("cm/a", json!({"data": {"x": "1"}})),
                merge("cm/a", json!({"metadata": {"finalizers": ["example.com/f", "example.com/g"]}})),
                apply("cm/a", "agent", cm("a", json!({"y": "1"}))),
                merge("cm/a", json!({"metadata": {"finalizers": []}})),
                get("cm/a"),
                post("cm", held("b")),
                delete("cm/b"),
                json_patch("cm/b", json!([{"op": "remove", "path": "/metadata/finalizers"}])),
                get("cm/b"),
            ],
        ),
        sequence(
            "preconditions",
            vec![
                post("cm", cm("a", json!({}))).save("a"),
                delete_with("cm/a", json!({"preconditions": {"uid": "11111111-1111-1111-1111-111111111111"}})),
                delete_with("cm/a", json!({"preconditions": {"resourceVersion": "1"}})),
                delete_with("cm/a?dryRun=All", json!({})),
                delete_with("cm/a", json!({"propagationPolicy": "Sideways"})),
                delete_with("cm/a", json!({"preconditions": {"uid": "$uid.a", "resourceVersion": "$rv.a"}})),
                post("deploy", deployment("d", "nginx:1")).save("d"),
                delete_with("deploy/d", json!({"preconditions": {"uid": "11111111-1111-1111-1111-111111111111"}})),
                delete_with("deploy/d", json!({"propagationPolicy": "Foreground"})),
                delete_with("deploy/d", json!({"propagationPolicy": "Background"})),
                get("deploy/d"),
                post("cm", cm("o", json!({}))),
                delete_with("cm/o", json!({"propagationPolicy": "Orphan"})),
                get("cm/o"),
            ],
        ),
        sequence(
            "deletes-by-kind",
            vec![
                post("deploy", deployment("d", "nginx:1")),
                delete("deploy/d"),
                post("svc", object("v1", "Service", "s", json!({"spec": {"ports": [{"port": 80}]}}))),
                delete("svc/s"),
                post("pod", object("v1", "Pod", "p", json!({"spec": {"containers": [{"name": "c", "image": "i:1"}]}}))),
                delete("pod/p"),
                get("pod/p"),
                post(
                    "pod",
                    object(
                        "v1",
                        "Pod",
                        "q",
                        json!({"spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i:1"}]}}),
                    ),
                ),
                delete("pod/q"),
                delete("pod/q"),
                delete_with("pod/q", json!({"gracePeriodSeconds": 0})),
                get("pod/q"),
                post("sa", object("v1", "ServiceAccount", "a", json!({}))),
                delete("sa/a"),
                post("secret", object("v1", "Secret", "s", json!({}))),
                delete("secret/s"),
                post(
                    "pvc",
                    object(
                        "v1",
                        "PersistentVolumeClaim",
                        "x",
                        json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
                    ),
                ),
                delete("pvc/x"),
                get("pvc/x"),
            ],
        ),
    ]
}

fn namespaces() -> Vec<Sequence> {
    vec![sequence(
        "namespaces",
        vec![
            get("ns/$ns").save("n"),
            post("ns", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "$ns"}})),
            post("ns", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "Bad.Name"}})),
            merge("ns/$ns", json!({"metadata": {"labels": {"a": "b"}}})),
            apply(
                "ns/$ns",
                "agent",
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "$ns", "labels": {"c": "d"}}}),
            ),
            merge("ns/$ns", json!({"metadata": {"labels": null}})),
            post("cm", cm("a", json!({}))),
            delete("ns/kube-system"),
            delete("ns/$ns"),
            get("ns/$ns"),
            delete("ns/$ns"),
            post("cm", cm("late", json!({}))),
            apply("cm/late", "agent", cm("late", json!({}))),
            merge("cm/a", json!({"data": {"x": "1"}})),
            get("cm/a"),
            delete("cm/a"),
            put(
                "ns/$ns/finalize",
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "$ns"}, "spec": {"finalizers": []}}),
            ),
            get("ns/$ns"),
        ],
    )]
}

fn widgets() -> Value {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "required": ["size"], "properties": {
            "size": {"type": "integer"},
            "mode": {"type": "string", "default": "auto"},
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "plain": {"type": "array", "items": {"type": "string"}},
            "atomic": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "parts": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                "items": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "n": {"type": "integer"}}},
            },
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "port": {"x-kubernetes-int-or-string": true},
        }},
        "status": {"type": "object", "properties": {"ok": {"type": "boolean"}, "replicas": {"type": "integer"}}},
    }});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.replicas"}},
            }],
        },
    })
}

fn custom() -> Vec<Sequence> {
    let w = |name: &str, spec: Value| object("example.com/v1", "Widget", name, json!({"spec": spec}));
    vec![sequence(
        "crds",
        vec![
            post("crd?dryRun=All", widgets()),
            post("crd", with(widgets(), "/metadata", "name", json!("wrong.example.com"))),
            apply("crd/widgets.example.com", "agent", widgets()),
            get("crd/widgets.example.com").accept("wait-established"),
            post("widget", w("a", json!({"size": 1, "odd": 2, "free": {"any": {"deep": [1]}}}))).save("a"),
            post("widget?fieldValidation=Strict", w("b", json!({"size": 1, "odd": 2}))),
            post("widget", w("b", json!({"size": "big"}))),
            post("widget", w("b", json!({}))),
            post("widget", w("b", json!({"size": 1, "tags": ["x", "x"]}))),
            post("widget", object("example.com/v1", "Widget", "b", json!({"spec": null}))),
            get("widget/a"),
            merge("widget/a", json!({"spec": {"size": 2}})),
            merge("widget/a", json!({"metadata": {"labels": {"x": "1"}}})),
            merge(
                "widget/a/status",
                json!({"status": {"ok": true}, "spec": {"size": 9}, "metadata": {"labels": {"x": "2"}}}),
            ),
            merge("widget/a", json!({"status": {"ok": false}})),
            merge("widget/a/scale", json!({"spec": {"replicas": 3}})),
            get("widget/a/scale"),
            strategic("widget/a", json!({"spec": {"size": 2}})),
            put("widget/a", w("a", json!({"size": 5}))),
            put(
                "widget/a",
                with(w("a", json!({"size": 5, "port": "http"})), "/metadata", "resourceVersion", json!("$rv.a")),
            ),
            apply(
                "widget/c",
                "one",
                w(
                    "c",
                    json!({"size": 1, "parts": [{"id": "a", "n": 1}], "tags": ["x"], "plain": ["p"], "atomic": {"a": "1"}, "labels": {"a": "1"}, "free": {"m": {"n": 1}, "l": [1]}}),
                ),
            ),
            apply(
                "widget/c",
                "two",
                w(
                    "c",
                    json!({"size": 1, "parts": [{"id": "b"}], "tags": ["y"], "labels": {"b": "1"}, "free": {"m": {"o": 1}}}),
                ),
            ),
            apply(
                "widget/c",
                "two",
                w("c", json!({"size": 1, "plain": ["q"], "atomic": {"b": "1"}, "free": {"l": [2]}})),
            ),
            apply("widget/c", "one", w("c", json!({"size": 1}))),
            apply("widget/c", "two", w("c", json!({"size": 1, "odd": 1}))),
            apply("widget/c/status", "ctl", object("example.com/v1", "Widget", "c", json!({"status": {"ok": true}}))),
            apply("widget/c", "two", w("c", json!({"size": "x"}))),
            get("widget"),
            get("widget").accept("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
            delete("widget/a"),
            get("/apis/example.com/v1"),
            delete("crd/widgets.example.com"),
            get("/apis/example.com/v1/namespaces/$ns/widgets/c").accept("wait-gone"),
        ],
    )]
}

fn watches() -> Vec<Sequence> {
    let labelled = |name: &str, v: &str| with(cm(name, json!({})), "/metadata", "labels", json!({"l": v}));
    vec![sequence(
        "watches",
        vec![
            post("cm", labelled("a", "1")).save("a"),
            post("cm", labelled("b", "2")),
            merge("cm/a", json!({"metadata": {"labels": {"l": "2"}}})),
            merge("cm/b", json!({"metadata": {"labels": {"l": "1"}}})),
            delete("cm/a"),
            watch("cm?resourceVersion=$rv.a"),
            watch("cm?resourceVersion=$rv.a&labelSelector=l%3D1"),
            watch("cm?resourceVersion=$rv.a&fieldSelector=metadata.name%3Db"),
            watch("cm?resourceVersion=$rv.a").accept("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"),
            watch("cm?sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"),
            watch("cm?sendInitialEvents=true&allowWatchBookmarks=true"),
            watch("cm"),
            watch("cm?resourceVersion=x"),
        ],
    )]
}

fn discovery() -> Vec<Sequence> {
    vec![sequence(
        "discovery",
        vec![
            get("/api"),
            get("/api/v1"),
            get("/apis/apps/v1"),
            get("/apis/batch/v1"),
            get("/apis/rbac.authorization.k8s.io/v1"),
            get("/apis/apps"),
            get("/apis"),
            get("/apis").accept("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
            get("/api").accept("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
            get("/healthz"),
            get("/apis/none.example.com/v1"),
            get("/none"),
        ],
    )]
}
