//! The values of a chart and its subcharts together. Helm: `pkg/chart/common/util/coalesce.go`.
//!
//! Maps are shared here exactly where Helm shares them: a template that changes one changes it for others too, and the globals
//! of a subchart reach its parent where the tables are nested.

use super::{ChartId, Tree};
use crate::template::print::sprintf;
use crate::value::{List, Map, Value};

/// The key of the values that every chart sees.
const GLOBAL: &str = "global";

/// What is done, and what there is to say about it.
pub(super) struct Coalesce<'t, 'c> {
    tree: &'t Tree<'c>,
    warnings: &'t mut Vec<String>,
    /// Whether nulls are kept for a later round ("merging"), or delete what they stand against ("coalescing").
    merge: bool,
}

/// The values of a chart with all its defaults, `values` first: null deletes. Helm: `CoalesceValues`.
///
/// # Errors
/// A value for a subchart that is no table.
pub(crate) fn coalesced(
    tree: &Tree<'_>,
    chart: ChartId,
    values: &Map,
    warnings: &mut Vec<String>,
) -> Result<Map, String> {
    run(Coalesce { tree, warnings, merge: false }, chart, values)
}

/// As [`coalesced`], but nulls stay. Helm: `MergeValues`.
pub(super) fn merged(tree: &Tree<'_>, chart: ChartId, values: &Map, warnings: &mut Vec<String>) -> Result<Map, String> {
    run(Coalesce { tree, warnings, merge: true }, chart, values)
}

fn run(mut this: Coalesce<'_, '_>, chart: ChartId, values: &Map) -> Result<Map, String> {
    let values = deep_copy(values);
    this.chart(chart, &values, "", this.merge)?;
    Ok(values)
}

/// A copy that shares nothing. Helm: `internal/copystructure`.
pub(super) fn deep_copy(map: &Map) -> Map {
    map.with(|entries| entries.iter().map(|(key, value)| (key.clone(), deep_copy_value(value))).collect())
}

fn deep_copy_value(value: &Value) -> Value {
    match value {
        Value::Map(map) => Value::Map(deep_copy(map)),
        Value::List(list) => Value::List(list.with(|items| items.iter().map(deep_copy_value).collect::<List>())),
        other => other.clone(),
    }
}

/// Merges a table into another one, which wins; nulls of the winner stay. Helm: `MergeTables`.
pub(super) fn merge_tables(into: &Map, from: &Map, warnings: &mut Vec<String>) {
    tables(warnings, into, from, "", true);
}

fn joined(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

impl Coalesce<'_, '_> {
    /// Helm: `coalesce`.
    fn chart(&mut self, chart: ChartId, values: &Map, prefix: &str, merge: bool) -> Result<(), String> {
        self.own_values(chart, values, prefix, merge);
        self.subcharts(chart, values, prefix, merge)
    }

    /// Helm: `coalesceDeps`.
    fn subcharts(&mut self, chart: ChartId, values: &Map, prefix: &str, merge: bool) -> Result<(), String> {
        let prefix = joined(prefix, self.tree.name(chart));
        for sub in self.tree.dependencies(chart) {
            let name = self.tree.name(*sub);
            let table = match values.get(name) {
                Some(Value::Map(table)) => table,
                None => {
                    let table = Map::new();
                    values.insert(name, Value::Map(table.clone()));
                    table
                }
                Some(other) => return Err(mismatch(name, &other)),
            };
            self.globals(&table, values, &prefix);
            self.chart(*sub, &table, &prefix, merge)?;
        }
        Ok(())
    }

    /// Copies the globals of a chart to its subchart. Helm: `coalesceGlobals`.
    fn globals(&mut self, to: &Map, from: &Map, prefix: &str) {
        let skip = |side: &str| format!("warning: skipping globals because {side} {GLOBAL} is not a table.");
        let to_global = match to.get(GLOBAL) {
            None => Map::new(),
            Some(Value::Map(table)) => table,
            Some(_) => return self.warnings.push(skip("destination")),
        };
        let from_global = match from.get(GLOBAL) {
            None => Map::new(),
            Some(Value::Map(table)) => table,
            Some(_) => return self.warnings.push(skip("source")),
        };
        for (key, value) in from_global.to_vec() {
            let text = key.to_text().into_owned();
            match (value, to_global.get(&key)) {
                (Value::Map(value), None) => {
                    to_global.insert(key, Value::Map(value.shallow_copy()));
                }
                (Value::Map(value), Some(Value::Map(there))) => {
                    let copy = value.shallow_copy();
                    tables(self.warnings, &copy, &there, &joined(prefix, &text), true);
                    to_global.insert(key, Value::Map(copy));
                }
                (Value::Map(_), Some(_)) => {
                    self.warnings.push(format!("Conflict: cannot merge map onto non-map for {text:?}. Skipping."));
                }
                (_, Some(Value::Map(_))) => self.warnings.push(format!("key {text} is table. Skipping")),
                (value, _) => {
                    to_global.insert(key, value);
                }
            }
        }
        to.insert(GLOBAL, Value::Map(to_global));
    }

    /// Puts the defaults of a chart below `values`. Helm: `coalesceValues`.
    fn own_values(&mut self, chart: ChartId, values: &Map, prefix: &str, merge: bool) {
        let prefix = joined(prefix, self.tree.name(chart));
        for (key, default) in deep_copy(self.tree.values(chart)).to_vec() {
            match (values.get(&key), default) {
                (Some(Value::Nil), _) if !merge => {
                    values.remove(&key);
                }
                (Some(Value::Map(table)), Value::Map(default)) => {
                    let name = key.to_text();
                    let subcharts = self.tree.dependencies(chart);
                    let merge = merge || subcharts.iter().any(|sub| self.tree.name(*sub) == name);
                    if !merge {
                        clean_nil(&default);
                    }
                    tables(self.warnings, &table, &default, &joined(&prefix, &name), merge);
                }
                (Some(Value::Map(_)), default) if !default.is_nil() => {
                    let key = key.to_text();
                    self.warnings.push(format!("warning: skipped value for {prefix}.{key}: Not a table."));
                }
                (Some(_), _) => {}
                (None, Value::Nil) if !merge => {}
                (None, default) => {
                    if let (Value::Map(table), false) = (&default, merge) {
                        clean_nil(table);
                    }
                    values.insert(key, default);
                }
            }
        }
    }
}

/// Merges `from` into `into`, which wins. Helm: `coalesceTablesFullKey`.
fn tables(warnings: &mut Vec<String>, into: &Map, from: &Map, prefix: &str, merge: bool) {
    let nulled: Vec<_> =
        into.with(|entries| entries.iter().filter(|(_, value)| value.is_nil()).map(|(key, _)| key.clone()).collect());
    // What was set to null, and whether there was something to delete by it.
    let deletes: Vec<_> = nulled.iter().filter(|key| from.get(key).is_some_and(|value| !value.is_nil())).collect();
    for key in &nulled {
        from.insert(key.clone(), Value::Nil);
    }
    for (key, value) in from.to_vec() {
        let full = || joined(prefix, &key.to_text());
        match (into.get(&key), value) {
            (Some(Value::Nil), _) if !merge && deletes.contains(&&key) => {
                into.remove(&key);
            }
            (None, value) => {
                into.insert(key, value);
            }
            (Some(Value::Map(there)), Value::Map(value)) => tables(warnings, &there, &value, &full(), merge),
            (Some(_), value @ Value::Map(_)) => warnings.push(format!(
                "warning: cannot overwrite table with non table for {} ({})",
                full(),
                printed("%v", &value)
            )),
            (Some(Value::Map(_)), value) if !value.is_nil() => warnings.push(format!(
                "warning: destination for {} is a table. Ignoring non-table value ({})",
                full(),
                printed("%v", &value)
            )),
            _ => {}
        }
    }
}

/// Removes nulls at every depth of tables. Helm: `cleanNilValues`.
fn clean_nil(map: &Map) {
    for (key, value) in map.to_vec() {
        match value {
            Value::Nil => {
                map.remove(&key);
            }
            Value::Map(table) => clean_nil(&table),
            _ => {}
        }
    }
}

fn printed(format: &str, value: &Value) -> String {
    sprintf(format.as_bytes(), std::slice::from_ref(value))
        .map_or_else(|_| "…".to_owned(), |text| String::from_utf8_lossy(&text).into_owned())
}

fn mismatch(name: &str, value: &Value) -> String {
    // Helm prints the value with a verb that is not for it, and so shall everybody find its words again.
    format!("type mismatch on {name}: {}", printed("%t", value))
}
