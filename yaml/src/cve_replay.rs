//! Advisories of others, replayed against the reader (docs/ADVISORIES.md).

use crate::{Options, from_str, parse};
use serde::Deserialize;

/// CVE-2019-11253 (Kubernetes), RUSTSEC-2018-0005: a few aliases that expand to billions of nodes.
#[test]
fn c39_aliases_that_expand_without_end_are_refused_with_a_place() {
    let mut nested = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..40 {
        let list = vec![format!("*a{}", level - 1); 9].join(", ");
        nested.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 100].join(", "));
    let merged = (1..40).fold(String::from("a0: &a0 {k: v}\n"), |text, level| {
        let keys: Vec<String> = (0..9).map(|key| format!("k{key}: *a{}", level - 1)).collect();
        format!("{text}a{level}: &a{level} {{{}}}\n", keys.join(", "))
    });
    for (what, text) in [("lists", nested), ("texts", long), ("mappings", merged)] {
        for options in [Options::sigs(), Options::kyaml()] {
            let error = parse(&text, &options).expect_err(what);
            assert!(error.to_string().contains("aliases expand to more than"), "{what}: {error}");
            assert!(error.position().is_some(), "{what}: {error}");
        }
    }
    assert!(parse("a: &a *a\n", &Options::sigs()).is_err(), "an alias inside of what it stands for");
}

/// The same by depth: what nests further than it is walked.
#[test]
fn c39_what_nests_without_end_is_refused_with_a_place() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
        let text = format!("{}x{}\n", open.repeat(100_000), close.repeat(100_000));
        let error = parse(&text, &Options::sigs()).expect_err(open);
        assert!(error.position().is_some(), "{open}: {error}");
    }
}

/// CVE-2022-36055, CVE-2025-55198 (Helm) and others: null, or another type, where a mapping is expected.
#[test]
fn c40_another_type_in_any_place_is_an_error_with_its_place_or_the_default() {
    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Inner {
        list: Vec<String>,
        map: std::collections::BTreeMap<String, String>,
        number: u32,
    }
    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Outer {
        inner: Inner,
        many: Vec<Inner>,
    }
    let odd =
        ["null", "[]", "{}", "\"\"", "0", "true", "[null]", "{a: null}", "1e999", "0x", "2001-01-01", "!!binary x"];
    let (mut refused, mut taken) = (0, 0);
    for value in odd {
        for text in [
            format!("inner: {value}\n"),
            format!("many: {value}\n"),
            format!("many: [{value}]\n"),
            format!("inner: {{list: {value}}}\n"),
            format!("inner: {{list: [{value}]}}\n"),
            format!("inner: {{map: {value}}}\n"),
            format!("inner: {{map: {{a: {value}}}}}\n"),
            format!("inner: {{number: {value}}}\n"),
            format!("{value}: {value}\n"),
            format!("{value}\n"),
        ] {
            match from_str::<Outer>(&text) {
                Ok(_) => taken += 1,
                Err(error) => {
                    refused += 1;
                    assert!(error.position().is_some(), "{text}: {error}");
                }
            }
        }
    }
    assert!(refused > 40 && taken > 20, "{refused} refused, {taken} taken");
}
