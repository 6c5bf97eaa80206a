//! The network between agents and hub: delay, loss, duplicates, reordering, partitions, half-open connections. And the
//! requests to the API servers, with what goes wrong there.

use crate::agent::{Call, Done, PutAnswer};
use crate::api::Api;
use crate::world::{Ev, World};
use fleet_api::{ObjectKey, Reason};
use serde_json::Value;
use skiff_planner::agent::{Action, EnsureNamespace, Event, Failed, GroupKind, ensure_key, keeps, prepare};
use skiff_wire::classify::{Trouble, explain};
use skiff_wire::status::ApiError;
use std::sync::Arc;

/// What a request to the hub came to.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Ok(Arc<[u8]>),
    Refused(u16, Reason),
    Unreachable,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => write!(f, "{text:.300}"),
                Err(_) => write!(f, "{} bytes", bytes.len()),
            },
            Self::Refused(code, reason) => write!(f, "{code} {reason}"),
            Self::Unreachable => f.write_str("not at all"),
        }
    }
}

/// A request on its way to the hub.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) site: usize,
    pub(crate) pid: u32,
    pub(crate) id: u64,
    pub(crate) path: &'static str,
    pub(crate) bytes: Arc<[u8]>,
}

impl World {
    pub(crate) fn latency(&mut self, site: usize) -> u64 {
        if self.now < self.sites[site].slow_until { self.rng.between(200, 4000) } else { self.rng.between(1, 12) }
    }

    fn net_delay(&mut self, site: usize) -> u64 {
        if self.now < self.sites[site].net_slow_until { self.rng.between(100, 9000) } else { self.rng.between(5, 60) }
    }

    /// Sends a request to the hub; the answer comes by its number, or none in `patience` ms.
    pub(crate) fn ask_hub(&mut self, site: usize, pid: u32, path: &'static str, bytes: Vec<u8>, patience: u64) -> u64 {
        self.next_request += 1;
        self.oracle.asked(self.now, site);
        let id = self.next_request;
        self.push(self.now + patience, Ev::ToAgent(pid, id, Answer::Unreachable));
        let request = Request { site, pid, id, path, bytes: bytes.into() };
        let lossy = self.now < self.sites[site].lossy_until;
        if self.now < self.sites[site].cut_until || (lossy && self.rng.per_mille(300)) {
            return id;
        }
        let delay = self.net_delay(site);
        self.push(self.now + delay, Ev::ToHub(Box::new(request.clone())));
        if lossy && self.rng.per_mille(200) {
            let delay = self.net_delay(site) * 3;
            self.push(self.now + delay, Ev::ToHub(Box::new(request.clone())));
        }
        // A request that a proxy sends again when nobody waits for it any more.
        if self.now < self.sites[site].net_slow_until && self.rng.per_mille(150) {
            let delay = self.rng.between(2_000, 40_000);
            self.push(self.now + delay, Ev::ToHub(Box::new(request)));
        }
        id
    }

    /// Sends the answer back.
    pub(crate) fn answer_agent(&mut self, site: usize, pid: u32, id: u64, answer: Answer) {
        self.note(|| format!("c{site} p{pid} is answered #{id} {answer}"));
        let cut = self.now < self.sites[site].cut_until || self.now < self.sites[site].half_open_until;
        let lossy = self.now < self.sites[site].lossy_until;
        if cut || (lossy && self.rng.per_mille(300)) {
            return;
        }
        let delay = self.net_delay(site);
        self.push(self.now + delay, Ev::ToAgent(pid, id, answer));
    }

    /// Sends a request to the API server of a site.
    pub(crate) fn call(&mut self, site: usize, pid: u32, call: Call) {
        let delay = self.latency(site);
        self.push(self.now + delay, Ev::Call(site, pid, Box::new(call)));
        if let Some(left) = &mut self.sites[site].crash_after {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.sites[site].crash_after = None;
                // The request may arrive although its sender is gone.
                let soon = self.rng.between(0, delay + 20);
                self.push(self.now + soon, Ev::Kill(site));
            }
        }
    }

    /// A request arrives at an API server.
    pub(crate) fn serve(&mut self, site: usize, pid: u32, call: Call) {
        let now = self.now;
        let target = &self.sites[site];
        let lost = now < target.api_down_until;
        let starting = now < target.starting_until;
        let erring = now < target.erring_until && self.rng.per_mille(250);
        // An answer that is lost, though the request was done.
        let blind = erring && self.rng.per_mille(400);
        let error = if lost {
            Some(ApiError::Transport("connection refused".into()))
        } else if starting {
            Some(refusal(403, "Forbidden", "is forbidden: User \"skiff-agent\" cannot get resource: starting"))
        } else if erring && !blind {
            let (code, reason, message) = [
                (429, "TooManyRequests", "too many requests"),
                (500, "InternalError", "etcdserver: request timed out"),
                (409, "Conflict", "the object has been modified; please apply your changes to the latest version"),
                (503, "ServiceUnavailable", "apiserver not ready"),
            ][self.rng.index(4)];
            Some(refusal(code, reason, message))
        } else {
            None
        };
        let mut done = match error {
            Some(error) => self.failed(site, call, &error),
            None => self.perform(site, pid, call),
        };
        if blind {
            done = self.forget_answer(site, done);
        }
        let delay = self.latency(site);
        self.push(self.now + delay, Ev::Done(pid, Box::new(done)));
    }

    /// The request was done, and the connection broke before the answer.
    fn forget_answer(&self, site: usize, done: Done) -> Done {
        let lost = ApiError::Transport("connection reset".into());
        let at = self.site_time(site);
        let failed = |bundle, key: ObjectKey, content| {
            let Trouble { reason, message, namespace_missing, stale } = explain("apply", &key, &lost);
            let failed = Failed { bundle, key, content, reason, message, namespace_missing, stale, at };
            Done::Events(vec![Event::Failed(Box::new(failed))])
        };
        match done {
            Done::Put(writing, PutAnswer::Taken(_)) => Done::Put(writing, PutAnswer::Unknown),
            Done::Applied(apply, ..) => failed(Some(apply.bundle), apply.target.key, Some(apply.content)),
            Done::Events(events) => match <[Event; 1]>::try_from(events) {
                Ok([Event::Touched { key, .. }]) => failed(None, key, None),
                Ok(other) => Done::Events(other.into()),
                Err(events) => Done::Events(events),
            },
            other => other,
        }
    }

    fn failed(&mut self, site: usize, call: Call, error: &ApiError) -> Done {
        let at = self.site_time(site);
        let failed = |verb: &str, bundle, key: ObjectKey, content| {
            let Trouble { reason, message, namespace_missing, stale } = explain(verb, &key, error);
            let failed = Failed { bundle, key, content, reason, message, namespace_missing, stale, at };
            Done::Events(vec![Event::Failed(Box::new(failed))])
        };
        match call {
            Call::Head => Done::Head(None),
            Call::Put(writing) => {
                let answer = match error.code() {
                    Some(409) => PutAnswer::Refused,
                    Some(code) if code < 500 => PutAnswer::Refused,
                    Some(_) | None => PutAnswer::Unknown,
                };
                Done::Put(writing, answer)
            }
            Call::Do(Action::Read { target }) => failed("read", None, target.key, None),
            Call::Do(Action::Apply(apply)) => {
                failed("apply", Some(apply.bundle), apply.target.key, Some(apply.content))
            }
            Call::Do(Action::RemoveKeys(remove)) => failed("take added keys from", None, remove.target.key, None),
            Call::Do(Action::Delete(delete)) => failed("delete", Some(delete.bundle), delete.target.key, None),
            Call::Do(Action::EnsureNamespace(ensure)) => {
                let key = ensure_key(&ensure.bundle, &ensure.namespace);
                failed("make", Some(ensure.bundle), key, None)
            }
            Call::Do(Action::Discover { kinds }) => {
                let groups: std::collections::BTreeSet<String> = kinds.into_iter().map(|kind| kind.group).collect();
                let groups = groups.into_iter().map(|group| (group, error.to_string())).collect();
                Done::Events(vec![Event::DiscoveryFailed { groups, at }])
            }
            Call::Do(_) => Done::Events(Vec::new()),
        }
    }

    fn perform(&mut self, site: usize, pid: u32, call: Call) -> Done {
        match call {
            Call::Head => {
                let name = self.procs.get(&pid).and_then(|process| process.job()).map(|job| document_name(job.ledger));
                Done::Head(Some(name.and_then(|name| self.sites[site].api.secret(name).cloned())))
            }
            Call::Put(writing) => {
                let name = writing.head["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                let head = writing.head.clone();
                let answer = self.sites[site].api.at(self.now).put_secret(&name, writing.replaces, head);
                match answer {
                    Ok(head) => {
                        self.oracle.document_written(self.now, pid, site, &self.sites[site], &name, &head);
                        Done::Put(writing, PutAnswer::Taken(head))
                    }
                    Err(_) => Done::Put(writing, PutAnswer::Conflict),
                }
            }
            Call::Do(action) => self.perform_action(site, pid, action),
        }
    }

    fn perform_action(&mut self, site: usize, pid: u32, action: Action) -> Done {
        let at = self.site_time(site);
        match action {
            Action::Read { target } => Done::Read(target.key.clone(), self.sites[site].api.get(&target.key).cloned()),
            Action::Apply(apply) => self.apply(site, pid, apply),
            Action::RemoveKeys(remove) => {
                let key = remove.target.key.clone();
                let api = self.sites[site].api.at(self.now);
                match api.remove_keys(&key, &remove.uid, &remove.resource_version, &remove.pointers) {
                    Ok(()) => {
                        self.changed(site);
                        Done::Events(vec![Event::Touched { key, repaired: true, at }])
                    }
                    Err(error) => self.failed(site, Call::Do(Action::RemoveKeys(remove)), &error),
                }
            }
            Action::Delete(delete) => {
                let key = delete.target.key.clone();
                self.snipe(site, &key);
                let options = delete.options(self.rules.0);
                let uid = self.sites[site].api.uid(&key).map(str::to_owned);
                match self.sites[site].api.at(self.now).delete(&key, &options) {
                    Ok(()) => {
                        let still = self.sites[site].api.uid(&key).is_some();
                        self.oracle.deleted(self.now, site, &delete, uid.as_deref().unwrap_or_default(), still);
                        self.changed(site);
                    }
                    Err(error) if error.is_gone(&delete.target) => {}
                    Err(error) => return self.failed(site, Call::Do(Action::Delete(delete)), &error),
                }
                Done::Events(vec![Event::Touched { key, repaired: false, at }])
            }
            Action::EnsureNamespace(ensure) => self.ensure_namespace(site, *ensure),
            Action::Discover { kinds } => {
                let api = &self.sites[site].api;
                let known = |kind: GroupKind| (kind.clone(), api.kind(&kind.group, &kind.kind));
                Done::Events(vec![Event::Kinds { kinds: kinds.into_iter().map(known).collect(), at }])
            }
            // The bundles of the simulator have no values that are read in the cluster.
            Action::ReadValues(_) | Action::Render { .. } => Done::Events(Vec::new()),
            Action::SaveDesired { .. } | Action::Journal { .. } | Action::Fetch { .. } => Done::Events(Vec::new()),
        }
    }

    fn ensure_namespace(&mut self, site: usize, ensure: EnsureNamespace) -> Done {
        let EnsureNamespace { bundle, namespace, token, create, .. } = ensure;
        let key = ObjectKey::new("", "Namespace", "", &namespace);
        let created = create && self.sites[site].api.get(&key).is_none();
        if created {
            let made = self.sites[site].api.at(self.now).write(&key, fleet_api::labels::FIELD_MANAGER, |_| {});
            debug_assert!(made.is_ok(), "a namespace has no place");
            self.changed(site);
        }
        Done::Events(vec![Event::NamespaceEnsured { bundle, namespace, token, created, ours: None }])
    }

    fn apply(&mut self, site: usize, pid: u32, apply: Box<skiff_planner::agent::Apply>) -> Done {
        let key = apply.target.key.clone();
        let cached = self.sites[site].cache.get(&apply.content).map(|(bytes, _)| bytes.clone());
        let rules = self.rules.0;
        let content = cached
            .filter(|bytes| skiff_planner::agent::has_digest(rules, bytes, apply.content))
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let Some(content) = content else {
            self.sites[site].cache.remove(&apply.content);
            let lost = Event::BlobLost { digest: apply.content };
            let error = ApiError::Transport("the content is not in the cache".into());
            let Done::Events(mut events) = self.failed(site, Call::Do(Action::Apply(apply)), &error) else {
                return Done::Events(Vec::new());
            };
            events.push(lost);
            return Done::Events(events);
        };
        if self.now < self.sites[site].refusing_until && key.name.len().is_multiple_of(2) {
            let error = refusal(500, "InternalError", "failed calling webhook: no endpoints available");
            return self.failed(site, Call::Do(Action::Apply(apply)), &error);
        }
        let keep = keeps(&content);
        let uid = self.sites[site].uid.clone();
        let Some(process) = self.procs.get(&pid) else {
            // It died while the request was on its way: the request is what it was.
            let Some(uid) = uid else { return Done::Events(Vec::new()) };
            let body = prepare(content.clone(), &key, &uid, &apply.bundle, &apply.leave_out);
            return self.applied(site, pid, apply, &content, &body, keep);
        };
        let body = prepare(content.clone(), &key, &process.uid, &apply.bundle, &apply.leave_out);
        self.applied(site, pid, apply, &content, &body, keep)
    }

    fn applied(
        &mut self,
        site: usize,
        pid: u32,
        apply: Box<skiff_planner::agent::Apply>,
        content: &Value,
        body: &Value,
        keep: bool,
    ) -> Done {
        let key = apply.target.key.clone();
        let before = self.sites[site].api.uid(&key).map(str::to_owned);
        match self.sites[site].api.at(self.now).apply(&key, body, apply.force) {
            Ok(answer) => {
                let process = self.procs.get(&pid).map(Box::as_ref);
                let at = &self.sites[site];
                self.oracle.applied(self.now, site, process, at, &apply, content, before.as_deref());
                self.changed(site);
                Done::Applied(apply, answer, keep)
            }
            Err(error) => self.failed(site, Call::Do(Action::Apply(apply)), &error),
        }
    }

    /// A user who replaces an object just before the deletion of it arrives.
    fn snipe(&mut self, site: usize, key: &ObjectKey) {
        if self.sites[site].snipes > 0 && self.sites[site].api.get(key).is_some() {
            self.sites[site].snipes -= 1;
            self.replace_by_hand(site, key);
        }
    }

    /// A user deletes an object and makes another one in its place.
    pub(crate) fn replace_by_hand(&mut self, site: usize, key: &ObjectKey) {
        let api = self.sites[site].api.at(self.now);
        api.finalizer(key, false);
        let gone = api.delete(key, &Value::Null);
        let made = api.write(key, "kubectl-create", |edits| {
            edits.insert("/data/hand".into(), Value::from("made"));
        });
        if gone.is_ok() && made.is_ok() {
            self.changed(site);
        }
    }

    /// Watches hear of a change, sooner or later.
    pub(crate) fn changed(&mut self, site: usize) {
        let late = self.now < self.sites[site].watch_slow_until;
        let api = &self.sites[site].api;
        let mut wakes = Vec::new();
        for process in self.procs.values_mut().filter(|process| process.site == site) {
            for watch in process.watches.values_mut().filter(|watch| !watch.scheduled) {
                if watch.from.is_some_and(|from| from < api.version_of(&watch.kind)) {
                    watch.scheduled = true;
                    wakes.push((process.pid, watch.kind.clone()));
                }
            }
        }
        for (pid, kind) in wakes {
            let delay = if late { self.rng.between(500, 25_000) } else { self.rng.between(1, 30) };
            self.push(self.now + delay, Ev::Watch(pid, kind));
        }
    }

    /// A watch has something to tell.
    pub(crate) fn watch(&mut self, pid: u32, kind: &GroupKind) {
        let Some(mut process) = self.procs.remove(&pid) else { return };
        self.watch_of(&mut process, kind);
        self.procs.insert(pid, process);
        self.wake_soon(pid);
    }

    fn watch_of(&mut self, process: &mut crate::agent::Process, kind: &GroupKind) {
        let site = process.site;
        let Some(watch) = process.watches.get_mut(kind) else { return };
        watch.scheduled = false;
        if self.now < self.sites[site].api_down_until || self.now < self.sites[site].starting_until {
            watch.scheduled = true;
            return self.push(self.now + 3000, Ev::Watch(process.pid, kind.clone()));
        }
        let owner = process.uid.to_string();
        let is_ours = |object: &Value| object["metadata"]["labels"][fleet_api::labels::OWNER_LABEL] == owner.as_str();
        let from = watch.from;
        let changes = from.and_then(|from| Some(self.sites[site].api.since(from)?.cloned().collect::<Vec<_>>()));
        let Some(changes) = changes else {
            let lag = if self.now < self.sites[site].watch_slow_until { self.rng.between(0, 15_000) } else { 0 };
            let (version, shown) = self.sites[site].api.at(self.now).list(&kind.group, &kind.kind, lag);
            watch.from = Some(version);
            let mut seen = std::collections::BTreeSet::new();
            for (key, object) in shown.into_iter().filter(|(_, object)| is_ours(object)) {
                seen.insert(key.clone());
                process.sighted(key, Some(&object), self);
            }
            process.machine.observe(Event::Listed { kind: kind.clone(), seen });
            if version < self.sites[site].api.version() {
                self.changed_for(process, kind);
            }
            return;
        };
        watch.from = Some(self.sites[site].api.version());
        for change in changes.iter().filter(|change| GroupKind::of(&change.key) == *kind) {
            let was = change.old.as_deref().is_some_and(is_ours);
            match change.new.as_deref().filter(|object| is_ours(object)) {
                Some(object) => process.sighted(change.key.clone(), Some(object), self),
                None if was => process.sighted(change.key.clone(), None, self),
                None => {}
            }
        }
    }

    fn changed_for(&mut self, process: &mut crate::agent::Process, kind: &GroupKind) {
        if let Some(watch) = process.watches.get_mut(kind).filter(|watch| !watch.scheduled) {
            watch.scheduled = true;
            let delay = self.rng.between(100, 5000);
            self.push(self.now + delay, Ev::Watch(process.pid, kind.clone()));
        }
    }
}

/// Of the Secret.
pub(crate) const fn document_name(ledger: bool) -> &'static str {
    if ledger { skiff_planner::agent::LEDGER_DOCUMENT } else { skiff_planner::agent::DESIRED_DOCUMENT }
}

fn refusal(code: u16, reason: &str, message: &str) -> ApiError {
    ApiError::Status {
        code,
        reason: reason.into(),
        message: message.into(),
        causes: Vec::new(),
        kind: String::new(),
        name: String::new(),
    }
}

/// Another cluster's server, for the copy of an identity.
pub(crate) fn copy_of(api: &Api, name: &str) -> Api {
    let mut copy = Api::new(name);
    copy.restore_secrets(api.secrets().clone());
    copy
}
