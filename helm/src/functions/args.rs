//! The arguments of a call as Rust types. The executor has checked them against the signature, so a mismatch here is a
//! fault of the table, not of the chart.

use crate::template::FunctionError;
use crate::value::{List, Map, Str, Type, Value};

/// What a function returns.
pub(super) type Outcome = Result<Value, FunctionError>;

/// Go's panic on a nil pointer, which Sprig's reflection runs into where a list is nil.
pub(super) const NIL_DEREFERENCE: &str = "runtime error: invalid memory address or nil pointer dereference";

fn mismatch(index: usize, wanted: &str) -> FunctionError {
    FunctionError::from(format!("argument {} is not {wanted}", index + 1))
}

/// Any argument; nil where there is none.
pub(super) fn any(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::Nil)
}

/// The arguments of a variadic parameter.
pub(super) fn rest(args: &[Value], from: usize) -> &[Value] {
    args.get(from..).unwrap_or_default()
}

/// A `string`.
pub(super) fn string(args: &[Value], index: usize) -> Result<&Str, FunctionError> {
    match any(args, index) {
        Value::String(text) => Ok(text),
        _ => Err(mismatch(index, "a string")),
    }
}

/// An integer of any kind that fits an `int64`.
pub(super) fn int(args: &[Value], index: usize) -> Result<i64, FunctionError> {
    match any(args, index) {
        Value::Int(_, n) => Ok(*n),
        Value::Uint(_, n) => i64::try_from(*n).map_err(|_| mismatch(index, "an integer in range")),
        _ => Err(mismatch(index, "an integer")),
    }
}

/// A `bool`.
pub(super) fn boolean(args: &[Value], index: usize) -> Result<bool, FunctionError> {
    match any(args, index) {
        Value::Bool(b) => Ok(*b),
        _ => Err(mismatch(index, "a boolean")),
    }
}

/// A map, possibly the nil one.
pub(super) fn map(args: &[Value], index: usize) -> Result<Map, FunctionError> {
    match any(args, index).underlying() {
        // Go converts a named type to the plain one here.
        Value::Map(map) => Ok(if map.type_of() == Type::DICT { map } else { map.retyped(map.type_of().underlying()) }),
        Value::Nil => Ok(Map::nil(Type::DICT)),
        _ => Err(mismatch(index, "a map")),
    }
}

/// A list, or `None` if the argument is none.
pub(super) fn list(value: &Value) -> Option<List> {
    match value.underlying() {
        Value::List(list) => Some(list),
        _ => None,
    }
}
