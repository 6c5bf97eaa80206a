//! One request, and a client that sends it and puts the answer into a form that can be compared.

use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    method: Method,
    path: String,
    content_type: &'static str,
    accept: &'static str,
    body: Value,
    save: Option<&'static str>,
}

/// Requests that belong together.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

/// Short names of the paths; what is not here is a path.
fn expand(path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let end = path.find(['/', '?']).unwrap_or(path.len());
    let (head, rest) = path.split_at(end);
    let base = match head {
        "cm" => "/api/v1/namespaces/$ns/configmaps",
        "secret" => "/api/v1/namespaces/$ns/secrets",
        "svc" => "/api/v1/namespaces/$ns/services",
        "sa" => "/api/v1/namespaces/$ns/serviceaccounts",
        "pod" => "/api/v1/namespaces/$ns/pods",
        "pvc" => "/api/v1/namespaces/$ns/persistentvolumeclaims",
        "quota" => "/api/v1/namespaces/$ns/resourcequotas",
        "limits" => "/api/v1/namespaces/$ns/limitranges",
        "ns" => "/api/v1/namespaces",
        "pv" => "/api/v1/persistentvolumes",
        "deploy" => "/apis/apps/v1/namespaces/$ns/deployments",
        "sts" => "/apis/apps/v1/namespaces/$ns/statefulsets",
        "ds" => "/apis/apps/v1/namespaces/$ns/daemonsets",
        "rs" => "/apis/apps/v1/namespaces/$ns/replicasets",
        "job" => "/apis/batch/v1/namespaces/$ns/jobs",
        "cj" => "/apis/batch/v1/namespaces/$ns/cronjobs",
        "ing" => "/apis/networking.k8s.io/v1/namespaces/$ns/ingresses",
        "np" => "/apis/networking.k8s.io/v1/namespaces/$ns/networkpolicies",
        "pdb" => "/apis/policy/v1/namespaces/$ns/poddisruptionbudgets",
        "hpa" => "/apis/autoscaling/v2/namespaces/$ns/horizontalpodautoscalers",
        "role" => "/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/roles",
        "rb" => "/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/rolebindings",
        "cr" => "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "lease" => "/apis/coordination.k8s.io/v1/namespaces/$ns/leases",
        "sc" => "/apis/storage.k8s.io/v1/storageclasses",
        "pc" => "/apis/scheduling.k8s.io/v1/priorityclasses",
        "crd" => "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "widget" => "/apis/example.com/v1/namespaces/$ns/widgets",
        other => return format!("/{other}{rest}"),
    };
    format!("{base}{rest}")
}

fn step(method: Method, path: &str, content_type: &'static str, body: Value) -> Step {
    Step { method, path: expand(path), content_type, accept: "application/json", body, save: None }
}

const JSON: &str = "application/json";

pub(crate) fn get(path: &str) -> Step {
    step(Method::GET, path, "", Value::Null)
}

pub(crate) fn post(path: &str, body: Value) -> Step {
    step(Method::POST, path, JSON, body)
}

pub(crate) fn put(path: &str, body: Value) -> Step {
    step(Method::PUT, path, JSON, body)
}

pub(crate) fn merge(path: &str, body: Value) -> Step {
    step(Method::PATCH, path, "application/merge-patch+json", body)
}

pub(crate) fn json_patch(path: &str, body: Value) -> Step {
    step(Method::PATCH, path, "application/json-patch+json", body)
}

pub(crate) fn strategic(path: &str, body: Value) -> Step {
    step(Method::PATCH, path, "application/strategic-merge-patch+json", body)
}

fn with_query(path: &str, more: &str) -> String {
    format!("{path}{}{more}", if path.contains('?') { '&' } else { '?' })
}

pub(crate) fn apply(path: &str, manager: &str, body: Value) -> Step {
    let path = with_query(path, &format!("fieldManager={manager}"));
    step(Method::PATCH, &path, "application/apply-patch+yaml", body)
}

pub(crate) fn force(path: &str, manager: &str, body: Value) -> Step {
    let path = with_query(path, &format!("fieldManager={manager}&force=true"));
    step(Method::PATCH, &path, "application/apply-patch+yaml", body)
}

pub(crate) fn delete(path: &str) -> Step {
    step(Method::DELETE, path, "", Value::Null)
}

pub(crate) fn delete_with(path: &str, body: Value) -> Step {
    step(Method::DELETE, path, JSON, body)
}

/// A watch of a second, read to its end.
pub(crate) fn watch(path: &str) -> Step {
    get(&with_query(path, "watch=true&timeoutSeconds=1"))
}

impl Step {
    /// Keeps uid and resourceVersion of the answer: `$uid.NAME` and `$rv.NAME` stand for them in later steps.
    pub(crate) fn save(mut self, name: &'static str) -> Self {
        self.save = Some(name);
        self
    }

    /// Asks for another form.
    pub(crate) fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    pub(crate) fn body(&self) -> &Value {
        &self.body
    }

    /// For the report.
    pub(crate) fn describe(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// One side.
pub(crate) struct Runner {
    client: kube::Client,
    namespace: String,
    saved: BTreeMap<String, String>,
    ordinals: BTreeMap<String, String>,
    versions: usize,
    uids: usize,
}

impl Runner {
    pub(crate) fn new(client: kube::Client, name: &str) -> Self {
        let namespace = format!("t-{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        Self { client, namespace, saved: BTreeMap::new(), ordinals: BTreeMap::new(), versions: 0, uids: 0 }
    }

    fn fill(&self, text: &str) -> String {
        let mut out = text.replace("$ns", &self.namespace);
        for (name, value) in &self.saved {
            out = out.replace(name, value);
        }
        out
    }

    /// Sends a request; the answer is `{code, body}` or `{code, events}`.
    pub(crate) async fn run(&mut self, step: &Step) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let body = if step.body.is_null() { Vec::new() } else { self.fill(&step.body.to_string()).into_bytes() };
        let mut request =
            Request::builder().method(&step.method).uri(self.fill(&step.path)).header("accept", step.accept);
        if !step.content_type.is_empty() {
            request = request.header("content-type", step.content_type);
        }
        request = request.header("user-agent", "tester/1");
        let request = request.body(Body::from(body))?;
        let (code, bytes) = match step.accept {
            "wait-established" | "wait-gone" => self.wait(step).await?,
            _ => {
                let response = self.client.send(request).await?;
                (response.status().as_u16(), response.into_body().collect().await?.to_bytes())
            }
        };
        if step.path.contains("watch=true") && code == 200 {
            let lines = bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty());
            let mut events: Vec<Value> = lines.map(serde_json::from_slice).collect::<Result<_, _>>()?;
            for e in events.iter_mut().filter(|e| e["type"] == "BOOKMARK") {
                e["object"]["metadata"]["resourceVersion"] = "LIST".into();
            }
            events.retain(|e| e["type"] != "BOOKMARK" || e["object"]["metadata"]["annotations"].is_object());
            let mut answer = json!({"code": code, "events": events});
            self.normalize(&mut answer, "");
            return Ok(answer);
        }
        let mut body: Value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        if let Some(name) = step.save {
            for (short, field) in [("uid", "uid"), ("rv", "resourceVersion"), ("token", "continue")] {
                let value = body["metadata"][field].as_str().unwrap_or("none").to_owned();
                self.saved.insert(format!("${short}.{name}"), value);
            }
        }
        if body["items"].is_array() {
            body["metadata"]["resourceVersion"] = "LIST".into();
            if body["metadata"].get("continue").is_some() {
                body["metadata"]["continue"] = "TOKEN".into();
            }
        }
        let mut answer = json!({"code": code, "body": body});
        self.normalize(&mut answer, "");
        Ok(answer)
    }

    /// Asks until a CRD is established or the object is gone: the real server takes its time.
    async fn wait(&self, step: &Step) -> Result<(u16, bytes::Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let mut last = (0, bytes::Bytes::new());
        for _ in 0..100 {
            let request = Request::builder().uri(self.fill(&step.path)).header("accept", JSON).body(Body::empty())?;
            let response = self.client.send(request).await?;
            last = (response.status().as_u16(), response.into_body().collect().await?.to_bytes());
            let done = match step.accept {
                "wait-gone" => last.0 == 404,
                _ => String::from_utf8_lossy(&last.1).contains("\"Established\""),
            };
            if done {
                // Serving follows a little after the condition.
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Ok(last)
    }

    fn ordinal(&mut self, value: &str, uid: bool) -> String {
        if let Some(known) = self.ordinals.get(value) {
            return known.clone();
        }
        let count = if uid { &mut self.uids } else { &mut self.versions };
        *count += 1;
        let name = if uid { format!("UID{count}") } else { format!("RV{count}") };
        self.ordinals.insert(value.to_owned(), name.clone());
        name
    }

    fn normalize(&mut self, value: &mut Value, key: &str) {
        match value {
            Value::Object(map) => {
                let keys: Vec<String> = map.keys().cloned().collect();
                for k in keys {
                    if let Some(v) = map.get_mut(&k) {
                        self.normalize(v, &k);
                    }
                }
            }
            Value::Array(items) => {
                items.iter_mut().for_each(|i| self.normalize(i, key));
                let sorted: &[&str] = match key {
                    "managedFields" => &["operation", "manager", "subresource", "apiVersion"],
                    "causes" => &["field", "message"],
                    _ => return,
                };
                items.sort_by_key(|i| sorted.iter().map(|k| i[*k].to_string()).collect::<Vec<_>>());
            }
            Value::String(text) => {
                let new = match key {
                    "uid" => self.ordinal(text, true),
                    "resourceVersion" if text != "LIST" && !text.is_empty() => self.ordinal(text, false),
                    "creationTimestamp"
                    | "deletionTimestamp"
                    | "time"
                    | "lastTransitionTime"
                    | "lastPhaseTransitionTime" => "TIME".into(),
                    "clusterIP" | "clusterIPs" if text != "None" => "IP".into(),
                    "message" => self.message(text),
                    "serverAddress" => "ADDRESS".into(),
                    "batch.kubernetes.io/controller-uid" | "controller-uid" => self.ordinal(text, true),
                    _ => return,
                };
                *text = new;
            }
            Value::Number(_) if key == "nodePort" => *value = "PORT".into(),
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    /// Messages name uids and versions, and list conflicts in any order.
    fn message(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (value, name) in self.ordinals.iter().filter(|(v, _)| v.len() > 8) {
            out = out.replace(value, name);
        }
        let words: Vec<&str> = out.split(' ').collect();
        let digits = |w: &str| w.trim_matches(['(', ')', '.', ',']).parse::<u64>().is_ok();
        let words: Vec<String> = words
            .into_iter()
            .enumerate()
            .map(|(i, w)| if digits(w) && i > 2 && out.contains("ersion") { "N".to_owned() } else { w.to_owned() })
            .collect();
        words.join(" ")
    }
}

/// An object with metadata.
pub(crate) fn object(api_version: &str, kind: &str, name: &str, rest: Value) -> Value {
    let mut out = Map::new();
    out.insert("apiVersion".into(), api_version.into());
    out.insert("kind".into(), kind.into());
    out.insert("metadata".into(), json!({"name": name}));
    if let Value::Object(rest) = rest {
        for (k, v) in rest {
            match (k.as_str(), v) {
                ("metadata", Value::Object(more)) => {
                    if let Some(meta) = out.get_mut("metadata").and_then(Value::as_object_mut) {
                        meta.extend(more);
                    }
                }
                (_, v) => drop(out.insert(k, v)),
            }
        }
    }
    Value::Object(out)
}
