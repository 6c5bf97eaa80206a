//! `bundler`: from a commit to Bundles, with nothing known, and after one file changed.

use crate::repository::{BRANCH, Layout, Repository};
use crate::{Result, figures, machine, note};
use clap::Args;
use fleet_api::v1alpha1::{GitRepo, GitRepoSpec, ObjectMeta};
use serde_json::{Value, json};
use skiff_bundler::discover::{Cache, Discovery, discover};
use skiff_bundler::git::{self, Access, Limits, Policy, Reference, Remote};
use std::path::Path;
use std::time::Instant;

/// Sizes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Bundles in the repository.
    #[arg(long, default_value_t = 1000)]
    bundles: usize,
    /// Files in each: a fleet.yaml and ConfigMaps of 1 KiB.
    #[arg(long, default_value_t = 5)]
    files: usize,
    /// How often the first build is measured.
    #[arg(long, default_value_t = 5)]
    builds: usize,
    /// How often the rebuild is measured.
    #[arg(long, default_value_t = 20)]
    rebuilds: usize,
}

/// Seconds of the two halves of one poll that finds a new commit.
#[derive(Default)]
struct Times {
    fetch: Vec<f64>,
    build: Vec<f64>,
    total: Vec<f64>,
}

impl Times {
    fn add(&mut self, (fetch, build): (f64, f64)) {
        self.fetch.push(fetch);
        self.build.push(build);
        self.total.push(fetch + build);
    }

    fn told(&self) -> Value {
        let spread = |values: &[f64]| figures::spread(values, "s");
        json!({"fetch": spread(&self.fetch), "build": spread(&self.build), "total": spread(&self.total)})
    }
}

/// Measures, and tells.
pub(crate) async fn run(options: Options) -> Result<Value> {
    let load = machine::load();
    let directory = tempfile::tempdir()?;
    let repository = Repository::create(&directory.path().join("origin"))?;
    let layout = Layout { bundles: options.bundles, objects: options.files.saturating_sub(1) };
    repository.fill(layout)?;
    note(&format!("bundler: {} bundles of {} files in {}", options.bundles, options.files, repository.url()));
    let (mut first, mut again) = (Times::default(), Times::default());
    let mut last = None;
    for run in 0..options.builds {
        let mut hub = Copy::open(&directory.path().join(format!("copy-{run}")), &repository)?;
        first.add(hub.poll().await?);
        hub.check(options.bundles)?;
        last = Some(hub);
    }
    let mut hub = last.ok_or("--builds must be at least 1")?;
    for run in 0..options.rebuilds {
        let before = hub.ids();
        repository.change(run % layout.bundles, 0, run + 2)?;
        again.add(hub.poll().await?);
        hub.check(options.bundles)?;
        let changed = hub.ids().iter().zip(&before).filter(|(new, old)| new != old).count();
        if changed != 1 {
            return Err(format!("one file was changed, and {changed} bundles").into());
        }
    }
    Ok(json!({
        "benchmark": "bundler",
        "machine": machine::facts(),
        "loadBefore": load,
        "sizes": {"bundles": options.bundles, "filesPerBundle": options.files},
        "figures": {"first": first.told(), "oneFileChanged": again.told()},
        "means": {
            "fetch": "resolve the branch and bring the objects that are new, over file://",
            "build": "list the commit and find its Bundles with the digests of their files",
        },
    }))
}

/// The hub's side of a repository.
struct Copy {
    repository: git::Repository,
    remote: Remote,
    gitrepo: GitRepo,
    cache: Cache,
    found: Discovery,
}

impl Copy {
    fn open(at: &Path, origin: &Repository) -> Result<Self> {
        std::fs::create_dir_all(at)?;
        let remote = Remote::parse(&origin.url(), &Policy { allow_file: true, ..Policy::default() })?;
        let metadata =
            ObjectMeta { name: Some("bench".into()), namespace: Some("fleet-default".into()), ..ObjectMeta::default() };
        let spec = GitRepoSpec { repo: origin.url(), branch: BRANCH.to_owned(), ..GitRepoSpec::default() };
        let gitrepo = GitRepo { metadata, spec, status: None };
        let repository = git::Repository::open(at, &remote)?;
        Ok(Self { repository, remote, gitrepo, cache: Cache::default(), found: Discovery::default() })
    }

    /// What the hub does when a poll finds a new commit; the seconds of both halves.
    async fn poll(&mut self) -> Result<(f64, f64)> {
        let (access, limits) = (Access::default(), Limits::default());
        let reference = Reference::from_spec(Some(BRANCH), None);
        let begun = Instant::now();
        let resolved = self.repository.resolve(&self.remote, &access, &reference).await?;
        let fetched = self.repository.fetch(&self.remote, &access, &resolved, &limits, "bench").await?;
        self.repository.taken(&resolved, "bench").await?;
        let fetch = begun.elapsed();
        let begun = Instant::now();
        let tree = self.repository.tree(fetched.commit, &limits).await?;
        self.found = tokio::task::block_in_place(|| discover(&tree, &self.gitrepo, &mut self.cache));
        Ok((fetch.as_secs_f64(), begun.elapsed().as_secs_f64()))
    }

    fn ids(&self) -> Vec<fleet_api::Digest> {
        self.found.bundles.iter().map(|bundle| bundle.id).collect()
    }

    /// A figure for something else than was asked for is worth nothing.
    fn check(&self, bundles: usize) -> Result<()> {
        match self.found.failed.first() {
            Some(failure) => Err(format!("a bundle failed: {failure:?}").into()),
            None if self.found.bundles.len() != bundles => {
                Err(format!("{} bundles were found instead of {bundles}", self.found.bundles.len()).into())
            }
            None => Ok(()),
        }
    }
}
