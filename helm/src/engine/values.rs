//! The methods of `common.Values`, the type of `.`, `.Values` and `.Template`. Helm: `pkg/chart/common/values.go`.

use std::sync::Arc;

use super::VALUES;
use crate::template::print::quote;
use crate::template::{Function, FunctionError, Functions, Signature};
use crate::value::{Map, Str, Type, Value};

const METHODS: &[Function] = &[
    Function::pure("YAML", Signature::new(&[], Type::String), yaml),
    Function::pure("Table", Signature::new(&[Type::String], VALUES), |args| Ok(Value::Map(table(args)?))),
    Function::pure("AsMap", Signature::new(&[], Type::DICT), |args| {
        Ok(Value::Map(receiver(args)?.retyped(Type::DICT)))
    }),
    Function::pure("Encode", Signature::new(&[Type::Interface("io.Writer")], Type::Interface("error")), |_| {
        Err("runtime error: invalid memory address or nil pointer dereference".into())
    }),
    Function::pure("PathValue", Signature::new(&[Type::String], Type::Any), path_value),
];

/// The functions of a chart with these methods beside them.
#[derive(Debug)]
pub(super) struct WithMethods(pub(super) Arc<dyn Functions>);

impl Functions for WithMethods {
    fn get(&self, name: &str) -> Option<&Function> {
        self.0.get(name)
    }

    fn method(&self, of: Type, name: &str) -> Option<&Function> {
        let known = METHODS.iter().find(|method| method.name == name);
        match known {
            Some(method) if of == VALUES => Some(method),
            _ => self.0.method(of, name),
        }
    }
}

type Result<T> = std::result::Result<T, FunctionError>;

fn receiver(args: &[Value]) -> Result<&Map> {
    args.first().and_then(Value::as_map).ok_or_else(|| "the values are no map".into())
}

fn text(args: &[Value]) -> Str {
    match args.get(1) {
        Some(Value::String(text)) => text.clone(),
        _ => Str::from(""),
    }
}

fn yaml(args: &[Value]) -> Result<Value> {
    let json = Value::Map(receiver(args)?.clone()).to_json().ok_or("the values cannot be written as JSON")?;
    Ok(k8s_yaml::to_string(&json).into())
}

/// A map within maps, by names with dots between.
fn table(args: &[Value]) -> Result<Map> {
    let path = text(args);
    descend(receiver(args)?, path.as_bytes().split(|b| *b == b'.'))
}

fn descend<'p>(map: &Map, path: impl Iterator<Item = &'p [u8]>) -> Result<Map> {
    let mut map = map.clone();
    for name in path {
        match map.get(name) {
            Some(Value::Map(inner)) => map = inner,
            _ => return Err(format!("{} is not a table", quote(name)).into()),
        }
    }
    Ok(map.retyped(VALUES))
}

/// A value that is no map, by a path.
fn path_value(args: &[Value]) -> Result<Value> {
    let path = text(args);
    if path.is_empty() {
        return Err("YAML path cannot be empty".into());
    }
    let mut names: Vec<&[u8]> = path.as_bytes().split(|b| *b == b'.').collect();
    let key = names.pop().unwrap_or_default();
    let found = descend(receiver(args)?, names.into_iter()).ok().and_then(|map| map.get(key));
    match found {
        Some(value) if value.type_of() != Some(Type::DICT) => Ok(value),
        _ => Err(format!("{} is not a value", quote(key)).into()),
    }
}
