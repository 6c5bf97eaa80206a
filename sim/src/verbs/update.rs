//! PUT, and the storing half of every patch.

use super::{create, decode, reset_fields};
use crate::apply::managed::same_but_for_times;
use crate::apply::updater::{set_managers, without_managed_fields};
use crate::request::{Call, Target, Verb, WriteOptions};
use crate::resources::Resource;
use crate::respond::{Reply, object};
use crate::schema::normalize::stored_form;
use crate::state::State;
use crate::status::{Failure, FieldError};
use crate::validate;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What a stale resourceVersion is answered with.
pub(crate) const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

pub(crate) fn handle(state: &mut State, call: &Call, target: &Target) -> Result<Reply, Failure> {
    let options = WriteOptions::of(call, "UpdateOptions", false)?;
    let mut new = decode::body(call)?;
    decode::check_kind(&target.resource, &mut new)?;
    let warnings = decode::shape(&target.resource, &mut new, options.validation)?;
    check_name(target, &mut new)?;
    decode::check_namespace(target, &mut new)?;
    let id = (target.namespace.clone(), target.name.clone());
    let Some(old) = state.find(&target.resource.key, &id) else {
        return create_by_update(state, call, target, new, &options).map(|r| r.warn(warnings));
    };
    if target.subresource == "finalize" {
        return finalize(state, call, target, &old, &new);
    }
    let old_view = at_version(&target.resource, &old);
    let base = only_subresource(target, &old_view, new);
    let managers = decode::own(target, &old_view, &base, &options.manager, &state.now(), &reset_fields(target));
    let mut new = without_managed_fields(&base);
    set_managers(&mut new, &managers);
    let stored = store(state, target, &old, new, &options)?;
    Ok(object(call, &target.resource, 200, &stored)?.warn(warnings))
}

/// The stored object as its resource's version shows it.
pub(crate) fn at_version(resource: &Resource, stored: &Arc<Value>) -> Value {
    let mut out = (**stored).clone();
    if let Some(map) = out.as_object_mut() {
        map.insert("apiVersion".into(), resource.api_version().into());
    }
    out
}

fn check_name(target: &Target, new: &mut Value) -> Result<(), Failure> {
    let name = new.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("").to_owned();
    if name.is_empty() {
        return Err(Failure::bad_request("name must be provided"));
    }
    if name != target.name {
        let message = format!("the name of the object ({name}) does not match the name on the URL ({})", target.name);
        return Err(Failure::bad_request(message));
    }
    Ok(())
}

fn create_by_update(
    state: &mut State,
    call: &Call,
    target: &Target,
    mut new: Value,
    options: &WriteOptions,
) -> Result<Reply, Failure> {
    if !target.resource.creates_on_update() || !target.subresource.is_empty() {
        create::admit_namespace(state, target, &target.name)?;
        return Err(Failure::not_found(&target.resource.named(), &target.name));
    }
    let empty = decode::empty(&target.resource);
    let plain = without_managed_fields(&new);
    let managers = decode::own(target, &empty, &plain, &options.manager, &state.now(), &reset_fields(target));
    set_managers(&mut new, &managers);
    let stored = create::insert(state, target, new, options)?;
    object(call, &target.resource, 201, &stored)
}

/// A namespace's spec.finalizers.
fn finalize(state: &mut State, call: &Call, target: &Target, old: &Arc<Value>, new: &Value) -> Result<Reply, Failure> {
    let mut out = (**old).clone();
    out["spec"]["finalizers"] = new.pointer("/spec/finalizers").cloned().unwrap_or(Value::Null);
    if out["spec"]["finalizers"].is_null() {
        out["spec"] = json!({});
    }
    let id = (String::new(), target.name.clone());
    let done = out.pointer("/metadata/deletionTimestamp").is_some()
        && out.pointer("/spec/finalizers").and_then(Value::as_array).is_none_or(Vec::is_empty)
        && out.pointer("/metadata/finalizers").and_then(Value::as_array).is_none_or(Vec::is_empty);
    let stored = if done {
        state.store.remove(&target.resource.key, &id);
        state.dirty = true;
        Arc::new(out)
    } else {
        state.store.put(&target.resource.key, &id, out)
    };
    object(call, &target.resource, 200, &stored)
}

/// A write to `/status` changes status (and little else); one to the resource leaves status alone.
pub(crate) fn only_subresource(target: &Target, old: &Value, mut new: Value) -> Value {
    let resource = &target.resource;
    let copy = |from: &Value, to: &mut Value, key: &str| {
        if let Some(map) = to.as_object_mut() {
            match from.get(key) {
                Some(v) => map.insert(key.to_owned(), v.clone()),
                None => map.shift_remove(key),
            };
        }
    };
    if target.subresource == "status" {
        if resource.custom {
            let mut out = old.clone();
            copy(&new, &mut out, "status");
            for key in ["resourceVersion", "uid", "managedFields"] {
                match new["metadata"].get(key) {
                    Some(v) => out["metadata"][key] = v.clone(),
                    None => {
                        if let Some(m) = out["metadata"].as_object_mut() {
                            m.shift_remove(key);
                        }
                    }
                }
            }
            return out;
        }
        copy(old, &mut new, "spec");
        if resource.kind == "Deployment" {
            let labels = old["metadata"].get("labels").cloned();
            if let Some(meta) = new["metadata"].as_object_mut() {
                match labels {
                    Some(l) => meta.insert("labels".into(), l),
                    None => meta.shift_remove("labels"),
                };
            }
        }
        return new;
    }
    if resource.status {
        copy(old, &mut new, "status");
    }
    new
}

/// Checks preconditions, completes, validates and stores a changed object.
pub(crate) fn store(
    state: &mut State,
    target: &Target,
    old: &Arc<Value>,
    mut new: Value,
    options: &WriteOptions,
) -> Result<Arc<Value>, Failure> {
    let resource = &target.resource;
    preconditions(target, old, &new)?;
    keep_system_fields(old, &mut new);
    strategy(target, old, &mut new);
    let old_view = at_version(resource, old);
    count_generation(resource, &old_view, &mut new);
    let errors = validate::on_update(resource, &new, &old_view, &target.subresource);
    if !errors.is_empty() {
        return Err(Failure::invalid(&resource.kind_named(), &target.name, &errors));
    }
    if !resource.custom {
        stored_form(&resource.ty, &mut new);
    }
    if same_but_for_times(&old_view, &new) {
        return Ok(Arc::clone(old));
    }
    let id = (target.namespace.clone(), target.name.clone());
    if finished(resource, &new) {
        if !options.dry_run {
            state.store.remove(&resource.key, &id);
            state.dirty = true;
        }
        return Ok(Arc::new(new));
    }
    if options.dry_run {
        return Ok(Arc::new(new));
    }
    let stored = state.store.put(&resource.key, &id, new);
    if resource.is("apiextensions.k8s.io", "customresourcedefinitions") && target.subresource.is_empty() {
        refresh_crd(state, &target.name, &stored);
    }
    if stored.pointer("/metadata/deletionTimestamp").is_some() {
        state.dirty = true;
    }
    Ok(stored)
}

fn refresh_crd(state: &mut State, name: &str, crd: &Value) {
    if state.customs.contains_key(name) {
        state.customs.insert(name.to_owned(), crate::resources::of_crd(crd));
    }
}

/// Whether the last finalizer of a deleted object went.
fn finished(resource: &Resource, new: &Value) -> bool {
    let empty = |p: &str| new.pointer(p).and_then(Value::as_array).is_none_or(Vec::is_empty);
    new.pointer("/metadata/deletionTimestamp").is_some()
        && empty("/metadata/finalizers")
        && new.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0) == 0
        && (!resource.is("", "namespaces") || empty("/spec/finalizers"))
}

fn preconditions(target: &Target, old: &Value, new: &Value) -> Result<(), Failure> {
    let text =
        |v: &Value, k: &str| v.pointer(&format!("/metadata/{k}")).and_then(Value::as_str).unwrap_or("").to_owned();
    let resource = &target.resource;
    let (uid, was) = (text(new, "uid"), text(old, "uid"));
    if target.verb == Verb::Update && !uid.is_empty() && uid != was {
        let key = format!(
            "/registry/{}/{}",
            registry_path(resource),
            [target.namespace.as_str(), target.name.as_str()]
                .into_iter()
                .filter(|s| !s.is_empty())
                .collect::<Vec<_>>()
                .join("/")
        );
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {was}"
        );
        return Err(Failure::conflict(&resource.named(), &target.name, &why));
    }
    let (version, was) = (text(new, "resourceVersion"), text(old, "resourceVersion"));
    if version.is_empty() || version == "0" {
        if resource.unconditional_update() {
            return Ok(());
        }
        let error = FieldError::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
        return Err(Failure::invalid(&resource.named(), &target.name, &[error]));
    }
    if version.parse::<u64>().is_err() {
        let error = FieldError::invalid(
            "metadata.resourceVersion",
            &json!(version),
            "strconv.ParseUint: parsing \"".trim_end(),
        );
        return Err(Failure::invalid(&resource.kind_named(), &target.name, &[error]));
    }
    if version != was {
        return Err(Failure::conflict(&resource.named(), &target.name, MODIFIED));
    }
    Ok(())
}

fn registry_path(resource: &Resource) -> String {
    if resource.custom || !resource.key.group.is_empty() && resource.key.group.contains("k8s.io/") {
        format!("{}/{}", resource.key.group, resource.key.plural)
    } else {
        resource.key.plural.clone()
    }
}

/// What a client cannot change: it is taken from the stored object.
fn keep_system_fields(old: &Value, new: &mut Value) {
    let Some(meta) = new.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let before = old.get("metadata").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    for key in ["generation", "creationTimestamp", "deletionTimestamp", "resourceVersion", "selfLink"] {
        match before.get(key) {
            Some(v) => meta.insert(key.to_owned(), v.clone()),
            None => meta.shift_remove(key),
        };
    }
    if meta.get("uid").and_then(Value::as_str).unwrap_or("").is_empty()
        && let Some(uid) = before.get("uid")
    {
        meta.insert("uid".into(), uid.clone());
    }
    match before.get("deletionGracePeriodSeconds") {
        Some(v) => meta.insert("deletionGracePeriodSeconds".into(), v.clone()),
        None => meta.shift_remove("deletionGracePeriodSeconds"),
    };
}

/// What the strategies carry over on an update.
fn strategy(target: &Target, old: &Value, new: &mut Value) {
    let resource = &target.resource;
    match (resource.key.group.as_str(), resource.kind.as_str()) {
        ("", "Service") => keep_service_fields(old, new),
        ("", "Namespace") => {
            new["spec"]["finalizers"] = old["spec"]["finalizers"].clone();
            if new["spec"]["finalizers"].is_null() {
                new["spec"] = json!({});
            }
        }
        ("apps", "DaemonSet") => {
            let before =
                old["metadata"]["annotations"]["deprecated.daemonset.template.generation"].as_str().unwrap_or("0");
            let mut n: u64 = before.parse().unwrap_or(0);
            n += u64::from(old["spec"]["template"] != new["spec"]["template"]);
            let meta = &mut new["metadata"];
            if !meta["annotations"].is_object() {
                meta["annotations"] = json!({});
            }
            meta["annotations"]["deprecated.daemonset.template.generation"] = n.to_string().into();
        }
        _ => {}
    }
}

/// Addresses that were given out stay where the client leaves them out.
fn keep_service_fields(old: &Value, new: &mut Value) {
    let kinds = (old["spec"]["type"].as_str().unwrap_or(""), new["spec"]["type"].as_str().unwrap_or("").to_owned());
    if kinds.0 == "ExternalName" || kinds.1 == "ExternalName" {
        return;
    }
    let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let given = spec.get("clusterIP").and_then(Value::as_str).unwrap_or("").to_owned();
    if given.is_empty() {
        for key in ["clusterIP", "clusterIPs"] {
            if let Some(v) = old["spec"].get(key) {
                spec.insert(key.into(), v.clone());
            }
        }
    }
    for key in ["ipFamilies", "ipFamilyPolicy"] {
        if let Some(v) = old["spec"].get(key) {
            spec.entry(key).or_insert_with(|| v.clone());
        }
    }
}

/// The generation goes up when something other than metadata and status changed.
fn count_generation(resource: &Resource, old: &Value, new: &mut Value) {
    if !resource.counts_generation() {
        return;
    }
    let strip = |v: &Value| {
        let mut m = v.as_object().cloned().unwrap_or_default();
        // A Deployment's annotations count as well (`deploymentStrategy.PrepareForUpdate`).
        let annotations = v.pointer("/metadata/annotations").filter(|_| resource.kind == "Deployment").cloned();
        m.insert("metadata".into(), annotations.unwrap_or(Value::Null));
        if resource.status {
            m.shift_remove("status");
        }
        m
    };
    if strip(old) != strip(new) {
        let before = old.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
        new["metadata"]["generation"] = (before + 1).into();
    }
}
