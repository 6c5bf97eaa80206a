//! Objects as people name them: `KIND NAME`, `KIND/NAME`; the kind in singular, plural or short form.

use crate::error::CliError;
use skiff_hub::store::Kind;
use std::fmt;

/// One object of the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// `gitrepo fleet-default/shop`
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind.namespaced() {
            write!(f, "{} {}/{}", self.kind.singular(), self.namespace, self.name)
        } else {
            write!(f, "{} {}", self.kind.singular(), self.name)
        }
    }
}

impl Named {
    /// Exactly one object.
    pub(super) fn one(words: &[String], namespace: &str) -> Result<Self, CliError> {
        let (kind, name) = kind_and_name(words)?;
        let name = name.ok_or_else(|| CliError::Usage(format!("which {}? KIND NAME is expected", kind.singular())))?;
        Self::new(kind, namespace, name)
    }

    pub(super) fn new(kind: Kind, namespace: &str, name: &str) -> Result<Self, CliError> {
        check(namespace, "a namespace")?;
        check(name, "a name")?;
        Ok(Self { kind, namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// Its path at the API.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", collection(self.kind, Some(&self.namespace)), self.name)
    }

    /// As the admin's verbs name it: `gitrepo/fleet-default/shop`.
    pub(super) fn words(&self) -> String {
        format!("{}/{}/{}", self.kind.singular(), self.namespace, self.name)
    }
}

/// A name that could lead elsewhere in a path is not sent.
fn check(text: &str, what: &str) -> Result<(), CliError> {
    if fleet_api::names::is_dns_subdomain(text) {
        return Ok(());
    }
    let rule = "a-z, 0-9, `-` and `.` are allowed, with a letter or digit at both ends";
    Err(CliError::Usage(format!("`{}` is not {what}: {rule}", crate::output::escape(text))))
}

/// The path of all objects of a kind.
pub(super) fn collection(kind: Kind, namespace: Option<&str>) -> String {
    let base = if kind.group().is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", kind.api_version()) };
    match namespace.filter(|_| kind.namespaced()) {
        Some(namespace) => format!("{base}/namespaces/{namespace}/{}", kind.plural()),
        None => format!("{base}/{}", kind.plural()),
    }
}

/// `KIND`, `KIND NAME` or `KIND/NAME`.
pub(super) fn kind_and_name(words: &[String]) -> Result<(Kind, Option<&str>), CliError> {
    let (kind, name) = match words {
        [word] => match word.split_once('/') {
            Some((kind, name)) => (kind, Some(name)),
            None => (word.as_str(), None),
        },
        [kind, _] if kind.contains('/') => {
            return Err(CliError::Usage(format!("`{kind}` names an object already; give KIND/NAME or KIND NAME")));
        }
        [kind, name] => (kind.as_str(), Some(name.as_str())),
        _ => return Err(CliError::Usage("KIND NAME or KIND/NAME is expected".into())),
    };
    let known = || Kind::ALL.map(Kind::singular).join(", ");
    let unknown = || CliError::Usage(format!("`{}` is no kind; there are {}", crate::output::escape(kind), known()));
    Ok((Kind::parse(kind).ok_or_else(unknown)?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_names_are_taken_in_every_form() {
        let words = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
        for line in ["gitrepo shop", "gitrepos shop", "GitRepo shop", "gr shop", "gitrepo/shop", "gitrepos/shop"] {
            let named = Named::one(&words(line), "team").unwrap();
            assert_eq!(named.path(), "/apis/fleet.cattle.io/v1alpha1/namespaces/team/gitrepos/shop", "{line}");
        }
        let deployment = Named::one(&words("deployments/b.c"), "team").unwrap();
        assert_eq!(deployment.words(), "bundledeployment/team/b.c");
        assert_eq!(Named::one(&words("ns a"), "team").unwrap().path(), "/api/v1/namespaces/a");
        for bad in ["gitrepo", "pod a", "gitrepo/a b", "gitrepo a/b", "gitrepo ../secrets", "cluster A", "gitrepo/"] {
            assert_eq!(Named::one(&words(bad), "team").unwrap_err().exit_status(), 2, "{bad}");
        }
    }
}
