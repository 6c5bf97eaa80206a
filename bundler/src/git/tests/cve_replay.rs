//! Advisories of others, replayed against the git reader (docs/ADVISORIES.md).

use std::net::IpAddr;

use file_tree::Files;

use super::super::pack::PackSink;
use super::super::testserver::{HttpServer, Options, TestKey};
use super::super::{Cap, ProblemKind, address, ssh};
use super::http::{basic, protected, serve_tls};
use super::pack::{sink, thin_pack};
use super::ssh::{key_access, server};
use super::tree::tree_of;
use super::*;

/// CVE-2025-23390 (Fleet), CVE-2023-22742 (libgit2): the key of an ssh host was not looked at.
#[tokio::test]
async fn c09_an_unknown_host_key_is_refused_with_the_line_that_would_make_it_known() {
    let fixture = Fixture::new();
    let one = fixture.commit("main", None, &[("a", b"a")]);
    let server = server(&fixture, Options::default()).await;
    let remote = remote(&server.url("app"));
    let access = key_access(&TestKey::new(2), None);
    let error = pull(&fixture.cache(), &remote, &access, &branch("main")).await.unwrap_err();
    let Error::HostKeyUnknown { line, fingerprint, .. } = &error else { panic!("{error}") };
    assert!(fingerprint.starts_with("SHA256:") && error.to_string().contains(fingerprint.as_str()));
    let access = Access { known_hosts: Some(line.clone()), ..access };
    assert_eq!(pull(&fixture.cache(), &remote, &access, &branch("main")).await.unwrap().commit, one);
}

/// The same, with a server that shows another key than it did.
#[tokio::test]
async fn c09_a_host_key_that_changes_between_fetches_is_refused() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", b"a")]);
    let server = server(&fixture, Options::default()).await;
    let remote = remote(&server.url("app"));
    let access = key_access(&TestKey::new(2), Some(TestKey::new(1).known_hosts_line(server.address())));
    pull(&fixture.cache(), &remote, &access, &branch("main")).await.unwrap();
    server.set_host_key(TestKey::new(9));
    let error = pull(&fixture.cache(), &remote, &access, &branch("main")).await.unwrap_err();
    assert!(matches!(error, Error::HostKeyChanged { .. }), "{error}");
}

/// CVE-2023-32198 (steve), CVE-2022-31105 (Argo CD), CVE-2025-67601 (Rancher CLI): one path skipped the check of TLS.
#[tokio::test]
async fn c10_a_certificate_that_does_not_fit_sees_no_request() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", b"a")]);
    let (port, pem, seen) = serve_tls(&fixture, "localhost").await;
    let (other, another, _) = serve_tls(&fixture, "elsewhere.example").await;
    let trusting = |pem: &str| Access { ca_bundle: Some(pem.as_bytes().to_vec()), ..basic("right") };
    for (what, port, access) in [
        ("nobody vouches for it", port, basic("right")),
        ("another one is vouched for", port, trusting(&another)),
        ("it is for another name", other, trusting(&another)),
    ] {
        let remote = remote(&format!("https://localhost:{port}/app"));
        let error = pull(&fixture.cache(), &remote, &access, &branch("main")).await.unwrap_err();
        assert!(error.to_string().contains("ertificate"), "{what}: {error}");
    }
    assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 0, "a handshake came about");
    let right = remote(&format!("https://localhost:{port}/app"));
    pull(&fixture.cache(), &right, &trusting(&pem), &branch("main")).await.unwrap();
}

/// CVE-2025-21613 (go-git), RUSTSEC-2023-0064, -2024-0335 (gix): part of a URL became an option of ssh or git.
#[test]
fn c24_urls_that_are_no_repository_are_refused_without_showing_passwords() {
    let refused = [
        "",
        "-oProxyCommand=x",
        "/srv/repo",
        "example.org",
        "http://example.org/a",
        "git://example.org/a",
        "ext::sh -c true",
        "ftp://example.org/a",
        "https://example.org",
        "https://example.org/?a=b",
        "https://example.org/a#b",
        "https://example.org/a b",
        "https://example.org/a%0ab",
        "ssh://-host/a",
        "ssh://git@exa$mple.org/a",
        "ssh://-u@example.org/a",
        "ssh://git@example.org/%00",
        "-x@example.org:a",
        "git@example.org:-a",
        "@example.org:a",
        "git@:a",
        "u:hunter2@example.org:a",
        "file://host/a",
        "https:///a",
    ];
    for text in refused {
        let error = Remote::parse(text, &Policy { allow_file: true, ..Policy::default() }).unwrap_err();
        assert!(matches!(error, Error::InvalidUrl { .. }), "{text}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let error = Remote::parse("https://u:hunter2@exa mple.org/a?hunter2", &Policy::default()).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let error = Remote::parse("file:///srv/a", &Policy::default()).unwrap_err();
    assert!(error.to_string().contains("--allow-file-repositories"), "{error}");
    assert!(Remote::parse("http://example.org/a", &Policy { allow_plain_http: true, ..Policy::default() }).is_ok());
}

/// The same for the one text that does reach a shell, on the other side.
#[test]
fn c24_a_path_is_one_word_for_the_shell_of_the_server() {
    for (path, expected) in [
        ("/a b", "'/a b'"),
        ("a';touch x;'", r"'a'\'';touch x;'\'''"),
        ("$(id)`id`\"", "'$(id)`id`\"'"),
        ("a!b", r"'a'\!'b'"),
    ] {
        assert_eq!(ssh::quote(path), expected);
    }
}

/// CVE-2024-35186, CVE-2026-44471 (gix), CVE-2023-49569 (go-git): a tree wrote outside of the work tree. There is none
/// here; such a name is no file of a bundle either.
#[tokio::test]
async fn c25_hostile_names_are_left_out_and_told_with_their_path() {
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

/// CVE-2026-44471 (gix-fs): a link and a directory of one name.
#[tokio::test]
async fn c25_a_name_that_is_a_link_and_a_directory_is_listed_once_and_told() {
    let fixture = Fixture::new();
    let blob = fixture.source.blob(b"/etc").unwrap();
    let sub = fixture.raw_tree(&[("100644", b"passwd", blob)]);
    fixture.commit_tree("main", None, fixture.raw_tree(&[("120000", b"a", blob), ("40000", b"a", sub)]));
    let tree = tree_of(&fixture, &Limits::default()).await.unwrap();
    assert_eq!(tree.list().len(), 1);
    assert_eq!(tree.problems_under("").next().map(|problem| &problem.kind), Some(&ProblemKind::Duplicate));
}

/// CVE-2024-10220, CVE-2025-1767 (kubelet): submodules with hooks, and local repositories of others.
#[tokio::test]
async fn c26_submodules_are_told_where_they_are() {
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

/// The same: nothing of another repository is asked for, and no hook goes along or runs.
#[tokio::test]
async fn c26_neither_submodules_nor_hooks_nor_local_paths_are_followed() {
    let fixture = Fixture::new();
    git2::Repository::init_bare(fixture.served().join("lib")).unwrap();
    let server = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    let hook = fixture.served().join("app/hooks/post-checkout");
    let ran = fixture.folder.path().join("ran");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", ran.display())).unwrap();
    let modules = format!("[submodule \"lib\"]\n\tpath = lib\n\turl = {}\n", server.url("lib"));
    let modules = fixture.source.blob(modules.as_bytes()).unwrap();
    let link = git2::Oid::from_str("1111111111111111111111111111111111111111").unwrap();
    let root = fixture.raw_tree(&[("100644", b".gitmodules", modules), ("160000", b"lib", link)]);
    let commit = fixture.commit_tree("main", None, root);
    let app = remote(&server.url("app"));
    pull(&fixture.cache(), &app, &Access::default(), &branch("main")).await.unwrap();
    assert_eq!(files(&fixture.cache(), &app, commit).await.len(), 1);
    let asked = server.requests();
    assert!(asked.iter().all(|request| request.line.contains(" /app/")), "{asked:?}");
    assert!(!ran.exists());
    for text in [format!("file://{}", fixture.served().display()), fixture.served().display().to_string()] {
        let error = Remote::parse(&text, &Policy::default()).unwrap_err();
        assert!(matches!(error, Error::InvalidUrl { .. }), "{error}");
    }
}

/// CVE-2025-21614, CVE-2026-33762 (go-git), gitoxide 2026-04: a malformed pack was taken, or brought the process down.
#[test]
fn c27_a_pack_with_any_bit_flipped_or_cut_anywhere_is_refused() {
    let fixture = Fixture::new();
    let base = fixture.source.blob(b"hello world").unwrap();
    let odb = fixture.source.odb().unwrap();
    let good = thin_pack(base.into(), 11, 6, b"git");
    let flipped = (0..good.len() * 8).map(|bit| {
        let mut pack = good.clone();
        pack[bit / 8] ^= 1 << (bit % 8);
        pack
    });
    let cut = (0..good.len()).map(|length| good[..length].to_vec());
    for (number, pack) in flipped.chain(cut).enumerate() {
        let mut sink = sink(&fixture, &odb);
        let outcome = sink.write(&pack).and_then(|()| sink.finish());
        let told = matches!(outcome, Err(Error::Protocol { .. } | Error::CapExceeded { .. }));
        assert!(told, "{number}: {outcome:?}");
    }
    let left = std::fs::read_dir(fixture.served().join("app/objects/pack")).unwrap().flatten();
    let left: Vec<_> = left.filter(|entry| entry.path().extension().is_some_and(|end| end == "idx")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The same: a few bytes that unpack to very many.
#[test]
fn c27_an_object_that_would_unpack_too_large_is_refused_before_it_is_built() {
    let fixture = Fixture::new();
    let base = fixture.source.blob(b"hello world").unwrap();
    let odb = fixture.source.odb().unwrap();
    let pack = thin_pack(base.into(), 11, 6, b"git");
    // Base, result and the difference itself have 11, 9 and 8 bytes.
    for (max_object_bytes, fits) in [(11, true), (10, false), (7, false)] {
        let limits = Limits { max_object_bytes, ..Limits::default() };
        let directory = fixture.served().join("app/objects/pack");
        let mut sink = PackSink::new(&odb, &directory, "test", &limits).unwrap();
        let outcome = pack.chunks(3).try_for_each(|piece| sink.write(piece));
        assert_eq!(outcome.is_ok(), fits, "{max_object_bytes}: {outcome:?}");
        assert!(fits || matches!(outcome, Err(Error::CapExceeded { .. })), "{outcome:?}");
    }
}

/// CVE-2026-41506 (go-git), CVE-2021-32690 (Helm), Fleet e08ba8ec5: credentials went to whom a server redirects to.
#[tokio::test]
async fn c28_a_redirect_to_another_host_is_followed_without_credentials() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", b"a")]);
    let target = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    let base = format!("http://{}", target.address());
    let options = Options { redirect_to: Some(base), ..protected() };
    let server = HttpServer::start(&fixture.served(), options).await.unwrap();
    pull(&fixture.cache(), &remote(&server.url("app")), &basic("right"), &branch("main")).await.unwrap();
    assert!(server.requests().iter().all(|request| request.authorization.is_some()));
    let arrived = target.requests();
    assert!(!arrived.is_empty() && arrived.iter().all(|request| request.authorization.is_none()), "{arrived:?}");
}

/// CVE-2026-44740 (go-billy): links that lead to each other were followed without end.
#[tokio::test]
async fn c29_links_in_a_circle_end() {
    let fixture = Fixture::new();
    let link = |to: &[u8]| fixture.source.blob(to).unwrap();
    let (to_a, to_b, up, own) = (link(b"a"), link(b"b"), link(b".."), link(b"loop/x"));
    let sub = fixture.raw_tree(&[("120000", b"up", up)]);
    let root = fixture.raw_tree(&[
        ("120000", b"a", to_b),
        ("120000", b"b", to_a),
        ("120000", b"loop", own),
        ("40000", b"sub", sub),
    ]);
    fixture.commit_tree("main", None, root);
    let tree = tree_of(&fixture, &Limits::default()).await.unwrap();
    for path in ["a", "b", "loop", "loop/x/y", "sub/up/sub/up/a"] {
        let error = tree.read(path).unwrap_err().to_string();
        assert!(error.contains("symbolic links"), "{path}: {error}");
    }
    assert!(tree.read("sub/up/".repeat(2_000).as_str()).is_err());
}

/// The same with directories.
#[tokio::test]
async fn c29_directories_nested_without_end_are_refused() {
    let fixture = Fixture::new();
    let mut tree = fixture.raw_tree(&[("100644", b"a", fixture.source.blob(b"x").unwrap())]);
    for _ in 0..200 {
        tree = fixture.raw_tree(&[("40000", b"d", tree)]);
    }
    fixture.commit_tree("main", None, tree);
    let error = tree_of(&fixture, &Limits::default()).await.unwrap_err();
    assert!(matches!(error, Error::CapExceeded { cap: Cap::Depth, .. }), "{error}");
}

/// CVE-2026-44936 (Fleet), CVE-2022-39383 (KubeVela): a URL made the controller read internal addresses.
#[test]
fn c37_link_local_and_metadata_addresses_are_refused_and_private_ones_are_not() {
    let refused = [
        "169.254.169.254",
        "169.254.0.1",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "fe80::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::",
        "ff02::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::169.254.169.254",
    ];
    for text in refused {
        assert!(address::is_refused(text.parse::<IpAddr>().unwrap()), "{text}");
    }
    for text in ["10.0.0.1", "192.168.1.1", "172.16.0.1", "127.0.0.1", "100.64.0.1", "140.82.121.4", "::1", "fd00::1"] {
        assert!(!address::is_refused(text.parse::<IpAddr>().unwrap()), "{text}");
    }
    for url in
        ["https://169.254.169.254/a", "https://2852039166/a", "https://[fe80::1]/a", "ssh://[::ffff:a9fe:a9fe]/a"]
    {
        let error = Remote::parse(url, &Policy::default()).unwrap_err();
        assert!(matches!(error, Error::RefusedAddress { .. }), "{url}: {error}");
    }
}

/// The same by a redirect.
#[tokio::test]
async fn c37_redirects_to_metadata_services_and_in_circles_are_refused() {
    let fixture = Fixture::new();
    let server = HttpServer::start(&fixture.served(), Options::default()).await.unwrap();
    let remote = remote(&server.url("app"));
    for (target, expected) in [
        ("http://169.254.169.254/latest", "http://"),
        ("https://169.254.169.254/latest", "169.254.169.254"),
        ("https://[fd00:ec2::254]/latest", "fd00:ec2::254"),
        ("file:///etc", "file"),
        (&format!("http://{}", server.address()), "more than 5 redirects"),
    ] {
        server.set_options(Options { redirect_to: Some(target.to_owned()), ..Options::default() });
        let error = pull(&fixture.cache(), &remote, &Access::default(), &branch("main")).await.unwrap_err();
        assert!(matches!(error, Error::Redirect { .. } | Error::RefusedAddress { .. }), "{target}: {error}");
        assert!(error.to_string().contains(expected), "{target}: {error}");
    }
}

/// The same by a name: what the DNS says is judged, and what was judged is what is connected to.
#[tokio::test]
async fn c37_a_name_that_leads_to_a_refused_address_is_refused() {
    // What a resolver makes of these needs no network: other ways to write an address.
    for host in ["0xa9fea9fe", "2852039166", "169.254.43518", "0"] {
        let told = address::resolve(host, 443, false).await.expect_err(host);
        assert!(address::refusal(&told).is_some(), "{host}: {told}");
    }
    let allowed = address::resolve("localhost", 443, false).await.unwrap();
    assert!(allowed.iter().all(|address| address.ip().is_loopback()), "{allowed:?}");
}
