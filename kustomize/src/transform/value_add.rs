//! The transformer `ValueAddTransformer`.
//!
//! kustomize: api/internal/builtins/ValueAddTransformer.go, api/filters/valueadd.

use super::namespace::{Namespace, Subjects};
use crate::Error;
use crate::fieldspec::split_path;
use crate::resmap::ResMap;
use crate::selector::Selector;
use crate::yaml::{Kind, Node};

/// A value that is written to fields, or into paths in fields.
#[derive(Debug)]
pub(crate) struct ValueAdd {
    pub value: String,
    pub targets: Vec<Target>,
}

/// Where it goes.
#[derive(Debug)]
pub(crate) struct Target {
    /// The objects; all if there is none.
    pub selector: Option<Selector>,
    pub field_path: String,
    /// The place of the value in a path that the field holds, from 1; 0 replaces the field.
    pub position: usize,
}

impl ValueAdd {
    pub(crate) fn transform(&self, map: &mut ResMap) -> Result<(), Error> {
        for target in &self.targets {
            let selected = match &target.selector {
                Some(selector) => map.select(selector)?,
                None => (0..map.resources().len()).collect(),
            };
            for at in selected {
                let resource = &mut map.resources_mut()[at];
                if target.field_path == "metadata/namespace" {
                    let subjects = Subjects::default();
                    let namespace = self.value.clone();
                    Namespace { namespace, fields: Vec::new(), unset_only: false, subjects }.apply(resource)?;
                } else {
                    resource.change(|node| self.set(node, target))?;
                }
            }
        }
        Ok(())
    }

    fn set(&self, object: &mut Node, target: &Target) -> Result<(), Error> {
        let path = split_all(&target.field_path);
        let Some(field) = object.lookup_create(Kind::Scalar, &path)? else { return Ok(()) };
        field.expect_kind(Kind::Scalar)?;
        let value = match target.position {
            0 => self.value.clone(),
            position => insert_part(field.text(), position - 1, &self.value),
        };
        if !value.is_empty() {
            field.set_scalar(Node::scalar(value));
        }
        Ok(())
    }
}

/// As [`split_path`], a leading slash giving an empty first part, which a look-up skips.
fn split_all(path: &str) -> Vec<String> {
    split_path(path, "/")
}

/// `path` with another part at a place; an absolute one stays absolute. Go: `filesys.InsertPathPart`.
fn insert_part(path: &str, position: usize, part: &str) -> String {
    if part.is_empty() {
        return path.to_owned();
    }
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::insert_part;

    #[test]
    fn a_part_goes_into_a_path() {
        for (path, position, expected) in
            [("a/b", 0, "x/a/b"), ("/a/b", 1, "/a/x/b"), ("a", 9, "a/x"), ("", 0, "x"), ("/", 0, "/x")]
        {
            assert_eq!(insert_part(path, position, "x"), expected);
        }
    }
}
