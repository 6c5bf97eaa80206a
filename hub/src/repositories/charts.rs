//! Charts for the bundles of a GitRepo: who may be asked, and with which credentials.

use super::{Failure, Polling};
use fleet_api::v1alpha1::{GitRepo, GitRepoSpec};
use skiff_bundler::charts::{Access, Error, Fetcher, GitSource, HelmSecret, PackageCache, Secrets};
use skiff_bundler::git::{self, Remote};

/// What fetches the charts of one read. A secret that is missing is an error of the bundles that need a chart, no other.
/// `own` is the repository of the GitRepo and how to get in to it.
pub(super) async fn of(
    polling: &Polling,
    namespace: &str,
    gitrepo: &GitRepo,
    own: (Remote, git::Access),
) -> Result<Fetcher, Failure> {
    let folder = &polling.charts;
    crate::private::create_dir(folder).map_err(|error| Failure::disk(format!("{}: {error}", folder.display())))?;
    let spec = &gitrepo.spec;
    let access = access(polling, namespace, spec).await?;
    // Who raises it wants everything anew.
    let edition = spec.force_sync_generation.to_string();
    let fetcher = Fetcher::new(tokio::runtime::Handle::current(), access, Some(PackageCache::new(folder)), edition);
    let git = GitSource { cache: polling.cache.clone(), own: Some(own), allow_file: polling.allow_file };
    Ok(fetcher.with_git(git).until(polling.stop.clone()))
}

/// The name of the secret for charts, and the field that names it; empty where none does. As in Fleet the one by path wins.
pub(super) fn secret_of(spec: &GitRepoSpec) -> (&str, &'static str) {
    if spec.helm_secret_name_for_paths.is_empty() {
        (&spec.helm_secret_name, "spec.helmSecretName")
    } else {
        (&spec.helm_secret_name_for_paths, "spec.helmSecretNameForPaths")
    }
}

async fn access(polling: &Polling, namespace: &str, spec: &GitRepoSpec) -> Result<Result<Access, Error>, Failure> {
    let access = match Access::new(&spec.helm_repo_url_regex) {
        Ok(access) => access,
        Err(error) => return Ok(Err(error.into())),
    };
    let (name, field) = secret_of(spec);
    if name.is_empty() {
        return Ok(Ok(access));
    }
    let secret =
        polling.resources.secret(namespace, name).await.map_err(|error| Failure::internal(error.to_string()))?;
    let Some(secret) = secret else {
        let message = format!("secret {namespace}/{name}, which {field} names, does not exist");
        return Ok(Err(Error::Secret(message)));
    };
    let get = |key: &str| secret.data.get(key).map(|value| value.as_slice());
    let secrets = if spec.helm_secret_name_for_paths.is_empty() {
        HelmSecret::from_secret(get).map(Secrets::One)
    } else {
        Secrets::by_path(get)
    };
    Ok(match secrets {
        Ok(secrets) => Ok(access.with_secrets(secrets, format!("{namespace}/{name}"))),
        Err(Error::Secret(reason)) => Err(Error::Secret(format!("secret {namespace}/{name}: {reason}"))),
        Err(other) => Err(other),
    })
}
