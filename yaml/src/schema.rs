//! A node made to fit a JSON schema, as `sigs.k8s.io/yaml` makes a document fit the Go type that it is read into.
//!
//! serde hides from a deserializer what a flattened field wants, so types with `#[serde(flatten)]` cannot be filled with
//! Go's leniency, nor with places in their errors. Their schema (`schemars::schema_for!`, or that of a CRD) says it.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::locate::Segment;
use crate::mapping::{Entry, Key, Mapping};
use crate::number::{format_float32, whole};
use crate::{Content, Error, ErrorKind, Node, from_node};

/// Fills a type from a node by way of the type's JSON schema. All that [`from_node`] promises holds here behind
/// `#[serde(flatten)]` as well.
///
/// # Errors
/// As [`from_node`].
pub fn from_node_with_schema<T: DeserializeOwned>(node: &Node, schema: &Value) -> Result<T, Error> {
    from_node(&conform(node, schema)?)
}

/// The node with what Go's conversion does by type: numbers and booleans become strings where the schema wants a
/// string, names of fields get the schema's case, a null field is left out (unless the schema takes anything there),
/// and null in lists and maps becomes the zero value. What the schema does not name stays as it is; constraints other
/// than types are not judged.
///
/// # Errors
/// [`ErrorKind::Type`] where a value cannot fit its type, with field and place.
pub fn conform(node: &Node, schema: &Value) -> Result<Node, Error> {
    Walk { root: schema }.node(node, schema, 0)
}

/// How many `$ref`, `allOf` and `anyOf` one value may lead through: a schema may refer to itself. It is the program's
/// own or one that an API server has checked, so nothing guards against one made to cost time.
const MAX_STEPS: usize = 16;

#[derive(Clone, Copy)]
struct Walk<'s> {
    root: &'s Value,
}

impl<'s> Walk<'s> {
    fn node(self, node: &Node, schema: &'s Value, steps: usize) -> Result<Node, Error> {
        let Some(schema) = self.object(schema).filter(|_| steps < MAX_STEPS) else { return Ok(node.clone()) };
        if let Some(branches) = branches(schema) {
            return match self.choose(node, branches) {
                Some(branch) => self.node(node, branch, steps + 1),
                None => Ok(node.clone()),
            };
        }
        let node = self.typed(node, schema)?;
        let Some(Value::Array(parts)) = schema.get("allOf") else { return Ok(node) };
        parts.iter().try_fold(node, |node, part| self.node(&node, part, steps + 1))
    }

    /// The schema object, references followed; `None` for a schema that takes anything.
    fn object(self, schema: &'s Value) -> Option<&'s Map<String, Value>> {
        let mut schema = schema.as_object()?;
        for _ in 0..MAX_STEPS {
            let Some(Value::String(reference)) = schema.get("$ref") else { return Some(schema) };
            schema = self.root.pointer(reference.strip_prefix('#')?)?.as_object()?;
        }
        None
    }

    /// Which of several schemas a value is meant for: the first that takes it as it is, else one that takes strings,
    /// else the only one that is not null.
    fn choose(self, node: &Node, branches: &'s [Value]) -> Option<&'s Value> {
        let takes = |name: &str| {
            branches.iter().find(|branch| match self.object(branch) {
                Some(schema) => self.types(schema).contains(&name),
                None => false,
            })
        };
        let scalar = matches!(node.content, Content::Bool(_) | Content::Int(_) | Content::Uint(_) | Content::Float(_));
        let fitting = branches.iter().find(|branch| self.fits(node, branch));
        fitting.or_else(|| if scalar { takes("string") } else { None }).or_else(|| {
            let mut others = branches
                .iter()
                .filter(|branch| self.object(branch).is_none_or(|schema| self.types(schema) != ["null"]));
            let only = others.next();
            if others.next().is_none() { only } else { None }
        })
    }

    fn fits(self, node: &Node, schema: &'s Value) -> bool {
        let Some(schema) = self.object(schema) else { return true };
        if let Some(branches) = branches(schema) {
            return branches.iter().any(|branch| self.object(branch).is_none_or(|s| fits_types(node, &self.types(s))));
        }
        let types = self.types(schema);
        types.is_empty() || fits_types(node, &types)
    }

    /// The types that the schema names; none means any.
    fn types(self, schema: &'s Map<String, Value>) -> Vec<&'s str> {
        let mut types = match schema.get("type") {
            Some(Value::String(name)) => vec![name.as_str()],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => return Vec::new(),
        };
        if schema.get("nullable") == Some(&Value::Bool(true)) {
            types.push("null");
        }
        types
    }

    fn typed(self, node: &Node, schema: &'s Map<String, Value>) -> Result<Node, Error> {
        let types = self.types(schema);
        let with = |content: Content| Ok(Node { content, position: node.position });
        match &node.content {
            _ if types.is_empty() => self.inside(node, schema),
            Content::Null if types.contains(&"null") => Ok(node.clone()),
            Content::Null => with(zero(types[0])),
            Content::Mapping(_) if types.contains(&"object") => self.inside(node, schema),
            Content::List(_) if types.contains(&"array") => self.inside(node, schema),
            _ if fits_types(node, &types) => Ok(node.clone()),
            content if types.contains(&"string") => match as_text(content) {
                Some(text) => with(Content::String(text)),
                None => Err(misfit(node, &types)),
            },
            _ => Err(misfit(node, &types)),
        }
    }

    /// The children, by what the schema says of them.
    fn inside(self, node: &Node, schema: &'s Map<String, Value>) -> Result<Node, Error> {
        match &node.content {
            Content::List(items) => {
                let Some(of_items) = schema.get("items") else { return Ok(node.clone()) };
                let items = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| self.node(item, of_items, 0).map_err(|error| error.inside(Segment::Index(at))));
                let items = items.collect::<Result<Vec<_>, _>>()?;
                Ok(Node { content: Content::List(items.into()), position: node.position })
            }
            Content::Mapping(mapping) => {
                let mut entries = Vec::with_capacity(mapping.len());
                for entry in mapping.iter() {
                    let conformed = self.entry(mapping, entry, schema);
                    entries.extend(conformed.map_err(|error| error.inside(Segment::Key(&entry.key.text)))?);
                }
                let mapping = Mapping::new(entries, mapping.duplicates().to_vec());
                Ok(Node { content: Content::Mapping(Arc::new(mapping)), position: node.position })
            }
            _ => Ok(node.clone()),
        }
    }

    /// One entry of a mapping; none for a null that stands for an absent field.
    fn entry(self, mapping: &Mapping, entry: &Entry, schema: &'s Map<String, Value>) -> Result<Option<Entry>, Error> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let named = properties.and_then(|properties| {
            let exact = properties.get_key_value(&*entry.key.text);
            exact.or_else(|| {
                let same = |name: &String| name.eq_ignore_ascii_case(&entry.key.text) && mapping.get(name).is_none();
                properties.iter().find(|(name, _)| same(name))
            })
        });
        if let Some((name, of_value)) = named {
            if entry.value.is_null() && !self.takes_anything(of_value) {
                return Ok(None);
            }
            let text = if **name == *entry.key.text { Arc::clone(&entry.key.text) } else { name.as_str().into() };
            let key = Key { text, ..entry.key.clone() };
            return Ok(Some(Entry { key, value: self.node(&entry.value, of_value, 0)? }));
        }
        let value = match schema.get("additionalProperties") {
            Some(of_value) => self.node(&entry.value, of_value, 0)?,
            None => entry.value.clone(),
        };
        Ok(Some(Entry { key: entry.key.clone(), value }))
    }

    fn takes_anything(self, schema: &'s Value) -> bool {
        self.object(schema).is_none_or(|schema| {
            !["type", "anyOf", "oneOf", "allOf", "enum", "const"].iter().any(|key| schema.contains_key(*key))
        })
    }
}

fn branches(schema: &Map<String, Value>) -> Option<&[Value]> {
    let branches = schema.get("anyOf").or_else(|| schema.get("oneOf"))?;
    branches.as_array().map(Vec::as_slice)
}

/// Whether the value has one of the types as it is.
fn fits_types(node: &Node, types: &[&str]) -> bool {
    let has = |name: &str| types.contains(&name);
    match node.content {
        Content::Null => has("null"),
        Content::Bool(_) => has("boolean"),
        Content::Int(_) | Content::Uint(_) => has("integer") || has("number"),
        Content::Float(value) => has("number") || (has("integer") && whole(value).is_some()),
        Content::String(_) => has("string"),
        Content::List(_) => has("array"),
        Content::Mapping(_) => has("object"),
    }
}

/// The string that `sigs.k8s.io/yaml` makes of a number or boolean.
fn as_text(content: &Content) -> Option<Arc<str>> {
    Some(match content {
        Content::Bool(value) => if *value { "true" } else { "false" }.into(),
        Content::Int(value) => value.to_string().into(),
        Content::Uint(value) => value.to_string().into(),
        Content::Float(value) if value.is_finite() => format_float32(*value).into(),
        _ => return None,
    })
}

/// Go's zero value of a type.
fn zero(name: &str) -> Content {
    match name {
        "string" => Content::String("".into()),
        "integer" | "number" => Content::Int(0),
        "boolean" => Content::Bool(false),
        "array" => Content::List([].into()),
        "object" => Content::Mapping(Arc::default()),
        _ => Content::Null,
    }
}

fn misfit(node: &Node, types: &[&str]) -> Error {
    let names: Vec<&str> = types
        .iter()
        .filter_map(|name| match *name {
            "string" => Some("a string"),
            "integer" => Some("an integer"),
            "number" => Some("a number"),
            "boolean" => Some("a boolean"),
            "array" => Some("a list"),
            "object" => Some("a mapping"),
            _ => None,
        })
        .collect();
    let message = format!("expected {}, found {}", names.join(" or "), node.kind_name());
    Error::at(ErrorKind::Type, message, node.position)
}
