//! Maps. Sprig: `dict.go`.

use super::args::{self, Outcome};
use super::cast;
use super::copy::deep_copy;
use super::merge::merge;
use super::signatures::{DICT, LIST, STRINGS};
use crate::template::{Function, FunctionError, Signature};
use crate::value::{Map, Type, Value};

use Type::{Any, Bool, String as Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::pure("dict", Signature::variadic(&[Any], DICT), dict),
    Function::pure("get", Signature::new(&[DICT, Text], Any), get),
    Function::pure("set", Signature::new(&[DICT, Text, Any], DICT), set),
    Function::pure("unset", Signature::new(&[DICT, Text], DICT), unset),
    Function::pure("hasKey", Signature::new(&[DICT, Text], Bool), has_key),
    Function::pure("pluck", Signature::variadic(&[Text, DICT], LIST), pluck),
    Function::pure("keys", Signature::variadic(&[DICT], STRINGS), keys),
    Function::pure("values", Signature::new(&[DICT], LIST), values),
    Function::pure("pick", Signature::variadic(&[DICT, Text], DICT), pick),
    Function::pure("omit", Signature::variadic(&[DICT, Text], DICT), omit),
    Function::deep("merge", Signature::variadic(&[DICT, DICT], Any), |a| merged(a, false)),
    Function::deep("mergeOverwrite", Signature::variadic(&[DICT, DICT], Any), |a| merged(a, true)),
    Function::deep("mustMerge", Signature::variadic(&[DICT, DICT], Any), |a| merged(a, false)),
    Function::deep("mustMergeOverwrite", Signature::variadic(&[DICT, DICT], Any), |a| merged(a, true)),
    Function::deep("deepCopy", Signature::new(&[Any], Any), |a| deep_copy(args::any(a, 0))),
    Function::deep("mustDeepCopy", Signature::new(&[Any], Any), |a| deep_copy(args::any(a, 0))),
    Function::pure("dig", Signature::variadic(&[Any], Any), dig),
];

/// A key without a value gets "".
fn dict(args: &[Value]) -> Outcome {
    let map = Map::new();
    for pair in args.chunks(2) {
        map.insert(cast::to_text(args::any(pair, 0)), pair.get(1).cloned().unwrap_or_else(|| Value::from("")));
    }
    Ok(Value::Map(map))
}

fn get(args: &[Value]) -> Outcome {
    let value = args::map(args, 0)?.get(args::string(args, 1)?.as_bytes());
    Ok(value.unwrap_or_else(|| Value::from("")))
}

fn set(args: &[Value]) -> Outcome {
    let map = args::map(args, 0)?;
    if map.is_nil() {
        return Err("assignment to entry in nil map".into());
    }
    map.insert(args::string(args, 1)?, args::any(args, 2).clone());
    Ok(Value::Map(map))
}

fn unset(args: &[Value]) -> Outcome {
    let map = args::map(args, 0)?;
    map.remove(args::string(args, 1)?.as_bytes());
    Ok(Value::Map(map))
}

fn has_key(args: &[Value]) -> Outcome {
    Ok(args::map(args, 0)?.contains(args::string(args, 1)?.as_bytes()).into())
}

fn pluck(args: &[Value]) -> Outcome {
    let key = args::string(args, 0)?;
    let mut found = Vec::new();
    for index in 1..args.len() {
        found.extend(args::map(args, index)?.get(key.as_bytes()));
    }
    Ok(Value::list(found))
}

/// In the order of the keys, which Go leaves open.
fn keys(args: &[Value]) -> Outcome {
    let mut all = Vec::new();
    for index in 0..args.len() {
        all.extend(args::map(args, index)?.keys());
    }
    Ok(Value::strings(all))
}

/// In the order of the keys, which Go leaves open.
fn values(args: &[Value]) -> Outcome {
    Ok(Value::list(args::map(args, 0)?.to_vec().into_iter().map(|(_, value)| value).collect()))
}

fn pick(args: &[Value]) -> Outcome {
    let (map, picked) = (args::map(args, 0)?, Map::new());
    for index in 1..args.len() {
        let key = args::string(args, index)?;
        if let Some(value) = map.get(key.as_bytes()) {
            picked.insert(key, value);
        }
    }
    Ok(Value::Map(picked))
}

fn omit(args: &[Value]) -> Outcome {
    let kept = args::map(args, 0)?.shallow_copy().retyped(DICT);
    for index in 1..args.len() {
        kept.remove(args::string(args, index)?.as_bytes());
    }
    Ok(Value::Map(kept))
}

/// `merge` gives "" where mergo fails; but with maps mergo never fails, it only panics.
fn merged(args: &[Value], overwrite: bool) -> Outcome {
    let mut target = args::map(args, 0)?;
    if target.is_nil() && args.len() > 1 {
        target = Map::new();
    }
    for index in 1..args.len() {
        merge(&target, &args::map(args, index)?, overwrite)?;
    }
    Ok(Value::Map(target))
}

fn dig(args: &[Value]) -> Outcome {
    let [path @ .., default, value] = args else { return Err("dig needs at least three arguments".into()) };
    if path.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let mut step = value.clone();
    as_dict(&step)?;
    let mut keys = Vec::new();
    for key in path {
        match key {
            Value::String(key) => keys.push(key),
            other => return Err(wrong_type(other, "string")),
        }
    }
    for key in keys {
        let found = as_dict(&step)?.get(key.as_bytes());
        let Some(found) = found else { return Ok(default.clone()) };
        step = found;
    }
    Ok(step)
}

/// Go's type assertion: exactly `map[string]interface {}`, not a named type over it.
fn as_dict(value: &Value) -> Result<Map, FunctionError> {
    match value {
        Value::Map(map) if map.type_of() == DICT => Ok(map.clone()),
        other => Err(wrong_type(other, "map[string]interface {}")),
    }
}

fn wrong_type(value: &Value, wanted: &str) -> FunctionError {
    let found = value.type_of().map_or_else(|| "nil".to_owned(), |t| t.to_string());
    FunctionError::from(format!("interface conversion: interface {{}} is {found}, not {wanted}"))
}
