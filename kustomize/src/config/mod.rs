//! Which fields the transformers work on: the defaults, and what `configurations` and `crds` add.
//!
//! kustomize: api/internal/plugins/builtinconfig.

mod crds;
mod read;

use std::sync::Arc;

use crate::Error;
use crate::fieldspec::{FieldSpec, merge_all};
use crate::gosort::sort_by_key;
use crate::id::Pattern;

pub(crate) use crds::from_crds;
pub(crate) use read::{defaults, from_text};

/// The fields that name objects of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameReference {
    /// The objects that are named.
    pub target: Pattern,
    /// The fields that name them.
    pub referrers: Vec<FieldSpec>,
}

/// All field specs of one build. Go: `TransformerConfig`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    pub name_prefix: Vec<FieldSpec>,
    pub name_suffix: Vec<FieldSpec>,
    pub namespace: Vec<FieldSpec>,
    pub common_labels: Vec<FieldSpec>,
    pub labels: Vec<FieldSpec>,
    pub template_labels: Vec<FieldSpec>,
    pub common_annotations: Vec<FieldSpec>,
    pub name_reference: Vec<NameReference>,
    pub var_reference: Vec<FieldSpec>,
    pub images: Vec<FieldSpec>,
    pub replicas: Vec<FieldSpec>,
}

impl Config {
    fn lists(&mut self) -> [(&'static str, &mut Vec<FieldSpec>); 10] {
        [
            ("namePrefix", &mut self.name_prefix),
            ("nameSuffix", &mut self.name_suffix),
            ("namespace", &mut self.namespace),
            ("commonAnnotations", &mut self.common_annotations),
            ("commonLabels", &mut self.common_labels),
            ("labels", &mut self.labels),
            ("templateLabels", &mut self.template_labels),
            ("varReference", &mut self.var_reference),
            ("images", &mut self.images),
            ("replicas", &mut self.replicas),
        ]
    }

    /// These specs and those of `other`, sorted. Merging what is there already changes nothing.
    ///
    /// # Errors
    /// A field stands in both, with another `create`.
    pub(crate) fn merge(self: &Arc<Self>, other: &Arc<Self>) -> Result<Arc<Self>, Error> {
        if Arc::ptr_eq(self, other) || **other == Self::default() {
            return Ok(Arc::clone(self));
        }
        if **self == Self::default() && Arc::ptr_eq(other, &defaults()?) {
            return Ok(Arc::clone(other));
        }
        self.merged_with(other).map(Arc::new)
    }

    /// As [`Config::merge`], always step by step. A spec for all kinds is dropped after one for a single kind; since
    /// sorting puts many of the latter first, merging into nothing can drop some, too. So it does in kustomize.
    ///
    /// # Errors
    /// As [`Config::merge`].
    fn merged_with(&self, other: &Self) -> Result<Self, Error> {
        let (mut merged, mut incoming) = (self.clone(), other.clone());
        for ((name, specs), (_, new)) in merged.lists().into_iter().zip(incoming.lists()) {
            merge_all(specs, new).map_err(|error| error.context(format!("merging the field specs of {name}")))?;
        }
        for reference in &other.name_reference {
            merge_reference(&mut merged.name_reference, reference)?;
        }
        merged.sort();
        Ok(merged)
    }

    /// Orders the specs by kind. Go: `sortFields`.
    pub(crate) fn sort(&mut self) {
        for (_, specs) in self.lists() {
            sort_by_key(specs, |spec| rank(&spec.pattern));
        }
        sort_by_key(&mut self.name_reference, |reference| rank(&reference.target));
    }
}

/// Adds a reference. Go: `nbrSlice.mergeOne`.
///
/// # Errors
/// A field stands in both, with another `create`.
fn merge_reference(references: &mut Vec<NameReference>, incoming: &NameReference) -> Result<(), Error> {
    let mut found = false;
    for known in references.iter_mut().filter(|known| known.target == incoming.target) {
        let merged = merge_all(&mut known.referrers, &incoming.referrers);
        merged.map_err(|error| error.context("merging the field specs of nameReference"))?;
        found = true;
    }
    if !found {
        references.push(incoming.clone());
    }
    Ok(())
}

/// The kinds that come before and after all others, in the order of a build.
pub(crate) const ORDER_FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
pub(crate) const ORDER_LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Where a kind stands. Go: `Gvk.IsLessThan`.
fn rank(pattern: &Pattern) -> (usize, String) {
    let place = |list: &[&str]| list.iter().position(|kind| *kind == pattern.kind);
    let place = match (place(&ORDER_FIRST), place(&ORDER_LAST)) {
        (Some(at), _) => at,
        (None, Some(at)) => ORDER_FIRST.len() + 1 + at,
        (None, None) => ORDER_FIRST.len(),
    };
    (place, sort_text(&pattern.group, &pattern.version, &pattern.kind))
}

/// The text by which types are ordered. Go: `stableSortString`.
fn sort_text(group: &str, version: &str, kind: &str) -> String {
    let or = |text: &'static str, part: &str| if part.is_empty() { text.to_owned() } else { part.to_owned() };
    [or("~G", group), or("~V", version), or("~K", kind)].join("_")
}
