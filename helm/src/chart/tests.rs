use std::io::Write as _;

use file_tree::{MemoryTree, Mode};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

const CHART: &str = "apiVersion: v2\nname: demo\nversion: 0.1.0\n";

fn tree(files: &[(&str, &str)]) -> MemoryTree {
    MemoryTree::from_files(files.iter().map(|(path, text)| (*path, text.as_bytes()))).unwrap()
}

fn package(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, data) in files {
        let mut header = tar::Header::new_gnu();
        // `set_path` refuses what is to be refused here.
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, *data).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn names(files: &[File]) -> Vec<&str> {
    files.iter().map(|file| file.name.as_str()).collect()
}

#[test]
fn a_directory_is_a_chart() {
    let tree = tree(&[
        ("c/Chart.yaml", CHART),
        ("c/README.md", "\u{feff}text"),
        ("c/values.yaml", "a: 1\nb: {c: x}\n"),
        ("c/templates/a.yaml", "a"),
        ("c/templates/.hidden", "no"),
        ("c/charts/sub/Chart.yaml", "name: sub\nversion: '1'\n"),
        ("c/charts/_off/Chart.yaml", "broken: ["),
        ("c/crds/x.yaml", "kind: X"),
        ("c/charts/x.prov", "kept"),
        ("other", "outside"),
    ]);
    let chart = Chart::load(&tree, "c").unwrap();
    assert_eq!(names(&chart.templates), ["templates/a.yaml"]);
    assert_eq!(names(&chart.files), ["README.md", "charts/x.prov", "crds/x.yaml"]);
    assert_eq!(&*chart.files[0].data, b"text");
    assert_eq!(serde_json::Value::Object(chart.values), serde_json::json!({"a": 1.0, "b": {"c": "x"}}));
    let [sub] = chart.dependencies.as_slice() else { panic!("one subchart") };
    assert_eq!((sub.name(), sub.metadata.api_version.as_str()), ("sub", "v1"));
}

#[test]
fn links_lead_through_the_tree_and_not_out_of_it() {
    let mut tree = tree(&[("c/Chart.yaml", CHART), ("shared/a.yaml", "shared")]);
    tree.insert("c/templates", Mode::Symlink, *b"../shared").unwrap();
    assert_eq!(names(&Chart::load(&tree, "c").unwrap().templates), ["templates/a.yaml"]);
    tree.insert("c/out", Mode::Symlink, *b"../../etc/passwd").unwrap();
    assert!(Chart::load(&tree, "c").unwrap_err().to_string().starts_with("out: "));
    tree.insert("c/out", Mode::Symlink, *b".").unwrap();
    let error = Chart::load(&tree, "c").unwrap_err().to_string();
    assert_eq!(error, "the depth of a chart's directories is larger than the maximum of 64");
}

#[test]
fn helmignore_hides_files() {
    let cases: &[(&str, &str, bool, bool)] = &[
        ("*.md", "a/b.md", false, true),
        ("/*.md", "a/b.md", false, false),
        ("a/*", "a/b.md", false, true),
        ("docs/", "docs", false, false),
        ("docs/", "x/docs", true, true),
        ("[a-c]?.txt", "b1.txt", false, true),
        ("[^a-c]?.txt", "b1.txt", false, false),
        ("# *.md\n\n  x  ", "x", false, true),
        ("!keep", "other", false, true),
        ("!keep", "keep", false, false),
        (r"\*", "*", false, true),
        ("", "templates/.swp", false, true),
    ];
    for (rules, path, is_dir, expected) in cases {
        assert_eq!(Rules::parse(rules).unwrap().ignores(path, *is_dir), *expected, "{rules:?} {path}");
    }
    for bad in ["[a", "[]a]", "a/**", "[a-]", "\\"] {
        assert!(Rules::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_package_is_a_chart() {
    let sub = package(&[("sub/Chart.yaml", b"name: sub\nversion: 1.2.3\n")]);
    let bytes = package(&[
        ("demo/Chart.yaml", CHART.as_bytes()),
        ("demo/templates/a.yaml", b"a"),
        ("demo/charts/sub-1.2.3.tgz", &sub),
    ]);
    let chart = Chart::from_archive(&bytes).unwrap();
    assert_eq!(chart.dependencies[0].name(), "sub");
    let mut tree = MemoryTree::new();
    tree.insert("p/demo.tgz", Mode::Regular, bytes).unwrap();
    assert_eq!(Chart::load(&tree, "p/demo.tgz").unwrap(), chart);
}

#[test]
fn packages_cannot_reach_out_or_blow_up() {
    let chart = ("demo/Chart.yaml", CHART.as_bytes());
    let cases: &[(&str, &str)] = &[
        ("demo/../../etc/passwd", "chart illegally references parent directory"),
        ("demo//etc/passwd", "chart illegally contains absolute paths"),
        ("plain", "chart illegally contains content outside the base directory"),
        ("demo/c:/x", "chart contains illegally named files"),
        ("Chart.yaml/x", "chart yaml not in base directory"),
    ];
    for (path, expected) in cases {
        let error = Chart::from_archive(&package(&[chart, (path, b"x")])).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{path}: {error}");
    }
    let zeros = vec![0; (MAX_SIZE + 1) as usize];
    let error = Chart::from_archive(&package(&[chart, ("demo/big", &zeros)])).unwrap_err().to_string();
    assert_eq!(error, "the decompressed chart is larger than the maximum of 104857600");
    for bytes in [&b"\x1f\x8b\x08"[..], b"text", b""] {
        assert!(Chart::from_archive(bytes).is_err());
    }
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(b"no tar").unwrap();
    assert!(Chart::from_archive(&gz.finish().unwrap()).is_err());
}

#[test]
fn packages_in_packages_end() {
    let mut bytes = package(&[("c/Chart.yaml", b"name: c\nversion: 1.2.3\n")]);
    for _ in 0..40 {
        bytes = package(&[("c/Chart.yaml", b"name: c\nversion: 1.2.3\n"), ("c/charts/c.tgz", &bytes)]);
    }
    let error = Chart::from_archive(&bytes).unwrap_err().to_string();
    assert_eq!(error, "the nesting of subcharts is larger than the maximum of 32");
}

#[test]
fn chart_yaml_keeps_helms_rules() {
    let cases: &[(&str, &str)] = &[
        ("version: 1.2.3", "validation: chart.metadata.name is required"),
        ("name: a/b\nversion: 1.2.3", "validation: chart.metadata.name \"a/b\" is invalid"),
        ("name: ..\nversion: 1.2.3", "validation: chart.metadata.name \"..\" is not allowed"),
        ("name: a", "validation: chart.metadata.version is required"),
        ("name: a\nversion: x", "validation: chart.metadata.version \"x\" is invalid"),
        ("name: a\nversion: 1.2\ntype: x", "validation: chart.metadata.type must be application or library"),
        ("name: a\nversion: 1\nmaintainers: [null]", "validation: maintainers must not contain empty or null nodes"),
        (
            "name: a\nversion: 1\ndependencies: [{name: s, alias: 'a b'}]",
            "validation: dependency \"s\" has disallowed characters in the alias",
        ),
        (
            "name: a\nversion: 1\ndependencies: [{name: s}, {name: t, alias: s}]",
            "validation: more than one dependency with name or alias \"s\"",
        ),
        ("apiVersion: v3\nname: a\nversion: 1.2.3", "invalid chart apiVersion"),
        ("apiVersion: v9\nname: a\nversion: 1.2.3", "unsupported chart version"),
    ];
    for (text, expected) in cases {
        let error = Chart::load(&tree(&[("Chart.yaml", text)]), "").unwrap_err();
        assert_eq!(error.to_string(), *expected, "{text}");
    }
    let chart = Chart::load(&tree(&[("Chart.yaml", "name: \"a\\u0007b\"\nversion: 1\nappVersion: 2")]), "").unwrap();
    assert_eq!((chart.name(), chart.metadata.app_version.as_str()), ("ab", "2"));
}

#[test]
fn dependencies_must_be_there() {
    let text = format!("{CHART}dependencies: [{{name: s1}}, {{name: s2}}]\n");
    let chart = Chart::load(&tree(&[("Chart.yaml", &text)]), "").unwrap();
    assert!(chart.check_installable().unwrap_err().to_string().ends_with("missing in charts/ directory: s1, s2"));
    let chart = Chart::load(&tree(&[("Chart.yaml", &format!("{CHART}type: library"))]), "").unwrap();
    assert_eq!(chart.check_installable().unwrap_err().to_string(), "library charts are not installable");
}
