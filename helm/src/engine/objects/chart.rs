//! `.Chart`: the metadata of a chart as a map. Helm: `pkg/chart/common.go`, `structToMap`; `pkg/chart/v2/metadata.go`.

use serde_json::Value as Json;

use crate::value::{Map, Type, Value};

/// The text fields of `Metadata`, with their keys in Chart.yaml.
const TEXTS: &[(&str, &str)] = &[
    ("Name", "name"),
    ("Home", "home"),
    ("Version", "version"),
    ("Description", "description"),
    ("Icon", "icon"),
    ("APIVersion", "apiVersion"),
    ("Condition", "condition"),
    ("Tags", "tags"),
    ("AppVersion", "appVersion"),
    ("KubeVersion", "kubeVersion"),
    ("Type", "type"),
];

/// The text fields of a `Dependency`.
const DEPENDENCY_TEXTS: &[(&str, &str)] = &[
    ("Name", "name"),
    ("Version", "version"),
    ("Repository", "repository"),
    ("Condition", "condition"),
    ("Alias", "alias"),
];

/// `.Chart` of a chart whose Chart.yaml is `metadata` (after what Helm changes in it: names of aliases, dependencies of v1
/// charts). Every field is there, with the zero value of its type where Chart.yaml has none.
pub fn chart_object(metadata: &Json, is_root: bool) -> Map {
    let chart = texts(metadata, TEXTS);
    chart.insert("Sources", Value::list(strings(metadata, "sources")));
    chart.insert("Keywords", Value::list(strings(metadata, "keywords")));
    let maintainers = items(metadata, "maintainers")
        .iter()
        .map(|maintainer| Value::Map(texts(maintainer, &[("Name", "name"), ("Email", "email"), ("URL", "url")])));
    chart.insert("Maintainers", Value::list(maintainers.collect()));
    chart.insert("Deprecated", Value::Bool(flag(metadata, "deprecated")));
    chart.insert("Annotations", annotations(metadata));
    let dependencies =
        items(metadata, "dependencies").iter().map(|dependency| Value::Map(dependency_object(dependency)));
    chart.insert("Dependencies", Value::list(dependencies.collect()));
    chart.insert("IsRoot", Value::Bool(is_root));
    chart
}

fn dependency_object(dependency: &Json) -> Map {
    let object = texts(dependency, DEPENDENCY_TEXTS);
    object.insert("Tags", Value::list(strings(dependency, "tags")));
    object.insert("Enabled", Value::Bool(flag(dependency, "enabled")));
    let imports = items(dependency, "import-values").iter().map(Value::from_json).collect();
    object.insert("ImportValues", Value::list(imports));
    object
}

fn texts(of: &Json, fields: &[(&str, &str)]) -> Map {
    let text = |key: &str| Value::from(of.get(key).and_then(Json::as_str).unwrap_or_default());
    fields.iter().map(|(field, key)| (*field, text(key))).collect()
}

fn items<'j>(of: &'j Json, key: &str) -> &'j [Json] {
    of.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn strings(of: &Json, key: &str) -> Vec<Value> {
    items(of, key).iter().map(|item| Value::from(item.as_str().unwrap_or_default())).collect()
}

fn flag(of: &Json, key: &str) -> bool {
    of.get(key).and_then(Json::as_bool).unwrap_or_default()
}

fn annotations(of: &Json) -> Value {
    let Some(entries) = of.get("annotations").and_then(Json::as_object) else {
        return Value::Map(Map::nil(Type::STRING_MAP));
    };
    let text = |value: &Json| Value::from(value.as_str().unwrap_or_default());
    let entries: Map = entries.iter().map(|(key, value)| (key.as_str(), text(value))).collect();
    Value::Map(entries.retyped(Type::STRING_MAP))
}
