//! What follows from a change without anybody asking: CRDs become served, namespaces empty, dependents are collected.
//!
//! Runs under the lock after every change, so that no request sees a state in between, and every step is a change of
//! its own that watches see.

use crate::apply::managed::Managers;
use crate::apply::updater::{Operation, set_managers, without_managed_fields};
use crate::resources::{Resource, ResourceKey, of_crd};
use crate::state::{State, core_key};
use crate::store::Id;
use crate::verbs::delete::{DeleteOptions, delete};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Does what follows. Returns the CRDs that are to be established after the configured delay.
pub(crate) fn settle(state: &mut State) -> Vec<String> {
    let mut later = Vec::new();
    for name in std::mem::take(&mut state.unestablished) {
        if state.options.crd_delay.is_zero() {
            establish(state, &name);
        } else {
            later.push(name);
        }
    }
    // Each round takes something away or stops; the bound only guards against a mistake here.
    for _ in 0..1000 {
        if !std::mem::take(&mut state.dirty) {
            break;
        }
        definitions(state);
        if state.options.garbage_collector {
            collect(state);
        }
        if state.options.namespace_controller {
            namespaces(state);
        }
    }
    later
}

fn crd_key() -> ResourceKey {
    ResourceKey { group: "apiextensions.k8s.io".into(), plural: "customresourcedefinitions".into() }
}

/// Serves a CRD and says so in its status, as the naming and establishing controllers do.
pub(crate) fn establish(state: &mut State, name: &str) {
    let id = (String::new(), name.to_owned());
    let Some(crd) = state.find(&crd_key(), &id) else { return };
    let now = state.now();
    let mut names = crd["spec"]["names"].clone();
    if let Some(map) = names.as_object_mut() {
        map.retain(|_, v| !v.is_null());
    }
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message});
    let conditions = json!([
        condition("NamesAccepted", "NoConflicts", "no conflicts found"),
        condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ]);
    system_write(state, &crd_key(), &id, "kube-apiserver", "status", |new| {
        new["status"]["acceptedNames"] = names;
        new["status"]["conditions"] = conditions;
    });
    state.customs.insert(name.to_owned(), of_crd(&crd));
}

/// A write by a part of the control plane.
pub(crate) fn system_write(
    state: &mut State,
    key: &ResourceKey,
    id: &Id,
    manager: &str,
    subresource: &str,
    edit: impl FnOnce(&mut Value),
) {
    let (Some(old), Some(resource)) = (state.find(key, id), state.resource_of(key)) else { return };
    let mut new = (*old).clone();
    edit(&mut new);
    if new == *old {
        return;
    }
    let (api_version, now, reset) = (resource.api_version(), state.now(), resource.reset_fields(subresource));
    let operation =
        Operation { ty: &resource.ty, api_version: &api_version, subresource, manager, reset: &reset, now: &now };
    let managers = operation.update(&old, &new, Managers::of(&old));
    let mut new = without_managed_fields(&new);
    set_managers(&mut new, &managers);
    state.store.put(key, id, new);
}

/// CRDs that are going take their objects with them.
fn definitions(state: &mut State) {
    let going: Vec<(Id, Arc<Value>)> = state
        .store
        .list(&crd_key())
        .filter(|(_, crd)| crd.pointer("/metadata/deletionTimestamp").is_some())
        .map(|(id, crd)| (id.clone(), Arc::clone(crd)))
        .collect();
    for (id, crd) in going {
        let key = ResourceKey {
            group: crd["spec"]["group"].as_str().unwrap_or("").to_owned(),
            plural: crd["spec"]["names"]["plural"].as_str().unwrap_or("").to_owned(),
        };
        if let Some(resource) = state.resource_of(&key) {
            let objects: Vec<Id> = unmarked(state, &key, |_, _| true);
            objects.iter().for_each(|o| remove(state, &resource, o));
        }
        if state.store.list(&key).next().is_none() {
            drop_finalizer(state, &crd_key(), &id, "customresourcecleanup.apiextensions.k8s.io");
        }
    }
    let alive: BTreeSet<String> = state.store.list(&crd_key()).map(|(id, _)| id.1.clone()).collect();
    state.customs.retain(|name, _| alive.contains(name));
}

fn unmarked(state: &State, key: &ResourceKey, keep: impl Fn(&Id, &Value) -> bool) -> Vec<Id> {
    let found =
        state.store.list(key).filter(|(id, v)| v.pointer("/metadata/deletionTimestamp").is_none() && keep(id, v));
    found.map(|(id, _)| id.clone()).collect()
}

fn remove(state: &mut State, resource: &Arc<Resource>, id: &Id) {
    // Gone in the meantime is as good as deleted.
    let _done = delete(state, resource, &id.0, &id.1, &DeleteOptions { grace: Some(0), ..DeleteOptions::default() });
}

/// Takes a finalizer off, and the object away if it was the last one of a deleted object.
fn drop_finalizer(state: &mut State, key: &ResourceKey, id: &Id, finalizer: &str) {
    let Some(old) = state.find(key, id) else { return };
    let mut new = (*old).clone();
    let mut left = 0;
    if let Some(list) = new.pointer_mut("/metadata/finalizers").and_then(Value::as_array_mut) {
        list.retain(|f| f != finalizer);
        left = list.len();
    }
    if left == 0
        && let Some(meta) = new["metadata"].as_object_mut()
    {
        meta.shift_remove("finalizers");
    }
    if left == 0 && old.pointer("/metadata/deletionTimestamp").is_some() {
        state.store.remove(key, id);
        state.dirty = true;
    } else if new != *old {
        state.store.put(key, id, new);
    }
}

fn uid(v: &Value) -> &str {
    v.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or("")
}

fn owners(v: &Value) -> impl Iterator<Item = &str> {
    let list = v.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|o| o.get("uid").and_then(Value::as_str))
}

fn finalized_by(v: &Value, name: &str) -> bool {
    v.pointer("/metadata/deletionTimestamp").is_some()
        && v.pointer("/metadata/finalizers").and_then(Value::as_array).is_some_and(|f| f.iter().any(|x| x == name))
}

/// The garbage collector: dependents of what is gone, and the `orphan` and `foregroundDeletion` finalizers.
fn collect(state: &mut State) {
    let all: Vec<(ResourceKey, Id, Arc<Value>)> =
        state.store.all().map(|(r, id, v)| (r.clone(), id.clone(), Arc::clone(v))).collect();
    if !all.iter().any(|(_, _, v)| {
        owners(v).next().is_some() || finalized_by(v, "orphan") || finalized_by(v, "foregroundDeletion")
    }) {
        return protections(state, &all);
    }
    let alive: BTreeSet<&str> = all.iter().map(|(_, _, v)| uid(v)).collect();
    let (orphaning, foreground): (BTreeSet<&str>, BTreeSet<&str>) = (
        all.iter().filter(|(_, _, v)| finalized_by(v, "orphan")).map(|(_, _, v)| uid(v)).collect(),
        all.iter().filter(|(_, _, v)| finalized_by(v, "foregroundDeletion")).map(|(_, _, v)| uid(v)).collect(),
    );
    for (key, id, v) in &all {
        let Some(resource) = state.resource_of(key) else { continue };
        if owners(v).any(|o| orphaning.contains(o)) {
            system_write(state, key, id, "kube-controller-manager", "", |new| {
                if let Some(list) = new.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut) {
                    list.retain(|o| !o.get("uid").and_then(Value::as_str).is_some_and(|u| orphaning.contains(u)));
                }
            });
            continue;
        }
        let mut any = false;
        let abandoned = owners(v).all(|o| {
            any = true;
            !alive.contains(o) || foreground.contains(o)
        });
        if any && abandoned && v.pointer("/metadata/deletionTimestamp").is_none() {
            remove(state, &resource, id);
        }
    }
    for (key, id, v) in &all {
        let waits = state.store.all().any(|(_, _, d)| owners(d).any(|o| o == uid(v)));
        if finalized_by(v, "orphan") {
            drop_finalizer(state, key, id, "orphan");
        } else if finalized_by(v, "foregroundDeletion") && !waits {
            drop_finalizer(state, key, id, "foregroundDeletion");
        }
    }
    protections(state, &all);
}

/// Volumes and claims that nothing uses any more.
fn protections(state: &mut State, all: &[(ResourceKey, Id, Arc<Value>)]) {
    for (key, id, v) in all.iter().filter(|(_, _, v)| v.pointer("/metadata/deletionTimestamp").is_some()) {
        match key.plural.as_str() {
            "persistentvolumeclaims" if !used_by_pod(all, id) => {
                drop_finalizer(state, key, id, "kubernetes.io/pvc-protection");
            }
            "persistentvolumes" if v.pointer("/status/phase") != Some(&json!("Bound")) => {
                drop_finalizer(state, key, id, "kubernetes.io/pv-protection");
            }
            _ => {}
        }
    }
}

fn used_by_pod(all: &[(ResourceKey, Id, Arc<Value>)], claim: &Id) -> bool {
    all.iter().filter(|(k, id, _)| *k == core_key("pods") && id.0 == claim.0).any(|(_, _, pod)| {
        let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array).into_iter().flatten();
        volumes.into_iter().any(|v| v.pointer("/persistentVolumeClaim/claimName") == Some(&json!(claim.1)))
    })
}

/// The namespace controller: what is in a terminating namespace goes, then the namespace.
fn namespaces(state: &mut State) {
    let going: Vec<Id> = state
        .store
        .list(&core_key("namespaces"))
        .filter(|(_, v)| v.pointer("/metadata/deletionTimestamp").is_some())
        .map(|(id, _)| id.clone())
        .collect();
    for ns in going {
        let keys: Vec<ResourceKey> =
            state.store.all().filter(|(_, id, _)| id.0 == ns.1).map(|(k, _, _)| k.clone()).collect();
        for key in keys {
            let Some(resource) = state.resource_of(&key) else { continue };
            for id in unmarked(state, &key, |id, _| id.0 == ns.1) {
                remove(state, &resource, &id);
            }
        }
        let left: Vec<(String, Arc<Value>)> = state
            .store
            .all()
            .filter(|(_, id, _)| id.0 == ns.1)
            .map(|(k, _, v)| (crate::status::GroupName { group: &k.group, name: &k.plural }.to_string(), Arc::clone(v)))
            .collect();
        if left.is_empty() {
            finish(state, &ns);
        } else {
            report(state, &ns, &left);
        }
    }
}

fn finish(state: &mut State, ns: &Id) {
    let key = core_key("namespaces");
    let Some(old) = state.find(&key, ns) else { return };
    if old.pointer("/metadata/finalizers").and_then(Value::as_array).is_some_and(|f| !f.is_empty()) {
        if old.pointer("/spec/finalizers").is_some() {
            let mut new = (*old).clone();
            new["spec"] = json!({});
            state.store.put(&key, ns, new);
        }
        return;
    }
    state.store.remove(&key, ns);
    state.dirty = true;
}

/// Says in the namespace's status what holds it up.
fn report(state: &mut State, ns: &Id, left: &[(String, Arc<Value>)]) {
    let count = |names: Vec<String>, text: &str| {
        let unique: BTreeSet<&String> = names.iter().collect();
        let parts: Vec<String> = unique
            .iter()
            .map(|n| format!("{n}{text}{} resource instances", names.iter().filter(|x| x == n).count()))
            .collect();
        parts.join(", ")
    };
    let resources = count(left.iter().map(|(k, _)| format!("{k}.")).collect(), " has ");
    let finalizers: Vec<String> = left
        .iter()
        .flat_map(|(_, v)| v.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten())
        .filter_map(|f| f.as_str().map(str::to_owned))
        .collect();
    let finalizers = count(finalizers, " in ");
    let now = state.now();
    let condition = |kind: &str, reason: &str, message: String| json!({"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message});
    let conditions = json!([
        condition(
            "NamespaceContentRemaining",
            "SomeResourcesRemain",
            format!("Some resources are remaining: {resources}")
        ),
        condition(
            "NamespaceFinalizersRemaining",
            "SomeFinalizersRemain",
            format!("Some content in the namespace has finalizers remaining: {finalizers}"),
        ),
    ]);
    system_write(state, &core_key("namespaces"), ns, "kube-controller-manager", "status", |new| {
        let strip = |v: &Value| v.as_array().map(|a| a.iter().map(|c| c["message"].clone()).collect::<Vec<_>>());
        if strip(&new["status"]["conditions"]) != strip(&conditions) {
            new["status"]["conditions"] = conditions;
        }
    });
}
