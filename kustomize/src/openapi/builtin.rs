//! The schema of Kubernetes 1.21.2 that kustomize carries, read where it stands.
//!
//! `kubernetes-1.21.2.txt` is made by `kustomize/schema/main.go`. After `n` and `c` lines (namespaced and cluster-scoped
//! types, sorted) come definitions: `=NAME TYPES`, then a line for each field, its name and its type:
//! `.` nothing below, `>NAME` a reference, `{T` a map of T, `[T` a list of T, `[@KEYS T` a list of T that merges by the keys
//! (none: a list of scalars that merges). Names lack `io.k8s.`. Nothing is built from it but an index of definitions.

use std::sync::OnceLock;

const TEXT: &str = include_str!("kubernetes-1.21.2.txt");
const PREFIX: &str = "io.k8s.";

/// The type of a field as the text writes it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Type {
    /// A definition: the lines of its fields.
    Definition(&'static str),
    /// The right side of a line.
    Expression(&'static str),
}

struct Index {
    /// API version, kind, and whether there is a namespace (`n` and `c` lines), sorted.
    scopes: Vec<(&'static str, &'static str, bool)>,
    /// Name and fields, sorted by name.
    definitions: Vec<(&'static str, &'static str)>,
    /// `apiVersion,Kind` and fields, sorted.
    types: Vec<(&'static str, &'static str)>,
}

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(build)
}

fn build() -> Index {
    let mut blocks = TEXT.split("\n=");
    let scope = |line: &'static str| {
        let (api_version, kind) = line.get(2..)?.split_once(',')?;
        Some((api_version, kind, line.starts_with('n')))
    };
    let lines = blocks.next().unwrap_or_default().lines().filter(|line| !line.starts_with('#'));
    let scopes = lines.filter_map(scope).collect();
    let mut index = Index { scopes, definitions: Vec::new(), types: Vec::new() };
    for block in blocks {
        let (head, fields) = block.split_once('\n').unwrap_or((block, ""));
        let mut words = head.split(' ');
        index.definitions.push((words.next().unwrap_or_default(), fields));
        index.types.extend(words.map(|name| (name, fields)));
    }
    index.definitions.sort_unstable_by_key(|(name, _)| *name);
    index.types.sort_unstable_by_key(|(name, _)| *name);
    index
}

fn find(list: &'static [(&'static str, &'static str)], name: &str) -> Option<Type> {
    let at = list.binary_search_by_key(&name, |(name, _)| *name).ok()?;
    list.get(at).map(|(_, fields)| Type::Definition(fields))
}

/// The definition of a type of objects.
pub(super) fn of_type(api_version: &str, kind: &str) -> Option<Type> {
    find(&index().types, &format!("{api_version},{kind}"))
}

/// The definition of a full name (`io.k8s.api.core.v1.Pod`).
pub(super) fn definition(name: &str) -> Option<Type> {
    find(&index().definitions, name.strip_prefix(PREFIX)?)
}

/// Whether objects of the type have a namespace; `None` for types that the schema lacks.
pub(super) fn is_namespaced(api_version: &str, kind: &str) -> Option<bool> {
    let scopes = &index().scopes;
    let at = scopes.binary_search_by(|(known, of_kind, _)| (known, of_kind).cmp(&(&api_version, &kind))).ok()?;
    scopes.get(at).map(|(.., namespaced)| *namespaced)
}

impl Type {
    /// The type of a field; of a map that of its values. References are not followed.
    pub(super) fn field(self, name: &str) -> Option<Self> {
        match self {
            Self::Definition(fields) => {
                fields.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(Self::Expression)
            }
            Self::Expression(text) => text.strip_prefix('{').map(Self::Expression),
        }
    }

    /// The type of the elements of a list. References are not followed.
    pub(super) fn elements(self) -> Option<Self> {
        let Self::Expression(text) = self else { return None };
        let inner = text.strip_prefix('[')?;
        let inner = if inner.starts_with('@') { inner.split_once(' ')?.1 } else { inner };
        Some(Self::Expression(inner))
    }

    /// The keys by which a list merges, none for a list of scalars; `None` for a list that is replaced.
    pub(super) fn merge_keys(self) -> Option<Vec<&'static str>> {
        let Self::Expression(text) = self else { return None };
        let keys = text.strip_prefix("[@")?.split_once(' ')?.0;
        Some(keys.split(',').filter(|key| !key.is_empty()).collect())
    }

    /// The full name of the definition that it refers to.
    pub(super) fn reference(self) -> Option<String> {
        let Self::Expression(text) = self else { return None };
        text.strip_prefix('>').map(|name| format!("{PREFIX}{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_sorted_as_it_is_searched() {
        assert!(index().scopes.is_sorted_by_key(|(api_version, kind, _)| (*api_version, *kind)));
        assert_eq!(index().definitions.len(), 623);
    }

    #[test]
    fn every_reference_leads_to_a_definition() {
        for (name, fields) in &index().definitions {
            for line in fields.lines() {
                if let Some((_, target)) = line.split_once('>') {
                    assert!(definition(&format!("{PREFIX}{target}")).is_some(), "{name}: {line}");
                }
            }
        }
    }

    #[test]
    fn scopes_are_those_of_kyaml() {
        for (api_version, kind, scope) in [
            ("apps/v1", "Deployment", Some(true)),
            ("v1", "Namespace", Some(false)),
            ("policy/v1beta1", "PodSecurityPolicy", Some(false)),
            ("v1", "ServiceProxyOptions", Some(true)),
            ("rbac.authorization.k8s.io/v1beta1", "ClusterRole", Some(false)),
            ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", None),
            ("apps/v2", "Deployment", None),
        ] {
            assert_eq!(is_namespaced(api_version, kind), scope, "{api_version} {kind}");
        }
    }
}
