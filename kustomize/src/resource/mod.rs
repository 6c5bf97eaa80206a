//! One object of a build.
//!
//! kustomize: api/resource/resource.go. What kustomize remembers of an object (its former names, its prefixes) stands in
//! annotations of the object until the end, and so it does here: patches can see them, and a patch of all annotations
//! loses them.

mod annotations;
mod ids;
mod merge;
mod metadata;
mod origin;

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::Error;
use crate::openapi::Schemas;
use crate::yaml::Node;

pub(crate) use annotations::{
    BUILD_ANNOTATIONS, HELM_GENERATED, LOCAL_CONFIG, ORIGIN, PREFIXES, SUFFIXES, TRANSFORMATIONS, is_internal,
};
pub(crate) use ids::behavior_name;
pub(crate) use metadata::{StringMap, set_annotation};
pub(crate) use origin::Origin;

/// What the build knows of types; shared by all objects of a build.
#[derive(Clone, Default)]
pub(crate) struct Scopes(Rc<RefCell<Schemas>>);

impl Scopes {
    /// Whether the schema says that objects of the type have no namespace. Go: `IsCertainlyClusterScoped`.
    pub(crate) fn is_cluster_scoped(&self, api_version: &str, kind: &str) -> bool {
        // A schema that cannot be read is an error of whoever loads it.
        self.0.borrow_mut().is_namespaced(api_version, kind).is_ok_and(|namespaced| namespaced == Some(false))
    }

    /// Works with the schemas.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Schemas) -> T) -> T {
        work(&mut self.0.borrow_mut())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scopes")
    }
}

/// One object.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// The object; null once a patch has deleted it.
    pub node: Node,
    /// The names of the vars that read from it.
    pub vars: Vec<String>,
    /// Whether there may be places in it that are one ([`crate::yaml::Group`]).
    pub grouped: bool,
    scopes: Scopes,
}

impl Resource {
    pub(crate) fn new(node: Node, scopes: &Scopes) -> Self {
        Self { node, vars: Vec::new(), grouped: false, scopes: scopes.clone() }
    }

    /// Whether a patch has deleted it. Go: `IsNilOrEmpty`.
    pub(crate) fn is_gone(&self) -> bool {
        self.node.is_nil_or_empty()
    }

    pub(crate) fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Lets places that are one have the value written last.
    pub(crate) fn settle(&mut self) {
        if self.grouped {
            self.node.settle_groups();
        }
    }

    /// Changes the object, and lets places that are one follow.
    pub(crate) fn change<T>(&mut self, work: impl FnOnce(&mut Node) -> Result<T, Error>) -> Result<T, Error> {
        let result = work(&mut self.node);
        self.settle();
        result
    }
}
