//! `replicas`.
//!
//! kustomize: api/internal/builtins/ReplicaCountTransformer.go, api/filters/replicacount.

use crate::Error;
use crate::fieldspec::{Create, FieldSpec, walk};
use crate::resmap::ResMap;
use crate::yaml::{Kind, Node, Tag};

/// The number of replicas of the objects of one name.
#[derive(Debug)]
pub(crate) struct Replicas {
    pub name: String,
    pub count: i64,
    pub fields: Vec<FieldSpec>,
}

impl Replicas {
    pub(crate) fn transform(&self, map: &mut ResMap) -> Result<(), Error> {
        let create = Create { kind: Kind::Scalar, tag: Tag::Int };
        let mut found = false;
        for spec in &self.fields {
            let matches = |id: &crate::id::ResId| *id.name == *self.name && id.gvk.is_selected(&spec.pattern);
            for at in map.positions_by_any_id(matches) {
                found = true;
                map.resources_mut()[at].change(|node| {
                    walk(node, spec, Some(&create), &mut |field| {
                        field.expect_kind(Kind::Scalar)?;
                        field.set_scalar(Node { tag: Tag::Int, ..Node::scalar(self.count.to_string()) });
                        Ok(())
                    })
                })?;
            }
        }
        if found {
            return Ok(());
        }
        let kinds: Vec<String> = self.fields.iter().map(|spec| spec.pattern.to_string()).collect();
        let message =
            format!("resource with name {} does not match a config with the following GVK {kinds:?}", self.name);
        Err(Error::new(message))
    }
}
