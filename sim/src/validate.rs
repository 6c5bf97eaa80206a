//! Validation that GitOps scenarios meet: names, required fields, immutable fields (`pkg/apis/*/validation`).

use crate::resources::Resource;
use crate::schema::normalize::{TypeError, type_errors};
use crate::status::FieldError;
use serde_json::{Value, json};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const LABEL_KEY: &str = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";

/// The text of "this field may not change".
const IMMUTABLE: &str = "field is immutable";

fn is_label(s: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !s.is_empty() && s.chars().all(inner) && !s.starts_with('-') && !s.ends_with('-')
}

fn is_qualified_part(s: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    s.chars().all(inner) && edge(s.chars().next()) && edge(s.chars().last())
}

/// What is wrong with an object's name, in the words of `apimachinery/pkg/util/validation`.
fn name_error(resource: &Resource, name: &str) -> Option<String> {
    let path_rule = || match name {
        "." | ".." => Some(format!("may not be '{name}'")),
        n if n.contains('/') => Some("may not contain '/'".into()),
        n if n.contains('%') => Some("may not contain '%'".into()),
        _ => None,
    };
    match (resource.key.group.as_str(), resource.kind.as_str()) {
        ("rbac.authorization.k8s.io", _) => path_rule(),
        ("", "Namespace" | "Service") | ("apps", "StatefulSet") => match name {
            n if n.len() > 63 => Some("must be no more than 63 bytes".into()),
            n if !is_label(n) => Some(LABEL.into()),
            _ => None,
        },
        _ if name.len() > 253 => Some("must be no more than 253 bytes".into()),
        _ if !name.split('.').all(is_label) => Some(SUBDOMAIN.into()),
        _ => None,
    }
}

fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or("")
}

fn list<'a>(object: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

/// The rules on metadata.
fn metadata(resource: &Resource, object: &Value) -> Vec<FieldError> {
    let mut out = Vec::new();
    let name = text(object, "/metadata/name");
    if name.is_empty() {
        out.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else if let Some(why) = name_error(resource, name) {
        out.push(FieldError::invalid("metadata.name", &json!(name), &why));
    }
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    for (k, v) in labels.into_iter().flatten() {
        if let Some(why) = qualified_error(k) {
            out.push(FieldError::invalid("metadata.labels", &json!(k), &why));
        }
        let v = v.as_str().unwrap_or("");
        if v.len() > 63 {
            out.push(FieldError::invalid("metadata.labels", &json!(v), "must be no more than 63 bytes"));
        } else if !v.is_empty() && !is_qualified_part(v) {
            out.push(FieldError::invalid("metadata.labels", &json!(v), LABEL_VALUE));
        }
    }
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let mut size = 0;
    for (k, v) in annotations.into_iter().flatten() {
        if let Some(why) = qualified_error(&k.to_lowercase()) {
            out.push(FieldError::invalid("metadata.annotations", &json!(k), &why));
        }
        size += k.len() + v.as_str().map_or(0, str::len);
    }
    if size > 256 * 1024 {
        out.push(FieldError::too_long("metadata.annotations", 262_144));
    }
    out
}

fn qualified_error(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((_, n)) if n.contains('/') => return Some(LABEL_KEY.into()),
        Some((p, n)) => (Some(p), n),
        None => (None, key),
    };
    match (prefix, name) {
        (Some(""), _) => Some("prefix part must be non-empty".into()),
        (Some(p), _) if !p.split('.').all(is_label) => Some(format!("prefix part {SUBDOMAIN}")),
        (_, "") => Some("name part must be non-empty".into()),
        (_, n) if n.len() > 63 => Some("name part must be no more than 63 bytes".into()),
        (_, n) if !is_qualified_part(n) => Some(QUALIFIED.into()),
        _ => None,
    }
}

/// The rules on a new object.
pub(crate) fn on_create(resource: &Resource, object: &Value) -> Vec<FieldError> {
    let mut out = metadata(resource, object);
    out.extend(content(resource, object));
    out
}

/// The rules on a changed object.
pub(crate) fn on_update(resource: &Resource, object: &Value, old: &Value, subresource: &str) -> Vec<FieldError> {
    let mut out = metadata(resource, object);
    for field in ["uid", "creationTimestamp", "name"] {
        let (new, was) = (text(object, &format!("/metadata/{field}")), text(old, &format!("/metadata/{field}")));
        if new != was {
            out.push(FieldError::invalid(format!("metadata.{field}"), &json!(new), IMMUTABLE));
        }
    }
    if old.pointer("/metadata/deletionTimestamp").is_some() {
        let before: Vec<&Value> = list(old, "/metadata/finalizers").collect();
        let added: Vec<String> =
            list(object, "/metadata/finalizers").filter(|f| !before.contains(f)).map(Value::to_string).collect();
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            out.push(FieldError::forbidden("metadata.finalizers", &detail));
        }
    }
    // Once by the generic registry, once by the kind's own validation.
    out.extend(out.clone());
    if subresource.is_empty() {
        out.extend(content(resource, object));
        out.extend(immutable(resource, object, old));
    } else if resource.custom {
        out.extend(custom(resource, object));
    }
    out
}

fn content(resource: &Resource, object: &Value) -> Vec<FieldError> {
    if resource.custom {
        return custom(resource, object);
    }
    let mut out = Vec::new();
    match (resource.key.group.as_str(), resource.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet") => workload(object, &mut out),
        ("batch", "Job") => template(object, "/spec/template", "spec.template", &["OnFailure", "Never"], &mut out),
        ("", "Pod") => pod_spec(object, "/spec", "spec", &mut out),
        ("", "ConfigMap" | "Secret") => data_keys(object, &mut out),
        ("", "Service") => service(object, &mut out),
        ("", "PersistentVolumeClaim") => {
            if list(object, "/spec/accessModes").next().is_none() {
                out.push(FieldError::required("spec.accessModes", "at least 1 access mode is required"));
            }
            if object.pointer("/spec/resources/requests/storage").is_none() {
                out.push(FieldError::required("spec.resources[storage]", ""));
            }
        }
        ("apiextensions.k8s.io", _) => crd(object, &mut out),
        _ => {}
    }
    out
}

/// Only what the structural schema says of types, required fields and duplicate keys.
fn custom(resource: &Resource, object: &Value) -> Vec<FieldError> {
    let mut found = Vec::new();
    type_errors(&resource.ty, object, "", &mut found);
    let mut out: Vec<FieldError> = found
        .into_iter()
        .map(|(path, e)| match e {
            TypeError::Required => FieldError::required(path, ""),
            TypeError::Duplicate(v) => FieldError::duplicate(path, &v),
            TypeError::Wrong { want, got } => {
                let detail = format!("{path} in body must be of type {want}: {got:?}");
                FieldError::type_invalid(path, &json!(got), &detail)
            }
        })
        .collect();
    // The validator reports what is missing last.
    out.sort_by_key(FieldError::is_required);
    out
}

fn workload(object: &Value, out: &mut Vec<FieldError>) {
    let selector = object.pointer("/spec/selector").filter(|s| !s.is_null());
    let labels = object.pointer("/spec/template/metadata/labels");
    match selector {
        None => {
            out.push(FieldError::required("spec.selector", ""));
            let detail = "`selector` does not match template `labels`";
            let shown = labels.unwrap_or(&Value::Null);
            out.push(FieldError::invalid("spec.template.metadata.labels", shown, detail));
        }
        Some(s) => {
            let empty = s.as_object().is_none_or(serde_json::Map::is_empty);
            if empty {
                out.push(FieldError::invalid("spec.selector", &json!({}), "empty selector is invalid for deployment"));
            }
            let wanted = s.get("matchLabels").and_then(Value::as_object).into_iter().flatten();
            if wanted.into_iter().any(|(k, v)| labels.and_then(|l| l.get(k)) != Some(v)) {
                let shown = labels.cloned().unwrap_or(Value::Null);
                let shown = if shown.is_null() { json!({}) } else { shown };
                let detail = "`selector` does not match template `labels`";
                out.push(FieldError::invalid("spec.template.metadata.labels", &shown, detail));
            }
        }
    }
    template(object, "/spec/template", "spec.template", &["Always"], out);
    let rolling = object.pointer("/spec/strategy/rollingUpdate").is_some_and(|r| !r.is_null());
    if rolling && text(object, "/spec/strategy/type") == "Recreate" {
        let detail = "may not be specified when strategy `type` is 'Recreate'";
        out.push(FieldError::forbidden("spec.strategy.rollingUpdate", detail));
    }
    if let Some(n) = object.pointer("/spec/replicas").and_then(Value::as_i64).filter(|n| *n < 0) {
        out.push(FieldError::invalid("spec.replicas", &json!(n), "must be greater than or equal to 0"));
    }
}

fn template(object: &Value, pointer: &str, path: &str, restart: &[&str], out: &mut Vec<FieldError>) {
    pod_spec(object, &format!("{pointer}/spec"), &format!("{path}.spec"), out);
    let policy = object.pointer(&format!("{pointer}/spec/restartPolicy")).cloned().unwrap_or(Value::Null);
    if !restart.iter().any(|r| policy == *r) {
        out.push(FieldError::not_supported(format!("{path}.spec.restartPolicy"), &policy, restart));
    }
}

fn pod_spec(object: &Value, pointer: &str, path: &str, out: &mut Vec<FieldError>) {
    let mut names: Vec<&str> = Vec::new();
    let mut any = false;
    for (key, field) in [("containers", "containers"), ("initContainers", "initContainers")] {
        for (i, c) in list(object, &format!("{pointer}/{key}")).enumerate() {
            any |= key == "containers";
            let at = format!("{path}.{field}[{i}]");
            let name = text(c, "/name");
            if name.is_empty() {
                out.push(FieldError::required(format!("{at}.name"), ""));
            } else if !is_label(name) {
                out.push(FieldError::invalid(format!("{at}.name"), &json!(name), LABEL));
            } else if names.contains(&name) {
                out.push(FieldError::duplicate(format!("{at}.name"), &json!(name)));
            }
            names.push(name);
            if text(c, "/image").is_empty() {
                out.push(FieldError::required(format!("{at}.image"), ""));
            }
            duplicate_names(c, "ports", &at, out);
            let volumes: Vec<&str> = list(object, &format!("{pointer}/volumes")).map(|v| text(v, "/name")).collect();
            for (j, m) in list(c, "/volumeMounts").enumerate() {
                let volume = text(m, "/name");
                if !volumes.contains(&volume) {
                    out.push(not_found(format!("{at}.volumeMounts[{j}].name"), volume));
                }
            }
        }
    }
    if !any {
        out.push(FieldError::required(format!("{path}.containers"), ""));
    }
}

/// Names of ports are one each in a container.
fn duplicate_names(container: &Value, key: &str, at: &str, out: &mut Vec<FieldError>) {
    let mut seen: Vec<&str> = Vec::new();
    for (i, item) in list(container, &format!("/{key}")).enumerate() {
        let name = text(item, "/name");
        if !name.is_empty() && seen.contains(&name) {
            let field = format!("{at}.{key}[{i}].name").replace('/', ".");
            out.push(FieldError::duplicate(field.trim_start_matches('.'), &json!(name)));
        }
        seen.push(name);
    }
}

fn not_found(field: String, value: &str) -> FieldError {
    FieldError::not_found(field, &json!(value))
}

fn data_keys(object: &Value, out: &mut Vec<FieldError>) {
    for field in ["data", "binaryData"] {
        for key in object.get(field).and_then(Value::as_object).into_iter().flatten().map(|(k, _)| k) {
            let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if key.is_empty() || !key.chars().all(ok) {
                let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
                out.push(FieldError::invalid(format!("{field}[{key}]"), &json!(key), why));
            }
        }
    }
}

fn service(object: &Value, out: &mut Vec<FieldError>) {
    let kind = text(object, "/spec/type");
    let headless = text(object, "/spec/clusterIP") == "None";
    if list(object, "/spec/ports").next().is_none() && kind != "ExternalName" && !headless {
        out.push(FieldError::required("spec.ports", ""));
    }
    for (i, p) in list(object, "/spec/ports").enumerate() {
        let port = p.get("port").and_then(Value::as_i64).unwrap_or(0);
        if !(1..=65535).contains(&port) {
            out.push(FieldError::invalid(
                format!("spec.ports[{i}].port"),
                &json!(port),
                "must be between 1 and 65535, inclusive",
            ));
        }
        if list(object, "/spec/ports").count() > 1 && text(p, "/name").is_empty() {
            out.push(FieldError::required(format!("spec.ports[{i}].name"), ""));
        }
    }
    duplicate_names(object, "spec/ports", "", out);
    let same = |p: &Value| json!({"Name": "", "Protocol": p["protocol"], "AppProtocol": null, "Port": p["port"], "TargetPort": 0, "NodePort": 0});
    let mut seen = Vec::new();
    for (i, p) in list(object, "/spec/ports").enumerate() {
        if seen.contains(&same(p)) {
            out.push(FieldError::duplicate(format!("spec.ports[{i}]"), &same(p)));
        }
        seen.push(same(p));
    }
    const KINDS: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !KINDS.contains(&kind) {
        out.push(FieldError::not_supported("spec.type", &json!(kind), KINDS));
    }
}

fn crd(object: &Value, out: &mut Vec<FieldError>) {
    let want = format!("{}.{}", text(object, "/spec/names/plural"), text(object, "/spec/group"));
    let name = text(object, "/metadata/name");
    if name != want {
        out.push(FieldError::invalid("metadata.name", &json!(name), "must be spec.names.plural+\".\"+spec.group"));
    }
    let storage = list(object, "/spec/versions").filter(|v| v.get("storage") == Some(&Value::Bool(true))).count();
    if storage != 1 {
        let detail = "must have exactly one version marked as storage version";
        out.push(FieldError::invalid(
            "spec.versions",
            &object.pointer("/spec/versions").cloned().unwrap_or(Value::Null),
            detail,
        ));
    }
    for (i, v) in list(object, "/spec/versions").enumerate() {
        if v.pointer("/schema/openAPIV3Schema").is_none_or(Value::is_null) {
            out.push(FieldError::required(
                format!("spec.versions[{i}].schema.openAPIV3Schema"),
                "schemas are required",
            ));
        }
    }
}

fn fixed(object: &Value, old: &Value, pointer: &str, field: &str, out: &mut Vec<FieldError>) {
    let (new, was) = (object.pointer(pointer), old.pointer(pointer));
    if new.filter(|v| !v.is_null()) != was.filter(|v| !v.is_null()) {
        out.push(FieldError::invalid(field, new.unwrap_or(&Value::Null), IMMUTABLE));
    }
}

/// Fields that may not change once the object exists.
fn immutable(resource: &Resource, object: &Value, old: &Value) -> Vec<FieldError> {
    let mut out = Vec::new();
    match (resource.key.group.as_str(), resource.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") => {
            fixed(object, old, "/spec/selector", "spec.selector", &mut out);
        }
        ("apps", "StatefulSet") => stateful_set(object, old, &mut out),
        ("batch", "Job") => {
            fixed(object, old, "/spec/selector", "spec.selector", &mut out);
            fixed(object, old, "/spec/template", "spec.template", &mut out);
            fixed(object, old, "/spec/completionMode", "spec.completionMode", &mut out);
            if object.pointer("/spec/completionMode") != Some(&json!("Indexed")) {
                fixed(object, old, "/spec/completions", "spec.completions", &mut out);
            }
        }
        ("", "ConfigMap" | "Secret") => frozen_data(resource, object, old, &mut out),
        ("", "Service") => service_ip(object, old, &mut out),
        ("", "PersistentVolumeClaim") => claim(object, old, &mut out),
        ("", "Pod") => pod(object, old, &mut out),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            let (new, was) = (object.get("roleRef"), old.get("roleRef"));
            if new != was {
                let part = |k: &str| new.and_then(|r| r.get(k)).cloned().unwrap_or_else(|| json!(""));
                let shown = json!({"APIGroup": part("apiGroup"), "Kind": part("kind"), "Name": part("name")});
                out.push(FieldError::invalid("roleRef", &shown, "cannot change roleRef"));
            }
        }
        ("storage.k8s.io", "StorageClass") => {
            for field in ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] {
                if object.get(field) != old.get(field) {
                    out.push(FieldError::forbidden(field, &format!("updates to {field} are forbidden.")));
                }
            }
        }
        _ => {}
    }
    out
}

fn stateful_set(object: &Value, old: &Value, out: &mut Vec<FieldError>) {
    const MAY: &[&str] = &[
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
        "revisionHistoryLimit",
    ];
    let strip = |v: &Value| {
        let mut spec = v.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
        spec.retain(|k, _| !MAY.contains(&k.as_str()));
        spec
    };
    if strip(object) != strip(old) {
        let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        out.push(FieldError::forbidden("spec", detail));
    }
}

fn frozen_data(resource: &Resource, object: &Value, old: &Value, out: &mut Vec<FieldError>) {
    if resource.kind == "Secret" {
        fixed(object, old, "/type", "type", out);
    }
    if old.get("immutable") != Some(&Value::Bool(true)) {
        return;
    }
    if object.get("immutable") != Some(&Value::Bool(true)) {
        out.push(FieldError::forbidden("immutable", "field is immutable when `immutable` is set"));
    }
    for field in ["data", "binaryData"] {
        if object.get(field) != old.get(field) {
            out.push(FieldError::forbidden(field, "field is immutable when `immutable` is set"));
        }
    }
}

fn service_ip(object: &Value, old: &Value, out: &mut Vec<FieldError>) {
    if text(old, "/spec/type") == "ExternalName" || text(object, "/spec/type") == "ExternalName" {
        return;
    }
    let (new, was) = (text(object, "/spec/clusterIP"), text(old, "/spec/clusterIP"));
    if new != was {
        let detail = "may not change once set";
        out.push(FieldError::invalid("spec.clusterIPs[0]", &json!([new]), detail));
    }
}

fn claim(object: &Value, old: &Value, out: &mut Vec<FieldError>) {
    let strip = |v: &Value| {
        let mut spec = v.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
        spec.shift_remove("resources");
        spec.shift_remove("volumeAttributesClassName");
        if v.pointer("/spec/volumeName").is_none_or(Value::is_null) || old.pointer("/spec/volumeName").is_none() {
            spec.shift_remove("volumeName");
        }
        spec
    };
    let unbound = text(old, "/status/phase") != "Bound";
    let resized = object.pointer("/spec/resources") != old.pointer("/spec/resources");
    if strip(object) != strip(old) || resized && unbound {
        let detail =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        out.push(FieldError::forbidden("spec", detail));
    }
}

fn pod(object: &Value, old: &Value, out: &mut Vec<FieldError>) {
    let strip = |v: &Value| {
        let mut spec = v.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
        for field in ["activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations"] {
            spec.shift_remove(field);
        }
        for list in ["containers", "initContainers"] {
            for c in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(c) = c.as_object_mut() {
                    c.shift_remove("image");
                }
            }
        }
        spec
    };
    if strip(object) != strip(old) {
        let detail = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        out.push(FieldError::forbidden("spec", detail));
    }
}
