//! TOML. Helm: `pkg/engine/funcs.go`; Go: BurntSushi/toml 1.6 in [`read`] and [`write`].

mod read;
mod scan;
#[cfg(test)]
mod tests;
mod write;

use super::args;
use super::signatures::DICT;
use crate::template::{Function, FunctionError, Signature};
use crate::value::{Map, Str, Type, Value};

use Type::{Any, String as Text};

pub(super) const FUNCTIONS: &[Function] = &[
    // An error stands under `Error`.
    Function::deep("fromToml", Signature::new(&[Text], DICT), |a| {
        Ok(Value::Map(
            read::read(args::string(a, 0)?.as_bytes())
                .unwrap_or_else(|why| Map::from_iter([("Error", Value::from(why))])),
        ))
    }),
    // An error is the result.
    Function::deep("toToml", Signature::new(&[Any], Text), |a| {
        Ok(Value::String(write::write(valid(a)?).map_or_else(Str::from, Str::from_bytes)))
    }),
    Function::deep("mustToToml", Signature::new(&[Any], Text), |a| {
        Ok(Value::String(Str::from_bytes(write::write(valid(a)?)?)))
    }),
];

/// Nil is the one value over which the Go library panics.
fn valid(args: &[Value]) -> Result<&Value, FunctionError> {
    match args::any(args, 0) {
        Value::Nil => Err("reflect: call of reflect.Value.Type on zero Value".into()),
        value => Ok(value),
    }
}
