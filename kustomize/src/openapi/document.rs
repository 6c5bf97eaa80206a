//! A schema that a kustomization brings (`openapi.path`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::shape::check_schema;
use crate::Error;

/// One schema of the document: what a merge asks of it.
#[derive(Debug, Default)]
pub(super) struct Schema {
    is_array: bool,
    items: Option<Box<Schema>>,
    properties: BTreeMap<String, Schema>,
    additional: Option<Box<Schema>>,
    reference: Option<String>,
    strategy: String,
    merge_key: Option<String>,
    map_keys: Option<Vec<String>>,
}

/// The definitions of a document, and the scopes that its paths show.
#[derive(Debug, Default)]
pub(super) struct Document {
    definitions: BTreeMap<String, Schema>,
    types: BTreeMap<(String, String), String>,
    scopes: BTreeMap<(String, String), bool>,
}

const TYPES: &str = "x-kubernetes-group-version-kind";

impl Document {
    /// Reads an OpenAPI v2 document. Go: `openapi.parse`.
    ///
    /// # Errors
    /// A part that a merge needs is not of the kind that OpenAPI asks for, with the path of fields.
    pub(super) fn from_json(json: &Value) -> Result<Self, Error> {
        let root = object(json, "the schema")?;
        let mut document = Self::default();
        for (name, schema) in optional_object(root, "definitions")?.into_iter().flatten() {
            let at = |error: Error| error.in_field(name).in_field("definitions");
            check_schema(schema).map_err(at)?;
            document.add_types(name, schema).map_err(at)?;
            let schema = Schema::from_json(schema).map_err(at)?;
            document.definitions.insert(name.clone(), schema);
        }
        for (path, item) in optional_object(root, "paths")?.into_iter().flatten() {
            document.add_scope(path, item).map_err(|error| error.in_field(path).in_field("paths"))?;
        }
        Ok(document)
    }

    fn add_types(&mut self, name: &str, schema: &Value) -> Result<(), Error> {
        for value in extension(schema, TYPES).and_then(Value::as_array).into_iter().flatten() {
            if let Some(found) = type_of(value)? {
                self.types.insert(found, name.to_owned());
            }
        }
        Ok(())
    }

    /// A type has a namespace if one of the paths that get it says so. Go: `findNamespaceability`.
    fn add_scope(&mut self, path: &str, item: &Value) -> Result<(), Error> {
        let Some(found) = item.get("get").and_then(|get| extension(get, TYPES)) else { return Ok(()) };
        if let Some(found) = type_of(found)? {
            let namespaced = path.contains("namespaces/{namespace}");
            let known = self.scopes.entry(found).or_default();
            *known = *known || namespaced;
        }
        Ok(())
    }

    pub(super) fn definition(&self, name: &str) -> Option<&Schema> {
        self.definitions.get(name)
    }

    pub(super) fn of_type(&self, api_version: &str, kind: &str) -> Option<&Schema> {
        self.types.get(&(api_version.to_owned(), kind.to_owned())).and_then(|name| self.definition(name))
    }

    pub(super) fn is_namespaced(&self, api_version: &str, kind: &str) -> Option<bool> {
        self.scopes.get(&(api_version.to_owned(), kind.to_owned())).copied()
    }
}

impl Schema {
    fn from_json(json: &Value) -> Result<Self, Error> {
        let fields = object(json, "a schema")?;
        let mut schema = Self { is_array: is_array(fields)?, ..Self::default() };
        schema.items = match fields.get("items") {
            Some(items @ Value::Object(_)) => Some(Self::inner(items, "items")?),
            _ => None,
        };
        schema.additional = match fields.get("additionalProperties") {
            Some(values @ Value::Object(_)) => Some(Self::inner(values, "additionalProperties")?),
            _ => None,
        };
        for (name, property) in optional_object(fields, "properties")?.into_iter().flatten() {
            let property = Self::from_json(property).map_err(|error| error.in_field(name).in_field("properties"))?;
            schema.properties.insert(name.clone(), property);
        }
        schema.reference = fields.get("$ref").and_then(Value::as_str).map(reference_name);
        let text = |name: &str| extension(json, name).and_then(Value::as_str).map(str::to_owned);
        schema.strategy = text("x-kubernetes-patch-strategy").unwrap_or_default();
        schema.merge_key = text("x-kubernetes-patch-merge-key");
        schema.map_keys = extension(json, "x-kubernetes-list-map-keys")
            .and_then(Value::as_array)
            .map(|keys| keys.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        Ok(schema)
    }

    fn inner(json: &Value, name: &str) -> Result<Box<Self>, Error> {
        Self::from_json(json).map(Box::new).map_err(|error| error.in_field(name))
    }

    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        self.properties.get(name).or(self.additional.as_deref())
    }

    pub(super) fn elements(&self) -> Option<&Self> {
        self.items.as_deref().filter(|_| self.is_array)
    }

    /// Go: `schemaHasMergeStrategy` and `PatchStrategyAndKeyList`.
    pub(super) fn merge_keys(&self) -> Option<Vec<&str>> {
        self.strategy.split(',').any(|strategy| strategy == "merge").then(|| match (&self.map_keys, &self.merge_key) {
            (Some(keys), _) => keys.iter().map(String::as_str).collect(),
            (None, Some(key)) => vec![key.as_str()],
            (None, None) => Vec::new(),
        })
    }

    pub(super) fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }
}

fn object<'a>(json: &'a Value, what: &str) -> Result<&'a Map<String, Value>, Error> {
    json.as_object().ok_or_else(|| Error::new(format!("{what} must be a mapping")))
}

fn optional_object<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a Map<String, Value>>, Error> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => object(value, "it").map(Some).map_err(|error| error.in_field(name)),
    }
}

/// One type only, and that is a list. Go: `StringOrArray`.
fn is_array(fields: &Map<String, Value>) -> Result<bool, Error> {
    match fields.get("type") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::String(name)) => Ok(name == "array"),
        Some(Value::Array(names)) => Ok(matches!(names.as_slice(), [Value::String(name)] if name == "array")),
        Some(_) => Err(Error::new("must be a string or a list of strings").in_field("type")),
    }
}

/// The value of an extension, whose name counts without regard to case.
fn extension<'a>(json: &'a Value, name: &str) -> Option<&'a Value> {
    json.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// `apiVersion` and `kind` of `{group, version, kind}`. Go: `toTypeMeta`.
fn type_of(json: &Value) -> Result<Option<(String, String)>, Error> {
    let Some(fields) = json.as_object() else { return Ok(None) };
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let missing = |name: &str| Error::new(format!("must have a {name}")).in_field(TYPES);
    let version = text("version").ok_or_else(|| missing("version"))?;
    let kind = text("kind").ok_or_else(|| missing("kind"))?;
    let api_version = match text("group") {
        None | Some("") => version.to_owned(),
        Some(group) => format!("{group}/{version}"),
    };
    Ok(Some((api_version, kind.to_owned())))
}

/// The name of a definition in `#/definitions/NAME`; of any other reference the empty one, which nothing has.
fn reference_name(reference: &str) -> String {
    let pointer = reference.split_once('#').map_or("", |(_, pointer)| pointer);
    pointer.strip_prefix("/definitions/").unwrap_or_default().replace("~1", "/").replace("~0", "~")
}
