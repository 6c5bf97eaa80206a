//! Advisories of others, replayed against the search for bundles (docs/ADVISORIES.md).

use super::{Cache, Discovery, Plain, Problem, Source, discover};
use file_tree::{Files, MemoryTree, Mode};
use fleet_api::reason::Reason;
use fleet_api::v1alpha1::GitRepo;
use serde_json::{Value, json};

const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
/// What another tenant of the hub has in a repository of its own, and what lies on the hub's disk.
const CANARY: &str = "canary-of-tenant-b";

fn gitrepo(spec: Value) -> GitRepo {
    let mut spec = spec;
    spec["repo"] = json!("https://git.example.com/r.git");
    let metadata = json!({"name": "repo", "namespace": "tenant-a"});
    serde_json::from_value(
        json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo", "metadata": metadata, "spec": spec}),
    )
    .unwrap()
}

fn find(tree: &MemoryTree, spec: Value) -> Discovery {
    discover(&Plain(tree), &gitrepo(spec), &mut Cache::default())
}

/// A tree that claims an id of git's for its directories.
struct Claimed(MemoryTree);

impl Source for Claimed {
    fn files(&self) -> &dyn Files {
        &self.0
    }
    fn tree_id(&self, _: &str) -> Option<String> {
        Some("0123456789abcdef0123456789abcdef01234567".into())
    }
    fn problems(&self, _: &str) -> Vec<Problem> {
        Vec::new()
    }
}

/// SHA-1 collisions: two contents under one id of git's. What is deployed goes by the SHA-256 of its own bytes.
#[test]
fn c30_two_contents_under_one_id_of_git_are_two_bundles() {
    let bundle = |text: &str| {
        let source = Claimed(MemoryTree::from_files([("a/x.yaml", text)]).unwrap());
        let found = discover(&source, &gitrepo(json!({"paths": ["a"]})), &mut Cache::default());
        (found.bundles[0].id, found.bundles[0].files[0].digest)
    };
    let (good, bad) = (bundle(OBJECT), bundle(&OBJECT.replace("name: a", "name: evil")));
    assert_ne!(good.0, bad.0);
    assert_eq!(good.1, fleet_api::Digest::of(OBJECT.as_bytes()));
    assert_ne!(good.1, bad.1);
}

/// CVE-2022-24877, -24878 (Flux), CVE-2026-47680: a path of the configuration left the source.
#[test]
fn c31_no_path_of_a_gitrepo_leaves_the_repository() {
    let tree = MemoryTree::from_files([("a/x.yaml", OBJECT)]).unwrap();
    for path in ["..", "../x", "a/../../x", "a/./../..", "./../a/../../etc"] {
        let told = |spec: Value| {
            let found = find(&tree, spec);
            assert!(found.bundles.is_empty(), "{path}");
            found.failed[0].note.reason
        };
        assert_eq!(told(json!({"paths": [path]})), Reason::PathRefused, "{path}");
        assert_eq!(told(json!({"bundles": [{"base": path}]})), Reason::PathRefused, "{path}");
        assert_eq!(
            told(json!({"bundles": [{"base": "a", "options": format!("../{path}")}]})),
            Reason::PathRefused,
            "{path}"
        );
    }
    // As Fleet takes them, these are names in the repository, and there is none of them.
    for path in ["/etc", "//etc", "C:\\x", "C:/x", "\\..\\..\\x"] {
        let found = find(&tree, json!({"paths": [path]}));
        assert!(found.bundles.is_empty() && !found.failed.is_empty(), "{path}");
    }
}

/// CVE-2022-24348, -24730, -24731, -24904, -31036, CVE-2023-40026 (Argo CD): values files and dependencies of a chart
/// read the files of other tenants, on a disk that all of them shared.
#[test]
fn c32_values_and_dependencies_are_read_from_the_own_repository_alone() {
    // On the disk of the machine, where a path that leads out would find it.
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(outside.path(), format!("leaked: {CANARY}\n")).unwrap();
    let absolute = outside.path().display().to_string();
    let up = format!("{}{absolute}", "../".repeat(30));
    let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
    let found = |edit: &dyn Fn(&mut MemoryTree)| {
        let mut tree = MemoryTree::from_files([
            ("a/x.yaml", OBJECT),
            ("a/fleet.yaml", "helm: {chart: web, valuesFiles: [v.yaml]}\n"),
            ("a/v.yaml", "own: 1\n"),
            ("a/web/Chart.yaml", chart),
        ])
        .unwrap();
        edit(&mut tree);
        find(&tree, json!({"paths": ["a"], "targets": [{"clusterName": "c"}]}))
    };
    assert_eq!(found(&|_| {}).bundles.len(), 1, "the chart itself is right");
    for target in [absolute.as_str(), &up, &format!("file://{absolute}"), "/proc/self/environ", "/dev/zero"] {
        let named = format!("helm: {{chart: web, valuesFiles: ['{target}']}}\n");
        let dependency = format!("{chart}dependencies: [{{name: b, version: 1.0.0, repository: 'file://{target}'}}]\n");
        let edits: [&dyn Fn(&mut MemoryTree); 4] = [
            &|tree| drop(tree.insert("a/fleet.yaml", Mode::Regular, named.as_bytes())),
            &|tree| drop(tree.insert("a/v.yaml", Mode::Symlink, target.as_bytes())),
            &|tree| drop(tree.insert("a/web/values.yaml", Mode::Symlink, target.as_bytes())),
            &|tree| drop(tree.insert("a/web/Chart.yaml", Mode::Regular, dependency.as_bytes())),
        ];
        for (number, edit) in edits.iter().enumerate() {
            let found = found(edit);
            assert!(found.bundles.is_empty() && found.failed.len() == 1, "{target} {number}: {found:?}");
            assert!(!format!("{found:?}").contains(CANARY), "{target} {number}: {found:?}");
        }
    }
}
