//! The server through plain HTTP requests: each row is a request, the status and what must be in the answer.

use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use skiff_sim::{ApiServer, ObjectKey, Options};
use tower::ServiceExt as _;

/// A server and what is needed to ask it.
struct Cluster {
    server: ApiServer,
}

impl Cluster {
    fn new() -> Self {
        let clock = || "2026-01-01T00:00:00Z".parse().expect("a time");
        Self { server: ApiServer::new(Options { clock: std::sync::Arc::new(clock), ..Options::default() }) }
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: &Value) -> (u16, Value) {
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).expect("JSON") };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", kind)
            .header("user-agent", "tester/1")
            .body(Full::new(bytes::Bytes::from(bytes)))
            .expect("a request");
        let response = self.server.clone().oneshot(request).await.expect("an answer");
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, "", &Value::Null).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::POST, path, "application/json", body).await
    }

    async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::PUT, path, "application/json", body).await
    }

    async fn merge(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::PATCH, path, "application/merge-patch+json", body).await
    }

    async fn delete(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(Method::DELETE, path, "application/json", body).await
    }

    async fn apply(&self, path: &str, manager: &str, force: bool, body: &Value) -> (u16, Value) {
        let path = format!("{path}?fieldManager={manager}&force={force}");
        self.send(Method::PATCH, &path, "application/apply-patch+yaml", body).await
    }
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

fn deployment(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": image, "ports": [{"containerPort": 80}]}]},
            },
        },
    })
}

/// What a manager owns, as `FieldsV1`.
fn owned<'a>(object: &'a Value, manager: &str) -> &'a Value {
    let entries = object["metadata"]["managedFields"].as_array().expect("managedFields");
    entries.iter().find(|e| e["manager"] == manager).map_or(&Value::Null, |e| &e["fieldsV1"])
}

#[tokio::test]
async fn an_object_is_created_read_changed_and_deleted() {
    let c = Cluster::new();
    let (code, made) = c.post(MAPS, &map("a", &json!({"k": "v"}))).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(made["metadata"]["namespace"], "default");
    assert_eq!(made["metadata"]["creationTimestamp"], "2026-01-01T00:00:00Z");
    let (code, read) = c.get(&format!("{MAPS}/a")).await;
    assert_eq!((code, &read), (200, &made));
    let mut changed = made.clone();
    changed["data"]["k"] = "w".into();
    let (code, new) = c.put(&format!("{MAPS}/a"), &changed).await;
    assert_eq!((code, &new["data"]["k"]), (200, &json!("w")));
    let (code, stale) = c.put(&format!("{MAPS}/a"), &changed).await;
    assert_eq!((code, &stale["reason"]), (409, &json!("Conflict")), "{stale}");
    let (code, gone) = c.delete(&format!("{MAPS}/a"), &Value::Null).await;
    assert_eq!((code, &gone["status"]), (200, &json!("Success")), "{gone}");
    let (code, missing) = c.get(&format!("{MAPS}/a")).await;
    assert_eq!((code, &missing["message"]), (404, &json!("configmaps \"a\" not found")));
}

#[tokio::test]
async fn refusals_have_the_words_of_the_real_server() {
    let c = Cluster::new();
    c.post(MAPS, &map("a", &json!({}))).await;
    let mut strict = map("s", &json!({}));
    strict["dta"] = json!({});
    let mut elsewhere = map("e", &json!({}));
    elsewhere["metadata"]["namespace"] = "other".into();
    let no_selector = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {}});
    let rows = [
        (MAPS.to_owned(), map("a", &json!({})), 409, "configmaps \"a\" already exists"),
        (
            MAPS.to_owned(),
            map("A", &json!({})),
            422,
            "ConfigMap \"A\" is invalid: metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of",
        ),
        (format!("{MAPS}?fieldValidation=Strict"), strict, 400, "strict decoding error: unknown field \"dta\""),
        (
            MAPS.to_owned(),
            elsewhere,
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        ("/api/v1/namespaces/none/configmaps".to_owned(), map("a", &json!({})), 404, "namespaces \"none\" not found"),
        ("/apis/apps/v1/namespaces/default/deployments".to_owned(), no_selector, 422, "spec.selector: Required value"),
    ];
    for (path, body, code, message) in rows {
        let (got, answer) = c.post(&path, &body).await;
        assert_eq!(got, code, "{path} {answer}");
        assert!(answer["message"].as_str().unwrap_or("").contains(message), "{answer}");
    }
    let (code, _) = c.get("/api/v1/namespaces/default/nothings").await;
    assert_eq!(code, 404);
}

#[tokio::test]
async fn built_in_defaults_are_filled_in() {
    let c = Cluster::new();
    let (code, d) = c.post("/apis/apps/v1/namespaces/default/deployments", &deployment("d", "nginx:1")).await;
    assert_eq!(code, 201, "{d}");
    assert_eq!(d["spec"]["replicas"], 1);
    assert_eq!(d["spec"]["strategy"]["rollingUpdate"]["maxSurge"], "25%");
    assert_eq!(d["metadata"]["generation"], 1);
    let container = &d["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["imagePullPolicy"], "IfNotPresent");
    assert_eq!(container["resources"], json!({}));
    assert_eq!(container["ports"][0]["protocol"], "TCP");
    let service =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    let (_, s) = c.post("/api/v1/namespaces/default/services", &service).await;
    assert_eq!(s["spec"]["type"], "ClusterIP");
    assert_eq!(s["spec"]["ports"][0]["targetPort"], 80);
    assert!(s["spec"]["clusterIP"].as_str().is_some_and(|ip| ip.starts_with("10.96.")), "{s}");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"a": "b"}});
    let (_, s) = c.post("/api/v1/namespaces/default/secrets", &secret).await;
    assert_eq!((&s["type"], &s["data"]["a"], s.get("stringData")), (&json!("Opaque"), &json!("Yg=="), None));
}

#[tokio::test]
async fn apply_creates_owns_and_takes_out_what_is_no_longer_listed() {
    let c = Cluster::new();
    let path = format!("{MAPS}/a");
    let (code, made) = c.apply(&path, "one", false, &map("a", &json!({"x": "1", "y": "2"}))).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(owned(&made, "one"), &json!({"f:data": {"f:x": {}, "f:y": {}}}));
    let (code, same) = c.apply(&path, "one", false, &map("a", &json!({"x": "1", "y": "2"}))).await;
    assert_eq!((code, &same), (200, &made), "nothing changed");
    let (_, two) = c.apply(&path, "two", false, &map("a", &json!({"x": "1"}))).await;
    assert_eq!(owned(&two, "two"), &json!({"f:data": {"f:x": {}}}));
    let (_, less) = c.apply(&path, "one", false, &map("a", &json!({}))).await;
    assert_eq!(less["data"], json!({"x": "1"}), "y went, x is shared");
}

#[tokio::test]
async fn apply_refuses_what_another_owns_until_it_is_forced() {
    let c = Cluster::new();
    let path = format!("{MAPS}/a");
    c.apply(&path, "one", false, &map("a", &json!({"x": "1"}))).await;
    let (code, refused) = c.apply(&path, "two", false, &map("a", &json!({"x": "2"}))).await;
    assert_eq!(code, 409);
    assert_eq!(refused["message"], "Apply failed with 1 conflict: conflict with \"one\": .data.x");
    assert_eq!(refused["details"]["causes"][0]["field"], ".data.x");
    let (code, forced) = c.apply(&path, "two", true, &map("a", &json!({"x": "2"}))).await;
    assert_eq!((code, &forced["data"]["x"]), (200, &json!("2")));
    assert_eq!(owned(&forced, "one"), &Value::Null);
    c.merge(&format!("{path}?fieldManager=kubectl-edit"), &json!({"data": {"x": "3"}})).await;
    let (code, refused) = c.apply(&path, "two", false, &map("a", &json!({"x": "2"}))).await;
    assert_eq!(code, 409);
    assert_eq!(refused["message"], "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using v1: .data.x");
}

#[tokio::test]
async fn lists_are_merged_by_their_keys() {
    let c = Cluster::new();
    let path = "/apis/apps/v1/namespaces/default/deployments/d";
    let (code, made) = c.apply(path, "one", false, &deployment("d", "nginx:1")).await;
    assert_eq!(code, 201, "{made}");
    let ports = &owned(&made, "one")["f:spec"]["f:template"]["f:spec"]["f:containers"][r#"k:{"name":"c"}"#]["f:ports"];
    assert_eq!(ports, &json!({r#"k:{"containerPort":80,"protocol":"TCP"}"#: {".": {}, "f:containerPort": {}}}));
    let sidecar = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {"template": {"spec": {"containers": [{"name": "side", "image": "s:1"}]}}},
    });
    let (code, both) = c.apply(path, "two", false, &sidecar).await;
    assert_eq!(code, 200, "{both}");
    let names: Vec<&Value> =
        both["spec"]["template"]["spec"]["containers"].as_array().expect("list").iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["c", "side"]);
    let (_, one) = c
        .apply(path, "two", false, &json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}))
        .await;
    assert_eq!(one["spec"]["template"]["spec"]["containers"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["metadata"]["generation"], 3);
}

#[tokio::test]
async fn finalizers_hold_an_object_until_they_go() {
    let c = Cluster::new();
    let mut held = map("a", &json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/f"]);
    c.post(MAPS, &held).await;
    let (code, marked) = c.delete(&format!("{MAPS}/a"), &Value::Null).await;
    assert_eq!(code, 200);
    assert_eq!(marked["metadata"]["deletionTimestamp"], "2026-01-01T00:00:00Z");
    let (code, _) = c.merge(&format!("{MAPS}/a"), &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(code, 200);
    assert_eq!(c.get(&format!("{MAPS}/a")).await.0, 404);
    let (_, made) = c.post(MAPS, &map("b", &json!({}))).await;
    let wrong = json!({"preconditions": {"uid": "other"}});
    assert_eq!(c.delete(&format!("{MAPS}/b"), &wrong).await.0, 409);
    let right = json!({"preconditions": {"uid": made["metadata"]["uid"]}});
    assert_eq!(c.delete(&format!("{MAPS}/b"), &right).await.0, 200);
}

#[tokio::test]
async fn a_namespace_takes_its_content_along_and_waits_for_finalizers() {
    let c = Cluster::new();
    let ns = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    let (code, made) = c.post("/api/v1/namespaces", &ns).await;
    assert_eq!((code, &made["metadata"]["labels"]["kubernetes.io/metadata.name"]), (201, &json!("n")));
    let maps = "/api/v1/namespaces/n/configmaps";
    let mut held = map("held", &json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/f"]);
    c.post(maps, &held).await;
    c.post(maps, &map("free", &json!({}))).await;
    let (code, going) = c.delete("/api/v1/namespaces/n", &Value::Null).await;
    assert_eq!((code, &going["status"]["phase"]), (200, &json!("Terminating")));
    assert_eq!(c.get(&format!("{maps}/free")).await.0, 404);
    let (code, refused) = c.post(maps, &map("late", &json!({}))).await;
    assert_eq!((code, &refused["details"]["causes"][0]["reason"]), (403, &json!("NamespaceTerminating")), "{refused}");
    c.merge(&format!("{maps}/held"), &json!({"metadata": {"finalizers": []}})).await;
    assert_eq!(c.get("/api/v1/namespaces/n").await.0, 404);
}

fn widgets() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "required": ["size"], "properties": {
                        "size": {"type": "integer"},
                        "parts": {
                            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                            "items": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "n": {"type": "integer"}}},
                        },
                        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    }},
                    "status": {"type": "object", "properties": {"ok": {"type": "boolean"}}},
                }}},
            }],
        },
    })
}

#[tokio::test]
async fn custom_resources_are_served_pruned_and_validated() {
    let c = Cluster::new();
    let (code, crd) = c.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &widgets()).await;
    assert_eq!((code, &crd["status"]["conditions"]), (201, &Value::Null));
    let (_, crd) = c.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com").await;
    assert_eq!(crd["status"]["conditions"][1]["type"], "Established");
    let path = "/apis/example.com/v1/namespaces/default/widgets";
    let widget = |spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec});
    let (code, made) = c.post(path, &widget(json!({"size": 1, "odd": 2, "free": {"any": 1}}))).await;
    assert_eq!((code, &made["spec"]), (201, &json!({"size": 1, "free": {"any": 1}})), "{made}");
    let (code, bad) = c.merge(&format!("{path}/w"), &json!({"spec": {"size": "big"}})).await;
    assert_eq!((code, &bad["reason"]), (422, &json!("Invalid")), "{bad}");
    let (code, _) =
        c.apply(&format!("{path}/w"), "one", false, &widget(json!({"size": 1, "parts": [{"id": "a"}]}))).await;
    assert_eq!(code, 200);
    let (_, both) =
        c.apply(&format!("{path}/w"), "two", false, &widget(json!({"size": 1, "parts": [{"id": "b"}]}))).await;
    assert_eq!(both["spec"]["parts"], json!([{"id": "a"}, {"id": "b"}]));
    let (_, status) = c.merge(&format!("{path}/w/status"), &json!({"status": {"ok": true}, "spec": {"size": 9}})).await;
    assert_eq!((&status["status"]["ok"], &status["spec"]["size"]), (&json!(true), &json!(1)));
    let (code, _) =
        c.delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com", &Value::Null).await;
    assert_eq!(code, 200);
    assert_eq!(c.get(&format!("{path}/w")).await.0, 404);
}

#[tokio::test]
async fn lists_are_paged_and_selected() {
    let c = Cluster::new();
    for i in 0..5 {
        let mut m = map(&format!("m{i}"), &json!({}));
        m["metadata"]["labels"] = json!({"odd": (i % 2 == 1).to_string()});
        c.post(MAPS, &m).await;
    }
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().expect("items").iter();
        items.map(|i| i["metadata"]["name"].as_str().expect("name").to_owned()).collect()
    };
    let (_, odd) = c.get(&format!("{MAPS}?labelSelector=odd%3Dtrue")).await;
    assert_eq!(names(&odd), ["m1", "m3"]);
    let (_, one) = c.get(&format!("{MAPS}?fieldSelector=metadata.name%3Dm2")).await;
    assert_eq!(names(&one), ["m2"]);
    let (_, first) = c.get(&format!("{MAPS}?limit=3")).await;
    assert_eq!((names(&first).len(), &first["metadata"]["remainingItemCount"]), (3, &json!(2)));
    let token = first["metadata"]["continue"].as_str().expect("a token").replace('=', "%3D").replace('+', "%2B");
    let (_, rest) = c.get(&format!("{MAPS}?limit=3&continue={token}")).await;
    assert_eq!(names(&rest), ["m3", "m4"]);
    assert!(first["items"][0].get("kind").is_none(), "typed lists leave the kind out");
}

#[tokio::test]
async fn immutable_fields_are_refused_by_name() {
    let c = Cluster::new();
    c.post("/apis/apps/v1/namespaces/default/deployments", &deployment("d", "nginx:1")).await;
    let selector = json!({"spec": {"selector": {"matchLabels": {"app": "other"}}, "template": {"metadata": {"labels": {"app": "other"}}}}});
    let (code, refused) = c.merge("/apis/apps/v1/namespaces/default/deployments/d", &selector).await;
    assert_eq!(code, 422);
    assert_eq!(refused["details"]["causes"][0]["field"], "spec.selector", "{refused}");
    let mut frozen = map("f", &json!({"a": "1"}));
    frozen["immutable"] = true.into();
    c.post(MAPS, &frozen).await;
    let (code, refused) = c.merge(&format!("{MAPS}/f"), &json!({"data": {"a": "2"}})).await;
    assert_eq!((code, &refused["details"]["causes"][0]["field"]), (422, &json!("data")));
}

#[tokio::test]
async fn what_is_not_modelled_says_so() {
    let c = Cluster::new();
    let (code, answer) = c.get("/api/v1/namespaces/default/pods/p/log").await;
    assert_eq!((code, &answer["reason"]), (501, &json!("NotModelled")), "{answer}");
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {}});
    let (code, _) = c.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review).await;
    assert_eq!(code, 501);
}

#[tokio::test]
async fn a_direct_edit_is_owned_by_its_manager() {
    let c = Cluster::new();
    c.apply(&format!("{MAPS}/a"), "skiff-agent", false, &map("a", &json!({"x": "1"}))).await;
    let key = ObjectKey::new("", "configmaps", "default", "a");
    let edited = c.server.edit_as("kubectl-edit", &key, |v| v["data"]["y"] = "2".into()).expect("edits");
    assert_eq!(owned(&edited, "kubectl-edit"), &json!({"f:data": {"f:y": {}}}));
    assert_eq!(c.server.object(&key).as_ref(), Some(&edited));
}
