//! The identity of an object in a cluster.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// What names an object inside one cluster: group, kind, namespace, name. The version is not part of it: the same
/// object can be read at several.
///
/// It is shared: an agent has each key in its plan, its ledger, its view of the cluster and its report, and a copy costs
/// nothing. Equal keys compare fast, equal copies at once.
#[derive(Clone)]
pub struct ObjectKey(Arc<KeyParts>);

/// The parts of an [`ObjectKey`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename = "ObjectKey")]
pub struct KeyParts {
    /// The API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The kind, as in `kind:`.
    pub kind: String,
    /// The namespace; empty for cluster-scoped objects, and for objects whose scope is not known yet.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// A key from its parts; `group` and `namespace` may be empty.
    pub fn new(group: &str, kind: &str, namespace: &str, name: &str) -> Self {
        KeyParts { group: group.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }.into()
    }

    /// The key that a manifest states, or `None` where `kind` or `metadata.name` is missing or no string.
    pub fn of(object: &Value) -> Option<Self> {
        let api_version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let metadata = object.get("metadata")?;
        let namespace = metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
        let (kind, name) = (object.get("kind")?.as_str()?, metadata.get("name")?.as_str()?);
        Some(Self::new(group_of(api_version), kind, namespace, name))
    }

    /// The same object in `namespace`.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        if self.namespace == namespace {
            return self.clone();
        }
        Self::new(&self.group, &self.kind, namespace, &self.name)
    }
}

impl From<KeyParts> for ObjectKey {
    fn from(parts: KeyParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for ObjectKey {
    type Target = KeyParts;

    fn deref(&self) -> &KeyParts {
        &self.0
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KeyParts { group, kind, namespace, name } = &*self.0;
        let mut out = f.debug_struct("ObjectKey");
        out.field("group", group).field("kind", kind).field("namespace", namespace).field("name", name).finish()
    }
}

impl PartialEq for ObjectKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ObjectKey {}

impl PartialOrd for ObjectKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By group, kind, namespace, name.
impl Ord for ObjectKey {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        let (a, b) = (&*self.0, &*other.0);
        order(&a.group, &b.group)
            .then_with(|| order(&a.kind, &b.kind))
            .then_with(|| order(&a.namespace, &b.namespace))
            .then_with(|| order(&a.name, &b.name))
    }
}

impl Hash for ObjectKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Serialize for ObjectKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ObjectKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        KeyParts::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for ObjectKey {
    fn schema_name() -> Cow<'static, str> {
        KeyParts::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        KeyParts::json_schema(generator)
    }
}

/// The order of two strings, as theirs. The parts of keys are short and many: to call for each, as the library does, takes
/// a third of the time of a decision.
pub fn order(a: &str, b: &str) -> Ordering {
    let (words, more) = a.as_bytes().as_chunks::<8>();
    let (other_words, other_more) = b.as_bytes().as_chunks::<8>();
    for (x, y) in words.iter().zip(other_words) {
        if x != y {
            return u64::from_be_bytes(*x).cmp(&u64::from_be_bytes(*y));
        }
    }
    if words.len() != other_words.len() {
        let at = words.len().min(other_words.len()) * 8;
        return a.as_bytes()[at..].cmp(&b.as_bytes()[at..]);
    }
    for (x, y) in more.iter().zip(other_more) {
        if x != y {
            return x.cmp(y);
        }
    }
    a.len().cmp(&b.len())
}

/// The group in an `apiVersion`: `apps/v1` → `apps`, `v1` → ``.
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// `deployment.apps shop/web`, `namespace shop`: as kubectl names objects.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind.to_lowercase())?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if self.namespace.is_empty() {
            write!(f, " {}", self.name)
        } else {
            write!(f, " {}/{}", self.namespace, self.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// All texts of up to three letters and some around the length of a word, each with each.
    #[test]
    fn keys_are_in_the_order_of_their_parts() {
        let letters = ["", "a", "b", "\u{e9}", "-"];
        let short = letters.iter().flat_map(|a| letters.iter().map(move |b| format!("{a}{b}")));
        let long = (6..19).flat_map(|length| ["", "a", "b", "z"].map(|end| format!("{}{end}", "m".repeat(length))));
        let texts: Vec<String> = short.chain(long).collect();
        for a in &texts {
            for b in &texts {
                assert_eq!(order(a, b), a.cmp(b), "{a:?} {b:?}");
                for at in 0..4 {
                    let with = |text: &str| {
                        let mut parts = ["g", "k", "n", "x"];
                        parts[at] = text;
                        (ObjectKey::new(parts[0], parts[1], parts[2], parts[3]), parts.map(str::to_owned))
                    };
                    let ((a, parts_a), (b, parts_b)) = (with(a), with(b));
                    assert_eq!(a.cmp(&b), parts_a.cmp(&parts_b), "{a:?} {b:?}");
                    assert_eq!(a == b, parts_a == parts_b, "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn reads_back_what_it_writes() {
        for key in [ObjectKey::new("apps", "Deployment", "shop", "web"), ObjectKey::new("", "Namespace", "", "shop")] {
            let json = serde_json::to_value(&key).unwrap();
            assert_eq!(serde_json::from_value::<ObjectKey>(json).unwrap(), key);
        }
        let namespace = serde_json::to_value(ObjectKey::new("", "Namespace", "", "shop")).unwrap();
        assert_eq!(namespace, json!({"kind": "Namespace", "name": "shop"}));
    }

    #[test]
    fn reads_the_key_of_a_manifest() {
        let object =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}});
        let key = ObjectKey::of(&object).unwrap();
        assert_eq!(key, ObjectKey::new("apps", "Deployment", "shop", "web"));
        assert_eq!(key.to_string(), "deployment.apps shop/web");
        assert_eq!(ObjectKey::new("", "Namespace", "", "shop").to_string(), "namespace shop");
        for odd in [json!({}), json!({"kind": "A"}), json!({"kind": "A", "metadata": {"name": 1}}), json!([])] {
            assert_eq!(ObjectKey::of(&odd), None);
        }
    }
}
