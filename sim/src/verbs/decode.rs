//! From the bytes of a body to an object of the right kind, pruned and defaulted.

use crate::apply::fieldset::FieldSet;
use crate::apply::managed::Managers;
use crate::apply::updater::Operation;
use crate::defaults;
use crate::request::{Call, FieldValidation, Target};
use crate::resources::Resource;
use crate::schema::normalize::{fill_defaults, prune, round_trip, zero};
use crate::status::Failure;
use serde_json::{Map, Value, json};

/// The object of a create or an update.
pub(crate) fn body(call: &Call) -> Result<Value, Failure> {
    if call.content_type.contains("protobuf") {
        return Err(Failure::not_modelled("protobuf bodies"));
    }
    let object = call.json()?;
    if !object.is_object() {
        return Err(Failure::bad_request("the body is not an object"));
    }
    Ok(object)
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// Holds that the object is of the resource's kind, and fills in what may be left out.
pub(crate) fn check_kind(resource: &Resource, object: &mut Value) -> Result<(), Failure> {
    let (version, kind) = (text(object, "/apiVersion").to_owned(), text(object, "/kind").to_owned());
    let (want_version, want_kind) = (resource.api_version(), resource.kind.clone());
    if resource.custom && (kind.is_empty() || version.is_empty()) {
        let what = if kind.is_empty() { "Kind" } else { "apiVersion" };
        return Err(Failure::bad_request(format!("Object '{what}' is missing in '{object}'")));
    }
    if !kind.is_empty() && kind != want_kind || !version.is_empty() && version != want_version {
        let message = if kind == want_kind || kind.is_empty() {
            format!("the API version in the data ({version}) does not match the expected API version ({want_version})")
        } else {
            let hub = |v: &str| v.split_once('/').map_or("core", |(g, _)| g.split('.').next().unwrap_or(g)).to_owned();
            let short = |v: &str| v.rsplit('/').next().unwrap_or("").to_owned();
            format!(
                "{kind} in version {:?} cannot be handled as a {want_kind}: converting ({}.{kind}) to ({}.{want_kind}): unknown conversion",
                resource.version,
                short(&version),
                hub(&want_version)
            )
        };
        return Err(Failure::bad_request(message));
    }
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".into(), want_version.into());
        map.insert("kind".into(), want_kind.into());
        if !map.get("metadata").is_some_and(Value::is_object) {
            map.insert("metadata".into(), json!({}));
        }
    }
    Ok(())
}

/// Holds that the object is in the namespace of the path (`EnsureObjectNamespaceMatchesRequestNamespace`).
pub(crate) fn check_namespace(target: &Target, object: &mut Value) -> Result<(), Failure> {
    let given = text(object, "/metadata/namespace").to_owned();
    if !target.resource.namespaced {
        if !given.is_empty() {
            return Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
    } else if !given.is_empty() && given != target.namespace {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        if target.resource.namespaced {
            meta.insert("namespace".into(), target.namespace.clone().into());
        } else {
            meta.shift_remove("namespace");
        }
    }
    Ok(())
}

/// Decodes as Go does: unknown fields go, defaults come. Returns warnings.
pub(crate) fn shape(
    resource: &Resource,
    object: &mut Value,
    validation: FieldValidation,
) -> Result<Vec<String>, Failure> {
    let strange = if resource.custom {
        let strange = if resource.prunes { prune(&resource.ty, object) } else { Vec::new() };
        fill_defaults(&resource.ty, object);
        clean_custom_metadata(object);
        strange
    } else {
        let strange = round_trip(&resource.ty, object).map_err(|e| {
            Failure::bad_request(format!(
                "{kind} in version {v:?} cannot be handled as a {kind}: json: cannot unmarshal {} into Go struct field {}.{} of type {}",
                e.got, e.owner, e.path.trim_start_matches('.'), e.want, kind = resource.kind, v = resource.version
            ))
        })?;
        defaults::fill(resource, object);
        strange
    };
    if strange.is_empty() || validation == FieldValidation::Ignore {
        return Ok(Vec::new());
    }
    let list: Vec<String> = strange.iter().map(|p| format!("unknown field {p:?}")).collect();
    if validation == FieldValidation::Strict {
        let message = format!("strict decoding error: {}", list.join(", "));
        let k = &resource.kind;
        return Err(Failure::bad_request(format!(
            "{k} in version {:?} cannot be handled as a {k}: {message}",
            resource.version
        )));
    }
    Ok(list)
}

/// Metadata of custom objects goes through Go's `ObjectMeta` as well.
fn clean_custom_metadata(object: &mut Value) {
    let ty = crate::schema::builtin::object_meta();
    if let Some(meta) = object.get_mut("metadata") {
        // A wrong type inside metadata is left as it is; validation sees it.
        let _unknown = round_trip(&ty, meta);
    }
}

/// What a new object of the kind looks like before anything is written into it.
pub(crate) fn empty(resource: &Resource) -> Value {
    let mut object = if resource.custom { json!({}) } else { zero(&resource.ty) };
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".into(), resource.api_version().into());
        map.insert("kind".into(), resource.kind.clone().into());
        map.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    }
    object
}

/// Whether a request resets managedFields: an empty list, or one empty entry.
pub(crate) fn resets_managers(object: &Value) -> bool {
    match object.pointer("/metadata/managedFields") {
        Some(Value::Array(list)) => match list.as_slice() {
            [] => true,
            [one] => one.as_object().is_some_and(|m| m.is_empty()),
            _ => false,
        },
        _ => false,
    }
}

/// Ownership after a write that is not an apply.
pub(crate) fn own(target: &Target, old: &Value, new: &Value, manager: &str, now: &str, reset: &FieldSet) -> Managers {
    let creating = old.pointer("/metadata/uid").is_none();
    if resets_managers(new) && !creating {
        return Managers::default();
    }
    let sent = Managers::of(new);
    let managers = if target.subresource.is_empty() && !sent.0.is_empty() { sent } else { Managers::of(old) };
    if managers.0.is_empty() && !creating {
        return managers;
    }
    let api_version = target.resource.api_version();
    let operation = Operation {
        ty: &target.resource.ty,
        api_version: &api_version,
        subresource: &target.subresource,
        manager,
        reset,
        now,
    };
    operation.update(old, new, managers)
}
