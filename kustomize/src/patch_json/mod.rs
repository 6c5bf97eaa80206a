//! JSON patches (RFC 6902) as kustomize's library applies them, odd sides included: a `replace` of a field that is not
//! there adds it, a `copy` of one that is not there adds null, indices may be negative, and a path without a leading slash
//! loses its first part.
//!
//! The object goes through JSON and back, so that all its numbers become 64-bit floats.
//!
//! kustomize: api/filters/patchjson6902/patchjson6902.go over gopkg.in/evanphx/json-patch.v4/patch.go.

mod document;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Error;
use crate::go_json;
use crate::yaml::{Node, from_json};
use document::{Document, Found};

/// A list of operations.
#[derive(Clone, Debug, Default)]
pub(crate) struct JsonPatch {
    operations: Vec<Operation>,
}

type Operation = BTreeMap<String, Document>;

/// As many values are copied by one patch: copies of copies come to a million in twenty operations.
const MAX_COPIED: usize = 50_000;

impl JsonPatch {
    /// Reads a patch: JSON if it begins with `[`, otherwise YAML 1.1, of which the first document counts.
    ///
    /// # Errors
    /// It is neither, or no list of mappings.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let document = if text.starts_with('[') { Document::from_text(text)? } else { from_yaml(text)? };
        let items = match document {
            Document::Array(items) => items,
            Document::Null => Vec::new(),
            Document::Scalar(_) | Document::Object(_) => {
                return Err(Error::new("a JSON patch must be a list of operations"));
            }
        };
        let operation = |item| match item {
            Document::Object(fields) => Ok(fields),
            Document::Null => Ok(Operation::new()),
            Document::Scalar(_) | Document::Array(_) => {
                Err(Error::new("an operation of a JSON patch must be a mapping"))
            }
        };
        Ok(Self { operations: items.into_iter().map(operation).collect::<Result<_, _>>()? })
    }

    /// Whether there is no operation.
    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The object after all operations.
    ///
    /// # Errors
    /// An operation that does not apply, with its number and path; an object that JSON cannot hold.
    pub(crate) fn apply(&self, object: &Node) -> Result<Node, Error> {
        let mut document = Document::from_value(&object.to_json()?);
        let mut copied = 0;
        for (number, operation) in (1..).zip(&self.operations) {
            apply(operation, &mut document, &mut copied)
                .map_err(|error| error.context(format!("operation {number} of the JSON patch")))?;
        }
        let value = document.into_value()?;
        if !value.is_object() {
            return Err(Error::new("the JSON patch leaves something that is no object"));
        }
        Ok(from_json(&go_json::with_floats(value)))
    }
}

fn from_yaml(text: &str) -> Result<Document, Error> {
    let failed = |error: k8s_yaml::Error| {
        let line = error.position().map_or(0, |position| position.line);
        Error::new(error.message()).at_line(line)
    };
    let document = k8s_yaml::parse_first(text, &k8s_yaml::Options::sigs()).map_err(failed)?;
    let value = document.map_or(Ok(Value::Null), |document| document.node.to_json()).map_err(failed)?;
    Ok(Document::from_value(&value))
}

/// The text of a field of an operation.
fn text<'a>(operation: &'a Operation, name: &str) -> Result<Option<std::borrow::Cow<'a, str>>, Error> {
    match operation.get(name) {
        None | Some(Document::Null) => Ok(None),
        Some(Document::Scalar(token)) => match serde_json::from_str(token) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Error::new(format!("its {name} is no string: {token}"))),
        },
        Some(_) => Err(Error::new(format!("its {name} is no string"))),
    }
}

fn required(operation: &Operation, name: &str) -> Result<String, Error> {
    text(operation, name)?.map(Into::into).ok_or_else(|| Error::new(format!("it has no {name}")))
}

fn apply(operation: &Operation, document: &mut Document, copied: &mut usize) -> Result<(), Error> {
    let kind = text(operation, "op").ok().flatten().unwrap_or_else(|| "unknown".into());
    let value = || operation.get("value").cloned().unwrap_or(Document::Null);
    let path = || required(operation, "path");
    match &*kind {
        "add" => find(document, &path()?, "")?.add(value()),
        "remove" => find(document, &path()?, "")?.remove().map(drop),
        "replace" => replace(document, &path()?, value()),
        "move" => {
            let from = required(operation, "from")?;
            let moved = find(document, &from, "from ")?.remove()?;
            find(document, &path()?, "destination ")?.add(moved)
        }
        "copy" => {
            let from = required(operation, "from")?;
            let value = find(document, &from, "from ")?.get()?.cloned().unwrap_or(Document::Null);
            *copied += value.size();
            if *copied > MAX_COPIED {
                return Err(Error::new(format!("the operations of a patch copy at most {MAX_COPIED} values in all")));
            }
            find(document, &path()?, "destination ")?.add(value)
        }
        "test" => test(document, &path()?, &value()),
        other => Err(Error::new(format!("unexpected kind: {other} (known: add, remove, replace, move, copy, test)"))),
    }
}

fn find<'a>(document: &'a mut Document, path: &'a str, what: &str) -> Result<Found<'a>, Error> {
    document.find(path).ok_or_else(|| Error::new(format!("the object is missing {what}path {path:?}")))
}

fn replace(document: &mut Document, path: &str, value: Document) -> Result<(), Error> {
    if !path.is_empty() {
        return find(document, path, "")?.replace(value);
    }
    if matches!(value, Document::Object(_) | Document::Array(_)) {
        *document = value;
        return Ok(());
    }
    Err(Error::new("the value that replaces the whole object must be an object or array"))
}

fn test(document: &mut Document, path: &str, expected: &Document) -> Result<(), Error> {
    let equal = if path.is_empty() {
        document.equals(expected)
    } else {
        match find(document, path, "")?.get()? {
            Some(found) => found.equals(expected) || (*found == Document::Null && *expected == Document::Null),
            None => *expected == Document::Null,
        }
    };
    if equal { Ok(()) } else { Err(Error::new(format!("testing value {path} failed"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse_one;
    use serde_json::json;

    fn patched(object: &str, patch: &str) -> Result<Value, String> {
        let apply =
            |object: Option<Node>| JsonPatch::parse(patch)?.apply(&object.unwrap_or_else(Node::null))?.to_json();
        parse_one(object).and_then(apply).map_err(|error| error.to_string())
    }

    #[test]
    fn operations_do_what_the_library_does() {
        let cases = [
            // The plain ones.
            ("a: 1", r#"[{"op":"add","path":"/b","value":[1,"x"]}]"#, json!({"a": 1, "b": [1, "x"]})),
            ("a: {b: 1}", r#"[{"op":"remove","path":"/a/b"}]"#, json!({"a": {}})),
            ("a: {b: 1}", r#"[{"op":"move","from":"/a/b","path":"/c"}]"#, json!({"a": {}, "c": 1})),
            ("a: {b: 1}", r#"[{"op":"copy","from":"/a","path":"/c"}]"#, json!({"a": {"b": 1}, "c": {"b": 1}})),
            ("a/b: {~c: 1}", r#"[{"op":"replace","path":"/a~1b/~0c","value":2}]"#, json!({"a/b": {"~c": 2}})),
            // Lists.
            ("a: [1, 2]", r#"[{"op":"add","path":"/a/-","value":3}]"#, json!({"a": [1, 2, 3]})),
            ("a: [1, 2]", r#"[{"op":"add","path":"/a/0","value":0}]"#, json!({"a": [0, 1, 2]})),
            ("a: [1, 2]", r#"[{"op":"add","path":"/a/-1","value":9}]"#, json!({"a": [1, 2, 9]})),
            ("a: [1, 2]", r#"[{"op":"replace","path":"/a/-1","value":9}]"#, json!({"a": [1, 9]})),
            ("a: [1, 2]", r#"[{"op":"remove","path":"/a/-2"}]"#, json!({"a": [2]})),
            // The odd ones.
            ("a: 1", r#"[{"op":"replace","path":"/b","value":2}]"#, json!({"a": 1, "b": 2})),
            ("a: 1", r#"[{"op":"copy","from":"/x","path":"/b"}]"#, json!({"a": 1, "b": null})),
            ("a: {b: 1}", r#"[{"op":"add","path":"a/c","value":2}]"#, json!({"a": {"b": 1}, "c": 2})),
            ("a: 1", r#"[{"op":"add","path":"/b"}]"#, json!({"a": 1, "b": null})),
            ("a: 1", r#"[{"op":"replace","path":"","value":{"b":2}}]"#, json!({"b": 2})),
            (
                "a: 9007199254740993",
                r#"[{"op":"add","path":"/b","value":true}]"#,
                json!({"a": 9_007_199_254_740_992.0, "b": true}),
            ),
            // YAML 1.1.
            ("a: 1", "- op: add\n  path: /b\n  value: yes\n", json!({"a": 1, "b": true})),
            ("a: 1", "[]", json!({"a": 1})),
        ];
        for (object, patch, expected) in cases {
            assert_eq!(patched(object, patch), Ok(expected), "{object} {patch}");
        }
    }

    #[test]
    fn tests_compare_text() {
        for (object, value, equal) in [
            ("a: {b: [1, x]}", r#"{"b":[1,"x"]}"#, true),
            ("a: {b: [1, x]}", r#"{"b":["x",1]}"#, false),
            ("a: 1", "1", true),
            ("a: 1", "1.0", false),
            ("a: null", "null", true),
            ("b: 1", "null", true),
            ("a: 1", "null", false),
            ("a: {b: null}", r#"{"b": null}"#, true),
            // Go's encoder escapes the one, and not the other.
            ("a: <x>", r#""<x>""#, false),
            ("a: <x>", r#""\u003cx\u003e""#, true),
        ] {
            let patch = format!(r#"[{{"op":"test","path":"/a","value":{value}}}]"#);
            assert_eq!(patched(object, &patch).is_ok(), equal, "{object} {value}");
        }
        assert!(patched("a: <x>", "- {op: test, path: /a, value: <x>}").is_ok());
    }

    #[test]
    fn what_does_not_apply_says_why() {
        for (patch, expected) in [
            (r#"[{"op":"add","path":"/x/y","value":1}]"#, "is missing path \"/x/y\""),
            (r#"[{"op":"add","path":"/s/y","value":1}]"#, "is missing path \"/s/y\""),
            (r#"[{"op":"add","path":"","value":1}]"#, "is missing path \"\""),
            (r#"[{"op":"add","value":1}]"#, "it has no path"),
            (r#"[{"op":"add","path":1}]"#, "its path is no string"),
            (r#"[{"op":"remove","path":"/nope"}]"#, "unable to remove nonexistent key: nope"),
            (r#"[{"op":"remove","path":"/l/2"}]"#, "invalid index: 2"),
            (r#"[{"op":"add","path":"/l/3","value":1}]"#, "invalid index: 3"),
            (r#"[{"op":"add","path":"/l/-4","value":1}]"#, "invalid index: -4"),
            (r#"[{"op":"add","path":"/l/x","value":1}]"#, "not a proper array index: 'x'"),
            (r#"[{"op":"move","from":"/nope","path":"/a"}]"#, "nonexistent key: nope"),
            (r#"[{"op":"test","path":"/s","value":"u"}]"#, "testing value /s failed"),
            (r#"[{"op":"replace","path":"","value":1}]"#, "must be an object or array"),
            (r#"[{"op":"replace","path":"","value":[1]}]"#, "no object"),
            (r#"[{"op":"upsert","path":"/a"}]"#, "unexpected kind: upsert"),
            (r#"[null]"#, "unexpected kind: unknown"),
            (r#"[1]"#, "must be a mapping"),
            ("a: 1", "must be a list"),
            ("[{op: add}]", "JSON"),
        ] {
            let error = patched("s: t\nl: [1, 2]", patch).unwrap_err();
            assert!(error.contains(expected), "{patch}: {error}");
        }
    }
}
