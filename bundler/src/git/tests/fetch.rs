//! What a fetch brings, over every transport that needs no secret.

use super::super::testserver::{HttpServer, Options};
use super::super::{Ancestry, Cap};
use super::*;

/// The same story over `file://` and over http in both versions of the protocol.
async fn story(fixture: &Fixture, remote: &Remote) {
    let (cache, access) = (fixture.cache(), Access::default());
    let one = fixture.commit("main", None, &[("web/big", &noise(200_000, 1)), ("web/a.yaml", b"a: 1")]);
    let first = pull(&cache, remote, &access, &branch("main")).await.unwrap();
    assert_eq!((first.commit, first.previous, first.ancestry), (one, None, Ancestry::First));
    assert!(first.bytes_received > 200_000);
    let copy = Repository::open(&cache, remote).unwrap();
    assert_eq!(copy.resolve(remote, &access, &Reference::Default).await.unwrap().commit, one);

    let again = pull(&cache, remote, &access, &branch("main")).await.unwrap();
    assert_eq!((again.ancestry, again.bytes_received), (Ancestry::Unchanged, 0));

    let two = fixture.commit("main", Some(one), &[("web/a.yaml", b"a: 2")]);
    let pushed = pull(&cache, remote, &access, &branch("main")).await.unwrap();
    assert_eq!((pushed.commit, pushed.previous, pushed.ancestry), (two, Some(one), Ancestry::Descendant));
    assert!(pushed.bytes_received < 2_000, "{} bytes for one small file", pushed.bytes_received);
    let expected = vec![("web/a.yaml".to_owned(), b"a: 2".to_vec()), ("web/big".to_owned(), noise(200_000, 1))];
    assert_eq!(files(&cache, remote, two).await, expected);

    let mut tip = two;
    for round in 0..5_u8 {
        tip = fixture.commit("main", Some(tip), &[("web/a.yaml", &[round])]);
    }
    let several = pull(&cache, remote, &access, &branch("main")).await.unwrap();
    assert_eq!((several.commit, several.ancestry), (tip, Ancestry::Descendant));

    let other = fixture.commit("main", Some(one), &[("web/a.yaml", b"a: 3")]);
    let forced = pull(&cache, remote, &access, &branch("main")).await.unwrap();
    assert_eq!((forced.commit, forced.previous, forced.ancestry), (other, Some(tip), Ancestry::Rewritten));
    assert!(forced.forced() && forced.bytes_received < 10_000, "{} bytes", forced.bytes_received);

    fixture.source.reference("refs/heads/main", one.oid(), true, "").unwrap();
    let back = pull(&cache, remote, &access, &branch("main")).await.unwrap();
    assert_eq!((back.commit, back.previous, back.ancestry), (one, Some(other), Ancestry::Rewound));
}

#[tokio::test]
async fn file_repositories_are_followed_commit_by_commit() {
    let fixture = Fixture::new();
    story(&fixture, &fixture.file_remote()).await;
}

#[tokio::test]
async fn http_repositories_are_followed_commit_by_commit() {
    let fixture = Fixture::new();
    let server = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    story(&fixture, &remote(&server.url("app"))).await;
}

#[tokio::test]
async fn servers_without_version_2_are_followed_commit_by_commit() {
    let fixture = Fixture::new();
    let options = Options { only_version_0: true, ..Options::default() };
    let server = HttpServer::start(&fixture.served(), options).await.unwrap();
    story(&fixture, &remote(&server.url("app"))).await;
}

#[tokio::test]
async fn servers_without_filters_are_followed_commit_by_commit() {
    let fixture = Fixture::new();
    let options = Options { no_filter: true, ..Options::default() };
    let server = HttpServer::start(&fixture.served(), options).await.unwrap();
    story(&fixture, &remote(&server.url("app"))).await;
}

#[tokio::test]
async fn tags_and_commits_are_fetched_as_well_as_branches() {
    let fixture = Fixture::new();
    let zero = fixture.commit("main", None, &[("a.yaml", b"a: 0")]);
    let one = fixture.commit("main", Some(zero), &[("a.yaml", b"a: 1")]);
    fixture.commit("main", Some(one), &[("a.yaml", b"a: 2")]);
    let object = fixture.source.find_object(one.oid(), None).unwrap();
    let who = git2::Signature::now("Ada", "ada@example.org").unwrap();
    fixture.source.tag("v1", &object, &who, "annotated", false).unwrap();
    fixture.source.tag_lightweight("light", &object, false).unwrap();
    for only_version_0 in [false, true] {
        let options = Options { only_version_0, ..Options::default() };
        let server = HttpServer::start(&fixture.served(), options).await.unwrap();
        let remotes = [remote(&server.url("app")), fixture.file_remote()];
        for remote in &remotes {
            for tag in ["v1", "light"] {
                let fresh = tempfile::tempdir().unwrap();
                let tag = Reference::from_spec(None, Some(tag));
                let fetched = pull(fresh.path(), remote, &Access::default(), &tag).await.unwrap();
                assert_eq!(fetched.commit, one, "{tag}");
                assert_eq!(files(fresh.path(), remote, one).await[0].1, b"a: 1");
            }
            let fresh = tempfile::tempdir().unwrap();
            let pinned = Reference::from_spec(Some("main"), Some(&zero.to_string()));
            let fetched = pull(fresh.path(), remote, &Access::default(), &pinned).await;
            if only_version_0 && remote.scheme() != super::super::Scheme::File {
                let text = fetched.unwrap_err().to_string();
                assert!(text.contains("does not give out commit") && text.contains("spec.revision"), "{text}");
            } else {
                assert_eq!(fetched.unwrap().commit, zero);
            }
        }
    }
}

#[tokio::test]
async fn a_branch_that_does_not_exist_is_an_error_with_near_names() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a.yaml", b"a: 1")]);
    fixture.commit("release", None, &[("a.yaml", b"a: 1")]);
    let remote = fixture.file_remote();
    let error = pull(&fixture.cache(), &remote, &Access::default(), &branch("mian")).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("has no branch \"mian\"") && text.contains("It has main, release"), "{text}");
    assert!(!error.is_transient());
    let hostile = pull(&fixture.cache(), &remote, &Access::default(), &branch("a\nb")).await.unwrap_err();
    assert!(matches!(hostile, Error::UnknownReference { .. }), "{hostile}");
}

#[tokio::test]
async fn an_empty_repository_is_told_apart_from_a_missing_branch_and_a_missing_repository() {
    let fixture = Fixture::new();
    for only_version_0 in [false, true] {
        let options = Options { only_version_0, ..Options::default() };
        let server = HttpServer::start(&fixture.served(), options).await.unwrap();
        let url = server.url("app");
        let empty = pull(&fixture.cache(), &remote(&url), &Access::default(), &branch("main")).await.unwrap_err();
        assert!(matches!(empty, Error::EmptyRepository { .. }), "{empty}");
        let url = server.url("missing");
        let missing = pull(&fixture.cache(), &remote(&url), &Access::default(), &branch("main")).await.unwrap_err();
        assert!(matches!(missing, Error::RepositoryNotFound { .. }), "{missing}");
    }
    let gone = remote("file:///nowhere/at/all");
    let error = pull(&fixture.cache(), &gone, &Access::default(), &branch("main")).await.unwrap_err();
    assert!(matches!(error, Error::RepositoryNotFound { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_is_away_is_unreachable_for_now() {
    let fixture = Fixture::new();
    let server = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    let url = server.url("app");
    drop(server);
    tokio::task::yield_now().await;
    let error = pull(&fixture.cache(), &remote(&url), &Access::default(), &branch("main")).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }) && error.is_transient(), "{error}");
}

#[tokio::test]
async fn each_cap_says_its_name_and_leaves_nothing_behind() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", &noise(50_000, 1)), ("b", b"b"), ("c", b"c")]);
    let server = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    let limits = Limits::default();
    let table = [
        (Cap::PackBytes, 10_000, Limits { max_pack_bytes: 10_000, ..limits.clone() }),
        (Cap::Objects, 2, Limits { max_objects: 2, ..limits.clone() }),
        (Cap::ObjectBytes, 49_999, Limits { max_object_bytes: 49_999, ..limits.clone() }),
    ];
    for remote in [remote(&server.url("app")), fixture.file_remote()] {
        for (cap, limit, limits) in &table {
            let copy = Repository::open(&fixture.cache(), &remote).unwrap();
            let resolved = copy.resolve(&remote, &Access::default(), &branch("main")).await.unwrap();
            let error = copy.fetch(&remote, &Access::default(), &resolved, limits, "tests").await.unwrap_err();
            assert!(matches!(&error, Error::CapExceeded { cap: c, limit: l, .. } if c == cap && l == limit), "{error}");
            assert_eq!(left_over(&fixture.cache()), Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn a_slow_server_runs_into_the_cap_on_time() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", b"a")]);
    let server = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    let remote = remote(&server.url("app"));
    let copy = Repository::open(&fixture.cache(), &remote).unwrap();
    let resolved = copy.resolve(&remote, &Access::default(), &branch("main")).await.unwrap();
    server.set_options(Options { delay: std::time::Duration::from_secs(20), ..Options::default() });
    let limits = Limits { timeout: std::time::Duration::from_millis(50), ..Limits::default() };
    let error = copy.fetch(&remote, &Access::default(), &resolved, &limits, "tests").await.unwrap_err();
    assert!(matches!(error, Error::CapExceeded { cap: Cap::Seconds, .. }), "{error}");
}

#[tokio::test]
async fn a_pack_that_breaks_off_is_no_commit_and_the_next_try_succeeds() {
    let fixture = Fixture::new();
    let one = fixture.commit("main", None, &[("a", &noise(50_000, 1))]);
    let options = Options { break_off: true, ..Options::default() };
    let server = HttpServer::start(&fixture.served(), options).await.unwrap();
    let remote = remote(&server.url("app"));
    let error = pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert_eq!(left_over(&fixture.cache()), Vec::<String>::new());
    server.set_options(Options::default());
    assert_eq!(pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap().commit, one);
}

#[tokio::test]
async fn a_commit_is_compared_with_what_the_same_reader_has_taken_in() {
    let fixture = Fixture::new();
    let one = fixture.commit("main", None, &[("a", b"1")]);
    let (remote, cache, access) = (fixture.file_remote(), fixture.cache(), Access::default());
    let two = fixture.commit("main", Some(one), &[("a", b"2")]);
    for reader in ["shop", "office"] {
        let (copy, resolved, _) = look(&cache, &remote, &access, &branch("main"), reader).await.unwrap();
        copy.taken(&resolved, reader).await.unwrap();
    }
    fixture.source.reference("refs/heads/main", one.oid(), true, "").unwrap();
    let expected = (Some(two), Ancestry::Rewound);
    // Who ends before it has taken the commit in is told again; so is another reader of the same branch.
    for (reader, takes) in [("shop", false), ("shop", true), ("office", true)] {
        let (copy, resolved, fetched) = look(&cache, &remote, &access, &branch("main"), reader).await.unwrap();
        assert_eq!((fetched.previous, fetched.ancestry), expected, "{reader}");
        if takes {
            copy.taken(&resolved, reader).await.unwrap();
        }
    }
    let (_, _, again) = look(&cache, &remote, &access, &branch("main"), "shop").await.unwrap();
    assert_eq!(again.ancestry, Ancestry::Unchanged);
}

/// A hub that was put back has no copy of the repository, or one that is older than what it has told.
#[tokio::test]
async fn a_commit_is_compared_with_one_that_is_not_here() {
    let fixture = Fixture::new();
    let one = fixture.commit("main", None, &[("a", b"1")]);
    let two = fixture.commit("main", Some(one), &[("a", b"2")]);
    let three = fixture.commit("main", Some(two), &[("a", b"3")]);
    let other = fixture.commit("other", Some(one), &[("a", b"4")]);
    let gone = ObjectId::from_bytes(&[7; 20]).unwrap();
    let server = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    fixture.source.reference("refs/heads/main", one.oid(), true, "").unwrap();
    for remote in [fixture.file_remote(), remote(&server.url("app"))] {
        for (old, expected) in [(three, Ancestry::Rewound), (two, Ancestry::Rewound), (gone, Ancestry::Rewritten)] {
            let (cache, access) = (tempfile::tempdir().unwrap(), Access::default());
            let (copy, resolved, fetched) = look(cache.path(), &remote, &access, &branch("main"), "a").await.unwrap();
            assert_eq!((resolved.commit, fetched.ancestry), (one, Ancestry::First));
            let compared = copy.compare(&remote, &access, old, one, &Limits::default()).await.unwrap();
            assert_eq!(compared, expected, "{remote} {old}");
        }
        let (cache, access) = (tempfile::tempdir().unwrap(), Access::default());
        let (copy, ..) = look(cache.path(), &remote, &access, &branch("other"), "a").await.unwrap();
        let compared = async |old| copy.compare(&remote, &access, old, other, &Limits::default()).await.unwrap();
        assert_eq!(compared(three).await, Ancestry::Rewritten, "{remote}");
        assert_eq!(compared(one).await, Ancestry::Descendant, "{remote}");
    }
}

/// Of the first commit that is read, what it is built on is not here.
#[tokio::test]
async fn a_branch_that_went_back_by_more_than_one_commit_is_no_rewritten_one() {
    let fixture = Fixture::new();
    let one = fixture.commit("main", None, &[("a", b"1")]);
    let two = fixture.commit("main", Some(one), &[("a", b"2")]);
    let three = fixture.commit("main", Some(two), &[("a", b"3")]);
    let four = fixture.commit("main", Some(three), &[("a", b"4")]);
    let other = fixture.commit("other", Some(one), &[("a", b"5")]);
    let server = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    for remote in [fixture.file_remote(), remote(&server.url("app"))] {
        for (new, expected) in [(one, Ancestry::Rewound), (two, Ancestry::Rewound), (other, Ancestry::Rewritten)] {
            let (cache, access) = (tempfile::tempdir().unwrap(), Access::default());
            fixture.source.reference("refs/heads/main", four.oid(), true, "").unwrap();
            pull(cache.path(), &remote, &access, &branch("main")).await.unwrap();
            fixture.source.reference("refs/heads/main", new.oid(), true, "").unwrap();
            let fetched = pull(cache.path(), &remote, &access, &branch("main")).await.unwrap();
            let found = (fetched.previous, fetched.commit, fetched.ancestry);
            assert_eq!(found, (Some(four), new, expected), "{remote}");
        }
    }
}

#[tokio::test]
async fn a_damaged_copy_is_thrown_away_and_fetched_again() {
    let fixture = Fixture::new();
    let one = fixture.commit("main", None, &[("a", &noise(5_000, 1)), ("b", b"b")]);
    let remote = fixture.file_remote();
    pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap();
    for pack in left_over(&fixture.cache()) {
        std::fs::remove_file(pack).unwrap();
    }
    let copy = Repository::open(&fixture.cache(), &remote).unwrap();
    copy.discard().await.unwrap();
    let fetched = pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap();
    assert_eq!(fetched.ancestry, Ancestry::Unchanged);
    assert!(fetched.bytes_received > 5_000);
    // Only the state says that the first commit is here: what is built on it cannot be complete.
    let two = fixture.commit("main", Some(one), &[("b", b"c")]);
    for pack in left_over(&fixture.cache()) {
        std::fs::remove_file(pack).unwrap();
    }
    drop(copy);
    let fetched = pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap();
    assert_eq!(fetched.commit, two);
    assert_eq!(files(&fixture.cache(), &remote, two).await.len(), 2);
}

#[tokio::test]
async fn nothing_but_packs_and_one_state_file_is_written() {
    let fixture = Fixture::new();
    let link = fixture.source.blob(b"/etc/passwd").unwrap();
    let hook = fixture.source.blob(b"#!/bin/sh\ntouch /tmp/owned\n").unwrap();
    let hooks = fixture.raw_tree(&[("100755", b"post-checkout", hook)]);
    let tree = fixture.raw_tree(&[("40000", b"hooks", hooks), ("120000", b"link", link)]);
    fixture.commit_tree("main", None, tree);
    pull(&fixture.cache(), &fixture.file_remote(), &Access::default(), &branch("main")).await.unwrap();
    let mut kinds: Vec<String> = walk(&fixture.cache())
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            path.extension().map_or(name, |extension| extension.to_string_lossy().into_owned())
        })
        .collect();
    kinds.sort();
    assert_eq!(kinds, ["HEAD", "idx", "json", "pack"]);
}

#[tokio::test]
async fn many_small_packs_become_one() {
    let fixture = Fixture::new();
    let remote = fixture.file_remote();
    let mut tip = None;
    for round in 0..60_u8 {
        tip = Some(fixture.commit("main", tip, &[("a", &[round]), ("b", b"same")]));
        pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap();
    }
    let packs = left_over(&fixture.cache()).len();
    assert!(packs < 2 * 30, "{packs} files");
    assert_eq!(files(&fixture.cache(), &remote, tip.unwrap()).await[0].1, [59]);
}

#[tokio::test]
async fn copies_that_were_not_opened_for_long_go_first_and_none_that_is_in_use() {
    let fixture = Fixture::new();
    let names = ["a", "b", "c", "d"];
    for (copies, bytes, in_use, expected) in [
        (4, u64::MAX, "", &names[..]),
        (2, u64::MAX, "", &["c", "d"]),
        (2, u64::MAX, "a", &["a", "d"]),
        (4, 2_500, "", &["c", "d"]),
        (0, 0, "b", &["b"]),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let at = |name: &str| remote(&format!("{}/{name}", fixture.file_remote()));
        let folder_of = |name: &str| {
            let before: Vec<_> = std::fs::read_dir(cache.path()).unwrap().flatten().map(|it| it.path()).collect();
            let copy = Repository::open(cache.path(), &at(name)).unwrap();
            let mut now = std::fs::read_dir(cache.path()).unwrap().flatten().map(|it| it.path());
            (copy, now.find(|path| !before.contains(path)).unwrap())
        };
        let mut folders = Vec::new();
        for (age, name) in names.iter().enumerate() {
            let (copy, folder) = folder_of(name);
            std::fs::write(folder.join("objects/pack/a.pack"), noise(1_000, 1)).unwrap();
            let head = std::fs::File::options().write(true).open(folder.join("HEAD")).unwrap();
            let opened = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(age as u64);
            head.set_modified(opened).unwrap();
            folders.push((*name, folder, (*name == in_use).then_some(copy)));
        }
        Repository::trim(cache.path(), copies, bytes).await;
        let left: Vec<_> = folders.iter().filter(|(_, folder, _)| folder.exists()).map(|(name, ..)| *name).collect();
        assert_eq!(left, expected, "{copies} {bytes} {in_use}");
    }
}

fn left_over(cache: &Path) -> Vec<String> {
    let in_packs = |path: &&std::path::PathBuf| path.to_string_lossy().contains("objects/");
    walk(cache).iter().filter(in_packs).map(|path| path.to_string_lossy().into_owned()).collect()
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn polls_run_as_tasks_and_one_fetch_at_a_time() {
    let fixture = Fixture::new();
    let one = fixture.commit("main", None, &[("a", &noise(100_000, 1))]);
    let server = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (cache, remote) = (fixture.cache(), remote(&server.url("app")));
            tokio::spawn(async move { pull(&cache, &remote, &Access::default(), &branch("main")).await })
        })
        .collect();
    let mut received = 0;
    for task in tasks {
        let fetched = task.await.unwrap().unwrap();
        assert_eq!(fetched.commit, one);
        received += usize::from(fetched.bytes_received > 0);
    }
    assert_eq!(received, 1);
}
