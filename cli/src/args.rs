//! The commands and their options. Nothing is decided here.

use crate::output::Format;
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// GitOps for edge fleets: push a commit, label your clusters, and every cluster pulls what is meant for it.
#[derive(Clone, Debug, Parser)]
#[command(name = "skiff", version, about, disable_help_subcommand = true)]
pub struct Arguments {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How the hub is found, and the namespace. The credential (`SKIFF_TOKEN`) is read where it is used, so that no debug
/// output of the arguments holds it.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The file with the hub's address and credential [default: ~/.config/skiff/config.yaml]
    #[arg(long, global = true, env = "SKIFF_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The hub's address, in place of the one in the file
    #[arg(long, global = true, env = "SKIFF_HUB", value_name = "URL")]
    pub hub_url: Option<String>,
    /// The namespace at the hub
    #[arg(short, long, global = true, default_value = fleet_api::labels::DEFAULT_NAMESPACE)]
    pub namespace: String,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// A hub, five agents and their clusters in one process: the main job, step by step
    Demo(DemoArgs),
    /// Run a hub, or look after one
    Hub(HubArgs),
    /// Enrollment tokens for agents
    Token(TokenArgs),
    /// Create or replace objects at the hub
    Apply(ApplyArgs),
    /// Set and remove labels
    Label(LabelArgs),
    /// Withdraw an object
    Delete(DeleteArgs),
    /// List objects
    Get(GetArgs),
    /// Why something waits, was refused, failed or drifted
    Explain(ObjectArgs),
    /// What was changed in which cluster, or the comparePatches that would accept it
    Drift(DriftArgs),
    /// Let held deletions go
    Approve(ApproveArgs),
    /// Wait until a condition holds
    Wait(WaitArgs),
    /// Poll a repository now
    Sync(ObjectArgs),
    /// The Bundles of a directory, offline
    Bundle(BundleArgs),
    /// The objects that one cluster would get of a directory, offline
    Render(RenderArgs),
    /// Which clusters would get the bundles of a directory, and why the others would not, offline
    Target(TargetArgs),
    /// What is wrong or odd in a directory, before it is pushed, offline
    Lint(LintArgs),
    /// What two revisions of a directory make different in each cluster, as objects, offline
    Diff(DiffArgs),
    /// Build a kustomization, offline
    Kustomize(KustomizeArgs),
    /// Template a Helm chart, offline
    Helm(EngineArgs),
}

/// `skiff demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// How many clusters
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub clusters: usize,
    /// Print each step as one line of JSON, and fail if one does not hold
    #[arg(long)]
    pub headless: bool,
    /// Keep running, and keep the files, when the steps are done
    #[arg(long)]
    pub keep: bool,
    /// Real clusters in place of the ones in memory; may be given several times
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Vec<PathBuf>,
}

/// `skiff hub`.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct HubArgs {
    /// What to do instead of running a hub
    #[command(subcommand)]
    pub command: Option<HubCommand>,
    /// How to run it
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// Running a hub.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// The directory of everything that the hub keeps; made on the first start
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8443")]
    pub listen: SocketAddr,
    /// The address that tokens carry [default: https:// and the listen address]
    #[arg(long, value_name = "URL")]
    pub advertise: Option<String>,
    /// The key that secrets are encrypted with [default: a file in the data directory]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Allow file:// repositories, for development and air gaps
    #[arg(long)]
    pub allow_file_repositories: bool,
}

/// What else there is to do with a hub.
#[derive(Clone, Debug, Subcommand)]
pub enum HubCommand {
    /// Print a kubeconfig for the hub
    Kubeconfig,
    /// Copy a hub's data, also of one that runs
    Backup(BackupArgs),
}

/// `skiff hub backup`.
#[derive(Clone, Debug, Args)]
pub struct BackupArgs {
    /// The hub's directory
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Where the copy goes; must not exist or be empty
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// `skiff token`.
#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    /// What to do
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// What there is to do with tokens.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token, and print it alone on stdout
    Create(TokenCreateArgs),
}

/// `skiff token create`.
#[derive(Clone, Debug, Args)]
pub struct TokenCreateArgs {
    /// The Cluster's name; an agent that gives another one is refused
    #[arg(long, value_name = "CLUSTER")]
    pub name: Option<String>,
    /// A label that the cluster gets; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<String>,
    /// How long it may be used
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub ttl: String,
}

/// `skiff apply`.
#[derive(Clone, Debug, Args)]
pub struct ApplyArgs {
    /// The file; `-` is stdin
    #[arg(short, long, value_name = "FILE", required = true)]
    pub filename: Vec<String>,
}

/// `skiff label`.
#[derive(Clone, Debug, Args)]
pub struct LabelArgs {
    /// The object, then `key=value` to set and `key-` to remove
    #[arg(required = true, value_name = "KIND NAME KEY=VALUE|KEY-", num_args = 2.., allow_hyphen_values = false)]
    pub words: Vec<String>,
}

/// An object, as `KIND NAME` or `KIND/NAME`.
#[derive(Clone, Debug, Args)]
pub struct ObjectArgs {
    /// The object: `KIND NAME` or `KIND/NAME`
    #[arg(required = true, value_name = "KIND NAME", num_args = 1..=2)]
    pub object: Vec<String>,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

/// `skiff drift`.
#[derive(Clone, Debug, Args)]
pub struct DriftArgs {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    pub bundle: String,
    /// Print the lines of fleet.yaml that would accept it instead
    #[arg(long)]
    pub fleet_yaml: bool,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t, conflicts_with = "fleet_yaml")]
    pub output: Format,
}

/// `skiff delete`.
#[derive(Clone, Debug, Args)]
pub struct DeleteArgs {
    /// The object
    #[command(flatten)]
    pub object: ObjectArgs,
    /// Release what was deployed instead of deleting it
    #[arg(long)]
    pub keep_resources: bool,
}

/// `skiff get`.
#[derive(Clone, Debug, Args)]
pub struct GetArgs {
    /// What: gitrepos, bundles, clusters, clustergroups, deployments; then a name, or `KIND/NAME`
    #[arg(required = true, value_name = "KIND [NAME]", num_args = 1..=2)]
    pub object: Vec<String>,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
    /// Go on with what changes
    #[arg(short, long)]
    pub watch: bool,
    /// In all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Only objects with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
}

/// `skiff approve`.
#[derive(Clone, Debug, Args)]
pub struct ApproveArgs {
    /// The object
    #[command(flatten)]
    pub object: ObjectArgs,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `skiff wait`.
#[derive(Clone, Debug, Args)]
pub struct WaitArgs {
    /// The object
    #[command(flatten)]
    pub object: ObjectArgs,
    /// The condition
    #[arg(long = "for", value_name = "condition=NAME[=STATUS]", default_value = "condition=Ready")]
    pub condition: String,
    /// How long
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub timeout: String,
}

/// The repository on disk that `bundle` and `render` read.
#[derive(Clone, Debug, Args)]
pub struct RepositoryArgs {
    /// The directory of the repository
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// The GitRepo's name, where there is no file of it [default: the directory's name]
    #[arg(long, value_name = "REPO", conflicts_with = "gitrepo")]
    pub name: Option<String>,
    /// A file with the GitRepo
    #[arg(long, value_name = "FILE")]
    pub gitrepo: Option<PathBuf>,
    /// Fetch charts that bundles name and do not hold (helm.repo); without it nothing is asked for
    #[arg(long)]
    pub fetch_charts: bool,
}

/// `skiff bundle`.
#[derive(Clone, Debug, Args)]
pub struct BundleArgs {
    /// The repository
    #[command(flatten)]
    pub repository: RepositoryArgs,
    /// How to write them
    #[arg(short, long, value_enum, default_value = "yaml")]
    pub output: Format,
}

/// `skiff render`.
#[derive(Clone, Debug, Args)]
pub struct RenderArgs {
    /// The repository
    #[command(flatten)]
    pub repository: RepositoryArgs,
    /// A file with Clusters, ClusterGroups, Namespaces and BundleNamespaceMappings
    #[arg(long, value_name = "FILE")]
    pub clusters: Option<PathBuf>,
    /// The cluster; without it, or without a file of clusters, one is made up that has the labels of --label
    #[arg(long, value_name = "[NAMESPACE/]NAME")]
    pub cluster: Option<String>,
    /// A label of the cluster, over those in the file; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<String>,
    /// The Kubernetes version of the cluster
    #[arg(long, value_name = "VERSION")]
    pub kube_version: Option<String>,
    /// An API that the cluster has; may be given several times
    #[arg(long = "api-version", value_name = "GROUP/VERSION[/KIND]")]
    pub api_versions: Vec<String>,
    /// Write DIR/<bundle>.yaml and DIR/<bundle>.options.yaml instead of one stream
    #[arg(long, value_name = "DIR")]
    pub output_by_bundle: Option<PathBuf>,
}

/// `skiff target`.
#[derive(Clone, Debug, Args)]
pub struct TargetArgs {
    /// The repository
    #[command(flatten)]
    pub repository: RepositoryArgs,
    /// A file with Clusters, ClusterGroups, Namespaces and BundleNamespaceMappings
    #[arg(long, value_name = "FILE")]
    pub clusters: PathBuf,
    /// Only this cluster
    #[arg(long, value_name = "[NAMESPACE/]NAME")]
    pub cluster: Option<String>,
    /// How to write it; `wide` names all clusters
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

/// `skiff lint`.
#[derive(Clone, Debug, Args)]
pub struct LintArgs {
    /// The repository
    #[command(flatten)]
    pub repository: RepositoryArgs,
    /// A file with Clusters, ClusterGroups, Namespaces and BundleNamespaceMappings; without it, clusters are made up
    #[arg(long, value_name = "FILE")]
    pub clusters: Option<PathBuf>,
    /// Fail for warnings, too
    #[arg(long)]
    pub strict: bool,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

/// `skiff diff`.
#[derive(Clone, Debug, Args)]
pub struct DiffArgs {
    /// The repository, in a git working tree
    #[command(flatten)]
    pub repository: RepositoryArgs,
    /// The revision before: a branch, a tag, a commit, HEAD~1
    #[arg(long, value_name = "REVISION", default_value = "HEAD")]
    pub from: String,
    /// The revision after [default: the files as they are on disk]
    #[arg(long, value_name = "REVISION")]
    pub to: Option<String>,
    /// A file with Clusters, ClusterGroups, Namespaces and BundleNamespaceMappings; without it, clusters are made up
    #[arg(long, value_name = "FILE")]
    pub clusters: Option<PathBuf>,
    /// Only this cluster of the file
    #[arg(long, value_name = "[NAMESPACE/]NAME", requires = "clusters")]
    pub cluster: Option<String>,
    /// How to write it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

/// `skiff kustomize`.
#[derive(Clone, Debug, Args)]
pub struct KustomizeArgs {
    /// What to do
    #[command(subcommand)]
    pub command: KustomizeCommand,
}

/// What there is to do with kustomizations.
#[derive(Clone, Debug, Subcommand)]
pub enum KustomizeCommand {
    /// Print what a kustomization makes, as `kustomize build` does
    Build(KustomizeBuildArgs),
}

/// `skiff kustomize build`: the flags of `kustomize build`.
#[derive(Clone, Debug, Args)]
pub struct KustomizeBuildArgs {
    /// The directory of the kustomization
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// A file for the output, or a directory for a file per object
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Whether files outside of a kustomization's directory may be read
    #[arg(long, value_name = "RULE", default_value = "LoadRestrictionsRootOnly",
          value_parser = ["LoadRestrictionsRootOnly", "LoadRestrictionsNone"])]
    pub load_restrictor: String,
    /// The order of the objects, where `sortOptions` do not say [default: legacy]
    #[arg(long, value_name = "ORDER", value_parser = ["legacy", "none"])]
    pub reorder: Option<String>,
    /// Render the charts of `helmCharts`
    #[arg(long)]
    pub enable_helm: bool,
    /// The Kubernetes version that charts see
    #[arg(long, value_name = "VERSION", default_value = "")]
    pub helm_kube_version: String,
    /// API versions that charts see; may be given several times
    #[arg(long, value_name = "VERSION")]
    pub helm_api_versions: Vec<String>,
    /// Taken for compatibility: charts are rendered without a helm program
    #[arg(long, value_name = "COMMAND", hide = true)]
    pub helm_command: Option<String>,
    /// Taken for compatibility
    #[arg(long, hide = true)]
    pub helm_debug: bool,
    /// Mark all objects with app.kubernetes.io/managed-by (deprecated in favour of `buildMetadata`)
    #[arg(long)]
    pub enable_managedby_label: bool,
    /// Taken for compatibility: functions and programs are not run, and say so
    #[arg(long, hide = true)]
    pub enable_alpha_plugins: bool,
    /// As --enable-alpha-plugins
    #[arg(long, hide = true)]
    pub enable_exec: bool,
    /// As --enable-alpha-plugins
    #[arg(long, hide = true)]
    pub as_current_user: bool,
    /// As --enable-alpha-plugins
    #[arg(long, hide = true)]
    pub network: bool,
    /// As --enable-alpha-plugins
    #[arg(long, hide = true, value_name = "NAME")]
    pub network_name: Option<String>,
    /// As --enable-alpha-plugins
    #[arg(long, hide = true, value_name = "MOUNT")]
    pub mount: Vec<String>,
    /// As --enable-alpha-plugins
    #[arg(short, long, hide = true, value_name = "VARIABLE")]
    pub env: Vec<String>,
}

/// `skiff helm`.
#[derive(Clone, Debug, Args)]
pub struct EngineArgs {
    /// Reserved
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_contract_is_understood() {
        for line in [
            "demo --clusters 3 --headless --keep",
            "hub --data d --listen 127.0.0.1:0 --advertise https://hub --key-file k --allow-file-repositories",
            "hub kubeconfig",
            "hub backup --data a --to b",
            "token create --name c --label a=b --label c=d --ttl 2h",
            "apply -f - -n other",
            "label cluster one env=prod old-",
            "label cluster/one env=prod",
            "delete gitrepo shop --keep-resources",
            "get clusters -o wide --watch",
            "get gitrepos/shop -o json",
            "explain cluster one",
            "drift shop-web --fleet-yaml",
            "approve gitrepo/shop --yes",
            "wait gitrepo shop --for condition=Ready --timeout 1m",
            "sync gitrepo shop",
            "bundle . --name shop -o json",
            "bundle . --gitrepo gitrepo.yaml",
            "render . --clusters c.yaml --cluster ns/one --label a=b --kube-version 1.30 --api-version a/v1/K --output-by-bundle d",
            "diff . --from main --to HEAD --clusters c.yaml --cluster one -o json",
            "lint . --clusters c.yaml --strict",
            "target . --clusters c.yaml --cluster one -o wide",
        ] {
            let words = std::iter::once("skiff").chain(line.split(' '));
            assert!(Arguments::try_parse_from(words).is_ok(), "{line}");
        }
        assert!(Arguments::try_parse_from(["skiff", "bundle", ".", "--name", "a", "--gitrepo", "b"]).is_err());
    }
}
