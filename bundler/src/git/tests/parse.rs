//! URLs, addresses, secrets, references and known_hosts lines.

use std::collections::BTreeMap;

use super::super::Credentials;
use super::super::known_hosts::{self, Verdict};
use super::super::testserver::TestKey;
use super::*;

#[test]
fn urls_of_every_supported_form_have_one_canonical_text() {
    let table = [
        ("https://example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://Example.org:443/a/", "https://example.org/a"),
        ("https://u:p@example.org/a", "https://example.org/a"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        ("ssh://git@example.org/a", "ssh://git@example.org/a"),
        ("ssh://git@example.org:2222/a%20b", "ssh://git@example.org:2222/a b"),
        ("git@example.org:a/b.git", "ssh://git@example.org/./a/b.git"),
        ("git@example.org:/srv/b.git", "ssh://git@example.org/srv/b.git"),
        ("git@[fd00::1]:a", "ssh://git@[fd00::1]/./a"),
        ("http://127.0.0.1:8080/a", "http://127.0.0.1:8080/a"),
        ("http://localhost/a", "http://localhost/a"),
        ("https://10.0.0.7/a", "https://10.0.0.7/a"),
        ("file:///srv/a", "file:///srv/a"),
    ];
    for (text, canonical) in table {
        assert_eq!(remote(text).canonical(), canonical, "{text}");
    }
}

fn secret(kind: &str, data: &[(&str, &str)]) -> Result<Credentials, Error> {
    let data: BTreeMap<_, _> = data.iter().map(|(key, value)| (*key, value.as_bytes())).collect();
    Credentials::from_secret(kind, |key| data.get(key).copied())
}

#[test]
fn secrets_become_credentials_by_their_type() {
    let basic = secret("kubernetes.io/basic-auth", &[("username", "u"), ("password", "secret\n")]).unwrap();
    let Credentials::Basic { username, password } = &basic else { panic!("{basic:?}") };
    assert_eq!((username.as_str(), password.as_str()), ("u", "secret"));
    assert!(!format!("{basic:?}").contains("secret"));
    let token = secret("Opaque", &[("password", "t")]).unwrap();
    assert!(matches!(token, Credentials::Basic { .. }));
    for kind in ["kubernetes.io/ssh-auth", "Opaque"] {
        let ssh = secret(kind, &[("ssh-privatekey", "k"), ("known_hosts", "h")]).unwrap();
        assert!(matches!(ssh, Credentials::SshKey { known_hosts: Some(_), .. }));
    }
    for (kind, data, told) in [
        ("kubernetes.io/basic-auth", &[("username", "u")][..], "`password`"),
        ("kubernetes.io/basic-auth", &[("username", "a:b"), ("password", "p")], "colon"),
        ("kubernetes.io/ssh-auth", &[("known_hosts", "h")], "`ssh-privatekey`"),
        ("kubernetes.io/tls", &[], "kubernetes.io/tls"),
        ("kubernetes.io/tls", &[], "kubernetes.io/basic-auth needs `password`"),
        ("Opaque", &[("other", "1")], "kubernetes.io/ssh-auth needs `ssh-privatekey`"),
        ("Opaque", &[("github_app_id", "1")], "GitHub App"),
        ("Opaque", &[("other", "1")], "neither"),
    ] {
        let error = secret(kind, data).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn what_may_be_a_commit_is_not_called_a_tag_alone() {
    for (revision, told) in [
        ("deadbeef", "has no commit or tag \"deadbeef\" (a commit is given with all 40 digits of its id)."),
        ("v1", "has no tag \"v1\"."),
    ] {
        let reference = Reference::from_spec(None, Some(revision));
        let error = Error::UnknownReference { remote: "r".into(), reference, near: Vec::new() }.to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_revision_wins_over_the_branch_and_forty_digits_are_a_commit() {
    let hex = "0123456789abcdef0123456789abcdef01234567";
    let table = [
        (None, None, "branch \"master\""),
        (Some("main"), None, "branch \"main\""),
        (Some("main"), Some(""), "branch \"main\""),
        (Some("main"), Some("v1"), "tag \"v1\""),
        (Some("main"), Some(hex), &format!("commit {hex}")),
        (None, Some("0123456"), "tag \"0123456\""),
    ];
    for (branch, revision, expected) in table {
        assert_eq!(Reference::from_spec(branch, revision).to_string(), expected);
    }
}

#[test]
fn known_hosts_lines_are_matched_as_ssh_does() {
    let address = "192.0.2.7:22".parse().unwrap();
    let line = |number| TestKey::new(number).known_hosts_line(address);
    let key_text = |number| line(number).split_once(' ').unwrap().1.trim().to_owned();
    let key = |number| russh::keys::ssh_key::PublicKey::from_openssh(&key_text(number)).unwrap();
    let (one, two) = (key_text(1), key_text(2));
    let table = [
        (format!("host {one}"), "known"),
        (format!("# comment\n\nother {two}\nhost,192.0.2.1 {one} somebody@somewhere\n"), "known"),
        (format!("HOST {one}"), "known"),
        (format!("ho?t {one}"), "known"),
        (format!("h* {two}\nhost {one}"), "known"),
        (format!("*,!host {one}"), "unknown"),
        (format!("[host]:2222 {one}"), "unknown"),
        (format!("hosts {one}"), "unknown"),
        (String::new(), "unknown"),
        (format!("@cert-authority * {one}"), "unknown"),
        (format!("host {two}"), "changed"),
        (format!("host {one}\n@revoked * {one}"), "changed"),
        // HMAC-SHA-1 of "host" under the salt "saltsaltsaltsaltsalt".
        (format!("{} {one}", hashed("host")), "known"),
        (format!("{} {one}", hashed("other")), "unknown"),
    ];
    for (lines, expected) in table {
        let verdict = match known_hosts::check(&lines, "host", &key(1)) {
            Verdict::Known => "known",
            Verdict::Unknown => "unknown",
            Verdict::Changed(_) => "changed",
        };
        assert_eq!(verdict, expected, "{lines}");
    }
}

fn hashed(host: &str) -> String {
    use base64::Engine;
    let base64 = base64::engine::general_purpose::STANDARD;
    let salt = b"saltsaltsaltsaltsalt";
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
    format!("|1|{}|{}", base64.encode(salt), base64.encode(ring::hmac::sign(&key, host.as_bytes())))
}
