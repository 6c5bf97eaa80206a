//! Which hosts may be asked for a chart, and which of them is shown the credentials. Pure.
//!
//! `helm.repo` is what a repository says, and whoever may push to it decides it; `spec.helmRepoURLRegex` is what the
//! owner of the GitRepo says. So the pattern vouches: without it no private network is reached, nothing is asked in the
//! clear, and no credentials are sent. They go to the (scheme, host, port) of the repository alone.

use super::{Error, HelmSecret, Secrets};
use crate::git::address;
use crate::git::remote::{has_dot_segment, redact};
use regex::Regex;
use reqwest::Url;
use std::net::IpAddr;

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
    secrets: Secrets,
    /// What tells `secrets` from those of others.
    secrets_name: String,
}

/// A repository or registry: its URL, and the text that names it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) url: &'a Url,
    pub(super) text: &'a str,
}

/// What may be done with one URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Verdict {
    /// It may lead to a private network, and in the clear.
    pub(super) is_vouched: bool,
    /// The secret is for it.
    pub(super) is_trusted: bool,
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
        Ok(Self { pattern, ..Self::default() })
    }

    /// With credentials; `name` is a text that tells them from those of others.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets, name: impl Into<String>) -> Self {
        Self { secrets, secrets_name: name.into(), ..self }
    }

    /// Whatever is named may be asked: for the command line, where a person reads what is theirs.
    #[must_use]
    pub fn of_person() -> Self {
        Self { trusts_all: true, ..Self::default() }
    }

    /// For the bundle in a directory.
    pub(super) fn of(&self, dir: &str) -> View<'_> {
        let (path, secret) = self.secrets.of(dir).unzip();
        View { access: self, path: path.unwrap_or_default(), secret }
    }

    /// Whether the pattern matches a URL up to the end of its host at least: `https://charts.example` does not speak of
    /// `https://charts.example.evil`, nor `https://charts.example:80` of port 8080.
    fn matches(&self, url: &str) -> bool {
        let Some(found) = self.pattern.as_ref().and_then(|pattern| pattern.find(url)) else { return false };
        let start = url.find("://").map_or(0, |at| at + 3);
        let end_at = |ends: &[char]| url[start..].find(ends).map_or(url.len(), |at| start + at);
        // A port may be left out of the pattern, and not cut in two.
        found.end() == end_at(&['/', '?', '#', ':']) || found.end() >= end_at(&['/', '?', '#'])
    }
}

/// [`Access`] of one bundle.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    access: &'a Access,
    /// Which of the secrets it is.
    path: &'a str,
    pub(super) secret: Option<&'a HelmSecret>,
}

impl View<'_> {
    /// Whether the owner of the GitRepo stands for a URL that is not of http.
    pub(super) fn vouches(&self, url: &str) -> bool {
        self.access.trusts_all || self.access.matches(url)
    }

    /// What may be done with `url`, which the owner (or a redirect on the way) leads to.
    pub(super) fn judge(&self, owner: Owner<'_>, url: &Url) -> Verdict {
        let access = self.access;
        let is_owner = access.matches(owner.text) || access.matches(owner.url.as_str());
        let by_owner = same_origin(owner.url, url) && is_owner;
        Verdict {
            is_vouched: access.trusts_all || by_owner || access.matches(url.as_str()),
            is_trusted: by_owner && self.secret.is_some(),
        }
    }

    /// Whether the service that a registry sends for a token may see the credentials for the registry: where it is the
    /// registry itself, where the pattern matches it, too, and Docker's own.
    pub(super) fn trusts_realm(&self, owner: Owner<'_>, realm: &Url) -> bool {
        let hub = realm.scheme() == "https"
            && realm.host_str() == Some("auth.docker.io")
            && owner.url.host_str() == Some("registry-1.docker.io");
        let is_owner = self.judge(owner, owner.url).is_trusted;
        is_owner && (same_origin(owner.url, realm) || hub || self.access.matches(realm.as_str()))
    }

    /// Judges a URL before it is asked.
    ///
    /// # Errors
    /// Why it may not be.
    pub(super) fn admit(&self, owner: Owner<'_>, url: &Url) -> Result<Verdict, Error> {
        let verdict = self.judge(owner, url);
        let refused = |reason: &str| Err(Error::Refused { url: shown(url), reason: reason.to_owned() });
        // What the URL standard leaves: a server may take an encoded `/` for one, and leave what the pattern speaks of.
        if has_dot_segment(url.path()) {
            let reason = "its path holds an encoded `.` or `..`; the path that they lead to has to stand there";
            return Err(Error::Source(format!("{}: {reason}", shown(url))));
        }
        match url.scheme() {
            "https" => {}
            "http" if verdict.is_vouched => {}
            "http" => {
                return refused(
                    "http:// is neither encrypted nor authenticated, and spec.helmRepoURLRegex does not match it",
                );
            }
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
    pub(super) fn identity(&self, owner: Owner<'_>) -> String {
        match self.judge(owner, owner.url) {
            Verdict { is_trusted: true, .. } => format!("secret {} {}", self.access.secrets_name, self.path),
            Verdict { is_vouched: true, .. } => "vouched".to_owned(),
            Verdict { .. } => String::new(),
        }
    }

    /// Why no credentials go to a URL, for who wonders.
    pub(super) fn why_nothing(&self, owner: Owner<'_>) -> String {
        let plain = "a request without credentials";
        match (self.secret.is_some_and(HelmSecret::has_user), self.judge(owner, owner.url).is_trusted) {
            (false, _) => plain.to_owned(),
            (true, false) => format!("{plain} (spec.helmRepoURLRegex does not match {})", redact(owner.text)),
            (true, true) => format!("{plain} (they are not shown to another host than the repository's)"),
        }
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
    redact(url.as_str())
}
