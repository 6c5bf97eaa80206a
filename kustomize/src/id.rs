//! What an object is called: group, version, kind, name, namespace.
//!
//! kustomize: kyaml/resid/{gvk,resid}.go.

use std::fmt;
use std::sync::Arc;

/// The group, version and kind of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gvk {
    /// `group/version`, or a version alone.
    pub api_version: Arc<str>,
    pub kind: Arc<str>,
    /// Whether the schema knows that objects of this type have no namespace. Ids of the past never know it, as in
    /// kustomize.
    pub cluster_scoped: bool,
}

impl Gvk {
    pub(crate) fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    pub(crate) fn version(&self) -> &str {
        self.api_version.split_once('/').map_or(&*self.api_version, |(_, version)| version)
    }

    /// Whether every part that the pattern gives is that of this type. Go: `IsSelected`.
    pub(crate) fn is_selected(&self, pattern: &Pattern) -> bool {
        (pattern.kind.is_empty() || *pattern.kind == *self.kind)
            && (pattern.group.is_empty() || pattern.group == self.group())
            && (pattern.version.is_empty() || pattern.version == self.version())
    }
}

impl PartialEq for Gvk {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.group() == other.group() && self.version() == other.version()
    }
}

impl Eq for Gvk {}

impl fmt::Display for Gvk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_gvk(f, self.group(), self.version(), &self.kind)
    }
}

fn write_gvk(f: &mut fmt::Formatter<'_>, group: &str, version: &str, kind: &str) -> fmt::Result {
    let or = |text: &'static str, part: &str| if part.is_empty() { text.to_owned() } else { part.to_owned() };
    write!(f, "{}.{}.{}", or("[noKind]", kind), or("[noVer]", version), or("[noGrp]", group))
}

/// A group, version and kind of which any may be left open (empty).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pattern {
    pub group: String,
    pub version: String,
    pub kind: String,
}

impl Pattern {
    pub(crate) fn of_kind(kind: &str) -> Self {
        Self { kind: kind.to_owned(), ..Self::default() }
    }

    /// Whether every part that `other` gives is that of this pattern. Go: `IsSelected`.
    pub(crate) fn is_selected(&self, other: &Self) -> bool {
        (other.group.is_empty() || other.group == self.group)
            && (other.version.is_empty() || other.version == self.version)
            && (other.kind.is_empty() || other.kind == self.kind)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_gvk(f, &self.group, &self.version, &self.kind)
    }
}

/// The namespace that stands for that of objects without one.
const NO_NAMESPACE: &str = "_non_namespaceable_";

/// An object's identity in a set.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResId {
    pub gvk: Gvk,
    pub name: Arc<str>,
    pub namespace: Arc<str>,
}

impl ResId {
    /// The namespace that decides whether two objects are in one: `default` where none is given.
    pub(crate) fn effective_namespace(&self) -> &str {
        if self.gvk.cluster_scoped {
            NO_NAMESPACE
        } else if self.namespace.is_empty() {
            "default"
        } else {
            &self.namespace
        }
    }

    /// Whether both are the same object. Go: `Equals`.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.gvk == other.gvk && self.same_namespace(other)
    }

    /// Go: `IsNsEquals`.
    pub(crate) fn same_namespace(&self, other: &Self) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    /// What is equal for equal ids ([`ResId::is`]) and differs otherwise. It shares the texts of the id: sets of all objects
    /// are made for every patch.
    pub(crate) fn key(&self) -> Key {
        let namespaced = !self.gvk.cluster_scoped;
        let namespace = Some(&self.namespace).filter(|_| namespaced && self.effective_namespace() != "default");
        let api_version = match self.gvk.api_version.strip_prefix('/') {
            Some(version) => version.into(),
            None => Arc::clone(&self.gvk.api_version),
        };
        (namespaced, namespace.cloned(), Arc::clone(&self.name), Arc::clone(&self.gvk.kind), api_version)
    }
}

/// Whether it has a namespace, which one unless it is `default`, name, kind, API version.
pub(crate) type Key = (bool, Option<Arc<str>>, Arc<str>, Arc<str>, Arc<str>);

impl fmt::Display for ResId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "[noName]" } else { &self.name };
        let namespace = if self.namespace.is_empty() { "[noNs]" } else { &self.namespace };
        write!(f, "{}/{name}.{namespace}", self.gvk)
    }
}
