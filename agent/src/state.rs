//! Reads and writes the documents that survive a restart ([`skiff_wire::document`]), in Secrets of the cluster. Written
//! by the loop alone.

use crate::api::{Api, ApiError, collection_path};
use fleet_api::labels::AGENT_NAMESPACE;
use serde_json::{Value, json};
use skiff_wire::document::{Answer, DocumentError};

pub use skiff_wire::document::{Document, fields, secret};

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
    #[error(
        "secret {AGENT_NAMESPACE}/{0} is not as this process left it: another instance of the agent wrote it, or the cluster \
         was put back to an older state"
    )]
    Superseded(String),
    /// It is not what was written.
    #[error("secret {AGENT_NAMESPACE}/{0} cannot be read: {1}")]
    Broken(String, String),
}

impl From<DocumentError> for StateError {
    fn from(error: DocumentError) -> Self {
        match error {
            DocumentError::Superseded(name) => Self::Superseded(name),
            DocumentError::Broken(name, why) => Self::Broken(name, why),
        }
    }
}

/// The path of the Secrets.
pub fn secrets_path() -> String {
    collection_path("v1", "secrets", AGENT_NAMESPACE)
}

/// Reads a document; `None` where it was never written.
///
/// # Errors
/// Where the API server does not give it, or it is broken.
pub async fn read(document: &mut Document, api: &Api) -> Result<Option<Vec<u8>>, StateError> {
    let Some(head) = find(api, document.name()).await? else { return Ok(None) };
    let mut parts = Vec::new();
    for name in document.begin_read(&head) {
        parts.extend(find(api, &name).await?);
    }
    Ok(Some(document.assemble(&head, &parts)?))
}

/// Writes a document.
///
/// # Errors
/// Where the API server does not take it, or another instance wrote in between.
pub async fn write(document: &mut Document, api: &Api, bytes: &[u8]) -> Result<(), StateError> {
    if document.is_uncertain() {
        let head = find(api, document.name()).await?;
        document.resolve(head.as_ref())?;
    }
    let writing = document.begin_write(bytes)?;
    for (name, part) in &writing.parts {
        write_part(api, name, part).await?;
    }
    let answer = if writing.replaces {
        api.replace(&format!("{}/{}", secrets_path(), document.name()), &writing.head).await
    } else {
        api.create(&secrets_path(), &writing.head, "").await
    };
    let meaning = match &answer {
        Ok(head) => Answer::Taken(head),
        Err(error) => match error.code() {
            Some(409) => Answer::Conflict,
            Some(code) if code < 500 => Answer::Refused,
            Some(_) | None => Answer::Unknown,
        },
    };
    document.written(&writing, meaning)?;
    answer.map(drop).map_err(|error| StateError::Api { name: document.name().to_owned(), error })
}

async fn write_part(api: &Api, name: &str, part: &Value) -> Result<(), StateError> {
    let error = match api.create(&secrets_path(), part, "").await {
        Err(error) if error.code() == Some(409) => {
            // Left from an earlier document: nobody reads it any more.
            match api.replace(&format!("{}/{name}", secrets_path()), part).await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            }
        }
        Err(error) => error,
        Ok(_) => return Ok(()),
    };
    Err(StateError::Api { name: name.to_owned(), error })
}

async fn find(api: &Api, name: &str) -> Result<Option<Value>, StateError> {
    let path = format!("{}/{name}", secrets_path());
    api.find(&path).await.map_err(|error| StateError::Api { name: name.to_owned(), error })
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
