//! Smart HTTP (`gitprotocol-http(5)`) over reqwest: two URLs, one rule for credentials, one for redirects.
//!
//! Invariant: the `Authorization` header goes to the (scheme, host, port) that the GitRepo names and to no other.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use futures::TryStreamExt;
use reqwest::header::{self, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use tokio_util::io::StreamReader;
use zeroize::Zeroizing;

use super::address::{self, FilteringResolver};
use super::credentials::{Access, Credentials};
use super::error::Error;
use super::pktline::{MAX_DATA, PacketReader};
use super::protocol::AGENT;
use super::remote::{self, Remote, Scheme};
use super::tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A server may count objects for a while before it sends the first byte.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_REDIRECTS: usize = 5;
const INFO_REFS: &str = "/info/refs";

/// A client for one set of TLS options; holds idle connections, so the polls of a repository share it.
pub(super) fn client(remote: &Remote, access: &Access) -> Result<Client, Error> {
    let name = remote.to_string();
    let mut builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Arc::new(FilteringResolver { public_only: remote.policy.public_only }))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .user_agent(AGENT)
        .referer(false)
        .tls_backend_preconfigured(tls::config(&name, access)?);
    if remote.is_loopback_host() {
        // A proxy on the way to this very machine would see what was never meant to leave it.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| unreachable(&name, error))
}

/// A repository behind smart HTTP.
pub(super) struct HttpTransport {
    client: Client,
    remote: Remote,
    /// Where the server's redirects ended, without trailing slash.
    base: String,
    authorization: Option<HeaderValue>,
    offered: String,
}

impl HttpTransport {
    /// Asks for the advertisement. The reader starts at the first packet of it.
    pub(super) async fn open(client: Client, remote: &Remote, access: &Access) -> Result<(Self, PacketReader), Error> {
        let (authorization, offered) = authorization(remote, access)?;
        let mut transport = Self { client, remote: remote.clone(), base: remote.http_base(), authorization, offered };
        let response = transport.advertisement().await?;
        let reader = transport.reader(response, "application/x-git-upload-pack-advertisement").await?;
        Ok((transport, reader))
    }

    async fn advertisement(&mut self) -> Result<Response, Error> {
        for _ in 0..=MAX_REDIRECTS {
            let url = format!("{}{INFO_REFS}?service=git-upload-pack", self.base);
            let response = self.send(self.client.get(url)).await?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            self.follow(&response)?;
        }
        Err(self.redirect(&self.base, &format!("more than {MAX_REDIRECTS} redirects")))
    }

    /// Moves to where a redirect of `info/refs` points, under the same policy as a URL that a person typed.
    fn follow(&mut self, response: &Response) -> Result<(), Error> {
        let location =
            response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let shown = remote::redact(location);
        let target = response.url().join(location).map_err(|error| self.redirect(&shown, &error.to_string()))?;
        let base = base_of(&target).ok_or_else(|| self.redirect(&shown, "that is not a git repository's address"))?;
        let mut next = Remote::parse(&base, &self.remote.policy).map_err(|error| match error {
            Error::InvalidUrl { reason, .. } => self.redirect(&shown, &reason),
            other => other,
        })?;
        if !matches!(next.scheme, Scheme::Http | Scheme::Https) {
            return Err(self.redirect(&shown, "that is not http"));
        }
        if self.remote.scheme == Scheme::Https && next.scheme != Scheme::Https {
            return Err(self.redirect(&shown, "that leaves https"));
        }
        if !next.same_origin(&self.remote) {
            self.authorization = None;
            self.offered = "a request without credentials (they are not shown to the host it redirected to)".to_owned();
        }
        next.user = None;
        next.password = None;
        self.base = next.http_base();
        Ok(())
    }

    /// Sends one request of the protocol and gives its answer.
    pub(super) async fn request(&mut self, body: Vec<u8>) -> Result<PacketReader, Error> {
        let request = self
            .client
            .post(format!("{}/git-upload-pack", self.base))
            .header(header::CONTENT_TYPE, "application/x-git-upload-pack-request")
            .header(header::ACCEPT, "application/x-git-upload-pack-result")
            .body(body);
        let response = self.send(request).await?;
        if response.status().is_redirection() {
            return Err(self.redirect(&self.base, "a redirect in the middle of a fetch is not followed"));
        }
        self.reader(response, "application/x-git-upload-pack-result").await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Error> {
        let mut request = request.header("Git-Protocol", "version=2");
        if let Some(value) = &self.authorization {
            request = request.header(header::AUTHORIZATION, value.clone());
        }
        request.send().await.map_err(|error| unreachable(&self.remote.to_string(), error))
    }

    async fn reader(&self, response: Response, expected: &str) -> Result<PacketReader, Error> {
        let remote = self.remote.to_string();
        let status = response.status();
        if !status.is_success() {
            let reason = format!("HTTP {status}{}", server_words(response).await);
            return Err(match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    Error::AuthenticationFailed { remote, offered: self.offered.clone(), reason }
                }
                StatusCode::NOT_FOUND | StatusCode::GONE => Error::RepositoryNotFound { remote, reason },
                _ => Error::Unreachable { remote, reason },
            });
        }
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if kind != Some(expected) {
            let reason = format!(
                "the answer is {}, not {expected}; is this the address to clone from?",
                kind.unwrap_or("of no stated type")
            );
            return Err(Error::Protocol { remote, reason });
        }
        let stream = response.bytes_stream().map_err(|error| std::io::Error::other(error.without_url()));
        Ok(PacketReader::new(StreamReader::new(Box::pin(stream))))
    }

    fn redirect(&self, target: &str, reason: &str) -> Error {
        Error::Redirect { remote: self.remote.to_string(), target: remote::redact(target), reason: reason.to_owned() }
    }
}

/// Where `…/info/refs?service=…` of a redirect has its repository.
fn base_of(target: &Url) -> Option<String> {
    let mut base = target.clone();
    base.set_query(None);
    base.set_fragment(None);
    base.as_str().strip_suffix(INFO_REFS).map(str::to_owned)
}

fn authorization(remote: &Remote, access: &Access) -> Result<(Option<HeaderValue>, String), Error> {
    let (user, password) = match (&access.credentials, &remote.password) {
        (Credentials::Basic { username, password }, _) => (username.as_str(), password.as_str()),
        (Credentials::SshKey { .. }, _) => {
            let reason = format!("{remote} is read over https, and the secret holds an ssh key");
            return Err(Error::InvalidCredentials { reason });
        }
        (Credentials::None, Some(password)) => (remote.user.as_deref().unwrap_or_default(), password.as_str()),
        // A token alone stands in the place of the user.
        (Credentials::None, None) => match &remote.user {
            Some(user) => (user.as_str(), ""),
            None => return Ok((None, Credentials::None.describe())),
        },
    };
    let mut value = HeaderValue::from_str(&basic(user, password))
        .map_err(|error| Error::InvalidCredentials { reason: error.to_string() })?;
    value.set_sensitive(true);
    let offered = match &access.credentials {
        Credentials::None => "the user info of spec.repo".to_owned(),
        given => given.describe(),
    };
    Ok((Some(value), offered))
}

/// The first line of a plain-text error page: git servers say there what is wrong.
async fn server_words(mut response: Response) -> String {
    let plain =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    if !plain {
        return String::new();
    }
    let first = response.chunk().await.ok().flatten().unwrap_or_default();
    first_line(&first[..first.len().min(MAX_DATA)])
}

/// `: ` and the first line of an error page, without what drives a terminal; nothing where it has none.
pub(crate) fn first_line(page: &[u8]) -> String {
    let text = String::from_utf8_lossy(page);
    let line: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    if line.is_empty() { String::new() } else { format!(": {line}") }
}

/// The value of `Authorization` for a user with a password.
pub(crate) fn basic(user: &str, password: &str) -> Zeroizing<String> {
    let plain = Zeroizing::new(format!("{user}:{password}"));
    let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(plain.as_bytes()));
    Zeroizing::new(format!("Basic {}", encoded.as_str()))
}

/// An error of reqwest in words, without the URL (it may hold a token).
fn unreachable(remote: &str, error: reqwest::Error) -> Error {
    if let Some(refused) = address::refusal(&error) {
        return Error::RefusedAddress { host: refused.host.clone(), address: refused.address };
    }
    let error = error.without_url();
    Error::Unreachable { remote: remote.to_owned(), reason: chain(&error) }
}

/// An error and its causes in one line, repetitions left out.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}
