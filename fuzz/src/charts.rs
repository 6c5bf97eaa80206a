//! Helm: templates, charts, archives, `--set`, versions.

use crate::bundles::tree;
use helm_rs::engine::{Engine, Settings, Source};
use helm_rs::functions::{Environment, Library, Seed};
use helm_rs::semver::{Constraint, Version};
use helm_rs::value::Value;
use helm_rs::{Chart, Options, Release, Values, strvals};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

const TIME: i64 = 1_795_000_000;

static LIBRARY: LazyLock<Arc<Library>> = LazyLock::new(|| Arc::new(Library::new()));

/// One template with all functions, over values of every kind: parsed, executed within its limits.
pub(crate) fn template(data: &[u8]) {
    let source = Source { name: "demo/templates/t".into(), base: "demo/templates".into(), text: data.into() };
    let Ok(engine) = Engine::parse(&[source], LIBRARY.clone()) else { return };
    let values = serde_json::json!({
        "Values": {"s": "text", "n": 3, "f": 1.5, "t": true, "none": null, "list": [1, "two", {"three": 3}], "map": {"a": {"b": "c"}}},
        "Release": {"Name": "demo", "Namespace": "shop"}, "Chart": {"Name": "demo", "Version": "1.0.0"},
    });
    let Value::Map(values) = Value::from_json(&values) else { return };
    let scopes = BTreeMap::from([("demo/templates".to_owned(), values)]);
    let settings = Settings::default();
    drop(std::hint::black_box(engine.render(&scopes, settings, &Environment::new(Seed::new([7; 32]), TIME))));
}

fn render(chart: &Chart) {
    let options = Options::new(Seed::new([7; 32]), TIME);
    drop(std::hint::black_box(helm_rs::render(chart, &Release::new("demo", "shop"), &Values::new(), &options)));
}

/// A chart in a directory: read, its values and schema checked, rendered.
pub(crate) fn chart(data: &[u8]) {
    if let Ok(chart) = Chart::load(&tree(data), "chart") {
        render(&chart);
    }
}

/// A packed chart.
pub(crate) fn archive(data: &[u8]) {
    if let Ok(chart) = Chart::from_archive(data) {
        render(&chart);
    }
}

/// The arguments of `--set` and its relatives.
pub(crate) fn set(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for set in [strvals::set, strvals::set_string, strvals::set_json, strvals::set_literal] {
        let mut values = serde_json::Map::new();
        drop(std::hint::black_box(set(text, &mut values)));
    }
}

/// `RANGE\nVERSION`: a version that is printed and read again is the same.
pub(crate) fn versions(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (range, version) = text.split_once('\n').unwrap_or((text, text));
    let (range, version) = (range.parse::<Constraint>(), Version::parse(version));
    if let (Ok(range), Ok(version)) = (&range, &version) {
        std::hint::black_box(range.check(version));
    }
    if let Ok(version) = version {
        assert_eq!(Version::parse(&version.to_string()).ok().map(|again| again.to_string()), Some(version.to_string()));
    }
}
