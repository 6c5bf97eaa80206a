//! `fieldPath`: which places of an object are meant.
//!
//! kustomize: kyaml/utils/pathsplitter.go (`SmarterPathSplitter`), kyaml/yaml/match.go (`PathMatcher`).

use regex::Regex;

use crate::Error;
use crate::yaml::{Kind, Node, kind_before, parse_one, scalar_text, split_index};

/// What is done at each place.
pub(super) type Visit<'a> = dyn FnMut(&mut Node) -> Result<(), Error> + 'a;

/// The parts of a path: at dots that no `\` stands before and that are not in brackets. `[a=b]` keeps its brackets,
/// `[a.b]`, a name with dots, loses them.
pub(super) fn split(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut pieces = crate::fieldspec::split_path(path, ".").into_iter();
    while let Some(piece) = pieces.next() {
        if !piece.starts_with('[') || piece.ends_with(']') {
            parts.push(piece);
            continue;
        }
        let mut bracketed = piece;
        for more in pieces.by_ref() {
            bracketed.push('.');
            bracketed.push_str(&more);
            if more.ends_with(']') {
                break;
            }
        }
        let keep = bracketed.contains('=');
        parts.push(if keep { bracketed } else { bracketed.trim_matches(['[', ']']).to_owned() });
    }
    parts
}

/// Visits the places that a path leads to, and returns how many there are. With `create` what is missing is made, the last
/// part of that kind.
///
/// A part is the name of a field, `[name=REGEX]` for elements with such a field, `[=REGEX]` for elements that are such a
/// text (the rest of the path counts for nothing then), an index, or `*` for all elements.
///
/// # Errors
/// The path goes through something of the wrong kind, an index lies beyond the end, an invalid regular expression; those of
/// `visit`.
pub(super) fn visit(
    node: &mut Node,
    path: &[String],
    create: Option<Kind>,
    visit: &mut Visit<'_>,
) -> Result<usize, Error> {
    let Some((part, rest)) = path.split_first() else {
        visit(node)?;
        return Ok(1);
    };
    let mut walk = Walk { part, rest, create, visit };
    if let Some(index) = index(part) {
        walk.index(node, index)
    } else if part.starts_with('[') && part.ends_with(']') {
        walk.elements(node)
    } else if part == "*" {
        walk.every(node)
    } else {
        walk.field(node)
    }
}

/// Go: `IsIdxNumber`.
fn index(part: &str) -> Option<usize> {
    part.parse::<i64>().ok().and_then(|index| usize::try_from(index).ok())
}

struct Walk<'a, 'v> {
    part: &'a str,
    rest: &'a [String],
    create: Option<Kind>,
    visit: &'a mut Visit<'v>,
}

impl Walk<'_, '_> {
    fn go_on(&mut self, node: &mut Node) -> Result<usize, Error> {
        visit(node, self.rest, self.create, self.visit)
    }

    /// What must be made at this part, if anything may be.
    fn made(&self) -> Option<Node> {
        let next = self.rest.first().map_or("", String::as_str);
        self.create.map(|leaf| Node::of_kind(kind_before(next, leaf)))
    }

    fn every(&mut self, list: &mut Node) -> Result<usize, Error> {
        list.expect_kind(Kind::Sequence)?;
        let mut count = 0;
        for element in list.elements_mut().into_iter().flatten() {
            count += self.go_on(element)?;
        }
        Ok(count)
    }

    fn index(&mut self, list: &mut Node, index: usize) -> Result<usize, Error> {
        list.expect_kind(Kind::Sequence)?;
        let found = list.elements().len();
        if index == found
            && let Some(made) = self.made()
        {
            list.push(made);
        }
        match list.elements_mut().and_then(|elements| elements.get_mut(index)) {
            Some(element) => self.go_on(element),
            None => Err(Error::new(format!("index {index} specified but only {found} elements found"))),
        }
    }

    fn elements(&mut self, list: &mut Node) -> Result<usize, Error> {
        let (name, pattern) = split_index(self.part)?;
        list.expect_kind(Kind::Sequence)?;
        let count = self.matching(list, name, pattern)?;
        if count > 0 || self.create.is_none() || !list.is_sequence() {
            return Ok(count);
        }
        let mut element = Node::scalar(pattern);
        if !name.is_empty() {
            let mut mapping = Node::mapping();
            mapping.set_field(name, element);
            element = mapping;
        }
        list.push(element);
        match self.matching(list, name, pattern)? {
            // Go searches on for ever.
            0 => Err(Error::new(format!("the element made for {} does not match its own pattern", self.part))),
            count => Ok(count),
        }
    }

    fn matching(&mut self, list: &mut Node, name: &str, pattern: &str) -> Result<usize, Error> {
        if list.elements().is_empty() {
            return Ok(0);
        }
        let invalid = |error| Error::new(format!("invalid regular expression {pattern:?}: {error}"));
        let pattern = Regex::new(pattern).map_err(invalid)?;
        let mut count = 0;
        for element in list.elements_mut().into_iter().flatten() {
            if name.is_empty() {
                if pattern.is_match(scalar_text(element).trim()) {
                    (self.visit)(element)?;
                    count += 1;
                }
            } else if element.field(name).is_some_and(|value| pattern.is_match(scalar_text(value).trim())) {
                count += self.go_on(element)?;
            }
        }
        Ok(count)
    }

    fn field(&mut self, node: &mut Node) -> Result<usize, Error> {
        if node.is_null() {
            // What kustomize makes below a null it does not write.
            return self.made().map_or(Ok(0), |mut made| self.go_on(&mut made));
        }
        node.expect_kind(if self.part.is_empty() { Kind::Scalar } else { Kind::Mapping })?;
        if node.field(self.part).is_none() {
            let Some(made) = self.made() else { return Ok(0) };
            node.set_field(self.part, made);
        }
        match node.field_mut(self.part) {
            Some(field) if !self.rest.is_empty() && field.kind() == Kind::Scalar => self.inside_of_text(field),
            Some(field) => self.go_on(field),
            None => Ok(0),
        }
    }

    /// The path goes on inside of a text. What is set there is not written back; [`super::structured`] does that, and comes
    /// first.
    fn inside_of_text(&mut self, field: &Node) -> Result<usize, Error> {
        match parse_one(field.text())? {
            Some(mut inner) => self.go_on(&mut inner),
            None => Err(Error::new("wrong node kind: expected MappingNode, but the text is empty").at_line(field.line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_split_at_dots() {
        for (path, parts) in [
            ("spec.template", vec!["spec", "template"]),
            ("spec.containers.[name=a.b/c].image", vec!["spec", "containers", "[name=a.b/c]", "image"]),
            ("metadata.annotations.[a.b/c]", vec!["metadata", "annotations", "a.b/c"]),
            (r"metadata.annotations.a\.b/c", vec!["metadata", "annotations", "a.b/c"]),
            (".spec.a", vec!["spec", "a"]),
            ("spec.*.0.[=x]", vec!["spec", "*", "0", "[=x]"]),
            ("spec.[a.b", vec!["spec", "a.b"]),
        ] {
            assert_eq!(split(path), parts, "{path}");
        }
    }

    fn marked(object: &str, path: &str, create: Option<Kind>) -> Result<(usize, serde_json::Value), String> {
        let Ok(Some(mut node)) = parse_one(object) else { return Err("not YAML".into()) };
        let mut mark = |node: &mut Node| {
            node.set_text("X");
            Ok(())
        };
        let count = visit(&mut node, &split(path), create, &mut mark).map_err(|error| error.message().to_owned())?;
        Ok((count, node.to_json().map_err(|error| error.to_string())?))
    }

    #[test]
    fn places_are_found() {
        for (object, path, expected) in [
            ("a: {b: c}", "a.b", (1, json!({"a": {"b": "X"}}))),
            ("a: {b: c}", "a.x", (0, json!({"a": {"b": "c"}}))),
            ("a: null", "a.x", (0, json!({"a": null}))),
            (
                "l: [{n: a, v: p}, {n: ab, v: p}, {v: p}, s]",
                "l.[n=a].v",
                (2, json!({"l": [{"n": "a", "v": "X"}, {"n": "ab", "v": "X"}, {"v": "p"}, "s"]})),
            ),
            (
                "l: [{n: a, v: p}, {n: ab, v: p}]",
                "l.[n=^a$].v",
                (1, json!({"l": [{"n": "a", "v": "X"}, {"n": "ab", "v": "p"}]})),
            ),
            ("l: [a, b]", "l.[=b]", (1, json!({"l": ["a", "X"]}))),
            ("l: [{v: p}, {v: p}, {w: p}]", "l.*.v", (2, json!({"l": [{"v": "X"}, {"v": "X"}, {"w": "p"}]}))),
            ("l: [a, b]", "l.1", (1, json!({"l": ["a", "X"]}))),
        ] {
            assert_eq!(marked(object, path, None), Ok(expected), "{path}");
        }
    }

    #[test]
    fn what_is_missing_is_made() {
        for (object, path, expected) in [
            ("a: b", "x.y", json!({"a": "b", "x": {"y": "X"}})),
            ("l: [{n: a}]", "l.[n=b].v", json!({"l": [{"n": "a"}, {"n": "b", "v": "X"}]})),
            ("a: b", "l.[n=b].v", json!({"a": "b", "l": [{"n": "b", "v": "X"}]})),
            ("a: b", "l.[=b]", json!({"a": "b", "l": ["X"]})),
            ("l: [a]", "l.1", json!({"l": ["a", "X"]})),
            ("a: b", "l.0.v", json!({"a": "b", "l": [{"v": "X"}]})),
            ("a: null", "a.x", json!({"a": null})),
        ] {
            assert_eq!(marked(object, path, Some(Kind::Scalar)), Ok((1, expected)), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_gone_through_is_an_error() {
        for (object, path, create, expected) in [
            ("a: {b: c}", "a.*", false, "wrong node kind: expected SequenceNode but got MappingNode"),
            ("a: [b]", "a.b", false, "wrong node kind: expected MappingNode but got SequenceNode"),
            ("a: [b]", "a.3", true, "index 3 specified but only 1 elements found"),
            ("a: [b]", "a.[b]", false, "list path element must contain fieldName=fieldValue for element to match"),
            ("a: [b]", "a.[=(]", false, "invalid regular expression"),
            ("a: [b]", "a.[=^$]", true, "the element made for [=^$] does not match its own pattern"),
            ("a: text", "a.b", false, "wrong node kind: expected MappingNode but got ScalarNode"),
        ] {
            let error = marked(object, path, create.then_some(Kind::Scalar)).unwrap_err();
            assert!(error.starts_with(expected), "{path}: {error}");
        }
    }
}
