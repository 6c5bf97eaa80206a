//! What survives a restart, in Secrets of the cluster: the high-water mark with the last Desired, and the ledger.
//! Compressed, and split below 1 MiB (etcd's limit is 1.5). Written by the loop alone.
//!
//! Invariant: a write replaces the whole document or nothing of it: the parts go into the slot that is not in use, then
//! the head names the slot. Each write has the resourceVersion of the last one as its precondition.

use crate::api::{Api, ApiError, collection_path};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::labels::AGENT_NAMESPACE;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A part of a document is no larger, compressed.
const PART_LIMIT: usize = 900 * 1024;
/// A document is no larger, uncompressed.
const DOCUMENT_LIMIT: usize = 256 << 20;

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The API server did not do it.
    #[error("secret {AGENT_NAMESPACE}/{name}: {error}")]
    Api {
        /// Of the Secret.
        name: String,
        /// Why.
        error: ApiError,
    },
    /// Another instance wrote in between.
    #[error("secret {AGENT_NAMESPACE}/{0} was written by another instance of the agent")]
    Superseded(String),
    /// It is not what was written.
    #[error("secret {AGENT_NAMESPACE}/{0} cannot be read: {1}")]
    Broken(String, String),
}

/// The path of the Secrets.
pub fn secrets_path() -> String {
    collection_path("v1", "secrets", AGENT_NAMESPACE)
}

/// One document in one or more Secrets.
#[derive(Debug)]
pub struct Document {
    name: &'static str,
    resource_version: Option<String>,
    slot: u8,
    parts: usize,
    /// What the last write would have put there, where it had no answer: it may have happened.
    uncertain: Option<Value>,
}

impl Document {
    /// Of this name, nothing read yet.
    pub const fn new(name: &'static str) -> Self {
        Self { name, resource_version: None, slot: 0, parts: 0, uncertain: None }
    }

    /// Reads it; `None` where it was never written.
    ///
    /// # Errors
    /// Where the API server does not give it, or it is broken.
    pub async fn read(&mut self, api: &Api) -> Result<Option<Vec<u8>>, StateError> {
        let Some(head) = self.find(api, self.name).await? else { return Ok(None) };
        self.resource_version = head["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        let data = fields(&head);
        let broken = |why: &str| StateError::Broken(self.name.to_owned(), why.to_owned());
        let number = |key: &str| data.get(key).and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse::<usize>().ok());
        let mut packed = data.get("document").cloned().unwrap_or_default();
        let (parts, slot) = (number("parts").unwrap_or(0), number("slot").unwrap_or(0));
        for part in 0..parts {
            let name = part_name(self.name, slot, part);
            let secret = self.find(api, &name).await?.ok_or_else(|| broken("a part is missing"))?;
            packed.extend(fields(&secret).remove("document").ok_or_else(|| broken("a part is empty"))?);
        }
        self.parts = parts;
        self.slot = u8::try_from(slot).unwrap_or(0);
        unpack(&packed).map(Some).ok_or_else(|| broken("it is damaged"))
    }

    /// Writes it.
    ///
    /// # Errors
    /// Where the API server does not take it, or another instance wrote in between.
    pub async fn write(&mut self, api: &Api, document: &[u8]) -> Result<(), StateError> {
        if let Some(tried) = self.uncertain.clone() {
            let head = self.find(api, self.name).await?;
            let version = head.as_ref().and_then(|head| head["metadata"]["resourceVersion"].as_str());
            let is_ours = head.as_ref().is_some_and(|head| head["data"] == tried);
            if version != self.resource_version.as_deref() && !is_ours {
                return Err(StateError::Superseded(self.name.to_owned()));
            }
            self.resource_version = version.map(str::to_owned);
            self.uncertain = None;
        }
        let packed = zstd::bulk::compress(document, 3)
            .map_err(|error| StateError::Broken(self.name.to_owned(), error.to_string()))?;
        let (slot, parts) = if packed.len() <= PART_LIMIT {
            (self.slot, 0)
        } else {
            (1 - self.slot.min(1), packed.len().div_ceil(PART_LIMIT))
        };
        for (part, chunk) in packed.chunks(PART_LIMIT).enumerate().take(parts) {
            self.write_part(api, &part_name(self.name, slot.into(), part), chunk).await?;
        }
        let mut head = secret(self.name);
        let data = json!({
            "document": STANDARD.encode(if parts == 0 { packed.as_slice() } else { b"" }),
            "parts": STANDARD.encode(parts.to_string()),
            "slot": STANDARD.encode(slot.to_string()),
        });
        head["data"] = data.clone();
        let answer = match &self.resource_version {
            Some(version) => {
                head["metadata"]["resourceVersion"] = json!(version);
                api.replace(&format!("{}/{}", secrets_path(), self.name), &head).await
            }
            None => api.create(&secrets_path(), &head, "").await,
        };
        let may_have_happened = answer.as_ref().is_err_and(|error| error.code().is_none_or(|code| code >= 500));
        self.uncertain = may_have_happened.then_some(data);
        let answer = answer.map_err(|error| match error.code() {
            Some(409) => StateError::Superseded(self.name.to_owned()),
            _ => StateError::Api { name: self.name.to_owned(), error },
        })?;
        self.resource_version = answer["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        (self.slot, self.parts) = (slot, parts);
        Ok(())
    }

    async fn write_part(&self, api: &Api, name: &str, chunk: &[u8]) -> Result<(), StateError> {
        let mut part = secret(name);
        part["data"] = json!({"document": STANDARD.encode(chunk)});
        let error = match api.create(&secrets_path(), &part, "").await {
            Err(error) if error.code() == Some(409) => {
                // Left from an earlier document: nobody reads it any more.
                match api.replace(&format!("{}/{name}", secrets_path()), &part).await {
                    Ok(_) => return Ok(()),
                    Err(error) => error,
                }
            }
            Err(error) => error,
            Ok(_) => return Ok(()),
        };
        Err(StateError::Api { name: name.to_owned(), error })
    }

    async fn find(&self, api: &Api, name: &str) -> Result<Option<Value>, StateError> {
        let path = format!("{}/{name}", secrets_path());
        api.find(&path).await.map_err(|error| StateError::Api { name: name.to_owned(), error })
    }
}

fn part_name(name: &str, slot: usize, part: usize) -> String {
    format!("{name}-{slot}-{part}")
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let decoder = zstd::Decoder::new(packed).ok()?;
    decoder.take(DOCUMENT_LIMIT as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// An empty Secret of ours.
pub fn secret(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "skiff.dev/state",
        "metadata": {"name": name, "namespace": AGENT_NAMESPACE},
    })
}

/// The decoded fields of a Secret.
pub fn fields(secret: &Value) -> BTreeMap<String, Vec<u8>> {
    let data = secret["data"].as_object().into_iter().flat_map(Map::iter);
    data.filter_map(|(name, value)| Some((name.clone(), STANDARD.decode(value.as_str()?).ok()?))).collect()
}

/// Makes sure of the agent's own namespace; it is written only where it is missing.
///
/// # Errors
/// What the API server said.
pub async fn ensure_namespace(api: &Api) -> Result<(), ApiError> {
    if api.find(&format!("/api/v1/namespaces/{AGENT_NAMESPACE}")).await?.is_some() {
        return Ok(());
    }
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": AGENT_NAMESPACE}});
    match api.create("/api/v1/namespaces", &namespace, "").await {
        Err(error) if error.code() != Some(409) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
