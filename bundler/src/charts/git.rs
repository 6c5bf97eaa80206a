//! Charts in git repositories, as go-getter writes them in Fleet: `git::https://host/repo.git//charts/web?ref=v1.2`.
//!
//! A directory of a commit becomes a package, so that whoever renders sees a chart like any other. The copy of the
//! repository is like those of the hub's polls, with their caps, and can be thrown away; nothing is checked out.
//!
//! Invariants: the credentials of the GitRepo are for its own repository, and for others of the same (scheme, host, port) where
//! `spec.helmRepoURLRegex` matches them: who may push to the one is not to read with its credentials what else they open.
//! What a bundle names leads to no private network and to no repository on the hub's disk, unless the pattern matches it or
//! the GitRepo is read from the same server.

use super::Error;
use crate::git::remote::{has_dot_segment, redact};
use crate::git::{Access, Limits, Policy, Reference, Remote, Repository, Resolved, Scheme};
use file_tree::Files;
use flate2::write::GzEncoder;
use helm_rs::Chart;
use reqwest::Url;
use std::io::Write as _;
use std::path::PathBuf;

/// Hosts that go-getter knows without a scheme (`detect_github.go`, `detect_gitlab.go`, `detect_bitbucket.go`).
const HOSTS: [&str; 3] = ["github.com/", "gitlab.com/", "bitbucket.org/"];
/// Who asks for what a copy of a repository has.
const READER: &str = "charts";
/// The folder of the copies below that of the polls: whoever may push decides how many there are.
const FOLDER: &str = "charts";
/// How many copies are kept beside those in use, and how many bytes they may have together.
const MAX_COPIES: usize = 64;
const MAX_BYTES: u64 = 4 << 30;
/// The directory in a package; its name says nothing.
const TOP: &str = "chart";

/// A chart in a git repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GitChart {
    /// The URL of the repository.
    pub(super) url: String,
    /// The directory of the chart in it; empty for the root.
    pub(super) dir: String,
    /// A tag, a branch or a whole commit id; empty for the repository's own branch.
    pub(super) reference: String,
}

impl GitChart {
    /// Reads `helm.chart`; none where it is not about git. go-getter: `detect.go`, `source.go` (`SourceDirSubdir`),
    /// `get_git.go`.
    pub(super) fn of(text: &str) -> Option<Result<Self, Error>> {
        let shown = redact(text);
        let invalid = |reason: &str| Some(Err(Error::Source(format!("helm.chart: {shown:?}: {reason}"))));
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (forced, rest) = text.split_once("::").filter(|(name, _)| is_name(name)).unwrap_or(("", text));
        if !forced.is_empty() && forced != "git" {
            return invalid(
                "of the forms of go-getter, only that for git (`git::…`) is known; charts also come from https:// and oci://",
            );
        }
        let host = HOSTS.iter().find(|host| rest.starts_with(*host));
        if forced.is_empty() && host.is_none() && !rest.starts_with("ssh://") && !is_scp(rest) {
            return None;
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let scheme = place.find("://").map_or(0, |at| at + 3);
        let subdir = place.get(scheme..).and_then(|behind| behind.find("//")).map(|at| scheme + at);
        let (url, dir) = subdir.map_or((place, ""), |at| (&place[..at], &place[at + 2..]));
        let authority = place.get(scheme..).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let user = authority.rsplit_once('@').filter(|_| scheme > 0).map(|(user, _)| user);
        if user.is_some_and(|user| user.contains(':') || !place.starts_with("ssh://")) {
            return invalid("credentials do not belong into git; those of the GitRepo are used for its own server");
        }
        let Ok(dir) = file_tree::normalise(dir) else {
            return invalid("the directory behind `//` does not lie in the repository");
        };
        let url = match host {
            Some(_) => format!("https://{}.git", url.trim_end_matches('/').trim_end_matches(".git")),
            None => url.to_owned(),
        };
        // `spec.helmRepoURLRegex` would be matched with another host or path than the one that is asked.
        if url.contains('\\') || has_dot_segment(&url) {
            return invalid("its path holds `.`, `..` or a backslash; write the path that they lead to");
        }
        let mut reference = String::new();
        let pairs = Url::parse(&format!("query:/?{query}")).ok();
        for (key, value) in pairs.iter().flat_map(Url::query_pairs) {
            match &*key {
                "ref" => reference = value.into_owned(),
                // How much of the history is fetched; of a commit, what is needed.
                "depth" => {}
                "sshkey" => {
                    return invalid(
                        "a key does not belong into git: the secret of spec.clientSecretName is used for the GitRepo's own server",
                    );
                }
                key => return invalid(&format!("`{key}` is not known; `?ref=` names a tag, a branch or a commit")),
            }
        }
        Some(Ok(Self { url, dir, reference }))
    }

    /// What it may mean, in the order of `git checkout`: a commit, a tag, a branch.
    fn references(&self) -> Vec<Reference> {
        if self.reference.is_empty() {
            return vec![Reference::Default];
        }
        match self.reference.parse() {
            Ok(commit) => vec![Reference::Commit(commit)],
            Err(_) => vec![Reference::Tag(self.reference.clone()), Reference::Branch(self.reference.clone())],
        }
    }
}

/// `user@host:path` (go-getter: `detect_ssh.go`).
fn is_scp(text: &str) -> bool {
    let place = text.split_once(':').map_or("", |(place, _)| place);
    place.contains('@') && !place.contains('/') && !text.contains("://")
}

/// How charts are read from git.
#[derive(Debug, Clone)]
pub struct GitSource {
    /// The folder of the copies of repositories ([`Repository::open`]); those for charts have one in it.
    pub cache: PathBuf,
    /// The repository of the GitRepo and how to get in to it, where there is one.
    pub own: Option<(Remote, Access)>,
    /// See [`Policy::allow_file`].
    pub allow_file: bool,
}

/// A directory of a commit that was found.
pub(super) struct Located {
    remote: Remote,
    access: Access,
    copy: Repository,
    resolved: Resolved,
}

impl Located {
    /// All that the package depends on.
    pub(super) fn what(&self, chart: &GitChart) -> (&'static str, String, String, String) {
        ("git", self.remote.canonical(), chart.dir.clone(), self.resolved.commit.to_string())
    }
}

impl GitSource {
    /// Where a chart may be read, and with what. `vouches` says of a URL whether the owner of the GitRepo stands for it.
    pub(super) fn admit(&self, chart: &GitChart, vouches: impl Fn(&str) -> bool) -> Result<(Remote, Access), Error> {
        // How its parts read does not depend on what is allowed.
        let open = Policy { allow_file: true, allow_plain_http: true, public_only: false };
        let remote = Remote::parse(&chart.url, &open)?;
        let own = self.own.as_ref().filter(|(own, _)| match own.scheme() {
            Scheme::File => own.canonical() == remote.canonical(),
            Scheme::Https | Scheme::Http | Scheme::Ssh => own.same_origin(&remote),
        });
        let is_vouched = vouches(&chart.url) || vouches(&remote.canonical());
        let is_known = own.is_some() || is_vouched;
        if remote.scheme() == Scheme::File && !is_known {
            return Err(Error::Refused {
                url: remote.to_string(),
                reason: "it is on the hub's disk, and no bundle may name what is there".to_owned(),
            });
        }
        let policy = Policy { allow_file: self.allow_file, allow_plain_http: is_known, public_only: !is_known };
        // Servers of git know a repository with and without its suffix.
        let is_same =
            |own: &Remote| own.canonical().trim_end_matches(".git") == remote.canonical().trim_end_matches(".git");
        let is_for = |own: &Remote| is_vouched || is_same(own);
        let access = own.filter(|(own, _)| is_for(own)).map(|(_, access)| access.clone()).unwrap_or_default();
        Ok((Remote::parse(&chart.url, &policy)?, access))
    }

    /// Asks the server for the commit: always, so that what may no longer be read is not taken from the disk.
    pub(super) async fn locate(&self, chart: &GitChart, vouches: impl Fn(&str) -> bool) -> Result<Located, Error> {
        let (remote, access) = self.admit(chart, vouches)?;
        let folder = self.cache.join(FOLDER);
        Repository::trim(&folder, MAX_COPIES, MAX_BYTES).await;
        let copy = Repository::open(&folder, &remote)?;
        let mut missing = None;
        for reference in chart.references() {
            match copy.resolve(&remote, &access, &reference).await {
                Ok(resolved) => return Ok(Located { remote, access, copy, resolved }),
                Err(error @ crate::git::Error::UnknownReference { .. }) => missing = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(missing.map_or_else(|| Error::Source("helm.chart: its `?ref=` names nothing".to_owned()), Error::from))
    }

    /// The package of a chart that was located.
    pub(super) async fn package(&self, chart: &GitChart, located: &Located, limit: u64) -> Result<Vec<u8>, Error> {
        let Located { remote, access, copy, resolved } = located;
        let limits = Limits::default();
        let fetched = copy.fetch(remote, access, resolved, &limits, READER).await?;
        let tree = copy.tree(fetched.commit, &limits).await?;
        let url = format!("{remote} (commit {})", fetched.commit);
        let bytes = packed(&tree, &chart.dir, limit).map_err(|reason| Error::Answer { url: url.clone(), reason })?;
        lacking(&bytes).map_or(Ok(bytes), |reason| Err(Error::Answer { url, reason }))
    }
}

/// A directory as a packaged chart: the same files, the same bytes.
fn packed(files: &dyn Files, dir: &str, limit: u64) -> Result<Vec<u8>, String> {
    let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
    let shown = if dir.is_empty() { "its root" } else { dir };
    if !files.exists(&format!("{prefix}Chart.yaml")) {
        return Err(format!("there is no Chart.yaml in {shown}; a directory is named behind `//`"));
    }
    let failed = |error: std::io::Error| error.to_string();
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::default()));
    let mut size = 0;
    for entry in files.list_under(dir) {
        let content = files.read(&entry.path).map_err(|error| error.to_string())?;
        size += content.len() as u64;
        if size > limit {
            return Err(format!("{shown} holds more than {limit} bytes"));
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let path = format!("{TOP}/{}", entry.path.strip_prefix(&prefix).unwrap_or(&entry.path));
        archive.append_data(&mut header, path, &*content).map_err(failed)?;
    }
    let mut packed = archive.into_inner().and_then(GzEncoder::finish).map_err(failed)?;
    packed.flush().map_err(failed)?;
    Ok(packed)
}

/// Dependencies that the chart names and does not hold: without them something else than the chart would be deployed.
fn lacking(package: &[u8]) -> Option<String> {
    let chart = Chart::from_archive(package).ok()?;
    let is_here = |name: &str| chart.dependencies.iter().any(|known| known.name() == name);
    let mut names = chart.metadata.dependencies.iter().flatten().map(|dependency| dependency.name.as_str());
    let name = names.find(|name| !is_here(name))?;
    Some(format!(
        "its charts/ does not hold the dependency `{name}`, and dependencies of charts in other repositories are not fetched; \
         commit what `helm dependency update` makes there, or name a package of the chart"
    ))
}
