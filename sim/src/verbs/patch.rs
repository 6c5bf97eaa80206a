//! PATCH: JSON merge patch, JSON patch, strategic merge patch and server-side apply.

use super::{create, decode, reset_fields, update};
use crate::apply::managed::Managers;
use crate::apply::updater::{Conflict, Operation, set_managers, without_managed_fields};
use crate::patch::{json_patch, merge_patch, strategic};
use crate::request::{Call, FieldValidation, Target, WriteOptions};
use crate::respond::{Reply, object};
use crate::schema::normalize::apply_errors;
use crate::state::State;
use crate::status::Failure;
use serde_json::{Value, json};

pub(crate) fn handle(state: &mut State, call: &Call, target: &Target) -> Result<Reply, Failure> {
    let kind = call.content_type.split(';').next().unwrap_or("").trim().to_owned();
    match kind.as_str() {
        "application/apply-patch+yaml" => apply(state, call, target),
        "application/merge-patch+json" | "application/json-patch+json" | "application/strategic-merge-patch+json" => {
            patch(state, call, target, &kind)
        }
        "application/apply-patch+cbor" => Err(Failure::not_modelled("CBOR bodies")),
        _ => {
            let accepted = "application/apply-patch+yaml, application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";
            let message =
                format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
            let mut failure = Failure::new(415, "UnsupportedMediaType", message);
            failure.details = Some(json!({}));
            Err(failure)
        }
    }
}

fn patch(state: &mut State, call: &Call, target: &Target, kind: &str) -> Result<Reply, Failure> {
    let options = WriteOptions::of(call, "PatchOptions", false)?;
    let id = (target.namespace.clone(), target.name.clone());
    let Some(old) = state.find(&target.resource.key, &id) else {
        return Err(Failure::not_found(&target.resource.named(), &target.name));
    };
    let resource = &target.resource;
    let old_view = update::at_version(resource, &old);
    let body = call.json()?;
    let mut new = match kind {
        "application/merge-patch+json" => {
            if !body.is_object() {
                return Err(Failure::bad_request("the patch is not an object"));
            }
            let mut out = old_view.clone();
            merge_patch(&mut out, &body);
            out
        }
        "application/json-patch+json" => json_patch(&old_view, &body)?,
        _ if resource.custom => {
            let message = "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
            return Err(Failure::new(415, "UnsupportedMediaType", message));
        }
        _ => strategic(&resource.ty, &old_view, &body).map_err(Failure::bad_request)?,
    };
    check_patched(target, &mut new)?;
    let warnings = decode::shape(resource, &mut new, options.validation).map_err(patched_failure)?;
    decode::check_namespace(target, &mut new)?;
    let base = update::only_subresource(target, &old_view, new);
    let managers = decode::own(target, &old_view, &base, &options.manager, &state.now(), &reset_fields(target));
    let mut new = without_managed_fields(&base);
    set_managers(&mut new, &managers);
    let stored = update::store(state, target, &old, new, &options)?;
    Ok(object(call, resource, 200, &stored)?.warn(warnings))
}

/// A patch that makes an object undecodable is invalid rather than a bad request.
fn patched_failure(mut failure: Failure) -> Failure {
    if failure.message.contains("strict decoding error") {
        if let Some(at) = failure.message.find("strict decoding error") {
            failure.message = failure.message.split_off(at);
        }
        failure.code = 422;
        failure.reason = "Invalid".into();
        failure.message = format!(" \"\" is invalid: patch: Invalid value: \"\": {}", failure.message);
    }
    failure
}

/// A patch may not change what the object is.
fn check_patched(target: &Target, new: &mut Value) -> Result<(), Failure> {
    let text = |k: &str| new.pointer(k).and_then(Value::as_str).unwrap_or("").to_owned();
    let (name, kind, version) = (text("/metadata/name"), text("/kind"), text("/apiVersion"));
    if kind != target.resource.kind || version != target.resource.api_version() {
        decode::check_kind(&target.resource, new)?;
    }
    if name != target.name {
        let message = format!("the name of the object ({name}) does not match the name on the URL ({})", target.name);
        return Err(Failure::bad_request(message));
    }
    Ok(())
}

/// The configuration of an apply.
fn configuration(call: &Call) -> Result<Value, Failure> {
    // YAML's own syntax needs a parser that this crate does not have; clients send JSON under this name.
    let value: Value = serde_json::from_slice(&call.body).map_err(|e| {
        if call.body.first() == Some(&b'{') {
            Failure::bad_request(format!("error decoding YAML: {e}"))
        } else {
            Failure::not_modelled("apply bodies in YAML that are not JSON")
        }
    })?;
    if !value.is_object() {
        return Err(Failure::bad_request("error decoding YAML: the body is not an object"));
    }
    Ok(value)
}

fn apply(state: &mut State, call: &Call, target: &Target) -> Result<Reply, Failure> {
    let options = WriteOptions::of(call, "PatchOptions", true)?;
    let resource = &target.resource;
    let config = configuration(call)?;
    check_configuration(target, &config)?;
    let id = (target.namespace.clone(), target.name.clone());
    let old = state.find(&resource.key, &id);
    if old.is_none() && !target.subresource.is_empty() {
        return Err(Failure::not_found(&resource.named(), &target.name));
    }
    let live = old.as_ref().map_or_else(|| decode::empty(resource), |o| update::at_version(resource, o));
    let now = state.now();
    let api_version = resource.api_version();
    let reset = reset_fields(target);
    let operation = Operation {
        ty: &resource.ty,
        api_version: &api_version,
        subresource: &target.subresource,
        manager: &options.manager,
        reset: &reset,
        now: &now,
    };
    let mut managers = Managers::of(&live);
    if managers.0.is_empty() && old.is_some() {
        let before = Operation { manager: "before-first-apply", ..operation };
        managers = before.update(&decode::empty(resource), &live, managers);
    }
    let (merged, managers) = operation.apply(&live, &config, managers, options.force).map_err(|c| conflict(&c))?;
    let mut new = merged.unwrap_or_else(|| without_managed_fields(&live));
    shape_applied(target, &mut new)?;
    let Some(old) = old else { return create_by_apply(state, call, target, new, &managers, &options) };
    let mut new = update::only_subresource(target, &live, new);
    set_managers(&mut new, &managers);
    let stored = update::store(state, target, &old, new, &options)?;
    object(call, resource, 200, &stored)
}

fn create_by_apply(
    state: &mut State,
    call: &Call,
    target: &Target,
    mut new: Value,
    managers: &Managers,
    options: &WriteOptions,
) -> Result<Reply, Failure> {
    let uid = new.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or("").to_owned();
    if !uid.is_empty() {
        let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
        return Err(Failure::conflict(&target.resource.named(), &target.name, &why));
    }
    set_managers(&mut new, managers);
    let stored = create::insert(state, target, new, options)?;
    object(call, &target.resource, 201, &stored)
}

/// What the merged object becomes when it is decoded into its kind.
fn shape_applied(target: &Target, new: &mut Value) -> Result<(), Failure> {
    if let Some(map) = new.as_object_mut() {
        if !map.get("metadata").is_some_and(Value::is_object) {
            map.insert("metadata".into(), json!({}));
        }
        map.insert("apiVersion".into(), target.resource.api_version().into());
        map.insert("kind".into(), target.resource.kind.clone().into());
    }
    decode::shape(&target.resource, new, FieldValidation::Ignore)?;
    decode::check_namespace(target, new)?;
    let name = new.pointer("/metadata/name").and_then(Value::as_str).unwrap_or("").to_owned();
    if name.is_empty() {
        new["metadata"]["name"] = target.name.clone().into();
    } else if name != target.name {
        let message = format!("the name of the object ({name}) does not match the name on the URL ({})", target.name);
        return Err(Failure::bad_request(message));
    }
    if target.resource.is("", "namespaces") {
        crate::defaults::fill(&target.resource, new);
    }
    Ok(())
}

fn check_configuration(target: &Target, config: &Value) -> Result<(), Failure> {
    let resource = &target.resource;
    let text = |k: &str| config.pointer(k).and_then(Value::as_str).unwrap_or("").to_owned();
    let (version, kind) = (text("/apiVersion"), text("/kind"));
    let gvk =
        if version.contains('/') { format!("{version}, Kind={kind}") } else { format!("/{version}, Kind={kind}") };
    if kind != resource.kind || version != resource.api_version() {
        let message = if resource.custom && kind == resource.kind {
            let want = resource.api_version();
            format!("Incorrect version specified in apply patch. Specified patch version: {version}, expected: {want}")
        } else {
            format!("invalid object type: {gvk}")
        };
        return Err(Failure::bad_request(message));
    }
    if config.pointer("/metadata/managedFields").is_some_and(|m| !m.is_null()) {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    let mut errors = Vec::new();
    apply_errors(&resource.ty, config, "", &mut errors);
    if !errors.is_empty() {
        let list = if errors.len() == 1 { errors.concat() } else { format!("errors:\n  {}", errors.join("\n  ")) };
        let object = format!("{}/{}; {gvk}", text("/metadata/namespace"), text("/metadata/name"));
        return Err(Failure::new(500, "", format!("failed to create typed patch object ({object}): {list}")));
    }
    Ok(())
}

/// The refusal that names who owns what.
fn conflict(conflicts: &[Conflict]) -> Failure {
    let message = match conflicts {
        [one] => format!("Apply failed with 1 conflict: conflict with {}: {}", one.manager.describe(), one.path),
        many => {
            let mut lines: Vec<String> = Vec::new();
            let mut last = None;
            for c in many {
                if last != Some(&c.manager) {
                    lines.push(format!("conflicts with {}:", c.manager.describe()));
                    last = Some(&c.manager);
                }
                lines.push(format!("- {}", c.path));
            }
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
        }
    };
    let causes = conflicts.iter().map(|c| {
        json!({
            "reason": "FieldManagerConflict",
            "message": format!("conflict with {}", c.manager.describe()),
            "field": c.path,
        })
    });
    let mut failure = Failure::new(409, "Conflict", message);
    failure.details = Some(json!({"causes": Value::Array(causes.collect())}));
    failure
}
