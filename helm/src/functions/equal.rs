//! Deep equality. Go: `reflect/deepequal.go`.

use crate::value::{List, Map, Value};

/// How deep two values are compared; Go would go on until its stack ends, or follow a cycle.
const MAX_DEPTH: usize = 1_000;

/// `reflect.DeepEqual`: the same types all the way down. What nests deeper than 1,000 levels is equal from there on.
pub(super) fn deep_equal(a: &Value, b: &Value) -> bool {
    equal(a, b, 0)
}

fn equal(a: &Value, b: &Value, depth: usize) -> bool {
    if a.type_of() != b.type_of() {
        return false;
    }
    if depth > MAX_DEPTH {
        return true;
    }
    match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(_, a), Value::Int(_, b)) => a == b,
        (Value::Uint(_, a), Value::Uint(_, b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Complex(re, im), Value::Complex(other_re, other_im)) => re == other_re && im == other_im,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::List(a), Value::List(b)) => lists(a, b, depth),
        (Value::Map(a), Value::Map(b)) => maps(a, b, depth),
        (Value::Object(x), Value::Object(y)) => {
            if x.same(y) {
                return true;
            }
            match (x.underlying(), y.underlying()) {
                (Some(a), Some(b)) => equal(&a, &b, depth + 1),
                _ => fields(&x.fields(), &y.fields(), depth),
            }
        }
        _ => false,
    }
}

fn fields(a: &[(&'static str, Value)], b: &[(&'static str, Value)], depth: usize) -> bool {
    !a.is_empty() && a.len() == b.len() && a.iter().zip(b).all(|((_, a), (_, b))| equal(a, b, depth + 1))
}

fn lists(a: &List, b: &List, depth: usize) -> bool {
    if a.is_nil() != b.is_nil() || a.len() != b.len() {
        return false;
    }
    a.same(b) || a.to_vec().iter().zip(&b.to_vec()).all(|(a, b)| equal(a, b, depth + 1))
}

fn maps(a: &Map, b: &Map, depth: usize) -> bool {
    if a.is_nil() != b.is_nil() || a.len() != b.len() {
        return false;
    }
    let found = |key: &crate::value::Str, value: &Value| {
        b.get(key.as_bytes()).is_some_and(|other| equal(value, &other, depth + 1))
    };
    a.same(b) || a.to_vec().iter().all(|(key, value)| found(key, value))
}
