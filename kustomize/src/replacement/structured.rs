//! Replacements inside of texts that are JSON or YAML themselves: `data.config\.json.server.port`.
//!
//! kustomize: api/filters/replacement/replacement.go (`setValueInStructuredData`).

use super::field_path;
use crate::Error;
use crate::go_json;
use crate::yaml::{Commented, Kind, Node, parse_one, to_text, to_text_with_comments};

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// The path leads through no text, or to nothing in it; nothing has changed.
    Nothing,
    /// The text is rewritten.
    Set,
    /// The text is rewritten, and of its comments at least one could not be put back.
    SetWithoutComments,
}

/// Sets `value` at a path that leads through a text.
pub(super) fn set(target: &mut Node, path: &[String], value: &Node, create: Option<Kind>) -> Done {
    let Some((depth, mut inner)) = text_on_the_way(target, path) else { return Done::Nothing };
    let (outer, rest) = path.split_at(depth);
    let mut scalars_alone = !value.text().contains('\n');
    let mut put = |place: &mut Node| {
        match place.kind() {
            Kind::Scalar => place.set_text(value.text()),
            Kind::Sequence | Kind::Mapping => {
                *place = value.clone();
                scalars_alone = false;
            }
        }
        Ok(())
    };
    if !field_path::visit(&mut inner, rest, create, &mut put).is_ok_and(|count| count > 0) {
        return Done::Nothing;
    }
    let Ok(Some(field)) = target.lookup_mut(outer) else { return Done::Nothing };
    let Ok((text, done)) = serialise(&inner, field.text(), scalars_alone) else { return Done::Nothing };
    field.set_text(text);
    done
}

/// How many parts of the path lead to the first text that is YAML, and what is in it.
fn text_on_the_way(target: &Node, path: &[String]) -> Option<(usize, Node)> {
    (1..path.len()).find_map(|depth| {
        let field = target.lookup(&path[..depth]).ok()??;
        if field.kind() != Kind::Scalar {
            return None;
        }
        let inner = parse_one(field.text()).ok()?;
        // A text without anything in it can be read, but nothing can be found there.
        inner.map(|inner| (depth, inner))
    })
}

/// JSON stays JSON, on as many lines as it was; everything else becomes YAML.
fn serialise(inner: &Node, before: &str, scalars_alone: bool) -> Result<(String, Done), Error> {
    if !before.trim_start().starts_with(['{', '[']) {
        let (text, done) = match Commented::of(before) {
            None => (to_text(inner), Done::Set),
            Some(source) if scalars_alone && let Some(text) = to_text_with_comments(inner, &source) => {
                (text, Done::Set)
            }
            Some(_) => (to_text(inner), Done::SetWithoutComments),
        };
        return Ok((text.trim().to_owned(), done));
    }
    let json = inner.to_json()?;
    let pretty = before.contains('\n') && before.contains("  ");
    let text = if pretty { go_json::to_string_indented(&json) } else { go_json::to_string(&json) };
    Ok((text, Done::Set))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn replaced(text: &str, path: &str, value: &Node, create: Option<Kind>) -> Option<String> {
        let mut target = Node::mapping();
        target.put("data", Node::mapping());
        target.field_mut("data")?.put("text", Node::string(text));
        let done = set(&mut target, &field_path::split(&format!("data.text.{path}")), value, create);
        (done != Done::Nothing).then(|| target.to_json().unwrap()["data"]["text"].as_str().unwrap().to_owned())
    }

    #[test]
    fn json_stays_json_and_yaml_yaml() {
        let value = Node::string("new");
        let map = crate::yaml::from_json(&json!({"x": 1}));
        for (text, path, value, expected) in [
            (r#"{"b": 1, "a": {"c": "old"}}"#, "a.c", &value, Some(r#"{"a":{"c":"new"},"b":1}"#)),
            (
                "{\n  \"a\": {\n    \"c\": \"<old>\"\n  }\n}",
                "a.c",
                &value,
                Some("{\n  \"a\": {\n    \"c\": \"new\"\n  }\n}"),
            ),
            (r#"[{"n":"a","v":1},{"n":"b","v":1}]"#, "[n=b].v", &value, None),
            (
                r#"[{"n":"a","v":"1"},{"n":"b","v":"1"}]"#,
                "[n=b].v",
                &value,
                Some(r#"[{"n":"a","v":"1"},{"n":"b","v":"new"}]"#),
            ),
            ("b: 1\na:\n    c: old\n", "a.c", &value, Some("b: 1\na:\n  c: new")),
            ("a:\n- c: old\n", "a.0.c", &value, Some("a:\n- c: new")),
            ("a: {c: {d: 1}}\n", "a.c", &map, Some("a: {c: {x: 1}}")),
            ("a: old", "b", &value, None),
            ("plain", "a", &value, None),
            ("", "a", &value, None),
        ] {
            assert_eq!(replaced(text, path, value, None).as_deref(), expected, "{text} {path}");
        }
        assert_eq!(
            replaced("a: old # c\n# d\nb: 1\n", "a", &value, None).as_deref(),
            Some("a: new # c\n# d\nb: 1"),
            "comments stay"
        );
        assert_eq!(replaced("a: old", "b.c", &value, Some(Kind::Scalar)).unwrap(), "a: old\nb:\n  c: new");
    }
}
