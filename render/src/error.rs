//! Why a bundle cannot be rendered for a cluster.

use fleet_api::reason::{Note, Reason};

/// Why a bundle cannot be rendered. Every message names the place from the root of the repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Its templates ask for chance or the present, and there is neither.
    #[error("{place}: {feature} need a seed")]
    NeedsChance {
        /// What they use.
        feature: &'static str,
        /// The file that shows it.
        place: String,
    },
    /// It needs something that does not exist yet.
    #[error("not supported yet: {feature} ({place})")]
    NotSupported {
        /// What it needs.
        feature: &'static str,
        /// The file that shows it.
        place: String,
    },
    /// A file is not what it should be.
    #[error("{place}: {message}")]
    File {
        /// The file, with line and column as far as known.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// A cluster-scoped object where `namespace` moves everything into a namespace.
    #[error(
        "{place}: {kind} {name} is cluster-scoped, and `namespace` (or the GitRepo's targetNamespace) moves every object into {namespace}"
    )]
    ClusterScoped {
        /// The file and line.
        place: String,
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// The namespace.
        namespace: String,
    },
    /// The namespace is no name of a namespace.
    #[error("{field}: `{namespace}` is no name of a namespace: at most 63 of a-z, 0-9 and `-` are allowed")]
    Namespace {
        /// `namespace` or `defaultNamespace`.
        field: &'static str,
        /// What it says.
        namespace: String,
    },
}

impl RenderError {
    /// A problem in a file.
    pub(crate) fn file(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::File { place: place.into(), message: message.into() }
    }

    /// A problem that the YAML reader found.
    pub(crate) fn yaml(file: &str, error: &k8s_yaml::Error) -> Self {
        let field = if error.path().is_empty() { String::new() } else { format!("{}: ", error.path()) };
        let place = error.position().map_or_else(|| file.to_owned(), |position| format!("{file}:{position}"));
        Self::file(place, format!("{field}{}", error.message()))
    }

    /// The same as a note.
    #[must_use]
    pub fn note(&self) -> Note {
        let (reason, file) = match self {
            Self::NeedsChance { place, .. } => (Reason::RenderFailed, place.as_str()),
            Self::NotSupported { place, .. } => (Reason::NotSupported, place.as_str()),
            Self::File { place, .. } => (Reason::RenderFailed, place.as_str()),
            Self::ClusterScoped { place, .. } => (Reason::ClusterScopedInNamespace, place.as_str()),
            Self::Namespace { .. } => (Reason::InvalidFleetYaml, ""),
        };
        Note::new(reason, self.to_string()).in_file(file)
    }
}
