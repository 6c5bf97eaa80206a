//! `helm.repo` over http.

use super::super::testserver::{Page, package};
use super::*;

#[test]
fn a_chart_of_a_range_is_fetched_and_asked_for_again_only_where_it_must() {
    let fixture = Fixture::new();
    for version in ["1.2.0", "1.3.0-rc.1", "1.2.7", "2.0.0"] {
        fixture.server.put_chart("web", version, &[]);
    }
    let found = fixture.get("web", "~1.2").unwrap();
    assert_eq!(&*found.bytes, package("web", "1.2.7", &[]).as_slice());
    assert_eq!(fixture.get("web", "1.2.7").unwrap(), found);
    assert_eq!(fixture.asked(), ["/index.yaml", "/web-1.2.7.tgz", "/index.yaml"]);
    // From now on this version needs no network, and a range needs the index alone.
    assert_eq!(fixture.get("web", "1.2.7").unwrap(), found);
    assert_eq!(fixture.get("web", "~1.2").unwrap(), found);
    assert_eq!(fixture.asked().len(), 4, "{:?}", fixture.asked());
    let repo = fixture.server.url("/");
    let anew = fixture.fetcher(Access::new("http://").unwrap(), "another edition");
    let wanted = Wanted { repo: &repo, chart: "web", version: "1.2.7", dir: "" };
    assert!(anew.package(wanted).is_err(), "`http://` vouches for no host");
    fixture.server.clear();
    assert_eq!(fixture.get("web", "1.2.7").unwrap(), found);
    assert!(matches!(fixture.get("web", "~1.2"), Err(Error::NotFound { .. })));
}

#[test]
fn what_is_on_disk_is_given_to_who_could_fetch_it_alone() {
    let fixture = Fixture::new();
    fixture.server.put_chart("web", "1.0.0", &[]);
    fixture.get("web", "1.0.0").unwrap();
    let refused = fixture.get_with(Access::new("").unwrap(), "web", "1.0.0");
    assert!(matches!(refused, Err(Error::Refused { .. } | Error::Address { .. })), "{refused:?}");
}

#[test]
fn a_damaged_copy_is_fetched_again() {
    let fixture = Fixture::new();
    fixture.server.put_chart("web", "1.0.0", &[]);
    let found = fixture.get("web", "1.0.0").unwrap();
    let file = fixture.folder.path().join(format!("{}.tgz", found.digest.hex()));
    std::fs::write(&file, b"rot").unwrap();
    assert_eq!(fixture.get("web", "1.0.0").unwrap(), found);
    assert_eq!(std::fs::read(&file).unwrap(), &*found.bytes);
}

#[test]
fn an_index_is_asked_for_once_in_a_read() {
    let fixture = Fixture::new();
    fixture.server.put_chart("web", "1.0.0", &[]);
    fixture.server.put_chart("db", "1.0.0", &[]);
    let fetcher = fixture.fetcher(Access::of_person(), "");
    let repo = fixture.server.url("/");
    for chart in ["web", "db"] {
        fetcher.package(Wanted { repo: &repo, chart, version: "", dir: "" }).unwrap();
    }
    assert_eq!(fixture.asked(), ["/index.yaml", "/web-1.0.0.tgz", "/db-1.0.0.tgz"]);
}

#[test]
fn a_package_of_another_digest_is_refused() {
    let fixture = Fixture::new();
    fixture.server.put_chart("web", "1.0.0", &[]);
    fixture.server.put("/web-1.0.0.tgz", Page::of(package("web", "1.0.0", &[("values.yaml", "evil: true\n")])));
    let error = fixture.get("web", "").unwrap_err();
    assert!(matches!(error, Error::Digest { .. }), "{error}");
}

#[test]
fn what_is_no_chart_is_refused() {
    let fixture = Fixture::new();
    let page = |body: &[u8]| Page::of(body);
    let bomb = package("web", "1.0.0", &[("templates/a", &"0".repeat(101 << 20))]);
    for (bytes, expected) in [
        (b"text".as_slice(), "gzipped archive"),
        (&package("web", "1", &[("Chart.yaml", "a: [")]), "Chart.yaml"),
        (&bomb, "larger than the maximum"),
    ] {
        fixture.server.put("/web.tgz", page(bytes));
        let chart = fixture.server.url("/web.tgz");
        let fetched =
            fixture.fetcher(Access::of_person(), "").package(Wanted { repo: "", chart: &chart, version: "", dir: "" });
        let error = fetched.unwrap_err().to_string();
        assert!(error.contains("no packaged chart") && error.contains(expected), "{error}");
    }
}

#[test]
fn a_package_by_its_address_is_fetched_once() {
    let fixture = Fixture::new();
    fixture.server.put("/web.tgz", Page::of(package("web", "1.0.0", &[])));
    let chart = fixture.server.url("/web.tgz");
    let get =
        || fixture.fetcher(Access::of_person(), "").package(Wanted { repo: "", chart: &chart, version: "", dir: "" });
    assert_eq!(&*get().unwrap().bytes, package("web", "1.0.0", &[]).as_slice());
    get().unwrap();
    assert_eq!(fixture.asked(), ["/web.tgz"]);
}

#[test]
fn what_fails_says_why() {
    let fixture = Fixture::new();
    let status = |status| Page { status, ..Page::default() };
    for (page, expected) in [
        (status(404), "is not there (HTTP 404"),
        (status(503), "cannot be reached: HTTP 503"),
        (status(401), "refused a request without credentials (HTTP 401"),
        (Page::of("no: index"), "no apiVersion"),
        (Page::redirect("http://169.254.169.254/latest"), "169.254.169.254"),
        (Page::redirect("file:///etc/passwd"), "file"),
        (Page::redirect("/index.yaml"), "more than 5 redirects"),
        (Page::of(vec![b' '; (32 << 20) + 1]), "more than 33554432 bytes"),
    ] {
        fixture.server.put("/index.yaml", page);
        let error = fixture.get("web", "").unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_server_that_never_ends_is_left_when_the_hub_stops() {
    let fixture = Fixture::new();
    let silent = fixture.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let repo = format!("http://{}/", silent.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let fetcher = fixture.fetcher(Access::of_person(), "").until(stopped);
    let waiting = std::thread::spawn(move || {
        fetcher.package(Wanted { repo: &repo, chart: "web", version: "", dir: "" }).unwrap_err().to_string()
    });
    let _held = fixture.runtime.block_on(silent.accept()).unwrap();
    stop.send(true).unwrap();
    let error = waiting.join().unwrap();
    assert!(error.contains("the hub is stopping"), "{error}");
}
