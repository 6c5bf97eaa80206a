//! The files of a commit, as engines see them.

use file_tree::{Files, Mode};

use super::super::{Cap, CommitTree, lfs_pointer};
use super::*;

pub(super) async fn tree_of(fixture: &Fixture, limits: &Limits) -> Result<CommitTree, Error> {
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

#[test]
fn lfs_pointers_are_recognised() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let found = lfs_pointer(pointer.as_bytes()).unwrap();
    assert_eq!((found.oid.as_str(), found.size), ("sha256:4d7a", 12_345));
    for other in ["", "version: 1", "version https://example.org/spec/v1\noid a\nsize 1\n", &"x".repeat(2000)] {
        assert_eq!(lfs_pointer(other.as_bytes()), None);
    }
}
