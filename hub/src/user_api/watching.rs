//! Watches: of stored objects from the store's history, of BundleDeployments by comparing lists.
//!
//! A watch that cannot go on without a gap ends with 410, and the client lists again.

use super::query::{Form, Query, Selection};
use super::status::ApiError;
use super::table::{self, Include};
use super::target::Target;
use super::{UserApi, read};
use crate::store::{Event, EventType, Kind, Object, Watch};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use fleet_api::Digest;
use fleet_api::v1alpha1::BundleDeployment;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long a watch lasts where the client does not say.
const LASTS: Duration = Duration::from_secs(1800);
/// How often a client that wants bookmarks gets one.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How often BundleDeployments are compared while somebody watches them.
const COMPARE: Duration = Duration::from_secs(1);
/// How many lists of BundleDeployments are remembered for watches that begin at them.
const LISTINGS: usize = 16;

/// A BundleDeployment as an object; its version is made of its content.
pub(super) fn as_object(deployment: &BundleDeployment) -> Option<Object> {
    let mut value = serde_json::to_value(deployment).ok()?;
    let digest = Digest::of_json(&value).ok()?;
    let version = digest.as_bytes().iter().take(7).fold(0_u64, |number, &byte| (number << 8) | u64::from(byte));
    value["metadata"]["resourceVersion"] = version.to_string().into();
    Some(Object::new(Kind::BundleDeployment, version, value))
}

type Versions = BTreeMap<(String, String), u64>;

/// The last lists of BundleDeployments that were given out.
#[derive(Debug)]
pub(super) struct Listings {
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    next: u64,
    lists: VecDeque<(u64, Option<String>, Arc<Versions>)>,
}

impl Default for Listings {
    /// Versions begin at the time, so that one of an earlier run is never taken for one of this.
    fn default() -> Self {
        let next = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(1);
        Self { kept: Mutex::new(Kept { next, lists: VecDeque::new() }) }
    }
}

impl Listings {
    /// The version of a list; the same for the same list.
    pub(super) fn record(&self, namespace: Option<&str>, objects: &[Object]) -> u64 {
        let key = |object: &Object| ((object.namespace().to_owned(), object.name().to_owned()), object.version());
        let versions: Versions = objects.iter().map(key).collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |(_, scope, known): &&(u64, Option<String>, Arc<Versions>)| {
            scope.as_deref() == namespace && **known == versions
        };
        if let Some((version, ..)) = kept.lists.iter().rev().find(same) {
            return *version;
        }
        kept.next += 1;
        let version = kept.next;
        kept.lists.push_back((version, namespace.map(str::to_owned), Arc::new(versions)));
        while kept.lists.len() > LISTINGS {
            kept.lists.pop_front();
        }
        version
    }

    fn at(&self, version: u64, namespace: Option<&str>) -> Option<Arc<Versions>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.lists.iter().find(|(known, scope, _)| *known == version && scope.as_deref() == namespace);
        found.map(|(_, _, versions)| versions.clone())
    }
}

/// Who receives, and what of it.
struct Sink {
    lines: mpsc::Sender<Bytes>,
    kind: Kind,
    namespace: Option<String>,
    name: Option<String>,
    selection: Selection,
    form: Form,
    include: Include,
    bookmarks: bool,
}

/// The client has gone.
struct Gone;

impl Sink {
    async fn line(&self, kind: &str, object: &Value) -> Result<(), Gone> {
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        self.lines.send(line.into()).await.map_err(|_| Gone)
    }

    async fn event(&self, kind: &str, object: &Value, version: u64) -> Result<(), Gone> {
        let object = read::shown(self.kind, object);
        let shaped = match self.form {
            Form::Object => object,
            Form::Metadata => table::partial(&object),
            Form::Table => {
                let metadata = json!({"resourceVersion": version.to_string()});
                table::of(self.kind, &[&object], &metadata, self.include)
            }
        };
        self.line(kind, &shaped).await
    }

    async fn bookmark(&self, version: u64, initial_end: bool) -> Result<(), Gone> {
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        if initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.form {
            Form::Object => {
                json!({"kind": self.kind.as_str(), "apiVersion": self.kind.api_version(), "metadata": metadata})
            }
            Form::Metadata => table::partial(&json!({"metadata": metadata})),
            Form::Table => table::of(self.kind, &[], &metadata, self.include),
        };
        self.line("BOOKMARK", &object).await
    }

    fn concerns(&self, object: &Object) -> bool {
        object.kind() == self.kind
            && self.namespace.as_deref().is_none_or(|namespace| namespace == object.namespace())
            && self.name.as_deref().is_none_or(|name| name == object.name())
            && self.selection.matches(object.value())
    }

    /// How a change looks to one who sees only part of the objects.
    fn seen(&self, event: &Event) -> Option<&'static str> {
        let before = event.previous.as_ref().is_some_and(|previous| self.concerns(previous));
        let now = event.event_type != EventType::Deleted && self.concerns(&event.object);
        match (before, now) {
            (false, true) => Some("ADDED"),
            (true, true) => Some("MODIFIED"),
            (true, false) => Some("DELETED"),
            (false, false) => None,
        }
    }
}

/// Answers a watch.
pub(super) async fn serve(api: &UserApi, target: &Target, query: &Query, form: Form) -> Result<Response, ApiError> {
    let (lines, receiver) = mpsc::channel(64);
    let sink = Sink {
        lines,
        kind: target.kind,
        namespace: target.namespace.clone(),
        name: target.name.clone(),
        selection: query.selection()?,
        form,
        include: Include::parse(query.include_object.as_deref()),
        bookmarks: query.bookmarks(),
    };
    let from = match query.resource_version.as_deref() {
        None | Some("" | "0") => None,
        Some(text) => Some(text.parse::<u64>().map_err(|_| ApiError::bad_request("the resourceVersion is no number"))?),
    };
    let from = if query.initial_events() { None } else { from };
    let seconds = query.timeout_seconds.filter(|&seconds| seconds > 0).map_or(LASTS, Duration::from_secs);
    let until = Instant::now() + seconds.min(Duration::from_secs(24 * 3600));
    let end_of_initial = query.initial_events();
    if target.kind == Kind::BundleDeployment {
        let known = match from {
            Some(version) => {
                let known = api.listings.at(version, target.namespace.as_deref());
                Some(known.ok_or_else(|| ApiError::gone(format!("too old resource version: {version}")))?)
            }
            None => None,
        };
        let api = api.clone();
        tokio::spawn(async move { drop(compare(&api, &sink, known, until, end_of_initial).await) });
    } else {
        let (initial, version) = match from {
            Some(version) => (Vec::new(), version),
            None => api.resources.objects(target.kind, target.namespace.as_deref()),
        };
        let watch = api.resources.watch(version).map_err(|gone| ApiError::gone(gone.to_string()))?;
        tokio::spawn(async move { drop(follow(&sink, initial, watch, until, end_of_initial).await) });
    }
    let stream = futures::stream::unfold(receiver, |mut receiver| async move {
        let line: Bytes = receiver.recv().await?;
        Some((Ok::<_, Infallible>(line), receiver))
    });
    Ok((StatusCode::OK, [(CONTENT_TYPE, "application/json")], Body::from_stream(stream)).into_response())
}

/// Sends what is there, then what changes, until the time is up or the client has gone.
async fn follow(
    sink: &Sink,
    initial: Vec<Object>,
    mut watch: Watch,
    until: Instant,
    end_of_initial: bool,
) -> Result<(), Gone> {
    for object in initial.iter().filter(|object| sink.concerns(object)) {
        sink.event("ADDED", object.value(), object.version()).await?;
    }
    if end_of_initial {
        sink.bookmark(watch.version(), true).await?;
    }
    loop {
        let pause = tokio::time::sleep_until(until.min(Instant::now() + BOOKMARKS));
        tokio::select! {
            () = sink.lines.closed() => return Err(Gone),
            () = pause => {
                if Instant::now() >= until {
                    return Ok(());
                }
                if sink.bookmarks {
                    sink.bookmark(watch.version(), false).await?;
                }
            }
            events = watch.next() => match events {
                Ok(events) => {
                    for event in events {
                        if let Some(kind) = sink.seen(&event) {
                            sink.event(kind, event.object.value(), event.version).await?;
                        }
                    }
                }
                Err(gone) => return sink.line("ERROR", &ApiError::gone(gone.to_string()).status()).await,
            },
        }
    }
}

/// The same for BundleDeployments, which are not stored.
async fn compare(
    api: &UserApi,
    sink: &Sink,
    known: Option<Arc<Versions>>,
    until: Instant,
    end_of_initial: bool,
) -> Result<(), Gone> {
    let mut known = known.as_deref().cloned().unwrap_or_default();
    let mut first = true;
    while Instant::now() < until {
        let begun = Instant::now();
        let (objects, version) = read::objects(api, Kind::BundleDeployment, sink.namespace.as_deref()).await;
        let mut now = Versions::new();
        for object in objects.iter().filter(|object| sink.concerns(object)) {
            let key = (object.namespace().to_owned(), object.name().to_owned());
            match known.get(&key) {
                None => sink.event("ADDED", object.value(), version).await?,
                Some(&seen) if seen != object.version() => sink.event("MODIFIED", object.value(), version).await?,
                Some(_) => {}
            }
            now.insert(key, object.version());
        }
        for (namespace, name) in known.keys().filter(|key| !now.contains_key(*key)) {
            let last = objects.iter().find(|object| object.namespace() == namespace && object.name() == name);
            let stub = json!({
                "apiVersion": sink.kind.api_version(), "kind": sink.kind.as_str(),
                "metadata": {"namespace": namespace, "name": name, "resourceVersion": version.to_string()},
            });
            // One that the selection leaves out now was perhaps never seen; only what is gone is told of.
            if last.is_none() {
                sink.event("DELETED", &stub, version).await?;
            }
        }
        known = now;
        if std::mem::take(&mut first) && end_of_initial {
            sink.bookmark(version, true).await?;
        }
        // A large fleet is compared less often: a tenth of the time at most.
        let pause = COMPARE.max(begun.elapsed() * 9);
        tokio::select! {
            () = sink.lines.closed() => return Err(Gone),
            () = tokio::time::sleep(pause) => {}
        }
    }
    Ok(())
}
