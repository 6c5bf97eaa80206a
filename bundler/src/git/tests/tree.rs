//! The files of a commit, as engines see them.

use file_tree::{Files, Mode};

use super::super::{Cap, CommitTree, ProblemKind, lfs_pointer};
use super::*;

async fn tree_of(fixture: &Fixture, limits: &Limits) -> Result<CommitTree, Error> {
    let remote = fixture.file_remote();
    let fetched = pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await?;
    Repository::open(&fixture.cache(), &remote)?.tree(fetched.commit, limits).await
}

#[tokio::test]
async fn engines_read_files_links_and_modes_from_a_commit() {
    let fixture = Fixture::new();
    let file = fixture.source.blob(b"kind: Pod").unwrap();
    let link = fixture.source.blob(b"a.yaml").unwrap();
    let web = fixture.raw_tree(&[("100644", b"a.yaml", file), ("120000", b"link", link), ("100755", b"run.sh", file)]);
    let root = fixture.raw_tree(&[("40000", b"web", web), ("100644", b"web.yaml", file), ("40000", b"web0", web)]);
    fixture.commit_tree("main", None, root);
    let tree = tree_of(&fixture, &Limits::default()).await.unwrap();
    let listed: Vec<_> = tree.list_under("web").into_iter().map(|e| (e.path, e.mode, e.size)).collect();
    let expected =
        [("web/a.yaml", Mode::Regular, 9), ("web/link", Mode::Symlink, 6), ("web/run.sh", Mode::Executable, 9)];
    assert_eq!(listed, expected.map(|(path, mode, size)| (path.to_owned(), mode, size)));
    assert_eq!(tree.list().len(), 7);
    assert_eq!(&*tree.read("web/link").unwrap(), b"kind: Pod");
    assert!(tree.is_dir("web") && tree.is_dir("") && !tree.is_dir("web.yaml") && !tree.is_dir("we"));
    assert_eq!(tree.subtree_id("web"), Some(web.into()));
    assert_eq!(tree.subtree_id("web"), tree.subtree_id("web0"));
    assert_eq!(tree.subtree_id("other"), None);
    assert!(matches!(tree.content("web"), Err(Error::NotAFile { .. })));
    assert!(matches!(tree.stored("nothing"), Err(file_tree::Error::NotFound { .. })));
    let commit = tree.commit();
    assert_eq!((commit.author_name.as_str(), commit.author_email.as_str()), ("Ada", "ada@example.org"));
    assert_eq!((commit.subject.as_str(), commit.time), ("Change it", 1_700_000_000));
}

#[tokio::test]
async fn hostile_names_are_left_out_and_told_with_their_path() {
    let fixture = Fixture::new();
    let blob = fixture.source.blob(b"x").unwrap();
    let names: [&[u8]; 13] = [
        b".git",
        b".GIT",
        b"git~1",
        b".git.",
        b".git ",
        b".g\xe2\x80\x8cit",
        b".git::$INDEX_ALLOCATION",
        b"..",
        b".",
        b"a\\b",
        b"a/b",
        b"new\nline",
        b"\xff\xfe",
    ];
    for name in names {
        let web = fixture.raw_tree(&[("100644", b"good", blob), ("100644", name, blob)]);
        let root = fixture.raw_tree(&[("40000", b"web", web)]);
        fixture.commit_tree("main", None, root);
        let tree = tree_of(&fixture, &Limits::default()).await.unwrap();
        assert_eq!(tree.list().len(), 1, "{}", name.escape_ascii());
        let problems: Vec<_> = tree.problems_under("web").collect();
        assert_eq!(problems.len(), 1, "{}", name.escape_ascii());
        assert!(problems[0].to_string().starts_with("web/"), "{}", problems[0]);
        assert_eq!(tree.problems_under("we").count(), 0);
    }
    for good in [&b".gitignore"[..], b".github", b"git~2", b"..a", "ü".as_bytes()] {
        fixture.commit_tree("main", None, fixture.raw_tree(&[("100644", good, blob)]));
        let tree = tree_of(&fixture, &Limits::default()).await.unwrap();
        assert_eq!((tree.list().len(), tree.problems_under("").count()), (1, 0), "{}", good.escape_ascii());
    }
}

#[tokio::test]
async fn a_name_that_is_a_link_and_a_directory_is_listed_once_and_told() {
    let fixture = Fixture::new();
    let blob = fixture.source.blob(b"/etc").unwrap();
    let sub = fixture.raw_tree(&[("100644", b"passwd", blob)]);
    fixture.commit_tree("main", None, fixture.raw_tree(&[("120000", b"a", blob), ("40000", b"a", sub)]));
    let tree = tree_of(&fixture, &Limits::default()).await.unwrap();
    assert_eq!(tree.list().len(), 1);
    assert_eq!(tree.problems_under("").next().map(|problem| &problem.kind), Some(&ProblemKind::Duplicate));
}

#[tokio::test]
async fn submodules_are_told_where_they_are() {
    let fixture = Fixture::new();
    let blob = fixture.source.blob(b"x").unwrap();
    let other = git2::Oid::from_str("1111111111111111111111111111111111111111").unwrap();
    let web = fixture.raw_tree(&[("100644", b"a", blob), ("160000", b"lib", other)]);
    fixture.commit_tree("main", None, fixture.raw_tree(&[("40000", b"web", web)]));
    let tree = tree_of(&fixture, &Limits::default()).await.unwrap();
    let told = tree.problems_under("web").next().unwrap().to_string();
    assert!(told.starts_with("web/lib: is a git submodule (at commit 1111"), "{told}");
    assert_eq!(tree.list().len(), 1);
}

#[tokio::test]
async fn caps_on_files_and_their_bytes_are_told() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", &[0; 2000]), ("b", b"b"), ("c", b"c")]);
    let limits = Limits { max_files: 2, ..Limits::default() };
    let error = tree_of(&fixture, &limits).await.unwrap_err();
    assert!(matches!(error, Error::CapExceeded { cap: Cap::Files, limit: 2, .. }), "{error}");
    let tree = tree_of(&fixture, &Limits { max_file_bytes: 1999, ..Limits::default() }).await.unwrap();
    let error = tree.content("a").unwrap_err();
    assert!(matches!(error, Error::CapExceeded { cap: Cap::FileBytes, limit: 1999, .. }), "{error}");
    assert!(tree.content("b").is_ok());
}

#[tokio::test]
async fn directories_nested_without_end_are_refused() {
    let fixture = Fixture::new();
    let mut tree = fixture.raw_tree(&[("100644", b"a", fixture.source.blob(b"x").unwrap())]);
    for _ in 0..200 {
        tree = fixture.raw_tree(&[("40000", b"d", tree)]);
    }
    fixture.commit_tree("main", None, tree);
    let error = tree_of(&fixture, &Limits::default()).await.unwrap_err();
    assert!(matches!(error, Error::CapExceeded { cap: Cap::Depth, .. }), "{error}");
}

#[test]
fn lfs_pointers_are_recognised() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let found = lfs_pointer(pointer.as_bytes()).unwrap();
    assert_eq!((found.oid.as_str(), found.size), ("sha256:4d7a", 12_345));
    for other in ["", "version: 1", "version https://example.org/spec/v1\noid a\nsize 1\n", &"x".repeat(2000)] {
        assert_eq!(lfs_pointer(other.as_bytes()), None);
    }
}
