//! `eq`, `lt` and what follows from them.

use super::{Basic, Result, basic};
use crate::template::exec::reflect::Reflect;
use crate::template::print;
use crate::value::{Kind, Value};

const BAD_COMPARISON: &str = "invalid type for comparison";

/// `a == b || a == c || …`.
pub(super) fn eq(args: Vec<Reflect>) -> Result<bool> {
    let mut args = args.into_iter().map(Reflect::indirect_interface);
    let first = args.next().unwrap_or(Reflect::Invalid);
    if args.len() == 0 {
        return Err("missing argument for comparison".into());
    }
    for arg in args {
        if equal(&first, &arg)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(a: &Reflect, b: &Reflect) -> Result<bool> {
    let (left, right) = (a.value().underlying(), b.value().underlying());
    Ok(match (&left, &right) {
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(_, a), Value::Int(_, b)) => a == b,
        (Value::Uint(_, a), Value::Uint(_, b)) => a == b,
        (Value::Int(_, n), Value::Uint(_, u)) | (Value::Uint(_, u), Value::Int(_, n)) => u64::try_from(*n) == Ok(*u),
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Complex(a, b), Value::Complex(c, d)) => a == c && b == d,
        (Value::String(a), Value::String(b)) => a == b,
        _ if basic(a) != basic(b) => match (a.type_of(), b.type_of()) {
            (Some(a), Some(b)) => return Err(format!("incompatible types for comparison: {a} and {b}").into()),
            _ => false,
        },
        _ => return equal_others(a, b),
    })
}

/// Values of no basic kind: nil, or what Go's `==` can compare.
fn equal_others(a: &Reflect, b: &Reflect) -> Result<bool> {
    let (kind_a, kind_b) = (a.value().kind(), b.value().kind());
    let nil = |v: &Reflect| match v.value() {
        Value::Nil => true,
        Value::List(list) => list.is_nil(),
        Value::Map(map) => map.is_nil(),
        _ => false,
    };
    if kind_a != kind_b && kind_a != Kind::Invalid && kind_b != Kind::Invalid {
        let (type_a, type_b) = (a.type_name(), b.type_name());
        return Err(format!("non-comparable types {}: {type_a}, {type_b}: {}", shown(a), shown(b)).into());
    }
    if nil(a) || nil(b) {
        return Ok(nil(a) == nil(b));
    }
    match (a.value(), b.value()) {
        (Value::Object(x), Value::Object(y)) if x.type_of() != y.type_of() => Ok(false),
        (Value::Object(x), Value::Object(y)) => match (kind_b, x.equals(&**y)) {
            (Kind::Pointer, None) => Ok(x.same(y)),
            (_, Some(equal)) => Ok(equal),
            _ => Err(format!("non-comparable type {}: {}", shown(b), b.type_name()).into()),
        },
        _ => Err(format!("non-comparable type {}: {}", shown(b), b.type_name()).into()),
    }
}

fn shown(value: &Reflect) -> String {
    match print::sprintf(b"%s", std::slice::from_ref(value.value())) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) => error.message().to_owned(),
    }
}

/// `a < b`.
pub(super) fn lt(args: Vec<Reflect>) -> Result<bool> {
    let mut args = args.into_iter().map(Reflect::indirect_interface);
    let (a, b) = (args.next().unwrap_or(Reflect::Invalid), args.next().unwrap_or(Reflect::Invalid));
    less(&a, &b)
}

/// `a <= b`.
pub(super) fn le(args: Vec<Reflect>) -> Result<bool> {
    let mut args = args.into_iter().map(Reflect::indirect_interface);
    let (a, b) = (args.next().unwrap_or(Reflect::Invalid), args.next().unwrap_or(Reflect::Invalid));
    Ok(less(&a, &b)? || equal(&a, &b)?)
}

fn less(a: &Reflect, b: &Reflect) -> Result<bool> {
    let (kind_a, kind_b) = (basic(a), basic(b));
    if kind_a == Basic::Invalid || kind_b == Basic::Invalid {
        return Err(BAD_COMPARISON.into());
    }
    let (left, right) = (a.value().underlying(), b.value().underlying());
    Ok(match (&left, &right) {
        (Value::Int(_, a), Value::Int(_, b)) => a < b,
        (Value::Uint(_, a), Value::Uint(_, b)) => a < b,
        (Value::Int(_, n), Value::Uint(_, u)) => u64::try_from(*n).is_ok_and(|n| n < *u) || *n < 0,
        (Value::Uint(_, u), Value::Int(_, n)) => u64::try_from(*n).is_ok_and(|n| *u < n),
        (Value::Float(a), Value::Float(b)) => a < b,
        (Value::String(a), Value::String(b)) => a < b,
        _ if kind_a == kind_b => return Err(BAD_COMPARISON.into()),
        _ => {
            let (a, b) = (a.type_name(), b.type_name());
            return Err(format!("incompatible types for comparison: {a} and {b}").into());
        }
    })
}
