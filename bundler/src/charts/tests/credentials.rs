//! Which host sees the credentials.

use super::super::testserver::{Page, basic, package};
use super::*;
use crate::git::tests::http::over_tls;

pub(super) const PASSWORD: &str = "hunter2-canary";

pub(super) fn secret(values: &[(&str, &str)]) -> Result<HelmSecret, Error> {
    HelmSecret::from_secret(|key| values.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_bytes()))
}

pub(super) fn user() -> HelmSecret {
    secret(&[("username", "ada"), ("password", PASSWORD)]).unwrap()
}

/// Credentials for what matches.
pub(super) fn access(pattern: &str, secret: HelmSecret) -> Access {
    Access::new(pattern).unwrap().with_secrets(Secrets::One(secret), "fleet-default/helm")
}

pub(super) const LOOPBACK: &str = r"http://127\.0\.0\.1:\d+";

#[test]
fn the_repository_that_the_pattern_matches_sees_them() {
    let fixture = Fixture::new();
    fixture.server.put_chart("web", "1.0.0", &[]);
    for path in ["/index.yaml", "/web-1.0.0.tgz"] {
        fixture.server.guard(path, &basic("ada", PASSWORD), None);
    }
    // With the end of the text of helm.repo in the pattern, too: the index lies below it.
    let whole = format!("{}$", regex::escape(&fixture.server.url("/")));
    fixture.get_with(access(&whole, user()), "web", "1.0.0").unwrap();
    let sent: Vec<_> = fixture.server.requests().into_iter().map(|request| request.authorization).collect();
    assert_eq!(sent, vec![Some(basic("ada", PASSWORD)); 2]);

    // What was fetched with them is for those who have them.
    let error = fixture.get("web", "1.0.0").unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error}");
}

#[test]
fn without_a_pattern_that_matches_nobody_sees_them() {
    let fixture = Fixture::new();
    fixture.server.guard("/index.yaml", &basic("ada", PASSWORD), None);
    let error = fixture.get_with(access("https://elsewhere/", user()), "web", "").unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "loopback in the clear: {error}");
    let mut person = Access::of_person();
    person = person.with_secrets(Secrets::One(user()), "x");
    let error = fixture.get_with(person, "web", "").unwrap_err().to_string();
    assert!(error.contains("helmRepoURLRegex does not match") && !error.contains(PASSWORD), "{error}");
    assert!(fixture.server.requests().iter().all(|request| request.authorization.is_none()));
}

#[test]
fn a_wrong_password_is_told_of_without_its_text() {
    let fixture = Fixture::new();
    fixture.server.guard("/index.yaml", &basic("ada", "right"), None);
    let error = fixture.get_with(access(LOOPBACK, user()), "web", "").unwrap_err();
    let told = format!("{error} {error:?} {:?}", user());
    assert!(told.contains("the password of user \\\"ada\\\"") && !told.contains(PASSWORD), "{told}");
}

#[test]
fn they_do_not_go_in_the_clear_unless_that_is_said() {
    let fixture = Fixture::new();
    let get = |secret| {
        let fetcher = fixture.fetcher(access("http://charts.invalid", secret), "");
        fetcher.package(Wanted { repo: "http://charts.invalid", chart: "web", version: "", dir: "" }).unwrap_err()
    };
    let refused = get(user());
    assert!(matches!(&refused, Error::Refused { reason, .. } if reason.contains("basicHTTP")), "{refused}");
    let said = secret(&[("username", "ada"), ("password", "x"), ("basicHTTP", "true")]).unwrap();
    assert!(matches!(get(said), Error::Unreachable { .. }), "there is no such host");
}

#[test]
fn secrets_are_read_as_fleet_reads_them() {
    for (values, expected) in [
        (&[("username", "ada")][..], "username is set and password is not"),
        (&[("password", PASSWORD)], "password is set and username is not"),
        (&[("username", "a:b"), ("password", PASSWORD)], "colon"),
        (&[("username", "a"), ("password", "x\ny")], "control character"),
    ] {
        let error = secret(values).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains(PASSWORD), "{error}");
    }
    let whole =
        secret(&[("username", "ada\n"), ("password", "x\r\n"), ("cacerts", "PEM"), ("insecureSkipVerify", "T")]);
    let whole = whole.unwrap();
    assert_eq!((whole.username.as_str(), whole.password.as_str(), whole.any_certificate), ("ada", "x", true));
    assert!(!whole.basic_http && whole.ca_bundle.is_some());
    assert!(!secret(&[]).unwrap().has_user());
}

#[test]
fn by_path_the_very_same_directory_wins_then_the_first_pattern() {
    let file = "apps/web: {username: exact, password: x}\napps/*: {username: pattern, password: x}\n\
        apps/w*: {username: later, password: x}\n./other/: {username: dot, password: x, caBundle: UEVN}\n.: {username: root, password: x}\n";
    let secrets = Secrets::by_path(|key| (key == "secrets-path.yaml").then_some(file.as_bytes())).unwrap();
    for (dir, expected) in [
        ("apps/web", Some("exact")),
        ("apps/wiki", Some("pattern")),
        ("apps/a/b", None),
        ("other", Some("dot")),
        ("", Some("root")),
        ("nothing", None),
    ] {
        let found = secrets.of(dir).map(|(_, secret)| secret.username.as_str());
        assert_eq!(found, expected, "{dir}");
    }
    for (file, expected) in [
        (None, "no key secrets-path.yaml"),
        (Some(format!("a: [{PASSWORD}")), "it is not YAML"),
        (Some(PASSWORD.to_owned()), "a mapping of paths"),
        (Some(format!("a: {{username: x, password: y, caBundle: '{PASSWORD}!'}}")), "a: caBundle is not base64"),
        (Some(format!("a: {{password: {PASSWORD}}}")), "a: password is set and username is not"),
    ] {
        let error = Secrets::by_path(|_| file.as_ref().map(|file| file.as_bytes())).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains(PASSWORD), "{error}");
    }
}

#[test]
fn a_bundle_gets_the_credentials_of_its_directory() {
    let fixture = Fixture::new();
    fixture.server.put_chart("web", "1.0.0", &[]);
    fixture.server.guard("/index.yaml", &basic("ada", PASSWORD), None);
    fixture.server.put("/web-1.0.0.tgz", Page::of(package("web", "1.0.0", &[])));
    let file = format!("apps/web: {{username: ada, password: {PASSWORD}}}\n");
    let secrets = Secrets::by_path(|_| Some(file.as_bytes())).unwrap();
    let fetcher = fixture.fetcher(Access::new(LOOPBACK).unwrap().with_secrets(secrets, "x"), "");
    let repo = fixture.server.url("/");
    let get = |dir| fetcher.package(Wanted { repo: &repo, chart: "web", version: "1.0.0", dir });
    assert!(matches!(get("apps/other"), Err(Error::Unauthorized { .. })));
    get("apps/web").unwrap();
    assert!(matches!(get("apps/other"), Err(Error::Unauthorized { .. })), "not from the disk, either");
}

#[test]
fn a_certificate_is_believed_where_the_secret_says_so_and_its_repository_matches() {
    let fixture = Fixture::new();
    fixture.server.put_chart("web", "1.0.0", &[]);
    let (port, pem, seen) = fixture.runtime.block_on(over_tls(fixture.server.router(), "localhost"));
    let repo = format!("https://localhost:{port}/");
    let get = |pattern: &str, values: &[(&str, &str)]| {
        let fetcher = fixture.fetcher(access(pattern, secret(values)?), "");
        fetcher.package(Wanted { repo: &repo, chart: "web", version: "1.0.0", dir: "" })
    };
    for (pattern, values) in [(repo.as_str(), vec![]), ("https://localhost:1?", vec![("cacerts", pem.as_str())])] {
        let error = get(pattern, &values).unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. } | Error::Address { .. }), "{error}");
    }
    let error = get(&repo, &[("cacerts", "no PEM")]).unwrap_err();
    assert!(error.to_string().contains("cacerts holds no certificate"), "{error}");
    assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 0, "a handshake came about");
    get(&repo, &[("cacerts", &pem)]).unwrap();
    let other = Fixture { folder: tempfile::tempdir().unwrap(), ..fixture };
    let insecure = other.fetcher(access(&repo, secret(&[("insecureSkipVerify", "true")]).unwrap()), "");
    insecure.package(Wanted { repo: &repo, chart: "web", version: "1.0.0", dir: "" }).unwrap();
}

#[test]
fn a_certificate_that_is_believed_for_a_repository_is_not_believed_for_others() {
    let fixture = Fixture::new();
    let other = fixture.another();
    other.put_chart("web", "1.0.0", &[]);
    let (port, pem, seen) = fixture.runtime.block_on(over_tls(other.router(), "localhost"));
    let tgz = format!("https://localhost:{port}/web-1.0.0.tgz");
    let index = format!("apiVersion: v1\nentries: {{web: [{{version: 1.0.0, urls: [{tgz:?}]}}]}}");
    fixture.server.put("/index.yaml", Page::of(index));
    for values in [("cacerts", pem.as_str()), ("insecureSkipVerify", "true")] {
        let vouched = access(&format!("{LOOPBACK}|https://localhost:{port}"), secret(&[values]).unwrap());
        let error = fixture.get_with(vouched, "web", "").unwrap_err();
        assert!(matches!(&error, Error::Unreachable { reason, .. } if reason.contains("ertificate")), "{error}");
    }
    assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 0, "a handshake came about");
}
