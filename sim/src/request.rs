//! A request taken apart: verb, resource, namespace, name, subresource, parameters.

use crate::resources::Resource;
use crate::selector::Selector;
use crate::state::State;
use crate::status::{Failure, FieldError, GroupName};
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use std::sync::Arc;

/// What came in.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) accept: String,
    pub(crate) content_type: String,
    pub(crate) user_agent: String,
    pub(crate) user: Option<String>,
    pub(crate) body: Bytes,
}

/// What is asked of a resource, in the words of the API server's audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// One object.
    Get,
    /// A collection.
    List,
    /// Changes of a collection.
    Watch,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// PATCH, server-side apply included.
    Patch,
    /// DELETE of one object.
    Delete,
    /// DELETE of a collection.
    DeleteCollection,
    /// Anything that is not a resource: discovery, health.
    Other,
}

impl Verb {
    /// As the audit log and RBAC spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Update => "update",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::DeleteCollection => "deletecollection",
            Verb::Other => "other",
        }
    }

    /// Whether it can change an object.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(self, Verb::Create | Verb::Update | Verb::Patch | Verb::Delete | Verb::DeleteCollection)
    }
}

/// The resource part of a path.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) resource: Arc<Resource>,
    /// Empty for cluster scope and for "all namespaces".
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
    pub(crate) verb: Verb,
}

/// Takes `%xx` (and, in a query, `+`) apart.
pub(crate) fn decode_percent(text: &str, plus: bool) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'+' if plus => out.push(b' '),
            b'%' => {
                let hex: Vec<u8> = bytes.by_ref().take(2).collect();
                let value = std::str::from_utf8(&hex).ok().and_then(|h| u8::from_str_radix(h, 16).ok());
                out.push(value.unwrap_or(b'%'));
            }
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A query string as pairs.
pub(crate) fn parse_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|p| !p.is_empty());
    pairs
        .map(|p| {
            let (k, v) = p.split_once('=').unwrap_or((p, ""));
            (decode_percent(k, true), decode_percent(v, true))
        })
        .collect()
}

impl Call {
    pub(crate) fn param(&self, name: &str) -> &str {
        self.query.iter().find(|(k, _)| k == name).map_or("", |(_, v)| v.as_str())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.query
            .iter()
            .any(|(k, v)| k == name && matches!(v.as_str(), "" | "true" | "1" | "t" | "T" | "TRUE" | "True"))
    }

    /// The name that owns what this request writes (`managerOrUserAgent`).
    pub(crate) fn manager(&self) -> String {
        let named = self.param("fieldManager");
        let name = if named.is_empty() { self.user_agent.split('/').next().unwrap_or("") } else { named };
        name.chars().take(128).collect()
    }

    /// The body as JSON, or as YAML where the content type says so.
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body).map_err(|e| Failure::bad_request(format!("error decoding the body: {e}")))
    }

    pub(crate) fn selector(&self) -> Result<Selector, Failure> {
        Selector::parse(self.param("labelSelector"), self.param("fieldSelector")).map_err(Failure::bad_request)
    }

    pub(crate) fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|s| !s.is_empty()).map(|s| decode_percent(s, false)).collect()
    }

    /// The group and version of the path, and what follows.
    pub(crate) fn group_version(segments: &[String]) -> Option<(&str, &str, &[String])> {
        match segments {
            [api, version, rest @ ..] if api == "api" => Some(("", version, rest)),
            [apis, group, version, rest @ ..] if apis == "apis" => Some((group, version, rest)),
            _ => None,
        }
    }

    /// The resource asked for; `None` where there is no such path.
    pub(crate) fn target(&self, state: &State) -> Option<Target> {
        let segments = self.segments();
        let (group, version, rest) = Self::group_version(&segments)?;
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", _] | ["namespaces", _, "status" | "finalize"] if group.is_empty() => ("", rest.as_slice()),
            ["namespaces", ns, rest @ ..] if !rest.is_empty() => (*ns, rest),
            all => ("", all),
        };
        let (plural, name, subresource) = match rest {
            [plural] => (*plural, "", ""),
            [plural, name] => (*plural, *name, ""),
            [plural, name, sub] => (*plural, *name, *sub),
            _ => return None,
        };
        let resource = state.resource(group, version, plural)?;
        if !resource.namespaced && !namespace.is_empty() {
            return None;
        }
        let verb = self.verb(name);
        let target = Target {
            resource,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
            verb,
        };
        let needs_namespace = target.resource.namespaced && namespace.is_empty();
        let whole = matches!(verb, Verb::List | Verb::Watch) && name.is_empty();
        (!needs_namespace || whole || verb == Verb::Create && name.is_empty()).then_some(target)
    }

    fn verb(&self, name: &str) -> Verb {
        match (self.method.as_str(), name.is_empty()) {
            ("GET", _) if self.flag("watch") && name.is_empty() => Verb::Watch,
            ("GET", true) => Verb::List,
            ("GET", false) => Verb::Get,
            ("POST", _) => Verb::Create,
            ("PUT", _) => Verb::Update,
            ("PATCH", _) => Verb::Patch,
            ("DELETE", true) => Verb::DeleteCollection,
            ("DELETE", false) => Verb::Delete,
            _ => Verb::Other,
        }
    }
}

/// How a write treats fields that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// The parameters of a write.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    pub(crate) manager: String,
    pub(crate) dry_run: bool,
    pub(crate) validation: FieldValidation,
    pub(crate) force: bool,
}

impl WriteOptions {
    /// Reads them; `kind` is the options kind that a refusal names.
    pub(crate) fn of(call: &Call, kind: &str, apply: bool) -> Result<Self, Failure> {
        let mut errors = Vec::new();
        let dry: Vec<&str> = call.query.iter().filter(|(k, _)| k == "dryRun").map(|(_, v)| v.as_str()).collect();
        if dry.iter().any(|d| *d != "All") {
            errors.push(FieldError::not_supported("dryRun", &serde_json::json!(dry), &["All"]));
        }
        let validation = match call.param("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Strict" => FieldValidation::Strict,
            "Ignore" => FieldValidation::Ignore,
            other => {
                let value = Value::from(other);
                errors.push(FieldError::not_supported("fieldValidation", &value, &["", "Ignore", "Strict", "Warn"]));
                FieldValidation::Warn
            }
        };
        let has_force = call.query.iter().any(|(k, _)| k == "force");
        if apply && call.param("fieldManager").is_empty() {
            errors.push(FieldError::required("fieldManager", "is required for apply patch"));
        }
        if kind == "PatchOptions" && !apply && has_force {
            errors.push(FieldError::forbidden("force", "may not be specified for non-apply patch"));
        }
        if !errors.is_empty() {
            let kind = GroupName { group: "meta.k8s.io", name: kind };
            return Err(Failure::invalid(&kind, "", &errors));
        }
        Ok(Self { manager: call.manager(), dry_run: !dry.is_empty(), validation, force: call.flag("force") })
    }
}
