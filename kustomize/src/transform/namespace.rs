//! `namespace`.
//!
//! kustomize: api/internal/builtins/NamespaceTransformer.go, api/filters/namespace.

use std::collections::BTreeMap;

use crate::Error;
use crate::fieldspec::{Create, FieldSpec, walk, walk_all};
use crate::resmap::ResMap;
use crate::resource::{HELM_GENERATED, Resource};
use crate::yaml::{Kind, Node, Tag};

/// Which subjects of role bindings get the namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Subjects {
    /// Those named `default`, of whatever kind.
    #[default]
    NamedDefault,
    AllServiceAccounts,
    None,
}

impl Subjects {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "" | "defaultOnly" => Ok(Self::NamedDefault),
            "allServiceAccounts" => Ok(Self::AllServiceAccounts),
            "none" => Ok(Self::None),
            _ => Err(Error::new(format!("invalid value {text:?}: must be defaultOnly, none or allServiceAccounts"))
                .in_field("setRoleBindingSubjects")),
        }
    }
}

/// The namespace of all objects that have one.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub namespace: String,
    pub fields: Vec<FieldSpec>,
    /// Leaves fields alone that are set.
    pub unset_only: bool,
    pub subjects: Subjects,
}

fn is_role_binding(kind: &str) -> bool {
    matches!(kind, "RoleBinding" | "ClusterRoleBinding")
}

impl Namespace {
    pub(crate) fn transform(&self, map: &mut ResMap) -> Result<(), Error> {
        if self.namespace.is_empty() {
            return Ok(());
        }
        let key = |resource: &Resource| resource.current_id().key();
        let mut counts = BTreeMap::new();
        map.resources().iter().for_each(|resource| *counts.entry(key(resource)).or_insert(0_usize) += 1);
        for resource in map.resources_mut() {
            if resource.is_gone() || resource.annotation(HELM_GENERATED) == Some("true") {
                continue;
            }
            let before = key(resource);
            resource.store_previous_id()?;
            self.apply(resource)?;
            let after = key(resource);
            if before != after {
                counts.entry(before).and_modify(|count| *count -= 1);
                *counts.entry(after.clone()).or_default() += 1;
            }
            if counts.get(&after) != Some(&1) {
                let id = resource.current_id();
                return Err(Error::new(format!("namespace transformation produces ID conflict: {id}")));
            }
        }
        Ok(())
    }

    /// Sets the namespace of one object. Go: `Filter.run`.
    ///
    /// # Errors
    /// A field of the specs is no scalar.
    pub(crate) fn apply(&self, resource: &mut Resource) -> Result<(), Error> {
        let gvk = resource.gvk();
        let fields = self.fields_for(&gvk.api_version, &gvk.kind);
        resource
            .change(|object| {
                let create = Create { kind: Kind::Scalar, tag: Tag::Str };
                let mut set = |field: &mut Node| self.set(field);
                if !gvk.cluster_scoped {
                    let untagged = Create { kind: Kind::Scalar, tag: Tag::None };
                    walk(object, &FieldSpec::new("metadata/namespace", true), Some(&untagged), &mut set)?;
                }
                if is_role_binding(&gvk.kind) {
                    self.set_subjects(object)?;
                }
                walk_all(object, &fields, Some(&create), &mut set)
            })
            .map_err(|error| error.context("namespace transformation failed"))
    }

    /// The fields beside `metadata.namespace`, and beside the subjects of role bindings.
    fn fields_for(&self, api_version: &str, kind: &str) -> Vec<FieldSpec> {
        let unneeded = |spec: &&FieldSpec| {
            spec.path == "metadata/namespace"
                || (spec.path == "metadata/name" && api_version != "v1")
                || (is_role_binding(kind) && is_role_binding(&spec.pattern.kind) && spec.path == "subjects/namespace")
        };
        self.fields.iter().filter(|spec| !unneeded(spec)).cloned().collect()
    }

    fn set_subjects(&self, object: &mut Node) -> Result<(), Error> {
        let (field, wanted) = match self.subjects {
            Subjects::None => return Ok(()),
            Subjects::NamedDefault => ("name", "default"),
            Subjects::AllServiceAccounts => ("kind", "ServiceAccount"),
        };
        let Some(subjects) = object.lookup_mut(&["subjects"])?.filter(|subjects| !subjects.is_null()) else {
            return Ok(());
        };
        subjects.expect_kind(Kind::Sequence)?;
        for subject in subjects.elements_mut().into_iter().flatten() {
            let matches = match subject.lookup(&[field])? {
                Some(node) if !node.is_null() => {
                    node.expect_kind(Kind::Scalar)?;
                    node.text() == wanted
                }
                _ => false,
            };
            if matches && let Some(namespace) = subject.lookup_create(Kind::Scalar, &["namespace"])? {
                self.set(namespace)?;
            }
        }
        Ok(())
    }

    fn set(&self, field: &mut Node) -> Result<(), Error> {
        field.expect_kind(Kind::Scalar)?;
        if self.unset_only && !field.is_null() && !field.text().is_empty() {
            return Ok(());
        }
        field.set_scalar(Node { tag: Tag::Str, ..Node::scalar(self.namespace.as_str()) });
        Ok(())
    }
}
