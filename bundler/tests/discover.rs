//! Which bundles come out of a repository, by Fleet's rules; each case is one rule of reference §2.1 to §2.5.

#![expect(clippy::unwrap_used, reason = "helpers of the tests unwrap")]

use file_tree::{Files, MemoryTree, Mode};
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::GitRepo;
use serde_json::{Value, json};
use skiff_bundler::discover::{Cache, Discovery, Plain, Problem, Source, discover};
use std::cell::RefCell;
use std::collections::BTreeSet;

const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
const LFS: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

type Listing<'a> = &'a [(&'a str, &'a str)];

fn tree(files: Listing<'_>) -> MemoryTree {
    MemoryTree::from_files(files.iter().copied()).unwrap()
}

fn gitrepo(mut spec: Value) -> GitRepo {
    spec["repo"] = json!("https://git.example.com/r.git");
    if spec["targets"].is_null() {
        spec["targets"] = json!([{"name": "all", "clusterSelector": {}}]);
    }
    let metadata = json!({"name": "repo", "namespace": "fleet-default"});
    let whole =
        json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo", "metadata": metadata, "spec": spec});
    serde_json::from_value(whole).unwrap()
}

fn find(files: Listing<'_>, spec: Value) -> Discovery {
    discover(&Plain(tree(files)), &gitrepo(spec), &mut Cache::default())
}

fn names(discovery: &Discovery) -> Vec<&str> {
    discovery.bundles.iter().map(|found| found.name()).collect()
}

fn resources(discovery: &Discovery) -> Vec<String> {
    let found = discovery.bundles.iter().find(|found| found.name() == "repo").unwrap();
    found.bundle.spec.resources.iter().map(|resource| resource.name.clone()).collect()
}

fn spec_of(discovery: &Discovery) -> Value {
    let found = discovery.bundles.iter().find(|found| found.name() == "repo").unwrap();
    let mut spec = serde_json::to_value(&found.bundle.spec).unwrap();
    spec.as_object_mut().unwrap().remove("resources");
    spec
}

fn failures(discovery: &Discovery) -> Vec<(Reason, &str)> {
    discovery.failed.iter().map(|failure| (failure.note.reason, failure.note.message.as_str())).collect()
}

#[test]
fn bundles_are_found_where_fleet_finds_them() {
    let a = ("a/x.yaml", OBJECT);
    let table: &[(Listing<'_>, Value, &[&str])] = &[
        (&[("a.yaml", OBJECT)], json!({}), &["repo"]),
        (&[("apps/web/a.yaml", OBJECT), ("b.yaml", OBJECT)], json!({"paths": ["apps/web"]}), &["repo-apps-web"]),
        (&[a, ("b/x.yaml", OBJECT)], json!({"paths": ["/*", "b/"]}), &["repo-a", "repo-b"]),
        (&[a, ("a/fleet.yaml", ""), ("b/y.yaml", OBJECT)], json!({}), &["repo", "repo-a"]),
        (&[a, ("a/fleet.yml", "")], json!({}), &["repo-a"]),
        (&[a, ("a/fleet.yaml", ""), ("fleet.yaml", ""), ("x.yaml", OBJECT)], json!({}), &["repo", "repo-a"]),
        (&[("a/fleet.yaml", "name: own"), ("a/x.txt", "x")], json!({}), &["own"]),
        (&[("a/.h/sub/fleet.yaml", "name: inner"), ("a/.h/sub/x.yaml", OBJECT)], json!({}), &["inner"]),
        (&[(".h/fleet.yaml", ""), (".h/x.yaml", OBJECT), ("y.yaml", OBJECT)], json!({}), &["repo"]),
        (&[(".git/fleet.yaml", ""), (".git/x.yaml", OBJECT), ("y.yaml", OBJECT)], json!({}), &["repo"]),
        (&[a, ("a/b/y.yaml", OBJECT)], json!({"paths": ["a", "a/b"]}), &["repo-a", "repo-a-b"]),
        (&[a], json!({"paths": ["a", "./a", "b/../a/"]}), &["repo-a"]),
        (&[a, ("a/b/y.yaml", OBJECT)], json!({"bundles": [{"base": "a"}]}), &["repo-a"]),
        (
            &[a, ("a/o/d.yaml", "")],
            json!({"bundles": [{"base": "a", "options": "o/d.yaml"}], "paths": ["b"]}),
            &["repo-a-o-d"],
        ),
        (&[("a/x.json", "{}")], json!({"bundles": [{"base": "a"}]}), &["repo-a"]),
    ];
    for (files, spec, expected) in table {
        let discovery = find(files, spec.clone());
        assert_eq!(names(&discovery), *expected, "{files:?} {spec}: {:?}", failures(&discovery));
        // The name of a glob that is no directory of the tree is the one thing that may be said here.
        let other = failures(&discovery).into_iter().filter(|(reason, _)| *reason != Reason::NoBundleFound);
        assert_eq!(other.count(), 0, "{files:?} {spec}");
    }
}

#[test]
fn an_entry_that_gives_nothing_fails_alone() {
    let table = [
        (json!({"paths": ["nope", "a"]}), Reason::NoBundleFound, "`nope` gives no bundle"),
        (json!({"paths": ["no-*", "a"]}), Reason::NoBundleFound, "`no-*` gives no bundle"),
        (json!({"paths": ["only-json", "a"]}), Reason::NoBundleFound, "`only-json` gives no bundle"),
        (json!({"paths": ["empty", "a"]}), Reason::NoBundleFound, "`empty` gives no bundle"),
        (json!({"paths": ["a[", "a"]}), Reason::PathRefused, "syntax error in pattern"),
        (json!({"paths": ["../x", "a"]}), Reason::PathRefused, "leaves the repository"),
        (json!({"paths": ["a/../../x", "a"]}), Reason::PathRefused, "leaves the repository"),
        (json!({"bundles": [{"base": "a"}, {"base": "nope"}]}), Reason::NoBundleFound, "no directory `nope`"),
        (json!({"bundles": [{"base": "a"}, {"base": "../x"}]}), Reason::PathRefused, "leads out of the tree"),
        (
            json!({"bundles": [{"base": "a"}, {"base": "a", "options": "no.yaml"}]}),
            Reason::InvalidFile,
            "a/no.yaml: no such file",
        ),
    ];
    let files = [("a/x.yaml", OBJECT), ("only-json/x.json", "{}"), ("empty/fleet.yaml", "")];
    for (spec, reason, message) in table {
        let discovery = find(&files, spec.clone());
        assert_eq!(names(&discovery), ["repo-a"], "{spec}");
        let [(found, text)] = failures(&discovery)[..] else { panic!("{spec}: {:?}", failures(&discovery)) };
        assert!(found == reason && text.contains(message), "{spec}: {found} {text}");
    }
}

#[test]
fn one_bad_bundle_does_not_lose_the_others() {
    let options = |text| ("bad/fleet.yaml", text);
    let table = [
        (options("helm: ["), Reason::InvalidFleetYaml, "bad/fleet.yaml:"),
        (options("helm:\n  values: 1"), Reason::InvalidFleetYaml, "bad/fleet.yaml:2:11: helm.values:"),
        (
            options("targetCustomizationMode: Best"),
            Reason::InvalidFleetYaml,
            "bad/fleet.yaml:1:26: targetCustomizationMode: `Best`",
        ),
        (options("name: My_Bundle"), Reason::InvalidFleetYaml, "bad/fleet.yaml:1:7: name: `My_Bundle`"),
        (options("helm: {releaseName: A}"), Reason::InvalidFleetYaml, "helm.releaseName: `A` is no name of a release"),
        (
            options("targetCustomizations: [{clusterName: a, helm: {releaseName: 'a b'}}]"),
            Reason::InvalidFleetYaml,
            "fleet.yaml:1:61: targetCustomizations[0].helm.releaseName",
        ),
        (
            options("templating: values\nhelm: {releaseName: 'web-${ .ClusterName }'}"),
            Reason::InvalidFleetYaml,
            "helm.releaseName: `web-${ .ClusterName }` is no name of a release",
        ),
        (
            options("templating: everything"),
            Reason::InvalidFleetYaml,
            "bad/fleet.yaml:1:13: templating: invalid word \"everything\": one of values, all is expected (templating: Skiff's own: where",
        ),
        (
            options("targetCustomizations: [{templating: true}]"),
            Reason::InvalidFleetYaml,
            "bad/fleet.yaml:1:37: targetCustomizations[0].templating: one of the words values, all is expected, found a boolean",
        ),
        (options("dependsOn: [{name: a}, {}]"), Reason::InvalidFleetYaml, "dependsOn[1]: name or selector"),
        (
            options("dependsOn: [{name: a, acceptedStates: [Done]}]"),
            Reason::InvalidFleetYaml,
            "dependsOn[0].acceptedStates[0]: invalid state",
        ),
        (options("labels: {a: 'b c'}"), Reason::InvalidFleetYaml, "`b c` is no valid value of the label `a`"),
        (options("imageScans: [{image: a}]"), Reason::NotSupported, "image scanning is switched off"),
        (options("helm: {chart: c}"), Reason::InvalidFleetYaml, "no directory of the bundle, and no URL"),
        (
            options("helm: {chart: ., valuesFiles: [no.yaml]}"),
            Reason::InvalidFile,
            "helm.valuesFiles: bad/no.yaml: no such file",
        ),
        (options("helm: {chart: ., valuesFiles: [../../x]}"), Reason::PathRefused, "leads out of the tree"),
        (
            options("helm: {repo: 'https://charts.example.com', chart: c}"),
            Reason::NotSupported,
            "of https://charts.example.com",
        ),
        (("bad/fleet.yaml/x", ""), Reason::InvalidFile, "bad/fleet.yaml: is a directory"),
        (("bad/.fleetignore", "a\n["), Reason::InvalidFile, "bad/.fleetignore:2: syntax error in pattern"),
        (("bad/Chart.yaml", "version: 1.0.0"), Reason::InvalidFile, "bad/Chart.yaml: name is required"),
        (
            ("bad/Chart.yaml", "{name: a, version: 1.0.0, dependencies: [{name: b, repository: 'file://../nope'}]}"),
            Reason::InvalidFile,
            "file://../nope is no directory",
        ),
        (("bad/big.bin", LFS), Reason::LfsPointerUnsupported, "bad/big.bin: is a Git LFS pointer"),
    ];
    for (file, reason, message) in table {
        let files = [file, ("bad/x.yaml", OBJECT), ("good/x.yaml", OBJECT)];
        let discovery = find(&files, json!({"paths": ["bad", "good"]}));
        assert_eq!(names(&discovery), ["repo-good"], "{file:?}");
        let [failure] = &discovery.failed[..] else { panic!("{file:?}: {:?}", failures(&discovery)) };
        assert_eq!(failure.dir.as_deref(), Some("bad"), "{file:?}");
        assert!(failure.bundle.is_some(), "{file:?}");
        assert_eq!(failure.note.reason, reason, "{file:?}: {}", failure.note.message);
        assert!(failure.note.message.contains(message), "{file:?}: {}", failure.note.message);
    }
}

#[test]
fn resources_are_the_files_that_fleet_stores() {
    let b = ("b.yaml", "");
    let table: &[(Listing<'_>, &[&str])] = &[
        (&[("README.md", ""), b, ("a.sh", "")], &["README.md", "a.sh", "b.yaml"]),
        (&[("fleet.yaml", ""), b, ("s/fleet.yaml", ""), ("s/b.yaml", "")], &["b.yaml", "s/b.yaml", "s/fleet.yaml"]),
        (&[("fleet.yaml", ""), ("fleet.yml", ""), b], &["b.yaml", "fleet.yml"]),
        (&[(".hidden", ""), (".d/b.yaml", ""), b], &["b.yaml"]),
        (
            &[(".fleetignore", "skip*\ndocs/*\n"), ("skip.yaml", ""), ("s/skipped", ""), ("x/docs/a", ""), b],
            &["b.yaml"],
        ),
        (
            &[("d/.fleetignore", "*.yaml"), ("d/a.yaml", ""), ("d2/a.yaml", ""), ("d.yaml", "")],
            &["d.yaml", "d2/a.yaml"],
        ),
        (
            &[("fleet.yaml", "helm: {valuesFiles: [e/v.yaml]}"), ("e/v.yaml", ""), ("v.yaml", ""), ("e/w.yaml", "")],
            &["e/w.yaml"],
        ),
    ];
    for (files, expected) in table {
        assert_eq!(resources(&find(files, json!({}))), *expected, "{files:?}");
    }
}

#[test]
fn links_are_followed_inside_the_bundle_only() {
    let mut files = tree(&[("a/x.yaml", OBJECT), ("secret.yaml", "s"), ("a/real/y.yaml", OBJECT)]);
    files.insert("a/link.yaml", Mode::Symlink, &b"x.yaml"[..]).unwrap();
    let discovery = discover(&Plain(&files), &gitrepo(json!({"paths": ["a"]})), &mut Cache::default());
    let found = &discovery.bundles[0].files;
    assert_eq!((found[0].path.as_str(), found[0].digest), ("link.yaml", found[2].digest));
    for (target, message) in [
        ("../secret.yaml", "out of the bundle's directory"),
        ("real", "symbolic link to the directory a/real"),
        ("nope", "no such file"),
        ("/etc/passwd", "leads out of the tree"),
        ("../../x", "leads out of the tree"),
        ("link.yaml", "symbolic links"),
    ] {
        files.insert("a/link.yaml", Mode::Symlink, target.as_bytes()).unwrap();
        let discovery = discover(&Plain(&files), &gitrepo(json!({"paths": ["a"]})), &mut Cache::default());
        assert_eq!(names(&discovery), Vec::<&str>::new(), "{target}");
        let [(reason, text)] = failures(&discovery)[..] else { panic!("{target}: {:?}", failures(&discovery)) };
        assert!(reason == Reason::PathRefused && text.contains(message), "{target}: {text}");
    }
}

#[test]
fn options_of_the_gitrepo_lie_over_those_of_the_file() {
    let fleet_yaml = "namespace: a\nserviceAccount: b\nforceSyncGeneration: 5\n\
                      correctDrift: {enabled: true, keepFailHistory: true}\n\
                      targetCustomizations: [{clusterName: c, namespace: d}]\n";
    let spec = json!({"targetNamespace": "n", "serviceAccount": "s", "paused": true, "keepResources": true,
                      "deleteNamespace": true, "correctDrift": {"enabled": true, "force": true},
                      "targets": [{"clusterGroup": "g"}]});
    let discovery = find(&[("fleet.yaml", fleet_yaml), ("x.yaml", OBJECT)], spec);
    let expected = json!({
        "namespace": "n", "serviceAccount": "s", "paused": true, "keepResources": true, "deleteNamespace": true,
        "correctDrift": {"enabled": true, "force": true},
        "targets": [{"name": "target000", "clusterName": "c", "namespace": "n"}, {"clusterGroup": "g", "namespace": "n"}],
        "targetRestrictions": [{"clusterGroup": "g"}],
    });
    assert_eq!(spec_of(&discovery), expected);
}

#[test]
fn targets_are_put_together_as_in_fleet() {
    let group = json!({"name": "default", "clusterGroup": "default"});
    let all = json!({"name": "all", "clusterSelector": {}});
    let own = |name: &str, cluster: &str| json!({"name": name, "clusterName": cluster});
    let named = |cluster: &str| json!({"clusterName": cluster});
    let table = [
        ("", json!({"targets": []}), json!([group]), json!([group])),
        ("overrideTargets: [{clusterName: a}]", json!({}), json!([named("a")]), json!([named("a")])),
        ("overrideTargets: []", json!({}), json!([group]), Value::Null),
        ("overrideTargets: null", json!({}), json!([all]), json!([all])),
        (
            "overrideTargets: []\ntargetCustomizations: [{clusterName: a}]",
            json!({}),
            json!([own("target000", "a")]),
            Value::Null,
        ),
        (
            "targets: [{clusterName: a}]\ntargetCustomizations: [{clusterName: b, name: x}, {clusterName: c}]",
            json!({"targets": [{"clusterName": "d"}]}),
            json!([own("target000", "a"), own("x", "b"), own("target002", "c"), named("d")]),
            json!([named("d")]),
        ),
    ];
    for (fleet_yaml, spec, targets, restrictions) in table {
        let spec = spec_of(&find(&[("fleet.yaml", fleet_yaml), ("x.yaml", OBJECT)], spec));
        assert_eq!(spec["targets"], targets, "{fleet_yaml}");
        assert_eq!(spec["targetRestrictions"], restrictions, "{fleet_yaml}");
    }
}

#[test]
fn values_files_are_merged_when_the_bundle_is_made() {
    let fleet_yaml = "helm: {chart: web, version: 1.0.0, values: {a: 1, m: {x: 1, k: [1]}}, valuesFiles: [f.yaml, g.yaml]}\n\
                      targetCustomizations: [{clusterName: c, helm: {valuesFiles: [h.yaml]}}, {clusterName: d}]";
    let files = [
        ("fleet.yaml", fleet_yaml),
        ("f.yaml", "m: {k: [2], z: null}\nbig: 9007199254740993\n"),
        ("g.yaml", "# empty\n"),
        ("h.yaml", "a: h\n"),
        ("web/Chart.yaml", "{name: web, version: 1.0.0}"),
    ];
    let discovery = find(&files, json!({}));
    let spec = spec_of(&discovery);
    let merged = json!({"a": 1, "m": {"x": 1, "k": [2], "z": null}, "big": 9_007_199_254_740_993_i64});
    assert_eq!(spec["helm"]["values"], merged);
    let target = json!({"chart": "web", "version": "1.0.0", "values": {"a": "h"}, "valuesFiles": ["h.yaml"]});
    assert_eq!(spec["targets"][0]["helm"], target);
    assert_eq!(spec["targets"][1]["helm"], Value::Null);
    assert_eq!(resources(&discovery), ["web/Chart.yaml"]);

    // Without a chart the values files of the bundle are in neither, as in Fleet.
    let files = [("fleet.yaml", "helm: {valuesFiles: [f.yaml]}"), ("f.yaml", "a: 1"), ("x.yaml", OBJECT)];
    assert_eq!(spec_of(&find(&files, json!({})))["helm"], json!({"valuesFiles": ["f.yaml"]}));
}

#[test]
fn a_namespace_that_is_no_name_has_a_place() {
    for (fleet, place) in [
        ("helm: {}\ndefaultNamespace: No_Name\n", "a/fleet.yaml:2:19"),
        ("namespace: a.b\n", "a/fleet.yaml:1:12"),
        ("targetCustomizations:\n- clusterSelector: {}\n  defaultNamespace: No_Name\n", "a/fleet.yaml:3:21"),
    ] {
        let discovery = find(&[("a/fleet.yaml", fleet), ("a/x.yaml", OBJECT)], json!({}));
        let note = &discovery.bundles[0].notes[0];
        assert_eq!((note.reason, note.file.as_str()), (Reason::InvalidFleetYaml, place), "{}", note.message);
        assert!(note.message.starts_with(place), "{}", note.message);
    }
    // What the GitRepo says is no matter of the file.
    let discovery = find(&[("a/x.yaml", OBJECT)], json!({"targetNamespace": "No_Name"}));
    assert_eq!(discovery.bundles[0].notes, []);
}

#[test]
fn two_bundles_of_one_name_keep_the_first() {
    let discovery = find(&[("a/b/x.yaml", OBJECT), ("a-b/x.yaml", OBJECT)], json!({"paths": ["a/b", "a-b"]}));
    assert_eq!(names(&discovery), ["repo-a-b"]);
    assert_eq!(discovery.bundles[0].dir, "a/b");
    let message = "two bundles are called `repo-a-b`: the one of `a/b` and the one of `a-b`; the first is kept";
    assert_eq!(failures(&discovery), [(Reason::DuplicateBundleName, message)]);
    assert_eq!(discovery.failed[0].note.file, "a-b");
    let named = "defaultNamespace: x\nname: twin\n";
    let files = [("a/fleet.yaml", named), ("a/x.yaml", OBJECT), ("b/fleet.yaml", named), ("b/x.yaml", OBJECT)];
    assert_eq!(find(&files, json!({})).failed[0].note.file, "b/fleet.yaml:2:7");
}

#[test]
fn the_id_follows_what_is_deployed_and_nothing_else() {
    let id = |files: Listing<'_>, spec: Value| find(files, spec).bundles[0].id;
    let first = id(&[("x.yaml", "1"), ("c/fleet.yaml", ""), ("c/y.yaml", "1")], json!({}));
    let child = id(&[("x.yaml", "1"), ("c/fleet.yaml", ""), ("c/y.yaml", "2")], json!({}));
    assert_eq!(first, child, "a nested bundle is no part of a raw parent");
    assert_eq!(first, id(&[("x.yaml", "1"), ("c/fleet.yaml", "")], json!({"branch": "other"})));
    assert_ne!(first, id(&[("x.yaml", "2"), ("c/fleet.yaml", "")], json!({})));
    assert_ne!(first, id(&[("x.yaml", "1"), ("c/fleet.yaml", "")], json!({"targetNamespace": "n"})));
    let kustomized = |child| id(&[("kustomization.yaml", ""), ("c/fleet.yaml", ""), ("c/y.yaml", child)], json!({}));
    assert_ne!(kustomized("1"), kustomized("2"), "a kustomization may read a nested bundle");
}

/// A tree with ids, that notes what is read.
struct Counted {
    files: MemoryTree,
    read: RefCell<BTreeSet<String>>,
    problems: Vec<Problem>,
}

impl Counted {
    fn new(files: Listing<'_>) -> Self {
        Self { files: tree(files), read: RefCell::default(), problems: Vec::new() }
    }
}

impl Files for Counted {
    fn entry(&self, path: &str) -> Option<file_tree::Entry> {
        self.files.entry(path)
    }
    fn stored(&self, path: &str) -> Result<std::borrow::Cow<'_, [u8]>, file_tree::Error> {
        self.read.borrow_mut().insert(path.to_owned());
        self.files.stored(path)
    }
    fn list_under(&self, dir: &str) -> Vec<file_tree::Entry> {
        self.files.list_under(dir)
    }
    fn is_dir(&self, path: &str) -> bool {
        self.files.is_dir(path)
    }
}

impl Source for Counted {
    fn files(&self) -> &dyn Files {
        self
    }
    fn tree_id(&self, dir: &str) -> Option<String> {
        let all = self.files.list_under(dir);
        let all: Vec<_> = all.iter().map(|entry| (&entry.path, self.files.shared(&entry.path))).collect();
        Some(format!("{all:?}"))
    }
    fn problems(&self, dir: &str) -> Vec<Problem> {
        self.problems.iter().filter(|problem| problem.path.starts_with(dir)).cloned().collect()
    }
}

#[test]
fn unchanged_directories_are_not_read_again() {
    let mut cache = Cache::default();
    let mut source = Counted::new(&[
        ("a/fleet.yaml", "namespace: x"),
        ("a/x.yaml", OBJECT),
        ("b/fleet.yaml", ""),
        ("b/x.yaml", OBJECT),
    ]);
    let first = discover(&source, &gitrepo(json!({})), &mut cache);
    source.read.take();
    source.files.insert("b/x.yaml", Mode::Regular, &b"kind: A"[..]).unwrap();
    let second = discover(&source, &gitrepo(json!({})), &mut cache);
    assert_eq!(source.read.take(), BTreeSet::from(["b/fleet.yaml".to_owned(), "b/x.yaml".to_owned()]));
    assert_eq!(first.bundles[0], second.bundles[0]);
    assert_ne!(first.bundles[1].id, second.bundles[1].id);
    let third = discover(&source, &gitrepo(json!({"targetNamespace": "n"})), &mut cache);
    assert_ne!(third.bundles[0].id, second.bundles[0].id, "another GitRepo, another bundle");
    assert!(source.read.take().contains("a/x.yaml"));
}

#[test]
fn values_above_the_bundle_are_told_of_and_never_out_of_date() {
    let mut cache = Cache::default();
    let fleet_yaml = "helm: {chart: ., valuesFiles: [../common.yaml]}";
    let files = [("a/fleet.yaml", fleet_yaml), ("a/Chart.yaml", "{name: a, version: 1.0.0}"), ("common.yaml", "x: 1")];
    let mut source = Counted::new(&files);
    let first = discover(&source, &gitrepo(json!({"paths": ["a"]})), &mut cache);
    assert!(first.bundles[0].notes[0].message.contains("above the bundle's directory"));
    source.files.insert("common.yaml", Mode::Regular, &b"x: 2"[..]).unwrap();
    let second = discover(&source, &gitrepo(json!({"paths": ["a"]})), &mut cache);
    assert_ne!(first.bundles[0].id, second.bundles[0].id);
}

#[test]
fn a_submodule_in_a_bundle_is_that_bundles_error() {
    let note = Note::new(Reason::SubmoduleUnsupported, "a/lib: is a git submodule");
    let mut source = Counted::new(&[("a/x.yaml", OBJECT), ("b/x.yaml", OBJECT)]);
    source.problems = vec![Problem { path: "a/lib".into(), note }];
    let discovery = discover(&source, &gitrepo(json!({"paths": ["a", "b"]})), &mut Cache::default());
    assert_eq!(names(&discovery), ["repo-b"]);
    assert_eq!(failures(&discovery), [(Reason::SubmoduleUnsupported, "a/lib: is a git submodule")]);
}

/// A bundle whose kustomization leads through a base above it to another one, and what lies beside them.
const OVERLAY: &[(&str, &str)] = &[
    ("apps/web/kustomization.yaml", "resources: [../../base, own.yaml]\ntransformers: [label.yaml]\n"),
    ("apps/web/label.yaml", "kind: PatchTransformer\npath: ../never/read.yaml\n"),
    ("apps/web/own.yaml", OBJECT),
    (
        "base/kustomization.yaml",
        "resources: [x.yaml, ../more]\nconfigMapGenerator:\n- {name: m, files: [k=app.conf]}\n",
    ),
    ("base/x.yaml", OBJECT),
    ("base/app.conf", "a"),
    ("base/README.md", "a"),
    ("more/kustomization.yml", "components: [../base/part]\npatches:\n- path: deep/p.yaml\n"),
    ("more/deep/p.yaml", OBJECT),
    ("base/part/Kustomization", "kind: Component\nhelmCharts: [{name: c}]\n"),
    ("base/part/charts/c/Chart.yaml", "name: c"),
    ("base/part/charts/c/templates/t.yaml", "t"),
];

fn overlay_changed(path: &str, content: &str) -> Discovery {
    let mut files = OVERLAY.to_vec();
    files.retain(|(known, _)| *known != path);
    files.push((path, content));
    find(&files, json!({"paths": ["apps/web"]}))
}

#[test]
fn what_a_kustomization_reads_outside_of_the_bundle_belongs_to_it() {
    let discovery = find(OVERLAY, json!({"paths": ["apps/web"]}));
    let found = &discovery.bundles[0];
    let outside: Vec<String> = found
        .files
        .iter()
        .filter_map(|file| {
            file.path.strip_prefix(".outside/").map(|path| format!("{path} {}", found.place_of(&file.path)))
        })
        .collect();
    let expected = [
        "base/app.conf",
        "base/kustomization.yaml",
        "base/part/Kustomization",
        "base/part/charts/c/Chart.yaml",
        "base/part/charts/c/templates/t.yaml",
        "base/x.yaml",
        "more/deep/p.yaml",
        "more/kustomization.yml",
    ];
    assert_eq!(outside, expected.map(|path| format!("{path} {path}")));
    let listed = discovery.bundles[0].bundle.spec.resources.iter().filter(|file| file.name.starts_with(".outside/"));
    assert_eq!(listed.count(), expected.len());
}

#[test]
fn the_id_follows_the_bases_and_not_what_lies_beside_them() {
    let first = find(OVERLAY, json!({"paths": ["apps/web"]})).bundles[0].id;
    for path in ["base/app.conf", "base/x.yaml", "more/deep/p.yaml", "base/part/charts/c/templates/t.yaml"] {
        assert_ne!(overlay_changed(path, "changed: b").bundles[0].id, first, "{path}");
    }
    for path in ["base/README.md", "more/other.yaml", "apps/other/x.yaml"] {
        assert_eq!(overlay_changed(path, "changed: b").bundles[0].id, first, "{path}");
    }
    let lfs = overlay_changed("base/x.yaml", LFS);
    assert_eq!(lfs.failed[0].note.reason, Reason::LfsPointerUnsupported);
}

#[test]
fn a_changed_base_is_seen_though_the_directory_is_unchanged() {
    let mut cache = Cache::default();
    let mut source = Counted::new(OVERLAY);
    let repository = gitrepo(json!({"paths": ["apps/web"]}));
    let first = discover(&source, &repository, &mut cache);
    source.files.insert("base/x.yaml", Mode::Regular, &b"changed: b"[..]).unwrap();
    let second = discover(&source, &repository, &mut cache);
    assert_ne!(first.bundles[0].id, second.bundles[0].id);
}

#[test]
fn charts_that_a_chart_depends_on_belong_to_its_bundle_wherever_they_lie() {
    let chart = |name: &str, dependencies: &str| {
        format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\ndependencies: [{dependencies}]\n")
    };
    let on = |name: &str, path: &str| format!("{{name: {name}, version: 1.0.0, repository: 'file://{path}'}}");
    let (web, lib, far) = (
        chart("web", &[on("lib", "../lib"), on("far", "../../../charts/far")].join(", ")),
        chart("lib", &on("farther", "../../../charts/farther")),
        chart("far", &[on("web", "../../apps/shop/web"), on("gone", "../gone")].join(", ")),
    );
    let farther = chart("farther", "");
    let files = [
        ("apps/shop/fleet.yaml", "helm: {chart: web}"),
        ("apps/shop/web/Chart.yaml", web.as_str()),
        ("apps/shop/lib/Chart.yaml", lib.as_str()),
        ("charts/far/Chart.yaml", far.as_str()),
        ("charts/far/templates/a.yaml", OBJECT),
        ("charts/farther/Chart.yaml", farther.as_str()),
        ("charts/beside/Chart.yaml", farther.as_str()),
    ];
    let outside = |files: &[(&str, &str)]| -> Vec<String> {
        let discovery = find(files, json!({"paths": ["apps/shop"]}));
        let paths = discovery.bundles[0].files.iter().map(|file| file.path.as_str());
        paths.filter_map(|path| path.strip_prefix(".outside/")).map(str::to_owned).collect()
    };
    let expected = ["charts/far/Chart.yaml", "charts/far/templates/a.yaml", "charts/farther/Chart.yaml"];
    assert_eq!(outside(&files), expected);
    let mut off = files;
    off[0].1 = "helm: {chart: web, disableDependencyUpdate: true}";
    assert_eq!(outside(&off), [] as [&str; 0]);
}

#[test]
fn bases_that_lead_in_circles_or_nowhere_end() {
    let discovery = find(
        &[
            ("a/kustomization.yaml", "resources: [../b, ../gone, ../../out, ../l]\n"),
            ("b/kustomization.yaml", "resources: [../a, ../b, .]\n"),
        ],
        json!({"paths": ["a"]}),
    );
    let paths: Vec<&str> = discovery.bundles[0].files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["kustomization.yaml", ".outside/b/kustomization.yaml"]);
}

/// As in Fleet the clusters fail that would get it, and not the bundle; its author is told before that.
#[test]
fn what_cannot_be_copied_from_the_hub_is_told_with_its_place() {
    let text = "downstreamResources:\n- {kind: secret, name: good}\n- {kind: Pod, name: good}\n- {kind: configmap, name: A_b}\n- {}\n\
                targetCustomizations:\n- clusterName: a\n  downstreamResources: [{kind: Secret, name: ../x}]\n";
    let discovery = find(&[("a/fleet.yaml", text), ("a/x.yaml", OBJECT)], json!({"paths": ["a"]}));
    let notes: Vec<_> = discovery.bundles[0].notes.iter().map(|note| note.message.as_str()).collect();
    let name = "is no name of an object: at most 253 of a-z, 0-9, `-` and `.` are allowed";
    assert_eq!(
        notes,
        [
            "a/fleet.yaml:3:10: downstreamResources[1].kind: `Pod` is not copied from the hub: Secret or ConfigMap is expected"
                .to_owned(),
            format!("a/fleet.yaml:4:27: downstreamResources[2].name: `A_b` {name}"),
            "a/fleet.yaml:5:3: downstreamResources[3]: `` is not copied from the hub: Secret or ConfigMap is expected"
                .to_owned(),
            format!("a/fleet.yaml:5:3: downstreamResources[3]: `` {name}"),
            format!("a/fleet.yaml:8:46: targetCustomizations[0].downstreamResources[0].name: `../x` {name}"),
        ]
    );
}
