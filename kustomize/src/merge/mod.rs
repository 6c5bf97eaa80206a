//! Strategic merge as kyaml does it: a patch over an object, lists by the merge keys of the schema.
//!
//! It is not that of the API server: elements of the patch come first in a merged list, `$patch` is the only directive
//! (`$retainKeys` and the others are data), a patch's null removes a field, and nulls of the object without text (`a:`) go
//! too. A type without schema has its lists replaced.
//!
//! Where Go lets two names point to one node (what a patch adds is merged with itself), [`merge_itself`] stands here.
//!
//! kustomize: kyaml/yaml/walk/{walk,map,scalar}.go, kyaml/yaml/merge2/merge2.go.

mod directive;
mod elements;
mod list;

use crate::Error;
use crate::openapi::{SchemaRef, Schemas};
use crate::yaml::{Field, Key, Kind, Node, Tag};
use directive::Directive;

/// Merges `patch` over `object`. `None`: the patch deletes the object. Directives are taken out of the patch.
///
/// # Errors
/// Patch and object have different kinds of values at a place, or a `$patch` that is none of `delete`, `replace`, `merge`;
/// with the path of fields, and the line of the object or the patch.
pub(crate) fn merge(patch: &mut Node, object: Node, schemas: &Schemas) -> Result<Option<Node>, Error> {
    Ok(Merger { schemas }.walk(Some(object), Some(patch), None)?.into_value())
}

/// What became of a value.
enum Merged {
    /// The value of the object, changed where it stands.
    Kept(Node),
    /// Something else stands in its place, or nothing; `old` is what the object had.
    Replaced {
        /// What stands there now.
        value: Option<Node>,
        /// What stood there.
        old: Option<Node>,
    },
}

impl Merged {
    fn into_value(self) -> Option<Node> {
        match self {
            Self::Kept(node) => Some(node),
            Self::Replaced { value, .. } => value,
        }
    }

    fn cleared(old: Option<Node>) -> Self {
        Self::Replaced { value: None, old }
    }
}

#[derive(Clone, Copy)]
struct Merger<'a> {
    schemas: &'a Schemas,
}

/// The kind of a value, unless it is missing or null. Go: `Walker.Kind`.
fn kind(node: Option<&Node>) -> Option<Kind> {
    node.filter(|node| !node.is_null()).map(Node::kind)
}

impl<'a> Merger<'a> {
    fn walk(
        self,
        object: Option<Node>,
        patch: Option<&mut Node>,
        schema: Option<SchemaRef<'a>>,
    ) -> Result<Merged, Error> {
        let schema = schema.or_else(|| self.schema_of(object.as_ref())).or_else(|| self.schema_of(patch.as_deref()));
        let Some(kind) = kind(object.as_ref()).or_else(|| kind(patch.as_deref())) else {
            return Ok(both_null(object, patch));
        };
        for node in [object.as_ref(), patch.as_deref()].into_iter().flatten() {
            node.expect_kind(kind)?;
        }
        match (kind, schema.and_then(SchemaRef::merge_keys)) {
            (Kind::Mapping, _) => self.map(object, patch, schema),
            (Kind::Sequence, Some(keys)) => self.list(object, patch, schema, &keys),
            (Kind::Sequence, None) | (Kind::Scalar, _) => Ok(match (patch, object) {
                (Some(patch), object) => Merged::Replaced { value: Some(patch.clone()), old: object },
                (None, Some(object)) => Merged::Kept(object),
                (None, None) => Merged::cleared(None),
            }),
        }
    }

    /// As [`Merger::walk`] with the same node on both sides.
    fn merge_itself(self, mut node: Node, schema: Option<SchemaRef<'a>>) -> Result<Merged, Error> {
        let schema = schema.or_else(|| self.schema_of(Some(&node)));
        if node.is_null() {
            return Ok(Merged::Kept(node));
        }
        match (node.kind(), schema.and_then(SchemaRef::merge_keys)) {
            (Kind::Mapping, _) => {
                if directive::take_from_map(&mut node)? == Directive::Delete {
                    return Ok(Merged::cleared(Some(node)));
                }
                self.fields_with_themselves(&mut node, schema)?;
                Ok(Merged::Kept(node))
            }
            (Kind::Sequence, Some(keys)) => {
                if directive::take_from_list(&mut node)? == Directive::Delete {
                    return Ok(Merged::cleared(Some(node)));
                }
                self.list_with_itself(node, schema, &keys).map(Merged::Kept)
            }
            (Kind::Sequence, None) | (Kind::Scalar, _) => Ok(Merged::Kept(node)),
        }
    }

    /// The schema of an object by its `apiVersion` and `kind`. Go: `Walker.GetSchema`.
    fn schema_of(self, node: Option<&Node>) -> Option<SchemaRef<'a>> {
        let node = node?;
        let (api_version, kind) = (node.text_at(&["apiVersion"]), node.text_at(&["kind"]));
        if api_version.is_empty() || kind.is_empty() {
            return None;
        }
        self.schemas.of_type(api_version, kind)
    }

    /// Go: `walkMap` and `Merger.VisitMap`.
    fn map(
        self,
        object: Option<Node>,
        patch: Option<&mut Node>,
        schema: Option<SchemaRef<'a>>,
    ) -> Result<Merged, Error> {
        let Some(mut object) = object.filter(|node| !node.is_null()) else {
            return self.added_map(patch, schema);
        };
        let Some(patch) = patch else {
            self.fields(&mut object, None, schema)?;
            return Ok(Merged::Kept(object));
        };
        if patch.is_null() {
            return Ok(Merged::cleared(Some(object)));
        }
        match directive::take_from_map(patch)? {
            Directive::Delete => Ok(Merged::cleared(Some(object))),
            Directive::Replace => {
                let mut value = patch.clone();
                self.fields_with_themselves(&mut value, schema)?;
                Ok(Merged::Replaced { value: Some(value), old: Some(object) })
            }
            Directive::Merge => {
                self.fields(&mut object, Some(patch), schema)?;
                Ok(Merged::Kept(object))
            }
        }
    }

    /// A mapping of the patch that the object lacks. A `$patch` that is unknown stays, as data.
    fn added_map(self, patch: Option<&mut Node>, schema: Option<SchemaRef<'a>>) -> Result<Merged, Error> {
        let Some(patch) = patch else { return Ok(Merged::cleared(None)) };
        if matches!(directive::take_from_map(patch), Ok(Directive::Delete)) {
            return Ok(Merged::cleared(None));
        }
        let mut value = patch.clone();
        self.fields_with_themselves(&mut value, schema)?;
        Ok(Merged::Replaced { value: Some(value), old: None })
    }

    fn fields(
        self,
        object: &mut Node,
        mut patch: Option<&mut Node>,
        schema: Option<SchemaRef<'a>>,
    ) -> Result<(), Error> {
        let added = patch.as_deref().map(|patch| missing_names(object, patch)).unwrap_or_default();
        [Some(&*object), patch.as_deref()].into_iter().flatten().try_for_each(expect_names)?;
        let Some(fields) = object.fields_mut() else { return Ok(()) };
        let mut kept = Vec::with_capacity(fields.len() + added.len());
        for Field { key, value } in std::mem::take(fields) {
            let patch = patch.as_deref_mut().and_then(|patch| patch.field_mut(&key.text));
            let (style, is_same) = (value.style, patch.is_none());
            if let Some(value) = self.field(Some(value), patch, schema, &key.text)? {
                let mut value = Node { style, ..value };
                // Go: FieldSetter writes every field again, also one of which the patch says nothing.
                if is_same {
                    value.quote_if_ambiguous();
                }
                kept.push(Field { key, value });
            }
        }
        for Key { text, style, .. } in added {
            let patch = patch.as_deref_mut().and_then(|patch| patch.field_mut(&text));
            if let Some(mut value) = self.field(None, patch, schema, &text)? {
                value.quote_if_ambiguous();
                kept.push(Field { key: Key { text, style, ..Key::default() }, value });
            }
        }
        *fields = kept;
        Ok(())
    }

    fn field(
        self,
        object: Option<Node>,
        patch: Option<&mut Node>,
        schema: Option<SchemaRef<'a>>,
        name: &str,
    ) -> Result<Option<Node>, Error> {
        let schema = schema.and_then(|schema| schema.field(name));
        Ok(match self.walk(object, patch, schema).map_err(|error| error.in_field(name))? {
            Merged::Kept(node) => Some(node),
            // Go: FieldSetter removes nulls, and writes into the place that is there.
            Merged::Replaced { value, old } => match (value.filter(|node| !node.is_null()), old) {
                (Some(value), Some(mut place)) => {
                    place.replace(value);
                    Some(place)
                }
                (value, _) => value,
            },
        })
    }

    fn fields_with_themselves(self, node: &mut Node, schema: Option<SchemaRef<'a>>) -> Result<(), Error> {
        expect_names(node)?;
        let Some(fields) = node.fields_mut() else { return Ok(()) };
        let mut kept = Vec::with_capacity(fields.len());
        for Field { key, value } in std::mem::take(fields) {
            let schema = schema.and_then(|schema| schema.field(&key.text));
            let merged = self.merge_itself(value, schema).map_err(|error| error.in_field(&key.text))?;
            if let Some(value) = merged.into_value().filter(|value| !value.is_null()) {
                kept.push(Field { key, value });
            }
        }
        *fields = kept;
        Ok(())
    }
}

/// A field without a name cannot be set. Go: `FieldSetter`.
fn expect_names(node: &Node) -> Result<(), Error> {
    let nameless = node.fields().iter().find(|field| field.key.text.is_empty() && field.key.tag != Tag::Null);
    match nameless {
        Some(field) => Err(Error::new("a field has no name, and cannot be merged").at_line(field.value.line)),
        None => Ok(()),
    }
}

/// A null of the object stays if it is written out and the patch says nothing of it.
fn both_null(object: Option<Node>, patch: Option<&mut Node>) -> Merged {
    match (object, patch) {
        (Some(object), None) if !object.text().is_empty() => Merged::Kept(object),
        (object, patch) => Merged::Replaced { value: patch.map(|patch| patch.clone()), old: object },
    }
}

/// The keys of the patch that the object lacks, sorted; one that the patch gives twice counts once, with its first value.
/// A key that reads as null is not looked at.
fn missing_names(object: &Node, patch: &Node) -> Vec<Key> {
    let is_missing = |field: &&Field| field.key.tag != Tag::Null && object.field(&field.key.text).is_none();
    let missing = patch.fields().iter().filter(is_missing);
    let mut keys: Vec<Key> = missing.map(|field| field.key.clone()).collect();
    keys.sort_by(|a, b| a.text.cmp(&b.text));
    keys.dedup_by(|a, b| a.text == b.text);
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse_one;

    fn merged(object: &str, patch: &str) -> String {
        let mut schemas = Schemas::new();
        schemas.load().unwrap();
        let object = parse_one(object).unwrap().unwrap();
        let mut patch = parse_one(patch).unwrap().unwrap();
        match merge(&mut patch, object, &schemas) {
            Ok(Some(node)) => crate::go_json::to_string(&node.to_json().unwrap()),
            Ok(None) => "DELETED".to_owned(),
            Err(error) => format!("ERROR {}", error.message()),
        }
    }

    #[test]
    fn merges_are_those_of_kyaml() {
        for case in include_str!("cases.txt").split("=== ").skip(1) {
            let (name, rest) = case.split_once('\n').unwrap();
            let [object, patch, expected] = rest.split("\n---\n").collect::<Vec<_>>()[..] else { panic!("{name}") };
            let merged = merged(object, patch);
            // The message goes on with what is known besides.
            let same =
                merged.starts_with(expected.trim()) && (expected.starts_with("ERROR") || merged == expected.trim());
            assert!(same, "{name}\nexpected {expected}got      {merged}");
        }
    }

    #[test]
    fn errors_name_the_field() {
        let mut schemas = Schemas::new();
        schemas.load().unwrap();
        let object =
            parse_one("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    env: x\n").unwrap().unwrap();
        let mut patch = parse_one("spec: {containers: [{name: a, env: [{name: X}]}]}").unwrap().unwrap();
        let error = merge(&mut patch, object, &schemas).unwrap_err();
        assert_eq!((error.field(), error.line()), ("spec.containers.[name=a].env", Some(1)));
    }
}
