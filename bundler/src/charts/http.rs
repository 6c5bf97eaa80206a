//! Asks for one URL, under the rules of [`View`]: each hop of a redirect is judged anew, and shown what is for it.

use super::access::{self, Owner, Verdict, View, same_origin, shown};
use super::{Error, HelmSecret};
use crate::git::{self, address, http::chain, http::first_line, tls};
use fleet_api::Digest;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zeroize::Zeroizing;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one answer may take, redirects included.
const TIMEOUT: Duration = Duration::from_secs(300);
const MAX_REDIRECTS: usize = 5;
/// How much of an error page is read.
const MAX_WORDS: usize = 4096;

/// What is shown to the owner of a URL, and to no other host.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Show<'a> {
    /// Nothing.
    Nothing,
    /// The user of the secret, where it is for the owner.
    Secret,
    /// The user of the secret, to a service that gives tokens for the owner ([`View::trusts_realm`]).
    SecretForToken,
    /// A token that the owner had given.
    Token(&'a str),
}

/// One question.
#[derive(Clone)]
pub(super) struct Ask<'a> {
    /// The repository that is asked, or that named the URL.
    pub(super) owner: Owner<'a>,
    pub(super) url: Url,
    /// How many bytes are taken.
    pub(super) limit: u64,
    /// The value of `Accept`.
    pub(super) accept: Option<&'static str>,
    pub(super) show: Show<'a>,
}

/// An answer, good or bad.
pub(super) struct Reply {
    /// Where redirects ended.
    url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// What was shown, in words.
    offered: String,
}

/// Clients, each for one kind of host.
#[derive(Debug, Default)]
pub(super) struct Http {
    clients: Mutex<BTreeMap<(Verdict, bool, String), Client>>,
}

impl Http {
    /// The body of a good answer.
    ///
    /// # Errors
    /// What the network, the server or the rules say.
    pub(super) async fn get(&self, view: View<'_>, ask: Ask<'_>) -> Result<Vec<u8>, Error> {
        self.send(view, ask).await?.good().map(|reply| reply.body)
    }

    /// An answer, whatever its status.
    ///
    /// # Errors
    /// What the network or the rules say.
    pub(super) async fn send(&self, view: View<'_>, ask: Ask<'_>) -> Result<Reply, Error> {
        let url = shown(&ask.url);
        let timeout = || Error::Unreachable { url, reason: format!("no whole answer in {} s", TIMEOUT.as_secs()) };
        tokio::time::timeout(TIMEOUT, self.follow(view, &ask)).await.map_err(|_| timeout())?
    }

    async fn follow(&self, view: View<'_>, ask: &Ask<'_>) -> Result<Reply, Error> {
        let mut url = ask.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let verdict = view.admit(ask.owner, &url)?;
            let mut request = self.client(view, verdict, &url)?.get(url.clone());
            if let Some(accept) = ask.accept {
                request = request.header(header::ACCEPT, accept);
            }
            let (authorization, offered) = authorization(view, ask, &url)?;
            if let Some(value) = authorization {
                request = request.header(header::AUTHORIZATION, value);
            }
            let response = request.send().await.map_err(|error| unreachable(&url, error))?;
            if !response.status().is_redirection() {
                return reply(url, response, ask.limit, offered).await;
            }
            url = next(&url, response.headers())?;
        }
        let reason = format!("more than {MAX_REDIRECTS} redirects");
        Err(Error::Answer { url: shown(&ask.url), reason })
    }

    fn client(&self, view: View<'_>, verdict: Verdict, url: &Url) -> Result<Client, Error> {
        let is_loopback = access::is_loopback(url);
        let secret = view.secret.filter(|_| verdict.is_trusted);
        let (bundle, any) =
            secret.map_or((None, false), |secret| (secret.ca_bundle.as_deref(), secret.any_certificate));
        let trust = format!("{any} {}", bundle.map(|pem| Digest::of(pem).hex()).unwrap_or_default());
        let key = (verdict, is_loopback, trust);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let config = tls::client_config(bundle.map(|pem| ("cacerts", pem)), any).map_err(Error::Secret)?;
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(address::FilteringResolver { public_only: !verdict.is_vouched }))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(concat!("skiff/", env!("CARGO_PKG_VERSION")))
            .referer(false)
            .tls_backend_preconfigured(config);
        if is_loopback {
            // A proxy on the way to this very machine would see what was never meant to leave it.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| unreachable(url, error))?;
        clients.insert(key, client.clone());
        Ok(client)
    }
}

/// The header for one hop, and what it is in words.
fn authorization(view: View<'_>, ask: &Ask<'_>, url: &Url) -> Result<(Option<HeaderValue>, String), Error> {
    let nothing = || Ok((None, view.why_nothing(ask.owner)));
    let is_owner = view.judge(ask.owner, url).is_trusted;
    let (text, offered) = match (ask.show, view.secret) {
        (Show::Token(token), _) if same_origin(ask.owner.url, url) => {
            (Zeroizing::new(format!("Bearer {token}")), "the token that it had given".to_owned())
        }
        (Show::Secret, Some(secret)) if is_owner && secret.has_user() => basic(secret),
        (Show::SecretForToken, Some(secret)) if view.trusts_realm(ask.owner, url) && secret.has_user() => basic(secret),
        _ => return nothing(),
    };
    let in_clear = url.scheme() == "http" && !access::is_loopback(url);
    if in_clear && !view.secret.is_some_and(|secret| secret.basic_http) {
        let reason = "credentials would be sent in the clear; `basicHTTP: true` in the secret allows that";
        return Err(Error::Refused { url: shown(url), reason: reason.to_owned() });
    }
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Error::Secret("they hold characters that no header may hold".to_owned()))?;
    value.set_sensitive(true);
    Ok((Some(value), offered))
}

fn basic(secret: &HelmSecret) -> (Zeroizing<String>, String) {
    (git::http::basic(&secret.username, &secret.password), format!("the password of user {:?}", secret.username))
}

impl Reply {
    /// This, if it is good.
    ///
    /// # Errors
    /// What its status means.
    pub(super) fn good(self) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        let reason = format!("HTTP {}{}", self.status, self.words());
        let url = shown(&self.url);
        Err(match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Error::Unauthorized { url, offered: self.offered, reason }
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Error::NotFound { url, reason },
            _ => Error::Unreachable { url, reason },
        })
    }

    /// A header as text.
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The first line of an error page in plain text.
    fn words(&self) -> String {
        if !self.header(header::CONTENT_TYPE).unwrap_or_default().starts_with("text/plain") {
            return String::new();
        }
        first_line(&self.body)
    }
}

/// Where a redirect leads.
fn next(url: &Url, headers: &HeaderMap) -> Result<Url, Error> {
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let refused = |reason: &str| Error::Refused {
        url: crate::git::remote::redact(location),
        reason: format!("{} redirects there: {reason}", shown(url)),
    };
    let mut target = url.join(location).map_err(|error| refused(&error.to_string()))?;
    if url.scheme() == "https" && target.scheme() != "https" {
        return Err(refused("that leaves https"));
    }
    // What a server writes there would be sent as credentials of its choice.
    if target.set_username("").is_err() || target.set_password(None).is_err() {
        return Err(refused("that is no host"));
    }
    Ok(target)
}

async fn reply(url: Url, mut response: Response, limit: u64, offered: String) -> Result<Reply, Error> {
    let (status, headers) = (response.status(), response.headers().clone());
    let too_large = || Error::TooLarge { url: shown(&url), limit };
    if status.is_success() && response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&url, error))? {
        // Of an error page the beginning will do.
        if !status.is_success() {
            body.extend_from_slice(&chunk[..chunk.len().min(MAX_WORDS)]);
            break;
        }
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { url, status, headers, body, offered })
}

/// An error of reqwest in words, without the URL (it may hold a token).
fn unreachable(url: &Url, error: reqwest::Error) -> Error {
    if let Some(refused) = address::refusal(&error) {
        return Error::Address { host: refused.host.clone(), address: refused.address };
    }
    Error::Unreachable { url: shown(url), reason: chain(&error.without_url()) }
}
