//! What the trees give, at the crate's public entry.

#![expect(clippy::unwrap_used, reason = "a helper of the tests unwraps")]

use file_tree::{DirTree, Error, Files, MemoryTree, Mode, Subtree, clean_join, normalise, resolve};

fn sample() -> MemoryTree {
    let mut tree = MemoryTree::from_files([
        ("apps/web/deployment.yaml", "kind: Deployment"),
        ("apps/web/charts/a/Chart.yaml", "name: a"),
        ("apps/web-old/x", "x"),
        ("apps/web.yaml", "y"),
        ("shared/common.yaml", "kind: ConfigMap"),
    ])
    .unwrap();
    for (path, target) in [
        ("apps/web/common.yaml", "../../shared/common.yaml"),
        ("apps/web/lib", "../../shared"),
        ("apps/web/out", "../../../etc/passwd"),
        ("apps/web/absolute", "/etc/passwd"),
        ("apps/web/loop", "loop"),
        ("apps/web/gone", "nothing"),
    ] {
        tree.insert(path, Mode::Symlink, target.as_bytes()).unwrap();
    }
    tree
}

#[test]
fn paths_are_normalised_or_refused() {
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("", "a/b", Some("a/b")),
        ("a", "./b//c/", Some("a/b/c")),
        ("a/b", "../c", Some("a/c")),
        ("a", "..", Some("")),
        ("a", "../..", None),
        ("", "..", None),
        ("a", "/etc", None),
        ("a", "b\0", None),
        ("a", "b/../../../c", None),
        ("a", "..b", Some("a/..b")),
    ];
    for (base, relative, want) in cases {
        assert_eq!(clean_join(base, relative).ok().as_deref(), *want, "{base:?} + {relative:?}");
    }
    assert_eq!(normalise("./a/./b/..").unwrap(), "a");
}

#[test]
fn reading_follows_links_inside_the_tree_only() {
    let tree = sample();
    for (path, want) in [
        ("apps/web/common.yaml", Ok("kind: ConfigMap")),
        ("apps/web/lib/common.yaml", Ok("kind: ConfigMap")),
        (
            "apps/web/out",
            Err("apps/web/out: the symbolic link apps/web/out -> ../../../etc/passwd leads out of the tree"),
        ),
        (
            "apps/web/absolute",
            Err("apps/web/absolute: the symbolic link apps/web/absolute -> /etc/passwd leads out of the tree"),
        ),
        ("apps/web/loop", Err("apps/web/loop: more than 40 symbolic links, or links that lead to each other")),
        ("apps/web/gone", Err("apps/web/gone: no such file")),
        ("apps/web", Err("apps/web: is a directory, not a file")),
        ("apps/web/lib", Err("apps/web/lib: is a directory, not a file")),
        ("nothing", Err("nothing: no such file")),
        ("apps/web.yaml/x", Err("apps/web.yaml/x: apps/web.yaml is a file, not a directory")),
    ] {
        let got = tree.read_text(path).map(|text| text.into_owned()).map_err(|e| e.to_string());
        assert_eq!(got, want.map(str::to_owned).map_err(str::to_owned), "{path}");
    }
    assert_eq!(resolve(&tree, "apps/web/lib").unwrap(), "shared");
}

#[test]
fn a_directory_lists_its_own_names_sorted() {
    let tree = sample();
    let names = |dir: &str| tree.list_dir(dir).into_iter().map(|e| (e.name.clone(), e.is_dir())).collect::<Vec<_>>();
    let owned = |list: &[(&str, bool)]| list.iter().map(|(n, d)| ((*n).to_owned(), *d)).collect::<Vec<_>>();
    assert_eq!(names(""), owned(&[("apps", true), ("shared", true)]));
    assert_eq!(names("apps"), owned(&[("web", true), ("web-old", true), ("web.yaml", false)]));
    assert_eq!(names("nothing"), owned(&[]));
    assert!(tree.is_dir("apps/web") && !tree.is_dir("apps/we") && !tree.is_dir("apps/web.yaml"));
}

#[test]
fn a_subtree_keeps_to_its_directory() {
    let tree = sample();
    let sub = Subtree::new(&tree, "apps/web");
    assert_eq!(sub.list_under("charts")[0].path, "charts/a/Chart.yaml");
    assert_eq!(sub.read_text("common.yaml").unwrap(), "kind: ConfigMap", "a link may use the whole tree");
    assert!(matches!(sub.read("../../shared/common.yaml"), Err(Error::Outside { .. })));
    assert!(sub.entry("../web.yaml").is_none());
    assert!(Subtree::new(&tree, "").list() == tree.list());
}

#[test]
fn a_file_and_a_directory_cannot_share_a_name() {
    let mut tree = sample();
    assert!(matches!(tree.insert("apps", Mode::Regular, *b"x"), Err(Error::IsDirectory { .. })));
    assert!(matches!(tree.insert("apps/web.yaml/x", Mode::Regular, *b"x"), Err(Error::NotADirectory { .. })));
    assert!(matches!(tree.insert(".", Mode::Regular, *b"x"), Err(Error::IsDirectory { .. })));
}

#[cfg(unix)]
#[test]
#[expect(clippy::disallowed_methods, reason = "the test makes the directory that is read")]
fn a_directory_on_disk_is_the_same_tree_without_git_and_without_leaving() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "s").unwrap();
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    std::fs::create_dir_all(at("a/b")).unwrap();
    std::fs::create_dir_all(at(".git")).unwrap();
    std::fs::write(at(".git/config"), "x").unwrap();
    std::fs::write(at("a/b/run.sh"), "echo").unwrap();
    std::fs::set_permissions(at("a/b/run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(at("a/x.yaml"), "x: 1").unwrap();
    symlink("x.yaml", at("a/link.yaml")).unwrap();
    symlink(outside.path().join("secret"), at("a/escape")).unwrap();
    symlink(outside.path(), at("a/out")).unwrap();

    let tree = DirTree::open(root.path()).unwrap();
    let listed: Vec<_> = tree.list().into_iter().map(|e| (e.path, e.mode)).collect();
    let want = [
        ("a/b/run.sh", Mode::Executable),
        ("a/escape", Mode::Symlink),
        ("a/link.yaml", Mode::Symlink),
        ("a/out", Mode::Symlink),
        ("a/x.yaml", Mode::Regular),
    ];
    assert_eq!(listed, want.map(|(p, m)| (p.to_owned(), m)));
    assert_eq!(tree.entry("a/x.yaml").unwrap().size, 4);
    assert_eq!(tree.read_text("a/link.yaml").unwrap(), "x: 1");
    assert!(matches!(tree.read("a/escape"), Err(Error::LinkOutside { .. })));
    assert!(matches!(tree.read("a/out/secret"), Err(Error::LinkOutside { .. })));
}
