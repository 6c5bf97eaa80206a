//! Answers: whole objects, metadata only, lists, and what a client accepts.

use crate::request::Call;
use crate::resources::Resource;
use crate::status::Failure;
use crate::watch::WatchSpec;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// An answer before it becomes HTTP.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) body: Body,
    pub(crate) content_type: &'static str,
    pub(crate) warnings: Vec<String>,
    pub(crate) retry_after: Option<u64>,
}

#[derive(Debug)]
pub(crate) enum Body {
    Json(Value),
    Text(String),
    Watch(Box<WatchSpec>),
}

const JSON: &str = "application/json";

impl Reply {
    pub(crate) fn json(code: u16, value: Value) -> Self {
        Self { code, body: Body::Json(value), content_type: JSON, warnings: Vec::new(), retry_after: None }
    }

    pub(crate) fn text(code: u16, text: &str) -> Self {
        let body = Body::Text(text.to_owned());
        Self { code, body, content_type: "text/plain; charset=utf-8", warnings: Vec::new(), retry_after: None }
    }

    pub(crate) fn watch(spec: WatchSpec) -> Self {
        Self {
            code: 200,
            body: Body::Watch(Box::new(spec)),
            content_type: JSON,
            warnings: Vec::new(),
            retry_after: None,
        }
    }

    pub(crate) fn warn(mut self, warnings: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        self
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        let mut reply = Reply::json(failure.code, failure.to_value());
        reply.retry_after = failure.retry_after;
        reply
    }
}

/// What a client wants of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Whole,
    Metadata,
}

/// The first acceptable form that is modelled.
pub(crate) fn view(call: &Call) -> Result<View, Failure> {
    if call.accept.is_empty() {
        return Ok(View::Whole);
    }
    let mut refused = "";
    for option in call.accept.split(',').map(str::trim) {
        let mut parts = option.split(';').map(str::trim);
        let media = parts.next().unwrap_or("");
        let form = parts.find_map(|p| p.strip_prefix("as="));
        match (media, form) {
            ("application/json" | "*/*" | "application/*", None) => return Ok(View::Whole),
            ("application/json", Some("PartialObjectMetadata" | "PartialObjectMetadataList")) => {
                return Ok(View::Metadata);
            }
            ("application/json", Some("Table")) => refused = "tables (as=Table)",
            (other, _) if other.contains("protobuf") || other.contains("cbor") => refused = "protobuf and CBOR answers",
            ("application/yaml", _) => refused = "YAML answers",
            _ => {}
        }
    }
    if refused.is_empty() {
        let message = "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/cbor";
        return Err(Failure::new(406, "NotAcceptable", message));
    }
    Err(Failure::not_modelled(refused))
}

/// Only the metadata of an object.
pub(crate) fn partial(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata").cloned().unwrap_or_else(|| json!({})),
    })
}

/// An object as its resource's version and the client want it.
pub(crate) fn render(resource: &Resource, object: &Value, view: View) -> Value {
    match view {
        View::Metadata => partial(object),
        View::Whole => {
            let mut out = object.clone();
            if let Some(map) = out.as_object_mut() {
                map.insert("apiVersion".into(), resource.api_version().into());
            }
            out
        }
    }
}

/// The answer with one object.
pub(crate) fn object(call: &Call, resource: &Resource, code: u16, object: &Value) -> Result<Reply, Failure> {
    Ok(Reply::json(code, render(resource, object, view(call)?)))
}

/// The rest of a list that was cut by `limit`.
pub(crate) struct More {
    pub(crate) token: String,
    pub(crate) remaining: Option<usize>,
}

/// The answer with a list.
pub(crate) fn list_reply(
    call: &Call,
    resource: &Resource,
    items: &[Arc<Value>],
    version: u64,
    more: Option<More>,
) -> Result<Reply, Failure> {
    let view = view(call)?;
    let mut rendered = Vec::with_capacity(items.len());
    for item in items {
        let mut item = render(resource, item, view);
        // Typed lists leave out what every item would repeat.
        if view == View::Whole
            && !resource.custom
            && let Some(map) = item.as_object_mut()
        {
            map.shift_remove("kind");
            map.shift_remove("apiVersion");
        }
        rendered.push(item);
    }
    let mut meta = Map::new();
    meta.insert("resourceVersion".into(), version.to_string().into());
    if resource.custom && view == View::Whole {
        meta.insert("continue".into(), "".into());
    }
    if let Some(more) = more {
        meta.insert("continue".into(), more.token.into());
        if let Some(n) = more.remaining {
            meta.insert("remainingItemCount".into(), n.into());
        }
    }
    let (kind, api_version) = match view {
        View::Whole => (resource.list_kind.clone(), resource.api_version()),
        View::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
    };
    Ok(Reply::json(200, json!({"kind": kind, "apiVersion": api_version, "metadata": meta, "items": rendered})))
}
