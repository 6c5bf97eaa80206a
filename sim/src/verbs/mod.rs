//! What each verb does to the state. One file per verb; every function is synchronous and holds no lock.

pub(crate) mod create;
pub(crate) mod decode;
pub(crate) mod delete;
pub(crate) mod patch;
pub(crate) mod read;
pub(crate) mod scale;
pub(crate) mod update;

use crate::apply::fieldset::FieldSet;
use crate::request::{Call, Target, Verb};
use crate::respond::Reply;
use crate::state::State;
use crate::status::Failure;

/// Answers a request for a resource.
pub(crate) fn handle(state: &mut State, call: &Call, target: &Target) -> Result<Reply, Failure> {
    modelled(target)?;
    if !allowed(target) {
        return Err(Failure::method_not_allowed());
    }
    if target.subresource == "scale" {
        return scale::handle(state, call, target);
    }
    match target.verb {
        Verb::Get => read::get(state, call, target),
        Verb::List => read::list(state, call, target),
        Verb::Watch => read::watch(state, call, target),
        Verb::Create => create::handle(state, call, target),
        Verb::Update => update::handle(state, call, target),
        Verb::Patch => patch::handle(state, call, target),
        Verb::Delete => delete::handle(state, call, target),
        Verb::DeleteCollection => delete::collection(state, call, target),
        Verb::Other => Err(Failure::method_not_allowed()),
    }
}

/// Refuses what only looks like a resource.
fn modelled(target: &Target) -> Result<(), Failure> {
    let r = &target.resource;
    let group = r.key.group.as_str();
    if matches!(group, "authentication.k8s.io" | "authorization.k8s.io") {
        return Err(Failure::not_modelled(&format!("{} (reviews of identity and access)", r.key.plural)));
    }
    if r.is("autoscaling", "horizontalpodautoscalers") && r.version == "v1" {
        return Err(Failure::not_modelled("autoscaling/v1; use autoscaling/v2"));
    }
    if group.is_empty() && matches!(r.kind.as_str(), "Binding" | "ComponentStatus") {
        return Err(Failure::not_modelled(&r.key.plural));
    }
    match target.subresource.as_str() {
        "" | "status" | "scale" | "finalize" => Ok(()),
        other => Err(Failure::not_modelled(&format!("the subresource {}/{other}", r.key.plural))),
    }
}

fn allowed(target: &Target) -> bool {
    let r = &target.resource;
    let verbs_of_collection = matches!(target.verb, Verb::List | Verb::Watch | Verb::DeleteCollection | Verb::Create);
    if target.subresource.is_empty() {
        return r.verbs.iter().any(|v| v == target.verb.as_str()) && verbs_of_collection == target.name.is_empty();
    }
    let exists = match target.subresource.as_str() {
        "status" => r.status,
        "scale" => r.scale.is_some(),
        "finalize" => r.is("", "namespaces"),
        _ => false,
    };
    let writes_only = target.subresource == "finalize";
    exists
        && match target.verb {
            Verb::Get | Verb::Patch => !writes_only,
            Verb::Update => true,
            _ => false,
        }
}

/// The fields that the request may not change.
pub(crate) fn reset_fields(target: &Target) -> FieldSet {
    target.resource.reset_fields(&target.subresource)
}
