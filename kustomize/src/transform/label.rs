//! `labels`, `commonLabels` and `commonAnnotations`.
//!
//! kustomize: api/internal/builtins/{LabelTransformer,AnnotationsTransformer}.go, api/filters/{labels,annotations}.

use crate::Error;
use crate::fieldspec::{Create, FieldSpec, walk_all};
use crate::resmap::ResMap;
use crate::resource::{Resource, StringMap};
use crate::yaml::{Group, Key, Kind, Node, Tag};

/// Entries that are set in maps.
#[derive(Debug)]
pub(crate) struct Labels {
    pub pairs: StringMap,
    pub fields: Vec<FieldSpec>,
}

impl Labels {
    pub(crate) fn transform(&self, map: &mut ResMap) -> Result<(), Error> {
        map.resources_mut().iter_mut().try_for_each(|resource| self.apply(resource))
    }

    fn apply(&self, resource: &mut Resource) -> Result<(), Error> {
        let create = Create { kind: Kind::Mapping, tag: Tag::Map };
        resource.grouped |= !self.pairs.is_empty();
        for (key, value) in &self.pairs {
            let group = Group::default();
            resource.change(|node| {
                walk_all(node, &self.fields, Some(&create), &mut |field| set_entry(field, key, value, &group))
            })?;
        }
        Ok(())
    }
}

/// Sets an entry. Where it is new it is one with the others of its group, as in kustomize ([`Group`]).
///
/// # Errors
/// The field is no mapping; as in kustomize, it is not what an entry without a name is set in, either.
fn set_entry(map: &mut Node, key: &str, value: &str, group: &Group) -> Result<(), Error> {
    map.expect_kind(if key.is_empty() { Kind::Scalar } else { Kind::Mapping })?;
    if map.field(key).is_some() {
        map.set_field(key, Node::string(value));
    } else {
        let mut node = Node { tag: Tag::Str, ..Node::scalar(value) };
        node.quote_if_ambiguous();
        map.push_field(Key::new(key), node.in_group(group));
    }
    Ok(())
}

/// Sets an annotation of all objects. Go: `AnnotateAll`.
///
/// # Errors
/// The metadata of an object is no mapping.
pub(crate) fn annotate_all(map: &mut ResMap, name: &str, value: &str) -> Result<(), Error> {
    let pairs = StringMap::from([(name.to_owned(), value.to_owned())]);
    Labels { pairs, fields: vec![FieldSpec::new("metadata/annotations", true)] }.transform(map)
}
