//! POST, and the creating half of PUT and apply.

use super::{decode, reset_fields};
use crate::apply::updater::{set_managers, without_managed_fields};
use crate::request::{Call, Target, WriteOptions};
use crate::resources::Resource;
use crate::respond::{Reply, object};
use crate::schema::normalize::stored_form;
use crate::state::State;
use crate::status::Failure;
use crate::validate;
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(crate) fn handle(state: &mut State, call: &Call, target: &Target) -> Result<Reply, Failure> {
    let options = WriteOptions::of(call, "CreateOptions", false)?;
    let mut new = decode::body(call)?;
    decode::check_kind(&target.resource, &mut new)?;
    let target = &namespace_of_body(target, &new);
    let warnings = decode::shape(&target.resource, &mut new, options.validation)?;
    decode::check_namespace(target, &mut new)?;
    generate_name(state, &mut new);
    let reset = reset_fields(target);
    let empty = decode::empty(&target.resource);
    let managers = decode::own(target, &empty, &without_managed_fields(&new), &options.manager, &state.now(), &reset);
    set_managers(&mut new, &managers);
    let stored = insert(state, target, new, &options)?;
    Ok(object(call, &target.resource, 201, &stored)?.warn(warnings))
}

/// A POST to `/api/v1/configmaps` takes the namespace of the body.
fn namespace_of_body(target: &Target, body: &Value) -> Target {
    let mut target = target.clone();
    if target.resource.namespaced && target.namespace.is_empty() {
        body.pointer("/metadata/namespace")
            .and_then(Value::as_str)
            .unwrap_or("default")
            .clone_into(&mut target.namespace);
    }
    target
}

fn generate_name(state: &mut State, object: &mut Value) {
    let text = |k: &str| object.pointer(k).and_then(Value::as_str).unwrap_or("").to_owned();
    let (name, prefix) = (text("/metadata/name"), text("/metadata/generateName"));
    if name.is_empty() && !prefix.is_empty() {
        let prefix: String = prefix.chars().take(58).collect();
        let name = format!("{prefix}{}", state.suffix());
        if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            meta.insert("name".into(), name.clone().into());
        }
        if object.get("kind") == Some(&json!("Namespace")) {
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
        }
    }
}

/// Holds that the namespace is there and not going (the admission plugin NamespaceLifecycle).
pub(crate) fn admit_namespace(state: &State, target: &Target, name: &str) -> Result<(), Failure> {
    if !target.resource.namespaced {
        return Ok(());
    }
    let ns = &target.namespace;
    let namespaces = crate::status::GroupName { group: "", name: "namespaces" };
    let Some(found) = state.namespace(ns) else { return Err(Failure::not_found(&namespaces, ns)) };
    if found.pointer("/metadata/deletionTimestamp").is_some() {
        let why = format!("unable to create new content in namespace {ns} because it is being terminated");
        let mut failure = Failure::forbidden(&target.resource.named(), name, &why);
        let cause = json!({
            "reason": "NamespaceTerminating",
            "message": format!("namespace {ns} is being terminated"),
            "field": "metadata.namespace",
        });
        if let Some(Value::Object(d)) = &mut failure.details {
            d.insert("causes".into(), json!([cause]));
        }
        return Err(failure);
    }
    Ok(())
}

/// Completes, validates and stores a new object whose ownership is already written into it.
pub(crate) fn insert(
    state: &mut State,
    target: &Target,
    mut new: Value,
    options: &WriteOptions,
) -> Result<Arc<Value>, Failure> {
    let resource = &target.resource;
    let name = new.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("").to_owned();
    admit_namespace(state, target, &name)?;
    if new.pointer("/metadata/resourceVersion").and_then(Value::as_str).is_some_and(|v| !v.is_empty()) {
        return Err(Failure::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    system_fields(state, &mut new);
    prepare(resource, &mut new);
    let errors = validate::on_create(resource, &new);
    if !errors.is_empty() {
        return Err(Failure::invalid(&resource.kind_named(), &name, &errors));
    }
    let id = (target.namespace.clone(), name.clone());
    if state.store.get(&resource.key, &id).is_some() {
        return Err(Failure::already_exists(&resource.named(), &name));
    }
    allocate(state, resource, &mut new);
    if options.dry_run {
        return Ok(Arc::new(new));
    }
    if !resource.custom {
        stored_form(&resource.ty, &mut new);
    }
    let stored = state.store.put(&resource.key, &id, new);
    if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
        state.unestablished.push(name);
    }
    Ok(stored)
}

/// UID and times (`FillObjectMetaSystemFields`).
fn system_fields(state: &mut State, new: &mut Value) {
    let (uid, now) = (state.uid(), state.now());
    if let Some(meta) = new.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.insert("uid".into(), uid.into());
        meta.insert("creationTimestamp".into(), now.into());
        for gone in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion", "generation"] {
            meta.shift_remove(gone);
        }
    }
}

/// What the strategies do before a create: status is the server's, generation starts at 1.
fn prepare(resource: &Resource, new: &mut Value) {
    let empty = decode::empty(resource);
    let Some(map) = new.as_object_mut() else { return };
    let uid = map["metadata"]["uid"].clone();
    let name = map["metadata"]["name"].clone();
    if resource.counts_generation()
        && let Some(meta) = map.get_mut("metadata").and_then(Value::as_object_mut)
    {
        meta.insert("generation".into(), 1.into());
    }
    if resource.status {
        match empty.get("status") {
            Some(status) if !resource.custom => map.insert("status".into(), status.clone()),
            _ => map.shift_remove("status"),
        };
    }
    match (resource.key.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => {
            map.insert("status".into(), json!({"phase": "Active"}));
            map.insert("spec".into(), json!({"finalizers": ["kubernetes"]}));
        }
        ("", "Pod") => prepare_pod(map),
        ("", "PersistentVolumeClaim") => {
            map.insert("status".into(), json!({"phase": "Pending"}));
            add_finalizer(map, "kubernetes.io/pvc-protection");
        }
        ("", "PersistentVolume") => {
            let now = map["metadata"]["creationTimestamp"].clone();
            map.insert("status".into(), json!({"phase": "Pending", "lastPhaseTransitionTime": now}));
            add_finalizer(map, "kubernetes.io/pv-protection");
        }
        ("batch", "Job") => prepare_job(map, &uid, &name),
        ("apps", "DaemonSet") => {
            if let Some(meta) = map.get_mut("metadata").and_then(Value::as_object_mut) {
                let annotations = meta.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
                annotations["deprecated.daemonset.template.generation"] = "1".into();
            }
        }
        ("apiextensions.k8s.io", _) => {
            let versions = map["spec"]["versions"].as_array().cloned().unwrap_or_default();
            let stored: Vec<Value> =
                versions.iter().filter(|v| v["storage"] == json!(true)).map(|v| v["name"].clone()).collect();
            let status = json!({
                "acceptedNames": {"kind": "", "plural": ""}, "conditions": null, "storedVersions": stored,
            });
            map.insert("status".into(), status);
        }
        _ => {}
    }
}

fn add_finalizer(map: &mut Map<String, Value>, name: &str) {
    if let Some(meta) = map.get_mut("metadata").and_then(Value::as_object_mut)
        && let Some(list) = meta.entry("finalizers").or_insert_with(|| json!([])).as_array_mut()
        && !list.contains(&json!(name))
    {
        list.push(name.into());
    }
}

fn prepare_pod(map: &mut Map<String, Value>) {
    map.insert("status".into(), json!({"phase": "Pending", "qosClass": quality(map.get("spec"))}));
    let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) else { return };
    spec.entry("priority").or_insert_with(|| 0.into());
    spec.entry("preemptionPolicy").or_insert_with(|| "PreemptLowerPriority".into());
    if let Some(tolerations) = spec.entry("tolerations").or_insert_with(|| json!([])).as_array_mut() {
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            if !tolerations.iter().any(|t| t["key"] == json!(key)) {
                tolerations
                    .push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
            }
        }
    }
}

fn quality(spec: Option<&Value>) -> &'static str {
    let containers = spec.and_then(|s| s.get("containers")).and_then(Value::as_array);
    let (mut any, mut guaranteed) = (false, true);
    for c in containers.into_iter().flatten() {
        let of =
            |k: &str| c.pointer(&format!("/resources/{k}")).and_then(Value::as_object).cloned().unwrap_or_default();
        let (limits, requests) = (of("limits"), of("requests"));
        any |= !limits.is_empty() || !requests.is_empty();
        guaranteed &= ["cpu", "memory"].iter().all(|r| limits.contains_key(*r) && limits.get(*r) == requests.get(*r));
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// A Job's selector and the labels of its pods come from its UID.
fn prepare_job(map: &mut Map<String, Value>, uid: &Value, name: &Value) {
    let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if spec.get("manualSelector") == Some(&json!(true)) {
        return;
    }
    spec.insert("selector".into(), json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}));
    let template = spec.entry("template").or_insert_with(|| json!({}));
    if !template["metadata"].is_object() {
        template["metadata"] = json!({});
    }
    let labels = &mut template["metadata"]["labels"];
    for key in ["batch.kubernetes.io/controller-uid", "controller-uid"] {
        labels[key] = uid.clone();
    }
    for key in ["batch.kubernetes.io/job-name", "job-name"] {
        labels[key] = name.clone();
    }
    let labels = labels.clone();
    if let Some(meta) = map.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.entry("labels").or_insert(labels);
    }
}

/// Addresses and ports of services.
fn allocate(state: &mut State, resource: &Resource, new: &mut Value) {
    if resource.is("", "services") {
        allocate_service(state, new);
    }
}

pub(crate) fn allocate_service(state: &mut State, new: &mut Value) {
    let kind = new["spec"]["type"].as_str().unwrap_or("").to_owned();
    let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if kind == "ExternalName" {
        return;
    }
    let given = spec.get("clusterIP").and_then(Value::as_str).unwrap_or("").to_owned();
    let ip = if given.is_empty() { state.address() } else { given };
    spec.insert("clusterIP".into(), ip.clone().into());
    spec.entry("clusterIPs").or_insert_with(|| json!([ip]));
    spec.entry("ipFamilies").or_insert_with(|| json!(["IPv4"]));
    spec.entry("ipFamilyPolicy").or_insert_with(|| "SingleStack".into());
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        for p in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            if p["nodePort"].as_u64().unwrap_or(0) == 0 {
                p["nodePort"] = state.node_port().into();
            }
        }
    }
}
