//! Everything one server knows, and the small steps that all verbs share.
//!
//! The verbs are functions of `(&mut State, request)`; the lock around the state is held by [`crate::ApiServer`].

use crate::faults::Faults;
use crate::log::Log;
use crate::resources::{Resource, ResourceKey, builtins};
use crate::server::Options;
use crate::store::{Id, Store};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The state of one server.
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) options: Options,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    /// The served versions of established CRDs, by CRD name.
    pub(crate) customs: BTreeMap<String, Vec<Arc<Resource>>>,
    /// CRDs that wait to be established.
    pub(crate) unestablished: Vec<String>,
    /// Something went or is going: namespaces and owners must be looked at.
    pub(crate) dirty: bool,
    /// How far the emulated controllers are with an object, by uid.
    pub(crate) progress: BTreeMap<String, u32>,
    uids: u64,
    addresses: u32,
    ports: u32,
}

/// The key of a core resource.
pub(crate) fn core_key(plural: &str) -> ResourceKey {
    ResourceKey { group: String::new(), plural: plural.to_owned() }
}

impl State {
    pub(crate) fn new(options: Options) -> Self {
        let mut state = Self {
            store: Store::new(options.window),
            faults: Faults::default(),
            log: Log::default(),
            customs: BTreeMap::new(),
            unestablished: Vec::new(),
            dirty: false,
            progress: BTreeMap::new(),
            uids: 0,
            addresses: 0,
            ports: 0,
            options,
        };
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            state.seed_namespace(name);
        }
        state
    }

    fn seed_namespace(&mut self, name: &str) {
        let (uid, now) = (self.uid(), self.now());
        let object = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "uid": uid,
                "creationTimestamp": now,
                "labels": {"kubernetes.io/metadata.name": name},
                "managedFields": [{
                    "manager": "kube-apiserver", "operation": "Update", "apiVersion": "v1", "time": now,
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:kubernetes.io/metadata.name": {}}}},
                }],
            },
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        self.store.put(&core_key("namespaces"), &(String::new(), name.to_owned()), object);
    }

    /// The time, in the form of `metav1.Time`.
    pub(crate) fn now(&self) -> String {
        let t = (self.options.clock)();
        t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The time some seconds from now.
    pub(crate) fn later(&self, seconds: i64) -> String {
        let t = (self.options.clock)();
        let span = jiff::SignedDuration::from_secs(seconds);
        t.checked_add(span).unwrap_or(t).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// A new UID, derived from the seed.
    pub(crate) fn uid(&mut self) -> String {
        self.uids += 1;
        let hash = Sha256::digest(format!("{}/{}", self.options.seed, self.uids));
        let h = hex::encode(hash);
        format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..32])
    }

    /// Five letters for `generateName`, from the alphabet of `util/rand`.
    pub(crate) fn suffix(&mut self) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        self.uids += 1;
        let hash = Sha256::digest(format!("{}/suffix/{}", self.options.seed, self.uids));
        let letter = |b: &u8| LETTERS.get(usize::from(*b) % LETTERS.len()).map_or('x', |c| char::from(*c));
        hash.iter().take(5).map(letter).collect()
    }

    /// The next free service address.
    pub(crate) fn address(&mut self) -> String {
        self.addresses += 1;
        format!("10.96.{}.{}", self.addresses / 250, self.addresses % 250 + 1)
    }

    /// The next free node port.
    pub(crate) fn node_port(&mut self) -> u32 {
        self.ports += 1;
        30000 + self.ports % 2768
    }

    /// The resource served at that path.
    pub(crate) fn resource(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        self.resources().find(|r| r.version == version && r.is(group, plural)).cloned()
    }

    /// Any version of a stored resource; the storage version of a custom one.
    pub(crate) fn resource_of(&self, key: &ResourceKey) -> Option<Arc<Resource>> {
        let mut found = self.resources().filter(|r| r.key == *key);
        let first = found.next()?;
        if first.custom && !first.storage {
            return Some(Arc::clone(found.find(|r| r.storage).unwrap_or(first)));
        }
        Some(Arc::clone(first))
    }

    /// Everything served.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &Arc<Resource>> {
        builtins().iter().chain(self.customs.values().flatten())
    }

    pub(crate) fn namespace(&self, name: &str) -> Option<&Arc<Value>> {
        self.store.get(&core_key("namespaces"), &(String::new(), name.to_owned()))
    }

    pub(crate) fn find(&self, key: &ResourceKey, id: &Id) -> Option<Arc<Value>> {
        self.store.get(key, id).cloned()
    }
}
