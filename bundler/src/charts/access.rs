//! Which hosts may be asked for a chart, and which of them is shown the credentials. Pure.
//!
//! `helm.repo` is what a repository says, and whoever may push to it decides it; `spec.helmRepoURLRegex` is what the
//! owner of the GitRepo says. So the pattern vouches: without it no private network is reached, nothing is asked in the
//! clear, and no credentials are sent.

use crate::git::address;
use regex::Regex;
use reqwest::Url;
use std::net::IpAddr;

use super::Error;

/// `spec.helmRepoURLRegex` cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("spec.helmRepoURLRegex is no regular expression: {0}")]
pub struct InvalidPattern(String);

/// What the owner of a GitRepo says about charts.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// `spec.helmRepoURLRegex`.
    pattern: Option<Regex>,
    /// Every host is vouched for: on the command line it is the person's own network.
    trusts_all: bool,
}

/// What may be done with one URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Verdict {
    /// It may lead to a private network, and in the clear.
    pub(super) is_vouched: bool,
}

impl Access {
    /// With `spec.helmRepoURLRegex`; empty for none.
    ///
    /// # Errors
    /// It is no regular expression.
    pub fn new(pattern: &str) -> Result<Self, InvalidPattern> {
        let pattern = match pattern {
            "" => None,
            pattern => Some(Regex::new(&format!("^(?:{pattern})")).map_err(|error| InvalidPattern(error.to_string()))?),
        };
        Ok(Self { pattern, trusts_all: false })
    }

    /// Whatever is named may be asked: for the command line, where a person reads what is theirs.
    #[must_use]
    pub fn of_person() -> Self {
        Self { pattern: None, trusts_all: true }
    }

    /// Whether the pattern matches a URL up to the end of its host at least: `https://charts.example` does not speak of
    /// `https://charts.example.evil`.
    fn matches(&self, url: &str) -> bool {
        let Some(found) = self.pattern.as_ref().and_then(|pattern| pattern.find(url)) else { return false };
        let start = url.find("://").map_or(0, |at| at + 3);
        let host = url[start..].find(['/', '?', '#', ':']).map_or(url.len(), |at| start + at);
        found.end() >= host
    }

    /// What may be done with `url`, which the repository at `owner` (or a redirect on the way) leads to.
    pub(super) fn judge(&self, owner: &Url, url: &Url) -> Verdict {
        let by_owner = same_origin(owner, url) && self.matches(owner.as_str());
        Verdict { is_vouched: self.trusts_all || by_owner || self.matches(url.as_str()) }
    }

    /// Judges a URL before it is asked.
    ///
    /// # Errors
    /// Why it may not be.
    pub(super) fn admit(&self, owner: &Url, url: &Url) -> Result<Verdict, Error> {
        let verdict = self.judge(owner, url);
        let refused = |reason: &str| Err(Error::Refused { url: shown(url), reason: reason.to_owned() });
        match url.scheme() {
            "https" => {}
            "http" if verdict.is_vouched => {}
            "http" => return refused("http:// is neither encrypted nor authenticated"),
            _ => return refused("it is not https"),
        }
        match literal(url) {
            Some(address) if address::is_refused(address) || !verdict.is_vouched && address::is_private(address) => {
                Err(Error::Address { host: url.host_str().unwrap_or_default().to_owned(), address })
            }
            _ => Ok(verdict),
        }
    }

    /// A text that differs for those who may see different things.
    pub(super) fn identity(&self, owner: &Url) -> String {
        if self.judge(owner, owner).is_vouched { "vouched".to_owned() } else { String::new() }
    }
}

/// Scheme, host and port are the same.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// The address that a URL names without the DNS.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether a URL names this very machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str() == Some("localhost") || literal(url).is_some_and(|address| address.is_loopback())
}

/// A URL for messages: no user info, no query (it may hold a token).
pub(super) fn shown(url: &Url) -> String {
    crate::git::remote::redact(url.as_str())
}
