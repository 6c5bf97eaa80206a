//! What a request is about, read from its path.

use crate::store::Kind;

/// The resource of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The kind.
    pub(super) kind: Kind,
    /// The namespace, where one is named.
    pub(super) namespace: Option<String>,
    /// The object, where one is named.
    pub(super) name: Option<String>,
    /// `status`, where that part is meant.
    pub(super) status: bool,
}

impl Target {
    /// From `/api/v1/…` or `/apis/fleet.cattle.io/v1alpha1/…`.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let (group, rest) = match path.strip_prefix("/api/v1/") {
            Some(rest) => ("", rest),
            None => {
                let rest = path.strip_prefix("/apis/")?.strip_prefix(fleet_api::v1alpha1::API_VERSION)?;
                (fleet_api::v1alpha1::GROUP, rest.strip_prefix('/')?)
            }
        };
        let segments: Vec<_> = rest.split('/').collect();
        let (namespace, segments) = match segments.as_slice() {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() && rest != ["status"] => {
                (Some((*namespace).to_owned()), rest)
            }
            all => (None, all),
        };
        let (plural, name, sub) = match segments {
            [plural] => (plural, None, None),
            [plural, name] => (plural, Some((*name).to_owned()), None),
            [plural, name, sub] => (plural, Some((*name).to_owned()), Some(*sub)),
            _ => return None,
        };
        let kind = Kind::at(group, plural)?;
        let status = match sub {
            None => false,
            Some("status") if kind.has_status() => true,
            Some(_) => return None,
        };
        let scope_fits = match (&namespace, &name) {
            (Some(_), _) => kind.namespaced(),
            (None, Some(_)) => !kind.namespaced(),
            (None, None) => true,
        };
        scope_fits.then_some(Self { kind, namespace, name, status })
    }

    /// The namespace in which the object is; empty for kinds that are in none.
    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_paths_of_kubernetes() {
        let target = |kind, namespace: Option<&str>, name: Option<&str>, status| {
            Some(Target { kind, namespace: namespace.map(Into::into), name: name.map(Into::into), status })
        };
        let fleet = "/apis/fleet.cattle.io/v1alpha1";
        for (path, expected) in [
            (format!("{fleet}/gitrepos"), target(Kind::GitRepo, None, None, false)),
            (format!("{fleet}/namespaces/a/gitrepos"), target(Kind::GitRepo, Some("a"), None, false)),
            (format!("{fleet}/namespaces/a/gitrepos/b"), target(Kind::GitRepo, Some("a"), Some("b"), false)),
            (format!("{fleet}/namespaces/a/gitrepos/b/status"), target(Kind::GitRepo, Some("a"), Some("b"), true)),
            (format!("{fleet}/gitrepos/b"), None),
            (format!("{fleet}/secrets"), None),
            (format!("{fleet}/namespaces/a/gitrepos/b/scale"), None),
            ("/api/v1/namespaces".into(), target(Kind::Namespace, None, None, false)),
            ("/api/v1/namespaces/a".into(), target(Kind::Namespace, None, Some("a"), false)),
            ("/api/v1/namespaces/a/secrets/s".into(), target(Kind::Secret, Some("a"), Some("s"), false)),
            ("/api/v1/secrets".into(), target(Kind::Secret, None, None, false)),
            ("/api/v1/pods".into(), None),
        ] {
            assert_eq!(Target::parse(&path), expected, "{path}");
        }
    }
}
