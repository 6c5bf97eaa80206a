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
use std::sync::Arc;

use crate::Error;
use crate::openapi::Schemas;
use crate::yaml::{Node, Texts, parse_sharing};

pub(crate) use annotations::{
    BUILD_ANNOTATIONS, HELM_GENERATED, LOCAL_CONFIG, ORIGIN, PREFIXES, PREVIOUS_KINDS, PREVIOUS_NAMES,
    PREVIOUS_NAMESPACES, SUFFIXES, TRANSFORMATIONS, is_internal,
};
pub(crate) use ids::{behavior_name, ids_of_lists, parts};
pub(crate) use metadata::{StringMap, set_annotation};
pub(crate) use origin::Origin;

/// What the build knows of types; shared by all objects of a build.
#[derive(Clone, Default)]
pub(crate) struct Scopes(Rc<Known>);

struct Known {
    schemas: RefCell<Schemas>,
    texts: RefCell<Texts>,
}

impl Default for Known {
    fn default() -> Self {
        Self { schemas: RefCell::default(), texts: RefCell::new(Texts::remembering()) }
    }
}

impl Scopes {
    /// Whether the schema says that objects of the type have no namespace. Go: `IsCertainlyClusterScoped`.
    pub(crate) fn is_cluster_scoped(&self, api_version: &str, kind: &str) -> bool {
        // A schema that cannot be read is an error of whoever loads it.
        self.0.schemas.borrow_mut().is_namespaced(api_version, kind).is_ok_and(|namespaced| namespaced == Some(false))
    }

    /// Works with the schemas.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Schemas) -> T) -> T {
        work(&mut self.0.schemas.borrow_mut())
    }
}

impl Scopes {
    /// The documents of a file.
    ///
    /// # Errors
    /// It is not YAML.
    pub(crate) fn parse(&self, text: &str) -> Result<Vec<Node>, Error> {
        parse_sharing(text, &mut self.0.texts.borrow_mut())
    }

    /// The text, as one with what was read or written before if that is the same.
    pub(crate) fn share(&self, text: &str) -> Arc<str> {
        self.0.texts.borrow_mut().share(text)
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scopes")
    }
}

/// Where an object was read, for messages.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub file: Arc<str>,
    pub line: u32,
    /// It stands in a text of that file, whose lines count for themselves.
    is_inline: bool,
}

impl Place {
    /// A file of its own.
    pub(crate) fn file(file: String) -> Self {
        Self { file: file.into(), line: 1, is_inline: false }
    }

    /// A text in a file, at a line.
    pub(crate) fn inline(file: String, line: u32) -> Self {
        Self { file: file.into(), line, is_inline: true }
    }

    /// The error with this place, unless it has one.
    pub(crate) fn of(&self, error: Error) -> Error {
        if self.is_inline {
            error.within(&*self.file, self.line)
        } else {
            error.in_file(&*self.file).at_line(self.line)
        }
    }
}

/// Notes where objects were read.
pub(crate) fn place(resources: &mut [Resource], place: &Place) {
    for resource in resources {
        let line = if place.is_inline { place.line } else { resource.node.line.max(1) };
        resource.place = Some(Place { line, ..place.clone() });
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
    /// Where it was read, or what made it is asked for.
    pub place: Option<Place>,
    scopes: Scopes,
}

impl Resource {
    pub(crate) fn new(node: Node, scopes: &Scopes) -> Self {
        Self { node, vars: Vec::new(), grouped: false, place: None, scopes: scopes.clone() }
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
        result.map_err(|error| self.locate(error))
    }

    /// The error with the place of the object, unless it has one.
    pub(crate) fn locate(&self, error: Error) -> Error {
        match &self.place {
            Some(place) => place.of(error),
            None => error,
        }
    }
}
