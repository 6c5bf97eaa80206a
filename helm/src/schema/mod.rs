//! values.schema.json. Helm: `pkg/chart/common/util/jsonschema.go`.
//!
//! References lead within the schema only; nothing is fetched. `urn:` references allow anything, as in Helm.

#[cfg(test)]
mod tests;

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{PatternOptions, Retrieve, Uri, ValidationError};
use serde_json::{Value, json};

use crate::value::Map;
use crate::values::{ChartId, Tree};

/// How many faults of one chart are told.
const MAX_FAULTS: usize = 100;

/// Checks the values of a chart and its subcharts against their schemas.
///
/// # Errors
/// All that does not fit, by chart and path. Values are left out of the text: they may be secret.
pub(crate) fn validate(tree: &Tree<'_>, chart: ChartId, values: &Map) -> Result<(), String> {
    let mut faults = String::new();
    check(tree, chart, values, &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Helm: `ValidateAgainstSchema`.
fn check(tree: &Tree<'_>, chart: ChartId, values: &Map, faults: &mut String) {
    let name = tree.name(chart);
    if let Some(schema) = &tree.chart(chart).schema
        && let Err(text) = check_one(schema, values)
    {
        faults.push_str(&format!("{name}:\n{text}\n"));
    }
    for sub in tree.dependencies(chart) {
        match values.get(tree.name(*sub)) {
            None | Some(crate::value::Value::Nil) => {}
            Some(crate::value::Value::Map(values)) => check(tree, *sub, &values, faults),
            Some(other) => {
                let (name, kind) = (tree.name(*sub), other.type_name());
                faults.push_str(&format!("{name}:\ninvalid type for values: expected object (map), got {kind}\n"));
            }
        }
    }
}

/// Helm: `ValidateAgainstSingleSchema`.
fn check_one(schema: &[u8], values: &Map) -> Result<(), String> {
    let schema: Value = serde_json::from_slice(schema).map_err(|error| format!("values.schema.json: {error}"))?;
    let values = crate::value::Value::Map(values.clone()).to_json();
    let values = whole_numbers(values.ok_or("values that have no JSON")?);
    let options = jsonschema::options().with_pattern_options(PatternOptions::regex()).with_retriever(Nothing);
    let validator = options.build(&schema).map_err(|error| format!("values.schema.json: {}", error.masked()))?;
    let mut faults: Vec<String> =
        validator.iter_errors(&values).take(MAX_FAULTS).map(|fault| told(&fault, &values)).collect();
    // The validator keeps properties in tables without order.
    faults.sort();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// What is asked for from elsewhere.
struct Nothing;

impl Retrieve for Nothing {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        if uri.scheme().as_str() == "urn" {
            return Ok(json!(true));
        }
        Err("references to other documents are not followed".into())
    }
}

/// Floats without fraction as integers, whatever the draft thinks of `1.0`.
fn whole_numbers(value: Value) -> Value {
    /// Up to here every integer is a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
                Value::from(float as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, whole_numbers(value))).collect(),
        other => other,
    }
}

/// A fault in the words of Helm's validator. Go: `santhosh-tekuri/jsonschema/v6/kind`.
fn told(fault: &ValidationError<'_>, values: &Value) -> String {
    let text = match fault.kind() {
        Kind::Type { kind } => format!("got {}, want {}", kind_of(fault.instance()), wanted(kind)),
        Kind::Required { property } => format!("missing property '{}'", property.as_str().unwrap_or_default()),
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            format!("additional properties '{}' not allowed", unexpected.join("', '"))
        }
        // Where no properties are named, the validator takes the keyword for the schema of them all.
        Kind::FalseSchema if fault.schema_path().as_str().ends_with("/additionalProperties") => {
            let object = values.pointer(fault.instance_path().as_str()).and_then(Value::as_object);
            let keys = object.into_iter().flat_map(serde_json::Map::keys);
            let keys: Vec<&str> = keys.map(String::as_str).collect();
            format!("additional properties '{}' not allowed", keys.join("', '"))
        }
        Kind::FalseSchema => "false schema".to_owned(),
        Kind::AnyOf { .. } => "'anyOf' failed".to_owned(),
        Kind::OneOfNotValid { .. } => "'oneOf' failed, none matched".to_owned(),
        Kind::OneOfMultipleValid { .. } => "'oneOf' failed, several matched".to_owned(),
        Kind::Not { .. } => "'not' failed".to_owned(),
        Kind::Enum { options } => format!("value must be one of {options}"),
        Kind::Constant { expected_value } => format!("value must be {expected_value}"),
        Kind::Pattern { pattern } => format!("does not match pattern '{pattern}'"),
        Kind::Format { format } => format!("is not valid {format}"),
        _ => fault.masked().to_string(),
    };
    format!("- at '{}': {text}", fault.instance_path())
}

fn wanted(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or "),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
