//! Charts in git repositories.

use super::super::git::{GitChart, GitSource};
use super::super::{Access, Charts, Error, Fetcher, Package, PackageCache, Wanted};
use crate::git::{Access as GitAccess, Credentials, Policy, Remote};
use fleet_api::reason::Reason;
use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, Signature, Time};
use helm_rs::Chart;

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

struct Fixture {
    folder: tempfile::TempDir,
    source: Repository,
    runtime: tokio::runtime::Runtime,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["copies", "packages"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut options = git2::RepositoryInitOptions::new();
        let source = Repository::init_opts(folder.path().join("charts.git"), options.bare(true).initial_head("main"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { source: source.unwrap(), folder, runtime }
    }

    fn url(&self) -> String {
        format!("file://{}", self.folder.path().join("charts.git").display())
    }

    /// A commit with these files alone, on a branch.
    fn commit(&self, branch: &str, files: &[(&str, &str)]) -> Oid {
        let empty = self.source.find_tree(self.source.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let mut update = TreeUpdateBuilder::new();
        for (path, content) in files {
            update.upsert(*path, self.source.blob(content.as_bytes()).unwrap(), FileMode::Blob);
        }
        let tree = self.source.find_tree(update.create_updated(&self.source, &empty).unwrap()).unwrap();
        let who = Signature::new("Ada", "ada@example.org", &Time::new(1_700_000_000, 60)).unwrap();
        let id = self.source.commit(None, &who, &who, "Change it", &tree, &[]).unwrap();
        self.source.reference(&format!("refs/heads/{branch}"), id, true, "").unwrap();
        id
    }

    fn git(&self, own: Option<&str>) -> GitSource {
        let policy = Policy { allow_file: true, ..Policy::default() };
        let own = own.map(|url| (Remote::parse(url, &policy).unwrap(), GitAccess::default()));
        GitSource { cache: self.folder.path().join("copies"), own, allow_file: true }
    }

    /// With the repository as that of the GitRepo.
    fn get(&self, chart: &str) -> Result<Package, Error> {
        self.get_with(Access::default(), self.git(Some(&self.url())), chart)
    }

    fn get_with(&self, access: Access, git: GitSource, chart: &str) -> Result<Package, Error> {
        let packages = self.folder.path().join("packages");
        let runtime = self.runtime.handle().clone();
        let fetcher = Fetcher::new(runtime, Ok(access), Some(PackageCache::new(packages)), "").with_git(git);
        fetcher.package(Wanted { repo: "", chart, version: "", dir: "" })
    }
}

fn version(package: &Package) -> String {
    Chart::from_archive(&package.bytes).unwrap().metadata.version
}

#[test]
fn the_forms_of_go_getter_name_a_repository_a_directory_and_a_reference() {
    let table = [
        ("git::https://git.example/a.git//charts/web?ref=v1", Some(("https://git.example/a.git", "charts/web", "v1"))),
        ("git::https://git.example/a", Some(("https://git.example/a", "", ""))),
        ("git::ssh://git@git.example:2222/a.git//web?depth=1", Some(("ssh://git@git.example:2222/a.git", "web", ""))),
        ("git::git@git.example:org/a.git//web", Some(("git@git.example:org/a.git", "web", ""))),
        ("git@git.example:org/a.git?ref=main", Some(("git@git.example:org/a.git", "", "main"))),
        ("ssh://git@git.example/a//web", Some(("ssh://git@git.example/a", "web", ""))),
        ("github.com/org/a//web?ref=feature%2Fx", Some(("https://github.com/org/a.git", "web", "feature/x"))),
        ("gitlab.com/org/a.git", Some(("https://gitlab.com/org/a.git", "", ""))),
        ("https://charts.example/web-1.0.0.tgz", None),
        ("oci://registry.example/web", None),
        ("charts/web", None),
        ("https://user@charts.example/web:1.tgz", None),
    ];
    for (text, expected) in table {
        let found = GitChart::of(text).map(Result::unwrap);
        let found = found.as_ref().map(|chart| (&*chart.url, &*chart.dir, &*chart.reference));
        assert_eq!(found, expected, "{text}");
    }
    for (text, expected) in [
        ("git::https://git.example/a//../../etc", "does not lie in the repository"),
        (
            "git::https://git.example/a?sshkey=bXkga2V5",
            "\"git::https://git.example/a\": a key does not belong into git",
        ),
        ("git::https://git.example/a?checksum=md5:1", "`checksum` is not known"),
        ("git::https://git.example/charts/../private.git//web", "write the path that they lead to"),
        ("git::https://git.example/charts/%2E%2e/private.git//web", "write the path that they lead to"),
        ("git::https://git.example/charts/..%2fprivate.git", "write the path that they lead to"),
        ("git::https://git.example/charts/..\\private.git", "write the path that they lead to"),
        ("git::https://10.0.0.7\\.git.example/charts/a", "write the path that they lead to"),
        ("git::ssh://git@git.example/./a", "write the path that they lead to"),
        ("git@git.example:charts/../private.git//web", "write the path that they lead to"),
        ("git@git.example:charts/#/../../private.git", "write the path that they lead to"),
        ("git::git@git.example:../private.git", "write the path that they lead to"),
        ("github.com/org/../private//web", "write the path that they lead to"),
        ("s3::https://s3.example/bucket/web.tgz", "only that for git (`git::…`) is known"),
        ("hg::https://hg.example/a", "only that for git"),
    ] {
        let error = GitChart::of(text).unwrap().unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("bXkga2V5"), "{text}: {error}");
    }
}

#[test]
fn a_directory_of_a_commit_is_a_package() {
    let fixture = Fixture::new();
    let at = |version: &str| CHART.replace("1.0.0", version);
    let old = fixture.commit("main", &[("web/Chart.yaml", &at("1.0.0")), ("web/templates/a.yaml", "a: 1")]);
    fixture.source.reference("refs/tags/v1", old, true, "").unwrap();
    fixture.commit("next", &[("Chart.yaml", &at("3.0.0"))]);
    fixture.commit("v1", &[("web/Chart.yaml", &at("4.0.0"))]);
    fixture.commit("main", &[("web/Chart.yaml", &at("2.0.0")), ("other/secret", "no part of it")]);
    let url = format!("git::{}", fixture.url());
    for (rest, expected) in [
        ("//web".to_owned(), "2.0.0"),
        ("//web?ref=main".to_owned(), "2.0.0"),
        ("//web?ref=v1".to_owned(), "1.0.0"),
        (format!("//web?ref={old}"), "1.0.0"),
        ("?ref=next".to_owned(), "3.0.0"),
    ] {
        let package = fixture.get(&format!("{url}{rest}")).unwrap();
        assert_eq!(version(&package), expected, "{rest}");
    }
    let chart = Chart::from_archive(&fixture.get(&format!("{url}//web")).unwrap().bytes).unwrap();
    assert!(chart.files.iter().all(|file| !file.name.contains("secret")));
    let again = || fixture.get(&format!("{url}//web?ref=v1")).unwrap().digest;
    let first = again();
    let packages = fixture.folder.path().join("packages");
    std::fs::remove_dir_all(&packages).unwrap();
    std::fs::create_dir(&packages).unwrap();
    assert_eq!(again(), first, "the same commit, the same bytes");
}

#[test]
fn what_is_not_there_is_told() {
    let fixture = Fixture::new();
    let needs = "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: db, version: 1.0.0, repository: 'https://c.example'}]\n";
    fixture.commit("main", &[("web/Chart.yaml", CHART), ("needs/Chart.yaml", needs)]);
    let url = format!("git::{}", fixture.url());
    for (rest, reason, expected) in [
        ("//web?ref=mian", Reason::ReferenceNotFound, "has no branch \"mian\". It has main."),
        ("//wbe", Reason::InvalidFile, "there is no Chart.yaml in wbe"),
        ("", Reason::InvalidFile, "there is no Chart.yaml in its root"),
        ("//needs", Reason::InvalidFile, "its charts/ does not hold the dependency `db`"),
    ] {
        let chart = format!("{url}{rest}");
        let error = fixture.get(&chart).unwrap_err();
        let note = error.note(Wanted { repo: "", chart: &chart, version: "", dir: "" });
        assert!(note.message.contains(expected), "{rest}: {}", note.message);
        assert_eq!(note.reason, reason, "{rest}");
    }
}

#[test]
fn a_bundle_leads_to_no_private_network_and_to_nothing_on_the_disk() {
    let fixture = Fixture::new();
    fixture.commit("main", &[("Chart.yaml", CHART)]);
    let elsewhere = || fixture.git(Some("https://git.example/shop"));
    let on_disk = format!("git::{}", fixture.url());
    for (chart, expected) in [
        (&*on_disk, "it is on the hub's disk"),
        ("git::https://10.0.0.7/a", "10.0.0.7, a private or link-local address"),
        ("git::http://git.example.org/a", "http:// is neither encrypted nor authenticated"),
        ("git::http://localhost:1/a", "a private or link-local address"),
        ("git::ssh://git@localhost:1/a", "a private or link-local address"),
        ("git::https://169.254.169.254/a", "link-local"),
    ] {
        let error = fixture.get_with(Access::default(), elsewhere(), chart).unwrap_err().to_string();
        assert!(error.contains(expected), "{chart}: {error}");
    }
    // The owner of the GitRepo stands for it.
    let vouched = Access::new(&fixture.url()).unwrap();
    assert_eq!(version(&fixture.get_with(vouched, elsewhere(), &on_disk).unwrap()), "1.0.0");
    let closed = GitSource { allow_file: false, ..elsewhere() };
    let error = fixture.get_with(Access::new(&fixture.url()).unwrap(), closed, &on_disk).unwrap_err().to_string();
    assert!(error.contains("file:// repositories are off"), "{error}");
    let metadata = Access::new("https://169.254.169.254").unwrap();
    assert!(fixture.get_with(metadata, elsewhere(), "git::https://169.254.169.254/a").is_err());
}

#[test]
fn the_credentials_of_the_gitrepo_are_for_its_repository_and_for_what_its_owner_stands_for_on_that_server() {
    let basic = Credentials::Basic { username: "ada".into(), password: "hunter2".to_owned().into() };
    let own = Remote::parse("https://git.example/shop", &Policy::default()).unwrap();
    let source = GitSource { cache: "none".into(), own: Some((own, GitAccess::new(basic))), allow_file: false };
    for (chart, by_itself, where_vouched) in [
        ("git::https://git.example/shop//charts/web?ref=v1", true, true),
        ("git::https://git.example:443/shop/", true, true),
        ("git::https://git.example/shop.git", true, true),
        ("git::https://git.example/charts.git//web", false, true),
        ("git::https://git.example:8443/shop", false, false),
        ("git::https://git.example.evil/shop", false, false),
        ("git::ssh://git@git.example/shop", false, false),
        ("github.com/org/charts", false, false),
    ] {
        let chart_of = GitChart::of(chart).unwrap().unwrap();
        for (vouches, gets_them) in [(false, by_itself), (true, where_vouched)] {
            let (_, access) = source.admit(&chart_of, |_| vouches).unwrap();
            assert_eq!(matches!(access.credentials, Credentials::Basic { .. }), gets_them, "{chart} {vouches}");
        }
    }
    let in_clear = GitChart::of("git::http://git.example/charts.git").unwrap().unwrap();
    assert!(source.admit(&in_clear, |_| false).is_err(), "not in the clear");
    assert!(matches!(source.admit(&in_clear, |_| true).unwrap().1.credentials, Credentials::None));
}

/// The pattern is matched with the text, and the server is asked for what `..` makes of it.
#[test]
fn no_path_leads_out_of_what_the_pattern_speaks_of() {
    let fixture = Fixture::new();
    fixture.commit("main", &[("Chart.yaml", CHART)]);
    std::fs::create_dir(fixture.folder.path().join("charts")).unwrap();
    let folder = format!("file://{}", fixture.folder.path().display());
    for (path, expected) in [
        ("charts/../charts.git", "write the path that they lead to"),
        ("charts/%2e%2e/charts.git", "write the path that they lead to"),
        ("charts.git", "it is on the hub's disk"),
    ] {
        let access = Access::new(&format!("{folder}/charts/")).unwrap();
        let chart = format!("git::{folder}/{path}");
        let error = fixture.get_with(access, fixture.git(Some("https://git.example/shop")), &chart).unwrap_err();
        assert!(error.to_string().contains(expected), "{path}: {error}");
    }
}

#[test]
fn copies_for_charts_have_a_folder_that_is_trimmed() {
    let fixture = Fixture::new();
    fixture.commit("main", &[("Chart.yaml", CHART)]);
    let copies = fixture.folder.path().join("copies");
    let of_charts = copies.join("charts");
    for number in 0..70 {
        std::fs::create_dir_all(of_charts.join(number.to_string())).unwrap();
    }
    fixture.get(&format!("git::{}", fixture.url())).unwrap();
    let count = |folder: &std::path::Path| std::fs::read_dir(folder).unwrap().count();
    assert_eq!((count(&copies), count(&of_charts)), (1, 64 + 1), "beside those in use");
}
