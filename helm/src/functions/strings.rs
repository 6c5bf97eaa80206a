//! Strings: cutting, padding, searching, joining. Sprig: `strings.go`, goutils: `stringutils.go`, `wordutils.go`.

use super::args::{self, Outcome};
use super::signatures::{INT, STRING_MAP, STRINGS};
use super::{cast, gostr};
use crate::template::{Call, Function, FunctionError, Signature};
use crate::value::{List, Map, Str, Type, Value};

use Type::{Any, Bool, String as Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::pure("hello", Signature::new(&[], Text), |_| Ok(Value::from("Hello!"))),
    Function::pure("abbrev", Signature::new(&[INT, Text], Text), abbrev),
    Function::pure("abbrevboth", Signature::new(&[INT, INT, Text], Text), abbrevboth),
    Function::pure("trunc", Signature::new(&[INT, Text], Text), trunc),
    Function::pure("trim", Signature::new(&[Text], Text), trim),
    Function::pure("substr", Signature::new(&[INT, INT, Text], Text), substr),
    Function::call("repeat", Signature::new(&[INT, Text], Text), repeat),
    Function::pure("trimall", Signature::new(&[Text, Text], Text), trim_all),
    Function::pure("trimAll", Signature::new(&[Text, Text], Text), trim_all),
    Function::pure("trimSuffix", Signature::new(&[Text, Text], Text), trim_suffix),
    Function::pure("trimPrefix", Signature::new(&[Text, Text], Text), trim_prefix),
    Function::pure("contains", Signature::new(&[Text, Text], Bool), contains),
    Function::pure("hasPrefix", Signature::new(&[Text, Text], Bool), has_prefix),
    Function::pure("hasSuffix", Signature::new(&[Text, Text], Bool), has_suffix),
    Function::pure("cat", Signature::variadic(&[Any], Text), cat),
    Function::call("indent", Signature::new(&[INT, Text], Text), indent),
    Function::call("nindent", Signature::new(&[INT, Text], Text), nindent),
    Function::call("replace", Signature::new(&[Text, Text, Text], Text), replace),
    Function::pure("plural", Signature::new(&[Text, Text, INT], Text), plural),
    Function::pure("toString", Signature::new(&[Any], Text), |a| Ok(Value::String(cast::to_text(args::any(a, 0))))),
    Function::pure("toStrings", Signature::new(&[Any], STRINGS), |a| Ok(Value::List(to_strings(args::any(a, 0))))),
    Function::pure("split", Signature::new(&[Text, Text], STRING_MAP), split),
    Function::pure("splitn", Signature::new(&[Text, INT, Text], STRING_MAP), splitn),
    Function::pure("splitList", Signature::new(&[Text, Text], STRINGS), split_list),
    Function::pure("join", Signature::new(&[Text, Any], Text), join),
];

fn from_bytes(bytes: &[u8]) -> Value {
    Value::String(Str::of(bytes))
}

fn abbrev(args: &[Value]) -> Outcome {
    let (width, text) = (args::int(args, 0)?, args::string(args, 1)?);
    if width < 4 {
        return Ok(Value::String(text.clone()));
    }
    Ok(Value::String(Str::from_bytes(abbreviate(text.as_bytes(), 0, width))))
}

fn abbrevboth(args: &[Value]) -> Outcome {
    let (left, right, text) = (args::int(args, 0)?, args::int(args, 1)?, args::string(args, 2)?);
    if right < 4 || left > 0 && right < 7 {
        return Ok(Value::String(text.clone()));
    }
    Ok(Value::String(Str::from_bytes(abbreviate(text.as_bytes(), left, right))))
}

/// goutils: `AbbreviateFull`, whose errors Sprig turns into "".
fn abbreviate(text: &[u8], offset: i64, width: i64) -> Vec<u8> {
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if width < 4 || len == 0 {
        return Vec::new();
    }
    if len <= width {
        return text.to_vec();
    }
    let mut offset = offset.min(len);
    if len - offset < width - 3 {
        offset = len - (width - 3);
    }
    let at = |n: i64| usize::try_from(n).unwrap_or(0);
    if offset <= 4 {
        return [&text[..at(width - 3)], b"..."].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if offset + width - 3 < len {
        return [b"...".as_slice(), &abbreviate(&text[at(offset)..], 0, width - 3)].concat();
    }
    [b"...", &text[at(len - (width - 3))..]].concat()
}

fn trunc(args: &[Value]) -> Outcome {
    let (count, text) = (args::int(args, 0)?, args::string(args, 1)?);
    let bytes = text.as_bytes();
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    Ok(if count < 0 && bytes.len() > size {
        from_bytes(&bytes[bytes.len() - size..])
    } else if count >= 0 && bytes.len() > size {
        from_bytes(&bytes[..size])
    } else {
        Value::String(text.clone())
    })
}

fn trim(args: &[Value]) -> Outcome {
    Ok(from_bytes(gostr::trim(args::string(args, 0)?.as_bytes(), char::is_whitespace)))
}

/// Go's slice expressions, with the texts of their panics.
fn substr(args: &[Value]) -> Outcome {
    let (start, end, text) = (args::int(args, 0)?, args::int(args, 1)?, args::string(args, 2)?);
    let bytes = text.as_bytes();
    let len = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let out_of_range =
        |what: String| Err(FunctionError::from(format!("runtime error: slice bounds out of range {what}")));
    let (start, end) = if start < 0 {
        if end < 0 {
            return out_of_range(format!("[:{end}]"));
        }
        if end > len {
            return out_of_range(format!("[:{end}] with length {len}"));
        }
        (0, end)
    } else if end < 0 || end > len {
        (start, len)
    } else {
        (start, end)
    };
    if start > end {
        return out_of_range(format!("[{start}:{end}]"));
    }
    let at = |n: i64| usize::try_from(n).unwrap_or(0);
    Ok(from_bytes(&bytes[at(start)..at(end)]))
}

/// As many bytes as asked for, if the render may still make them.
fn repeated(call: &mut dyn Call, text: &[u8], count: i64) -> Result<Vec<u8>, FunctionError> {
    let count = usize::try_from(count).map_err(|_| FunctionError::from("strings: negative Repeat count"))?;
    let size = text.len().checked_mul(count);
    call.reserve(size.ok_or_else(|| FunctionError::from("strings: Repeat output length overflow"))?)?;
    Ok(text.repeat(count))
}

fn repeat(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let text = args::string(args, 1)?;
    Ok(Value::String(Str::from_bytes(repeated(call, text.as_bytes(), args::int(args, 0)?)?)))
}

fn indented(call: &mut dyn Call, args: &[Value], before: &[u8]) -> Outcome {
    let text = args::string(args, 1)?.as_bytes();
    let pad = repeated(call, b" ", args::int(args, 0)?)?;
    let lines = text.iter().filter(|b| **b == b'\n').count() + 1;
    call.reserve(pad.len().saturating_mul(lines).saturating_add(text.len()))?;
    let mut out = Vec::with_capacity(before.len() + text.len() + pad.len() * lines);
    out.extend_from_slice(before);
    for line in text.split_inclusive(|b| *b == b'\n') {
        out.extend_from_slice(&pad);
        out.extend_from_slice(line);
    }
    if text.is_empty() || text.ends_with(b"\n") {
        out.extend_from_slice(&pad);
    }
    Ok(Value::String(Str::from_bytes(out)))
}

fn indent(call: &mut dyn Call, args: &[Value]) -> Outcome {
    indented(call, args, b"")
}

fn nindent(call: &mut dyn Call, args: &[Value]) -> Outcome {
    indented(call, args, b"\n")
}

fn trim_all(args: &[Value]) -> Outcome {
    let (cut, text) = (args::string(args, 0)?.to_text(), args::string(args, 1)?);
    Ok(from_bytes(gostr::trim(text.as_bytes(), |c| cut.contains(c))))
}

fn trim_suffix(args: &[Value]) -> Outcome {
    let (suffix, text) = (args::string(args, 0)?, args::string(args, 1)?);
    Ok(text.as_bytes().strip_suffix(suffix.as_bytes()).map_or_else(|| Value::String(text.clone()), from_bytes))
}

fn trim_prefix(args: &[Value]) -> Outcome {
    let (prefix, text) = (args::string(args, 0)?, args::string(args, 1)?);
    Ok(text.as_bytes().strip_prefix(prefix.as_bytes()).map_or_else(|| Value::String(text.clone()), from_bytes))
}

fn contains(args: &[Value]) -> Outcome {
    let (part, text) = (args::string(args, 0)?, args::string(args, 1)?);
    Ok(gostr::find(text.as_bytes(), part.as_bytes()).is_some().into())
}

fn has_prefix(args: &[Value]) -> Outcome {
    Ok(args::string(args, 1)?.as_bytes().starts_with(args::string(args, 0)?.as_bytes()).into())
}

fn has_suffix(args: &[Value]) -> Outcome {
    Ok(args::string(args, 1)?.as_bytes().ends_with(args::string(args, 0)?.as_bytes()).into())
}

/// Everything that is not nil as `%v`, with spaces between.
fn cat(args: &[Value]) -> Outcome {
    let parts: Vec<Vec<u8>> = args.iter().filter(|v| !v.is_nil()).map(cast::display).collect();
    Ok(Value::String(Str::from_bytes(parts.join(&b' '))))
}

fn replace(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let (old, new, text) = (args::string(args, 0)?, args::string(args, 1)?, args::string(args, 2)?);
    call.reserve(text.len().saturating_add(1).saturating_mul(new.len() / old.len().max(1) + 1))?;
    Ok(Value::String(Str::from_bytes(gostr::replace(text.as_bytes(), old.as_bytes(), new.as_bytes()))))
}

fn plural(args: &[Value]) -> Outcome {
    let chosen = if args::int(args, 2)? == 1 { 0 } else { 1 };
    Ok(args::any(args, chosen).clone())
}

/// A value as strings: the elements of a list without its nils, or the value alone. Sprig: `strslice`.
pub(super) fn to_strings(value: &Value) -> List {
    match value.underlying() {
        Value::List(list) if list.type_of() == STRINGS => list,
        Value::List(list) => {
            let texts = list.with(|items| {
                items.iter().filter(|v| !v.is_nil()).map(|v| Value::String(cast::to_text(v))).collect::<Vec<_>>()
            });
            List::typed(STRINGS, texts)
        }
        _ if value.is_nil() => List::typed(STRINGS, Vec::new()),
        _ => List::typed(STRINGS, vec![Value::String(cast::to_text(value))]),
    }
}

fn numbered(parts: &[&[u8]]) -> Value {
    let entries = parts.iter().enumerate().map(|(at, part)| (Str::from(format!("_{at}")), from_bytes(part)));
    Value::Map(Map::typed(STRING_MAP, entries.collect()))
}

fn split(args: &[Value]) -> Outcome {
    let (separator, text) = (args::string(args, 0)?, args::string(args, 1)?);
    Ok(numbered(&gostr::split(text.as_bytes(), separator.as_bytes(), None)))
}

fn splitn(args: &[Value]) -> Outcome {
    let (separator, most, text) = (args::string(args, 0)?, args::int(args, 1)?, args::string(args, 2)?);
    Ok(numbered(&gostr::split(text.as_bytes(), separator.as_bytes(), usize::try_from(most).ok())))
}

fn split_list(args: &[Value]) -> Outcome {
    let (separator, text) = (args::string(args, 0)?, args::string(args, 1)?);
    let parts = gostr::split(text.as_bytes(), separator.as_bytes(), None);
    Ok(Value::strings(parts.into_iter().map(<[u8]>::to_vec)))
}

fn join(args: &[Value]) -> Outcome {
    let separator = args::string(args, 0)?;
    let parts = to_strings(args::any(args, 1)).to_vec();
    let bytes: Vec<&[u8]> =
        parts.iter().filter_map(|v| if let Value::String(s) = v { Some(s.as_bytes()) } else { None }).collect();
    Ok(Value::String(Str::from_bytes(bytes.join(separator.as_bytes()))))
}
