//! The suffix that the names of generated ConfigMaps and Secrets get.
//!
//! kustomize: api/hasher/hasher.go.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::go_json;
use crate::yaml::{Kind, Node};

/// The hash of the content of a ConfigMap or Secret: ten characters, no vowel among them. Neither name, nor labels, nor
/// `immutable` count.
///
/// # Errors
/// The data cannot be written as JSON; the object is of another kind.
pub(crate) fn of(object: &Node) -> Result<String, Error> {
    let content = match object.text_at(&["kind"]) {
        "ConfigMap" => content(object, "ConfigMap", &["data"], "binaryData")?,
        "Secret" => content(object, "Secret", &["data", "type"], "stringData")?,
        other => return Err(Error::new(format!("only a ConfigMap or Secret has a hash, not a {other}"))),
    };
    Ok(encode(&go_json::to_string(&Value::Object(content))))
}

/// The fields that count, `optional` only if it is a mapping.
fn content(object: &Node, kind: &str, fields: &[&str], optional: &str) -> Result<Map<String, Value>, Error> {
    let mut content = Map::new();
    content.insert("kind".to_owned(), kind.into());
    // Go looks up a field "metadata/name", which nothing has.
    content.insert("name".to_owned(), "".into());
    for &field in fields {
        content.insert(field.to_owned(), value(object, field)?);
    }
    let has_optional = object.field(optional).is_some_and(|node| node.kind() != Kind::Scalar);
    if has_optional {
        content.insert(optional.to_owned(), value(object, optional)?);
    }
    Ok(content)
}

/// The value of a field, a scalar as its text, a list as null, numbers as floats.
fn value(object: &Node, name: &str) -> Result<Value, Error> {
    Ok(match object.field(name) {
        None => "".into(),
        Some(node) => match node.kind() {
            Kind::Scalar => node.text().into(),
            Kind::Sequence => Value::Null,
            Kind::Mapping => go_json::with_floats(node.to_json().map_err(|error| error.in_field(name))?),
        },
    })
}

/// Ten digits of the SHA-256 with the vowels, and the digits that look like them, replaced.
fn encode(content: &str) -> String {
    let digits = Sha256::digest(content.as_bytes()).into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let letter = |digit: u8| match digit {
        0 => 'g',
        1 => 'h',
        3 => 'k',
        10 => 'm',
        14 => 't',
        other => char::from_digit(u32::from(other), 16).unwrap_or('g'),
    };
    digits.take(10).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse_one;

    /// api/hasher/hasher_test.go
    #[test]
    fn hashes_are_those_of_kustomize() {
        for (object, expected) in [
            ("kind: ConfigMap", "6ct58987ht"),
            ("kind: ConfigMap\ndata:\n  one: \"\"", "9g67k2htb6"),
            ("kind: ConfigMap\ndata:\n  two: 2\n  one: \"\"\n  three: 3", "7757f9kkct"),
            ("kind: ConfigMap\nbinaryData:\n  one: \"\"", "6mtk2m274t"),
            ("kind: ConfigMap\nbinaryData:\n  two: 2\n  one: \"\"\n  three: 3", "9th7kc28dg"),
            ("kind: ConfigMap\ndata:\n  one: \"\"\nbinaryData:\n  two: \"\"", "698h7c7t9m"),
            ("kind: ConfigMap\nmetadata: {name: any}\nimmutable: true\ndata:\n  one: \"\"", "9g67k2htb6"),
            ("kind: Secret\ntype: my-type", "5gmgkf8578"),
            ("kind: Secret\ntype: my-type\ndata:\n  one: \"\"", "74bd68bm66"),
            ("kind: Secret\ntype: my-type\ndata:\n  two: 2\n  one: \"\"\n  three: 3", "4gf75c7476"),
            ("kind: Secret\ntype: my-type\ndata:\n  one: \"\"\nstringData:\n  two: 2", "c4h4264gdb"),
        ] {
            assert_eq!(of(&parse_one(object).unwrap().unwrap()).unwrap(), expected, "{object}");
        }
        assert!(of(&parse_one("kind: Pod").unwrap().unwrap()).is_err());
    }
}
