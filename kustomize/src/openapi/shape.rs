//! Whether JSON has the shape of an OpenAPI schema.
//!
//! Go: k8s.io/kube-openapi/pkg/validation/spec (`Schema`, swagger.go), of which kustomize reads every field, also those that
//! it does not use.

use serde_json::Value;

use crate::Error;

/// What the value of a field must be. Null always counts as if nothing were there.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Texts,
    TextOrTexts,
    Flag,
    Integer,
    Number,
    List,
    Schema,
    Schemas,
    SchemaOrSchemas,
    NamedSchemas,
    SchemaOrFlag,
    /// Schemas or lists of texts, by name.
    Dependencies,
}

const FIELDS: &[(&str, Shape)] = &[
    ("additionalItems", Shape::SchemaOrFlag),
    ("additionalProperties", Shape::SchemaOrFlag),
    ("allOf", Shape::Schemas),
    ("anyOf", Shape::Schemas),
    ("definitions", Shape::NamedSchemas),
    ("dependencies", Shape::Dependencies),
    ("description", Shape::Text),
    ("discriminator", Shape::Text),
    ("enum", Shape::List),
    ("exclusiveMaximum", Shape::Flag),
    ("exclusiveMinimum", Shape::Flag),
    ("format", Shape::Text),
    ("id", Shape::Text),
    ("items", Shape::SchemaOrSchemas),
    ("maxItems", Shape::Integer),
    ("maxLength", Shape::Integer),
    ("maxProperties", Shape::Integer),
    ("maximum", Shape::Number),
    ("minItems", Shape::Integer),
    ("minLength", Shape::Integer),
    ("minProperties", Shape::Integer),
    ("minimum", Shape::Number),
    ("multipleOf", Shape::Number),
    ("not", Shape::Schema),
    ("nullable", Shape::Flag),
    ("oneOf", Shape::Schemas),
    ("pattern", Shape::Text),
    ("patternProperties", Shape::NamedSchemas),
    ("properties", Shape::NamedSchemas),
    ("readOnly", Shape::Flag),
    ("required", Shape::Texts),
    ("title", Shape::Text),
    ("type", Shape::TextOrTexts),
    ("uniqueItems", Shape::Flag),
];

/// Checks a schema, and those in it.
///
/// # Errors
/// A value is of another kind than OpenAPI asks for, with the path of fields.
pub(crate) fn check_schema(json: &Value) -> Result<(), Error> {
    let fields = match json {
        Value::Null => return Ok(()),
        Value::Object(fields) => fields,
        _ => return Err(wanted("a schema")),
    };
    for (name, value) in fields {
        if let Ok(at) = FIELDS.binary_search_by(|(known, _)| (*known).cmp(name)) {
            check(value, FIELDS[at].1).map_err(|error| error.in_field(name))?;
        }
    }
    Ok(())
}

/// Checks a list of texts.
///
/// # Errors
/// It is something else.
pub(crate) fn check_texts(json: &Value) -> Result<(), Error> {
    check(json, Shape::Texts)
}

fn wanted(what: &str) -> Error {
    Error::new(format!("must be {what}"))
}

fn check(value: &Value, shape: Shape) -> Result<(), Error> {
    let (fits, what) = match shape {
        _ if value.is_null() => (true, ""),
        Shape::Text => (value.is_string(), "a string"),
        Shape::Flag => (value.is_boolean(), "true or false"),
        Shape::Integer => (value.is_i64() || value.is_u64(), "an integer"),
        Shape::Number => (value.is_number(), "a number"),
        Shape::List => (value.is_array(), "a list"),
        Shape::TextOrTexts if value.is_string() => (true, ""),
        Shape::SchemaOrFlag if value.is_boolean() => (true, ""),
        Shape::SchemaOrSchemas if value.is_array() => return check(value, Shape::Schemas),
        Shape::SchemaOrFlag | Shape::SchemaOrSchemas | Shape::Schema => return check_schema(value),
        Shape::Texts | Shape::TextOrTexts => {
            let texts = |items: &Vec<Value>| items.iter().all(|item| item.is_string() || item.is_null());
            (value.as_array().is_some_and(texts), "a list of strings")
        }
        Shape::Schemas => match value {
            Value::Array(items) => {
                let at = |(at, item): (usize, &Value)| {
                    check_schema(item).map_err(|error| error.in_field(&format!("[{at}]")))
                };
                return items.iter().enumerate().try_for_each(at);
            }
            _ => (false, "a list of schemas"),
        },
        Shape::NamedSchemas | Shape::Dependencies => match value {
            Value::Object(fields) => {
                let named = |(name, inner): (&String, &Value)| {
                    let checked = match (shape, inner) {
                        (Shape::Dependencies, Value::Array(_)) => check(inner, Shape::Texts),
                        (Shape::Dependencies, inner) if !inner.is_object() => Ok(()),
                        _ => check_schema(inner),
                    };
                    checked.map_err(|error| error.in_field(name))
                };
                return fields.iter().try_for_each(named);
            }
            _ => (false, "a mapping"),
        },
    };
    if fits { Ok(()) } else { Err(wanted(what)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_names_can_be_searched() {
        assert!(FIELDS.is_sorted_by_key(|(name, _)| *name));
    }

    #[test]
    fn only_schemas_pass() {
        for (schema, expected) in [
            (json!({"type": ["object", null], "properties": {"a": null, "b": {"maximum": 1.5}}, "x-any": 1}), None),
            (json!({"items": [{}], "additionalProperties": true, "dependencies": {"a": ["b"], "c": 1}}), None),
            (json!("x"), Some("must be a schema")),
            (json!({"type": {}}), Some("type: must be a list of strings")),
            (json!({"properties": {"a": {"format": 5}}}), Some("properties.a.format: must be a string")),
            (json!({"allOf": [{}, {"not": []}]}), Some("allOf.[1].not: must be a schema")),
            (json!({"maxLength": 1.5}), Some("maxLength: must be an integer")),
            (json!({"required": ["a", 1]}), Some("required: must be a list of strings")),
            (json!({"properties": []}), Some("properties: must be a mapping")),
            (json!({"additionalItems": "x"}), Some("additionalItems: must be a schema")),
        ] {
            let found = check_schema(&schema).err().map(|error| error.to_string());
            assert_eq!(found.as_deref(), expected, "{schema}");
        }
    }
}
