use std::sync::Arc;

use super::literal;
use super::{Delimiters, Shown, parse};
use crate::template::function::{Function, Functions};

#[derive(Debug)]
struct None0;

impl Functions for None0 {
    fn get(&self, _: &str) -> Option<&Function> {
        None
    }
}

/// The only template of a text, written back.
fn shown(text: &str) -> String {
    let name: Arc<str> = "t".into();
    let trees = parse(&name, &text.as_bytes().into(), &None0, Delimiters::default()).expect("it parses");
    let tree = &trees[&name];
    tree.source.nodes(tree.root).iter().map(|node| Shown(&tree.source, node).to_string()).collect()
}

fn error(text: &str) -> String {
    parse(&"t".into(), &text.as_bytes().into(), &None0, Delimiters::default())
        .map(|_| ())
        .expect_err("it does not parse")
        .to_string()
}

#[test]
fn templates_are_written_back_in_their_plain_form() {
    for (text, want) in [
        ("a{{- /* c */ -}} b", "ab"),
        ("a \n{{- .b.c -}}\n d", "a{{.b.c}}d"),
        ("{{ $x := 1 }}{{ $x = .y | len }}", "{{$x := 1}}{{$x = .y | len}}"),
        ("{{ range $i, $e := . }}{{ break }}{{ else }}n{{ end }}", "{{range $i, $e := .}}{{break}}{{else}}n{{end}}"),
        ("{{ if a.b }}{{ end }}".replace("a.b", "(len .).b").as_str(), "{{if (len .).b}}{{end}}"),
        ("{{ if .a }}1{{ else if .b }}2{{ else }}3{{ end }}", "{{if .a}}1{{else}}{{if .b}}2{{else}}3{{end}}{{end}}"),
        ("{{ block `n` . }}x{{ end }}", "{{template \"n\" .}}"),
        ("{{ print `r` \"q\" 'c' 0x10 1i nil true $ . }}", "{{print `r` \"q\" 'c' 0x10 1i nil true $ .}}"),
    ] {
        assert_eq!(shown(text), want, "{text}");
    }
}

#[test]
fn errors_are_those_of_go() {
    for (text, want) in [
        ("{{ x }}", "function \"x\" not defined"),
        ("{{ $x }}", "undefined variable \"$x\""),
        ("{{ if }}{{ end }}", "missing value for if"),
        ("{{ if .a }}", "unexpected EOF"),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{", "unclosed action"),
        ("{{ \"a }}", "unterminated quoted string"),
        ("{{ `a }}", "unterminated raw quoted string"),
        ("{{ 'a }}", "unterminated character constant"),
        ("{{/* a }}", "unclosed comment"),
        ("{{ (1 }}", "unclosed left paren"),
        ("{{ 1) }}", "unexpected right paren"),
        ("{{ 1 | 2 }}", "non executable command in pipeline stage 2"),
        ("{{ nil.a }}", "unexpected . after term \"nil\""),
        ("{{ 1_ }}", "illegal number syntax: \"1_\""),
        ("{{ 99999999999999999999 }}", "integer overflow: \"99999999999999999999\""),
        ("{{ break }}", "{{break}} outside {{range}}"),
        ("{{ template a }}", "unexpected \"a\" in template clause"),
        ("{{ range $a, $b, $c := . }}{{ end }}", "too many declarations in range"),
        ("{{ \u{7f} }}", "unrecognized character in action: U+007F"),
        ("{{ .a☺ }}", "bad character U+263A '☺'"),
        ("{{define \"x\"}}a{{end}}{{define \"x\"}}b{{end}}", "template: multiple definition of template \"x\""),
    ] {
        assert_eq!(error(text), format!("template: t:1: {want}"), "{text}");
    }
    assert_eq!(error("a\n{{ len\n"), "template: t:3: unclosed action started at t:2");
}

#[test]
fn numbers_are_held_in_every_type_that_fits() {
    let number = |text: &str| literal::number(text).map(|n| (n.int, n.uint, n.float));
    assert_eq!(number("0x_10"), Ok((Some(16), Some(16), Some(16.0))));
    assert_eq!(number("017"), Ok((Some(15), Some(15), Some(15.0))));
    assert_eq!(number("-1"), Ok((Some(-1), None, Some(-1.0))));
    assert_eq!(number("1e3"), Ok((Some(1000), Some(1000), Some(1000.0))));
    assert_eq!(number("0x1.8p1"), Ok((Some(3), Some(3), Some(3.0))));
    assert_eq!(number("18446744073709551615"), Ok((None, Some(u64::MAX), Some(18_446_744_073_709_551_615.0))));
    assert!(number("089").is_err() && number("1__0").is_err() && number("1e1000").is_err());
    assert_eq!(literal::complex("1+2i").map(|n| n.complex), Ok(Some((1.0, 2.0))));
    assert_eq!(literal::character(b"'\\u263a'").map(|n| n.int), Ok(Some(0x263a)));
}

#[test]
fn deep_nesting_parses_up_to_the_limit() {
    let nested = |n: usize| format!("{{{{ {}1{} }}}}", "(".repeat(n), ")".repeat(n));
    assert_eq!(shown(&nested(9_999)).len(), nested(9_999).len() - 2);
    assert!(error(&nested(10_001)).contains("max expression depth exceeded"));
    let ifs = |n: usize| format!("{}{}", "{{if .}}".repeat(n), "{{end}}".repeat(n));
    assert!(shown(&ifs(9_000)).len() > 9_000);
    assert!(error(&ifs(10_001)).contains("nest deeper than 10000 levels (the limit)"));
}
