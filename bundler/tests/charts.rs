//! Charts that bundles name and do not hold, from somewhere that is no network.

#![expect(clippy::unwrap_used, reason = "helpers of the tests")]

use file_tree::{Files, MemoryTree};
use fleet_api::reason::Reason;
use fleet_api::v1alpha1::GitRepo;
use serde_json::json;
use skiff_bundler::charts::{Charts, Error as ChartError, NoCharts, Package, Wanted};
use skiff_bundler::discover::{Cache, Discovery, Plain, Source, discover_with, with_contents};
use std::collections::BTreeSet;

const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

type Listing<'a> = &'a [(&'a str, &'a str)];

fn tree(files: Listing<'_>) -> MemoryTree {
    MemoryTree::from_files(files.iter().copied()).unwrap()
}

fn gitrepo() -> GitRepo {
    serde_json::from_value(json!({
        "apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo",
        "metadata": {"name": "repo", "namespace": "fleet-default"}, "spec": {"repo": "https://git.example.com/r.git"},
    }))
    .unwrap()
}

fn names(discovery: &Discovery) -> Vec<&str> {
    discovery.bundles.iter().map(|found| found.name()).collect()
}

fn failures(discovery: &Discovery) -> Vec<(Reason, &str)> {
    discovery.failed.iter().map(|failure| (failure.note.reason, failure.note.message.as_str())).collect()
}

/// Gives for each chart a package of its own, except for one.
struct Named;

impl Charts for Named {
    fn package(&self, wanted: Wanted<'_>) -> Result<Package, ChartError> {
        if wanted.chart == "away" {
            return Err(ChartError::Unreachable { url: wanted.repo.to_owned(), reason: "gone".to_owned() });
        }
        let bytes = format!("{} {} {}", wanted.repo, wanted.chart, wanted.version);
        Ok(Package { digest: fleet_api::Digest::of(bytes.as_bytes()), bytes: bytes.into_bytes().into() })
    }
}

fn with_charts(files: Listing<'_>) -> Discovery {
    discover_with(&Plain(tree(files)), &gitrepo(), &Named, &mut Cache::default())
}

#[test]
fn charts_that_are_named_are_in_the_tree_of_the_bundle() {
    let fleet = "helm: {repo: 'https://c.example', chart: web, version: ~1}\n\
        targetCustomizations: [{name: a, clusterName: a, helm: {version: '2'}}, {name: b, clusterName: b, helm: {values: {a: 1}}}]\n";
    let found = with_charts(&[("fleet.yaml", fleet)]);
    assert!(found.failed.is_empty() && !found.again, "{found:?}");
    let bundle = &found.bundles[0];
    let contents: BTreeSet<String> = bundle
        .files
        .iter()
        .map(|file| String::from_utf8(bundle.content(&tree(&[]), &file.path).unwrap().into_owned()).unwrap())
        .collect();
    assert_eq!(contents, BTreeSet::from(["https://c.example web ~1".into(), "https://c.example web 2".into()]));
    let stored = with_contents(&tree(&[]), bundle).unwrap();
    let name = &stored.spec.resources[0].name;
    // The directory that Fleet gives it: the digest of `web:https://c.example:~1`, or of the other one.
    assert!(name.starts_with(".chart/") && name.ends_with("/chart.tgz") && name.len() == 7 + 64 + 10, "{name}");
    assert_eq!(
        stored.spec.resources.iter().map(|resource| resource.encoding.as_str()).collect::<Vec<_>>(),
        ["base64+gz"; 2]
    );
    let other = with_charts(&[("fleet.yaml", &fleet.replace("~1", "~3"))]);
    assert_ne!(other.bundles[0].id, bundle.id);
    assert_eq!(with_charts(&[("fleet.yaml", fleet)]).bundles[0].id, bundle.id, "the same input, the same id");
}

#[test]
fn a_chart_that_is_away_loses_its_bundle_alone_and_is_asked_for_again() {
    let found = with_charts(&[
        ("a/fleet.yaml", "helm: {repo: 'https://c.example', chart: away}"),
        ("b/fleet.yaml", "helm: {repo: 'https://c.example', chart: web}"),
    ]);
    assert_eq!(names(&found), ["repo-b"]);
    let [(reason, message)] = failures(&found)[..] else { panic!("{:?}", found.failed) };
    assert_eq!(reason, Reason::RepositoryUnreachable);
    assert_eq!(
        message,
        "a/fleet.yaml:1:42: chart `away` of https://c.example: https://c.example cannot be reached: gone"
    );
    assert_eq!(found.failed[0].bundle.as_deref(), Some("repo-a"), "R13 keeps what it was");
    assert!(found.again);
}

#[test]
fn what_names_a_chart_is_read_again_with_each_commit() {
    struct Same(MemoryTree);
    impl Source for Same {
        fn files(&self) -> &dyn Files {
            &self.0
        }
        fn tree_id(&self, _: &str) -> Option<String> {
            Some("same".to_owned())
        }
    }
    struct Counted(std::cell::Cell<usize>);
    impl Charts for Counted {
        fn package(&self, wanted: Wanted<'_>) -> Result<Package, ChartError> {
            self.0.set(self.0.get() + 1);
            Named.package(wanted)
        }
    }
    let source = Same(tree(&[("fleet.yaml", "helm: {repo: 'https://c.example', chart: web}")]));
    let (charts, mut cache) = (Counted(Default::default()), Cache::default());
    for _ in 0..2 {
        discover_with(&source, &gitrepo(), &charts, &mut cache);
    }
    assert_eq!(charts.0.get(), 2);
}

fn packed(files: Listing<'_>) -> Vec<u8> {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// Packages with the name and version that were asked for.
struct Packages;

impl Charts for Packages {
    fn package(&self, wanted: Wanted<'_>) -> Result<Package, ChartError> {
        let name = wanted.chart.rsplit('/').next().unwrap();
        let version = wanted.version.trim_start_matches(['~', '^']);
        let asked = format!("{}|{}|{}", wanted.repo, wanted.chart, wanted.version);
        let chart = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
        let bytes = packed(&[("x/Chart.yaml", &chart), ("x/asked", &asked)]);
        Ok(Package { digest: fleet_api::Digest::of(&bytes), bytes: bytes.into() })
    }
}

/// The paths of the files that were fetched for a chart in `web/`, with what was asked for.
fn fetched(files: Listing<'_>, charts: &dyn Charts) -> (Vec<String>, Discovery) {
    let found = discover_with(&Plain(tree(files)), &gitrepo(), charts, &mut Cache::default());
    let mut all = Vec::new();
    for (path, bytes) in found.bundles.iter().flat_map(|bundle| &bundle.fetched) {
        let chart = helm_rs::Chart::from_archive(bytes).unwrap();
        let asked = chart.files.iter().find(|file| file.name == "asked").unwrap();
        all.push(format!("{path} {}", String::from_utf8_lossy(&asked.data)));
    }
    (all, found)
}

const WITH_DEPENDENCIES: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n\
    - {name: db, version: ~1.2.0, repository: 'https://c.example'}\n\
    - {name: cache, version: 2.0.0, repository: 'oci://c.example/charts/cache', alias: one}\n\
    - {name: cache, version: 2.0.0, repository: 'oci://c.example/charts/cache', alias: two}\n\
    - {name: near, version: 1.0.0, repository: 'file://../near'}\n\
    - {name: here, version: 1.0.0, repository: 'https://c.example'}\n\
    - {name: local, version: 1.0.0}\n";

fn chart_with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut files = vec![
        ("fleet.yaml", "helm: {chart: web}"),
        ("web/Chart.yaml", WITH_DEPENDENCIES),
        (
            "near/Chart.yaml",
            "{apiVersion: v2, name: near, version: 1.0.0, dependencies: [{name: x, repository: 'https://x'}]}",
        ),
        ("web/charts/here/Chart.yaml", "{apiVersion: v2, name: here, version: 1.0.0}"),
    ];
    files.extend(more);
    files
}

#[test]
fn dependencies_that_a_chart_lacks_are_fetched_into_its_charts() {
    let (all, found) = fetched(&chart_with(&[]), &Packages);
    let cache = "web/charts/cache-2.0.0.tgz |oci://c.example/charts/cache/cache|2.0.0";
    assert_eq!(all, [cache, "web/charts/db-1.2.0.tgz https://c.example|db|~1.2.0"], "{:?}", found.failed);
    assert!(found.bundles[0].notes.is_empty(), "{:?}", found.bundles[0].notes);
    let off = ("fleet.yaml", "helm: {chart: web, disableDependencyUpdate: true}");
    assert!(fetched(&[off, chart_with(&[])[1]], &Packages).0.is_empty());
    let unused = [("fleet.yaml", ""), ("x.yaml", OBJECT), chart_with(&[])[1], chart_with(&[])[2]];
    assert!(fetched(&unused, &Packages).0.is_empty(), "a chart that nothing renders");
}

#[test]
fn the_lock_of_a_chart_settles_versions_while_it_fits() {
    let lock = |version: &str| {
        format!(
            "dependencies: [{{name: db, version: {version}, repository: 'https://c.example'}}, \
            {{name: cache, version: 2.0.0, repository: 'oci://c.example/charts/cache'}}]"
        )
    };
    for (version, asked, notes) in [("1.2.9", "1.2.9", 0), ("1.3.0", "~1.2.0", 1), ("1.2.9-rc.1", "~1.2.0", 1)] {
        let lock = lock(version);
        let (all, found) = fetched(&chart_with(&[("web/Chart.lock", &lock)]), &Packages);
        assert!(all[1].ends_with(&format!("|{asked}")), "{version}: {all:?}");
        let told = &found.bundles[0].notes;
        assert_eq!(told.len(), notes, "{told:?}");
        assert!(told.iter().all(|note| note.message.contains("web/Chart.yaml: Chart.lock has no version of `db`")));
    }
}

#[test]
fn a_dependency_that_cannot_be_had_is_its_bundles_error() {
    let (_, found) = fetched(&chart_with(&[]), &NoCharts);
    let [(_, message)] = failures(&found)[..] else { panic!("{:?}", found.failed) };
    assert!(
        message.starts_with("web/Chart.yaml: dependency: chart `db` of https://c.example, version `~1.2.0`: "),
        "{message}"
    );
    assert!(found.again);
    let named = "{apiVersion: v2, name: web, version: 1.0.0, dependencies: [{name: db, repository: '@mine'}]}";
    let (_, found) = fetched(&[("Chart.yaml", named)], &Packages);
    let [(reason, message)] = failures(&found)[..] else { panic!("{:?}", found.failed) };
    assert!(reason == Reason::InvalidFile && message.contains("`@mine`"), "{message}");
}
