//! `oci://`: what a registry is asked, and what it may answer.

use super::super::registry::{self, Challenge};
use super::super::testserver::{Page, basic, package};
use super::credentials::{access, secret};
use super::*;
use fleet_api::Digest;
use serde_json::{Value, json};

const NAME: &str = "/v2/charts/web";

fn manifest(blob: &[u8]) -> Value {
    json!({
        "schemaVersion": 2, "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": "sha256:0", "size": 2},
        "layers": [
            {"mediaType": "application/vnd.cncf.helm.chart.provenance.v1.prov", "digest": "sha256:0", "size": 1},
            {"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": Digest::of(blob).to_string(), "size": blob.len()},
        ],
    })
}

fn blob_path(bytes: &[u8]) -> String {
    format!("{NAME}/blobs/{}", Digest::of(bytes))
}

/// Puts versions of the chart; gives the paths.
fn put(server: &WebServer, versions: &[&str]) -> Vec<String> {
    let mut paths = Vec::new();
    for version in versions {
        let bytes = package("web", version, &[]);
        let path = format!("{NAME}/manifests/{}", version.replace('+', "_"));
        server.put(&path, Page::of(manifest(&bytes).to_string()));
        paths.extend([path, blob_path(&bytes)]);
        server.put(&blob_path(&bytes), Page::of(bytes));
    }
    paths
}

/// Fetches with a secret of these values, and `basicHTTP`, as the registry speaks http.
fn pull(fixture: &Fixture, version: &str, user: Option<(&str, &str)>) -> Result<Package, Error> {
    let repo = fixture.server.url("/charts").replace("http://", "oci://");
    let mut values = vec![("basicHTTP", "true")];
    values.extend(user.into_iter().flat_map(|(name, password)| [("username", name), ("password", password)]));
    let access = access(r"oci://127\.0\.0\.1:\d+/|http://127\.0\.0\.1:\d+/", secret(&values)?);
    fixture.fetcher(access, "").package(Wanted { repo: &repo, chart: "web", version, dir: "" })
}

#[test]
fn a_version_is_two_questions_and_then_none() {
    let fixture = Fixture::new();
    let paths = put(&fixture.server, &["1.2.0"]);
    let found = pull(&fixture, "1.2.0", None).unwrap();
    assert_eq!(&*found.bytes, package("web", "1.2.0", &[]).as_slice());
    assert_eq!(fixture.asked(), paths);
    fixture.server.clear();
    assert_eq!(pull(&fixture, "1.2.0", None).unwrap(), found);
}

#[test]
fn a_range_is_looked_up_over_all_pages_of_tags() {
    let fixture = Fixture::new();
    put(&fixture.server, &["1.2.7+build.1", "1.3.0-rc.1", "2.0.0"]);
    let next = format!("<{NAME}/tags/list?last=x>; rel=\"next\"");
    let headers = vec![("link".to_owned(), next)];
    let first = Page { headers, ..Page::of(json!({"tags": ["latest", "1.2.0", "1.3.0-rc.1"]}).to_string()) };
    fixture.server.put(&format!("{NAME}/tags/list?n=1000"), first);
    let second = json!({"name": "web", "tags": ["2.0.0", "1.2.7_build.1"]}).to_string();
    fixture.server.put(&format!("{NAME}/tags/list?last=x"), Page::of(second));
    for (range, version) in [("~1.2", "1.2.7+build.1"), ("", "2.0.0"), (">=1.3.0-0, <2", "1.3.0-rc.1")] {
        assert_eq!(&*pull(&fixture, range, None).unwrap().bytes, package("web", version, &[]).as_slice(), "{range}");
    }
    let error = pull(&fixture, "^3", None).unwrap_err().to_string();
    assert!(error.contains("there are 2.0.0, 1.3.0-rc.1, 1.2.7+build.1, 1.2.0"), "{error}");
}

fn guard(fixture: &Fixture, paths: &[String], authorization: &str, challenge: &str) {
    for path in paths {
        fixture.server.guard(path, authorization, Some(challenge));
    }
}

#[test]
fn a_token_is_asked_for_where_the_registry_sends_us() {
    for user in [None, Some(("ada", "hunter2"))] {
        let fixture = Fixture::new();
        let paths = put(&fixture.server, &["1.2.0"]);
        let realm = fixture.server.url("/token");
        let challenge = format!("Bearer realm=\"{realm}\",service=\"reg\",scope=\"repository:charts/web:pull\"");
        guard(&fixture, &paths, "Bearer t0ken", &challenge);
        let token = "/token?service=reg&scope=repository%3Acharts%2Fweb%3Apull";
        fixture.server.put(token, Page::of(json!({"token": "t0ken"}).to_string()));
        if let Some((name, password)) = user {
            fixture.server.guard(token, &basic(name, password), None);
        }
        pull(&fixture, "1.2.0", user).unwrap();
        let sent: Vec<_> = fixture.server.requests().into_iter().map(|request| request.authorization).collect();
        let bearer = Some("Bearer t0ken".to_owned());
        let shown = user.map(|(name, password)| basic(name, password));
        assert_eq!(sent, [None, shown, bearer.clone(), bearer], "the registry itself sees no password");
    }
}

#[test]
fn user_and_password_go_to_a_registry_that_asks_for_them() {
    let fixture = Fixture::new();
    let paths = put(&fixture.server, &["1.2.0"]);
    guard(&fixture, &paths, &basic("ada", "hunter2"), "Basic realm=\"registry\"");
    pull(&fixture, "1.2.0", Some(("ada", "hunter2"))).unwrap();
    let error = pull(&fixture, "1.3.0", Some(("ada", "wrong"))).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    fixture.server.guard(&paths[0], "Basic other", Some("Basic realm=\"registry\""));
    let other = Fixture { folder: tempfile::tempdir().unwrap(), ..fixture };
    let error = pull(&other, "1.2.0", Some(("ada", "hunter2"))).unwrap_err().to_string();
    assert!(error.contains("refused the password of user \"ada\"") && !error.contains("hunter2"), "{error}");
}

#[test]
fn a_store_that_a_registry_redirects_to_sees_no_password_and_no_token() {
    for (authorization, challenge) in [
        (basic("ada", "hunter2"), "Basic realm=\"registry\"".to_owned()),
        ("Bearer t0ken".to_owned(), "Bearer realm=\"TOKEN\"".to_owned()),
    ] {
        let fixture = Fixture::new();
        let store = fixture.another();
        let paths = put(&fixture.server, &["1.2.0"]);
        fixture.server.put("/token", Page::of(json!({"token": "t0ken"}).to_string()));
        fixture.server.put(&paths[1], Page::redirect(&store.url("/store")));
        store.put("/store", Page::of(package("web", "1.2.0", &[])));
        guard(&fixture, &paths, &authorization, &challenge.replace("TOKEN", &fixture.server.url("/token")));
        pull(&fixture, "1.2.0", Some(("ada", "hunter2"))).unwrap();
        let arrived = store.requests();
        assert!(arrived.len() == 1 && arrived[0].authorization.is_none(), "{arrived:?}");
    }
}

#[test]
fn what_is_not_what_was_asked_for_is_refused() {
    let bytes = package("web", "1.2.0", &[]);
    let other = package("web", "6.6.6", &[]);
    let mut image = manifest(&bytes);
    image["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
    let mut large = manifest(&bytes);
    large["layers"][1]["size"] = (1_u64 << 40).into();
    let mut none = manifest(&bytes);
    none["layers"] = json!([]);
    let pinned = format!("@{}", Digest::of(b"another manifest"));
    for (manifest, blob, version, expected) in [
        (manifest(&bytes).to_string(), &other, "1.2.0", "has the digest"),
        (image.to_string(), &bytes, "1.2.0", "it is no Helm chart: its config is `application/vnd.oci.image.config"),
        (large.to_string(), &bytes, "1.2.0", "more than 67108864 bytes"),
        (none.to_string(), &bytes, "1.2.0", "has no packaged chart"),
        ("<html>".to_owned(), &bytes, "1.2.0", "it is no manifest"),
        (manifest(&bytes).to_string(), &bytes, "1.2.1", "is not there (HTTP 404"),
        (manifest(&bytes).to_string(), &bytes, &pinned, "has the digest"),
    ] {
        let fixture = Fixture::new();
        fixture.server.put(&format!("{NAME}/manifests/1.2.0"), Page::of(manifest.clone()));
        fixture.server.put(&format!("{NAME}/manifests/{}", pinned.trim_start_matches('@')), Page::of(manifest));
        // Of the same length, so that its size does not tell.
        fixture.server.put(&blob_path(&bytes), Page::of(blob.clone()));
        let error = if version.starts_with('@') {
            let repo = fixture.server.url(&format!("/charts/web{version}")).replace("http://", "oci://");
            let access = access(r"oci://127\.0\.0\.1:\d+/", secret(&[("basicHTTP", "1")]).unwrap());
            fixture.fetcher(access, "").package(Wanted { repo: &repo, chart: "", version: "", dir: "" })
        } else {
            pull(&fixture, version, None)
        };
        let error = error.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn challenges_and_links_are_read() {
    let bearer = |text: &str| Some(Challenge::Bearer(text.parse().unwrap()));
    for (text, expected) in [
        ("Basic realm=\"x\"", Some(Challenge::Basic)),
        ("basic", Some(Challenge::Basic)),
        (
            "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull\"",
            bearer("https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Aa%2Fb%3Apull"),
        ),
        ("bearer  scope=\"a:b:pull,push\", realm=https://x/t", bearer("https://x/t?scope=a%3Ab%3Apull%2Cpush")),
        ("Bearer service=\"x\"", None),
        ("Bearer realm=\"https://ada:x@y/\"", None),
        ("Bearer realm=\"nowhere\"", None),
        ("Negotiate", None),
        ("", None),
        ("Bearer realm=\"https://x/t", bearer("https://x/t")),
    ] {
        assert_eq!(registry::challenge(text), expected, "{text}");
    }
    for (link, expected) in [
        ("</v2/x?last=1>; rel=\"next\"", Some("/v2/x?last=1")),
        ("<a>; title=x; rel=next", Some("a")),
        ("<a>; rel=\"prev\"", None),
        ("a", None),
    ] {
        assert_eq!(registry::next_of(link), expected, "{link}");
    }
    assert!(registry::token_of(b"{\"token\": 1, \"x\": \"hunter2\"}").is_err_and(|error| !error.contains("hunter2")));
    assert_eq!(registry::token_of(b"{\"access_token\": \"a\"}").as_deref().map(String::as_str), Ok("a"));
}
