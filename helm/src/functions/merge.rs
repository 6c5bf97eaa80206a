//! Merging maps in place. mergo 1.0: `merge.go`, `deepMerge`, as far as maps of Go's dynamic values reach.

use crate::template::FunctionError;
use crate::value::{List, Map, Str, Type, Value};

/// How deep maps are merged; mergo would go on until Go's stack ends.
const MAX_DEPTH: usize = 1_000;

/// Fills what is missing or empty in `target` from `source`; with `overwrite` everything that `source` has wins. Maps that
/// both have are merged in place; other values of `source` are shared, not copied.
pub(super) fn merge(target: &Map, source: &Map, overwrite: bool) -> Result<(), FunctionError> {
    deep_merge(target, source, overwrite, 0)
}

fn deep_merge(target: &Map, source: &Map, overwrite: bool, depth: usize) -> Result<(), FunctionError> {
    if depth > MAX_DEPTH {
        return Err(format!("maps nested deeper than {MAX_DEPTH} levels cannot be merged").into());
    }
    // mergo makes a map only where it can set one, which it cannot below the top.
    if target.is_nil() && !source.is_nil() {
        return Ok(());
    }
    for (key, value) in source.to_vec() {
        merge_entry(target, &key, &value, overwrite, depth)?;
    }
    Ok(())
}

fn merge_entry(target: &Map, key: &Str, value: &Value, overwrite: bool, depth: usize) -> Result<(), FunctionError> {
    let present = target.get(key.as_bytes());
    if value.is_nil() {
        return if overwrite { put(target, key, value) } else { Ok(()) };
    }
    match value.underlying() {
        Value::Map(from) => {
            if let Some(Value::Map(into)) = present.as_ref().map(Value::underlying) {
                deep_merge(&into, &from, overwrite, depth + 1)?;
            }
        }
        Value::List(from) => {
            // Set first and then, below, perhaps again: mergo asks here whether the whole target is empty.
            let chosen = if overwrite || target.is_empty() {
                value.clone()
            } else {
                present
                    .clone()
                    .filter(|v| !v.is_nil())
                    .unwrap_or_else(|| Value::List(List::typed(from.type_of(), Vec::new())))
            };
            put(target, key, &chosen)?;
        }
        _ => {}
    }
    if let Some(present) = &present
        && !is_empty(present)
        && keeps(&value.underlying(), &present.underlying())
    {
        return Ok(());
    }
    if overwrite || present.as_ref().is_none_or(is_empty) { put(target, key, value) } else { Ok(()) }
}

/// Whether what was done for lists and maps stands: a list has been set, a map has been merged into a map.
fn keeps(value: &Value, present: &Value) -> bool {
    matches!(value, Value::List(_)) || matches!((value, present), (Value::Map(_), Value::Map(_)))
}

/// Go: `reflect.Value.SetMapIndex`, which panics over the wrong type.
fn put(target: &Map, key: &Str, value: &Value) -> Result<(), FunctionError> {
    let wanted = target.type_of().element().unwrap_or(Type::Any);
    if wanted != Type::Any && value.type_of().is_none_or(|found| !found.assignable_to(wanted)) {
        let found = value.type_name();
        return Err(
            format!("reflect.Value.SetMapIndex: value of type {found} is not assignable to type {wanted}").into()
        );
    }
    target.insert(key, value.clone());
    Ok(())
}

/// mergo: `isEmptyValue`. Structs are never empty.
fn is_empty(value: &Value) -> bool {
    !value.truth()
}
