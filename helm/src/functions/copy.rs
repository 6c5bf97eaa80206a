//! Deep copies. copystructure: `copystructure.go`.

use super::args::Outcome;
use crate::template::FunctionError;
use crate::value::{List, Map, Value};

/// How deep values are copied; copystructure would follow a cycle until Go's stack ends.
const MAX_DEPTH: usize = 1_000;

/// `copystructure.Copy`. Nil is an error, as it is there.
pub(super) fn deep_copy(value: &Value) -> Outcome {
    if value.is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    copied(value, 0)
}

fn copied(value: &Value, depth: usize) -> Result<Value, FunctionError> {
    if depth > MAX_DEPTH {
        return Err(format!("values nested deeper than {MAX_DEPTH} levels cannot be copied").into());
    }
    Ok(match value {
        Value::List(list) if list.is_nil() => Value::List(List::nil(list.type_of())),
        Value::List(list) => {
            let items = list.to_vec().iter().map(|item| copied(item, depth + 1)).collect::<Result<_, _>>()?;
            Value::List(List::typed(list.type_of(), items))
        }
        Value::Map(map) if map.is_nil() => Value::Map(Map::nil(map.type_of())),
        Value::Map(map) => {
            let copy = Map::typed(map.type_of(), std::collections::BTreeMap::new());
            for (key, item) in map.to_vec() {
                copy.insert(key, copied(&item, depth + 1)?);
            }
            Value::Map(copy)
        }
        // A version loses its unexported fields, which are all that it has.
        Value::Object(object) => match object.downcast::<super::semver::VersionObject>() {
            Some(_) => Value::object(super::semver::VersionObject::zero()),
            None => value.clone(),
        },
        other => other.clone(),
    })
}
