//! `index`, `slice` and `len`.

use super::Result;
use crate::template::exec::reflect::Reflect;
use crate::value::{Kind, List, Type, UintKind, Value};

/// An index as a number within a length. Go: `indexArg`, which lets the length itself through.
fn position(index: &Reflect, length: usize) -> Result<usize> {
    if matches!(index, Reflect::Interface(_)) {
        // `slice`, unlike `index`, does not look into interfaces.
        return Err(format!("cannot index slice/array with type {}", index.type_name()).into());
    }
    let number = match index.value().underlying() {
        Value::Int(_, n) => n,
        #[expect(clippy::cast_possible_wrap, reason = "Go wraps too, and then finds it out of range")]
        Value::Uint(_, n) => n as i64,
        Value::Nil => return Err("cannot index slice/array with nil".into()),
        _ => return Err(format!("cannot index slice/array with type {}", index.type_name()).into()),
    };
    match usize::try_from(number) {
        Ok(index) if index <= length => Ok(index),
        _ => Err(format!("index out of range: {number}").into()),
    }
}

/// `x[1][2]…`.
pub(super) fn index(args: Vec<Reflect>) -> Result<Reflect> {
    let mut args = args.into_iter();
    let mut item = args.next().unwrap_or(Reflect::Invalid).indirect_interface();
    if matches!(item, Reflect::Invalid) {
        return Err("index of untyped nil".into());
    }
    for index in args {
        let index = index.indirect_interface();
        if item.value().is_nil() {
            return Err("index of nil pointer".into());
        }
        item = element(&item, &index)?;
    }
    Ok(item)
}

fn element(item: &Reflect, index: &Reflect) -> Result<Reflect> {
    if let (Value::Object(object), Value::String(key)) = (item.value(), index.value())
        && object.type_of().kind() == Kind::Map
    {
        let of = object.type_of().element().unwrap_or(Type::Any);
        return Ok(object.entry(key.as_bytes()).map_or_else(|| Reflect::zero(of), |v| Reflect::typed(v, of)));
    }
    match item.value().underlying() {
        Value::List(list) => {
            let at = position(index, list.len())?;
            let of = list.type_of().element().unwrap_or(Type::Any);
            list.get(at)
                .map(|value| Reflect::typed(value, of))
                .ok_or_else(|| "reflect: slice index out of range".into())
        }
        Value::String(s) => {
            let at = position(index, s.len())?;
            let byte = s.as_bytes().get(at).ok_or("reflect: string index out of range")?;
            Ok(Reflect::Plain(Value::Uint(UintKind::Uint8, u64::from(*byte))))
        }
        Value::Map(map) => {
            let of = map.type_of().element().unwrap_or(Type::Any);
            match index.value() {
                Value::String(key) => Ok(map.get(key).map_or_else(|| Reflect::zero(of), |v| Reflect::typed(v, of))),
                Value::Nil => Err("value is nil; should be of type string".into()),
                _ => Err(format!("value has type {}; should be string", index.type_name()).into()),
            }
        }
        _ => Err(format!("can't index item of type {}", item.value().type_name()).into()),
    }
}

/// `x[1:2]`.
pub(super) fn slice(args: Vec<Reflect>) -> Result<Reflect> {
    let mut args = args.into_iter();
    let item = args.next().unwrap_or(Reflect::Invalid).indirect_interface();
    let indexes: Vec<Reflect> = args.collect();
    let plain = item.value().underlying();
    if plain.is_nil() {
        return Err("slice of untyped nil".into());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let length = match &plain {
        Value::String(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::String(s) => s.len(),
        Value::List(list) => list.len(),
        _ => return Err(format!("can't slice item of type {}", item.type_name()).into()),
    };
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(&indexes) {
        *bound = position(index, length)?;
    }
    let [from, to, most] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}").into());
    }
    if to > most {
        return Err(format!("invalid slice index: {to} > {most}").into());
    }
    Ok(Reflect::Plain(match plain {
        Value::List(list) => {
            let items = list.with(|items| items[from..to].to_vec());
            Value::List(List::typed(list.type_of(), items))
        }
        Value::String(s) => Value::String(s.as_bytes()[from..to].to_vec().into()),
        other => other,
    }))
}

/// `len`.
pub(super) fn len(args: Vec<Reflect>) -> Result<Reflect> {
    let item = args.into_iter().next().unwrap_or(Reflect::Invalid);
    let length = match (&item, item.value().underlying()) {
        (Reflect::Invalid, _) => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        (_, Value::Nil) => return Err("len of nil pointer".into()),
        (_, Value::String(s)) => s.len(),
        (_, Value::List(list)) => list.len(),
        (_, Value::Map(map)) => map.len(),
        _ => return Err(format!("len of type {}", item.value().type_name()).into()),
    };
    Ok(Reflect::Plain(Value::int(i64::try_from(length).unwrap_or(i64::MAX))))
}
