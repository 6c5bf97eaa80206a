//! Asks for one URL, under the rules of [`Access`]: each hop of a redirect is judged anew.

use super::access::{self, Access, Verdict, shown};
use super::error::Error;
use crate::git::{address, http::chain, tls};
use reqwest::header::{self, HeaderMap};
use reqwest::{Client, Response, StatusCode, Url};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one answer may take, redirects included.
const TIMEOUT: Duration = Duration::from_secs(300);
const MAX_REDIRECTS: usize = 5;
/// How much of an error page is read.
const MAX_WORDS: usize = 4096;

/// One question.
pub(super) struct Ask<'a> {
    /// The repository that is asked, or that named the URL.
    pub(super) owner: &'a Url,
    pub(super) url: Url,
    /// How many bytes are taken.
    pub(super) limit: u64,
}

/// Clients, each for one kind of host.
#[derive(Debug, Default)]
pub(super) struct Http {
    clients: Mutex<BTreeMap<(Verdict, bool), Client>>,
}

impl Http {
    /// The body of a good answer.
    ///
    /// # Errors
    /// What the network, the server or the rules say.
    pub(super) async fn get(&self, access: &Access, ask: Ask<'_>) -> Result<Vec<u8>, Error> {
        let url = shown(&ask.url);
        let timeout = || Error::Unreachable { url, reason: format!("no whole answer in {} s", TIMEOUT.as_secs()) };
        let answer = async {
            let response = self.follow(access, &ask).await?;
            body(response, ask.limit).await
        };
        tokio::time::timeout(TIMEOUT, answer).await.map_err(|_| timeout())?
    }

    async fn follow(&self, access: &Access, ask: &Ask<'_>) -> Result<Response, Error> {
        let mut url = ask.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let verdict = access.admit(ask.owner, &url)?;
            let request = self.client(verdict, &url)?.get(url.clone());
            let response = request.send().await.map_err(|error| unreachable(&url, error))?;
            if !response.status().is_redirection() {
                return good(&url, response).await;
            }
            url = next(&url, response.headers())?;
        }
        let reason = format!("more than {MAX_REDIRECTS} redirects");
        Err(Error::Answer { url: shown(&ask.url), reason })
    }

    fn client(&self, verdict: Verdict, url: &Url) -> Result<Client, Error> {
        let is_loopback = access::is_loopback(url);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&(verdict, is_loopback)) {
            return Ok(client.clone());
        }
        let invalid = |reason: String| Error::Unreachable { url: shown(url), reason };
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(concat!("skiff/", env!("CARGO_PKG_VERSION")))
            .referer(false)
            .tls_backend_preconfigured(tls::client_config(None, false).map_err(invalid)?);
        builder = if verdict.is_vouched {
            builder.dns_resolver(Arc::new(address::FilteringResolver))
        } else {
            builder.dns_resolver(Arc::new(address::PublicResolver))
        };
        if is_loopback {
            // A proxy on the way to this very machine would see what was never meant to leave it.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| unreachable(url, error))?;
        clients.insert((verdict, is_loopback), client.clone());
        Ok(client)
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

async fn good(url: &Url, response: Response) -> Result<Response, Error> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let reason = format!("HTTP {status}{}", words(response).await);
    let url = shown(url);
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Error::Unauthorized { url, offered: "a request without credentials".to_owned(), reason }
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Error::NotFound { url, reason },
        _ => Error::Unreachable { url, reason },
    })
}

async fn body(mut response: Response, limit: u64) -> Result<Vec<u8>, Error> {
    let url = response.url().clone();
    let too_large = || Error::TooLarge { url: shown(&url), limit };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&url, error))? {
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The first line of an error page in plain text.
async fn words(mut response: Response) -> String {
    let kind = response.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    if !kind.starts_with(b"text/plain") {
        return String::new();
    }
    let first = response.chunk().await.ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&first[..first.len().min(MAX_WORDS)]).into_owned();
    let line: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    if line.is_empty() { String::new() } else { format!(": {line}") }
}

/// An error of reqwest in words, without the URL (it may hold a token).
fn unreachable(url: &Url, error: reqwest::Error) -> Error {
    if let Some(refused) = address::refusal(&error) {
        return Error::Address { host: refused.host.clone(), address: refused.address };
    }
    Error::Unreachable { url: shown(url), reason: chain(&error.without_url()) }
}
