//! Watches one kind, restricted to what carries our label, and sends every object on at once. Started and stopped by
//! the loop.
//!
//! Invariant: nothing is kept but the resourceVersion to go on from and, while a list runs, the names in it.

use crate::api::{Api, ApiError, Lines, collection_path};
use fleet_api::ObjectKey;
use fleet_api::labels::OWNER_LABEL;
use fleet_api::names::ClusterUid;
use serde_json::Value;
use skiff_planner::agent::GroupKind;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// What a watch tells.
#[derive(Debug)]
pub enum Sighting {
    /// An object as it is, or was a moment ago.
    Object(ObjectKey, Box<Value>),
    /// The watch says that it is gone.
    Deleted(ObjectKey),
    /// The whole list was seen.
    Listed(GroupKind, BTreeSet<ObjectKey>),
}

/// One kind to watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The kind.
    pub kind: GroupKind,
    /// At which version.
    pub version: String,
    /// The resource in the path.
    pub plural: String,
}

/// How long a watch runs before it is opened again.
const WATCH_SECONDS: u32 = 3_000;
/// Bookmarks come every minute; after this time without anything the connection is taken for dead.
const IDLE: Duration = Duration::from_secs(240);
const PAGE: usize = 100;

struct Watch<'a> {
    api: &'a Api,
    watched: &'a Watched,
    selector: String,
    sender: &'a Sender<Sighting>,
    /// `None`: begin with a list.
    resource_version: Option<String>,
    streaming: bool,
}

/// Watches until nobody listens any more.
pub async fn watch(api: Api, watched: Watched, cluster: ClusterUid, sender: Sender<Sighting>) {
    let selector = format!("labelSelector={OWNER_LABEL}%3D{cluster}");
    let mut watch =
        Watch { api: &api, watched: &watched, selector, sender: &sender, resource_version: None, streaming: true };
    let mut failures = 0_u32;
    while !sender.is_closed() {
        match watch.once().await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures = failures.saturating_add(1);
                tracing::debug!(kind = %watched.kind.kind, %error, "the watch broke");
                match error.code() {
                    Some(410) => watch.resource_version = None,
                    Some(400 | 403 | 422) if watch.streaming && watch.resource_version.is_none() => {
                        // Streaming lists are a feature that older servers lack.
                        watch.streaming = false;
                        continue;
                    }
                    _ => {}
                }
                tokio::time::sleep(pause(failures)).await;
            }
        }
    }
}

/// 0.2 s, 0.4 s, … half a minute.
fn pause(failures: u32) -> Duration {
    Duration::from_millis(100 << failures.min(8)).min(Duration::from_secs(30))
}

impl Watch<'_> {
    fn path(&self) -> String {
        let group = &self.watched.kind.group;
        let version = &self.watched.version;
        let api_version = if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
        collection_path(&api_version, &self.watched.plural, "")
    }

    /// One connection, from its beginning to its end.
    async fn once(&mut self) -> Result<(), ApiError> {
        let mut seen = None;
        let from = match self.resource_version.clone() {
            Some(version) => format!("resourceVersion={version}"),
            None if self.streaming => {
                seen = Some(BTreeSet::new());
                "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=".to_owned()
            }
            None => {
                let version = self.list().await?;
                self.resource_version = Some(version.clone());
                format!("resourceVersion={version}")
            }
        };
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&{}&{from}",
            self.path(),
            self.selector
        );
        let mut lines = self.api.watch(&path).await?;
        let result = self.follow(&mut lines, &mut seen).await;
        if seen.is_some() {
            // It ended before the list did.
            self.resource_version = None;
        }
        result
    }

    async fn follow(&mut self, lines: &mut Lines, seen: &mut Option<BTreeSet<ObjectKey>>) -> Result<(), ApiError> {
        while let Some(line) = lines.next(IDLE).await {
            let Ok(mut event) = serde_json::from_slice::<Value>(&line) else { break };
            drop(line);
            // Of a line that is no mapping there is none: indexing would be a panic.
            let object = event.get_mut("object").map(Value::take).unwrap_or_default();
            if let Some(version) = object["metadata"]["resourceVersion"].as_str() {
                self.resource_version = Some(version.to_owned());
            }
            match event["type"].as_str().unwrap_or_default() {
                "ADDED" | "MODIFIED" => {
                    let Some(key) = self.key(&object) else { continue };
                    if let Some(seen) = seen.as_mut() {
                        seen.insert(key.clone());
                    }
                    self.send(Sighting::Object(key, Box::new(object))).await;
                }
                "DELETED" => {
                    let Some(key) = self.key(&object) else { continue };
                    self.send(Sighting::Deleted(key)).await;
                }
                "BOOKMARK" => {
                    let ends = object["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true";
                    if let Some(seen) = ends.then(|| seen.take()).flatten() {
                        self.send(Sighting::Listed(self.watched.kind.clone(), seen)).await;
                    }
                }
                "ERROR" => {
                    let code = u16::try_from(object["code"].as_u64().unwrap_or(500)).unwrap_or(500);
                    let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
                    return Err(ApiError::Status {
                        code,
                        reason: text("reason"),
                        message: text("message"),
                        causes: Vec::new(),
                        kind: String::new(),
                        name: String::new(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A list by pages, for API servers without streaming lists.
    async fn list(&mut self) -> Result<String, ApiError> {
        let mut seen = BTreeSet::new();
        let mut next = String::new();
        loop {
            let page = if next.is_empty() { String::new() } else { format!("&continue={next}") };
            let mut answer = self.api.get(&format!("{}?limit={PAGE}&{}{page}", self.path(), self.selector)).await?;
            for item in items(&mut answer)? {
                if let Some(key) = self.key(&item) {
                    seen.insert(key.clone());
                    self.send(Sighting::Object(key, Box::new(item))).await;
                }
            }
            next = answer["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
            if next.is_empty() {
                self.send(Sighting::Listed(self.watched.kind.clone(), seen)).await;
                return Ok(answer["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned());
            }
        }
    }

    async fn send(&self, sighting: Sighting) {
        // Nobody listens: the loop ends at its next turn.
        drop(self.sender.send(sighting).await);
    }

    /// Items of a list do not say their kind; it is that of the watch. What has no UID is no object.
    fn key(&self, object: &Value) -> Option<ObjectKey> {
        let metadata = &object["metadata"];
        metadata["uid"].as_str().filter(|uid| !uid.is_empty())?;
        let namespace = metadata["namespace"].as_str().unwrap_or_default();
        let kind = &self.watched.kind;
        Some(ObjectKey::new(&kind.group, &kind.kind, namespace, metadata["name"].as_str()?))
    }
}

/// What is in a list. An answer that is no list is not an empty one.
fn items(answer: &mut Value) -> Result<Vec<Value>, ApiError> {
    let is_list = answer["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match answer.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok(items),
        // Go writes an empty list so.
        Some(Value::Null) | None if is_list => Ok(Vec::new()),
        _ => Err(ApiError::Transport("the answer is no list of objects".to_owned())),
    }
}
