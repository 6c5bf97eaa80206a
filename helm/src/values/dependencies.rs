//! Which subcharts are on, under which names, and what they give to their parents. Helm: `pkg/chart/v2/util/dependencies.go`.

use super::coalesce::{coalesced, deep_copy, merge_tables, merged};
use super::{ChartId, Tree};
use crate::chart::{Dependency, ImportValue};
use crate::semver::{Constraint, Version};
use crate::value::{Map, Value};

/// Switches off what conditions and tags switch off, gives subcharts their aliases, and imports values.
/// Helm: `ProcessDependencies`.
///
/// # Errors
/// A value for a subchart that is no table.
pub(crate) fn process(tree: &mut Tree<'_>, values: &Map, warnings: &mut Vec<String>) -> Result<(), String> {
    enable(tree, Tree::ROOT, values, "", warnings)?;
    import(tree, Tree::ROOT, warnings)
}

/// Helm: `pkg/chart/v2/util/compatible.go`.
pub(crate) fn is_compatible(range: &str, version: &str) -> bool {
    match (range.parse::<Constraint>(), Version::parse(version)) {
        (Ok(range), Ok(version)) => range.check(&version),
        _ => false,
    }
}

/// Helm: `processDependencyEnabled`.
fn enable(
    tree: &mut Tree<'_>,
    chart: ChartId,
    values: &Map,
    path: &str,
    warnings: &mut Vec<String>,
) -> Result<(), String> {
    let Some(declared) = tree.declared(chart) else { return Ok(()) };
    let mut declared = declared.to_vec();
    let dependencies = under_their_names(tree, chart, &mut declared);
    tree.set_dependencies(chart, dependencies);
    tree.set_declared(chart, Some(declared.clone()));
    let all = coalesced(tree, chart, values, warnings)?;
    switch_by_tags(&mut declared, &all, warnings);
    switch_by_conditions(&mut declared, &all, path, warnings);

    let is_off = |name: &str| declared.iter().any(|dependency| !dependency.enabled && dependency.name == name);
    let on: Vec<ChartId> = tree.dependencies(chart).iter().copied().filter(|id| !is_off(tree.name(*id))).collect();
    let declared_on: Vec<Dependency> = declared.iter().filter(|d| !is_off(&d.name)).cloned().collect();
    for id in &on {
        let below = format!("{path}{}.", tree.name(*id));
        enable(tree, *id, &all, &below, warnings)?;
    }
    tree.set_declared(chart, (!declared_on.is_empty()).then_some(declared_on));
    tree.set_dependencies(chart, on);
    Ok(())
}

/// The charts below a chart: those that Chart.yaml does not speak of first, then those that it does, under their aliases.
fn under_their_names(tree: &mut Tree<'_>, chart: ChartId, declared: &mut [Dependency]) -> Vec<ChartId> {
    let there = tree.dependencies(chart).to_vec();
    let meets = |tree: &Tree<'_>, id: ChartId, dependency: &Dependency| {
        tree.name(id) == dependency.name && is_compatible(&dependency.version, &tree.chart(id).metadata.version)
    };
    let unspoken = |id: &ChartId| !declared.iter().any(|dependency| meets(tree, *id, dependency));
    let mut result: Vec<ChartId> = there.iter().copied().filter(unspoken).collect();
    for dependency in declared {
        if let Some(id) = there.iter().find(|id| meets(tree, **id, dependency)) {
            result.push(tree.copy(*id, &dependency.alias));
        }
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
        dependency.enabled = true;
    }
    result
}

/// Helm: `processDependencyTags`.
fn switch_by_tags(declared: &mut [Dependency], values: &Map, warnings: &mut Vec<String>) {
    let Some(Value::Map(tags)) = values.get("tags") else { return };
    for dependency in declared {
        let (mut has_true, mut has_false) = (false, false);
        for tag in &dependency.tags {
            match tags.get(tag) {
                Some(Value::Bool(true)) => has_true = true,
                Some(Value::Bool(false)) => has_false = true,
                Some(_) => {
                    warnings.push(format!("tag {tag} of chart {} is no boolean and is ignored", dependency.name));
                }
                None => {}
            }
        }
        dependency.enabled = has_true || !has_false;
    }
}

/// Helm: `processDependencyConditions`.
fn switch_by_conditions(declared: &mut [Dependency], values: &Map, path: &str, warnings: &mut Vec<String>) {
    for dependency in declared {
        for condition in dependency.condition.trim().split(',').filter(|condition| !condition.is_empty()) {
            match path_value(values, &format!("{path}{condition}")) {
                Some(Value::Bool(on)) => {
                    dependency.enabled = on;
                    break;
                }
                Some(_) => {
                    let name = &dependency.name;
                    warnings.push(format!("condition {condition} of chart {name} is no boolean and is ignored"));
                }
                None => {}
            }
        }
    }
}

/// The value at a path, if it is no table. Helm: `PathValue`.
fn path_value(values: &Map, path: &str) -> Option<Value> {
    let table = match path.rsplit_once('.') {
        Some((tables, _)) => table(values, tables).ok()?,
        None => values.clone(),
    };
    let key = path.rsplit('.').next()?;
    table.get(key).filter(|value| !matches!(value, Value::Map(_)))
}

/// The table at a path, or the key where there is none. Helm: `Values.Table`.
pub(crate) fn table(values: &Map, path: &str) -> Result<Map, String> {
    let mut here = values.clone();
    for key in path.split('.') {
        match here.get(key) {
            Some(Value::Map(table)) => here = table,
            _ => return Err(key.to_owned()),
        }
    }
    Ok(here)
}

/// Imports from the deepest charts upwards. Helm: `processDependencyImportValues`.
fn import(tree: &mut Tree<'_>, chart: ChartId, warnings: &mut Vec<String>) -> Result<(), String> {
    for id in tree.dependencies(chart).to_vec() {
        import(tree, id, warnings)?;
    }
    import_into(tree, chart, warnings)
}

/// Helm: `processImportValues`.
fn import_into(tree: &mut Tree<'_>, chart: ChartId, warnings: &mut Vec<String>) -> Result<(), String> {
    let Some(declared) = tree.declared(chart) else { return Ok(()) };
    let mut declared = declared.to_vec();
    let values = merged(tree, chart, &Map::new(), warnings)?;
    let mut imported = Map::new();
    for dependency in &mut declared {
        let name = &dependency.name;
        for import in std::mem::take(&mut dependency.import_values) {
            let (child, parent) = match import {
                ImportValue::Pair { child, parent } => (child, parent),
                ImportValue::Export(key) => (format!("exports.{key}"), ".".to_owned()),
                ImportValue::Done { .. } | ImportValue::Other(_) => continue,
            };
            match table(&values, &format!("{name}.{child}")) {
                // What is empty is not shared. Helm: `Values.AsMap`.
                Ok(found) if found.is_empty() => imported = placed(imported, Map::new(), &parent, warnings),
                Ok(found) => imported = placed(imported, found, &parent, warnings),
                Err(key) => warnings.push(format!("{key:?} of the values to import from chart {name} is not a table")),
            }
            dependency.import_values.push(ImportValue::Done { child, parent });
        }
    }
    tree.set_declared(chart, Some(declared));
    let values = deep_copy(&values);
    merge_tables(&values, &imported, warnings);
    tree.set_values(chart, values);
    Ok(())
}

/// The imported values with a table more, below what is there already.
fn placed(imported: Map, found: Map, parent: &str, warnings: &mut Vec<String>) -> Map {
    let mut here = found;
    if parent != "." {
        for key in parent.rsplit('.') {
            here = Map::from_iter([(key, Value::Map(here))]);
        }
    }
    merge_tables(&imported, &here, warnings);
    imported
}
