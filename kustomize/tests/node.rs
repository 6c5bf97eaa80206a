//! The node tree: what is kept of a text, how fields are set, and what JSON comes of it.

#![expect(clippy::unwrap_used, reason = "helpers of the tests unwrap")]

use kustomize_rs::yaml::{Group, Key, Kind, Node, Style, Tag, parse_documents, parse_one, reads_as_non_string};
use serde_json::json;

fn node(text: &str) -> Node {
    parse_one(text).unwrap().unwrap()
}

#[test]
fn scalars_keep_text_tag_and_style() {
    let cases = [
        ("a: 0x1F", "0x1F", Tag::Int, Style::PLAIN, json!(31)),
        ("a: yes", "yes", Tag::Str, Style::PLAIN, json!("yes")),
        ("a: '1'", "1", Tag::Str, Style::SINGLE_QUOTED, json!("1")),
        ("a: 1.0", "1.0", Tag::Float, Style::PLAIN, json!(1.0)),
        ("a: ~", "~", Tag::Null, Style::PLAIN, json!(null)),
        ("a:", "", Tag::Null, Style::PLAIN, json!(null)),
        ("a: !!str 1", "1", Tag::Str, Style::TAGGED, json!("1")),
        ("a: |\n  x\n", "x\n", Tag::Str, Style::LITERAL, json!("x\n")),
    ];
    for (text, value, tag, style, json) in cases {
        let root = node(text);
        let field = root.field("a").unwrap();
        assert_eq!((field.text(), &field.tag, field.style), (value, &tag, style), "{text}");
        assert_eq!(root.to_json().unwrap()["a"], json, "{text}");
    }
}

#[test]
fn setting_a_field_keeps_the_style_and_quotes_what_is_ambiguous() {
    let mut root = node("a: 'x'\nb: 1");
    root.set_field("a", Node::string("2"));
    root.set_field("b", Node::string("on"));
    root.set_field("c", Node::scalar("3"));
    root.set_field("d", Node::scalar("four"));
    assert_eq!(root.to_json().unwrap(), json!({"a": "2", "b": "on", "c": "3", "d": "four"}));
    root.set_field("d", Node::null());
    assert!(root.field("d").is_none());
}

#[test]
fn paths_lead_through_fields_elements_and_indices() {
    let mut root = node("a:\n- name: x\n  v: 1\n- name: y\n  v: 2\nn: null\n");
    assert_eq!(root.lookup(&["a", "[name=y]", "v"]).unwrap().unwrap().text(), "2");
    assert_eq!(root.lookup(&["a", "0", "v"]).unwrap().unwrap().text(), "1");
    assert_eq!(root.lookup(&["a", "-", "v"]).unwrap().unwrap().text(), "2");
    assert!(root.lookup(&["a", "2"]).unwrap().is_none());
    assert!(root.lookup(&["n", "below"]).unwrap().is_none());
    assert!(root.lookup(&["a", "b"]).is_err());
    let made = root.lookup_create(Kind::Scalar, &["m", "[name=z]", "v"]).unwrap().unwrap();
    made.set_text("3");
    assert_eq!(root.to_json().unwrap()["m"], json!([{"name": "z", "v": 3}]));
}

#[test]
fn anchors_and_merges_are_expanded() {
    let root = node("a: &a {x: 1, y: 2}\nb:\n  y: 3\n  <<: *a\nc: *a\n");
    assert_eq!(root.to_json().unwrap(), json!({"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}, "c": {"x": 1, "y": 2}}));
}

#[test]
fn documents_are_divided_at_separators() {
    let nodes = parse_documents("# none\n---\na: 1\n---\n---\nb: 2\n--- # c\nc: |\n  text\n---\n").unwrap();
    let json: Vec<_> = nodes.iter().map(|node| node.to_json().unwrap()).collect();
    assert_eq!(json, [json!({"a": 1}), json!({"b": 2}), json!({"c": "text\n"})]);
    assert_eq!(parse_documents("a: 1\n---\n\nb: [\n").unwrap_err().line(), Some(4));
    assert!(parse_documents("a: 1\n--- b\nc: 1\n").is_err());
}

#[test]
fn duplicate_and_non_string_keys_have_no_json() {
    assert!(node("a: 1\na: 2").to_json().unwrap_err().to_string().contains("line 2"));
    assert!(node("a: {1: x}").to_json().is_err());
    assert_eq!(node("1: x").to_json().unwrap(), json!({"1": "x"}));
}

#[test]
fn texts_that_yaml_1_1_takes_for_something_else() {
    for text in ["yes", "1_0", "0x1", "[a]", "a: b", "# c", "~", "1:30", "- a"] {
        assert_eq!(reads_as_non_string(text), text != "1:30", "{text}");
    }
    for text in ["", "a", "a b", "2001-01-01", "*x", "a\nb"] {
        assert!(!reads_as_non_string(text), "{text}");
    }
}

#[test]
fn places_of_a_group_follow_the_last_write_and_copies_do_not() {
    let group = Group::default();
    let mut root = node("a: {}\nb: {}\nc: {}");
    for name in ["a", "b"] {
        root.field_mut(name).unwrap().push_field(Key::new("x"), Node::string("old").in_group(&group));
    }
    let copy = root.field("a").unwrap().clone();
    root.put("c", copy);
    root.field_mut("b").unwrap().set_field("x", Node::string("new"));
    root.settle_groups();
    assert_eq!(root.to_json().unwrap(), json!({"a": {"x": "new"}, "b": {"x": "new"}, "c": {"x": "old"}}));
}
