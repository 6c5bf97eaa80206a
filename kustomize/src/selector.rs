//! Which objects a patch is for: `target` of a patch, `select` of a replacement.
//!
//! kustomize: api/types/selector.go, `Select` in api/resmap/reswrangler.go.

use std::fmt;

use regex::Regex;

use crate::Error;
use crate::id::{Gvk, Pattern};
use crate::label_selector::LabelSelector;
use crate::resource::Resource;

/// A selector as it is written. Each text is a regular expression for the whole value; an empty one matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    pub pattern: Pattern,
    pub name: String,
    pub namespace: String,
    pub annotations: String,
    pub labels: String,
}

/// A selector that is ready to match.
#[derive(Debug)]
pub(crate) struct Matcher {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    annotations: LabelSelector,
    labels: LabelSelector,
}

/// The regular expression for the whole of a value; `None` for the empty one, which matches all.
///
/// # Errors
/// It is not a regular expression.
pub(crate) fn anchored(pattern: &str) -> Result<Option<Regex>, Error> {
    if pattern.is_empty() {
        return Ok(None);
    }
    let compiled = Regex::new(&format!("^(?:{pattern})$"));
    compiled.map(Some).map_err(|error| Error::new(format!("invalid regular expression {pattern:?}: {error}")))
}

fn matches(regex: Option<&Regex>, text: &str) -> bool {
    regex.is_none_or(|regex| regex.is_match(text))
}

impl Selector {
    pub(crate) fn compile(&self) -> Result<Matcher, Error> {
        Ok(Matcher {
            group: anchored(&self.pattern.group)?,
            version: anchored(&self.pattern.version)?,
            kind: anchored(&self.pattern.kind)?,
            name: anchored(&self.name)?,
            namespace: anchored(&self.namespace)?,
            annotations: LabelSelector::parse(&self.annotations)?,
            labels: LabelSelector::parse(&self.labels)?,
        })
    }
}

impl fmt::Display for Selector {
    /// The parts that are there, as they are written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pattern, name, namespace, annotations, labels } = self;
        let parts = [
            ("group", &pattern.group),
            ("version", &pattern.version),
            ("kind", &pattern.kind),
            ("name", name),
            ("namespace", namespace),
            ("annotationSelector", annotations),
            ("labelSelector", labels),
        ];
        let written = parts.into_iter().filter(|(_, value)| !value.is_empty());
        let written: Vec<String> = written.map(|(part, value)| format!("{part}: {value}")).collect();
        f.write_str(if written.is_empty() { "any" } else { "" })?;
        f.write_str(&written.join(", "))
    }
}

impl Matcher {
    /// Whether group, version and kind match. Go: `MatchGvk`.
    pub(crate) fn matches_gvk(&self, gvk: &Gvk) -> bool {
        matches(self.kind.as_ref(), &gvk.kind)
            && matches(self.group.as_ref(), gvk.group())
            && matches(self.version.as_ref(), gvk.version())
    }

    /// Whether the name matches. Go: `MatchName`.
    pub(crate) fn matches_name(&self, name: &str) -> bool {
        matches(self.name.as_ref(), name)
    }

    /// Whether the namespace matches. Go: `MatchNamespace`.
    pub(crate) fn matches_namespace(&self, namespace: &str) -> bool {
        matches(self.namespace.as_ref(), namespace)
    }

    /// Whether the object is selected, by its original or its current name and namespace.
    pub(crate) fn selects(&self, resource: &Resource) -> bool {
        if !self.matches_gvk(&resource.gvk()) {
            return false;
        }
        if self.name.is_some() || self.namespace.is_some() {
            let (original, current) = (resource.original_id(), resource.current_id());
            let either = |matches: &dyn Fn(&crate::id::ResId) -> bool| matches(&original) || matches(&current);
            if !either(&|id| self.matches_namespace(id.effective_namespace()))
                || !either(&|id| self.matches_name(&id.name))
            {
                return false;
            }
        }
        self.matches_metadata(resource)
    }

    /// Whether labels and annotations match.
    pub(crate) fn matches_metadata(&self, resource: &Resource) -> bool {
        self.labels.matches(|key| resource.label(key)) && self.annotations.matches(|key| resource.annotation(key))
    }
}
