//! Two states of one cluster, object by object.

use fleet_api::ObjectKey;
use serde::Serialize;
use serde_json::Value;
use similar::TextDiff;
use skiff_render::{Rendered, key_in_cluster};
use std::collections::{BTreeMap, BTreeSet};

/// What a cluster gets of a repository.
#[derive(Debug, Default)]
pub(super) struct Deployed {
    objects: BTreeMap<ObjectKey, Object>,
    /// Bundles that are there and of which nothing is known.
    pub(super) unknown: BTreeSet<String>,
    /// An entry of the GitRepo came to nothing: more bundles may be there.
    pub(super) incomplete: bool,
    /// What could not be rendered, and why.
    pub(super) failed: Vec<(String, String)>,
}

#[derive(Debug)]
struct Object {
    bundle: String,
    source: String,
    value: Value,
}

impl Deployed {
    /// Adds the objects of a bundle. What another bundle has, too, is that one's.
    pub(super) fn add(&mut self, bundle: &str, rendered: Rendered) {
        for object in rendered.objects {
            let key = key_in_cluster(&object.value, &rendered.release_namespace);
            let object = Object { bundle: bundle.to_owned(), source: object.source, value: object.value };
            self.objects.entry(key).or_insert(object);
        }
    }

    /// Whether nothing can be said of a bundle's objects, because it may be there.
    fn may_have(&self, bundle: &str) -> bool {
        self.unknown.contains(bundle)
            || (self.incomplete && !self.objects.values().any(|object| object.bundle == bundle))
    }
}

/// One object that is different.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Change {
    /// `added`, `removed` or `changed`.
    change: &'static str,
    /// `deployment.apps shop/web`.
    object: String,
    /// The bundle that it comes from, after the change where it has one.
    bundle: String,
    /// A unified diff.
    #[serde(rename = "diff")]
    pub(super) text: String,
}

/// What is different, by key of the object.
pub(super) fn changes(before: &Deployed, after: &Deployed) -> Vec<Change> {
    let keys: BTreeSet<&ObjectKey> = before.objects.keys().chain(after.objects.keys()).collect();
    keys.into_iter()
        .filter_map(|key| {
            let (old, new) = (before.objects.get(key), after.objects.get(key));
            let untold = match (old, new) {
                (Some(old), None) => after.may_have(&old.bundle),
                (None, Some(new)) => before.may_have(&new.bundle),
                (Some(old), Some(new)) => old.value == new.value,
                (None, None) => true,
            };
            (!untold).then(|| change(key, old, new))
        })
        .collect()
}

fn change(key: &ObjectKey, old: Option<&Object>, new: Option<&Object>) -> Change {
    let (before, after) = texts(key, old.map(|object| &object.value), new.map(|object| &object.value));
    let named = |object: Option<&Object>| {
        object.map_or_else(
            || "/dev/null".to_owned(),
            |object| format!("{key} (bundle {}, {})", object.bundle, object.source),
        )
    };
    let text = TextDiff::from_lines(&before, &after)
        .unified_diff()
        .context_radius(3)
        .header(&named(old), &named(new))
        .to_string();
    Change {
        change: match (old, new) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        },
        object: key.to_string(),
        bundle: new.or(old).map(|object| object.bundle.clone()).unwrap_or_default(),
        text,
    }
}

/// Both as YAML. What a Secret holds is not shown, only whether it differs (as `kubectl diff` does).
fn texts(key: &ObjectKey, old: Option<&Value>, new: Option<&Value>) -> (String, String) {
    let (mut old, mut new) = (old.cloned(), new.cloned());
    if key.group.is_empty() && key.kind == "Secret" {
        for field in ["data", "stringData"] {
            mask(&mut old, &mut new, field);
        }
    }
    let text = |value: Option<Value>| value.map(|value| k8s_yaml::to_string(&value)).unwrap_or_default();
    (text(old), text(new))
}

fn mask(old: &mut Option<Value>, new: &mut Option<Value>, field: &str) {
    let data = |object: &Option<Value>| object.as_ref().map(|object| object[field].clone()).unwrap_or_default();
    let (before, after) = (data(old), data(new));
    let hide = |object: &mut Option<Value>, other: &Value, word: &str| {
        let hidden = |same: bool| Value::from(if same { "***".to_owned() } else { format!("*** ({word})") });
        match object.as_mut().and_then(|object| object.get_mut(field)) {
            Some(Value::Object(data)) => {
                for (key, value) in data {
                    *value = hidden(other.get(key) == Some(value));
                }
            }
            Some(Value::Null) | None => {}
            Some(odd) => *odd = hidden(other == odd),
        }
    };
    hide(old, &after, "before");
    hide(new, &before, "after");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_secret_holds_is_not_shown() {
        let secret = |a: &str| json!({"kind": "Secret", "data": {"a": a, "b": "same"}, "stringData": {"c": a}});
        let key = ObjectKey::new("", "Secret", "ns", "s");
        let (old, new) = texts(&key, Some(&secret("hunter2")), Some(&secret("correct horse")));
        assert_eq!(old, "data:\n  a: '*** (before)'\n  b: '***'\nkind: Secret\nstringData:\n  c: '*** (before)'\n");
        assert_eq!(new, old.replace("before", "after"));
        let (old, new) = texts(&key, Some(&json!({"kind": "Secret", "data": "no map hunter2"})), None);
        assert!(!old.contains("hunter2") && new.is_empty(), "{old}");
    }
}
