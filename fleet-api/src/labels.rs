//! The labels, annotations and names that Skiff writes, in one place.

/// Label of every object that an agent applied; its value is the cluster's UID at the hub. Watches select on it.
pub const OWNER_LABEL: &str = "skiff.dev/owner";
/// Annotation of every object that an agent applied: `<bundle namespace>/<bundle name>`. It does not carry a digest, so
/// that a commit which changes one object writes one object.
pub const DEPLOYMENT_ANNOTATION: &str = "skiff.dev/deployment";
/// The field manager of the agent. Load-bearing: drift is found by what this manager owns; never rename it.
pub const FIELD_MANAGER: &str = "skiff-agent";
/// Cluster labels under this prefix are what an agent claimed of itself; selectors see claims only here.
pub const CLAIMS_PREFIX: &str = "claims.skiff.dev/";
/// Prefixes that only the hub writes on a Cluster.
pub const RESERVED_PREFIXES: [&str; 3] = ["fleet.cattle.io/", "management.cattle.io/", "skiff.dev/"];
/// Label on a Bundle: the GitRepo that it comes from (Fleet's).
pub const REPO_NAME_LABEL: &str = "fleet.cattle.io/repo-name";
/// Label on a Bundle: the commit that it was last read at (Fleet's).
pub const COMMIT_LABEL: &str = "fleet.cattle.io/commit";
/// A cluster with this label is called by its value, too, in `clusterName` (Fleet's).
pub const DISPLAY_NAME_LABEL: &str = "management.cattle.io/cluster-display-name";
/// The namespace of the agent's own Secrets and Lease in its cluster.
pub const AGENT_NAMESPACE: &str = "skiff-system";
/// The namespace of GitRepos, Clusters and Bundles where none is named (Fleet's).
pub const DEFAULT_NAMESPACE: &str = "fleet-default";
/// Helm's annotation that keeps an object when its release goes.
pub const RESOURCE_POLICY_ANNOTATION: &str = "helm.sh/resource-policy";
/// Helm's annotation that makes an object a hook.
pub const HOOK_ANNOTATION: &str = "helm.sh/hook";
