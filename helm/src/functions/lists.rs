//! Lists. Sprig: `list.go`, with the errors of its reflection.

use super::args::{self, NIL_DEREFERENCE, Outcome};
use super::cast::{self, to_int};
use super::equal::deep_equal;
use super::signatures::{INT, LIST, STRINGS};
use super::strings::to_strings;
use crate::template::{Call, Function, FunctionError, Signature};
use crate::value::{List, Type, Value};

use Type::{Any, Bool};

const CHUNKS: Type = Type::Slice(&LIST);

/// The signature and body shared by a function and its `must` twin: Sprig turns the errors of the one into panics, and the
/// executor reports panics like errors.
macro_rules! both {
    ($kind:ident, $name:literal, $must:literal, $signature:expr, $body:expr) => {
        [Function::$kind($name, $signature, $body), Function::$kind($must, $signature, $body)]
    };
}

pub(super) const FUNCTIONS: &[[Function; 2]] = &[
    both!(pure, "tuple", "list", Signature::variadic(&[Any], LIST), |a| Ok(Value::list(a.to_vec()))),
    both!(pure, "append", "mustAppend", Signature::new(&[Any, Any], LIST), push),
    both!(pure, "push", "mustPush", Signature::new(&[Any, Any], LIST), push),
    both!(pure, "prepend", "mustPrepend", Signature::new(&[Any, Any], LIST), prepend),
    both!(pure, "first", "mustFirst", Signature::new(&[Any], Any), first),
    both!(pure, "rest", "mustRest", Signature::new(&[Any], LIST), rest),
    both!(pure, "last", "mustLast", Signature::new(&[Any], Any), last),
    both!(pure, "initial", "mustInitial", Signature::new(&[Any], LIST), initial),
    both!(pure, "reverse", "mustReverse", Signature::new(&[Any], LIST), reverse),
    both!(call, "uniq", "mustUniq", Signature::new(&[Any], LIST), uniq),
    both!(pure, "compact", "mustCompact", Signature::new(&[Any], LIST), compact),
    both!(deep, "without", "mustWithout", Signature::variadic(&[Any, Any], LIST), without),
    both!(deep, "has", "mustHas", Signature::new(&[Any, Any], Bool), has),
    both!(pure, "slice", "mustSlice", Signature::variadic(&[Any, Any], Any), slice),
    both!(pure, "chunk", "mustChunk", Signature::new(&[INT, Any], CHUNKS), chunk),
];

pub(super) const MORE: &[Function] = &[
    Function::pure("concat", Signature::variadic(&[Any], Any), concat),
    Function::pure("sortAlpha", Signature::new(&[Any], STRINGS), sort_alpha),
];

/// The elements, or the error of a function that wants a list: `Cannot find first on type string`.
fn elements(value: &Value, complaint: &str) -> Result<List, FunctionError> {
    if value.is_nil() {
        return Err(NIL_DEREFERENCE.into());
    }
    args::list(value).ok_or_else(|| FunctionError::from(format!("{complaint} {}", value.kind())))
}

fn push(args: &[Value]) -> Outcome {
    let mut items = elements(args::any(args, 0), "Cannot push on type")?.to_vec();
    items.push(args::any(args, 1).clone());
    Ok(Value::list(items))
}

fn prepend(args: &[Value]) -> Outcome {
    let mut items = vec![args::any(args, 1).clone()];
    items.extend(elements(args::any(args, 0), "Cannot prepend on type")?.to_vec());
    Ok(Value::list(items))
}

fn first(args: &[Value]) -> Outcome {
    Ok(elements(args::any(args, 0), "Cannot find first on type")?.get(0).unwrap_or_default())
}

fn last(args: &[Value]) -> Outcome {
    Ok(elements(args::any(args, 0), "Cannot find last on type")?
        .with(|items| items.last().cloned())
        .unwrap_or_default())
}

/// Part of a list; of an empty one the nil list.
fn part(list: &List, cut: fn(&[Value]) -> &[Value]) -> Value {
    if list.is_empty() {
        return Value::List(List::nil(LIST));
    }
    Value::list(list.with(|items| cut(items).to_vec()))
}

fn rest(args: &[Value]) -> Outcome {
    Ok(part(&elements(args::any(args, 0), "Cannot find rest on type")?, |items| &items[1..]))
}

fn initial(args: &[Value]) -> Outcome {
    Ok(part(&elements(args::any(args, 0), "Cannot find initial on type")?, |items| &items[..items.len() - 1]))
}

fn reverse(args: &[Value]) -> Outcome {
    let mut items = elements(args::any(args, 0), "Cannot find reverse on type")?.to_vec();
    items.reverse();
    Ok(Value::list(items))
}

/// Each item is compared with all that are kept, as in Sprig; the comparisons count.
fn uniq(call: &mut dyn Call, args: &[Value]) -> Outcome {
    call.weigh(args::any(args, 0))?;
    let mut kept: Vec<Value> = Vec::new();
    for item in elements(args::any(args, 0), "Cannot find uniq on type")?.to_vec() {
        call.reserve(kept.len())?;
        if !kept.iter().any(|other| deep_equal(&item, other)) {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

fn compact(args: &[Value]) -> Outcome {
    let mut items = elements(args::any(args, 0), "Cannot compact on type")?.to_vec();
    items.retain(|item| !super::flow::is_empty(item));
    Ok(Value::list(items))
}

fn without(args: &[Value]) -> Outcome {
    let mut items = elements(args::any(args, 0), "Cannot find without on type")?.to_vec();
    items.retain(|item| !args::rest(args, 1).iter().any(|omitted| deep_equal(item, omitted)));
    Ok(Value::list(items))
}

fn has(args: &[Value]) -> Outcome {
    let (needle, haystack) = (args::any(args, 0), args::any(args, 1));
    if haystack.is_nil() {
        return Ok(false.into());
    }
    let list = elements(haystack, "Cannot find has on type")?;
    Ok(list.with(|items| items.iter().any(|item| deep_equal(needle, item))).into())
}

fn slice(args: &[Value]) -> Outcome {
    let list = elements(args::any(args, 0), "list should be type of slice or array but")?;
    if list.is_empty() {
        return Ok(Value::Nil);
    }
    let start = args.get(1).map_or(0, to_int);
    let end = args.get(2).map_or_else(|| i64::try_from(list.len()).unwrap_or(i64::MAX), to_int);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = range.and_then(|(start, end)| list.with(|items| items.get(start..end).map(<[Value]>::to_vec)));
    let part = part.ok_or_else(|| FunctionError::from("reflect.Value.Slice: slice index out of bounds"))?;
    Ok(Value::List(List::typed(list.type_of(), part)))
}

/// The size is divided as a float in Sprig, which decides what becomes of 0 and of negative sizes.
fn chunk(args: &[Value]) -> Outcome {
    let size = args::int(args, 0)?;
    let list = elements(args::any(args, 1), "Cannot chunk type")?;
    #[expect(clippy::cast_precision_loss, reason = "as in Sprig")]
    let count = cast::float_to_int(((list.len() as f64 - 1.0) / size as f64).floor() + 1.0);
    let chunks = |items: &[Value], size: usize| items.chunks(size).map(|c| Value::list(c.to_vec())).collect();
    match usize::try_from(size) {
        Ok(size) if size > 0 => Ok(Value::List(List::typed(CHUNKS, list.with(|items| chunks(items, size))))),
        _ if count == 0 => Ok(Value::List(List::typed(CHUNKS, Vec::new()))),
        _ => Err("runtime error: makeslice: len out of range".into()),
    }
}

fn concat(args: &[Value]) -> Outcome {
    let mut all = Vec::new();
    for list in args {
        if list.is_nil() {
            return Err(NIL_DEREFERENCE.into());
        }
        let items = args::list(list).ok_or_else(|| format!("Cannot concat type {} as list", list.kind()))?;
        all.extend(items.to_vec());
    }
    Ok(Value::List(if all.is_empty() { List::nil(LIST) } else { List::new(all) }))
}

/// A `[]string` is sorted in place, as in Sprig.
fn sort_alpha(args: &[Value]) -> Outcome {
    let value = args::any(args, 0);
    if args::list(value).is_none() {
        return Ok(Value::List(List::typed(STRINGS, vec![Value::String(cast::to_text(value))])));
    }
    let list = to_strings(value);
    list.change(|items| {
        items.sort_by(|a, b| match (a, b) {
            (Value::String(a), Value::String(b)) => a.cmp(b),
            _ => std::cmp::Ordering::Equal,
        });
    });
    Ok(Value::List(list))
}
