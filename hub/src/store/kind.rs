//! The kinds that the user API serves, in one table.

use fleet_api::v1alpha1::{Bundle, BundleDeployment, BundleNamespaceMapping, Cluster, ClusterGroup, GitRepo};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `fleet.cattle.io/v1alpha1`.
    GitRepo,
    /// `fleet.cattle.io/v1alpha1`.
    Bundle,
    /// `fleet.cattle.io/v1alpha1`.
    Cluster,
    /// `fleet.cattle.io/v1alpha1`.
    ClusterGroup,
    /// `fleet.cattle.io/v1alpha1`.
    BundleNamespaceMapping,
    /// `fleet.cattle.io/v1alpha1`; read-only, made from the hub's snapshot.
    BundleDeployment,
    /// `v1`; values are never given back.
    Secret,
    /// `v1`; what Bundles may send to their clusters.
    ConfigMap,
    /// `v1`; no more than a name and labels.
    Namespace,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::GitRepo,
        Self::Bundle,
        Self::Cluster,
        Self::ClusterGroup,
        Self::BundleNamespaceMapping,
        Self::BundleDeployment,
        Self::Secret,
        Self::ConfigMap,
        Self::Namespace,
    ];

    /// As in `kind:`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitRepo => "GitRepo",
            Self::Bundle => "Bundle",
            Self::Cluster => "Cluster",
            Self::ClusterGroup => "ClusterGroup",
            Self::BundleNamespaceMapping => "BundleNamespaceMapping",
            Self::BundleDeployment => "BundleDeployment",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::Namespace => "Namespace",
        }
    }

    /// As in paths.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::GitRepo => "gitrepos",
            Self::Bundle => "bundles",
            Self::Cluster => "clusters",
            Self::ClusterGroup => "clustergroups",
            Self::BundleNamespaceMapping => "bundlenamespacemappings",
            Self::BundleDeployment => "bundledeployments",
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
            Self::Namespace => "namespaces",
        }
    }

    /// As people name one.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::GitRepo => "gitrepo",
            Self::Bundle => "bundle",
            Self::Cluster => "cluster",
            Self::ClusterGroup => "clustergroup",
            Self::BundleNamespaceMapping => "bundlenamespacemapping",
            Self::BundleDeployment => "bundledeployment",
            Self::Secret => "secret",
            Self::ConfigMap => "configmap",
            Self::Namespace => "namespace",
        }
    }

    /// Shorter names.
    pub const fn short_names(self) -> &'static [&'static str] {
        match self {
            Self::GitRepo => &["gr"],
            Self::Bundle => &["bn"],
            Self::Cluster => &["cl"],
            Self::ClusterGroup => &["cg"],
            Self::BundleNamespaceMapping => &["bnm"],
            Self::BundleDeployment => &["bd"],
            Self::Secret => &[],
            Self::ConfigMap => &["cm"],
            Self::Namespace => &["ns"],
        }
    }

    /// The API group; empty for the core group.
    pub const fn group(self) -> &'static str {
        match self {
            Self::Secret | Self::ConfigMap | Self::Namespace => "",
            Self::GitRepo
            | Self::Bundle
            | Self::Cluster
            | Self::ClusterGroup
            | Self::BundleNamespaceMapping
            | Self::BundleDeployment => fleet_api::v1alpha1::GROUP,
        }
    }

    /// The version in the group.
    pub const fn version(self) -> &'static str {
        if self.group().is_empty() { "v1" } else { fleet_api::v1alpha1::VERSION }
    }

    /// As in `apiVersion:`.
    pub const fn api_version(self) -> &'static str {
        if self.group().is_empty() { "v1" } else { fleet_api::v1alpha1::API_VERSION }
    }

    /// The resource as errors name it: `gitrepos.fleet.cattle.io`, `secrets`.
    pub fn qualified(self) -> String {
        match self.group() {
            "" => self.plural().to_owned(),
            group => format!("{}.{group}", self.plural()),
        }
    }

    /// Whether objects of it are in namespaces.
    pub const fn namespaced(self) -> bool {
        !matches!(self, Self::Namespace)
    }

    /// Whether it has a `status` of its own path.
    pub const fn has_status(self) -> bool {
        matches!(self, Self::GitRepo | Self::Bundle | Self::Cluster | Self::ClusterGroup | Self::BundleDeployment)
    }

    /// Whether users may only read it.
    pub const fn read_only(self) -> bool {
        matches!(self, Self::BundleDeployment)
    }

    /// The kind that a user means: its kind, singular, plural or a short name, in any case; `deployment(s)` is a
    /// BundleDeployment.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let text = text.strip_suffix(".fleet.cattle.io").unwrap_or(&text);
        if matches!(text, "deployment" | "deployments") {
            return Some(Self::BundleDeployment);
        }
        let named =
            |kind: &Self| text == kind.plural() || text == kind.singular() || kind.short_names().contains(&text);
        Self::ALL.into_iter().find(named)
    }

    /// The kind at a path of the API.
    pub fn at(group: &str, plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.group() == group && kind.plural() == plural)
    }

    /// The kind of a manifest.
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.api_version() == api_version && known.as_str() == kind)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A type of `fleet-api` that is stored as an object of a [`Kind`].
pub trait Resource: Serialize + DeserializeOwned + Send + 'static {
    /// The kind.
    const KIND: Kind;
    /// The type of its status; `()` where it has none.
    type Status: Serialize + Send;
}

macro_rules! resource {
    ($($name:ident: $status:ty),+ $(,)?) => {
        $(impl Resource for $name {
            const KIND: Kind = Kind::$name;
            type Status = $status;
        })+
    };
}

resource! {
    GitRepo: fleet_api::v1alpha1::GitRepoStatus,
    Bundle: fleet_api::v1alpha1::BundleStatus,
    Cluster: fleet_api::v1alpha1::ClusterStatus,
    ClusterGroup: fleet_api::v1alpha1::ClusterGroupStatus,
    BundleDeployment: fleet_api::v1alpha1::BundleDeploymentStatus,
    BundleNamespaceMapping: (),
}
