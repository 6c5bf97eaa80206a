//! What was asked of the server: for tests that count requests and look at what a client sends.

use crate::request::Verb;
use serde_json::Value;
use std::collections::VecDeque;

/// The most requests that are kept; older ones are only counted.
const KEEP: usize = 20_000;

/// One request, as it was answered.
#[derive(Clone, Debug)]
pub struct LoggedRequest {
    /// What was asked.
    pub verb: Verb,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// `User-Agent`.
    pub user_agent: String,
    /// `Impersonate-User`, or nothing.
    pub user: Option<String>,
    /// API group; empty for core and for what is not a resource.
    pub group: String,
    /// Plural; empty for what is not a resource.
    pub resource: String,
    /// Empty for cluster scope and all namespaces.
    pub namespace: String,
    /// Empty for collections.
    pub name: String,
    /// `status`, `scale`, or nothing.
    pub subresource: String,
    /// The content type of the body: tells the patches apart.
    pub content_type: String,
    /// HTTP status of the answer; 0 where the connection was broken.
    pub code: u16,
    /// The body, where it was JSON and [`crate::Options::log_bodies`] is on.
    pub body: Option<Value>,
}

/// How often each thing was asked, since the start or the last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// All requests.
    pub requests: u64,
    /// Requests that can change an object, refused ones included; dry runs not.
    pub writes: u64,
    /// Writes that changed the store.
    pub changes: u64,
    /// Watches opened.
    pub watches: u64,
    /// Lists.
    pub lists: u64,
}

/// The log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) requests: VecDeque<LoggedRequest>,
    pub(crate) counters: Counters,
}

impl Log {
    pub(crate) fn add(&mut self, request: LoggedRequest, changes: u64) {
        let dry = request.query.iter().any(|(k, _)| k == "dryRun");
        self.counters.requests += 1;
        self.counters.writes += u64::from(request.verb.is_write() && !dry);
        self.counters.changes += changes;
        self.counters.watches += u64::from(request.verb == Verb::Watch);
        self.counters.lists += u64::from(request.verb == Verb::List);
        self.requests.push_back(request);
        if self.requests.len() > KEEP {
            self.requests.pop_front();
        }
    }
}
