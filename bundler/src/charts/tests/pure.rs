//! What is decided without a network.

use super::super::access::{Access, Owner};
use super::super::index::Index;
use super::super::registry;
use super::super::source::Source;
use super::super::{Error, GitSource, Secrets, Wanted};

const INDEX: &str = r#"
apiVersion: v1
entries:
  web:
  - {version: 1.2.0, digest: AA00000000000000000000000000000000000000000000000000000000000000, urls: [a/web-1.2.0.tgz]}
  - {version: 1.10.0, urls: [b, c]}
  - {version: 2.0.0-rc.1, urls: [d]}
  - {version: v1.9, urls: [e]}
  - {version: "no version", urls: [f]}
  - null
  - [what]
  - {version: 1.2.0+first, urls: [g]}
  - {version: 0.9, urls: []}
  empty: []
  odd: text
"#;

fn chosen(chart: &str, range: &str) -> Result<String, String> {
    let index = Index::parse(INDEX.as_bytes())?;
    index.choose(chart, range).map(|entry| entry.version.clone()).map_err(|error| error.to_string())
}

#[test]
fn a_range_takes_the_newest_version_in_it_and_a_text_that_is_there_wins() {
    for (range, expected) in [
        ("", "1.10.0"),
        ("*", "1.10.0"),
        ("1.2.0", "1.2.0"),
        ("v1.9", "v1.9"),
        ("1.9.0", "v1.9"),
        ("~1.2", "1.2.0"),
        ("<1.10", "v1.9"),
        (">=1.0.0, <1.9 || 0.9", "1.2.0"),
        ("1.2.0+first", "1.2.0+first"),
        (">1.10.0-0", "2.0.0-rc.1"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
        ("^2-0", "2.0.0-rc.1"),
        ("1.0 - 1.9", "v1.9"),
    ] {
        assert_eq!(chosen("web", range).as_deref(), Ok(expected), "{range}");
    }
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    for (chart, range, expected) in [
        ("web", "^2", "there are 2.0.0-rc.1, 1.10.0, v1.9, 1.2.0, 1.2.0+first and older ones"),
        ("web", "three", "helm.version: `three` is neither a version nor a range"),
        ("webb", "", "did you mean `web`?"),
        ("empty", "", "no chart of this name"),
        ("odd", "", "no chart of this name"),
        ("nothing-like-it", "", "no chart of this name"),
    ] {
        let error = chosen(chart, range).unwrap_err();
        assert!(error.contains(expected), "{chart} {range}: {error}");
    }
}

#[test]
fn an_index_that_is_none_is_refused() {
    for (text, expected) in [
        ("", "a mapping with `entries`"),
        ("<html></html>", "a mapping with `entries`"),
        ("entries: {}", "no apiVersion"),
        ("apiVersion: v1\nentries: {a: [", "unclosed bracket"),
    ] {
        let error = Index::parse(text.as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let digest = Index::parse(INDEX.as_bytes()).unwrap().choose("web", "1.2.0").unwrap().digest;
    assert_eq!(digest.unwrap().hex(), format!("aa{}", "0".repeat(62)));
}

#[test]
fn what_fleet_yaml_says_is_read_as_a_place() {
    for (repo, chart, expected) in [
        ("https://charts.example/stable/", "web", "https://charts.example/stable/index.yaml"),
        ("https://charts.example", "web", "https://charts.example/index.yaml"),
        ("https://charts.example/a?token=x", "web", "https://charts.example/a/index.yaml?token=x"),
        ("", "https://charts.example/web-1.tgz", "https://charts.example/web-1.tgz"),
        ("", "web", "no directory of the bundle"),
        ("", "git::https://git.example/web//a?ref=v1", "https://git.example/web a v1"),
        ("", "git::https://ada:hunter2@git.example/web", "credentials do not belong into git"),
        ("https://charts.example", "git::https://git.example/web", "https://charts.example/index.yaml"),
        ("charts.example", "web", "relative URL"),
        ("ftp://charts.example", "web", "charts come from https://"),
        ("https://charts.example", "", "helm.chart is empty"),
        ("https://ada:hunter2@charts.example", "web", "do not belong into git"),
        ("https://charts.example/#a", "web", "it has a `#`"),
        ("https://ada:hunter2/#x@charts.example", "web", "\"https://ada:…\""),
        ("https://charts.example\t.evil/", "web", "white space"),
        ("https:\\\\charts.example", "web", "backslashes"),
        ("https://charts.example/a/../b", "web", "write the path that they lead to"),
        ("https://charts.example/a/%2E./b", "web", "write the path that they lead to"),
        ("https://charts.example/a/..%2fb", "web", "write the path that they lead to"),
        ("https://charts.example/a..b/.c?d=../e", "web", "https://charts.example/a..b/.c/index.yaml?d=../e"),
        ("", "https://charts.example/a/./web-1.tgz", "write the path that they lead to"),
        ("", "../web", "no directory of the bundle"),
        ("oci://ghcr.io/charts/web", "", "oci://ghcr.io/charts/web None"),
        ("oci://ghcr.io/charts/web", "web", "oci://ghcr.io/charts/web None"),
        ("oci://ghcr.io/charts/", "web", "oci://ghcr.io/charts/web None"),
        ("", "oci://localhost:5000/web:1.2", "oci://localhost:5000/web Some(\"1.2\")"),
        ("oci://docker.io/bitnamicharts", "web", "oci://registry-1.docker.io/bitnamicharts/web None"),
        ("oci://ghcr.io/web@sha256:12", "", "a tag or `@sha256:…`"),
        ("oci://ghcr.io/Web", "", "parts of a-z"),
        ("oci://ghcr.io/a/../web", "", "parts of a-z"),
        ("oci://ada:hunter2@ghcr.io/web", "", "do not belong into git"),
        ("oci://ghcr.io", "", "oci://host/name"),
        ("oci://gh cr.io/web", "", "names no host"),
    ] {
        let found = match Source::of(Wanted { repo, chart, version: "", dir: "" }) {
            Ok(Source::Repository { index }) => index.to_string(),
            Ok(Source::Package { url }) => url.to_string(),
            Ok(Source::Registry(reference)) => format!("{} {:?}", reference.text, reference.fixed),
            Ok(Source::Git(chart)) => format!("{} {} {}", chart.url, chart.dir, chart.reference),
            Err(error) => error.to_string(),
        };
        assert!(found.contains(expected) && !found.contains("hunter2"), "{repo} {chart}: {found}");
    }
}

#[test]
fn errors_tell_the_chart_and_what_to_do_and_no_secret() {
    let wanted = Wanted { repo: "https://ada:pass@charts.example/x?sig=secret", chart: "web", version: "~1", dir: "" };
    let note = Error::NoVersion { have: "there are 2.0.0".into() }.note(wanted);
    assert_eq!(
        note.message,
        "chart `web` of https://…@charts.example/x, version `~1`: no version of it matches; there are 2.0.0"
    );
    assert!(note.remedy().contains("helm.version"));
}

/// Every parser of what a server or a repository may say, over one text.
fn read_all(text: &[u8]) {
    let line = String::from_utf8_lossy(text);
    if let Ok(index) = Index::parse(text) {
        for range in ["", "~1.2", &line] {
            drop(index.choose("web", range));
        }
    }
    drop(registry::package_of(text));
    drop(registry::tags_of(text));
    drop(registry::token_of(text));
    drop(registry::choose(&[line.clone().into_owned(), "1.2.0".to_owned()], &line));
    registry::challenge(&line);
    registry::next_of(&line);
    drop(Secrets::by_path(|_| Some(text)));
    let pattern = Access::new(&line);
    for (repo, chart) in [(&*line, "web"), ("", &*line), (&*line, "")] {
        let wanted = Wanted { repo, chart, version: "", dir: "a" };
        let told = match Source::of(wanted) {
            Ok(Source::Repository { index: url } | Source::Package { url }) => {
                let owner = Owner { url: &url, text: repo };
                let admitted = pattern.as_ref().map(|access| access.of("a").admit(owner, &url));
                admitted.ok().and_then(Result::err).map(|error| error.to_string()).unwrap_or_default()
            }
            Ok(Source::Registry(reference)) => {
                reference.url(false, "tags/list").map_or_else(|e| e.to_string(), String::from)
            }
            Ok(Source::Git(chart)) => {
                let source = GitSource { cache: "none".into(), own: None, allow_file: false };
                source.admit(&chart, |_| true).map_or_else(|error| error.note(wanted).message, |(at, _)| at.to_string())
            }
            Err(error) => error.note(wanted).message,
        };
        assert!(!told.contains("hunter2") || !line.contains('@'), "{told}");
    }
}

#[test]
fn whatever_a_server_or_a_repository_says_is_an_error_or_a_result() {
    let texts = [
        INDEX,
        r#"{"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"x","size":1},"layers":[{"mediaType":"application/tar+gzip","digest":"sha256:00","size":-1}],"tags":["1",null],"token":"t"}"#,
        "Bearer realm=\"https://x/t\",service=\"a\",scope=\"é:b\"",
        "</v2/é?n=1>; rel=\"next\"",
        "oci://host:5000/a/é:1.2_3@sha256:0000",
        "https://ada:hunter2@charts.example:443/é?x=y#z",
        "'apps/*': {username: ada, password: sesame, caBundle: YQ==}\n'[': {}\n",
        "http[s]?://(charts\\.é)+:\\d+/",
    ];
    for text in texts {
        let text = text.as_bytes();
        for at in (0..text.len()).step_by(1 + text.len() / 120) {
            read_all(&text[..at]);
            for byte in [0, b'"', b':', b'@', 0xff] {
                let mut changed = text.to_vec();
                changed[at] = byte;
                read_all(&changed);
            }
        }
    }
}
