//! Field specs from the OpenAPI definitions of custom resources (`crds`).
//!
//! kustomize: api/internal/accumulator/loadconfigfromcrds.go. Its order of properties is that of a Go map; here it is that
//! of their names.

use serde_json::{Map, Value};

use super::{Config, NameReference, merge_reference};
use crate::Error;
use crate::fieldspec::{FieldSpec, merge_one};
use crate::id::Pattern;
use crate::openapi::{check_schema, check_texts};

/// How deep definitions may refer to each other.
const MAX_DEPTH: usize = 32;

/// The field specs that definitions ask for, in a file read as JSON.
///
/// # Errors
/// The file is no mapping of definitions, or asks for one field in two ways.
pub(crate) fn from_crds(definitions: &Value) -> Result<Config, Error> {
    let Some(definitions) = definitions.as_object() else {
        return Err(Error::new("expected a mapping of type names to OpenAPI definitions"));
    };
    for (name, definition) in definitions {
        check(definition).map_err(|error| error.in_field(name))?;
    }
    let mut config = Config::default();
    for name in definitions.keys() {
        let Some(properties) = properties(definitions, name) else { continue };
        if ["kind", "apiVersion", "metadata"].iter().any(|field| !properties.contains_key(*field)) {
            continue;
        }
        let kind = name.rsplit('.').next().unwrap_or(name);
        Walk { definitions, kind, config: &mut config }.visit(name, &mut Vec::new())?;
    }
    config.sort();
    Ok(config)
}

/// Go: `OpenAPIDefinition`. A CustomResourceDefinition is none.
fn check(definition: &Value) -> Result<(), Error> {
    match definition {
        Value::Null => Ok(()),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            let checked = match name.to_ascii_lowercase().as_str() {
                "schema" => check_schema(value),
                "dependencies" => check_texts(value),
                _ => Ok(()),
            };
            checked.map_err(|error| error.in_field(name))
        }),
        _ => Err(Error::new(
            "expected an OpenAPI definition (`Schema`, `Dependencies`) of this name; `crds` are no CustomResourceDefinitions",
        )),
    }
}

fn properties<'a>(definitions: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    let field = |value: &'a Value, name: &str| {
        let (_, found) = value.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(found)
    };
    field(field(definitions.get(name)?, "schema")?, "properties")?.as_object()
}

struct Walk<'a> {
    definitions: &'a Map<String, Value>,
    kind: &'a str,
    config: &'a mut Config,
}

impl Walk<'_> {
    fn spec(&self, path: &[String]) -> FieldSpec {
        FieldSpec { pattern: Pattern::of_kind(self.kind), path: path.join("/"), create: false }
    }

    fn visit(&mut self, name: &str, path: &mut Vec<String>) -> Result<(), Error> {
        let definitions = self.definitions;
        let Some(properties) = properties(definitions, name) else { return Ok(()) };
        if path.len() > MAX_DEPTH {
            return Err(Error::new(format!("the definition {name} refers to itself")));
        }
        for (field, property) in properties {
            path.push(field.clone());
            self.property(property, path)?;
            path.pop();
        }
        Ok(())
    }

    fn property(&mut self, property: &Value, path: &mut Vec<String>) -> Result<(), Error> {
        let text = |name: &str| property.get(name).and_then(Value::as_str);
        let spec = self.spec(path);
        if text("x-kubernetes-annotation").is_some() {
            merge_one(&mut self.config.common_annotations, &spec)?;
        }
        if text("x-kubernetes-label-selector").is_some() {
            merge_one(&mut self.config.common_labels, &spec)?;
        }
        if text("x-kubernetes-identity").is_some() {
            merge_one(&mut self.config.name_prefix, &spec)?;
        }
        if let (Some(version), Some(kind)) =
            (text("x-kubernetes-object-ref-api-version"), text("x-kubernetes-object-ref-kind"))
        {
            path.push(text("x-kubernetes-object-ref-name-key").unwrap_or("name").to_owned());
            let target = Pattern { version: version.to_owned(), ..Pattern::of_kind(kind) };
            let reference = NameReference { target, referrers: vec![self.spec(path)] };
            path.pop();
            merge_reference(&mut self.config.name_reference, &reference)?;
        }
        match text("$ref") {
            Some(name) => self.visit(name, path),
            None => Ok(()),
        }
    }
}
