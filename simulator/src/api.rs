//! A lean API server of one cluster: objects as leaves with their owners (server-side apply), UIDs, resourceVersions,
//! preconditions, finalizers, a history for watches, and the Secrets of the agent. Nothing holds it yet against the larger
//! in-memory server (`sim/`), which is held against the real one.

use fleet_api::ObjectKey;
use fleet_api::labels::FIELD_MANAGER;
use serde_json::{Map, Value, json};
use skiff_planner::agent::{GroupKind, KindInfo};
use skiff_wire::status::ApiError;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Group, kind, plural, whether it is in namespaces.
pub const KINDS: [(&str, &str, &str, bool); 6] = [
    ("", "ConfigMap", "configmaps", true),
    ("", "Secret", "secrets", true),
    ("", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("", "Namespace", "namespaces", false),
    ("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("example.com", "Widget", "widgets", true),
];
const WIDGETS: &str = "widgets.example.com";
const HISTORY: usize = 400;

/// Manager, and whether by apply.
type Owner = (String, bool);

#[derive(Clone, Debug)]
struct Leaf {
    value: Value,
    owners: BTreeSet<Owner>,
}

#[derive(Clone, Debug)]
struct Object {
    uid: String,
    version: u64,
    leaves: BTreeMap<String, Leaf>,
    finalizers: Vec<String>,
    deleting: bool,
}

/// One change, for watches.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) at: u64,
    pub(crate) key: ObjectKey,
    pub(crate) old: Option<Arc<Value>>,
    pub(crate) new: Option<Arc<Value>>,
}

/// The server.
#[derive(Debug, Default)]
pub struct Api {
    objects: BTreeMap<ObjectKey, Object>,
    rendered: BTreeMap<ObjectKey, Arc<Value>>,
    secrets: BTreeMap<String, Value>,
    version: u64,
    /// The last change of each kind.
    changed: BTreeMap<GroupKind, u64>,
    uids: u64,
    name: String,
    history: VecDeque<Change>,
    dropped: u64,
    now: u64,
}

fn status(code: u16, reason: &str, message: String, kind: &str, name: &str) -> ApiError {
    ApiError::Status { code, reason: reason.into(), message, causes: Vec::new(), kind: kind.into(), name: name.into() }
}

/// The plural of a kind.
pub(crate) fn plural(key: &ObjectKey) -> &'static str {
    KINDS.iter().find(|(group, kind, ..)| *group == key.group && *kind == key.kind).map_or("things", |kind| kind.2)
}

impl Api {
    /// An empty cluster; `name` makes its UIDs its own.
    pub fn new(name: &str) -> Self {
        let mut api = Self { name: name.into(), version: 1, ..Self::default() };
        for namespace in ["default", "skiff-system"] {
            let key = ObjectKey::new("", "Namespace", "", namespace);
            let _made = api.write(&key, "kube-apiserver", |_| {});
        }
        api
    }

    /// Sets the time (ms) that changes get.
    pub fn at(&mut self, now: u64) -> &mut Self {
        self.now = now;
        self
    }

    /// An object as it is.
    pub fn get(&self, key: &ObjectKey) -> Option<&Arc<Value>> {
        self.rendered.get(key)
    }

    /// Everything.
    pub fn all(&self) -> impl Iterator<Item = (&ObjectKey, &Arc<Value>)> {
        self.rendered.iter()
    }

    pub(crate) fn uid(&self, key: &ObjectKey) -> Option<&str> {
        self.objects.get(key).map(|object| object.uid.as_str())
    }

    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// The version that the last change of a kind made.
    pub(crate) fn version_of(&self, kind: &GroupKind) -> u64 {
        self.changed.get(kind).copied().unwrap_or_default()
    }

    /// 404 as the real one says it.
    pub(crate) fn not_found(key: &ObjectKey) -> ApiError {
        let plural = plural(key);
        status(404, "NotFound", format!("{plural} {:?} not found", key.name), plural, &key.name)
    }

    /// How a kind is served; custom ones only with their definition.
    pub(crate) fn kind(&self, group: &str, kind: &str) -> Option<KindInfo> {
        let found = KINDS.iter().find(|known| known.0 == group && known.1 == kind)?;
        let crd = ObjectKey::new("apiextensions.k8s.io", "CustomResourceDefinition", "", WIDGETS);
        if group == "example.com" && self.objects.get(&crd).is_none_or(|crd| crd.deleting) {
            return None;
        }
        Some(KindInfo { plural: found.2.into(), namespaced: found.3, versions: vec!["v1".into()] })
    }

    fn check_place(&self, key: &ObjectKey) -> Result<(), ApiError> {
        if self.kind(&key.group, &key.kind).is_none() {
            let message = "the server could not find the requested resource".to_owned();
            return Err(status(404, "NotFound", message, "", ""));
        }
        if key.namespace.is_empty() {
            return Ok(());
        }
        let namespace = ObjectKey::new("", "Namespace", "", &key.namespace);
        match self.objects.get(&namespace) {
            None => Err(Self::not_found(&namespace)),
            Some(found) if found.deleting && !self.objects.contains_key(key) => {
                let message = format!("{} is forbidden: because it is being terminated", key.name);
                Err(status(403, "Forbidden", message, plural(key), &key.name))
            }
            Some(_) => Ok(()),
        }
    }

    /// Server-side apply as the agent.
    ///
    /// # Errors
    /// Conflicts where it is not forced, a namespace or kind that is not there.
    pub fn apply(&mut self, key: &ObjectKey, body: &Value, force: bool) -> Result<Arc<Value>, ApiError> {
        self.check_place(key)?;
        let mut leaves = BTreeMap::new();
        flatten(body, String::new(), &mut leaves);
        let owner: Owner = (FIELD_MANAGER.to_owned(), true);
        if let Some(object) = self.objects.get(key) {
            let conflicts: Vec<[String; 3]> = leaves
                .iter()
                .filter_map(|(pointer, value)| {
                    let leaf = object.leaves.get(pointer).filter(|leaf| leaf.value != *value)?;
                    let other = leaf.owners.iter().find(|other| **other != owner)?;
                    Some([
                        "FieldManagerConflict".into(),
                        format!("conflict with {:?}", other.0),
                        pointer.replace('/', "."),
                    ])
                })
                .collect();
            if !force && !conflicts.is_empty() {
                return Err(ApiError::Status {
                    code: 409,
                    reason: "Conflict".into(),
                    message: "Apply failed with conflicts".into(),
                    causes: conflicts,
                    kind: String::new(),
                    name: String::new(),
                });
            }
        }
        self.change(key, |object| {
            for (pointer, leaf) in &mut object.leaves {
                if !leaves.contains_key(pointer) {
                    leaf.owners.remove(&owner);
                }
            }
            object.leaves.retain(|_, leaf| !leaf.owners.is_empty());
            for (pointer, value) in leaves {
                let leaf = object.leaves.entry(pointer).or_insert(Leaf { value: Value::Null, owners: BTreeSet::new() });
                if leaf.value != value {
                    leaf.value = value;
                    leaf.owners.clear();
                }
                leaf.owners.insert(owner.clone());
            }
        });
        Ok(Arc::clone(&self.rendered[key]))
    }

    /// A write of somebody by update; made where it is missing. `edit` changes leaves by JSON pointer; null removes.
    ///
    /// # Errors
    /// Where its place is not there.
    pub fn write(
        &mut self,
        key: &ObjectKey,
        manager: &str,
        edit: impl FnOnce(&mut BTreeMap<String, Value>),
    ) -> Result<Arc<Value>, ApiError> {
        self.check_place(key)?;
        let mut edits = BTreeMap::new();
        edit(&mut edits);
        let owner: Owner = (manager.to_owned(), false);
        self.change(key, |object| {
            for (pointer, value) in edits {
                if value.is_null() {
                    object.leaves.remove(&pointer);
                    continue;
                }
                let leaf = object.leaves.entry(pointer).or_insert(Leaf { value: Value::Null, owners: BTreeSet::new() });
                if leaf.value != value {
                    *leaf = Leaf { value, owners: BTreeSet::from([owner.clone()]) };
                }
            }
        });
        Ok(Arc::clone(&self.rendered[key]))
    }

    /// A merge patch that takes keys away, with preconditions.
    pub(crate) fn remove_keys(
        &mut self,
        key: &ObjectKey,
        uid: &str,
        version: &str,
        pointers: &[String],
    ) -> Result<(), ApiError> {
        let object = self.objects.get(key).ok_or_else(|| Self::not_found(key))?;
        if object.uid != uid || object.version.to_string() != version {
            let message = "the object has been modified; please apply your changes to the latest version".to_owned();
            return Err(status(409, "Conflict", message, plural(key), &key.name));
        }
        self.change(key, |object| {
            object.leaves.retain(|pointer, _| !pointers.contains(pointer));
        });
        Ok(())
    }

    /// Deletes with the preconditions of `DeleteOptions`.
    ///
    /// # Errors
    /// 404, or 409 where a precondition does not hold.
    pub fn delete(&mut self, key: &ObjectKey, options: &Value) -> Result<(), ApiError> {
        let object = self.objects.get(key).ok_or_else(|| Self::not_found(key))?;
        let wanted = &options["preconditions"];
        let conflict = |what: &str| {
            let message = format!("Precondition failed: {what} in precondition");
            Err(status(409, "Conflict", message, plural(key), &key.name))
        };
        if wanted["uid"].as_str().is_some_and(|uid| uid != object.uid) {
            return conflict("UID");
        }
        if wanted["resourceVersion"].as_str().is_some_and(|version| version != object.version.to_string()) {
            return conflict("ResourceVersion");
        }
        if object.finalizers.is_empty() {
            self.remove(key);
        } else {
            self.change(key, |object| object.deleting = true);
        }
        Ok(())
    }

    /// Puts a finalizer on an object, or takes it off; what was being deleted then goes.
    pub(crate) fn finalizer(&mut self, key: &ObjectKey, present: bool) {
        let Some(object) = self.objects.get(key) else { return };
        if !present && object.deleting {
            return self.remove(key);
        }
        if !present && object.finalizers.is_empty() {
            return;
        }
        self.change(key, |object| {
            object.finalizers = if present { vec!["example.com/hangs".into()] } else { Vec::new() }
        });
    }

    fn remove(&mut self, key: &ObjectKey) {
        if self.objects.remove(key).is_none() {
            return;
        }
        let old = self.rendered.remove(key);
        self.version += 1;
        self.record(key, old, None);
        if key.name == WIDGETS {
            let widgets: Vec<ObjectKey> = self.objects.keys().filter(|key| key.kind == "Widget").cloned().collect();
            widgets.iter().for_each(|widget| self.remove(widget));
        }
    }

    fn change(&mut self, key: &ObjectKey, edit: impl FnOnce(&mut Object)) {
        let before = self.rendered.get(key).cloned();
        let object = self.objects.entry(key.clone()).or_insert_with(|| {
            self.uids += 1;
            let uid = format!("{}-{}", self.name, self.uids);
            Object { uid, version: self.version, leaves: BTreeMap::new(), finalizers: Vec::new(), deleting: false }
        });
        edit(object);
        let mut value = render(key, object);
        if before.as_deref() == Some(&value) {
            return;
        }
        self.version += 1;
        object.version = self.version;
        value["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let value = Arc::new(value);
        self.rendered.insert(key.clone(), Arc::clone(&value));
        self.record(key, before, Some(value));
    }

    fn record(&mut self, key: &ObjectKey, old: Option<Arc<Value>>, new: Option<Arc<Value>>) {
        self.changed.insert(GroupKind::of(key), self.version);
        self.history.push_back(Change { version: self.version, at: self.now, key: key.clone(), old, new });
        if self.history.len() > HISTORY {
            self.dropped = self.history.pop_front().map_or(0, |change| change.version);
        }
    }

    /// What happened after `version`; none where that is no longer known (410).
    pub(crate) fn since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        (version >= self.dropped).then(|| self.history.iter().filter(move |change| change.version > version))
    }

    /// Forgets the history.
    pub(crate) fn compact(&mut self) {
        self.dropped = self.version;
        self.history.clear();
    }

    /// What a list that is `lag` ms old shows, and its version.
    pub(crate) fn list(&self, group: &str, kind: &str, lag: u64) -> (u64, BTreeMap<ObjectKey, Arc<Value>>) {
        let is_of = |key: &ObjectKey| key.group == group && key.kind == kind;
        let mut shown: BTreeMap<ObjectKey, Arc<Value>> =
            self.rendered.iter().filter(|(key, _)| is_of(key)).map(|(k, v)| (k.clone(), Arc::clone(v))).collect();
        let horizon = self.now.saturating_sub(lag);
        let mut version = self.version;
        for change in self.history.iter().rev().take_while(|change| change.at > horizon) {
            version = change.version - 1;
            if is_of(&change.key) {
                match &change.old {
                    Some(old) => shown.insert(change.key.clone(), Arc::clone(old)),
                    None => shown.remove(&change.key),
                };
            }
        }
        (version, shown)
    }

    /// A Secret of the agent.
    pub(crate) fn secret(&self, name: &str) -> Option<&Value> {
        self.secrets.get(name)
    }

    /// Writes a Secret of the agent; `resourceVersion` in it is the precondition.
    pub(crate) fn put_secret(&mut self, name: &str, replaces: bool, mut secret: Value) -> Result<Value, ApiError> {
        let found = self.secrets.get(name).map(|found| found["metadata"]["resourceVersion"].clone());
        let wanted = &secret["metadata"]["resourceVersion"];
        let conflict = match (&found, replaces) {
            (Some(_), false) => true,
            (Some(found), true) => !wanted.is_null() && wanted != found,
            (None, replaces) => replaces,
        };
        if conflict {
            return Err(status(409, "Conflict", "the object has been modified".into(), "secrets", name));
        }
        self.version += 1;
        secret["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.secrets.insert(name.to_owned(), secret.clone());
        Ok(secret)
    }

    pub(crate) fn secrets(&self) -> &BTreeMap<String, Value> {
        &self.secrets
    }

    pub(crate) fn restore_secrets(&mut self, secrets: BTreeMap<String, Value>) {
        self.secrets = secrets;
    }
}

fn flatten(value: &Value, pointer: String, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                let is_identity = match pointer.as_str() {
                    "" => matches!(name.as_str(), "apiVersion" | "kind"),
                    "/metadata" => matches!(name.as_str(), "name" | "namespace" | "uid" | "resourceVersion"),
                    _ => false,
                };
                if !is_identity {
                    let step = name.replace('~', "~0").replace('/', "~1");
                    flatten(value, format!("{pointer}/{step}"), leaves);
                }
            }
        }
        Value::Null => {}
        other => drop(leaves.insert(pointer, other.clone())),
    }
}

fn insert(root: &mut Value, pointer: &str, value: Value, prefix: &str) {
    let mut at = root;
    for step in pointer.split('/').skip(1) {
        let name = format!("{prefix}{}", step.replace("~1", "/").replace("~0", "~"));
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = &mut at[name];
    }
    *at = value;
}

fn render(key: &ObjectKey, object: &Object) -> Value {
    let group = if key.group.is_empty() { String::new() } else { format!("{}/", key.group) };
    let mut out = json!({"apiVersion": format!("{group}v1"), "kind": key.kind, "metadata": {
        "name": key.name, "uid": object.uid, "resourceVersion": object.version.to_string()}});
    if !key.namespace.is_empty() {
        out["metadata"]["namespace"] = json!(key.namespace);
    }
    let mut fields: BTreeMap<&Owner, Value> = BTreeMap::new();
    for (pointer, leaf) in &object.leaves {
        insert(&mut out, pointer, leaf.value.clone(), "");
        for owner in &leaf.owners {
            insert(fields.entry(owner).or_insert_with(|| json!({})), pointer, json!({}), "f:");
        }
    }
    let managed: Vec<Value> = fields
        .into_iter()
        .map(|((manager, by_apply), fields)| {
            let operation = if *by_apply { "Apply" } else { "Update" };
            json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields})
        })
        .collect();
    out["metadata"]["managedFields"] = json!(managed);
    if object.deleting {
        out["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    if !object.finalizers.is_empty() {
        out["metadata"]["finalizers"] = json!(object.finalizers);
    }
    match key.kind.as_str() {
        "PersistentVolumeClaim" => out["status"] = json!({"phase": "Bound"}),
        "CustomResourceDefinition" => {
            out["status"] = json!({"conditions": [{"type": "NamesAccepted", "status": "True"}, {"type": "Established", "status": "True"}]});
        }
        _ => {}
    }
    out
}
