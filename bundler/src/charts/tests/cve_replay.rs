//! Advisories of others, replayed against charts that are fetched (docs/ADVISORIES.md).

use super::super::access::Owner;
use super::super::testserver::Page;
use super::credentials::{LOOPBACK, PASSWORD, access, user};
use super::*;
use reqwest::Url;

/// CVE-2021-32690 (Helm): an index that pointed elsewhere took the credentials along.
#[test]
fn c28_another_host_never_sees_them_whatever_a_redirect_or_an_index_says() {
    let fixture = Fixture::new();
    let other = fixture.another();
    other.put_chart("web", "1.0.0", &[]);
    let tgz = other.url("/web-1.0.0.tgz");
    let index = format!("apiVersion: v1\nentries: {{web: [{{version: 1.0.0, urls: [{tgz:?}]}}]}}");
    for page in [Page::redirect(&other.url("/index.yaml")), Page::of(index)] {
        fixture.server.put("/index.yaml", page.behind("ada", PASSWORD));
        fixture.server.put("/web-1.0.0.tgz", Page::redirect(&tgz).behind("ada", PASSWORD));
        // Each with a place of its own for what was fetched.
        let fetcher = Fetcher::new(fixture.runtime.handle().clone(), Ok(access(LOOPBACK, user())), None, "");
        let repo = fixture.server.url("/");
        fetcher.package(Wanted { repo: &repo, chart: "web", version: "", dir: "" }).unwrap();
    }
    assert!(fixture.server.requests().iter().all(|request| request.authorization.is_some()));
    let arrived = other.requests();
    assert_eq!(arrived.len(), 3, "{arrived:?}");
    assert!(arrived.iter().all(|request| request.authorization.is_none()), "{arrived:?}");
}

/// CVE-2026-48978, -50151 (oras): the realm of a token service was another host.
#[test]
fn c28_a_token_service_sees_them_where_it_is_the_registry_or_vouched_for() {
    let ghcr = access(
        r"oci://(ghcr\.io|registry-1\.docker\.io|registry\.gitlab\.example)/|https://gitlab\.example/jwt",
        user(),
    );
    for (registry, realm, shown) in [
        ("ghcr.io", "https://ghcr.io/token", true),
        ("ghcr.io", "https://ghcr.io:444/token", false),
        ("ghcr.io", "http://ghcr.io/token", false),
        ("ghcr.io", "https://evil.example/token", false),
        ("ghcr.io", "https://auth.docker.io/token", false),
        ("registry-1.docker.io", "https://auth.docker.io/token", true),
        ("registry-1.docker.io", "http://auth.docker.io/token", false),
        ("registry.gitlab.example", "https://gitlab.example/jwt/auth", true),
        ("other.example", "https://other.example/token", false),
    ] {
        let url = Url::parse(&format!("https://{registry}/v2/web/")).unwrap();
        let text = format!("oci://{registry}/web");
        let owner = Owner { url: &url, text: &text };
        assert_eq!(ghcr.of("").trusts_realm(owner, &Url::parse(realm).unwrap()), shown, "{registry} {realm}");
    }
}

/// CVE-2026-44936 (Fleet): whoever wrote `helm.repo` chose which network the hub looked into.
#[test]
fn c37_a_redirect_or_an_index_leads_to_no_private_network_that_nobody_vouched_for() {
    let fixture = Fixture::new();
    let other = fixture.another();
    other.put_chart("web", "1.0.0", &[]);
    let vouched = regex::escape(&fixture.server.url("/"));
    fixture.server.put("/index.yaml", Page::redirect(&other.url("/index.yaml")));
    let error = fixture.get_with(Access::new(&vouched).unwrap(), "web", "").unwrap_err();
    assert!(matches!(error, Error::Refused { .. } | Error::Address { .. }), "{error}");
    let index =
        format!("apiVersion: v1\nentries: {{web: [{{version: 1.0.0, urls: [{:?}]}}]}}", other.url("/web-1.0.0.tgz"));
    fixture.server.put("/index.yaml", Page::of(index));
    let error = fixture.get_with(Access::new(&vouched).unwrap(), "web", "").unwrap_err();
    assert!(matches!(error, Error::Refused { .. } | Error::Address { .. }), "{error}");
    assert!(other.requests().is_empty());
    fixture.get("web", "").unwrap();
}

/// The same, by a name of the DNS.
#[test]
fn c37_a_name_that_leads_to_a_private_network_is_refused_like_its_address() {
    let fixture = Fixture::new();
    let get = |access: Access| {
        let wanted = Wanted { repo: "https://localhost:9/", chart: "web", version: "", dir: "" };
        fixture.fetcher(access, "").package(wanted).unwrap_err()
    };
    let refused = get(Access::default());
    assert!(matches!(&refused, Error::Address { host, .. } if host == "localhost"), "{refused}");
    assert!(matches!(get(Access::new("https://localhost:9/").unwrap()), Error::Unreachable { .. }));
}

/// The same, without a server: what may be asked under which pattern.
#[test]
fn c37_only_what_the_pattern_vouches_for_may_be_private_or_in_the_clear() {
    let pattern = Access::new(r"https?://(charts\.example|10\.0\.0\.7)").unwrap();
    let port = Access::new("https://10.0.0.7:80").unwrap();
    let none = Access::new("").unwrap();
    let person = Access::of_person();
    for (access, url, allowed) in [
        (&none, "https://charts.example/a", true),
        (&none, "http://charts.example/a", false),
        (&none, "https://10.0.0.7/a", false),
        (&none, "https://127.0.0.1/a", false),
        (&none, "https://[::1]/a", false),
        (&none, "https://[::ffff:192.168.1.1]/a", false),
        (&none, "https://[fd12::1]/a", false),
        (&none, "https://100.64.0.1/a", false),
        (&none, "https://192.0.2.7/a", true),
        (&none, "ftp://charts.example/a", false),
        (&pattern, "http://charts.example/a", true),
        (&pattern, "http://charts.example:8080/a", true),
        (&pattern, "https://10.0.0.7/a", true),
        (&port, "https://10.0.0.7:80/a", true),
        (&port, "https://10.0.0.7:8080/a", false),
        (&port, "https://10.0.0.7/a", false),
        (&pattern, "https://10.0.0.70/a", false),
        (&pattern, "http://charts.example.evil/a", false),
        (&pattern, "https://evil/?https://10.0.0.7", true),
        (&pattern, "http://evil/http://charts.example/", false),
        (&pattern, "https://charts.example/a/..%2Fb", false),
        (&pattern, "https://charts.example/a..%2Fb", true),
        (&person, "http://127.0.0.1/a", true),
        (&person, "https://169.254.169.254/latest", false),
        (&person, "https://[fd00:ec2::254]/latest", false),
    ] {
        let url = Url::parse(url).unwrap();
        let owner = Owner { url: &url, text: url.as_str() };
        let admitted = access.of("").admit(owner, &url);
        assert_eq!(admitted.is_ok(), allowed, "{url}: {admitted:?}");
    }
    assert!(matches!(Access::new("("), Err(error) if error.to_string().contains("helmRepoURLRegex")));
}
