//! git over ssh: host keys, user keys, and the same fetches.

use super::super::testserver::{Options, SshServer, TestKey};
use super::super::{Ancestry, Credentials};
use super::*;

pub(super) fn key_access(key: &TestKey, known_hosts: Option<String>) -> Access {
    Access::new(Credentials::SshKey { private_key: key.private(), passphrase: None, known_hosts })
}

pub(super) async fn server(fixture: &Fixture, options: Options) -> SshServer {
    SshServer::start(&fixture.served(), TestKey::new(1), TestKey::new(2), options).await.unwrap()
}

#[tokio::test]
async fn ssh_repositories_are_followed_in_both_versions_of_the_protocol() {
    for only_version_0 in [false, true] {
        let fixture = Fixture::new();
        let one = fixture.commit("main", None, &[("big", &noise(300_000, 3)), ("a", b"1")]);
        let server = server(&fixture, Options { only_version_0, ..Options::default() }).await;
        let remote = remote(&server.url("app"));
        let lines = TestKey::new(1).known_hosts_line(server.address());
        let access = key_access(&TestKey::new(2), Some(lines));
        let first = pull(&fixture.cache(), &remote, &access, &branch("main")).await.unwrap();
        assert_eq!(first.commit, one);
        let two = fixture.commit("main", Some(one), &[("a", b"2")]);
        let next = pull(&fixture.cache(), &remote, &access, &branch("main")).await.unwrap();
        assert_eq!((next.commit, next.ancestry), (two, Ancestry::Descendant));
        assert!(next.bytes_received < 2_000, "{} bytes", next.bytes_received);
        assert_eq!(files(&fixture.cache(), &remote, two).await[0].1, b"2");
    }
}

#[tokio::test]
async fn keys_and_passwords_that_the_server_refuses_are_told() {
    let fixture = Fixture::new();
    fixture.commit("main", None, &[("a", b"a")]);
    let basic_auth = Some(("git".to_owned(), "right".to_owned()));
    let server = server(&fixture, Options { basic_auth, ..Options::default() }).await;
    let remote = remote(&server.url("app"));
    let known_hosts = Some(TestKey::new(1).known_hosts_line(server.address()));
    let password = |word: &str| Access {
        known_hosts: known_hosts.clone(),
        ..Access::new(Credentials::Basic { username: "git".to_owned(), password: word.to_owned().into() })
    };
    pull(&fixture.cache(), &remote, &password("right"), &branch("main")).await.unwrap();
    for access in [password("wrong"), key_access(&TestKey::new(7), known_hosts.clone())] {
        let error = pull(&fixture.cache(), &remote, &access, &branch("main")).await.unwrap_err();
        assert!(matches!(error, Error::AuthenticationFailed { .. }), "{error}");
    }
    let garbage = Credentials::SshKey { private_key: "no key".to_owned().into(), passphrase: None, known_hosts };
    let error = pull(&fixture.cache(), &remote, &Access::new(garbage), &branch("main")).await.unwrap_err();
    assert!(matches!(error, Error::InvalidCredentials { .. }), "{error}");
}

#[tokio::test]
async fn a_repository_that_the_ssh_server_does_not_have_is_told_in_its_words() {
    let fixture = Fixture::new();
    let server = server(&fixture, Options::default()).await;
    let access = key_access(&TestKey::new(2), Some(TestKey::new(1).known_hosts_line(server.address())));
    let remote = remote(&server.url("missing"));
    let error = pull(&fixture.cache(), &remote, &access, &branch("main")).await.unwrap_err();
    assert!(matches!(error, Error::RepositoryNotFound { .. }), "{error}");
    assert!(error.to_string().contains("Repository not found"), "{error}");
}
