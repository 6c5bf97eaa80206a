//! GitRepo (reference §1.2).

use super::options::{is_false, is_zero};
use super::{CorrectDrift, GitRepoStatus, TargetSelector};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A git repository, and the clusters that it is for.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "fleet.cattle.io",
    version = "v1alpha1",
    kind = "GitRepo",
    namespaced,
    status = "GitRepoStatus",
    derive = "Default",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct GitRepoSpec {
    /// `https://…`, `ssh://…`, `git@host:path`; `file://…` where the hub allows it.
    pub repo: String,
    /// The branch to follow; `master` where neither this nor `revision` is set.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub branch: String,
    /// A commit or a tag; wins over `branch`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// `namespace` of every Bundle and of every target.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target_namespace: String,
    /// Secret with the credentials for git; `gitcredential` where it is empty and that exists.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_secret_name: String,
    /// Secret with the credentials for Helm repositories.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub helm_secret_name: String,
    /// Secret with the credentials for Helm repositories, by path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub helm_secret_name_for_paths: String,
    /// Helm credentials are sent only to repositories that match; to none where it is empty.
    #[serde(rename = "helmRepoURLRegex", skip_serializing_if = "String::is_empty")]
    pub helm_repo_url_regex: String,
    /// PEM certificates (base64) of the CA of the git server.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ca_bundle: String,
    /// Do not check the certificate of the git server.
    #[serde(rename = "insecureSkipTLSVerify", skip_serializing_if = "is_false")]
    pub insecure_skip_tls_verify: bool,
    /// Directories (globs) to look for bundles in; the root where it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Exactly these bundles, without looking any further; in place of `paths`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bundles: Vec<BundlePath>,
    /// Stage, and do not deploy.
    #[serde(skip_serializing_if = "is_false")]
    pub paused: bool,
    /// Service account of every Bundle.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account: String,
    /// The clusters; `clusterGroup: default` where it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetSelector>,
    /// How often to look for a new commit: a Go duration, 15 s where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub polling_interval: String,
    /// Do not poll.
    #[serde(skip_serializing_if = "is_false")]
    pub disable_polling: bool,
    /// Raising it reads the repository and applies everything again.
    #[serde(skip_serializing_if = "is_zero")]
    pub force_sync_generation: i64,
    /// Release the objects instead of deleting them when a Bundle goes.
    #[serde(skip_serializing_if = "is_false")]
    pub keep_resources: bool,
    /// Delete the target namespace when a Bundle goes.
    #[serde(skip_serializing_if = "is_false")]
    pub delete_namespace: bool,
    /// Repair of drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct_drift: Option<CorrectDrift>,
    /// Kept; bundles need no registry here.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub oci_registry_secret: String,
    /// Secret of this repository's webhook.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub webhook_secret: String,
    /// Skiff: how many objects may be deleted at once without approval (R8); 10 where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_limit: Option<GitRepoDeletionLimit>,
}

/// One entry of `spec.bundles`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BundlePath {
    /// The directory.
    pub base: String,
    /// The file of options, below `base`; its `fleet.yaml` where it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub options: String,
}

/// How many objects may be deleted at once without approval; the greater of the two holds (R8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GitRepoDeletionLimit {
    /// An absolute number.
    pub objects: u32,
    /// A share of the objects that the agent looks after in the cluster, in percent.
    pub percent: u32,
}
