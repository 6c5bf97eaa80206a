//! GET: one object, a list, the start of a watch.

use crate::request::{Call, Target};
use crate::respond::{More, Reply, list_reply, object, view};
use crate::selector::Selector;
use crate::state::State;
use crate::status::{Failure, FieldError, GroupName};
use crate::watch::{Start, WatchSpec};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) fn get(state: &State, call: &Call, target: &Target) -> Result<Reply, Failure> {
    let id = (target.namespace.clone(), target.name.clone());
    match state.find(&target.resource.key, &id) {
        Some(found) => object(call, &target.resource, 200, &found),
        None => Err(Failure::not_found(&target.resource.named(), &target.name)),
    }
}

/// The fields that a kind can be selected by (the strategies' `SelectableFields`).
fn selectable(target: &Target) -> &'static [&'static str] {
    match (target.resource.key.group.as_str(), target.resource.kind.as_str()) {
        ("", "Pod") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("", "Namespace") => &["status.phase"],
        ("", "Secret") => &["type"],
        ("", "Node") => &["spec.unschedulable"],
        ("", "Service") => &["spec.clusterIP", "spec.type"],
        ("", "Event") | ("events.k8s.io", "Event") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "ReplicationController") | ("apps", "ReplicaSet") => &["status.replicas"],
        ("batch", "Job") => &["status.successful"],
        _ => &[],
    }
}

fn selector(call: &Call, target: &Target) -> Result<Selector, Failure> {
    let selector = call.selector()?;
    let strange = selector
        .field_names()
        .find(|f| !matches!(*f, "metadata.name" | "metadata.namespace") && !selectable(target).contains(f));
    if let Some(field) = strange {
        let message = if selectable(target).is_empty() {
            format!("{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
        } else {
            format!("field label not supported: {field}")
        };
        return Err(Failure::bad_request(message));
    }
    Ok(selector)
}

fn number(text: &str) -> Option<u64> {
    if text.is_empty() { Some(0) } else { text.parse().ok() }
}

fn too_new(asked: u64, have: u64) -> Failure {
    let mut failure =
        Failure::new(504, "Timeout", format!("Timeout: Too large resource version: {asked}, current: {have}"));
    failure.details = Some(json!({
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }));
    failure
}

/// Where a paged list goes on.
struct Continue {
    version: u64,
    after: (String, String),
}

fn parse_token(token: &str) -> Option<Continue> {
    let value: Value = serde_json::from_slice(&crate::base64::decode(token)?).ok()?;
    let version = value.get("rv")?.as_u64()?;
    let part = |k: &str| value.get(k).and_then(Value::as_str).map(str::to_owned);
    Some(Continue { version, after: (part("ns")?, part("name")?) })
}

pub(crate) fn list(state: &State, call: &Call, target: &Target) -> Result<Reply, Failure> {
    let selector = selector(call, target)?;
    let Some(asked) = number(call.param("resourceVersion")) else {
        return Err(Failure::bad_request(format!(
            "Invalid value: {:?}: strconv.ParseUint: parsing {0:?}: invalid syntax",
            call.param("resourceVersion")
        )));
    };
    let current = state.store.version();
    if asked > current {
        return Err(too_new(asked, current));
    }
    if call.param("resourceVersionMatch") == "Exact" && asked != current {
        return Err(Failure::not_modelled("lists at an exact version that is not the newest"));
    }
    let token = call.param("continue");
    let start = match token {
        "" => None,
        t => {
            Some(parse_token(t).ok_or_else(|| Failure::bad_request("continue key is not valid: illegal base64 data"))?)
        }
    };
    if let Some(start) = &start
        && start.version < state.store.dropped()
    {
        return Err(Failure::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
        ));
    }
    let version = start.as_ref().map_or(current, |s| s.version);
    let found: Vec<_> = state
        .store
        .list(&target.resource.key)
        .filter(|(id, _)| target.namespace.is_empty() || id.0 == target.namespace)
        .filter(|(id, _)| start.as_ref().is_none_or(|s| **id > s.after))
        .filter(|(_, v)| selector.matches(v))
        .collect();
    let limit = call.param("limit").parse::<usize>().unwrap_or(0);
    if limit == 0 || found.len() <= limit {
        let items: Vec<Arc<Value>> = found.into_iter().map(|(_, v)| Arc::clone(v)).collect();
        return list_reply(call, &target.resource, &items, version, None);
    }
    let items: Vec<Arc<Value>> = found.iter().take(limit).map(|(_, v)| Arc::clone(v)).collect();
    let last = found.get(limit - 1).map(|(id, _)| (*id).clone()).unwrap_or_default();
    let token = json!({"rv": version, "ns": last.0, "name": last.1}).to_string();
    let more = More {
        token: crate::base64::encode(token.as_bytes()),
        remaining: selector.is_empty().then_some(found.len() - limit),
    };
    list_reply(call, &target.resource, &items, version, Some(more))
}

pub(crate) fn watch(state: &State, call: &Call, target: &Target) -> Result<Reply, Failure> {
    let selector = selector(call, target)?;
    let text = call.param("resourceVersion");
    let Some(asked) = number(text) else {
        let message =
            format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax");
        return Err(Failure::new(500, "", message));
    };
    let initial = call.flag("sendInitialEvents") && call.query.iter().any(|(k, _)| k == "sendInitialEvents");
    let matched = call.param("resourceVersionMatch");
    let has_initial = call.query.iter().any(|(k, _)| k == "sendInitialEvents");
    if has_initial && matched != "NotOlderThan" {
        let kind = GroupName { group: "meta.k8s.io", name: "ListOptions" };
        let error = FieldError::forbidden(
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        );
        return Err(Failure::invalid(&kind, "", &[error]));
    }
    if !has_initial && !matched.is_empty() {
        let kind = GroupName { group: "meta.k8s.io", name: "ListOptions" };
        let error = FieldError::forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        );
        return Err(Failure::invalid(&kind, "", &[error]));
    }
    let start = if initial {
        Start::InitialEvents
    } else if asked == 0 {
        // `sendInitialEvents=false` asks for what comes, and nothing of what is there.
        if has_initial { Start::After(state.store.version()) } else { Start::Everything }
    } else {
        Start::After(asked)
    };
    Ok(Reply::watch(WatchSpec {
        resource: Arc::clone(&target.resource),
        namespace: target.namespace.clone(),
        selector,
        start,
        bookmarks: call.flag("allowWatchBookmarks") && !call.param("allowWatchBookmarks").is_empty(),
        timeout: call.param("timeoutSeconds").parse().ok().filter(|t| *t > 0),
        view: view(call)?,
    }))
}
