//! Failures on demand: what a test or the simulator makes go wrong.

use crate::request::{Target, Verb};
use crate::status::Failure;
use std::time::Duration;

/// What happens to a request that a [`FaultRule`] matches.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// An answer with this status: 403, 409, 410, 429, 500 and 503 carry the reason a real server gives.
    Status {
        /// The HTTP status.
        code: u16,
        /// Seconds of `Retry-After`.
        retry_after: Option<u64>,
        /// The message; a default one where it is empty.
        message: String,
    },
    /// The connection breaks before the request is looked at: nothing is done.
    ConnectionError,
    /// The request is done, and the connection breaks before the answer arrives.
    LostAnswer,
    /// The request is done after this time.
    Delay(Duration),
    /// Refused by an admission webhook of that name, with that message (403, or 400 with no name).
    Admission {
        /// The webhook.
        webhook: String,
        /// What it says.
        message: String,
    },
}

impl Fault {
    /// An answer with only a status.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Fault::Status { code, retry_after: None, message: String::new() }
    }
}

/// Which requests go wrong, how often, and how. Empty fields match everything.
#[derive(Clone, Debug)]
pub struct FaultRule {
    /// The verbs; none means all.
    pub verbs: Vec<Verb>,
    /// The plural.
    pub resource: String,
    /// The namespace.
    pub namespace: String,
    /// The name in the path.
    pub name: String,
    /// The subresource; `None` matches any.
    pub subresource: Option<String>,
    /// How many matching requests are left alone first.
    pub skip: u32,
    /// How many requests it holds for; `None`: until it is taken out.
    pub times: Option<u32>,
    /// What happens.
    pub fault: Fault,
}

impl FaultRule {
    /// A rule for every request, for ever.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self {
            verbs: Vec::new(),
            resource: String::new(),
            namespace: String::new(),
            name: String::new(),
            subresource: None,
            skip: 0,
            times: None,
            fault,
        }
    }

    /// Only these verbs.
    #[must_use]
    pub fn verbs(mut self, verbs: &[Verb]) -> Self {
        self.verbs = verbs.to_vec();
        self
    }

    /// Only this plural.
    #[must_use]
    pub fn resource(mut self, plural: &str) -> Self {
        self.resource = plural.to_owned();
        self
    }

    /// Only this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    /// Only this name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// Only the next `n` matching requests.
    #[must_use]
    pub fn times(mut self, n: u32) -> Self {
        self.times = Some(n);
        self
    }

    /// Leaves the first `n` matching requests alone.
    #[must_use]
    pub fn skip(mut self, n: u32) -> Self {
        self.skip = n;
        self
    }

    fn matches(&self, target: Option<&Target>) -> bool {
        let empty =
            self.verbs.is_empty() && self.resource.is_empty() && self.namespace.is_empty() && self.name.is_empty();
        let Some(t) = target else { return empty || self.verbs == [Verb::Other] };
        (self.verbs.is_empty() || self.verbs.contains(&t.verb))
            && (self.resource.is_empty() || self.resource == t.resource.key.plural)
            && (self.namespace.is_empty() || self.namespace == t.namespace)
            && (self.name.is_empty() || self.name == t.name)
            && self.subresource.as_ref().is_none_or(|s| *s == t.subresource)
    }
}

/// The rules in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<(u64, FaultRule)>,
    next: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, rule: FaultRule) -> u64 {
        self.next += 1;
        self.rules.push((self.next, rule));
        self.next
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.rules.retain(|(i, _)| *i != id);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The fault of the first rule that matches; counts it down.
    pub(crate) fn take(&mut self, target: Option<&Target>) -> Option<Fault> {
        for (_, rule) in &mut self.rules {
            if !rule.matches(target) || rule.times == Some(0) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times = rule.times.map(|n| n - 1);
            return Some(rule.fault.clone());
        }
        None
    }
}

/// The refusal a status fault stands for.
pub(crate) fn refusal(code: u16, retry_after: Option<u64>, message: &str, target: Option<&Target>) -> Failure {
    let or = |default: &str| if message.is_empty() { default.to_owned() } else { message.to_owned() };
    let mut failure = match (code, target) {
        (409, Some(t)) => Failure::conflict(&t.resource.named(), &t.name, &or(crate::verbs::update::MODIFIED)),
        (403, Some(t)) => Failure::forbidden(&t.resource.named(), &t.name, &or("not allowed")),
        (403, None) => Failure::new(403, "Forbidden", or("not allowed")),
        (409, None) => Failure::new(409, "Conflict", or("conflict")),
        (401, _) => Failure::new(401, "Unauthorized", or("Unauthorized")),
        (410, _) => Failure::expired(or("too old resource version")),
        (429, _) => Failure::new(429, "TooManyRequests", or("too many requests, please try again later")),
        (500, _) => Failure::internal(or("injected failure")),
        (503, _) => Failure::new(503, "ServiceUnavailable", or("apiserver is shutting down")),
        (504, _) => Failure::new(504, "Timeout", or("the request timed out")),
        (404, Some(t)) => Failure::not_found(&t.resource.named(), &t.name),
        (other, _) => Failure::new(other, "", or("injected failure")),
    };
    failure.retry_after = retry_after;
    failure
}
