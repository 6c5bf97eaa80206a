//! The few requests that the agent sends to its API server, over a [`kube::Client`]. Objects are plain JSON values: the
//! agent applies kinds that it has never heard of.
//!
//! Invariant: no body is kept longer than its caller needs it, and no request waits for ever.

use crate::reach::Reach;
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::Value;
use skiff_planner::agent::Target;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// How long a request may take that is no watch. An admission webhook may take 30 s.
const TIMEOUT: Duration = Duration::from_secs(40);
/// No answer that is no watch may be larger.
const BODY_LIMIT: usize = 16 << 20;

pub use skiff_wire::status::ApiError;

/// The API server of the cluster.
#[derive(Clone)]
pub struct Api {
    client: kube::Client,
    reach: Arc<Reach>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Api")
    }
}

/// How an object is applied.
#[derive(Clone, Copy, Debug)]
pub struct ApplyParams {
    /// Overrule other managers.
    pub force: bool,
}

impl Api {
    /// Over this client.
    pub fn new(client: kube::Client) -> Self {
        Self { client, reach: Arc::default() }
    }

    /// Whether it answers.
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Reads a path.
    ///
    /// # Errors
    /// What the API server said.
    pub async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.get_as_account(path, "").await
    }

    /// Reads a path as a service account; as the agent itself where that is empty.
    ///
    /// # Errors
    /// What the API server said.
    pub async fn get_as_account(&self, path: &str, service_account: &str) -> Result<Value, ApiError> {
        self.send(Method::GET, path, "", None, service_account).await
    }

    /// Reads a path into a type, asking for a media type.
    ///
    /// # Errors
    /// What the API server said.
    pub async fn get_as<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        accept: &'static str,
    ) -> Result<T, ApiError> {
        let mut request = build(Method::GET, path, "", None, "")?;
        request.headers_mut().insert(header::ACCEPT, header::HeaderValue::from_static(accept));
        self.receive(request).await
    }

    /// Reads a path; `None` where there is nothing.
    ///
    /// # Errors
    /// What the API server said, other than 404.
    pub async fn find(&self, path: &str) -> Result<Option<Value>, ApiError> {
        match self.get(path).await {
            Ok(value) => Ok(Some(value)),
            Err(ApiError::Status { code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Server-side apply.
    ///
    /// # Errors
    /// What the API server said.
    pub async fn apply(&self, target: &Target, object: &Value, params: ApplyParams) -> Result<Value, ApiError> {
        let manager = fleet_api::labels::FIELD_MANAGER;
        let path = format!("{}?fieldManager={manager}&force={}", object_path(target), params.force);
        let body = serde_json::to_vec(object).map_err(|error| ApiError::Transport(error.to_string()))?;
        self.send(Method::PATCH, &path, "application/apply-patch+yaml", Some(body), &target.service_account).await
    }

    /// A JSON merge patch.
    ///
    /// # Errors
    /// What the API server said.
    pub async fn merge(&self, path: &str, patch: &Value, service_account: &str) -> Result<Value, ApiError> {
        let path = format!("{path}?fieldManager={}", fleet_api::labels::FIELD_MANAGER);
        self.send(Method::PATCH, &path, "application/merge-patch+json", Some(to_bytes(patch)), service_account).await
    }

    /// Creates an object in a collection.
    ///
    /// # Errors
    /// What the API server said.
    pub async fn create(&self, path: &str, object: &Value, service_account: &str) -> Result<Value, ApiError> {
        let path = format!("{path}?fieldManager={}", fleet_api::labels::FIELD_MANAGER);
        self.send(Method::POST, &path, "application/json", Some(to_bytes(object)), service_account).await
    }

    /// Replaces an object; its resourceVersion is the precondition.
    ///
    /// # Errors
    /// What the API server said.
    pub async fn replace(&self, path: &str, object: &Value) -> Result<Value, ApiError> {
        let path = format!("{path}?fieldManager={}", fleet_api::labels::FIELD_MANAGER);
        self.send(Method::PUT, &path, "application/json", Some(to_bytes(object)), "").await
    }

    /// Deletes an object with preconditions, in the background.
    ///
    /// # Errors
    /// What the API server said.
    pub async fn delete(&self, path: &str, options: &Value, service_account: &str) -> Result<(), ApiError> {
        self.send(Method::DELETE, path, "application/json", Some(to_bytes(options)), service_account).await.map(drop)
    }

    /// Opens a watch: a stream of lines.
    ///
    /// # Errors
    /// What the API server said.
    pub async fn watch(&self, path: &str) -> Result<Lines, ApiError> {
        let request = build(Method::GET, path, "", None, "")?;
        let work = async {
            let response = self.client.send(request).await.map_err(transport)?;
            if !response.status().is_success() {
                return Err(failure(response).await);
            }
            Ok(Lines { body: response.into_body(), rest: Vec::new(), searched: 0 })
        };
        self.in_time(path, work).await
    }

    /// Ends the request at the deadline, and takes down whether it was answered.
    async fn in_time<T>(&self, path: &str, work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        let ended = tokio::time::timeout(TIMEOUT, work).await;
        let result = ended.unwrap_or_else(|_| Err(ApiError::Transport("no answer in time".into())));
        self.reach.record(path, result.as_ref().err());
        result
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Option<Vec<u8>>,
        service_account: &str,
    ) -> Result<Value, ApiError> {
        self.receive(build(method, path, content_type, body, service_account)?).await
    }

    async fn receive<T: serde::de::DeserializeOwned>(&self, request: Request<Body>) -> Result<T, ApiError> {
        let path = request.uri().path().to_owned();
        let work = async {
            let response = self.client.send(request).await.map_err(transport)?;
            if !response.status().is_success() {
                return Err(failure(response).await);
            }
            let bytes = collect(response.into_body()).await?;
            serde_json::from_slice(&bytes)
                .map_err(|error| ApiError::Transport(format!("the answer is no JSON: {error}")))
        };
        self.in_time(&path, work).await
    }
}

fn to_bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn transport(error: kube::Error) -> ApiError {
    match error {
        kube::Error::Api(status) => ApiError::Status {
            code: status.code,
            reason: status.reason.clone(),
            message: status.message.clone(),
            causes: Vec::new(),
            kind: String::new(),
            name: String::new(),
        },
        // It names the server and what happened.
        kube::Error::Service(cause) => ApiError::Transport(cause.to_string()),
        other => ApiError::Transport(other.to_string()),
    }
}

fn build(
    method: Method,
    path: &str,
    content_type: &str,
    body: Option<Vec<u8>>,
    service_account: &str,
) -> Result<Request<Body>, ApiError> {
    let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, "application/json");
    if !content_type.is_empty() {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    if !service_account.is_empty() {
        let user = format!("system:serviceaccount:{}:{service_account}", fleet_api::labels::AGENT_NAMESPACE);
        request = request.header("Impersonate-User", user);
    }
    let body = body.map_or_else(Body::empty, Body::from);
    request.body(body).map_err(|error| ApiError::Transport(error.to_string()))
}

async fn failure(response: Response<Body>) -> ApiError {
    let code = response.status();
    match collect(response.into_body()).await {
        Ok(body) => ApiError::of(code.as_u16(), &body),
        Err(_) => ApiError::of(code.as_u16(), b""),
    }
}

async fn collect(mut body: Body) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(transport)?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > BODY_LIMIT {
                return Err(ApiError::Transport("the answer is too large".into()));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// The lines of a watch.
pub struct Lines {
    body: Body,
    rest: Vec<u8>,
    searched: usize,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lines")
    }
}

impl Lines {
    /// The next line; `None` where the watch has ended, or nothing came for `idle`.
    pub async fn next(&mut self, idle: Duration) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = self.rest[self.searched..].iter().position(|byte| *byte == b'\n') {
                let end = self.searched + length;
                let line = self.rest[..end].to_vec();
                self.rest.drain(..=end);
                self.searched = 0;
                if self.rest.is_empty() && self.rest.capacity() > 64 << 10 {
                    self.rest = Vec::new();
                }
                return Some(line);
            }
            self.searched = self.rest.len();
            let frame = tokio::time::timeout(idle, self.body.frame()).await.ok()??;
            let data: Bytes = frame.ok()?.into_data().ok()?;
            if self.rest.len() + data.len() > BODY_LIMIT {
                return None;
            }
            self.rest.extend_from_slice(&data);
        }
    }
}

/// `/apis/apps/v1/namespaces/shop/deployments/web`.
pub fn object_path(target: &Target) -> String {
    let mut path = collection_path(&target.api_version, &target.plural, &target.key.namespace);
    path.push('/');
    path.push_str(&encode(&target.key.name));
    path
}

/// `/apis/apps/v1/namespaces/shop/deployments`.
pub fn collection_path(api_version: &str, plural: &str, namespace: &str) -> String {
    let root = if api_version.contains('/') { "/apis/" } else { "/api/" };
    let mut path = format!("{root}{api_version}");
    if !namespace.is_empty() {
        path.push_str("/namespaces/");
        path.push_str(&encode(namespace));
    }
    path.push('/');
    path.push_str(plural);
    path
}

/// A segment of a path: names are not judged by us, so that they cannot leave their place in it either.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _infallible = write!(out, "%{byte:02X}");
        }
    }
    if matches!(text, "." | "..") { out.replace('.', "%2E") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_api::ObjectKey;

    #[test]
    fn names_cannot_leave_their_place_in_a_path() {
        let target = |namespace: &str, name: &str| Target {
            key: ObjectKey::new("", "ConfigMap", namespace, name),
            api_version: "v1".into(),
            plural: "configmaps".into(),
            service_account: String::new(),
        };
        assert_eq!(object_path(&target("shop", "web.v1")), "/api/v1/namespaces/shop/configmaps/web.v1");
        assert_eq!(object_path(&target("a/b", "../x?y#z")), "/api/v1/namespaces/a%2Fb/configmaps/..%2Fx%3Fy%23z");
        assert_eq!(object_path(&target("", "..")), "/api/v1/configmaps/%2E%2E");
    }

    #[test]
    fn only_a_404_that_names_the_object_says_that_it_is_gone() {
        let target = Target {
            key: ObjectKey::new("", "ConfigMap", "shop", "web"),
            api_version: "v1".into(),
            plural: "configmaps".into(),
            service_account: String::new(),
        };
        let cases: [(&[u8], bool); 4] = [
            (br#"{"reason":"NotFound","details":{"name":"web","kind":"configmaps"}}"#, true),
            (
                br#"{"reason":"NotFound","message":"the server could not find the requested resource","details":{}}"#,
                false,
            ),
            (br#"{"reason":"NotFound","details":{"name":"web","kind":"namespaces"}}"#, false),
            (b"404 page not found", false),
        ];
        for (body, gone) in cases {
            let error = ApiError::of(404, body);
            assert_eq!(error.is_gone(&target), gone, "{error}");
        }
    }

    #[test]
    fn a_status_keeps_what_is_needed_to_explain_it() {
        let body = br#"{"reason":"Invalid","message":"m","details":{"kind":"Service","causes":[{"reason":"FieldValueInvalid","message":"x","field":"spec.a"}]}}"#;
        let error = ApiError::of(422, body);
        let ApiError::Status { code, causes, .. } = error else { panic!("a status") };
        assert_eq!((code, causes[0][2].as_str()), (422, "spec.a"));
    }
}
