//! Nodes as text: what kyaml's `RNode.String` gives, styles kept, two columns for each level, lists not indented below
//! their key, long lines left alone.
//!
//! A build prints its objects from JSON; this is for text that is YAML again: values of fields into which `replacements`
//! reach, and what they compare.

use std::borrow::Cow;

use k8s_yaml::{Mode, Quotes, Scalar, resolve_untagged, scalar_line};

use super::json::{core_name, tag_of};
use super::node::{Field, Key, Node, Style, Tag, Value};
use super::reread::fold;

/// The node as a document, with a line end.
#[must_use]
pub fn to_text(node: &Node) -> String {
    to_placed_text(node).0
}

/// As [`to_text`], and of each entry of a mapping and each item of a list that is not in brackets where it begins in the text,
/// and the line from which it was read.
pub(super) fn to_placed_text(node: &Node) -> (String, Vec<(usize, u32)>) {
    let mut out = Out::default();
    write(node, 0, Place::Root, &mut out);
    if !out.text.ends_with('\n') {
        out.text.push('\n');
    }
    (out.text, out.begun)
}

#[derive(Default)]
struct Out {
    text: String,
    /// Where something begins, and its line in the text that was read.
    begun: Vec<(usize, u32)>,
}

/// Where a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    /// Behind a `-`.
    Element,
    /// Behind a `key:`.
    Value,
}

fn write(node: &Node, level: usize, place: Place, out: &mut Out) {
    match &node.value {
        Value::Mapping(fields) if !fields.is_empty() && !node.style.has(Style::FLOW) => {
            for (at, Field { key, value }) in fields.iter().enumerate() {
                if at > 0 || place == Place::Value {
                    new_line(level, &mut out.text);
                }
                out.begun.push((out.text.len(), key.line));
                out.text.push_str(&key_text(key));
                out.text.push(':');
                // A list stands below its key, everything else one level deeper.
                let deeper = if value.is_sequence() { level } else { level + 1 };
                write(value, deeper, Place::Value, out);
            }
        }
        Value::Sequence(items) if !items.is_empty() && !node.style.has(Style::FLOW) => {
            for (at, item) in items.iter().enumerate() {
                if at > 0 || place == Place::Value {
                    new_line(level, &mut out.text);
                }
                out.begun.push((out.text.len(), item.line));
                out.text.push_str("- ");
                write(item, level + 1, Place::Element, out);
            }
        }
        Value::Scalar(text) if block_style(node, text).is_some() => {
            if place == Place::Value {
                out.text.push(' ');
            }
            write_block(text, level.max(1), block_style(node, text) == Some('>'), &mut out.text);
        }
        _ => {
            let mut text = String::new();
            write_flow(node, false, &mut text);
            if place == Place::Value && !text.is_empty() {
                out.text.push(' ');
            }
            out.text.push_str(&text);
        }
    }
}

fn new_line(level: usize, out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out.extend(std::iter::repeat_n("  ", level));
}

fn write_flow(node: &Node, in_flow: bool, out: &mut String) {
    match &node.value {
        // Nothing at all cannot stand between brackets.
        Value::Scalar(text) if text.is_empty() && in_flow && !node.style.is_quoted() => out.push_str("''"),
        Value::Scalar(_) => out.push_str(&scalar_text(node)),
        Value::Sequence(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_flow(item, true, out);
            }
            out.push(']');
        }
        Value::Mapping(fields) => {
            out.push('{');
            for (at, Field { key, value }) in fields.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                out.push_str(&key_text(key));
                out.push_str(": ");
                write_flow(value, true, out);
            }
            out.push('}');
        }
    }
}

fn key_text(key: &Key) -> String {
    let node = Node { tag: key.tag, style: key.style, ..Node::scalar(&*key.text) };
    scalar_text(&node)
}

/// A scalar on one line, in its style; empty for lists and mappings. Go: `encoder.node`.
#[must_use]
pub fn scalar_text(node: &Node) -> String {
    let Value::Scalar(text) = &node.value else { return String::new() };
    let tag = written_tag(node, text);
    let is_text = matches!(resolve_untagged(Mode::Kyaml, text), Scalar::Text(_));
    let quotes = if node.style.has(Style::SINGLE_QUOTED) {
        Quotes::Single
    } else if node.style.is_quoted() || (node.tag == Tag::Str && !is_text && tag.is_none()) {
        Quotes::Double
    } else {
        Quotes::No
    };
    match tag {
        Some(tag) => format!("!!{tag} {}", scalar_line(text, quotes)),
        None => scalar_line(text, quotes),
    }
}

/// The tag that must stand before a scalar: one that was written, or one that the text alone does not say (a number that
/// became a word). Go: `encoder.node`.
fn written_tag(node: &Node, text: &str) -> Option<&'static str> {
    let name = core_name(node.tag)?;
    let is_said = node.tag == Tag::Str || tag_of(&resolve_untagged(Mode::Kyaml, text)) == name;
    (node.style.has(Style::TAGGED) || !is_said).then_some(name)
}

/// `|` or `>`, for a text that is written in lines. Go: `yaml_emitter_select_scalar_style`.
fn block_style(node: &Node, text: &str) -> Option<char> {
    let quoted = node.style.has(Style::SINGLE_QUOTED.with(Style::DOUBLE_QUOTED));
    let lines = node.style.has(Style::LITERAL.with(Style::FOLDED)) || text.contains('\n');
    let unwritable = text.is_empty() || text.ends_with(' ') || text.contains(" \n") || text.contains(['\t', '\r']);
    if quoted || !lines || unwritable {
        return None;
    }
    Some(if node.style.has(Style::FOLDED) { '>' } else { '|' })
}

fn write_block(text: &str, level: usize, folded: bool, out: &mut String) {
    out.push(if folded { '>' } else { '|' });
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text == "\n" || text.ends_with("\n\n") {
        out.push('+');
    }
    out.push('\n');
    let written = if folded { Cow::Owned(fold(text)) } else { Cow::Borrowed(text) };
    let body = written.strip_suffix('\n').unwrap_or(&written);
    for line in body.split('\n') {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n("  ", level));
            out.push_str(line);
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse_one;

    #[test]
    fn text_comes_back_as_kyaml_writes_it() {
        for (text, expected) in [
            ("b: 1\na: {x: [1, 'y'], z: {}}\n", "b: 1\na: {x: [1, 'y'], z: {}}\n"),
            (
                "a:\n    - x\n    -   y: 1\n        z: 2\n    - - p\n      - q\n",
                "a:\n- x\n- y: 1\n  z: 2\n- - p\n  - q\n",
            ),
            ("a: |\n   x\n   y\nb: >-\n  one\n  two\n", "a: |\n  x\n  y\nb: >-\n  one two\n"),
            ("a: \"q\"\nb: 'r'\n\"c d\": e\nf:\n", "a: \"q\"\nb: 'r'\n\"c d\": e\nf:\n"),
            ("- 1\n- two\n", "- 1\n- two\n"),
            ("text", "text\n"),
            ("a: {}\nb: []\n", "a: {}\nb: []\n"),
            ("a: {b: , c: \"\"}\n", "a: {b: '', c: \"\"}\n"),
            ("a: >\n  one\n  two\nb: !!int 5\nc: !!str 5\n", "a: >\n  one two\n\nb: !!int 5\nc: !!str 5\n"),
            ("l:\n- |\n  x\n- m: |-\n    y\n", "l:\n- |\n  x\n- m: |-\n    y\n"),
        ] {
            assert_eq!(to_text(&parse_one(text).unwrap().unwrap()), expected);
        }
        let long = format!("a: {}\n", "word ".repeat(40).trim());
        assert_eq!(to_text(&parse_one(&long).unwrap().unwrap()), long);
    }

    #[test]
    fn what_the_engine_sets_is_quoted_if_it_must_be() {
        let mut node = parse_one("a: 1").unwrap().unwrap();
        node.put("a", Node::string("2"));
        node.put("b", Node::scalar("x: y"));
        assert_eq!(to_text(&node), "a: \"2\"\nb: 'x: y'\n");
    }
}
