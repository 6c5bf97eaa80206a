//! Edits without the HTTP around them: what tests do "as another manager". The rules are those of the requests.

use crate::request::{FieldValidation, Target, Verb, WriteOptions};
use crate::server::ObjectKey;
use crate::state::State;
use crate::status::Failure;
use crate::verbs::{self, create, decode, update};
use serde_json::Value;

pub(crate) fn target_of(state: &State, key: &ObjectKey, verb: Verb, subresource: &str) -> Result<Target, Failure> {
    let id = crate::resources::ResourceKey { group: key.group.clone(), plural: key.resource.clone() };
    let resource =
        state.resource_of(&id).ok_or_else(|| Failure::new(404, "NotFound", format!("no resource {key:?}")))?;
    Ok(Target {
        resource,
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        subresource: subresource.to_owned(),
        verb,
    })
}

fn direct(manager: &str) -> WriteOptions {
    WriteOptions { manager: manager.to_owned(), dry_run: false, validation: FieldValidation::Ignore, force: false }
}

/// An update without the HTTP around it.
pub(crate) fn write_as(
    state: &mut State,
    manager: &str,
    key: &ObjectKey,
    subresource: &str,
    edit: impl FnOnce(&mut Value),
) -> Result<Value, Failure> {
    let target = target_of(state, key, Verb::Update, subresource)?;
    let id = (key.namespace.clone(), key.name.clone());
    let Some(old) = state.find(&target.resource.key, &id) else {
        return Err(Failure::not_found(&target.resource.named(), &key.name));
    };
    let old_view = update::at_version(&target.resource, &old);
    let mut new = old_view.clone();
    edit(&mut new);
    let options = direct(manager);
    decode::shape(&target.resource, &mut new, options.validation)?;
    let base = update::only_subresource(&target, &old_view, new);
    let managers = decode::own(&target, &old_view, &base, manager, &state.now(), &verbs::reset_fields(&target));
    let mut new = crate::apply::updater::without_managed_fields(&base);
    crate::apply::updater::set_managers(&mut new, &managers);
    update::store(state, &target, &old, new, &options).map(|v| (*v).clone())
}

/// A create without the HTTP around it.
pub(crate) fn create_as(state: &mut State, manager: &str, mut object: Value) -> Result<Value, Failure> {
    let text = |v: &Value, p: &str| v.pointer(p).and_then(Value::as_str).unwrap_or("").to_owned();
    let (api_version, kind) = (text(&object, "/apiVersion"), text(&object, "/kind"));
    let found = state.resources().find(|r| r.api_version() == api_version && r.kind == kind).cloned();
    let resource = found.ok_or_else(|| Failure::new(404, "NotFound", format!("no kind {kind} in {api_version}")))?;
    let namespace = if resource.namespaced { text(&object, "/metadata/namespace") } else { String::new() };
    let name = text(&object, "/metadata/name");
    let target = Target { resource, namespace, name, subresource: String::new(), verb: Verb::Create };
    let options = direct(manager);
    decode::check_kind(&target.resource, &mut object)?;
    decode::shape(&target.resource, &mut object, options.validation)?;
    let empty = decode::empty(&target.resource);
    let managers = decode::own(&target, &empty, &object, manager, &state.now(), &verbs::reset_fields(&target));
    crate::apply::updater::set_managers(&mut object, &managers);
    create::insert(state, &target, object, &options).map(|v| (*v).clone())
}
