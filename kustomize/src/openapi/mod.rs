//! What kustomize knows of types: by which keys lists merge, and which objects have a namespace.
//!
//! The schema is that of Kubernetes 1.21.2, unless a kustomization brings another (`openapi.path`); kyaml keeps it in
//! variables of the process, [`Schemas`] for one build.
//!
//! kustomize: kyaml/openapi/openapi.go.

mod builtin;
mod document;
mod shape;

use crate::Error;
pub(crate) use shape::{check_schema, check_texts};

use crate::decode::json_from_text;
use document::{Document, Schema};

/// The only built-in version.
pub(crate) const VERSION: &str = "v1.21.2";

/// One source of definitions. A later one wins over an earlier one.
#[derive(Debug)]
enum Layer {
    Builtin,
    Document(Document),
}

/// A document as a kustomization names it; it is read when a schema is asked for, and then only if it is the one that counts.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The path as messages show it.
    pub file: String,
    /// JSON or YAML.
    pub text: String,
}

/// The schemas of one build.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    /// A version or a document was asked for.
    is_set: bool,
    /// The document that is asked for, until it is needed.
    pending: Option<Source>,
    /// Nothing was asked of the schemas since they were set.
    loaded: bool,
    /// The scope of a type was asked for before a document was set; then the built-in schema is read after it.
    builtin_wanted: bool,
    layers: Vec<Layer>,
}

/// How deep references may lead.
const MAX_REFERENCES: usize = 64;

impl Schemas {
    /// The built-in schema alone.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes over the field `openapi` of a kustomization: a version, or a document. Of several in a build
    /// the first counts, the one of the kustomization that is built (`outermost`) being asked first.
    ///
    /// kustomize: `openapi.SetSchema`.
    ///
    /// # Errors
    /// A version beside a document, a version that is not built in.
    pub(crate) fn set(
        &mut self,
        version: Option<&str>,
        document: Option<Source>,
        outermost: bool,
    ) -> Result<(), Error> {
        if self.is_set && !outermost {
            return Ok(());
        }
        if let Some(document) = document {
            if version.is_some() {
                return Err(Error::new("builtin version and custom schema provided, cannot use both"));
            }
            self.pending = Some(document);
        } else {
            match version {
                None | Some("") => return Ok(()),
                Some(VERSION) => self.pending = None,
                Some(_) => {
                    let message = format!("the specified OpenAPI version is not built in (only {VERSION} is)");
                    return Err(Error::new(message));
                }
            }
        }
        self.is_set = true;
        self.loaded = false;
        Ok(())
    }

    /// Makes what was set last count. To be called before [`Schemas::of_type`]. Go: `initSchema`.
    ///
    /// # Errors
    /// The document is no OpenAPI schema.
    pub(crate) fn load(&mut self) -> Result<(), Error> {
        if self.loaded {
            return Ok(());
        }
        self.loaded = true;
        match self.pending.take() {
            Some(Source { file, text }) => {
                let read = json_from_text(&text).and_then(|json| Document::from_json(&json));
                let document = read.map_err(|error| error.in_file(file).context("invalid schema file"))?;
                self.layers.push(Layer::Document(document));
                if self.builtin_wanted {
                    self.layers.push(Layer::Builtin);
                }
            }
            None => self.layers.push(Layer::Builtin),
        }
        self.builtin_wanted = false;
        Ok(())
    }

    /// Whether objects of a type have a namespace; `None` where the schemas do not know it. Go: `IsNamespaceScoped`.
    ///
    /// # Errors
    /// As [`Schemas::load`].
    pub(crate) fn is_namespaced(&mut self, api_version: &str, kind: &str) -> Result<Option<bool>, Error> {
        if let Some(namespaced) = builtin::is_namespaced(api_version, kind) {
            return Ok(Some(namespaced));
        }
        if !self.loaded {
            if self.pending.is_some() {
                self.load()?;
            } else {
                self.builtin_wanted |= !self.layers.iter().any(|layer| matches!(layer, Layer::Builtin));
            }
        }
        let scopes = self.layers.iter().filter_map(|layer| match layer {
            Layer::Builtin => None,
            Layer::Document(document) => document.is_namespaced(api_version, kind),
        });
        // Of several documents one that shows a namespace wins.
        Ok(scopes.reduce(|a, b| a || b))
    }

    /// The schema of a type of objects, if there is one. Go: `SchemaForResourceType`.
    #[must_use]
    pub(crate) fn of_type(&self, api_version: &str, kind: &str) -> Option<SchemaRef<'_>> {
        self.find(|layer| match layer {
            Layer::Builtin => builtin::of_type(api_version, kind).map(Place::Builtin),
            Layer::Document(document) => document.of_type(api_version, kind).map(Place::Document),
        })
    }

    fn definition(&self, name: &str) -> Option<SchemaRef<'_>> {
        self.find(|layer| match layer {
            Layer::Builtin => builtin::definition(name).map(Place::Builtin),
            Layer::Document(document) => document.definition(name).map(Place::Document),
        })
    }

    fn find<'a>(&'a self, search: impl Fn(&'a Layer) -> Option<Place<'a>>) -> Option<SchemaRef<'a>> {
        self.layers.iter().rev().find_map(search).map(|place| SchemaRef { schemas: self, place })
    }
}

#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Builtin(builtin::Type),
    Document(&'a Schema),
}

/// The schema of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SchemaRef<'a> {
    schemas: &'a Schemas,
    place: Place<'a>,
}

impl<'a> SchemaRef<'a> {
    /// The schema of a field, or of the values of a map. Go: `ResourceSchema.Field`.
    #[must_use]
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        self.step(match self.place {
            Place::Builtin(place) => Place::Builtin(place.field(name)?),
            Place::Document(schema) => Place::Document(schema.field(name)?),
        })
    }

    /// The schema of the elements of a list. Go: `ResourceSchema.Elements`.
    #[must_use]
    pub(crate) fn elements(self) -> Option<Self> {
        self.step(match self.place {
            Place::Builtin(place) => Place::Builtin(place.elements()?),
            Place::Document(schema) => Place::Document(schema.elements()?),
        })
    }

    /// The keys by which a list merges (none: it is a list of scalars); `None` for a list that is replaced.
    #[must_use]
    pub(crate) fn merge_keys(self) -> Option<Vec<&'a str>> {
        match self.place {
            Place::Builtin(place) => place.merge_keys(),
            Place::Document(schema) => schema.merge_keys(),
        }
    }

    /// Follows references to what is no reference.
    fn step(self, place: Place<'a>) -> Option<Self> {
        let mut found = Self { schemas: self.schemas, place };
        for _ in 0..MAX_REFERENCES {
            let name = match found.place {
                Place::Builtin(place) => place.reference(),
                Place::Document(schema) => schema.reference().map(str::to_owned),
            };
            match name {
                Some(name) => found = self.schemas.definition(&name)?,
                None => return Some(found),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn keys<'a>(schemas: &'a Schemas, api_version: &str, kind: &str, path: &str) -> Option<Vec<&'a str>> {
        let start = schemas.of_type(api_version, kind)?;
        let place = path.split('.').try_fold(start, |schema, part| match part {
            "[]" => schema.elements(),
            name => schema.field(name),
        });
        place?.merge_keys()
    }

    fn builtin() -> Schemas {
        let mut schemas = Schemas::new();
        schemas.load().unwrap();
        schemas
    }

    #[test]
    fn merge_keys_of_built_in_kinds() {
        let containers = "spec.template.spec.containers";
        for (api_version, kind, path, expected) in [
            ("apps/v1", "Deployment", containers, Some(vec!["name"])),
            ("apps/v1", "Deployment", &format!("{containers}.[].ports"), Some(vec!["containerPort", "protocol"])),
            ("apps/v1", "Deployment", &format!("{containers}.[].args"), None),
            ("apps/v1", "Deployment", "spec.template.spec.tolerations", None),
            ("v1", "Service", "spec.ports", Some(vec!["port", "protocol"])),
            ("v1", "Pod", "metadata.finalizers", Some(vec![])),
            ("v1", "Pod", "metadata.labels.x", None),
            ("v1", "ServiceAccount", "secrets", Some(vec!["name"])),
            ("example.com/v1", "Deployment", containers, None),
        ] {
            assert_eq!(keys(&builtin(), api_version, kind, path), expected, "{kind} {path}");
        }
    }

    fn crd_schema() -> Value {
        json!({
            "definitions": {
                "v1.Toy": {
                    "properties": {"spec": {"$ref": "#/definitions/v1.ToySpec"}},
                    "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Toy"}],
                },
                "v1.ToySpec": {"properties": {"parts": {
                    "type": "array",
                    "items": {"type": "object"},
                    "x-kubernetes-patch-merge-key": "id",
                    "x-kubernetes-patch-strategy": "merge",
                }}},
            },
            "paths": {"/apis/example.com/v1/toys": {"get": {
                "x-kubernetes-group-version-kind": {"group": "example.com", "version": "v1", "kind": "Toy"},
            }}},
        })
    }

    fn source(document: &Value) -> Source {
        Source { file: "schema.json".to_owned(), text: document.to_string() }
    }

    #[test]
    fn a_document_stands_in_for_the_built_in_schema() {
        let mut schemas = Schemas::new();
        schemas.set(None, Some(source(&crd_schema())), true).unwrap();
        schemas.load().unwrap();
        assert_eq!(keys(&schemas, "example.com/v1", "Toy", "spec.parts"), Some(vec!["id"]));
        assert!(schemas.of_type("apps/v1", "Deployment").is_none());
        assert_eq!(schemas.is_namespaced("example.com/v1", "Toy"), Ok(Some(false)));
        assert_eq!(schemas.is_namespaced("v1", "Namespace"), Ok(Some(false)), "the table of scopes always counts");
    }

    #[test]
    fn the_outermost_schema_wins() {
        let mut schemas = Schemas::new();
        schemas.set(Some(VERSION), None, true).unwrap();
        schemas.set(None, Some(source(&crd_schema())), false).unwrap();
        schemas.load().unwrap();
        assert!(schemas.of_type("example.com/v1", "Toy").is_none());
        assert!(schemas.of_type("apps/v1", "Deployment").is_some());
    }

    #[test]
    fn a_document_that_comes_after_the_first_question_adds_to_the_built_in_schema() {
        let mut schemas = Schemas::new();
        assert_eq!(schemas.is_namespaced("example.com/v1", "Toy"), Ok(None));
        schemas.set(None, Some(source(&crd_schema())), false).unwrap();
        schemas.load().unwrap();
        assert!(schemas.of_type("example.com/v1", "Toy").is_some());
        assert!(schemas.of_type("apps/v1", "Deployment").is_some());
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        let mut both = Schemas::new();
        assert!(both.set(Some(VERSION), Some(source(&crd_schema())), true).is_err());
        assert!(Schemas::new().set(Some("v1.20.4"), None, true).unwrap_err().to_string().contains("not built in"));
        let mut schemas = Schemas::new();
        schemas.set(None, Some(source(&json!({"definitions": {"a": {"properties": 3}}}))), true).unwrap();
        assert!(schemas.load().unwrap_err().to_string().contains("definitions.a.properties"));
    }

    #[test]
    fn a_reference_to_itself_leads_nowhere() {
        let mut schemas = Schemas::new();
        let loops = json!({"definitions": {
            "a": {
                "properties": {"x": {"$ref": "#/definitions/b"}},
                "x-kubernetes-group-version-kind": [{"group": "", "version": "v1", "kind": "A"}],
            },
            "b": {"$ref": "#/definitions/b"},
        }});
        schemas.set(None, Some(source(&loops)), true).unwrap();
        schemas.load().unwrap();
        assert!(schemas.of_type("v1", "A").unwrap().field("x").is_none());
    }
}
