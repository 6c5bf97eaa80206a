//! Values that a bundle names (`helm.valuesFrom`): read in the cluster with the rights of the bundle, rendered here, and told to
//! nobody. Called for [`Action::ReadValues`](skiff_planner::agent::Action::ReadValues) and
//! [`Action::Render`](skiff_planner::agent::Action::Render).
//!
//! Invariant: values are in memory and, rendered, encrypted in the cache; no message, log or report has one.

use crate::api::{ApiError, object_path};
use crate::cache::Cache;
use crate::execute::{Done, Tools};
use crate::kept::Held;
use crate::render::{Job, Renderer, Unrendered, panicked};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::wire::{Deployment, Facts};
use fleet_api::{Digest, Note, Reason};
use serde_json::Value;
use skiff_planner::agent::{Event, Made, ReadValues, Target, ValueRef};
use skiff_render::{ClusterFacts, Values};
use skiff_wire::classify::explain;
use std::sync::Arc;

impl Tools {
    /// Reads what a Deployment names, and keeps it.
    pub fn read_values(self, read: Box<ReadValues>, facts: &Facts) -> impl Future<Output = Done> + Send + use<> {
        let cluster = ClusterFacts {
            kubernetes_version: facts.kubernetes_version.clone(),
            api_versions: facts.api_versions.list().to_vec(),
            ..ClusterFacts::default()
        };
        let served = facts.api_versions.digest();
        async move {
            let result = self.try_values(&read).await.map(|values| {
                let all: Vec<_> = values.iter().map(Values::as_map).collect();
                let digest = Digest::of_json(&(all, &cluster.kubernetes_version, served));
                let digest = digest.unwrap_or_else(|_| Digest::of(b""));
                let held = Held { digest, values: Arc::new(values), cluster: Arc::new(cluster) };
                self.values.put(read.deployment, held);
                digest
            });
            if let Err(note) = &result {
                tracing::info!(deployment = %read.deployment, reason = %note.reason, "{}", note.message);
            }
            let copies = read.refs.iter().filter_map(|reference| reference.copy);
            let lost = copies.filter(|copy| result.is_err() && self.cache.read(*copy).is_none());
            let mut events: Vec<Event> = lost.map(|digest| Event::BlobLost { digest }).collect();
            events.push(Event::Values { deployment: read.deployment, result, at: self.now() });
            Done::Events(events)
        }
    }

    async fn try_values(&self, read: &ReadValues) -> Result<Vec<Values>, Note> {
        let mut all = Vec::new();
        for reference in &read.refs {
            if let Some(copy) = reference.copy {
                let object = self.cache.read(copy).and_then(|bytes| serde_json::from_slice(&bytes).ok());
                let object: Value = object.ok_or_else(|| lost(reference))?;
                all.push(values_in(&object, reference)?);
                continue;
            }
            let target = target(reference, &read.service_account);
            let object = self.api.get_as_account(&object_path(&target), &read.service_account).await;
            let object = object.map_err(|error| unread(&target, &error))?;
            all.push(values_in(&object, reference)?);
        }
        Ok(all)
    }

    /// Renders with the values that were read.
    pub async fn render(self, deployment: Digest, values: Digest) -> Done {
        let at = self.now();
        let rendered = |values, result| Event::Rendered { deployment, values, result, at };
        let later = |what: String| Err(Note::new(Reason::WaitingForCluster, what));
        let again = |what: &str| later(format!("{what} of the bundle are not at hand; they are read again"));
        let Some(held) = self.values.get(deployment, values) else {
            return Done::Events(vec![rendered(None, again("the values"))]);
        };
        let (cache, kept, renderer) = (self.cache.clone(), self.values.clone(), self.renderer.clone());
        let making = move || make(&cache, &renderer, deployment, &held).inspect(|made| kept.made(made.digest, &held));
        let made = tokio::task::spawn_blocking(making).await;
        let made = made.unwrap_or_else(|_| Err(Unmade::Failed(panicked(deployment))));
        Done::Events(match made {
            Ok(made) => vec![rendered(Some(values), Ok(Box::new(made)))],
            Err(Unmade::Failed(note)) => {
                tracing::info!(%deployment, reason = %note.reason, "{}", note.message);
                vec![rendered(Some(values), Err(note))]
            }
            Err(Unmade::Later(why)) => {
                tracing::warn!(%deployment, "{why}");
                vec![rendered(None, later(why))]
            }
            Err(Unmade::Lost(digest)) => {
                vec![Event::BlobLost { digest }, rendered(None, again("the files"))]
            }
        })
    }
}

/// Why nothing was made.
enum Unmade {
    /// It does not render.
    Failed(Note),
    /// The cache does not have it.
    Lost(Digest),
    /// It may be made another time.
    Later(String),
}

/// Renders, and puts all that came of it into the cache, encrypted.
fn make(cache: &Cache, renderer: &Renderer, source: Digest, held: &Held) -> Result<Made, Unmade> {
    let internal = |what: String| Unmade::Failed(Note::new(Reason::Internal, what));
    let document = cache.read(source).ok_or(Unmade::Lost(source))?;
    let parsed: Deployment = serde_json::from_slice(&document).map_err(|error| internal(error.to_string()))?;
    let tree = parsed.sources.map(|sources| sources.tree);
    let tree = tree.ok_or_else(|| internal(format!("deployment {source} has no sources")))?;
    let files = cache.read(tree).ok_or(Unmade::Lost(tree))?;
    let job = Job { source, document, files, cluster: held.cluster.clone(), values: held.values.clone() };
    let rendered = renderer.render(&job).map_err(|why| match why {
        Unrendered::Failed(note) => Unmade::Failed(note),
        Unrendered::Later(why) => Unmade::Later(why),
    })?;
    drop(job);
    let unwritten = |error: std::io::Error| internal(format!("what was rendered cannot be kept: {error}"));
    for bytes in rendered.objects {
        cache.write(Digest::of(&bytes), &bytes, true).map_err(unwritten)?;
    }
    let deployment = serde_json::from_slice(&rendered.document).map_err(|error| internal(error.to_string()))?;
    let digest = Digest::of(&rendered.document);
    cache.write(digest, &rendered.document, true).map_err(unwritten)?;
    Ok(Made { digest, deployment })
}

fn target(reference: &ValueRef, service_account: &str) -> Target {
    let plural = if reference.object.kind == "Secret" { "secrets" } else { "configmaps" };
    Target {
        key: reference.object.clone(),
        api_version: "v1".into(),
        plural: plural.into(),
        service_account: service_account.to_owned(),
    }
}

fn lost(reference: &ValueRef) -> Note {
    let message = format!("the copy of {} that the hub sent is not at hand; it is fetched again", reference.object);
    Note::new(Reason::WaitingForCluster, message).about(reference.object.clone())
}

fn unread(target: &Target, error: &ApiError) -> Note {
    let key = &target.key;
    let who = if target.service_account.is_empty() {
        "the agent".to_owned()
    } else {
        let namespace = fleet_api::labels::AGENT_NAMESPACE;
        format!("service account {namespace}/{}", target.service_account)
    };
    let note = match error.code() {
        Some(404) => {
            let message = format!("{key}, which helm.valuesFrom names, is not there");
            Note::new(Reason::WaitingForValues, message)
        }
        Some(401 | 403) => {
            let message = format!("{who} may not get {key}, which helm.valuesFrom names");
            let remedy = format!("allow {who} to get {} {:?} in that namespace", target.plural, key.name);
            Note::new(Reason::Forbidden, message).with_remedy(remedy)
        }
        _ => Note::new(Reason::ApiServerUnreachable, explain("read", key, error).message),
    };
    note.about(key.clone())
}

/// The values of one key. An error names places and never what stands there.
fn values_in(object: &Value, reference: &ValueRef) -> Result<Values, Note> {
    let ValueRef { object: of, key, copy: _ } = reference;
    let wrong = |reason, what: String| Note::new(reason, format!("key {key:?} of {of}, {what}")).about(of.clone());
    let text = object["data"][key.as_str()].as_str();
    let text =
        text.ok_or_else(|| wrong(Reason::WaitingForValues, "which helm.valuesFrom names, is not there".to_owned()))?;
    let decoded = if of.kind == "Secret" { STANDARD.decode(text).ok() } else { Some(text.as_bytes().to_vec()) };
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(|| wrong(Reason::RenderFailed, "which helm.valuesFrom names, is no text".to_owned()))?;
    Values::from_yaml(&text)
        .map_err(|_| wrong(Reason::RenderFailed, "which helm.valuesFrom names, is no YAML mapping".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_api::ObjectKey;
    use serde_json::json;

    fn reference(kind: &str) -> ValueRef {
        ValueRef { object: ObjectKey::new("", kind, "shop", "web"), key: "values.yaml".into(), copy: None }
    }

    #[test]
    fn errors_about_values_never_quote_them() {
        let secret = |text: &str| json!({"data": {"values.yaml": STANDARD.encode(text)}});
        let read = |object: &Value, kind| values_in(object, &reference(kind));
        assert_eq!(read(&secret("a: {b: hunter2}"), "Secret").unwrap().as_map()["a"], json!({"b": "hunter2"}));
        let map = json!({"data": {"values.yaml": "a: hunter2"}});
        assert_eq!(read(&map, "ConfigMap").unwrap().as_map()["a"], "hunter2");
        let cases = [
            (secret("hunter2"), Reason::RenderFailed),
            (secret("a: [hunter2"), Reason::RenderFailed),
            (secret("--- hunter2"), Reason::RenderFailed),
            (json!({"data": {"values.yaml": "hunter2 is no base64"}}), Reason::RenderFailed),
            (json!({"data": {"other": "hunter2"}}), Reason::WaitingForValues),
            (json!({"hunter2": 1}), Reason::WaitingForValues),
        ];
        for (object, reason) in cases {
            let note = read(&object, "Secret").unwrap_err();
            assert_eq!(note.reason, reason, "{object}");
            assert!(note.message.contains("shop/web") && !note.message.contains("hunter2"), "{}", note.message);
        }
    }
}
