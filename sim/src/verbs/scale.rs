//! The `/scale` subresource: an `autoscaling/v1` Scale over the replicas of a workload.

use super::{decode, update};
use crate::apply::fieldset::FieldSet;
use crate::apply::updater::{set_managers, without_managed_fields};
use crate::patch::{json_patch, merge_patch};
use crate::request::{Call, Target, Verb, WriteOptions};
use crate::respond::Reply;
use crate::state::State;
use crate::status::Failure;
use serde_json::{Value, json};

fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

/// The Scale of an object.
fn scale_of(target: &Target, object: &Value) -> Value {
    let meta = &object["metadata"];
    let paths = target.resource.scale.clone();
    let read = |p: Option<&String>| p.and_then(|p| object.pointer(&pointer(p))).cloned();
    let spec = read(paths.as_ref().map(|p| &p.spec)).unwrap_or_else(|| json!(0));
    let status = read(paths.as_ref().map(|p| &p.status)).unwrap_or_else(|| json!(0));
    let mut out = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {"name": meta["name"]},
        "spec": {"replicas": spec},
        "status": {"replicas": status},
    });
    for key in ["namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(v) = meta.get(key) {
            out["metadata"][key] = v.clone();
        }
    }
    if spec_is_zero(&out) {
        out["spec"] = json!({});
    }
    let selector = match paths.and_then(|p| p.selector) {
        Some(path) => object.pointer(&pointer(&path)).and_then(Value::as_str).map(str::to_owned),
        None => labels_of(object.pointer("/spec/selector/matchLabels").or_else(|| object.pointer("/spec/selector"))),
    };
    if let Some(selector) = selector.filter(|s| !s.is_empty()) {
        out["status"]["selector"] = selector.into();
    }
    out
}

fn spec_is_zero(scale: &Value) -> bool {
    scale["spec"]["replicas"] == json!(0)
}

fn labels_of(labels: Option<&Value>) -> Option<String> {
    let mut pairs: Vec<String> =
        labels?.as_object()?.iter().filter_map(|(k, v)| v.as_str().map(|v| format!("{k}={v}"))).collect();
    pairs.sort();
    Some(pairs.join(","))
}

pub(crate) fn handle(state: &mut State, call: &Call, target: &Target) -> Result<Reply, Failure> {
    let id = (target.namespace.clone(), target.name.clone());
    let Some(old) = state.find(&target.resource.key, &id) else {
        return Err(Failure::not_found(&target.resource.named(), &target.name));
    };
    let scale = scale_of(target, &old);
    let new_scale = match target.verb {
        Verb::Get => return Ok(Reply::json(200, scale)),
        Verb::Update => decode::body(call)?,
        Verb::Patch => patched(call, &scale)?,
        _ => return Err(Failure::method_not_allowed()),
    };
    let options =
        WriteOptions::of(call, if target.verb == Verb::Patch { "PatchOptions" } else { "UpdateOptions" }, false)?;
    let Some(paths) = &target.resource.scale else { return Err(Failure::method_not_allowed()) };
    let old_view = update::at_version(&target.resource, &old);
    let mut new = old_view.clone();
    let replicas = new_scale.pointer("/spec/replicas").cloned().unwrap_or_else(|| json!(0));
    set(&mut new, &paths.spec, replicas);
    for key in ["uid", "resourceVersion"] {
        if let Some(v) = new_scale["metadata"].get(key) {
            new["metadata"][key] = v.clone();
        }
    }
    let mut managers = decode::own(target, &old_view, &new, &options.manager, &state.now(), &FieldSet::default());
    // The scale handlers write their entry without a time.
    for (_, owned) in managers.0.iter_mut().filter(|(k, _)| k.subresource == "scale") {
        owned.time = None;
    }
    let mut new = without_managed_fields(&new);
    set_managers(&mut new, &managers);
    let plain = Target { subresource: String::new(), ..target.clone() };
    let stored = update::store(state, &plain, &old, new, &options)?;
    Ok(Reply::json(200, scale_of(target, &stored)))
}

fn patched(call: &Call, scale: &Value) -> Result<Value, Failure> {
    let body = call.json()?;
    match call.content_type.split(';').next().unwrap_or("") {
        "application/merge-patch+json" | "application/strategic-merge-patch+json" => {
            let mut out = scale.clone();
            merge_patch(&mut out, &body);
            Ok(out)
        }
        "application/json-patch+json" => json_patch(scale, &body),
        _ => Err(Failure::not_modelled("server-side apply to /scale")),
    }
}

fn set(object: &mut Value, path: &str, value: Value) {
    let mut at = object;
    for part in path.split('.').filter(|p| !p.is_empty()) {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[part];
    }
    *at = value;
}
