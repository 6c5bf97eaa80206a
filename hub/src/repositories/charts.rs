//! Charts for the bundles of a GitRepo.

use super::{Failure, Polling};
use fleet_api::v1alpha1::GitRepo;
use skiff_bundler::charts::{Access, Error, Fetcher, PackageCache};

/// What fetches the charts of one read.
pub(super) fn of(polling: &Polling, gitrepo: &GitRepo) -> Result<Fetcher, Failure> {
    let folder = &polling.charts;
    crate::private::create_dir(folder).map_err(|error| Failure::disk(format!("{}: {error}", folder.display())))?;
    let spec = &gitrepo.spec;
    let access = Access::new(&spec.helm_repo_url_regex).map_err(Error::from);
    // Who raises it wants everything anew.
    let edition = spec.force_sync_generation.to_string();
    Ok(Fetcher::new(tokio::runtime::Handle::current(), access, Some(PackageCache::new(folder)), edition))
}
