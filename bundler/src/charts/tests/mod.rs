//! Charts from a server in this process.

mod credentials;
mod cve_replay;
mod git;
mod oci;
mod pure;
mod repository;

use super::testserver::WebServer;
use super::{Access, Charts, Error, Fetcher, HelmSecret, Package, PackageCache, Secrets, Wanted};
use tokio::runtime::Runtime;

/// A server, and a place for what was fetched.
struct Fixture {
    runtime: Runtime,
    server: WebServer,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(WebServer::start()).unwrap();
        Self { runtime, server, folder: tempfile::tempdir().unwrap() }
    }

    fn another(&self) -> WebServer {
        self.runtime.block_on(WebServer::start()).unwrap()
    }

    fn fetcher(&self, access: Access, edition: &str) -> Fetcher {
        let cache = PackageCache::new(self.folder.path());
        Fetcher::new(self.runtime.handle().clone(), Ok(access), Some(cache), edition)
    }

    /// Fetches from the repository at `/` of the server, whose address is vouched for.
    fn get(&self, chart: &str, version: &str) -> Result<Package, Error> {
        self.get_with(Access::new(r"http://127\.0\.0\.1:\d+/")?, chart, version)
    }

    fn get_with(&self, access: Access, chart: &str, version: &str) -> Result<Package, Error> {
        let repo = self.server.url("/");
        self.fetcher(access, "").package(Wanted { repo: &repo, chart, version, dir: "" })
    }

    /// What the server was asked, paths alone.
    fn asked(&self) -> Vec<String> {
        self.server.requests().into_iter().map(|request| request.line.replace("GET ", "")).collect()
    }
}
