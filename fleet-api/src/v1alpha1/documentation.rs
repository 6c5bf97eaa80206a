//! What the documentation says of the fields of `fleet.yaml`, from the types.

use super::FleetYaml;
use serde_json::{Map, Value, json};

/// Parts of a Bundle that nobody writes in `fleet.yaml`: read, kept or dropped as Fleet does.
const INTERNAL: [&str; 5] = ["resources", "contentsId", "valuesHash", "helmOpOptions", "targetRestrictions"];
/// Lists whose items have the options of the top level again.
const CUSTOMIZATIONS: [&str; 2] = ["targetCustomizations", "targets"];

/// A field of `fleet.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `helm.valuesFrom[].secretKeyRef`: an item of a list is `[]`.
    pub path: String,
    /// `string`, `list of object`, ….
    pub kind: String,
    /// Its documentation, on one line.
    pub meaning: String,
}

/// The JSON schema of `fleet.yaml`, for editors. A key that it does not know is an error there, where Skiff warns.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(FleetYaml).to_value();
    close(&mut schema);
    schema["title"] = Value::from("fleet.yaml");
    schema
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

/// All fields that a user writes, in the order of the types. The options that a customization has again, and what label
/// selectors hold, are told once.
pub fn fields() -> Vec<Field> {
    let schema = schemars::schema_for!(FleetYaml).to_value();
    let mut fields = Vec::new();
    collect(&schema, &schema, "", &mut fields);
    fields
}

fn collect(root: &Value, at: &Value, prefix: &str, into: &mut Vec<Field>) {
    for (name, field) in at["properties"].as_object().into_iter().flatten() {
        let is_top = prefix.is_empty();
        if is_top && INTERNAL.contains(&name.as_str()) {
            continue;
        }
        let (is_list, inner) = resolve(root, field);
        let path = format!("{prefix}{name}{}", if is_list { "[]" } else { "" });
        let meaning = field["description"].as_str().or_else(|| inner["description"].as_str()).unwrap_or_default();
        into.push(Field { path: path.clone(), kind: kind(is_list, inner), meaning: meaning.replace('\n', " ") });
        if is_top && name == CUSTOMIZATIONS[0] {
            let own = |name: &String| *name == "name" || root["properties"].get(name).is_none();
            let properties = inner["properties"].as_object().into_iter().flatten();
            let own: Map<String, Value> =
                properties.filter(|(name, _)| own(name)).map(|(name, field)| (name.clone(), field.clone())).collect();
            collect(root, &json!({ "properties": own }), &format!("{path}."), into);
        } else if !(is_top && CUSTOMIZATIONS.contains(&name.as_str()) || name.ends_with("elector")) {
            collect(root, inner, &format!("{path}."), into);
        }
    }
}

/// The schema behind references, `null` and lists; whether there was a list.
fn resolve<'a>(root: &'a Value, field: &'a Value) -> (bool, &'a Value) {
    if let Some(target) = field["$ref"].as_str().and_then(|reference| root.pointer(reference.trim_start_matches('#'))) {
        return resolve(root, target);
    }
    let is_null = |schema: &Value| schema["type"] == "null";
    if let Some(options) = field["anyOf"].as_array().filter(|options| options.iter().any(is_null))
        && let Some(option) = options.iter().find(|option| !is_null(option))
    {
        return resolve(root, option);
    }
    let types = &field["type"];
    let is_list = types == "array" || types.as_array().is_some_and(|types| types.iter().any(|one| one == "array"));
    if is_list { (true, resolve(root, &field["items"]).1) } else { (false, field) }
}

fn kind(is_list: bool, schema: &Value) -> String {
    let one = match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("any"),
        _ if schema["anyOf"].is_array() => "integer or string",
        _ if schema["oneOf"].is_array() || schema["enum"].is_array() => "string",
        _ => "any",
    };
    if is_list { format!("list of {one}") } else { one.to_owned() }
}

/// The documentation of the field at a path as errors give it (`targetCustomizations[0].helm.values`), or of what it is
/// in.
pub fn meaning_of(path: &str) -> Option<Field> {
    let mut general = String::with_capacity(path.len());
    let mut in_index = false;
    for letter in path.chars() {
        in_index = match letter {
            '[' => true,
            ']' => false,
            _ => in_index,
        };
        if !in_index || letter == '[' {
            general.push(letter);
        }
    }
    let fields = fields();
    let known = |path: &String| {
        fields.iter().find(|field| field.path.trim_end_matches("[]") == path.trim_end_matches("[]")).cloned()
    };
    let Some(below) = CUSTOMIZATIONS.iter().find_map(|list| general.strip_prefix(&format!("{list}[]."))) else {
        return ancestors(&general).iter().find_map(known);
    };
    let inside = |path: &&String| *path != "targetCustomizations[]";
    let own = ancestors(&format!("targetCustomizations[].{below}"));
    own.iter().filter(inside).find_map(known).or_else(|| ancestors(below).iter().find_map(known))
}

/// A path, then what it is in, from the inside.
fn ancestors(path: &str) -> Vec<String> {
    let mut paths = vec![path.to_owned()];
    while let Some((outer, _)) = paths.last().and_then(|path| path.rsplit_once('.')) {
        let outer = outer.to_owned();
        paths.push(outer);
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meaning_of_a_field_is_found_from_the_path_in_an_error() {
        for (path, found) in [
            ("defaultNamespace", "defaultNamespace"),
            ("helm.valuesFiles[3]", "helm.valuesFiles[]"),
            ("targetCustomizations[0].helm.values", "helm.values"),
            ("targetCustomizations[12].clusterSelector.matchLabels.env", "targetCustomizations[].clusterSelector"),
            ("targets[0].doNotDeploy", "targetCustomizations[].doNotDeploy"),
            ("targets[0].name", "targetCustomizations[].name"),
            ("overrideTargets[0].name", "overrideTargets[].name"),
            ("diff.comparePatches[0].operations[1].op", "diff.comparePatches[].operations[].op"),
            ("labels.team", "labels"),
        ] {
            assert_eq!(meaning_of(path).map(|field| field.path).as_deref(), Some(found), "{path}");
        }
        assert_eq!(meaning_of("nothing.of.it"), None);
    }

    #[test]
    fn every_field_says_what_it_is() {
        let fields = fields();
        assert!(fields.len() > 60, "{}", fields.len());
        for field in fields {
            assert!(
                !field.meaning.is_empty() && field.kind != "any" || field.path.starts_with("imageScans"),
                "{field:?}"
            );
        }
    }
}
