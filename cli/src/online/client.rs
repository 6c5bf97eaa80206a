//! Requests to a hub, and what their errors say.

use super::config::HubConfig;
use super::tls::{self, PinnedKey};
use crate::error::CliError;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use skiff_hub::user_api::AdminFile;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

/// The form in which tables are asked for.
pub const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/// How long a request may take that is no watch.
const REQUEST: Duration = Duration::from_secs(60);
/// How long a request may take that reads a repository.
const PATIENCE: Duration = Duration::from_secs(900);
/// How long the connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The status of the answer; none where there was no answer.
    pub code: Option<u16>,
    /// The sentence for a person.
    pub message: String,
    /// The fields that the hub refused, and why, where it says so.
    pub causes: Vec<(String, String)>,
}

impl Failure {
    /// Without an answer.
    const fn unanswered(message: String) -> Self {
        Self { code: None, message, causes: Vec::new() }
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.message)
    }
}

/// A hub.
#[derive(Debug)]
pub struct Client {
    config: HubConfig,
    http: reqwest::Client,
    pinned: Option<Arc<PinnedKey>>,
}

impl Client {
    /// For the hub that `config` names.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(config: HubConfig) -> Result<Self, CliError> {
        let failed = |error: &dyn std::fmt::Display| CliError::Failed(format!("TLS cannot be set up: {error}"));
        let agent = concat!("skiff/", env!("CARGO_PKG_VERSION"));
        let mut builder = reqwest::Client::builder().user_agent(agent).connect_timeout(CONNECT).https_only(true);
        let pinned = config.key.map(PinnedKey::new);
        if let Some(pinned) = &pinned {
            builder = builder.tls_backend_preconfigured(pinned.config().map_err(|error| failed(&error))?);
        }
        if is_loopback(&config.url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| failed(&error))?;
        Ok(Self { config, http, pinned })
    }

    /// A request with a body of JSON, and its answer.
    ///
    /// # Errors
    /// What the hub answers, or that it cannot be reached.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let (value, _) = self.exchange(method, path, "application/json", body, "application/json").await?;
        Ok(value)
    }

    /// A request without a body whose answer may take long.
    ///
    /// # Errors
    /// What the hub answers, or that it cannot be reached.
    pub async fn send_patiently(&self, method: Method, path: &str) -> Result<Value, Failure> {
        let request = self.request(method, path, "application/json").timeout(PATIENCE);
        let (value, _) = self.answer(request).await?;
        Ok(value)
    }

    /// A request, and the answer with the warnings that came with it.
    ///
    /// # Errors
    /// What the hub answers, or that it cannot be reached.
    pub async fn exchange(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: Option<&Value>,
        accept: &str,
    ) -> Result<(Value, Vec<String>), Failure> {
        let request = self.request(method, path, accept).timeout(REQUEST);
        let request = match body {
            Some(body) => request.header(CONTENT_TYPE, media).body(body.to_string()),
            None => request,
        };
        self.answer(request).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<(Value, Vec<String>), Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let response = self.accepted(response).await?;
        let warnings = warnings(response.headers());
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        let value = serde_json::from_slice(&bytes);
        let value = value.map_err(|error| Failure::unanswered(self.says(&error.to_string())))?;
        Ok((value, warnings))
    }

    /// Begins a watch.
    ///
    /// # Errors
    /// What the hub answers, or that it cannot be reached.
    pub async fn watch(&self, path: &str, accept: &str) -> Result<Lines, Failure> {
        let sent = self.request(Method::GET, path, accept).send().await;
        let response = sent.map_err(|error| self.unreachable(&error))?;
        Ok(Lines { response: self.accepted(response).await?, rest: Vec::new() })
    }

    fn request(&self, method: Method, path: &str, accept: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.config.url);
        self.http.request(method, url).bearer_auth(&self.config.token).header(ACCEPT, accept)
    }

    async fn accepted(&self, response: Response) -> Result<Response, Failure> {
        let code = response.status();
        if code.is_success() {
            return Ok(response);
        }
        let body: Value = response.json().await.unwrap_or(Value::Null);
        let message = match (code, body["message"].as_str()) {
            (StatusCode::UNAUTHORIZED, _) => {
                self.says("the credential was not accepted; use the admin.yaml of this hub")
            }
            (_, Some(message)) => message.to_owned(),
            (code, None) => self.says(&format!("answered {code}")),
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let causes = body["details"]["causes"].as_array().into_iter().flatten();
        let causes = causes.map(|cause| (text(&cause["field"]), text(&cause["message"]))).collect();
        Err(Failure { code: Some(code.as_u16()), message, causes })
    }

    fn says(&self, what: &str) -> String {
        format!("the hub at {}: {what}", self.config.url)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut reasons = Vec::new();
        let mut source = error.source();
        while let Some(reason) = source {
            reasons.push(reason.to_string());
            source = reason.source();
        }
        let last = reasons.last().cloned().unwrap_or_else(|| error.to_string());
        let all = reasons.join(": ");
        let message = if all.contains("ApplicationVerificationFailure") || all.contains("invalid peer certificate") {
            let remedy = "if the hub was rebuilt on purpose, take its new admin.yaml";
            self.says(&format!("its key is not the one that is known (hubKey): {remedy}"))
        } else if error.is_timeout() {
            self.says("no answer in time; look at the address and the network")
        } else {
            self.says(&format!("cannot be reached: {last}"))
        };
        Failure::unanswered(message)
    }

    /// A kubeconfig for this hub. There must have been an answer before.
    ///
    /// # Errors
    /// Where there was none, or the hub's key is not pinned.
    pub fn kubeconfig(&self) -> Result<String, CliError> {
        let (Some(pinned), Some(key)) = (&self.pinned, self.config.key) else {
            return Err(CliError::Usage("the hub's key is not known: give the hub's admin.yaml by --config".into()));
        };
        let certificate = pinned.certificate().ok_or_else(|| CliError::Failed(self.says("did not answer")))?;
        let host = host(&self.config.url);
        // A hub's certificate names the machine that it was made on at least as `localhost`.
        let server_name = (!tls::names_server(certificate, host)).then_some("localhost");
        let file = AdminFile { hub: self.config.url.clone(), hub_key: key, token: self.config.token.clone() };
        Ok(file.kubeconfig(certificate, server_name))
    }
}

fn host(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or(inner),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}

/// A proxy is for the way out of this machine.
fn is_loopback(url: &str) -> bool {
    let host = host(url);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The texts of `Warning: 299 - "…"`.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let text = |value: &reqwest::header::HeaderValue| {
        let text = value.to_str().ok()?.split_once('"')?.1.strip_suffix('"')?.replace("\\\"", "\"");
        Some(text.replace("\\\\", "\\"))
    };
    headers.get_all("warning").iter().filter_map(text).collect()
}

/// The lines of a watch.
#[derive(Debug)]
pub struct Lines {
    response: Response,
    rest: Vec<u8>,
}

impl Lines {
    /// The next event; `None` when the watch has ended, however it did.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return serde_json::from_slice(&line).ok();
            }
            let chunk = self.response.chunk().await.ok()??;
            self.rest.extend_from_slice(&chunk);
        }
    }
}
