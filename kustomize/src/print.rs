//! Objects as `kustomize build` prints them.
//!
//! kustomize writes an object as JSON and reads that as YAML 1.1 (`sigs.k8s.io/yaml`, `JSONToYAML`), where some characters
//! mean something else than in JSON.

use serde_json::{Map, Value};

use crate::Error;

/// What becomes of an object when it is printed; whether it holds a next-line character.
///
/// # Errors
/// A text holds a control character that YAML cannot hold, a key a line end of YAML 1.1; with the path of the field.
pub(crate) fn check(object: &Value, warnings: &mut Vec<String>) -> Result<bool, Error> {
    let name = || object.get("metadata").and_then(|metadata| metadata.get("name")?.as_str()).unwrap_or("");
    let mut folds = false;
    visit(object, &mut |text, is_key| {
        if is_key && text.contains(NEXT_LINE) {
            let message = format!("a key of the object {} holds the character U+0085 (next line)", name());
            return Err(Error::new(message));
        }
        if let Some(c) = text.chars().find(|c| is_forbidden(*c)) {
            let message = format!("the object {} holds the control character U+{:04X}", name(), u32::from(c));
            return Err(Error::new(message));
        }
        if text.contains(NEXT_LINE) {
            folds = true;
            warnings.push(format!(
                "the object {} holds the character U+0085 (next line), which kustomize prints as a space",
                name()
            ));
        }
        Ok(())
    })?;
    Ok(folds)
}

const NEXT_LINE: char = '\u{85}';

/// What `encoding/json` writes as it is and a YAML reader refuses.
fn is_forbidden(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

/// Shows all keys (`true`) and texts that may hold anything else than printable ASCII and line ends.
fn visit(value: &Value, look: &mut dyn FnMut(&str, bool) -> Result<(), Error>) -> Result<(), Error> {
    let is_harmless = |text: &str| text.bytes().all(|byte| byte < 0x7f);
    match value {
        Value::String(text) if is_harmless(text) => Ok(()),
        Value::String(text) => look(text, false),
        Value::Array(items) => items.iter().try_for_each(|item| visit(item, look)),
        Value::Object(map) => map.iter().try_for_each(|(name, value)| {
            if !is_harmless(name) {
                look(name, true)?;
            }
            visit(value, look).map_err(|error| error.in_field(name))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// The documents, `---` between them.
pub(crate) fn to_yaml(objects: &[Value]) -> String {
    let mut out = String::new();
    for object in objects {
        append(object, holds_next_line(object), out.is_empty(), &mut out);
    }
    out
}

/// Adds a document. `folds`: it holds a next-line character; `first`: nothing stands before it.
pub(crate) fn append(object: &Value, folds: bool, first: bool, out: &mut String) {
    if !first {
        out.push_str("---\n");
    }
    let folded = folds.then(|| fold(object));
    out.push_str(&k8s_yaml::to_string_exact(folded.as_ref().unwrap_or(object)));
}

fn holds_next_line(value: &Value) -> bool {
    // Nothing else makes this an error.
    visit(value, &mut |text, _| if text.contains(NEXT_LINE) { Err(Error::new("")) } else { Ok(()) }).is_err()
}

/// The value with its next-line characters folded as line ends of a quoted scalar.
fn fold(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(fold_text(text)),
        Value::Array(items) => Value::Array(items.iter().map(fold).collect()),
        Value::Object(map) => {
            let entry = |(name, value): (&String, &Value)| (name.clone(), fold(value));
            Value::Object(map.iter().map(entry).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// One line end is a space, of several the first is dropped; blanks around them go.
fn fold_text(text: &str) -> String {
    let mut parts = text.split(NEXT_LINE).enumerate().peekable();
    let mut folded = String::with_capacity(text.len());
    let mut ends = 0;
    while let Some((at, part)) = parts.next() {
        let part = if at > 0 { part.trim_start_matches([' ', '\t']) } else { part };
        let last = parts.peek().is_none();
        let part = if last { part } else { part.trim_end_matches([' ', '\t']) };
        if at > 0 {
            ends += 1;
        }
        if part.is_empty() && !last && at > 0 {
            continue;
        }
        match ends {
            0 => {}
            1 => folded.push(' '),
            more => folded.extend(std::iter::repeat_n('\n', more - 1)),
        }
        ends = 0;
        folded.push_str(part);
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_line_characters_are_folded() {
        for (text, folded) in [("a\u{85}b", "a b"), ("a \u{85}\u{85} b", "a\nb"), ("\u{85}", " "), ("a\u{85}", "a ")] {
            assert_eq!(fold_text(text), folded, "{text:?}");
        }
    }
}
