//! `namePrefix` and `nameSuffix`.
//!
//! kustomize: api/internal/builtins/{PrefixTransformer,SuffixTransformer}.go, api/filters/{prefix,suffix}.

use crate::Error;
use crate::fieldspec::{Create, FieldSpec, walk};
use crate::id::{Gvk, Pattern};
use crate::resmap::ResMap;
use crate::resource::{PREFIXES, SUFFIXES};
use crate::yaml::{Kind, Node, Tag};

/// Text before or after names.
#[derive(Debug)]
pub(crate) struct Affix {
    pub text: String,
    pub is_suffix: bool,
    pub fields: Vec<FieldSpec>,
}

/// The names of these belong to others.
fn is_skipped(gvk: &Gvk) -> bool {
    matches!(&*gvk.kind, "CustomResourceDefinition" | "Namespace")
        || gvk.is_selected(&Pattern { group: "apiregistration.k8s.io".to_owned(), ..Pattern::of_kind("APIService") })
}

impl Affix {
    pub(crate) fn transform(&self, map: &mut ResMap) -> Result<(), Error> {
        let create = Create { kind: Kind::Scalar, tag: Tag::Str };
        for resource in map.resources_mut() {
            let gvk = resource.original_id().gvk;
            if is_skipped(&gvk) {
                continue;
            }
            for spec in self.fields.iter().filter(|spec| gvk.is_selected(&spec.pattern)) {
                if spec.path == "metadata/name" {
                    resource.append_csv(if self.is_suffix { SUFFIXES } else { PREFIXES }, &self.text)?;
                    if !self.text.is_empty() {
                        resource.store_previous_id()?;
                    }
                }
                resource.change(|node| walk(node, spec, Some(&create), &mut |field| self.set(field)))?;
            }
        }
        Ok(())
    }

    fn set(&self, field: &mut Node) -> Result<(), Error> {
        field.expect_kind(Kind::Scalar)?;
        let name = if self.is_suffix {
            format!("{}{}", field.text(), self.text)
        } else {
            format!("{}{}", self.text, field.text())
        };
        field.set_scalar(Node::scalar(name));
        Ok(())
    }
}
