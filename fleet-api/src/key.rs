//! The identity of an object in a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// What names an object inside one cluster: group, kind, namespace, name. The version is not part of it: the same
/// object can be read at several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectKey {
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
        Self { group: group.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }

    /// The key that a manifest states, or `None` where `kind` or `metadata.name` is missing or no string.
    pub fn of(object: &Value) -> Option<Self> {
        let api_version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let metadata = object.get("metadata")?;
        Some(Self {
            group: group_of(api_version).to_owned(),
            kind: object.get("kind")?.as_str()?.to_owned(),
            namespace: metadata.get("namespace").and_then(Value::as_str).unwrap_or_default().to_owned(),
            name: metadata.get("name")?.as_str()?.to_owned(),
        })
    }

    /// The same object in `namespace`.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }
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
