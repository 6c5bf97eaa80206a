//! What is kept of an object that was seen: the shell and the simulator ask here before they tell the machine of it.

use super::hooks::ended;
use super::{Applied, Apply, Event, Expected, Live, Machine, Unhealthy, owned_digest, prepare, summarise};
use crate::health::health;
use fleet_api::names::Ref;
use fleet_api::wire::Timestamp;
use fleet_api::{Digest, ObjectKey};
use serde_json::Value;

impl Machine {
    /// The summary of an object. `load` reads a content from the cache; it is asked only where our fields are not the
    /// recorded ones.
    pub fn look_at(&self, key: &ObjectKey, mut object: Value, load: impl FnOnce(Digest) -> Option<Vec<u8>>) -> Live {
        let recorded = self.recorded(key);
        if !object.is_object() {
            // Nothing is known of it then; indexing would be a panic.
            object = Value::Object(serde_json::Map::new());
        }
        if object["kind"].is_null() {
            object["kind"] = Value::from(key.kind.as_str());
            let api_version = recorded.map_or("v1", |(_, entry)| &*entry.api_version);
            object["apiVersion"] = Value::from(api_version);
        }
        let ended = ended(&key.group, &key.kind, &object);
        let Some((bundle, entry)) = recorded else { return Live { ended, ..summarise(&object, None) } };
        let strayed = entry.content.filter(|_| owned_digest(&object) != entry.fields);
        let content = strayed
            .and_then(load)
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .map(|content| prepare(content, key, &self.snapshot.cluster, bundle, &[]));
        let mut live = summarise(&object, content.as_ref().map(|content| Expected { content }));
        live.unhealthy = self.unhealthy(bundle, &object);
        live.ended = ended;
        live
    }

    /// What the answer to an apply means; `keep`: its content says `helm.sh/resource-policy: keep`.
    pub fn look_at_applied(&self, apply: Apply, answer: &Value, keep: bool, at: Timestamp) -> Event {
        let mut live = summarise(answer, None);
        live.unhealthy = self.unhealthy(&apply.bundle, answer);
        live.ended = ended(&apply.target.key.group, &apply.target.key.kind, answer);
        Event::Applied(Box::new(Applied {
            bundle: apply.bundle,
            key: apply.target.key,
            api_version: apply.target.api_version,
            content: apply.content,
            live,
            cause: apply.cause,
            sync: apply.sync,
            keep,
            left_out: apply.leave_out,
            at,
        }))
    }

    fn unhealthy(&self, bundle: &Ref, object: &Value) -> Option<Box<Unhealthy>> {
        let ignored = self.in_force(bundle).map(|deployment| deployment.options.ignore_conditions.as_slice());
        let health = health(object, ignored.unwrap_or_default());
        (!health.is_ready()).then(|| {
            Box::new(Unhealthy { state: health.status.as_str().into(), message: health.message.as_str().into() })
        })
    }
}
