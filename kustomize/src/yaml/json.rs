//! Between nodes and JSON: what `RNode.MarshalJSON` (text, read back by go-yaml v3) and `FromMap` make of them.

use k8s_yaml::{Mode, Quotes, Scalar, format_float, resolve_tagged, resolve_untagged, scalar_line};
use serde_json::{Map, Number, Value as Json};

use super::node::{Field, Key, Node, Style, Tag, Value};
use super::reread::{may_be_block, reread};
use crate::Error;

impl Node {
    /// The JSON that kustomize prints from this node, the keys of mappings in their order.
    ///
    /// # Errors
    /// A key given twice, a key below the root that is no string, infinity and not-a-number, a value that its tag forbids;
    /// with the line.
    pub fn to_json(&self) -> Result<Json, Error> {
        convert(self, true, false)
    }
}

fn convert(node: &Node, root: bool, in_flow: bool) -> Result<Json, Error> {
    let inner_flow = in_flow || node.style.has(Style::FLOW);
    match &node.value {
        Value::Scalar(text) => scalar(node, text, in_flow).map_err(|message| Error::new(message).at_line(node.line)),
        Value::Sequence(items) => items.iter().map(|item| convert(item, false, inner_flow)).collect(),
        Value::Mapping(fields) => {
            let mut map = Map::with_capacity(fields.len());
            for Field { key, value } in fields {
                check_key(key, root)?;
                let json = convert(value, false, inner_flow).map_err(|error| error.in_field(&key.text))?;
                if map.insert(String::from(&*key.text), json).is_some() {
                    return Err(Error::new(format!("mapping key \"{}\" already defined", key.text)).at_line(key.line));
                }
            }
            Ok(Json::Object(map))
        }
    }
}

/// Below the root kustomize can write only keys that are strings when they are read back.
fn check_key(key: &Key, root: bool) -> Result<(), Error> {
    let string = match key.tag {
        Tag::Str | Tag::Merge => true,
        // As a key nothing is written as ''.
        Tag::None | Tag::Null if key.text.is_empty() => true,
        Tag::None => key.style.is_quoted() || matches!(resolve_untagged(Mode::Kyaml, &key.text), Scalar::Text(_)),
        _ => false,
    };
    if root && key.tag == Tag::Null && !key.text.is_empty() {
        // Every mapping that kyaml sets fields of gets such a key a second time.
        let error = Error::new(format!("mapping key \"{}\" already defined: quote it", key.text));
        return Err(error.at_line(key.line).in_field(&key.text));
    }
    if string || root {
        return Ok(());
    }
    Err(Error::new(format!("the key {} is not a string (quote it)", key.text)).at_line(key.line))
}

/// What the scalar reads as after kyaml wrote it. Go: go-yaml v3 encode.go (`node`), then decode.go (`scalar`).
fn scalar(node: &Node, text: &str, in_flow: bool) -> Result<Json, String> {
    let tagged = node.style.has(Style::TAGGED);
    // Between brackets a text with a colon, as that of a time, is written in quotes.
    let quoted = node.style.is_quoted() || text.contains('\n') || in_flow && !tagged && text.contains(':');
    let resolved = match node.tag {
        Tag::Str => Scalar::Text(reread(node, text, in_flow)?),
        Tag::None if quoted => Scalar::Text(reread(node, text, in_flow)?),
        // Between brackets nothing is written as ''.
        Tag::None | Tag::Null if text.is_empty() && in_flow && !tagged => Scalar::Text(text.into()),
        Tag::None => resolve_untagged(Mode::Kyaml, text),
        Tag::Binary => resolve_tagged(Mode::Kyaml, "binary", text)?,
        Tag::Map | Tag::Seq | Tag::Merge | Tag::Other => Scalar::Text(text.into()),
        core => {
            let name = core_name(core).unwrap_or("str");
            // Without need the tag is not written, and a quoted text is then a string.
            let natural = resolve_untagged(Mode::Kyaml, text);
            if quoted && !tagged && tag_of(&natural) == name {
                Scalar::Text(text.into())
            } else {
                resolve_tagged(Mode::Kyaml, name, text)?
            }
        }
    };
    to_json(resolved)
}

/// The name of a tag for scalars; `None` where there is none to write.
pub(super) fn core_name(tag: Tag) -> Option<&'static str> {
    Some(match tag {
        Tag::Str => "str",
        Tag::Int => "int",
        Tag::Float => "float",
        Tag::Bool => "bool",
        Tag::Null => "null",
        Tag::Timestamp => "timestamp",
        Tag::Binary => "binary",
        Tag::None | Tag::Map | Tag::Seq | Tag::Merge | Tag::Other => return None,
    })
}

/// The name of the tag that a text has by itself.
pub(super) fn tag_of(scalar: &Scalar<'_>) -> &'static str {
    match scalar {
        Scalar::Null => "null",
        Scalar::Bool(_) => "bool",
        Scalar::Int(_) | Scalar::Uint(_) => "int",
        Scalar::Float(_) => "float",
        Scalar::Timestamp(_) => "timestamp",
        Scalar::Text(_) | Scalar::Merge => "str",
    }
}

fn to_json(scalar: Scalar<'_>) -> Result<Json, String> {
    Ok(match scalar {
        Scalar::Null => Json::Null,
        Scalar::Bool(value) => Json::Bool(value),
        Scalar::Int(value) => Json::from(value),
        Scalar::Uint(value) => Json::from(value),
        Scalar::Float(value) => {
            Json::Number(Number::from_f64(value).ok_or("infinity and not-a-number have no JSON form")?)
        }
        Scalar::Text(text) | Scalar::Timestamp(text) => Json::String(text.into_owned()),
        Scalar::Merge => Json::String("<<".to_owned()),
    })
}

/// The node that kyaml makes of JSON: fields in the order given, strings that look like something else quoted. Go: `FromMap`
/// (which sorts the keys; sort them before, where the order matters).
#[must_use]
pub fn from_json(json: &Json) -> Node {
    match json {
        Json::Null => Node::null(),
        Json::Bool(value) => tagged(if *value { "true" } else { "false" }, Tag::Bool),
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(value) => number_node(&format_float(value)),
            None => tagged(&number.to_string(), Tag::Int),
        },
        Json::String(text) => string_node(text),
        Json::Array(items) => {
            let mut node = Node { tag: Tag::Seq, ..Node::sequence() };
            items.iter().for_each(|item| node.push(from_json(item)));
            node
        }
        Json::Object(map) => {
            let mut node = Node { tag: Tag::Map, ..Node::mapping() };
            for (name, value) in map {
                let key = string_node(name);
                let key = Key { text: name.as_str().into(), tag: Tag::Str, style: key.style, ..Key::default() };
                node.push_field(key, from_json(value));
            }
            node
        }
    }
}

fn tagged(text: &str, tag: Tag) -> Node {
    Node { tag, ..Node::scalar(text) }
}

/// A whole float is written without a point and reads back as an integer.
fn number_node(text: &str) -> Node {
    let tag = if matches!(resolve_untagged(Mode::Kyaml, text), Scalar::Float(_)) { Tag::Float } else { Tag::Int };
    tagged(text, tag)
}

/// In the style in which go-yaml v3 writes the text: it is written and read again.
fn string_node(text: &str) -> Node {
    let mut node = tagged(text, Tag::Str);
    node.style = if text.contains('\n') {
        if may_be_block(text) { Style::LITERAL } else { Style::DOUBLE_QUOTED }
    } else if !matches!(resolve_untagged(Mode::Kyaml, text), Scalar::Text(_)) || k8s_yaml::needs_quotes(text) {
        Style::DOUBLE_QUOTED
    } else {
        match scalar_line(text, Quotes::No) {
            line if line == text => Style::PLAIN,
            line if line.starts_with('"') => Style::DOUBLE_QUOTED,
            _ => Style::SINGLE_QUOTED,
        }
    };
    node
}
