//! DELETE of one object and of collections: preconditions, grace, finalizers (`registry/rest/delete.go`).

use crate::request::{Call, Target};
use crate::resources::Resource;
use crate::respond::{Reply, list_reply, object};
use crate::state::State;
use crate::status::{Failure, FieldError, GroupName};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) grace: Option<i64>,
    pub(crate) uid: Option<String>,
    pub(crate) version: Option<String>,
    /// `Orphan`, `Foreground`, `Background` or nothing.
    pub(crate) propagation: String,
    pub(crate) dry_run: bool,
}

impl DeleteOptions {
    fn of(call: &Call) -> Result<Self, Failure> {
        let body = if call.body.is_empty() { Value::Null } else { call.json()? };
        // A body is the whole of the options; the query counts only without one.
        let query = |name: &str| if body.is_null() { call.param(name) } else { "" };
        let param = |name: &str| Some(query(name)).filter(|v| !v.is_empty()).map(str::to_owned);
        let text = |p: &str| body.pointer(p).and_then(Value::as_str).map(str::to_owned);
        let orphan = match (body.get("orphanDependents").and_then(Value::as_bool), query("orphanDependents")) {
            (Some(true), _) | (None, "true") => "Orphan",
            _ => "",
        };
        let propagation = text("/propagationPolicy").or_else(|| param("propagationPolicy"));
        let propagation = propagation.unwrap_or_else(|| orphan.to_owned());
        if !matches!(propagation.as_str(), "" | "Orphan" | "Foreground" | "Background") {
            let kind = GroupName { group: "meta.k8s.io", name: "DeleteOptions" };
            let supported = ["Foreground", "Background", "Orphan", "nil"];
            let error = FieldError::not_supported("propagationPolicy", &json!(propagation), &supported);
            return Err(Failure::invalid(&kind, "", &[error]));
        }
        let grace = body.get("gracePeriodSeconds").and_then(Value::as_i64);
        Ok(Self {
            grace: grace.or_else(|| query("gracePeriodSeconds").parse().ok()),
            uid: text("/preconditions/uid"),
            version: text("/preconditions/resourceVersion"),
            propagation,
            dry_run: !query("dryRun").is_empty() || body.get("dryRun").is_some_and(|d| !d.is_null()),
        })
    }
}

pub(crate) fn handle(state: &mut State, call: &Call, target: &Target) -> Result<Reply, Failure> {
    let options = DeleteOptions::of(call)?;
    let (gone, last) = delete(state, &target.resource, &target.namespace, &target.name, &options)?;
    if !gone || returns_object(&target.resource) {
        return object(call, &target.resource, 200, &last);
    }
    let mut details = json!({
        "name": target.name,
        "group": target.resource.key.group,
        "kind": target.resource.key.plural,
        "uid": last.pointer("/metadata/uid"),
    });
    if target.resource.key.group.is_empty()
        && let Some(map) = details.as_object_mut()
    {
        map.shift_remove("group");
    }
    Ok(Reply::json(
        200,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
    ))
}

/// `ReturnDeletedObject` of the kinds' storage.
fn returns_object(resource: &Resource) -> bool {
    const KINDS: &[&str] = &[
        "ResourceQuota",
        "PersistentVolume",
        "ServiceAccount",
        "PersistentVolumeClaim",
        "Namespace",
        "Pod",
        "Service",
        "PodTemplate",
        "StorageClass",
        "CSIDriver",
        "CSINode",
        "VolumeAttachment",
        "VolumeAttributesClass",
        "ResourceClaim",
        "ResourceClaimTemplate",
        "ResourceSlice",
        "DeviceClass",
    ];
    !resource.custom && KINDS.contains(&resource.kind.as_str())
}

/// Deletes one object; says whether it is gone, and its last state.
pub(crate) fn delete(
    state: &mut State,
    resource: &Arc<Resource>,
    namespace: &str,
    name: &str,
    options: &DeleteOptions,
) -> Result<(bool, Arc<Value>), Failure> {
    let id = (namespace.to_owned(), name.to_owned());
    let Some(old) = state.find(&resource.key, &id) else {
        return Err(Failure::not_found(&resource.named(), name));
    };
    preconditions(resource, name, &old, options)?;
    if resource.is("", "namespaces") && matches!(name, "default" | "kube-system" | "kube-public") {
        let why = "this namespace may not be deleted";
        return Err(Failure::forbidden(&resource.named(), name, why));
    }
    let mut new = (*old).clone();
    if resource.is("apiextensions.k8s.io", "customresourcedefinitions")
        && old.pointer("/metadata/deletionTimestamp").is_none()
    {
        return Ok((false, delete_definition(state, resource, &id, new, options)));
    }
    if resource.is("", "namespaces") {
        return Ok(delete_namespace(state, resource, &id, new, options));
    }
    let going = old.pointer("/metadata/deletionTimestamp").is_some();
    let grace = grace(resource, &old, options);
    if going {
        let was = old.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0);
        if was > 0 && options.grace.is_none_or(|g| g >= was) {
            return Ok((false, old));
        }
    }
    set_finalizers(&mut new, &options.propagation);
    let pending = new.pointer("/metadata/finalizers").and_then(Value::as_array).is_some_and(|f| !f.is_empty());
    if pending || grace > 0 {
        mark(state, &mut new, grace);
        let changed = new != *old;
        if options.dry_run || !changed {
            return Ok((false, if changed { Arc::new(new) } else { old }));
        }
        let stored = state.store.put(&resource.key, &id, new);
        state.dirty = true;
        return Ok((false, stored));
    }
    if resource.is("", "pods") {
        // Pods are marked before they go, however short their grace.
        mark(state, &mut new, 0);
        if !options.dry_run {
            let stored = state.store.put(&resource.key, &id, new);
            state.store.remove(&resource.key, &id);
            state.dirty = true;
            return Ok((true, stored));
        }
    }
    if options.dry_run {
        return Ok((true, old));
    }
    let last = state.store.remove(&resource.key, &id).unwrap_or(old);
    state.dirty = true;
    Ok((true, last))
}

fn preconditions(resource: &Resource, name: &str, old: &Value, options: &DeleteOptions) -> Result<(), Failure> {
    let text = |k: &str| old.pointer(k).and_then(Value::as_str).unwrap_or("").to_owned();
    let kind = GroupName { group: &resource.key.group, name: &resource.kind };
    let kind = if resource.custom { resource.kind_named() } else { kind };
    let (uid, version) = (text("/metadata/uid"), text("/metadata/resourceVersion"));
    if let Some(want) = options.uid.as_ref().filter(|w| **w != uid) {
        let why = format!(
            "the UID in the precondition ({want}) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
        );
        return Err(Failure::conflict(&kind, name, &why));
    }
    if let Some(want) = options.version.as_ref().filter(|w| **w != version) {
        let why = format!(
            "the ResourceVersion in the precondition ({want}) does not match the ResourceVersion in record ({version}). The object might have been modified"
        );
        return Err(Failure::conflict(&kind, name, &why));
    }
    Ok(())
}

/// Only pods go slowly, and only those that a kubelet runs.
fn grace(resource: &Resource, old: &Value, options: &DeleteOptions) -> i64 {
    if !resource.is("", "pods") {
        return 0;
    }
    let node = old.pointer("/spec/nodeName").and_then(Value::as_str).unwrap_or("");
    let phase = old.pointer("/status/phase").and_then(Value::as_str).unwrap_or("");
    if node.is_empty() || matches!(phase, "Failed" | "Succeeded") {
        return 0;
    }
    let spec = old.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(30);
    options.grace.unwrap_or(spec).max(0)
}

/// The finalizers by which the garbage collector knows what to do with dependents.
fn set_finalizers(new: &mut Value, propagation: &str) {
    let Some(meta) = new.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let mut list: Vec<Value> = meta.get("finalizers").and_then(Value::as_array).cloned().unwrap_or_default();
    if propagation.is_empty() {
        return;
    }
    list.retain(|f| f != "orphan" && f != "foregroundDeletion");
    match propagation {
        "Orphan" => list.push("orphan".into()),
        "Foreground" => list.push("foregroundDeletion".into()),
        _ => {}
    }
    if list.is_empty() {
        meta.shift_remove("finalizers");
    } else {
        meta.insert("finalizers".into(), Value::Array(list));
    }
}

/// Sets the deletion timestamp, once.
fn mark(state: &State, new: &mut Value, grace: i64) {
    let when = state.later(grace);
    let Some(meta) = new.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    if !meta.contains_key("deletionTimestamp") {
        if let Some(n) = meta.get("generation").and_then(Value::as_i64) {
            meta.insert("generation".into(), (n + 1).into());
        }
        meta.insert("deletionTimestamp".into(), when.into());
    }
    meta.insert("deletionGracePeriodSeconds".into(), grace.into());
}

/// A CRD waits for its objects: it is marked, and its finalizer goes when they are gone.
fn delete_definition(
    state: &mut State,
    resource: &Resource,
    id: &(String, String),
    mut new: Value,
    options: &DeleteOptions,
) -> Arc<Value> {
    const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
    let now = state.now();
    new["metadata"]["deletionTimestamp"] = now.clone().into();
    if !new["metadata"]["finalizers"].is_array() {
        new["metadata"]["finalizers"] = json!([]);
    }
    if let Some(list) = new["metadata"]["finalizers"].as_array_mut()
        && !list.contains(&json!(CLEANUP))
    {
        list.push(CLEANUP.into());
    }
    let condition = json!({
        "type": "Terminating", "status": "True", "lastTransitionTime": now, "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    });
    match new["status"]["conditions"].as_array_mut() {
        Some(list) => list.push(condition),
        None => new["status"]["conditions"] = json!([condition]),
    }
    if options.dry_run {
        return Arc::new(new);
    }
    state.dirty = true;
    state.store.put(&resource.key, id, new)
}

fn delete_namespace(
    state: &mut State,
    resource: &Resource,
    id: &(String, String),
    mut new: Value,
    options: &DeleteOptions,
) -> (bool, Arc<Value>) {
    let has = |v: &Value, p: &str| v.pointer(p).and_then(Value::as_array).is_some_and(|f| !f.is_empty());
    if new.pointer("/metadata/deletionTimestamp").is_some()
        && !has(&new, "/spec/finalizers")
        && !has(&new, "/metadata/finalizers")
    {
        let last = state.store.remove(&resource.key, id);
        state.dirty = true;
        return (true, last.unwrap_or_else(|| Arc::new(new)));
    }
    let old = new.clone();
    let now = state.now();
    if let Some(meta) = new.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.entry("deletionTimestamp").or_insert_with(|| now.into());
    }
    new["status"]["phase"] = "Terminating".into();
    set_finalizers(&mut new, if options.propagation == "Background" { "" } else { &options.propagation });
    if options.dry_run || new == old {
        return (false, Arc::new(new));
    }
    let stored = state.store.put(&resource.key, id, new);
    state.dirty = true;
    (false, stored)
}

pub(crate) fn collection(state: &mut State, call: &Call, target: &Target) -> Result<Reply, Failure> {
    let options = DeleteOptions::of(call)?;
    let selector = call.selector()?;
    let resource = &target.resource;
    let found: Vec<_> = state
        .store
        .list(&resource.key)
        .filter(|(id, v)| (target.namespace.is_empty() || id.0 == target.namespace) && selector.matches(v))
        .map(|(id, v)| (id.clone(), Arc::clone(v)))
        .collect();
    let mut items = Vec::new();
    for (id, old) in found {
        delete(state, resource, &id.0, &id.1, &options)?;
        items.push(old);
    }
    list_reply(call, resource, &items, state.store.version(), None)
}
