//! YAML. Helm: `pkg/engine/funcs.go`; Go: `sigs.k8s.io/yaml`.

mod error;
mod pretty;

use std::borrow::Cow;

use k8s_yaml::Options;
use serde_json::Value as Json;

use super::args;
use super::json::write::Style;
use super::json::{self, write};
use super::signatures::{DICT, LIST};
use crate::template::{Function, Signature};
use crate::value::{Map, Str, Type, Value};

use Type::{Any, String as Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::deep("toYaml", Signature::new(&[Any], Text), |a| Ok(to_yaml(args::any(a, 0)).unwrap_or_default().into())),
    Function::deep("mustToYaml", Signature::new(&[Any], Text), |a| Ok(to_yaml(args::any(a, 0))?.into())),
    Function::deep("toYamlPretty", Signature::new(&[Any], Text), |a| {
        Ok(pretty::write(args::any(a, 0)).unwrap_or_default().into())
    }),
    Function::deep("fromYaml", Signature::new(&[Text], DICT), |a| {
        let (value, error) = from_yaml(args::string(a, 0)?);
        let value = if value.is_nil() { Value::Map(Map::new()) } else { value };
        Ok(json::into_map(value, error, DECODING))
    }),
    Function::deep("fromYamlArray", Signature::new(&[Text], LIST), |a| {
        let (value, error) = from_yaml(args::string(a, 0)?);
        let value = if value.is_nil() { Value::list(Vec::new()) } else { value };
        Ok(json::into_list(value, error, DECODING))
    }),
];

/// What stands before the errors of the second step, from JSON to Go.
const DECODING: &str = "error unmarshaling JSON: while decoding JSON: ";

/// As `sigs.k8s.io/yaml` does: to JSON, and from that to YAML. The newline at the end goes.
fn to_yaml(value: &Value) -> Result<String, String> {
    let mut left = PLAIN_SIZE;
    if let Some(json) = plain_json(value, 0, &mut left) {
        return Ok(yaml_of(&json));
    }
    let json = write::write(value, Style::COMPACT).map_err(|why| format!("error marshaling into JSON: {why}"))?;
    if json.chars().any(error::is_control) {
        // The JSON is read as YAML, which may not hold them.
        return Err("yaml: control characters are not allowed".to_owned());
    }
    let json = write::parsed(&folded(&json)?)?;
    Ok(yaml_of(&json))
}

fn yaml_of(json: &Json) -> String {
    let mut text = k8s_yaml::to_string_exact(json);
    if text.ends_with('\n') {
        text.pop();
    }
    text
}

/// How deep and how large, in bytes, a value may be that needs no text on its way to JSON.
const PLAIN_DEPTH: usize = 64;
const PLAIN_SIZE: usize = 1 << 20;

/// A value as JSON, without writing and reading it: only of what comes out of that as it went in. Whole numbers, plain
/// characters, no objects of Go, nothing large.
fn plain_json(value: &Value, depth: usize, left: &mut usize) -> Option<Json> {
    *left = left.checked_sub(1)?;
    if depth > PLAIN_DEPTH {
        return None;
    }
    Some(match value {
        Value::Nil => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(_, n) => (*n).into(),
        Value::Uint(_, n) => (*n).into(),
        Value::Float(f) => whole(*f)?.into(),
        Value::String(text) => plain_text(text, left)?.into(),
        Value::List(list) if list.is_nil() => Json::Null,
        Value::Map(map) if map.is_nil() => Json::Null,
        Value::List(list) if list.type_of().underlying() != Type::BYTES => {
            list.with(|items| items.iter().map(|item| plain_json(item, depth + 1, left)).collect::<Option<_>>())?
        }
        Value::Map(map) => {
            let mut entry = |(key, value): (&Str, &Value)| {
                Some((plain_text(key, left)?.to_owned(), plain_json(value, depth + 1, left)?))
            };
            Json::Object(map.with(|entries| entries.iter().map(&mut entry).collect::<Option<_>>())?)
        }
        Value::List(_) | Value::Complex(..) | Value::Object(_) => return None,
    })
}

fn plain_text<'a>(text: &'a Str, left: &mut usize) -> Option<&'a str> {
    *left = left.checked_sub(text.len())?;
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if text.as_bytes().iter().all(plain) { text.as_str() } else { None }
}

/// A float that is written without a point or exponent.
fn whole(f: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let is_whole = f.fract() == 0.0 && f.abs() < EXACT && !(f == 0.0 && f.is_sign_negative());
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
    is_whole.then_some(f as i64)
}

/// U+0085 ends a line in YAML, and line ends inside quotes are folded: one is a space, of several the first is lost.
/// In a key there may be none.
fn folded(json: &str) -> Result<Cow<'_, str>, String> {
    const NEL: char = '\u{85}';
    if !json.contains(NEL) {
        return Ok(Cow::Borrowed(json));
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find(NEL) {
        out.push_str(rest[..at].trim_end_matches(' '));
        let tail = rest[at..].trim_start_matches([NEL, ' ']);
        let breaks = rest[at..rest.len() - tail.len()].matches(NEL).count();
        out.push_str(&if breaks == 1 { " ".to_owned() } else { "\\n".repeat(breaks - 1) });
        if ends_key(tail) {
            return Err("yaml: line 1: could not find expected ':'".to_owned());
        }
        rest = tail;
    }
    Ok(Cow::Owned(out + rest))
}

/// Whether the string of a JSON text that goes on here is a key.
fn ends_key(rest: &str) -> bool {
    let mut escaped = false;
    let end = rest.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    end.is_some_and(|end| rest[end + 1..].starts_with(':'))
}

/// From YAML to JSON, and from that to values; and the first error.
fn from_yaml(text: &Str) -> (Value, Option<String>) {
    let documents = k8s_yaml::from_bytes(text.as_bytes(), &Options::sigs());
    let node = match documents {
        Ok(documents) => documents.into_iter().next().map(|document| document.node),
        Err(why) => {
            return (
                Value::Nil,
                Some(format!("error converting YAML to JSON: {}", error::in_go(&why, text.as_bytes()))),
            );
        }
    };
    let Some(node) = node else { return (Value::Nil, None) };
    match node.to_json() {
        Ok(json) => (Value::from_json(&json), None),
        Err(_) => {
            let number = error::not_json(&node).unwrap_or(f64::NAN);
            let why = write::float(number).err().unwrap_or_default();
            (Value::Nil, Some(format!("error converting YAML to JSON: {why}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PLAIN_DEPTH, Style, plain_json, to_yaml, write, yaml_of};
    use crate::value::{List, Map, Str, Type, Value};

    /// The short way gives what the long one gives.
    #[test]
    fn plain_values_need_no_text_between() {
        let nested = |depth| (0..depth).fold(Value::int(1), |value, _| Value::list(vec![value]));
        let plain = |value: &Value| plain_json(value, 0, &mut 1_000).map(|json| yaml_of(&json));
        for value in [
            Value::map([("b", Value::from("x: 'y'\n<&>\t\"z\"\\")), ("a", Value::from("yes")), ("", Value::Nil)]),
            Value::list(vec![true.into(), Value::int(-5), Value::Float(3.0), Value::Float(-2e15), Value::list(vec![])]),
            Value::map([("10", Value::Float(0.0)), ("9", Value::map::<Str>([])), ("x", nested(PLAIN_DEPTH - 1))]),
            Value::List(List::nil(Type::LIST)),
            Value::Map(Map::nil(Type::DICT)),
            Value::strings(["a", "1", ""]),
            "2020-01-01".into(),
            Value::Uint(crate::value::UintKind::Uint64, u64::MAX),
        ] {
            let text = write::write(&value, Style::COMPACT).unwrap();
            let long = yaml_of(&write::parsed(&text).unwrap());
            assert_eq!(plain(&value), Some(long), "{text}");
        }
        let large = Value::from("x".repeat(1_001));
        for value in
            [Value::Float(0.5), Value::Float(1e16), Value::Float(-0.0), "\u{85}".into(), "\u{7f}".into(), "ä".into()]
                .into_iter()
                .chain([nested(PLAIN_DEPTH + 1), large, Value::bytes(b"x"), Value::Complex(1.0, 0.0)])
        {
            assert_eq!(plain(&value), None, "{value:?}");
        }
    }

    #[test]
    fn what_json_holds_raw_is_read_by_yamls_rules() {
        for (text, expected) in [
            ("\u{85}", Ok("a: ' '")),
            ("x \u{85} y", Ok("a: x y")),
            ("x\u{85}\u{85}y", Ok("a: |-\n  x\n  y")),
            ("x\\\u{85}", Ok("a: 'x\\ '")),
            ("\u{2028}", Ok("a: '\u{2028}'")),
            ("x\u{7f}y", Err("yaml: control characters are not allowed")),
            ("\u{ffff}", Err("yaml: control characters are not allowed")),
        ] {
            let yaml = to_yaml(&Value::map([("a", Value::from(text))]));
            assert_eq!(yaml.as_deref().map_err(String::as_str), expected, "{text:?}");
        }
        assert!(to_yaml(&Value::map([("a\u{85}b", Value::int(1))])).is_err());
    }
}
