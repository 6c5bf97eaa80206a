//! What `.` is in the templates of each chart. Helm: `pkg/engine/engine.go`, `recAllTpls`; `pkg/chart/common/util/values.go`.

use std::collections::BTreeMap;

use super::Release;
use crate::engine::VALUES;
use crate::engine::objects::{Capabilities, Files, chart_object};
use crate::value::{Map, Value};
use crate::values::{ChartId, Tree, Values, table};

/// The values of a user as templates see them.
pub(super) fn user_values(values: &Values) -> Map {
    values.as_map().iter().map(|(key, value)| (key.as_str(), Value::from_json_exact(value))).collect()
}

/// The scopes by the folder of the templates. They share what Helm shares.
pub(super) fn scopes(
    tree: &Tree<'_>,
    release: &Release,
    capabilities: Capabilities,
    values: &Map,
) -> BTreeMap<String, Map> {
    let shared = Shared { release: release_object(release), capabilities: Value::object(capabilities) };
    let mut scopes = BTreeMap::new();
    scope(tree, Tree::ROOT, &shared, values, &mut scopes);
    scopes
}

struct Shared {
    release: Map,
    capabilities: Value,
}

fn scope(tree: &Tree<'_>, id: ChartId, shared: &Shared, values: &Map, scopes: &mut BTreeMap<String, Map>) -> Map {
    let files = tree.chart(id).files.iter().map(|file| (file.name.clone(), file.data.clone())).collect();
    let subcharts = Map::new();
    let scope = Map::from_iter([
        ("Chart", Value::Map(chart_object(&tree.metadata(id), tree.is_root(id)))),
        ("Files", Value::object(Files::new(files))),
        ("Release", Value::Map(shared.release.clone())),
        ("Capabilities", shared.capabilities.clone()),
        ("Values", Value::Map(values.retyped(VALUES))),
        ("Subcharts", Value::Map(subcharts.clone())),
    ]);
    for child in tree.dependencies(id) {
        let name = tree.name(*child);
        let of_child = table(values, name).unwrap_or_default();
        subcharts.insert(name, Value::Map(self::scope(tree, *child, shared, &of_child, scopes)));
    }
    scopes.insert(format!("{}/templates", tree.path(id)), scope.clone());
    scope
}

fn release_object(release: &Release) -> Map {
    Map::from_iter([
        ("Name", Value::from(release.name.as_str())),
        ("Namespace", Value::from(release.namespace.as_str())),
        ("IsUpgrade", Value::Bool(release.is_upgrade)),
        ("IsInstall", Value::Bool(!release.is_upgrade)),
        ("Revision", Value::int(release.revision)),
        ("Service", Value::from("Helm")),
    ])
}
