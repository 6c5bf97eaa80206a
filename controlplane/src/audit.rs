//! What was asked of the API server, read from its own audit log.
//!
//! Tests of "nothing to do means nothing done" count here, at the one place that no client can forget to report to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde::Deserialize;

use crate::{Error, Result};

/// A point of the audit log: what comes after it is what happened since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuditMark(pub(crate) u64);

/// One request, as the API server saw it (`audit.k8s.io/v1`, level Metadata).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The User-Agent header; empty when there was none.
    pub user_agent: String,
    /// Who was authenticated.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or the HTTP method in lower
    /// case for what is no resource (`/readyz`, discovery).
    pub verb: String,
    /// Path and query as sent.
    pub uri: String,
    /// API group; empty for the core group.
    pub group: String,
    /// Plural resource; empty for what is no resource.
    pub resource: String,
    /// Subresource; empty for the object itself.
    pub subresource: String,
    /// Namespace; empty for what has none.
    pub namespace: String,
    /// Object name; empty for a collection.
    pub name: String,
    /// HTTP status of the answer; 0 while a watch is still open.
    pub code: u16,
}

impl AuditEvent {
    /// Whether the request can change anything.
    #[must_use]
    pub fn is_write(&self) -> bool {
        matches!(self.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
    }
}

/// How many requests each (user agent, verb) made.
pub type Counts = BTreeMap<(String, String), usize>;

/// Counts requests by user agent and verb.
pub fn count<'a>(events: impl IntoIterator<Item = &'a AuditEvent>) -> Counts {
    let mut counts = Counts::new();
    for event in events {
        *counts.entry((event.user_agent.clone(), event.verb.clone())).or_default() += 1;
    }
    counts
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Raw {
    #[serde(rename = "auditID")]
    audit_id: String,
    user_agent: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: RawUser,
    object_ref: RawObject,
    response_status: RawStatus,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct RawUser {
    username: String,
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RawObject {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    api_group: String,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct RawStatus {
    code: u16,
}

impl From<Raw> for AuditEvent {
    fn from(raw: Raw) -> Self {
        Self {
            user_agent: raw.user_agent,
            user: raw.user.username,
            verb: raw.verb,
            uri: raw.request_uri,
            group: raw.object_ref.api_group,
            resource: raw.object_ref.resource,
            subresource: raw.object_ref.subresource,
            namespace: raw.object_ref.namespace,
            name: raw.object_ref.name,
            code: raw.response_status.code,
        }
    }
}

/// The end of the log now.
pub(crate) fn mark(log: &Path) -> AuditMark {
    AuditMark(std::fs::metadata(log).map_or(0, |metadata| metadata.len()))
}

/// The requests that were logged after `since`, in the order of the log.
pub(crate) fn read(log: &Path, since: AuditMark) -> Result<Vec<AuditEvent>> {
    let failed = |source| Error::File { what: "cannot read", path: log.to_owned(), source };
    let mut text = String::new();
    let mut file = File::open(log).map_err(failed)?;
    file.seek(SeekFrom::Start(since.0)).map_err(failed)?;
    file.read_to_string(&mut text).map_err(failed)?;
    parse(&text).map_err(|(line, source)| Error::Audit { path: log.to_owned(), line, source })
}

/// A line that is still being written (no line end yet) is left for the next reading. A watch is logged when it begins
/// and when it ends: it is one request.
fn parse(text: &str) -> Result<Vec<AuditEvent>, (usize, serde_json::Error)> {
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    let (mut seen, mut events) = (BTreeSet::new(), Vec::new());
    for (index, line) in complete.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let raw: Raw = serde_json::from_str(line).map_err(|source| (index + 1, source))?;
        if seen.insert(raw.audit_id.clone()) {
            events.push(raw.into());
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_counts_once_and_a_half_written_line_not_yet() {
        let log = concat!(
            r#"{"auditID":"1","stage":"ResponseStarted","verb":"watch","userAgent":"a","objectRef":{"resource":"pods"}}"#,
            "\n",
            r#"{"auditID":"2","stage":"ResponseComplete","verb":"patch","userAgent":"a","responseStatus":{"code":201}}"#,
            "\n",
            r#"{"auditID":"1","stage":"ResponseComplete","verb":"watch","userAgent":"a"}"#,
            "\n",
            r#"{"auditID":"3","verb":"del"#,
        );
        let events = parse(log).unwrap();
        let expected = [(("a".to_owned(), "patch".to_owned()), 1), (("a".to_owned(), "watch".to_owned()), 1)];
        assert_eq!(count(&events), Counts::from(expected));
        let writes: Vec<u16> = events.iter().filter(|event| event.is_write()).map(|event| event.code).collect();
        assert_eq!(writes, [201]);
    }

    #[test]
    fn a_broken_line_is_named() {
        assert_eq!(parse("{}\nnot json\n").unwrap_err().0, 2);
    }
}
